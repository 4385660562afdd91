"""How sure a plan is: the share of weightings, and of draws of uncertain figures, under which it arrives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from citygauge.analyse.improve.goal import Goal
from citygauge.analyse.robust.model import Model
from citygauge.analyse.robust.noise import NoiseSettings
from citygauge.analyse.robust.prepare import model_of
from citygauge.analyse.robust.robustness import own_spec
from citygauge.analyse.robust.spec import SPEC, Factor, Spec, WeightDraws
from citygauge.analyse.stages import Stages
from citygauge.framework.model import Framework
from citygauge.problems import Problems
from citygauge.result import Result

Array = NDArray[np.float64]

DRAWS, _BLOCK = 2000, 500
SHARE = 0.25  # by which every stated weight may be off


@dataclass(frozen=True, slots=True)
class Share:
    """The share of draws in which a goal is reached, with its standard error."""

    value: float
    draws: int

    @property
    def se(self) -> float:
        """The standard error of the share."""
        return float(np.sqrt(self.value * (1 - self.value) / self.draws))


def shares_reached(
    result: Result, unit: str, goal: Goal, specs: Mapping[str, Spec], matrix: str = "A"
) -> dict[str, Share]:
    """Return in which share of the draws of each specification a city reaches a goal; see `margins`."""
    stages, found = Stages(result.workspace, result.period), {}
    for name, spec in specs.items():
        own = margins(result, unit, goal, spec, matrix, stages)
        found[name] = Share(float((own >= -goal.slack).mean()), DRAWS)
    return found


def margins(
    result: Result, unit: str, goal: Goal, spec: Spec, matrix: str = "A", stages: Stages | None = None
) -> Array:
    """Return by how much the index of a city passes what a goal takes, in each draw ``(2000,)``.

    Parameters
    ----------
    result : Result
        With the plan carried out.
    unit : str
        The code of the city.
    goal : Goal
        A rank is held against the others as they come out in the same draw, a grade against its edge.
    spec : Spec
        What varies, as in ``robust.toml``.
    matrix : str
        Another letter gives draws of their own.
    stages : Stages, optional
        Of the workspace, with what they have made already.

    Returns
    -------
    array (2000,)
        Below 0 where the goal is missed; -inf where the city has no index.
    """
    model = model_of(result, spec, stages, Problems())
    row = model.units.index(unit)
    parts = [_margins(model, row, goal, first, matrix) for first in range(0, DRAWS, _BLOCK)]
    return np.concatenate(parts)


def _margins(model: Model, row: int, goal: Goal, first: int, matrix: str) -> Array:
    scores, edges = model.run(model.draws(first, _BLOCK, matrix))
    scores = scores[:, : len(model.units)]
    own = np.where(np.isnan(scores[:, row]), -np.inf, scores[:, row])
    if goal.rank is not None:
        others = np.delete(scores, row, axis=1)
        others = np.sort(np.where(np.isnan(others), -np.inf, others), axis=1)[:, ::-1]
        needed: Array = (
            others[:, goal.rank - 1] if goal.rank <= others.shape[1] else np.full(own.shape, -np.inf)
        )
    else:
        needed = np.full(own.shape, goal.value)
        if edges is not None and not goal.is_stage:
            needed = edges[:, goal.number]
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(np.isneginf(own), -np.inf, own - needed))


def weight_specs(result: Result) -> dict[str, Spec]:
    """Return what may be unknown of the weights, by its name: blank kinds are left out.

    ``weights_25``: every weight within a quarter of its own. ``weights_unstated``: below each parent of which
    the framework states no weight, any weights, evenly over all that add up to 1; others within a quarter.
    """
    framework = result.framework
    weighed = [p for p in framework.aggregates if len(framework.counted(p)) > 1]
    if not weighed:
        return {}
    every = [child for parent in weighed for child in framework.counted(parent)]
    free = [parent for parent in weighed if _is_unstated(framework, parent, result)]
    found = {"weights_25": Spec(factor=(_within(every, "weights"),), samples=0)}
    if free:
        loose = {child for parent in free for child in framework.counted(parent)}
        bound = [code for code in every if code not in loose]
        factors = [_within(bound, "weights")] if bound else []
        for size in sorted({len(framework.counted(parent)) for parent in free}):
            own = [p for p in free if len(framework.counted(p)) == size]
            codes = tuple(child for parent in own for child in framework.counted(parent))
            even = WeightDraws(concentration=float(size), codes=codes)  # all shapes 1: the whole simplex
            factors.append(Factor(name=f"unstated.{size}", weights=even))
        found["weights_unstated"] = Spec(factor=tuple(factors), samples=0)
    return found


def _within(codes: list[str], name: str) -> Factor:
    return Factor(name=name, weights=WeightDraws(share=SHARE, codes=tuple(codes)))


def _is_unstated(framework: Framework, parent: str, result: Result) -> bool:
    """Tell whether neither the framework nor the chosen weights say anything about the children of a node."""
    below = framework.counted(parent)
    is_blank = all(framework[child].weight is None and child not in framework.points for child in below)
    shares = [result.shares[child] for child in below]
    return is_blank and max(shares) - min(shares) <= 1e-12


def data_spec(result: Result) -> Spec | None:
    """Return what makes the scores uncertain: ``robust.toml`` where it is there, and standard errors.

    None where neither says anything.
    """
    workspace = result.workspace
    observations = workspace.observations.frame
    has_se = observations["se"].is_not_null().any()
    own = None
    if workspace.folder is not None and (workspace.folder / SPEC).is_file():
        own = own_spec(workspace)
    has_data = own is not None and any(factor.data is not None for factor in own.factor)
    factors = own.factor if own is not None else ()
    if has_se and not has_data:
        factors = (*factors, Factor(name="data", data=NoiseSettings(se=True)))
    if not factors:
        return None
    return Spec(factor=factors, seed=1 if own is None else own.seed, samples=0)
