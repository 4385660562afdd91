"""The two examples of the repository, held against figures that stand in other people's publications."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import citygauge as cg
from citygauge.analyse.describe import describe
from citygauge.collect.plausible import check_plausible
from citygauge.problems import Problems

DEMO = Path(__file__).resolve().parent.parent / "demo"

# Table 3-2 of the 2021 report.
TABLE_3_2 = {
    "leading": "北京、上海、杭州、广州、青岛、深圳、宁波、无锡",
    "pioneering": (
        "天津、重庆、武汉、成都、南京、济南、厦门、合肥、福州、苏州、温州、绍兴、金华、台州、烟台、临沂、东莞"
    ),
    "exploring": (
        "哈尔滨、沈阳、西安、长春、大连、石家庄、南昌、郑州、长沙、南宁、昆明、唐山、洛阳、徐州、常州、南通、"
        "盐城、扬州、泰州、嘉兴、漳州、泉州、潍坊、襄阳、佛山"
    ),
}
# Table 3-13: mean of each second-level indicator over the 50 cities.
TABLE_3_13 = {
    "T1": 0.82, "T2": 0.89, "T3": 0.50, "T4": 0.38, "T5": 0.77, "T6": 0.67, "R1": 0.45, "R2": 0.48,
    "A1": 0.53, "A2": 0.80, "A3": 0.82, "A4": 0.72, "M1": 0.74, "M2": 0.83, "S1": 0.80, "S2": 0.63,
}  # fmt: skip


@pytest.fixture(scope="module")
def smart() -> cg.Result:
    return cg.assess(cg.open(DEMO / "smart-2021"))


@pytest.fixture(scope="module")
def statistics() -> cg.Result:
    return cg.assess(cg.open(DEMO / "city-statistics-2023"))


def test_smart_2021_is_graded_city_by_city_and_in_the_order_of_table_3_2(smart: cg.Result) -> None:
    for grade, names in TABLE_3_2.items():
        assert smart.grade_list.filter(grade=grade)["name_zh"].to_list() == names.split("、")
    assert [smart.grades.count(grade) for grade in TABLE_3_2] == [8, 17, 25]


def test_smart_2021_has_the_printed_dimension_means(smart: cg.Result) -> None:
    means = dict(describe(smart).select("code", "mean").iter_rows())
    for code, printed in TABLE_3_13.items():
        assert means[code] == pytest.approx(printed, abs=0.005 + 1e-9), code
    assert means["SMART"] == pytest.approx(0.70, abs=0.005)


def test_smart_2021_misplaces_hangzhou_under_equal_weights(smart: cg.Result) -> None:
    """The published grades need the inferred 60 : 40 between digital services and service experience."""
    equal = cg.assess(smart.workspace, smart.method.replace(weights="default"))
    assert [equal.grades.count(grade) for grade in TABLE_3_2] == [7, 18, 25]
    hangzhou = equal.units.codes.index("330100")
    assert equal.grades[hangzhou] == "pioneering"
    assert equal.named_grades[hangzhou] == ""  # not the published grade, so not shown beside the name


def test_the_statistics_index_scores_and_ranks_all_50_cities(statistics: cg.Result) -> None:
    assert len(statistics.units) == 50
    assert sorted(statistics.ranks[:, 0].tolist()) == list(range(1, 51))
    assert not statistics.illustrative


def test_gaps_of_the_yearbook_stay_gaps(statistics: cg.Result) -> None:
    """The yearbook does not report these six figures of the 50 cities."""
    gaps = np.argwhere(np.isnan(statistics.derived.values))
    names = statistics.units.names("en")
    found = {(names[i], statistics.derived.codes[j]) for i, j in gaps}
    assert found == {
        ("Shanghai", "hightech_enterprises"),
        ("Shenzhen", "hightech_enterprises"),
        ("Shanghai", "sewage_treated"),
        ("Shenzhen", "sewage_treated"),
        ("Nanchang", "telecom_revenue"),
        ("Chongqing", "electricity_intensity"),
    }


def test_the_statistics_are_the_yearbooks(statistics: cg.Result) -> None:
    """Beijing, yearbook 2024: 107,875 invention patents; GDP 43,761 and, a head, 200,278 yuan."""
    beijing = statistics.units.codes.index("110000")
    population = 43761 * 1e4 / 200278  # ten thousands
    patents = statistics.derived.column("invention_patents")[beijing]
    assert patents == pytest.approx(107875 / population, rel=1e-4)
    assert patents == pytest.approx(49.4, abs=0.05)


def test_the_index_recomputed_with_a_plain_loop(statistics: cg.Result) -> None:
    """From the normalised indicators up, in pure Python: means of what is there, pillars equal."""
    frame = statistics.normalised.frame()
    tree = statistics.framework
    for row, index in zip(frame.iter_rows(named=True), statistics.index, strict=True):
        pillars = []
        for pillar in tree.children(tree.root.code):
            known = [row[code] for code in tree.children(pillar) if row[code] is not None]
            pillars.append(sum(known) / len(known))
        assert index == pytest.approx(sum(pillars) / len(pillars), rel=1e-12)


def test_every_fact_of_the_statistics_index_can_be_traced(statistics: cg.Result) -> None:
    traced = statistics.trace("320500", "invention_patents")
    assert traced["fact"]["source"] == "yearbook-2024"
    raw = pl.read_csv(DEMO / "city-statistics-2023/observations.csv", infer_schema=False)
    line = raw.row(traced["fact"]["row"] - 2, named=True)
    assert (line["unit"], line["indicator"]) == ("320500", "invention_patents")
    assert float(line["value"]) == traced["fact"]["value"]


def test_sound_yearbook_figures_raise_no_doubts(statistics: cg.Result) -> None:
    noted = Problems()
    check_plausible(statistics.workspace.observations, statistics.framework, noted)
    assert [problem.text() for problem in (*statistics.warnings, *noted)] == []
