"""Writing a workbook: the same content gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import xlsxwriter

from citygauge.collect.citybook.layout import (
    FIRST_ROW,
    FIRST_SHEET,
    HEADER_ROW,
    IDENTITY_FIELDS,
    LARGEST,
    MAGIC,
    Book,
    Column,
    Line,
    Table,
    title_of,
)
from citygauge.collect.citybook.raw import RawCell
from citygauge.collect.citybook.texts import choices, lines, say
from citygauge.framework.rubric import number_text

_FIXED = datetime(2000, 1, 1, tzinfo=UTC)
_OPTIONS = {
    "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
    "default_date_format": "yyyy-mm-dd",
}  # fmt: skip
_LISTS = 4  # the column of the identification sheet under which the drop-downs' lists stand
_FRONT_WIDTH = 80
_LINE = 13.5  # height of a line of text, in points
_A4, _A3 = 9, 8
_FONTS = {"zh": "微软雅黑", "en": "Calibri"}
_NUMBER, _WHOLE, _TEXT, _PERCENT = "#,##0.00####", "#,##0", "@", "0.00##%"
_GRID = {"border": 1, "border_color": "#C9CED6", "valign": "top", "text_wrap": True}
_FAULTY = "#FFC7CE"
_LONGEST_NOTE = 32_000  # characters that a note on a cell can hold
_FILLS = {"city": "#FFF9DB", "institute": "#E6F0FB"}
_STYLES: Mapping[str, Mapping[str, Any]] = {
    "title": {"bold": True, "font_size": 15},
    "hint": {"font_color": "#5B6472"},
    "notice": {"bold": True, "font_color": "#B42318"},
    "header": {**_GRID, "bold": True, "bg_color": "#1F3A5F", "font_color": "#FFFFFF", "valign": "vcenter",
               "align": "center"},
    "heading": {**_GRID, "bold": True, "bg_color": "#EEF1F5", "text_wrap": False},
    "given": {**_GRID},
    "centred": {**_GRID, "align": "center"},
    "whole": {**_GRID, "num_format": _WHOLE},
    "decimal": {**_GRID, "num_format": _NUMBER},
    "section": {"bold": True, "font_size": 12, "font_color": "#1F3A5F"},
    "paragraph": {"text_wrap": True, "valign": "top"},
    "plain": {},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands in a book that comes back: the cells of each sheet, and what is wrong with some of them."""

    cells: Mapping[str, Mapping[tuple[int, int], RawCell]] = field(default_factory=dict)
    marks: Mapping[str, Mapping[tuple[int, int], Sequence[str]]] = field(default_factory=dict)


class _Exact(float):
    """A number that is written with all its digits; the library would write sixteen."""

    def __format__(self, spec: str) -> str:
        return number_text(float(self))


def write_book(book: Book, path: Path, filled: Filled | None = None) -> None:
    """Write a workbook, with what was filled in and the marks on faulty cells where there are any."""
    with xlsxwriter.Workbook(path, _OPTIONS) as workbook:
        workbook.set_properties({"created": _FIXED, "title": book.identity.unit_name})
        writer = _Writer(workbook, book, filled or Filled())
        writer.front()
        for table in book.tables:
            writer.table(table)
        writer.identification()


