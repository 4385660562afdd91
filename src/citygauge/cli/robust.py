"""`robust`: how sure the ranks are, and what they depend on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from citygauge.cli.assess import Folder, Json, MethodFile, run
from citygauge.cli.output import input_errors, report, stderr, stdout
from citygauge.cli.robust_told import print_changes, print_ranks, print_told, tell_replay
from citygauge.cli.words import language, say

if TYPE_CHECKING:
    from citygauge.analyse.robust.robustness import Counting
    from citygauge.analyse.robust.spec import Spec
    from citygauge.problems import InputError, Problems
    from citygauge.result import Result

_Spec = Annotated[
    Path | None,
    typer.Option(
        "--spec",
        help=say(
            "What varies; by default robust.toml in the workspace, else all weights by up to a quarter.",
            "变动的内容；默认为工作区内的 robust.toml，没有时，全部权重各变动至多 25%。",
        ),
    ),
]
_Number = Annotated[
    int | None,
    typer.Option(
        "--n", min=1, metavar="N", help=say("Replications; 10,000 by default.", "模拟次数；默认为10000次。")
    ),
]
_Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, metavar="N", help=say("Seed; 1 by default.", "随机种子；默认为1。")),
]
_Samples = Annotated[
    int | None,
    typer.Option(
        "--samples",
        min=0,
        metavar="N",
        help=say(
            "Base samples of the sensitivity indices; 16,384 by default, 0 for none.",
            "敏感性指数的基础样本数；默认为 16384，0 为不计算。",
        ),
    ),
]
_Runs = Annotated[
    Path | None,
    typer.Option(
        "--runs",
        help=say(
            "A table of given runs to do again, in place of drawing: run, and a column for each setting.",
            "要重算的给定运行表（不再抽样）：run 列及各设置一列。",
        ),
    ),
]
_Sets = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help=say(
            "The weight sets that the runs name: set, code, weight.",
            "运行所用的权重方案表，含 set、code、weight。",
        ),
    ),
]
_Against = Annotated[
    str | None,
    typer.Option(
        "--against",
        help=say(
            "An earlier period: also tell which changes of rank since then are sure.",
            "较早的时期；另说明此后确定的名次变化。",
        ),
    ),
]
_Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help=say(
            "Address of a Dask scheduler, e.g. tcp://host:8786, that shares a folder with this machine.",
            "Dask 调度器的地址，如 tcp://host:8786，须与本机共用文件夹。",
        ),
    ),
]
_Keep = Annotated[
    Path | None,
    typer.Option(
        "--keep",
        help=say(
            "Folder for the parts of a long run, so that it can go on where it was broken off.",
            "存放长时间运行的各部分，中断后可继续。",
        ),
    ),
]
_Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help=say(
            "Where the results go; DIR/results/robust by default.", "结果的位置；默认为 DIR/results/robust。"
        ),
    ),
]


_EVERY = 30.0  # seconds between two lines that tell how far a run is


def robust(
    folder: Folder,
    spec: _Spec = None,
    n: _Number = None,
    seed: _Seed = None,
    samples: _Samples = None,
    method: MethodFile = None,
    runs: _Runs = None,
    weights: _Sets = None,
    against: _Against = None,
    cluster: _Cluster = None,
    keep: _Keep = None,
    out: _Out = None,
    as_json: Json = False,
) -> None:
    """Tell how sure the ranks are, and what they depend on; or do given runs again."""
    from citygauge.report.files import write_problems
    from citygauge.report.robust_files import FOLDER

    target = out or folder / "results" / FOLDER

    def keep_problems(error: InputError) -> None:
        if folder.is_dir():
            write_problems([problem.as_dict() for problem in error.problems], target)

    with input_errors(as_json=as_json, on_error=keep_problems):
        drawing = {
            "--spec": spec, "--n": n, "--seed": seed, "--samples": samples, "--against": against,
            "--cluster": cluster, "--keep": keep,
        }  # fmt: skip
        noted = _check_options(runs, weights, [name for name, value in drawing.items() if value is not None])
        if runs is not None:
            _replay(folder, method, (runs, weights), target, noted, as_json=as_json)
            return
        with stderr.status(say("drawing …", "正在模拟……")) as status:
            result = run(folder, method)
            chosen = _spec(result, spec, {"n": n, "seed": seed, "samples": samples})
            tell = status.update if stderr.is_terminal else _line_by_line()
            with _named(spec):
                _robust(result, chosen, (cluster, keep, against), target, tell, as_json=as_json)


def _check_options(runs: Path | None, weights: Path | None, drawing: list[str]) -> Problems:
    """Refuse weights that no run names, and note options that have no effect."""
    from citygauge.problems import Problems

    problems = Problems()
    if runs is None and weights is not None:
        problems.add("robust.only-for-runs", option="--weights")
    if runs is not None and drawing:
        problems.add("robust.not-for-runs", options=drawing)
    problems.raise_errors()
    return problems


def _spec(result: Result, path: Path | None, changes: dict[str, int | None]) -> Spec:
    """Return the specification of a file, of the workspace, or the default, with what was given beside it."""
    from citygauge.analyse.robust.robustness import own_spec
    from citygauge.analyse.robust.spec import read_spec, spec_of, with_factors
    from citygauge.problems import Problems

    if path is None:
        found = own_spec(result.workspace)
    else:
        problems = Problems()
        read = read_spec(path, problems)
        problems.raise_errors()
        assert read is not None
        found = with_factors(read, result.framework)
    given = {name: value for name, value in changes.items() if value is not None}
    problems = Problems()
    places = ", ".join(f"--{name}" for name in given)
    chosen = spec_of({**found.model_dump(exclude_unset=True), **given}, places, problems)
    problems.raise_errors()
    assert chosen is not None
    return chosen


def _robust(
    result: Result,
    spec: Spec,
    places: tuple[str | None, Path | None, str | None],
    target: Path,
    tell: Callable[[str], None],
    *,
    as_json: bool,
) -> None:
    """Draw, write and tell."""
    from citygauge.analyse.robust.robustness import robustness
    from citygauge.problems import Problems
    from citygauge.report.robust_files import robust_record, write_robust

    cluster, keep, earlier = places
    with _counting(cluster, keep, target, tell) as counting:
        found = robustness(result, spec, counting=counting)
    changes = None
    if earlier is not None:
        from citygauge.analyse.robust.over_time import rank_changes

        problems = Problems()
        if result.period is not None and earlier >= result.period:
            problems.add("robust.not-earlier", before=earlier, after=result.period)
        problems.raise_errors()
        workspace = result.workspace
        changes = rank_changes(replace(workspace, method=result.method), earlier, result.period or "", spec)
    written = write_robust(found, target, changes)
    record = robust_record(found)
    more = {
        "results": str(target),
        **{
            name: record[name]
            for name in ("replications", "seed", "factors", "verdict", "replications_needed")
        },
        "summary": found.summary.to_dicts(),
    }
    if result.illustrative:
        more = {"notice": record["notice"], **more}
    report([*result.warnings, *found.warnings], as_json=as_json, more=more)
    if not as_json:
        print_ranks(found)
        print_told(found)
        if changes is not None:
            print_changes(found, changes)
        stdout.print(say("Results: ", "结果：") + str(target), markup=False)
        page = next(path for path in written.paths if path.name == f"slider.{language()}.html")
        stdout.print(say("Weight sliders: ", "权重滑块：") + str(page), markup=False)


@contextmanager
def _named(spec: Path | None) -> Iterator[None]:
    """Name the file that was given in problems of the specification, in place of the usual one."""
    from citygauge.analyse.robust.spec import SPEC
    from citygauge.problems import InputError

    try:
        yield
    except InputError as error:
        if spec is None:
            raise
        raise InputError(
            [
                replace(each, where=replace(each.where, file=spec.name)) if each.where.file == SPEC else each
                for each in error.problems
            ]
        ) from None


def _line_by_line() -> Callable[[str], None]:
    """Return what prints how far a run is where there is no terminal: at first, then every half minute."""
    from time import monotonic

    last = [float("-inf")]

    def tell(text: str) -> None:
        if monotonic() - last[0] >= _EVERY:
            last[0] = monotonic()
            stderr.print(text, markup=False)

    return tell


@contextmanager
def _counting(
    cluster: str | None, keep: Path | None, target: Path, tell: Callable[[str], None]
) -> Iterator[Counting | None]:
    """Yield what counts the replications: a cluster, processes that keep their parts, or nothing special."""
    if cluster is None and keep is None:
        yield None
        return
    from logging import CRITICAL, getLogger
    from os import cpu_count

    from citygauge.analyse.robust.cluster import count_on
    from citygauge.analyse.robust.cluster_workers import DaskWorkers, Processes

    folder = keep or target.with_name(f"{target.name}-parts")

    def wait(seconds: float) -> None:
        tell(say(f"waiting for the cluster, {seconds:.0f} s …", f"正在等待集群，已{seconds:.0f}秒……"))

    def progress(done: int, total: int) -> None:
        tell(say(f"{done:,} of {total:,} replications …", f"已完成{done}次，共{total}次……"))

    # A scheduler that dies is waited for and told of above; Dask would add a traceback of its own.
    getLogger("distributed.client").setLevel(CRITICAL)
    with DaskWorkers(cluster, waiting=wait) if cluster else Processes(cpu_count() or 1) as workers:
        yield lambda model, n, span: count_on(workers, model, n, span, folder=folder, progress=progress)


def _replay(
    folder: Path,
    method: Path | None,
    tables: tuple[Path, Path | None],
    target: Path,
    noted: Problems,
    *,
    as_json: bool,
) -> None:
    """Do given runs again, write and tell."""
    from citygauge.analyse.robust.replay import replay
    from citygauge.files import read_sheet
    from citygauge.problems import Problems
    from citygauge.report.robust_files import design_name, write_replay

    result, problems = run(folder, method), Problems()
    runs, sets = (None if path is None else read_sheet(path, problems) for path in tables)
    problems.raise_errors()
    assert runs is not None
    found = replay(result, runs, sets)
    write_replay(found, target)
    more = {"results": str(target), "runs": len(found.runs), "design": design_name(found.design)}
    report([*noted, *result.warnings], as_json=as_json, more=more)
    if not as_json:
        tell_replay(found, target)
