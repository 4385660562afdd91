"""The tables of a reconstruction: draws, weights, one central table, and what became of each figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from citygauge.audit.reconstruct.model import Array, Claim, Model, model_of
from citygauge.audit.reconstruct.program import Program
from citygauge.audit.reconstruct.reconstruct import NOTICE, Reconstruction

NOTED = f"{NOTICE['zh']} / {NOTICE['en']}"


def noticed(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table with the notice in a column of its own."""
    return frame.with_columns(pl.lit(NOTED).alias("notice"))


def draws_table(found: Reconstruction) -> pl.DataFrame:
    """Return all draws as ``draw, unit, grade, code, value``, units under neutral names in their order."""
    values = found.values[:, list(found.order)]
    n, units, nodes = values.shape
    draw, unit, node = (index.ravel() for index in np.indices((n, units, nodes)))
    rows = np.array(found.order)[unit]
    return pl.DataFrame(
        {
            "draw": (draw + 1).astype(np.int32),
            "unit": pl.Series(found.labels("zh")).gather(rows),
            "grade": pl.Series(found.model.grades).gather(rows),
            "code": pl.Series(found.model.codes).gather(node),
            "value": values.ravel(),
        }
    )


def central_table(found: Reconstruction) -> pl.DataFrame:
    """Return the draw nearest to the mean of all, as ``unit, unit_en, grade, code, value``."""
    values = found.values[found.central, list(found.order)]
    unit, node = (index.ravel() for index in np.indices(values.shape))
    rows = np.array(found.order)[unit]
    return pl.DataFrame(
        {
            "unit": pl.Series(found.labels("zh")).gather(rows),
            "unit_en": pl.Series(found.labels("en")).gather(rows),
            "grade": pl.Series(found.model.grades).gather(rows),
            "code": pl.Series(found.model.codes).gather(node),
            "value": values.ravel(),
        }
    )


def weights_table(found: Reconstruction) -> pl.DataFrame:
    """Return the weights of each draw as ``draw, code, weight, weight_in_index``."""
    weights = found.draws.weights[:, 1:]
    n, nodes = weights.shape
    draw, node = (index.ravel() for index in np.indices((n, nodes)))
    return pl.DataFrame(
        {
            "draw": (draw + 1).astype(np.int32),
            "code": pl.Series(found.model.codes[1:], dtype=pl.String).gather(node),
            "weight": weights.ravel(),
            "weight_in_index": _in_index(found.model, found.draws.weights)[:, 1:].ravel(),
        }
    )


def figures_table(found: Reconstruction) -> pl.DataFrame:
    """Return what became of each printed figure.

    Returns
    -------
    DataFrame
        ``figure, name_zh, name_en, where, printed, low, high, state, draws_low, draws_high, allowed_low,
        allowed_high``. `state` is ``met`` by every draw; ``bound``: a printed extreme, which no unit is
        beyond though none need reach it; ``relaxed``: given up, because it cannot hold with the others
        (`allowed` is what they leave for it, blank for a spread); or ``not_used``. `draws` are the least and
        the largest in any draw, of a claim on many units over all of them.
    """
    whole = model_of(found.published, found.period)
    claims: dict[str, list[Claim]] = {}
    for claim in whole.claims:
        if claim.figure:
            claims.setdefault(claim.figure, []).append(claim)
    names = {
        f"grade.{g.name}.range": (g.name_zh, g.name_en, "", str(g.range)) for g in found.published.grades
    }
    names |= {f.id: (f.name_zh, f.name_en, f.where, f.printed()) for f in found.published.figures.values()}
    program = Program(found.model)
    rows = [(name, *told, *_became(found, program, claims.get(name, []))) for name, told in names.items()]
    columns = ["figure", "name_zh", "name_en", "where", "printed", "low", "high", "state",
               "draws_low", "draws_high", "allowed_low", "allowed_high"]  # fmt: skip
    texts = {"figure", "name_zh", "name_en", "where", "printed", "state"}
    schema: dict[str, Any] = {name: pl.String if name in texts else pl.Float64 for name in columns}
    return pl.DataFrame(rows, schema, orient="row")


def _became(found: Reconstruction, program: Program, claims: list[Claim]) -> tuple[Any, ...]:
    """Return the ends of a figure, its state, its values in the draws, and what the others leave for it."""
    if not claims:
        return None, None, "not_used", None, None, None, None
    first = claims[0]
    seen = np.concatenate([_values(found, claim) for claim in claims])
    is_relaxed = first.figure in found.relaxed
    allowed: tuple[float | None, float | None] = (None, None)
    if is_relaxed and first.kind == "mean":
        allowed = program.range(found.model.member[first.place], first.node) or (None, None)
    ends = [end if np.isfinite(end) else None for end in (first.low, first.high)]
    state = "relaxed" if is_relaxed else "met"
    if first.figure.endswith((".min", ".max")):
        state = "bound"
    return *ends, state, float(seen.min()), float(seen.max()), *allowed


def _values(found: Reconstruction, claim: Claim) -> Array:
    """Return what a claim is about in each draw."""
    if claim.kind == "weight":
        return found.draws.weights[:, claim.node]
    if claim.kind == "unit":
        return found.values[:, claim.place, claim.node]
    members = found.values[:, found.model.member[claim.place], claim.node]
    return np.asarray(members.mean(axis=1) if claim.kind == "mean" else members.std(axis=1))


def _in_index(model: Model, weights: Array) -> Array:
    whole = weights.copy()
    for node, parent in enumerate(model.parents):
        whole[:, node] = 1.0 if parent < 0 else whole[:, parent] * weights[:, node]
    return whole
