"""Which fact counts: corrections replace what they name, preferred channels and sources win over others."""

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
    observation_ids,
)
from citygauge.collect.rivals import SourceChoice, note_pairs, ordered, pairs, with_voices
from citygauge.collect.subjects import Subjects
from citygauge.framework.check import cycles
from citygauge.framework.model import Framework
from citygauge.problems import Problems

FACT = ("unit", "subject", "indicator")  # what names a fact within a period


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
    """Return the observations that no other supersedes; a correction must name its own kind of fact.

    The column `VOICES` names the sources that each speaks for: its own and those of what it supersedes.
    """
    frame = observations.frame
    corrections = frame.filter(pl.col("supersedes").is_not_null())
    if not corrections.height:
        return with_voices(frame, {})
    frame = frame.with_columns(pl.Series("_id", observation_ids(frame)))
    by_id: dict[str, Mapping[str, object]] = {row["_id"]: row for row in frame.iter_rows(named=True)}
    replaced_by: dict[str, str] = {}
    replaces: dict[int, int] = {}
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
            replaces[row[ROW]] = int(str(old[ROW]))
    for circle in cycles(replaced_by):
        rows = [int(str(by_id[i][ROW])) for i in circle]
        problems.add(
            "facts.supersedes-circle", observations.where(min(rows), "supersedes"), ids=circle, rows=rows
        )
    return with_voices(frame, replaces).filter(~pl.col("_id").is_in(list(replaced_by)))


def resolve(
    observations: Observations,
    framework: Framework,
    units: Sequence[str],
    period: str | None,
    problems: Problems,
    choice: SourceChoice | None = None,
) -> Facts:
    """Choose the fact that counts for each unit and node.

    Superseded observations are left out. Where channels disagree, the first of the framework's channels
    for that node wins and the disagreement is noted. Where sources of one channel disagree, the first of
    `choice` wins and the disagreement is noted; without an order of the two it is a problem, and so are two
    different values of one source. A gap gives way to a figure of another source, and a correction speaks
    for the source that it corrects. Observations without a period hold in every period.
    """
    frame = of_period(current(observations, problems), period).filter(
        pl.col("unit").is_in(units) & pl.col("indicator").is_in(framework.codes) & pl.col("subject").is_null()
    )
    found = _chosen(frame, framework, observations, problems, choice or SourceChoice())
    return _as_arrays(found, units, framework.codes)


def subject_facts(
    observations: Observations,
    subjects: Subjects,
    framework: Framework,
    period: str | None,
    problems: Problems,
    choice: SourceChoice | None = None,
) -> pl.DataFrame:
    """Return the fact that counts for each of the subjects and each code, chosen as `resolve` does.

    The columns are those of the observations, ``subject, indicator, value, state`` and `ROW` among them.
    """
    frame = observations.frame.filter(pl.col("subject").is_not_null())
    if not frame.height:
        return frame
    facts = of_period(current(Observations(frame, observations.file), Problems()), period)
    facts = facts.join(subjects.frame.select("subject"), on="subject", how="semi", maintain_order="left")
    return _chosen(facts, framework, observations, problems, choice or SourceChoice())


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


def of_period(frame: pl.DataFrame, period: str | None) -> pl.DataFrame:
    """Return the facts of a period; those without one hold in every period."""
    return (
        frame if period is None else frame.filter(pl.col("period").is_null() | (pl.col("period") == period))
    )


def _chosen(
    frame: pl.DataFrame,
    framework: Framework,
    observations: Observations,
    problems: Problems,
    choice: SourceChoice,
) -> pl.DataFrame:
    """Return one fact for each unit, thing and code: that of the preferred channel and source."""
    if frame.select(pl.struct(FACT).n_unique()).item() == frame.height:
        return frame.sort(ROW)
    frame = ordered(frame, framework, choice)
    chosen = frame.unique(FACT, keep="first", maintain_order=True)
    if chosen.height < frame.height:
        note_pairs(pairs(frame, FACT, choice), frame, observations, problems)
    return chosen.sort(ROW)


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
    return _numbers_of(unit, units), _numbers_of(code, codes)


def _numbers_of(series: pl.Series, names: Sequence[str]) -> NDArray[np.intp]:
    numbers = {name: i for i, name in enumerate(names)}
    return series.replace_strict(numbers, return_dtype=pl.Int64).to_numpy().astype(np.intp)


def _fact(row: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(row[name] for name in ("unit", "indicator", "period", "subject"))
