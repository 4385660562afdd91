"""Reports to be read by tests: of the two examples and of small workspaces, each made once for a run."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jinja2
import numpy as np
from numpy.typing import NDArray

import citygauge as cg
from citygauge.problems import Language, Problems
from citygauge.report.book.build import document_of
from citygauge.report.book.document import (
    Bound,
    Box,
    Bullets,
    Cards,
    Document,
    Figure,
    Grid,
    Heading,
    Kind,
    Paragraph,
    Reference,
    Spans,
)  # fmt: skip
from citygauge.report.book.evidence import evidence_of
from citygauge.report.book.figures import city, model, robust, scores, units
from citygauge.report.book.numbers import Evidence
from citygauge.report.book.theme import Theme, read_theme, theme_for
from conftest import METHOD

DEMO = Path(__file__).resolve().parents[3] / "demo"
SMART, YEARBOOK = "smart-2021", "city-statistics-2023"
DEMOS = (SMART, YEARBOOK)
LANGUAGES: tuple[Language, ...] = ("zh", "en")
CITIES = {
    SMART: ("示意城市 01", "示意城市 17", "示意城市 50"), YEARBOOK: ("110000", "330100", "410300", "371300"),
}  # fmt: skip
DATE = "2026-07-31"
GRADED = '[grades]\nscale = "smart-2021"\n'
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
Rows = list[dict[str, str]]


class _Undrawn:
    """Stands for a chart where only its data and its caption are looked at; drawing takes seconds."""

    def to_dict(self, **_: Any) -> dict[str, Any]:
        return {}


_compile = jinja2.Environment.compile
_kept: dict[str, Any] = {}


def _compiled(environment: jinja2.Environment, source: str, *rest: Any, **more: Any) -> Any:
    """Compile each text once; reports compile the same chapters again and again."""
    if source not in _kept:
        _kept[source] = _compile(environment, source, *rest, **more)
    return _kept[source]


@contextmanager
def undrawn() -> Iterator[None]:
    """Make reports without drawing their charts; what is drawn is computed all the same."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(jinja2.Environment, "compile", _compiled))
        for module in (city, model, robust, scores, units):
            for name in vars(module):
                if name.startswith("draw_") or name == "map_chart":
                    stack.enter_context(patch.object(module, name, lambda *_, **__: _Undrawn()))
        yield


def themed(result: cg.Result, name: str = "") -> Theme:
    problems = Problems()
    found = theme_for(result.workspace, problems, name)
    problems.raise_errors()
    assert found is not None
    return found


def own_theme(folder: Path, text: str) -> Theme:
    """Return the theme that a text makes on top of the plain one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "theme.toml").write_text(text, encoding="utf-8")
    problems = Problems()
    found = read_theme(str(folder), problems)
    problems.raise_errors()
    assert found is not None
    return found


@cache
def result_of(demo: str) -> cg.Result:
    return cg.assess(cg.open(DEMO / demo))


@cache
def theme_of(demo: str) -> Theme:
    return themed(result_of(demo))


@cache
def evidence_for(demo: str) -> Evidence:
    return evidence_of(result_of(demo), theme_of(demo))


@cache
def report(demo: str, language: Language, kind: Kind = "full", subject: str = "") -> Document:
    """Return a report of an example, its charts not drawn."""
    with undrawn():
        return document_of(
            result_of(demo), theme_of(demo), language, kind=kind, date=DATE, subject=subject,
            evidence=evidence_for(demo),
        )  # fmt: skip


def subjects(result: cg.Result, kind: Kind, cities: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return what a result has reports of a kind about: some cities, all grades that hold one."""
    if kind == "grade":
        return tuple(g.id for g in result.scale.grades if g.id in result.grades) if result.scale else ()
    labels = [label for label, rank in zip(result.row_labels, result.ranks[:, 0], strict=True) if rank]
    return (cities or tuple(dict.fromkeys((labels[0], labels[-1])))) if kind == "city" else ("",)


def all_reports(demo: str) -> Iterator[Document]:
    """Yield the reports of an example: every kind in both languages, of several cities and every grade."""
    for language in LANGUAGES:
        for kind in ("full", "executive", "city", "grade"):
            for subject in subjects(result_of(demo), kind, CITIES[demo]):
                yield report(demo, language, kind, subject)


def made(
    result: cg.Result,
    language: Language,
    kind: Kind = "full",
    subject: str = "",
    theme: Theme | None = None,
    evidence: Evidence | None = None,
) -> Document:
    """Return a report of any result, its charts not drawn."""
    chosen = theme or themed(result)
    with undrawn():
        return document_of(
            result, chosen, language, kind=kind, subject=subject, date=DATE, evidence=evidence
        )  # fmt: skip


