"""The figures of a table one by one: whose, under which names, for which year, in which unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from citygauge.collect.units import Match
from citygauge.collect.yearbook.layout import Part, Skipped, What
from citygauge.collect.yearbook.lexicon import Header, Lexicon, names_provinces
from citygauge.collect.yearbook.words import (
    is_date,
    is_grand_total,
    is_province,
    is_total,
    key_of,
    narrowings,
    period_in,
    words,
    year_of_date,
)

Kind = Literal["unit", "other", "total", "none"]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a row is: a unit's, another place's, that of all together, or nobody's."""

    kind: Kind
    label: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A cell with its surroundings: `names` as the map writes them; `year` and `measure` may be blank.

    `by_line`: the unit of measure is that of a line above the whole table; `stated` are all that the line
    names. `left`: why it is left out whatever it says (a key of ``words.toml``), `because` of which text.
    In a workbook: `is_number`, a number and no text; `no_result`, a formula without one; `scaled`, shown
    divided.
    """

    owner: Owner
    names: tuple[str, ...]
    year: str
    measure: str
    text: str
    cell: str
    place: tuple[int, int]
    column: str
    flag: str = ""
    by_line: bool = False
    stated: tuple[str, ...] = ()
    left: str = ""
    because: str = ""
    is_number: bool = False
    no_result: bool = False
    scaled: bool = False


def figures_of(
    part: Part, lexicon: Lexicon, unit: str, skip_rows: Sequence[str], skipped: list[Skipped]
) -> Iterator[Figure]:
    """Yield the figures of a part; what has no owner, and cells merged over several rows, go to `skipped`.

    Parameters
    ----------
    unit : str
        Whose the table is where its rows are no cities.
    skip_rows : sequence of str
        Keys of labels that the map leaves out.
    """
    view, roles = part.view, part.roles
    labels = _labels(part)
    provinces = part.unit is not None and names_provinces(labels)
    days = [text for text in _periods(part) if is_date(text)]
    dated = all(map(year_of_date, days))
    spread = Counter(view.grid.origin.get(view.place(row, c)) for row in part.body for c in roles.values)
    for row, label in zip(part.body, labels, strict=True):
        if part.unit is None:
            owner, beside = Owner("unit", "", unit), lexicon.header([label])
        else:
            owner, beside = _owner(part, row, label, lexicon, provinces, skip_rows, skipped), Header()
        if owner.kind == "none":
            continue
        named, year, measure = _beside(part, row, lexicon, beside, dated=dated)
        left, because = _left_out(part, row, dated=dated)
        for column in roles.values:
            above = part.headers[column]
            if view.grid.is_hidden(*view.place(row, column)):
                continue
            origin = view.grid.origin.get(view.place(row, column))
            if origin is not None and _rows_of(part, column, origin) > 1 and spread[origin] > 1:
                text = view.shown(row, column)
                skipped.append(Skipped("cell", view.address(row, column), text, "merged_cells"))
                continue
            own = measure or above.measure
            yield Figure(
                owner,
                (*above.names, *named),
                year or above.year,
                own or (part.stated[0] if len(part.stated) == 1 else ""),
                view.own(row, column),
                view.address(row, column),
                view.place(row, column),
                _line_of(part, row, column, by_row=roles.indicator is not None),
                _flag(part, row, column),
                not own,
                () if own else part.stated,
                left,
                because,
                *_marked(part, view.place(row, column)),
            )


def _labels(part: Part) -> list[str]:
    """Return the label of every row; a city may be printed once above its years or indicators."""
    labels = [part.view.shown(row, part.unit or 0) for row in part.body]
    if part.unit is None or (part.roles.period is None and part.roles.indicator is None):
        return labels
    for place, label in enumerate(labels[1:], 1):
        labels[place] = label or labels[place - 1]
    return labels


def _marked(part: Part, place: tuple[int, int]) -> tuple[bool, bool, bool]:
    marks = part.view.grid.marks
    return place in marks.fractions, place in marks.formulas, place in marks.scaled


def _periods(part: Part) -> list[str]:
    """Return what stands in the column of periods."""
    column = part.roles.period
    return [] if column is None else [part.view.shown(row, column) for row in part.body]


def _left_out(part: Part, row: int, *, dated: bool) -> tuple[str, str]:
    """Return why the columns beside a row leave its figures out, and their text; blank where they do not."""
    view, roles = part.view, part.roles
    for column in roles.asides:
        text = view.shown(row, column)
        if not text or any(words().has(kind, text) for kind in ("whole", "neutral")):
            continue
        if column in roles.dimensions or narrowings(text):
            return "narrowed_by_row", text
    if roles.period is not None and (text := view.shown(row, roles.period)):
        return ("", "") if period_in(text, by_date=dated) else ("bad_period", text)
    return "", ""


def mixed_columns(part: Part) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the columns of text whose words change within one city, indicator and year, with the words.

    A text that goes with the city, the indicator, the year or the unit of measure alone is another name of
    it; any other may be what two figures of one name differ by.
    """
    labels = _labels(part)
    roles = part.roles
    others = [c for c in (roles.indicator, roles.period, roles.measure) if c is not None]
    for column in roles.asides:
        if column in roles.dimensions:
            continue
        texts = [part.view.shown(row, column) for row in part.body]
        keys = [labels, *([part.view.shown(row, other) for row in part.body] for other in others)]
        if not any(len({*zip(key, texts, strict=True)}) == len({*key}) for key in [[""] * len(texts), *keys]):
            yield column, tuple(dict.fromkeys(filter(None, texts)))


