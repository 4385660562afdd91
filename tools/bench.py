"""`make bench`: how long the main job and each method take, beside other ways timed in the same run.

A ratio says how many times longer the other way takes; absolute times depend on the machine and are printed
only to be read beside it. Nothing here is a test.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import bench_audit
import bench_methods
import bench_report
import bench_robust
import bench_rollup
import numpy as np
import pandas as pd
import polars as pl

import citygauge as cg
from citygauge.framework.write import write_framework
from citygauge.problems import Problems
from citygauge.score.aggregating import aggregate_nodes
from citygauge.score.normalising import normalise_columns
from citygauge.score.steps import plan_of
from citygauge.store.create import import_coinr

REFERENCE = Path(os.environ.get("CITYGAUGE_REFERENCE_DATA", Path(__file__).parent / "../../shared/data"))
METHOD = cg.Method.from_toml('[treat]\nhow = "winsorise_then"\n[normalise]\nhow = "minmax"\n')


def timed(job: Callable[[], object], repeats: int) -> float:
    """Return the median time of a job in seconds, after one run that does not count."""
    job()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return median(times)


def synthetic(folder: Path, n_units: int) -> Path:
    """Write a workspace of the size of a country: random facts for every indicator of SMART, 2 % missing."""
    framework = cg.builtin("smart-2021")
    leaves = [code for code in framework.codes if code in framework.indicators]
    kept = {*leaves, *(node.code for node in framework if framework.levels[node.code] < 3)}
    tree = cg.Framework(tuple(node for node in framework if node.code in kept), code="bench")
    folder.mkdir()
    write_framework(tree, folder / "framework.csv")
    (folder / "assessment.toml").write_text('framework = "framework.csv"\n')
    random = np.random.default_rng(1)
    units = [f"u{i:05d}" for i in range(n_units)]
    pl.DataFrame({"unit": units, "name_en": units}).write_csv(folder / "units.csv")
    values = random.gamma(2.0, 20.0, (n_units, len(leaves)))
    for column, code in enumerate(leaves):  # levels for rubrics, shares for percentages
        node = tree[code]
        values[:, column] = (
            random.integers(0, 5, n_units) if node.rubric else np.minimum(values[:, column], 100)
        )
    values[random.random(values.shape) < 0.02] = np.nan
    wide = pl.DataFrame(values, schema=leaves).fill_nan(None).with_columns(unit=pl.Series(units))
    facts = wide.unpivot(leaves, index="unit", variable_name="indicator", value_name="value")
    facts.with_columns(period=pl.lit("2023"), source=pl.lit("s")).write_csv(folder / "observations.csv")
    pl.DataFrame({"id": ["s"], "title": ["synthetic"]}).write_csv(folder / "sources.csv")
    return folder


def plain_pandas(folder: Path) -> pd.Series:
    """Do what an analyst writes first: read, pivot, and loop over columns, parents and units."""
    tree = pd.read_csv(folder / "framework.csv", dtype=str)
    units = pd.read_csv(folder / "units.csv", dtype=str).set_index("unit")
    facts = pd.read_csv(folder / "observations.csv", dtype={"unit": str})
    table = facts.pivot_table(index="unit", columns="indicator", values="value").reindex(units.index)
    leaves = [code for code in tree["code"] if code not in set(tree["parent"])]
    rows = tree.set_index("code")
    scores: dict[str, pd.Series] = {}
    for code in leaves:
        column = table[code].astype(float) if code in table else pd.Series(np.nan, table.index)
        denominator = rows.loc[code].get("denominator")
        if isinstance(denominator, str):
            column = column / units[denominator].astype(float)
        for _ in range(5):
            if not (abs(column.skew()) >= 2 and column.kurt() >= 3.5):
                break
            top = column.max() if column.skew() >= 0 else column.min()
            rest = column[column != top]
            column = column.replace(top, rest.max() if column.skew() >= 0 else rest.min())
        if float(rows.loc[code, "direction"] or 1) < 0:
            column = -column
        scores[code] = (column - column.min()) / (column.max() - column.min()) * 100
    waiting = [code for code in tree["code"] if code not in scores]
    while waiting:
        code = waiting.pop()
        children = list(tree.loc[tree["parent"] == code, "code"])
        if any(child not in scores for child in children):
            waiting.insert(0, code)
            continue
        means = {}
        for unit in table.index:
            known = [
                (
                    float(rows.loc[c, "weight"]) if isinstance(rows.loc[c, "weight"], str) else 1.0,
                    scores[c][unit],
                )
                for c in children
                if not np.isnan(scores[c][unit])
            ]
            means[unit] = sum(w * v for w, v in known) / sum(w for w, _ in known) if known else np.nan
        scores[code] = pd.Series(means)
    return scores[tree["code"].iloc[0]].rank(ascending=False, method="min")


def whole_job(folder: Path) -> cg.Result:
    """Open, check and assess a workspace from its files."""
    return cg.assess(cg.open(folder), METHOD)


def compare(name: str, folder: Path, repeats: int) -> None:
    """Print the time of the whole job beside the loop's, after making sure that both rank alike."""
    result = whole_job(folder)
    ours = dict(zip(result.units.codes, result.ranks[:, 0].tolist(), strict=True))
    theirs = plain_pandas(folder).to_dict()
    differing = sum(ours[unit] != theirs[unit] for unit in ours)
    own, loop = (
        timed(lambda: whole_job(folder), repeats),
        timed(lambda: plain_pandas(folder), max(1, repeats // 3)),
    )
    print(
        f"{name:34} {own * 1e3:9.1f} ms {loop * 1e3:11.1f} ms {loop / own:8.1f} x   {differing} ranks differ"
    )


def main() -> None:
    """Run all comparisons and print them as a table."""
    print(f"{'check + assess, files to ranks':34} {'citygauge':>12} {'pandas loop':>14} {'ratio':>10}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if (REFERENCE / "asem").exists():
            asem = import_coinr(
                folder / "asem", REFERENCE / "asem/ASEM_iData.csv", REFERENCE / "asem/ASEM_iMeta.csv"
            )
            compare("ASEM, 51 x 49", folder / "asem", 9)
            result = cg.assess(asem, METHOD)
            warm = timed(lambda: normalised_and_aggregated(result), 50)
            print(f"{'ASEM, warm normalise + aggregate':34} {warm * 1e3:9.2f} ms")
        else:
            print("ASEM: no reference data in the folder CITYGAUGE_REFERENCE_DATA names")
        compare("synthetic, 3,000 x 52", synthetic(folder / "large", 3000), 3)
    bench_rollup.compare(timed)
    bench_methods.compare()
    bench_report.compare()
    bench_robust.compare()
    bench_audit.compare(timed)
    python = timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), 9)
    helped = timed(
        lambda: subprocess.run(
            [sys.executable, "-m", "citygauge", "--help"], check=True, capture_output=True
        ),
        9,
    )
    print(f"{'citygauge --help':34} {helped * 1e3:9.1f} ms   (an empty Python: {python * 1e3:.1f} ms)")


def normalised_and_aggregated(result: cg.Result) -> None:
    """Run the two steps that a change of method repeats."""
    method, framework = result.method, result.framework
    scores = normalise_columns(result.treated, method.normalise, framework)
    aggregate_nodes(scores, plan_of(method, framework, result.shares), framework, Problems())


if __name__ == "__main__":
    main()
