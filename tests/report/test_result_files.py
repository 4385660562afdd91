"""The files of a run: what the contract names, to the last digit, and never half of them."""

from __future__ import annotations

import csv
import hashlib
import json
import tomllib
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from inspection import FACTS, FILES

import citygauge as cg
from citygauge.problems import InputError, Problems
from citygauge.report.files import write_problems, write_results
from citygauge.score.method import read_method

STEPS = [f"steps/{i}_{name}.csv" for i, name in enumerate(
    ("derived", "screened", "imputed", "treated", "normalised", "aggregated"), 1)]  # fmt: skip
COLUMNS = {
    "scores.csv": "unit_code,code,level,value,rank,grade",
    "treatment.csv": "unit_code,code,treatment,before,after",
    "availability.csv": "unit_code,code,availability",
    "imputed.csv": "unit_code,code,value,how,from_period,group,neighbours",
    "screening.csv": "unit_code,missing,zeros,available_share,nonzero_share,low_availability,low_nonzero,"
    "low_nodes,forced,included,reason",
    "treatment_details.csv": "code,how,skew_before,kurtosis_before,fails_before,points_winsorised,transform,"
    "power,skew_after,kurtosis_after,passes_after",
    "effective_weights.csv": "code,level,weight,effective_weight",
    "statistics.csv": "code,level,n,mean,sd,cv,gini,min,p25,median,p75,max,gap",
    "facts.csv": "unit_code,code,row,value,unit_of_measure,state,origin,channel,source",
}
WITHOUT_TABLE = {"method.toml", "run.json", "report.zh.html", "report.en.html"}
GRADED = '[normalise]\nhow = "goalposts"\n[grades]\nscale = "three"\n'
THREE = """\
title_zh = "三级"
title_en = "Three grades"
low = 0
high = 1
[[grade]]
id = "high"
from = 0.65
name_zh = "高"
name_en = "High"
[[grade]]
id = "middle"
from = 0.61
name_zh = "中"
name_en = "Middle"
[[grade]]
id = "low"
name_zh = "低"
name_en = "Low"
"""


