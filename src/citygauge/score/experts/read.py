"""Judgements of a panel as people fill them: long tables, checked against the framework.

=========== =========================================================================================
method      columns
=========== =========================================================================================
ahp         ``expert, code_a, code_b, value``: how many times a is more important than b, from 1/9 to 9,
            as ``3``, ``1/3`` or ``0.33``; one row for each pair of siblings, in either order
best-worst  ``expert, code, best_to_other, other_to_worst``: 1 to 9; one row for each sibling. The best has
            1 in ``best_to_other``, the worst has 1 in ``other_to_worst``
budget      ``expert, code, points``: one row for each sibling; the points of a group add to the budget
swing       ``expert, code, points``: the swing that matters most in its group has 100, the others less
=========== =========================================================================================

An expert may leave out whole groups of siblings, but not parts of one; in AHP some pairs may be left out as
long as the others connect the group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import isclose

import numpy as np
from numpy.typing import NDArray

from citygauge.files import Sheet, canonical_headers, finite_number
from citygauge.framework.model import Framework
from citygauge.problems import Problems, Where
from citygauge.score.experts.ahp import reached
from citygauge.score.experts.best_worst import ends
from citygauge.score.experts.panel import How

Array = NDArray[np.float64]
Answers = Mapping[str, Mapping[str, Array]]  # parent → expert → array

COLUMNS: dict[How, tuple[str, ...]] = {
    "ahp": ("expert", "code_a", "code_b", "value"),
    "best-worst": ("expert", "code", "best_to_other", "other_to_worst"),
    "budget": ("expert", "code", "points"),
    "swing": ("expert", "code", "points"),
}
_RANGE: dict[str, tuple[float, float]] = {
    "value": (1 / 9, 9.0),
    "best_to_other": (1.0, 9.0),
    "other_to_worst": (1.0, 9.0),
    "points": (0.0, float("inf")),
}
SWING = 100.0


@dataclass(frozen=True, slots=True)
class _Row:
    """One answer: who, about which codes, the figures, and where it stands."""

    expert: str
    codes: tuple[str, ...]
    figures: tuple[float, ...]
    index: int


def read_answers(
    how: How, sheet: Sheet, framework: Framework, problems: Problems, budget: float = 100.0
) -> Answers:
    """Return the answers of a table by parent and expert, noting every problem of it.

    Parameters
    ----------
    how : {"ahp", "best-worst", "budget", "swing"}
        Which table it is; the columns stand at the top of this module.
    budget : float
        What the points of a group add to, for ``budget``.

    Returns
    -------
    mapping
        parent → expert → for ``ahp`` a matrix of judgements ``(n, n)``, for ``best-worst`` the two rows
        ``(2, n)``, else points ``(n,)``; in the order of `Framework.counted`.
    """
    sheet = canonical_headers(sheet, COLUMNS[how])
    missing = [column for column in COLUMNS[how] if column not in sheet.frame.columns]
    if missing:
        problems.add("experts.missing-column", sheet.where(), columns=missing, needed=list(COLUMNS[how]))
        return {}
    reader = _Reader(how, sheet, framework, problems)
    rows = list(reader.rows())
    if not sheet.frame.height or all(blank for blank in reader.blank):
        problems.add("experts.no-answers", sheet.where())
    build = {"ahp": reader.matrix, "best-worst": reader.two_rows}.get(how, reader.points)
    answers: dict[str, dict[str, Array]] = {}
    for (parent, expert), given in _by_group(framework, rows).items():
        if reader.broken & {expert, None}:
            continue  # what is missing may stand in the rows that are noted already
        array = build(parent, expert, given)
        if array is None:
            continue
        if how == "budget" and not isclose(array.sum(), budget, rel_tol=0, abs_tol=1e-6 * budget):
            problems.add(
                "experts.wrong-budget", reader.place(given), expert=expert, parent=parent,
                total=float(array.sum()), budget=budget,
            )  # fmt: skip
        if how == "swing" and array.max() != SWING:
            problems.add(
                "experts.no-hundred",
                reader.place(given),
                expert=expert,
                parent=parent,
                most=float(array.max()),
            )
        answers.setdefault(parent, {})[expert] = array
    order = {code: place for place, code in enumerate(framework.aggregates)}
    return {parent: answers[parent] for parent in sorted(answers, key=order.__getitem__)}


def ratio_of(text: str) -> float | None:
    """Return the ratio that a cell holds, as ``3``, ``1/3``, ``1:3`` or ``0.33``; None where there is none.

    A decimal below 1 that lies within 0.005 of 1/2 … 1/9 is read as that fraction.

    Examples
    --------
    >>> ratio_of("3"), ratio_of("1/4"), ratio_of("0.2"), ratio_of("2026-01-03")
    (3.0, 0.25, 0.2, None)
    """
    parts = [
        finite_number(part)
        for part in text.replace("／", "/").replace("：", "/").replace(":", "/").split("/")
    ]
    if len(parts) > 2 or parts[0] is None or parts[-1] is None:
        return None
    if len(parts) == 2:
        return parts[0] / parts[1] if parts[1] else None
    value = parts[0]
    if 0.1 < value < 1:
        fraction = 1 / min(max(round(1 / value), 2), 9)
        return fraction if abs(value - fraction) <= 0.005 + 1e-12 else value
    return value


class _Reader:
    """Reads the rows of one table and the answers of one expert about one group."""

    def __init__(self, how: How, sheet: Sheet, framework: Framework, problems: Problems) -> None:
        self.how, self.sheet, self.framework, self.problems = how, sheet, framework, problems
        columns = COLUMNS[how]
        self.of_codes = columns[1:3] if how == "ahp" else columns[1:2]
        self.of_figures = columns[1 + len(self.of_codes) :]
        self.blank: list[bool] = []
        self.broken: set[str | None] = (
            set()
        )  # experts with rows that cannot be used; None: nobody knows whose
        self.siblings = {
            code: parent for parent in framework.aggregates for code in framework.counted(parent)
        }

    def rows(self) -> Iterator[_Row]:
        """Give the rows that can be used; empty ones are passed over, others are noted."""
        columns = COLUMNS[self.how]
        seen: dict[tuple[str, frozenset[str]], _Row] = {}
        for index, cells in enumerate(self.sheet.frame.select(columns).iter_rows()):
            self.blank.append(all(cell is None for cell in cells))
            if self.blank[-1]:
                continue
            texts = dict(zip(columns, cells, strict=True))
            row = self._row(index, texts)
            if row is None:
                self.broken.add(texts["expert"])
                continue
            first = seen.setdefault((row.expert, frozenset(row.codes)), row)
            if first is row:
                yield row
            else:
                self._again(row, first)

    def _row(self, index: int, texts: Mapping[str, str | None]) -> _Row | None:
        fine = True
        for column, text in texts.items():
            if text is None:
                self.problems.add("experts.blank-cell", self.sheet.where(index, column), column=column)
                fine = False
        codes = [texts[column] for column in self.of_codes]
        known = [self._known(index, column, texts[column]) for column in self.of_codes]
        figures = [self._figure(index, column, texts[column]) for column in self.of_figures]
        if not fine or not all(known) or None in figures:
            return None
        if len(codes) == 2 and not self._comparable(index, str(codes[0]), str(codes[1])):
            return None
        found = tuple(figure for figure in figures if figure is not None)
        return _Row(str(texts["expert"]), tuple(map(str, codes)), found, index)

    def _known(self, index: int, column: str, code: str | None) -> bool:
        where = self.sheet.where(index, column)
        if code is None:
            return False
        if code not in self.framework:
            near = get_close_matches(code, self.framework.codes, 3)
            self.problems.add("experts.unknown-code", where, value=code, near=near)
        elif code not in self.siblings:
            self.problems.add("experts.no-weight", where, code=code)
        return code in self.siblings

    def _figure(self, index: int, column: str, text: str | None) -> float | None:
        if text is None:
            return None
        where, (low, high) = self.sheet.where(index, column), _RANGE[column]
        value = ratio_of(text) if column == "value" else finite_number(text)
        if value is None:
            self.problems.add("experts.not-a-number", where, value=text)
        elif not low - 1e-9 <= value <= high + 1e-9:
            span = "1/9–9" if column == "value" else "≥ 0" if column == "points" else "1–9"
            self.problems.add("experts.out-of-range", where, value=text, range=span)
            return None
        return value

    def _comparable(self, index: int, code_a: str, code_b: str) -> bool:
        where = self.sheet.where(index, "code_b")
        if code_a == code_b:
            self.problems.add("experts.with-itself", where, code=code_a)
        elif self.siblings[code_a] != self.siblings[code_b]:
            parents = [self.siblings[code_a], self.siblings[code_b]]
            self.problems.add("experts.not-siblings", where, codes=[code_a, code_b], parents=parents)
        return code_a != code_b and self.siblings[code_a] == self.siblings[code_b]

    def _again(self, row: _Row, first: _Row) -> None:
        """Note an answer that was given before, the same one or another."""
        turned = row.codes != first.codes
        figures = tuple(1 / figure for figure in row.figures) if turned else row.figures
        where = self.sheet.where(row.index, self.of_figures[0])
        before = self.sheet.where(first.index).row or 0
        if np.allclose(figures, first.figures, rtol=1e-9, atol=0):
            self.problems.add("experts.repeated", where, expert=row.expert, codes=row.codes, first=before)
        else:
            self.problems.add(
                "experts.contradicting", where, expert=row.expert, codes=row.codes, first=before
            )

    def place(self, given: list[_Row]) -> Where:
        """Return where the answers of an expert about a group begin."""
        return self.sheet.where(given[0].index)

    def points(self, parent: str, expert: str, given: list[_Row]) -> Array | None:
        """Return the points of the group, None where some are missing."""
        rows = self._all_codes(parent, expert, given)
        return None if rows is None else rows[0]

    def two_rows(self, parent: str, expert: str, given: list[_Row]) -> Array | None:
        """Return best to others and others to worst, None where they do not fit together."""
        rows = self._all_codes(parent, expert, given)
        if rows is None:
            return None
        where, codes = self.place(given), self.framework.counted(parent)
        told = {"expert": expert, "parent": parent}
        if not (rows[0] == 1).any():
            self.problems.add("experts.no-best", where, **told)
        if not (rows[1] == 1).any():
            self.problems.add("experts.no-worst", where, **told)
        if not (rows == 1).any(axis=1).all():
            return None
        best, worst = ends(rows[0], rows[1])
        whole, again = float(rows[0, worst]), float(rows[1, best])
        if whole != again:
            self.problems.add(
                "experts.two-answers",
                where,
                **told,
                best=codes[best],
                worst=codes[worst],
                first=whole,
                second=again,
            )
            return None
        beyond = [codes[i] for i in np.flatnonzero((rows > whole).any(axis=0))]
        if beyond:
            self.problems.add("experts.beyond-worst", where, **told, codes=beyond, most=whole)
            return None
        return rows

    def matrix(self, parent: str, expert: str, given: list[_Row]) -> Array | None:
        """Return the matrix of judgements, None where they do not connect the group."""
        codes = self.framework.counted(parent)
        place = {code: i for i, code in enumerate(codes)}
        result = np.full((len(codes), len(codes)), np.nan)
        np.fill_diagonal(result, 1.0)
        for row in given:
            i, j = (place[code] for code in row.codes)
            result[i, j], result[j, i] = row.figures[0], 1 / row.figures[0]
        known = ~np.isnan(result)
        seen = reached(known)
        if not seen.all():
            first, rest = ([code for code, on in zip(codes, seen, strict=True) if on is side] for side in
                           (np.True_, np.False_))  # fmt: skip
            self.problems.add(
                "experts.not-connected",
                self.place(given),
                expert=expert,
                parent=parent,
                codes=first,
                rest=rest,
            )
            return None
        absent = [f"{codes[i]} : {codes[j]}" for i, j in zip(*np.nonzero(np.triu(~known)), strict=True)]
        if absent:
            self.problems.add(
                "experts.missing-pairs", self.place(given), expert=expert, parent=parent, pairs=absent
            )
        return result

    def _all_codes(self, parent: str, expert: str, given: list[_Row]) -> Array | None:
        codes = self.framework.counted(parent)
        figures = {row.codes[0]: row.figures for row in given}
        absent = [code for code in codes if code not in figures]
        if absent:
            self.problems.add(
                "experts.missing-codes", self.place(given), expert=expert, parent=parent, codes=absent
            )
            return None
        return np.array([figures[code] for code in codes]).T


def _by_group(framework: Framework, rows: list[_Row]) -> dict[tuple[str, str], list[_Row]]:
    groups: dict[tuple[str, str], list[_Row]] = {}
    for row in rows:
        groups.setdefault((framework[row.codes[0]].parent or "", row.expert), []).append(row)
    return groups
