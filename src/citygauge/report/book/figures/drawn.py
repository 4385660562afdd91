"""A chart on its way into a report: what is drawn, from which rows, and on which sources it rests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from citygauge.problems import Language
from citygauge.report.book.material import Material
from citygauge.report.book.numbers import Number
from citygauge.report.charts.base import Chart, Row

_TOLD = 12  # rows that the text for those who do not see a chart names one by one
_KINDS: Mapping[Language, Mapping[str, str]] = {
    "zh": {"bars": "条形图", "columns": "柱形图", "tree": "树形图", "donut": "环形图", "map": "地图",
           "strip": "分布图", "scatter": "散点图", "heat": "热力图", "radar": "雷达图", "lines": "平行坐标图",
           "diagram": "示意图", "treemap": "矩形树图", "dumbbell": "哑铃图", "waterfall": "瀑布图",
           "swarm": "蜂群图", "slope": "斜率图", "intervals": "区间图", "shares": "堆叠条形图",
           "tornado": "龙卷风图"},
    "en": {"bars": "Bar chart", "columns": "Column chart", "tree": "Tree", "donut": "Ring chart",
           "map": "Map", "strip": "Distribution", "scatter": "Scatter plot", "heat": "Heat map",
           "radar": "Radar chart", "lines": "Parallel coordinates", "diagram": "Diagram",
           "treemap": "Treemap", "dumbbell": "Dumbbell chart", "waterfall": "Waterfall chart",
           "swarm": "Beeswarm", "slope": "Slope chart",
           "intervals": "Intervals", "shares": "Stacked bars", "tornado": "Tornado chart"},
}  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A chart with the rows it is drawn from.

    `kind` is a key of the words for kinds of charts; `sources` are ids of sources of the workspace or of the
    theme; `note` stands behind them.
    """

    chart: Chart
    rows: tuple[Row, ...]
    kind: str
    language: Language
    sources: tuple[str, ...] = ()
    note: str = ""

    @property
    def specification(self) -> dict[str, Any]:
        """The chart as Vega-Lite."""
        return dict(self.chart.to_dict(validate=False))

    def told_rows(self, decimals: int | None) -> tuple[Row, ...]:
        """Return the rows as they may be told: their numbers with so many decimals, where any are given."""
        if decimals is None:
            return self.rows
        return tuple({key: _rounded(value, decimals) for key, value in row.items()} for row in self.rows)

    def alt_after(self, caption: str) -> str:
        """Return what the chart shows in words, the caption first."""
        zh = self.language == "zh"
        told = [str(row["described"]) for row in self.rows if row.get("described")]
        more = len(told) - _TOLD
        rest = (f"……共{len(told)}项" if zh else f"; … {len(told)} in all") if more > 0 else ""
        colon, joint, stop = ("：", "；", "。") if zh else (": ", "; ", ".")
        head = f"{_KINDS[self.language][self.kind]}{colon}{caption}"
        return f"{head}{stop if zh else '. '}{joint.join(told[:_TOLD])}{rest}{stop}" if told else head + stop


def _rounded(value: Any, decimals: int) -> Any:
    return round(value, decimals) if isinstance(value, float) else value


def spoken(material: Material, label: str, value: float | None, decimals: int | None = None) -> str:
    """Return one line for those who hear a chart: with a plain minus, as speech needs it."""
    zh = material.language == "zh"
    shown = Number(value, "", "score", material.decimals if decimals is None else decimals)
    told = shown.text.replace("−", "-") if value is not None else ("无数据" if zh else "no data")
    return f"{label}{'：' if zh else ': '}{told}"


def said(material: Material, zh: str, en: str) -> str:
    """Return the one of two texts that is in the language of a report."""
    return zh if material.language == "zh" else en


def theme_sources(entries: Iterable[Any]) -> tuple[str, ...]:
    """Return the sources of a theme's entries, each once, in order."""
    return tuple(dict.fromkeys(entry.source for entry in entries))


def numbers_of(rows: Sequence[Row], key: str = "value") -> list[float]:
    """Return the known values of rows."""
    return [float(row[key]) for row in rows if row.get(key) is not None]
