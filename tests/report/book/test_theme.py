"""Reading a theme: what it may hold, on what it stands, and what is told of its faults."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_samples import DEMO, SMART, YEARBOOK, own_theme

import citygauge as cg
from citygauge.problems import Problem, Problems
from citygauge.report.book.theme import Outline, Theme, builtin_themes, read_theme, theme_for

NAME = 'name = { zh = "甲", en = "A" }\n'
PNG = b"\x89PNG\r\n\x1a\n"


def read(folder: Path, text: str, **files: bytes) -> tuple[Theme | None, list[Problem]]:
    folder.mkdir(exist_ok=True)
    (folder / "theme.toml").write_text(text, encoding="utf-8")
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    problems = Problems()
    return read_theme(str(folder), problems), list(problems)


def codes(problems: list[Problem]) -> set[str]:
    return {problem.code for problem in problems}


def test_the_built_in_themes() -> None:
    assert {"plain", SMART, YEARBOOK} <= set(builtin_themes())
    for name in builtin_themes():
        problems = Problems()
        theme = read_theme(name, problems)
        assert theme
        assert theme.id == name
        assert not list(problems)


def test_a_theme_of_ones_own_stands_on_the_plain_one_or_on_the_one_it_names(tmp_path: Path) -> None:
    bare = own_theme(tmp_path / "a", NAME)
    assert (bare.decimals, bare.groups, bare.layers, bare.outline) == (None, {}, {}, Outline())
    based = own_theme(tmp_path / "b", f'base = "{SMART}"\ndecimals = 3\n[groups.size]\nedges = [1, 2]\n')
    assert based.decimals == 3
    assert based.groups["size"].edges == (1, 2)
    assert based.groups["size"].attribute == "gdp_2020"  # tables are merged key by key
    assert set(based.groups) == {"size", "region", "rank", "place"}
    assert based.facts
    peers = own_theme(tmp_path / "c", f'base = "{SMART}"\npeers = ["gdp_2020"]\n')
    assert peers.peers == ("gdp_2020",)  # lists are replaced


def test_all_files_of_the_folder_are_one_theme_and_a_file_alone_is_one_too(tmp_path: Path) -> None:
    theme, problems = read(
        tmp_path / "t", NAME, cases__toml=b"decimals = 1\n", foreword__en__md__jinja=b"Hi\n"
    )
    assert not problems
    assert theme
    assert theme.decimals == 1
    assert theme.templates == {"foreword.en": "Hi\n"}
    problems_of_file = Problems()
    single = read_theme("theme.toml", problems_of_file, tmp_path / "t")
    assert single
    assert single.decimals is None


def test_the_theme_of_a_workspace(tmp_path: Path) -> None:
    workspace = cg.open(DEMO / SMART)
    problems = Problems()
    found = theme_for(workspace, problems)
    assert found
    assert found.id == SMART  # that of its framework
    chosen = theme_for(workspace, problems, "plain")
    assert chosen
    assert chosen.id == "plain"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (NAME + "colour = 1\n", "theme.unknown-key"),
        (NAME + "[look]\nprimary = 'blue'\n", "theme.bad-value"),
        (NAME + "decimals = 9\n", "theme.bad-value"),
        (NAME + "decimals = 'two'\n", "theme.bad-value"),
        ('name = { zh = "甲", en = "" }\n', "theme.bad-value"),
        (NAME + "[wording]\nnear = 0.2\nfar = 0.1\n", "theme.bad-value"),
        (NAME + "[wording]\nweak_link = 0.8\n", "theme.bad-value"),
        (NAME + "[disclose]\nunits = 'all'\n", "theme.bad-value"),
        (NAME + '[groups.colour]\nname = { zh = "a", en = "b" }\nattribute = "c"\n', "theme.bad-value"),
        (NAME + '[layers.input]\nname = { zh = "a", en = "b" }\ncodes = []\n', "theme.bad-value"),
        (
            NAME + '[facts.x]\nname = { zh = "a", en = "b" }\nvalue = 1\nsource = "nowhere"\n',
            "theme.bad-value",
        ),
        (NAME + '[[advice_groups]]\nid = "a"\n', "theme.bad-value"),
        ("base = 'no-such'\n" + NAME, "theme.unknown"),
        (NAME + "[look]\nlogo = 'missing.png'\n", "theme.no-logo"),
        (NAME + "[look]\nlogo = 'theme.toml'\n", "theme.no-logo"),
    ],
)
def test_faults_of_a_theme_are_problems_with_a_code(tmp_path: Path, text: str, code: str) -> None:
    _, problems = read(tmp_path / "t", text)
    assert code in codes(problems), [problem.text("en") for problem in problems]
    assert all(problem.text("zh") and problem.text("en") for problem in problems)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = NAME + "decimals = 9\nnowhere = 1\n[look]\nprimary = 'x'\naccent = 'y'\nlogo = 'z.png'\n"
    theme, problems = read(tmp_path / "t", text)
    assert theme is None
    assert codes(problems) == {"theme.bad-value", "theme.unknown-key", "theme.no-logo"}
    assert len(problems) == 5


def test_a_file_that_is_no_toml_and_a_name_that_is_none_are_told(tmp_path: Path) -> None:
    _, problems = read(tmp_path / "t", "name = \n")
    assert problems
    found = Problems()
    assert read_theme("no such theme", found) is None
    assert codes(list(found)) == {"theme.unknown"}
    found = Problems()
    assert read_theme(str(tmp_path), found) is None
    assert codes(list(found)) == {"theme.unknown"}


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"name = \xe9\n"])
def test_a_file_in_another_encoding_is_told(tmp_path: Path, data: bytes) -> None:
    _, problems = read(tmp_path / "t", NAME, more__toml=data)
    assert problems


def test_a_logo_is_read_and_counts_in_the_hash(tmp_path: Path) -> None:
    text = NAME + "[look]\nlogo = 'logo.png'\n"
    one, problems = read(tmp_path / "a", text, logo__png=PNG + b"1")
    other, _ = read(tmp_path / "b", text, logo__png=PNG + b"2")
    assert not problems
    assert one
    assert other
    assert one.logo == PNG + b"1"
    assert one.hash != other.hash


def test_the_hash_tells_themes_apart_by_all_they_hold_and_by_nothing_else(tmp_path: Path) -> None:
    base = own_theme(tmp_path / "a", NAME)
    assert own_theme(tmp_path / "b", NAME).hash == base.hash
    assert own_theme(tmp_path / "c", NAME + "# a comment\n").hash == base.hash
    for i, more in enumerate(("decimals = 1\n", "[wording]\nnear = 0.04\n", "peers = ['x']\n")):
        assert own_theme(tmp_path / f"d{i}", NAME + more).hash != base.hash
    (tmp_path / "a" / "results.zh.md.jinja").write_text("x", encoding="utf-8")
    assert own_theme(tmp_path / "a", NAME).hash != base.hash


def test_a_logo_may_not_lie_outside_the_folder_of_the_theme(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(PNG)
    _, problems = read(tmp_path / "t", NAME + "[look]\nlogo = '../secret.png'\n")
    assert codes(problems) == {"theme.no-logo"}


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [(14500, "14500", "14,500"), (851, "851", "851"), ("5G", "5G", "5G"), (0.5, "0.5", "0.5")],
)  # fmt: skip
def test_a_fact_is_printed_as_the_language_writes_numbers(
    tmp_path: Path, value: object, zh: str, en: str
) -> None:
    shown = f'"{value}"' if isinstance(value, str) else value
    both = '{ zh = "a", en = "b" }'
    text = f'{NAME}[sources.s]\ncitation = {both}\n[facts.x]\nname = {both}\nvalue = {shown}\nsource = "s"\n'
    fact = own_theme(tmp_path / "t", text).facts["x"]
    assert (fact.text("zh"), fact.text("en")) == (zh, en)


def test_a_fact_may_be_counted_otherwise_in_english(tmp_path: Path) -> None:
    both = '{ zh = "a", en = "b" }'
    text = (
        f'{NAME}[sources.s]\ncitation = {both}\n[facts.x]\nname = {both}\nvalue = "2万"\nvalue_en = 20000\n'
    )
    fact = own_theme(tmp_path / "t", text + 'source = "s"\n').facts["x"]
    assert (fact.text("zh"), fact.text("en")) == ("2万", "20,000")
