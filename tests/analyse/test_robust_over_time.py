"""Changes of rank between two periods: both scored together, each replication drawn once for both."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from math import ceil

import numpy as np
import pytest

import citygauge as cg
from citygauge import InputError
from citygauge.analyse.robust.over_time import rank_changes
from citygauge.analyse.robust.spec import Spec
from citygauge.analyse.stages import Stages
from citygauge.corridor import assess_panel
from conftest import METHOD

YEARS = ("2021", "2022", "2023")
SHARE = {"weights": {"share": 0.6}}
HOWS = {"key": "normalise.how", "values": ["goalposts", "minmax"]}
N = 40
EACH = '[panel]\ntreat = "each"\nnormalise = "each"\n'
ALL = '[panel]\ntreat = "all"\nnormalise = "all"\n'
FILLED = '[impute]\nhow = "latest"\n[normalise]\nhow = "minmax"\n'


def facts(years=YEARS, units=range(1, 8), gaps=0.0, seed=2, known=None):
    """Facts of a few cities; `known` gives some of them by unit and year."""
    rng = np.random.default_rng(seed)
    lines = ["unit,indicator,period,value"]
    for unit in units:
        for year in years:
            drawn = dict(
                zip("abc", (rng.uniform(10, 90), rng.uniform(1, 9), rng.uniform(10, 90)), strict=True)
            )
            for code, value in {**drawn, **(known or {}).get((unit, year), {})}.items():
                if rng.random() >= gaps or (unit, year) in (known or {}):
                    lines.append(f"{unit},{code},{year},{value!r}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def opened(workspace):
    def make(method=METHOD, **files):
        units = "unit,name_zh,name_en\n" + "".join(f"{u},城{u},City {u}\n" for u in range(1, 8))
        given = {"observations__csv": facts(), "units__csv": units, "method__toml": method, **files}
        return cg.open(workspace(**given))

    return make


METHODS = {
    "goalposts": METHOD,
    "one scale": '[normalise]\nhow = "minmax"\n' + ALL,
    "each on its own": '[normalise]\nhow = "minmax"\n' + EACH,
    "treated together": '[treat]\nmax_points = 1\nskew = 0.5\nkurtosis = 0\n[normalise]\nhow = "zscore"\n'
    + ALL,
    "treated apart": '[treat]\nmax_points = 1\nskew = 0.5\nkurtosis = 0\n[normalise]\nhow = "zscore"\n'
    + EACH,
    "filled from other years": FILLED + ALL,
    "filled, each on its own": FILLED + EACH,
    "weights from all years": 'weights = "entropy"\n[normalise]\nhow = "minmax"\n' + ALL,
    "ranks of all years": '[normalise]\nhow = "rank"\n' + ALL,
}


@pytest.mark.parametrize("name", METHODS)
def test_stages_beside_other_periods_give_the_scores_of_the_panel(opened, name):
    method = METHODS[name]
    gaps = 0.15 if "fill" in name else 0.0
    workspace = opened(method, observations__csv=facts(gaps=gaps))
    panel = assess_panel(workspace)
    for period in YEARS:
        others = [other for other in YEARS if other != period]
        nodes = Stages(workspace, period, beside=others).nodes(workspace.method)
        expected = panel.results[period].aggregated
        assert nodes.units == expected.units
        assert nodes.codes == expected.codes
        np.testing.assert_allclose(nodes.values, expected.values, rtol=1e-12)


def test_on_one_scale_a_period_alone_scores_otherwise(opened):
    workspace = opened(METHODS["one scale"])
    alone = Stages(workspace, "2023").nodes(workspace.method).values
    beside = Stages(workspace, "2023", beside=["2021"]).nodes(workspace.method).values
    assert np.abs(alone - beside).max() > 0.1


def numbers(factor, width, n, seed=1):
    digest = hashlib.sha256(f"A\0{factor}".encode()).digest()[:8]
    stream = np.random.Generator(np.random.Philox(key=[seed, int.from_bytes(digest, "big")]))
    return stream.random((n, 4 * ceil(width / 4)))[:, :width]


def brute(workspace, before, after, n=N, how=None):
    """Return rank before and after of every unit in every replication of `SHARE` (and `HOWS`)."""
    u = numbers("weights", 4, n)
    chosen = (numbers("normalise.how", 1, n)[:, 0] >= 0.5) if how else np.zeros(n, bool)
    base, found = dict(zip("PQab", (0.6, 0.4, 0.5, 0.5), strict=True)), []
    order = [code for code in workspace.framework.codes if code in base]
    for row, is_second in zip(u, chosen, strict=True):
        weights = {code: base[code] * (1 + 0.6 * (2 * x - 1)) for code, x in zip(order, row, strict=True)}
        framework = replace(workspace.framework, weight_sets={"drawn": weights})
        method = workspace.method.replace(weights="drawn")
        if how:
            method = method.replace(**{"normalise.how": how[int(is_second)]})
        panel = assess_panel(replace(workspace, framework=framework), method, [before, after])
        ranks = [
            dict(zip(r.units.codes, r.ranks[:, 0].tolist(), strict=True)) for r in panel.results.values()
        ]
        found.append(ranks)
    return found


@pytest.mark.parametrize("name", ["goalposts", "one scale", "each on its own"])
def test_chances_of_moving_are_counted_over_replications_that_both_periods_share(opened, name):
    workspace = opened(METHODS[name])
    spec = Spec(n=N, samples=0, factor=[SHARE])
    frame = rank_changes(workspace, "2021", "2023", spec)
    runs = brute(workspace, "2021", "2023")
    panel = assess_panel(workspace, periods=["2021", "2023"])
    for row in frame.to_dicts():
        unit = row["unit_code"]
        moves = [was[unit] - now[unit] for was, now in runs]
        assert row["p_better"] == pytest.approx(np.mean([move > 0 for move in moves]))
        assert row["p_same"] == pytest.approx(np.mean([move == 0 for move in moves]))
        assert row["p_worse"] == pytest.approx(np.mean([move < 0 for move in moves]))
        assert row["median_before"] == np.median([was[unit] for was, _ in runs])
        assert row["median_after"] == np.median([now[unit] for _, now in runs])
        published = [r.ranks[r.units.codes.index(unit), 0] for r in panel.results.values()]
        assert [row["rank_before"], row["rank_after"]] == published
        assert row["rank_change"] == int(published[0]) - int(published[1])
    assert frame["unit_code"].to_list() == frame.sort("rank_after")["unit_code"].to_list()


def test_a_choice_of_settings_holds_for_both_periods(opened):
    workspace = opened(METHODS["one scale"])
    spec = Spec(n=N, samples=0, factor=[HOWS, SHARE])
    frame = rank_changes(workspace, "2021", "2023", spec)
    runs = brute(workspace, "2021", "2023", how=HOWS["values"])
    for row in frame.to_dicts():
        moves = [was[row["unit_code"]] - now[row["unit_code"]] for was, now in runs]
        assert row["p_better"] == pytest.approx(np.mean([move > 0 for move in moves]))


def test_a_unit_that_moves_under_no_draw_stays_the_same(opened):
    best, worst = {"a": 100.0, "b": 0.0, "c": 100.0}, {"a": 0.0, "b": 10.0, "c": 0.0}
    known = {(1, "2021"): best, (1, "2023"): best, (2, "2021"): worst, (2, "2023"): worst}
    known |= {(3, "2021"): {"a": 99.0, "b": 0.1, "c": 99.0}, (3, "2023"): {"a": 1.0, "b": 9.9, "c": 1.0}}
    workspace = opened(observations__csv=facts(known=known))
    rows = {
        r["unit_code"]: r for r in rank_changes(workspace, "2021", "2023", Spec(n=500, samples=0)).to_dicts()
    }
    assert (rows["1"]["verdict"], rows["1"]["p_same"]) == ("same", 1.0)
    assert (rows["2"]["verdict"], rows["2"]["p_same"]) == ("same", 1.0)
    assert (rows["3"]["verdict"], rows["3"]["p_worse"], rows["3"]["rank_change"]) == ("worse", 1.0, -4)


def test_a_unit_of_one_period_alone_has_no_chances(opened):
    lines = [
        line for line in facts().splitlines() if not line.startswith(("5,a,2021", "5,b,2021", "5,c,2021"))
    ]
    workspace = opened(observations__csv="\n".join(lines) + "\n")
    rows = {
        r["unit_code"]: r for r in rank_changes(workspace, "2021", "2023", Spec(n=20, samples=0)).to_dicts()
    }
    assert rows["5"]["rank_before"] is None
    assert rows["5"]["verdict"] is None
    assert rows["5"]["p_same"] is None
    assert rows["4"]["verdict"] is not None


def test_what_runs_in_one_period_only_is_drawn_in_neither(opened):
    """In 2021 a score lies below 0, where the geometric mean is not defined: only the arithmetic is left.

    So no unit can have moved but by what the arithmetic mean makes of it.
    """
    known = {(1, "2021"): {"a": -20.0, "b": 3.0, "c": 50.0}, (1, "2023"): {"a": 0.5, "b": 3.0, "c": 95.0}}
    workspace = opened(METHOD + "cut = false\n", observations__csv=facts(known=known))
    means = {"key": "aggregate.how", "values": ["geometric", "arithmetic"]}
    spec = Spec(n=200, samples=0, impossible="leave_out", factor=[means])
    frame = rank_changes(workspace, "2021", "2023", spec)
    panel = assess_panel(workspace, periods=["2021", "2023"])
    was, now = (dict(zip(r.units.codes, r.ranks[:, 0].tolist(), strict=True)) for r in panel.results.values())
    other = cg.assess(replace(workspace, settings=workspace.settings.model_copy(update={"period": "2023"})),
                      workspace.method.replace(**{"aggregate.how": "geometric"}))  # fmt: skip
    assert dict(zip(other.units.codes, other.ranks[:, 0].tolist(), strict=True)) != now
    for row in frame.to_dicts():
        unit = row["unit_code"]
        assert row["median_after"] == now[unit]
        assert row["p_better"] == float(now[unit] < was[unit])
        assert row["p_same"] == float(now[unit] == was[unit])


def test_combinations_of_which_none_runs_in_both_periods_are_refused(opened):
    """A score of unit 1 is below 0 in 2021, one of unit 2 in 2023: without either, one year has no mean."""
    low = {"a": -20.0, "b": 3.0, "c": 50.0}
    workspace = opened(
        METHOD + "cut = false\n", observations__csv=facts(known={(1, "2021"): low, (2, "2023"): low})
    )
    means = {"key": "aggregate.how", "values": ["geometric", "geometric"]}
    without = {"key": "screen.exclude", "values": [["1"], ["2"]]}
    spec = Spec(n=20, samples=0, impossible="leave_out", factor=[means, without])
    with pytest.raises(InputError) as caught:
        rank_changes(workspace, "2021", "2023", spec)
    (problem,) = (p for p in caught.value.problems if p.severity == "error")
    assert problem.code == "robust.impossible"
    assert "none runs in both periods" in problem.text("en")
    assert "两个时期" in problem.text("zh")


def test_errors_of_data_are_not_told_over_time(opened):
    spec = Spec(n=20, samples=0, factor=[SHARE, {"data": {"relative": 0.1}}])
    with pytest.raises(InputError) as caught:
        rank_changes(opened(), "2021", "2023", spec)
    (problem,) = caught.value.problems
    assert problem.code == "robust.data-over-periods"
    assert "data" in problem.text("zh")


@pytest.mark.parametrize(("before", "after", "code"), [("2020", "2023", "settings.unknown-period"),
                                                       ("2023", "2023", "settings.one-period")])  # fmt: skip
def test_periods_that_are_none_or_one_are_refused(opened, before, after, code):
    with pytest.raises(InputError) as caught:
        rank_changes(opened(), before, after, Spec(n=20, samples=0))
    assert [problem.code for problem in caught.value.problems if problem.severity == "error"] == [code]


def test_on_illustrative_data_the_units_stand_under_neutral_names(opened):
    workspace = opened(assessment__toml='framework = "framework.csv"\nillustrative = true\n')
    frame = rank_changes(workspace, "2021", "2023", Spec(n=20, samples=0))
    assert all(name.startswith("示意城市") for name in frame["unit_code"])
    assert "notice" in "".join(frame.columns)


def test_the_first_period_need_not_be_the_earlier_one(opened):
    workspace, spec = opened(), Spec(n=60, samples=0, factor=[SHARE])
    there, back = (rank_changes(workspace, *pair, spec) for pair in (("2021", "2023"), ("2023", "2021")))
    rows = {row["unit_code"]: row for row in back.to_dicts()}
    for row in there.to_dicts():
        assert row["p_better"] == rows[row["unit_code"]]["p_worse"]
        assert row["rank_change"] == -rows[row["unit_code"]]["rank_change"]
