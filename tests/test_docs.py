"""The documentation says what is: its commands run, its output is real, nothing is left out, links hold.

In the pages of `SESSIONS` every ``sh`` and ``python`` block is run in a copy of the demos, in order, and a
``text`` block right after it must be its output (a line ``…`` stands for any lines). Blocks after a line that
ends with "save as `NAME`:" are files. Blocks that are only shown are called ``console``. The Chinese session
of a page is the same with its blocks replaced by their translations in docs/locale. Where an output has
changed on purpose, CITYGAUGE_WRITE_DOCS=1 writes the new one into page and catalogue; then read the
difference.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType

import pytest
import typer
from babel.messages.catalog import Catalog

from citygauge.cli.main import app
from citygauge.collect.citybook.entries import Evidence
from citygauge.collect.citybook.layout import FACTS_COLUMNS
from citygauge.collect.observations import OBSERVATION_COLUMNS
from citygauge.collect.subject_table import Parent, SubjectMap
from citygauge.collect.subjects import SUBJECT_COLUMNS
from citygauge.framework.model import FRAMEWORK_COLUMNS, ROLES
from citygauge.framework.rollup import HOWS, ITEM_COLUMNS, LOOKUP_COLUMNS, ROLLUP_COLUMNS
from citygauge.problems import catalogue
from citygauge.provenance import SOURCE_COLUMNS
from citygauge.score.method import Method
from citygauge.settings import Settings, SubjectChoice, UnitChoice

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
CATALOGUES = DOCS / "locale/zh_CN/LC_MESSAGES"
PAGES = sorted([*ROOT.glob("*.md"), *(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)])
POS = sorted(CATALOGUES.rglob("*.po"))
SESSIONS = (
    "tutorial", "how-to/import-a-table", "how-to/your-own-framework", "how-to/facts-inside-a-unit",
    "how-to/score-in-points", "how-to/city-workbooks", "how-to/hand-over-results", "how-to/find-weights",
    "how-to/compare-methods", "how-to/follow-several-years", "how-to/load-a-yearbook",
    "how-to/sdmx-and-coin-tool", "how-to/reconcile-sources", "how-to/one-entry-several-standards",
    "how-to/write-a-report", "how-to/make-a-theme", "how-to/test-a-ranking", "how-to/replay-runs",
    "how-to/audit-published", "how-to/improve",
)  # fmt: skip
FENCE = re.compile(r"^(?P<ticks>```+)(?P<kind>[\w{}-]*)\n(?P<body>.*?)^(?P=ticks)$", re.MULTILINE | re.DOTALL)
WRITE = os.environ.get("CITYGAUGE_WRITE_DOCS") == "1"
SAVED_AS = re.compile(r"[Ss]ave (?:it |this )?as\s*`(?P<name>[^`]+)`:\s*$")
SAID_ERRORS = re.compile(r"^\d+ errors?, |^\d+个错误，", re.MULTILINE)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def loaded(path: str) -> ModuleType:
    """Return a module that is in no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{Path(path).stem}", ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


TOOL = loaded("tools/docs.py")


def catalogue_of(name: str) -> Catalog:
    found: Catalog = TOOL.load(CATALOGUES / f"{name}.po")
    return found


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
    wanted, found = ([line.rstrip() for line in text.strip("\n").splitlines()] for text in (shown, printed))
    pattern = "".join("(?:.*\n)*?" if line == "…" else re.escape(f"{line}\n") for line in wanted)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in found)) is not None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "demo", tmp_path / "demo", ignore=shutil.ignore_patterns("results", "report"))
    return tmp_path


@pytest.mark.skipif(os.name == "nt", reason="the pages' commands are written for sh")
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", SESSIONS)
def test_the_commands_of_a_page_print_what_it_shows(name: str, language: str, folder: Path) -> None:
    catalogue = catalogue_of(name)
    printed = ""
    for english in blocks(text_of(DOCS / f"{name}.md")):
        block = english if language == "en" else translated(english, catalogue)
        if block.saved_as is not None:
            (folder / block.saved_as).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.saved_as).write_text(block.body, encoding="utf-8")
        elif block.kind in {"sh", "python"}:
            printed = run(block, folder)
        elif block.kind == "text" and block.follows_a_block and not says(block.body, printed):
            assert WRITE, f"shown:\n{block.body}\nprinted:\n{printed}"
            assert "…" not in block.body.splitlines(), f"an output with a gap is changed by hand:\n{printed}"
            new = "\n".join(line.rstrip() for line in printed.strip("\n").splitlines()) + "\n"
            write_output(name, language, english.body, new)


def translated(block: Block, catalogue: Catalog) -> Block:
    """Return a block as it stands on the Chinese page."""
    message = catalogue[block.body]
    assert message is not None, f"not in the catalogue, run tools/docs.py:\n{block.body}"
    return replace(block, body=str(message.string))


