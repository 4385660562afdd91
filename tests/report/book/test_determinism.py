"""The same input gives the same bytes, in any process; what pins a report can be read in every file."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest
import typst
from report_samples import DATE, DEMO, LANGUAGES, SMART, YEARBOOK, report, result_of, text_of, theme_of

from citygauge.report import fonts as report_fonts
from citygauge.report.book.files import write_reports
from citygauge.report.book.jobs import Order

HAS_CJK = bool(set(report_fonts.CJK_FAMILIES) & set(typst.Fonts().families()))
PINNED = ("data", "framework", "method", "theme")
PROGRAM = """\
import sys
from pathlib import Path
import citygauge as cg
from citygauge.problems import Problems
from citygauge.report.book.files import write_reports
from citygauge.report.book.jobs import Order
from citygauge.report.book.theme import theme_for
result = cg.assess(cg.open(Path(sys.argv[1])))
theme = theme_for(result.workspace, Problems())
formats = ("pdf", "docx", "html", "pptx", "charts")
order = Order("executive", ("zh",), formats, date=sys.argv[3])
write_reports(order.jobs(result, theme), Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files of a report by name, made by two processes that differ in their seeds and time zones."""
    base = tmp_path_factory.mktemp("twice")
    runs = {}
    for seed, zone in (("1", "Asia/Shanghai"), ("2024", "America/Lima")):
        words = [sys.executable, "-c", PROGRAM, str(DEMO / SMART), str(base / seed), DATE]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        runs[seed] = subprocess.Popen(words, env=environment)
    assert [run.wait() for run in runs.values()] == [0, 0]
    one, other = (
        {
            str(p.relative_to(base / seed)): p.read_bytes()
            for p in sorted((base / seed).rglob("*"))
            if p.is_file()
        }
        for seed in runs
    )
    return one, other


def test_two_processes_write_the_same_bytes(twice: tuple[Mapping[str, bytes], Mapping[str, bytes]]) -> None:
    one, other = twice
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []
    endings = {name.rsplit(".", 1)[-1] for name in one}
    assert endings >= {"docx", "html", "pptx", "svg", "png", "json", "csv"}


def test_the_list_of_files_tells_the_hash_of_each(twice: tuple[Mapping[str, bytes], object]) -> None:
    files = twice[0]
    listed = json.loads(files["report.json"])["citygauge-report"]
    assert listed.keys() == files.keys() - {"report.json"}
    for name, told in listed.items():
        assert told["sha256"] == sha256(files[name]).hexdigest()
        assert {key: told[key] for key in PINNED} == {key: pinned(SMART)[key] for key in PINNED}
        assert told["date"] == DATE


def pinned(demo: str) -> dict[str, str]:
    meta = report(demo, "zh", "executive").meta
    return {key: str(meta[key]) for key in PINNED}


@pytest.fixture(scope="module")
def two_dates(
    tmp_path_factory: pytest.TempPathFactory, twice: tuple[dict[str, bytes], object]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files of the same report with two dates."""
    order = Order("executive", ("zh",), ("pdf", "docx", "html", "pptx"), date="2026-08-01")
    paths = write_reports(order.jobs(result_of(SMART), theme_of(SMART)), tmp_path_factory.mktemp("d")).paths
    later = {path.name: path.read_bytes() for path in paths}
    return {name: twice[0][name] for name in later}, later


def test_another_date_changes_every_file(two_dates: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    one, other = two_dates
    assert one.keys() == other.keys()
    assert all(one[name] != other[name] for name in one)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("demo", [SMART, YEARBOOK])
def test_the_hashes_stand_in_the_text_of_every_kind(demo: str, language: str) -> None:
    for kind, subject in (("full", ""), ("executive", ""), ("city", result_of(demo).row_labels[0])):
        text = text_of(report(demo, language, kind, subject))
        assert all(value[:16] in text for value in pinned(demo).values())


@pytest.mark.parametrize("demo", [SMART, YEARBOOK])
def test_the_hash_of_the_framework_and_the_method_are_those_of_the_result(demo: str) -> None:
    result, told = result_of(demo), pinned(demo)
    assert told["framework"] == result.framework.hash
    assert told["method"] == result.method.hash
    assert told["theme"] == theme_of(demo).hash
    assert len({*told.values()}) == 4
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in told.values())


def properties(data: bytes, folder: Path) -> dict[str, str]:
    path = folder / "x.zip"
    path.write_bytes(data)
    with zipfile.ZipFile(path) as file:
        text = file.read("docProps/custom.xml").decode()
    found = re.findall(r'name="citygauge\.(\w+)"[^>]*>\s*<vt:\w+>([^<]*)<', text)
    return dict(found)


def test_word_keeps_what_pins_the_report_in_its_properties(
    two_dates: tuple[dict[str, bytes], object], tmp_path: Path
) -> None:
    told = properties(two_dates[0]["executive.zh.docx"], tmp_path)
    assert {key: told[key] for key in PINNED} == pinned(SMART)
    assert (told["kind"], told["language"], told["date"]) == ("executive", "zh", DATE)
    assert told["illustrative"] == "true"


def test_the_page_keeps_what_pins_the_report_in_its_head(two_dates: tuple[dict[str, bytes], object]) -> None:
    text = two_dates[0]["executive.zh.html"].decode()
    head = text[: text.index("</head>")] if "</head>" in text else text
    for value in pinned(SMART).values():
        assert value in head
    assert 'lang="zh' in head


@pytest.mark.skipif(not (shutil.which("pdfinfo") and HAS_CJK), reason="no pdfinfo, or no Chinese font")
def test_pdf_keeps_what_pins_the_report_in_its_keywords(
    two_dates: tuple[dict[str, bytes], object], tmp_path: Path
) -> None:
    (tmp_path / "x.pdf").write_bytes(two_dates[0]["executive.zh.pdf"])
    told = subprocess.run(["pdfinfo", str(tmp_path / "x.pdf")], capture_output=True, text=True, check=True)
    keywords = next(line for line in told.stdout.splitlines() if line.startswith("Keywords"))
    assert all(value in keywords for value in pinned(SMART).values())


def parts_of(data: bytes, folder: Path) -> str:
    """Return all XML of an archive."""
    path = folder / "x.zip"
    path.write_bytes(data)
    with zipfile.ZipFile(path) as file:
        return "".join(file.read(name).decode() for name in file.namelist() if name.endswith(".xml"))


def test_slides_tell_what_pins_the_report(two_dates: tuple[dict[str, bytes], object], tmp_path: Path) -> None:
    text = parts_of(two_dates[0]["executive.zh.pptx"], tmp_path)
    assert all(value[:16] in text for value in pinned(SMART).values())


def test_slides_keep_what_pins_the_report_for_machines(
    two_dates: tuple[dict[str, bytes], object], tmp_path: Path
) -> None:
    text = parts_of(two_dates[0]["executive.zh.pptx"], tmp_path)
    assert all(value in text for value in pinned(SMART).values())


def test_reports_name_their_theme_by_all_that_it_says(tmp_path: Path) -> None:
    """Another cover, another hash; the same theme under another path, the same."""
    theme = theme_of(SMART)
    other = theme.model_copy(update={"decimals": 3})
    assert other.hash != theme.hash
    assert theme.model_copy().hash == theme.hash
