"""Given runs done again: the index of every unit under settings that somebody else drew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from citygauge.analyse.robust.counts import Counts
from citygauge.analyse.robust.designs import Factorial, Saltelli, recognise
from citygauge.analyse.robust.model import strata_mean
from citygauge.analyse.robust.prepare import (
    check_keys,
    given_weights,
    have_one_scale,
    read_sets,
    reasons,
    variant_of,
    with_weight_sets,
)
from citygauge.analyse.robust.ranking import CELLS, Counter, padded, ranks_of
from citygauge.analyse.robust.scoring import Tree
from citygauge.analyse.robust.sensitivity import Outputs
from citygauge.analyse.robust.settings import with_settings
from citygauge.analyse.robust.sobol import Indices, exact_indices, indices
from citygauge.analyse.stages import Stages
from citygauge.faults import reasoned
from citygauge.files import Sheet, canonical_headers
from citygauge.problems import InputError, Problem, Problems
from citygauge.result import Result
from citygauge.score.method import Method
from citygauge.score.weighting import check_weights
from citygauge.workspace import Workspace

Array = NDArray[np.float64]

RUN_COLUMN, WEIGHTS = "run", "weights"


@dataclass(frozen=True)
class Replay:
    """Given runs, done again.

    Attributes
    ----------
    result : Result
        With the method of the workspace; its ranks are the published ones.
    runs : tuple of str
    scores : (n_runs, n_units) float
        The index of each unit; NaN without one.
    ranks : (n_runs, n_units) int
        1 = highest, 0 = no score.
    counts : Counts
        Of the runs that are independent draws: all of them, or of Saltelli's design the first two blocks.
    design : Saltelli, Factorial or None
        What the runs were found to be.
    outputs : Outputs
    indices : Indices or None
        Of a design: exact ones of a full factorial, estimates as COINr makes them of Saltelli's.
    is_one_scale : bool
        Whether the scores of all runs can be held against each other.
    """

    result: Result
    runs: tuple[str, ...]
    scores: Array
    ranks: NDArray[np.unsignedinteger[Any]]
    counts: Counts
    design: Saltelli | Factorial | None
    outputs: Outputs
    indices: Indices | None
    is_one_scale: bool = True


def replay(result: Result, runs: Sheet, sets: Sheet | None = None) -> Replay:
    """Return given runs done again.

    Parameters
    ----------
    result : Result
        Of the workspace with its own method, from which each run differs by its settings.
    runs : Sheet
        A column ``run``, and one for each setting, named by its key in the method; a blank cell leaves the
        setting as the others of the run make it.
    sets : Sheet, optional
        ``set,code,weight``: the weights that the column ``weights`` names beside those that there are.

    Raises
    ------
    InputError
        With every run that cannot be done.
    """
    problems = Problems()
    workspace = result.workspace
    if sets is not None:
        found = read_sets(sets, workspace.framework, problems)
        workspace = with_weight_sets(workspace, found)
    runs = canonical_headers(runs, (RUN_COLUMN, WEIGHTS))
    rows = _rows(runs, result, problems)
    scores, edges, methods = _scores(result, workspace, runs, rows, problems)
    problems.raise_errors()
    scale = result.scale
    place = {grade.id: i for i, grade in enumerate(scale.grades)} if scale else {}
    grades = np.array([place.get(grade, -1) for grade in result.grades] or [-1] * len(result.units))
    outputs = Outputs.of(result.ranks[:, 0], grades, result.row_labels, graded=scale is not None)
    design = recognise({key: runs.frame[key].to_list() for key in runs.frame.columns if key != RUN_COLUMN})
    n_units = len(result.units)
    return Replay(
        result, tuple(runs.frame[RUN_COLUMN].to_list()), scores[:, :n_units], ranks_of(scores, n_units),
        _counted(scores, edges, design, n_units), design, outputs,
        None if design is None else _indices(design, outputs.take(scores, edges)),
        have_one_scale(methods, workspace.framework),
    )  # fmt: skip


def _rows(runs: Sheet, result: Result, problems: Problems) -> list[dict[str, Any]]:
    """Return the settings of each run that are not blank, as values."""
    frame = runs.frame
    if RUN_COLUMN not in frame.columns:
        problems.add("robust.missing-columns", runs.where(), columns=[RUN_COLUMN])
        return []
    names = frame[RUN_COLUMN].to_list()
    for i, name in enumerate(names):
        if name is None:
            problems.add("robust.nameless-run", runs.where(i, RUN_COLUMN))
        elif name in names[:i]:
            problems.add("robust.repeated-run", runs.where(i, RUN_COLUMN), run=name)
    if not names:
        problems.add("robust.no-runs", runs.where())
    keys = [name for name in frame.columns if name != RUN_COLUMN]
    check_keys(keys, result, runs.where(), problems)
    return [
        {key: row[key] if _is_text(key) else _value(row[key]) for key in keys if row[key] not in {None, ""}}
        for row in frame.iter_rows(named=True)
    ]


def _is_text(key: str) -> bool:
    """Tell whether a setting names something, so that digits are no number."""
    return key == WEIGHTS or key.rpartition(".")[2] in {"reference", "group"}


def _value(text: str) -> Any:
    """Return a cell as what it says: a whole number, a number, true or false, else text."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)


