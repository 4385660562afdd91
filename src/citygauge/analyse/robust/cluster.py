"""Replications on many processes or machines, through files that outlive any of them."""

from __future__ import annotations

import pickle
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from hashlib import sha256
from pathlib import Path
from typing import Any

from citygauge.analyse.robust.cluster_cost import counts_bytes, measure, task_seconds
from citygauge.analyse.robust.cluster_files import (
    JOB,
    MODEL,
    Job,
    Part,
    drop,
    is_seen,
    key_of,
    read_counts,
    read_job,
    versions_here,
    write_job,
)
from citygauge.analyse.robust.cluster_tasks import BITS, Answer, work
from citygauge.analyse.robust.cluster_workers import GONE, Given, LostError, Workers
from citygauge.analyse.robust.counts import Counts
from citygauge.analyse.robust.model import Model
from citygauge.analyse.robust.simulate import block_size
from citygauge.problems import Problems, Where

Progress = Callable[[int, int], None]

ATTEMPTS = 10  # at one part or without any success, before it is taken to be what kills the workers
_AHEAD = 4  # tasks sent for each worker: it never waits, and the driver holds few
_PILOT = 0.4  # seconds of the run that tells how long a chunk should be


def count_on(
    workers: Executor | Workers,
    model: Model,
    n: int,
    span: tuple[float, float],
    *,
    folder: Path,
    chunk: int | None = None,
    progress: Progress | None = None,
) -> Counts:
    """Return the counts of `n` replications, made by workers that share a folder.

    The counts are those of `simulate.count`, bit for bit, however the run is cut, whoever works on it and
    whatever dies meanwhile. Parts are written to a folder of the run's own below `folder`, and eight of them
    added up to one as soon as they are there; called again after it died, a run goes on from them, and called
    again after it ended it reads its result.

    Parameters
    ----------
    workers : Executor or Workers
        Any executor of the standard library's interface; `Processes` and `DaskWorkers` replace what breaks.
    n : int, >= 1
    span : pair of float
        Range of the histogram of scores, of `simulate.score_span`.
    folder : Path
        Seen by all workers under this name.
    chunk : int, optional
        Replications of a task; by default about 20 s of work by this machine's measure, less in a short run.
        A run that goes on keeps the chunks it was begun with.
    progress : callable, optional
        Called with the replications that are counted, and `n`: at the start and after each chunk.

    Raises
    ------
    InputError
        ``cluster.no-shared-folder``, ``cluster.cannot-write``, ``cluster.versions-differ``,
        ``cluster.bits-differ``, ``cluster.workers-lost``, and what `workers` raises.

    Examples
    --------
    ``count_on(Processes(8), model, 10**6, score_span(model), folder=Path("runs"))``
    """
    crew: Workers = Given(workers) if isinstance(workers, Executor) else workers
    place, job = open_job(folder, model, n, span, chunk or 0, crew)
    return _Run(place, job, crew, progress or (lambda _done, _total: None)).result()


def open_job(
    folder: Path, model: Model, n: int, span: tuple[float, float], chunk: int, crew: Workers
) -> tuple[Path, Job]:
    """Return the folder of a run and its job, as it was begun or begun now."""
    key = key_of(model, n, span)
    place = folder.absolute() / key[:16]
    job = read_job(place, key)
    if job is None:
        place.mkdir(parents=True, exist_ok=True)
        data = pickle.dumps(model, pickle.HIGHEST_PROTOCOL)
        size = chunk or chunk_size(model, n, span, crew.size)
        job = Job(key, sha256(data).hexdigest(), n, min(size, n), span, versions_here())
        write_job(place, job, data)
    return place, job


def chunk_size(model: Model, n: int, span: tuple[float, float], workers: int) -> int:
    """Return how many replications make a task, whole blocks of them, by a short run that is timed."""
    found = measure(model, span, _PILOT)
    size = counts_bytes(found.n_units, found.n_grades)
    block = block_size(model)
    length = task_seconds(found.each * n, found.moving * size, workers)
    return max(1, round(length / found.each / block)) * block


