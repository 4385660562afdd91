"""What stands on each sheet of the results workbook."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.describe import describe
from citygauge.collect.observations import STATES
from citygauge.collect.sources import source_frame
from citygauge.collect.units import Units
from citygauge.framework.model import DEDUCTION, VETO
from citygauge.framework.write import framework_frame
from citygauge.indicators.table import IMPUTED, Table
from citygauge.report.marks import Marks, pillars
from citygauge.report.tables import STEPS, tables
from citygauge.report.workbook_layout import COUNT, GENERAL, SHARE, Column, Sheet, texts
from citygauge.result import Result

_NODE_NUMBERS = ("weight", "points", "cap", "low", "high", "target_low", "target_high")
_ALWAYS = ("code", "parent", "level", "name_zh", "name_en", "direction", "unit")
_FIRST = ("code", "name_zh", "name_en", "parent", "level", "share", "effective_weight")
ROLE_SHEETS = ("points", "vetoes")
POINTS = "0.00"
RATIO = "0.000"
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


def sheets_of(result: Result) -> list[Sheet]:
    """Return the sheets of a run, from the framework to what was noted.

    On illustrative data figures stand under neutral names, in their own order, and the facts are left out.
    """
    content, frames = _Content(result), tables(result)
    found = [content.framework(), content.units()]
    if "facts" in frames:
        found.append(content.long("facts", frames["facts"]))
    if "rolled_up" in frames:
        found.append(content.long("rolled_up", frames["rolled_up"]))
    found += [content.step(name) for name in STEPS]
    found += [content.ranking(), content.ranks()]
    found += [content.long(name, frames[name]) for name in ("points", "vetoes") if name in frames]
    if "strata" in frames:
        found.append(content.long("strata", frames["strata"]))
    if result.scale is not None or result.stage_scale is not None:
        found.append(content.scales())
    if "grades" in frames:
        found.append(content.grades())
    found.append(content.long("screening", frames["screening"]))
    found.append(content.long("treatment", frames["treatment"]))
    found.append(content.long("treatment_details", frames["treatment_details"]))
    found.append(content.long("filled", frames["imputed"]))
    found.append(content.availability())
    if "own_scores" in frames:
        found.append(content.long("own_scores", frames["own_scores"]))
    return [*found, content.statistics(), content.method(), content.sources(), content.problems()]


@dataclass(frozen=True)
class _Content:
    """Turns the tables of a result into columns with words and number formats."""

    result: Result

    @property
    def score(self) -> str:
        """The number format of scores."""
        return "0." + "0" * self.result.decimals

    @property
    def assessed(self) -> Units:
        return self.result.workspace.units.select(self.result.derived.units)

    @cached_property
    def names(self) -> Mapping[str, tuple[str, str]]:
        """Names in Chinese and English by what stands beside the figures of a unit."""
        if not self.result.illustrative:
            units = self.assessed
            return dict(zip(units.codes, zip(units.names("zh"), units.names("en"), strict=True), strict=True))
        english = dict(zip(self.result.labels("zh"), self.result.labels("en"), strict=True))
        return {label: (label, english.get(label, label)) for label in self.result.label_of.values()}

    def head_of(self, code: str) -> tuple[str, str]:
        node = self.result.framework[code]
        return node.label("zh"), node.label("en")

    def framework(self) -> Sheet:
        """The tree, with weights among siblings and in the index."""
        framework, result = self.result.framework, self.result
        frame = framework_frame(framework)
        frame = frame.select(c for c in frame.columns if c in _ALWAYS or frame[c].count())
        units = framework.unit_names
        labels = [
            _both(*(units.get(node.unit, {}).get(lang, "") for lang in ("zh", "en"))) for node in framework
        ]
        numbers = {
            name: pl.Series([getattr(node, name) for node in framework], dtype=pl.Float64)
            for name in (*_NODE_NUMBERS, "direction")
        }
        frame = frame.with_columns(
            *(values.alias(name) for name, values in numbers.items() if name in frame.columns),
            pl.Series("level", [framework.levels[code] for code in framework.codes]),
            pl.Series("share", [result.shares.get(code) for code in framework.codes], dtype=pl.Float64),
            pl.Series("effective_weight", [result.effective_weights[code] for code in framework.codes]),
            *([pl.Series("unit_label", [label or None for label in labels])] if any(labels) else []),
        )
        yes_no = {True: "是 yes", False: "否 no"}
        frame = frame.with_columns(pl.selectors.boolean().replace_strict(yes_no, return_dtype=pl.String))
        if "role" in frame.columns:
            frame = frame.with_columns(_role_words(frame["role"]))
        if "denominator_scale" in frame.columns:
            frame = frame.with_columns(pl.col("denominator_scale").cast(pl.Float64))
        depth = np.array([f"level{min(framework.levels[code], 15)}" for code in framework.codes], object)
        formats = {"level": COUNT, "direction": COUNT, "share": SHARE, "effective_weight": SHARE}
        columns = _columns(
            frame.select(*_FIRST, pl.all().exclude(_FIRST)), formats, {"name_zh": depth, "name_en": depth}
        )
        return Sheet("framework", columns, locked=2)

    def units(self) -> Sheet:
        """The cities; on illustrative data without attributes, which are figures beside names."""
        units = self.assessed
        columns = [
            _column("unit_code", pl.Series(units.codes, dtype=pl.String)),
            _column("name_zh", pl.Series(units.names("zh"), dtype=pl.String)),
            _column("name_en", pl.Series(units.names("en"), dtype=pl.String)),
        ]
        if not self.result.illustrative:
            rest = units.frame.drop("unit", "name_zh", "name_en", strict=False)
            columns += [_attribute(rest[name]) for name in rest.columns]
        return Sheet("units", tuple(columns), locked=2)

    def step(self, name: str) -> Sheet:
        """The table after a step, gaps and values that were imputed or treated marked."""
        table: Table = getattr(self.result, name)
        marks = np.array(["", *STATES[1:]], object)[table.states]
        marks[(table.origins == IMPUTED) & ~np.isnan(table.values)] = "imputed"
        if name == "treated":
            for code, treated in self.result.treatment.items():
                column = marks[:, table.codes.index(code)]
                column[(np.array(treated.words, object) != "") & (column == "")] = "treated"
        is_score = name in {"normalised", "aggregated"}
        formats = [self.score if is_score else _raw_format(values) for values in table.values.T]
        return self._wide(name, table.units, table.codes, table.values, formats, marks)

    def ranks(self) -> Sheet:
        """The rank of each unit on each node; on deductions and vetoes there is nothing to be first at."""
        table, ranks = self.result.aggregated, self.result.ranks
        roles = self.result.framework.roles
        at = [i for i, code in enumerate(table.codes) if roles[code] not in {DEDUCTION, VETO}]
        values, codes = np.where(ranks == 0, np.nan, ranks)[:, at], [table.codes[i] for i in at]
        return self._wide("ranks", table.units, codes, values, [COUNT] * len(codes))

    def availability(self) -> Sheet:
        """The share of what is available below each node."""
        codes = self.result.framework.aggregates
        table = self.result.aggregated
        values = np.asarray(self.result.availability)
        return self._wide("availability", table.units, codes, values, ["0.0%"] * len(codes))

    def _wide(
        self,
        name: str,
        units: Sequence[str],
        codes: Sequence[str],
        values: NDArray[np.float64],
        formats: Sequence[str],
        marks: NDArray[np.object_] | None = None,
    ) -> Sheet:
        labels = [self.result.label_of[unit] for unit in units]
        order = list(range(len(labels)))
        if self.result.illustrative:  # the order of the units would tell which is which
            order.sort(key=lambda i: labels[i])
        who = self._who([labels[i] for i in order])
        figures = [
            Column(
                code,
                self.head_of(code),
                _series(values[order, j]),
                formats[j],
                None if marks is None else _some(marks[order, j]),
            )
            for j, code in enumerate(codes)
        ]
        return Sheet(name, (*who, *figures), locked=min(2, len(who)))

    def _who(self, labels: Sequence[str]) -> list[Column]:
        """Return the columns that say whose figures stand in a row."""
        zh, en = ([self.names[label][i] for label in labels] for i in (0, 1))
        columns = {"unit_code": labels, "name_zh": zh, "name_en": en}
        if self.result.illustrative:
            del columns["name_zh"]  # it is the label itself
        return [_column(key, pl.Series(names, dtype=pl.String)) for key, names in columns.items()]

    def ranking(self) -> Sheet:
        """The index and the pillars, best first."""
        result, frame = self.result, self.result.ranking
        row_of = {label: i for i, label in enumerate(result.row_labels)}
        order = [row_of[label] for label in frame["unit_code"]]
        root = result.framework.root.code
        columns = [_column("rank", frame["rank"], COUNT), *self._who(frame["unit_code"].to_list())]
        for code in (root, *pillars(result.framework)):
            values = result.aggregated.values[order, result.aggregated.codes.index(code)]
            columns.append(Column(code, self.head_of(code), _series(values), self.score))
        marks = Marks(result)
        if root in marks.full:
            earned = np.array([marks.points(root, float(result.index[i])) for i in order])
            for key, told in (("points", earned), ("full_marks", np.full(len(order), marks.full[root]))):
                columns.append(_reworded("ranking", _column(key, _series(told), POINTS)))
        if not result.illustrative:
            classes = (("grade", result.scale, result.grades), ("stage", result.stage_scale, result.stages))
            for key, scale, found in classes:
                if scale is not None:
                    ids = [found[i] or None for i in order]
                    names = {
                        grade.id: _both(grade.name.get("zh", ""), grade.name.get("en", ""))
                        for grade in scale.grades
                    }
                    columns.append(_column(key, pl.Series(ids, dtype=pl.String)))
                    columns.append(
                        _column(f"{key}_name", pl.Series([names.get(i or "") for i in ids], dtype=pl.String))
                    )
        return Sheet("ranking", tuple(columns), locked=3)

    def grades(self) -> Sheet:
        """The units by grade, without any other figure."""
        frame = self.result.grade_list
        scale = self.result.scale
        names = (
            {g.id: _both(g.name.get("zh", ""), g.name.get("en", "")) for g in scale.grades} if scale else {}
        )
        named = pl.Series([names.get(grade) for grade in frame["grade"]], dtype=pl.String)
        frame = frame.insert_column(1, named.alias("grade_name"))
        return Sheet("grades", _columns(frame, {}), locked=2)

    def scales(self) -> Sheet:
        """The classes of grades and stages with their lower edges and how many units they hold."""
        result, rows = self.result, []
        for scale, found in ((result.scale, result.grades), (result.stage_scale, result.stages)):
            if scale is None:
                continue
            title = _both(scale.title.get("zh", ""), scale.title.get("en", "")) or scale.id
            total = sum(1 for own in found if own)
            edges = scale.edges(result.range)
            for grade, edge in zip(scale.grades, edges, strict=True):
                name = _both(grade.name.get("zh", ""), grade.name.get("en", "")) or grade.id
                count = found.count(grade.id)
                share = count / total if total else None
                assumed = texts()["words"]["yes"] if scale.assumed else None
                rows.append((title, grade.id, name, edge, count, share, assumed))
        keys = ("scale_name", "class_id", "class_name", "edge", "count", "share_of_units", "assumed")
        kinds = (pl.String, pl.String, pl.String, pl.Float64, pl.Int64, pl.Float64, pl.String)
        frame = pl.DataFrame(rows, schema=dict(zip(keys, kinds, strict=True)), orient="row")
        formats = {"edge": self.score, "count": COUNT, "share_of_units": "0.0%"}
        return Sheet("scale", _columns(frame, formats))

    def long(self, name: str, frame: pl.DataFrame) -> Sheet:
        """A long table as in its CSV, with the names of units and nodes beside their codes."""
        frame = frame.drop("notice", strict=False)
        names = {label: _both(*both) for label, both in self.names.items()}
        nodes = {code: _both(*self.head_of(code)) for code in self.result.framework.codes}
        for key, told, words in (("unit_code", "unit_name", names), ("code", "node_name", nodes)):
            if key not in frame.columns:
                continue
            column = frame[key].replace_strict(words, default=None, return_dtype=pl.String).alias(told)
            frame = frame.insert_column(frame.columns.index(key) + 1, column)
        formats = {"own": self.score, "from_measures": self.score, "row": COUNT, "subjects": COUNT}
        formats |= {"value": self.score} if name == "strata" else {}
        formats |= (
            {"points": POINTS, "full_marks": POINTS, "limit": self.score} if name in ROLE_SHEETS else {}
        )
        yes_no = {True: "是 yes", False: "否 no"}
        frame = frame.with_columns(pl.selectors.boolean().replace_strict(yes_no, return_dtype=pl.String))
        if "role" in frame.columns:
            frame = frame.with_columns(_role_words(frame["role"]))
        return Sheet(name, tuple(_reworded(name, column) for column in _columns(frame, formats)), locked=4)

    def statistics(self) -> Sheet:
        """Number, location, spread and inequality of the scores on each node."""
        frame = describe(self.result)
        heads = [self.head_of(code) for code in frame["code"]]
        frame = frame.insert_column(1, pl.Series("name_zh", [zh for zh, _ in heads], dtype=pl.String))
        frame = frame.insert_column(2, pl.Series("name_en", [en for _, en in heads], dtype=pl.String))
        scores = dict.fromkeys(("mean", "sd", "min", "p25", "median", "p75", "max", "gap"), self.score)
        formats = {"level": COUNT, "n": COUNT, "cv": RATIO, "gini": RATIO, **scores}
        return Sheet("statistics", _columns(frame, formats), locked=2)

    def method(self) -> Sheet:
        """The method, line by line."""
        lines = self.result.method.to_toml().split("\n")
        numbers = pl.Series("line", range(1, len(lines) + 1))
        text = pl.Series("text", [line or None for line in lines], dtype=pl.String)
        return Sheet("method", (_column("line", numbers, COUNT), _column("text", text)))

    def sources(self) -> Sheet:
        """The sources with their citations."""
        found = self.result.workspace.sources
        frame = source_frame(found)
        citations = pl.Series("citation", [source.citation() for source in found.values()], dtype=pl.String)
        return Sheet("sources", _columns(frame.insert_column(1, citations), {}, links="url"))

    def problems(self) -> Sheet:
        """What was noted on the way, in both languages."""
        noted = self.result.warnings
        columns = [
            _strings("problem", (p.code for p in noted)),
            _strings("severity", (p.severity for p in noted)),
        ]
        for lang in ("zh", "en"):
            columns.append(_strings(f"where_{lang}", (p.where.text(lang) for p in noted)))
            columns.append(_strings(f"message_{lang}", (p.message(lang) for p in noted)))
            columns.append(_strings(f"hint_{lang}", (p.hint(lang) for p in noted)))
        return Sheet("problems", tuple(columns))


def _column(
    key: str,
    values: pl.Series,
    number: str = "",
    marks: NDArray[np.object_] | None = None,
    *,
    links: bool = False,
) -> Column:
    """Return a column with the words of its key; a key without words stands for itself."""
    zh, en = texts()["columns"].get(key, (key, key))
    return Column(key, (zh, en), values, number, marks, links)


def _columns(
    frame: pl.DataFrame,
    formats: Mapping[str, str],
    marks: Mapping[str, NDArray[np.object_]] | None = None,
    links: str = "",
) -> tuple[Column, ...]:
    """Return the columns of a table; numbers without a format of their own are General."""
    return tuple(
        _column(
            name,
            frame[name],
            formats.get(name, GENERAL) if frame[name].dtype.is_numeric() else "",
            (marks or {}).get(name),
            links=name == links,
        )
        for name in frame.columns
    )


def _reworded(sheet: str, column: Column) -> Column:
    """Return a column with the words that its key has on one sheet only."""
    own = texts()["columns_of"].get(sheet, {}).get(column.key)
    return replace(column, head=(own[0], own[1])) if own else column


def _role_words(roles: pl.Series) -> pl.Series:
    """Return the roles of nodes in both languages; null where a node has none."""
    return roles.replace_strict(texts()["roles"], default=None, return_dtype=pl.String)


def _strings(key: str, values: Iterable[str]) -> Column:
    return _column(key, pl.Series([value or None for value in values], dtype=pl.String))


def _attribute(values: pl.Series) -> Column:
    """Return an attribute of the units, as numbers where no digit of any value would be lost by it."""
    given = values.drop_nulls().to_list()
    if given and all(_PLAIN_NUMBER.fullmatch(text) and f"{float(text):.15g}" == text for text in given):
        return _column(values.name, values.cast(pl.Float64), GENERAL)
    return _column(values.name, values)


def _series(values: NDArray[np.float64]) -> pl.Series:
    return pl.Series(values).fill_nan(None)


def _some(marks: NDArray[np.object_]) -> NDArray[np.object_] | None:
    return marks if (marks != "").any() else None


def _raw_format(values: NDArray[np.float64]) -> str:
    """Return four significant digits, with thousands; General where that would show a value as zero."""
    sizes = np.abs(values[~np.isnan(values) & (values != 0)])
    if not sizes.size or sizes.max() >= 1e13:
        return GENERAL
    if (sizes == np.rint(sizes)).all():
        return "#,##0"
    decimals = int(np.clip(3 - np.floor(np.log10(np.median(sizes))), 0, 4))
    if sizes.min() < 0.5 * 10.0**-decimals:
        return GENERAL
    return "#,##0." + "0" * decimals if decimals else "#,##0"


def _both(zh: str, en: str) -> str:
    """Return the names in both languages in one text; once where they are the same."""
    return " ".join(dict.fromkeys(text for text in (zh, en) if text))
