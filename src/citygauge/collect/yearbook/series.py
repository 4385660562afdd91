"""Which indicator the names above or beside a figure stand for: by the framework, or by the map alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from citygauge.collect.yearbook.convert import fitting, same_measure
from citygauge.collect.yearbook.figures import Figure
from citygauge.collect.yearbook.grid import Grid
from citygauge.collect.yearbook.layout import Part
from citygauge.collect.yearbook.lexicon import Lexicon
from citygauge.collect.yearbook.lines import stated_units
from citygauge.collect.yearbook.mapping import Column, Table, YearbookMap
from citygauge.collect.yearbook.measures import factor, is_additive, measure_of
from citygauge.collect.yearbook.words import (
    chinese_part,
    is_continued,
    is_stamp,
    key_of,
    narrowings,
    title_core,
    title_words,
    without_years,
    words,
)
from citygauge.problems import Problems, Where

_Found = tuple[str, str]  # sheet, title


@dataclass(frozen=True, slots=True)
class Series:
    """An indicator, and the unit of measure that the map gives it.

    `prevails`: it goes before what the file states, which is a line above the whole table, or per cent
    where the numbers are shares of 1.
    """

    code: str
    measure: str = ""
    prevails: bool = False


@dataclass
class SeriesFinder:
    """Finds indicators, and remembers what it found where and what of the map it did not find."""

    how: YearbookMap | None
    lexicon: Lexicon
    _columns: dict[_Found, dict[str, Column]] = field(default_factory=dict)
    _used: set[tuple[int, str]] = field(default_factory=set)
    _seen: set[int] = field(default_factory=set)
    _headers: dict[int, list[str]] = field(default_factory=dict)
    _changed: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _units: dict[_Found, str] = field(default_factory=dict)
    _titles: list[str] = field(default_factory=list)
    _stopped: dict[tuple[int, str], frozenset[str]] = field(default_factory=dict)
    narrowed: dict[tuple[str, ...], list[str]] = field(default_factory=dict)

    def tables_of(self, grid: Grid) -> list[Table]:
        """Return the tables of the map that may stand in a sheet."""
        if self.how is None:
            return []
        return [table for table in self.how.tables if _is_sheet(table.sheet, grid.sheet)]

    def fits(self, table: Table, part: Part) -> bool:
        """Tell whether a table of the map is this one, by its title."""
        assert self.how is not None
        wanted = key_of(table.title)
        exact = {key for title in part.titles for key in _title_keys(title)}
        only_by_title = any(not column.header for column in table.columns)
        inside = any(wanted in key for title in part.titles for key in (key_of(title), title_core(title)))
        self._titles += [title for title in part.titles if title not in self._titles]
        found = not wanted or wanted in exact or (inside and not only_by_title)
        if found:
            place = self.how.tables.index(table)
            self._seen.add(place)
            paths = [part.headers[column].path for column in part.roles.values]
            self._headers.setdefault(place, []).extend(path for path in paths if path)
        return found

    def series_of(self, figure: Figure, part: Part, tables: Sequence[Table]) -> Series | None:
        """Return the indicator of a figure; None where it has none."""
        if self.how is not None:
            return self._mapped(figure, part, tables)
        code = self.lexicon.meant(figure.names).code
        title = ""
        if not code and _says_nothing(figure.names):
            code, title = self._in_title(part)
        if not code or _is_change(figure) or self._narrowed_by(code, figure, part):
            return None
        where = (part.view.grid.sheet or "", title or main_title(part.titles))
        path = "/".join(figure.names)
        measure = figure.measure if measure_of(figure.measure) is not None else ""
        measure = measure or fitting(figure.stated, self.lexicon.framework, code)
        column = Column(header=path, indicator=code, measure=measure if measure_of(measure) else "")
        self._columns.setdefault(where, {}).setdefault(path, column)
        if part.unit is None:
            self._units[where] = figure.owner.code
        return Series(code, "" if figure.measure else measure)

    def why_not(self, names: Sequence[str], part: Part, *, mapped: bool) -> tuple[str, tuple[str, ...]]:
        """Return why names stand for no indicator, and what they are near to."""
        stopped = any(_path_key("/".join(names)) == _path_key(header) for _, header in self._stopped)
        if mapped:
            return ("narrowed" if stopped else "not_in_map"), ()
        meant = self.lexicon.meant(names)
        if meant.code:
            return "narrowed", (meant.code,)
        if meant.near and narrowings(" ".join(names)) and not meant.ambiguous:
            return "narrowed_by_header", meant.near
        if _says_nothing(names):
            meant = self.lexicon.in_title([*part.titles, part.view.grid.sheet or ""])
            if meant.code:
                return "narrowed", (meant.code,)
        return ("ambiguous_indicator" if meant.ambiguous else "no_indicator"), meant.near

    def found_tables(self) -> tuple[Table, ...]:
        """Return what was found as tables of a map."""
        return tuple(
            Table(
                sheet=where[0], title=where[1], unit=self._units.get(where, ""), columns=(*columns.values(),)
            )
            for where, columns in self._columns.items()
        )

    def note(self, grids: Sequence[Grid], problems: Problems) -> None:
        """Note what the map names and the file does not have, and what has changed its unit of measure."""
        if self.how is None or not grids:
            return
        file = grids[0].file
        for place, table in enumerate(self.how.tables):
            if place not in self._seen:
                values = {"sheet": table.sheet or "–", "title": table.title or "–"}
                sheets = [grid.sheet or grid.file for grid in grids]
                titles = self._titles
                problems.add("yearbook.table-gone", Where(file), **values, sheets=sheets, titles=titles)
                continue
            gone = [column for column in table.columns if (place, column.header) not in self._used]
            stopped = [column for column in gone if (place, column.header) in self._stopped]
            if stopped:
                found_words = frozenset().union(*(self._stopped[place, c.header] for c in stopped))
                codes = [column.indicator for column in stopped]
                where, told = Where(file, table.sheet or None), sorted(found_words)
                problems.add("yearbook.title-narrowed", where, codes=codes, words=told, titles=self._titles)
            gone = [column for column in gone if column not in stopped]
            for column in gone:
                found = list(dict.fromkeys(self._headers.get(place, [])))
                where = Where(file, table.sheet or None)
                values = {"header": column.header or table.title, "code": column.indicator}
                problems.add("yearbook.column-gone", where, **values, found=found)
        for (header, old, new), cell in self._changed.items():
            where = Where(file, column=cell)
            problems.add("yearbook.measure-changed", where, header=header, old=old, new=new)

    def _narrowed_by(
        self, code: str, figure: Figure, part: Part, table: Table | None = None, header: str = ""
    ) -> frozenset[str]:
        """Return what makes an indicator something else in a part, and remember where."""
        headers = [other.path for other in part.headers.values()]
        if part.view.turned or part.unit is None or part.roles.indicator is not None:
            headers += [part.view.shown(row, part.unit or 0) for row in part.body]
        titles = [*part.titles, part.view.grid.sheet or ""]
        known = [] if table is None else [table.title, table.sheet, header]
        found = self.lexicon.narrowed_by(code, titles, headers, known)
        if found:
            places = self.narrowed.setdefault((main_title(part.titles, ""), *sorted(found)), [])
            places += [figure.column] if figure.column not in places else []
        return found

    def _mapped(self, figure: Figure, part: Part, tables: Sequence[Table]) -> Series | None:
        assert self.how is not None
        path = "/".join(figure.names)
        wanted = {_path_key(path)} | ({""} if _says_nothing(figure.names) else set())
        for table in tables:
            for column in table.columns:
                if _path_key(column.header) not in wanted:
                    continue
                key = (self.how.tables.index(table), column.header)
                found = self._narrowed_by(column.indicator, figure, part, table, column.header)
                if found:
                    self._stopped[key] = self._stopped.get(key, frozenset()) | found
                    return None
                self._used.add(key)
                old, new = column.measure, figure.measure or _other(figure.stated, column.measure)
                prevails = bool(old) and _gives_way(figure, old, table)
                if old and new and not prevails and not same_measure(old, new):
                    self._changed.setdefault((path, old, new), figure.cell)
                measure = old or fitting(figure.stated, self.lexicon.framework, column.indicator)
                return Series(column.indicator, measure, prevails)
        return None

    def _in_title(self, part: Part) -> tuple[str, str]:
        """Return the indicator that a title or the name of the sheet names, and the words that name it."""
        for text in (*reversed(part.titles), part.view.grid.sheet or ""):
            meant = self.lexicon.in_title([text]) if text else None
            if meant is not None and meant.code:
                keys = [key for key in _title_keys(text) if self.lexicon.meant([key]).code == meant.code]
                return meant.code, keys[0] if keys and text in part.titles else ""
        return "", ""


def _says_nothing(names: Sequence[str]) -> bool:
    return all(words().has("neutral", name) for name in names)


def _is_change(figure: Figure) -> bool:
    """Tell whether a figure is in points of per cent: that is never a level."""
    measure = measure_of(figure.measure)
    return measure is not None and measure.expression == "point_of_hundred"


def main_title(titles: Sequence[str], default: str = "") -> str:
    """Return the words that make a table what it is: the first title, without what changes by the year."""
    for title in titles:
        if not (is_stamp(title) or is_continued(title) or words().has("about", title.split(":")[0])):
            core = title_core(title)
            if core and not (stated_units([title]) and not title_words(title)):
                return core
    return default


def _other(stated: Sequence[str], by_map: str) -> str:
    """Return the units of a line that are like that of the map and none of them the same; else blank."""
    wanted = measure_of(by_map)
    if wanted is None:
        return ""
    like = [told for told in stated if (one := measure_of(told)) and factor(one, wanted) is not None]
    return "" if any(same_measure(told, by_map) for told in like) else "、".join(like)


def _gives_way(figure: Figure, by_map: str, table: Table) -> bool:
    """Tell whether the unit of measure in the file gives way to that of the map.

    A line above a table need not hold for every column; a spreadsheet shows 0.52 as 52 %. A line that says
    per cent holds for a table of amounts only where the map has a column of shares in it.
    """
    stated, wanted = measure_of(figure.measure), measure_of(by_map)
    if stated is None or wanted is None:
        return False
    if (stated.expression, wanted.expression) == ("percent", "dimensionless"):
        return True
    if not figure.by_line or factor(stated, wanted) is not None:
        return False
    others = [measure_of(column.measure) for column in table.columns]
    return is_additive(stated) or any(one is not None and factor(stated, one) is not None for one in others)


def _title_keys(title: str) -> list[str]:
    return [title_words(half) for half in (title, chinese_part(title)) if half]


def _path_key(path: str) -> str:
    return without_years(path).replace("/", "")


def _is_sheet(wanted: str, sheet: str | None) -> bool:
    """Tell whether a sheet is the one that a map names; the year in its name may be another."""
    return not wanted or sheet is None or without_years(wanted) == without_years(sheet)
