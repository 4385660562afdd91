"""A report can be made of any workspace: few units or many, no attributes, odd names, gaps, no range."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_samples import (
    DIGIT,
    GRADED,
    ILLUSTRATIVE,
    LANGUAGES,
    SMART,
    YEARBOOK,
    Rows,
    changed,
    evidence_for,
    lines_of,
    made,
    many_facts,
    many_units,
    own_theme,
    report,
    result_of,
    subjects,
    text_of,
    theme_of,
    themed,
    twelve,
    words_of,
)  # fmt: skip

import citygauge as cg
from citygauge.report.book.build import document_of
from citygauge.report.book.compose import Composer
from citygauge.report.book.document import KINDS, Bound, Bullets, Document, Figure, Grid, Heading
from citygauge.report.book.evidence import evidence_of
from citygauge.report.book.figures import FIGURES
from citygauge.report.book.grids import GRIDS
from citygauge.report.book.material import Material
from citygauge.report.book.theme import Theme
from citygauge.store.create import import_coinr
from conftest import FACTS, FRAMEWORK, METHOD, SOURCED

Make = Callable[..., Path]
HEAD = "code,parent,level,name_zh,name_en,weight,direction,unit,low,high\n"
ROOT = "I,,0,指数,Index,,,,,\n"
LEAVES = "a,{0},{1},指标甲,Indicator a,,1,%,0,100\nb,{0},{1},指标乙,Indicator b,,-1,days,0,10\n"
C = "c,{0},{1},指标丙,Indicator c,,1,%,0,100\n"
ONE_LEVEL = HEAD + ROOT + LEAVES.format("I", 1) + C.format("I", 1)
UNEVEN = HEAD + ROOT + "P,I,1,支柱甲,Pillar P,,,,,\n" + LEAVES.format("P", 2) + C.format("I", 1)
SHALLOW_FIRST = (
    HEAD + ROOT + "P,I,1,支柱甲,Pillar P,,,,,\n" + C.format("P", 2)
    + "Q,I,1,支柱乙,Pillar Q,,,,,\nR,Q,2,部分,Part R,,,,,\n" + LEAVES.format("R", 3)
)  # fmt: skip
DEEP = HEAD + ROOT + "".join(
    f"{code},{parent},{level},层{code},Node {code},,,,,\n"
    for code, parent, level in (("P", "I", 1), ("Q", "P", 2), ("R", "Q", 3), ("S", "R", 4))
) + LEAVES.format("S", 5) + "T,I,1,层T,Node T,,,,,\n" + C.format("T", 2)  # fmt: skip
SCHEME = """\
code,parent,name_zh,name_en,points,cap,role,direction,unit,scheme
E,,检查,Inspection,100,105,,,,
S,E,服务,Services,60,,,,,
s1,S,网办率,Online,40,,,1,%,>=90: 40 ; >=60: 27.5 ; else: 0
s2,S,要素,Elements,20,,,1,item,each: 4
M,E,管理,Management,40,,,,,
m1,M,差错,Errors,40,,,-1,item,each: -1
m2,M,通报,Reprimands,3,,deduction,,item,each: 1
W,M,造假,Fraud,,,veto,,item,
B,E,典型,Models,5,,bonus,1,item,each: 1
V,E,事故,Accident,59,,veto,,item,
"""
STRATA = {
    "framework__toml": 'strata = "event"\n',
    "rollups__csv": "code,kind,to,how\na,site,unit,mean\nb,site,unit,mean\nc,site,unit,best\n",
    "subjects__csv": "subject,unit,kind,parent,event\n"
    + "".join(f"s{u}{e},{u},site,,{e}\n" for u in range(1, 13) for e in ("Birth", "Work")),
    "observations__csv": "unit,indicator,value,subject\n"
    + "".join(
        f"{u},{c},{(u * k + len(e)) % 9 + 1},s{u}{e}\n"
        for u in range(1, 13) for e in ("Birth", "Work") for c, k in (("a", 5), ("b", 7), ("c", 4))
    ),
}  # fmt: skip
SINGLE = HEAD + ROOT + "P,I,1,支柱甲,Pillar P,,,,,\na,P,2,指标甲,Indicator a,,1,%,0,100\n"
ODD = (
    "*a*", "{{ x }}", "<b>b</b>", "#set text(red)", "城 1 号 2020", "_u_ [x](y) `c`", "\\alpha $1$", "1. x",
    "- list", "| a | b |", "# head", "A" * 300,
)  # fmt: skip


def odd_units() -> str:
    rows = (f'{i},"{name}","{name}"\n' for i, name in enumerate(ODD, 1))
    return "unit,name_zh,name_en\n" + "".join(rows)


def odd_framework() -> str:
    """Return the usual framework with names that are syntax somewhere."""
    names = {"I": ODD[1], "P": ODD[10], "Q": ODD[7], "a": ODD[5], "b": ODD[9], "c": ODD[3]}
    lines = [line.split(",") for line in FRAMEWORK.splitlines()[1:]]
    rows = [[line[0], *line[1:3], f'"{names[line[0]]}"', f'"{names[line[0]]}"', *line[5:]] for line in lines]
    return FRAMEWORK.splitlines()[0] + "\n" + "".join(",".join(row) + "\n" for row in rows)


def without(text: str, *columns: int) -> str:
    """Return a table without some columns, by their places."""
    return "".join(
        ",".join(part for i, part in enumerate(line.split(",")) if i not in columns) + "\n"
        for line in text.splitlines()
    )


def equal_facts(value: str = "5") -> str:
    rows = (f"{i},{code},2023,{value}\n" for i in range(1, 13) for code in "abc")
    return "unit,indicator,period,value\n" + "".join(rows)


def small(n: int, **more: str) -> dict[str, str]:
    return {"units__csv": many_units(n), "observations__csv": many_facts(n), **more}


def points() -> dict[str, str]:
    """Return an inspection in points of twelve units, with bonuses, deductions and vetoes that fire."""
    worth = (("s1", 17, 100), ("s2", 3, 6), ("m1", 5, 9), ("m2", 1, 4), ("B", 7, 6))
    rows = [f"{u},{c},2024,{u * k % m}\n" for u in range(1, 13) for c, k, m in worth]
    rows += [f"{u},{c},2024,{int(u == 3 and c == 'V')}\n" for u in range(1, 13) for c in "VW"]
    told = "unit,indicator,period,value\n" + "".join(rows)
    files = {"framework__csv": SCHEME, "method__toml": '[normalise]\nhow = "points"\n'}
    return {**files, "units__csv": many_units(12), "observations__csv": told}


NO_Q = "".join(line + "\n" for line in many_facts(12).splitlines() if ",c," not in line)
EDGES: dict[str, dict[str, str]] = {
    "three-units": small(3),
    "three-units-all-graded": small(3, method__toml=METHOD + GRADED),
    "eight-units": small(8),
    "graded": twelve(method__toml=METHOD + GRADED),
    "illustrative": twelve(assessment__toml=ILLUSTRATIVE),
    "illustrative-graded": twelve(assessment__toml=ILLUSTRATIVE, method__toml=METHOD + GRADED),
    "deep": twelve(framework__csv=DEEP),
    "single-leaf": twelve(framework__csv=SINGLE, observations__csv=many_facts(12, "a")),
    "all-equal": twelve(observations__csv=equal_facts()),
    "all-at-the-bottom": twelve(observations__csv=equal_facts("10").replace(",a,2023,10", ",a,2023,0")),
    "z-scores": twelve(method__toml='[normalise]\nhow = "zscore"\n'),
    "ranks": twelve(method__toml='[normalise]\nhow = "rank"\n'),
    "odd-units": twelve(units__csv=odd_units()),
    "odd-units-graded": twelve(units__csv=odd_units(), method__toml=METHOD + GRADED),
    "odd-framework": twelve(framework__csv=odd_framework()),
    "chinese-names-only": twelve(units__csv=without(many_units(12), 2), framework__csv=without(FRAMEWORK, 4)),
    "english-names-only": twelve(units__csv=without(many_units(12), 1), framework__csv=without(FRAMEWORK, 3)),
    "points": points(),
    "points-illustrative": {**points(), "assessment__toml": ILLUSTRATIVE},
    "strata": twelve(**STRATA),
    "one-unit": small(1),
    "two-units": small(2),
    "a-gap-in-three": {"observations__csv": FACTS},
    "a-unit-without-facts": {
        "observations__csv": "".join(f"{line}\n" for line in SOURCED.splitlines() if line[0] != "3")
    },
    "a-pillar-without-facts": twelve(observations__csv=NO_Q),
    "one-level": twelve(framework__csv=ONE_LEVEL),
    "leaf-beside-pillar": twelve(framework__csv=UNEVEN),
    "first-branch-shallow": twelve(framework__csv=SHALLOW_FIRST),
}  # fmt: skip


def cases() -> Iterator[Any]:
    for name in EDGES:
        for kind in KINDS:
            yield pytest.param(name, kind, id=f"{name}-{kind}")


@pytest.mark.parametrize(("name", "kind"), list(cases()))
def test_a_report_can_be_made_of_any_workspace(workspace: Make, name: str, kind: Any) -> None:
    result = cg.assess(cg.open(workspace(**EDGES[name])))
    theme = themed(result)
    evidence = evidence_of(result, theme)
    for subject in subjects(result, kind)[-1:]:
        for language in LANGUAGES:
            check(made(result, language, kind, subject, theme, evidence), result)


def check(document: Document, result: cg.Result) -> None:
    """Look at what any report has to be: bound numbers, whole sentences, no empty table."""
    for where, spans in lines_of(document):
        text = words_of(spans)
        for span in spans:
            if not isinstance(span, Bound) and " source" not in where:
                assert not DIGIT.search(span.text) or span.text.startswith(("图", "表", "Figure", "Table")), (
                    where
                )
        assert not any(ord(char) >= 0xF0000 for char in text)
        own = "".join("" if isinstance(span, Bound) else span.text for span in spans)
        assert "None" not in own.replace("None of", "").replace("None lies", ""), text
    for block in document.blocks:
        if isinstance(block, Grid):
            assert block.rows, block.key
            widths = {len(row) for row in block.rows}
            assert widths == {len(block.columns)}, block.key
        if isinstance(block, Heading | Figure | Grid):
            assert words_of(block.spans if isinstance(block, Heading) else block.caption).strip()
    if document.kind == "full":
        names = {b.text for _, s in lines_of(document) for b in s if isinstance(b, Bound)}
        assert result.framework.root.label(document.language) in names


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_of_hundreds_of_units_can_be_made(workspace: Make, kind: Any) -> None:
    result = cg.assess(cg.open(workspace(**small(300))))
    for subject in subjects(result, kind)[:1]:
        check(made(result, "en", kind, subject), result)


def test_names_that_are_syntax_elsewhere_change_nothing_but_themselves(workspace: Make) -> None:
    plain = cg.assess(cg.open(workspace(**twelve(method__toml=METHOD + GRADED))))
    reports = [made(plain, language, kind, subject) for language in LANGUAGES
               for kind in KINDS for subject in subjects(plain, kind)]  # fmt: skip
    files = twelve(units__csv=odd_units(), framework__csv=odd_framework(), method__toml=METHOD + GRADED)
    odd = cg.assess(cg.open(workspace(**files)))
    others = [made(odd, language, kind, subject) for language in LANGUAGES
              for kind in KINDS for subject in subjects(odd, kind)]  # fmt: skip
    for one, other in zip(reports, others, strict=True):
        assert [type(block) for block in one.blocks] == [type(block) for block in other.blocks]
        for (_, told), (where, spans) in zip(lines_of(one), lines_of(other), strict=True):
            shown = [getattr(span, "source", "") for span in told]
            assert shown == [getattr(span, "source", "") for span in spans], where
    units = {b.source: b.text for d in others for _, s in lines_of(d) for b in s if isinstance(b, Bound)}
    assert [units[f"name|{i}"] for i in range(1, 13)] == list(ODD)


@pytest.mark.parametrize("name", ["odd-units-graded", "z-scores", "all-at-the-bottom"])
def test_the_charts_of_any_workspace_can_be_drawn(workspace: Make, name: str) -> None:
    result = cg.assess(cg.open(workspace(**EDGES[name])))
    theme, evidence = themed(result), evidence_of(result, themed(result))
    for kind in ("executive", "city", "grade"):
        for subject in subjects(result, kind)[-1:]:
            document = document_of(result, theme, "en", kind=kind, subject=subject, evidence=evidence)
            assert all(figure.chart["$schema"] for figure in document.figures)


CONSTANT = twelve(
    method__toml="",
    observations__csv="unit,indicator,period,value\n"
    + "".join(f"{i},{c},2023,{5 if c == 'c' else i}\n" for i in range(1, 13) for c in "abc"),
)


def test_the_distribution_of_equal_scores_can_be_drawn(workspace: Make) -> None:
    """Two indicators that cancel out, and one that is constant: every index is 50, the range is not known."""
    result = cg.assess(cg.open(workspace(**CONSTANT)))
    document_of(result, themed(result), "en", kind="city", subject="1")


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_of_the_asem_index_can_be_made(
    reference: Callable[[str], Path], tmp_path: Path, kind: Any
) -> None:
    folder = reference("asem")
    import_coinr(tmp_path / "asem", folder / "ASEM_iData.csv", folder / "ASEM_iMeta.csv")
    result = cg.assess(cg.open(tmp_path / "asem"))
    for subject in subjects(result, kind):
        check(made(result, "en", kind, subject), result)


# --- the SMART framework on other data ---------------------------------------------------------------------


def at_nothing(rows: Rows, code: str) -> Rows:
    """Hangzhou at 0 in all that lies below a pillar."""
    return [
        {**r, "value": "0" if r["unit"] == "330100" and r["indicator"][0] == code else r["value"]}
        for r in rows
    ]


def method_with(old: str, new: str) -> str:
    text = (Path(result_of(SMART).workspace.folder) / "method.toml").read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new)


GOALPOSTS = 'how = "goalposts"\nlow = 0\nhigh = 1\nscale = 1'
INPUT = "efficiency takes no input at or below 0, and the whole report fails for it"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"facts": partial(at_nothing, code="S")}, id="no-effect"),
        pytest.param({"method__toml": 'weights = "inferred"\n[normalise]\nhow = "minmax"\n'}, id="min-max"),
        pytest.param(
            {"facts": partial(at_nothing, code="R")}, id="no-input",
        ),
        pytest.param(
            {"geometric": True}, id="geometric",
        ),
        pytest.param(
            {"zscore": True}, id="z-scores",
        ),
        pytest.param(
            {"facts": lambda rows: [row for row in rows if row["indicator"][0] != "R"]}, id="a-pillar-gone"
        ),
    ],
)  # fmt: skip
def test_a_full_report_on_the_smart_framework_can_be_made_of_other_data(tmp_path: Path, change: Any) -> None:
    if change.pop("geometric", False):
        change = {"method__toml": method_with('"arithmetic"', '"geometric"')}
    if change.pop("zscore", False):
        change = {"method__toml": method_with(GOALPOSTS, 'how = "zscore"')}
    result = changed(tmp_path / "w", SMART, **change)
    check(made(result, "en"), result)


@pytest.mark.parametrize("top", [3, 12])
def test_a_full_report_on_fewer_cities_can_be_made(tmp_path: Path, top: int) -> None:
    folder = Path(result_of(SMART).workspace.folder)
    text = (folder / "assessment.toml").read_text(encoding="utf-8").replace("top = 50", f"top = {top}")
    result = changed(tmp_path / "w", SMART, assessment__toml=text)
    check(made(result, "zh"), result)


# --- themes and what may be missing for them ---------------------------------------------------------------

NAMED = 'name = { zh = "甲", en = "A" }\n'
SIZED = (
    NAMED
    + """\
