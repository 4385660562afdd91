"""The layers of an index: what is put in, what comes out, and what residents feel of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import noticed, number
from citygauge.analyse.intervals import interval, partial_correlation
from citygauge.analyse.pairwise import correlation, p_value
from citygauge.problems import InputError, Problem, Problems, Where
from citygauge.result import Result
from citygauge.score.rank import rank

Array = NDArray[np.float64]
Layer = Literal["input", "output", "effect"]
LAYERS: tuple[Layer, ...] = get_args(Layer)
STEPS: tuple[tuple[Layer, Layer], ...] = (("input", "output"), ("output", "effect"), ("input", "effect"))

LEAST_SHOWN = 3  # fewer units on illustrative data, and a figure would tell one of theirs

_SCORES: dict[str, Any] = {
    "unit_code": pl.String, "layer": pl.String, "value": pl.Float64, "rank": pl.Int64,
}  # fmt: skip
_STATISTICS: dict[str, Any] = {
    "layer": pl.String, "n": pl.Int64, "mean": pl.Float64, "sd": pl.Float64, "min": pl.Float64,
    "max": pl.Float64,
}  # fmt: skip
_PATHS: dict[str, Any] = {
    "start": pl.String, "end": pl.String, "n": pl.Int64, "pearson": pl.Float64, "pearson_low": pl.Float64,
    "pearson_high": pl.Float64, "p": pl.Float64, "partial": pl.Float64, "partial_of": pl.String,
}  # fmt: skip


def layer_scores(result: Result, layers: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Return the score of each unit in each layer.

    Parameters
    ----------
    result : Result
    layers : mapping of str to sequence of str
        ``input``, ``output`` and ``effect`` → the pillars that make them up, each in one layer at most. In
        the SMART framework R and T are the input, A and M the output and S the effect.

    Returns
    -------
    DataFrame
        ``unit_code, layer, value, rank``, in the order of the units. `value` is the mean of the pillars with
        their effective weights in the index, renormalised inside the layer, on the scale of the scores; null
        where a pillar has no score and where none of them has a weight. `rank` is among the units with a
        value, 1 = highest. On illustrative data under neutral names, in their order, with a `notice`.

    Raises
    ------
    InputError
        ``analyse.layer-empty``, ``analyse.layer-twice``, ``analyse.not-a-pillar``,
        ``analyse.unknown-choice`` for other names of layers, ``compare.unknown-node``.

    Examples
    --------
    >>> layers = {"input": ["R", "T"], "output": ["A", "M"], "effect": ["S"]}
    >>> layer_scores(result, layers)  # doctest: +SKIP
    """
    values = _values(result, checked_layers(result, layers))
    ranks = rank(values)
    rows = [
        (result.row_labels[i], layer, number(values[i, at]), int(ranks[i, at]) or None)
        for i in shown_order(result)
        for at, layer in enumerate(LAYERS)
    ]
    return noticed(pl.DataFrame(rows, _SCORES, orient="row"), result)


