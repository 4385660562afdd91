"""The archives that Word and slides files are: written the same each time, looked at before being read."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from datetime import datetime

from citygauge import xlsx_child
from citygauge.problems import Problems, Where
from citygauge.xlsx_child import WorkbookProblem

MAX_PACKED_BYTES = 100_000_000
MAX_UNPACKED_BYTES = 300_000_000
MAX_TEXT_BYTES = 50_000_000  # of one part of XML; a report of 200 pages takes 3
MAX_PARTS = 5_000
MAX_RATIO = 200  # unpacked to packed; what word processors write stays below 50
MAIN = "word/document.xml"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)
_LIMITS = {"unpacked": MAX_UNPACKED_BYTES, "parts": MAX_PARTS, "ratio": MAX_RATIO}


def steady(data: bytes) -> bytes:
    """Return an archive with the times of its entries taken out, so that the same content is the same bytes.

    Examples
    --------
    >>> made = io.BytesIO()
    >>> with zipfile.ZipFile(made, "w") as archive:
    ...     archive.writestr("a.xml", "<a/>")
    >>> zipfile.ZipFile(io.BytesIO(steady(made.getvalue()))).getinfo("a.xml").date_time
    (1980, 1, 1, 0, 0, 0)
    """
    copy = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(copy, "w") as target:
        for part in source.infolist():
            entry = zipfile.ZipInfo(part.filename, _EPOCH)
            entry.create_system = 0
            entry.compress_type = (
                zipfile.ZIP_DEFLATED
            )  # pictures too: as they are drawn, it saves more than half
            target.writestr(entry, source.read(part))
    return copy.getvalue()


def moment(date: str) -> datetime:
    """Return noon of a date that begins as ``YYYY-MM-DD``; of the first day of 1980 for any other text."""
    found = re.match(r"(\d{4})-(\d{2})-(\d{2})", date)
    try:
        year, month, day = map(int, found.groups()) if found else (1980, 1, 1)
        return datetime(year, month, day, 12)
    except ValueError:
        return datetime(1980, 1, 1, 12)


class _Bounded(io.BytesIO):
    """Bytes of which no single read may be large, whatever size a zip directory claims to have."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > xlsx_child.MAX_DIRECTORY_BYTES:
            raise ValueError(size)
        return super().read(size)


def looked_at(data: bytes, problems: Problems, file: str = "") -> zipfile.ZipFile | None:
    """Return a Word file as an archive that may be read; None when it may not (the reason is in `problems`).

    It is refused when it is no zip archive with a main part, is protected with a password, packs or unpacks
    to more than the limits of this module, has entries that overlap, or a part that declares a document type
    or entities.
    """
    where = Where(file or None)
    if len(data) > MAX_PACKED_BYTES:
        problems.add("report.word-too-large", where, size=len(data) // 10**6, limit=MAX_PACKED_BYTES // 10**6)
        return None
    if data.startswith(_OLE):
        problems.add("report.not-word", where)
        return None
    try:
        archive = zipfile.ZipFile(_Bounded(data))
        xlsx_child.check_directory(archive, len(data), _LIMITS)
        if MAIN not in archive.namelist():
            raise ValueError(MAIN)
        for part in archive.infolist():
            if part.filename.lower().endswith((".xml", ".rels")):
                _look(archive, part)
    except WorkbookProblem as problem:
        if problem.code in {"file.not-a-workbook", "file.encrypted"}:
            problems.add("report.not-word", where)
        else:
            problems.add("report.word-suspicious", where)
        return None
    except _DAMAGED:
        problems.add("report.not-word", where)
        return None
    return archive


def _look(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Refuse a part of XML that is too long, is not UTF-8, or declares a document type."""
    if part.file_size > MAX_TEXT_BYTES:
        raise WorkbookProblem("file.too-large")
    text = archive.read(part)
    if _DOCTYPE.search(text) or b"\0" in text[:64]:
        raise WorkbookProblem("file.document-type")