class _Run:
    """A run while it is driven: which parts are there, which wait, and which are under way."""

    def __init__(self, folder: Path, job: Job, crew: Workers, progress: Progress) -> None:
        self._folder, self._job, self._crew, self._progress = folder, job, crew, progress
        names = {path.name for path in folder.iterdir()}
        self._there = {part for part in job.parts() if job.name(part) in names}
        self._waiting: deque[Part] = deque()
        self._running: dict[Future[Answer], Part] = {}
        self._attempts: Counter[Part] = Counter()
        self._losses = 0  # of everything at once, since a part was made
        self._done = 0  # replications

    def result(self) -> Counts:
        """Return the counts of the whole run."""
        while True:
            self._drive()
            is_seen(self._folder / self._job.name(self._job.root))
            counts = read_counts(self._folder, self._job, self._job.root)
            if counts is not None:
                self._tidy()
                return counts
            self._forget(self._job.root)

    def _drive(self) -> None:
        """Have every part made that the whole is made of."""
        self._want(self._job.root)
        self._done = self._counted()
        self._progress(self._done, self._job.n)
        while self._waiting:
            try:
                self._go(self._crew.executor())
            except GONE as error:
                self._losses += 1
                if isinstance(self._crew, Given) or self._losses >= ATTEMPTS:
                    self._give_up(error)
                self._take_back()
            except BaseException:
                for future in self._running:
                    future.cancel()
                raise

    def _go(self, executor: Executor) -> None:
        while self._waiting or self._running:
            while self._waiting and len(self._running) < _AHEAD * self._crew.size:
                part = self._waiting.popleft()
                self._waiting.appendleft(part)  # until it is under way: to send it may fail
                future = _sent(executor, self._folder, self._job, part)
                self._running[future] = self._waiting.popleft()
            done, _ = wait(self._running, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in done:
                self._receive(future)
            self._crew.check()

    def _receive(self, future: Future[Answer]) -> None:
        """Take an answer; a part whose worker was lost is sent again."""
        try:
            answer = future.result()
        except Exception as error:
            # By name, as Dask may not be installed; an OSError is the line's: a task answers with its own.
            if type(error).__name__ != "KilledWorker" and not isinstance(error, OSError):
                raise
            self._again(self._running.pop(future), error)
            return
        part = self._running.pop(future)
        if answer.state == "done":
            self._made(part)
        elif answer.state == "lost":
            for lost in answer.lost:
                self._forget(lost)
            self._done = self._counted()
            self._again(part, LostError("parts are damaged or gone"))
        else:
            self._refuse(answer)

    def _made(self, part: Part) -> None:
        job, above = self._job, self._job.above(part)
        self._there.add(part)
        self._losses = 0
        if part.level:
            self._there.difference_update(job.below(part))
        else:
            self._done += job.replications(part)[1]
            self._progress(self._done, job.n)
        if part != job.root and self._there.issuperset(job.below(above)):
            self._waiting.appendleft(above)

    def _want(self, part: Part) -> None:
        """Put in line what is missing of a part."""
        if part in self._there:
            return
        missing = [each for each in self._job.below(part) if each not in self._there] if part.level else []
        for each in missing:
            self._want(each)
        if not missing:
            self._waiting.append(part)

    def _forget(self, part: Part) -> None:
        """Delete a part that is of no use."""
        drop(self._folder / self._job.name(part))
        self._there.discard(part)

    def _again(self, part: Part, error: BaseException) -> None:
        """Put a part in line again, or what it is made of."""
        self._attempts[part] += 1
        if self._attempts[part] >= ATTEMPTS:
            self._give_up(error)
        self._want(part)

    def _take_back(self) -> None:
        """Put everything in line again that was under way on what is gone."""
        parts = list(self._running.values())
        self._running.clear()
        for part in parts:
            self._want(part)

    def _counted(self) -> int:
        """Return the replications in parts that are there, each counted once."""
        job, done, stack = self._job, 0, [self._job.root]
        while stack:
            part = stack.pop()
            if part in self._there:
                done += job.replications(part)[1]
            elif part.level:
                stack += job.below(part)
        return done

    def _tidy(self) -> None:
        """Delete what interrupted tasks have left behind."""
        kept = {JOB, MODEL, BITS, self._job.name(self._job.root)}
        for path in self._folder.iterdir():
            if path.name not in kept:
                drop(path)

    def _refuse(self, answer: Answer) -> None:
        """Raise what keeps a worker from working."""
        problems, where, host = Problems(), Where(str(self._folder)), answer.host
        if answer.state == "no_folder":
            problems.add("cluster.no-shared-folder", where, host=host, reason=answer.reason)
        elif answer.state == "versions":
            own = ", ".join(f"{name} {version}" for name, version in self._job.versions.items())
            told = [f"{host}: {answer.reason}"]
            problems.add("cluster.versions-differ", where, versions=own, workers=told)
        elif answer.state == "bits":
            problems.add("cluster.bits-differ", where, host=host)
        else:
            problems.add("cluster.cannot-write", where, host=host, reason=answer.reason)
        problems.raise_errors()

    def _give_up(self, error: BaseException) -> None:
        problems = Problems()
        problems.add("cluster.workers-lost", Where(str(self._folder)), reason=_said(error))
        problems.raise_errors()


def _sent(executor: Executor, folder: Path, job: Job, part: Part) -> Future[Answer]:
    """Return the future of a part; an executor that takes no more is one that is gone."""
    try:
        return executor.submit(work, str(folder), job.key, part)
    except GONE:
        raise
    except Exception as error:
        raise LostError(_said(error)) from error


def _said(error: Any) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
