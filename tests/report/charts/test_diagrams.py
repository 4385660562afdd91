"""Diagrams and the breaking of their texts: every text drawn whole, in its order, none on another."""

from __future__ import annotations

from typing import Any

import pytest
from drawn import Drawn
from hypothesis import given, settings
from hypothesis import strategies as st

from citygauge.problems import Language
from citygauge.report.charts.base import width_of
from citygauge.report.charts.colours import lightness
from citygauge.report.charts.diagrams import draw_blocks, draw_breakdown, draw_stages, draw_timeline
from citygauge.report.charts.words import balanced, clipped, wrap

LONG = "关于组织开展新型智慧城市评价工作务实推动新型智慧城市健康快速发展的通知（征求意见稿）"
LATIN = "Notice on the evaluation of new-type smart cities and their sound and rapid development"


@given(st.text("智慧城市，。（）「」abc DE-12%、 ", max_size=60), st.integers(24, 200))
@settings(max_examples=200, deadline=None)
def test_no_line_is_wider_than_the_room_and_no_character_is_lost(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(width_of(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    few = wrap(text, width, lines=2)
    assert len(few) <= 2
    assert all(width_of(line) <= width for line in few)
    same = balanced(text, width)
    assert len(same) == len(lines)
    assert "".join("".join(same).split()) == "".join(text.split())


def test_chinese_is_broken_between_characters_but_not_before_a_comma_or_after_a_bracket() -> None:
    assert wrap("数字，政务服务", 24) == ["数", "字，", "政务", "服务"]
    assert wrap("服务（政务）好", 36) == ["服务", "（政", "务）好"]


def test_latin_is_broken_between_words_and_after_hyphens() -> None:
    assert wrap("smart city service", 80) == ["smart city", "service"]
    assert wrap("cross-departmental", 100) == ["cross-", "departmental"]
    assert wrap("design (GB/T 36333-2018)", 90) == ["design (GB/T", "36333-2018)"]


def test_what_stands_in_brackets_stays_together_where_there_is_room() -> None:
    assert wrap("每千人执业（助理）医师数", 72) == ["每千人执业", "（助理）医师", "数"]
    assert balanced("20000亿元及以上（6个）", 110) == ["20000亿元及以上", "（6个）"]


def test_a_word_wider_than_the_line_is_broken_and_a_line_feed_kept() -> None:
    assert wrap("abcdefghij", 40) == ["abcde", "fghij"]
    assert wrap("投入层\n资源与技术", 200) == ["投入层", "资源与技术"]
    assert wrap("", 10) == [""]


def test_a_text_that_is_cut_ends_in_an_ellipsis_at_a_word() -> None:
    assert clipped("smart city terminals", 100) == "smart city…"
    assert clipped("城市", 24) == "城市"
    assert wrap("一二三四五六七八", 36, lines=2) == ["一二三", "四五…"]


def stage(label: str, *items: str) -> dict[str, Any]:
    return {"label": label, "items": list(items), "described": f"about {label}"}


def test_stages_follow_one_another_to_the_right_and_get_darker() -> None:
    rows = [
        stage("数字化/信息化", "政务上网"),
        stage("智能化", "数据汇聚"),
        stage("智慧化", "自优化", "人机协同"),
    ]
    drawn = Drawn(draw_stages(rows, "zh", illustrative=True), png=True)
    drawn.check()
    shapes = [drawn.told(f"about {row['label']}")[0] for row in rows]
    assert [shape.points[0][0] for shape in shapes] == sorted(shape.points[0][0] for shape in shapes)
    light = [lightness(shape.fill) for shape in shapes]
    assert light == sorted(light, reverse=True)
    at = {text.text: text for text in drawn.texts}
    assert at["自优化"].top > at["智慧化"].bottom
    assert at["政务上网"].right < at["数据汇聚"].left


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 9])
def test_any_number_of_stages_and_cards_fits(count: int, language: Language) -> None:
    rows = [stage(f"{i} {LONG[: 6 + 3 * i]}", *[LATIN, LONG][: i % 3]) for i in range(count)]
    for draw in (draw_stages, draw_breakdown):
        drawn = Drawn(draw(rows, language, illustrative=True))
        drawn.check()
        assert {shape.told for shape in drawn.shapes if shape.told} == {row["described"] for row in rows}


def test_a_card_without_items_says_so() -> None:
    drawn = Drawn(draw_breakdown([stage("应用"), stage("数据", "人口库")], "zh", illustrative=False))
    assert sorted(drawn.words) == sorted(["应用", "–", "数据", "人口库"])


def block(row: str, *items: str, side: str = "", label: str = "") -> dict[str, Any]:
    return {"row": row, "label": label or f"band {row}", "items": list(items), "side": side, "described": row}


def test_bands_lie_above_one_another_between_columns_that_stand_beside_all_of_them() -> None:
    rows = [
        block("l", "a standard", side="left"), block("1", "one", "two"), block("2", "three"),
        block("r", side="right"), block("1", "more"),
    ]  # fmt: skip
    drawn = Drawn(draw_blocks(rows, "en", illustrative=False), png=True)
    drawn.check()
    at = {text.text: text for text in drawn.texts}
    assert at["band l"].right < at["band 1"].left < at["one"].left < at["two"].left < at["band r"].left
    assert at["one"].top < at["three"].top
    assert "more" in at
    ends = {told: drawn.told(told)[0].points for told in ("l", "1", "2", "r")}
    lows = {told: max(y for _, y in points) for told, points in ends.items()}
    highs = {told: min(y for _, y in points) for told, points in ends.items()}
    assert lows["l"] == pytest.approx(lows["r"]) == pytest.approx(lows["2"])
    assert highs["l"] == pytest.approx(highs["r"]) == pytest.approx(highs["1"])
    assert lows["1"] < highs["2"]


@pytest.mark.parametrize("count", [0, 1, 2, 4])
@pytest.mark.parametrize("sides", [("",), ("", "left"), ("left", "right"), ("left", "", "right", "right")])
def test_any_architecture_fits(count: int, sides: tuple[str, ...]) -> None:
    rows = [
        block(f"{i}{side}", *[LONG[: 5 + 4 * j] for j in range(i)], "Interoperability", side=side, label=LONG)
        for i, side in enumerate(sides * count)
        if not side or i < 8
    ]
    Drawn(draw_blocks(rows, "zh", illustrative=True)).check()


def event(date: str | None, label: str, issuer: str = "") -> dict[str, Any]:
    return {"date": date, "label": label, "issuer": issuer, "described": f"about {label}"}


def test_events_go_down_in_the_order_of_their_dates_in_turn_right_and_left() -> None:
    rows = [
        event("2016-11", "three"),
        event(None, "last"),
        event("2012", "one"),
        event("2014-08", "two", "NDRC"),
    ]
    drawn = Drawn(draw_timeline(rows, "en", illustrative=False), png=True)
    drawn.check()
    order = ["one", "two", "three", "last"]
    at = {text.text: text for text in drawn.texts}
    assert [at[word].top for word in order] == sorted(at[word].top for word in order)
    middle = drawn.width / 2
    assert [at[word].left > middle for word in order] == [True, False, True, False]
    assert {"2012", "Aug 2014", "Nov 2016", "undated", "NDRC"} <= set(drawn.words)
    zh = Drawn(draw_timeline(rows, "zh", illustrative=False)).words
    assert {"2012年", "2014年8月", "2016年11月", "日期不详"} <= set(zh)


@pytest.mark.parametrize("count", [0, 1, 2, 12])
@pytest.mark.parametrize("label", [LONG * 2, LATIN, "短"])
def test_many_events_with_long_titles_do_not_overlap(count: int, label: str) -> None:
    rows = [event(f"{2010 + i // 3}-{1 + i % 3:02}", label, LONG) for i in range(count)]
    drawn = Drawn(draw_timeline(rows, "zh", illustrative=True))
    drawn.check()
    assert len([s for s in drawn.shapes if s.told == f"about {label}"]) == count
