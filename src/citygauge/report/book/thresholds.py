"""From where on a report uses a word: the thresholds of a theme."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from citygauge.faults import RuleError


class Data(BaseModel):
    """Plain data of a theme."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Wording(Data):
    """From where on a word is used; differences and spreads are shares of the range of the index.

    `near`: no further apart is 接近 / close to; `far`: at least so far apart is 明显 / clearly. `even`: an SD
    up to it is 均衡 / even, from `uneven` on it is 不均衡 / uneven. `weak_link`, `strong_link`: absolute
    correlations from which a relation is told at all, and called strong. `significance`: largest p-value at
    which a difference between groups is called one. `balanced`: smallest coordination degree that is called
    balanced. `narrow`: how many ranks the ends of an interval lie apart at most that is called narrow;
    `unsteady`: probability of another grade above which a grade may change; `firm`, `loose`: shares of narrow
    intervals from which a ranking is called reliable, and up to which it is called unreliable.
    """

    near: float = Field(0.03, gt=0, lt=1)
    far: float = Field(0.10, gt=0, lt=1)
    even: float = Field(0.15, gt=0, lt=1)
    uneven: float = Field(0.20, gt=0, lt=1)
    weak_link: float = Field(0.3, gt=0, lt=1)
    strong_link: float = Field(0.7, gt=0, lt=1)
    significance: float = Field(0.05, gt=0, lt=1)
    balanced: float = Field(0.8, gt=0, lt=1)
    narrow: float = Field(3, ge=0)
    unsteady: float = Field(0.1, gt=0, lt=1)
    firm: float = Field(0.75, gt=0, le=1)
    loose: float = Field(0.25, ge=0, lt=1)

    @model_validator(mode="after")
    def _ordered(self) -> Wording:
        if not (self.near < self.far and self.even <= self.uneven and self.weak_link < self.strong_link):
            raise RuleError(
                "thresholds must rise: near < far, even <= uneven, weak_link < strong_link",
                "各阈值应递增：near < far，even ≤ uneven，weak_link < strong_link",
            )
        if self.loose >= self.firm:
            raise RuleError("thresholds must rise: loose < firm", "各阈值应递增：loose < firm")
        return self