def _scores(
    result: Result, workspace: Workspace, runs: Sheet, rows: Sequence[Mapping[str, Any]], problems: Problems
) -> tuple[Array, Array | None, list[Method]]:
    """Return the index of every run, the edges of the grades in each, and the methods; like runs together."""
    stages, units = Stages(workspace, result.period), result.units.codes
    tree, base = Tree.of(workspace.framework), result.method.weights
    weights = [str(row.get(WEIGHTS, base)) for row in rows]
    names = list(dict.fromkeys(weights))
    for name in names:
        noted = Problems()
        check_weights(name, workspace.framework, noted)
        where = runs.where(weights.index(name), WEIGHTS)
        problems.extend(replace(each, where=where) for each in noted)
    given = {} if problems.errors else given_weights(workspace.framework, names)
    scores = np.empty((len(rows), padded(len(units))))
    edges = np.empty((len(rows), len(result.scale.grades))) if result.scale else None
    alike: dict[tuple[tuple[str, Any], ...], list[int]] = {}
    for i, row in enumerate(rows):
        alike.setdefault(tuple((k, v) for k, v in sorted(row.items()) if k != WEIGHTS), []).append(i)
    failed: list[tuple[int, Exception]] = []
    methods: list[Method] = []
    for settings, at in alike.items():
        try:
            method = with_settings(result.method, dict(settings))
            variant = variant_of(stages, method, given, tree, units, has_data=False)
        except (InputError, ValidationError) as error:
            failed += [(i, error) for i in at]
            continue
        if problems.errors:
            continue  # nothing but what else is wrong is asked for
        methods.append(method)
        choice = np.array([names.index(weights[i]) for i in at])
        for start in range(0, len(at), part := max(1, CELLS // scores.shape[1])):
            some = slice(start, start + part)
            shares = tree.rescaled(variant.weights[choice[some]])
            scores[at[some]] = strata_mean([one.scorer.scores(shares) for one in variant.strata])
        if edges is not None:
            edges[at] = variant.edges
    _note_failed(failed, runs, result, problems)
    return scores, edges, methods


def _note_failed(
    failed: Sequence[tuple[int, Exception]], runs: Sheet, result: Result, problems: Problems
) -> None:
    """Note runs that cannot be done: once for each reason, with the rows it concerns."""
    by_reason: dict[tuple[str, str], list[int]] = {}
    for i, error in failed:
        by_reason.setdefault(reasons(error, result), []).append(i)
    for reason, at in by_reason.items():
        names = [str(runs.frame[RUN_COLUMN][i]) for i in at]
        problem = Problem("robust.bad-run", runs.where(min(at)), {"runs": names})
        problems.extend([reasoned(problem, *reason)])


def _counted(scores: Array, edges: Array | None, design: Saltelli | Factorial | None, n_units: int) -> Counts:
    """Count the runs; of Saltelli's design A and B alone, as the others are drawn again from these."""
    n = 2 * design.n if isinstance(design, Saltelli) else len(scores)
    known = scores[:n, :n_units][np.isfinite(scores[:n, :n_units])]
    span = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    rows = max(1, CELLS // max(scores.shape[1], 1))
    counter = Counter(n_units, 0 if edges is None else edges.shape[1], span, rows)
    for start in range(0, n, rows):
        part = slice(start, min(start + rows, n))
        counter.add(np.ascontiguousarray(scores[part]), None if edges is None else edges[part])
    return counter.finish()


def _indices(design: Saltelli | Factorial, outputs: Array) -> Indices:
    """Return the indices of a design: exact ones, or COINr's estimates with intervals."""
    if isinstance(design, Factorial):
        return exact_indices(design.levels, outputs)
    d = len(design.factors)
    a, b, *ab = outputs.reshape(d + 2, design.n, -1)
    return indices(a, b, np.stack(ab), centred=False, rng=np.random.default_rng(1))
