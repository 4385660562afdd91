"""The files of a run: scores, every step, weights, method, hashes and the page, put in place together."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from citygauge.analyse.describe import describe
from citygauge.files import write_csv
from citygauge.indicators.table import Table
from citygauge.problems import InputError, Problem, Where
from citygauge.report.page import page
from citygauge.report.record import run_record
from citygauge.result import NOTICE, Result

STEPS = ("derived", "screened", "imputed", "treated", "normalised", "aggregated")
RUN, PROBLEMS = "run.json", "problems.json"


def write_results(result: Result, folder: Path) -> list[Path]:
    """Write everything a run found and return the paths, the page first.

    Files of an earlier run are replaced together at the end, so that a folder never mixes two runs.

    Raises
    ------
    InputError
        When the folder holds files that CityGauge did not write.
    """
    _refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (draft / "steps").mkdir()
        for name, frame in tables(result).items():
            write_csv(frame, draft / f"{name}.csv")
        (draft / "method.toml").write_text(_method_text(result), encoding="utf-8", newline="\n")
        (draft / RUN).write_text(
            json.dumps(run_record(result), ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
        )
        for language in ("zh", "en"):
            (draft / f"report.{language}.html").write_text(
                page(result, language), encoding="utf-8", newline="\n"
            )
        draft.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return [folder / "report.zh.html", folder / "report.en.html", folder / "scores.csv"]


def write_problems(problems: list[dict[str, Any]], folder: Path) -> Path:
    """Write the problems of a run that failed, and nothing else; results of an earlier run stay."""
    _refuse_foreign(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"ok": False, "problems": problems}, ensure_ascii=False, indent=2)
    (folder / PROBLEMS).write_text(text + "\n", encoding="utf-8")
    return folder / PROBLEMS


def tables(result: Result) -> dict[str, pl.DataFrame]:
    """Return every table of a run by the name of its file, the notice on each where data are illustrative."""
    labels = _Labels.of(result)
    found = {"scores": result.scores}
    if result.scale is not None:
        found["grades"] = _noticed(result.grade_list, result)
    for number, name in enumerate(STEPS, 1):
        found[f"steps/{number}_{name}"] = labels.wide(getattr(result, name))
    found["treatment"] = labels.long(_treatment(result))
    found["availability"] = labels.long(_availability(result))
    found["effective_weights"] = _noticed(_weights(result), result)
    found["statistics"] = _noticed(describe(result), result)
    if result.from_measures is not None:
        found["own_scores"] = labels.long(_own_scores(result, result.from_measures))
    if not result.illustrative:  # the rows of the facts would give the neutral names away
        found["facts"] = _facts(result)
    return found


@dataclass(frozen=True)
class _Labels:
    """Puts the labels of units on tables; on illustrative data neutral names, in their own order."""

    result: Result
    label: Mapping[str, str]

    @classmethod
    def of(cls, result: Result) -> _Labels:
        label = dict(zip(result.units.codes, result.row_labels, strict=True))
        if result.illustrative:  # units that were screened out have no rank to be numbered by
            gone = [unit for unit in result.derived.units if unit not in label]
            label |= {unit: f"示意城市 {len(label) + i + 1:02d}" for i, unit in enumerate(sorted(gone))}
        else:
            label |= {unit: unit for unit in result.derived.units}
        return cls(result, label)

    def wide(self, table: Table) -> pl.DataFrame:
        return self._ordered(table.frame([self.label[unit] for unit in table.units]))

    def long(self, frame: pl.DataFrame) -> pl.DataFrame:
        return self._ordered(
            frame.with_columns(pl.col("unit_code").replace_strict(self.label, return_dtype=pl.String))
        )

    def _ordered(self, frame: pl.DataFrame) -> pl.DataFrame:
        if self.result.illustrative:
            frame = frame.sort("unit_code", maintain_order=True)
        return _noticed(frame, self.result)


def _noticed(frame: pl.DataFrame, result: Result) -> pl.DataFrame:
    return frame.with_columns(pl.lit(NOTICE["en"]).alias("notice")) if result.illustrative else frame


def _treatment(result: Result) -> pl.DataFrame:
    """One row for each value that was changed: what was done, before and after."""
    rows = [
        (unit, code, str(word), before, after)
        for code, treated in result.treatment.items()
        for unit, word, before, after in zip(
            result.units.codes, treated.words, result.imputed.column(code), treated.values, strict=True
        )
        if word
    ]
    schema = {
        "unit_code": pl.String,
        "code": pl.String,
        "treatment": pl.String,
        "before": pl.Float64,
        "after": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


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


def _facts(result: Result) -> pl.DataFrame:
    """The observation behind each cell: row of the file, source, and the cell of the original."""
    facts = result.facts
    at = np.argwhere(facts.rows > 0)
    used = pl.DataFrame(
        {
            "unit_code": [facts.units[i] for i, _ in at],
            "code": [facts.codes[j] for _, j in at],
            "row": facts.rows[facts.rows > 0],
        },
        schema={"unit_code": pl.String, "code": pl.String, "row": pl.Int32},
    )
    frame = result.workspace.observations.frame
    kept = [
        column
        for column in ("row", "value", "unit_of_measure", "state", "channel", "source", "cell")
        if column in frame.columns
    ]
    return used.join(
        frame.select(kept).with_columns(pl.col("row").cast(pl.Int32)),
        on="row",
        how="left",
        maintain_order="left",
    )


def _method_text(result: Result) -> str:
    return f"# sha256 {result.method.hash}\n{result.method.to_toml()}"


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError([Problem("out.foreign-folder", Where(str(folder)), {"folder": str(folder)})])
    ours = (folder / RUN).exists() or (folder / PROBLEMS).exists()
    if folder.is_dir() and any(folder.iterdir()) and not ours:
        raise InputError([Problem("out.foreign-folder", Where(str(folder)), {"folder": str(folder)})])
