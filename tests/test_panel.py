"""Several periods side by side: ranks, names, warnings, and grades that only a city's own figures move."""

from __future__ import annotations

import polars as pl
import pytest

import citygauge as cg
from citygauge.corridor import assess_panel

# With the goalposts of the shared framework unit 1 has the index 0.85 in 2022, the edge of the best grade.
YEARS = {"2021": (40, 5, 50), "2022": (85, 1.5, 85), "2023": (95, 0.5, 95)}
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
GRADED = '[normalise]\nhow = "{how}"\n[grades]\nscale = "smart-2021"\n'
UNITS = "unit,name_zh,name_en\n1,苏州,Suzhou\n2,台州,Taizhou\n3,成都,Chengdu\n"


def facts(units, years=("2021", "2022", "2023")):
    """Unit n has the figures of a year, 5 n points less in all of them; unit 9 is far above everybody."""
    lines = ["unit,indicator,period,value"]
    for unit in units:
        for year in years:
            a, b, c = (100, 0, 100) if unit == 9 else YEARS[year]
            less = 0 if unit == 9 else 5 * (unit - 1)
            lines += [f"{unit},a,{year},{a - less}", f"{unit},b,{year},{b + less / 10}"]
            lines += [f"{unit},c,{year},{c - less}"]
    return "\n".join(lines) + "\n"


@pytest.fixture
def panel(workspace):
    def make(units=(1, 2, 3), years=("2021", "2022", "2023"), how="goalposts", **files):
        files = {"units__csv": UNITS + ("9,深圳,Shenzhen\n" if 9 in units else ""), **files}
        folder = workspace(
            observations__csv=facts(units, years), method__toml=GRADED.format(how=how), **files
        )
        return assess_panel(cg.open(folder))

    return make


def grades(panel, period):
    rows = panel.scores.filter(pl.col("level") == 0, period=period)
    return {unit: (value, grade) for unit, value, grade in rows.select("unit_code", "value", "grade").rows()}


def test_ranks_stand_side_by_side_one_column_a_period(panel):
    ranks = panel().ranks
    assert ranks.columns == ["unit_code", "2021", "2022", "2023"]
    assert ranks.rows() == [("1", 1, 1, 1), ("2", 2, 2, 2), ("3", 3, 3, 3)]
    assert panel().ranks_of("P").rows() == ranks.rows()
    with pytest.raises(KeyError, match="nothing"):
        panel().ranks_of("nothing")


def test_a_unit_without_a_score_in_a_period_has_no_rank_there(panel):
    text = facts((1, 2)) + facts((3,), ("2023",)).partition("\n")[2]
    ours = assess_panel(cg.open(_replaced(panel(), text)))
    assert ours.ranks.rows() == [("1", 1, 1, 1), ("2", 2, 2, 2), ("3", None, None, 3)]


@pytest.mark.parametrize("kind", ["period", "unit"])
def test_under_goalposts_no_grade_moves_because_a_period_or_a_unit_is_added(panel, kind):
    before = panel(years=("2021", "2022"))
    after = panel() if kind == "period" else panel(units=(1, 2, 3, 9), years=("2021", "2022"))
    for period in ("2021", "2022"):
        then, now = grades(before, period), grades(after, period)
        for unit in "123":
            assert then[unit] == (pytest.approx(now[unit][0], abs=1e-14), now[unit][1])
    assert grades(after, "2022")["1"] == (pytest.approx(0.85), "leading")
    assert "method.cut-on-relative-scale" not in {problem.code for problem in after.warnings}


@pytest.mark.parametrize("kind", ["period", "unit"])
def test_under_min_max_grades_move_with_others_and_the_warning_says_so(panel, kind):
    before = panel(years=("2021", "2022"), how="minmax")
    after = (
        panel(how="minmax")
        if kind == "period"
        else panel(units=(1, 2, 3, 9), years=("2021", "2022"), how="minmax")
    )
    assert grades(before, "2022")["1"] == (pytest.approx(100), "leading")
    assert grades(after, "2022")["1"][0] < 85
    assert grades(after, "2022")["1"][1] == "pioneering"
    warned = [problem for problem in after.warnings if problem.code == "method.cut-on-relative-scale"]
    assert len(warned) == 1  # of all periods, told once
    assert warned[0].where.period is None


def test_what_is_noted_of_one_period_only_names_it(panel):
    text = "\n".join(line for line in facts((1, 2, 3)).splitlines() if ",c,2022" not in line) + "\n"
    ours = assess_panel(cg.open(_replaced(panel(), text)))
    silent = [problem for problem in ours.warnings if problem.code == "facts.silent-indicators"]
    assert [problem.where.period for problem in silent] == ["2022"]
    unsourced = [problem for problem in ours.warnings if problem.code == "facts.no-source"]
    assert [problem.where.period for problem in unsourced] == [None]


def _replaced(panel, text):
    folder = panel.last.workspace.folder
    (folder / "observations.csv").write_text(text, encoding="utf-8")
    return folder


def test_names_are_those_of_the_units_by_language(panel):
    assert panel().names("zh") == {"1": "苏州", "2": "台州", "3": "成都"}
    assert panel().names("en") == {"1": "Suzhou", "2": "Taizhou", "3": "Chengdu"}
    assert panel().illustrative is False


def test_illustrative_panels_show_nobody_by_name(panel):
    ours = panel(assessment__toml=ILLUSTRATIVE)
    neutral = ["示意城市 01", "示意城市 02", "示意城市 03"]
    assert ours.ranks["unit_code"].to_list() == neutral
    assert ours.ranks["notice"].null_count() == 0
    assert list(ours.names("zh").values()) == neutral
    assert list(ours.names("en").values()) == [f"Illustrative city 0{i}" for i in (1, 2, 3)]


def test_neutral_names_are_the_same_in_all_periods_warnings_included(panel):
    lines = facts((1, 2, 3)).splitlines()
    turned = [line.replace("1,a,2021,40", "1,a,2021,").replace("1,b,2021,5.0", "1,b,2021,") for line in lines]
    turned = [line.replace("1,c,2021,50", "1,c,2021,") for line in turned]
    method = GRADED.format(how="goalposts") + "[screen]\nmin_availability = 0.5\n"
    ours = panel(assessment__toml=ILLUSTRATIVE)
    folder = _replaced(ours, "\n".join(turned) + "\n")
    (folder / "method.toml").write_text(method, encoding="utf-8")
    ours = assess_panel(cg.open(folder))
    assert ours.label_of["1"] == "示意城市 01"  # the best of the last period, out in the first
    assert ours.ranks.row(0)[1:4] == (None, 1, 1)
    out = [problem for problem in ours.warnings if problem.code == "units.screened-out"]
    assert [(problem.where.period, problem.values["units"]) for problem in out] == [("2021", ["示意城市 01"])]
    assert "Suzhou" not in repr(ours)
