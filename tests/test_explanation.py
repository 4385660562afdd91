"""The worked numbers of docs/explanation are what is computed, to the last digit that is printed."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from babel.messages.pofile import read_po

import citygauge as cg
from citygauge.analyse.weights import optimised_weights, weights_table
from citygauge.problems import Problems
from citygauge.score.balance import coupling, mpi
from citygauge.score.outranking import copeland
from citygauge.score.relative import minmax
from citygauge.score.treat import moments
from citygauge.score.treating import TreatColumn

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo/city-statistics-2023"
PAGE = "explanation/how-a-score-is-made"
# The words of the figures, in the order in which they stand in `expected_lines`.
CHINESE = {
    "PM2.5, annual mean              {} µg/m³": "细颗粒物年平均浓度        {} 微克/立方米",
    "days of good air                {} %": "空气质量优良天数比例      {}%",
    "sewage centrally treated        {} %": "污水处理厂集中处理率      {}%",
    "electricity consumption         {} (10,000 kWh)": "全社会用电量              {} 万千瓦时",
    "GDP                             {} (100 million yuan)": "地区生产总值              {} 亿元",
    "{} kWh per 10,000 yuan": "{} 千瓦时/万元",
    "skewness {}, kurtosis {}": "偏度 {}，峰度 {}",
    "lowest value {} (Changsha), next {}": "最低值 {}（长沙），次低值 {}",
    "{}, cut to 0": "{}，计为 0",
    "rank {} of {}": "{1} 个城市中的第 {0} 名",
}
CITY = "510100"
INDICATORS = ("pm25_annual_mean", "good_air_days", "sewage_treated", "electricity_intensity")
PILLARS = ("INN", "CON", "ECO", "SRV", "SEC", "ENV")


@pytest.fixture(scope="module")
def result() -> cg.Result:
    return cg.assess(cg.open(DEMO))


@pytest.fixture(scope="module")
def printed() -> dict[str, str]:
    """The facts and the GDP as they stand in the files, read without CityGauge."""
    with (DEMO / "observations.csv").open(encoding="utf-8", newline="") as stream:
        found = {row["indicator"]: row["value"] for row in csv.DictReader(stream) if row["unit"] == CITY}
    with (DEMO / "units.csv").open(encoding="utf-8", newline="") as stream:
        found["gdp"] = next(row["gdp"] for row in csv.DictReader(stream) if row["unit"] == CITY)
    return found


def expected_lines(result: cg.Result, printed: dict[str, str]) -> list[str]:
    """Return every line of figures, each number recomputed from the tables of the run."""
    row = result.units.codes.index(CITY)
    names = result.units.names("en")
    pm25, air, sewage, _ = (float(printed[code]) for code in INDICATORS)
    power = result.derived.column("electricity_intensity")
    before, after = (table.column("sewage_treated") for table in (result.imputed, result.treated))
    worst, *_, best = np.sort(before[~np.isnan(before)])
    changed = int(np.nanargmin(before))
    second = np.sort(before[~np.isnan(before)])[1]
    days = result.treated.column("good_air_days")
    scores = [result.normalised.column(code)[row] for code in INDICATORS]
    pillars = [result.aggregated.column(code)[row] for code in PILLARS]
    (skew_before, kurtosis_before), (skew_after, kurtosis_after) = (
        tuple(float(m[0]) for m in moments(column[:, None])) for column in (before, after)
    )
    rank = {code: int(result.ranks[row, result.framework.codes.index(code)]) for code in ("ENV", "CITYSTAT")}
    index = result.aggregated.column("CITYSTAT")[row]
    high, low = np.nanmax(power), np.nanmin(power)
    return [
        f"PM2.5, annual mean              {printed['pm25_annual_mean']} µg/m³",
        f"days of good air                {printed['good_air_days']} %",
        f"sewage centrally treated        {printed['sewage_treated']} %",
        f"electricity consumption         {printed['electricity_intensity']} (10,000 kWh)",
        f"GDP                             {printed['gdp']} (100 million yuan)",
        f"{printed['electricity_intensity']} / {printed['gdp']} = {power[row]:.4f} kWh per 10,000 yuan",
        f"skewness {skew_before:.3f}, kurtosis {kurtosis_before:.3f}",
        f"lowest value {worst:g} ({names[changed]}), next {second:g}",
        f"skewness {skew_after:.3f}, kurtosis {kurtosis_after:.3f}",
        f"({air:g} - {days.min():g}) / ({days.max():g} - {days.min():g}) × 100 = {scores[1]:.4f}",
        f"({sewage:g} - {np.nanmin(after):g}) / ({best:g} - {np.nanmin(after):g}) × 100 = {scores[2]:.4f}",
        f"({sewage:g} - {worst:g}) / ({best:g} - {worst:g}) × 100 = "
        f"{(sewage - worst) / (best - worst) * 100:.4f}",
        f"({high:.4f} - {power[row]:.4f}) / ({high:.4f} - {low:.4f}) × 100 = {scores[3]:.4f}",
        f"(35 - {pm25:g}) / (35 - 5) × 100 = {(35 - pm25) / (35 - 5) * 100:.4f}, cut to {scores[0]:g}",
        f"({scores[0]:g} + {scores[1]:.4f} + {scores[2]:.4f} + {scores[3]:.4f}) / 4 = {pillars[5]:.4f}",
        f"rank {rank['ENV']} of {len(result.units)}",
        f"({' + '.join(f'{pillar:.4f}' for pillar in pillars)}) / 6 = {index:.4f}",
        f"rank {rank['CITYSTAT']} of {len(result.units)}",
    ]


def in_chinese(line: str) -> str:
    """Return a line of figures with its words in Chinese and its numbers as they are."""
    for english, chinese in CHINESE.items():
        pattern = re.escape(english).replace(re.escape("{}"), "(.+)")
        if found := re.fullmatch(pattern, line):
            return chinese.format(*found.groups())
    return line


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_printed_figure_is_what_the_run_computes(
    result: cg.Result, printed: dict[str, str], language: str
) -> None:
    text = (ROOT / f"docs/{PAGE}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    expected = expected_lines(result, printed)
    if language == "zh":
        with (ROOT / f"docs/locale/zh_CN/LC_MESSAGES/{PAGE}.po").open("rb") as stream:
            catalogue = read_po(stream)
        blocks = [str(catalogue[block].string) for block in blocks]
        expected = [in_chinese(line) for line in expected]
    assert [line for block in blocks for line in block.splitlines()] == expected


def test_the_worked_number_follows_from_the_printed_figures_alone(
    result: cg.Result, printed: dict[str, str]
) -> None:
    power = float(printed["electricity_intensity"]) / float(printed["gdp"])
    by_hand = [
        max(0.0, (35 - 39) / (35 - 5)),
        (78.1 - 61.9) / (99.7 - 61.9),
        (95.02 - 93.8) / (100 - 93.8),
        (1053.8017080915363 - power) / (1053.8017080915363 - 310.2712003839035),
    ]
    row = result.units.codes.index(CITY)
    assert result.aggregated.column("ENV")[row] == pytest.approx(sum(by_hand) / 4 * 100, rel=1e-12)
    assert result.treated.column("sewage_treated")[row] == 95.02


def test_the_words_around_the_figures_hold(result: cg.Result) -> None:
    names = dict(zip(result.units.codes, result.units.names("en"), strict=True))
    extremes = {
        "good_air_days": ("Zhengzhou", "Xiamen"),
        "electricity_intensity": ("Beijing", "Tangshan"),
    }
    for code, ends in extremes.items():
        column = result.treated.column(code)
        found = (names[result.units.codes[int(at)]] for at in (np.nanargmin(column), np.nanargmax(column)))
        assert tuple(found) == ends
    treated = [code for code in INDICATORS if code in result.treatment]
    assert treated == ["sewage_treated"]
    assert np.count_nonzero(result.treatment["sewage_treated"].words) == 1
    gaps = {code: int(np.isnan(result.imputed.column(code)).sum()) for code in INDICATORS}
    assert gaps == {**dict.fromkeys(INDICATORS, 0), "sewage_treated": 2, "electricity_intensity": 1}
    assert len(result.units) == 50
    row = result.units.codes.index(CITY)
    assert not np.isnan(result.derived.values[row]).any()
    assert result.framework["pm25_annual_mean"].low == 5
    assert result.framework["pm25_annual_mean"].high == 35


def figures(text: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", text)


def test_the_weights_page_prints_what_weights_do(result: cg.Result) -> None:
    text = (ROOT / "docs/explanation/weights.md").read_text(encoding="utf-8")
    two, six = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    first, second = np.array([0.0, 0, 3, 3]), np.array([0.0, 1, 0, 1])
    index = (first + second) / 2
    assert figures(two) == [f"{x:g}" for column in (first, second, index) for x in column]
    pulls = [np.corrcoef(child, index)[0, 1] for child in (first, second)]
    fair = np.corrcoef(first, first / 4 + second * 3 / 4)[0, 1]
    printed = [f"{r:.3f}" for r in (*pulls, fair)] + [f"{r * r:.1f}" for r in pulls]
    table = weights_table(result).filter(parent="CITYSTAT")
    shown = table.select("weight", "correlation", "importance", "importance_share").rows()
    assert figures(six) == [f"{figure:.3f}" for row in shown for figure in row]
    for code, r in zip(table["code"], table["correlation"], strict=True):
        columns = result.aggregated.column(code), result.aggregated.column("CITYSTAT")
        assert r == pytest.approx(np.corrcoef(*columns)[0, 1])
    found = optimised_weights(result, ["CITYSTAT", "ENV"], Problems(), "equal")
    assert (found["CITYSTAT"].converged, found["ENV"].converged) == (False, True)
    printed += [f"{figure:.3f}" for figure in (*found["ENV"].weights, found["ENV"].correlations[0])]
    assert [figure for figure in printed if figure not in text] == []
    with (ROOT / "docs/locale/zh_CN/LC_MESSAGES/explanation/weights.po").open("rb") as stream:
        catalogue = read_po(stream)
    assert [figures(str(catalogue[block].string)) for block in (two, six)] == [figures(two), figures(six)]


def test_the_counter_examples_to_methods_are_what_is_computed() -> None:
    text = (ROOT / "docs/explanation/choosing-a-method.md").read_text(encoding="utf-8")
    uneven = mpi(np.array([[70.0] * 5 + [125], [70.0] * 5 + [130]]), np.ones(6))
    coupled = coupling(np.array([[90.0, 10], [100, 10]]), np.array([0.01, 0.99]), 0, 100)
    assert uneven[1] < uneven[0]
    assert coupled[1] < coupled[0]
    four = np.array([[5.0, 2, 0], [1, 3, 2], [1, 0, 5], [4, 1, 5]])
    assert copeland(four, np.ones(3))[:2].tolist() == [1, 0]
    assert copeland(four[:3], np.ones(3))[:2].tolist() == [0, 1]
    scores = []
    for best in (40.0, 80.0):  # of A; D is the worst in both columns, and E the best in the second
        columns = np.array([[best, 50], [30, 40], [20, 60], [0, 0], [10, 100]])
        scores += minmax(columns, np.ones(2)).mean(axis=1)[1:3].tolist()
    treated = []
    for risen in (22.0, 25.0):
        column = np.array([2.0, 3, 4, 5, 6, 18, 20, risen, 59])
        rule = TreatColumn(how="log")
        if rule.limits.fail(*(float(moment[0]) for moment in moments(column[:, None]))):
            column = rule.apply(column).values
        treated.append(minmax(column[:, None], np.ones(1))[7, 0])
    printed = [f"{score:.2f}" for score in (*uneven, *coupled, *treated)] + [f"{s:g}" for s in scores]
    assert [figure for figure in printed if figure not in text] == []
