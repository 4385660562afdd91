"""The index tree: nodes from the index at level 0 down to indicators and their measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from html import escape
from itertools import takewhile
from math import fsum, isclose
from typing import Any

from citygauge.framework.rollup import Item, Lookup, Rollup, item_row, lookup_row, rollup_row
from citygauge.problems import Language
from citygauge.provenance import sha256_of

CHANNELS = ("field", "interview", "web", "statistics", "questionnaire")
SCALES = ("ratio", "interval", "share", "score", "ordinal", "binary")
FRAMEWORK_COLUMNS = (
    "code", "parent", "level", "name_zh", "name_en", "weight", "points", "cap", "role", "direction", "unit",
    "denominator", "denominator_scale", "scale", "low", "high", "target_low", "target_high", "rubric",
    "scheme", "channels", "definition_zh", "definition_en", "source", "counterpart",
)  # fmt: skip
BONUS, DEDUCTION, VETO = ROLES = ("bonus", "deduction", "veto")


@dataclass(frozen=True, slots=True)
class RubricLevel:
    """One level of a rubric: the recorded value, the score in [0, 1] it earns, and what it says."""

    value: float
    score: float
    label: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Band:
    """Values on one side of an edge, and the points they earn; a closed band holds the edge itself."""

    edge: float
    points: float
    closed: bool = True


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a recorded value earns points: so many for each thing counted, or by bands.

    `each` is added for each thing counted, or taken off the full marks where it is negative. Otherwise
    `bands` lie at or above their edges, falling (`upward`), or at or below them, rising: the first one that
    holds the value counts, and `otherwise` where none does.
    """

    each: float = 0.0
    bands: tuple[Band, ...] = ()
    upward: bool = True
    otherwise: float = 0.0

    @property
    def most(self) -> float:
        """The most points that its bands give."""
        return max([self.otherwise, *(band.points for band in self.bands)])

    @property
    def slope(self) -> int:
        """1 where a higher value never earns less, -1 where it never earns more, 0 else."""
        if not self.bands:
            return 1 if self.each > 0 else -1
        steps = [*(band.points for band in self.bands), self.otherwise]
        falls, rises = steps == sorted(steps, reverse=True), steps == sorted(steps)
        return 0 if falls == rises else (1 if falls == self.upward else -1)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the index tree.

    Parameters
    ----------
    code : str
        Unique key.
    parent : str or None
        Code of the parent; None for the index itself.
    name, definition : mapping
        Texts by language (``zh``, ``en``, any other).
    weight : float or None
        Weight among its siblings, any positive scale; None = its points, else equal among siblings.
    points : float or None
        Full marks; of a bonus or a deduction the largest one, of a veto the most that its parent keeps.
    cap : float or None
        The most points that the node can have; None = its full marks.
    role : str
        Blank where the node counts in the mean of its parent, else one of `ROLES`.
    direction : {1, -1} or None
        1 when a higher raw value is better; None on aggregates.
    unit : str
        Unit of the raw value.
    denominator : str
        Attribute of the units (or code of an indicator) by which the raw value is divided.
    denominator_scale : float
        The denominator is divided by this first.
    scale : str
        Kind of scale, one of `SCALES`; blank on aggregates.
    low, high : float or None
        Goalposts in the unit of the denominated value.
    target_low, target_high : float or None
        Target range in the same unit.
    rubric : tuple of RubricLevel
        Levels of an ordinal scale; empty when there is none.
    scheme : Scheme or None
        How a recorded value earns points.
    channels : tuple of str
        Channels that may collect it, the preferred one first.
    source, counterpart : str
        Where the definition comes from; its codes in other standards.
    extra : mapping
        Columns that the contract does not name, kept as text.
    """

    code: str
    parent: str | None = None
    name: Mapping[str, str] = field(default_factory=dict)
    weight: float | None = None
    points: float | None = None
    cap: float | None = None
    role: str = ""
    direction: int | None = None
    unit: str = ""
    denominator: str = ""
    denominator_scale: float = 1.0
    scale: str = ""
    low: float | None = None
    high: float | None = None
    target_low: float | None = None
    target_high: float | None = None
    rubric: tuple[RubricLevel, ...] = ()
    scheme: Scheme | None = None
    channels: tuple[str, ...] = ()
    definition: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    counterpart: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)

    def label(self, language: Language = "en") -> str:
        """Return the name in the language, else in any language, else the code."""
        return self.name.get(language) or next(iter(self.name.values()), "") or self.code

    @property
    def is_measurable(self) -> bool:
        """Tell whether the node says how it is itself measured (an indicator, even with measures below)."""
        return bool(self.scale or self.rubric or self.scheme or self.low is not None)


@dataclass(frozen=True)
class Framework:
    """A checked index tree with its weight sets and the words around it.

    `nodes` stand in tree pre-order, the index first. `weight_sets` hold the sets other than the
    default one (set → code → weight). `unit_names` translate units of measure (unit → language → name).
    `items`, `rollups` and `lookups` say how facts about things inside a unit become facts about it; `strata`
    is the attribute of these things by which the index is computed apart before the mean is taken.
    Frameworks are made by `read_framework`, which raises `InputError` on anything inconsistent.
    """

    nodes: tuple[Node, ...]
    code: str = ""
    title: Mapping[str, str] = field(default_factory=dict)
    description: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    licence: str = ""
    weight_sets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    unit_names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    items: tuple[Item, ...] = ()
    rollups: tuple[Rollup, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    strata: str = ""

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, code: object) -> bool:
        return code in self._position

    def __getitem__(self, code: str) -> Node:
        """Return the node of a code; KeyError when there is none."""
        return self.nodes[self._position[code]]

    @cached_property
    def _position(self) -> Mapping[str, int]:
        return {node.code: i for i, node in enumerate(self.nodes)}

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """All codes in tree pre-order."""
        return tuple(node.code for node in self.nodes)

    @cached_property
    def recordable(self) -> tuple[str, ...]:
        """The codes that an observation may be about: the nodes and the items."""
        return (*self.codes, *(item.code for item in self.items))

    @property
    def root(self) -> Node:
        """The index itself."""
        return self.nodes[0]

    @cached_property
    def _children(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {node.code: [] for node in self.nodes}
        for node in self.nodes:
            if node.parent is not None:
                found[node.parent].append(node.code)
        return {code: tuple(children) for code, children in found.items()}

    def ancestors(self, code: str) -> Iterator[str]:
        """Give the codes of the nodes above a node, its parent first and the index last."""
        above = self[code].parent
        while above is not None:
            yield above
            above = self[above].parent

    def children(self, code: str) -> tuple[str, ...]:
        """Return the codes of the direct children; empty for a leaf."""
        return self._children[code]

    def counted(self, code: str) -> tuple[str, ...]:
        """Return the children over which the mean of a node is taken: all but bonuses, deductions, vetoes."""
        return tuple(child for child in self._children[code] if not self[child].role)

    @cached_property
    def roles(self) -> Mapping[str, str]:
        """Role of every node; inside a bonus or a deduction that of the node on top."""
        found: dict[str, str] = {}
        for node in self.nodes:
            found[node.code] = node.role or ("" if node.parent is None else found[node.parent])
        return found

    @cached_property
    def points(self) -> Mapping[str, float]:
        """Full marks of the nodes that have any; see `full_marks`."""
        return full_marks(self.nodes)

    @cached_property
    def levels(self) -> Mapping[str, int]:
        """Depth of every node: the index 0, pillars 1, and so on."""
        depth: dict[str, int] = {}
        for node in self.nodes:
            depth[node.code] = 0 if node.parent is None else depth[node.parent] + 1
        return depth

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """Codes without children, in order."""
        return tuple(code for code in self.codes if not self._children[code])

    @cached_property
    def aggregates(self) -> tuple[str, ...]:
        """Codes with children, in order."""
        return tuple(code for code in self.codes if self._children[code])

    @cached_property
    def indicators(self) -> tuple[str, ...]:
        """The nodes whose availability counts: measurable nodes with no measurable node above them.

        An indicator made of measures counts once, whatever the number of its measures. Bonuses, deductions
        and vetoes do not count: that nobody claimed a bonus is no gap.
        """
        found: list[str] = []
        below: set[str] = set()
        for node in self.nodes:
            if self.roles[node.code]:
                continue
            if node.parent in below:
                below.add(node.code)
            elif node.is_measurable or not self._children[node.code]:
                found.append(node.code)
                below.add(node.code)
        return tuple(found)

    def subtree(self, code: str) -> tuple[str, ...]:
        """Return the codes below a node in tree pre-order, the node itself not among them."""
        start = self._position[code] + 1
        deeper = takewhile(lambda below: self.levels[below] > self.levels[code], self.codes[start:])
        return tuple(deeper)

    def leaves_under(self, code: str) -> tuple[str, ...]:
        """Return the leaves below a node; the node itself when it is a leaf."""
        return tuple(below for below in self.subtree(code) if not self._children[below]) or (code,)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of everything that can change a result."""
        data = {"nodes": [plain_node(node) for node in self.nodes], "weights": _plain(self.weight_sets)}
        inside = {
            "items": [item_row(item) for item in self.items],
            "rollups": [rollup_row(rule) for rule in self.rollups],
            "lookups": [lookup_row(row) for row in self.lookups],
            "strata": self.strata,
        }
        return sha256_of(data | {name: part for name, part in inside.items() if part})

    def _repr_html_(self) -> str:
        """Show the tree in a notebook."""
        rows = "".join(
            f"<tr><td style='text-align:left;padding-left:{1 + self.levels[n.code]}em'>{escape(n.code)}</td>"
            f"<td>{escape(n.label('zh'))}</td><td>{escape(n.label('en'))}</td>"
            f"<td>{'' if n.weight is None else f'{n.weight:g}'}</td></tr>"
            for n in self.nodes
        )
        return f"<table><tr><th>code</th><th>名称</th><th>name</th><th>weight</th></tr>{rows}</table>"


