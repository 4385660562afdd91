"""One node left out: by hand, as a weight of 0, and where nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import citygauge as cg
from citygauge import InputError, Method
from citygauge.analyse.leave_out import leave_one_out
from conftest import SOURCED

FACTS = SOURCED.replace(",s\n", ",\n")
POSTS = Method(normalise={"how": "goalposts"})
# An index of one pillar: X of one indicator, Y of two.
CHAIN = """\
code,parent,name_zh,name_en,direction,low,high
I,,指数,Index,,,
P,I,支柱,Pillar,,,
X,P,维度一,Dimension X,,,
Y,P,维度二,Dimension Y,,,
a,X,甲,a,1,0,100
b,Y,乙,b,-1,0,10
c,Y,丙,c,1,0,100
"""


@pytest.fixture
def opened(workspace: Callable[..., Path]) -> Callable[..., cg.Workspace]:
    return lambda **files: cg.open(workspace(**{"observations__csv": FACTS, **files}))


def codes_of(caught):
    return [p.code for p in caught.value.problems]


def test_without_a_pillar_the_index_is_the_other_one(opened):
    found = leave_one_out(opened(), level=1)
    assert found.codes == ("P", "Q")
    np.testing.assert_allclose(found.scores, np.column_stack([[0.5, 0.7, 0.3], [0.8, 0.55, 0.2]]))
    assert found.ranks.tolist() == [[2, 1], [1, 2], [3, 3]]
    assert found.shifts.tolist() == [[-1, 0], [1, 0], [0, 0]]  # 1, 2, 3 with both
    assert found.summary.select("removed", "level", "n", "mean_abs_shift", "max_abs_shift").rows() == [
        ("P", 1, 3, pytest.approx(2 / 3), 1), ("Q", 1, 3, 0.0, 0)
    ]  # fmt: skip
    assert found.table.filter(removed="P").select("unit_code", "rank", "shift").rows() == [
        ("1", 2, -1), ("2", 1, 1), ("3", 3, 0)
    ]  # fmt: skip


def test_any_node_is_left_out_by_its_code_and_all_by_default(opened):
    found = leave_one_out(cg.assess(opened()), codes=["a"])
    np.testing.assert_allclose(found.scores[:, 0], [0.6 * 0.8 + 0.4 * 0.5, 0.6 * 0.5 + 0.4 * 0.7, 0.12])
    assert leave_one_out(opened()).codes == ("P", "a", "b", "Q", "c")


@pytest.mark.parametrize("how", ["arithmetic", "geometric", "median", "topsis", "copeland"])
def test_it_is_a_run_in_which_the_weight_is_0(opened, how):
    zero = {"weights/zero.csv": "code,weight\na,0\nb,1\n"}
    workspace = opened(**zero)
    method = Method(normalise={"how": "minmax", "low": 1}, aggregate={"how": how})
    found = leave_one_out(cg.assess(workspace, method), codes=["a"])
    want = cg.assess(workspace, method.replace(weights="zero")).index
    np.testing.assert_allclose(found.scores[:, 0], want, rtol=1e-12)


def test_weights_from_the_data_stay_in_proportion(opened):
    result = cg.assess(opened(), Method(weights="critic", normalise={"how": "goalposts"}))
    found = leave_one_out(result, codes=["a"])
    own = result.normalised.column("b"), result.aggregated.column("Q")
    np.testing.assert_allclose(found.scores[:, 0], result.shares["P"] * own[0] + result.shares["Q"] * own[1])


def test_an_only_child_takes_its_parent_with_it(opened):
    found = leave_one_out(opened(framework__csv=CHAIN), codes=["a", "X", "Y"])
    np.testing.assert_array_equal(found.scores[:, 0], found.scores[:, 1])
    np.testing.assert_allclose(found.scores[:, 0], [(0.8 + 0.5) / 2, (0.5 + 0.7) / 2, (0 + 0.3) / 2])
    np.testing.assert_allclose(found.scores[:, 2], [0.8, 0.6, 0.4])
    limited = POSTS.replace(**{"aggregate.min_availability": 1.0})  # what is left out is not missing
    strict = leave_one_out(cg.assess(opened(framework__csv=CHAIN), limited), codes=["a"])
    np.testing.assert_array_equal(strict.scores[:, 0], found.scores[:, 0])


def test_what_the_whole_index_is_made_of_is_passed_over_and_told(opened):
    found = leave_one_out(opened(framework__csv=CHAIN))
    assert found.codes == ("X", "a", "Y", "b", "c")
    assert [(p.code, p.values["code"]) for p in found.warnings] == [("compare.nothing-left", "P")]
    none = leave_one_out(opened(framework__csv=CHAIN), level=1)
    assert (none.codes, none.scores.shape, none.table.height, none.summary.height) == ((), (3, 0), 0, 0)


def test_a_unit_with_nothing_but_the_node_has_no_rank_without_it(opened):
    facts = "\n".join(line for line in FACTS.splitlines() if not line.startswith(("3,a", "3,b"))) + "\n"
    found = leave_one_out(opened(observations__csv=facts), codes=["Q", "c"])
    assert np.isnan(found.scores[2]).all()
    assert found.ranks[2].tolist() == [0, 0]
    row = found.table.filter(removed="Q", unit_code="3").row(0, named=True)
    assert (row["value"], row["rank"], row["shift"]) == (None, None, None)
    assert found.summary["n"].to_list() == [2, 2]


def test_a_weight_that_is_0_already_changes_nothing(opened):
    sets = {"weights/zero.csv": "code,weight\na,0\nb,1\n"}
    result = cg.assess(opened(**sets), POSTS.replace(weights="zero"))
    found = leave_one_out(result, codes=["a"])
    np.testing.assert_array_equal(found.scores[:, 0], result.index)


def test_bonuses_and_the_index_have_no_weight(opened):
    tree = (
        "code,parent,name_zh,direction,low,high,points,role\nI,,指数,,,,,\na,I,甲,1,0,100,60,\n"
        "c,I,丙,1,0,100,40,\nb,I,乙,-1,0,10,5,bonus\n"
    )
    workspace = opened(framework__csv=tree)
    found = leave_one_out(workspace)
    assert found.codes == ("a", "c")
    with pytest.raises(InputError) as caught:
        leave_one_out(workspace, codes=["b", "I", "c"])
    assert [(p.code, p.values["codes"]) for p in caught.value.problems] == [("compare.no-weight", ["b", "I"])]
    # The bonus stays: b gives 0.8, 0.5 and 0 of 5 points in 100.
    np.testing.assert_allclose(found.scores[:, 0], [0.5 + 0.04, 0.7 + 0.025, 0.3])


@pytest.mark.parametrize("level", [0, 3, -1])
def test_an_unknown_level_is_refused(opened, level):
    with pytest.raises(InputError) as caught:
        leave_one_out(opened(), level=level)
    assert codes_of(caught) == ["compare.unknown-level"]
    assert caught.value.problems[0].values == {"level": level, "last": 2}


def test_all_unknown_codes_are_told_at_once(opened):
    with pytest.raises(InputError) as caught:
        leave_one_out(opened(), codes=["x", "I", "y"])
    assert codes_of(caught) == ["compare.unknown-node", "compare.unknown-node", "compare.no-weight"]


def test_on_illustrative_data_names_are_neutral(opened):
    workspace = opened(assessment__toml='framework = "framework.csv"\nillustrative = true\n')
    found = leave_one_out(workspace, level=1)
    assert found.table.filter(removed="P")["unit_code"].to_list() == [f"示意城市 0{i}" for i in (1, 2, 3)]
    assert "notice" in found.table.columns
    assert "notice" in found.summary.columns


def test_with_strata_the_index_is_left_without_the_node_in_each(opened):
    inside = {
        "framework__toml": 'strata = "event"\n',
        "rollups__csv": "code,kind,to,how\na,site,unit,mean\nb,site,unit,mean\nc,site,unit,best\n",
        "subjects__csv": "subject,unit,kind,event\ns,1,site,Birth\nt,1,site,Work\nu,2,site,Birth\n",
        "observations__csv": (
            "unit,indicator,value,subject\n1,a,80,s\n1,c,50,s\n1,a,20,t\n1,c,90,t\n2,a,70,u\n2,b,5,u\n"
        ),
    }
    found = leave_one_out(opened(**inside), codes=["P", "a"])
    # Unit 1 has Q 0.5 and 0.9, and nothing else without a; unit 2 has b 0.5 alone.
    np.testing.assert_allclose(found.scores[:2], [[0.7, 0.7], [np.nan, 0.5]])
    np.testing.assert_allclose(found.result.index[:2], [(0.48 + 0.2 + 0.12 + 0.36) / 2, 0.6])
