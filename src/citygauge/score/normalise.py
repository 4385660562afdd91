"""Indicators on one scale: the methods by name, and the settings that each takes.

The methods stand by what they compare a value with: the other units (`score.relative`), the worst unit and
something better (`score.distances`), or fixed rules (`score.earned`).
"""

from __future__ import annotations

from typing import Literal

from citygauge.score.distances import (
    distance_to_max,
    distance_to_reference,
    distance_to_target,
    fraction_of_max,
)
from citygauge.score.earned import goalposts, points, rubric, scaled
from citygauge.score.relative import ampi, borda, minmax, percentile_rank, rank, vector, zscore

__all__ = [
    "PARAMETERS",
    "RELATIVE",
    "NormaliseName",
    "ampi",
    "borda",
    "distance_to_max",
    "distance_to_reference",
    "distance_to_target",
    "fraction_of_max",
    "goalposts",
    "minmax",
    "percentile_rank",
    "points",
    "rank",
    "rubric",
    "scaled",
    "vector",
    "zscore",
]

NormaliseName = Literal[
    "minmax", "zscore", "scaled", "rank", "borda", "percentile_rank", "distance_to_max",
    "distance_to_reference", "distance_to_target", "fraction_of_max", "goalposts", "rubric", "points",
    "vector", "ampi",
]  # fmt: skip

# The parameters each method takes; a setting that its method ignores is refused.
PARAMETERS: dict[str, frozenset[str]] = {
    "minmax": frozenset({"low", "high"}),
    "zscore": frozenset({"mean", "sd", "divisor"}),
    "scaled": frozenset({"low", "high", "scale"}),
    "rank": frozenset({"ties"}),
    "borda": frozenset({"ties"}),
    "percentile_rank": frozenset({"ties", "scale"}),
    "distance_to_max": frozenset({"scale"}),
    "distance_to_reference": frozenset({"reference", "cut", "scale"}),
    "distance_to_target": frozenset({"target", "cut", "scale"}),
    "fraction_of_max": frozenset({"scale"}),
    "goalposts": frozenset({"low", "high", "scale", "cut", "log"}),
    "rubric": frozenset({"scale"}),
    "points": frozenset({"scale"}),
    "vector": frozenset(),
    "ampi": frozenset({"reference", "low", "high"}),
}

# Methods whose scores depend on the other units; the rest are earned by fixed rules.
RELATIVE = frozenset(PARAMETERS) - {"goalposts", "scaled", "rubric", "points"}