def written(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def run(workspace):
    """Return a function that assesses a small workspace and writes the results."""

    def write(**files: str) -> tuple[cg.Result, Path]:
        folder = workspace(**files)
        result = cg.assess(cg.open(folder))
        write_results(result, folder / "results")
        return result, folder / "results"

    return write


def test_exactly_the_files_of_the_contract_are_written_with_their_columns(run):
    _, folder = run()
    assert set(written(folder)) == {*COLUMNS, *STEPS, *WITHOUT_TABLE}
    for name, columns in COLUMNS.items():
        assert (folder / name).read_text(encoding="utf-8").splitlines()[0] == columns, name
    for name in STEPS[:5]:
        assert (folder / name).read_text(encoding="utf-8").splitlines()[0] == "unit_code,a,b,c"
    assert (folder / STEPS[5]).read_text(encoding="utf-8").splitlines()[0] == "unit_code,I,P,a,b,Q,c"


def test_an_inspection_writes_its_points_and_the_vetoes_that_fired_besides(run):
    _, folder = run(**FILES)
    added = {
        "points.csv": "unit_code,code,role,points,full_marks",
        "vetoes.csv": "unit_code,code,parent,recorded,limit",
    }
    assert set(written(folder)) == {*COLUMNS, *added, *STEPS, *WITHOUT_TABLE}
    for name, columns in added.items():
        assert (folder / name).read_text(encoding="utf-8").splitlines()[0] == columns
    assert added.keys() <= set(json.loads((folder / "run.json").read_text(encoding="utf-8"))["files"])
    earned = {(r["unit_code"], r["code"]): r["points"] for r in rows(folder / "points.csv")}
    assert [float(earned[unit, "E"]) for unit in "1234"] == pytest.approx([78.5, 105, 59, 27.5])
    assert float(earned["1", "m2"]) == pytest.approx(-2)
    assert [(r["unit_code"], r["code"]) for r in rows(folder / "vetoes.csv")] == [("4", "W"), ("3", "V")]


def test_where_no_veto_fired_there_is_no_table_of_vetoes(run):
    calm = FACTS.replace("3,V,2024,1", "3,V,2024,0").replace("4,W,2024,2", "4,W,2024,0")
    _, folder = run(**{**FILES, "observations__csv": calm})
    assert (folder / "points.csv").exists()
    assert not (folder / "vetoes.csv").exists()


def test_the_scores_have_one_row_for_each_unit_and_node_with_its_level(run):
    _, folder = run()
    found = [(row["unit_code"], row["code"], row["level"]) for row in rows(folder / "scores.csv")]
    nodes = [("I", "0"), ("P", "1"), ("a", "2"), ("b", "2"), ("Q", "1"), ("c", "2")]
    assert found == [(unit, *node) for unit in "123" for node in nodes]


def test_the_scores_are_those_computed_by_hand(run):
    _, folder = run()
    values = {(r["unit_code"], r["code"]): r["value"] for r in rows(folder / "scores.csv")}
    by_hand = {
        ("1", "I"): 0.68,
        ("1", "P"): 0.8,
        ("2", "I"): 0.61,
        ("2", "Q"): 0.7,
        ("3", "I"): 0.2,
        ("3", "b"): 0,
    }
    for key, value in by_hand.items():
        assert float(values[key]) == pytest.approx(value, rel=1e-15)
    assert values["3", "c"] == values["3", "Q"] == ""


def test_every_number_reads_back_to_the_same_double(run):
    thirds = "unit,indicator,period,value\n" + "".join(
        f"{unit},{code},2023,{number!r}\n"
        for unit, numbers in {
            "1": (100 / 3, 1 / 7, 0.1 + 0.2),
            "2": (200 / 7, 1e-9, 99.999999999999986),
        }.items()
        for code, number in zip("abc", numbers, strict=True)
    )
    result, folder = run(observations__csv=thirds)
    scores = [row["value"] for row in rows(folder / "scores.csv")]
    assert [float(v) if v else np.nan for v in scores] == pytest.approx(
        result.aggregated.values.ravel().tolist(), rel=0, abs=0, nan_ok=True
    )
    for name, path in zip(
        ("derived", "screened", "imputed", "treated", "normalised", "aggregated"), STEPS, strict=True
    ):
        table = getattr(result, name)
        for i, row in enumerate(rows(folder / path)):
            for j, code in enumerate(table.codes):
                number = table.values[i, j]
                assert (row[code] == "") == bool(np.isnan(number))
                assert row[code] == "" or float(row[code]) == number


TIED = "unit,indicator,period,value\n" + "".join(
    f"{unit},{code},2023,{value}\n"
    for unit, values in {"1": (40, 4, 40), "2": (70, 3, 70), "3": (70, 3, 70), "4": (10, 9, "")}.items()
    for code, value in zip("abc", values, strict=True)
)
FOUR = "unit,name_zh\n1,甲\n2,乙\n3,丙\n4,丁\n"


def test_rank_1_is_the_highest_ties_share_the_smallest_and_no_value_has_no_rank(run):
    _, folder = run(observations__csv=TIED, units__csv=FOUR)
    by_code = defaultdict(dict)
    for row in rows(folder / "scores.csv"):
        by_code[row["code"]][row["unit_code"]] = row["rank"]
    assert by_code["I"] == {"1": "3", "2": "1", "3": "1", "4": "4"}
    assert by_code["c"] == {"1": "3", "2": "1", "3": "1", "4": ""}


def test_sums_that_differ_in_their_last_bits_share_a_rank(run):
    # 0.1 + 0.2 + 0.3 in another order ends in another double, the mean is the same number
    facts = "unit,indicator,period,value\n" + "".join(
        f"{unit},{code},2023,{value}\n"
        for unit, values in {"1": (0.1, 0.2, 0.3), "2": (0.3, 0.2, 0.1), "3": (0.1, 0.1, 0.1)}.items()
        for code, value in zip("abc", values, strict=True)
    )
    flat = "code,parent,name_zh,direction,low,high\nI,,指数,,,\n" + "".join(
        f"{c},I,{c},1,0,1\n" for c in "abc"
    )
    _, folder = run(observations__csv=facts, framework__csv=flat)
    assert [row["rank"] for row in rows(folder / "scores.csv") if row["code"] == "I"] == ["1", "1", "3"]


def test_a_grade_stands_on_the_rows_of_the_index_only(run, workspace):
    _, folder = run(method__toml=GRADED, **{"grades/three__toml": THREE})
    found = rows(folder / "scores.csv")
    assert {row["unit_code"]: row["grade"] for row in found if row["code"] == "I"} == {
        "1": "high", "2": "middle", "3": "low",
    }  # fmt: skip
    assert {row["grade"] for row in found if row["code"] != "I"} == {""}
    assert [(r["grade"], r["unit_code"], r["name_zh"]) for r in rows(folder / "grades.csv")] == [
        ("high", "1", "苏州"), ("middle", "2", "台州"), ("low", "3", "成都"),
    ]  # fmt: skip


def test_availability_and_weights_are_those_counted_by_hand(run):
    _, folder = run()
    shares = {
        (r["unit_code"], r["code"]): float(r["availability"]) for r in rows(folder / "availability.csv")
    }
    assert shares["1", "I"] == shares["3", "P"] == 1.0
    assert shares["3", "I"] == pytest.approx(2 / 3)
    assert shares["3", "Q"] == 0.0
    weights = {row["code"]: row for row in rows(folder / "effective_weights.csv")}
    assert weights["I"]["weight"] == ""
    effective = {code: float(row["effective_weight"]) for code, row in weights.items()}
    assert effective == pytest.approx({"I": 1, "P": 0.6, "a": 0.3, "b": 0.3, "Q": 0.4, "c": 0.4})


def test_facts_name_the_row_of_the_file_that_holds_the_value(run):
    _, folder = run()
    lines = (folder.parent / "observations.csv").read_text(encoding="utf-8").splitlines()
    found = rows(folder / "facts.csv")
    assert len(found) == 9
    for row in found:
        unit, code, _, value = lines[int(row["row"]) - 1].split(",")
        assert (unit, code) == (row["unit_code"], row["code"])
        assert (value == "" and row["state"] == "missing") or float(value) == float(row["value"])


def test_a_treated_value_is_listed_with_what_it_was(run):
    units = "unit\n" + "".join(f"{i}\n" for i in range(12))
    values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1000]
    facts = "unit,indicator,value\n" + "".join(f"{i},{c},{v}\n" for i, v in enumerate(values) for c in "abc")
    method = '[treat]\nhow = "winsorise_then"\n'
    _, folder = run(units__csv=units, observations__csv=facts, method__toml=method)
    found = rows(folder / "treatment.csv")
    assert {(row["unit_code"], row["code"]) for row in found} == {("11", code) for code in "abc"}
    assert {(float(row["before"]), float(row["after"])) for row in found} == {(1000.0, 11.0)}


