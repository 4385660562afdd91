"""How sure a ranking is: an assessment under everything that may vary, counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.analyse.compare import noticed, number
from citygauge.analyse.leave_out import LeftOut, leave_one_out
from citygauge.analyse.robust import answers
from citygauge.analyse.robust.answers_convergence import Convergence, convergence
from citygauge.analyse.robust.answers_pairs import pairs, told_apart
from citygauge.analyse.robust.counts import Counts
from citygauge.analyse.robust.model import Draws, Model
from citygauge.analyse.robust.prepare import model_of
from citygauge.analyse.robust.regional import regional
from citygauge.analyse.robust.sensitivity import (
    RANK,
    Outputs,
    can_share,
    indices_table,
    mean_shift,
    shapley,
    sobol,
)
from citygauge.analyse.robust.simulate import count, score_span
from citygauge.analyse.robust.spec import SPEC, Factor, Spec, default_spec, read_spec, spec_of, with_factors
from citygauge.analyse.robust.stability import Stability, weight_stability
from citygauge.analyse.robust.tornado import tornado
from citygauge.analyse.stages import Stages
from citygauge.corridor import assess
from citygauge.problems import InputError, Problem, Problems
from citygauge.result import Result
from citygauge.workspace import Workspace

Array = NDArray[np.float64]
Counting = Callable[[Model, int, tuple[float, float]], Counts]

_ALONE = 512  # replications in which one factor varies alone
_ENDS = (0.05, 0.95)  # what of them its tornado shows
SCORES = ("score_median", "score_p05", "score_p95")  # of the summary
_REGIONAL = 8192  # replications that regional sensitivity looks at


@dataclass(frozen=True, repr=False)
class Robustness:
    """The outcome of `robustness`, immutable; what takes further runs is computed when it is asked for.

    Attributes
    ----------
    result : Result
        The assessment with the method as it is: what is published.
    spec : Spec
    model : Model
    counts : Counts
        Of the replications; rows as in ``result.units``.
    warnings : tuple of Problem
    """

    result: Result
    spec: Spec
    model: Model
    counts: Counts
    warnings: tuple[Problem, ...] = ()

    @property
    def units(self) -> tuple[str, ...]:
        """The codes beside the figures; neutral names on illustrative data."""
        return self.result.row_labels

    @property
    def published(self) -> NDArray[np.int32]:
        """The published ranks ``(n_units,)``; 0 = none."""
        return self.result.ranks[:, 0]

    @cached_property
    def summary(self) -> pl.DataFrame:
        """One row for each unit: ranks published, median and 90 % interval, grades; see `answers.summary`."""
        grades = self.model.grades
        found = answers.summary(self.counts, self.units, self.published, grades, self.spec.top)
        if not self.model.is_one_scale:
            found = found.with_columns(pl.lit(None, pl.Float64).alias(name) for name in SCORES)
        return self._told(found)

    @cached_property
    def stability(self) -> pl.DataFrame:
        """Units from the surest rank to the most disputable; see `answers.rank_stability`."""
        return self._told(answers.rank_stability(self.counts, self.units))

    @cached_property
    def pairs(self) -> pl.DataFrame | None:
        """How often one unit of a pair is ahead of the other; None where pairs were not counted."""
        if self.counts.ahead is None:
            return None
        return self._told(pairs(self.counts, self.units, self.published))

    @cached_property
    def told_apart(self) -> pl.DataFrame | None:
        """From how many others each unit can be told apart; None where pairs were not counted."""
        if self.counts.ahead is None:
            return None
        return self._told(told_apart(self.counts, self.units, self.published))

    @cached_property
    def convergence(self) -> Convergence:
        """Whether the replications are enough, and the interval of every quantile and probability."""
        found = convergence(self.counts, self.units, self.model.grades, self.spec.top)
        return replace(found, table=self._told(in_order(found.table, self.result)))

    @cached_property
    def outputs(self) -> Outputs:
        """What of a replication the sensitivity analysis looks at."""
        place = {grade: i for i, grade in enumerate(self.model.grades)}
        grades = [place.get(grade, -1) for grade in self.result.grades] or [-1] * len(self.units)
        graded = bool(self.model.grades)
        return Outputs.of(self.published, np.array(grades), self.units, graded=graded)

    @property
    def is_independent(self) -> bool:
        """Whether the factors are independent: every combination of settings can run."""
        return not (self.model.number < 0).any()

    @cached_property
    def indices(self) -> pl.DataFrame | None:
        """Sobol indices: ``output, factor, S1, S1_low, S1_high, ST, ST_low, ST_high``.

        None where no samples are asked for, where nothing varies, or where factors depend on each other.
        """
        if not self.spec.samples or not self.model.factors or not self.is_independent:
            return None
        found = sobol(self.model, self.outputs, self.spec.samples)
        table = indices_table(found, self.outputs.names, self.model.names)
        return self._told(in_order(table, self.result))

    @cached_property
    def effects(self) -> pl.DataFrame | None:
        """Shapley effects ``output, factor, effect, low, high`` where factors depend on each other."""
        if not self.spec.samples or self.is_independent or not can_share(self.model):
            return None
        d = len(self.model.names)
        samples = max(min(self.spec.samples, 1024), self.spec.samples * (d + 2) >> d)
        table = shapley(self.model, self.outputs, min(samples, self.spec.samples))
        return self._told(in_order(table, self.result))

    @cached_property
    def tornado(self) -> pl.DataFrame:
        """How far each factor alone moves the mean rank shift and every rank; see `tornado`.

        All levels of a factor that chooses, all others as in the method; of what is drawn from a range the
        5 % and 95 % quantiles of each output.
        """
        stages = Stages(self.result.workspace, self.result.period)
        rows, factors, levels = [], [], []
        for factor in self.spec.factor:
            found = self._alone(factor, stages)
            for level, outcome in found:
                rows.append(outcome)
                factors.append(factor.name)
                levels.append(level)
        outcomes = np.array(rows).reshape(len(rows), len(self.outputs.names))
        table = tornado(self.outputs.base, outcomes, factors, levels, self.outputs.names)
        return self._told(in_order(table, self.result))

    def _alone(self, factor: Factor, stages: Stages) -> list[tuple[str, Array]]:
        """Return the outputs with one factor varying alone, by level."""
        spec = self.spec.model_copy(update={"factor": (factor,), "impossible": "leave_out"})
        try:
            model = model_of(self.result, spec, stages)
        except InputError:  # no level of it runs without the other factors
            return []
        if labels := model.factors[0].labels:
            able = np.flatnonzero(model.number >= 0) if model.choosing else np.arange(len(labels))
            draws = Draws({factor.name: np.zeros((able.size, 1))}, {factor.name: able})
            return [
                (labels[level], outcome)
                for level, outcome in zip(able, self.outputs.take(*model.run(draws)), strict=True)
            ]
        found = self.outputs.take(*model.run(model.draws(0, _ALONE)))
        ends = np.quantile(found, _ENDS, axis=0)
        return [(f"{end:g}", outcome) for end, outcome in zip(_ENDS, ends, strict=True)]

    @cached_property
    def regional(self) -> pl.DataFrame:
        """Which factors tell the replications in which a unit is in the first places from the others.

        ``unit_code, factor, node, distance, p_value, n_in, n_out``: the largest distance between the two
        distributions of the factor, and whether chance would give it; null with too few on either side. Of
        weights it is their share among siblings that is looked at, node by node.
        """
        n = min(self.spec.n, _REGIONAL)
        draws = self.model.draws(0, n)
        scores, edges = self.model.run(draws)
        ranks = self.outputs.take(scores, edges)[:, -len(self.units) :]
        inside = np.where(np.isnan(ranks), np.nan, (ranks <= self.spec.top).astype(float))
        columns, names, chooses = [], [], []
        shares = self.model.all_shares(draws)
        for each in self.model.factors:
            if each.n_levels:
                columns.append(draws.levels[each.name].astype(float))
                names.append((each.name, ""))
                chooses.append(True)
            elif each.nodes is not None:
                codes = [self.result.framework.codes[node] for node in each.nodes]
                columns += list(shares[:, each.nodes].T)
                names += [(each.name, code) for code in codes]
                chooses += [False] * len(codes)
        schema = {
            "unit_code": pl.String, "factor": pl.String, "node": pl.String, "distance": pl.Float64,
            "p_value": pl.Float64, "n_in": pl.Int64, "n_out": pl.Int64,
        }  # fmt: skip
        if not columns:
            return self._told(pl.DataFrame(schema=schema))
        found = regional(np.column_stack(columns), inside, np.array(chooses))
        rows = [
            (
                unit, *names[i], number(found.distances[i, j]), number(found.p_values[i, j]),
                int(np.nansum(inside[:, j])), int(np.sum(inside[:, j] == 0)),
            )
            for j, unit in enumerate(self.units)
            for i in range(len(names))
        ]  # fmt: skip
        return self._told(in_order(pl.DataFrame(rows, schema=schema, orient="row"), self.result))

    @cached_property
    def weight_intervals(self) -> Stability:
        """Between which weights of each node the ranks, grades and first places stay; see `Stability`."""
        return weight_stability(self.result, top=self.spec.top)

    @cached_property
    def leave_one_out(self) -> LeftOut:
        """The index without each of its nodes; see `LeftOut`."""
        return leave_one_out(self.result)

    @property
    def verdict(self) -> str:
        """Whether the replications are ``enough``, or one should ``draw more``."""
        return self.convergence.verdict

    def mean_shifts(self, n: int = 1000) -> Array:
        """Return the mean absolute rank change of the first `n` replications."""
        scores, edges = self.model.run(self.model.draws(0, n))
        return mean_shift(self.outputs.take(scores, edges)[:, -len(self.units) :], self.published)

    def _told(self, frame: pl.DataFrame) -> pl.DataFrame:
        return noticed(frame, self.result)

    def __repr__(self) -> str:
        """Name the size, and no figure of any unit."""
        return f"<Robustness: {self.counts.n} replications of {self.result!r}>"


def robustness(
    source: Result | Workspace,
    spec: Spec | Mapping[str, Any] | Path | str | None = None,
    *,
    counting: Counting | None = None,
    threads: int | None = None,
) -> Robustness:
    """Return how sure the ranks of an assessment are.

    Parameters
    ----------
    source : Result or Workspace
        A workspace is assessed by its own method first.
    spec : Spec, mapping or path, optional
        What varies, as in ``robust.toml``; by default that of the workspace, else all weights by up to a
        quarter.
    counting : callable, optional
        What counts the replications in place of threads of this process: from a model, how many, and the
        range of the histogram of scores.
    threads : int, optional
        By default one for each processor. Results do not depend on it.

    Raises
    ------
    InputError
        With everything that is wrong with the specification, and combinations of settings that cannot run.

    Examples
    --------
    >>> robustness(workspace).summary  # doctest: +SKIP
    """
    result = source if isinstance(source, Result) else assess(source)
    chosen = own_spec(result.workspace) if spec is None else with_factors(_spec_of(spec), result.framework)
    noted = Problems()
    model = model_of(result, chosen, noted=noted)
    tally = counting or (lambda model, n, span: count(model, 0, n, span, threads))
    counts = tally(model, chosen.n, score_span(model))
    return Robustness(result, chosen, model, counts, noted.warnings)


def _spec_of(given: Spec | Mapping[str, Any] | Path | str) -> Spec:
    """Return a specification that may be given as plain data or as a file."""
    if isinstance(given, Spec):
        return given
    problems = Problems()
    found = (
        spec_of(given, "spec", problems) if isinstance(given, Mapping) else read_spec(Path(given), problems)
    )
    problems.raise_errors()
    assert found is not None
    return found


def order_of(result: Result) -> NDArray[np.intp]:
    """Return the order of the units in files: that of the workspace, or of their neutral names."""
    labels = result.row_labels
    rows = range(len(labels))
    return np.array(sorted(rows, key=lambda row: labels[row]) if result.illustrative else rows, np.intp)


def in_order(frame: pl.DataFrame, result: Result) -> pl.DataFrame:
    """Return a table with its units in the order of their neutral names, where these stand for them.

    The order of the workspace would tell which unit is which.
    """
    if not result.illustrative:
        return frame
    place = {result.row_labels[row]: i for i, row in enumerate(order_of(result))}
    place |= {f"{RANK}{label}": i for label, i in place.items()}
    column = "unit_code" if "unit_code" in frame.columns else "output"
    order = pl.col(column).replace_strict(place, default=-1, return_dtype=pl.Int64)
    return frame.sort(order, maintain_order=True)


def own_spec(workspace: Workspace) -> Spec:
    """Return what ``robust.toml`` of the workspace says, else the default.

    Raises
    ------
    InputError
        With everything that is wrong with the file.
    """
    path = workspace.folder / SPEC if workspace.folder else None
    if path is None or not path.is_file():
        return default_spec(workspace.framework)
    problems = Problems()
    spec = read_spec(path, problems)
    problems.raise_errors()
    assert spec is not None
    return with_factors(spec, workspace.framework)
