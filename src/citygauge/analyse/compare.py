"""Results under several methods side by side: values, ranks, shifts, and how far the rankings agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.corridor import assess
from citygauge.framework.model import Framework
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.result import NOTICE, Result
from citygauge.score.method import Method
from citygauge.workspace import Workspace

Array = NDArray[np.float64]

RANKED, NO_SCORE, SCREENED_OUT = "ranked", "no_score", "screened_out"
TOP = 10  # units whose overlap at the head of two rankings is counted

_UNIT: dict[str, Any] = {"unit_code": pl.String, "name_zh": pl.String, "name_en": pl.String}
_ROWS: dict[str, Any] = _UNIT | {
    "code": pl.String, "method": pl.String, "value": pl.Float64, "rank": pl.Int64, "shift": pl.Int64,
    "grade": pl.String, "state": pl.String,
}  # fmt: skip
_SUMMARY: dict[str, Any] = {
    "code": pl.String, "method": pl.String, "against": pl.String, "n": pl.Int64, "only_first": pl.Int64,
    "only_other": pl.Int64, "mean_abs_shift": pl.Float64, "max_abs_shift": pl.Int64,
    "spearman": pl.Float64, "kendall": pl.Float64, "top_first": pl.Int64, "top_shared": pl.Int64,
    "grade_changes": pl.Int64,
}  # fmt: skip
_CHANGES: dict[str, Any] = _UNIT | {"method": pl.String, "before": pl.String, "after": pl.String}


@dataclass(frozen=True, repr=False)
class Comparison:
    """The outcome of `compare`, immutable; the first method is what the others are held against.

    Attributes
    ----------
    results : mapping
        Name of each method → its `Result`.
    warnings : tuple of Problem
        What was noted under any method: once where all of them note it, else with the method's name as the
        file. On illustrative data under the neutral names of the first result.
    """

    results: Mapping[str, Result]
    warnings: tuple[Problem, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the methods, in their order."""
        return tuple(self.results)

    @property
    def first(self) -> Result:
        """The result that the others are held against."""
        return self.results[self.names[0]]

    @property
    def framework(self) -> Framework:
        """The framework that was assessed."""
        return self.first.framework

    @property
    def illustrative(self) -> bool:
        """Whether the data are illustrative, so that nobody is ranked by name."""
        return self.first.illustrative

    @cached_property
    def shown(self) -> Mapping[str, tuple[str, str, str]]:
        """Code, Chinese and English name under which each assessed unit is shown under every method."""
        return shown(self.first)

    def node(self, code: str | None) -> str:
        """Return the code of a node, of the index where None is given.

        Raises
        ------
        InputError
            ``compare.unknown-node``.
        """
        return known_node(code, self.framework)

    def values(self, name: str, code: str | None = None) -> Array:
        """Return the value of each assessed unit at a node under a method; NaN without one."""
        return self._whole(name, self.results[name].aggregated.column(self.node(code)))

    def ranks(self, name: str, code: str | None = None) -> Array:
        """Return the rank of each assessed unit at a node under a method; NaN without one."""
        result = self.results[name]
        ranks = result.ranks[:, result.aggregated.codes.index(self.node(code))].astype(float)
        return self._whole(name, np.where(ranks == 0, np.nan, ranks))

    def _whole(self, name: str, column: Array) -> Array:
        """Return a column of the units that stayed as one of all assessed units."""
        units = self.first.derived.units
        place = {unit: row for row, unit in enumerate(units)}
        whole = np.full(len(units), np.nan)
        whole[[place[unit] for unit in self.results[name].aggregated.units]] = column
        return whole

    def table(self, codes: Sequence[str] | None = None) -> pl.DataFrame:
        """Return one row for each unit, node and method.

        Parameters
        ----------
        codes : sequence of str, optional
            Nodes; by default the index.

        Returns
        -------
        DataFrame
            ``unit_code, name_zh, name_en, code, method, value, rank, shift, grade, state``; units in the
            order of the first ranking of each node. `shift` is the rank under the first method less the rank
            under this one: above 0 stands better here. It is null where the unit lacks a rank under either,
            and `state` says why: ``ranked``, ``no_score`` or ``screened_out``. `grade` stands at the index
            only.
            On illustrative data units bear neutral names, grades are null and there is a `notice`.

        Raises
        ------
        InputError
            ``compare.unknown-node``.
        """
        rows = [row for code in codes or [self.framework.root.code] for row in self._rows(self.node(code))]
        return noticed(pl.DataFrame(rows, schema=_ROWS, orient="row"), self.first)

    def _rows(self, code: str) -> list[tuple[Any, ...]]:
        units = self.first.derived.units
        before = self.ranks(self.names[0], code)
        columns = {
            name: (
                self.values(name, code),
                self.ranks(name, code),
                self._grades(name, code),
                self._states(name),
            )
            for name in self.names
        }
        order = sorted(
            range(len(units)), key=lambda i: (np.nan_to_num(before[i], nan=np.inf), self.shown[units[i]][0])
        )
        return [
            (
                *self.shown[units[i]], code, name, number(values[i]), whole(ranks[i]),
                whole(before[i] - ranks[i]), grades.get(units[i]),
                NO_SCORE if np.isnan(values[i]) and states[units[i]] == RANKED else states[units[i]],
            )
            for i in order
            for name, (values, ranks, grades, states) in columns.items()
        ]  # fmt: skip

    def _states(self, name: str) -> dict[str, str]:
        stayed = set(self.results[name].aggregated.units)
        return {unit: RANKED if unit in stayed else SCREENED_OUT for unit in self.first.derived.units}

    def _grades(self, name: str, code: str) -> dict[str, str | None]:
        """Return the grade of each unit where it may be shown: at the index, and not beside neutral names."""
        if self.illustrative or code != self.framework.root.code:
            return {}
        result = self.results[name]
        return {unit: own or None for unit, own in zip(result.units.codes, result.grades, strict=False)}

    def summary(self, codes: Sequence[str] | None = None) -> pl.DataFrame:
        """Return how far each other method agrees with the first.

        Parameters
        ----------
        codes : sequence of str, optional
            Nodes; by default the index.

        Returns
        -------
        DataFrame
            ``code, method, against, n, only_first, only_other, mean_abs_shift, max_abs_shift, spearman,
            kendall, top_first, top_shared, grade_changes``. `n` units have a rank under both methods, and the
            shifts and correlations are theirs; `only_first` and `only_other` count those with a rank under
            one alone. `spearman` is the correlation of ranks with ties at their mean, `kendall` is tau-b;
            both are null for fewer than two units and where all share a rank. `top_first` units stand among
            the first 10 of the first method (more at a tie), `top_shared` of them under the other one too.
            `grade_changes` is null off the index and where the two methods have not the same classes.

        Raises
        ------
        InputError
            ``compare.unknown-node``.
        """
        rows = [
            self._agreement(self.node(code), name)
            for code in codes or [self.framework.root.code]
            for name in self.names[1:]
        ]
        return noticed(pl.DataFrame(rows, schema=_SUMMARY, orient="row"), self.first)

    def _agreement(self, code: str, name: str) -> tuple[Any, ...]:
        before, after = self.ranks(self.names[0], code), self.ranks(name, code)
        has_before, has_after = ~np.isnan(before), ~np.isnan(after)
        both = has_before & has_after
        shifts = np.abs(before - after)[both]
        top = before <= TOP
        return (
            code, name, self.names[0], int(both.sum()), int((has_before & ~has_after).sum()),
            int((has_after & ~has_before).sum()), float(shifts.mean()) if shifts.size else None,
            int(shifts.max()) if shifts.size else None, *agreement(before[both], after[both]),
            int(top.sum()), int((top & (after <= TOP)).sum()), self._graded_otherwise(code, name),
        )  # fmt: skip

    def _graded_otherwise(self, code: str, name: str) -> int | None:
        if code != self.framework.root.code or (changed := self._changed(name)) is None:
            return None
        return len(changed)

    def _changed(self, name: str) -> list[tuple[str, str, str]] | None:
        """Return units with their two grades; None where the methods have not the same classes."""
        one, other = self.first, self.results[name]
        if one.scale is None or other.scale is None:
            return None
        if [grade.id for grade in one.scale.grades] != [grade.id for grade in other.scale.grades]:
            return None
        before = dict(zip(one.units.codes, one.grades, strict=True))
        after = dict(zip(other.units.codes, other.grades, strict=True))
        both = [unit for unit in before if before[unit] and after.get(unit)]
        return [(unit, before[unit], after[unit]) for unit in both if before[unit] != after[unit]]

    @cached_property
    def grade_changes(self) -> pl.DataFrame:
        """Units whose grade changes: ``unit_code, name_zh, name_en, method, before, after``.

        Empty on illustrative data, where a grade does not stand beside another figure of a unit.
        """
        rows = [
            (*self.shown[unit], name, before, after)
            for name in self.names[1:]
            for unit, before, after in self._changed(name) or []
            if not self.illustrative
        ]
        return noticed(pl.DataFrame(rows, schema=_CHANGES, orient="row"), self.first)

    def __repr__(self) -> str:
        """Name the methods, and no figure of any unit."""
        notice = f", {NOTICE['en']}" if self.illustrative else ""
        return f"<Comparison: {', '.join(self.names)}{notice}>"


