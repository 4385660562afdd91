"""Facts out of the tables of a yearbook, each with its cell, and what was left out and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from citygauge.collect.units import Units
from citygauge.collect.yearbook.cells import Told, read_cell
from citygauge.collect.yearbook.convert import Converter
from citygauge.collect.yearbook.doubts import Doubts
from citygauge.collect.yearbook.figures import Figure, figures_of, mixed_columns
from citygauge.collect.yearbook.grid import Grid
from citygauge.collect.yearbook.layout import Part, Skipped, lay_out
from citygauge.collect.yearbook.lexicon import Lexicon
from citygauge.collect.yearbook.mapping import FOUND, TOLD, Table, YearbookMap, marks_of
from citygauge.collect.yearbook.series import Series, SeriesFinder
from citygauge.collect.yearbook.words import is_stamp, key_of, years_in
from citygauge.framework.model import Framework
from citygauge.problems import Problems, Where

_LARGEST = Decimal("1e300")


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: `value` is in the indicator's unit; `text` and `measure` are what the cell and table say."""

    unit: str
    indicator: str
    period: str
    state: str
    value: Decimal | None
    note: str
    cell: str
    row: int
    text: str
    measure: str


@dataclass(frozen=True, slots=True)
class Sum:
    """What a table's row of totals says of one column, beside the rows that it adds up.

    `parts` are rows “of which”: they may be in another row already.
    """

    indicator: str
    period: str
    cell: str
    total: Decimal
    assessed: tuple[Decimal | None, ...]
    others: tuple[Decimal | None, ...]
    parts: tuple[Decimal | None, ...]
    measure: str


@dataclass
class Reading:
    """What a file holds: facts, what was left out, totals, and the map by which it was read.

    `headers` are those that stand for no indicator: sheet → header → unit of measure.
    """

    facts: list[Fact] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    sums: list[Sum] = field(default_factory=list)
    found: YearbookMap = field(default_factory=YearbookMap)
    sheets: tuple[str, ...] = ()
    headers: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """What a file is read for: the framework, the units, a map where there is one, a period where told."""

    framework: Framework
    units: Units
    how: YearbookMap | None = None
    period: str | None = None


def read_yearbook(grids: Sequence[Grid], target: Target, problems: Problems) -> Reading:
    """Return the facts of a file's tables, and everything that was left out with its reason.

    Cities stand down the side or across the top, years in columns, rows or the title, indicators in
    headers of any number of rows, in a column, or in the title. Without a map an indicator is taken only
    where the header says its name and nothing that narrows it. Values are converted to the indicator's
    unit; where no number stands, the state is that of the mark, and never zero unless the map says so.

    Parameters
    ----------
    grids : sequence of Grid
        The sheets of one file.
    target : Target
        With a map, what it names and the file lacks is a problem.
    problems : Problems
        Takes what is wrong: no period, units that cannot be converted, facts told twice differently …
    """
    numeric = target.how is not None and any(table.unit_column != "auto" for table in target.how.tables)
    lexicon = Lexicon(target.framework, target.units, target.how, numeric)
    if target.how is not None and not _names_known_codes(target, problems):
        return Reading(found=target.how)
    reader = _Reader(target, lexicon, Converter(target.framework), Reading(), marks_of(target.how))
    for grid in grids:
        reader.take(grid)
    reader.finish(grids, problems)
    return reader.reading


