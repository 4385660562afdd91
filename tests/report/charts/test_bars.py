"""Bars: lengths tell the values, every label is read and none is cut or hidden."""

from __future__ import annotations

from itertools import pairwise

import pytest
from chart_reading import LONG, check_layout, read

from citygauge.report.charts.bars import draw_bars, draw_columns, draw_counts, draw_grouped_bars
from citygauge.report.charts.base import png_of

CITIES = [("苏州", 80.0), ("台州", 40.0), ("成都", 20.0)]


def rows(pairs, **more):
    return [
        {"key": str(i), "label": label, "value": value, "described": f"{label} {value} ({i})", **more}
        for i, (label, value) in enumerate(pairs)
    ]


def many(n, language, **more):
    name = "示意城市" if language == "zh" else "Example city"
    return rows([(f"{name} {i:02d}", 90.0 - i % 7 * 11 - i / 3) for i in range(n)], **more)


def test_lengths_of_lying_bars_are_proportional_to_the_values():
    drawn = read(draw_bars(rows(CITIES), "zh", title="得分", illustrative=False))
    lengths = [drawn.bar(f"{label} {value} ({i})")[2] for i, (label, value) in enumerate(CITIES)]
    assert lengths[0] == pytest.approx(2 * lengths[1], abs=0.02)
    assert lengths[0] == pytest.approx(4 * lengths[2], abs=0.02)
    assert {"苏州", "台州", "成都", "80.0", "40.0", "20.0", "得分"} <= set(drawn.words)


def test_heights_of_columns_are_proportional_and_they_stand_on_one_line():
    drawn = read(draw_columns(rows(CITIES), "zh", title="得分", illustrative=False))
    bars = [drawn.bar(f"{label} {value} ({i})") for i, (label, value) in enumerate(CITIES)]
    assert bars[0][3] == pytest.approx(4 * bars[2][3], abs=0.02)
    assert len({round(top + high, 2) for _, top, _, high in bars}) == 1


def test_a_negative_value_goes_the_other_way_from_the_same_zero():
    drawn = read(draw_bars(rows([("a", 10.0), ("b", -5.0)]), "en", title="gap", illustrative=False))
    (x, _, wide, _), (other, _, narrow, _) = drawn.bar("a 10.0 (0)"), drawn.bar("b -5.0 (1)")
    assert wide == pytest.approx(2 * narrow, abs=0.02)
    assert other + narrow == pytest.approx(x, abs=0.02)
    assert drawn.at("−5.0")[0] < other


@pytest.mark.parametrize(
    ("draw", "lacking", "language", "words"),
    [(draw_bars, None, "zh", "无数据"), (draw_columns, float("nan"), "en", "no data")],
)
def test_a_missing_value_is_said_and_not_drawn_as_zero(draw, lacking, language, words):
    drawn = read(
        draw(rows([("a", 10.0), ("b", lacking), ("c", 0.0)]), language, title="", illustrative=False)
    )
    assert drawn.words.count(words) == 1
    assert sum(mark.kind == "rect mark" for mark in drawn.marks) == 2  # 10 and 0
    assert "0.0" in drawn.words


@pytest.mark.parametrize(("draw", "language"), [(draw_bars, "zh"), (draw_columns, "en")])
def test_no_rows_are_a_picture_that_says_so(draw, language):
    drawn = read(draw([], language, title="", illustrative=False))
    assert drawn.words == [{"zh": "无数据", "en": "no data"}[language]]


@pytest.mark.parametrize(
    ("n", "language", "sd"),
    [(1, "zh", None), (2, "en", 8.0), (16, "zh", 8.0), (50, "en", None)],
)
def test_no_text_of_bars_leaves_the_picture_or_lies_on_another(language, n, sd):
    found = many(n, language, sd=sd)
    found[0]["label"] = LONG[language]
    found[-1]["highlight"] = True
    reference = (50.0, LONG[language][:18])
    check_layout(
        read(draw_bars(found, language, title="得分", reference=reference, decimals=2, illustrative=True))
    )


@pytest.mark.parametrize(
    ("n", "language", "sd"),
    [(1, "en", 8.0), (2, "zh", None), (5, "en", None), (16, "zh", 8.0), (30, "en", 8.0)],
)
def test_no_text_of_columns_leaves_the_picture_or_lies_on_another(language, n, sd):
    drawn = read(draw_columns(many(n, language, sd=sd), language, title="得分", illustrative=True))
    check_layout(drawn)
    assert all(row["label"].replace(" ", "") in drawn.whole for row in many(n, language))


def test_the_value_stands_beyond_the_whisker():
    row = rows([("a", 50.0)], sd=20.0)
    lying = read(draw_bars(row, "en", title="", illustrative=False))
    assert "50.0 ± 20.0" in lying.words
    x, _, wide, _ = lying.bar("a 50.0 (0)")
    left = next(t.box[0] for t in lying.texts if t.text == "50.0 ± 20.0")
    assert left > x + wide * 70 / 50  # the end of the whisker, on the scale of the bar
    upright = read(draw_columns(row, "en", title="", illustrative=False))
    _, top, _, high = upright.bar("a 50.0 (0)")
    bottom = next(t.box[3] for t in upright.texts if t.text.startswith("50.0"))
    assert bottom < top + high - high * 70 / 50


def test_the_line_of_reference_stands_at_its_value():
    drawn = read(draw_bars(rows(CITIES), "zh", title="", reference=(40.0, "均值"), illustrative=False))
    x, _, wide, _ = drawn.bar("台州 40.0 (1)")
    assert drawn.at("均值")[0] == pytest.approx(x + wide, abs=1)


