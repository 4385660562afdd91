"""`reconstruct`: tables of scores that the figures of a published index allow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table

from citygauge.cli.assess import Json
from citygauge.cli.output import input_errors, report, stderr, stdout
from citygauge.cli.words import language, say

if TYPE_CHECKING:
    import polars as pl

    from citygauge.audit.findings import Repair
    from citygauge.audit.published import Published
    from citygauge.audit.reconstruct.reconstruct import Reconstruction

HELP = say(
    "Draw tables of scores that a published index allows; they are not observed.",
    "抽取与已公布指数相容的得分表；所得并非观测结果。",
)
_File = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help=say(
            "The published index: a TOML file, or the name of a built-in one such as smart-2021.",
            "已公布的指数：TOML 文件，或内置指数的名称，如 smart-2021。",
        ),
    ),
]
_Number = Annotated[int, typer.Option("--n", min=1, metavar="N", help=say("How many draws.", "抽取次数。"))]
_Seed = Annotated[int, typer.Option("--seed", min=0, metavar="N", help=say("Seed.", "随机种子。"))]
_Weights = Annotated[
    Literal["drawn", "equal", "count"],
    typer.Option(
        "--weights",
        help=say(
            "Weights that are not printed: drawn from those that the figures allow; or equal, or by number of "
            "indicators, wherever the figures allow that.",
            "未公布的权重：从公布数字允许的范围内抽取；或在数字允许之处取相等、按指标数分配。",
        ),
    ),
]
_Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help=say(
            "Where the results go; by default reconstruction-NAME in the current folder.",
            "结果的位置；默认为当前文件夹下的 reconstruction-NAME。",
        ),
    ),
]


def reconstruct(
    file: _File,
    n: _Number = 1000,
    seed: _Seed = 1,
    weights: _Weights = "drawn",
    out: _Out = None,
    as_json: Json = False,
) -> None:
    """Draw tables of scores that meet the printed figures, and write them."""
    from citygauge.audit.read import published_at
    from citygauge.audit.reconstruct import reconstruct as room
    from citygauge.report.files import refuse_foreign
    from citygauge.report.reconstruction_files import reconstruction_record, write_reconstruction

    target = out or Path(f"reconstruction-{Path(file).stem}")
    with input_errors(as_json=as_json):
        refuse_foreign(target)
        published = published_at(file)
        with stderr.status(say("drawing …", "正在抽取……")) as status:
            done = [0]

            def tell(more: int) -> None:
                done[0] += more
                status.update(say(f"{done[0]:,} of {n:,} draws …", f"已抽取{done[0]}次，共{n}次……"))

            repairs = _repairs(published)
            found = room.reconstruct(published, n=n, seed=seed, weights=weights, repairs=repairs, tell=tell)
            status.update(say("finding the envelopes …", "正在计算取值范围……"))
            written, ends = write_reconstruction(found, target)
        record = reconstruction_record(found)
        names = ("draws", "seed", "weights", "weights_by_rule", "relaxed", "effective_min", "rhat_max")
        more: dict[str, Any] = {"notice": record["notice"], "results": str(target)}
        more |= {name: record[name] for name in names}
        means = ends.filter(quantity="mean", code=found.model.codes[0])
        more["means"] = means.drop("quantity", "code").to_dicts()
        report([*found.warnings, *written.problems], as_json=as_json, more=more)
    if not as_json:
        _print(found, means, record)
        stdout.print(say("Results: ", "结果：") + str(target), markup=False)


def _repairs(published: Published) -> tuple[Repair, ...]:
    """Return the corrections that the audit holds most plausible, the first of which gives way."""
    from citygauge.audit.audit import audit_published

    return audit_published(published).repairs


def _print(found: Reconstruction, means: pl.DataFrame, record: dict[str, Any]) -> None:
    """Print the notice, how good the draws are, and the mean index of each grade and group."""
    stdout.print(record["notice"][language()], style="bold", markup=False)
    table = Table(box=None)
    titles = (say("mean index of", "平均指数"), say("least", "最小"), say("largest", "最大"),
              say("draws: 5 %", "抽取：5%"), say("median", "中位数"), "95%")  # fmt: skip
    for i, title in enumerate(titles):
        table.add_column(title, justify="right" if i else "left")
    named = _names(found)
    for row in means.iter_rows(named=True):
        low = row["low"] if row["low_spread"] is None else row["low_spread"]
        high = row["high"] if row["high_spread"] is None else row["high_spread"]
        cells = (
            "" if each is None else f"{each:.4f}" for each in (low, high, row["p05"], row["p50"], row["p95"])
        )
        table.add_row(named.get(row["of"], row["of"]), *cells)
    stdout.print(table)
    _print_relaxed(found)
    n, effective, rhat = record["draws"], record["effective_min"], record["rhat_max"]
    if effective is not None:
        stdout.print(
            say(
                f"{n:,} draws, worth at least {effective:,.0f} independent ones (R-hat up to {rhat}).",
                f"抽取{n}次，至少相当于{effective:.0f}次独立抽取（R-hat 最大{rhat}）。",
            )
        )


def _print_relaxed(found: Reconstruction) -> None:
    """Print which figures gave way, and what they come to in the draws."""
    if not found.relaxed:
        return
    from citygauge.audit.reconstruct.told import figures_table

    for row in figures_table(found).filter(state="relaxed").iter_rows(named=True):
        name = row[f"name_{language()}"] or row["figure"]
        low, high = f"{row['draws_low']:.4f}", f"{row['draws_high']:.4f}"
        en = f"Given up: {name}, printed {row['printed']}; from {low} to {high} in the draws."
        stdout.print(
            say(en, f"放弃：{name}，公布为 {row['printed']}；抽取结果为 {low} 至 {high}。"), markup=False
        )


def _names(found: Reconstruction) -> dict[str, str]:
    """Return how the sets of units are called."""
    published = found.published
    sets = {"units": say("all units", "全部城市")}
    sets |= {f"grade.{g.name}": say(g.name_en or g.name, g.name_zh) for g in published.grades}
    return sets | {f"group.{g.name}": say(g.name_en or g.name, g.name_zh) for g in published.groups}