def test_the_method_that_was_used_reads_back_to_the_same_method(run):
    result, folder = run()
    assert read_method(folder / "method.toml", Problems()).hash == result.method.hash
    text = (folder / "method.toml").read_text(encoding="utf-8")
    assert result.method.hash in text
    assert tomllib.loads(text)["normalise"]["how"] == "goalposts"


def test_the_record_of_the_run_holds_hashes_that_move_with_what_they_pin(run):
    def hashes(**files: str) -> dict[str, str]:
        _, folder = run(**files)
        return json.loads((folder / "run.json").read_text(encoding="utf-8"))["hashes"]

    first = hashes()
    assert set(first) == {"data", "framework", "method"}
    assert {len(digest) for digest in first.values()} == {len(hashlib.sha256().hexdigest())}
    again = hashes()
    assert again == first
    method = hashes(method__toml='weights = "equal"\n[normalise]\nhow = "goalposts"\n')
    assert [name for name in first if method[name] != first[name]] == ["method"]
    facts = hashes(observations__csv="unit,indicator,period,value\n1,a,2023,81\n2,b,2023,2\n")
    assert [name for name in first if facts[name] != first[name]] == ["data"]


def test_two_runs_give_the_same_bytes_in_every_file(run, workspace):
    result, folder = run(method__toml=GRADED, **{"grades/three__toml": THREE})
    first = written(folder)
    write_results(cg.assess(cg.open(workspace(method__toml=GRADED))), folder.parent / "again")
    assert written(folder.parent / "again") == first
    write_results(result, folder)
    assert written(folder) == first


