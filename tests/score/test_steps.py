"""The corridor: what each step does to a small table, by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import citygauge as cg
from citygauge import InputError
from citygauge.indicators.table import IMPUTED, OBSERVED
from conftest import FACTS, FRAMEWORK

Make = Callable[..., Path]


def codes(result: cg.Result) -> set[str]:
    return {problem.code for problem in result.warnings}


def test_the_small_index_by_hand(workspace: Make) -> None:
    result = cg.assess(cg.open(workspace()))
    np.testing.assert_allclose(result.index, [0.68, 0.61, 0.2])
    assert result.ranks[:, 0].tolist() == [1, 2, 3]
    assert result.effective_weights["a"] == pytest.approx(0.3)
    assert result.effective_weights["c"] == pytest.approx(0.4)


def test_equal_weights_are_the_same_as_no_weights(workspace: Make) -> None:
    result = cg.assess(cg.open(workspace(method__toml='weights = "equal"\n[normalise]\nhow = "goalposts"\n')))
    assert result.index[0] == pytest.approx((0.8 + 0.5) / 2)


def test_a_group_mean_fills_from_the_units_own_group_and_is_marked(workspace: Make) -> None:
    facts = "unit,indicator,value\n1,a,80\n1,b,2\n1,c,50\n2,a,60\n2,b,5\n3,a,40\n3,b,10\n3,c,10\n"
    method = '[normalise]\nhow = "goalposts"\n[impute]\nhow = "group_mean"\ngroup = "circle"\n'
    result = cg.assess(cg.open(workspace(observations__csv=facts, method__toml=method)))
    filled = result.imputed.codes.index("c")
    assert result.imputed.values[1, filled] == 50  # Suzhou is the other unit of the east
    assert result.imputed.origins[:, filled].tolist() == [OBSERVED, IMPUTED, OBSERVED]


def test_not_applicable_is_never_imputed(workspace: Make) -> None:
    facts = "unit,indicator,value,state\n1,a,80,\n1,b,2,\n1,c,50,\n2,a,60,\n2,b,5,\n2,c,,not_applicable\n"
    method = '[normalise]\nhow = "goalposts"\n[impute]\nhow = "group_mean"\ngroup = "circle"\n'
    result = cg.assess(cg.open(workspace(observations__csv=facts, method__toml=method)))
    assert np.isnan(result.imputed.column("c")[1])


def test_screening_drops_and_keeps_by_name(workspace: Make) -> None:
    method = '[normalise]\nhow = "goalposts"\n[screen]\nmin_availability = 0.9\n'
    assert cg.assess(cg.open(workspace(method__toml=method))).units.codes == ("1", "2")
    kept = cg.assess(cg.open(workspace(method__toml=method + 'include = ["3"]\nexclude = ["1"]\n')))
    assert kept.units.codes == ("2", "3")
    assert "units.screened-out" in codes(kept)


def test_a_denominator_divides_the_raw_value_in_its_scale(workspace: Make) -> None:
    tree = (
        "code,parent,name_en,direction,unit,denominator,denominator_scale,low,high\nI,,Index,,,,,,\n"
        "a,I,a,1,item,size,10,0,100\n"
    )
    facts = "unit,indicator,value\n1,a,60\n2,a,60\n3,a,60\n"
    result = cg.assess(cg.open(workspace(framework__csv=tree, observations__csv=facts)))
    np.testing.assert_allclose(result.derived.column("a"), [20, 30, 60])


def test_a_missing_or_zero_denominator_leaves_a_gap_that_is_named(workspace: Make) -> None:
    tree = "code,parent,name_en,direction,unit,denominator,low,high\nI,,Index,,,,,\na,I,a,1,item,size,0,9\n"
    units = "unit,name_en,size\n1,A,\n2,B,0\n3,C,10\n"
    facts = "unit,indicator,value\n1,a,60\n2,a,60\n3,a,60\n"
    result = cg.assess(cg.open(workspace(framework__csv=tree, units__csv=units, observations__csv=facts)))
    assert np.isnan(result.derived.column("a")).tolist() == [True, True, False]
    named = next(p for p in result.warnings if p.code == "units.no-denominator-value")
    assert list(named.values["units"]) == ["1", "2"]


def test_another_indicator_may_be_the_denominator(workspace: Make) -> None:
    tree = (
        "code,parent,name_en,direction,unit,denominator,low,high\nI,,Index,,,,,\n"
        "a,I,a,1,item,b,0,9\nb,I,b,1,person,,0,100\n"
    )
    facts = "unit,indicator,value\n1,a,60\n1,b,20\n2,a,60\n2,b,30\n"
    result = cg.assess(cg.open(workspace(framework__csv=tree, observations__csv=facts)))
    np.testing.assert_allclose(result.derived.column("a")[:2], [3, 2])
    np.testing.assert_allclose(result.derived.column("b")[:2], [20, 30])


MEASURED = """\
code,parent,name_en,direction,unit,scale,low,high
I,,Index,,,,,
a,I,composite,1,points,score,0,100
a.1,a,first,1,%,share,0,100
a.2,a,second,1,%,share,0,100
b,I,plain,1,%,share,0,100
"""


def test_an_indicators_own_score_wins_over_its_measures_and_the_difference_is_noted(workspace: Make) -> None:
    facts = "unit,indicator,value\n1,a,90\n1,a.1,50\n1,a.2,70\n1,b,10\n2,a.1,50\n2,a.2,70\n2,b,10\n"
    result = cg.assess(cg.open(workspace(framework__csv=MEASURED, observations__csv=facts)))
    np.testing.assert_allclose(result.index[:2], [(0.9 + 0.1) / 2, (0.6 + 0.1) / 2])
    assert result.from_measures is not None
    assert result.from_measures.column("a")[0] == pytest.approx(0.6)
    noted = next(p for p in result.warnings if p.code == "facts.own-score-differs")
    assert list(noted.values["units"]) == ["1"]
    assert noted.values["largest"] == pytest.approx(0.3)


def test_an_indicator_made_of_measures_counts_once_in_availability(workspace: Make) -> None:
    facts = "unit,indicator,value\n1,a,90\n2,a.1,50\n2,b,10\n3,b,1\n"
    result = cg.assess(cg.open(workspace(framework__csv=MEASURED, observations__csv=facts)))
    assert result.framework.indicators == ("a", "b")
    np.testing.assert_allclose(result.availability[:, 0], [0.5, 0.75, 0.5])


def test_hands_over_scores_need_their_range(workspace: Make) -> None:
    facts = "unit,indicator,value,unit_of_measure\n1,a,0.9,score\n1,b,0.5,score\n1,c,0.1,score\n"
    with pytest.raises(InputError) as refused:
        cg.assess(cg.open(workspace(observations__csv=facts)))
    assert "facts.score-needs-range" in {p.code for p in refused.value.problems}
    given = workspace(
        observations__csv=facts, method__toml='[normalise]\nhow = "goalposts"\nlow = 0\nhigh = 1\n'
    )
    # b has the direction -1: its goalposts turn a handed-over score round as they would a measurement.
    assert cg.assess(cg.open(given)).normalised.column("a")[0] == pytest.approx(0.9)


def test_a_column_without_spread_is_named_and_drops_out_for_everyone(workspace: Make) -> None:
    facts = "unit,indicator,value\n1,a,80\n2,a,80\n1,b,2\n2,b,5\n1,c,50\n2,c,70\n"
    result = cg.assess(
        cg.open(workspace(observations__csv=facts, method__toml='[normalise]\nhow = "minmax"\n'))
    )
    assert "facts.no-spread" in codes(result)
    np.testing.assert_allclose(result.index[:2], [0.6 * 100 + 0.4 * 0, 0.6 * 0 + 0.4 * 100])


def test_a_geometric_mean_of_negative_scores_is_refused(workspace: Make) -> None:
    method = '[normalise]\nhow = "zscore"\n[aggregate.by."0"]\nhow = "geometric"\n'
    with pytest.raises(InputError) as refused:
        cg.assess(cg.open(workspace(method__toml=method)))
    assert "method.negative-under-mean" in {p.code for p in refused.value.problems}


def test_logarithmic_goalposts_are_the_income_index_of_the_hdi(workspace: Make) -> None:
    """HDR technical note 1: (ln 12 000 - ln 100) / (ln 75 000 - ln 100) = 0.7232."""
    tree = "code,parent,name_en,direction,unit,low,high\nI,,Index,,,,\na,I,a,1,$,100,75000\n"
    facts = "unit,indicator,value\n1,a,12000\n2,a,0\n3,a,-5\n"
    method = '[normalise]\nhow = "goalposts"\nlog = true\n'
    result = cg.assess(cg.open(workspace(framework__csv=tree, observations__csv=facts, method__toml=method)))
    np.testing.assert_allclose(result.index, [np.log(120) / np.log(750), 0, 0])


def test_rescaled_weights_and_shuffled_rows_change_nothing(workspace: Make) -> None:
    before = cg.assess(cg.open(workspace())).ranking
    tree = FRAMEWORK.replace(",0.6,", ",6,").replace(",0.4,", ",4,")
    header, *rows = FACTS.splitlines()
    shuffled = "\n".join([header, *reversed(rows)])
    after = cg.assess(cg.open(workspace(framework__csv=tree, observations__csv=shuffled))).ranking
    assert after.equals(before)


def test_an_assessment_that_screens_everybody_out_says_so(workspace: Make) -> None:
    method = '[normalise]\nhow = "minmax"\n[screen]\nexclude = ["1", "2", "3"]\n'
    with pytest.raises(InputError) as refused:
        cg.assess(cg.open(workspace(method__toml=method)))
    assert {p.code for p in refused.value.problems} >= {"units.screened-out", "facts.nothing-to-score"}