peers = ["gdp"]
[groups.size]
name = { zh = "产值", en = "Output" }
attribute = "gdp"
edges = [300, 900]
[groups.region]
name = { zh = "区", en = "Region" }
attribute = "region"
"""
)


def attributed(gdp: Callable[[int], object], region: Callable[[int], object], **more: str) -> dict[str, str]:
    rows = (f'{i},城{i},T{i},{gdp(i)},"{region(i)}"\n' for i in range(1, 13))
    return twelve(units__csv="unit,name_zh,name_en,gdp,region\n" + "".join(rows), **more)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(attributed(lambda i: i * 100, lambda i: ODD[i % 5]), id="odd-regions"),
        pytest.param(attributed(lambda i: i * 100, lambda i: 2020 + i % 3), id="regions-of-digits"),
        pytest.param(attributed(lambda i: ("", 0, -5, 10)[i % 4], lambda i: "x" if i % 3 else ""), id="gaps"),
        pytest.param(attributed(lambda _: 5, lambda _: "one"), id="all-alike"),
        pytest.param(attributed(lambda i: i, lambda i: i), id="a-region-each"),
        pytest.param(twelve(), id="no-attributes"),
        pytest.param(
            attributed(lambda i: i * 100, lambda i: i % 2, method__toml=METHOD + GRADED), id="graded"
        ),
        pytest.param(
            attributed(lambda i: i * 100, lambda i: i % 2, assessment__toml=ILLUSTRATIVE), id="illustrative"
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["full", "city"])
def test_a_theme_with_groups_takes_any_attributes(
    workspace: Make, tmp_path: Path, files: dict[str, str], kind: Any
) -> None:
    result, theme = cg.assess(cg.open(workspace(**files))), own_theme(tmp_path / "theme", SIZED)
    evidence = evidence_of(result, theme)
    for language in LANGUAGES:
        check(made(result, language, kind, subjects(result, kind)[-1], theme, evidence), result)


BLANK = attributed(lambda _: "", lambda _: "")


@pytest.mark.parametrize("kind", ["full", "executive", "city"])
def test_a_theme_with_groups_takes_attributes_that_are_blank(
    workspace: Make, tmp_path: Path, kind: Any
) -> None:
    result, theme = cg.assess(cg.open(workspace(**BLANK))), own_theme(tmp_path / "theme", SIZED)
    for subject in subjects(result, kind):
        check(made(result, "en", kind, subject, theme), result)


def test_units_on_a_map_need_no_size(workspace: Make, tmp_path: Path) -> None:
    text = NAMED + '[groups.place]\nname = { zh = "地", en = "Place" }\nattribute = "region"\n'
    theme = own_theme(tmp_path / "theme", text)
    result = cg.assess(cg.open(workspace(**attributed(lambda i: i, lambda i: i % 3))))
    for language in LANGUAGES:
        assert "objects" in {figure.key for figure in made(result, language, theme=theme).figures}


# --- what a template may print -----------------------------------------------------------------------------


def composer(theme: Theme | None = None) -> Composer:
    material = Material(result_of(YEARBOOK), theme or theme_of(YEARBOOK), evidence_for(YEARBOOK), "en")
    return Composer(material, FIGURES, GRIDS)


def own_chapter(text: str) -> Composer:
    theme = theme_of(YEARBOOK).model_copy(update={"templates": {"executive.en": text}})
    return composer(theme)


def codes(error: pytest.ExceptionInfo[cg.InputError]) -> set[str]:
    return {problem.code for problem in error.value.problems}


@pytest.mark.parametrize("value", [3, 1.5, "in 2021", [1], np.float64(2), {"a": 1}])
def test_a_template_that_prints_a_number_bound_to_nothing_is_refused(value: object) -> None:
    with pytest.raises(cg.InputError) as error:
        own_chapter("# A\n\n{{ value }}\n").chapter("executive", value=value)
    assert codes(error) == {"theme.unbound-number"}


@pytest.mark.parametrize("text", ["In 2021 …", "- item 3", "**7**", "# Part 2"])
def test_a_template_with_a_number_in_its_own_words_is_refused(text: str) -> None:
    with pytest.raises(cg.InputError) as error:
        own_chapter(f"{text}\n").chapter("executive")
    assert codes(error) == {"theme.unbound-number"}


@pytest.mark.parametrize("call", ["''.__class__.__mro__", "m.__class__", "m.result.__init__.__globals__"])
def test_a_template_cannot_reach_into_the_program(call: str) -> None:
    with pytest.raises(cg.InputError) as error:
        own_chapter(f"{{{{ {call} }}}}").chapter("executive")
    assert codes(error) == {"theme.bad-template"}


def test_a_chapter_of_a_theme_stands_for_the_built_in_one() -> None:
    blocks = own_chapter("# Own {-}\n\nMean {{ describe(root).mean }}, *{{ name(root) }}*.\n").chapter(
        "executive"
    )
    assert isinstance(blocks[0], Heading)
    assert blocks[0].number == ""
    assert words_of(blocks[1].spans) == "Mean 36.5, City Statistics Index."


def test_a_text_of_a_theme_cannot_bring_structure_into_a_sentence() -> None:
    value = "*a* [b](c) # <d> `e` \\f"
    for text in ("{{ value }}", "a {{ value }}", "- {{ value }}"):
        (block,) = own_chapter(text).chapter("executive", value=value)
        told = words_of(block.items[0] if isinstance(block, Bullets) else block.spans)
        assert told.removeprefix("a ") == value


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("limits", "{{ fact('nowhere') }}"), ("limits", "{{ open"), ("limits", "{{ nothing }}"),
        ("rights", "{{ fact('nowhere') }}"),
    ],
)  # fmt: skip
def test_a_fault_in_a_text_of_a_theme_is_told_as_a_problem(tmp_path: Path, text: str, key: str) -> None:
    said = f'{{ zh = "{text}", en = "{text}" }}'

    def read_and_write() -> None:
        theme = own_theme(tmp_path / "t", f"{NAMED}[cover]\n{key} = {said}\n")
        made(result_of(YEARBOOK), "en", theme=theme)

    with pytest.raises(cg.InputError) as error:
        read_and_write()
    assert codes(error) <= {"theme.unknown-fact", "theme.bad-template"}


def test_a_report_reads_no_clock_and_is_the_same_again() -> None:
    one, other = (made(result_of(YEARBOOK), "zh", "executive") for _ in range(2))
    assert one == other


def test_the_shared_evidence_gives_the_same_report_as_its_own() -> None:
    for kind, subject in (("executive", ""), ("city", "330100")):
        own = made(result_of(YEARBOOK), "en", kind, subject)
        assert text_of(own) == text_of(report(YEARBOOK, "en", kind, subject))


# --- ties --------------------------------------------------------------------------------------------------


def tied(workspace: Make, order: tuple[int, ...]) -> cg.Result:
    """Return a result in which units 9 and 10 share the first place with different pillars."""
    units = "unit,name_zh,name_en\n" + "".join(f"{i},城{i},Town {i}\n" for i in order)
    best = {9: (90, 1, 30), 10: (30, 7, 90)}
    rows = [
        f"{i},{code},2023,{value}\n"
        for i in order
        for code, value in zip("abc", best.get(i, (10 + i, 8, 20)), strict=True)
    ]
    facts = "unit,indicator,period,value\n" + "".join(rows)
    framework = FRAMEWORK.replace("0.6", "0.5").replace("0.4", "0.5")
    return cg.assess(cg.open(workspace(units__csv=units, observations__csv=facts, framework__csv=framework)))


def test_of_two_that_share_the_first_place_the_one_named_is_the_one_compared_with(workspace: Make) -> None:
    result = tied(workspace, tuple(range(1, 13)))
    index = dict(zip(result.row_labels, result.index, strict=True))
    pillars = {u: result.aggregated.values[result.row_labels.index(u)] for u in ("9", "10")}
    if not np.isclose(index["9"], index["10"]):
        pytest.fail(f"the case is no tie: {index['9']}, {index['10']}")
    assert not np.allclose(pillars["9"], pillars["10"])
    document = made(result, "en", "city", "1")
    line = next(s for _, s in lines_of(document) if "leader" in {getattr(x, "to", "") for x in s})
    name = next(
        b.source.removeprefix("name|")
        for b in line
        if isinstance(b, Bound) and b.source in ("name|9", "name|10")
    )
    figure = next(figure for figure in document.figures if figure.key == "leader")
    codes = result.aggregated.codes
    for row in figure.rows:
        at = codes.index(str(row["key"]))
        ours = result.aggregated.values[result.row_labels.index("1"), at]
        assert abs(row["value"]) == pytest.approx(0.5 * abs(ours - pillars[name][at])), (name, row)
