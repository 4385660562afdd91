"""An own report: consistent where it is what the run gives, and each wrong figure named where it is not."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import citygauge as cg
from citygauge.audit.figures import Figure
from citygauge.audit.own import audit_result, published_of
from citygauge.audit.own_run import against_run, rounded, snapped
from citygauge.audit.published import ROOT, Group
from citygauge.audit.read import read_published
from conftest import FACTS, FRAMEWORK, SOURCED, UNITS

# By hand (see conftest): pillars and index of the three cities with SOURCED.
P, Q, INDEX = [0.8, 0.55, 0.2], [0.5, 0.7, 0.3], [0.68, 0.61, 0.24]
POSTS = '[normalise]\nhow = "goalposts"\n'
SCALE = """\
low = 0
high = 1
[[grade]]
id = "top"
name_zh = "领军城市"
name_en = "Leading"
from = 0.61
[[grade]]
id = "rest"
name_zh = "其余城市"
name_en = "Others"
"""
GRADED = POSTS + '[grades]\nscale = "two"\n'
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'


@pytest.fixture
def run(workspace):
    """Return a function that assesses a small workspace."""

    def make(facts=SOURCED, method=GRADED, **files):
        files = {"observations__csv": facts, "method__toml": method, "grades/two.toml": SCALE} | files
        return cg.assess(cg.open(workspace(**files)))

    return make


def findings(audit):
    return {finding.id: finding for finding in audit.findings}


def printed(published, key):
    return published.figures[key].printed()


def test_a_report_prints_what_the_run_gives_rounded(run):
    published = published_of(run())
    for code, values in {ROOT: INDEX, "P": P, "Q": Q}.items():
        figures = {stat: printed(published, f"{code}.{stat}") for stat in ("mean", "sd", "min", "max")}
        numbers = (np.mean(values), np.std(values, ddof=1), min(values), max(values))
        assert figures == {k: f"{v:.3f}" for k, v in zip(figures, numbers, strict=True)}
        for unit, value in zip(("苏州", "台州", "成都"), values, strict=True):
            assert printed(published, f"1/{unit}/{code}") == f"{value:.3f}"
    assert [printed(published, f"1/{unit}/rank") for unit in ("苏州", "台州", "成都")] == ["1", "2", "3"]
    assert [printed(published, f"{code}.weight") for code in "PQabc"] == ["0.6", "0.4", "0.5", "0.5", "1"]
    assert printed(published, "grade.top.n") == "2"
    assert printed(published, "grade.top.share") == "0.6667"
    assert [grade.members for grade in published.grades] == [("苏州", "台州"), ("成都",)]
    assert [str(grade.range) for grade in published.grades] == ["[0.61, 1]", "[0, 0.61)"]


def test_a_consistent_report_has_no_fault_and_its_rows_and_parents_are_checked(run):
    audit = audit_result(run())
    found = findings(audit)
    assert not audit.impossible
    assert {found[key].verdict for key in ("parent.overall", "parent.P", "cell.1.overall", "cell.1.P")} == {
        "possible"
    }
    assert "own.gaps" not in found


def test_a_sum_of_decimals_that_ends_in_a_tie_is_rounded_up(run):
    # c of city 1 is 0.5005 and its index 0.48 + 0.4 × 0.50125 = 0.6805: both ties at three decimals.
    half = published_of(run(SOURCED.replace("1,c,2023,50,s", "1,c,2023,50.05,s")))
    assert printed(half, "1/苏州/Q") == "0.501"
    tie = published_of(run(SOURCED.replace("1,c,2023,50,s", "1,c,2023,50.125,s")))
    assert printed(tie, f"1/苏州/{ROOT}") == "0.681"
    assert rounded(snapped(0.1 + 0.2 + 0.315), Decimal("0.01")) == Decimal("0.62")
    assert rounded(Fraction(-1, 200), Decimal("0.01")) == Decimal("-0.01")


def test_weights_that_do_not_end_are_rounded_to_six_places_and_still_agree(run):
    tree = FRAMEWORK.replace("支柱甲,Pillar P,0.6", "支柱甲,Pillar P,2").replace(
        "支柱乙,Pillar Q,0.4", "支柱乙,Pillar Q,1"
    )
    audit = audit_result(run(framework__csv=tree))
    assert printed(audit.published, "P.weight") == "0.666667"
    assert audit.published.figures["P.weight"].step == Decimal("0.000001")
    assert audit.published.figures["a.weight"].step == 0
    assert not audit.impossible


def test_gaps_are_blank_and_claim_nothing(run):
    audit = audit_result(run(FACTS))
    found, figures = findings(audit), audit.published.figures
    assert not audit.impossible
    assert printed(audit.published, f"1/成都/{ROOT}") == "0.200"
    assert "1/成都/Q" not in figures
    assert "Q.mean" not in figures
    assert "c.sd" not in figures
    assert "支柱乙" in found["own.gaps"].text_zh
    assert "Pillar Q" in found["own.gaps"].text_en
    assert "2 rows were checked" in found["cell.1.overall"].text_en


def test_a_unit_without_any_score_is_left_out_and_counted(run):
    nobody = "".join(line + "\n" for line in SOURCED.splitlines() if not line.startswith("3,"))
    audit = audit_result(run(nobody))
    assert not audit.impossible
    assert printed(audit.published, "units.n") == "2"
    assert list(audit.published.units) == ["苏州", "台州"]


@pytest.mark.parametrize("how", ["geometric", "harmonic"])
def test_a_mean_that_is_no_sum_is_checked_row_by_row(run, how):
    audit = audit_result(run(method=GRADED + f'[aggregate]\nhow = "{how}"\n'))
    geometric = {"geometric": (0.8**0.6) * (0.5**0.4), "harmonic": 1 / (0.6 / 0.8 + 0.4 / 0.5)}[how]
    assert printed(audit.published, f"1/苏州/{ROOT}") == f"{geometric:.3f}"
    assert not audit.impossible
    assert findings(audit)["cell.1.overall"].verdict == "possible"
    wrong = audit.published.with_value(f"1/苏州/{ROOT}", Decimal("0.680"))
    assert f"cell.1/苏州/{ROOT}" in {f.id for f in audit_result(run(), wrong).impossible}


def test_a_parent_that_a_reader_cannot_recompute_is_not_claimed(run):
    median = audit_result(run(method=GRADED + '[aggregate.by."0"]\nhow = "median"\n'))
    tree = "".join(
        line + ("," if number else ",role") + "\n" for number, line in enumerate(FRAMEWORK.splitlines())
    )
    veto = audit_result(run(SOURCED + "2,V,2023,0,s\n", framework__csv=tree + "V,I,1,否决,Veto,,,,,,veto\n"))
    for audit in (median, veto):
        assert audit.published.nodes[ROOT].how == "other"
        assert audit.published.nodes["P"].how == "arithmetic"
        assert not audit.impossible
        found = findings(audit)
        for key in ("parent.overall", "cell.1.overall"):
            assert found[key].verdict == "not_checkable"
            assert "not just a mean of its parts" in found[key].text_en
        assert found["cell.1.P"].verdict == "possible"
    assert "V" not in veto.published.nodes


def test_illustrative_figures_stand_under_neutral_names_in_their_order(run):
    result = run(assessment__toml=ILLUSTRATIVE)
    audit = audit_result(result, published_of(result))
    assert list(audit.published.units) == ["示意城市 01", "示意城市 02", "示意城市 03"]
    assert audit.published.illustrative
    text = json.dumps(audit.as_dict(), ensure_ascii=False) + repr(audit.published)
    assert not any(name in text for name in ("苏州", "台州", "成都", "Suzhou", "Taizhou", "Chengdu"))
    assert not audit.impossible


def test_real_names_are_not_held_against_illustrative_scores(run):
    named = published_of(run())
    audit = audit_result(run(assessment__toml=ILLUSTRATIVE), named.with_value("1/苏州/P", Decimal("0.1")))
    held = [f for f in audit.findings if f.kind == "run" and f.id.startswith(("run.1/", "run.grade.top.m"))]
    assert not held
    unknown = findings(audit)["run.unknown"]
    assert {"1/苏州/P", "grade.top.members"} <= set(unknown.figures)
    assert audit.published.illustrative


@pytest.mark.parametrize(
    ("key", "wrong", "right"),
    [
        ("overall.mean", "0.570", "0.51"),
        ("P.sd", "0.310", f"{np.std(P, ddof=1):.6f}"),
        ("Q.min", "0.400", "0.3"),
        ("b.max", "0.900", "0.8"),
        ("P.weight", "0.7", "0.6"),
        ("grade.top.n", "1", "2"),
        ("grade.rest.share", "0.6667", "0.333333"),
        ("units.n", "4", "3"),
        ("1/台州/Q", "0.600", "0.7"),
        ("1/成都/rank", "2", "3"),
    ],
)
def test_a_wrong_figure_is_named_with_what_the_run_gives(run, key, wrong, right):
    result = run()
    audit = audit_result(result, published_of(result).with_value(key, Decimal(wrong)))
    faults = [finding for finding in audit.impossible if finding.kind == "run"]
    # A wrong weight changes the share of its brothers, too.
    assert faults[0].id == f"run.{key}"
    assert len(faults) == 1 or key == "P.weight"
    assert right.rstrip("0") in faults[0].text_en
    assert wrong in faults[0].claim_zh
    assert faults[0].bounds[0].interval.low == pytest.approx(Fraction(right), abs=1e-6)


def test_a_wrong_list_of_a_grade_is_told_on_both_sides(run):
    result = run()
    published = published_of(result)
    top, rest = published.grades
    swapped = replace(
        published, grades=(replace(top, members=("苏州", "成都")), replace(rest, members=("台州",)))
    )
    found = {finding.id: finding for finding in against_run(swapped, result)}
    told = found["run.grade.top.members"]
    assert told.verdict == "impossible"
    assert "成都" in told.text_zh.split("。")[0]
    assert "台州" in told.text_zh.split("。")[1]
    assert "Chengdu" in told.text_en


def test_what_agrees_is_summed_up_and_what_the_run_does_not_know_is_listed_once(run):
    result = run()
    published = published_of(result)
    strange = Figure("X.mean", Decimal("0.5"), Decimal("0.1"), name_zh="某项", name_en="something")
    published = replace(published, figures={**published.figures, "X.mean": strange})
    found = list(against_run(published, result))
    assert [finding.id for finding in found] == ["run.all", "run.unknown"]
    assert found[0].verdict == "possible"
    assert f"{len(published.figures) - 1 + 2} figures" in found[0].text_en
    assert found[1].figures == ("X.mean",)
    assert "something" in found[1].text_en


def test_a_figure_at_a_tie_holds_only_under_some_rules(run):
    result = run(SOURCED.replace("1,c,2023,50,s", "1,c,2023,50.5,s"))
    published = published_of(result)
    cell = Figure("1/苏州/c", Decimal("0.50"), Decimal("0.01"))
    published = replace(published, figures={**published.figures, cell.id: cell})
    found = {finding.id: finding for finding in against_run(published, result)}
    told = found["run.1/苏州/c"]
    assert (told.verdict, told.severity) == ("only_if", "low")
    assert "half_up" not in told.touch
    assert "half_down" in told.touch


def test_groups_are_recomputed_from_their_members_and_an_unsaid_formula_may_be_either(run):
    result = run()
    group = Group("east", "东部", "East", "circle", ("苏州", "Taizhou"))
    figures = {
        "group.east.mean": Figure("group.east.mean", Decimal("0.65"), Decimal("0.01")),  # 0.645, a tie
        "overall.sd": Figure("overall.sd", Decimal(f"{np.std(INDEX):.3f}"), Decimal("0.001")),
    }
    published = replace(published_of(result), groups=(group,), figures=figures, sd_formula="unknown")
    found = {finding.id: finding for finding in against_run(published, result)}
    assert found["run.group.east.mean"].verdict == "only_if"
    assert "run.overall.sd" not in found
    wrong = published.with_value("group.east.mean", Decimal("0.66"))
    assert next(against_run(wrong, result)).verdict == "impossible"


def test_a_report_in_a_file_is_matched_by_names_and_its_weights_are_rounded(run, tmp_path):
    tree = FRAMEWORK.replace("支柱甲,Pillar P,0.6", "支柱甲,Pillar P,2").replace(
        "支柱乙,Pillar Q,0.4", "支柱乙,Pillar Q,1"
    )
    (tmp_path / "published.toml").write_text(
        'title = "报告"\nrounding = "0.01"\n[overall]\nmean = 0.51\nn_units = 3\n'
        '[[pillar]]\ncode = "one"\nname_zh = "支柱甲"\nweight = 0.67\nmean = 0.52\n'
        '[[pillar]]\ncode = "two"\nname_zh = "支柱乙"\nweight = 0.33\nmean = 0.60\n',
        encoding="utf-8",
    )
    result = run(framework__csv=tree)
    found = {f.id: f for f in against_run(read_published(tmp_path / "published.toml"), result)}
    index = (2 * np.mean(P) + np.mean(Q)) / 3  # 0.511
    assert f"{index:.2f}" == "0.51"
    assert set(found) == {"run.two.mean", "run.all"}
    assert found["run.two.mean"].verdict == "impossible"
    assert "0.5 " in found["run.two.mean"].text_en


def test_one_unit_and_a_constant_column_are_no_fault(run):
    alone = "".join(line + "\n" for line in SOURCED.splitlines() if line[0] in "u1")
    units = "".join(line + "\n" for line in UNITS.splitlines()[:2])
    for result in (run(alone, units__csv=units), run(SOURCED.replace("2,c,2023,70", "2,c,2023,50"))):
        assert not audit_result(result).impossible
        assert not audit_result(result, published_of(result)).impossible
    assert "overall.sd" not in published_of(run(alone, units__csv=units)).figures


def test_the_run_is_compared_in_its_own_period_only(run):
    result = run()
    published = published_of(result)
    lines = tuple(replace(line, period="2019") for line in published.lines[:1])
    old = Figure("2019:overall.mean", Decimal("0.9"), Decimal("0.1"))
    other = replace(published, lines=lines, figures={old.id: old}, grades=())
    assert [f.id for f in against_run(other, result)] == ["run.all", "run.unknown"]
    assert next(against_run(other, result)).verdict == "not_checkable"


scores = st.one_of(st.none(), st.integers(0, 10000).map(lambda n: n / 100))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(scores, scores, scores), min_size=3, max_size=3).filter(
        lambda rows: any(value is not None for row in rows for value in row)
    ),
    st.sampled_from(["arithmetic", "geometric", "harmonic", "median"]),
)
def test_what_a_run_gives_is_never_impossible(tmp_path_factory, rows, how):
    place = tmp_path_factory.mktemp("own")
    (place / "framework.csv").write_text(FRAMEWORK.replace("-1,days,0,10", "1,%,0,100"), encoding="utf-8")
    (place / "units.csv").write_text(UNITS, encoding="utf-8")
    (place / "assessment.toml").write_text('framework = "framework.csv"\n', encoding="utf-8")
    method = GRADED.replace("two", "smart-2021") + f'[aggregate]\nhow = "{how}"\n'
    (place / "method.toml").write_text(method, encoding="utf-8")
    facts = [
        f"{unit},{code},2023,{value}"
        for unit, row in enumerate(rows, 1)
        for code, value in zip("abc", row, strict=True)
        if value is not None
    ]
    text = "\n".join(["unit,indicator,period,value", *facts]) + "\n"
    (place / "observations.csv").write_text(text, encoding="utf-8")
    result = cg.assess(cg.open(place))
    for audit in (audit_result(result), audit_result(result, published_of(result))):
        assert not audit.impossible, [f.text_en for f in audit.impossible]
