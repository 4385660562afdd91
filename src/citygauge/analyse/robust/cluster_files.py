"""The folder of a run on many machines: its job, its parts, and writing them so that none is half there."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from time import sleep
from typing import IO, Any
from uuid import uuid4
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812 - a class, for all its name

import numpy as np

from citygauge.analyse.robust.cluster_key import digest
from citygauge.analyse.robust.counts import Counts
from citygauge.analyse.robust.model import Model

FAN_IN = 8  # parts that are added up by one task
JOB, MODEL, SPARE = "job.json", "model.pickle", ".part"
PACKAGES = ("citygauge", "numpy", "numba")
LOOKS, PAUSE = 20, 0.5  # a network's file system may show a new file some seconds late


@dataclass(frozen=True, slots=True)
class Part:
    """Chunk number `index` at level 0; above, the sum of eight consecutive parts of the level below."""

    level: int
    index: int


@dataclass(frozen=True)
class Job:
    """A run as it was begun: which model, and where its replications are cut.

    Attributes
    ----------
    key : str
        Digest of the model, the replications, the histogram and the versions: what the results depend on.
    model : str
        SHA-256 of the file of the model.
    """

    key: str
    model: str
    n: int
    chunk: int
    span: tuple[float, float]
    versions: Mapping[str, str]

    @property
    def root(self) -> Part:
        """The part that holds everything."""
        level = 0
        while self._size(level) > 1:
            level += 1
        return Part(level, 0)

    @property
    def chunks(self) -> int:
        """Into how many chunks the run is cut."""
        return self._size(0)

    def _size(self, level: int) -> int:
        wide: int = self.chunk * FAN_IN**level
        return -(-self.n // wide)

    def replications(self, part: Part) -> tuple[int, int]:
        """Return the number of the first replication of a part, and how many it has."""
        wide = self.chunk * FAN_IN**part.level
        first = part.index * wide
        return first, min(wide, self.n - first)

    def name(self, part: Part) -> str:
        """Return the name of a part's file."""
        first, n = self.replications(part)
        return f"sum-{part.level}-{part.index}.npz" if part.level else f"chunk-{first}-{n}.npz"

    def below(self, part: Part) -> list[Part]:
        """Return the parts that a sum is made of."""
        size, start = self._size(part.level - 1), part.index * FAN_IN
        return [Part(part.level - 1, i) for i in range(start, min(start + FAN_IN, size))]

    def above(self, part: Part) -> Part:
        """Return the sum that a part goes into."""
        return Part(part.level + 1, part.index // FAN_IN)

    def parts(self) -> Iterator[Part]:
        """Yield every part, chunks first."""
        for level in range(self.root.level + 1):
            yield from (Part(level, i) for i in range(self._size(level)))


def versions_here() -> dict[str, str]:
    """Return the versions that bits depend on."""
    return {name: version(name) for name in PACKAGES}


def key_of(model: Model, n: int, span: tuple[float, float]) -> str:
    """Return the key of a run; it does not depend on how the run is cut."""
    return digest((model, n, span, versions_here()))


def write_job(folder: Path, job: Job, model: bytes) -> None:
    """Write a job and its model, the job last."""
    write_whole(folder / MODEL, lambda stream: stream.write(model))
    text = json.dumps(asdict(job), indent=1)
    write_whole(folder / JOB, lambda stream: stream.write(text.encode()))


def read_job(folder: Path, key: str) -> Job | None:
    """Return the job of a folder; None where it or its model is not there, damaged or another's."""
    try:
        data = json.loads((folder / JOB).read_bytes())
        job = Job(**{**data, "span": tuple(data["span"])})
        is_whole = job.key == key and job.chunk >= 1 and _sha(folder / MODEL) == job.model
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return job if is_whole else None


def read_model(folder: Path, job: Job) -> Model:
    """Return the model of a job; only the file that the job names is unpickled.

    Raises
    ------
    OSError
        When it is not there, or another.
    """
    data = (folder / MODEL).read_bytes()
    if sha256(data).hexdigest() != job.model:
        raise OSError(f"{folder / MODEL} is not the model of the job")
    model = pickle.loads(data)
    assert isinstance(model, Model)
    return model


def write_counts(folder: Path, job: Job, part: Part, counts: Counts) -> None:
    """Write the counts of a part with the key of its job."""
    held: dict[str, Any] = {
        "key": np.array(job.key), "first": np.int64(job.replications(part)[0]), "n": np.int64(counts.n),
        "ranks": counts.ranks, "width": np.int64(counts.width), "scores": counts.scores,
        "span": np.array(counts.span), "grades": counts.grades,
    }  # fmt: skip
    if counts.ahead is not None:
        held["ahead"] = counts.ahead
    write_whole(folder / job.name(part), lambda stream: np.savez_compressed(stream, **held))


def read_counts(folder: Path, job: Job, part: Part) -> Counts | None:
    """Return the counts of a part; None where they are not there, damaged or another's."""
    path = folder / job.name(part)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as data:
            if (str(data["key"]), int(data["first"]), int(data["n"])) != (job.key, *job.replications(part)):
                return None
        return Counts.load(path)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, ZlibError, NotImplementedError):
        return None


def drop(path: Path) -> None:
    """Delete a file that another may have deleted."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def is_seen(path: Path) -> bool:
    """Tell whether a file is there, with patience for a file system that shows it late."""
    for _ in range(LOOKS):
        with suppress(OSError):
            # A list asks the server anew, where the bare name may be answered from memory.
            if path.name in os.listdir(path.parent):  # noqa: PTH208
                return True
        sleep(PAUSE)
    return False


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write a file under another name first, so that under its own it is whole or not there."""
    spare = path.with_name(f"{path.name}.{uuid4().hex}{SPARE}")
    try:
        with spare.open("xb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        spare.replace(path)
    except BaseException:
        drop(spare)
        raise


def _sha(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
