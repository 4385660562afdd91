"""What can be wrong with full marks, roles and schemes: points that do not add up, roles out of place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, isclose

from citygauge.framework.model import BONUS, DEDUCTION, VETO, Node, adds_up, full_marks
from citygauge.framework.scheme import format_scheme
from citygauge.problems import Problems, Where

Locate = Callable[[str, str], Where]


@dataclass(frozen=True, slots=True)
class _Tree:
    """The nodes in pre-order with their full marks and children, and where their cells stand."""

    nodes: Mapping[str, Node]
    marks: Mapping[str, float]
    children: Mapping[str, Sequence[Node]]
    above: Mapping[str, str]  # role of the nearest node above that has one
    where: Locate


def check_points(nodes: Sequence[Node], where: Locate, problems: Problems) -> None:
    """Note every problem of full marks, roles, caps and schemes.

    Parameters
    ----------
    nodes : sequence of Node
        In pre-order.
    where : callable
        ``where(code, column)`` gives the place of a node's cell.
    """
    if not any(node.points or node.cap or node.role or node.scheme for node in nodes):
        return
    children: dict[str, list[Node]] = {}
    roles: dict[str, str] = {}
    above: dict[str, str] = {}
    for node in nodes:
        if node.parent is not None:
            children.setdefault(node.parent, []).append(node)
            above[node.code] = roles[node.parent]
        roles[node.code] = node.role or above.get(node.code, "")
    tree = _Tree({node.code: node for node in nodes}, full_marks(nodes), children, above, where)
    for node in nodes:
        _check_scheme(node, tree, problems)
        if node.role:
            _check_role(node, tree, problems)
        if node.cap is not None:
            _check_cap(node, tree, problems)
    for parent, below in children.items():
        _check_sum(tree.nodes[parent], [node for node in below if not node.role], tree, problems)


def _check_role(node: Node, tree: _Tree, problems: Problems) -> None:
    """A role needs a parent with marks, no role above, no weight; a veto is a leaf."""
    place = tree.where(node.code, "role")
    if node.parent is None:
        problems.add("framework.role-of-root", place, code=node.code)
        return
    if above := tree.above[node.code]:
        problems.add("framework.nested-role", place, code=node.code, role=node.role, above=above)
    if node.weight is not None:
        cell = tree.where(node.code, "weight")
        problems.add("framework.weight-of-role", cell, code=node.code, role=node.role)
    whole = tree.marks.get(node.parent)
    lacking = [code for code in (node.code, node.parent) if code not in tree.marks]
    if node.role == VETO:
        if tree.children.get(node.code):
            problems.add("framework.veto-with-children", place, code=node.code)
        lacking = [node.parent] if node.points is not None and whole is None else []
        if node.points is not None and whole is not None and node.points >= whole:
            values = {"code": node.code, "points": node.points, "parent": node.parent, "whole": whole}
            problems.add("framework.idle-veto", tree.where(node.code, "points"), **values)
    if lacking:
        place = tree.where(lacking[0], "points")
        problems.add("framework.role-without-points", place, code=node.code, role=node.role, codes=lacking)


def _check_cap(node: Node, tree: _Tree, problems: Problems) -> None:
    """A cap lies above full marks that a bonus can exceed; below them only where bonuses are added up."""
    place, marks = tree.where(node.code, "cap"), tree.marks.get(node.code)
    if marks is None or node.cap is None:
        problems.add("framework.cap-without-points", place, code=node.code)
        return
    below = tree.children.get(node.code, ())
    lowers = node.role in {BONUS, DEDUCTION} and bool(below) and node.cap < marks
    if node.cap < marks and not lowers:
        problems.add("framework.cap-below-points", place, code=node.code, cap=node.cap, points=marks)
    elif not lowers and not any(child.role == BONUS or child.cap is not None for child in below):
        problems.add("framework.idle-cap", place, code=node.code, cap=node.cap)


def _check_sum(parent: Node, counted: Sequence[Node], tree: _Tree, problems: Problems) -> None:
    """Children that count have points all or none, in proportion to weights, and add up to the parent's."""
    if not counted:
        problems.add("framework.nothing-counts", tree.where(parent.code, "code"), code=parent.code)
        return
    blank = [node.code for node in counted if node.code not in tree.marks]
    is_stated = any(node.points is not None for node in counted)
    if blank:
        unweighted = any(node.weight is None for node in counted)
        if len(blank) < len(counted) and (is_stated or unweighted):
            place = tree.where(blank[0], "points")
            problems.add("framework.mixed-points", place, parent=parent.code, codes=blank)
        return
    if not adds_up(counted, tree.marks):
        if is_stated:
            place, codes = tree.where(counted[0].code, "points"), [node.code for node in counted]
            problems.add("framework.weights-against-points", place, parent=parent.code, codes=codes)
        return
    total = fsum(tree.marks[node.code] for node in counted)
    if parent.points is not None and not isclose(parent.points, total, rel_tol=1e-9):
        values = {"code": parent.code, "points": parent.points, "codes": [node.code for node in counted]}
        problems.add("framework.points-sum", tree.where(parent.code, "points"), total=total, **values)


def _check_scheme(node: Node, tree: _Tree, problems: Problems) -> None:
    """A scheme stands alone, needs the marks it gives, and fits role and direction."""
    if node.scheme is None:
        return
    place, role = tree.where(node.code, "scheme"), node.role or tree.above.get(node.code, "")
    if node.rubric or node.low is not None:
        problems.add("framework.scheme-and-rubric", place, code=node.code)
    bands = bool(node.scheme.bands)
    if (role == VETO and not bands) or (role == DEDUCTION and node.scheme.each < 0):
        values = {"code": node.code, "role": role, "scheme": format_scheme(node.scheme)}
        problems.add("framework.scheme-of-role", place, **values)
    marks = tree.marks.get(node.code)
    if role == VETO:
        return
    if marks is None:
        problems.add("framework.scheme-without-points", tree.where(node.code, "points"), code=node.code)
    elif bands and node.scheme.most > marks:
        most = node.scheme.most
        problems.add("framework.scheme-beyond-points", place, code=node.code, most=most, points=marks)
    if not role and node.direction == -node.scheme.slope and node.scheme.slope:
        problems.add("framework.scheme-direction", tree.where(node.code, "direction"), code=node.code)
