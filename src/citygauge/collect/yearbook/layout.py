"""Where in a sheet the tables are: headers, cities, figures, and what is only printed around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from citygauge.collect.yearbook.cells import is_figure
from citygauge.collect.yearbook.grid import Grid, View
from citygauge.collect.yearbook.lexicon import Header, Lexicon
from citygauge.collect.yearbook.lines import (
    BETWEEN,
    Line,
    begins_anew,
    has_number,
    is_code,
    is_name,
    is_titled,
    kind_of,
    lines_of,
    stated_units,
)
from citygauge.collect.yearbook.mapping import Table
from citygauge.collect.yearbook.roles import Roles, roles_of
from citygauge.collect.yearbook.words import (
    is_continued,
    is_date,
    is_note,
    is_total,
    key_of,
    without_year_spans,
    words,
    year_alone,
    year_of_date,
)

What = Literal["sheet", "row", "column", "cell"]
_ENOUGH = 0.3  # of the most cities in one column: another column with so many is one of cities too


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was left out: what and where, its text, and why (a key of ``words.toml``)."""

    what: What
    where: str
    text: str
    reason: str
    near: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """One table, or one of several columns of print: rows with figures under one header.

    `headers` says what stands above each column of figures; `unit` is the column with the names of the
    cities, None where the rows are no cities.
    """

    view: View
    header: tuple[int, ...]
    body: tuple[int, ...]
    unit: int | None
    roles: Roles
    headers: Mapping[int, Header]
    titles: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()
    also: tuple[int, ...] = ()

    @property
    def names_along(self) -> What:
        """Whether the names of the figures stand above columns of the file or beside its rows."""
        return "row" if self.view.turned or self.roles.indicator is not None else "column"


@dataclass
class _Plan:
    """What is known of a view while its parts are found."""

    view: View
    lexicon: Lexicon
    cities: Mapping[int, tuple[int, ...]]
    hint: Table | None
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def starts(self) -> tuple[int, ...]:
        """The columns with cities at which columns of print begin."""
        return tuple(self.cities)


def lay_out(grid: Grid, lexicon: Lexicon, hint: Table | None) -> tuple[list[Part], list[Skipped]]:
    """Return the tables of a sheet, and the rows and columns that are none of their figures.

    Parameters
    ----------
    hint : Table, optional
        What the map says of the sheet: the column of the cities, the rows of the header.
    """
    lines, rest = lines_of(grid, lexicon)
    name = grid.sheet or grid.file
    if not lines and not rest:
        return [], [Skipped("sheet", name, "", "empty_sheet")]
    view = _oriented(grid, tuple(rest), lexicon)
    if view is None:
        return [], [Skipped("sheet", name, "", "no_table")]
    plan = _Plan(view, lexicon, _cities(view, lexicon, hint), hint)
    parts = _parts(plan, lines)
    if not parts:
        return [], [Skipped("sheet", name, "", "no_table")]
    bodies = [row for part in parts for row in part.body]
    places = [view.place(row, column)[0] for row in bodies for column in (0, view.width - 1)]
    around = [
        Skipped("row", _row_address(grid, line.row), line.text, kind_of(line, min(places), max(places)))
        for line in lines
    ]
    return parts, [*around, *plan.skipped]


def _row_address(grid: Grid, row: int) -> str:
    return f"{grid.sheet}!{row + 1}" if grid.sheet else str(row + 1)


def _oriented(grid: Grid, rows: tuple[int, ...], lexicon: Lexicon) -> View | None:
    """Return the rows with the cities, else the years, down the side; None where nothing is recognised."""
    cities: tuple[dict[int, list[str]], dict[int, list[str]]] = ({}, {})
    indicators: tuple[dict[int, set[str]], dict[int, set[str]]] = ({}, {})
    called = [
        (row, column) for row in rows for column in range(grid.width) if _is_called(grid.shown(row, column))
    ]
    coded_rows, coded_columns = {row for row, _ in called}, {column for _, column in called}
    for row in rows:
        for column in range(grid.width):
            text = grid.shown(row, column)
            coded = row in coded_rows or column in coded_columns
            if is_name(text, lexicon) or (coded and is_code(text, lexicon)):
                cities[0].setdefault(column, []).append(key_of(text))
                cities[1].setdefault(row, []).append(key_of(text))
            elif text and not is_figure(text) and lexicon.is_indicator(text):
                indicators[0].setdefault(column, set()).add(key_of(text))
                indicators[1].setdefault(row, set()).add(key_of(text))
    down, across = (max((len({*found}) for found in side.values()), default=0) for side in cities)
    named_down, named_across = (max(map(len, side.values()), default=0) for side in indicators)
    columns = tuple(range(grid.width))
    if not (down or across or named_down or named_across):
        return None
    repeated = any(len(found) > len({*found}) for found in cities[0].values())
    turned = across > down or (across == down and not repeated and named_down > named_across)
    return View(grid, rows, columns, turned)