def full_marks(nodes: Sequence[Node]) -> dict[str, float]:
    """Return the full marks of nodes in pre-order, as far as there are any.

    A node has what it states, else the sum over its children where all that count in its mean have full
    marks and no weights that say otherwise. The points of a veto are a limit and no marks.
    """
    marks: dict[str, float] = {}
    children: dict[str, list[Node]] = {}
    for node in reversed(nodes):
        below = children.pop(node.code, [])
        if node.points is not None and node.role != VETO:
            marks[node.code] = node.points
        elif node.points is None and below and adds_up(below, marks):
            marks[node.code] = fsum(marks[child.code] for child in below)
        if node.parent is not None and not node.role:
            children.setdefault(node.parent, []).append(node)
    return marks


def adds_up(siblings: Sequence[Node], marks: Mapping[str, float]) -> bool:
    """Tell whether siblings all have marks, and no weights or weights in proportion to the marks."""
    if not all(node.code in marks for node in siblings):
        return False
    total, whole = fsum(marks[node.code] for node in siblings), fsum(node.weight or 0.0 for node in siblings)
    return any(node.weight is None for node in siblings) or all(
        isclose((node.weight or 0.0) * total, marks[node.code] * whole, rel_tol=1e-9) for node in siblings
    )


def plain_node(node: Node) -> dict[str, Any]:
    """Return a node as plain data, without what is blank."""
    data = {
        "code": node.code, "parent": node.parent, "weight": node.weight, "direction": node.direction,
        "unit": node.unit, "denominator": node.denominator, "scale": node.scale, "low": node.low,
        "high": node.high, "target_low": node.target_low, "target_high": node.target_high,
        "source": node.source, "counterpart": node.counterpart, "channels": list(node.channels),
        "points": node.points, "cap": node.cap, "role": node.role,
        "scheme": None if node.scheme is None else asdict(node.scheme),
        "denominator_scale": None if node.denominator_scale == 1 else node.denominator_scale,
        "rubric": [[level.value, level.score, dict(level.label)] for level in node.rubric],
        **{f"name_{language}": text for language, text in node.name.items()},
        **{f"definition_{language}": text for language, text in node.definition.items()},
        **node.extra,
    }  # fmt: skip
    return {key: value for key, value in data.items() if value not in (None, "", [])}


def _plain(sets: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    return {name: dict(weights) for name, weights in sets.items()}
