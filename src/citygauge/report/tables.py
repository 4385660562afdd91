"""The tables of a run, as they are written to files and to the workbook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from citygauge.analyse.describe import describe
from citygauge.collect.disagree import disagreements
from citygauge.collect.observations import ROW
from citygauge.indicators.table import Table
from citygauge.report.inside import rolled_up, strata_scores
from citygauge.report.points import points_table, vetoes_table
from citygauge.result import NOTICE, Result
from citygauge.score.steps import Scored
from citygauge.score.treating import treatment_details

STEPS = ("derived", "screened", "imputed", "treated", "normalised", "aggregated")


def tables(result: Result) -> dict[str, pl.DataFrame]:
    """Return every table of a run by the name of its file, the notice on each where data are illustrative."""
    labels = _Labels(result)
    found = {"scores": result.scores}
    if result.scale is not None:
        found["grades"] = _noticed(result.grade_list, result)
    for number, name in enumerate(STEPS, 1):
        found[f"steps/{number}_{name}"] = labels.wide(getattr(result, name))
    found["screening"] = labels.long(result.screening)
    found["treatment"] = labels.long(_treatment(result))
    found["treatment_details"] = _noticed(_treatment_details(result), result)
    imputed = labels.long(_imputed(result))
    # The group and the neighbours of a unit would give its neutral name away.
    found["imputed"] = imputed.drop("group", "neighbours") if result.illustrative else imputed
    found["availability"] = labels.long(_availability(result))
    found["effective_weights"] = _noticed(_weights(result), result)
    found["statistics"] = _noticed(describe(result), result)
    if result.from_measures is not None:
        found["own_scores"] = labels.long(_own_scores(result, result.from_measures))
    for name, frame in (("points", points_table(result)), ("vetoes", vetoes_table(result))):
        if frame.height:
            found[name] = frame
    if result.strata:
        found["strata"] = labels.long(strata_scores(result))
    if not result.illustrative:  # the rows of the facts would give the neutral names away
        found["facts"] = _facts(result)
        told = _disagreements(result)
        if told.height:
            found["disagreements"] = told
        if result.rolled.frame.height:
            found["rolled_up"] = rolled_up(result)
    return found


@dataclass(frozen=True)
class _Labels:
    """Puts the labels of units on tables; on illustrative data neutral names, in their own order."""

    result: Result

    def wide(self, table: Table) -> pl.DataFrame:
        return self._ordered(table.frame([self.result.label_of[unit] for unit in table.units]))

    def long(self, frame: pl.DataFrame) -> pl.DataFrame:
        labels = pl.col("unit_code").replace_strict(self.result.label_of, return_dtype=pl.String)
        return self._ordered(frame.with_columns(labels))

    def _ordered(self, frame: pl.DataFrame) -> pl.DataFrame:
        if self.result.illustrative:
            frame = frame.sort("unit_code", maintain_order=True)
        return _noticed(frame, self.result)


def _noticed(frame: pl.DataFrame, result: Result) -> pl.DataFrame:
    return frame.with_columns(pl.lit(NOTICE["en"]).alias("notice")) if result.illustrative else frame


def _treatment(result: Result) -> pl.DataFrame:
    """One row for each value that was changed: what was done, before and after; with strata, in which."""
    runs: Mapping[str, Scored | Result] = result.strata or {"": result}
    rows = [
        (unit, stratum, code, str(word), before, after)
        for stratum, run in runs.items()
        for code, treated in run.treatment.items()
        for unit, word, before, after in zip(
            run.imputed.units, treated.words, run.imputed.column(code), treated.values, strict=True
        )
        if word
    ]
    texts = dict.fromkeys(("unit_code", "stratum", "code", "treatment"), pl.String)
    schema = {**texts, "before": pl.Float64, "after": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame if result.strata else frame.drop("stratum")


def _treatment_details(result: Result) -> pl.DataFrame:
    """One row for each column that was treated: moments before and after, points moved, transform."""
    if not result.strata:
        return treatment_details(result.treatment)
    frames = [
        treatment_details(run.treatment).select(pl.lit(stratum).alias("stratum"), pl.all())
        for stratum, run in result.strata.items()
    ]
    return pl.concat(frames)


def _imputed(result: Result) -> pl.DataFrame:
    """One row for each value that nobody observed and the method filled in: how, and from where."""
    if not result.strata:
        return result.imputation
    frames = [
        run.imputation.select("unit_code", pl.lit(stratum).alias("stratum"), pl.exclude("unit_code"))
        for stratum, run in result.strata.items()
    ]
    return pl.concat(frames)


def _availability(result: Result) -> pl.DataFrame:
    aggregates = result.framework.aggregates
    return pl.DataFrame(
        {
            "unit_code": np.repeat(np.array(result.units.codes, dtype=object), len(aggregates)).tolist(),
            "code": list(aggregates) * len(result.units),
            "availability": pl.Series(result.availability.ravel()).fill_nan(None),
        }
    )


def _weights(result: Result) -> pl.DataFrame:
    codes = result.framework.codes
    return pl.DataFrame(
        {
            "code": list(codes),
            "level": [result.framework.levels[code] for code in codes],
            "weight": [result.shares.get(code) for code in codes],
            "effective_weight": [result.effective_weights[code] for code in codes],
        }
    )


def _own_scores(result: Result, from_measures: Table) -> pl.DataFrame:
    """Indicators with a score of their own beside what their measures say."""
    frames = [
        pl.DataFrame(
            {
                "unit_code": list(from_measures.units),
                "code": [code] * len(from_measures.units),
                "own": pl.Series(result.normalised.column(code)).fill_nan(None),
                "from_measures": pl.Series(from_measures.column(code)).fill_nan(None),
            }
        )
        for code in from_measures.codes
    ]
    return pl.concat(frames)


def _disagreements(result: Result) -> pl.DataFrame:
    """What other sources and channels tell of the facts that count."""
    workspace = result.workspace
    told_by, units = workspace.settings.sources, result.units.codes
    frame = disagreements(workspace.observations, workspace.framework, told_by, [result.period], units)
    return frame.rename({"unit": "unit_code", "indicator": "code"})


def _facts(result: Result) -> pl.DataFrame:
    """The observation behind each cell: row of the file, source, and the cell of the original."""
    facts = result.facts
    at = np.argwhere(facts.rows > 0)
    used = pl.DataFrame(
        {
            "unit_code": [facts.units[i] for i, _ in at],
            "code": [facts.codes[j] for _, j in at],
            ROW: facts.rows[facts.rows > 0],
        },
        schema={"unit_code": pl.String, "code": pl.String, ROW: pl.Int32},
    )
    frame = result.workspace.observations.frame
    kept = [
        column
        for column in (ROW, "value", "unit_of_measure", "state", "origin", "channel", "source", "cell")
        if column in frame.columns
    ]
    told = frame.select(kept).with_columns(pl.col(ROW).cast(pl.Int32))
    return used.join(told, on=ROW, how="left", maintain_order="left").rename({ROW: "row"})
