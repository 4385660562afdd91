"""The files of a report: every chosen format of every language, written aside and put in place together."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from citygauge.files import write_csv
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.report.book.document import Document
from citygauge.report.book.docx import docx_of
from citygauge.report.book.html import html_of
from citygauge.report.book.pptx import pptx_of
from citygauge.report.book.typeset import pdf_of_document
from citygauge.report.charts.base import png_of_svg, svg_of
from citygauge.report.typesetting import system_fonts

if TYPE_CHECKING:
    import typst

Format = Literal["pdf", "docx", "html", "pptx", "charts"]
FORMATS: tuple[Format, ...] = ("pdf", "docx", "html", "pptx", "charts")
RECORD = "report.json"
_PICTURED = ("docx", "pptx", "charts")
_SCALE = 2.0


@dataclass(frozen=True)
class Printed:
    """What was written, and what this machine could not make, and why."""

    paths: tuple[Path, ...]
    not_made: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass
class Job:
    """One document and the formats it is wanted in; `stem` begins the names of its files."""

    document: Document
    formats: Sequence[Format]
    stem: str
    reference: bytes | None = None
    made: dict[str, bytes] = field(default_factory=dict)
    not_made: dict[str, str] = field(default_factory=dict)
    uncovered: dict[str, str] = field(default_factory=dict)

    def run(self) -> Job:
        """Make every file of the document; note those that cannot be made."""
        svgs = {figure.key: svg_of(figure.chart) for figure in self.document.figures}
        drawn, pictured = (
            [kind for kind in self.formats if (kind in _PICTURED) == wanted] for wanted in (False, True)
        )
        with ThreadPoolExecutor(1) as beside:  # pictures are drawn outside Python, while the rest is set
            others = beside.submit(self._make, drawn, svgs, {})
            pngs = {key: png_of_svg(svg, _SCALE) for key, svg in svgs.items()} if pictured else {}
            self._make(pictured, svgs, pngs)
            others.result()
        return self

    def _make(self, kinds: Sequence[Format], svgs: Mapping[str, str], pngs: Mapping[str, bytes]) -> None:
        for kind in kinds:
            _MAKERS[kind](self, svgs, pngs)

    def name(self, ending: str) -> str:
        """Return the name of a file of the document."""
        return f"{self.stem}.{self.document.language}.{ending}"


def _pdf(job: Job, svgs: Mapping[str, str], _: Mapping[str, bytes]) -> None:
    found = pdf_of_document(job.document, _fonts() if find_spec("typst") else None, svgs)
    if found.lacks:
        job.not_made[job.name("pdf")] = found.lacks
    else:
        job.made[job.name("pdf")] = found.data
        if found.uncovered:
            job.uncovered[job.name("pdf")] = found.uncovered


@cache
def _fonts() -> typst.Fonts:
    """Return the fonts of this machine, looked up once for all reports of a run."""
    return system_fonts()


def _docx(job: Job, _: Mapping[str, str], pngs: Mapping[str, bytes]) -> None:
    if find_spec("docx") is None:
        job.not_made[job.name("docx")] = "docx"
    else:
        job.made[job.name("docx")] = docx_of(job.document, job.reference, pngs, scale=_SCALE)


def _pptx(job: Job, _: Mapping[str, str], pngs: Mapping[str, bytes]) -> None:
    if find_spec("pptx") is None:
        job.not_made[job.name("pptx")] = "pptx"
    else:
        job.made[job.name("pptx")] = pptx_of(job.document, pngs, scale=_SCALE)


def _html(job: Job, svgs: Mapping[str, str], _: Mapping[str, bytes]) -> None:
    job.made[job.name("html")] = html_of(job.document, svgs).encode()


def _charts(job: Job, svgs: Mapping[str, str], pngs: Mapping[str, bytes]) -> None:
    """Keep every chart as SVG, PNG and Vega-Lite; its data as CSV."""
    folder = f"{job.stem}.{job.document.language}.charts/"
    for figure in job.document.figures:
        name = f"{folder}{figure.number}-{_safe(figure.key)}"
        job.made[f"{name}.svg"] = svgs[figure.key].encode()
        job.made[f"{name}.png"] = pngs[figure.key]
        text = json.dumps(figure.chart, ensure_ascii=False, sort_keys=True)
        job.made[f"{name}.vl.json"] = text.encode()
        if figure.rows:
            job.made[f"{name}.csv"] = _data(figure.rows, job.document.notice)


_MAKERS: Mapping[Format, Callable[[Job, Mapping[str, str], Mapping[str, bytes]], None]] = {
    "pdf": _pdf, "docx": _docx, "html": _html, "pptx": _pptx, "charts": _charts,
}  # fmt: skip


def _data(rows: Sequence[Mapping[str, Any]], notice: str) -> bytes:
    """Return the rows of a chart as CSV, lists joined, with the notice where one is due."""
    import polars as pl  # noqa: PLC0415 - only where charts are written

    more = {"notice": notice} if notice else {}
    plain = [{key: _plain(value) for key, value in row.items()} | more for row in rows]
    frame = pl.DataFrame(plain, infer_schema_length=None, strict=False)
    with tempfile.TemporaryDirectory() as folder:
        write_csv(frame, Path(folder) / "rows.csv")
        return (Path(folder) / "rows.csv").read_bytes()


def _plain(value: Any) -> Any:
    return "; ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _safe(key: str) -> str:
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in key)


def write_reports(
    jobs: Iterable[Job], folder: Path, *, told: Callable[[Job], None] = lambda _: None, workers: int = 2
) -> Printed:
    """Make reports and put their files in place.

    Parameters
    ----------
    jobs : iterable of Job
        Taken as they are needed, so that many documents are never held at once.
    folder : Path
        New, empty, or one that `write_reports` wrote before; files of the same names are replaced and others
        stay.
    told : callable
        Called after each job.
    workers : int
        Jobs that are made at a time.

    Raises
    ------
    InputError
        ``out.foreign-folder`` where the folder holds files of others; ``report.edited-since`` where people
        have changed a Word file or slides in it.
    """
    record = _record(folder)
    _refuse_edited(folder, record)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    names, lacking, uncovered = list[str](), dict[str, str](), dict[str, str]()
    try:
        with ThreadPoolExecutor(workers) as pool:
            for job in _in_turn(pool, jobs, workers):
                for name, data in job.made.items():
                    (draft / name).parent.mkdir(parents=True, exist_ok=True)
                    (draft / name).write_bytes(data)
                    record[name] = {**job.document.meta, **_left_out(job), "sha256": sha256(data).hexdigest()}
                names += sorted(job.made, key=_place)
                lacking |= job.not_made
                uncovered |= job.uncovered
                told(job)
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).replace(folder / name)
        text = json.dumps({"citygauge-report": record}, ensure_ascii=False, indent=2, sort_keys=True)
        (folder / RECORD).write_text(text + "\n", encoding="utf-8")
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Printed(tuple(folder / name for name in names), tuple(lacking), _problems(lacking, uncovered))


def _left_out(job: Job) -> dict[str, Any]:
    """Return why parts of a report are not in it, where any are."""
    reasons = [problem.as_dict() for problem in job.document.left_out]
    return {"left_out": reasons} if reasons else {}


def _place(name: str) -> tuple[int, str]:
    """Return where a file stands in a list: documents in the order of the formats, then charts."""
    ending = name.rsplit(".", 1)[-1]
    formats: tuple[str, ...] = FORMATS
    is_chart = "/" in name or ending not in formats
    return (len(formats) if is_chart else formats.index(ending), name)


def _in_turn(pool: ThreadPoolExecutor, jobs: Iterable[Job], workers: int) -> Iterable[Job]:
    """Yield finished jobs in their order, with few of them begun ahead."""
    begun, rest = [], iter(jobs)
    while True:
        for job in rest:
            begun.append(pool.submit(job.run))
            if len(begun) > workers:
                break
        if not begun:
            return
        yield begun.pop(0).result()


def _record(folder: Path) -> dict[str, Any]:
    """Return what stands in the folder of reports; refuse one that holds files of others."""
    try:
        kept = json.loads((folder / RECORD).read_text(encoding="utf-8"))["citygauge-report"]
        return dict(kept)
    except (OSError, ValueError, KeyError, TypeError):
        is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
        if not is_free or any(parent.is_file() for parent in folder.parents):
            problem = Problem("out.foreign-folder", Where(str(folder)), {"folder": str(folder)})
            raise InputError([problem]) from None
        return {}


def _refuse_edited(folder: Path, record: Mapping[str, Any]) -> None:
    """Refuse to write over reports that somebody has changed since they were written."""
    edited = [
        name
        for name, entry in record.items()
        if (folder / name).is_file() and name.endswith((".docx", ".pptx"))
        and sha256((folder / name).read_bytes()).hexdigest() != entry.get("sha256")
    ]  # fmt: skip
    if edited:
        raise InputError([Problem("report.edited-since", Where(str(folder)), {"files": edited})])


def _problems(lacking: Mapping[str, str], uncovered: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return why files were not made, and which characters those that were made cannot show."""
    found = Problems()
    if files := [name for name, lack in lacking.items() if lack == "typst"]:
        found.add("report.no-typst", Where(), files=files)
    if files := [name for name, lack in lacking.items() if lack == "font"]:
        found.add("report.no-cjk-font", Where(), files=files)
    if "docx" in lacking.values():
        found.add("report.no-docx", Where())
    if "pptx" in lacking.values():
        found.add("report.no-pptx", Where())
    for name, characters in uncovered.items():
        shown = [f"{char} (U+{ord(char):04X})" for char in characters]
        found.add("report.missing-glyphs", Where(name), characters=shown)
    return tuple(found)