def changed(
    folder: Path, demo: str, facts: Callable[[Rows], Rows] | None = None,
    units: Callable[[Rows], Rows] | None = None, **texts: str,
) -> cg.Result:  # fmt: skip
    """Return the result of an example whose facts or units were changed; files by name, with __ for a dot."""
    shutil.copytree(DEMO / demo, folder, ignore=shutil.ignore_patterns("results"))
    for name, change in (("observations.csv", facts), ("units.csv", units)):
        if change is not None:
            rewrite(folder / name, change)
    for name, text in texts.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return cg.assess(cg.open(folder))


def rewrite(path: Path, change: Callable[[Rows], Rows]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    heads, kept = list(rows[0]), change(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, heads)
        writer.writeheader()
        writer.writerows(kept)


def many_units(n: int) -> str:
    return "unit,name_zh,name_en\n" + "".join(f"{i},城{chr(0x4E00 + i)},Town {i}\n" for i in range(1, n + 1))


def many_facts(n: int, indicators: str = "abc") -> str:
    """Return facts of many units, different from unit to unit."""
    spread = {"a": (37, 101), "b": (3, 10), "c": (23, 97)}
    rows = (
        f"{i},{code},2023,{(i * spread[code][0]) % spread[code][1]}\n"
        for i in range(1, n + 1)
        for code in indicators
    )
    return "unit,indicator,period,value\n" + "".join(rows)


def twelve(**files: str) -> dict[str, str]:
    """Return the files of a small workspace of twelve units, for the fixture `workspace`."""
    return {
        "units__csv": many_units(12),
        "observations__csv": many_facts(12),
        "method__toml": METHOD,
        **files,
    }


def lines_of(document: Document) -> Iterator[tuple[str, Spans]]:
    """Yield every line of text of a report with the place where it stands, cells by their rows."""
    for i, block in enumerate(document.blocks):
        where = f"{document.kind}.{document.language} block {i}"
        if isinstance(block, Heading | Paragraph):
            yield where, block.spans
        elif isinstance(block, Bullets):
            yield from ((where, item) for item in block.items)
        elif isinstance(block, Box):
            yield f"{where} title", block.title
            for inner in block.blocks:
                for spans in inner.items if isinstance(inner, Bullets) else (inner.spans,):
                    yield f"{where} box", spans
        elif isinstance(block, Cards):
            for card in block.cards:
                yield f"{where} card", card.figure
                yield f"{where} card", card.note
        elif isinstance(block, Figure | Grid):
            yield f"{where} {block.key} caption", block.caption
            yield f"{where} {block.key} source", block.source
            if isinstance(block, Grid):
                yield f"{where} {block.key} note", block.note
                for at, row in enumerate(block.rows):
                    yield from ((f"{where} {block.key} row {at}", cell.spans) for cell in row if cell)


def bounds(document: Document) -> Iterator[tuple[str, Bound]]:
    """Yield every bound part of a report."""
    for where, spans in lines_of(document):
        yield from ((where, span) for span in spans if isinstance(span, Bound))


def words_of(spans: Spans) -> str:
    """Return what a reader sees of a line."""
    return "".join(span.text for span in spans)


def text_of(document: Document) -> str:
    return "\n".join(words_of(spans) for _, spans in lines_of(document))


def own_words(spans: Spans) -> str:
    """Return the report's own words of a line; what is bound and the cross references are gaps."""
    return "".join("◇" if isinstance(span, Bound | Reference) else span.text for span in spans)


def paragraph(document: Document, *parts: str) -> str:
    """Return the one line of a report that holds all these parts."""
    found = [text for _, spans in lines_of(document) if all(p in (text := words_of(spans)) for p in parts)]
    assert len(found) == 1, (parts, found)
    return found[0]


def number(text: str) -> float:
    """Return the number that a reader of a printed figure has; a percentage as a share."""
    plain = text.replace("−", "-").removeprefix("=").removeprefix("+").replace(",", "")
    return float(plain.removesuffix("%")) / (100 if plain.endswith("%") else 1)


def column(result: cg.Result, code: str) -> NDArray[np.float64]:
    """Return the scores of a node, unit by unit."""
    return result.aggregated.values[:, result.aggregated.codes.index(code)]


def column_of(span: object) -> str:
    """Return the column that a bound figure comes from; blank for words and names."""
    is_figure = isinstance(span, Bound) and isinstance(span.value, int | float)
    parts = span.source.split("|") if isinstance(span, Bound) and is_figure else []
    return parts[1] if len(parts) > 2 else ""


def line_with(document: Document, reference: str, *columns: str) -> Spans:
    """Return the first line that refers to a figure or table and holds figures of these columns."""
    return next(
        spans
        for _, spans in lines_of(document)
        if reference in {s.to for s in spans if isinstance(s, Reference)}
        and set(columns) <= {column_of(s) for s in spans}
    )


def told_means(spans: Spans) -> dict[str, float]:
    """Return the means that a line tells, by their nodes, in the order of the line."""
    return {s.source.split("code=")[1]: number(s.text) for s in spans if column_of(s) == "mean"}


DIGIT = re.compile(r"\d")
