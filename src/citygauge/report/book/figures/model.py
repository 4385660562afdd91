"""Charts of the framework: its layers, its trees, its weights; and the diagrams that a theme declares."""

from __future__ import annotations

from collections.abc import Sequence

from citygauge.report.book.figures.drawn import Drawn, said, theme_sources
from citygauge.report.book.material import Material
from citygauge.report.book.theme import Parts
from citygauge.report.charts.base import Row
from citygauge.report.charts.diagrams import draw_blocks, draw_breakdown, draw_stages, draw_timeline
from citygauge.report.charts.layers import draw_layers
from citygauge.report.charts.shares import draw_donut, draw_treemap
from citygauge.report.charts.tree import draw_tree


def layers(material: Material) -> Drawn:
    """Return the layers of the model with their pillars and weights, the input at the bottom."""
    language = material.language
    rows: list[Row] = [
        {
            "layer": key, "layer_label": layer.name[language], "code": code,
            "label": material.name(code).text, "weight": _weight(material, code), "value": None,
            "described": f"{layer.name[language]} – {_weighed(material, code)}",
        }
        for key, layer in material.theme.layers.items()
        for code in layer.codes
    ]  # fmt: skip
    chart = draw_layers(rows, language, illustrative=False)
    return Drawn(chart, tuple(rows), "diagram", language)


def tree(material: Material, code: str = "") -> Drawn:
    """Return the tree of the whole framework down to the second level, or of one pillar with all below it."""
    framework = material.result.framework
    top = code or framework.root.code
    deepest = framework.levels[top] + 2
    below = [top]
    for node in framework.codes:
        parent = framework[node].parent
        if parent in below and framework.levels[node] <= deepest and not framework.roles[node]:
            below.append(node)
    rows: list[Row] = [
        {
            "code": node, "parent": framework[node].parent if node != top else "",
            "label": material.name(node).text, "weight": None if node == top else _weight(material, node),
            "depth": framework.levels[node], "described": _weighed(material, node),
        }
        for node in below
    ]  # fmt: skip
    return Drawn(
        draw_tree(rows, material.language, illustrative=False), tuple(rows), "tree", material.language
    )


def weights(material: Material) -> Drawn:
    """Return the weights of the pillars as a ring."""
    rows: list[Row] = [
        {
            "label": material.name(code).text, "value": _weight(material, code),
            "described": _weighed(material, code),
        }
        for code in material.pillars
    ]  # fmt: skip
    middle = material.name(material.result.framework.root.code).text
    chart = draw_donut(rows, material.language, middle=middle, illustrative=False)
    return Drawn(chart, tuple(rows), "donut", material.language)


def treemap(material: Material) -> Drawn:
    """Return the effective weight of every leaf as an area, inside its pillar and dimension."""
    framework, shares = material.result.framework, material.result.effective_weights
    leaves = {code for code in framework.indicators if not framework.roles[code]}
    above = {node for leaf in leaves for node in framework.ancestors(leaf)}
    rows: list[Row] = []
    for code in framework.codes:
        if code == framework.root.code or code not in leaves | above:
            continue
        parent = framework[code].parent
        rows.append(
            {
                "code": code, "parent": "" if parent == framework.root.code else parent,
                "label": material.name(code).text,
                "value": shares.get(code) if code in leaves else None,
                "described": f"{material.name(code).text}: {shares.get(code, 0.0) * 100:.1f}%",
            }
        )  # fmt: skip
    return Drawn(
        draw_treemap(rows, material.language, illustrative=False), tuple(rows), "treemap", material.language
    )


def _weight(material: Material, code: str) -> float | None:
    return material.result.shares.get(code)


def _weighed(material: Material, code: str) -> str:
    weight = _weight(material, code)
    name = material.name(code).text
    return name if weight is None or code == material.result.framework.root.code else f"{name} {weight:.0%}"


def stages(material: Material) -> Drawn:
    """Return the theme's stages of development."""
    rows = _parts(material, material.theme.stages)
    return Drawn(
        draw_stages(rows, material.language, illustrative=False), tuple(rows), "diagram", material.language
    )


def architecture(material: Material) -> Drawn:
    """Return the theme's architecture of construction."""
    rows = _parts(material, material.theme.architecture)
    return Drawn(
        draw_blocks(rows, material.language, illustrative=False), tuple(rows), "diagram", material.language
    )


def content(material: Material) -> Drawn:
    """Return the theme's kinds of construction content."""
    rows = _parts(material, material.theme.content)
    return Drawn(
        draw_breakdown(rows, material.language, illustrative=False), tuple(rows), "diagram", material.language
    )


def timeline(material: Material) -> Drawn:
    """Return the theme's dated events."""
    language, events = material.language, material.theme.timeline
    rows: list[Row] = [
        {
            "date": event.date, "label": material.told(event.label), "issuer": material.told(event.issuer),
            "described": said(material, "{}，{}：{}", "{}, {}: {}").format(
                event.date, material.told(event.issuer), material.told(event.label)
            ),
        }
        for event in events
    ]  # fmt: skip
    chart = draw_timeline(rows, language, illustrative=False)
    return Drawn(chart, tuple(rows), "diagram", language, theme_sources(events))


def _parts(material: Material, parts: Sequence[Parts]) -> list[Row]:
    joint = said(material, "，", ", ")
    colon = said(material, "：", ": ")
    rows = []
    for part in parts:
        label, items = material.told(part.label), [material.told(item) for item in part.items]
        described = label + (colon + joint.join(items) if items else "")
        rows.append({"row": label, "label": label, "items": items, "side": part.side, "described": described})
    return rows