def test_files_of_an_earlier_run_go_with_it(run, workspace):
    _, folder = run(method__toml=GRADED, **{"grades/three__toml": THREE})
    assert (folder / "grades.csv").exists()
    _, folder = run()
    assert not (folder / "grades.csv").exists()
    assert set(written(folder)) == {*COLUMNS, *STEPS, *WITHOUT_TABLE}


def test_the_workbook_is_written_where_it_is_asked_for_and_goes_with_the_run(run):
    result, folder = run()
    written_now = write_results(result, folder, ["workbook"])
    assert folder / "results.xlsx" in written_now.paths
    assert "results.xlsx" in json.loads((folder / "run.json").read_text(encoding="utf-8"))["files"]
    assert (folder / "results.xlsx").read_bytes().startswith(b"PK")
    write_results(result, folder)
    assert not (folder / "results.xlsx").exists()


def test_no_draft_is_left_beside_the_results(run):
    _, folder = run()
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_a_failure_while_writing_leaves_the_earlier_results(run, monkeypatch):
    result, folder = run()
    before = written(folder.parent)

    def fail(*_: object) -> str:
        raise RuntimeError("no fonts")

    monkeypatch.setattr("citygauge.report.files.page_of", fail)
    with pytest.raises(RuntimeError, match="no fonts"):
        write_results(result, folder)
    assert written(folder.parent) == before


@pytest.mark.parametrize("write", [write_results, lambda _, f: write_problems([], f)])
def test_a_folder_or_file_of_others_is_refused_and_untouched(run, tmp_path, write):
    result, _ = run()
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "scores.csv").write_text("mine")
    file = tmp_path / "file"
    file.write_text("mine")
    for place in (folder, file):
        with pytest.raises(InputError) as error:
            write(result, place)
        assert [problem.code for problem in error.value.problems] == ["out.foreign-folder"]
    assert written(folder) == {"scores.csv": b"mine"}
    assert file.read_text() == "mine"


def test_problems_stand_alone_and_a_good_run_takes_them_away(run):
    result, folder = run()
    place = folder.parent / "out"
    write_problems([{"code": "x"}], place)
    assert list(written(place)) == ["problems.json"]
    assert json.loads((place / "problems.json").read_text(encoding="utf-8")) == {
        "ok": False, "problems": [{"code": "x"}],
    }  # fmt: skip
    write_results(result, place)
    assert "problems.json" not in written(place)


def test_own_scores_stand_beside_what_the_measures_say(run):
    facts = "unit,indicator,period,value\n1,a,2023,80\n1,b,2023,2\n1,c,2023,50\n1,Q,2023,0.9\n"
    facts += "2,a,2023,60\n2,c,2023,70\n"
    method = '[normalise]\nhow = "goalposts"\n[normalise.by.Q]\nhow = "goalposts"\nlow = 0\nhigh = 1\n'
    result, folder = run(observations__csv=facts, method__toml=method)
    found = {row["unit_code"]: row for row in rows(folder / "own_scores.csv")}
    assert (float(found["1"]["own"]), float(found["1"]["from_measures"])) == (0.9, 0.5)
    assert (found["2"]["own"], float(found["2"]["from_measures"])) == ("", 0.7)
    scores = result.scores.filter((pl.col("code") == "Q") & (pl.col("unit_code") != "3"))["value"].to_list()
    assert scores == pytest.approx([0.9, 0.7])
    assert "facts.own-score-differs" in [problem.code for problem in result.warnings]


# Illustrative data: nobody is ranked by name, in no file.

DEMO = Path(__file__).resolve().parents[2] / "demo" / "smart-2021"
NOTICE = "illustrative data, not observed"


