"""The files of a run: scores, every step, weights, method, hashes and the reports, put in place together."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from citygauge.files import write_csv
from citygauge.problems import InputError, Language, Problem, Where
from citygauge.report.content import Content, report_content
from citygauge.report.page import page_of
from citygauge.report.pdf import pdf_of
from citygauge.report.profile import profiles
from citygauge.report.record import run_record
from citygauge.report.tables import tables
from citygauge.report.typesetting import Pdf
from citygauge.report.workbook import write_workbook
from citygauge.result import NOTICE, Result

RUN, PROBLEMS, WORKBOOK = "run.json", "problems.json", "results.xlsx"
Extra = Literal["pdf", "workbook"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@dataclass(frozen=True)
class Written:
    """What was written, the pages first; what this machine could not make, and why."""

    paths: tuple[Path, ...]
    not_made: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def write_results(result: Result, folder: Path, also: Collection[Extra] = ()) -> Written:
    """Write everything a run found.

    Everything is written aside first. Then the record of the earlier run goes, its files are replaced, and
    the new record comes last: a folder with a ``run.json`` holds one whole run. Files that are not
    CityGauge's stay where they are.

    Parameters
    ----------
    result : Result
    folder : Path
    also : collection of {"pdf", "workbook"}
        ``pdf``: the report in both languages as ``report.zh.pdf`` and ``report.en.pdf``; ``workbook``: the
        tables as ``results.xlsx``.

    Returns
    -------
    Written
        A PDF for which the machine lacks Typst or a font is not made, everything else is.

    Raises
    ------
    InputError
        When the folder holds files and no run of CityGauge.
    """
    made: dict[str, Pdf] = {}

    def fill(draft: Path) -> list[str]:
        contents = {language: report_content(result, language) for language in LANGUAGES}
        names = _write_draft(result, contents, draft)
        made.update(_write_pdfs(result, contents, draft) if "pdf" in also else {})
        names += [name for name, pdf in made.items() if not pdf.lacks]
        if "workbook" in also:
            write_workbook(result, draft / WORKBOOK)
            names.append(WORKBOOK)
        return names

    paths = put_in_place(folder, run_record(result), fill).paths
    return Written(paths, tuple(name for name, pdf in made.items() if pdf.lacks), _pdf_problems(made))


def put_in_place(folder: Path, record: Mapping[str, Any], fill: Callable[[Path], list[str]]) -> Written:
    """Have everything written aside, then put it in place of an earlier run, the record last.

    Parameters
    ----------
    folder : Path
    record : mapping
        Of the run; the names of its files are added.
    fill : callable
        Writes into a folder and returns the names of the files.

    Raises
    ------
    InputError
        When the folder holds files and no run of CityGauge.
    """
    refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        names = [*fill(draft), RUN]
        text = json.dumps({**record, "files": names}, ensure_ascii=False, indent=2)
        (draft / RUN).write_text(text + "\n", encoding="utf-8")
        remove_run(folder)
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).replace(folder / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Written(
        tuple(folder / name for name in sorted(names, key=lambda name: not name.endswith(".html")))
    )


def _write_draft(result: Result, contents: Mapping[Language, Content], draft: Path) -> list[str]:
    """Write the tables, the method and the pages of a run; return their names."""
    (draft / "steps").mkdir()
    names = ["method.toml"]
    (draft / "method.toml").write_text(method_text(result), encoding="utf-8", newline="\n")
    for name, frame in tables(result).items():
        write_csv(frame, draft / f"{name}.csv")
        names.append(f"{name}.csv")
    for language, content in contents.items():
        (draft / f"report.{language}.html").write_text(page_of(content), encoding="utf-8", newline="\n")
        names.append(f"report.{language}.html")
    return names


def _write_pdfs(result: Result, contents: Mapping[Language, Content], draft: Path) -> dict[str, Pdf]:
    """Write the PDF of each language that this machine can set; return what came of each, by file name."""
    made = {}
    for language, content in contents.items():
        name = f"report.{language}.pdf"
        made[name] = pdf_of(content, profiles(result, language))
        if not made[name].lacks:
            (draft / name).write_bytes(made[name].data)
    return made


def _pdf_problems(made: Mapping[str, Pdf]) -> tuple[Problem, ...]:
    """Return why PDFs were not made, and which characters those that were made cannot show."""
    found = []
    if files := [name for name, pdf in made.items() if pdf.lacks == "typst"]:
        found.append(Problem("report.no-typst", Where(), {"files": files}))
    if files := [name for name, pdf in made.items() if pdf.lacks == "font"]:
        found.append(Problem("report.no-cjk-font", Where(), {"files": files}))
    for name, pdf in made.items():
        if pdf.uncovered:
            characters = [f"{char} (U+{ord(char):04X})" for char in pdf.uncovered]
            found.append(Problem("report.missing-glyphs", Where(name), {"characters": characters}))
    return tuple(found)


def remove_run(folder: Path) -> None:
    """Remove the files of an earlier run, its record first, and the problems of a failed one."""
    earlier = _record_in(folder).get("files", [])
    for name in (RUN, PROBLEMS, *earlier):
        if not Path(name).is_absolute() and ".." not in Path(name).parts:
            (folder / name).unlink(missing_ok=True)


def _record_in(folder: Path) -> dict[str, Any]:
    """Return the record of the run a folder holds; empty when there is none of CityGauge's."""
    try:
        record = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) and "citygauge" in record else {}


def write_problems(problems: list[dict[str, Any]], folder: Path) -> Path:
    """Write the problems of a run that failed, and nothing else; results of an earlier run stay."""
    refuse_foreign(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"ok": False, "problems": problems}, ensure_ascii=False, indent=2)
    (folder / PROBLEMS).write_text(text + "\n", encoding="utf-8")
    return folder / PROBLEMS


def method_text(result: Result) -> str:
    """Return ``method.toml`` of a run, its hash on top."""
    notice = f"# {NOTICE['en']} / {NOTICE['zh']}\n" if result.illustrative else ""
    return f"{notice}# sha256 {result.method.hash}\n{result.method.to_toml()}"


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder that holds something and neither a run of CityGauge nor the problems of one."""
    beneath_a_file = any(parent.is_file() for parent in folder.parents)
    is_ours = bool(_record_in(folder)) or (folder / PROBLEMS).is_file()
    # A robustness run may have been there first, in a folder of its own.
    is_free = not folder.exists() or (
        folder.is_dir() and (is_ours or all(_record_in(inside) for inside in folder.iterdir()))
    )
    if beneath_a_file or not is_free:
        raise InputError([Problem("out.foreign-folder", Where(str(folder)), {"folder": str(folder)})])
