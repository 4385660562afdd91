"""Standards as data, and counterparts in them: the grammar, and all those of the built-in frameworks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from citygauge.framework.builtin import builtin, builtin_names
from citygauge.framework.model import Framework, Node
from citygauge.framework.standards.counterpart import Reference, parse_counterpart, references
from citygauge.framework.standards.read import builtin_standard, load_standard, standard_names
from citygauge.problems import Problems


def tree(**counterparts: str) -> Framework:
    """Return a flat index whose indicators have these counterparts."""
    leaves = (
        Node(code, "I", direction=1, scale="ratio", unit="%", counterpart=text)
        for code, text in counterparts.items()
    )
    return Framework((Node("I"), *leaves))


def read(standard: str, text: str) -> tuple[list[Reference], list[str]]:
    """Return what one cell says of a standard, and the codes of what was noted."""
    problems = Problems()
    found = references(tree(a=text), builtin_standard(standard), problems)
    assert not problems.errors
    return list(found.get("a", ())), [problem.code for problem in problems]


def test_u4ssc_has_91_indicators_in_3_dimensions_7_sub_dimensions_and_22_categories():
    # U4SSC Verification Report Canton of Geneva (October 2022), p. 27: "The U4SSC KPIs consist of 91
    # indicators"; U4SSC KPIs Verification Manual (2022), clause 3.2: three, seven, twenty-two.
    standard = builtin_standard("u4ssc")
    assert len(standard.indicators) == 91
    assert {theme.group_en.partition(" · ")[0] for theme in standard.theme} == {
        "Economy", "Environment", "Society and Culture"
    }  # fmt: skip
    assert len({theme.group_en for theme in standard.theme}) == 7
    assert len({theme.name_en for theme in standard.theme}) == 22
    assert all(standard.theme_of(one) for one in standard.indicator)


def test_electronic_health_records_stand_under_health_with_a_code_of_education():
    # U4SSC Collection Methodology (2017), p. 101: Category Health, KPI No. SC: EH: ED: 5A.
    found, noted = read("u4ssc", "U4SSC: SC:EH:ED:5A Electronic Health Records")
    assert (found[0].theme, found[0].checked, noted) == ("SC:EH:H", True, [])


def test_iso_37122_has_19_themes_as_clauses_5_to_23_not_yet_checked():
    standard = builtin_standard("iso-37122")
    assert [theme.id for theme in standard.theme] == [str(clause) for clause in range(5, 24)]
    names = [theme.name_en for theme in standard.theme]
    assert (names[0], names[13], names[-1]) == ("Economy", "Telecommunication", "Water")
    assert not any(theme.checked for theme in standard.theme)


def test_gbt_33356_has_8_themes_in_2016_and_9_in_2022_whose_names_are_not_checked():
    # 2016: 8项一级指标 (annex to 发改办高技〔2016〕2476号); 2022: 9项一级指标.
    standard = builtin_standard("gbt-33356")
    assert Counter(theme.edition for theme in standard.theme) == {"2016": 8, "2022": 9}
    assert {theme.checked for theme in standard.theme if theme.edition == "2016"} == {True}
    assert {theme.checked for theme in standard.theme if theme.edition == "2022"} == {False}


@pytest.mark.parametrize("name", standard_names())
def test_nothing_of_a_standard_is_twice_or_in_one_language_only(name):
    standard = builtin_standard(name)
    assert len(standard.themes) == len(standard.theme)
    assert len(standard.indicators) == len(standard.indicator)
    for one in (*standard.theme, *standard.indicator, *standard.band):
        assert one.name_zh
        assert one.name_en


def test_an_unknown_standard_is_a_problem_and_no_built_in_one():
    problems = Problems()
    assert load_standard("iso-1", tree(), None, problems) is None
    assert [problem.code for problem in problems.errors] == ["standards.unknown"]
    with pytest.raises(KeyError):
        builtin_standard("iso-1")


@pytest.mark.parametrize("framework", builtin_names())
@pytest.mark.parametrize("standard", standard_names())
def test_every_counterpart_of_a_built_in_framework_is_read_without_a_warning(framework, standard):
    problems = Problems()
    references(builtin(framework), builtin_standard(standard), problems)
    assert list(problems) == []


@pytest.mark.parametrize(
    ("standard", "label"), [("gbt-33356", "GB/T 33356"), ("iso-37122", "ISO 37122"), ("u4ssc", "U4SSC")]
)
def test_an_indicator_of_smart_stands_in_a_standard_unless_its_cell_says_none(standard, label):
    framework = builtin("smart-2021")
    expected = {
        node.code
        for node in framework
        for segment in node.counterpart.split(" | ")
        if segment.startswith(label) and not segment.rpartition(": ")[2].startswith("none")
    }
    assert set(references(framework, builtin_standard(standard), Problems())) == expected
    assert expected


def test_smart_names_24_checked_codes_of_gbt_33356_none_of_iso_37122_and_37_of_u4ssc():
    # Counted by hand in the column: codes without ~, each of L1P2-A1/A2/A3 one.
    framework, counts = builtin("smart-2021"), {}
    for name in standard_names():
        found = references(framework, builtin_standard(name), Problems())
        counts[name] = sum(one.checked for told in found.values() for one in told)
    assert counts == {"gbt-33356": 24, "iso-37122": 0, "u4ssc": 37}


def test_a_code_is_read_with_its_theme_and_its_published_names():
    found, noted = read("u4ssc", "U4SSC: EC:P:IN:2C (proxy)")
    assert found == [
        Reference("a", "2017", "EC:P:IN", "EC:P:IN:2C", "专利", "Patents", "proxy", checked=True)
    ]
    assert noted == []


@pytest.mark.parametrize("text", ["U4SSC：EC: P: IN: 2C（proxy）", "ISO 1: x；U4SSC: EC:P:IN:2C (proxy)"])
def test_signs_of_full_width_blanks_in_codes_and_standards_after_a_semicolon_are_read(text):
    assert read("u4ssc", text) == read("u4ssc", "U4SSC: EC:P:IN:2C (proxy)")


def test_a_tilde_marks_one_counterpart_as_unchecked_and_not_its_neighbours():
    found, _ = read("u4ssc", "U4SSC: ~EC:P:IN:2C; EC:P:IN:1C")
    assert [(one.code, one.checked) for one in found] == [("EC:P:IN:2C", False), ("EC:P:IN:1C", True)]


def test_several_items_of_one_code_are_several_counterparts():
    found, noted = read("gbt-33356", "GB/T 33356-2016: L1P2-A1/A2/A3")
    assert [one.code for one in found] == ["L1P2-A1", "L1P2-A2", "L1P2-A3"]
    assert {(one.theme, one.checked) for one in found} == {("L1", True)}
    assert noted == []


def test_a_theme_in_words_is_placed_and_stays_unchecked():
    found, noted = read("iso-37122", "ISO 37122: Environment theme, public alerts (reverse); e-permits")
    assert [(one.theme, one.name_en, one.note, one.checked) for one in found] == [
        ("8", "public alerts", "reverse", False),
        ("", "e-permits", "", False),
    ]
    assert noted == []


def test_two_themes_of_one_counterpart_are_two():
    found, _ = read("gbt-33356", "GB/T 33356-2022: industry-development / innovation themes")
    assert [one.theme for one in found] == ["industry-development", "innovation"]


def test_a_clause_of_iso_37122_is_placed_but_counts_as_unchecked_as_its_list_is_not_here():
    found, noted = read("iso-37122", "ISO 37122:2019: 18.2 Coverage")
    assert [(one.theme, one.code, one.name_en, one.checked) for one in found] == [
        ("18", "18.2", "Coverage", False)
    ]
    assert noted == []


@pytest.mark.parametrize("text", ["U4SSC: none", "U4SSC: none direct", "U4SSC：无", "ISO 37122: x", "B1", ""])
def test_none_another_standard_and_no_standard_at_all_are_no_counterpart(text):
    assert read("u4ssc", text) == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        "U4SSC:",
        "U4SSC: EC:P:IN:2C;",
        "U4SSC: EC:P:IN:2C || ISO 37122: none",
        "U4SSC: EC:P:IN:2C (proxy",
        "U4SSC: (proxy)",
        "U4SSC: ~",
        "U4SSC EC:P:IN:2C",
        "U4SSC",
        "U4SSC: EC:P:IN:2CX",
        "U4SSC: EC:P",
    ],
)
def test_a_part_that_cannot_be_read_is_a_warning_that_quotes_it(text):
    problems = Problems()
    found = references(tree(a=text), builtin_standard("u4ssc"), problems)
    assert [problem.code for problem in problems] == ["standards.malformed"]
    assert problems.warnings[0].values["part"].replace(" ", "") in text.replace(" ", "")
    assert not [one for told in found.values() for one in told if one.checked and "2CX" in text]


def test_a_code_that_the_standard_does_not_have_is_a_warning_and_unchecked():
    found, noted = read("u4ssc", "U4SSC: EC:P:IN:9C")
    assert ([(one.theme, one.checked) for one in found], noted) == (
        [("EC:P:IN", False)], ["standards.unknown-code"]
    )  # fmt: skip
    assert read("iso-37122", "ISO 37122: 24.1")[1] == ["standards.unknown-code"]
    assert read("gbt-33356", "GB/T 33356-2016: L9P1")[1] == ["standards.unknown-code"]
    assert read("gbt-33356", "GB/T 33356-2022: L9P1")[1] == []  # codes of 2022 are not known here


def test_an_unknown_edition_and_an_unknown_theme_are_warnings_and_stand_under_no_theme():
    found, noted = read("gbt-33356", "GB/T 33356-1999: L1P1-A1")
    assert ([(one.theme, one.checked) for one in found], noted) == (
        [("", False)], ["standards.unknown-edition"]
    )  # fmt: skip
    found, noted = read("iso-37122", "ISO 37122: helth theme, files")
    assert ([one.theme for one in found], noted) == ([""], ["standards.unknown-theme"])


def test_another_name_than_the_published_one_is_a_warning_and_unchecked_but_a_translation_is_none():
    found, noted = read("u4ssc", "U4SSC: EC:P:IN:2C Unemployment Rate")
    assert (found[0].checked, noted) == (False, ["standards.other-name"])
    found, noted = read("u4ssc", "U4SSC: EC:P:IN:2C 发明专利")
    assert (found[0].checked, noted) == (True, [])


def test_brackets_may_hold_a_semicolon():
    assert parse_counterpart("X 1: a (b; c)")[0].note == "b; c"


def additions(tmp_path: Path, text: str, standard: str = "u4ssc"):
    (tmp_path / "standards").mkdir()
    (tmp_path / "standards" / f"{standard}.toml").write_text(text, encoding="utf-8")
    problems = Problems()
    return load_standard(standard, tree(a="x", b="y"), tmp_path, problems), [p.code for p in problems]


def test_a_workspace_adds_codes_that_somebody_checked(tmp_path):
    text = '[[indicator]]\ncode = "18.2"\nname_en = "Coverage"\nname_zh = "覆盖"\nchecked = true\n'
    loaded, noted = additions(tmp_path, text, "iso-37122")
    assert noted == []
    found = references(tree(a="ISO 37122: 18.2 Coverage"), loaded.standard, Problems())["a"][0]
    assert (found.theme, found.name_zh, found.checked) == ("18", "覆盖", True)


def test_a_benchmark_of_a_code_goes_before_the_general_one(tmp_path):
    text = (
        '[[benchmark]]\nindicator = "a"\nvalue = 90\n'
        '[[benchmark]]\nindicator = "a"\nvalue = 50\ncode = "EC:P:IN:2C"\nunit = "%"\n'
    )
    loaded, noted = additions(tmp_path, text)
    assert noted == []
    assert loaded.benchmark("a", "EC:P:IN:2C").value == 50
    assert loaded.benchmark("a", "EC:P:IN:1C").value == 90
    assert loaded.benchmark("b", "EC:P:IN:2C") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[[benchmark", "standards.unreadable"),
        ('[[benchmark]]\nindicator = "a"\nvalue = -1\n', "standards.unreadable"),
        ('[[benchmark]]\nindicator = "a"\nvalue = nan\n', "standards.unreadable"),
        ('[[benchmark]]\nindicator = "a"\nvalue = "90"\nwhat = 1\n', "standards.unreadable"),
        ('[[benchmark]]\nindicator = "q"\nvalue = 1\n', "standards.benchmark-of-nothing"),
        ('[[benchmark]]\nindicator = "a"\nvalue = 0\n', "standards.zero-benchmark"),
        ('[[benchmark]]\nindicator = "a"\nvalue = 1\nunit = "km"\n', "standards.other-unit"),
        ('[[benchmark]]\nindicator = "a"\nvalue = 1\n' * 2, "standards.repeated-benchmark"),
    ],
)
def test_benchmarks_that_cannot_be_used_are_errors(tmp_path, text, code):
    assert additions(tmp_path, text)[1] == [code]


def test_benchmarks_of_a_standard_without_bands_are_a_warning(tmp_path):
    text = '[[benchmark]]\nindicator = "a"\nvalue = 1\n'
    assert additions(tmp_path, text, "iso-37122")[1] == ["standards.no-bands"]