def real_names(result: cg.Result) -> set[str]:
    frame = result.workspace.units.frame
    return {
        name for column in ("unit", "name_zh", "name_zh_full", "name_en") for name in frame[column] if name
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[cg.Result, Path]:
    result = cg.assess(cg.open(DEMO))
    folder = tmp_path_factory.mktemp("demo") / "results"
    write_results(result, folder)
    return result, folder


@pytest.fixture(scope="module")
def changed(tmp_path_factory) -> tuple[cg.Result, Path, str]:
    """The demo after one pioneering city was given nothing but 0.1, which is exploring."""
    opened = cg.open(DEMO)
    grades = dict(zip(opened.units.codes, opened.units.texts("report_grade"), strict=True))
    unit = next(code for code, grade in grades.items() if grade == "pioneering")
    observations = opened.observations
    lower = (
        pl.when((pl.col("unit") == unit) & pl.col("value").is_not_null()).then(0.1).otherwise(pl.col("value"))
    )
    frame = observations.frame.with_columns(lower.alias("value"))
    result = cg.assess(replace(opened, observations=replace(observations, frame=frame)))
    folder = tmp_path_factory.mktemp("changed") / "results"
    write_results(result, folder)
    return result, folder, unit


def test_every_illustrative_table_carries_the_notice_on_every_row(demo):
    _, folder = demo
    tables = list(folder.rglob("*.csv"))
    assert len(tables) > 10
    for path in tables:
        assert path.read_text(encoding="utf-8").splitlines()[0].endswith(",notice"), path.name
        assert {row["notice"] for row in rows(path)} <= {NOTICE}
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["illustrative"] is True
    assert record["notice"] == {"zh": "示意数据，非观测结果", "en": NOTICE}


@pytest.mark.parametrize("which", ["demo", "changed"])
def test_no_row_of_any_illustrative_table_has_a_city_beside_a_figure(request, which):
    result, folder = request.getfixturevalue(which)[:2]
    real = real_names(result)
    for path in folder.rglob("*.csv"):
        for row in rows(path):
            if not real.intersection(row.values()):
                continue
            if path.name == "scores.csv":
                assert (row["code"], row["level"], row["value"], row["rank"]) == ("SMART", "0", "", "")
            else:
                assert path.name == "grades.csv"
                assert set(row) == {"grade", "unit_code", "name_zh", "name_en", "notice"}


@pytest.mark.parametrize("which", ["demo", "changed"])
def test_no_sentence_of_the_record_names_a_city_and_no_file_of_facts_gives_it_away(request, which):
    result, folder = request.getfixturevalue(which)[:2]
    text = (folder / "run.json").read_text(encoding="utf-8")
    assert [name for name in real_names(result) if f'"{name}"' in text or f" {name}" in text] == []
    assert not (folder / "facts.csv").exists()


def test_grades_beside_names_are_the_published_ones(demo):
    result, folder = demo
    published = dict(
        zip(result.workspace.units.codes, result.workspace.units.texts("report_grade"), strict=True)
    )
    assert {row["unit_code"]: row["grade"] for row in rows(folder / "grades.csv")} == {
        code: grade for code, grade in published.items() if code in result.units.codes
    }
    named = {r["unit_code"]: r["grade"] for r in rows(folder / "scores.csv") if r["grade"]}
    assert named == {r["unit_code"]: r["grade"] for r in rows(folder / "grades.csv")}


def test_a_grade_that_differs_from_the_published_one_stands_beside_no_name(changed):
    result, folder, unit = changed
    assert result.grades[result.units.codes.index(unit)] == "exploring"
    assert unit not in {row["unit_code"] for row in rows(folder / "grades.csv")}
    assert unit not in {row["unit_code"] for row in rows(folder / "scores.csv")}
    assert len(rows(folder / "grades.csv")) == 49
    at = result.units.codes.index(unit)
    for language in ("zh", "en"):
        text = (folder / f"report.{language}.html").read_text(encoding="utf-8")
        assert result.units.names(language)[at] not in text
    assert unit not in (folder / "run.json").read_text(encoding="utf-8")


def test_neutral_names_follow_the_score_and_not_the_order_of_the_units(demo):
    result, folder = demo
    index = {
        r["unit_code"]: float(r["value"])
        for r in rows(folder / "scores.csv")
        if r["code"] == "SMART" and r["value"]
    }
    assert list(index) == [f"示意城市 {i:02d}" for i in range(1, 51)]
    assert list(index.values()) == sorted(index.values(), reverse=True) == sorted(result.index, reverse=True)
    for path in folder.rglob("*.csv"):
        found = [row["unit_code"] for row in rows(path) if row.get("unit_code", "").startswith("示意城市")]
        assert found == sorted(found), path.name
    derived = [row["S1.1"] for row in rows(folder / "steps" / "1_derived.csv")]
    assert derived != [f"{value!r}" for value in result.derived.column("S1.1")]
