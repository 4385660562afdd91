"""Several tellings of one fact: which of them counts, and whether the others agree with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from citygauge.collect.observations import ROW, Observations, observation_ids
from citygauge.framework.model import CHANNELS, Framework
from citygauge.problems import Problems

Verdict = Literal["same", "rounding", "tolerance", "differ"]
VOICES = "_voices"  # the sources that a fact speaks for: its own, and those of what it supersedes
TELLING = ("source", "channel", ROW, "state", "value")  # what is said of either side of a pair
_SAME = 1e-12  # relative: what converting a unit of measure leaves behind
_FEWEST_DIGITS = 3
_EITHER = (ROUND_HALF_UP, ROUND_HALF_EVEN)


class SourceChoice(BaseModel):
    """Which source counts where several tell one fact, and how far apart they may be and still agree.

    `prefer` lists sources by their id, the one that counts first; `tolerance` is a share of the larger
    of the two values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    prefer: tuple[str, ...] = ()
    tolerance: float = Field(0.0, ge=0, lt=1, allow_inf_nan=False)


def agreement(a: float, b: float, tolerance: float = 0.0) -> Verdict:
    """Return how two tellings of one figure agree: the same, by rounding, within a tolerance, or not.

    One is the rounding of the other where the longer one, rounded to the last digit of the shorter one
    (halves away from zero or to even), is the shorter one: 43 760.7 and 43 761, and 43 760.7 and 43 800.
    The shorter one needs three significant digits, since a number does not tell whether 5 was printed as
    5 or as 5.0; the last digit of a whole number is that of the ones, or the last that is not 0. Two values
    within 1e-12 of each other are the same, as unit conversions leave them.

    Parameters
    ----------
    a, b : float
        Any unit, finite.
    tolerance : float
        The largest `relative_difference` that counts as agreement.

    Examples
    --------
    >>> agreement(43761, 43760.7), agreement(5, 5.4), agreement(100, 101, tolerance=0.01)
    ('rounding', 'differ', 'tolerance')
    """
    apart = relative_difference(a, b)
    if apart <= _SAME:
        return "same"
    if _is_rounding(a, b) or _is_rounding(b, a):
        return "rounding"
    return "tolerance" if apart <= tolerance else "differ"


def relative_difference(a: float, b: float) -> float:
    """Return |a − b| / max(|a|, |b|), from 0 to 2; 0 where both are 0.

    >>> relative_difference(80.0, 100.0), relative_difference(0.0, 0.0)
    (0.2, 0.0)
    """
    largest = max(abs(a), abs(b))
    return abs(a - b) / largest if largest else 0.0


def _is_rounding(short: float, long: float) -> bool:
    """Tell whether a number is another one with fewer digits."""
    told, full = Decimal(repr(short)).normalize(), Decimal(repr(long)).normalize()
    last, finest = told.as_tuple().exponent, full.as_tuple().exponent
    if not (isinstance(last, int) and isinstance(finest, int)) or len(full.as_tuple().digits) > 20:
        return False
    if full.adjusted() > told.adjusted() + 1:
        return False
    for place in {last, min(last, 0)}:  # 43800 may end with the hundreds or with the ones
        is_long_enough = told.adjusted() - place + 1 >= _FEWEST_DIGITS
        if finest < place and is_long_enough:
            step = Decimal(1).scaleb(place)
            if any(full.quantize(step, how) == told for how in _EITHER):
                return True
    return False


def with_voices(frame: pl.DataFrame, replaces: Mapping[int, int]) -> pl.DataFrame:
    """Return facts with the column `VOICES`.

    Parameters
    ----------
    replaces : mapping
        Row of a correction → row of the fact it supersedes.
    """
    frame = frame.with_columns(pl.concat_list(pl.col("source").cast(pl.String)).alias(VOICES))
    if not replaces:
        return frame
    source_of = dict(frame.select(ROW, "source").iter_rows())
    lines = {row: [source_of[r] for r in (row, *_chain(row, replaces))] for row in replaces}
    schema = {ROW: frame.schema[ROW], "_line": pl.List(pl.String)}
    corrected = pl.DataFrame({ROW: list(lines), "_line": list(lines.values())}, schema=schema)
    frame = frame.join(corrected, on=ROW, how="left", maintain_order="left")
    return frame.with_columns(pl.coalesce("_line", VOICES).alias(VOICES)).drop("_line")


