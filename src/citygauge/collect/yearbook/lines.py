"""The lines around a printed table: titles, units of measure, footnotes, headings of groups."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from citygauge.collect.yearbook.cells import is_figure
from citygauge.collect.yearbook.grid import Grid
from citygauge.collect.yearbook.lexicon import Lexicon
from citygauge.collect.yearbook.measures import measure_of
from citygauge.collect.yearbook.words import (
    bracketed,
    is_continued,
    is_note,
    key_of,
    narrowings,
    words,
    year_alone,
    years_in,
)

_UNIT_LINE = re.compile(
    r"(?:计量)?单\s*位\s*[:：]\s*([^()（）；;\n]+)|\bunits?(?: of measure)?\s*[:：]\s*([^()（）；;\n]+)",
    re.IGNORECASE,
)
_COMMAS = re.compile(r"[、，,/]|\s+")
_TITLE_NUMBER = re.compile(
    r"\s*(?:附?表|table)\s*[0-9一二三四五六七八九十]|\s*[0-9]{1,2}[-－—.][0-9]", re.IGNORECASE
)
BETWEEN = "  "  # the cells of a line
_LIKE_A_TITLE = re.compile(r"表|年鉴|统计|情况|主要|基本|table|statistic|indicators of", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """A row that is no part of a table."""

    row: int
    text: str
    kind: str = ""


def lines_of(grid: Grid, lexicon: Lexicon) -> tuple[list[Line], list[int]]:
    """Return the lines around the tables of a sheet, and the rows that are neither lines nor blank."""
    cities = _columns_of_cities(grid, lexicon)
    lines, rest = [], []
    for row, cells in enumerate(grid.rows):
        filled = [(column, text) for column, text in enumerate(cells) if text]
        if not filled:
            continue
        alone = filled[0][0] in cities and is_name(filled[0][1], lexicon)
        if _numbers_columns(filled):
            lines.append(Line(row, BETWEEN.join(text for _, text in filled), "column_numbers"))
        elif _is_about(filled):
            lines.append(Line(row, f"{filled[0][1].rstrip(':： ')}: {filled[1][1]}"))
        elif _is_line(grid, row, filled, alone):
            lines.append(Line(row, BETWEEN.join(text for _, text in filled)))
        else:
            rest.append(row)
    return lines, rest


def kind_of(line: Line, first: int, last: int) -> str:
    """Return why a line is left out; `first` and `last` are the rows of the first and last figures."""
    if line.kind:
        return line.kind
    if is_continued(line.text) or "续表" in line.text or "continued" in key_of(line.text):
        return "continued"
    if is_note(line.text, below=line.row > first) or line.row > last:
        return "footnote"
    if stated_units([line.text]):
        return "unit_line" if _UNIT_LINE.match(line.text.strip("（() ")) else "title"
    return "title" if line.row < first else "heading"


def begins_anew(line: Line, lexicon: Lexicon) -> bool:
    """Tell whether a line below figures is the title of what follows and not a heading inside a table."""
    if line.kind or is_continued(line.text) or "续表" in line.text or "continued" in key_of(line.text):
        return False
    if is_note(line.text):
        return False
    titled = is_titled(line) or len(years_in(line.text)) == 1
    return titled or bool(lexicon.in_title([line.text]).code)


def is_titled(line: Line) -> bool:
    """Tell whether a line says without a header that other figures follow: of another year, or of a part."""
    if line.kind or is_note(line.text):
        return False
    return bool(year_alone(line.text) or narrowings(line.text) or has_number(line.text))


def has_number(title: str) -> bool:
    """Tell whether a title has the number of a table before it."""
    return _TITLE_NUMBER.match(title) is not None


def stated_units(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the units of measure that the last line with any states for a whole table."""
    found = [match[1] or match[2] for text in texts for match in _UNIT_LINE.finditer(text)]
    if not found:
        found = [inside for text in texts for inside in bracketed(text) if measure_of(inside) is not None]
    told = found[-1].strip() if found else ""
    parts = [told] if measure_of(told) is not None else [part.strip() for part in _COMMAS.split(told)]
    known = tuple(part for part in parts if measure_of(part) is not None and not part.isdecimal())
    return known if len(known) == len(parts) else ()


def _numbers_columns(filled: Sequence[tuple[int, str]]) -> bool:
    """Tell whether a row numbers the columns: 甲, 1, 2, 3."""
    rest = [text for _, text in filled if not words().has("numbering", text)]
    numbers = [int(key_of(text)) if key_of(text).isdecimal() else -1 for text in rest]
    return 1 < len(numbers) < len(filled) and numbers == [*range(1, len(numbers) + 1)]


def _is_about(filled: Sequence[tuple[int, str]]) -> bool:
    """Tell whether a row says one thing about the whole table: what in a cell, and the answer beside it."""
    if len(filled) != 2 or filled[0][0] != 0 or is_figure(filled[1][1]):
        return False
    return words().has("about", filled[0][1].rstrip(":： "))


def _is_line(grid: Grid, row: int, filled: Sequence[tuple[int, str]], is_city: bool) -> bool:
    """Tell whether a row is no part of a table; `is_city`: it begins with a city, among others below."""
    texts = [text for _, text in filled]
    if all(map(_is_aside, texts)) and sum(bool(year_alone(text)) for text in texts) < 2:
        return True
    if len({*map(key_of, texts)}) > 1 or any(is_figure(text) for text in texts):
        return False
    column = filled[0][0]
    merged = grid.origin.get((row, column)) is not None
    if is_city and not (merged and _spans(grid, row, column)):
        return False
    if column == 0:
        return True
    return _spans(grid, row, column) if merged else _LIKE_A_TITLE.search(texts[0]) is not None


def _spans(grid: Grid, row: int, column: int) -> bool:
    """Tell whether a merged cell reaches over nearly the whole width: no group of a header does."""
    reach = sum(grid.origin.get((row, other)) == (row, column) for other in range(grid.width))
    return reach >= max(2, grid.width - 1) and column == 0


def _is_aside(text: str) -> bool:
    """Tell whether a text alone shows that its row is no part of a table."""
    key = key_of(text)
    return bool(
        _UNIT_LINE.match(text.strip("（() "))
        or (year_alone(text) and not text.strip().isdecimal())
        or any(key.startswith(word) for word in words().sets["continued"])
        or is_note(text)
    )


def _columns_of_cities(grid: Grid, lexicon: Lexicon) -> frozenset[int]:
    """Return the columns in which at least two different cities stand."""
    found: dict[int, set[str]] = {}
    for cells in grid.rows:
        for column, text in enumerate(cells):
            if is_name(text, lexicon):
                found.setdefault(column, set()).add(key_of(text))
    return frozenset(column for column, names in found.items() if len(names) > 1)


def is_name(text: str, lexicon: Lexicon) -> bool:
    """Tell whether a text is the name of a city, assessed or not; a number is none: it may be a figure."""
    if not text or len(text) > 60 or text.isdecimal():
        return False
    if is_figure(text) and text not in lexicon.units.position:
        return False
    return lexicon.place(text).verdict != "unknown"


def is_code(text: str, lexicon: Lexicon) -> bool:
    """Tell whether a number is the code of a city; only under a header that says so it is meant as one."""
    return text.isdecimal() and lexicon.place(text).verdict != "unknown"
