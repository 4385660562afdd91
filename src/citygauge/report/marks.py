"""Scores as they are shown: in points out of full marks where a node has them, as scores elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property

import numpy as np

from citygauge.framework.model import BONUS, DEDUCTION, VETO, Framework
from citygauge.result import Result
from citygauge.score.points import marks_under

EXACT = 9  # decimals beyond which a difference is no more than the noise of a sum


@dataclass(frozen=True)
class Marks:
    """The full marks of a run, and its scores in points of them."""

    result: Result

    @cached_property
    def full(self) -> Mapping[str, float]:
        """Full marks by node under the weights of the run; empty where the method has no range."""
        framework, onto = self.result.framework, self.result.method.normalise.range
        return marks_under(framework, self.result.shares) if onto else {}

    @cached_property
    def decimals(self) -> int:
        """Decimals at which points are shown at most: 3 where there are at most 10 to earn, else 2."""
        return 3 if max(self.full.values(), default=0.0) <= 10 else 2

    def rate(self, score: float) -> float:
        """Return which percentage of the method's range a score is."""
        low, high = self.result.method.normalise.range or (0.0, 1.0)
        return 100.0 * (score - low) / (high - low)

    def points(self, code: str, score: float) -> float:
        """Return a score in points, a deduction with a minus; the score itself without full marks."""
        if code not in self.full:
            return score
        sign = -1.0 if self.result.framework.roles[code] == DEDUCTION else 1.0
        return self.rate(score) / 100.0 * self.full[code] * sign + 0.0

    def number(self, code: str, score: float | None) -> str:
        """Write the points of a score without the full marks; a dash for none."""
        if score is None or np.isnan(score) or code not in self.full:
            return figure(score, self.result.decimals)
        return rounded(self.points(code, score), self.decimals)

    def apart(self, code: str, difference: float | None) -> str:
        """Write the distance between two scores in points; a dash for none."""
        if difference is None or np.isnan(difference) or code not in self.full:
            return figure(difference, self.result.decimals)
        low = (self.result.method.normalise.range or (0.0, 1.0))[0]
        return rounded(self.points(code, low + difference), self.decimals)

    def out_of(self, code: str, score: float | None) -> str:
        """Write the points of a score out of the full marks: ``43.5 / 60``.

        All points of a node have the same number of decimals, no more than the points of its units need.
        """
        if score is None or np.isnan(score) or code not in self.full:
            return self.number(code, score)
        return f"{rounded(self.points(code, score), self._needed[code])} / {self.whole(code)}"

    def whole(self, code: str) -> str:
        """Write the full marks of a node; blank where it has none."""
        return short(self.full[code], self.decimals) if code in self.full else ""

    def limit(self, code: str, score: float) -> str:
        """Write a score that is a limit for a node, with as many decimals as it needs."""
        if code not in self.full:
            return figure(score, self.result.decimals)
        return f"{short(self.points(code, score), self.decimals)} / {self.whole(code)}"

    @cached_property
    def _needed(self) -> Mapping[str, int]:
        """How many decimals the points of all units at a node need, up to those that are shown."""
        found, most = {}, self.decimals
        for code in self.full:
            scores = self.result.aggregated.column(code)
            earned = np.abs([self.points(code, float(score)) for score in scores[~np.isnan(scores)]])
            least = np.floor(np.round(earned * 10.0**most, EXACT - most) + 0.5)
            found[code] = next(n for n in range(most + 1) if not np.any(least % 10.0 ** (most - n)))
        return found

    def at_stake(self, code: str) -> str:
        """Write what a node can give or take: full marks and cap, ``−3`` or ``≤ 59``; blank for none."""
        framework = self.result.framework
        node, role = framework[code], framework.roles[code]
        if role == VETO:
            above = node.parent or ""
            if above not in self.full:
                return ""
            stated = framework.points.get(above, np.nan)
            most = 0.0 if node.points is None else node.points * self.full[above] / stated
            return f"≤ {short(most, self.decimals)}"
        if code not in self.full:
            return ""
        sign = {DEDUCTION: "−", BONUS: "+"}.get(role, "")
        return sign + self.whole(code)

    def cap(self, code: str) -> str:
        """Write the most points that a node can have; blank where these are its full marks."""
        cap = self.result.framework[code].cap
        if cap is None or code not in self.full:
            return ""
        return short(cap * self.full[code] / self.result.framework.points[code], self.decimals)


def pillars(framework: Framework) -> tuple[str, ...]:
    """Return the codes of the nodes right below the index that count in its mean."""
    return framework.counted(framework.root.code)


def figure(value: float | None, decimals: int) -> str:
    """Write a figure with its decimals, a true minus sign, and a dash for none."""
    return "–" if value is None or np.isnan(value) else f"{value:.{decimals}f}".replace("-", "−")


def rounded(value: float, decimals: int) -> str:
    """Write points with their decimals, a half rounded away from zero, and a true minus sign.

    >>> rounded(2.675, 2), rounded(-0.5, 0), rounded(-0.0001, 2)
    ('2.68', '−1', '0.00')
    """
    exact = Decimal(repr(round(float(value), EXACT)))
    text = f"{exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}"
    return (text if text.strip("-0.") else text.removeprefix("-")).replace("-", "−")


def short(value: float, decimals: int) -> str:
    """Write points with the decimals they need, up to a number of them.

    >>> short(43.5, 2), short(60.0, 2), short(1 / 3, 2), short(-2, 2)
    ('43.5', '60', '0.33', '−2')
    """
    text = rounded(value, decimals)
    return text.rstrip("0").rstrip(".") if "." in text else text


def signed(text: str) -> str:
    """Put a plus before a written number above zero; zero has no sign."""
    if not text.strip("−0."):
        return text.removeprefix("−")
    return text if text[0] in "−–" else f"+{text}"
