"""Screening: which units a method keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from citygauge.faults import RuleError
from citygauge.framework.model import Framework
from citygauge.indicators.screen import availability_of, count_indicators
from citygauge.indicators.table import Table
from citygauge.problems import Problems
from citygauge.score.plain import Plain

_ROUNDING = 1e-12  # a share that equals its limit on paper reaches it
Share = Annotated[float, Field(ge=0, le=1)]


class Screen(Plain):
    """Units need this share of indicators; some are kept or dropped whatever they have.

    `rule` says what counts: indicators that are ``missing``, that are ``zeros``, or both.
    `min_availability` is the share of indicators that must be there, `by` the share inside single nodes, by
    code or level; `min_nonzero` the share of what is there that must not be zero. `exclude` goes before
    `include`.
    """

    rule: Literal["missing", "zeros", "missing_and_zeros"] = "missing"
    min_availability: Share = 0.0
    min_nonzero: Share = 0.0
    by: Mapping[str, Share] = Field(default_factory=dict)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _limits_count(self) -> Screen:
        if self.rule == "missing" and self.min_nonzero:
            raise RuleError(
                "`missing` takes no min_nonzero; write rule = 'zeros' or 'missing_and_zeros'",
                "`missing` 不接受 min_nonzero；请写 rule = 'zeros' 或 'missing_and_zeros'",
            )
        if self.rule == "zeros" and (self.min_availability or self.by):
            raise RuleError(
                "`zeros` takes no min_availability and no by; write rule = 'missing_and_zeros'",
                "`zeros` 不接受 min_availability 和 by；请写 rule = 'missing_and_zeros'",
            )
        return self


@dataclass(frozen=True)
class Screened:
    """Which units stay, and why.

    `keep` is ``(n_units,)``. `units` has a row for each unit: ``unit_code``; ``missing`` and ``zeros``
    (numbers of indicators); ``available_share`` and ``nonzero_share``, null where there is nothing to count;
    ``low_availability`` and ``low_nonzero``; ``low_nodes``, the codes of nodes below their limit, separated
    by ``;``; ``forced``, which is ``in``, ``out`` or null; ``included``; and ``reason``, all that speaks on
    it, separated by ``;``: ``low_availability``, ``too_many_zeros``, ``low_in:CODE,…``, ``forced_in``,
    ``forced_out``.
    """

    keep: NDArray[np.bool_]
    units: pl.DataFrame


def check_screening(settings: Screen, framework: Framework, problems: Problems) -> None:
    """Note the nodes that the method screens by and the framework does not have."""
    levels = {str(level) for level in framework.levels.values()}
    for key in settings.by:
        if key not in framework and key not in levels:
            near = get_close_matches(key, framework.codes, 3) or sorted(levels)
            problems.add("screen.unknown-node", key=key, near=near)


def screen_units(table: Table, framework: Framework, settings: Screen) -> Screened:
    """Return which units have enough data under the method, with the verdict on each.

    Parameters
    ----------
    table : Table
        Of derived indicators.
    framework : Framework
    settings : Screen
        A level in `by` stands for every node of this level that is no bonus, deduction or veto. A node
        of which nothing is applicable to a unit is not held against it.

    Raises
    ------
    InputError
        With ``screen.unknown-node`` for a key of `by` that is neither a code nor a level.

    Notes
    -----
    Source: COINr, ``Screen`` with ``unit_screen`` = ``byNA``, ``byzeros`` or ``byNAandzeros``; a unit goes
    where a share is below its limit. The nodes of `by` are an addition.
    """
    problems = Problems()
    check_screening(settings, framework, problems)
    problems.raise_errors()
    limits = _limits(settings, framework)
    counts = count_indicators(table, framework)
    share = availability_of(table, framework, [framework.root.code])[:, 0]
    low_share = np.nan_to_num(share) < settings.min_availability - _ROUNDING
    nonzero = counts.nonzero_share
    low_nonzero = nonzero < settings.min_nonzero - _ROUNDING  # nothing there: missing, and no zero
    low = availability_of(table, framework, limits) < np.array(list(limits.values())) - _ROUNDING
    nodes = [[code for code, is_low in zip(limits, row, strict=True) if is_low] for row in low]
    include, exclude = set(settings.include), set(settings.exclude)
    forced = ["out" if u in exclude else "in" if u in include else None for u in table.units]
    fails = low_share | low_nonzero | low.any(axis=1)
    keep = np.array(
        [f == "in" or (f is None and not bad) for f, bad in zip(forced, fails, strict=True)], bool
    )
    reasons = [_reason(*verdict) for verdict in zip(low_share, low_nonzero, nodes, forced, strict=True)]
    frame = pl.DataFrame(
        {
            "unit_code": pl.Series(table.units, dtype=pl.String),
            "missing": counts.missing,
            "zeros": counts.zeros,
            "available_share": pl.Series(share).fill_nan(None),
            "nonzero_share": pl.Series(nonzero).fill_nan(None),
            "low_availability": low_share,
            "low_nonzero": low_nonzero,
            "low_nodes": pl.Series([";".join(codes) for codes in nodes], dtype=pl.String),
            "forced": pl.Series(forced, dtype=pl.String),
            "included": keep,
            "reason": pl.Series(reasons, dtype=pl.String),
        }
    )
    return Screened(keep, frame)


def _limits(settings: Screen, framework: Framework) -> dict[str, float]:
    """Return the limit of each node that has one; that of a code goes before that of its level."""
    limits = {
        code: settings.by[str(level)]
        for code, level in framework.levels.items()
        if str(level) in settings.by and str(level) not in framework and not framework.roles[code]
    }
    return limits | {key: limit for key, limit in settings.by.items() if key in framework}


def _reason(low_share: bool, low_nonzero: bool, nodes: list[str], forced: str | None) -> str:
    reasons = ["low_availability"] if low_share else []
    reasons += ["too_many_zeros"] if low_nonzero else []
    reasons += [f"low_in:{','.join(nodes)}"] if nodes else []
    reasons += [f"forced_{forced}"] if forced else []
    return ";".join(reasons)
