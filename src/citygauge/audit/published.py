"""A published index as data: its nodes, and every figure, list, ordering and statement that it prints.

Every figure stands once, in `Published.figures`, under an id that says what it is:

=========================  ==============================================================================
``overall.mean``           over all units; of a node ``CODE.mean``, ``.sd``, ``.min``, ``.max``
``CODE.weight``            share of a node in its parent (any scale: brothers are divided by their sum)
``CODE.count``             how many indicators stand below a node; ``overall.count`` for all
``level.N.count``          how many nodes stand on level N of the tree: 1 for the children of the root
``units.n``                how many units
``group.NAME.mean``        also ``.sd``, ``.n``
``grade.NAME.n``           also ``.share`` (of 1), ``.mean``
``TABLE/UNIT/CODE``        a cell of a table of units
``TABLE/UNIT/rank``        the printed rank of a unit
``relation.NAME``          a printed sum, difference or ratio of other figures
=========================  ==============================================================================

Of a publication over several periods an id begins with the period: ``2019:overall.mean``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from citygauge.audit.figures import Figure, Interval, Rule

ROOT = "overall"
UNIT_SCALE = Interval(Fraction(0), Fraction(1))
How = Literal["arithmetic", "geometric", "harmonic", "other"]
Scaling = Literal["linear", "log"]
Kind = Literal[
    "highest", "lowest", "above", "below", "close_to", "equal", "order", "most", "distinct", "rises_with",
    "words",
]  # fmt: skip
RelationKind = Literal["sum", "mean", "difference", "ratio", "share"]


def dated(period: str, name: str) -> str:
    """Return an id with its period before it, where there are several."""
    return f"{period}:{name}" if period else name


@dataclass(frozen=True, slots=True)
class Goalposts:
    """How a printed raw value becomes a score: (f(x) − f(low)) ÷ (f(high) − f(low)), kept within 0 and 1."""

    low: Decimal
    high: Decimal
    scaling: Scaling = "linear"


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the index; the root has the code ``overall`` and no parent.

    Attributes
    ----------
    how : str
        How it is made of its children; ``other``: in a way that the figures of the children do not tell.
    indicators : int or None
        Indicators below it, where known: the weights "by count".
    goalposts : Goalposts or None
        Of a leaf whose cells are printed raw.
    """

    code: str
    parent: str | None
    name_zh: str
    name_en: str
    how: How = "arithmetic"
    indicators: int | None = None
    goalposts: Goalposts | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """An assessed unit: its groups by kind, and facts about it that orderings and statements name."""

    name: str
    name_en: str
    groups: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Decimal | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """A group of units; `members` None where the publication does not name them.

    `kind` says what it divides the units by (``economic_circle``); groups of one kind never share a unit.
    `readings`: other lists of members that the publication leaves open, by name.
    """

    name: str
    name_zh: str
    name_en: str
    kind: str
    members: tuple[str, ...] | None = None
    readings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade: the values of the index that it covers, and its printed list of members, None without one."""

    name: str
    name_zh: str
    name_en: str
    range: Interval
    members: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Ordering:
    """A printed list of units and the facts by which, as is printed, they are sorted (ascending).

    With `of`, a node in place of facts: the list is said to go from the highest score of that node down, and
    `leading` where only its members, not their order, are said to lead.
    """

    id: str
    units: tuple[str, ...]
    by: tuple[str, ...] = ()
    of: str | None = None
    leading: bool = False
    text_zh: str = ""
    text_en: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement in words.

    Attributes
    ----------
    kind : Kind
        ``highest``, ``lowest``: every figure of `of` against every one of `against`; ``above``, ``below``:
        the same, or against `value`; ``close_to``, ``equal``: within `tolerance` of `value` or of the one
        figure of `against`; ``order``: the figures of `of` go down; ``most``: the share `of` is more than
        half; ``distinct``: the names in `listed` are different, and are nodes under `against` where given;
        ``rises_with``: the index rises with the fact `fact` of the units; ``words``: cannot be checked.
    of, against : tuple of str
        Ids of figures.
    text_zh, text_en : str
        What is said, in this project's words.
    """

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


@dataclass(frozen=True, slots=True)
class Relation:
    """A printed figure ``relation.ID`` that is the sum, mean, difference, ratio or share of other figures."""

    id: str
    kind: RelationKind
    of: tuple[str, ...]
    text_zh: str = ""
    text_en: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of figures over the nodes: the means over all units, or one unit's scores in a table."""

    kind: Literal["mean", "unit"]
    period: str = ""
    table: str = ""
    unit: str = ""

    def id(self, code: str) -> str:
        """Return the id of the figure of a node in this line."""
        name = f"{code}.mean" if self.kind == "mean" else f"{self.table}/{self.unit}/{code}"
        return dated(self.period, name)


@dataclass(frozen=True)
class Published:
    """A published index, immutable.

    Attributes
    ----------
    scale : Interval
        Range of a score, e.g. [0, 1].
    sd_formula : str
        ``population`` (÷ n), ``sample`` (÷ (n − 1)) or ``unknown``.
    usual_weights : tuple of str
        The rules that unpublished weights are held against: ``equal``, ``count``.
    figures : mapping
        Id → `Figure`.
    illustrative : bool
        Whether the figures are made up, so that nobody is ranked by name.
    """

    title_zh: str
    title_en: str
    nodes: Mapping[str, Node]
    figures: Mapping[str, Figure]
    publisher: str = ""
    year: str = ""
    source: str = ""
    scale: Interval = UNIT_SCALE
    sd_formula: Literal["population", "sample", "unknown"] = "unknown"
    units: Mapping[str, Unit] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    grades: tuple[Grade, ...] = ()
    orderings: tuple[Ordering, ...] = ()
    statements: tuple[Statement, ...] = ()
    relations: tuple[Relation, ...] = ()
    lines: tuple[Line, ...] = (Line("mean"),)
    usual_weights: tuple[str, ...] = ("equal", "count")
    illustrative: bool = False

    def children(self, code: str) -> tuple[str, ...]:
        """Return the codes of a node's children, in their order."""
        return tuple(node.code for node in self.nodes.values() if node.parent == code)

    def weight(self, code: str, period: str = "") -> Figure | None:
        """Return the printed weight of a node, of a period its own one before the common one."""
        own = self.figures.get(f"{period}:{code}.weight") if period else None
        return own or self.figures.get(f"{code}.weight")

    def at(self, line: Line, code: str) -> Figure | None:
        """Return the figure of a node in a line."""
        return self.figures.get(line.id(code))

    def with_value(self, figure: str, value: Decimal) -> Published:
        """Return the same with another value printed for one figure."""
        changed = replace(self.figures[figure], value=value)
        return replace(self, figures={**self.figures, figure: changed})

    def without(self, *figures: str) -> Published:
        """Return the same as if some figures were not printed."""
        return replace(self, figures={key: f for key, f in self.figures.items() if key not in figures})

    def under(self, rule: Rule) -> Published:
        """Return the same with a rounding rule for every figure whose rule is unknown."""
        ruled = {key: replace(f, rule=rule) if f.rule == "unknown" else f for key, f in self.figures.items()}
        return replace(self, figures=ruled)

    def unknown_rules(self) -> Iterator[Figure]:
        """Yield the figures whose rounding rule is not known."""
        return (figure for figure in self.figures.values() if figure.rule == "unknown" and figure.step)
