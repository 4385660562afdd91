"""The files of a robustness run and of a replay: tables, the histogram, what varied, and the record."""

from __future__ import annotations

from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import tomli_w

from citygauge.analyse.compare import noticed
from citygauge.analyse.robust.answers import summary
from citygauge.analyse.robust.designs import Factorial, Saltelli
from citygauge.analyse.robust.replay import Replay
from citygauge.analyse.robust.robustness import SCORES, Robustness, in_order, order_of
from citygauge.analyse.robust.sensitivity import indices_table
from citygauge.analyse.robust.spec import SPEC, Spec
from citygauge.files import write_csv
from citygauge.report.files import LANGUAGES, Written, put_in_place
from citygauge.report.record import run_record
from citygauge.report.slider import slider_page
from citygauge.result import NOTICE, Result

HISTOGRAM = "histogram.npz"
FOLDER = "robust"  # inside the results


def robust_tables(found: Robustness) -> dict[str, pl.DataFrame]:
    """Return every table of a robustness run by the name of its file, those that do not apply left out."""
    weights = found.weight_intervals
    tables = {
        "summary": found.summary,
        "stability": found.stability,
        "pairs": found.pairs,
        "told_apart": found.told_apart,
        "convergence": found.convergence.table,
        "indices": found.indices,
        "shapley": found.effects,
        "tornado": found.tornado,
        "regional": found.regional,
        "weight_intervals": weights.table,
        "weight_intervals_nodes": weights.nodes,
        "leave_one_out": found.leave_one_out.summary,
    }
    return {name: frame for name, frame in tables.items() if frame is not None}


def robust_record(found: Robustness) -> dict[str, Any]:
    """Return what pins a robustness run, so that a stranger draws the same."""
    return {
        **run_record(found.result),
        "specification": found.spec.hash,
        "replications": found.counts.n,
        "samples": found.spec.samples,
        "seed": found.spec.seed,
        "files_read": _files_read(found),
        "factors": list(found.model.names),
        "combinations": len(found.model.variants),
        "verdict": found.convergence.verdict,
        "replications_needed": found.convergence.needed,
        "numpy": version("numpy"),
        "numba": version("numba"),
        "robust_warnings": [problem.as_dict() for problem in found.warnings],
    }


def _files_read(found: Robustness) -> dict[str, str]:
    """Return the SHA-256 of each file that the specification names."""
    folder = found.result.workspace.folder or Path()
    named = [factor.weights.sets for factor in found.spec.factor if factor.weights]
    named += [factor.data.file for factor in found.spec.factor if factor.data]
    return {name: sha256((folder / name).read_bytes()).hexdigest() for name in named if name}


def write_robust(found: Robustness, folder: Path, changes: pl.DataFrame | None = None) -> Written:
    """Write everything a robustness run found; earlier files of such a run go.

    Parameters
    ----------
    found : Robustness
    folder : Path
    changes : DataFrame, optional
        Since an earlier period, see `rank_changes`.

    Raises
    ------
    InputError
        When the folder holds files and no run of CityGauge.
    """

    def fill(draft: Path) -> list[str]:
        names = []
        for language in LANGUAGES:
            name = f"slider.{language}.html"
            (draft / name).write_text(slider_page(found.result, language), encoding="utf-8", newline="\n")
            names.append(name)
        more = {} if changes is None else {"rank_changes": changes}
        for name, frame in {**robust_tables(found), **more}.items():
            write_csv(frame, draft / f"{name}.csv")
            names.append(f"{name}.csv")
        rows = order_of(found.result)
        units = [found.units[row] for row in rows]
        found.counts.of_rows(rows).save(draft / HISTOGRAM, units, found.model.grades)
        (draft / SPEC).write_text(spec_text(found.spec, found.result), encoding="utf-8", newline="\n")
        return [*names, HISTOGRAM, SPEC]

    return put_in_place(folder, robust_record(found), fill)


def write_replay(found: Replay, folder: Path) -> Written:
    """Write what given runs come to: scores, ranks, histogram, summary, and indices of a design."""
    result, units = found.result, found.result.row_labels
    grades = tuple(grade.id for grade in result.scale.grades) if result.scale else ()

    def fill(draft: Path) -> list[str]:
        n_runs, n_units = found.scores.shape
        rows = order_of(result)
        labels = [units[row] for row in rows]
        place = {"run": np.repeat(found.runs, n_units).tolist(), "unit_code": labels * n_runs}
        values = pl.Series("value", found.scores[:, rows].ravel()).fill_nan(None)
        ranks = pl.Series("rank", found.ranks[:, rows].ravel().astype(np.int64)).replace(0, None)
        tables = {
            "scores": pl.DataFrame(place).with_columns(values),
            "ranks": pl.DataFrame(place).with_columns(ranks),
            "summary": _summary(found, grades),
        }
        if found.indices is not None and found.design is not None:
            table = indices_table(found.indices, found.outputs.names, found.design.factors)
            tables["indices"] = in_order(table, result)
        for name, frame in tables.items():
            write_csv(noticed(frame, result), draft / f"{name}.csv")
        found.counts.of_rows(rows).save(draft / HISTOGRAM, labels, grades)
        return [*(f"{name}.csv" for name in tables), HISTOGRAM]

    record = {
        **run_record(result),
        "runs": len(found.runs),
        "counted": found.counts.n,
        "design": design_name(found.design),
        "factors": list(found.design.factors) if found.design else [],
    }
    return put_in_place(folder, record, fill)


def _summary(found: Replay, grades: tuple[str, ...]) -> pl.DataFrame:
    """Return the summary of given runs, without scores where these are on several scales."""
    result = found.result
    frame = summary(found.counts, result.row_labels, result.ranks[:, 0], grades)
    if found.is_one_scale:
        return frame
    return frame.with_columns(pl.lit(None, pl.Float64).alias(name) for name in SCORES)


def design_name(design: Saltelli | Factorial | None) -> str | None:
    """Return the word for what given runs were found to be."""
    return None if design is None else type(design).__name__.lower()


def spec_text(spec: Spec, result: Result) -> str:
    """Return a specification as TOML, the notice and its hash on top."""
    notice = f"# {NOTICE['en']} / {NOTICE['zh']}\n" if result.illustrative else ""
    data = spec.model_dump(mode="json", exclude_defaults=True)
    kept = {name: getattr(spec, name) for name in ("n", "seed", "samples", "top", "impossible")}
    return f"{notice}# sha256 {spec.hash}\n{tomli_w.dumps({**kept, 'factor': data.get('factor', [])})}"
