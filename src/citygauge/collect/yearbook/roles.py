"""What the columns of a table are for: figures, years, units of measure, names, remarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from citygauge.collect.yearbook.cells import is_figure
from citygauge.collect.yearbook.grid import View
from citygauge.collect.yearbook.lexicon import Header, Lexicon
from citygauge.collect.yearbook.measures import measure_of
from citygauge.collect.yearbook.words import is_date, key_of, words, year_alone, years_in

_MOST = 0.5
_LABELS = ("periods", "measures", "flags", "indicators", "units")


@dataclass(frozen=True, slots=True)
class Roles:
    """The columns of a part: one at most of each kind, and those with figures.

    `asides` are columns of text that may say which part a figure is; `dimensions`, among them, are such by
    their name: age, sex, 口径.
    """

    period: int | None = None
    measure: int | None = None
    indicator: int | None = None
    flags: tuple[int, ...] = ()
    values: tuple[int, ...] = ()
    asides: tuple[int, ...] = ()
    dimensions: tuple[int, ...] = ()


def roles_of(
    view: View,
    header: Sequence[int],
    body: Sequence[int],
    headers: Mapping[int, Header],
    lexicon: Lexicon,
    also: Sequence[int] = (),
) -> tuple[Roles, dict[int, str]]:
    """Return what the columns are for, and why those for nothing are left out."""
    single: dict[str, int] = {}
    values: list[int] = []
    left_out: dict[int, str] = {}
    dimensions: list[int] = []
    texts: list[int] = []
    flags: list[int] = []
    for column in headers:
        above = [view.shown(row, column) for row in header]
        cells = [text for row in body if (text := view.own(row, column))]
        kind = _kind(above, cells, headers[column], lexicon, turned=view.turned)
        told = [key_of(text) for text in above if text]
        if column - 1 in values and _are_flags(column, cells, headers):
            kind = "flags"
            left_out[column] = "flags"
        if any(words().has("dimensions", text) for text in told) and kind not in single:
            dimensions.append(column)
            kind = "text_column"
        elif kind == "text_column" and told and not any(words().has("remarks", text) for text in told):
            texts.append(column)
        if kind == "flags":
            flags.append(column)
        elif kind in {"values", "text_column", "blank_column"}:
            values += [column] if kind == "values" else []
            left_out |= {} if kind == "values" else {column: kind}
        elif kind in single:
            left_out[column] = "text_column"
        else:
            single[kind] = column
    for column in [column for column, why in left_out.items() if why == "blank_column"]:
        if not headers[column].names and column == view.width - 1:  # the edge of the sheet
            del left_out[column]
    if "indicator" not in single:
        texts = []
    asides = tuple(column for column in (*dimensions, *texts) if column not in also)
    period, measure, indicator = (single.get(kind) for kind in ("period", "measure", "indicator"))
    roles = Roles(period, measure, indicator, tuple(flags), tuple(values), asides, tuple(dimensions))
    return roles, left_out


def _are_flags(column: int, cells: Sequence[str], headers: Mapping[int, Header]) -> bool:
    """Tell whether a column holds the flags of the one to its left: letters under no header or the same."""
    above = headers[column]
    own = above.names or above.year or above.measure
    letters = all(text.isascii() and text.isalpha() and len(text) < 4 for text in cells)
    return bool(cells) and letters and (not own or above == headers.get(column - 1))


def _kind(
    above: Sequence[str], cells: Sequence[str], header: Header, lexicon: Lexicon, *, turned: bool
) -> str:
    """Return what a column is for; in a turned view years may be one that was a row of the header."""
    told = [key_of(text) for text in above if text]
    beside = _kind_of_labels(told, cells, lexicon, turned=turned)
    if beside:
        return beside
    is_known = bool(lexicon.meant(header.names).code) or bool(header.year)
    if not told or not cells:
        blank = "blank_column" if not cells else "text_column"
        return "values" if told and is_known else blank
    return "values" if is_known or _share(cells, is_figure) >= _MOST else "text_column"


def _kind_of_labels(told: Sequence[str], cells: Sequence[str], lexicon: Lexicon, *, turned: bool) -> str:
    """Return what a column says of the figures beside it; blank where it holds figures or remarks."""
    is_called = {kind: any(words().has(kind, text) for text in told) for kind in _LABELS}
    nameless = all(any(words().has(kind, text) for kind in _LABELS) for text in told)
    if _share(cells, _is_period) > _MOST and (
        is_called["periods"] or (nameless and (turned or _in_words(cells)))
    ):
        return "period"
    if is_called["measures"] and _share(cells, _is_number) < _MOST:
        return "measure"
    if is_called["flags"]:
        return "flags"
    named = any(lexicon.is_indicator(text) for text in {*cells} if not is_figure(text))
    return "indicator" if named and _share(cells, is_figure) < _MOST else ""


def _is_period(text: str) -> bool:
    return bool(year_alone(text)) or is_date(text) or (len(years_in(text)) == 1 and len(text) < 12)


def _in_words(cells: Sequence[str]) -> bool:
    """Tell whether years are written as such: bare numbers without a header may be anything."""
    return all("年" in text or not text.isdecimal() for text in cells)


def _is_number(text: str) -> bool:
    return is_figure(text) and measure_of(text) is None


def _share(cells: Sequence[str], holds: Callable[[str], bool]) -> float:
    return sum(map(holds, cells)) / len(cells) if cells else 0.0