@dataclass
class _Reader:
    """Goes through the sheets of a file and keeps what it finds."""

    target: Target
    lexicon: Lexicon
    converter: Converter
    reading: Reading
    marks: Mapping[str, float | str]
    finder: SeriesFinder = field(init=False)
    met: dict[str, float | str] = field(default_factory=dict)
    undated: list[str] = field(default_factory=list)
    expired: dict[str, set[str]] = field(default_factory=dict)
    other_years: set[str] = field(default_factory=set)
    dated: set[str] = field(default_factory=set)
    told: dict[tuple[str, str, str], Fact] = field(default_factory=dict)
    doubts: Doubts = field(default_factory=Doubts)
    twice: list[tuple[Fact, Fact]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.finder = SeriesFinder(self.target.how, self.lexicon)

    def take(self, grid: Grid) -> None:
        """Read one sheet."""
        skipped = self.reading.skipped
        if grid.marks.hidden:
            skipped.append(self.doubts.of_sheet(grid))
            return
        tables = self.finder.tables_of(grid)
        if self.target.how is not None and not tables:
            skipped.append(Skipped("sheet", grid.sheet or grid.file, "", "sheet_not_in_map"))
            return
        hint = next((table for table in tables if table.unit_column != "auto"), tables[0] if tables else None)
        parts, around = lay_out(grid, self.lexicon, hint)
        skipped.extend([*self.doubts.of_grid(grid), *around])
        if parts:
            self.reading.sheets = (*self.reading.sheets, grid.sheet or "")
        for part in parts:
            self._take_part(part, [table for table in tables if self.finder.fits(table, part)])

    def _take_part(self, part: Part, tables: Sequence[Table]) -> None:
        unit = self._unit_of(part, tables)
        if part.unit is None and not unit:
            name = part.view.grid.sheet or part.view.grid.file
            self.reading.skipped.append(Skipped("sheet", name, "", "no_table"))
            return
        skip_rows = [key_of(label) for table in tables for label in table.skip_rows]
        for column, texts in mixed_columns(part):
            header = "/".join(dict.fromkeys(part.view.shown(row, column) for row in part.header))
            self.doubts.mixed.append((part.view.line_address(column=column), header, texts))
        series: dict[tuple[tuple[str, ...], str], Series | None] = {}
        groups: dict[tuple[str, str], list[tuple[Figure, Decimal | None]]] = {}
        columns: dict[tuple[str, tuple[str, ...]], Figure] = {}
        for figure in figures_of(part, self.lexicon, unit, skip_rows, self.reading.skipped):
            key = (figure.names, figure.measure)
            if key not in series:
                series[key] = self.finder.series_of(figure, part, tables)
            found = series[key]
            if found is None:
                line = "" if part.roles.indicator is not None else figure.column
                columns.setdefault((line, figure.names), figure)
                continue
            if figure.left:
                self._skip(figure, figure.left)
                if figure.owner.kind == "unit":
                    self.doubts.left.setdefault((figure.left, figure.because), []).append(figure.cell)
                continue
            period = self._period(figure, part)
            value = self._take_figure(figure, found, period)
            groups.setdefault((found.code, period or ""), []).append((figure, value))
        for (_, names), figure in columns.items():
            reason, near = self.finder.why_not(names, part, mapped=self.target.how is not None)
            text = "/".join(names) or figure.text
            if names:
                of_sheet = self.reading.headers.setdefault(part.view.grid.sheet or "", {})
                of_sheet.setdefault(text, figure.measure)
            self.reading.skipped.append(Skipped(part.names_along, figure.column, text, reason, near))
        self._sum_up(groups, series)

    def _unit_of(self, part: Part, tables: Sequence[Table]) -> str:
        """Return whose a table is that has no column of cities; blank where it does not say."""
        if part.unit is not None:
            return ""
        if told := next((table.unit for table in tables if table.unit), ""):
            return told
        for texts in ([part.view.grid.sheet or ""], part.titles):
            found = self.lexicon.places_in([text for text in texts if text])
            if len(found) == 1:
                return next(iter(found))
        return ""

    def _period(self, figure: Figure, part: Part) -> str | None:
        """Return the period of a figure: its own, else the one that is told, else that of the title."""
        how = self.target.how
        fixed = how.period if how is not None and how.period not in {FOUND, TOLD} else None
        told = self.target.period or fixed
        if figure.year:
            self.dated.add(figure.year)
            return figure.year
        titles = [title for title in part.titles if not is_stamp(title)]
        years = years_in(" ".join(titles)) or years_in(part.view.grid.sheet or "")
        if told is not None:
            self.other_years |= {years[0]} if len(years) == 1 and years[0] != told[:4] else set()
            return told
        return years[0] if len(years) == 1 and (how is None or how.period != TOLD) else None

    def _take_figure(self, figure: Figure, series: Series, period: str | None) -> Decimal | None:
        """Keep what a cell says where it is about an assessed unit; return its number."""
        measure = series.measure if series.prevails else figure.measure or series.measure
        told, value, note = self._read(figure, series.code, measure)
        if figure.owner.kind != "unit":
            return value
        unit, holds = self.lexicon.holds(figure.owner.label, figure.owner.code, period or "")
        if not holds:
            self.expired.setdefault(figure.owner.label or unit, set()).add(period or "")
            self._skip(figure, "no_longer")
        elif why := self.doubts.of_figure(figure, told.state, self._decimal(figure)):
            self._skip(figure, why)
        elif period is None:
            self.undated.append(figure.cell)
        else:
            if told.state != "value":
                self._skip(figure, _why_no_value(told, figure))
            if figure.text and key_of(figure.text) in self.marks:
                self.met[figure.text] = self.marks[key_of(figure.text)]
            seen = (figure.cell, figure.place[0] + 1, figure.text, measure)
            self._keep(Fact(unit, series.code, period, told.state, value, note, *seen))
        return value

    def _read(self, figure: Figure, code: str, measure: str) -> tuple[Told, Decimal | None, str]:
        """Return what a cell says, its number in the indicator's unit, and what is noted beside the fact."""
        told = read_cell(figure.text, self.marks, self._decimal(figure))
        if figure.flag and told.state in {"value", "missing"}:
            told = replace(told, mark=figure.flag)
        if told.state != "value":
            return told, None, told.note
        assert told.number is not None
        done = self.converter.convert(told, figure, code, measure) if abs(told.number) < _LARGEST else None
        if done is None:
            return Told("", mark=figure.text), None, ""
        value, original = done
        return told, value, "；".join(filter(None, (original, told.note)))

    def _decimal(self, figure: Figure) -> str:
        """Return what parts the decimals of a figure: a number of a workbook has no custom of its own."""
        return "." if figure.is_number or self.target.how is None else self.target.how.decimal

    def _skip(self, figure: Figure, reason: str) -> None:
        self.reading.skipped.append(Skipped("cell", figure.cell, figure.text, reason))

    def _keep(self, fact: Fact) -> None:
        """Keep a fact once: a gap beside a figure says nothing, two different figures are noted."""
        key = (fact.unit, fact.indicator, fact.period)
        before = self.told.get(key)
        if before is None or (before.state == "missing" and fact.state != "missing"):
            self.told[key] = fact
        elif fact.state != "missing" and (fact.state, fact.value) != (before.state, before.value):
            self.twice.append((before, fact))
        else:
            self.reading.skipped.append(Skipped("cell", fact.cell, fact.text, "repeated"))

    def _sum_up(
        self,
        groups: Mapping[tuple[str, str], list[tuple[Figure, Decimal | None]]],
        series: Mapping[tuple[tuple[str, ...], str], Series | None],
    ) -> None:
        """Keep what rows of totals say beside the rows that they add up."""
        for (code, period), figures in groups.items():
            totals = [(f, value) for f, value in figures if f.owner.kind == "total" and value is not None]
            if len({value for _, value in totals}) != 1:
                continue
            figure, total = totals[0]
            assert total is not None
            rows = [(f.owner.kind, value) for f, value in figures if not _is_of_which(f)]
            assessed, others = (
                tuple(value for kind, value in rows if kind == wanted) for wanted in ("unit", "other")
            )
            parts = tuple(value for f, value in figures if _is_of_which(f))
            found = series[figure.names, figure.measure]
            measure = figure.measure or (found.measure if found else "")
            self.reading.sums.append(Sum(code, period, figure.cell, total, assessed, others, parts, measure))

    def finish(self, grids: Sequence[Grid], problems: Problems) -> None:
        """Note what is wrong with the file as a whole, and write down the map by which it was read."""
        where = Where(grids[0].file if grids else None)
        file = where.file or ""
        self.converter.note(file, problems)
        self.finder.note(grids, problems)
        for before, fact in self.twice:
            cells, values = [before.cell, fact.cell], [before.text, fact.text]
            problems.add(
                "yearbook.told-twice", Where(file, column=fact.cell), unit=fact.unit, code=fact.indicator,
                period=fact.period, cells=cells, texts=values,
            )  # fmt: skip
        for item in self.reading.skipped:
            if item.reason == "names_disagree":
                meant = [item.text, *item.near]
                problems.add("import.units-disagree", where, values=meant, rows=[item.where])
        if self.undated:
            problems.add("yearbook.no-period", where, cells=self.undated)
        if self.other_years:
            years = sorted(self.other_years)
            told = self.target.period or (self.target.how.period if self.target.how else "")
            problems.add("yearbook.period-differs", where, told=told, years=years)
        for label, periods in self.expired.items():
            problems.add("yearbook.name-expired", where, value=label, periods=sorted(periods))
        self.doubts.note(self.finder.narrowed, where, problems)
        self.reading.facts = sorted(self.told.values(), key=_in_order(self.target))
        self.reading.found = self._map_found()

    def _map_found(self) -> YearbookMap:
        """Return the map by which the file was read, for the next year's file."""
        if self.target.how is not None:
            return self.target.how
        is_told = self.target.period is not None and not self.dated
        marks = {mark: meaning for mark, meaning in self.met.items() if mark}
        return YearbookMap(period=TOLD if is_told else FOUND, marks=marks, tables=self.finder.found_tables())


def _names_known_codes(target: Target, problems: Problems) -> bool:
    """Tell whether the codes of a map are those of the framework and the units; note those that are not."""
    assert target.how is not None
    codes = [column.indicator for table in target.how.tables for column in table.columns]
    unknown = sorted({code for code in codes if code not in target.framework.recordable})
    units = [name.unit for name in target.how.names] + [table.unit for table in target.how.tables]
    unknown += sorted({unit for unit in units if unit and unit not in target.units.position})
    if unknown:
        problems.add("yearbook.map-codes", codes=unknown)
    return not unknown


def _why_no_value(told: Told, figure: Figure) -> str:
    """Return why a cell has no value: blank, a mark for a gap, or one that the map gives another meaning."""
    if not figure.text:
        return "blank_cell"
    return "not_available" if told.state == "missing" else "mark"


def _is_of_which(figure: Figure) -> bool:
    return figure.owner.label.startswith(("其中", "#", "＃"))


def _in_order(target: Target) -> Callable[[Fact], tuple[str, int, int]]:
    position = target.units.position
    order = {code: place for place, code in enumerate(target.framework.recordable)}
    return lambda fact: (fact.period, position.get(fact.unit, -1), order.get(fact.indicator, -1))


def names_left_out(skipped: Sequence[Skipped]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the labels of rows that were no city, with near misses."""
    for item in skipped:
        if item.reason in {"unknown_name", "ambiguous_name"}:
            yield item.text, item.near