def write_output(name: str, language: str, old: str, new: str) -> None:
    """Put an output in the place of the one shown: in the page and its message, or in the translation."""
    messages = catalogue_of(name)
    message = messages[old]
    if language == "en":
        page = DOCS / f"{name}.md"
        page.write_text(text_of(page).replace(f"```text\n{old}```", f"```text\n{new}```"), encoding="utf-8")
        message.id = new
    else:
        message.string = new
    TOOL.save(messages, CATALOGUES / f"{name}.po")


def test_a_new_output_takes_the_place_of_the_old_one_in_either_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page.md").write_text("```text\nold\n```\n\nWords.\n", encoding="utf-8")
    messages = Catalog()
    messages.add("old\n", "旧\n")
    messages.add("Words.", "文字。")
    TOOL.save(messages, tmp_path / "page.po")
    monkeypatch.setitem(globals(), "DOCS", tmp_path)
    monkeypatch.setitem(globals(), "CATALOGUES", tmp_path)
    write_output("page", "en", "old\n", "new\n")
    write_output("page", "zh", "new\n", "新\n")
    assert text_of(tmp_path / "page.md") == "```text\nnew\n```\n\nWords.\n"
    found = {message.id: message.string for message in catalogue_of("page") if message.id}
    assert found == {"new\n": "新\n", "Words.": "文字。"}


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
    assert not says("a\n… and 2 more", "a\nb\n")


