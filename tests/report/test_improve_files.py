"""What is written of a way up: tables, pages, charts, and a record, in both languages."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import citygauge as cg
from citygauge.analyse.improve.propose import improve
from citygauge.problems import InputError
from citygauge.report.charts.base import svg
from citygauge.report.charts.improve import draw_way
from citygauge.report.improve_files import folder_name, mark_as_own, sentences, write_improve

GRADED = '[normalise]\nhow = "goalposts"\n[grades]\nscale = "two"\n'
SCALE = """\
low = 0
high = 1
[[grade]]
id = "top"
name_zh = "领军城市"
name_en = "Leading"
from = 0.75
[[grade]]
id = "rest"
name_zh = "其余"
name_en = "Others"
"""
ILLUSTRATIVE = 'framework = "framework.csv"\nillustrative = true\n'
COLUMNS = {
    "plans.csv": "plan,kind,indicators,effort,bound,gap,proved,codes",
    "steps.csv": "plan,code,name_zh,name_en,score_from,score_to,raw_from,raw_to,unit_of_measure,imputed,"
    "effort,gain",
    "check.csv": "plan,stage,index,rank,grade,reached",
    "sensitivity.csv": "plan,what,share,se,draws",
}
OTHERS = {"run.json"} | {
    f"{name}.{language}.{end}"
    for language in ("zh", "en")
    for name, end in (("plan", "html"), ("way", "svg"), ("way", "json"))
}


@pytest.fixture
def planned(workspace: Callable[..., Path]):
    """Return a function that plans the way of a city of the shared workspace: 2 has P 0.55, Q 0.7."""

    def make(city="2", to="领军", **files):
        graded = {"method__toml": GRADED, "grades/two.toml": SCALE}
        return improve(cg.open(workspace(**{**graded, **files})), city, to, plans=2)

    return make


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


def test_the_tables_have_their_columns_and_the_figures_of_the_plan(planned, tmp_path):
    found = planned()
    written = write_improve(found, tmp_path / "way")
    names = {path.name for path in written.paths}
    assert names == {*COLUMNS, *OTHERS} == {path.name for path in (tmp_path / "way").iterdir()}
    for name, columns in COLUMNS.items():
        assert (tmp_path / "way" / name).read_text(encoding="utf-8-sig").splitlines()[0] == columns
    best = next(row for row in rows(tmp_path / "way" / "plans.csv") if row["kind"] == "best")
    # c weighs 0.4 and goes from 0.7 to 1 (0.12 of 0.14); a or b weighs 0.3 and does the rest.
    assert float(best["effort"]) == pytest.approx(30 + 100 * 0.02 / 0.3)
    assert best["proved"] == "true"
    steps = [row for row in rows(tmp_path / "way" / "steps.csv") if row["plan"] == best["plan"]]
    assert sum(float(row["gain"]) for row in steps) == pytest.approx(0.14)
    assert {row["code"]: row["unit_of_measure"] for row in steps}["c"] == "%"
    check = [row for row in rows(tmp_path / "way" / "check.csv") if row["plan"] == best["plan"]]
    assert [row["stage"] for row in check] == ["before", "planned", "rerun"]
    assert [float(row["index"]) for row in check] == pytest.approx([0.61, 0.75, 0.75])
    assert [row["grade"] for row in check] == ["rest", "top", "top"]
    assert [row["reached"] for row in check] == ["false", "true", "true"]


def test_the_record_pins_what_was_asked_for(planned, tmp_path):
    found = planned()
    write_improve(found, tmp_path / "way")
    record = json.loads((tmp_path / "way" / "run.json").read_text(encoding="utf-8"))
    assert record["goal"] == {"grade": "top"}
    assert record["target"] == 0.75
    assert record["unit"] == "2"
    assert set(record["files"]) == {*COLUMNS, *OTHERS}
    assert record["hashes"]["method"] == found.result.method.hash
    write_improve(found, tmp_path / "way")  # over an earlier one
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("x", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        write_improve(found, tmp_path / "other")
    assert caught.value.problems[0].code == "out.foreign-folder"


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "zh",
            ("台州：达到“领军城市”的路径", "还差 0.140", "已证明不存在更省力的方案", "达到目标", "指标丙"),
        ),
        (
            "en",
            (
                "Taizhou: the way to “Leading”",
                "0.140 more",
                "it is proved",
                "the goal is reached",
                "Indicator c",
            ),
        ),
    ],
)
def test_the_page_tells_need_effort_and_check_and_needs_no_network(planned, tmp_path, language, told):
    write_improve(planned(), tmp_path / "way")
    page = (tmp_path / "way" / f"plan.{language}.html").read_text(encoding="utf-8")
    for text in told:
        assert text in page
    assert "<svg" in page
    assert not re.search(r'(?:src|href)="https?:', page)
    other = (tmp_path / "way" / f"plan.{'en' if language == 'zh' else 'zh'}.html").read_text(encoding="utf-8")
    assert told[0] not in other


def test_three_sentences_say_it_and_one_does_where_the_city_is_there(planned):
    found = planned()
    for language in ("zh", "en"):
        assert len(sentences(found, language)) == 3
        assert all(text.endswith("。" if language == "zh" else ".") for text in sentences(found, language))
    there = planned(to="3")
    assert sentences(there, "zh") == ("台州的总指数为 0.610（第2名），已经达到第3名，无需改进。",)
    assert "has reached rank 3 already" in sentences(there, "en")[0]


def test_a_city_that_is_there_gets_a_page_without_plans(planned, tmp_path):
    write_improve(planned(to="3"), tmp_path / "way")
    assert rows(tmp_path / "way" / "plans.csv") == []
    assert "无需改进" in (tmp_path / "way" / "plan.zh.html").read_text(encoding="utf-8")


def test_the_same_plans_give_the_same_bytes(planned, tmp_path):
    found = planned()
    for name in ("one", "two"):
        write_improve(found, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_illustrative_data_stand_under_the_notice_and_no_name(planned, tmp_path):
    found = planned("示意城市02", to=1, assessment__toml=ILLUSTRATIVE)
    assert folder_name(found) == "示意城市02"
    write_improve(found, tmp_path / "way")
    for path in (tmp_path / "way").iterdir():
        text = path.read_text(encoding="utf-8-sig")
        assert not any(name in text for name in ("台州", "苏州", "Taizhou", "Suzhou"))
        assert any(
            notice in text for notice in ("示意数据，非观测结果", "illustrative data, not observed")
        ), path


def test_a_run_beside_the_plans_finds_the_folder_its_own(planned, tmp_path):
    found = planned()
    write_improve(found, tmp_path / "results" / "improve" / "2")
    mark_as_own(tmp_path / "results" / "improve")
    from citygauge.report.files import write_results  # noqa: PLC0415 - the other run

    write_results(found.result, tmp_path / "results")
    assert (tmp_path / "results" / "improve" / "2" / "plans.csv").exists()
    assert (tmp_path / "results" / "scores.csv").exists()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_bars_of_the_chart_begin_where_the_one_before_ends(language):
    steps = [("a", 0.5, 0.6), ("b", 0.6, 0.62)]
    drawn = draw_way(
        [{"label": n, "start": s, "end": e, "described": f"{n} {s} {e}"} for n, s, e in steps],
        tuple({"label": n, "value": v, "described": f"{n} {v}"} for n, v in (("now", 0.5), ("then", 0.62))),
        language, title="index", goal=(0.62, "goal 0.620"), decimals=3, illustrative=True,
    )  # fmt: skip
    bars = re.findall(r'aria-label="([ab]) [^"]*"[^>]*d="M(-?[\d.]+),[\d.]+h(-?[\d.]+)', svg(drawn))
    assert [name for name, _, _ in bars] == ["a", "b"]
    (_, first, wide), (_, second, narrow) = bars
    assert float(first) + float(wide) == pytest.approx(float(second), abs=0.05)
    assert float(wide) == pytest.approx(5 * float(narrow), rel=0.01)
    assert "+0.100" in svg(drawn)
    assert "goal 0.620" in svg(drawn)
    assert draw_way([], ({}, {}), language, title="", goal=(0, ""), decimals=1, illustrative=False)
