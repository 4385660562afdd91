"""The results of a run as one workbook, for reading: every figure, its steps, its facts and its sources."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import xlsxwriter

from citygauge.problems import Language
from citygauge.report.record import run_record
from citygauge.report.workbook_layout import FONT, LEGEND, Book, Sheet, check_limits, row_height, texts
from citygauge.report.workbook_tables import sheets_of
from citygauge.result import NOTICE, Result

LANGUAGES: tuple[Language, ...] = ("zh", "en")
_CREATED = datetime(1980, 1, 1)  # fixed, so that the same run gives the same bytes
_WIDTHS = (38.0, 68.0, 84.0, 11.0)
_HEIGHTS = {"title": 26, "heading": 22, "mark": 30}
_STYLES: Mapping[str, Mapping[str, Any]] = {
    "title": {"bold": True, "font_size": 16, "valign": "vcenter"},
    "notice": {"bold": True, "font_color": "#C00000"},
    "heading": {"bold": True, "font_size": 12, "valign": "bottom", "font_color": "#1F4E79"},
    "body": {"text_wrap": True},
}


def write_workbook(result: Result, path: Path) -> None:
    """Write the results of a run as one workbook (XLSX) for Excel, WPS and LibreOffice.

    Every table of the results folder is on it, with names in Chinese and English: numbers as numbers in full
    double precision, text as text whatever it looks like, and styles that tell missing, not applicable, not
    measurable, imputed and treated cells apart. The same run gives the same bytes.

    Parameters
    ----------
    result : Result
    path : Path
        The file to write; one that is there is replaced.

    Raises
    ------
    InputError
        When a text is too long for a cell or a table too wide for a sheet; nothing is written then. A table
        with too many rows is continued on further sheets.
    """
    sheets = sheets_of(result)
    notice = f"{NOTICE['zh']}  {NOTICE['en']}" if result.illustrative else ""
    run = run_record(result)
    lines = _cover(result, run, sheets, notice)
    check_limits(sheets, [text for line in lines for text in line.cells], path.name, notice)
    target = io.BytesIO()
    font = {"font_name": FONT, "font_size": 10}
    file = xlsxwriter.Workbook(target, {"constant_memory": True, "default_format_properties": font})
    title = " ".join(dict.fromkeys(line.cells[0] for line in lines if line.style == "title"))
    file.set_properties(
        {"title": title, "author": f"CityGauge {run['citygauge']}", "comments": notice, "created": _CREATED}
    )
    book = Book(file, notice, f"CityGauge {run['citygauge']}  {run['hashes']['data'][:16]}")
    _write_cover(book, lines)
    for sheet in sheets:
        book.add_sheet(sheet)
    file.close()
    path.write_bytes(target.getvalue())


@dataclass(frozen=True)
class _Line:
    """One row of the cover: its cells, and how they look."""

    cells: tuple[str, ...]
    style: str = "body"


def _cover(result: Result, run: Mapping[str, Any], sheets: Sequence[Sheet], notice: str) -> list[_Line]:
    """Return the rows of the cover: title, what was assessed, contents, how to read, styles."""
    words, cover, settings = texts(), texts()["cover"], result.workspace.settings
    names = [settings.name(lang) or result.framework.title.get(lang, "") for lang in ("zh", "en")]
    lines = [_Line((notice,), "notice")] if notice else []
    lines += [_Line((name,), "title") for name in dict.fromkeys(names) if name]
    lines += [_Line((_label(cover),), "heading" if any(names) else "title")]
    if settings.description_zh or settings.description_en:
        lines.append(
            _Line((_label(words["facts"], "about"), settings.description_zh, settings.description_en))
        )
    lines += [_Line((_label(words["facts"], key), *told)) for key, told in _facts(result, run) if any(told)]
    lines.append(_Line((_label(cover, "contents"), "", "", _label(words["words"], "rows")), "heading"))
    for sheet in sheets:
        for name, start, stop in sheet.parts(notice):
            told = (name, sheet.words["note_zh"], sheet.words["note_en"], f"{stop - start:,}")
            lines.append(_Line(told, "link"))
    lines.append(_Line((_label(cover, "reading"),), "heading"))
    reading = list(zip(words["reading"]["zh"], words["reading"]["en"], strict=True))
    if notice:
        reading.insert(0, (words["reading"]["illustrative_zh"], words["reading"]["illustrative_en"]))
    lines += [_Line((f"{i}", zh, en)) for i, (zh, en) in enumerate(reading, 1)]
    lines.append(_Line((_label(cover, "legend"),), "heading"))
    return lines + [
        _Line((mark, words["marks"][f"{mark}_note_zh"], words["marks"][f"{mark}_note_en"]), "mark")
        for mark in LEGEND
    ]


def _facts(result: Result, run: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    """Return what the cover says of the run: a key of the texts, and the words in Chinese and English."""
    framework, scored = result.framework, int((~np.isnan(result.index)).sum())
    title = [framework.title.get(lang) or framework.root.label(lang) for lang in LANGUAGES]
    return [
        ("period", (result.period or "",)),
        ("framework", (f"{title[0]}（{run['framework']}）", f"{title[1]} ({run['framework']})")),
        ("source", (framework.source,)),
        ("units", (f"{len(result.derived.units):,}",)),
        ("scored", (f"{scored:,}",)),
        ("indicators", (f"{run['indicators']:,}",)),
        ("weights", (result.method.weights,)),
        ("version", (f"CityGauge {run['citygauge']}",)),
        ("data", (run["hashes"]["data"],)),
        ("hash_framework", (run["hashes"]["framework"],)),
        ("method", (run["hashes"]["method"],)),
    ]


def _label(words: Mapping[str, str], key: str = "") -> str:
    """Return the words of a key in both languages."""
    zh, en = (words[f"{key}_{lang}" if key else lang] for lang in LANGUAGES)
    return f"{zh} {en}"


def _write_cover(book: Book, lines: Sequence[_Line]) -> None:
    page = book.file.add_worksheet(texts()["sheets"]["readme"]["name"])
    page.hide_gridlines(2)
    for i, width in enumerate(_WIDTHS):
        page.set_column(i, i, width)
    book.set_up(page, _label(texts()["cover"]), 1.0)
    page.ignore_errors({"number_stored_as_text": "A1:D200"})
    for row, line in enumerate(lines):
        page.set_row(row, _HEIGHTS.get(line.style) or row_height(line.cells[1:], _WIDTHS[1:]))
        for column, text in enumerate(line.cells):
            style = book.style(**_STYLES.get(line.style, _STYLES["body"]))
            if not column and line.style == "link":
                target = f"internal:'{text}'!A1"
                page.write_url(row, 0, target, book.style(font_color="#0563C1", underline=1), text)
            elif not column and line.style == "mark":
                book.write_mark(page, (row, 0), text)
            elif text:
                book.write_text(page, (row, column), text, style)