def compare(workspace: Workspace, methods: Mapping[str, Method]) -> Comparison:
    """Return the results of a workspace under several methods, side by side.

    Parameters
    ----------
    workspace : Workspace
    methods : mapping of str to Method
        At least two, by the names they are shown under; the others are held against the first.

    Raises
    ------
    InputError
        ``compare.too-few``, and all problems of all methods; each names its method as the file where not all
        of them have it.

    Examples
    --------
    >>> compare(workspace, {"a": one, "b": other}).summary()  # doctest: +SKIP
    """
    if len(methods) < 2:
        raise InputError([Problem("compare.too-few", Where(), {"count": len(methods)})])
    results, failed = {}, {}
    for name, method in methods.items():
        try:
            results[name] = assess(workspace, method)
        except InputError as error:
            failed[name] = error.problems
    if failed:
        raise InputError(_of_methods(failed, len(methods)))
    first = next(iter(results.values()))
    # `noted` holds codes; a result's own `warnings` would number neutral names by its own scores.
    told = {name: replace(first, noted=result.noted).warnings for name, result in results.items()}
    return Comparison(results, tuple(_of_methods(told, len(methods))))


def _of_methods(noted: Mapping[str, Iterable[Problem]], count: int) -> Problems:
    """Return what several methods note: what all of them do once, the rest under the method's name."""
    found, lists = Problems(), {name: list(problems) for name, problems in noted.items()}
    for name, problems in lists.items():
        for problem in problems:
            is_common = len(lists) == count and all(problem in other for other in lists.values())
            is_placed = is_common or problem.where.file is not None
            own = problem if is_placed else replace(problem, where=replace(problem.where, file=name))
            found.add_once([own])
    return found


