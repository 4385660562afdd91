"""The program that opens a workbook of unknown origin, so that the process that wants it does not have to.

It is started by `citygauge.xlsx` as a file of its own, limits itself, looks at the zip directory and at what
the sheets claim, parses, and writes the cells as text to its standard output: frames of JSON, each after
its length in four bytes. It imports nothing but the standard library and the parser, because it starts anew
for every workbook.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from posixpath import dirname, join, normpath
from typing import Any, BinaryIO
from xml.parsers import expat

if sys.platform != "win32":
    import resource

Frame = list[Any]
Limits = Mapping[str, int]

LENGTH = struct.Struct(">I")
CELLS_PER_FRAME = 1 << 17
ROWS_PER_FRAME = 256  # at least: each frame costs the receiver a series for each column
MAX_DIRECTORY_BYTES = 1 << 22  # the zip directory is read whole, before its entries can be counted
RATIO_MATTERS_BYTES = 20_000_000  # a small part may well be all blanks
LOOKED_AT_CELLS = 1_000_000  # of a sheet of more the marks are not wanted: no table for readers is so large
_BLOCK = 1 << 20
_LOCAL_HEADER_BYTES = 30
_ENCRYPTED = 0x1
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)

_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_ELEMENT = re.compile(rb"<(?:\w+:)?(?:row|c)[\s/>]")
_PLAIN = re.compile(rb'<(?:row|c) r="([A-Z]{0,3})([0-9]{1,7})"')  # as nearly every program writes them
# A row or a cell begins, an address or a row number is given; any prefix and quote.
_CLAIM = re.compile(
    rb"<(?:\w+:)?(?P<row>row)\b|<(?:\w+:)?(?P<cell>c)(?=[\s/>])"
    rb"|\sr\s*=\s*[\"'](?P<letters>[A-Za-z]{0,10})(?P<number>[0-9]{1,20})[\"']"
)
_DIMENSION = re.compile(
    rb"<(?:\w+:)?dimension\s[^<>]*?\bref\s*=\s*[\"'](?:[A-Za-z0-9]+:)?([A-Za-z]{1,10})([0-9]{1,20})[\"']"
)
_ERROR_MARK = re.compile(rb"t\s*=\s*[\"']e[\"']")
_ERROR_CELL = re.compile(rb"(<(?:\w+:)?c\s[^<>]*?\bt\s*=\s*[\"'])e([\"'])")


class WorkbookProblem(Exception):  # noqa: N818 - the check of codes looks for calls of another name
    """What is wrong with a workbook: a code of the catalogue, the sheet and what the sentence names."""

    def __init__(self, code: str, sheet: str | None = None, /, **values: Any) -> None:
        self.code, self.sheet, self.values = code, sheet, values
        super().__init__(code)


@dataclass(slots=True)
class Extent:
    """How far the cells of a sheet reach, as far as it has been read."""

    rows: int = 0
    columns: int = 0
    begun: int = 0
    cells: int = 0


def text_of(cell: Any) -> str | None:
    """Return a cell of a workbook as text: whole numbers without ``.0``, nothing as None."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return str(cell)


def serve(
    path: str, sheets: list[str] | None, first: bool, limits: Limits, *, merged: bool = False
) -> Iterator[Frame]:
    """Yield the names of a workbook's sheets, then the cells of those asked for, then the end.

    Parameters
    ----------
    path : str
        The workbook.
    sheets : list of str or None
        Names of the sheets whose cells are wanted; all of them by default.
    first : bool
        Only the first sheet is wanted; `sheets` says nothing then.
    limits : mapping
        ``unpacked``, ``parts``, ``ratio`` and ``cells``, as in `citygauge.xlsx`.
    merged : bool
        The merged ranges are wanted too, and what a reader sees of the sheet beside its cells.

    Yields
    ------
    list
        ``["names", [name, …]]``; ``["merged", name, [[row, column, last row, last column], …]]`` where they
        are wanted, counted from 0, and ``["marks", name, {…}]`` with what `citygauge.xlsx.Marks` holds;
        ``["cells", name, [[text or None, …] for each column]]``, several times
        for a long sheet and never for an empty one; ``["end"]``.

    Raises
    ------
    WorkbookProblem
        The file is no workbook, or one that must not be parsed.
    """
    from python_calamine import CalamineError, PasswordError  # noqa: PLC0415 - found where `main` was told to look

    sheet = None
    total = 0
    try:
        workbook = _opened(path, limits)
        names = list(workbook.sheet_names)
        yield ["names", names]
        wanted = names[:1] if first else names if sheets is None else sheets
        if not names:
            raise WorkbookProblem("file.not-a-workbook")
        for sheet in wanted:
            if sheet not in names:
                raise WorkbookProblem("file.no-sheet", sheet=sheet, sheets=names)
        looks = _looker(path, workbook) if merged else None
        for sheet in wanted:
            read = workbook.get_sheet_by_name(sheet)
            height, width = _shape(read)
            total += height * width
            if total > limits["cells"]:
                raise WorkbookProblem("file.too-many-cells-together", cells=total, limit=limits["cells"])
            if looks is not None:
                yield ["merged", sheet, [[*start, *end] for start, end in read.merged_cell_ranges or ()]]
                marks: dict[str, Any] = {"booleans": [], "fractions": []}
                yield from _cells(read, marks)
                yield ["marks", sheet, marks | looks(sheet, height * width)]
            else:
                yield from _cells(read)
    except PasswordError as error:
        raise WorkbookProblem("file.encrypted") from error
    except CalamineError as error:
        raise WorkbookProblem("file.not-a-workbook", sheet) from error
    yield ["end"]


