"""Who does the work: an executor as it is, processes of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ProcessPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing import get_context, parent_process
from threading import Thread
from time import monotonic, sleep
from typing import Any, Protocol
from urllib.parse import urlsplit

from citygauge.analyse.robust.cluster_files import versions_here
from citygauge.problems import Problems, Where

_GLANCE, _RETRY = 5.0, 2.0  # seconds between looks at the workers, and between attempts to connect
_FIRST, _CALL = 1.0, 10.0  # seconds that the first attempt to connect may take, and any other
_PORTED = ("tcp", "tls", "ucx", "ucxx")  # kinds of address that need a port
_WEB = ("ws", "wss")


class LostError(Exception):
    """What stood behind an executor is gone, with all that was under way on it."""


GONE = (BrokenExecutor, CancelledError, LostError)


class Workers(Protocol):
    """Those who run tasks, and come back after a loss."""

    @property
    def size(self) -> int:
        """How many tasks run at once."""

    def executor(self) -> Executor:
        """Return an executor that works, after a loss a fresh one."""

    def check(self) -> None:
        """Raise `LostError` where the executor is gone although nothing says so; asked every second."""


class Given:
    """An executor that somebody else made and looks after; it cannot be replaced when it breaks."""

    def __init__(self, executor: Executor) -> None:
        self._executor, self.size = executor, os.cpu_count() or 1

    def executor(self) -> Executor:
        """Return it."""
        return self._executor

    def check(self) -> None:
        """Do nothing: its futures tell."""


class Processes:
    """`size` processes of this machine, each started afresh; new ones replace those that die.

    They end with the process that started them, however it ends.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._pool: ProcessPoolExecutor | None = None

    def executor(self) -> Executor:
        """Return a pool of new processes."""
        self.close()
        self._pool = ProcessPoolExecutor(self.size, get_context("spawn"), _end_with_parent)
        return self._pool

    def check(self) -> None:
        """Do nothing: a pool notices the death of a process itself."""

    def close(self) -> None:
        """Let the processes go."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _end_with_parent() -> None:
    """Watch over the parent: a pool's process whose parent was killed would wait for work for ever."""

    def watch() -> None:
        parent = parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