def test_two_units_of_one_name_are_two_bars():
    drawn = read(draw_bars(rows([("台州", 3.0), ("台州", 2.0)]), "zh", title="", illustrative=False))
    assert drawn.words.count("台州") == 2


def test_equal_and_all_zero_values_are_drawn():
    for value in (0.0, 7.0):
        pairs = [("a", value), ("b", value)]
        drawn = read(draw_bars(rows(pairs), "en", title="", illustrative=False))
        assert drawn.words.count(f"{value:.1f}") >= 2
        check_layout(drawn)


def groups(n_groups, n_series, language="en"):
    name = {"zh": ("经济圈", "支柱"), "en": ("circle", "pillar")}[language]
    return [
        {
            "group": f"{name[0]} {g}",
            "series": f"{name[1]} {s}",
            "value": 10.0 * s + g,
            "described": f"{g}/{s}",
        }
        for g in range(n_groups)
        for s in range(n_series)
    ]


@pytest.mark.parametrize(
    ("n_groups", "n_series", "language"), [(1, 1, "zh"), (1, 2, "en"), (4, 5, "zh"), (12, 6, "en")]
)
def test_grouped_bars_keep_the_order_and_name_every_series_once(n_groups, n_series, language):
    given = groups(n_groups, n_series, language)
    drawn = read(draw_grouped_bars(given, language, title="mean", illustrative=True))
    check_layout(drawn)
    tops = [drawn.bar(row["described"])[1] for row in given]
    assert tops == sorted(tops)
    for name in {row["series"] for row in given}:
        assert drawn.words.count(name) == 1


def test_a_series_that_a_group_lacks_is_missing_there():
    given = groups(2, 3)
    drawn = read(draw_grouped_bars(given[:-1], "en", title="", illustrative=False))
    assert drawn.words.count("no data") == 1
    given[1]["value"] = None
    drawn = read(draw_grouped_bars(given[:-1], "en", title="", illustrative=False))
    assert drawn.words.count("no data") == 2


def test_counts_and_amounts_have_a_scale_each():
    given = [
        {"key": "a", "label": "江苏", "count": 8, "amount": 90_000.0, "described": "a"},
        {"key": "b", "label": "广东", "count": 4, "amount": 30_000.0, "described": "b"},
        {"key": "c", "label": "甘肃", "count": 0, "amount": None, "described": "c"},
    ]
    titles = ("城市数", "地区生产总值")
    drawn = read(draw_counts(given, "zh", titles=titles, illustrative=False))
    check_layout(drawn)
    wide = {said: [] for said in "abc"}
    for mark in drawn.marks:
        wide[mark.said].append(mark.numbers[2])
    assert wide["a"][0] == pytest.approx(2 * wide["b"][0], abs=0.02)
    assert wide["a"][1] == pytest.approx(3 * wide["b"][1], abs=0.02)
    assert wide["c"] == [0.0]
    assert {"90,000", "8", "0", "无数据", *titles} <= set(drawn.words)
    single = read(draw_counts(given, "zh", titles=titles[:1], illustrative=False))
    assert "90,000" not in single.words


def test_neighbouring_series_differ_in_a_grey_print():
    drawn = read(draw_grouped_bars(groups(1, 6), "en", title="", illustrative=False))
    fills = [mark.fill for mark in drawn.marks]
    # Luma of ITU-R BT.601, as a grey copier weighs the colours, 0 to 255.
    greys = [sum(w * int(f[i : i + 2], 16) for w, i in ((0.299, 1), (0.587, 3), (0.114, 5))) for f in fills]
    assert all(abs(a - b) > 25 for a, b in pairwise(greys))


def test_every_bar_can_be_pointed_at_and_the_picture_is_drawn_as_png():
    drawn = draw_bars(rows(CITIES), "zh", title="", illustrative=False).to_dict()
    rects = [layer for layer in drawn["layer"] if layer["mark"]["type"] == "rect"]
    assert rects[0]["encoding"]["tooltip"]["field"] == "described"
    assert png_of(drawn).startswith(b"\x89PNG")


def test_the_notice_stands_on_illustrative_data():
    for language, notice in (("zh", "示意数据"), ("en", "illustrative data")):
        assert notice in " ".join(read(draw_bars(rows(CITIES), language, title="", illustrative=True)).words)


def test_a_value_does_not_stand_on_the_line_of_the_reference():
    found = rows([("a", 50.0), ("b", 67.0), ("c", 79.0)])
    drawn = read(draw_bars(found, "en", title="", reference=(70.0, "mean 70.0"), illustrative=False))
    bars = [drawn.bar(row["described"]) for row in found]
    per_unit = bars[0][2] / 50
    line = bars[0][0] + 70 * per_unit
    for value in ("50.0", "67.0", "79.0"):
        left, _, right, _ = next(text.box for text in drawn.texts if text.text == value)
        assert not left < line < right
    assert drawn.at("67.0")[0] > line


def test_a_whisker_that_ends_just_below_zero_takes_no_room_below_it():
    found = rows([("a", 18.3), ("b", 63.2)], sd=18.5)
    drawn = read(draw_columns(found, "en", title="mean", illustrative=False))
    bottom = max(top + high for _, top, _, high in (drawn.bar(row["described"]) for row in found))
    assert drawn.at("a")[1] - bottom < 24


def test_no_latin_word_below_columns_is_broken():
    names = ["1,000–2,000 billion yuan (17)", "Annual mean concentration of PM2.5", "Unemployment insurance"]
    drawn = read(draw_columns(rows([(n, 3.0) for n in names]), "en", title="", illustrative=False))
    words = {word for text in drawn.words for word in text.split()}
    assert {"concentration", "(17)", "Unemployment"} <= words
    assert any(word.endswith("2,000") for word in words)