def check_directory(archive: zipfile.ZipFile, size: int, limits: Limits) -> None:
    """Refuse an archive by what its directory says: too much, too dense, encrypted, entries that overlap."""
    parts = sorted(archive.infolist(), key=lambda part: part.header_offset)
    if len(parts) > limits["parts"]:
        raise WorkbookProblem("file.too-many-parts", limit=limits["parts"])
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise WorkbookProblem("file.encrypted")
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if unpacked > limits["unpacked"]:
        limit = limits["unpacked"] // 10**6
        raise WorkbookProblem("file.too-large", size=unpacked // 10**6, limit=limit)
    if unpacked > RATIO_MATTERS_BYTES and unpacked > limits["ratio"] * packed:
        ratio = unpacked // max(1, packed)
        raise WorkbookProblem("file.too-compressed", ratio=ratio, limit=limits["ratio"])
    ends = [part.header_offset + _LOCAL_HEADER_BYTES + part.compress_size for part in parts]
    starts = [part.header_offset for part in parts[1:]]
    if any(end > start for end, start in zip(ends, [*starts, size], strict=False)):
        raise WorkbookProblem("file.not-a-workbook")


def measure(text: bytes, extent: Extent) -> None:
    """Take the rows and columns that a stretch of a sheet claims into its extent."""
    found = _PLAIN.findall(text)
    if len(found) == len(_ELEMENT.findall(text)):
        letters, numbers = (set(part) for part in zip(*found, strict=True)) if found else (set(), set())
        extent.rows = max(extent.rows, *map(int, numbers), 0)
        extent.columns = max(extent.columns, *map(_column_number, letters), 0)
        extent.begun += text.count(b"<row ")
    else:
        _measure_closely(text, extent)
    if b"dimension" in text and (match := _DIMENSION.search(text)):
        extent.rows = max(extent.rows, int(match[2]))
        extent.columns = max(extent.columns, _column_number(match[1]))


def main() -> None:
    """Read the request from standard input, answer on standard output."""
    request = json.load(sys.stdin.buffer)
    _limit(request["memory"], request["seconds"])
    sys.path.append(request["library"])
    out = sys.stdout.buffer
    try:
        asked = (request["path"], request["sheets"], request["first"], request["limits"])
        for frame in serve(*asked, merged=request["merged"]):
            _send(out, frame)
    except WorkbookProblem as problem:
        _send(out, ["problem", problem.code, problem.sheet, problem.values])
    except MemoryError:
        _send(out, ["memory"])
    except OSError as error:
        _send(out, ["access", error.strerror or str(error)])
    except BaseException as error:  # the parser's panics are no Exception
        _send(out, ["failed", type(error).__name__])


def _opened(path: str, limits: Limits) -> Any:
    """Return a workbook that was looked at and may be parsed."""
    from python_calamine import CalamineWorkbook  # noqa: PLC0415 - found where `main` was told to look

    with _BoundedFile(path, limits["parts"]) as file:
        if file.read(len(_OLE)) == _OLE:
            _refuse_ole(file)
        try:
            with zipfile.ZipFile(file) as archive:
                check_directory(archive, file.seek(0, io.SEEK_END), limits)
                if not _has_errors(archive, limits):
                    return CalamineWorkbook.from_path(path)
                return CalamineWorkbook.from_filelike(_with_errors_as_text(archive))
        except _DAMAGED as error:
            raise WorkbookProblem("file.not-a-workbook") from error


def _cells(sheet: Any, marks: dict[str, Any] | None = None) -> Iterator[Frame]:
    """Yield a sheet's cells from A1 on; the parser gives all rows, but the columns of the used area.

    `marks` takes the places of truth values, and of numbers that are not whole.
    """
    done = 0
    first = (sheet.start or (0, 0))[1]
    rows = sheet.iter_rows()
    step = max(ROWS_PER_FRAME, CELLS_PER_FRAME // max(1, _shape(sheet)[1]))
    while chunk := list(islice(rows, step)):
        for row, cells in enumerate(chunk if marks is not None else (), done):
            for column, cell in enumerate(cells, first):
                if isinstance(cell, bool) and marks is not None:
                    marks["booleans"].append([row, column])
                elif isinstance(cell, float) and not cell.is_integer() and marks is not None:
                    marks["fractions"].append([row, column])
        done += len(chunk)
        before: list[list[str | None]] = [[None] * len(chunk)] * first
        columns = zip(*chunk, strict=True)
        yield ["cells", sheet.name, [*before, *([text_of(cell) for cell in column] for column in columns)]]


def _looker(path: str, workbook: Any) -> Callable[[str, int], dict[str, Any]]:
    """Return what tells of a sheet what its cells do not: hidden lines, formulas without results, formats."""
    hidden = {sheet.name: not str(sheet.visible).endswith(".Visible") for sheet in workbook.sheets_metadata}
    with zipfile.ZipFile(path) as archive:
        parts, scaled = _sheet_parts(archive), _scaled_styles(archive)

    def look(sheet: str, cells: int) -> dict[str, Any]:
        found = SheetLook(scaled)
        if sheet in parts and cells <= LOOKED_AT_CELLS:
            with zipfile.ZipFile(path) as archive:
                _parse(archive, parts[sheet], found.start, found.end, found.text)
        return found.marks | {"hidden": hidden.get(sheet, False)}

    return look


class SheetLook:
    """Goes through the text of a sheet; `marks` are its finds, places counted from 0."""

    def __init__(self, scaled: frozenset[str]) -> None:
        self.marks: dict[str, Any] = {"rows": [], "columns": [], "formulas": [], "scaled": []}
        self._scaled = scaled
        self._row = self._column = -1
        self._cell: dict[str, str] = {}
        self._formula = self._in_value = self._valued = False

    def start(self, name: str, given: dict[str, str]) -> None:
        """Take the beginning of an element."""
        name, is_hidden = name.rpartition(":")[2], given.get("hidden") in {"1", "true"}
        if name == "row":
            self._row, self._column = int(given.get("r", self._row + 2)) - 1, -1
            self.marks["rows"] += [self._row] if is_hidden else []
        elif name == "col" and is_hidden:
            self.marks["columns"].append([int(given["min"]) - 1, int(given["max"]) - 1])
        elif name == "c":
            letters = given.get("r", "").rstrip("0123456789").encode()
            self._column = _column_number(letters) - 1 if letters else self._column + 1
            self._cell, self._formula, self._valued = given, False, False
        self._formula = self._formula or name == "f"
        self._in_value = name == "v"

    def text(self, text: str) -> None:
        """Take some text."""
        self._valued = self._valued or (self._in_value and bool(text.strip()))

    def end(self, name: str) -> None:
        """Take the end of an element."""
        self._in_value = False
        if name.rpartition(":")[2] == "c":
            place = [self._row, self._column]
            if self._formula and not self._valued and self._cell.get("t") != "str":
                self.marks["formulas"].append(place)
            if self._valued and self._cell.get("s") in self._scaled and self._cell.get("t", "n") == "n":
                self.marks["scaled"].append(place)


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the part of an archive that each sheet is in."""
    book = next((name for name in archive.namelist() if name.endswith("workbook.xml")), "")
    rels = join(dirname(book), "_rels", "workbook.xml.rels")
    names: dict[str, str] = {}
    targets: dict[str, str] = {}

    def take(name: str, given: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "sheet":
            names[given.get("name", "")] = next((v for k, v in given.items() if k.endswith(":id")), "")
        elif name == "Relationship":
            targets[given.get("Id", "")] = given.get("Target", "")

    for part in (book, rels):
        if part in archive.namelist():
            _parse(archive, part, take)
    places = {
        sheet: normpath(join("/", dirname(book), targets.get(at, ""))).lstrip("/")
        for sheet, at in names.items()
    }
    return {sheet: part for sheet, part in places.items() if part in archive.namelist()}


def _scaled_styles(archive: zipfile.ZipFile) -> frozenset[str]:
    """Return the styles whose number format shows a thousandth or less: a comma behind the last digit."""
    formats: dict[str, str] = {}
    styles: list[str] = []
    above: list[str] = []

    def take(name: str, given: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "numFmt":
            formats[given.get("numFmtId", "")] = given.get("formatCode", "")
        elif name == "xf" and "cellXfs" in above:
            styles.append(given.get("numFmtId", ""))
        above.append(name)

    part = next((name for name in archive.namelist() if name.endswith("styles.xml")), "")
    if part:
        _parse(archive, part, take, lambda name: above.remove(name.rpartition(":")[2]))
    bare = {key: re.sub(r'"[^"]*"|[\\!_*].|\[[^\]]*\]', " ", code) for key, code in formats.items()}
    scaled = {key for key, code in bare.items() if re.search(r"[0#?]\s*,+(?![,0#?])", code.split(";")[0])}
    return frozenset(str(place) for place, key in enumerate(styles) if key in scaled)


def _parse(
    archive: zipfile.ZipFile,
    part: str,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> None:
    """Go through a part that was looked at before: it holds no document type."""
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    with archive.open(part) as stream:
        try:
            parser.ParseFile(stream)
        except (expat.ExpatError, ValueError, KeyError) as error:
            raise WorkbookProblem("file.not-a-workbook", part) from error


def _shape(sheet: Any) -> tuple[int, int]:
    """Return the number of the last row and column; the parser's own totals are one less."""
    return (0, 0) if sheet.end is None else (sheet.end[0] + 1, sheet.end[1] + 1)


class _BoundedFile(io.FileIO):
    """A file of which no single read may be large, whatever size a zip directory claims to have."""

    def __init__(self, path: str, parts: int) -> None:
        super().__init__(path)
        self.parts = parts

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise WorkbookProblem("file.too-many-parts", limit=self.parts)
        return super().read(size) or b""


def _refuse_ole(file: BinaryIO | io.FileIO) -> None:
    """Tell a workbook with a password from other files of the old container format."""
    tail = b""
    name = "EncryptedPackage".encode("utf-16-le")
    while block := file.read(_BLOCK):
        if name in tail + block:
            raise WorkbookProblem("file.encrypted")
        tail = block[-len(name) :]
    raise WorkbookProblem("file.not-a-workbook")


def _has_errors(archive: zipfile.ZipFile, limits: Limits) -> bool:
    """Look at all sheets: refuse what claims too much, tell whether a cell holds an error such as #N/A."""
    errors = False
    parts = [part for part in archive.infolist() if _is_text(part)]
    if not parts:
        raise WorkbookProblem("file.not-a-workbook")
    for part in parts:
        extent = Extent()
        with archive.open(part) as stream:
            for text in _stretches(stream):
                if text.startswith(_UTF_16):  # allowed, written by nobody, and read as nothing by the parser
                    raise WorkbookProblem("file.not-a-workbook", part.filename)
                if _DOCTYPE.search(text):
                    raise WorkbookProblem("file.document-type", part.filename)
                measure(text, extent)
                if extent.rows * extent.columns > limits["cells"]:
                    claim = {"rows": extent.rows, "columns": extent.columns, "limit": limits["cells"]}
                    raise WorkbookProblem("file.too-many-cells", part.filename, **claim)
                errors = errors or _ERROR_MARK.search(text) is not None
    return errors


def _with_errors_as_text(archive: zipfile.ZipFile) -> io.BytesIO:
    """Return the text parts of a workbook with error cells retyped as text.

    The parser gives an error that it knows as an empty cell, and refuses the sheet for one that it does not.
    """
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
        for part in archive.infolist():
            if _is_text(part):
                with archive.open(part) as stream, target.open(part.filename, "w") as out:
                    for text in _stretches(stream):
                        out.write(_ERROR_CELL.sub(rb"\1str\2", text))
    copy.seek(0)
    return copy


def _is_text(part: zipfile.ZipInfo) -> bool:
    return part.filename.lower().endswith((".xml", ".rels"))


def _stretches(stream: Any) -> Iterator[bytes]:
    """Yield the content of a part in pieces that end before a tag."""
    tail = b""
    while block := stream.read(_BLOCK):
        text = tail + block
        cut = text.rfind(b"<")
        cut = cut if cut > 0 else len(text)
        yield text[:cut]
        tail = text[cut:]
    yield tail


def _measure_closely(text: bytes, extent: Extent) -> None:
    """Follow the rows and cells one by one: an address may be left out, or written in an unusual way."""
    for match in _CLAIM.finditer(text):
        if match["row"]:
            extent.begun, extent.cells = extent.begun + 1, 0
        elif match["cell"]:
            extent.cells += 1
        extent.rows = max(extent.rows, extent.begun, int(match["number"] or 0))
        extent.columns = max(extent.columns, extent.cells, _column_number(match["letters"] or b""))


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _limit(memory: int, seconds: int) -> None:
    """Bound this process where the platform can: address space, time of the processor, no file written."""
    if sys.platform != "win32":
        for what, value in (
            (resource.RLIMIT_AS, memory),
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, 0),
        ):
            hard = resource.getrlimit(what)[1]
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            with contextlib.suppress(ValueError, OSError):  # a platform may know a limit and not set it
                resource.setrlimit(what, (most, most))


def _send(out: BinaryIO, frame: Frame) -> None:
    body = json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode()
    out.write(LENGTH.pack(len(body)) + body)
    out.flush()


if __name__ == "__main__":
    main()
