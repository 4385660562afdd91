"""Changes of the index between periods, taken apart by hand; scales of their own; units that come and go."""

from __future__ import annotations

import pytest

import citygauge as cg
from citygauge.analyse.moved import moved
from citygauge.corridor import assess_panel
from citygauge.problems import InputError

ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
# By hand, with the goalposts of the shared framework. Unit 1: index 0.6 · 0.45 + 0.4 · 0.5 = 0.47 in 2020 and
# 0.68 in 2022; unit 2: 0.61 in both, and in 2021; unit 3: 1.0 in 2022 alone.
FACTS = """\
unit,indicator,period,value
1,a,2020,40
1,b,2020,5
1,c,2020,50
2,a,2020,60
2,b,2020,5
2,c,2020,70
2,a,2021,60
2,b,2021,5
2,c,2021,70
1,a,2022,80
1,b,2022,2
1,c,2022,50
2,a,2022,60
2,b,2022,5
2,c,2022,70
3,a,2022,100
3,b,2022,0
3,c,2022,100
"""


@pytest.fixture
def panel(workspace):
    def make(facts=FACTS, **files):
        return assess_panel(cg.open(workspace(observations__csv=facts, **files)))

    return make


def parts(frame, unit):
    return dict(frame.filter(unit_code=unit).select("code", "contribution").iter_rows())


def test_a_change_is_taken_apart_by_indicator(panel):
    found = moved(panel())
    assert found["unit_code"].unique(maintain_order=True).to_list() == ["1", "2"]  # 3 has one period only
    assert parts(found, "1") == pytest.approx({"a": 0.12, "b": 0.09, "c": 0})
    assert parts(found, "2") == {"a": 0, "b": 0, "c": 0}
    row = found.row(0, named=True)
    assert (row["first_period"], row["last_period"]) == ("2020", "2022")
    assert (row["first"], row["last"], row["parent"]) == (pytest.approx(0.4), pytest.approx(0.8), "P")
    assert row["score_change"] == pytest.approx(0.21)
    assert row["rank_change"] == 0  # second of two, then second of three
    assert found["method"].to_list() == pytest.approx([0] * 6, abs=1e-12)


def test_one_unit_and_two_periods_can_be_chosen(panel):
    found = moved(panel(), "2", first="2021", last="2022")
    assert found["unit_code"].unique().to_list() == ["2"]
    assert found["rank_change"].to_list() == [-2] * 3  # first, alone; then third of three
    assert moved(panel(), "1", first="2021").is_empty()  # no score of unit 1 in 2021


def test_changes_backwards_are_the_negative(panel):
    there, back = moved(panel()), moved(panel(), first="2022", last="2020")
    assert back["contribution"].to_list() == pytest.approx((-there["contribution"]).to_list())


@pytest.mark.parametrize("how", ["geometric", "median", "mpi"])
def test_contributions_add_up_under_other_means(panel, how):
    method = f'[normalise]\nhow = "goalposts"\n[aggregate]\nhow = "{how}"\n'
    found = moved(panel(method__toml=method))
    for unit in ("1", "2"):
        own = found.filter(unit_code=unit)
        assert own["contribution"].sum() == pytest.approx(own["score_change"][0], abs=1e-12)


def test_an_indicator_that_appears_moves_the_score_by_its_presence(panel):
    # Without c unit 1 has P alone, 0.45. Q first: 0.47, then P 0.8: 0.68. P first: 0.8, then Q: 0.68.
    found = moved(panel(FACTS.replace("1,c,2020,50\n", "")), "1")
    assert found["score_change"][0] == pytest.approx(0.23)
    assert parts(found, "1")["c"] == pytest.approx((0.47 - 0.45 + 0.68 - 0.8) / 2)
    assert found.filter(code="c")["first"].null_count() == 1


def test_on_scales_of_their_own_a_unit_moves_when_the_others_do(panel):
    facts = "unit,indicator,period,value\n" + "".join(
        f"{unit},{code},{year},{value}\n"
        for year, top in (("2020", 60), ("2021", 100))
        for code in "ac"
        for unit, value in (("1", 20), ("2", 40), ("3", top))
    )
    for scope, expected in (("each", 0.5 - 0.25), ("all", 0.0)):
        method = f'[normalise]\nhow = "minmax"\nlow = 0\nhigh = 1\n[panel]\nnormalise = "{scope}"\n'
        found = moved(panel(facts, method__toml=method), "2")
        assert found["score_change"][0] == pytest.approx(-expected)  # from half of the way to a quarter
        assert found["contribution"].sum() == pytest.approx(-expected)


def test_unknown_units_and_periods_are_refused(panel):
    with pytest.raises(InputError) as refused:
        moved(panel(), "7")
    assert refused.value.problems[0].code == "analyse.unknown-unit"
    with pytest.raises(InputError) as refused:
        moved(panel(), first="1999")
    assert refused.value.problems[0].code == "analyse.unknown-choice"
    with pytest.raises(InputError) as refused:
        moved(
            panel(method__toml='[normalise]\nhow = "goalposts"\n[aggregate]\nhow = "benefit_of_the_doubt"\n')
        )
    assert refused.value.problems[0].code == "analyse.not-decomposable"


def test_illustrative_units_move_under_the_neutral_names_of_the_last_period(panel):
    ours = panel(assessment__toml=ILLUSTRATIVE)
    found = moved(ours)
    assert found["unit_code"].unique(maintain_order=True).to_list() == ["示意城市 02", "示意城市 03"]
    assert found["notice"].null_count() == 0
    assert moved(ours, "示意城市 02")["score_change"][0] == pytest.approx(0.21)
    with pytest.raises(InputError):
        moved(ours, "1")