def _beside(
    part: Part, row: int, lexicon: Lexicon, beside: Header, *, dated: bool
) -> tuple[tuple[str, ...], str, str]:
    """Return what the columns of labels say of a row: names, year, unit of measure."""
    view, roles = part.view, part.roles
    names, year, measure = beside.names, beside.year, beside.measure
    if roles.indicator is not None:
        told = lexicon.header([view.shown(row, roles.indicator)])
        names, measure = (*names, *told.names), told.measure or measure
    if roles.period is not None:
        year = period_in(view.shown(row, roles.period), by_date=dated) or year
    if roles.measure is not None:
        text = view.shown(row, roles.measure)
        measure = measure if key_of(text) in words().marks else text
    return names, year, measure


def _flag(part: Part, row: int, column: int) -> str:
    """Return the flag of a figure: in the column to its right, or in the one for the only figures."""
    flags, own = part.roles.flags, part.view.own
    if column + 1 in flags:
        return own(row, column + 1)
    return own(row, flags[0]) if len(flags) == len(part.roles.values) == 1 else ""


def _rows_of(part: Part, column: int, origin: tuple[int, int]) -> int:
    view = part.view
    return sum(view.grid.origin.get(view.place(row, column)) == origin for row in part.body)


def _line_of(part: Part, row: int, column: int, *, by_row: bool) -> str:
    """Return the address of the column, or the row, that a figure's name belongs to."""
    if by_row:
        return part.view.line_address(row=row)
    return part.view.line_address(column=column)


def _owner(
    part: Part,
    row: int,
    label: str,
    lexicon: Lexicon,
    provinces: bool,
    skip_rows: Sequence[str],
    skipped: list[Skipped],
) -> Owner:
    """Return whose a row is, and note why it is nobody's that counts."""
    match, codes = _match(part, row, label, lexicon)
    near: tuple[str, ...] = ()
    kind: Kind = "other"
    if any(key_of(part.view.own(row, column)) in skip_rows for column in range(part.view.width)):
        kind, reason = "none", "skip_rows"
    elif match is None:
        if not any(part.view.own(row, column) for column in part.roles.values):
            return Owner("none")
        kind, reason = "none", "no_name"
    elif len(codes) > 1:
        kind, reason, near = "none", "names_disagree", tuple(sorted(codes))
    elif match.verdict in {"found", "elsewhere"} and not (provinces and is_province(label)):
        if match.verdict == "found":
            return Owner("unit", label, match.code)
        reason = "not_assessed"
    elif is_total(label):
        kind, reason = ("total" if is_grand_total(label) else "none"), "totals"
    else:
        reason = "ambiguous_name" if match.verdict == "ambiguous" else "unknown_name"
        near = match.candidates
    what: What = "column" if part.view.turned else "row"
    skipped.append(Skipped(what, part.view.line_address(row=row), label, reason, near))
    return Owner(kind, label)


def _match(part: Part, row: int, label: str, lexicon: Lexicon) -> tuple[Match | None, set[str]]:
    """Return what a label names, settled by a column that names the city again, and all codes it may be."""
    match = lexicon.place(label) if label else None
    again = [lexicon.place(text) for column in part.also if (text := part.view.shown(row, column))]
    codes = {other.code for other in again if other.verdict == "found"}
    if match is None:
        return None, codes
    if match.verdict == "ambiguous" and len(codes) == 1 and codes <= match.possible:
        return Match("found", next(iter(codes))), codes
    return match, codes | ({match.code} if match.verdict == "found" else set())