class DaskWorkers:
    """The workers of a Dask cluster (extra ``citygauge[cluster]``); close it, or use it in a `with`.

    A lost worker's tasks are given to others. A lost scheduler is called until it is back, and what was under
    way is sent again.

    Parameters
    ----------
    address : str
        Of the scheduler: ``tcp://host:8786``; also ``tls://``, ``ws://``, ``wss://``, ``ucx://``, or
        ``host:8786``, which is ``tcp://``.
    patience : float
        Seconds to wait for a scheduler, or for a first worker, before giving up.
    waiting : callable, optional
        Called with the seconds waited so far: with 0.0 as soon as the scheduler has not answered the first
        call, which is given a second, and then every few seconds.

    Raises
    ------
    InputError
        At once: ``cluster.bad-address``, ``cluster.no-dask``. On use: ``cluster.unreachable``,
        ``cluster.no-workers``, ``cluster.versions-differ``.
    """

    def __init__(
        self, address: str, *, patience: float = 600.0, waiting: Callable[[float], None] | None = None
    ) -> None:
        problems = Problems()
        if not _is_address(address):
            problems.add("cluster.bad-address", address=address)
        if find_spec("distributed") is None:
            problems.add("cluster.no-dask", command='pip install "citygauge[cluster]"')
        problems.raise_errors()
        self.address, self.size = address, 1
        self._patience, self._waiting = patience, waiting
        self._client: Any = None
        self._line: Any = None
        self._looked, self._alone = 0.0, 0.0

    def executor(self) -> Executor:
        """Return an executor on the scheduler, connected anew where the line has dropped."""
        if not self._is_connected:
            self._connect()
            self._await_workers()
            self._compare_versions()
        # Each attempt is a task of its own: a pure one would be answered with the failure of the one before.
        executor: Executor = self._client.get_executor(pure=False)
        return executor

    def check(self) -> None:
        """Raise `LostError` where the line to the scheduler has dropped; look how many workers there are."""
        if not self._is_connected:
            raise LostError
        if monotonic() - self._looked >= _GLANCE:
            self._look()
            if self._alone > self._patience:
                self._fail("cluster.no-workers")
            if self._alone and self._waiting:
                self._waiting(self._alone)

    def close(self) -> None:
        """Hang up; scheduler and workers go on."""
        if self._client is not None:
            with suppress(Exception):
                self._client.close(timeout=2)
            self._client = None

    def __enter__(self) -> DaskWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _is_connected(self) -> bool:
        """The very line that was opened: a client that calls again by itself forgets what it had sent."""
        client = self._client
        return bool(client and client.status == "running" and client.scheduler_comm is self._line)

    def _connect(self) -> None:
        from distributed import Client  # noqa: PLC0415 - slow to import, and an extra

        self.close()
        connect: Any = Client
        start, reason = monotonic(), ""
        while (waited := monotonic() - start) <= self._patience:
            try:
                left = max(self._patience - waited, 1.0)
                timeout = min(left, _CALL if reason else _FIRST)
                self._client = connect(self.address, timeout=timeout, set_as_default=False)
                self._line, self._looked, self._alone = self._client.scheduler_comm, 0.0, 0.0
                return
            except (OSError, ValueError, TypeError, RuntimeError) as error:
                is_first, reason = not reason, str(error) or type(error).__name__
                if not isinstance(error, OSError):  # an address of a kind that is not installed here
                    break
            if self._waiting:
                self._waiting(0.0 if is_first else monotonic() - start)
            sleep(_RETRY)
        self._fail("cluster.unreachable", reason)

    def _await_workers(self) -> None:
        start = monotonic()
        while True:
            self._look()
            waited = monotonic() - start
            if not self._alone:
                return
            if waited > self._patience:
                self._fail("cluster.no-workers")
            if self._waiting:
                self._waiting(waited)
            sleep(_RETRY / 4)

    def _look(self) -> None:
        """Count the threads of the workers; remember for how long there have been none."""
        now = monotonic()
        try:
            threads = sum(self._client.nthreads().values())
        except Exception as error:
            raise LostError from error
        if threads:
            self.size, self._alone = threads, 0.0
        else:
            self._alone += max(now - self._looked, 1e-3) if self._looked else 1e-3
        self._looked = now

    def _compare_versions(self) -> None:
        own = versions_here()
        try:
            found = self._client.get_versions(packages=list(own))["workers"]
        except Exception as error:
            raise LostError from error
        packages = {name: worker["packages"] for name, worker in found.items() if worker}
        others = [
            f"{who}: {name} {has.get(name) or '-'}"
            for who, has in packages.items()
            for name in own
            if has.get(name) != own[name]
        ]
        if others:
            problems, versions = Problems(), ", ".join(f"{name} {version}" for name, version in own.items())
            problems.add("cluster.versions-differ", Where(self.address), versions=versions, workers=others)
            problems.raise_errors()

    def _fail(self, code: str, reason: str = "") -> None:
        problems, where = Problems(), Where(self.address)
        if code == "cluster.no-workers":
            problems.add("cluster.no-workers", where, seconds=round(self._patience))
        else:
            problems.add("cluster.unreachable", where, seconds=round(self._patience), reason=reason)
        problems.raise_errors()


def _is_address(text: str) -> bool:
    """Tell whether a text has the form of a scheduler's address."""
    if any(each.isspace() for each in text):
        return False
    try:
        whole = text if "://" in text else f"tcp://{text}"
        parts = urlsplit(whole)
        host, port = parts.hostname, parts.port
    except ValueError:  # no number, or one above 65535
        return False
    if parts.scheme in _WEB:
        return bool(host) and port != 0
    is_bare = whole.endswith(f"://{parts.netloc}") and "@" not in whole
    return parts.scheme in _PORTED and bool(host and port) and is_bare