def _cities(view: View, lexicon: Lexicon, hint: Table | None) -> dict[int, tuple[int, ...]]:
    """Return the columns with cities at which columns of print begin, and those that name the same again."""
    if hint is not None and hint.unit_column != "auto":
        wanted = key_of(hint.unit_column)
        cells = ((row, column) for row in range(view.height) for column in range(view.width))
        found = next((column for row, column in cells if key_of(view.shown(row, column)) == wanted), None)
        return {} if found is None else {found: ()}
    hits: dict[int, dict[int, str]] = {}
    for column in range(view.width):
        coded = any(_is_called(view.shown(row, column)) for row in range(view.height))
        for row in range(view.height):
            text = view.shown(row, column)
            if is_name(text, lexicon) or (coded and is_code(text, lexicon)):
                match = lexicon.place(text)
                hits.setdefault(column, {})[row] = match.code or " ".join(match.candidates)
    best = max(map(len, hits.values()), default=0)
    starts: dict[int, tuple[int, ...]] = {}
    last = -1
    for column in sorted(hits):
        if len(hits[column]) < max(min(2, best), _ENOUGH * best):
            continue
        both = hits[column].keys() & (hits[last].keys() if starts else ())
        same = sum(hits[column][row] == hits[last][row] for row in both)
        if not starts or (both and 2 * same < len(both)):
            starts[column], last = (), column
        elif both:
            starts[last] = (*starts[last], column)
    return starts


def _is_called(text: str) -> bool:
    """Tell whether a header says that cities stand under it."""
    return bool(text) and words().has("units", text)


def _parts(plan: _Plan, lines: Sequence[Line]) -> list[Part]:
    """Return the parts of a view: a new one begins at every header that differs from the one above it."""
    parts: list[Part] = []
    run: list[int] = []
    header: tuple[int, ...] = ()
    body: list[int] = []
    for row in range(plan.view.height):
        if not _is_body(plan, row, seen=bool(body)):
            run.append(row)
            continue
        between = [line for line in lines if body and _between(plan.view, line, body[-1], row)]
        anew = any(begins_anew(line, plan.lexicon) for line in between)
        if not run and any(map(is_titled, between)):  # as 市辖区 over the rows that follow
            parts += _finished(plan, header, body, lines, parts)
            body = []
        elif run and body and not anew and _repeats(plan.view, run, header):
            plan.skipped += [_skipped_row(plan.view, again, "repeated_header") for again in run]
        elif run:
            parts += _finished(plan, header, body, lines, parts)
            header, body = _header_of(plan, run), []
        run = []
        body.append(row)
    parts += _finished(plan, header, body, lines, parts)
    plan.skipped += [_skipped_row(plan.view, row, "footnote") for row in run]
    return parts


def _between(view: View, line: Line, above: int, below: int) -> bool:
    return not view.turned and view.row_ids[above] < line.row < view.row_ids[below]


def _header_of(plan: _Plan, run: Sequence[int]) -> tuple[int, ...]:
    """Return the rows of a header, as many as the map says."""
    wanted = plan.hint.header_rows if plan.hint is not None else "auto"
    if wanted == "auto" or plan.view.turned:
        return tuple(run)
    above, header = run[: len(run) - wanted], run[len(run) - wanted :]
    plan.skipped += [_skipped_row(plan.view, row, "title") for row in above]
    return tuple(header)


def _skipped_row(view: View, row: int, reason: str) -> Skipped:
    text = "  ".join(dict.fromkeys(filter(None, (view.own(row, column) for column in range(view.width)))))
    what: What = "column" if view.turned else "row"
    return Skipped(what, view.line_address(row=row), text, reason)


def _repeats(view: View, run: Sequence[int], header: Sequence[int]) -> bool:
    known = {_keys(view, row) for row in header}
    return bool(known) and all(_keys(view, row) in known for row in run)