class _Writer:
    def __init__(self, workbook: Any, book: Book, filled: Filled) -> None:
        self._workbook, self._book, self._filled = workbook, book, filled
        self._language = book.language
        self._styles: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._lists: dict[tuple[str, ...], int] = {}
        self._named = {
            "unit": book.identity.unit_name, "period": book.identity.period, "code": book.identity.unit,
            "workspace": book.identity.workspace, "framework": book.identity.framework,
        }  # fmt: skip

    def front(self) -> None:
        """Write the guide or the letter."""
        key = FIRST_SHEET[self._book.identity.kind]
        sheet = self._sheet(key)
        sheet.set_column(0, 0, _FRONT_WIDTH)
        title = say(key, "title", self._language, **self._named)
        paragraphs = self._letter() if key == "letter" else self._guide()
        sheet.write_string(0, 0, title, self._style("title"))
        if self._book.notice:
            sheet.write_string(1, 0, self._book.notice, self._style("notice"))
        for row, (style, text) in enumerate(paragraphs, 2):
            sheet.write_string(row, 0, text, self._style(style))
            sheet.set_row(row, _height([(text, _FRONT_WIDTH)]) + 4)
        self._finish(sheet)

    def table(self, table: Table) -> None:
        """Write a sheet with a table, its entry cells open and everything else protected."""
        sheet = self._sheet(table.key)
        self._head(sheet, table.key)
        for at, column in enumerate(table.columns):
            sheet.set_column(at, at, column.width)
            header = column.header(self._language)
            colour = {"bg_color": "#2E5C8A"} if column.owner == "institute" else {}
            sheet.write_string(HEADER_ROW, at, header, self._style("header", **colour))
        for row, line in enumerate(table.lines, FIRST_ROW):
            self._line(sheet, table, row, line)
        self._strays(sheet, table)
        sheet.set_row(HEADER_ROW, 34)
        sheet.freeze_panes(FIRST_ROW, 2 if table.n_given else 1)
        sheet.repeat_rows(HEADER_ROW)
        sheet.print_area(0, 0, FIRST_ROW + len(table.lines) - 1, len(table.columns) - 1)
        self._finish(sheet, _A3 if table.key == "facts" else _A4, landscape=True)

    def identification(self) -> None:
        """Write what the software needs to know when the book comes back, and the lists of the drop-downs."""
        sheet = self._sheet("identification")
        sheet.set_column(0, 0, 28)
        sheet.set_column(1, 2, 44)
        sheet.write_string(0, 0, MAGIC)
        sheet.write_string(0, 1, say("identification", "title", self._language), self._style("hint"))
        if self._book.notice:
            sheet.write_string(0, 2, self._book.notice, self._style("notice"))
        rows = [
            (say("fields", name, self._language), getattr(self._book.identity, name))
            for name in IDENTITY_FIELDS
        ]
        for row, texts in enumerate([*rows, *self._book.prints()], 1):
            for at, text in enumerate(texts):
                sheet.write_string(row, at, text, self._style("plain"))
        for options, first in self._lists.items():
            for row, text in enumerate(options, first):
                sheet.write_string(row, _LISTS, text)
        self._finish(sheet, landscape=True)

    def _guide(self) -> list[tuple[str, str]]:
        la = self._language
        contact = self._book.identity.contact
        back = say("guide", "contact", la, contact=contact) if contact else say("guide", "no_contact", la)
        steps = [f"{i}. {words[la]}" for i, words in enumerate(lines("guide", "steps"), 1)]
        if self._book.elsewhere:
            steps.append(say("guide", "elsewhere", la, n=str(self._book.elsewhere)))
        colon = "：" if la == "zh" else ": "
        states = [f"{say('states', s['state'], la)}{colon}{s[la]}" for s in lines("guide", "states")]
        return [
            ("plain", say("guide", "assessment", la, **self._named)), ("plain", ""),
            ("section", say("guide", "steps_heading", la)), *(("paragraph", text) for text in steps),
            ("plain", ""),
            ("section", say("guide", "states_heading", la)), *(("paragraph", text) for text in states),
            ("plain", ""),
            ("section", say("guide", "back_heading", la)), ("paragraph", back),
        ]  # fmt: skip

    def _letter(self) -> list[tuple[str, str]]:
        told = (words[self._language].format_map(self._named) for words in lines("letter", "lines"))
        return [("paragraph", text) for text in told]

    def _head(self, sheet: Any, key: str) -> None:
        sheet.write_string(0, 0, title_of(key, self._book.identity), self._style("title"))
        hint = say(key, "hint", self._language)
        notice = self._book.notice
        sheet.write_string(1, 0, f"{notice}　{hint}" if notice else hint,
                           self._style("notice" if notice else "hint"))  # fmt: skip

    def _line(self, sheet: Any, table: Table, row: int, line: Line) -> None:
        """Write one row: its protected cells, then the cells that are to be filled or were."""
        for at, given in enumerate(line.given):
            fault = {"bg_color": _FAULTY} if self._marks(table, row, at) else {}
            if isinstance(given, float):
                style = self._style("whole" if given.is_integer() else "decimal", **fault)
                sheet.write_number(row, at, _Exact(given), style)
            else:
                name = "centred" if table.columns[at].is_centred else "given"
                style = self._style("heading" if line.is_heading else name, **fault)
                sheet.write_string(row, at, given or "", style)
        cells = self._filled.cells.get(table.key)
        texts = [(str(cell or ""), table.columns[at].width) for at, cell in enumerate(line.given)]
        sheet.set_row(row, _height([] if line.is_heading else texts))
        for at, column in enumerate(table.columns):
            if not column.owner:
                continue
            if line.is_heading:
                sheet.write_blank(row, at, None, self._style("heading"))
            else:
                preset = line.preset.get(column.key)
                raw = RawCell(preset) if preset else None
                raw = raw if cells is None else cells.get((row, at))
                self._entry(sheet, (row, at), column, raw, self._marks(table, row, at))
                self._rule(sheet, (row, at), column, line)
        for at in range(len(table.columns)):
            self._mark(sheet, table, row, at)

    def _entry(
        self, sheet: Any, place: tuple[int, int], column: Column, raw: RawCell | None, marks: Sequence[str]
    ) -> None:
        """Write a cell that is to be filled, with what it holds."""
        style = {
            **_GRID, "bg_color": _FAULTY if marks else _FILLS[column.owner], "locked": False,
            "num_format": _NUMBER if column.is_number else _TEXT,
        }  # fmt: skip
        if raw is not None and raw.kind == "percent":  # else it would come back as another number
            style["num_format"] = _PERCENT
        _write_raw(sheet, place, raw, self._style("plain", **style))

    def _strays(self, sheet: Any, table: Table) -> None:
        """Write what was typed outside the cells that are to be filled."""
        last = FIRST_ROW + len(table.lines)
        for (row, at), raw in self._filled.cells.get(table.key, {}).items():
            inside = FIRST_ROW <= row < last and at < len(table.columns)
            is_heading = inside and table.lines[row - FIRST_ROW].is_heading
            if row >= FIRST_ROW and (not inside or (is_heading and at >= table.n_given)):
                _write_raw(sheet, (row, at), raw, self._style("plain", bg_color=_FAULTY, locked=False))
                if not inside:
                    self._mark(sheet, table, row, at)
        for row, at in self._filled.marks.get(table.key, {}):  # where rows at the end are gone
            if row >= last and (row, at) not in self._filled.cells.get(table.key, {}):
                self._mark(sheet, table, row, at)

    def _marks(self, table: Table, row: int, at: int) -> Sequence[str]:
        return self._filled.marks.get(table.key, {}).get((row, at), ())

    def _mark(self, sheet: Any, table: Table, row: int, at: int) -> None:
        if marks := self._marks(table, row, at):
            size = {"x_scale": 2.4, "y_scale": 1.2 * len(marks), "font_size": 9}
            sheet.write_comment(row, at, "\n".join(marks)[:_LONGEST_NOTE], {"author": MAGIC, **size})

    def _rule(self, sheet: Any, place: tuple[int, int], column: Column, line: Line) -> None:
        """Say what a cell accepts: one of a list, or a number within limits."""
        la = self._language
        options = line.levels if column.is_number else choices(column.choices, la) if column.choices else ()
        rule: dict[str, Any] = {"error_title": say("rules", "title", la)}
        if options:
            first = self._lists.setdefault(options, sum(map(len, self._lists)))
            name = say("sheets", "identification", la)
            source = f"='{name}'!$E${first + 1}:$E${first + len(options)}"
            rule |= {"validate": "list", "source": source, "error_message": say("rules", "choice", la)}
        elif column.is_number:
            rule |= {"validate": "decimal", "criteria": "between", **_bounds(line, la)}
        elif column.key == "date":
            rule = {"validate": "any", "input_message": say("rules", "date_hint", la)}
        else:
            return
        sheet.data_validation(*place, *place, rule)

    def _sheet(self, key: str) -> Any:
        sheet = self._workbook.add_worksheet(say("sheets", key, self._language))
        sheet.hide_gridlines(2)
        return sheet

    def _finish(self, sheet: Any, paper: int = _A4, *, landscape: bool = False) -> None:
        """Protect a sheet without a password and set it up for printing."""
        sheet.protect("", {"format_columns": True, "format_rows": True})
        sheet.set_paper(paper)
        if landscape:
            sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(0.4, 0.4, 0.6, 0.6)
        identity = self._book.identity
        name = f"{identity.unit} {identity.unit_name} {identity.period}".replace("&", "&&")
        sheet.set_footer(f"&L&8 {name}&R&8 {say('words', 'page', self._language)}")

    def _style(self, name: str, **more: Any) -> Any:
        """Return a format, made once."""
        style = {"font_name": _FONTS[self._language], "font_size": 10, **_STYLES[name], **more}
        key = tuple(sorted(style.items()))
        if key not in self._styles:
            self._styles[key] = self._workbook.add_format(style)
        return self._styles[key]


