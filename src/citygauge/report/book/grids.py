"""The tables of a report: columns, rows whose figures are bound to the evidence, and sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from citygauge.report.book.document import Bound, Cell, Column, Spans, Text
from citygauge.report.book.figures.drawn import said
from citygauge.report.book.material import Material
from citygauge.report.book.numbers import Line, Name, Number
from citygauge.report.book.reading import LEADERS, Reading
from citygauge.report.marks import pillars as _pillars

Row = tuple[Cell | None, ...]


@dataclass(frozen=True)
class Made:
    """The parts of a table before it has a place and a number."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    sources: tuple[str, ...] = ()
    note: str = ""


def cell(value: Number | Name | str, *, down: int = 1, strong: bool = False, indent: int = 0) -> Cell:
    """Return a cell that holds a figure, a name or the report's own words."""
    if isinstance(value, Number):
        spans: Spans = (Bound(value.text, value.source, value.value),)
    elif isinstance(value, Name):
        spans = (Bound(value.text, value.source, value.text),)
    else:
        spans = (Text(value),) if value else ()
    return Cell(spans, down, strong, indent)


def heads(material: Material, *heads: tuple[str, str, str, float]) -> tuple[Column, ...]:
    """Return columns of (zh, en, side, width)."""
    return tuple(Column(said(material, zh, en), side, width) for zh, en, side, width in heads)  # type: ignore[arg-type]


def grades(material: Material) -> Made:
    """Return the grades with their members, in the order that the method gives."""
    rows = list[Row]()
    members: dict[str, list[Name]] = {}
    for grade, code in material.grade_members.iter_rows():
        members.setdefault(grade, []).extend(material.named((code,)))
    for line in material.evidence.lines("grades"):
        names = members.get(line.raw("grade"), [])
        joint = said(material, "、", ", ")
        spans: list[Any] = []
        for i, name in enumerate(names):
            spans += [Text(joint)] if i else []
            spans.append(Bound(name.text, name.source, name.text))
        name = material.grade_name(line.raw("grade"))
        rows.append(
            (cell(name, strong=True), cell(_edge(material, line)), cell(line.count), Cell(tuple(spans)))
        )
    columns = heads(
        material, ("发展水平", "Grade", "left", 1.1), ("得分", "Score", "left", 1.0),
        ("个数", "Number", "right", 0.5), (f"{material.theme.object.zh}名称", "Members", "left", 5.0),
    )  # fmt: skip
    note = said(
        material,
        "得分为下限，等于下限的归入该级；同一级内按方法规定的次序排列。",
        "The score is the lower edge, which belongs to the grade; inside a grade in the order of the method.",
    )
    return Made(columns, tuple(rows), material.data_sources, note)


def _edge(material: Material, line: Line) -> Name:
    """Return the range of a grade in words."""
    lines = material.evidence.lines("grades")
    at = next(i for i, other in enumerate(lines) if other.raw("grade") == line.raw("grade"))
    low, high, source = line.edge, lines[at - 1].edge if at else None, line.edge.source
    if high is not None and line.raw("edge") is None:
        return Name(said(material, f"低于{high.text}", f"below {high.text}"), f"edge|{high.source}")
    if high is None:
        return Name(said(material, f"{low.text}及以上", f"{low.text} and above"), f"edge|{source}")
    return Name(said(material, f"{low.text}—{high.text}", f"{low.text}–{high.text}"), f"edge|{source}")


def leaders(material: Material) -> Made:
    """Return the units with the best ranks: rank, name, index and pillars."""
    return _ranked(material, LEADERS)


def ranking(material: Material) -> Made:
    """Return all units by rank, with their index and pillars; neutral names on illustrative data."""
    return _ranked(material, None)


