"""The documentation builds in both languages, complete, with links that hold, and asks no other host.

Both sites are built once, whatever the number of test workers: the first makes the folder and builds, the
others wait.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer
from bs4 import BeautifulSoup

import citygauge
from citygauge.cli.main import app
from citygauge.problems import catalogue
from citygauge.score.aggregate import AGGREGATORS
from citygauge.score.normalise import PARAMETERS
from citygauge.score.treat import TRANSFORMS

DOCS = Path(__file__).resolve().parent.parent / "docs"
LANGUAGES = {"en": "en", "zh": "zh_CN"}
HAN = re.compile(r"[\u4e00-\u9fff]")
WORDS = re.compile(r"[A-Za-z]{2,}(?:[ ,]+[A-Za-z]{2,}){2,}")


def build(folder: Path) -> dict[str, str]:
    """Build both sites side by side and return what Sphinx said of each; nothing means that all is well."""
    shutil.copytree(DOCS, folder / "docs", ignore=shutil.ignore_patterns("_build", "*.mo"))
    running = {}
    for name, language in LANGUAGES.items():
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-D", f"language={language}"]
        command += ["-d", str(folder / f"doctrees-{name}"), str(folder / "docs"), str(folder / name)]
        running[name] = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
        )
    said = {name: process.communicate()[0] for name, process in running.items()}
    return {name: text or "failed" * (running[name].returncode != 0) for name, text in said.items()}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "documentation"
    done = folder / "said.json"
    try:
        folder.mkdir()
    except FileExistsError:
        end = time.monotonic() + 600
        while not done.exists():
            assert time.monotonic() < end, "the worker that builds the documentation has not come back"
            time.sleep(0.2)
    else:
        said = build(folder)
        (folder / "unfinished.json").write_text(json.dumps(said), encoding="utf-8")
        (folder / "unfinished.json").rename(done)
    return folder


@cache
def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def pages(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.html") if "_static" not in path.parts)


def target(page: Path, link: str) -> tuple[Path, str]:
    place, _, anchor = unquote(link).partition("#")
    return ((page.parent / place).resolve() if place else page), anchor


def test_both_sites_build_without_a_warning(site: Path) -> None:
    assert json.loads((site / "said.json").read_text(encoding="utf-8")) == {"en": "", "zh": ""}


def test_both_sites_have_every_page_and_lead_to_each_other(site: Path) -> None:
    sources = {
        path.relative_to(DOCS).with_suffix(".html")
        for path in DOCS.rglob("*.md")
        if "_build" not in path.parts
    }
    for name, other in (("en", "zh"), ("zh", "en")):
        there = {page.relative_to(site / name) for page in pages(site / name)}
        assert sources <= there
        for page in pages(site / name):
            switch = soup(page).select("a.language-switch")
            assert switch, page
            expected = (site / other / page.relative_to(site / name)).resolve()
            assert {target(page, str(link["href"]))[0] for link in switch} == {expected}
            assert expected.is_file()


@pytest.mark.parametrize("name", LANGUAGES)
def test_internal_links_and_anchors_resolve(site: Path, name: str) -> None:
    ids = {page: {str(tag["id"]) for tag in soup(page).find_all(id=True)} for page in pages(site / name)}
    ids |= {page: set() for other in LANGUAGES if other != name for page in pages(site / other)}
    broken = []
    for page in pages(site / name):
        for link in (str(tag["href"]) for tag in soup(page).find_all("a", href=True)):
            if re.match(r"[a-z]+:", link) or link == "#":
                continue
            place, anchor = target(page, link)
            if place not in ids or (anchor and anchor not in ids[place]):
                broken.append((page.name, link))
    assert broken == []


def loaded(page: Path) -> Iterator[str]:
    """Yield the address of everything that a browser fetches to show a page."""
    for tag in soup(page).find_all(
        ["script", "img", "iframe", "source", "video", "audio", "embed"], src=True
    ):
        yield str(tag["src"])
    for tag in soup(page).find_all("link", href=True):
        yield str(tag["href"])
    for tag in soup(page).find_all(style=True):
        yield from re.findall(r"url\(['\"]?([^'\")]+)", str(tag["style"]))


@pytest.mark.parametrize("name", LANGUAGES)
def test_no_page_loads_anything_from_another_host(site: Path, name: str) -> None:
    fetched = {(page.name, address) for page in pages(site / name) for address in loaded(page)}
    for sheet in (site / name / "_static").rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        fetched |= {(sheet.name, a) for a in re.findall(r"(?:url\(|@import\s+)['\"]?([^'\")\s]+)", text)}
    assert len(fetched) > 20
    assert [pair for pair in fetched if re.match(r"(?!data:)[a-z]+:|//", pair[1])] == []


def without_code(page: Path) -> BeautifulSoup:
    """Return a page without code, formulas and what comes from docstrings."""
    copy = BeautifulSoup(str(soup(page)), "html.parser")
    for tag in copy.select("script, style, pre, code, math, kbd, dl.py, a.language-switch, [translate=no]"):
        tag.decompose()
    return copy


def test_the_chinese_pages_are_chinese(site: Path) -> None:
    left = []
    for page in pages(site / "zh"):
        copy = without_code(page)
        body = copy.select_one("main")
        assert body is not None, page
        assert HAN.search(body.get_text()), page
        if page.name == "genindex.html":  # a list of the names of functions
            continue
        for tag in copy.find_all(
            ["p", "li", "td", "th", "h1", "h2", "h3", "h4", "a", "button", "span", "label"]
        ):
            text = " ".join(tag.get_text().split())
            if WORDS.search(text) and not HAN.search(text) and not command(text):
                left.append((page.name, text))
        for tag in copy.find_all(True):
            said = (str(tag.get(name, "")) for name in ("title", "aria-label", "placeholder", "alt"))
            left += [(page.name, text) for text in said if WORDS.search(text) and not HAN.search(text)]
    assert left == []


def command(text: str) -> bool:
    """Tell whether a text is a command as it is typed."""
    return text.rstrip("#").split()[0] == "citygauge"


def test_the_english_pages_speak_of_chinese_only_where_it_is_meant(site: Path) -> None:
    for page in pages(site / "en"):
        for tag in without_code(page).find_all(["h1", "h2", "h3", "p"]):
            han = HAN.findall(tag.get_text())
            assert len(han) * 3 <= len(tag.get_text()), (page.name, tag.get_text())


def commands(node: object, path: str = "citygauge") -> Iterator[str]:
    yield path
    for name, below in getattr(node, "commands", {}).items():
        yield from commands(below, f"{path} {name}")


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_problem_command_and_public_name_is_on_the_site(site: Path, name: str) -> None:
    reference = site / name / "reference"

    def headings(page: str) -> set[str]:
        found = soup(reference / page).select("article h2, article h3")
        return {tag.get_text().removesuffix("#").strip() for tag in found}

    assert set(catalogue()) - headings("problems.html") == set()
    assert set(commands(typer.main.get_command(app))) - headings("cli.html") == set()
    documented = {str(tag["id"]) for tag in soup(reference / "python.html").select("dt[id]")}
    wanted = {f"citygauge.{public}" for public in citygauge.__all__}
    wanted |= {f"citygauge.score.normalise.{method}" for method in PARAMETERS}
    for kernels in (AGGREGATORS, TRANSFORMS):
        wanted |= {f"{kernel.__module__}.{kernel.__name__}" for kernel in kernels.values()}
    assert wanted - documented == set()


def test_docstrings_are_shown_in_english_on_both_sites_and_stay_out_of_the_catalogues(site: Path) -> None:
    sentence = "Return the workspace of a folder."
    assert sentence == (citygauge.open.__doc__ or "").splitlines()[0]
    for name in LANGUAGES:
        assert sentence in soup(site / name / "reference/python.html").get_text()
    assert sentence not in (DOCS / "locale/zh_CN/LC_MESSAGES/reference/python.po").read_text(encoding="utf-8")


def test_formulas_are_drawn_by_the_browser_itself(site: Path) -> None:
    page = soup(site / "zh/reference/method.html")
    source = (DOCS / "reference/method.md").read_text(encoding="utf-8")
    assert len(page.find_all("math")) == len(re.findall(r"\$[^$]+\$", source))
    assert [address for address in loaded(site / "zh/reference/method.html") if "math" in address] == []


def test_the_chinese_search_finds_words_of_any_length_without_a_dictionary(site: Path) -> None:
    text = (site / "zh/searchindex.js").read_text(encoding="utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    names = index["docnames"]

    def found(term: str) -> set[str]:
        where: list[int] = []
        for terms in (index["terms"], index["titleterms"]):
            at = terms.get(term, [])
            where += [at] if isinstance(at, int) else at
        return {names[place] for place in where}

    for term in ("缩尾", "综合", "合指", "指数", "权", "minmax"):
        assert found(term), term
    assert {"reference/method", "explanation/how-a-score-is-made"} <= found("缩尾")
    script = (site / "zh/_static/language_data.js").read_text(encoding="utf-8")
    assert "function splitQuery" in script
