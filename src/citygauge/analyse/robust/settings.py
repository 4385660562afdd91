"""Settings of a method by their keys, as a factor or a given run names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from citygauge.score.aggregate import PARAMETERS as OF_AGGREGATION
from citygauge.score.method import Method
from citygauge.score.normalise import PARAMETERS as OF_NORMALISATION
from citygauge.score.normalising import SAME_SENSE
from citygauge.score.plain import Plain
from citygauge.score.treating import TreatColumn


def with_settings(method: Method, changes: Mapping[str, Any]) -> Method:
    """Return the method with settings changed by their keys, checked like a new one.

    A key is dotted (``normalise.how``, ``aggregate.by.2.how``) or names a whole part, whose value is then a
    table. Where another `how` takes over, settings that it does not take, or takes in another sense, go.

    Raises
    ------
    pydantic.ValidationError
        Where the settings do not fit together.

    Examples
    --------
    >>> changed = with_settings(Method(), {"normalise": {"how": "zscore", "mean": 10.0, "sd": 2.0}})
    >>> changed.normalise.sd
    2.0
    """
    data = method.model_dump(exclude_unset=True)
    flat: dict[str, Any] = {}
    for key, given in changes.items():
        value = given.model_dump(exclude_unset=True) if isinstance(given, Plain) else given
        if isinstance(value, Mapping):
            flat |= {f"{key}.{name}": part for name, part in value.items()}
        else:
            flat[key] = value
    for key in sorted(flat, key=lambda key: not key.endswith(".how")):  # the method first, then what it takes
        *path, last = key.split(".")
        part = data
        for name in path:
            part = part.setdefault(name, {})
        if last == "how" and part.get("how", _default(path)) != flat[key]:
            _drop_others(path, part, str(flat[key]))
        part[last] = flat[key]
    return Method(**data)


def _default(path: list[str]) -> str | None:
    """Return the `how` of a part that does not name one; None for an exception, which may inherit it."""
    part = getattr(Method(), path[0], None) if len(path) == 1 else None
    return getattr(part, "how", None)


def _drop_others(path: list[str], part: dict[str, Any], how: str) -> None:
    """Take out what another method of the part does not take."""
    if not path:
        return
    if path[0] == "normalise":
        own, kept = OF_NORMALISATION, SAME_SENSE & OF_NORMALISATION.get(how, frozenset())
        known = set().union(*own.values())
    elif path[0] == "aggregate":
        known, kept = set().union(*OF_AGGREGATION.values()), OF_AGGREGATION.get(how, frozenset())
    elif path[0] == "treat" and how == "none":
        known, kept = set(TreatColumn.model_fields) - {"how"}, frozenset()
    else:
        return
    for name in known - kept:
        part.pop(name, None)
