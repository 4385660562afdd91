"""What was told of one fact beside the value that counts: kept, and shown."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import polars as pl

from citygauge.collect.observations import Observations
from citygauge.collect.resolve import FACT, current, of_period
from citygauge.collect.rivals import TELLING, SourceChoice, ordered, pairs, relative_difference
from citygauge.framework.model import Framework
from citygauge.problems import Problems, Where

_SIDE = {"source": pl.String, "channel": pl.String, "row": pl.Int64, "state": pl.String, "value": pl.Float64}
DISAGREEMENT_SCHEMA = {
    "unit": pl.String, "subject": pl.String, "indicator": pl.String, "period": pl.String,
    "kind": pl.String, "verdict": pl.String,
    **{f"{side}_{name}": dtype for side in ("used", "other") for name, dtype in _SIDE.items()},
    "difference": pl.Float64, "relative_difference": pl.Float64,
}  # fmt: skip


def disagreements(
    observations: Observations,
    framework: Framework,
    choice: SourceChoice | None = None,
    periods: Sequence[str | None] | None = None,
    units: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Return what other sources and channels tell of a fact beside the value that counts.

    Parameters
    ----------
    observations : Observations
    framework : Framework
        Its channels say which of them counts.
    choice : SourceChoice, optional
        The order of sources, and the tolerance within which they agree.
    periods : sequence of str, optional
        By default all that facts are dated with. Facts without a period hold in each of them.
    units : sequence of str, optional
        By default all.

    Returns
    -------
    DataFrame
        One row for each telling with another value or state than the one that counts, none for those that
        say the same: ``unit, subject`` (null for a fact of the unit itself), ``indicator, period``; `kind`,
        ``source`` or ``channel``; `verdict`, ``rounding`` or ``tolerance`` where the two agree, else
        ``differ``; ``used_`` and ``other_`` with ``source, channel, row, state, value``; `difference`,
        other − used, and `relative_difference`, |other − used| / max(|used|, |other|): both null where
        either side has no value. Different values of one source are no disagreement but a problem, which
        `resolve` notes.
    """
    choice, found = choice or SourceChoice(), []
    frame = current(observations, Problems()).filter(pl.col("indicator").is_in(framework.recordable))
    if units is not None:
        frame = frame.filter(pl.col("unit").is_in(list(units)))
    for period in observations.periods or (None,) if periods is None else periods:
        ranked = ordered(of_period(frame, period), framework, choice)
        for pair in pairs(ranked, FACT, choice):
            if pair["kind"] == "same":
                continue
            a, b = pair["used_value"], pair["other_value"]
            apart = (None, None) if a is None or b is None else (b - a, relative_difference(a, b))
            sides = [pair[f"{side}_{name}"] for side in ("used", "other") for name in TELLING]
            whose = (pair["unit"], pair["subject"], pair["indicator"], period)
            found.append((*whose, pair["kind"], pair["verdict"], *sides, *apart))
    return pl.DataFrame(found, schema=DISAGREEMENT_SCHEMA, orient="row")


def check_preferred(observations: Observations, choice: SourceChoice, file: str, problems: Problems) -> None:
    """Note preferred sources that no fact has.

    Parameters
    ----------
    file : str
        Where `choice` stands, ``assessment.toml``.
    """
    known = sorted(observations.frame["source"].drop_nulls().unique())
    for name in dict.fromkeys(choice.prefer):
        if name not in known:
            near = get_close_matches(name, known, 3) or known
            where = Where(file, column="sources.prefer")
            problems.add("facts.preferred-unknown", where, value=name, near=near)
