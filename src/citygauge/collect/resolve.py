"""Which fact counts: corrections replace what they name, and preferred channels win over others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from citygauge.collect.observations import (
    ORIGINS,
    ROW,
    SCORE_UNIT,
    STATES,
    Observations,
    grouped,
    observation_ids,
)
from citygauge.collect.subjects import Subjects
from citygauge.framework.check import cycles
from citygauge.framework.model import CHANNELS, Framework
from citygauge.problems import Problems


@dataclass(frozen=True, slots=True)
class Facts:
    """The fact that counts for each unit and node, as arrays ``(n_units, n_nodes)``.

    `values` is NaN where there is none; `states` and `origins` index `STATES` and `ORIGINS`; `rows` is the
    row of the observation in its file, 0 where nobody reported anything; `is_score` marks scores handed
    over in place of measurements; `subjects` counts the values of things inside the unit that a roll-up rule
    made the value of, -1 where no rule did.
    """

    units: tuple[str, ...]
    codes: tuple[str, ...]
    values: NDArray[np.float64]
    states: NDArray[np.int8]
    origins: NDArray[np.int8]
    rows: NDArray[np.int32]
    is_score: NDArray[np.bool_]
    subjects: NDArray[np.int32]

    @property
    def reported(self) -> NDArray[np.bool_]:
        """Cells about which there is any fact, of the unit or of things inside it."""
        return np.asarray((self.rows > 0) | (self.subjects >= 0))


def current(observations: Observations, problems: Problems) -> pl.DataFrame:
    """Return the observations that no other supersedes; a correction must name its own kind of fact."""
    frame = observations.frame
    corrections = frame.filter(pl.col("supersedes").is_not_null())
    if not corrections.height:
        return frame
    frame = frame.with_columns(pl.Series("_id", observation_ids(frame)))
    by_id: dict[str, Mapping[str, object]] = {row["_id"]: row for row in frame.iter_rows(named=True)}
    replaced_by: dict[str, str] = {}
    for row in frame.filter(pl.col("supersedes").is_not_null()).iter_rows(named=True):
        where = observations.where(row[ROW], "supersedes")
        old = by_id.get(row["supersedes"])
        if old is None:
            same = [i for i, r in by_id.items() if _fact(r) == _fact(row) and r[ROW] != row[ROW]]
            problems.add("facts.supersedes-unknown", where, value=row["supersedes"], near=same)
        elif old[ROW] == row[ROW] or _fact(old) != _fact(row):
            problems.add("facts.supersedes-other", where, value=row["supersedes"])
        else:
            replaced_by[row["supersedes"]] = row["_id"]
    for circle in cycles(replaced_by):
        rows = [int(str(by_id[i][ROW])) for i in circle]
        problems.add(
            "facts.supersedes-circle", observations.where(min(rows), "supersedes"), ids=circle, rows=rows
        )
    return frame.filter(~pl.col("_id").is_in(list(replaced_by)))


def resolve(
    observations: Observations,
    framework: Framework,
    units: Sequence[str],
    period: str | None,
    problems: Problems,
) -> Facts:
    """Choose the fact that counts for each unit and node.

    Superseded observations are left out. Where channels disagree, the first of the framework's channels
    for that node wins and the disagreement is noted; two different values of one channel are a problem.
    Observations without a period hold in every period.
    """
    frame = _of_period(current(observations, problems), period).filter(
        pl.col("unit").is_in(units) & pl.col("indicator").is_in(framework.codes) & pl.col("subject").is_null()
    )
    return _as_arrays(_chosen(frame, framework, observations, problems), units, framework.codes)


def subject_facts(
    observations: Observations,
    subjects: Subjects,
    framework: Framework,
    period: str | None,
    problems: Problems,
) -> pl.DataFrame:
    """Return the fact that counts for each of the subjects and each code, chosen as `resolve` does.

    The columns are those of the observations, ``subject, indicator, value, state`` and `ROW` among them.
    """
    frame = observations.frame.filter(pl.col("subject").is_not_null())
    if not frame.height:
        return frame
    facts = _of_period(current(Observations(frame, observations.file), Problems()), period)
    facts = facts.join(subjects.frame.select("subject"), on="subject", how="semi", maintain_order="left")
    return _chosen(facts, framework, observations, problems)


def with_rolled_up(facts: Facts, rolled: pl.DataFrame, problems: Problems) -> Facts:
    """Return the facts with what the roll-up rules made; what is reported of the unit itself wins, a gap not.

    Parameters
    ----------
    rolled : DataFrame
        ``unit, code, value, state, subjects``, one row for each unit and code.
    """
    if not rolled.height:
        return facts
    rolled = rolled.filter(pl.col("unit").is_in(facts.units) & pl.col("code").is_in(facts.codes))
    values, states = facts.values.copy(), facts.states.copy()
    origins, subjects = facts.origins.copy(), facts.subjects.copy()
    at = _places(rolled["unit"], rolled["code"], facts.units, facts.codes)
    made = rolled["value"].fill_null(float("nan")).to_numpy()
    known = ~np.isnan(facts.values[at])
    own = (facts.rows[at] > 0) & (known | (facts.states[at] == STATES.index("not_applicable")))
    with np.errstate(invalid="ignore"):
        apart = own & (np.abs(facts.values[at] - made) > 1e-9)
    for column in np.unique(at[1][apart]):
        names = [facts.units[i] for i in at[0][apart & (at[1] == column)]]
        problems.add("facts.rollup-beside-fact", code=facts.codes[column], units=names)
    free = (at[0][~own], at[1][~own])
    words = {word: i for i, word in enumerate(STATES)}
    values[free], origins[free] = made[~own], ORIGINS.index("derived")
    states[free] = np.array([words[word] for word in rolled["state"]], np.int8)[~own]
    subjects[free] = rolled["subjects"].to_numpy()[~own]
    return replace(facts, values=values, states=states, origins=origins, subjects=subjects)


def _of_period(frame: pl.DataFrame, period: str | None) -> pl.DataFrame:
    """Return the facts of a period; those without one hold in every period."""
    return (
        frame if period is None else frame.filter(pl.col("period").is_null() | (pl.col("period") == period))
    )


def _chosen(
    frame: pl.DataFrame, framework: Framework, observations: Observations, problems: Problems
) -> pl.DataFrame:
    """Return one fact for each unit, thing and code: that of the preferred channel."""
    rank = {(node.code, channel): i for node in framework for i, channel in enumerate(node.channels)}
    order = pl.DataFrame(
        {"indicator": [c for c, _ in rank], "channel": [c for _, c in rank], "_rank": list(rank.values())},
        schema={"indicator": pl.String, "channel": pl.String, "_rank": pl.Int64},
    )
    frame = frame.join(order, on=["indicator", "channel"], how="left", maintain_order="left")
    frame = frame.with_columns(pl.col("_rank").fill_null(len(CHANNELS)))
    chosen = frame.sort("_rank", maintain_order=True).unique(
        ["unit", "subject", "indicator"], keep="first", maintain_order=True
    )
    if chosen.height < frame.height:
        _note_disagreements(frame, observations, problems)
    return chosen


def _note_disagreements(frame: pl.DataFrame, observations: Observations, problems: Problems) -> None:
    """Note facts told differently by one channel (an error), or by several (the preferred one wins)."""
    facts = ["unit", "subject", "indicator"]
    best = pl.col("_rank") == pl.col("_rank").min().over(facts)
    told = pl.struct("value", "state").n_unique().over(facts)
    several = frame.filter(pl.len().over(facts) > 1)
    for (unit, _, code), rows in grouped(several.filter(best).filter(told > 1), *facts):
        ids = observation_ids(several.filter(pl.col(ROW).is_in(rows)))
        where = observations.where(rows[-1], "value")
        problems.add("facts.several-values", where, unit=unit, code=code, rows=rows, ids=ids)
    winners = several.filter(best).group_by(facts, maintain_order=True).agg(ROW, "channel")
    used = {tuple(fact): (rows[0], channels[0]) for *fact, rows, channels in winners.iter_rows()}
    for (unit, subject, code), rows in grouped(several.filter((told > 1) & ~best), *facts):
        row, channel = used[unit, subject, code]
        values = {"unit": unit, "code": code, "rows": rows, "used": row, "channel": channel or "–"}
        problems.add("facts.channels-disagree", observations.where(rows[0], "value"), **values)


def _as_arrays(chosen: pl.DataFrame, units: Sequence[str], codes: Sequence[str]) -> Facts:
    shape = (len(units), len(codes))
    at = _places(chosen["unit"], chosen["indicator"], units, codes)
    facts = Facts(
        tuple(units), tuple(codes),
        np.full(shape, np.nan), np.full(shape, STATES.index("missing"), np.int8), np.zeros(shape, np.int8),
        np.zeros(shape, np.int32), np.zeros(shape, np.bool_), np.full(shape, -1, np.int32),
    )  # fmt: skip
    facts.values[at] = chosen["value"].fill_null(float("nan")).to_numpy()
    for array, column, words in ((facts.states, "state", STATES), (facts.origins, "origin", ORIGINS)):
        array[at] = chosen[column].replace_strict(
            {w: i for i, w in enumerate(words)}, return_dtype=pl.Int8, default=0
        )
    facts.rows[at] = chosen[ROW].to_numpy()
    facts.is_score[at] = (chosen["unit_of_measure"] == SCORE_UNIT).fill_null(False).to_numpy()
    return facts


def _places(
    unit: pl.Series, code: pl.Series, units: Sequence[str], codes: Sequence[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the row and the column of each fact."""
    row_of, column_of = ({name: i for i, name in enumerate(names)} for names in (units, codes))
    return (
        np.array([row_of[name] for name in unit], dtype=np.intp),
        np.array([column_of[name] for name in code], dtype=np.intp),
    )


def _fact(row: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(row[name] for name in ("unit", "indicator", "period", "subject"))
