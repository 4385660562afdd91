"""An edited Word file beside the results of today: which report it was, and what it says otherwise."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.report.book.build import document_of
from citygauge.report.book.document import KINDS
from citygauge.report.book.edited import Difference, differences
from citygauge.report.book.theme import theme_for
from citygauge.report.book.word.archive import looked_at
from citygauge.result import Result

PROPERTIES, _PREFIX = "docProps/custom.xml", "citygauge."
_PINNED = ("data", "framework", "method", "theme")


def compared(file: Path, result: Result, theme: str = "") -> tuple[list[Difference], tuple[Problem, ...]]:
    """Return what an edited report says otherwise than the results do now, and what was noted on the way.

    Parameters
    ----------
    file : Path
        A ``.docx`` that `citygauge report` made and people have edited.
    result : Result
        Of the same workspace.
    theme : str
        As `theme_for` takes it.

    Returns
    -------
    differences : list of Difference
    problems : tuple of Problem
        ``report.changed-since`` where data, framework, method or theme are not those the file was made from,
        so that its numbers may differ although nobody changed them.

    Raises
    ------
    InputError
        ``file.not-found``; ``report.not-our-word`` for a Word file of another origin; what `differences` and
        `theme_for` raise.
    """
    problems = Problems()
    if not file.is_file():
        problems.add("file.not-found", Where(str(file)), file=str(file))
    problems.raise_errors()
    edited = file.read_bytes()
    told = _properties(edited, file.name, problems)
    chosen = theme_for(result.workspace, problems, theme)
    problems.raise_errors()
    assert chosen is not None
    language, kind = told.get("language"), told.get("kind")
    subject = told.get("subject", "")
    grades = [grade.id for grade in result.scale.grades] if result.scale else []
    is_known = subject in {"city": result.row_labels, "grade": grades}.get(str(kind), [""])
    if language not in ("zh", "en") or kind not in KINDS or not is_known:
        raise InputError([Problem("report.not-our-word", Where(file.name), {"file": file.name})])
    document = document_of(
        result, chosen, "zh" if language == "zh" else "en", kind=kind, date=told.get("date", ""),
        subject=subject,
    )  # fmt: skip
    changed = [name for name in _PINNED if told.get(name) != document.meta.get(name)]
    if changed:
        problems.add("report.changed-since", Where(file.name), parts=changed)
    return differences(edited, document, file.name), tuple(problems)


def _properties(data: bytes, name: str, problems: Problems) -> dict[str, str]:
    """Return what a Word file says of the report that it was made as; empty for one of another origin."""
    archive = looked_at(data, problems, name)
    if archive is None:
        return {}
    try:
        root = ElementTree.fromstring(archive.read(PROPERTIES))
    except (KeyError, ElementTree.ParseError, zipfile.BadZipFile):
        return {}
    found = {}
    for one in root:
        key = one.get("name", "")
        if key.startswith(_PREFIX):
            found[key.removeprefix(_PREFIX)] = re.sub(r"\s+", " ", "".join(one.itertext())).strip()
    return found
