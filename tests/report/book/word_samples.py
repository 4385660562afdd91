"""Small reports with every kind of block, in both languages, for the tests of the Word and slides writers."""

from __future__ import annotations

from functools import cache
from typing import Any

import altair as alt

from citygauge.problems import Language
from citygauge.report.book.document import (
    Bound,
    Box,
    Bullets,
    Card,
    Cards,
    Cell,
    Column,
    Document,
    Figure,
    Front,
    Grid,
    Heading,
    Look,
    Paragraph,
    Reference,
    Text,
)
from citygauge.report.charts.base import png_of

CITIES = {"zh": ("苏州", "台州", "成都", "宁波"), "en": ("Suzhou", "Taizhou", "Chengdu", "Ningbo")}
SCORES = ("68.25", "61.00", "54.37", "−1.20")
NOTICE = {"zh": "示意数据，非观测结果", "en": "illustrative data, not observed"}


def chart(rows: int = 4) -> dict[str, Any]:
    """Return a specification of bars with a fixed size."""
    data = alt.InlineData(values=[{"key": str(i), "value": i + 1} for i in range(rows)])
    bars = alt.Chart(data).mark_bar().encode(x="value:Q", y=alt.Y("key:N", sort=None))
    return bars.properties(width=400, height=24 * rows).to_dict()


def bound(i: int) -> Bound:
    return Bound(SCORES[i], f"scores|value|unit={i + 1},code=I", float(SCORES[i].replace("−", "-")))


def name(i: int, lang: Language) -> Bound:
    return Bound(CITIES[lang][i], f"name|{i + 1}")


def figure(number: str, key: str, zh: bool, rows: int = 4) -> Figure:
    word = "图" if zh else "Figure "
    return Figure(
        key,
        number,
        word + number,
        (Text("各城市综合得分" if zh else f"Overall scores of the cities ({key})"),),
        chart(rows),
        f"条形图：{key}" if zh else f'Bars: {key} "quoted" & <marked>',
        (Text("2023年统计年鉴" if zh else "yearbook 2023"),),
    )


def grid(number: str, key: str, lang: Language) -> Grid:
    zh = lang == "zh"
    heads = ("维度", "城市", "得分", "名次") if zh else ("Dimension", "City", "Score", "Rank")
    side = ("left", "left", "right", "right")
    group = [Cell((Text("服务" if zh else "Services"),), down=2, strong=True), None] * 2
    rows = tuple(
        (
            group[i],
            Cell((name(i, lang),), indent=i % 2),
            Cell((bound(i),)),
            Cell((Bound(str(i + 1), f"scores|rank|unit={i + 1},code=I", float(i + 1)),)),
        )
        for i in range(4)
    )
    return Grid(
        key,
        number,
        ("表" if zh else "Table ") + number,
        (Text("综合得分排名" if zh else "Ranking by score"),),
        tuple(
            Column(head, align, 1.5 - 0.25 * j)
            for j, (head, align) in enumerate(zip(heads, side, strict=True))
        ),
        rows,
        (Text("2023年统计年鉴" if zh else "yearbook 2023"),),
        (Text("得分满分100" if zh else "full marks are 100"),),
    )


def _chinese() -> tuple[Any, ...]:
    return (
        Heading(1, (Text("前言"),)),
        Paragraph((Text("本报告采用5G等新一代信息技术的有关数据。"),)),
        Heading(1, (Text("总体情况"),), "第1章", "overall"),
        Heading(2, (Text("得分与排名"),), "1.1", "ranks"),
        Paragraph(
            (
                Text("综合得分最高的城市是"),
                name(0, "zh"),
                Text("，得分为"),
                bound(0),
                Text("分，比"),
                name(1, "zh"),
                Text("高"),
                Bound("7.25", "scores|gap|unit=1", 7.25, strong=True),
                Text("分，如"),
                Reference("scores", "图1-1"),
                Text("和"),
                Reference("ranking", "表1-2"),
                Text("所示；详见"),
                Reference("detail", "第2章"),
                Text("。"),
            )
        ),
        figure("1-1", "scores", True),
        grid("1-2", "ranking", "zh"),
        Heading(3, (Text("分组比较"),), "1.1.1"),
        Bullets(
            ((Text("先看"), name(0, "zh"), Text("。")), (Text("再看"), name(1, "zh"), Text("。"))),
            ordered=True,
        ),
        Cards(
            (
                Card("平均得分", (bound(2),), (Text("满分100"),)),
                Card("城市数", (Bound("4", "fact|cities", 4.0),)),
            )
        ),
        Heading(1, (Text("分项分析"),), "第2章", "detail"),
        Paragraph(
            (
                Text("排名第"),
                Bound("2", "scores|rank|unit=2,code=I", 2.0),
                Text("的城市平均每万人拥有1,234.5台设备，占"),
                Bound("12.5%", "facts|share|unit=2", 0.125),
                Text("。"),
            )
        ),
        Box(
            (Text("案例：一网通办"),),
            (
                Paragraph((Text("2022年，"), name(2, "zh"), Text("建成统一平台。"))),
                Bullets(((Text("事项"), Bound("1200", "fact|items", 1200.0), Text("项")),)),
            ),
        ),
        figure("2-1", "second", True),
        Bullets(((Text("要点一"),), (Text("要点二"),))),
        Heading(1, (Text("指标体系"),), "附录A", "annex", annex=True),
        Heading(2, (Text("权重"),), "A.1"),
        grid("A-1", "weights", "zh"),
        figure("A-2", "third", True, 40),
    )


