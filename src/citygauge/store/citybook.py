"""Workbooks of the cities and the workspace: forms go out, what comes back is recorded."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from citygauge.collect.citybook.form import asked, form_book, form_hash, last_values
from citygauge.collect.citybook.layout import Book, Identity
from citygauge.collect.citybook.raw import read_raw
from citygauge.collect.citybook.read import has_entries, identify
from citygauge.collect.citybook.write import write_book
from citygauge.collect.units import UnitMatcher
from citygauge.problems import InputError, Language, Problem, Problems, Where
from citygauge.result import NOTICE
from citygauge.settings import SETTINGS
from citygauge.workspace import Workspace, open_workspace

WORKBOOKS = "workbooks"
_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f]+')


@dataclass(frozen=True, slots=True)
class Issue:
    """How workbooks are made out.

    `out` is their folder (``workbooks`` of the workspace by default), `units` the cities (all that are
    assessed by default), `period` the one that is asked for (the settings' by default), `contact` who they
    go back to.
    """

    language: Language = "zh"
    out: Path | None = None
    units: Sequence[str] = ()
    period: str | None = None
    contact: str = ""


def write_forms(folder: Path, how: Issue) -> list[Path]:
    """Write the form of each city and return the paths.

    Raises
    ------
    InputError
        When a unit is unknown, no period is given, the cities are asked nothing, or a file in the way is
        none of ours or holds entries; nothing is written then.
    """
    workspace, problems = open_workspace(folder), Problems()
    period = book_period(workspace, how.period, problems)
    codes = chosen_units(workspace, how.units, problems)
    if not asked(workspace.framework)[0]:
        problems.add("collect.nothing-to-ask", Where(workspace.framework.code or None))
    problems.raise_errors()
    units = workspace.units.select(codes)
    illustrative = workspace.settings.illustrative
    told_by = workspace.settings.sources
    facts, framework = workspace.observations, workspace.framework
    last = {} if illustrative else last_values(facts, framework, units, period, told_by)
    books = {
        code: form_book(
            workspace.framework, identity_of(workspace, "form", code, period, how), last.get(code, {}),
            notice_of(workspace, how.language),
        )
        for code in codes
    }  # fmt: skip
    return write_books({file_name(book.identity): book for book in books.values()}, folder, how)


def identity_of(workspace: Workspace, kind: str, unit: str, period: str, how: Issue) -> Identity:
    """Return what a workbook for a unit says about itself."""
    framework = workspace.framework
    names = dict(zip(workspace.units.codes, workspace.units.names(how.language), strict=True))
    return Identity(
        kind,
        language=how.language,
        workspace=workspace.settings.name(how.language),
        framework=framework.code or framework.root.label(how.language),
        framework_hash=form_hash(framework),
        unit=unit,
        unit_name=names[unit],
        period=period,
        contact=how.contact,
    )


def notice_of(workspace: Workspace, language: Language) -> str:
    """Return what stands on every sheet of an illustrative workspace; nothing elsewhere."""
    return NOTICE[language] if workspace.settings.illustrative else ""


def book_period(workspace: Workspace, given: str | None, problems: Problems) -> str:
    """Return the period that workbooks are about: the one given, the settings', or the only one there is."""
    if given or workspace.settings.period:
        return given or workspace.settings.period or ""
    period = workspace.chosen_period(problems)
    if period is None and not problems.errors:
        problems.add("collect.no-period", Where(SETTINGS, column="period"))
    return period or ""


def chosen_units(workspace: Workspace, names: Iterable[str], problems: Problems) -> list[str]:
    """Return the codes of the units that are named, by code or name; of all that are assessed by default."""
    names = list(names)
    if not names:
        return list(workspace.assessed_units(problems).codes)
    matcher = UnitMatcher(workspace.units)
    matches = {name: matcher.match(name) for name in names}
    for name, match in matches.items():
        if match.verdict != "found":
            near = match.candidates or workspace.units.codes
            problems.add("collect.unknown-unit", Where(column="--unit"), value=name, near=near)
    return list(dict.fromkeys(match.code for match in matches.values() if match.verdict == "found"))


def file_name(identity: Identity, ending: str = "") -> str:
    """Return the name of a workbook's file, ``510100_成都.xlsx``, without what a file name cannot hold."""
    parts = [_UNSAFE.sub("-", part).strip(" .") for part in (identity.unit, identity.unit_name, ending)]
    return "_".join(part[:60] for part in parts if part) + ".xlsx"


def write_books(books: Mapping[str, Book], folder: Path, how: Issue) -> list[Path]:
    """Write workbooks aside and put them in place together; entries of a city are never written over."""
    out = how.out or folder / WORKBOOKS
    if any(place.exists() and not place.is_dir() for place in (out, *out.parents)):
        raise InputError([Problem("collect.out-is-a-file", Where(str(out)))])
    problems = Problems()
    for name in books:
        _check_target(out / name, problems)
    problems.raise_errors()
    out.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".books-", dir=out))
    try:
        for name, book in books.items():
            write_book(book, draft / name)
        return [(draft / name).replace(out / name) for name in books]
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check_target(path: Path, problems: Problems) -> None:
    """Refuse to write over a file that is none of ours, or in which somebody entered something."""
    if not path.exists():
        return
    sheets = read_raw(path, Problems())
    found = identify(sheets) if sheets else None
    if sheets is None or found is None:
        problems.add("collect.foreign-file", Where(path.name))
    elif has_entries(sheets, found[0]):
        problems.add("collect.filled-file", Where(path.name))
