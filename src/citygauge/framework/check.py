"""What can be wrong with an index tree, checked on all of it before anything is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from math import nan
from typing import Protocol

import polars as pl

from citygauge.files import Sheet, finite_number
from citygauge.framework.model import DEDUCTION, SCALES, VETO, Framework, Node
from citygauge.framework.points import check_points
from citygauge.problems import Problems, Where

RESERVED = ("unit_code", "notice")  # columns of the tables that hold results


class Locate(Protocol):
    """Gives the place of a node's cell."""

    def __call__(self, index: int, column: str | None = None, /) -> Where:
        """Return the place of a cell of the node with this number."""
        ...


def check_nodes(nodes: Sequence[Node], where: Locate, frame: pl.DataFrame, problems: Problems) -> None:
    """Note every problem of a list of nodes.

    Parameters
    ----------
    nodes : sequence of Node
        As read, in any order.
    where : callable
        ``where(index, column)`` gives the place of a node's cell.
    frame : DataFrame
        The table as read, for the stated level of each node.
    """
    _check_codes(nodes, where, problems)
    _check_tree(nodes, where, problems)
    _check_levels(nodes, where, frame, problems)
    _check_weights(nodes, where, problems)
    parents = {node.parent for node in nodes}
    for index, node in enumerate(nodes):
        _check_measurement(node, node.code in parents, partial(where, index), problems)
    place = {node.code: index for index, node in enumerate(nodes)}
    check_points(in_pre_order(nodes), lambda code, column: where(place[code], column), problems)


def in_pre_order(nodes: Iterable[Node]) -> list[Node]:
    """Return the nodes with every parent before its children, siblings in the given order."""
    children: dict[str | None, list[Node]] = {}
    for node in nodes:
        children.setdefault(node.parent, []).append(node)
    ordered: list[Node] = []
    stack = list(children.get(None, ()))
    while stack:
        node = stack.pop()
        ordered.append(node)
        stack.extend(reversed(children.pop(node.code, ())))  # once, even where codes repeat in a circle
    return ordered


def check_weight_sets(
    framework: Framework, sets: Sequence[tuple[str, Sheet]], problems: Problems
) -> dict[str, dict[str, float]]:
    """Return the weight sets as numbers, noting unknown codes, bad numbers and half-weighted groups."""
    found: dict[str, dict[str, float]] = {}
    for name, sheet in sets:
        missing = [column for column in ("code", "weight") if column not in sheet.frame.columns]
        if missing:
            problems.add("weights.missing-column", sheet.where(), set=name, columns=missing)
            continue
        found[name] = _weight_set(framework, name, sheet, problems)
        for parent in framework.aggregates:
            children = framework.counted(parent)
            absent = [code for code in children if code not in found[name]]
            if 0 < len(absent) < len(children):
                problems.add("weights.partial-group", sheet.where(), set=name, parent=parent, codes=absent)
            elif not absent and not any(found[name][code] for code in children):
                problems.add("weights.all-zero", sheet.where(), set=name, parent=parent)
    return found


def _weight_set(framework: Framework, name: str, sheet: Sheet, problems: Problems) -> dict[str, float]:
    weights: dict[str, float] = {}
    for index, (code, text) in enumerate(sheet.frame.select("code", "weight").iter_rows()):
        if code is None and text is None:
            continue
        where = sheet.where(index, "weight")
        if code not in framework:
            near = get_close_matches(code or "", framework.codes, 3)
            problems.add(
                "weights.unknown-code", sheet.where(index, "code"), set=name, value=code or "", near=near
            )
            continue
        if code in weights:
            problems.add("weights.repeated-code", sheet.where(index, "code"), set=name, code=code)
        weight = finite_number(text or "")
        weights[code] = nan if weight is None else weight
        if weight is None:
            problems.add("weights.not-a-number", where, set=name, code=code, value=text or "")
        elif framework[code].role:
            problems.add("weights.of-role", where, set=name, code=code, role=framework[code].role)
        elif weights[code] < 0:
            problems.add("weights.negative", where, set=name, code=code, value=text or "")
    return weights


def _check_codes(nodes: Sequence[Node], where: Locate, problems: Problems) -> None:
    first: dict[str, int] = {}
    for index, node in enumerate(nodes):
        if not node.code:
            problems.add("framework.no-code", where(index, "code"))
        elif node.code in RESERVED:
            problems.add(
                "framework.reserved-code", where(index, "code"), code=node.code, codes=list(RESERVED)
            )
        elif node.code in first:
            problems.add(
                "framework.duplicate-code",
                where(index, "code"),
                code=node.code,
                first=where(first[node.code]).row or 0,
            )
        else:
            first[node.code] = index
        if node.code and not node.name:
            problems.add("framework.no-name", where(index, "name_en"), code=node.code)


def _check_tree(nodes: Sequence[Node], where: Locate, problems: Problems) -> None:
    codes = [node.code for node in nodes]
    known = set(codes)
    roots = [node.code for node in nodes if node.parent is None]
    if len(roots) > 1:
        problems.add("framework.several-roots", where(codes.index(roots[1]), "parent"), codes=roots)
    if not roots:
        problems.add("framework.no-root", where(0, "parent"))
    for index, node in enumerate(nodes):
        if node.parent is not None and node.parent not in known:
            near = get_close_matches(node.parent, codes, 3)
            problems.add(
                "framework.unknown-parent",
                where(index, "parent"),
                code=node.code,
                parent=node.parent,
                near=near,
            )
    for loop in cycles({node.code: node.parent for node in nodes}):
        problems.add("framework.cycle", where(codes.index(loop[0]), "parent"), codes=[*loop, loop[0]])


