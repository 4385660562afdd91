"""A method is plain data: frozen, written as TOML, hashed. Change it with `replace` and run again."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from citygauge.files import is_file
from citygauge.framework.model import Framework
from citygauge.problems import Problems, Where
from citygauge.provenance import sha256_of
from citygauge.score.aggregate import AggregateName, Rule
from citygauge.score.normalise import PARAMETERS, NormaliseName

_LARGEST = 1e100  # beyond it sums and squares leave the range of doubles


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Screen(_Plain):
    """Units need this share of indicators; some are kept or dropped whatever they have."""

    rule: Literal["missing"] = "missing"
    min_availability: float = Field(0.0, ge=0, le=1)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Impute(_Plain):
    """How gaps are filled: not at all, or with the mean of the unit's group (an attribute of the units)."""

    how: Literal["none", "group_mean"] = "none"
    group: str | None = None

    @model_validator(mode="after")
    def _group_is_named(self) -> Impute:
        if (self.how == "group_mean") != (self.group is not None):
            raise ValueError("group_mean needs `group`, the attribute of the units; `none` takes no group")
        return self


class TreatColumn(_Plain):
    """Outlier treatment of a column; see `score.treat`."""

    how: Literal["none", "winsorise_then", "log"] = "none"
    max_points: int = Field(5, ge=0)
    skew: float = Field(2.0, gt=0)
    kurtosis: float = 3.5
    then: Literal["none", "log"] = "log"


class Treat(TreatColumn):
    """Outlier treatment of all columns, with exceptions by code."""

    exclude: tuple[str, ...] = ()
    by: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    def of(self, code: str) -> TreatColumn:
        """Return the treatment of one column: the defaults with its exceptions."""
        if code in self.exclude:
            return TreatColumn(how="none")
        return TreatColumn(
            **{**self.model_dump(include=set(TreatColumn.model_fields)), **self.by.get(code, {})}
        )

    @model_validator(mode="after")
    def _exceptions_hold(self) -> Treat:
        for code in self.by:
            self.of(code)
        return self


class NormaliseColumn(_Plain):
    """Normalisation of a column; see `score.normalise`.

    For ``minmax`` `low` and `high` are the range of the result. For ``goalposts`` they are the posts, in
    place of the framework's, and the result runs from 0 to `scale`; `cut` counts values beyond a post as
    the post, `log` compares on a logarithmic scale. ``points`` scores each column by what the framework has
    for it, a scheme, a rubric or goalposts, and runs from 0 to `scale` too.
    """

    how: NormaliseName = "minmax"
    low: float | None = Field(None, ge=-_LARGEST, le=_LARGEST)
    high: float | None = Field(None, ge=-_LARGEST, le=_LARGEST)
    mean: float | None = Field(None, ge=-_LARGEST, le=_LARGEST)
    sd: float | None = Field(None, gt=0)
    scale: float | None = Field(None, gt=0)
    cut: bool | None = None
    log: bool | None = None

    @model_validator(mode="after")
    def _parameters_fit(self) -> NormaliseColumn:
        named = {
            name
            for name in type(self).model_fields
            if name not in {"how", "by"} and getattr(self, name) is not None
        }
        taken = PARAMETERS[self.how]
        if strange := sorted(named - taken):
            raise ValueError(f"{self.how} takes no {', '.join(strange)}; it takes {', '.join(sorted(taken))}")
        if (self.low is None) != (self.high is None) and self.how == "goalposts":
            raise ValueError("goalposts takes `low` and `high` together, or neither")
        low, high = self.low or 0.0, 100.0 if self.high is None else self.high
        if (self.how == "minmax" or self.low is not None) and low >= high:
            raise ValueError(f"low ({low:g}) must be below high ({high:g})")
        return self

    @property
    def range(self) -> tuple[float, float] | None:
        """Where the results lie: a pair, or None where the method has no bounds."""
        if self.how == "minmax":
            return self.low or 0.0, 100.0 if self.high is None else self.high
        return None if self.how == "zscore" else (0.0, 1.0 if self.scale is None else self.scale)


