"""What a panel of experts said, as plain data: weights, consistency, agreement and hints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, Literal

from citygauge.score.experts.allocation import Agreement

How = Literal["ahp", "best-worst", "budget", "swing"]


@dataclass(frozen=True, slots=True)
class Hint:
    """A judgement to ask about again: how many times `code_a` is more important than `code_b`.

    `said` is what the expert answered, `better` what fits the other answers, and `ratio` the consistency
    ratio once this change and those of the hints before it are made.
    """

    code_a: str
    code_b: str
    said: float
    better: float
    ratio: float

    def text(self) -> str:
        """Return the change as a formula, the same in every language: ``a : b = 5 → 1/3``."""
        return f"{self.code_a} : {self.code_b} = {ratio_text(self.said)} → {ratio_text(self.better)}"


@dataclass(frozen=True, slots=True)
class Judge:
    """One expert on one group of siblings.

    `weights` stand in the order of the group's codes and add to 1. `ratio` is the consistency ratio and
    `limit` the largest one that counts as consistent; None where the method has none. `apart` marks an expert
    who weighs far otherwise than the others.
    """

    expert: str
    weights: tuple[float, ...]
    ratio: float | None = None
    limit: float | None = None
    hints: tuple[Hint, ...] = ()
    apart: bool = False

    @property
    def consistent(self) -> bool | None:
        """Whether the ratio is within its limit; None where either is not known."""
        return None if self.ratio is None or self.limit is None else self.ratio <= self.limit


@dataclass(frozen=True, slots=True)
class GroupWeights:
    """The weights of the children of one parent.

    `weights` are those of the panel; `median` and `spread` (standard deviation, n - 1) are over the experts,
    the spread NaN for a single one. `ratio` is the consistency ratio of the panel's mean judgements (AHP).
    """

    parent: str
    codes: tuple[str, ...]
    weights: tuple[float, ...]
    median: tuple[float, ...]
    spread: tuple[float, ...]
    judges: tuple[Judge, ...]
    agreement: Agreement
    ratio: float | None = None


@dataclass(frozen=True, slots=True)
class PanelWeights:
    """The weights of a panel, group by group; the parents in `unjudged` keep the framework's own weights."""

    how: How
    groups: tuple[GroupWeights, ...]
    unjudged: tuple[str, ...] = ()

    @property
    def weights(self) -> Mapping[str, float]:
        """Weight of every code judged; the weights of a group add to 1."""
        return {
            code: weight
            for group in self.groups
            for code, weight in zip(group.codes, group.weights, strict=True)
        }

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data for JSON; what is not defined is None."""
        data = {
            "how": self.how,
            "weights": dict(self.weights),
            "unjudged": list(self.unjudged),
            "groups": [
                asdict(group)
                | {"judges": [asdict(judge) | {"consistent": judge.consistent} for judge in group.judges]}
                for group in self.groups
            ],
        }
        plain: dict[str, Any] = _plain(data)
        return plain


def ratio_text(value: float) -> str:
    """Return how many times, as people write it on the scale of AHP.

    Examples
    --------
    >>> ratio_text(5.0), ratio_text(1 / 3), ratio_text(0.4)
    ('5', '1/3', '0.4')
    """
    if 0 < value < 1 and abs(1 / value - round(1 / value)) < 1e-6:
        return f"1/{round(1 / value)}"
    return f"{value:.3g}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