def _english() -> tuple[Any, ...]:
    return (
        Heading(1, (Text("Foreword"),)),
        Paragraph((Text("This report uses data on 5G & <other> networks."),)),
        Heading(1, (Text("Overview"),), "1", "overall"),
        Heading(2, (Text("Scores and ranks"),), "1.1", "ranks"),
        Paragraph(
            (
                Text("The highest score is that of "),
                name(0, "en"),
                Text(" with "),
                bound(0),
                Text(" points, "),
                Bound("7.25", "scores|gap|unit=1", 7.25, emphasis=True),
                Text(" more than "),
                name(1, "en"),
                Text(" (see "),
                Reference("scores", "Figure 1-1"),
                Text(", "),
                Reference("ranking", "Table 1-2"),
                Text(" and Chapter "),
                Reference("detail", "2"),
                Text(")."),
            )
        ),
        figure("1-1", "scores", False),
        grid("1-2", "ranking", "en"),
        Heading(3, (Text("Groups compared"),), "1.1.1"),
        Bullets(
            ((Text("First "), name(0, "en"), Text(".")), (Text("Then "), name(1, "en"), Text("."))),
            ordered=True,
        ),
        Cards(
            (
                Card("Mean score", (bound(2),), (Text("of 100"),)),
                Card("Cities", (Bound("4", "fact|cities", 4.0),)),
            )
        ),
        Heading(1, (Text("In detail"),), "2", "detail"),
        Paragraph(
            (
                Text("Rank "),
                Bound("2", "scores|rank|unit=2,code=I", 2.0),
                Text(" has 1,234.5 devices for 10,000 people, a share of "),
                Bound("12.5%", "facts|share|unit=2", 0.125),
                Text("."),
            )
        ),
        Box(
            (Text("Case: one portal"),),
            (
                Paragraph((Text("In 2022 "), name(2, "en"), Text(" built one portal."))),
                Bullets(((Bound("1200", "fact|items", 1200.0), Text(" services")),)),
            ),
        ),
        figure("2-1", "second", False),
        Bullets(((Text("one point"),), (Text("another point"),))),
        Heading(1, (Text("The framework"),), "Annex A", "annex", annex=True),
        Heading(2, (Text("Weights"),), "A.1"),
        grid("A-1", "weights", "en"),
        figure("A-2", "third", False, 40),
    )


def sample(lang: Language, notice: bool = False, **other: Any) -> Document:
    """Return a report with every kind of block."""
    zh = lang == "zh"
    front = Front(
        "城市评价报告" if zh else "Assessment of cities",
        "2023年度" if zh else "The year 2023",
        "某研究院" if zh else "An institute",
        "2024-05-06",
        (("测评对象", "4个城市"),) if zh else (("Objects", "4 cities"),),
        (("编写组", "甲、乙"),) if zh else (("Authors", "A and B"),),
        "版权所有。" if zh else "All rights reserved.",
    )
    words = (
        {"source": "数据来源：", "note": "注：", "page": "第{page}页，共{total}页"}
        if zh
        else {"source": "Source: ", "note": "Note: ", "page": "Page {page} of {total}"}
    )
    meta = {"kind": "full", "language": lang, "date": "2024-05-06", "hashes": {"data": "ab12"}}
    blocks = _chinese() if zh else _english()
    fields = {"look": Look(), "words": words, "meta": meta, "blocks": blocks, **other}
    return Document(lang, fields.pop("kind", "full"), front, notice=NOTICE[lang] if notice else "", **fields)


@cache
def pngs() -> dict[str, bytes]:
    """Return the charts of the samples, drawn once."""
    return {key: png_of(chart(40 if key == "third" else 4), 3.0) for key in ("scores", "second", "third")}