def layer_statistics(result: Result, layers: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Return the location and spread of each layer over all units.

    Parameters
    ----------
    result, layers
        See `layer_scores`.

    Returns
    -------
    DataFrame
        ``layer, n, mean, sd, min, max`` over the `n` units with a value; `sd` divides by n - 1. What cannot
        be said is null; on illustrative data all but `n` for fewer than 3 units, and with a `notice`.

    Raises
    ------
    InputError
        As `layer_scores`.

    Examples
    --------
    >>> layer_statistics(result, layers)  # doctest: +SKIP
    """
    values = _values(result, checked_layers(result, layers))
    rows: list[tuple[Any, ...]] = []
    for layer, column in zip(LAYERS, values.T, strict=True):
        known = column[~np.isnan(column)]
        is_hidden = result.illustrative and known.size < LEAST_SHOWN
        if is_hidden or not known.size:
            rows.append((layer, known.size, None, None, None, None))
            continue
        sd = float(known.std(ddof=1)) if known.size > 1 else None
        rows.append((layer, known.size, float(known.mean()), sd, float(known.min()), float(known.max())))
    return noticed(pl.DataFrame(rows, _STATISTICS, orient="row"), result)


def layer_paths(result: Result, layers: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """Return how the layers go together, and input with effect among units of like output.

    Parameters
    ----------
    result, layers
        See `layer_scores`.

    Returns
    -------
    DataFrame
        ``start, end, n, pearson, pearson_low, pearson_high, p, partial, partial_of``: one row each for input
        and output, output and effect, input and effect. `n` units have both layers; the correlation has its
        95 % interval (`interval`) and two-sided p-value (`p_value`). `partial` is the correlation of input
        with effect with the layer `partial_of`, the output, held fixed (`partial_correlation`), over the
        units that have all three; null in the other rows. Null where it cannot be told. With a `notice` on
        illustrative data.

    Raises
    ------
    InputError
        As `layer_scores`.

    Notes
    -----
    An association between layers of one index is not a cause. The layers are observed in the same units, at
    the same time and partly from the same sources: rich cities may be high in all of them, and errors that
    the figures of one year share raise every correlation. The figures of one year cannot tell a direction
    either: cities whose services please may invest more, as well as the other way round. A partial
    correlation near 0 does not prove that the input works through the output, and where the output is
    measured with error it stays above 0 although it does.

    Examples
    --------
    >>> layer_paths(result, layers)  # doctest: +SKIP
    """
    values = _values(result, checked_layers(result, layers))
    found, n = correlation(values)
    low, high = interval(found, n)
    p = p_value(found, n)
    held: Layer = "output"
    partial = partial_correlation(*(values[:, LAYERS.index(name)] for name in ("input", "effect", held)))
    rows = []
    for start, end in STEPS:
        at = LAYERS.index(start), LAYERS.index(end)
        figures = (number(float(each[at])) for each in (found, low, high, p))
        last = (None, None) if held in (start, end) else (number(partial), held)
        rows.append((start, end, int(n[at]), *figures, *last))
    return noticed(pl.DataFrame(rows, _PATHS, orient="row"), result)


def checked_layers(result: Result, layers: Mapping[str, Sequence[str]]) -> dict[Layer, tuple[str, ...]]:
    """Return the pillars of each layer, from input to effect; what is wrong with them is refused."""
    framework, problems = result.framework, Problems()
    pillars = framework.counted(framework.root.code)
    for name in layers:
        if name not in LAYERS:
            problems.add("analyse.unknown-choice", Where(), value=name, known=list(LAYERS))
    named = [(layer, code) for layer in LAYERS for code in layers.get(layer, ())]
    for layer in LAYERS:
        if not layers.get(layer):
            problems.add("analyse.layer-empty", Where(), layer=layer)
    for code in dict.fromkeys(code for _, code in named):
        inside = [layer for layer, other in named if other == code]
        if len(inside) > 1:
            problems.add("analyse.layer-twice", Where(), code=code, layers=inside)
        if code not in framework:
            near = get_close_matches(code, pillars, 3)
            problems.add("compare.unknown-node", Where(), code=code, near=near)
        elif code not in pillars:
            problems.add("analyse.not-a-pillar", Where(), code=code, known=list(pillars))
    problems.raise_errors()
    return {layer: tuple(layers[layer]) for layer in LAYERS}


def chosen_steps(source: str | None, target: str | None) -> tuple[tuple[Layer, Layer], ...]:
    """Return the steps from a layer to another, of all where one is None; a step that is none is refused."""
    steps = tuple(s for s in STEPS if source in (None, s[0]) and target in (None, s[1]))
    if not steps:
        told = {"value": f"{source or ''}→{target or ''}", "known": ["→".join(step) for step in STEPS]}
        raise InputError([Problem("analyse.unknown-choice", Where(), told)])
    return steps


def shown_order(result: Result) -> list[int]:
    """Return the rows of the units as shown: by neutral name on illustrative data, so that no place tells."""
    labels = result.row_labels
    return (
        sorted(range(len(labels)), key=labels.__getitem__)
        if result.illustrative
        else list(range(len(labels)))
    )


def layer_means(values: Array, weights: Array) -> Array:
    """Return the weighted mean of the pillars of a layer.

    Parameters
    ----------
    values : (n_units, n_pillars) float
        NaN = missing.
    weights : (n_pillars,) float
        Not below 0, on any scale; a pillar of weight 0 has no influence, whatever its value.

    Returns
    -------
    array (n_units,)
        ``Σ w x / Σ w``; NaN where a pillar with a weight is missing, and where none has a weight.

    Examples
    --------
    >>> layer_means(np.array([[1.0, 4.0], [np.nan, 4.0]]), np.array([2.0, 1.0]))
    array([ 2., nan])
    """
    counts = weights > 0
    if not counts.any():
        return np.full(len(values), np.nan)
    return np.asarray(values[:, counts] @ (weights[counts] / weights[counts].sum()))


def _values(result: Result, parts: Mapping[Layer, Sequence[str]]) -> Array:
    """Return the score of each unit in each layer, ``(n_units, 3)``."""
    table = result.aggregated
    return np.column_stack(
        [
            layer_means(
                table.values[:, [table.codes.index(code) for code in codes]],
                np.array([result.effective_weights[code] for code in codes], dtype=float),
            )
            for codes in parts.values()
        ]
    )
