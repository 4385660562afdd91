"""A method is plain data: frozen, written as TOML, hashed. Change it with `replace` and run again."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import BaseModel, ValidationError

from citygauge.faults import note_invalid, note_not_toml
from citygauge.files import is_file
from citygauge.problems import Problems, Where
from citygauge.provenance import sha256_of
from citygauge.score.aggregating import Aggregate
from citygauge.score.imputing import Impute
from citygauge.score.normalising import Normalise
from citygauge.score.plain import Plain
from citygauge.score.screening import Screen
from citygauge.score.treating import Treat


class Grades(Plain):
    """The grade scale, a second scale on the same score, and the order of the units inside a grade.

    `order` lists attributes of the units; ``score`` is the score, best first, ``unit`` the code.
    """

    scale: str | None = None
    stages: str | None = None
    order: tuple[str, ...] = ("score",)


class Panel(Plain):
    """What several periods share.

    Outliers are treated, and columns normalised, in each period on its own (``each``) or over all of them
    together (``all``), so that scores can be compared over time.
    """

    treat: Literal["each", "all"] = "each"
    normalise: Literal["each", "all"] = "all"


class Round(Plain):
    """Ranks: ties share the smallest rank."""

    ties: Literal["min"] = "min"


class Method(Plain):
    """Everything that turns facts into scores, ranks and grades.

    Examples
    --------
    >>> method = Method(normalise=Normalise(how="zscore"))
    >>> Method.from_toml(method.to_toml()) == method
    True
    """

    weights: str = "default"
    screen: Screen = Screen()
    impute: Impute = Impute()
    treat: Treat = Treat()
    normalise: Normalise = Normalise()
    aggregate: Aggregate = Aggregate()
    grades: Grades = Grades()
    panel: Panel = Panel()
    round: Round = Round()

    def replace(self, **changes: Any) -> Method:
        """Return the method with some of its parts replaced, checked like a new one.

        Parts are named by their key, dotted below a part.

        Examples
        --------
        >>> Method().replace(**{"weights": "equal", "treat.max_points": 3}).treat.max_points
        3
        """
        data = self.model_dump(exclude_unset=True)
        for key, value in changes.items():
            *path, last = key.split(".")
            part = data
            for name in path:
                part = part.setdefault(name, {})
            part[last] = value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value
        return Method(**data)

    @property
    def hash(self) -> str:
        """SHA-256 of the method with all its defaults spelt out."""
        return sha256_of(self.model_dump(mode="json"))

    def to_toml(self) -> str:
        """Return the method as TOML, defaults spelt out, that reads back to an equal method."""
        data = self.model_dump(mode="json", exclude_none=True)
        return tomli_w.dumps({key: value for key, value in data.items() if value != {}})

    @classmethod
    def from_toml(cls, text: str) -> Method:
        """Return the method of a TOML text; `pydantic.ValidationError` names everything wrong with it."""
        return cls(**tomllib.loads(text))


def read_method(path: Path, problems: Problems) -> Method | None:
    """Read ``method.toml`` and note everything wrong with it; None where it cannot be used."""
    if not is_file(path):
        problems.add("file.not-found", Where(str(path)), path=str(path))
        return None
    try:
        return Method.from_toml(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        note_not_toml(error, path.name, problems)
    except ValidationError as error:
        note_invalid(error, "method", Method, path.name, problems)
    return None
