"""The built-in frameworks: the facts of their sources, complete texts, and methods that fit them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import polars as pl
import pytest

from citygauge.collect.units import Units
from citygauge.framework.builtin import builtin, builtin_folder, builtin_names
from citygauge.problems import Problems
from citygauge.score.conflicts import check_method
from citygauge.score.method import read_method

NAMES = ("city-statistics-2023", "egdi", "egov-benchmark-2023", "hdi", "smart-2021")
# Appendix of the report of 2021: pillars with their published weights, and their dimensions.
PILLARS = {
    "服务完备度": (0.30, {"数字服务", "服务体验"}),
    "应用平台成熟度": (0.25, {"平台开放度", "平台统一度", "平台安全度", "平台效果"}),
    "管理成熟度": (0.20, {"建设管理", "社会管理"}),
    "资源准备度": (0.15, {"信息（数据）资源标准规范", "信息（数据）资源库建设"}),
    "技术支撑度": (0.10, {"网络基础", "物联网", "云计算", "智慧终端", "创新能力建设", "产业生态"}),
}


def test_there_are_five_built_in_frameworks():
    assert builtin_names() == NAMES


def test_an_unknown_name_is_a_key_error():
    with pytest.raises(KeyError, match="smart-2022"):
        builtin("smart-2022")


def test_smart_2021_has_1_5_16_and_52_nodes_on_levels_0_to_3():
    sizes = Counter(builtin("smart-2021").levels.values())
    assert [sizes[level] for level in range(4)] == [1, 5, 16, 52]
    assert len(builtin("smart-2021").indicators) == 52


def test_the_52_indicators_of_smart_2021_all_stand_on_level_3():
    smart = builtin("smart-2021")
    assert {smart.levels[code] for code in smart.indicators} == {3}


def test_the_pillars_and_dimensions_of_smart_2021_are_those_of_the_report():
    smart = builtin("smart-2021")
    found = {
        smart[pillar].name["zh"]: (
            smart[pillar].weight,
            {smart[code].name["zh"] for code in smart.children(pillar)},
        )
        for pillar in smart.children(smart.root.code)
    }
    assert found == PILLARS
    assert sum(weight for weight, _ in PILLARS.values()) == pytest.approx(1)
    assert sum(len(dimensions) for _, dimensions in PILLARS.values()) == 16


def test_dimensions_and_indicators_of_smart_2021_weigh_equally_by_default():
    smart = builtin("smart-2021")
    assert all(smart[code].weight is None for code, level in smart.levels.items() if level in {2, 3})


def test_the_inferred_set_of_smart_2021_weighs_services_to_experience_60_to_40():
    smart = builtin("smart-2021")
    assert set(smart.weight_sets) == {"inferred"}
    inferred = {smart[code].name["zh"]: w for code, w in smart.weight_sets["inferred"].items()}
    assert inferred == {"数字服务": 0.6, "服务体验": 0.4}


def test_the_appendix_lists_the_same_indicators_under_the_same_dimensions(reference):
    import csv  # noqa: PLC0415 - only with reference data

    with reference("smart-2021/framework-operational.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {row["code"]: row for row in csv.DictReader(file)}
    smart = builtin("smart-2021")
    assert set(rows) == set(smart.indicators)
    for code, row in rows.items():
        dimension = smart[smart[code].parent]
        assert (row["level2_zh"], row["level1_zh"]) == (
            dimension.name["zh"],
            smart[dimension.parent].name["zh"],
        )
        assert row["indicator_zh"] == smart[code].name["zh"]


@pytest.mark.parametrize("name", NAMES)
def test_every_node_is_named_in_both_languages(name):
    assert [node.code for node in builtin(name) if not {"zh", "en"} <= set(node.name)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_indicator_is_defined_in_both_languages(name):
    framework = builtin(name)
    lacking = [c for c in framework.indicators if not {"zh", "en"} <= set(framework[c].definition)]
    assert lacking == []


@pytest.mark.parametrize("name", NAMES)
def test_every_framework_has_a_code_titles_and_a_source(name):
    framework = builtin(name)
    assert framework.code == name
    assert {"zh", "en"} <= set(framework.title)
    assert framework.source


@pytest.mark.parametrize("name", NAMES)
def test_every_unit_of_measure_has_a_name_in_both_languages(name):
    framework = builtin(name)
    units = {framework[code].unit for code in framework.leaves}
    assert [unit for unit in sorted(units) if set(framework.unit_names.get(unit, ())) < {"zh", "en"}] == []


@pytest.mark.parametrize("name", NAMES)
def test_its_own_method_fits_the_framework(name):
    problems = Problems()
    method = read_method(builtin_folder() / name / "method.toml", problems)
    assert method is not None
    check_method(method, builtin(name), Units(pl.DataFrame({"unit": ["u"]})), problems)
    assert [problem.text() for problem in problems] == []


@pytest.mark.parametrize("name", NAMES)
def test_rubrics_have_at_least_two_levels_and_scores_from_0_to_1(name):
    for node in builtin(name):
        if node.rubric:
            assert len({level.value for level in node.rubric}) >= 2, node.code
            assert all(0 <= level.score <= 1 for level in node.rubric), node.code


@pytest.mark.parametrize("name", NAMES)
def test_every_leaf_has_a_direction_or_a_rubric(name):
    framework = builtin(name)
    assert [c for c in framework.leaves if framework[c].direction is None and not framework[c].rubric] == []


def test_city_statistics_2023_has_six_pillars_and_22_indicators():
    framework = builtin("city-statistics-2023")
    assert len(framework.children(framework.root.code)) == 6
    assert len(framework.indicators) == 22
    assert set(framework.levels.values()) == {0, 1, 2}


def test_every_indicator_of_city_statistics_2023_gives_its_rationale_in_both_languages():
    framework = builtin("city-statistics-2023")
    for code in framework.indicators:
        extra = framework[code].extra
        assert extra.get("rationale_zh"), code
        assert extra.get("rationale_en"), code


def test_the_goalposts_of_the_hdi_are_the_published_ones():
    hdi = builtin("hdi")
    assert {code: (hdi[code].low, hdi[code].high) for code in hdi.leaves} == {
        "life_expectancy": (20, 85),
        "expected_years_schooling": (0, 18),
        "mean_years_schooling": (0, 15),
        "gni_per_capita_ppp2017": (100, 75000),
    }
    assert [len(hdi.children(code)) for code in hdi.children("HDI")] == [1, 2, 1]


def test_the_egdi_has_the_weights_of_2010_beside_equal_ones():
    egdi = builtin("egdi")
    assert egdi.weight_sets == {"2010": {"osi": 0.34, "tii": 0.33, "hci": 0.33}}
    assert [egdi[code].weight for code in egdi.leaves] == [None, None, None]


@pytest.mark.parametrize(
    "change",
    [
        {"low": 21.0}, {"high": 85.5}, {"weight": 2.0}, {"direction": -1}, {"denominator": "population"},
        {"denominator_scale": 10.0}, {"target_low": 30.0}, {"target_high": 80.0}, {"scale": "interval"},
        {"unit": "months"}, {"channels": ("web",)},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_the_hash_changes_with_any_figure_of_a_node(change):
    hdi = builtin("hdi")
    nodes = tuple(replace(n, **change) if n.code == "life_expectancy" else n for n in hdi)
    assert replace(hdi, nodes=nodes).hash != hdi.hash


def test_the_hash_changes_with_a_score_of_a_rubric_and_with_a_weight_of_a_set():
    smart = builtin("smart-2021")
    code = next(node.code for node in smart if node.rubric)
    first, *rest = smart[code].rubric
    rubric = (replace(first, score=0.123), *rest)
    nodes = tuple(replace(node, rubric=rubric) if node.code == code else node for node in smart)
    assert replace(smart, nodes=nodes).hash != smart.hash
    assert replace(smart, weight_sets={"inferred": {"S1": 0.61, "S2": 0.39}}).hash != smart.hash
    assert replace(smart, weight_sets={}).hash != smart.hash


def test_the_hash_is_the_same_for_the_same_content_and_not_moved_by_the_words_around_it():
    hdi = builtin("hdi")
    assert replace(hdi, nodes=tuple(replace(node) for node in hdi)).hash == hdi.hash
    assert replace(hdi, title={"en": "Other"}, licence="none").hash == hdi.hash


def test_the_hash_does_not_depend_on_the_order_of_the_weight_sets_and_of_their_codes():
    hdi, one, two = builtin("hdi"), {"health": 2.0, "education": 1.0, "income": 1.0}, {"health": 1.0}
    turned = dict(reversed(one.items()))
    sets, other = {"one": one, "two": two}, {"two": two, "one": turned}
    assert replace(hdi, weight_sets=sets).hash == replace(hdi, weight_sets=other).hash
    assert replace(hdi, weight_sets=sets).hash != replace(hdi, weight_sets={"one": two, "two": one}).hash
