"""On illustrative data no city stands beside a figure in any file; with grades alone no figure stands."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_figures import half_up
from report_samples import (
    DATE,
    DEMO,
    GRADED,
    ILLUSTRATIVE,
    LANGUAGES,
    SMART,
    YEARBOOK,
    all_reports,
    column,
    evidence_for,
    lines_of,
    made,
    own_theme,
    report,
    result_of,
    subjects,
    text_of,
    theme_of,
    themed,
    twelve,
)  # fmt: skip

import citygauge as cg
from citygauge.report.book.city import city_evidence
from citygauge.report.book.document import Bound, Document, Grid
from citygauge.report.book.evidence import evidence_of
from citygauge.report.book.figures import FIGURES
from citygauge.report.book.files import write_reports
from citygauge.report.book.jobs import Order
from citygauge.report.book.material import Material
from citygauge.report.book.theme import Theme

NEUTRAL = re.compile(r"示意城市 \d+|Illustrative city \d+")
FIGURE = re.compile(r"\d+\.\d+")
# Lists of cities by their published grade stand beside the edges and sizes of the grades, which are facts.
FREE = ("grades", "counts", "edge", "fact", "source", "name", "groups", "describe", "tests", "bin", "theme")


@cache
def cities() -> dict[str, tuple[str, str]]:
    with (DEMO / SMART / "units.csv").open(encoding="utf-8") as file:
        return {row["unit"]: (row["name_zh"], row["name_en"]) for row in csv.DictReader(file)}


NAMED = re.compile(
    "|".join(sorted({re.escape(n) for pair in cities().values() for n in pair}, key=len)[::-1])
)


def of_one_unit(span: object) -> bool:
    """Tell whether a part of a line is a figure of a single unit."""
    if not isinstance(span, Bound) or not isinstance(span.value, int | float):
        return False
    return "unit_code=" in span.source or not span.source.split("|")[0].split(":")[0].startswith(FREE)


def rows_of(document: Document) -> Iterator[tuple[str, list[Any]]]:
    """Yield the lines of a report, a whole row of a table as one."""
    for where, spans in lines_of(document):
        if " row " not in where:
            yield where, list(spans)
    for grid in document.grids:
        for row in grid.rows:
            yield grid.key, [span for cell in row if cell for span in cell.spans]


def test_no_line_and_no_row_names_a_city_beside_a_figure_of_one() -> None:
    seen = 0
    for document in all_reports(SMART):
        for where, spans in rows_of(document):
            codes = {s.source.removeprefix("name|") for s in spans if isinstance(s, Bound)} & cities().keys()
            if codes:
                assert not [span for span in spans if of_one_unit(span)], where
                seen += 1
            if any(of_one_unit(span) for span in spans) and " box" not in where:
                assert not NAMED.search("".join(span.text for span in spans)), where
    assert seen > 10


def test_a_city_report_tells_nothing_of_who_the_city_is() -> None:
    """No place, size or group, and no name but those in the cases that the theme tells of."""
    told = " ".join(case.text.zh + case.text.en for case in theme_of(SMART).cases)
    for language in LANGUAGES:
        for subject in subjects(result_of(SMART), "city", ("示意城市 01", "示意城市 30")):
            document = report(SMART, language, "city", subject)
            sources = [s.source for _, spans in lines_of(document) for s in spans if isinstance(s, Bound)]
            assert not [source for source in sources if re.search("mean_peers|mean_region|mean_size", source)]
            assert not [source for source in sources if source.removeprefix("name|") in cities()]
            assert not {"peers", "objects", "scatter"} & {b.key for b in (*document.figures, *document.grids)}
            names = set(NAMED.findall(text_of(document)))
            assert all(name in told for name in names)
            assert not NAMED.search(json.dumps(dict(document.meta), ensure_ascii=False))
            for figure in document.figures:
                assert not NAMED.search(json.dumps(figure.rows, ensure_ascii=False))
                assert {"lat", "lon", "size"}.isdisjoint(key for row in figure.rows for key in row)


def test_the_rows_of_figures_are_in_no_order_that_tells_who_is_who() -> None:
    """In the order of the file, the first of the unnamed points would be the first city of the list."""
    result = result_of(SMART)
    for document in all_reports(SMART):
        for figure in document.figures:
            by_group: dict[str, list[str]] = {}
            for row in figure.rows:
                if found := NEUTRAL.search(str(row.get("described", ""))):
                    group = str(row.get("group", "")) + str(row.get("column", ""))
                    by_group.setdefault(group, []).append(found[0])
            for labels in by_group.values():
                assert labels == sorted(labels) or len(labels) == 1, (figure.key, labels[:5])
    assert list(result.row_labels) != sorted(result.row_labels)


UNIT_CHARTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("objects", {}), ("node-strip", {"code": "T"}), ("layer-strip", {}), ("heat", {}), ("swarm", {}),
    ("cluster-lines", {}), ("group-pillars", {"key": "region"}), ("rank-intervals", {}),
    ("rank-chances", {}), ("pairs", {}), ("grade-chances", {}),
)  # fmt: skip
CITY_CHARTS = tuple((name, {}) for name in ("place", "radar", "dumbbell", "leader", "gains"))


@pytest.fixture(scope="module")
def drawn() -> dict[str, Any]:
    """The charts of the SMART example in which every city has its mark, and those of one city's report."""
    result, theme, shared = result_of(SMART), theme_of(SMART), evidence_for(SMART)
    whole = Material(result, theme, shared, "en")
    unit = "示意城市 17"
    one = Material(result, theme, city_evidence(shared, result, theme, unit), "en", unit=unit)
    return {
        name: FIGURES[name](material, **which).specification
        for material, charts in ((whole, UNIT_CHARTS), (one, CITY_CHARTS))
        for name, which in charts
    }


