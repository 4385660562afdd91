"""The tree of a published index: its nodes, found by code or by either name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from unicodedata import normalize

from citygauge.audit.published import ROOT, Goalposts, Node
from citygauge.audit.spec import Means, NodeSpec, PublishedSpec
from citygauge.framework.builtin import builtin, builtin_names
from citygauge.framework.model import Framework
from citygauge.framework.read import load_framework
from citygauge.problems import Problems, Where

RANK = "rank"
_OVERALL = ("总体", "the whole index")


@dataclass
class Tree:
    """The nodes of one file, by code.

    A name that was refused is in `lost`, a code that was given twice in `twice`: what else is said of them is
    not refused once more.
    """

    spec: PublishedSpec
    path: Path
    problems: Problems
    nodes: dict[str, Node] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        overall = self.spec.overall
        zh, en = overall.name_zh or _OVERALL[0], overall.name_en or _OVERALL[1]
        count = self._indicators(self.framework.root.code) if self.framework else None
        self._add(Node(ROOT, None, zh, en, overall.how, count))
        for spec in self.spec.pillar:
            self._add_given(spec, ROOT)
        self._with_parents()
        for edition in self.spec.edition:
            for spec in edition.pillar:
                if (found := names_of(spec)) and self.lookup(found[0]) is None:
                    self._add_given(spec, ROOT)
        for name in self._orphans():
            if self.lookup(name) is None:
                self._add_given(NodeSpec(name_zh=name), None)
        for name in self._of_tables():
            if self.lookup(name) is None and self._of_framework(name):
                self._add_given(NodeSpec(name_zh=name), None)

    def lookup(self, name: str) -> str | None:
        """Return the code of a node by its code or a name."""
        if name in self.nodes:
            return name
        if not name:
            return None
        wanted = _folded(name)
        for node in self.nodes.values():
            if wanted in (_folded(node.name_zh), _folded(node.name_en)):
                return node.code
        return self.aliases.get(self._of_framework(name) or "")

    def code(self, name: str, place: str) -> str | None:
        """Return the code of a node, or note that there is none."""
        found = self.lookup(name)
        if found is None and name not in self.lost:
            self._unknown(name, place)
        return found

    @cached_property
    def framework(self) -> Framework | None:
        """The framework that is named, else the built-in one in which all nodes are found."""
        name = self.spec.framework
        if name in builtin_names():
            return builtin(name)
        if name:
            place = self.path.parent / name
            if place.exists():
                return load_framework(place, self.problems)
            where = Where(self.path.name, column="framework")
            self.problems.add("published.no-framework", where, name=name, known=builtin_names())
            return None
        wanted = [[name] for name in (*self._orphans(), *self._of_tables())]
        if not wanted:
            return None
        wanted += [names_of(spec) for spec in self.spec.pillar]
        fits = (builtin(known) for known in builtin_names())
        return next((one for one in fits if all(any(_find(one, n) for n in names) for names in wanted)), None)

    def _orphans(self) -> list[str]:
        """Return the nodes that the file names without saying where they belong."""
        parts: tuple[Means, ...] = (self.spec, *self.spec.edition)
        named = [name for part in parts for _, figures in part.by_what() for name in figures]
        own = set(self._own())
        loose = [names_of(spec)[0] for spec in self.spec.node if not spec.parent and names_of(spec)]
        return list(dict.fromkeys([name for name in named if name not in own] + loose))

    def _of_tables(self) -> list[str]:
        """Return the nodes that stand above columns of tables and nowhere else."""
        own = {ROOT, RANK, *self._own()}
        named = [name for table in self.spec.table for name in table.columns.values()]
        return list(dict.fromkeys(name for name in named if name not in own))

    def _own(self) -> Iterator[str]:
        pillars = [spec for edition in self.spec.edition for spec in edition.pillar]
        for spec in (*self.spec.pillar, *self.spec.node, *pillars):
            yield from names_of(spec)

    def _with_parents(self) -> None:
        """Take in the nodes that say their parents, which may stand below their children."""
        waiting = list(self.spec.node)
        while waiting:
            ready = [spec for spec in waiting if not spec.parent or self.lookup(spec.parent)]
            for spec in ready:
                self._add_given(spec, self.lookup(spec.parent) if spec.parent else None)
            waiting = [spec for spec in waiting if spec not in ready]
            if not ready:
                break
        called = {name for spec in waiting for name in names_of(spec)}
        self.lost |= called
        strange = [spec for spec in waiting if spec.parent not in called]
        for spec in strange:
            self._unknown(spec.parent, f"parent of {(names_of(spec) or ['?'])[0]}")
        if waiting and not strange:
            where = Where(self.path.name, column="node")
            self.problems.add("published.cycle", where, nodes=[names_of(spec)[0] for spec in waiting])

    def _add_given(self, spec: NodeSpec, parent: str | None) -> None:
        names = names_of(spec)
        if not names:
            self.problems.add("published.no-name", Where(self.path.name, column="pillar"))
            return
        known = next((found for name in names if (found := self._of_framework(name))), None)
        node = self.framework[known] if known and self.framework else None
        if parent is None:
            parent = self._above(known, names[0])
            if parent is None:
                return
        told = node.name if node else {}
        posts = spec.goalposts
        code = spec.code or known or names[0]
        if known:
            self.aliases.setdefault(known, code)
        self._add(
            Node(
                code, parent, spec.name_zh or told.get("zh", names[0]),
                spec.name_en or told.get("en", names[0]), spec.how,
                spec.indicators or spec.count or (self._indicators(known) if known else None),
                Goalposts(posts.low, posts.high, posts.scaling) if posts else None,
            )
        )  # fmt: skip

    def _above(self, known: str | None, name: str) -> str | None:
        """Return the parent of a node in the framework, taken in itself if need be."""
        if name in self.lost:
            return None
        if known is None or self.framework is None:
            self.lost.add(name)
            where = Where(self.path.name, column=name)
            if self.framework is None:
                self.problems.add("published.no-parent", where, name=name)
            else:
                self._unknown(name, name)
            return None
        up = self.framework[known].parent
        if up is None or up == self.framework.root.code:
            return ROOT
        if self.lookup(up) is None:
            self._add_given(NodeSpec(name_zh=up), None)
        return self.lookup(up)

    def _add(self, node: Node) -> None:
        if node.code in self.nodes:
            self.twice.add(node.code)
            self.problems.add("published.twice", Where(self.path.name, column=node.code), name=node.code)
        self.nodes[node.code] = node

    def _of_framework(self, name: str) -> str | None:
        return _find(self.framework, name) if self.framework else None

    def _indicators(self, known: str) -> int | None:
        """Return how many indicators stand below a node of the framework."""
        assert self.framework is not None
        return len(set(self.framework.subtree(known)) & set(self.framework.indicators)) or None

    def _unknown(self, name: str, place: str) -> None:
        names = [text for node in self.nodes.values() for text in (node.code, node.name_zh, node.name_en)]
        if self.framework:
            names += [text for node in self.framework for text in (node.code, *node.name.values())]
        near = list(dict.fromkeys(get_close_matches(name, names, 3))) or list(self.nodes)[:10]
        self.problems.add("published.unknown-name", Where(self.path.name, column=place), name=name, near=near)


def names_of(spec: NodeSpec) -> list[str]:
    """Return the code and the names that a node is given."""
    return [text for text in (spec.code, spec.name_zh, spec.name_en) if text]


def _find(framework: Framework, name: str) -> str | None:
    """Return the code of a node of a framework by its code or a name, the one nearest to the top."""
    if name in framework:
        return name
    wanted = _folded(name)
    found = [node.code for node in framework if wanted in map(_folded, node.name.values())]
    return min(found, key=framework.levels.__getitem__, default=None)


def _folded(name: str) -> str:
    """Return a name without what differs by typing only: width, case, spaces."""
    return "".join(normalize("NFKC", name).casefold().split())