def _ranked(material: Material, most: int | None, only: set[str] | None = None) -> Made:
    pillars = _pillars(material.result.framework)
    columns = [
        *heads(
            material,
            ("名次", "Rank", "right", 0.6),
            ("名称", "Name", "left", 1.5),
            ("得分", "Score", "right", 0.9),
        ),
        *(Column(material.name(code).text, "right", 1.0) for code in pillars),
    ]
    rows = []
    for line in material.evidence.lines("ranking"):
        if line.raw("rank") is None or (most is not None and line.raw("rank") > most):
            continue
        unit = line.raw("unit_code")
        if only is not None and unit not in only:
            continue
        scores = (cell(material.score(unit, code)) for code in pillars)
        rows.append((cell(line.rank), cell(material.unit_name(unit)), cell(line.value, strong=True), *scores))
    return Made(tuple(columns), tuple(rows), material.data_sources)


def means(material: Material) -> Made:
    """Return the mean of every child of a pillar beside the pillar's own, as one row each."""
    reading, rows = Reading(material), list[Row]()
    for pillar in material.pillars:
        children = reading.children(pillar) if material.depth > 1 else (pillar,)
        for i, child in enumerate(children):
            own, above = reading.describe(child), reading.describe(pillar)
            first, last = (
                (cell(material.name(pillar), down=len(children)), cell(above.mean, down=len(children)))
                if i == 0
                else (None, None)
            )
            rows.append((first, cell(material.name(child)), cell(own.mean), cell(own.sd), last))
    word = reading.parts_word()
    columns = heads(
        material, ("一级指标", "Pillar", "left", 1.4),
        (word, word.removesuffix("s").capitalize(), "left", 2.4), ("平均指数", "Mean", "right", 0.8),
        ("标准差", "SD", "right", 0.8), ("一级指标平均", "Pillar mean", "right", 1.0),
    )  # fmt: skip
    return Made(columns, tuple(rows), material.data_sources, _sd_note(material))


def _sd_note(material: Material) -> str:
    return said(
        material,
        "标准差为样本标准差（除以样本数减一）。",
        "SD is the sample standard deviation (divided by the number less one).",
    )


def index(material: Material) -> Made:
    """Return the whole index: every node down to the indicators with its weight and its share."""
    framework, rows = material.result.framework, list[Row]()
    leaves = [code for code in framework.indicators if not framework.roles[code]]
    deepest = max(framework.levels[code] for code in leaves)
    above = {leaf: _ancestors(material, leaf, deepest) for leaf in leaves}
    counts = {node: sum(node in line for line in above.values()) for line in above.values() for node in line}
    seen: set[str] = set()
    for leaf in leaves:
        cells: list[Cell | None] = []
        for node in above[leaf]:
            if node == "":
                cells.append(cell(""))
            elif node in seen:
                cells.append(None)
            else:
                seen.add(node)
                cells.append(cell(material.name(node), down=counts[node]))
        line = material.evidence.line("weights", code=leaf)
        rows.append((*cells, cell(material.name(leaf)), cell(line.weight), cell(line.effective_weight)))
    words = [
        Reading(material).level_word(code)
        for code in (
            framework.root.code,
            *_chain(material, max(leaves, key=lambda leaf: framework.levels[leaf])),
        )
    ]
    titles = [word if material.language == "zh" else word.removesuffix("s").capitalize() for word in words]
    columns = tuple(Column(title, "left", 1.6) for title in titles[: deepest - 1])
    columns += (Column(titles[deepest - 1], "left", 2.4),)
    columns += heads(material, ("权重", "Weight", "right", 0.8), ("有效权重", "In the index", "right", 0.9))
    return Made(columns, tuple(rows))


def _chain(material: Material, leaf: str) -> list[str]:
    return [node for node in _ancestors(material, leaf, material.result.framework.levels[leaf]) if node]


def _ancestors(material: Material, leaf: str, deepest: int) -> list[str]:
    """Return the nodes above a leaf below the index, blank where its branch is shorter than others."""
    found = list(material.result.framework.ancestors(leaf))[-2::-1]
    return found + [""] * (deepest - 1 - len(found))