def records(value: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield every list of records in a chart."""
    if isinstance(value, dict):
        for each in value.values():
            yield from records(each)
    elif isinstance(value, list):
        if value and all(isinstance(each, dict) for each in value):
            yield value
        for each in value:
            yield from records(each)


def scores(result: cg.Result) -> dict[str, set[str]]:
    """Return the index and the pillar scores of each city by its code, printed with four and two decimals."""
    codes = ("SMART", "S", "M", "A", "R", "T")
    return {
        unit: {half_up(float(column(result, c)[i]), p) for c in codes for p in (2, 4)}
        for i, unit in enumerate(result.units.codes)
    }


def test_no_chart_holds_a_score_in_a_record_that_names_a_city(drawn: dict[str, Any]) -> None:
    named, known = 0, scores(result_of(SMART))
    regions = re.compile("|".join(said.en for said in theme_of(SMART).groups["region"].names.values()))
    for key, chart in drawn.items():
        for record in (r for rows in records(chart) for r in rows):
            text = regions.sub("", json.dumps([v for v in record.values() if isinstance(v, str)]))
            for unit, (_, name) in cities().items() if NAMED.search(text) else ():
                if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
                    named += 1
                    assert not set(FIGURE.findall(text)) & known[unit], (key, text)
    assert named >= 50  # on the map


def test_no_chart_draws_the_points_in_the_order_of_the_cities(drawn: dict[str, Any]) -> None:
    result = result_of(SMART)
    for key, chart in drawn.items():
        assert key == "objects" or not ordered_like_units(chart, result), key


def ordered_like_units(chart: Any, result: cg.Result) -> list[str]:
    """Return the nodes whose scores can be read from the order of some points in a chart."""
    found = []
    table = {code: column(result, code) for code in result.aggregated.codes}
    wanted = {code: x[~np.isnan(x)] for code, x in table.items()}
    for rows in records(chart):
        for axis in ("x", "y", "value"):
            values = np.array([r[axis] for r in rows if isinstance(r.get(axis), int | float)], dtype=float)
            for code, own in wanted.items():
                if 10 <= own.size <= values.size and np.ptp(own) > 0:
                    parts = np.lib.stride_tricks.sliding_window_view(values, own.size)
                    parts = parts - parts.mean(axis=1, keepdims=True)
                    off = own - own.mean()
                    r = parts @ off / np.maximum(np.linalg.norm(parts, axis=1) * np.linalg.norm(off), 1e-12)
                    found += [code] * bool((abs(r) > 0.99999).any())
    return found


def plain(path: Path) -> str:
    """Return all text in a file: of archives that of every part, of PDF what a reader sees."""
    if path.suffix in (".docx", ".pptx"):
        with zipfile.ZipFile(path) as file:
            parts = [file.read(name) for name in file.namelist() if name.endswith((".xml", ".rels"))]
        return "\n".join(part.decode() for part in parts)
    if path.suffix == ".pdf":
        if not shutil.which("pdftotext"):
            return ""
        words = ["pdftotext", "-layout", str(path), "-"]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return "" if path.suffix == ".png" else path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports of the SMART example as files of every format."""
    folder = tmp_path_factory.mktemp("files")
    result, theme = result_of(SMART), theme_of(SMART)
    wanted: dict[Any, tuple[Any, dict[str, Any]]] = {
        "executive": (("docx", "html", "pptx"), {}),
        "city": (("pdf", "docx", "html", "pptx", "charts"), {"units": ("示意城市 17",)}),
    }
    for kind, (formats, more) in wanted.items():
        write_reports(Order(kind, ("zh",), formats, date=DATE, **more).jobs(result, theme), folder / kind)
    return folder


def test_no_file_holds_the_code_of_a_city_or_a_score_in_a_line_with_its_name(files: Path) -> None:
    known, looked_at = scores(result_of(SMART)), set()
    for path in sorted(path for path in files.rglob("*") if path.is_file()):
        text = plain(path)
        looked_at.add(path.suffix)
        assert not re.search(rf"(?<!\d)({'|'.join(known)})(?!\d)", text), path.name
        for line in re.split(r"\n|</?(?:w:p|a:p|p|li|tr|div|section|h\d|figcaption)\b[^>]*>", text):
            words = html.unescape(re.sub(r"<[^>]+>", " ", line)) if NAMED.search(line) else ""
            for unit, names in cities().items() if len(words) < 3000 and FIGURE.search(words) else ():
                if any(name in words for name in names):
                    assert not set(re.findall(r"\d\.\d{4,}", words)) & known[unit], (path.name, words[:200])
    assert looked_at >= {".docx", ".html", ".pptx", ".json", ".csv", ".svg"}


def test_no_file_of_a_city_holds_its_name_or_the_name_of_another_beside_the_notice(files: Path) -> None:
    told = " ".join(case.text.zh + case.title.zh for case in theme_of(SMART).cases)
    for path in sorted(path for path in (files / "city").rglob("*") if path.is_file()):
        names = {name for name in NAMED.findall(plain(path)) if not name.isascii()}
        assert all(name in told for name in names), (path.name, names)
    for path in (files / "city").rglob("*.csv"):
        head, *rows = csv.reader(path.read_text(encoding="utf-8-sig").splitlines())
        assert "notice" in head
        assert all("示意数据" in row[head.index("notice")] for row in rows)


def test_the_mean_of_a_group_of_one_is_told_nowhere(workspace: Callable[..., Path], tmp_path: Path) -> None:
    """Nor that of the next smallest, which with the mean of all would give it away."""
    place = ["one"] * 1 + ["two"] * 3 + ["three"] * 4 + ["four"] * 4
    units = "unit,name_zh,name_en,place\n" + "".join(f"{i + 1},城{i},T{i},{p}\n" for i, p in enumerate(place))
    files = twelve(units__csv=units, assessment__toml=ILLUSTRATIVE, method__toml=METHOD_GRADED)
    result = cg.assess(cg.open(workspace(**files)))
    theme = own_theme(tmp_path / "t", GROUPED)
    for language in LANGUAGES:
        document = made(result, language, theme=theme)
        groups = [
            s for _, spans in lines_of(document) for s in spans
            if isinstance(s, Bound) and re.match(r"groups:region\|(mean|sd)", s.source)
        ]  # fmt: skip
        assert {s.source.split("group=")[1].split(",")[0] for s in groups if s.value is not None} <= {
            "three",
            "four",
        }
        figure = next(figure for figure in document.figures if figure.key == "group-pillars-region")
        known = {
            str(row["series"]).split("（")[0].split(" (")[0]
            for row in figure.rows
            if row["value"] is not None
        }
        assert known <= {"three", "four"}
        tests = [
            s for _, spans in lines_of(document) for s in spans
            if isinstance(s, Bound) and s.source.startswith("tests:region")
        ]  # fmt: skip
        assert all(s.value is None for s in tests)


METHOD_GRADED = '[normalise]\nhow = "goalposts"\n' + GRADED
GROUPED = """\
name = { zh = "甲", en = "A" }
[groups.region]
name = { zh = "区", en = "Region" }
attribute = "place"
"""


# --- real data under a theme that gives grades alone -------------------------------------------------------


@pytest.fixture(scope="module")
def reticent(tmp_path_factory: pytest.TempPathFactory) -> tuple[cg.Result, Theme]:
    """Return the yearbook's example with grades, and a theme that discloses them alone."""
    folder = tmp_path_factory.mktemp("reticent")
    shutil.copytree(DEMO / YEARBOOK, folder / "w", ignore=shutil.ignore_patterns("results"))
    (folder / "w" / "method.toml").write_text(GRADED, encoding="utf-8")
    theme = own_theme(folder / "t", 'base = "city-statistics-2023"\n[disclose]\nunits = "grades"\n')
    return cg.assess(cg.open(folder / "w")), theme


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["full", "executive", "grade"])
def test_with_grades_alone_no_figure_of_a_single_city_is_in_a_report(
    reticent: tuple[cg.Result, Theme], language: Any, kind: Any
) -> None:
    result, theme = reticent
    for subject in subjects(result, kind):
        document = made(result, language, kind, subject, theme)
        for where, spans in lines_of(document):
            told = [s for s in spans if isinstance(s, Bound) and "unit_code=" in s.source]
            assert not [s for s in told if isinstance(s.value, int | float)], where
        codes = set(result.units.codes)
        names = set(result.units.names(language))
        for figure in document.figures:
            if figure.key != "objects":
                text = json.dumps(figure.rows, ensure_ascii=False)
                assert not [name for name in (*codes, *names) if f'"{name}"' in text], figure.key
                assert not [name for name in names if re.search(rf"{name}(：|: )\d", text)]
        assert not {"heat", "swarm", "scatter", "place"} & {figure.key for figure in document.figures}
        assert not {"ranking", "leaders", "grade-members"} & {grid.key for grid in document.grids}


