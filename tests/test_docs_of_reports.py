"""The pages about reports say what a report is: its figures, tables, keys, and what templates may call."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import citygauge as cg
from citygauge.problems import Problems
from citygauge.report.book.build import CHAPTERS, document_of
from citygauge.report.book.city import city_evidence
from citygauge.report.book.compose import Composer
from citygauge.report.book.document import KINDS
from citygauge.report.book.evidence import evidence_of
from citygauge.report.book.figures import FIGURES
from citygauge.report.book.files import FORMATS
from citygauge.report.book.grids import GRIDS
from citygauge.report.book.material import Material
from citygauge.report.book.theme import (
    Advice,
    Case,
    Colours,
    Cover,
    Fact,
    GroupRule,
    Outline,
    Theme,
    read_theme,
    theme_for,
)
from citygauge.report.book.thresholds import Wording
from test_docs import DOCS, ROOT, blocks, text_of


@pytest.fixture(scope="module")
def themed() -> dict[str, tuple[cg.Result, Theme]]:
    """The demos with their themes."""
    found = {}
    for name in ("city-statistics-2023", "smart-2021"):
        result = cg.assess(cg.open(ROOT / "demo" / name))
        theme = theme_for(result.workspace, Problems())
        assert theme is not None
        found[name] = result, theme
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_report_has_every_figure_of_the_pattern_where_the_page_says(themed, language: str) -> None:
    listed = re.findall(
        r"^\| (?:Figure|Table|Annexed table) ?([\d-]*) \| (\S+) \| `(\S+)` \| `(\w+)\.(\w+)` \|$",
        text_of(DOCS / "reference/report.md"), re.MULTILINE,
    )  # fmt: skip
    assert len(listed) == 27
    document = document_of(*themed["smart-2021"], language)  # type: ignore[arg-type]
    made = {block.number: block.key for block in (*document.figures, *document.grids)}
    assert [(place, made.get(place), key) for _, place, key, *_ in listed if made.get(place) != key] == []
    assert [(old, new) for old, new, *_ in listed if old and old != new] == []
    makers = FIGURES | GRIDS
    for _, _, key, module, function in listed:
        kind = next(kind for kind in sorted(makers, key=len, reverse=True) if key.startswith(kind))
        named = makers[kind].__module__.rpartition(".")[2], makers[kind].__name__
        assert named == (module, function), key


def test_every_part_of_a_report_is_in_its_reference(themed) -> None:
    page = text_of(DOCS / "reference/report.md")
    result, theme = themed["smart-2021"]
    tables = {*evidence_of(result, theme).makers}
    observed, plain = themed["city-statistics-2023"]
    tables |= {*evidence_of(observed, plain).makers}
    tables |= {*city_evidence(evidence_of(observed, plain), observed, plain, "510100").makers}
    wanted = {*tables, *CHAPTERS, *(name for names in CHAPTERS.values() for name in names)}
    wanted |= {*FIGURES, *GRIDS} - {"node-columns", "node-strip", "leaf-bars", "group-bars", "group-pillars"}
    assert {name for name in wanted if f"`{name}`" not in page} == set()
    under = {"look": Colours, "cover": Cover, "wording": Wording, "outline": Outline, "…": GroupRule}
    told = {"templates", "logo", "disclose", "groups", "layers", "sources", "facts"}  # in parts, or no keys
    keys = {*Theme.model_fields} - {*under, *told}
    keys |= {f"{part}.{name}" for part, model in under.items() for name in model.model_fields}
    keys |= {"disclose.units", "sources.ID", "facts.ID", *Advice.model_fields, *Case.model_fields}
    keys |= {*Fact.model_fields, "base"} | {f"groups.{key}" for key in ("size", "region", "rank", "place")}
    keys |= {f"layers.{key}" for key in ("input", "output", "effect")}
    assert {key for key in keys if f"`{key}`" not in page} == set()


def test_every_format_and_kind_is_in_the_guide() -> None:
    page = text_of(DOCS / "how-to/write-a-report.md")
    assert [name for name in FORMATS if f"| `{name}` |" not in page] == []
    assert [kind for kind in KINDS[1:] if f"`--kind {kind}`" not in page] == []


def test_everything_that_a_template_may_call_is_in_the_reference(themed) -> None:
    result, theme = themed["city-statistics-2023"]
    composer = Composer(Material(result, theme, evidence_of(result, theme), "en"), FIGURES, GRIDS)
    part = text_of(DOCS / "reference/report.md").partition("## What a template may call")[2]
    missing = {name for name in composer._vocabulary() if not re.search(rf"\b{name}\b", part)}
    assert missing == set()


def test_the_themes_of_the_guide_are_themes(tmp_path: Path) -> None:
    text = text_of(DOCS / "how-to/make-a-theme.md")
    found = [block.body for block in blocks(text) if block.kind == "toml"]
    based = [body for body in found if "base" in tomllib.loads(body)]
    assert len(based) == 2
    parts = [body for body in found if body not in based]
    whole = ['base = "city-statistics-2023"\nname = { zh = "一", en = "One" }\n', *parts]
    for place, files in enumerate([[body.replace("logo.svg", "") for body in based[:1]], based[1:], whole]):
        folder = tmp_path / str(place)
        folder.mkdir()
        for i, body in enumerate(files):
            (folder / ("theme.toml" if i == 0 else f"{i}.toml")).write_text(body, encoding="utf-8")
        problems = Problems()
        theme = read_theme(str(folder), problems)
        assert [problem.text("en") for problem in problems] == []
        assert theme is not None
    assert theme.facts["shared-systems"].text("en") == "1,240"
    assert theme.advice[0].cases == ("hub",)
