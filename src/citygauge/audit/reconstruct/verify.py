"""Every kept draw held against every figure again, from the scores alone."""

from __future__ import annotations

import numpy as np

from citygauge.audit.reconstruct.model import Array, Model

TOLERANCE = 1e-9


def worst(model: Model, scores: Array, weights: Array) -> float:
    """Return by how much draws miss any figure at most; 0 where all are met.

    Parameters
    ----------
    scores : (n_draws, n_units, n_leaves) float
    weights : (n_draws, n_nodes) float
        Share of each node in its parent.

    Returns
    -------
    float
        On the scale of the scores, whatever the figure: score of a unit, mean, standard deviation (÷ n) or
        weight; 0 without draws. Sums of weights below a parent must be 1 too.
    """
    values = model.values(scores, weights)
    missed = [_beyond(values, model.ends("unit")), _beyond(weights, model.ends("weight")[0])]
    for row in range(len(model.sets)):
        members = values[:, model.member[row]]
        missed.append(_beyond(members.mean(axis=1), model.ends("mean")[row]))
        missed.append(_beyond(members.std(axis=1), model.ends("sd")[row]))
    for below in model.children:
        if below:
            missed.append(float(np.abs(weights[:, list(below)].sum(axis=1) - 1).max(initial=0.0)))
    return max(missed, default=0.0)


def verify(model: Model, scores: Array, weights: Array) -> None:
    """Raise where a draw misses a figure by more than 1e-9 (of the scale): a fault of the sampler."""
    missed = worst(model, scores, weights)
    if not missed <= TOLERANCE * max(1.0, model.scale[1] - model.scale[0]):  # NaN is a fault too
        raise AssertionError(f"a draw misses a figure by {missed:g}")


def _beyond(values: Array, ends: Array) -> float:
    under, over = ends[..., 0] - values, values - ends[..., 1]
    return float(np.maximum(under, over).max(initial=0.0))