def agreement(before: Array, after: Array) -> tuple[float | None, float | None]:
    """Return Spearman's rank correlation and Kendall's tau-b of two rankings.

    Parameters
    ----------
    before, after : (n,) float
        Ranks, or anything in their order; ties are equal numbers; no NaN.

    Returns
    -------
    pair of float or None
        Each from -1 to 1; None for fewer than two units and where either ranking ties them all. Spearman's
        is the correlation of ranks with ties at their mean; tau-b is ``(C - D) / √((C + D + T)(C + D + U))``
        with C concordant and D discordant pairs, T and U pairs tied in one ranking alone. Source: M. G.
        Kendall, The treatment of ties in ranking problems, Biometrika 33 (1945), 239–251,
        doi:10.1093/biomet/33.3.239.

    Examples
    --------
    >>> spearman, kendall = agreement(np.array([1.0, 2, 3]), np.array([1.0, 3, 2]))
    >>> round(spearman, 3), round(kendall, 3)
    (0.5, 0.333)
    """
    from scipy.stats import kendalltau, spearmanr  # noqa: PLC0415 - slow to import

    if before.size < 2 or np.ptp(before) == 0 or np.ptp(after) == 0:
        return None, None
    return float(spearmanr(before, after).statistic), float(kendalltau(before, after).statistic)


def known_node(code: str | None, framework: Framework) -> str:
    """Return the code of a node, of the index where None is given; an unknown one is refused."""
    chosen = framework.root.code if code is None else code
    if chosen not in framework:
        near = get_close_matches(chosen, framework.codes, 3)
        raise InputError([Problem("compare.unknown-node", Where(), {"code": chosen, "near": near})])
    return chosen


def shown(result: Result) -> dict[str, tuple[str, str, str]]:
    """Return the code, Chinese and English name under which each assessed unit is shown."""
    if result.illustrative:
        english = {
            unit: label.replace("示意城市", "Illustrative city") for unit, label in result.label_of.items()
        }
        return {unit: (label, label, english[unit]) for unit, label in result.label_of.items()}
    units = result.workspace.units.select(result.derived.units)
    return {
        unit: (unit, zh, en)
        for unit, zh, en in zip(units.codes, units.names("zh"), units.names("en"), strict=True)
    }


def noticed(frame: pl.DataFrame, result: Result) -> pl.DataFrame:
    """Return a table with the notice in a column of its own where the data are illustrative."""
    return frame.with_columns(pl.lit(NOTICE["en"]).alias("notice")) if result.illustrative else frame


def number(value: float) -> float | None:
    """Return a number; None for NaN."""
    return None if np.isnan(value) else float(value)


def whole(value: float) -> int | None:
    """Return a whole number; None for NaN."""
    return None if np.isnan(value) else int(value)