class Normalise(NormaliseColumn):
    """Normalisation of all columns, with exceptions by code."""

    by: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    def of(self, code: str, role: str = "") -> NormaliseColumn:
        """Return the normalisation of one column.

        Bonuses, deductions and vetoes (`role`) are scored by what the framework has for them, whatever the
        default: they are earned, not compared. An exception keeps every default it does not name; where it
        names another method, it keeps the defaults that this method takes in the same sense (not the posts).
        """
        default = self.model_dump(include=set(NormaliseColumn.model_fields), exclude_none=True)
        own = self.by.get(code, {"how": "points"} if role else {})
        if own.get("how", self.how) != self.how:
            default = {name: value for name, value in default.items() if name in {"scale", "cut", "log"}}
            default = {n: v for n, v in default.items() if n in PARAMETERS.get(str(own["how"]), ())}
        return NormaliseColumn(**{**default, **own})

    def onto(self, code: str) -> tuple[float, float]:
        """Return what the worst and the best of a bounded method become for this column.

        An exception that names no range of its own (`low` and `high` of ``minmax``, else `scale`) lies on the
        range of the default method.
        """
        column = self.of(code)
        named = (column.low, column.high) if column.how == "minmax" else (column.scale,)
        is_named = any(value is not None for value in named)
        bounds = column.range if is_named or self.range is None else self.range
        return bounds or (0.0, 1.0)

    @model_validator(mode="after")
    def _exceptions_hold(self) -> Normalise:
        for code in self.by:
            self.of(code)
        return self


class AggregateNode(_Plain):
    """How a parent is computed, and the least share of its children that must be there."""

    how: AggregateName = "arithmetic"
    min_availability: float = Field(0.0, ge=0, le=1)


class Aggregate(AggregateNode):
    """Aggregation of all parents, with exceptions by the level of the parent (``"0"``) or its code."""

    by: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    def rules(self, framework: Framework) -> dict[str, Rule]:
        """Return the rule of every aggregate; a code's own exception comes before its level's."""
        default = self.model_dump(include=set(AggregateNode.model_fields))
        found = {}
        for code in framework.aggregates:
            by_level = (
                self.by.get(str(framework.levels[code]), {})
                if str(framework.levels[code]) not in framework
                else {}
            )
            chosen = AggregateNode(**{**default, **by_level, **self.by.get(code, {})})
            found[code] = Rule(chosen.how, chosen.min_availability)
        return found

    @model_validator(mode="after")
    def _exceptions_hold(self) -> Aggregate:
        for own in self.by.values():
            AggregateNode(**{**self.model_dump(include=set(AggregateNode.model_fields)), **own})
        return self


class Grades(_Plain):
    """The grade scale, a second scale on the same score, and the order of the units inside a grade.

    `order` lists attributes of the units; ``score`` is the score, best first, ``unit`` the code.
    """

    scale: str | None = None
    stages: str | None = None
    order: tuple[str, ...] = ("score",)


class Round(_Plain):
    """Ranks: ties share the smallest rank."""

    ties: Literal["min"] = "min"


class Method(_Plain):
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
        return Method.from_toml(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.add("file.not-toml", Where(path.name), reason=str(error))
    except ValidationError as error:
        note_invalid(error, "method", Method, path.name, problems)
    return None


def note_invalid(
    error: ValidationError, room: str, model: type[BaseModel], file: str, problems: Problems
) -> None:
    """Note each fault that pydantic found, with the key it stands at and near misses of a wrong key."""
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "."
        where = Where(file, column=key)
        if fault["type"] == "extra_forbidden":
            known = _keys_at(model, fault["loc"][:-1])
            near = get_close_matches(str(fault["loc"][-1]), known, 3) or known
            problems.add(f"{room}.unknown-key", where, key=key, near=near)
        else:
            reason = fault["msg"].removeprefix("Value error, ")
            problems.add(f"{room}.bad-value", where, key=key, value=str(fault["input"])[:60], reason=reason)


def _keys_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    for part in path:
        field = model.model_fields.get(str(part))
        kinds = [field.annotation, *get_args(field.annotation)] if field else []
        model = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), model)
    return list(model.model_fields)