def _height(texts: Sequence[tuple[str, float]]) -> float:
    """Return the height of a row in which every text fits its column; wide characters count twice."""
    lines = 1
    for text, width in texts:
        parts = (sum(2 if east_asian_width(c) in "WF" else 1 for c in part) for part in text.split("\n"))
        lines = max(lines, sum(max(1, ceil(part / (width - 1))) for part in parts))
    return _LINE * lines + 3


def _bounds(line: Line, language: Any) -> dict[str, Any]:
    """Return the limits of a number and what is said when it is beyond them."""
    low, high = line.limits
    limits = {"minimum": -LARGEST if low is None else low, "maximum": LARGEST if high is None else high}
    if low is None:
        return {**limits, "error_message": say("rules", "number", language)}
    if high is None:
        return {**limits, "error_message": say("rules", "not_negative", language)}
    told = say("rules", "between", language, low=number_text(low), high=number_text(high))
    return {**limits, "error_message": told}


def _write_raw(sheet: Any, place: tuple[int, int], raw: RawCell | None, style: Any) -> None:
    """Write a cell as it was typed: a number as a number, text as text."""
    if raw is None:
        sheet.write_blank(*place, None, style)
    elif raw.kind == "boolean":
        sheet.write_boolean(*place, raw.text == "1", style)
    elif raw.number is not None:
        sheet.write_number(*place, _Exact(raw.number), style)
    else:
        sheet.write_string(*place, raw.text, style)
