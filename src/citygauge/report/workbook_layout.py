"""Tables as sheets of a workbook: styles, widths, panes, print set-up, and the limits of the format."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources
from math import ceil
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.problems import Problems, Where

MAX_ROWS, MAX_COLUMNS, MAX_TEXT = 1_048_576, 16_384, 32_767
FONT = "Microsoft YaHei"  # Excel and WPS have it; elsewhere they take the system's CJK font
GENERAL, COUNT, SHARE = "General", "0", "0.00%"

_LINE, _WIDEST_TEXT, _PAGE = 13.5, 60.0, 230.0  # points of a line, characters of a column and of a page
_HIGHEST = 400.0  # points of a row; more are not allowed
_MOST_LINKS = 60_000  # a sheet holds 65,530
_LINK = re.compile(r"https?://[!#-;=?-\[\]_a-z~\u00a1-\ud7ff]{3,1900}", re.IGNORECASE)
_LATIN_WORD = re.compile(r"[!-\u024f]+")
_HEAD = {"bold": True, "text_wrap": True, "valign": "vcenter", "align": "center", "border": 1,
         "border_color": "#B7C4D1", "bg_color": "#DCE6F0"}  # fmt: skip
_KEY = {"font_size": 8, "font_color": "#5A6B7B", "num_format": "@", "bg_color": "#F3F6F9", "border": 1,
        "border_color": "#B7C4D1"}  # fmt: skip
_NOTE = {"font_size": 9, "font_color": "#44525F", "text_wrap": True}
# Colour and pattern, so that they differ in black and white as well; patterns turn plain where they are
# not known.
MARKS: Mapping[str, Mapping[str, Any]] = {
    "missing": {"bg_color": "#E4E4E4"},
    "not_applicable": {"pattern": 14, "fg_color": "#8FAADC", "bg_color": "#EAF0FA"},
    "not_measurable": {"pattern": 15, "fg_color": "#D99694", "bg_color": "#FBEBEA"},
    "imputed": {"bg_color": "#FFF2CC", "italic": True, "font_color": "#7F4A00"},
    "treated": {"bg_color": "#E2EFDA", "underline": 1},
    **{f"level{n}": {"indent": n + 1, "bold": n < 2} for n in range(16)},
}
LEGEND = ("missing", "not_applicable", "not_measurable", "imputed", "treated")


@cache
def texts() -> Mapping[str, Any]:
    """Return every text of the workbook."""
    text = resources.files("citygauge").joinpath("report", "workbook.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass(frozen=True)
class Column:
    """One column of a sheet.

    `head` are its words in Chinese and English, `key` its name as in the CSV tables. `number` is the number
    format, blank for text. `marks` name a style of `MARKS` for each row, blank for none. `links` turns web
    addresses into hyperlinks.
    """

    key: str
    head: tuple[str, str]
    values: pl.Series
    number: str = ""
    marks: NDArray[np.object_] | None = None
    links: bool = False

    @cached_property
    def is_long(self) -> bool:
        """Whether the text needs several lines."""
        if self.number:
            return False
        return _longest(self.values) > _WIDEST_TEXT or bool(
            self.values.str.contains("\n", literal=True).any()
        )

    @cached_property
    def width(self) -> float:
        """The width in characters, for the words of the header as well."""
        if not self.number:
            body = _longest(self.values) + 3.5
        elif self.number == GENERAL:
            body = 11.0
        else:
            most = float(self.values.abs().max() or 0) * (100 if "%" in self.number else 1)  # type: ignore[arg-type]
            body = len(f"{most:,.0f}") + len(self.number.partition(".")[2]) + 3.0
        word = max((len(word) for word in _LATIN_WORD.findall(self.head[1])), default=0)
        width = max(9.0, min(body, _WIDEST_TEXT), min(0.75 * len(self.key) + 4, 24), min(1.2 * word + 2, 24))
        while _lines("\n".join(self.head), width) > 5 and width < _WIDEST_TEXT:
            width += 2
        return width


@dataclass(frozen=True)
class Sheet:
    """One table: its columns, and how many of them stay in view beside the others.

    `id` is its key in the texts.
    """

    id: str
    columns: tuple[Column, ...]
    locked: int = 1

    @property
    def words(self) -> Mapping[str, str]:
        """The name, titles and notes of the sheet."""
        words: Mapping[str, str] = texts()["sheets"][self.id]
        return words

    @property
    def n_rows(self) -> int:
        """Number of rows below the header."""
        return len(self.columns[0].values)

    @cached_property
    def legend(self) -> tuple[str, ...]:
        """The styles that occur and need a word."""
        found = {
            str(word) for column in self.columns if column.marks is not None for word in set(column.marks)
        }
        return tuple(word for word in LEGEND if word in found)

    def n_head(self, notice: str) -> int:
        """Return the number of rows above the data: notice, title, note, legend, and two of the header."""
        return bool(notice) + 2 + bool(self.legend) + 2

    def parts(self, notice: str) -> list[tuple[str, int, int]]:
        """Return the sheets the table takes: name, first row, and the row after its last."""
        room = MAX_ROWS - self.n_head(notice)
        starts = range(0, max(self.n_rows, 1), room)
        name = self.words["name"]
        return [
            (f"{name} ({i})" if len(starts) > 1 else name, start, min(start + room, self.n_rows))
            for i, start in enumerate(starts, 1)
        ]


def check_limits(sheets: Sequence[Sheet], cover: Sequence[str], file: str, notice: str) -> None:
    """Refuse what a workbook cannot hold, rather than cut it.

    Raises
    ------
    InputError
        When a sheet has too many columns, or a text is too long for a cell.
    """
    problems = Problems()
    for text in cover:
        _check_text(text, Where(file, texts()["sheets"]["readme"]["name"]), problems)
    for sheet in sheets:
        where = Where(file, sheet.words["name"])
        if len(sheet.columns) > MAX_COLUMNS:
            problems.add("out.too-many-columns", where, columns=len(sheet.columns), limit=MAX_COLUMNS)
        for column in sheet.columns:
            _check_text("\n".join(column.head), Where(file, where.sheet, column=column.key), problems)
        for place, text in _long_texts(sheet, file, notice):
            _check_text(text, place, problems)
    problems.raise_errors()


def _long_texts(sheet: Sheet, file: str, notice: str) -> Iterator[tuple[Where, str]]:
    """Yield the texts that may be too long with their places."""
    first = sheet.n_head(notice) + 1
    for column in sheet.columns:
        if column.number:
            continue
        for i in (column.values.str.len_bytes() > MAX_TEXT).fill_null(value=False).arg_true():
            name, start, _ = next(part for part in sheet.parts(notice) if part[1] <= i < part[2])
            yield Where(file, name, first + i - start, column.key), column.values[i]


def _check_text(text: str, where: Where, problems: Problems) -> None:
    length = len(text.encode("utf-16-le")) // 2  # what a cell counts
    if length > MAX_TEXT:
        problems.add("out.text-too-long", where, length=length, limit=MAX_TEXT)


class _Exact(float):
    """A number that is written with all its digits: XlsxWriter formats 16, a double needs up to 17."""

    def __format__(self, spec: str) -> str:
        return repr(float(self))


@dataclass
class Book:
    """A workbook that is being written, with its styles."""

    file: Any
    notice: str
    footer: str
    _styles: dict[tuple[tuple[str, Any], ...], Any] = field(default_factory=dict)

    def style(self, **props: Any) -> Any:
        """Return the format with these properties."""
        key = tuple(sorted(props.items()))
        if key not in self._styles:
            self._styles[key] = self.file.add_format(
                {"font_name": FONT, "font_size": 10, "valign": "top", **props}
            )
        return self._styles[key]

    def write_text(self, page: Any, at: tuple[int, int], text: str, style: Any) -> None:
        """Write text as text, whatever it looks like."""
        if text.startswith("<r>") and text.endswith("</r>"):  # XlsxWriter would take it for mark-up
            page.write_rich_string(*at, "<", style, text[1:], style)
        else:
            page.write_string(*at, text, style)

    def write_link(self, page: Any, at: tuple[int, int], text: str, style: Any) -> None:
        """Write a web address as a hyperlink that shows where it leads; anything else as text."""
        if _LINK.fullmatch(text) and at[0] < _MOST_LINKS:
            page.write_url(*at, text, self.style(text_wrap=True, font_color="#0563C1", underline=1), text)
        else:
            self.write_text(page, at, text, style)

    def set_up(self, page: Any, title: str, width: float) -> None:
        """Set up the print: A4 landscape, as many pages wide as can be read, notice and page numbers."""
        page.set_landscape()
        page.set_paper(9)
        page.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
        page.fit_to_pages(max(1, ceil(width / _PAGE)), 0)
        page.set_header(f"&L{title}&R{self.notice}".replace("\n", " "))
        page.set_footer(f"&L{self.footer}&R&P / &N")

    def add_sheet(self, sheet: Sheet) -> None:
        """Write a table, on several sheets where it is longer than one may be."""
        parts = sheet.parts(self.notice)
        for number, (name, start, stop) in enumerate(parts, 1):
            part = f"  {number} / {len(parts)}" if len(parts) > 1 else ""
            self._add_part(sheet, self.file.add_worksheet(name), (start, stop), part)

    def _add_part(self, sheet: Sheet, page: Any, rows: tuple[int, int], part: str) -> None:
        widths = [column.width for column in sheet.columns]
        for i, width in enumerate(widths):
            page.set_column(i, i, width)
        words = sheet.words
        self.set_up(page, f"{words['zh']} {words['en']}{part}", sum(widths))
        top, last = sheet.n_head(self.notice), len(sheet.columns) - 1
        page.repeat_rows(0, top - 1)
        if sum(widths) > _PAGE:
            page.repeat_columns(0, sheet.locked - 1)
        page.freeze_panes(top, sheet.locked)
        bottom = top + rows[1] - rows[0] - 1
        page.autofilter(top - 1, 0, max(bottom, top - 1), last)
        page.ignore_errors({"number_stored_as_text": f"A1:XFD{MAX_ROWS}"})  # codes are text on purpose
        self._write_head(page, sheet, widths, part)
        self._write_rows(page, sheet, rows, top)

    def _write_head(self, page: Any, sheet: Sheet, widths: Sequence[float], part: str) -> None:
        words, row = sheet.words, 0
        if self.notice:
            page.write_string(row, 0, self.notice, self.style(bold=True, font_color="#C00000"))
            row += 1
        page.set_row(row, 22)
        title = f"{words['zh']}  {words['en']}{part}"
        page.write_string(row, 0, title, self.style(bold=True, font_size=14, valign="vcenter"))
        notes = [words["note_zh"], words["note_en"]]
        if not sheet.n_rows:
            empty = texts()["words"]
            notes = [notes[0] + empty["empty_zh"], f"{notes[1]} {empty['empty_en']}"]
        self._write_note(page, row + 1, "\n".join(notes), widths)
        row += 2
        if sheet.legend:
            self._write_legend(page, row, sheet.legend)
            row += 1
        heads = ["\n".join(dict.fromkeys(column.head)) for column in sheet.columns]
        page.set_row(row, row_height(heads, widths))
        for i, head in enumerate(heads):
            self.write_text(page, (row, i), head, self.style(**_HEAD))
        for i, column in enumerate(sheet.columns):
            self.write_text(page, (row + 1, i), column.key, self.style(**_KEY))

    def _write_note(self, page: Any, row: int, note: str, widths: Sequence[float]) -> None:
        """Write the note over as many columns as make a readable line."""
        reach = np.cumsum(widths)
        last = int(np.searchsorted(reach, 120.0))
        last = min(max(last, 1), len(widths) - 1)
        width = float(reach[last])
        page.set_row(row, row_height([note], [1.25 * width]))
        if last:
            page.merge_range(row, 0, row, last, note, self.style(**_NOTE))
        else:
            page.write_string(row, 0, note, self.style(**_NOTE))

    def _write_legend(self, page: Any, row: int, marks: Sequence[str]) -> None:
        words = texts()["words"]
        page.set_row(row, 2 * _LINE + 3)
        text = f"{words['legend_zh']}\n{words['legend_en']}"
        page.write_string(row, 0, text, self.style(text_wrap=True, font_size=9, align="right"))
        for i, mark in enumerate(marks, 1):
            self.write_mark(page, (row, i), mark)

    def write_mark(self, page: Any, at: tuple[int, int], mark: str) -> None:
        """Write a sample of a style with its words."""
        words = texts()["marks"]
        style = self.style(text_wrap=True, font_size=9, border=4, **MARKS[mark])
        page.write_string(*at, f"{words[f'{mark}_zh']}\n{words[f'{mark}_en']}", style)

    def _write_rows(self, page: Any, sheet: Sheet, rows: tuple[int, int], top: int) -> None:
        """Write the data row by row; the file is written as it goes and keeps one row in memory."""
        start, stop = rows
        columns = [column.values[start:stop].to_list() for column in sheet.columns]
        drawn = list(zip(sheet.columns, map(self._styles_of, sheet.columns), strict=True))
        marks = [None if c.marks is None else c.marks[start:stop].tolist() for c in sheet.columns]
        wrapped = [(j, column.width) for j, column in enumerate(sheet.columns) if column.is_long]
        for i, cells in enumerate(zip(*columns, strict=True)):
            row = top + i
            if wrapped:  # not every program fits the rows to wrapped text by itself
                page.set_row(row, row_height([cells[j] or "" for j, _ in wrapped], [w for _, w in wrapped]))
            for j, value in enumerate(cells):
                column, styles = drawn[j]
                own = marks[j]
                mark = own[i] if own else ""
                if value is not None:
                    self._write_value(page, (row, j), value, column, styles[mark])
                elif mark:
                    page.write_blank(row, j, None, styles[mark])

    def _write_value(self, page: Any, at: tuple[int, int], value: Any, column: Column, style: Any) -> None:
        if column.number:
            page.write_number(*at, _Exact(value + 0.0), style)  # + 0.0: no −0 on the sheet
        elif column.links:
            self.write_link(page, at, value, style)
        else:
            self.write_text(page, at, value, style)

    def _styles_of(self, column: Column) -> dict[str, Any]:
        """Return the format of a column by mark."""
        if column.number:
            base: dict[str, Any] = {"num_format": column.number}
            if column.number == COUNT:
                base["align"] = "center"
        else:
            base = {
                "align": "left",
                "indent": 1,
                **({"text_wrap": True} if column.is_long else {"num_format": "@"}),
            }
        words = {""} if column.marks is None else {"", *map(str, set(column.marks))}
        return {word: self.style(**{**base, **MARKS.get(word, {})}) for word in words}


def shown_width(text: str) -> float:
    """Return how wide a text is in characters; Chinese ones count double."""
    return (len(text) + len(text.encode())) / 2


def row_height(cells: Sequence[str], widths: Sequence[float]) -> float:
    """Return the height in points of a row of wrapped texts."""
    lines = (_lines(text, width) for text, width in zip(cells, widths, strict=False))
    return min(_LINE * max(lines, default=1) + 3, _HIGHEST)


def _longest(values: pl.Series) -> float:
    """Return the width of the widest text of a column."""
    widths = (values.str.len_chars() + values.str.len_bytes()) / 2
    return float(widths.max() or 0)  # type: ignore[arg-type]


def _lines(text: str, width: float) -> int:
    """Return how many lines a text takes in a column, words kept whole more or less."""
    return sum(max(1, ceil(1.05 * shown_width(line) / width)) for line in text.split("\n"))
