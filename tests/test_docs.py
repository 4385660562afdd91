"""The documentation says what is: its commands run, its output is real, nothing is left out, links hold.

In the pages of `SESSIONS` every ``sh`` and ``python`` block is run in a copy of the demos, in order, and a
``text`` block right after it must be its output (a line ``…`` stands for any lines). Blocks after a line that
ends with "save as `NAME`:" are files. Blocks that are only shown are called ``console``. Where an output has
changed on purpose, CITYGAUGE_WRITE_DOCS=1 writes the new one into the pages; then read the difference.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from citygauge.cli.main import app
from citygauge.collect.observations import OBSERVATION_COLUMNS
from citygauge.framework.model import FRAMEWORK_COLUMNS
from citygauge.problems import catalogue
from citygauge.provenance import SOURCE_COLUMNS
from citygauge.score.method import Method
from citygauge.workspace import Settings, UnitChoice

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
TWINS = [(page, page.with_name(f"{page.stem}.zh.md")) for page in PAGES if not page.stem.endswith(".zh")]
SESSIONS = ("tutorial", "how-to/import-a-table", "how-to/your-own-framework")
FENCE = re.compile(r"^(?P<ticks>```+)(?P<kind>\w*)\n(?P<body>.*?)^(?P=ticks)$", re.MULTILINE | re.DOTALL)
WRITE = os.environ.get("CITYGAUGE_WRITE_DOCS") == "1"
SAVED_AS = re.compile(r"(?:[Ss]ave (?:it |this )?as|存为)\s*`(?P<name>[^`]+)`[:：]\s*$")
SAID_ERRORS = re.compile(r"^\d+ errors?, |^\d+个错误，", re.MULTILINE)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def names(pages: list[Path]) -> list[str]:
    return [page.relative_to(ROOT).as_posix() for page in pages]


@dataclass(frozen=True)
class Block:
    kind: str
    body: str
    saved_as: str | None
    follows_a_block: bool


def blocks(text: str) -> Iterator[Block]:
    end = 0
    for match in FENCE.finditer(text):
        between = text[end : match.start()]
        end = match.end()
        saved = SAVED_AS.search(between)
        yield Block(match["kind"], match["body"], saved["name"] if saved else None, not between.strip())


def run(block: Block, folder: Path) -> str:
    """Return what a block prints; it must end well unless it says that there are errors."""
    language = dict.fromkeys(("CITYGAUGE_LANG", "LC_MESSAGES", "LANG"), "")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {
        **os.environ,
        **language,
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "80",
        "PATH": path,
        "PYTHONUTF8": "1",
    }
    command = [sys.executable, "-c", block.body] if block.kind == "python" else ["sh", "-c", block.body]
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == (2 if SAID_ERRORS.search(done.stdout) else 0), done.stdout
    return done.stdout


def says(shown: str, printed: str) -> bool:
    """Tell whether a printed output is the one shown, trailing spaces and blank lines at the ends aside."""
    wanted, found = (
        "\n".join(line.rstrip() for line in text.strip("\n").splitlines()) for text in (shown, printed)
    )
    pattern = (
        re.escape(wanted)
        .replace(re.escape("\n…\n"), "\n(?:.*\n)*?")
        .replace(re.escape("\n…"), "\n(?:.*\n?)*")
    )
    return re.fullmatch(pattern, found) is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "demo", tmp_path / "demo", ignore=shutil.ignore_patterns("results"))
    return tmp_path


@pytest.mark.skipif(os.name == "nt", reason="the pages' commands are written for sh")
@pytest.mark.parametrize("suffix", [".md", ".zh.md"])
@pytest.mark.parametrize("name", SESSIONS)
def test_the_commands_of_a_page_print_what_it_shows(name: str, suffix: str, folder: Path) -> None:
    page = DOCS / f"{name}{suffix}"
    printed = ""
    for block in blocks(text_of(page)):
        if block.saved_as is not None:
            (folder / block.saved_as).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.saved_as).write_text(block.body, encoding="utf-8")
        elif block.kind in {"sh", "python"}:
            printed = run(block, folder)
        elif block.kind == "text" and block.follows_a_block and not says(block.body, printed):
            shown = f"```text\n{block.body}```"
            assert WRITE, f"shown:\n{block.body}\nprinted:\n{printed}"
            assert "\n…" not in shown, f"an output with a gap is changed by hand:\n{printed}"
            new = "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())
            page.write_text(text_of(page).replace(shown, f"```text\n{new}\n```"), encoding="utf-8")


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_readmes_python_runs_and_prints_what_it_shows(name: str, folder: Path) -> None:
    found = [block for block in blocks(text_of(ROOT / name)) if block.kind in {"python", "text"}]
    assert [block.kind for block in found] == ["python", "text"]
    assert says(found[1].body, run(found[0], folder))


def test_an_output_with_a_gap_matches_any_lines_there_and_no_others() -> None:
    assert says("a\n…\nd", "a\nb\nc\nd\n")
    assert says("a\n…", "a\nb\nc\n")
    assert not says("a\n…\nd", "a\nb\nc\ne\n")
    assert not says("a\nd", "a\nb\nd\n")


def test_the_generated_pages_are_those_of_this_version() -> None:
    command = [sys.executable, str(ROOT / "tools/docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr


def test_a_stale_page_is_found(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/docs.py", tmp_path / "tools/docs.py")
    shutil.copytree(DOCS / "reference", tmp_path / "docs/reference")
    page = tmp_path / "docs/reference/problems.md"
    page.write_text(text_of(page).replace("facts.no-spread", "facts.spread"), encoding="utf-8")
    command = [sys.executable, str(tmp_path / "tools/docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    assert "problems.md" in done.stderr
    assert "cli.md" not in done.stderr


def test_every_problem_code_is_in_the_reference() -> None:
    page = text_of(DOCS / "reference/problems.md")
    assert [code for code in catalogue() if f"`{code}`" not in page] == []


def test_every_command_and_option_is_in_the_reference() -> None:
    page = text_of(DOCS / "reference/cli.md")

    def walk(command: object, path: str) -> Iterator[tuple[str, str]]:
        for parameter in getattr(command, "params", ()):
            for option in (*parameter.opts, *parameter.secondary_opts):
                yield path, option.upper() if parameter.param_type_name == "argument" else option
        for name, below in getattr(command, "commands", {}).items():
            yield from walk(below, f"{path} {name}")

    found = list(walk(typer.main.get_command(app), "citygauge"))
    assert len(found) > 30
    sections = dict(re.findall(r"^## (citygauge[a-z -]*)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert [(path, option) for path, option in found if option not in sections.get(path, "")] == []


def test_every_column_and_setting_is_in_the_reference() -> None:
    page = text_of(DOCS / "reference/files.md")
    choice = [field.alias or name for name, field in UnitChoice.model_fields.items()]
    wanted = [*OBSERVATION_COLUMNS, *FRAMEWORK_COLUMNS, *SOURCE_COLUMNS, *choice, *Settings.model_fields]
    assert [name for name in wanted if not re.search(rf"`\[?{name}\]?`", page)] == []
    page = text_of(DOCS / "reference/method.md")
    keys = ["weights"]
    for part, field in Method.model_fields.items():
        below = getattr(field.annotation, "model_fields", {})
        keys += [f"[{part}.by." if name == "by" else f"{part}.{name}`" for name in below]
    assert [key for key in keys if f"`{key}" not in page] == []


@pytest.mark.parametrize("pair", [pair for pair in TWINS if pair[1].exists()], ids=lambda pair: pair[0].stem)
def test_a_page_and_its_chinese_twin_have_the_same_parts(pair: tuple[Path, Path]) -> None:
    english, chinese = (text_of(page) for page in pair)
    shapes = [
        [len(mark) for mark in re.findall(r"^(#+) ", FENCE.sub("", text), re.MULTILINE)]
        for text in (english, chinese)
    ]
    assert shapes[0] == shapes[1]
    kinds = [[block.kind for block in blocks(text)] for text in (english, chinese)]
    assert kinds[0] == kinds[1]


def test_the_pages_for_everyone_have_a_chinese_twin() -> None:
    wanted = [ROOT / "README.md", DOCS / "tutorial.md", *(DOCS / "how-to").glob("*.md")]
    wanted += (DOCS / "explanation").glob("*.md")
    without = [page for page, twin in TWINS if page in wanted and not twin.exists()]
    assert names(without) == []


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub and GitLab make of the headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_internal_links_resolve(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text_of(page))):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(text_of(target))):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_index() -> None:
    listed = text_of(DOCS / "index.md")
    pages = [page for page in DOCS.rglob("*.md") if page != DOCS / "index.md"]
    assert [p for p in pages if f"]({p.relative_to(DOCS).as_posix()})" not in listed] == []


CHINESE = [page for page in PAGES if page.stem.endswith(".zh")]


@pytest.mark.parametrize("page", CHINESE, ids=names(CHINESE))
def test_chinese_pages_have_full_width_punctuation(page: Path) -> None:
    prose = re.sub(r"`[^`\n]*`|\]\([^)]*\)", "", FENCE.sub("", text_of(page)))
    assert re.findall(r"[\u4e00-\u9fff][,;:!?]|[,;:!?][\u4e00-\u9fff]", prose) == []
