"""Workbooks of unknown origin: their cells as text, read by a child process with limits.

A few kilobytes can claim a billion cells or unpack to gigabytes, and a parser that is refused memory takes
its process with it. So the parser runs in a process of its own (`citygauge.xlsx_child`), which looks at the
file before it parses it; whatever ends it, the caller has a problem to show and nothing worse.
"""

from __future__ import annotations

import contextlib
import json
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import polars as pl

from citygauge import xlsx_child
from citygauge.problems import Problems, Where
from citygauge.text import HIDDEN, SHOWN

Range = tuple[int, int, int, int]

MAX_UNPACKED_BYTES = 200_000_000
MAX_PARTS = 5_000
MAX_RATIO = 200  # unpacked to packed; what spreadsheet programs write stays below 50
MAX_CELLS = 20_000_000
MAX_MEMORY_BYTES = 2_000_000_000  # address space of the child: 20 million cells take less than 1.5 GB
MAX_TEXT_BYTES = 600_000_000  # what the child may hand back
MAX_SECONDS = 120  # a sheet of a million cells takes 2 to 3

# How a child ends that is refused memory: it aborts, or the system kills it; two codes of Windows.
_OUT_OF_MEMORY = frozenset({-6, -9, 0xC0000409, 0xC0000017})
_OUT_OF_TIME = -24  # its time of the processor is used up
_MORE_THAN_ALLOWED = ["memory"]


def read_cells(
    path: Path, problems: Problems, sheets: Sequence[str] | None = None
) -> dict[str, pl.DataFrame] | None:
    """Return the cells of a workbook's sheets as text; None when it cannot be read (see `problems`).

    One child process reads all sheets of a file.

    Parameters
    ----------
    path : Path
        An ``.xlsx`` or ``.xlsm`` workbook.
    problems : Problems
        Takes what is wrong: no such file or sheet, no workbook, more than the limits of this module allow.
    sheets : sequence of str, optional
        Names of the sheets; all of them, hidden ones too, in the order of the workbook by default.

    Returns
    -------
    dict of str to DataFrame, or None
        For each sheet a frame of String columns named ``"0"``, ``"1"`` …: row i, column j is the cell in row
        i + 1 and the column counted j from 0, wherever the used area begins. An empty cell is null; whole
        numbers have no ``.0``, booleans are 1 and 0, dates ISO; a cell with an error holds its name
        (``#DIV/0!``); a control character is shown as ``�``; of merged cells the first holds the value. A
        sheet without cells, and a chart sheet, is a frame without rows and columns.

    Examples
    --------
    >>> import tempfile, xlsxwriter
    >>> path = Path(tempfile.mkdtemp()) / "facts.xlsx"
    >>> with xlsxwriter.Workbook(path) as workbook:
    ...     _ = workbook.add_worksheet("2023").write("B2", 7)
    >>> read_cells(path, Problems())["2023"].rows()
    [(None, None), (None, '7')]
    """
    read = _read(path, problems, sheets=None if sheets is None else list(dict.fromkeys(sheets)))
    return None if read is None else read[1]


@dataclass(frozen=True, slots=True)
class Marks:
    """What a reader sees of a sheet, or does not, beside its cells; places (row, column) are from 0.

    `merged` ranges are first row, first column, last row, last column; a workbook may claim any ranges:
    they need not lie where cells are, and may overlap. `formulas` are those without a stored result,
    `booleans` truth values, `fractions` numbers that are not whole, `scaled` numbers that are shown divided
    by a thousand or more.
    """

    merged: tuple[Range, ...] = ()
    hidden: bool = False
    rows: frozenset[int] = frozenset()
    columns: tuple[tuple[int, int], ...] = ()
    formulas: frozenset[tuple[int, int]] = frozenset()
    booleans: frozenset[tuple[int, int]] = frozenset()
    fractions: frozenset[tuple[int, int]] = frozenset()
    scaled: frozenset[tuple[int, int]] = frozenset()


def read_marked(
    path: Path, problems: Problems, sheets: Sequence[str] | None = None
) -> dict[str, tuple[pl.DataFrame, Marks]] | None:
    """Return for each sheet the cells as in `read_cells`, and what else there is to see of it.

    Of a sheet with more than a million cells no formulas, formats and hidden lines are told.
    """
    marks: dict[str, Marks] = {}
    wanted = None if sheets is None else list(dict.fromkeys(sheets))
    read = _read(path, problems, sheets=wanted, marks=marks)
    if read is None:
        return None
    return {name: (frame, marks.get(name, Marks())) for name, frame in read[1].items()}


def read_one(path: Path, problems: Problems, sheet: str | None = None) -> tuple[str, pl.DataFrame] | None:
    """Return the name and the cells (as in `read_cells`) of one sheet, the first one by default."""
    read = _read(path, problems, sheets=None if sheet is None else [sheet], first=sheet is None)
    return None if read is None else next(iter(read[1].items()))


def sheet_names(path: Path, problems: Problems) -> list[str]:
    """Return the names of a workbook's sheets in order; empty when it cannot be opened."""
    read = _read(path, problems, sheets=[])
    return [] if read is None else read[0]


def _places(told: list[list[int]]) -> frozenset[tuple[int, int]]:
    return frozenset((row, column) for row, column in told)


