"""The means, spreads and grades that the 2021 report prints, and figures of small indices."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from citygauge.audit.figures import Figure, Interval
from citygauge.audit.published import Grade, Group, Node, Published, Unit

# Code → (printed weight, printed mean, {dimension: (mean, sd)}), tables 3-13 and section 3.2.
PILLARS = {
    "S": ("0.30", "0.73", {"数字服务": ("0.80", "0.09"), "服务体验": ("0.63", "0.25")}),
    "M": ("0.20", "0.79", {"建设管理": ("0.74", "<0.15"), "社会管理": ("0.83", "<0.15")}),
    "A": ("0.25", "0.80", {"平台开放度": ("0.53", ""), "平台统一度": ("0.80", "0.07"),
                           "平台安全度": ("0.82", "0.12"), "平台效果": ("0.72", "0.14")}),
    "R": ("0.15", "0.47", {"资源标准规范": ("0.45", ">0.30"), "资源库建设": ("0.48", ">0.30")}),
    "T": ("0.10", "0.67", {"网络基础": ("0.82", ""), "物联网": ("0.89", ""), "云计算": ("0.50", ""),
                           "智慧终端": ("0.38", ""), "创新能力建设": ("0.77", ""), "产业生态": ("0.67", "")}),
}  # fmt: skip
GRADES = {  # name → (Chinese, range, number)
    "leading": ("领军城市", Interval(Fraction(17, 20)), 8),
    "pioneering": ("先锋城市", Interval(Fraction(7, 10), Fraction(17, 20), high_open=True), 17),
    "exploring": ("探索城市", Interval(None, Fraction(7, 10), high_open=True), 25),
}
# How many of each grade stand in each economic circle, by which the groups' means bind.
CIRCLES = {"长三角": ("0.74", (4, 7, 7)), "珠三角": ("0.79", (2, 1, 1)), "京津冀": ("0.70", (1, 1, 2))}


def printed(name: str, text: str) -> Figure:
    """Return a figure as printed; a limit is exact."""
    sign, value = (text[0], text[1:]) if text[0] in "<>" else ("=", text)
    step = Decimal("0.01") if sign == "=" else Decimal(0)
    return Figure(name, Decimal(value), step, sign=sign, name_zh=name, name_en=name)  # type: ignore[arg-type]


def exact(name: str, text: str) -> Figure:
    return Figure(name, Decimal(text))


def smart(*, named: bool = False) -> Published:
    """Return the report: 50 unnamed cities in three grades, or named ones with circles too."""
    nodes = {"overall": Node("overall", None, "总指数", "Index")}
    figures = [printed("overall.mean", "0.70"), printed("overall.sd", "0.11"), exact("units.n", "50")]
    for code, (weight, mean, dimensions) in PILLARS.items():
        nodes[code] = Node(code, "overall", code, code)
        figures += [exact(f"{code}.weight", weight), printed(f"{code}.mean", mean)]
        for name, (own, sd) in dimensions.items():
            nodes[name] = Node(name, code, name, name)
            figures.append(printed(f"{name}.mean", own))
            figures += [printed(f"{name}.sd", sd)] if sd else []
    figures += [exact(f"grade.{name}.n", str(size)) for name, (_, _, size) in GRADES.items()]
    units, members, groups = _members() if named else ({}, {}, ())
    figures += [printed(f"group.{group.name}.mean", CIRCLES[group.name][0]) for group in groups]
    grades = tuple(Grade(g, zh, g, ends, members.get(g)) for g, (zh, ends, _) in GRADES.items())
    every = {figure.id: figure for figure in figures}
    return Published("报告", "Report", nodes, every, units=units, groups=groups, grades=grades)


def _members() -> tuple[dict[str, Unit], dict[str, tuple[str, ...]], tuple[Group, ...]]:
    """Return cities with made-up names, dealt to grades and circles in the right numbers."""
    listed: dict[str, list[str]] = {grade: [] for grade in GRADES}
    circles: dict[str, list[str]] = {circle: [] for circle in CIRCLES}
    for i, (grade, (_, _, size)) in enumerate(GRADES.items()):
        places = [circle for circle, (_, sizes) in CIRCLES.items() for _ in range(sizes[i])]
        for number in range(size):
            name = f"{grade}-{number}"
            listed[grade].append(name)
            if number < len(places):
                circles[places[number]].append(name)
    units = {name: Unit(name, name) for names in listed.values() for name in names}
    groups = tuple(Group(name, name, name, "circle", tuple(names)) for name, names in circles.items())
    return units, {grade: tuple(names) for grade, names in listed.items()}, groups
