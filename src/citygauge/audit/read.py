"""Reading a published index: names looked up, figures given their steps, tables read cell by cell."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from citygauge.audit.figures import Figure, Interval
from citygauge.audit.given import Given
from citygauge.audit.published import (
    ROOT,
    Grade,
    Group,
    Line,
    Ordering,
    Published,
    Relation,
    Statement,
    Unit,
    dated,
)
from citygauge.audit.read_tables import read_tables, read_units
from citygauge.audit.read_tree import Tree, names_of
from citygauge.audit.spec import (
    EditionSpec,
    GradeSpec,
    GroupSpec,
    Means,
    NodeSpec,
    OverallSpec,
    PublishedSpec,
    StatementSpec,
)
from citygauge.faults import note_invalid, note_not_toml
from citygauge.problems import InputError, Problem, Problems, Where

_WHAT: Mapping[str, tuple[str, str]] = {
    "mean": ("{}的平均指数", "mean of {}"),
    "sd": ("{}的标准差", "standard deviation of {}"),
    "min": ("{}的最小值", "lowest value of {}"),
    "max": ("{}的最大值", "highest value of {}"),
    "weight": ("{}的权重", "weight of {}"),
    "count": ("{}的指标数", "number of indicators of {}"),
    "n": ("{}的数量", "number of {}"),
    "share": ("{}的占比", "share of {}"),
}
_LEVEL = ("{}级指标数", "number of indicators of level {}")
_UNITS = ("评价对象数", "number of units")


def read_published(path: str | Path) -> Published:
    """Return a published index from its TOML file.

    Decimals stay as they are written, so that 0.70 has two places. Dimensions without a parent are looked up
    in the framework that the file names, else in the built-in one that has all its pillars and dimensions.

    Parameters
    ----------
    path : path
        See docs/reference/published.md for the keys.

    Raises
    ------
    InputError
        With every problem of the file: ``published.no-file``, ``file.not-toml``, and other ``published.*``.
    """
    path, problems = Path(path), Problems()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except OSError:
        raise InputError([Problem("published.no-file", Where(str(path)), {"file": str(path)})]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        note_not_toml(error, path.name, problems)
        problems.raise_errors()
    try:
        spec = PublishedSpec(**data)
    except ValidationError as error:
        note_invalid(error, "published", PublishedSpec, path.name, problems)
        problems.raise_errors()
    found = _Reader(spec, path, problems, Tree(spec, path, problems)).published()
    problems.raise_errors()
    return found


def builtin_published_names() -> tuple[str, ...]:
    """Return the names of the publications that come with CityGauge."""
    return tuple(sorted(path.stem for path in _builtin_folder().glob("*.toml")))


def builtin_published(name: str) -> Published:
    """Return a publication that comes with CityGauge.

    Raises
    ------
    InputError
        ``published.unknown-builtin``.
    """
    known = builtin_published_names()
    if name not in known:
        raise InputError([Problem("published.unknown-builtin", Where(), {"name": name, "known": known})])
    return read_published(_builtin_folder() / f"{name}.toml")


def published_at(target: str | Path) -> Published:
    """Return the published index of a file, else the built-in one of that name.

    Raises
    ------
    InputError
        As `read_published` does.
    """
    if not Path(target).exists() and str(target) in builtin_published_names():
        return builtin_published(str(target))
    return read_published(target)


def _builtin_folder() -> Path:
    return Path(str(resources.files("citygauge").joinpath("audit", "builtin")))


@dataclass
class _Reader:
    """One file on its way to a `Published`."""

    spec: PublishedSpec
    path: Path
    problems: Problems
    tree: Tree
    figures: dict[str, Figure] = field(default_factory=dict)

    def published(self) -> Published:
        spec = self.spec
        self._no_twins()
        self._tree_figures(spec, "")
        for edition in spec.edition:
            self._tree_figures(edition, edition.period)
        self._weights()
        for level, count in spec.levels.items():
            self._exact(
                f"level.{level}.count", count, (_LEVEL[0].format(_numeral(level)), _LEVEL[1].format(level))
            )
        units = read_units(spec, self.path, self.problems)
        groups, grades = self._groups(units), self._grades()
        for relation in spec.relation:
            told = (relation.text_zh or relation.id, relation.text_en or relation.id)
            self._put(f"relation.{relation.id}", relation.value, told, where=relation.where)
        lines = read_tables(spec, self.path, self.tree, self._put, units, self.problems)
        if not self.figures and not spec.statement and not self.problems.errors:
            self.problems.add("published.no-figures", self._where())
        low, high = map(Fraction, spec.scale)
        means = [Line("mean", period) for period in self._periods()]
        return Published(
            title_zh=spec.title_zh or spec.title or spec.title_en or self.path.stem,
            title_en=spec.title_en or spec.title or spec.title_zh or self.path.stem,
            nodes=self.tree.nodes, figures=self.figures, publisher=spec.publisher, year=spec.year,
            source=spec.source, scale=Interval(low, high), sd_formula=spec.sd_formula, units=units,
            groups=groups, grades=grades, orderings=self._orderings(), statements=self._statements(),
            relations=tuple(
                Relation(r.id, r.kind, self._ids(r.of, f"relation {r.id}"), r.text_zh, r.text_en, r.where)
                for r in spec.relation
            ),
            lines=(*means, *lines), usual_weights=spec.usual_weights, illustrative=spec.illustrative,
        )  # fmt: skip

    def _no_twins(self) -> None:
        """Note what is given twice under one name; figures and nodes are looked at as they are taken in."""
        spec = self.spec
        kinds: Mapping[str, Sequence[str]] = {
            "edition": [edition.period for edition in spec.edition],
            "grade": [_three(grade)[0] for grade in spec.grade],
            "group": [_three(group)[0] for group in spec.group],
            "ordering": [ordering.id for ordering in spec.ordering],
            "statement": [*(statement.id for statement in spec.statement), *spec.statements],
            "table": [table.name for table in spec.table],
        }
        for kind, names in kinds.items():
            for name in dict.fromkeys(name for name in names if name and names.count(name) > 1):
                self.problems.add("published.twice", self._where(kind), name=name)

    def _tree_figures(self, given: PublishedSpec | EditionSpec, period: str) -> None:
        self._of_node(ROOT, given.overall, period)
        if given.overall.n_units:
            self._exact(dated(period, "units.n"), given.overall.n_units, _dated(_UNITS, period))
        nodes: tuple[NodeSpec, ...] = getattr(given, "node", ())
        for spec in (*given.pillar, *nodes):
            names = names_of(spec)
            code = self.tree.code(names[0], "pillar") if names else None
            if code is None or code in self.tree.twice:
                continue
            self._of_node(code, spec, period)
            if spec.weight is not None:
                self._weight(code, spec.weight, period)
        self._means(given, period)
        for name, figure in given.group_means.items():
            self._put(dated(period, f"group.{name}.mean"), figure, _phrase("mean", (name, name), period))

    def _of_node(self, code: str, spec: OverallSpec, period: str) -> None:
        for what in ("mean", "sd", "min", "max"):
            if (given := getattr(spec, what)) is not None:
                self._put(dated(period, f"{code}.{what}"), given, self._told(what, code, period))
        if spec.count is not None:
            self._exact(dated(period, f"{code}.count"), spec.count, self._told("count", code, period))

    def _means(self, given: Means, period: str) -> None:
        for what, figures in given.by_what():
            for name, figure in figures.items():
                if code := self.tree.code(name, f"dimension_{what}"):
                    self._put(dated(period, f"{code}.{what}"), figure, self._told(what, code, period))

    def _weights(self) -> None:
        for table in self.spec.weights:
            for name, given in table.weights.items():
                if code := self.tree.code(name, "weights"):
                    self._weight(code, given, table.period)

    def _weight(self, code: str, given: Given, period: str) -> None:
        exact = not self.spec.weights_rounded
        self._put(dated(period, f"{code}.weight"), given, self._told("weight", code, period), exact=exact)

    def _put(
        self, key: str, given: Given, told: tuple[str, str], *, exact: bool = False, where: str = ""
    ) -> None:
        """Keep a figure, with its step: its own, or the common one where that is finer."""
        common = self.spec.rounding
        step = given.own_step
        if common.step is not None and given.digits is None:
            step = min(step, common.step)
        if given.sign != "=" or given.tolerance or (exact and given.digits is None):
            step = Decimal(0)
        if key in self.figures:
            self.problems.add("published.twice", self._where(key), name=key)
        rule = given.rounding or common.rule
        self.figures[key] = Figure(
            key, given.value, step, rule, given.sign, given.tolerance, *told, given.where or where
        )  # fmt: skip

    def _exact(self, key: str, value: int, told: tuple[str, str]) -> None:
        self.figures[key] = Figure(key, Decimal(value), name_zh=told[0], name_en=told[1])

    def _told(self, what: str, code: str, period: str) -> tuple[str, str]:
        node = self.tree.nodes[code]
        return _phrase(what, (node.name_zh, node.name_en), period)

    def _groups(self, units: Mapping[str, Unit]) -> tuple[Group, ...]:
        parts: tuple[PublishedSpec | EditionSpec, ...] = (self.spec, *self.spec.edition)
        own = {_three(spec)[0] for spec in self.spec.group}
        short = dict.fromkeys(name for part in parts for name in part.group_means if name not in own)
        found = []
        for spec in (*self.spec.group, *(GroupSpec(name=name) for name in short)):
            name, zh, en = _three(spec)
            if not name:
                self.problems.add("published.no-name", self._where("group"))
                continue
            self._of_part(f"group.{name}", spec, (zh, en))
            members = spec.members or tuple(
                unit.name for unit in units.values() if unit.groups.get(spec.kind) in (name, zh, en)
            )
            found.append(Group(name, zh, en, spec.kind, members or None, spec.readings))
        return tuple(found)

    def _grades(self) -> tuple[Grade, ...]:
        found = []
        for spec in self.spec.grade:
            name, zh, en = _three(spec)
            if not name:
                self.problems.add("published.no-name", self._where("grade"))
                continue
            self._of_part(f"grade.{name}", spec, (zh, en))
            found.append(Grade(name, zh, en, spec.range, spec.members))
        return tuple(found)

    def _of_part(self, key: str, spec: GroupSpec | GradeSpec, told: tuple[str, str]) -> None:
        if spec.n is not None:
            self._exact(f"{key}.n", spec.n, _phrase("n", told))
        for what in ("mean", "sd", "share"):
            if (given := getattr(spec, what, None)) is not None:
                self._put(f"{key}.{what}", given, _phrase(what, told))

    def _orderings(self) -> tuple[Ordering, ...]:
        found = []
        for spec in self.spec.ordering:
            of = self.tree.code(spec.of, f"ordering {spec.id}") if spec.of else None
            found.append(
                Ordering(
                    spec.id, spec.units, spec.by, of, spec.leading, spec.text_zh, spec.text_en, spec.where
                )
            )
        return tuple(found)

    def _statements(self) -> tuple[Statement, ...]:
        found = [
            Statement(
                s.id, s.kind, self._ids(s.of, f"statement {s.id}"), self._against(s),
                s.value, s.tolerance, s.listed, s.fact, s.text_zh, s.text_en, s.where,
            )
            for s in self.spec.statement
        ]  # fmt: skip
        words = self.spec.statements.items()
        return (*found, *(Statement(name, "words", text_zh=text, text_en=text) for name, text in words))

    def _against(self, statement: StatementSpec) -> tuple[str, ...]:
        place = f"statement {statement.id}"
        if statement.kind != "distinct":
            return self._ids(statement.against, place)
        return tuple(code for name in statement.against if (code := self.tree.code(name, place)))

    def _ids(self, names: Iterable[str], place: str) -> tuple[str, ...]:
        """Return the ids of figures that are named by id, or by a node or group for its mean."""
        return tuple(found for name in names if (found := self._id(name, place)))

    def _id(self, name: str, place: str) -> str | None:
        if name in self.figures:
            return name
        period, _, rest = name.rpartition(":")
        stem, _, what = rest.rpartition(".")
        for thing, kind in ((rest, "mean"), (stem, what)):
            for part in (self.tree.lookup(thing), f"group.{thing}", f"grade.{thing}"):
                if part and (key := dated(period, f"{part}.{kind}")) in self.figures:
                    return key
        near = get_close_matches(name, list(self.figures), 3) or list(self.figures)[:10]
        self.problems.add("published.unknown-figure", self._where(place), name=name, near=near)
        return None

    def _periods(self) -> Sequence[str]:
        plain = bool({key for key in self.figures if ":" not in key and key.endswith(".mean")})
        periods = [edition.period for edition in self.spec.edition]
        return [""] * (plain or not periods) + periods

    def _where(self, column: str | None = None) -> Where:
        return Where(self.path.name, column=column)


def _numeral(level: str) -> str:
    """Return a level as Chinese counts it: 一 for 1."""
    return dict(zip("123456789", "一二三四五六七八九", strict=True)).get(level, level)


def _three(spec: GroupSpec | GradeSpec) -> tuple[str, str, str]:
    """Return what a part is called in ids, in Chinese and in English."""
    name = spec.name or spec.name_zh or spec.name_en
    return name, spec.name_zh or name, spec.name_en or name


def _phrase(what: str, told: tuple[str, str], period: str = "") -> tuple[str, str]:
    zh, en = _WHAT[what]
    return _dated((zh.format(told[0]), en.format(told[1])), period)


def _dated(told: tuple[str, str], period: str) -> tuple[str, str]:
    return (f"{told[0]}（{period}）", f"{told[1]} ({period})") if period else told
