"""Scores as the schemes of inspections print them: points out of full marks, and the vetoes that fired."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from citygauge.framework.model import DEDUCTION, VETO
from citygauge.report.marks import Marks
from citygauge.result import NOTICE, Result


def points_table(result: Result) -> pl.DataFrame:
    """Return the points of every unit at every node that has full marks.

    Parameters
    ----------
    result : Result

    Returns
    -------
    DataFrame
        ``unit_code, code, role, points, full_marks``, not rounded. Points are the share of the full marks
        that a score is of the method's range; a deduction has them with a minus. Where nothing is missing,
        cut by a cap or vetoed, and means are arithmetic, the points of the children add up to those of
        their parent. Under other weights than the framework's own, `full_marks` follow the weights. Null
        where there is no score; no rows where the method has no range. On illustrative data under neutral
        names, with the notice.
    """
    framework, onto = result.framework, result.method.normalise.range
    marks = Marks(result).full
    low, high = onto or (0.0, 1.0)
    columns = [framework.codes.index(code) for code in marks]
    signs = np.array([-1.0 if framework.roles[code] == DEDUCTION else 1.0 for code in marks])
    full = np.array(list(marks.values()))
    earned = (result.aggregated.values[:, columns] - low) / (high - low) * full * signs + 0.0
    n_units = len(result.units)
    frame = pl.DataFrame(
        {
            "unit_code": [label for label in result.row_labels for _ in marks],
            "code": list(marks) * n_units,
            "role": [framework.roles[code] or None for code in marks] * n_units,
            "points": pl.Series(earned.ravel(), dtype=pl.Float64).fill_nan(None),
            "full_marks": list(marks.values()) * n_units,
        },
        schema_overrides=dict.fromkeys(("unit_code", "code", "role"), pl.String) | {"full_marks": pl.Float64},
    )
    return _labelled(frame, result)


def vetoes_table(result: Result) -> pl.DataFrame:
    """Return the vetoes that fired: ``unit_code, code, parent, recorded, limit``.

    `recorded` is the value that fired it, `limit` the score that the parent keeps at most. On illustrative
    data under neutral names, with the notice.
    """
    rows = [(result.row_labels[veto.row], *veto.told) for veto in vetoes_fired(result)]
    texts, figures = ("unit_code", "code", "parent"), ("recorded", "limit")
    schema = {**dict.fromkeys(texts, pl.String), **dict.fromkeys(figures, pl.Float64)}
    return _labelled(pl.DataFrame(rows, schema=schema, orient="row"), result)


@dataclass(frozen=True, slots=True)
class Fired:
    """A veto that fired: the row of the unit, and its code, parent, recorded value and limit."""

    row: int
    code: str
    parent: str
    recorded: float
    limit: float

    @property
    def told(self) -> tuple[str, str, float, float]:
        """What a table says of it beside the unit."""
        return self.code, self.parent, self.recorded, self.limit


def vetoes_fired(result: Result) -> list[Fired]:
    """Return the vetoes that fired, in the order of the tree and of the units."""
    framework = result.framework
    low, high = result.method.normalise.range or (0.0, 1.0)
    found = []
    for node in framework:
        if node.role != VETO or node.parent is None:
            continue
        share = 0.0 if node.points is None else node.points / framework.points[node.parent]
        recorded, scores = result.imputed.column(node.code), result.normalised.column(node.code)
        found += [
            Fired(int(i), node.code, node.parent, float(recorded[i]), low + share * (high - low))
            for i in np.flatnonzero(scores > low)
        ]
    return found


def _labelled(frame: pl.DataFrame, result: Result) -> pl.DataFrame:
    """Put the notice on every row of illustrative data, and the rows in the order of the neutral names."""
    if not result.illustrative:
        return frame
    return frame.sort("unit_code", maintain_order=True).with_columns(pl.lit(NOTICE["en"]).alias("notice"))
