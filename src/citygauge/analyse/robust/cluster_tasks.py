"""What a worker does: load a job once, count a chunk, add up eight parts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from socket import gethostname
from threading import Lock
from time import sleep
from typing import Literal

import numpy as np

from citygauge.analyse.robust.cluster_files import (
    JOB,
    LOOKS,
    PAUSE,
    Job,
    Part,
    drop,
    is_seen,
    read_counts,
    read_job,
    read_model,
    versions_here,
    write_counts,
    write_whole,
)
from citygauge.analyse.robust.counts import Counts
from citygauge.analyse.robust.model import Model
from citygauge.analyse.robust.simulate import count

BITS = "bits.txt"
_COMPARED = 64  # replications by which workers are compared
_LOADING = Lock()


@dataclass(frozen=True, slots=True)
class Answer:
    """How a task ended: small, and plain data, as it travels.

    `lost` are parts that have to be made again before the task can be done.
    """

    state: Literal["done", "lost", "no_folder", "not_written", "versions", "bits"]
    host: str = ""
    reason: str = ""
    lost: tuple[Part, ...] = ()


@dataclass(frozen=True)
class _Loaded:
    """A job in the memory of a worker, or why it cannot be worked on here."""

    job: Job
    model: Model | None
    refused: Answer | None


def work(folder: str, key: str, part: Part) -> Answer:
    """Make one part of a job and write it to the folder, unless it is there already."""
    place = Path(folder)
    try:
        with _LOADING:
            loaded = _load(folder, key)
    except OSError as error:
        return Answer("no_folder", gethostname(), str(error))
    if loaded.refused is not None:
        return loaded.refused
    assert loaded.model is not None
    try:
        return _add_up(place, loaded.job, part) if part.level else _count(place, loaded, loaded.model, part)
    except OSError as error:
        return Answer("not_written", gethostname(), str(error))


@lru_cache(maxsize=2)
def _load(folder: str, key: str) -> _Loaded:
    place = Path(folder)
    job = read_job(place, key) if is_seen(place / JOB) else None
    if job is None:
        raise FileNotFoundError(folder)
    own = versions_here()
    if own != job.versions:
        reason = ", ".join(f"{name} {own[name]}" for name in own if own[name] != job.versions.get(name))
        return _Loaded(job, None, Answer("versions", gethostname(), reason))
    model = read_model(place, job)
    return _Loaded(job, model, None if _is_alike(place, model) else Answer("bits", gethostname()))


def _is_alike(folder: Path, model: Model) -> bool:
    """Tell whether scores come out here with the bits that the first worker of the job got."""
    bits, path = bits_of(model), folder / BITS
    with suppress(FileExistsError), path.open("x") as stream:
        stream.write(bits)
    for _ in range(LOOKS):
        first = path.read_text()
        if len(first) == len(bits):
            return first == bits
        sleep(PAUSE)
    write_whole(path, lambda stream: stream.write(bits.encode()))  # whoever began it has died over it
    return True


def bits_of(model: Model) -> str:
    """Return the SHA-256 of the scores of the first replications."""
    scores, edges = model.run(model.draws(0, _COMPARED))
    scores = np.ascontiguousarray(scores[:, : len(model.units)])
    scores[np.isnan(scores)] = np.nan  # one NaN, whatever its bits
    found = sha256(scores.tobytes())
    if edges is not None:
        found.update(np.ascontiguousarray(edges).tobytes())
    return found.hexdigest()


def _count(folder: Path, loaded: _Loaded, model: Model, part: Part) -> Answer:
    job = loaded.job
    if read_counts(folder, job, part) is None:
        first, n = job.replications(part)
        write_counts(folder, job, part, count(model, first, n, job.span, threads=1))
    return Answer("done")


def _add_up(folder: Path, job: Job, part: Part) -> Answer:
    """Add up the parts below and delete them once their sum is safe."""
    below = job.below(part)
    if read_counts(folder, job, part) is None:
        total: Counts | None = None
        lost: list[Part] = []
        for each in below:
            is_there = bool(lost) or is_seen(folder / job.name(each))  # patience for one is enough
            counts = read_counts(folder, job, each) if is_there else None
            if counts is None:
                lost.append(each)
            elif not lost:
                total = counts if total is None else total + counts
        if lost:
            # Another run of this task may have been quicker, and have deleted them.
            done = read_counts(folder, job, part) is not None
            return Answer("done") if done else Answer("lost", lost=tuple(lost))
        assert total is not None
        write_counts(folder, job, part, total)
    for each in below:
        drop(folder / job.name(each))
    return Answer("done")
