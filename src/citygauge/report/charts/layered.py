"""Layers placed by the pixel, put together as one Altair chart from plain data.

Altair would look for the type of every field and copy every layer several times, which takes longer than
drawing them does; here all types are known and nothing is copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt

from citygauge.problems import Language
from citygauge.report.charts.base import INK, PLACED, SIZE, Row, config_of
from citygauge.result import NOTICE

Layer = dict[str, Any]
NOTICE_ROOM = 22  # pixels above a picture that the notice takes

_PLACES = {"x", "y", "x2", "y2"}
_PLAIN = {"color", "fill", "stroke", "shape", "strokeWidth"}  # taken from the rows as they are
# A row names only what is not usual in its style.
_LOOK = {
    "align": {"expr": "datum.align || 'left'"},
    "fontSize": {"expr": f"datum.size || {SIZE}"},
    "fontWeight": {"expr": "datum.bold ? 'bold' : 'normal'"},
    "angle": {"expr": "datum.angle || 0"},
    "baseline": "middle",
}


class Layered(alt.LayerChart):
    """A chart of layers that are plain data already."""

    def __init__(self, **specification: Any) -> None:
        super(alt.LayerChart, self).__init__(**specification)


def layer(kind: str, rows: Sequence[Row], channels: Mapping[str, str], mark: Mapping[str, Any]) -> Layer:
    """Return a layer of one kind of mark.

    Parameters
    ----------
    kind : str
        Of the mark, such as ``rect``.
    rows : sequence of dict
    channels : mapping of str to str
        The field of the rows for each channel: places in pixels, colours and shapes as they are.
    mark : mapping
        Properties of the mark.
    """
    encoding = {channel: _encoded(channel, field) for channel, field in channels.items()}
    return {"mark": {"type": kind, **mark}, "encoding": encoding, "data": {"values": rows}}


def text_layers(rows: Sequence[Row], *, is_told: bool = False) -> list[Layer]:
    """Return the layer of texts from ``x, y, text`` and their style, and below it white edges for `halo`.

    The style is in ``align, size, bold, colour, angle``; with `is_told` each is read aloud, and shows its
    ``described`` under the pointer.
    """
    rows = [row for row in rows if row["text"].strip()]
    if not rows:
        return []
    channels = {"x": "x", "y": "y", "text": "text"}
    hidden = {"colour", "described"}
    edged = [{key: row[key] for key in row if key not in hidden} for row in rows if row.get("halo")]
    edge = {"color": "white", "stroke": "white", "strokeWidth": 3, "strokeJoin": "round", "aria": False}
    below = [layer("text", edged, channels, {**_LOOK, **edge})] if edged else []
    told = {"description": "text", "tooltip": "described"} if is_told else {}
    look = {**_LOOK, "color": {"expr": f"datum.colour || '{INK}'"}, "aria": is_told}
    return [*below, layer("text", rows, {**channels, **told}, look)]


def layered(
    layers: Iterable[Layer],
    language: Language,
    size: tuple[float, float],
    padding: Mapping[str, float],
    *,
    illustrative: bool,
) -> Layered:
    """Return layers as one chart of a width and a height, the notice above it where data are illustrative.

    The room for the notice, `NOTICE_ROOM`, is added to the padding at the top.
    """
    drawn, room = [*layers], {**padding}
    if illustrative:
        room["top"] += NOTICE_ROOM
        place = {"x": 10 - room["left"], "y": 14 - room["top"]}
        notice = {**place, "text": NOTICE[language], "bold": True, "colour": "#aa3333"}
        drawn += text_layers([notice])
    datasets = {f"rows-{i}": [*part["data"]["values"]] for i, part in enumerate(drawn)}
    parts = [{**part, "data": {"name": name}} for part, name in zip(drawn, datasets, strict=True)]
    return Layered(
        layer=parts, datasets=datasets, width=size[0], height=size[1], padding=room,
        autosize={"type": "none"}, config=config_of(language), usermeta=PLACED,
    )  # fmt: skip


def _encoded(channel: str, field: str) -> dict[str, Any]:
    """Return a channel that takes the value of a field as it is."""
    if channel in _PLACES:
        own = {} if channel.endswith("2") else {"type": "quantitative", "scale": None, "axis": None}
        return {"field": field, **own}
    if channel == "order":
        return {"field": field, "type": "quantitative"}
    plain = {"scale": None, "legend": None} if channel in _PLAIN else {}
    return {"field": field, "type": "nominal", **plain}