@dataclass(slots=True)
class _Answer:
    """What the child has said so far."""

    names: list[str] = field(default_factory=list)
    chunks: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    marks: dict[str, Marks] = field(default_factory=dict)
    last: xlsx_child.Frame = field(default_factory=list)

    def take(self, frame: xlsx_child.Frame) -> None:
        """Take over one frame: `xlsx_child.serve` says which there are."""
        self.last = frame
        if frame[0] == "names":
            self.names = frame[1]
        elif frame[0] == "merged":
            merged = tuple((first, left, last, right) for first, left, last, right in frame[2])
            self.marks[frame[1]] = Marks(merged)
        elif frame[0] == "marks":
            told = frame[2]
            self.marks[frame[1]] = Marks(
                self.marks[frame[1]].merged,
                told["hidden"],
                frozenset(told["rows"]),
                tuple((first, last) for first, last in told["columns"]),
                *(_places(told[name]) for name in ("formulas", "booleans", "fractions", "scaled")),
            )
        elif frame[0] == "cells":
            columns = [pl.Series(str(j), cells, dtype=pl.String) for j, cells in enumerate(frame[2])]
            self.chunks.setdefault(frame[1], []).append(pl.DataFrame(columns))

    def cells(self, sheet: str) -> pl.DataFrame:
        """Return all the cells of a sheet."""
        chunks = self.chunks.pop(sheet, None)
        if not chunks:
            return pl.DataFrame()
        return pl.concat(chunks, rechunk=True).with_columns(pl.all().str.replace_all(HIDDEN, SHOWN))


def _read(
    path: Path,
    problems: Problems,
    *,
    sheets: list[str] | None,
    first: bool = False,
    marks: dict[str, Marks] | None = None,
) -> tuple[list[str], dict[str, pl.DataFrame]] | None:
    """Return the names of all sheets and the cells of the wanted ones; None with what is wrong noted.

    `marks`, where given, takes what else there is to see of each sheet.
    """
    try:
        status = path.stat()
    except (OSError, ValueError):
        status = None
    if status is None or not stat.S_ISREG(status.st_mode):
        problems.add("file.not-found", Where(str(path)), path=str(path))
        return None
    if status.st_size > MAX_UNPACKED_BYTES:
        size, limit = status.st_size // 10**6, MAX_UNPACKED_BYTES // 10**6
        problems.add("file.too-large", Where(path.name), size=size, limit=limit)
        return None
    limits = {"unpacked": MAX_UNPACKED_BYTES, "parts": MAX_PARTS, "ratio": MAX_RATIO, "cells": MAX_CELLS}
    request: dict[str, Any] = {"path": str(path), "sheets": sheets, "first": first, "limits": limits}
    request["merged"] = marks is not None
    answer = _ask(request, Where(path.name), problems)
    if answer is None:
        return None
    if marks is not None:
        marks |= answer.marks
    wanted = answer.names[:1] if first else answer.names if sheets is None else sheets
    return answer.names, {sheet: answer.cells(sheet) for sheet in wanted}


def _ask(request: dict[str, Any], where: Where, problems: Problems) -> _Answer | None:
    """Start the child and put its frames together; None with a problem where it does not come to the end."""
    try:
        process = _start(request)
    except OSError as error:
        problems.add("file.reader-failed", where, reason=error.strerror or str(error))
        return None
    answer = _Answer()
    late = threading.Event()
    timer = threading.Timer(MAX_SECONDS, _stop, (process, late))
    with process:
        timer.start()
        try:
            assert process.stdout is not None
            for frame in _frames(process.stdout):
                answer.take(frame)
            if answer.last == _MORE_THAN_ALLOWED:
                process.kill()
            process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            timer.cancel()
    if answer.last == ["end"]:
        return answer
    _note(answer.last, late.is_set(), process.returncode, where, problems)
    return None


def _start(request: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Start the child, apart from the caller's folder, search path and settings of Python, and ask it."""
    parser = find_spec("python_calamine")
    assert parser is not None
    assert parser.origin is not None
    library = str(Path(parser.origin).parent.parent)  # the child looks for the parser here and nowhere else
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", str(Path(xlsx_child.__file__))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    limits = {"library": library, "memory": MAX_MEMORY_BYTES, "seconds": MAX_SECONDS}
    assert process.stdin is not None
    with contextlib.suppress(OSError), process.stdin:  # a child that is gone says so by its end
        process.stdin.write(json.dumps(request | limits).encode())
    return process


def _stop(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def _frames(stream: IO[bytes]) -> Iterator[xlsx_child.Frame]:
    """Yield what the child says until it ends, breaks off or has said more than it may."""
    total = 0
    while len(head := stream.read(xlsx_child.LENGTH.size)) == xlsx_child.LENGTH.size:
        (length,) = xlsx_child.LENGTH.unpack(head)
        total += length
        if total > MAX_TEXT_BYTES:
            yield _MORE_THAN_ALLOWED
            return
        body = stream.read(length)
        if len(body) < length:
            return
        yield json.loads(body)


def _note(last: xlsx_child.Frame, late: bool, ended: int, where: Where, problems: Problems) -> None:
    """Note why there is no table: what the child said last, or else how it ended."""
    kind = last[0] if last else ""
    if kind == "problem":
        _, code, sheet, values = last
        problems.add(code, Where(where.file, sheet), **values)
    elif kind == "access":
        problems.add("file.no-access", where, reason=last[1])
    elif kind == "failed":
        problems.add("file.reader-failed", where, reason=last[1])
    elif late or ended == _OUT_OF_TIME:
        problems.add("file.took-too-long", where, seconds=MAX_SECONDS)
    elif kind == "memory" or ended in _OUT_OF_MEMORY:
        problems.add("file.too-large-to-read", where, limit=MAX_MEMORY_BYTES // 10**6)
    else:
        problems.add("file.reader-failed", where, reason=f"exit {ended}")