def _chain(row: int, replaces: Mapping[int, int]) -> Iterator[int]:
    seen = {row}
    while (row := replaces.get(row, row)) not in seen:
        seen.add(row)
        yield row


def ordered(frame: pl.DataFrame, framework: Framework, choice: SourceChoice) -> pl.DataFrame:
    """Return facts in the order in which they count: by channel, then figures before gaps, then by source.

    The ranks are in ``_channel`` and ``_source``; equal ones stay in the order of the file.
    """
    rank = {(node.code, channel): i for node in framework for i, channel in enumerate(node.channels)}
    order = pl.DataFrame(
        {"indicator": [c for c, _ in rank], "channel": [c for _, c in rank], "_channel": list(rank.values())},
        schema={"indicator": pl.String, "channel": pl.String, "_channel": pl.Int64},
    )
    frame = frame.join(order, on=["indicator", "channel"], how="left", maintain_order="left")
    places = {name: i for i, name in reversed(list(enumerate(choice.prefer)))}
    last = len(choice.prefer)
    frame = frame.with_columns(
        pl.col("_channel").fill_null(len(CHANNELS)),
        (pl.col("state") == "missing").alias("_gap"),
        pl.col(VOICES).list.eval(
            pl.element().replace_strict(places, default=last, return_dtype=pl.Int64)
        ).list.min().alias("_source")
        if places
        else pl.lit(0, pl.Int64).alias("_source"),
    )  # fmt: skip
    return frame.sort("_channel", "_gap", "_source", ROW)


def pairs(frame: pl.DataFrame, fact: Sequence[str], choice: SourceChoice) -> Iterator[dict[str, Any]]:
    """Return each telling that says something else than the one that counts, beside that one.

    A gap of another source is no telling. The pair has the columns of `fact`, ``used_…`` and ``other_…`` of
    `TELLING`, `kind` (``channel``; ``source``; ``same``, where both speak for one source), the `verdict` of
    `agreement`, and whether the order of sources `settled` it.

    Parameters
    ----------
    frame : DataFrame
        In the order in which they count, as `ordered` returns them.
    fact : sequence of str
        The columns that name a fact.
    """
    told = pl.struct("value", "state").n_unique().over(fact)
    contested = frame.filter(told > 1).select(*fact, *TELLING, VOICES, "_channel", "_source")
    for (*_,), group in contested.group_by(fact, maintain_order=True):
        used, *others = group.iter_rows(named=True)
        for other in others:
            kind = _kind(used, other)
            if (other["state"], other["value"]) == (used["state"], used["value"]):
                continue
            if kind == "source" and other["state"] == "missing":
                continue
            yield {
                **{name: used[name] for name in fact},
                **{f"used_{name}": used[name] for name in TELLING},
                **{f"other_{name}": other[name] for name in TELLING},
                "kind": kind,
                "verdict": "differ" if kind == "same" else _verdict(used, other, choice.tolerance),
                "settled": used["_source"] < other["_source"],
            }