@pytest.mark.parametrize("language", LANGUAGES)
def test_with_grades_alone_the_order_of_the_cities_is_not_told_by_their_scores(
    reticent: tuple[cg.Result, Theme], language: Any
) -> None:
    """The lists of members stand in the order of codes, which is no secret."""
    result, theme = reticent
    document = made(result, language, "executive", theme=theme)
    grid: Grid = next(grid for grid in document.grids if grid.key == "grades")
    for row in grid.rows:
        members = [s.source.removeprefix("name|") for s in row[3].spans if isinstance(s, Bound)]
        assert members == sorted(members)


def test_with_grades_alone_no_chart_draws_points_in_the_order_of_the_cities(
    reticent: tuple[cg.Result, Theme],
) -> None:
    result, theme = reticent
    chart = FIGURES["node-strip"](Material(result, theme, evidence_of(result, theme), "en"), code="ENV")
    assert not ordered_like_units(chart.specification, result)


def test_with_grades_alone_there_is_no_city_report(reticent: tuple[cg.Result, Theme]) -> None:
    result, theme = reticent
    with pytest.raises(cg.InputError) as refused:
        made(result, "en", "city", result.row_labels[0], theme)
    assert [problem.code for problem in refused.value.problems] == ["report.not-disclosed"]


def test_the_plain_theme_discloses_scores_and_the_demo_themes_do_too() -> None:
    assert themed(result_of(YEARBOOK), "plain").disclose.units == "scores"
    assert theme_of(SMART).disclose.units == theme_of(YEARBOOK).disclose.units == "scores"