def _keys(view: View, row: int) -> tuple[str, ...]:
    return tuple(key_of(view.shown(row, column)) for column in range(view.width))


def _is_body(plan: _Plan, row: int, *, seen: bool) -> bool:
    """Tell whether a row holds figures under a header; `seen`: there were such rows above."""
    view, starts = plan.view, plan.starts
    others = [view.own(row, column) for column in range(view.width) if column not in starts]
    figures = [text for text in others if is_figure(text) and not year_alone(text)]
    if not starts:
        filled = [text for text in others[1:] if text]
        return bool(figures) and 2 * sum(map(is_figure, filled)) >= len(filled)
    labels = [view.shown(row, column) for column in starts]
    if any(words().has("units", label) for label in labels if label):
        return False
    if any(label and (is_name(label, plan.lexicon) or is_total(label)) for label in labels):
        return True
    return bool(figures) and (seen or any(labels))


def _finished(
    plan: _Plan, header: tuple[int, ...], body: Sequence[int], lines: Sequence[Line], before: Sequence[Part]
) -> list[Part]:
    """Return the columns of print of a block of rows."""
    if not body:
        return []
    view = plan.view
    if view.turned:
        above = [line for line in lines if line.row < view.row_ids[0]] or list(lines[:1])
    else:
        top = view.row_ids[before[-1].body[-1]] if before else -1
        above = [line for line in lines if top < line.row < view.row_ids[body[0]]]
    told = [text for line in above if not line.kind for text in line.text.split(BETWEEN)]
    titles = tuple(text for text in told if not is_note(text, below=bool(before)))
    corners = [view.shown(row, column) for row in header for column in plan.starts]
    stated = stated_units([*titles, *corners])
    if before and all(is_continued(text) or stated_units([text]) for text in titles):
        titles, stated = (*before[-1].titles, *titles), stated or before[-1].stated
    elif before and header == before[-1].header and not any(map(has_number, titles)):
        above_all = before[-1].titles
        if any(map(year_alone, titles)):
            above_all = tuple(map(without_year_spans, above_all))
        titles, stated = (*above_all, *titles), stated or before[-1].stated
    found = []
    edges = [0, *plan.starts[1:], view.width] if plan.starts else [0, view.width]
    for number, (left, right) in enumerate(pairwise(edges)):
        unit = plan.starts[number] if plan.starts else None
        labels = 0 if unit is None else unit
        columns = [column for column in range(left, right) if column != labels]
        days = [text for row in header for column in columns if is_date(text := view.shown(row, column))]
        dated = all(map(year_of_date, days))
        headers = {column: _header_above(plan, header, column, unit, dated=dated) for column in columns}
        also = plan.cities[unit] if unit is not None else ()
        roles, left_out = roles_of(view, header, body, headers, plan.lexicon, also)
        for column, reason in left_out.items():
            text = headers[column].path or _first_text(view, column, body)
            what: What = "row" if view.turned else "column"
            plan.skipped.append(Skipped(what, view.line_address(column=column), text, reason))
        found.append(Part(view, header, tuple(body), unit, roles, headers, titles, stated, also))
    return found


def _first_text(view: View, column: int, body: Sequence[int]) -> str:
    return next((text for row in body if (text := view.own(row, column))), "")


def _header_above(
    plan: _Plan, header: Sequence[int], column: int, unit: int | None, *, dated: bool
) -> Header:
    """Return what stands above a column, with what its neighbours to the left share with it.

    `dated`: every day in the header is the last of a year, and stands for the year.
    """
    parts = []
    measure = ""
    for place, row in enumerate(header):
        text = plan.view.shown(row, column)
        if words().has("measures", plan.view.shown(row, unit or 0)):  # a row of units of measure
            measure = "" if key_of(text) in words().marks else text
            continue
        if not text and any(plan.view.shown(below, column) for below in header[place + 1 :]):
            text = _shared(plan.view, row, column, unit)
        if text and not (text.isdecimal() and not year_alone(text)):  # a row that numbers the columns
            parts.append((dated and year_of_date(text)) or text)
    told = plan.lexicon.header(parts)
    return replace(told, measure=measure) if measure else told


def _shared(view: View, row: int, column: int, unit: int | None) -> str:
    """Return the text to the left that a blank cell of a header shares, as far as it is not merged."""
    for other in range(column - 1, -1, -1):
        if other == unit:
            return ""
        if text := view.shown(row, other):
            return "" if view.is_merged(row, other) or text.isdecimal() else text
    return ""