def _kind(used: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    if used["_channel"] != other["_channel"]:
        return "channel"
    return "source" if set(used[VOICES]).isdisjoint(other[VOICES]) else "same"


def _verdict(used: Mapping[str, Any], other: Mapping[str, Any], tolerance: float) -> Verdict:
    if used["value"] is None or other["value"] is None:
        return "differ"
    return agreement(used["value"], other["value"], tolerance)


def note_pairs(
    found: Iterable[Mapping[str, Any]], frame: pl.DataFrame, observations: Observations, problems: Problems
) -> None:
    """Note tellings that differ: an error of one source or of sources without an order, else a warning."""
    kinds: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for pair in found:
        if pair["verdict"] == "differ":
            is_source = pair["kind"] == "source"
            by = (pair["settled"], *_sources(pair)) if is_source else (True, pair[f"used_{ROW}"])
            kinds.setdefault((pair["kind"], *by), []).append(pair)
    for (kind, settled, *_), group in kinds.items():
        if kind == "same":
            _note_one_source(group, frame, observations, problems)
        elif kind == "channel":
            _note_channels(group, observations, problems)
        elif settled:
            total = _told_by_both(frame, *_sources(group[0]))
            where = observations.where(min(p[f"other_{ROW}"] for p in group), "value")
            problems.add("facts.sources-disagree", where, **said_of(group), total=total)
        else:
            where = observations.where(min(p[f"other_{ROW}"] for p in group), "value")
            problems.add("facts.sources-unsettled", where, **said_of(group))


def said_of(group: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a sentence names of the disagreements of two sources, the largest first."""

    def size(pair: Mapping[str, Any]) -> float:
        a, b = pair["used_value"], pair["other_value"]
        return float("inf") if a is None or b is None else relative_difference(a, b)

    largest = sorted(group, key=lambda pair: -size(pair))
    used, other = _sources(group[0])
    return {
        "used": used, "other": other, "count": len(group), "told": [_said(pair) for pair in largest],
        "rows": [[pair[f"used_{ROW}"], pair[f"other_{ROW}"]] for pair in largest],
    }  # fmt: skip


def _said(pair: Mapping[str, Any]) -> str:
    """Write a disagreement without words: whose, what, both values with their rows, how far apart."""
    (a, b), (i, j) = ([pair[f"{side}_{name}"] for side in ("used", "other")] for name in ("value", ROW))
    apart = "" if a is None or b is None else f" ({100 * relative_difference(a, b):.3g}%)"
    told = [pair[f"{s}_state"] if v is None else f"{v:.15g}" for s, v in (("used", a), ("other", b))]
    whose = "/".join(pair[name] for name in ("unit", "subject", "indicator") if pair.get(name))
    return f"{whose} {told[0]} [{i}] ≠ {told[1]} [{j}]{apart}"


def _sources(pair: Mapping[str, Any]) -> tuple[str, str]:
    return pair["used_source"] or "–", pair["other_source"] or "–"


def _told_by_both(frame: pl.DataFrame, used: str, other: str) -> int:
    """Return how many facts both sources tell."""
    keys = ["unit", "subject", "indicator"]
    named = pl.col("source").fill_null("–")
    mine, theirs = (frame.filter((named == name) & (pl.col("state") != "missing")) for name in (used, other))
    return mine.select(keys).unique().join(theirs, on=keys, how="semi", nulls_equal=True).height


def _note_one_source(
    group: Sequence[Mapping[str, Any]], frame: pl.DataFrame, observations: Observations, problems: Problems
) -> None:
    first = group[0]
    rows = sorted({first[f"used_{ROW}"], *(pair[f"other_{ROW}"] for pair in group)})
    ids = dict(zip(observations.frame[ROW], observation_ids(observations.frame), strict=True))
    values = {"unit": first["unit"], "code": first["indicator"], "rows": rows, "ids": [ids[r] for r in rows]}
    problems.add("facts.several-values", observations.where(rows[-1], "value"), **values)


def _note_channels(
    group: Sequence[Mapping[str, Any]], observations: Observations, problems: Problems
) -> None:
    first = group[0]
    rows = sorted(pair[f"other_{ROW}"] for pair in group)
    values = {"unit": first["unit"], "code": first["indicator"], "rows": rows}
    values |= {"used": first[f"used_{ROW}"], "channel": first["used_channel"] or "–"}
    problems.add("facts.channels-disagree", observations.where(rows[0], "value"), **values)
