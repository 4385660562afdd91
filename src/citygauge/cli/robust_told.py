"""What `robust` prints: ranks, what is sure, what matters, and what became of given runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from citygauge.cli.output import SHOWN_PER_CODE, stdout
from citygauge.cli.words import language, say

if TYPE_CHECKING:
    import polars as pl

    from citygauge.analyse.robust.replay import Replay
    from citygauge.analyse.robust.robustness import Robustness

_FEW = 32  # samples below which shares are not worth printing


def print_ranks(found: Robustness) -> None:
    """Print the first units: published rank, median, interval, and the chance of the published grade."""
    from rich.markup import escape
    from rich.table import Table

    from citygauge.result import NOTICE
    from citygauge.text import visible

    result = found.result
    table = Table(
        title=say(f"ranks in {found.counts.n:,} replications", f"{found.counts.n}次模拟中的名次"),
        title_justify="left",
        caption=NOTICE[language()] if result.illustrative else None,
    )
    table.add_column(say("city", "城市"))
    for heading in (say("published", "公布"), say("median", "中位"), say("90 % interval", "90%区间")):
        table.add_column(heading, justify="right")
    if found.model.grades:
        table.add_column(say("published grade", "公布等级"))
        table.add_column(say("its probability", "其概率"), justify="right")
    names = dict(zip(found.units, result.labels(language()), strict=True))
    grade = dict(zip(found.units, result.grades or ("",) * len(found.units), strict=True))
    title = (
        {each.id: each.name.get(language(), each.id) for each in result.scale.grades} if result.scale else {}
    )
    rows = found.summary.head(SHOWN_PER_CODE).to_dicts()
    for row in rows:
        own = grade[row["unit_code"]]
        chance = row.get(f"p_grade_{own}")
        cells = [
            escape(visible(names[row["unit_code"]])), _rank(row["rank_published"]), _rank(row["rank_median"]),
            f"{_rank(row['rank_p05'])}–{_rank(row['rank_p95'])}",
        ]  # fmt: skip
        if found.model.grades:
            cells += [title.get(own, "–"), "–" if chance is None else percent(chance)]
        table.add_row(*cells)
    stdout.print(table)
    if (rest := found.summary.height - len(rows)) > 0:
        stdout.print(
            say(f"… and {rest} more in summary.csv", f"…… 另有{rest}个，见 summary.csv"), markup=False
        )


def print_told(found: Robustness) -> None:
    """Print the surest and the most disputable ranks, what matters most, and whether it is enough."""
    import polars as pl

    names = dict(zip(found.units, found.result.labels(language()), strict=True))
    comma = say(", ", "、")
    surest = found.stability["unit_code"].to_list()
    moving = found.stability.filter(pl.col("rank_width") > 0)["unit_code"].to_list()
    few = max(1, min(3, len(surest) // 2))
    if len(surest) > 1 and found.counts.n > 1:
        text = comma.join(names[unit] for unit in surest[:few])
        stdout.print(say("Surest ranks: ", "名次最确定：") + text, markup=False)
        text = comma.join(names[unit] for unit in reversed(moving[-few:])) or say("none", "无")
        stdout.print(say("Most disputable: ", "名次最易变：") + text, markup=False)
    for line in _factor_lines(found):
        stdout.print(line, markup=False)
    check = found.convergence
    if check.enough:
        text = say("The replications are enough.", "模拟次数已足够。")
    else:
        text = say(f"Draw more: about {check.needed:,} replications.", f"应增加模拟：约需{check.needed}次。")
    stdout.print(text, markup=False)


def print_changes(found: Robustness, changes: pl.DataFrame) -> None:
    """Print how many changes of rank are sure, and the largest of them."""
    names = dict(zip(found.units, found.result.labels(language()), strict=True))
    for verdict, text in (
        ("better", say("Surely up: ", "确定上升：")),
        ("worse", say("Surely down: ", "确定下降：")),
    ):
        rows = [row for row in changes.to_dicts() if row["verdict"] == verdict]
        rows.sort(key=lambda row: -abs(row["rank_change"] or 0))
        shown = [
            f"{names.get(r['unit_code'], r['unit_code'])} {r['rank_change']:+d}"
            for r in rows[:SHOWN_PER_CODE]
        ]
        more = say(f" and {len(rows) - 10} more", f"等{len(rows)}个") if len(rows) > SHOWN_PER_CODE else ""
        stdout.print(text + (say(", ", "、").join(shown) + more or say("none", "无")), markup=False)


def _factor_lines(found: Robustness) -> list[str]:
    """Return how much of the mean rank shift goes with each factor, the largest first."""
    from citygauge.analyse.robust.sensitivity import SHIFT

    frame, share = (found.indices, "ST") if found.indices is not None else (found.effects, "effect")
    if frame is None or found.spec.samples < _FEW:
        return []
    rows = [row for row in frame.to_dicts() if row["output"] == SHIFT and row[share] is not None]
    rows.sort(key=lambda row: -row[share])
    what = say(
        "Share of the mean rank shift, interactions included: ", "对平均名次变化的贡献（含交互作用）："
    )
    return (
        [what + say(", ", "，").join(f"{row['factor']} {percent(row[share])}" for row in rows)]
        if rows
        else []
    )


def tell_replay(found: Replay, target: Path) -> None:
    """Print what given runs came to."""
    from citygauge.report.robust_files import design_name

    count = len(found.runs)
    stdout.print(say(f"{count} runs done again.", f"已重算{count}次运行。"), markup=False)
    kinds = {
        "saltelli": say(
            "Saltelli's design: indices by COINr's estimator.", "Saltelli 设计：按 COINr 的估计量计算指数。"
        ),
        "factorial": say("A full factorial: exact indices.", "完全析因设计：给出精确指数。"),
        None: say("No design for indices was recognised.", "未识别出可计算指数的设计。"),
    }
    stdout.print(kinds[design_name(found.design)], markup=False)
    stdout.print(say("Results: ", "结果：") + str(target), markup=False)


def _rank(value: Any) -> str:
    return "–" if value is None else f"{value:g}"


def percent(share: float) -> str:
    """Return a share as per cent, never 0 or 100 where it is not quite."""
    share = min(max(share, 0.0), 1.0)  # an estimate may lie a little beyond
    if 0 < share < 0.005:
        return "<1%"
    return ">99%" if 0.995 <= share < 1 else f"{share:.0%}"
