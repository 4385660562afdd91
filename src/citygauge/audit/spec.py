"""A published index as it is written in a file, before names are looked up."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from citygauge.audit.given import Given, Plain, RangeGiven, Rounding, RoundingGiven
from citygauge.audit.published import How, Kind, RelationKind, Scaling
from citygauge.faults import RuleError

Figures = Mapping[str, Given]


def _text(written: Any) -> Any:
    return str(written) if isinstance(written, int | Decimal) and not isinstance(written, bool) else written


def _dated(written: Any) -> Any:
    """Return weights as a list, each set with its period apart from the names."""
    if isinstance(written, Mapping):
        written = [written]
    if not isinstance(written, list):
        return written
    return [
        {
            "period": one.get("period", ""),
            "weights": {name: given for name, given in one.items() if name != "period"},
        }
        if isinstance(one, Mapping)
        else one
        for one in written
    ]


def _not_negative(weight: Given) -> Given:
    if weight.value < 0:
        raise RuleError("a weight must be at least 0", "权重应不小于 0")
    return weight


def _upright(scale: tuple[Decimal, Decimal]) -> tuple[Decimal, Decimal]:
    if scale[0] >= scale[1]:
        raise RuleError("its lower end must be below its upper end", "下端应小于上端")
    return scale


Text = Annotated[str, BeforeValidator(_text)]
Weight = Annotated[Given, AfterValidator(_not_negative)]
Scale = Annotated[tuple[Decimal, Decimal], AfterValidator(_upright)]


class PostsSpec(Plain):
    """Goalposts of a leaf whose cells are printed raw."""

    low: Decimal
    high: Decimal
    scaling: Scaling = "linear"


class OverallSpec(Plain):
    """The index over all units."""

    name_zh: str = ""
    name_en: str = ""
    how: How = "arithmetic"
    mean: Given | None = None
    sd: Given | None = None
    min: Given | None = None
    max: Given | None = None
    n_units: int | None = Field(None, ge=1)
    count: int | None = Field(None, ge=0)


class NodeSpec(OverallSpec):
    """A node below the index: a pillar, or any other with its parent."""

    code: str = ""
    parent: str = ""
    weight: Weight | None = None
    indicators: int | None = Field(None, ge=1)
    goalposts: PostsSpec | None = None


class UnitSpec(Plain):
    """A unit."""

    name: str
    name_en: str = ""
    groups: Mapping[str, str] = {}
    facts: Mapping[str, Any] = {}


class GroupSpec(Plain):
    """A group of units."""

    name: str = ""
    name_zh: str = ""
    name_en: str = ""
    kind: str = "group"
    members: tuple[str, ...] | None = None
    readings: Mapping[str, tuple[str, ...]] = {}
    n: int | None = Field(None, ge=1)
    mean: Given | None = None
    sd: Given | None = None


class GradeSpec(Plain):
    """A grade."""

    name: str = ""
    name_zh: str = ""
    name_en: str = ""
    range: RangeGiven
    members: tuple[str, ...] | None = None
    n: int | None = Field(None, ge=0)
    share: Given | None = None
    mean: Given | None = None
    sd: Given | None = None


class OrderingSpec(Plain):
    """A printed list of units."""

    id: str
    units: tuple[str, ...] = Field(min_length=1)
    by: tuple[str, ...] = ()
    of: str | None = None
    leading: bool = False
    text_zh: str = ""
    text_en: str = ""
    where: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> OrderingSpec:
        if bool(self.by) == bool(self.of):
            raise RuleError("give one of by and of", "应给出 by 与 of 中的一项")
        return self


class StatementSpec(Plain):
    """A statement in words."""

    id: str
    kind: Kind
    of: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    value: Decimal | None = None
    tolerance: Decimal | None = None
    listed: tuple[str, ...] = ()
    fact: str | None = None
    text_zh: str = ""
    text_en: str = ""
    where: str = ""

    @model_validator(mode="after")
    def _complete(self) -> StatementSpec:
        for key, is_there in _needs(self).items():
            if not is_there:
                raise RuleError(f"{self.kind} needs {key}", f"{self.kind} 须有 {key}")
        return self


class RelationSpec(Plain):
    """A printed sum, mean, difference, ratio or share of other figures."""

    id: str
    kind: RelationKind
    of: tuple[str, ...] = Field(min_length=1)
    value: Given
    text_zh: str = ""
    text_en: str = ""
    where: str = ""

    @model_validator(mode="after")
    def _enough(self) -> RelationSpec:
        if self.kind in ("difference", "ratio", "share") and len(self.of) < 2:
            raise RuleError(f"a {self.kind} needs two figures or more", f"{self.kind} 至少须有两个数")
        return self


class TableSpec(Plain):
    """A table of units, in a file beside or in rows."""

    name: str
    file: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    unit: str
    period: str = ""
    columns: Mapping[str, str] = Field(min_length=1)
    digits: Mapping[str, int | Mapping[str, int]] = {}
    tolerance: Mapping[str, Decimal] = {}
    missing: tuple[Text, ...] = ()
    where: Mapping[str, Text] = {}


class WeightsSpec(Plain):
    """Weights apart from their nodes, of one period where one is named."""

    period: Text = ""
    weights: Mapping[str, Weight] = Field(default_factory=dict)


class Means(Plain):
    """Figures by the name or code of a dimension."""

    dimension_means: Figures = Field(default_factory=dict)
    dimension_sd: Figures = Field(default_factory=dict)
    dimension_min: Figures = Field(default_factory=dict)
    dimension_max: Figures = Field(default_factory=dict)

    def by_what(self) -> tuple[tuple[str, Figures], ...]:
        """Return the figures with what they are called in an id."""
        return (
            ("mean", self.dimension_means), ("sd", self.dimension_sd),
            ("min", self.dimension_min), ("max", self.dimension_max),
        )  # fmt: skip


class EditionSpec(Means):
    """The figures of one period of several."""

    period: Text
    overall: OverallSpec = OverallSpec()
    pillar: tuple[NodeSpec, ...] = ()
    group_means: Figures = Field(default_factory=dict)


class PublishedSpec(Means):
    """The whole file."""

    title: str = ""
    title_zh: str = ""
    title_en: str = ""
    publisher: str = ""
    year: Text = ""
    source: str = ""
    framework: str = ""
    rounding: RoundingGiven = Rounding()
    scale: Scale = (Decimal(0), Decimal(1))
    sd_formula: Literal["population", "sample", "unknown"] = "unknown"
    usual_weights: tuple[Literal["equal", "count"], ...] = ("equal", "count")
    weights_rounded: bool = False
    illustrative: bool = False
    overall: OverallSpec = OverallSpec()
    pillar: tuple[NodeSpec, ...] = ()
    node: tuple[NodeSpec, ...] = ()
    group_means: Figures = Field(default_factory=dict)
    group: tuple[GroupSpec, ...] = ()
    grade: tuple[GradeSpec, ...] = ()
    units: str = ""
    unit: tuple[UnitSpec, ...] = ()
    ordering: tuple[OrderingSpec, ...] = ()
    statement: tuple[StatementSpec, ...] = ()
    statements: Mapping[str, str] = {}
    relation: tuple[RelationSpec, ...] = ()
    table: tuple[TableSpec, ...] = ()
    edition: tuple[EditionSpec, ...] = ()
    weights: Annotated[tuple[WeightsSpec, ...], BeforeValidator(_dated)] = ()
    levels: Mapping[str, int] = {}


def _needs(statement: StatementSpec) -> Mapping[str, bool]:
    """Return what a statement of its kind cannot do without, and whether it is there."""
    of, limit = bool(statement.of), bool(statement.against) or statement.value is not None
    if statement.kind in ("highest", "lowest"):
        return {"of": of, "against": bool(statement.against)}
    if statement.kind in ("above", "below", "close_to", "equal"):
        return {"of": of, "against or value": limit}
    if statement.kind == "rises_with":
        return {"fact": bool(statement.fact)}
    if statement.kind == "distinct":
        return {"listed": len(statement.listed) > 1}
    return {"of": of} if statement.kind != "words" else {}