def cycles(parent_of: Mapping[str, str | None] | Mapping[str, str]) -> list[list[str]]:
    """Return each cycle of a mapping once, such as child → parent or corrected → correction."""
    done: set[str] = set()
    loops: list[list[str]] = []
    for start in parent_of:
        path: list[str] = []
        code: str | None = start
        while code is not None and code in parent_of and code not in done and code not in path:
            path.append(code)
            code = parent_of[code]
        if code in path:
            loops.append(path[path.index(code) :])
        done.update(path)
    return loops


def _check_levels(nodes: Sequence[Node], where: Locate, frame: pl.DataFrame, problems: Problems) -> None:
    """Compare the stated levels with the depth in the tree (the index is 0)."""
    if "level" not in frame.columns:
        return
    depth = {node.code: level for level, node in _with_depth(nodes)}
    stated = [level for row, level in zip(frame.iter_rows(), frame["level"], strict=True) if any(row)]
    for index, (node, level) in enumerate(zip(nodes, stated, strict=True)):
        if (
            level is not None
            and node.code in depth
            and level not in {str(depth[node.code]), f"{depth[node.code]}.0"}
        ):
            problems.add(
                "framework.wrong-level",
                where(index, "level"),
                code=node.code,
                level=level,
                depth=depth[node.code],
            )


def _with_depth(nodes: Sequence[Node]) -> list[tuple[int, Node]]:
    depth: dict[str | None, int] = {None: -1}
    found = []
    for node in in_pre_order(nodes):
        depth[node.code] = depth[node.parent] + 1
        found.append((depth[node.code], node))
    return found


def _check_weights(nodes: Sequence[Node], where: Locate, problems: Problems) -> None:
    groups: dict[str, list[int]] = {}
    for index, node in enumerate(nodes):
        if node.weight is not None and node.weight < 0:
            problems.add(
                "framework.negative-weight", where(index, "weight"), code=node.code, value=node.weight
            )
        if node.parent is not None and not node.role:
            groups.setdefault(node.parent, []).append(index)
    for parent, members in groups.items():
        blank = [i for i in members if nodes[i].weight is None]
        if 0 < len(blank) < len(members):
            problems.add(
                "framework.mixed-weights",
                where(blank[0], "weight"),
                parent=parent,
                codes=[nodes[i].code for i in blank],
            )
        elif not blank and not any(nodes[i].weight for i in members):
            problems.add("framework.all-zero-weights", where(members[0], "weight"), parent=parent)


def _check_measurement(
    node: Node, has_children: bool, where: Callable[[str], Where], problems: Problems
) -> None:
    """Note what is wrong with how a node is measured: scale, rubric, direction, denominator, unit."""
    _check_posts(node, where, problems)
    if node.scale and node.scale not in SCALES:
        problems.add(
            "framework.unknown-scale", where("scale"), code=node.code, value=node.scale, scales=list(SCALES)
        )
    if node.rubric and node.direction == -1 and not node.role:
        problems.add("framework.rubric-direction", where("direction"), code=node.code)
    if node.denominator_scale <= 0:
        place, value = where("denominator_scale"), node.denominator_scale
        problems.add("framework.denominator-scale", place, code=node.code, value=value)
    if node.denominator and node.denominator == node.code:
        problems.add("framework.own-denominator", where("denominator"), code=node.code)
    repeated = [name for name, n in Counter(node.channels).items() if n > 1]
    if repeated:
        problems.add("framework.repeated-channel", where("channels"), code=node.code, channels=repeated)
    for column in ("points", "cap"):
        if (value := getattr(node, column)) is not None and value <= 0:
            problems.add("framework.not-positive", where(column), code=node.code, column=column, value=value)
    if has_children:
        return
    has_own_sense = node.rubric or node.scheme or node.role in {DEDUCTION, VETO}
    if node.direction is None and not has_own_sense:
        problems.add("framework.no-direction", where("direction"), code=node.code)
    if not node.unit:
        problems.add("framework.no-unit", where("unit"), code=node.code)


def _check_posts(node: Node, where: Callable[[str], Where], problems: Problems) -> None:
    """Goalposts come in pairs, in order, without a rubric; a target range is in order too."""
    if (node.low is None) != (node.high is None):
        problems.add("framework.half-goalposts", where("low" if node.low is None else "high"), code=node.code)
    if node.low is not None and node.rubric:
        problems.add("framework.rubric-and-goalposts", where("rubric"), code=node.code)
    if node.low is not None and node.high is not None:
        values = {"code": node.code, "low": node.low, "high": node.high}
        if node.low >= node.high:
            problems.add("framework.goalposts-order", where("low"), **values)
        elif node.scale == "share" and (node.low < 0 or node.high > 100):
            column = "low" if node.low < 0 else "high"
            problems.add("framework.share-beyond-100", where(column), **values)
    low, high = node.target_low, node.target_high
    if low is not None and high is not None and low > high:
        problems.add("framework.targets-order", where("target_low"), code=node.code, low=low, high=high)