def method(material: Material) -> Made:
    """Return the method's settings as they were run."""
    rows = [
        (cell(Name(key, f"name|{key}")), cell(Name(text, f"method|{key}")))
        for key, text in _settings(material.result.method.model_dump(mode="json", exclude_unset=True))
    ]
    columns = heads(material, ("设置", "Setting", "left", 1.4), ("取值", "Value", "left", 2.6))
    note = said(material, "未列出的设置取默认值。", "Settings that are not listed have their defaults.")
    return Made(columns, tuple(rows), (), note)


def _settings(data: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in data.items():
        if isinstance(value, Mapping):
            found += _settings(value, f"{before}{key}.")
        elif value is not None:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            found.append((before + key, text))
    return found


def channels(material: Material) -> Made:
    """Return what each channel was meant to collect and what it did collect."""
    reading = Reading(material)
    planned = {line.raw("channel"): line for line in material.evidence.lines("planned")}
    found = {line.raw("channel"): line for line in material.evidence.lines("coverage")}
    rows = []
    for channel in dict.fromkeys((*planned, *found)):
        allowed, used = planned.get(channel), found.get(channel)
        none = Number(None, "none", "count")
        rows.append(
            (
                cell(reading.channel(channel)),
                cell(allowed.indicators if allowed else none),
                cell(allowed.first_choice if allowed else none),
                cell(used.indicators if used else none), cell(used.observations if used else none),
                cell(used.share_known if used else none),
            )
        )  # fmt: skip
    columns = heads(
        material, ("渠道", "Channel", "left", 1.6), ("可用于（项）", "May supply", "right", 1.0),
        ("首选用于（项）", "Preferred for", "right", 1.0), ("实际采集（项）", "Supplied", "right", 1.1),
        ("记录数", "Records", "right", 1.0), ("有值比例", "With a value", "right", 1.0),
    )  # fmt: skip
    return Made(columns, tuple(rows), material.data_sources)


def _difference(one: Number, other: Number) -> Number:
    """Return how far two figures lie apart, unrounded as in the other rows."""
    apart = None if one.value is None or other.value is None else one.value - other.value
    return replace(one, value=apart, source=f"over|{one.source}|{other.source}", plus=True)


def nodes(material: Material) -> Made:
    """Return the scores of one city from the index to the indicators, beside the means of all."""
    framework, rows = material.result.framework, list[Row]()
    levels = {1: material.evidence.lines("standings:1"), 2: material.evidence.lines("standings:2")}
    found = {line.raw("code"): line for lines in levels.values() for line in lines}
    whole = material.evidence.line("against", code=framework.root.code)
    rows.append(
        (
            cell(material.name(framework.root.code), strong=True), cell(whole.value, strong=True),
            cell(whole.rank), cell(whole.mean_all),
            cell(_difference(whole.value, whole.mean_all)),
        )
    )  # fmt: skip
    for code in framework.codes:
        if code not in found:
            continue
        line, level = found[code], framework.levels[code]
        rows.append(
            (
                cell(material.name(code), strong=level == 1, indent=level),
                cell(line.value, strong=level == 1), cell(line.rank), cell(line.mean),
                cell(line.difference.signed()),
            )
        )  # fmt: skip
    columns = heads(
        material, ("指标", "Node", "left", 3.0), ("得分", "Score", "right", 0.8),
        ("名次", "Rank", "right", 0.7), ("全部平均", "Mean of all", "right", 0.9),
        ("与平均之差", "Difference", "right", 1.0),
    )  # fmt: skip
    note = said(
        material,
        "差值按未取整的得分计算，可能与表中两数之差相差末位一个单位。",
        "Differences are of unrounded scores and may be off by one in the last digit.",
    )
    return Made(columns, tuple(rows), material.data_sources, note)


def peers(material: Material) -> Made:
    """Return the scores of one city beside those of the cities nearest in size."""
    units = [material.unit, *(line.raw("peer_code") for line in material.evidence.lines("peers"))]
    root, codes = material.result.framework.root.code, material.pillars
    rows = [
        (
            cell(material.unit_name(unit), strong=unit == material.unit),
            *(cell(material.score(unit, code), strong=code == root) for code in (root, *codes)),
        )
        for unit in units
    ]
    columns = [*heads(material, ("名称", "Name", "left", 1.4), ("总得分", "Index", "right", 0.9))]
    columns += [Column(material.name(code).text, "right", 1.0) for code in codes]
    return Made(tuple(columns), tuple(rows), material.data_sources)


def grade_means(material: Material) -> Made:
    """Return the means of one grade at the pillars and their children, beside those of all."""
    own = {line.raw("code"): line for line in material.evidence.lines("groups:grade", group=material.grade)}
    rows: list[Row] = []
    for code in material.result.framework.codes:
        line = own.get(code)
        if line is None:
            continue
        level, every = material.result.framework.levels[code], material.evidence.line("describe", code=code)
        rows.append(
            (
                cell(material.name(code), strong=level < 2, indent=level), cell(line.mean, strong=level < 2),
                cell(line.sd), cell(every.mean),
            )
        )  # fmt: skip
    columns = heads(
        material, ("指标", "Node", "left", 3.0), ("本梯队平均", "Mean of the grade", "right", 1.1),
        ("标准差", "SD", "right", 0.8), ("全部平均", "Mean of all", "right", 1.0),
    )  # fmt: skip
    return Made(columns, tuple(rows), material.data_sources, _sd_note(material))


def grade_members(material: Material) -> Made:
    """Return the scores of the units of a grade, best first."""
    result = material.result
    pairs = zip(result.row_labels, result.grades, strict=True)
    return _ranked(material, None, {unit for unit, grade in pairs if grade == material.grade})


def weight_stability(material: Material) -> Made:
    """Return between which weights of each pillar the first place, the grades and all ranks stay."""
    lines, rows = material.evidence.lines("robust_weights"), list[Row]()
    heads_of = {
        "first": ("首位不变", "First place stays"), "grades": ("等级均不变", "All grades stay"),
        "ranks": ("名次均不变", "All ranks stay"),
    }  # fmt: skip
    hidden = {"first"} if material.units_shown == "grades" else set()
    shown = [
        what
        for what in heads_of
        if what not in hidden and any(getattr(line, f"{what}_low") for line in lines)
    ]
    for line in lines:
        found = [_interval(material, line, what) for what in shown]
        rows.append((cell(material.name(line.raw("code"))), cell(line.weight), *found))
    columns = heads(
        material, ("一级指标", "Pillar", "left", 2.0), ("现权重", "Weight", "right", 0.9),
        *((*heads_of[what], "right", 1.5) for what in shown),
    )  # fmt: skip
    note = said(
        material,
        "每次只变动一个权重，其余权重按现有比例分配余下的部分；只列一个数的，区间两端印出的数值相同。",
        "One weight at a time is moved; the others share what is left in the proportions they have. "
        "Where one figure stands, both ends of the interval print alike.",
    )
    return Made(columns, tuple(rows), material.data_sources, note)


def _interval(material: Material, line: Line, what: str) -> Cell:
    """Return an interval of weights; one whose ends print alike as one figure."""
    low, high = getattr(line, f"{what}_low"), getattr(line, f"{what}_high")
    if not low or not high or low.text == high.text:
        return cell(low)
    first, last = (Bound(end.text, end.source, end.value) for end in (low, high))
    return Cell((first, Text(said(material, "—", "–")), last))


GRIDS: Mapping[str, Callable[..., Made]] = {
    "grades": grades, "leaders": leaders, "ranking": ranking, "means": means, "index": index,
    "method": method, "channels": channels, "nodes": nodes, "peers": peers, "grade-means": grade_means,
    "grade-members": grade_members, "weight-stability": weight_stability,
}  # fmt: skip
