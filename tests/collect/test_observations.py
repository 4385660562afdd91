"""States and origins stay apart, and the same facts in any file are the same facts."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import citygauge as cg
from citygauge.collect.observations import OBSERVATION_COLUMNS, ORIGINS, ROW, STATES, observations_of
from citygauge.files import frame_sheet
from citygauge.problems import InputError, Problems

# Unit 1 has b = 2 days, which is (10 - 2) / 10 = 0.8, and c = 50 %, which is 0.5; its a is the case.
CASES = """\
unit,indicator,period,value,state,origin
1,a,2023,{cell}
1,b,2023,2,,
1,c,2023,50,,
2,a,2023,60,,
2,b,2023,5,,
2,c,2023,70,,
3,a,2023,40,,
3,b,2023,10,,
3,c,2023,30,,
"""
CELLS = {
    "missing": ",missing,",
    "zero": "0,value,",
    "not_applicable": ",not_applicable,",
    "not_measurable": ",not_measurable,",
}
STRICT = '[normalise]\nhow = "goalposts"\n[aggregate]\nmin_availability = 0.6\n'


def read(text: str) -> tuple[pl.DataFrame, list[str]]:
    problems = Problems()
    facts = observations_of(
        frame_sheet(pl.read_csv(io.StringIO(text), infer_schema=False), "facts"), problems
    )
    return (facts.frame if facts else pl.DataFrame()), [problem.code for problem in problems]


def at(result: cg.Result, unit: str, code: str) -> float:
    found = result.scores.filter((pl.col("unit_code") == unit) & (pl.col("code") == code))["value"].item()
    return float("nan") if found is None else found


def available(result: cg.Result, unit: str, code: str = "I") -> float:
    return result.availability[result.units.codes.index(unit), result.framework.aggregates.index(code)]


@pytest.mark.parametrize(
    ("case", "share", "score_p"),
    [
        ("missing", 2 / 3, 0.8),  # b alone speaks for P
        ("zero", 3 / 3, (0.0 + 0.8) / 2),
        ("not_applicable", 2 / 2, 0.8),
        ("not_measurable", 2 / 3, 0.8),
    ],
)
def test_missing_zero_not_applicable_and_not_measurable_are_four_outcomes(workspace, case, share, score_p):
    result = cg.assess(cg.open(workspace(observations__csv=CASES.format(cell=CELLS[case]))))
    assert available(result, "1") == pytest.approx(share)
    assert at(result, "1", "P") == pytest.approx(score_p)
    assert at(result, "1", "I") == pytest.approx(0.6 * score_p + 0.4 * 0.5)
    state = STATES[result.derived.states[0, result.derived.codes.index("a")]]
    assert state == ("value" if case == "zero" else case)
    assert result.trace("1", "a")["fact"]["state"] == state


@pytest.mark.parametrize(
    ("case", "score_p", "index"),
    [
        ("missing", np.nan, np.nan),  # 1 of 2 children of P is below 0.6; then 1 of 2 children of I too
        ("zero", 0.4, 0.6 * 0.4 + 0.4 * 0.5),
        ("not_applicable", 0.8, 0.6 * 0.8 + 0.4 * 0.5),  # 1 of the 1 child that applies
        ("not_measurable", np.nan, np.nan),
    ],
)
def test_only_not_applicable_leaves_the_denominator_of_a_limit(workspace, case, score_p, index):
    folder = workspace(observations__csv=CASES.format(cell=CELLS[case]), method__toml=STRICT)
    result = cg.assess(cg.open(folder))
    assert at(result, "1", "P") == pytest.approx(score_p, nan_ok=True)
    assert at(result, "1", "I") == pytest.approx(index, nan_ok=True)


@pytest.mark.parametrize(
    ("case", "kept"),
    [("missing", False), ("zero", True), ("not_applicable", True), ("not_measurable", False)],
)
def test_screening_counts_missing_and_not_measurable_but_not_the_not_applicable(workspace, case, kept):
    folder = workspace(
        observations__csv=CASES.format(cell=CELLS[case]),
        method__toml='[normalise]\nhow = "goalposts"\n[screen]\nmin_availability = 0.8\n',
    )
    assert ("1" in cg.assess(cg.open(folder)).units.codes) is kept


@pytest.mark.parametrize("case", CELLS)
def test_gaps_are_imputed_and_marked_but_what_does_not_apply_stays_empty(workspace, case):
    folder = workspace(
        observations__csv=CASES.format(cell=CELLS[case]),
        method__toml='[normalise]\nhow = "goalposts"\n[impute]\nhow = "group_mean"\ngroup = "circle"\n',
    )
    result = cg.assess(cg.open(folder))
    column = result.imputed.codes.index("a")
    value, origin = result.imputed.values[0, column], ORIGINS[result.imputed.origins[0, column]]
    if case in {"missing", "not_measurable"}:  # the other unit of the group east has 60
        assert (value, origin) == (60.0, "imputed")
    elif case == "zero":
        assert (value, origin) == (0.0, "observed")
    else:
        assert np.isnan(value)
        assert origin == "observed"
    derived = result.derived.codes.index("a")
    assert np.isnan(result.derived.values[0, derived]) == (case != "zero")


def test_an_observation_that_was_imputed_before_it_came_keeps_its_mark_and_is_available(workspace):
    result = cg.assess(cg.open(workspace(observations__csv=CASES.format(cell="80,value,imputed"))))
    assert available(result, "1") == 1.0
    assert ORIGINS[result.derived.origins[0, result.derived.codes.index("a")]] == "imputed"
    assert ORIGINS[result.aggregated.origins[0, result.aggregated.codes.index("a")]] == "imputed"
    assert ORIGINS[result.aggregated.origins[1, result.aggregated.codes.index("a")]] == "observed"


def test_a_blank_state_follows_the_value_and_a_blank_origin_is_observed():
    frame, problems = read(
        "unit,indicator,value,state,origin\n1,a,0,,\n1,b,,,\n1,c,,not_applicable,derived\n"
    )
    assert problems == []
    assert frame["state"].to_list() == ["value", "missing", "not_applicable"]
    assert frame["origin"].to_list() == ["observed", "observed", "derived"]
    assert frame["value"].to_list() == [0.0, None, None]


def test_absent_columns_are_read_as_blank_and_extra_columns_are_kept():
    frame, problems = read("unit,indicator,value,cell,weather\n1,a,5,B2,sunny\n")
    assert problems == []
    assert set(OBSERVATION_COLUMNS) <= set(frame.columns)
    assert frame.select("cell", "weather").row(0) == ("B2", "sunny")


@pytest.mark.parametrize(
    ("text", "number"),
    [("0.1", 0.1), ("-3", -3.0), ("1e3", 1000.0), ("2.2250738585072014e-308", 2.2250738585072014e-308),
     ("0.30000000000000004", 0.30000000000000004), ("12345678901234567", 12345678901234567.0)],
)  # fmt: skip
def test_numbers_are_read_to_the_last_bit(text, number):
    frame, problems = read(f"unit,indicator,value\n1,a,{text}\n")
    assert problems == []
    assert frame["value"].item() == number


@pytest.mark.parametrize("text", ["n/a", "12 %", '"1,234"', "inf", "NaN", "-", "七十"])
def test_what_is_no_finite_number_is_named_and_never_read_as_missing(text):
    _, problems = read(f"unit,indicator,value\n1,a,{text}\n")
    assert "facts.not-a-number" in problems


def test_contradictions_of_state_and_value_are_problems():
    text = "unit,indicator,value,state\n1,a,,value\n1,b,3,missing\n1,c,,gone\n"
    _, problems = read(text)
    assert sorted(problems) == [
        "facts.state-without-value",
        "facts.unknown-state",
        "facts.value-despite-state",
    ]


def test_every_wrong_word_is_named_in_one_reading():
    text = "unit,indicator,value,origin,channel,se\n1,a,1,guessed,,\n1,b,1,,pigeon,\n1,c,1,,,-1\n,a,1,,,\n"
    _, problems = read(text)
    assert sorted(problems) == [
        "facts.blank-key", "facts.negative-se", "facts.unknown-channel", "facts.unknown-origin",
    ]  # fmt: skip


def test_a_table_without_the_needed_columns_is_refused_with_the_nearest_header():
    problems = Problems()
    sheet = frame_sheet(pl.DataFrame({"unit": ["1"], "indicater": ["a"]}), "facts")
    assert observations_of(sheet, problems) is None
    (problem,) = problems
    assert problem.values["columns"] == ["indicator", "value"]
    assert "indicater" in problem.values["found"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_chinese_headers_in_any_encoding_give_the_same_facts(workspace, encoding):
    plain = cg.open(workspace()).observations.frame
    folder = workspace()
    text = (folder / "observations.csv").read_text(encoding="utf-8")
    text = text.replace("unit,indicator,period,value", "城市,指标,年份,数值")
    (folder / "observations.csv").write_bytes(text.encode(encoding))
    assert_frame_equal(cg.open(folder).observations.frame, plain, check_column_order=False)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_units_are_read_alike_in_any_encoding(workspace, encoding):
    folder = workspace()
    text = (folder / "units.csv").read_text(encoding="utf-8").replace("unit,name_zh", "城市代码,名称")
    (folder / "units.csv").write_bytes(text.encode(encoding))
    assert cg.open(folder).units.names("zh") == ("苏州", "台州", "成都")


def test_a_parquet_file_gives_the_same_facts_and_scores_as_the_csv(workspace):
    folder = workspace()
    from_csv = cg.open(folder)
    csv_scores = cg.assess(from_csv).scores
    pl.read_csv(folder / "observations.csv", schema_overrides={"unit": pl.String}).write_parquet(
        folder / "observations.parquet"
    )
    with pytest.raises(InputError) as error:
        cg.open(folder)
    assert [problem.code for problem in error.value.problems] == ["facts.two-files"]
    (folder / "observations.csv").unlink()
    from_parquet = cg.open(folder)
    assert_frame_equal(
        from_parquet.observations.frame.drop(ROW),
        from_csv.observations.frame.drop(ROW),
        check_column_order=False,
    )
    assert_frame_equal(cg.assess(from_parquet).scores, csv_scores)


def test_unknown_units_and_indicators_are_named_with_rows_and_near_misses(workspace):
    facts = "unit,indicator,period,value\n苏州,a,2023,1\n1,aa,2023,1\n9,b,2023,1\n9,c,2023,1\n"
    with pytest.raises(InputError) as error:
        cg.open(workspace(observations__csv=facts))
    found = {(p.code, p.values["value"]): p.values for p in error.value.problems if p.severity == "error"}
    assert found["facts.unknown-unit", "苏州"]["near"] == ["1"]
    assert found["facts.unknown-unit", "9"]["rows"] == [4, 5]
    assert found["facts.unknown-indicator", "aa"]["near"] == ["a"]
    assert len(found) == 3


def test_a_value_of_the_index_itself_and_a_wrong_unit_of_measure_are_refused(workspace):
    facts = "unit,indicator,period,value,unit_of_measure\n1,I,2023,1,\n1,a,2023,5,km\n1,b,2023,3,days\n"
    with pytest.raises(InputError) as error:
        cg.open(workspace(observations__csv=facts))
    codes = [p.code for p in error.value.problems if p.severity == "error"]
    assert sorted(codes) == ["facts.about-the-index", "facts.wrong-unit-of-measure"]


def test_rows_are_numbered_as_in_the_file_even_after_blank_lines(workspace):
    facts = "unit,indicator,period,value\n1,a,2023,80\n\n1,b,2023,two\n"
    with pytest.raises(InputError) as error:
        cg.open(workspace(observations__csv=facts))
    (problem,) = [p for p in error.value.problems if p.severity == "error"]
    assert (problem.code, problem.where.row) == ("facts.not-a-number", 4)