def test_the_generated_pages_and_the_catalogues_are_those_of_this_version() -> None:
    command = [sys.executable, str(ROOT / "tools/docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr


def test_a_stale_page_and_a_stale_catalogue_are_found(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/docs.py", tmp_path / "tools/docs.py")
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("_build", "*.mo"))
    for name, old, new in (
        ("reference/problems", "facts.no-spread", "facts.spread"),
        ("tutorial", "It takes about twenty", "It takes some twenty"),
    ):
        page = tmp_path / f"docs/{name}.md"
        assert old in text_of(page)
        page.write_text(text_of(page).replace(old, new), encoding="utf-8")
    command = [sys.executable, str(tmp_path / "tools/docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    assert "reference/problems.md" in done.stderr
    assert "tutorial.po" in done.stderr
    assert "cli.md" not in done.stderr


@pytest.mark.parametrize("path", POS, ids=[path.relative_to(CATALOGUES).as_posix() for path in POS])
def test_every_message_is_translated_with_its_links_and_its_code(path: Path) -> None:
    messages = [message for message in TOOL.load(path) if message.id]
    assert [message.id for message in messages if message.fuzzy or not message.string] == []
    assert "#~" not in text_of(path)

    def links(text: str) -> list[str]:
        return sorted(re.findall(r"\]\(([^)\s]+)\)", text))

    pairs = [(str(m.id), str(m.string)) for m in messages if not str(m.id).endswith("\n")]
    assert [pair for pair in pairs if links(pair[0]) != links(pair[1])] == []
    math = [[re.findall(r"\$[^$]+\$", text) for text in pair] for pair in pairs]
    assert [pair for pair in math if sorted(pair[0]) != sorted(pair[1])] == []


def test_every_page_has_a_catalogue_and_every_catalogue_a_page() -> None:
    pages = {page.relative_to(DOCS).with_suffix("") for page in PAGES if page.is_relative_to(DOCS)}
    assert {path.relative_to(CATALOGUES).with_suffix("") for path in POS} - {Path("sphinx")} == pages


@pytest.mark.parametrize("path", POS, ids=[path.relative_to(CATALOGUES).as_posix() for path in POS])
def test_a_catalogue_says_nothing_about_when_where_and_by_whom(path: Path) -> None:
    assert (
        re.findall(r"(?i)creation-date|revision-date|translator|e-?mail|@|^#: ", text_of(path), re.MULTILINE)
        == []
    )
    assert str(ROOT) not in text_of(path)


def test_every_problem_code_is_in_the_reference() -> None:
    headings = re.findall(r"^### (.+)$", text_of(DOCS / "reference/problems.md"), re.MULTILINE)
    assert headings == sorted(catalogue())


def test_a_problem_reads_on_both_pages_as_the_program_says_it() -> None:
    messages = catalogue_of("reference/problems")
    entry = catalogue()["units.unknown"]
    assert messages[f"**Error:** {entry['en']}"].string == f"**错误**：{entry['zh']}"
    assert messages[entry["hint_en"]].string == entry["hint_zh"]


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
    logged = [column.key for column in FACTS_COLUMNS if column.owner]
    parts = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    tables = {
        "items.csv": ITEM_COLUMNS, "rollups.csv": (*ROLLUP_COLUMNS, *HOWS), "lookups.csv": LOOKUP_COLUMNS,
        "subjects.csv": SUBJECT_COLUMNS, "assessment.toml": SubjectChoice.model_fields,
        "imports/NAME.toml": (*SubjectMap.model_fields, *Parent.model_fields), "framework.toml": ("strata",),
        "evidence.csv": ("unit", *(field.name for field in fields(Evidence)), "source"),
        "confirmations.csv": [key for key in logged if not key.startswith("appealed")],
        "framework.csv": (*FRAMEWORK_COLUMNS, *ROLES, "evidence_required"),
    }  # fmt: skip
    rows = [(file, name) for file, columns in tables.items() for name in columns]
    assert [(file, name) for file, name in rows if f"`{name}`" not in parts[file]] == []
    page = text_of(DOCS / "reference/method.md")
    keys = ["weights"]
    for part, field in Method.model_fields.items():
        below = getattr(field.annotation, "model_fields", {})
        keys += [f"[{part}.by." if name == "by" else f"{part}.{name}`" for name in below]
    assert [key for key in keys if f"`{key}" not in page] == []


def test_the_guide_to_things_inside_a_unit_explains_every_way_to_roll_up() -> None:
    page = text_of(DOCS / "how-to/facts-inside-a-unit.md")
    first = "\n".join(re.findall(r"^\| (.+?) \|", page, re.MULTILINE))
    assert [how for how in HOWS if f"`{how}`" not in first] == []


def test_the_guide_to_the_benchmark_prints_what_its_test_asserts() -> None:
    page, test = text_of(DOCS / "how-to/egov-benchmark.md"), loaded("tests/reference/test_egov_benchmark.py")
    shown = re.findall(r"^\| (\S+), [^|]+ \| ([\d.]+) % \|$", page, re.MULTILINE)
    assert {code: float(share) for code, share in shown} == {
        c: share for c, (_, share) in test.FROM_ANSWERS.items()
    }
    maps = {f"{table}.csv": how for table, how in (test.PORTALS | test.RESULTS | test.RAW).items()}
    assert dict(re.findall(r"^\| `(\w+\.csv)` \| [^|]+ \| `(\w+)` \|$", page, re.MULTILINE)) == maps
    typed = "".join(block.body for block in blocks(page))
    assert [(t, how) for t, how in maps.items() if f"{t} --map {how}\n" not in typed] == []
    columns = {name for name in test.COLUMNS if not name.startswith("le_")} | {test.NOT_RECOMPUTED}
    assert [name for name in columns if f"`{name}`" not in page] == []
    assert [column for _, _, column in test.PRINTED_AS_ZERO if f"`{column}`" not in page] == []


def test_the_readme_and_its_chinese_twin_have_the_same_parts() -> None:
    english, chinese = (text_of(ROOT / name) for name in ("README.md", "README.zh.md"))
    shapes = [
        [len(mark) for mark in re.findall(r"^(#+) ", FENCE.sub("", text), re.MULTILINE)]
        for text in (english, chinese)
    ]
    assert shapes[0] == shapes[1]
    kinds = [[block.kind for block in blocks(text)] for text in (english, chinese)]
    assert kinds[0] == kinds[1]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub and GitLab make of the headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links_of(page: Path) -> list[str]:
    """Return the links of a page to files and anchors, not those to other hosts."""
    found = re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text_of(page)))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_internal_links_resolve(page: Path) -> None:
    broken = []
    for link in links_of(page):
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(text_of(target))):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_index() -> None:
    reached, ahead = set(), [DOCS / "index.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        linked = {(page.parent / link.partition("#")[0]).resolve() for link in links_of(page)}
        ahead += [target for target in linked - reached if target.suffix == ".md"]
    assert [page for page in PAGES if page.is_relative_to(DOCS) and page not in reached] == []


def chinese_texts() -> Iterator[tuple[str, str]]:
    """Yield every Chinese text for readers, blocks aside, with the place it stands in."""
    yield "README.zh.md", FENCE.sub("", text_of(ROOT / "README.zh.md"))
    for path in POS:
        for message in TOOL.load(path):
            if not str(message.id).endswith("\n"):
                yield path.stem, str(message.string)


def test_chinese_texts_have_full_width_punctuation() -> None:
    prose = [(place, re.sub(r"`[^`\n]*`|\]\([^)]*\)", "", text)) for place, text in chinese_texts()]
    half = re.compile(r"[\u4e00-\u9fff][,;:!?]|[,;:!?][\u4e00-\u9fff]|[\u4e00-\u9fff]\.(?:\s|$)")
    assert [(place, found) for place, text in prose if (found := half.findall(text))] == []


def test_no_space_is_left_where_lines_of_chinese_were_joined() -> None:
    gap = re.compile(r"[\u4e00-\u9fff，。：；、] [\u4e00-\u9fff]")
    made = {"problems", "cli"}  # never wrapped; a space may set off what is to be typed
    texts = [
        (place, re.sub(r"`[^`]*`", "code", text)) for place, text in chinese_texts() if place not in made
    ]
    assert [(place, found) for place, text in texts if (found := gap.findall(text))] == []
