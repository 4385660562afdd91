"""Workers, schedulers and drivers that are killed in mid-run: the bits of a run that nothing happened to.

Everything here is a process of its own, killed as the system would kill it. More repeats with
``CITYGAUGE_TEST_FULL=1``.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

import citygauge as cg
from citygauge.analyse.robust import cluster_workers
from citygauge.analyse.robust.cluster import count_on
from citygauge.analyse.robust.cluster_workers import DaskWorkers, Processes
from citygauge.analyse.robust.prepare import model_of
from citygauge.analyse.robust.simulate import count, score_span
from citygauge.analyse.robust.spec import Spec
from citygauge.problems import InputError

DEMO = Path(__file__).parents[2] / "demo" / "city-statistics-2023"
FACTORS = [
    {"weights": {"share": 0.25}},
    {"key": "normalise.how", "values": ["minmax", "zscore"]},
]
FULL = os.environ.get("CITYGAUGE_TEST_FULL") == "1"
REPEATS = 5 if FULL else 1
N, CHUNK = 400_000, 10_000
HOST = "127.0.0.1"
LONG = 90  # seconds that anything may take

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills processes as POSIX does")


@pytest.fixture(scope="module")
def model():
    return model_of(cg.assess(cg.open(DEMO)), Spec(seed=7, factor=FACTORS))


@pytest.fixture(scope="module")
def span(model):
    return score_span(model)


@pytest.fixture(scope="module")
def whole(model, span):
    return count(model, 0, N, span, threads=1)


def assert_same(found, wanted):
    for name in ("n", "ranks", "width", "scores", "span", "grades", "ahead"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)


class Cluster:
    """A scheduler and workers, each a process that can be killed."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind((HOST, 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://{HOST}:{self.port}"
        self._folder, self._log = folder, (folder / "log.txt").open("ab")
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    def _start(self, module: str, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", f"distributed.cli.{module}", *options, "--no-dashboard"],
            stdout=self._log,
            stderr=self._log,
            cwd=self._folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # so that what it starts can be killed with it
        )

    def start_scheduler(self) -> None:
        self.scheduler = self._start("dask_scheduler", "--host", HOST, "--port", str(self.port))

    def start_workers(self, n: int, *options: str) -> None:
        given = ("--nthreads", "1", "--memory-limit", "0", "--host", HOST, *(options or ("--no-nanny",)))
        self.workers += [self._start("dask_worker", self.address, *given) for _ in range(n)]

    def kill_workers(self, n: int = 10**6) -> None:
        for _ in range(min(n, len(self.workers))):
            _kill(self.workers.pop(0))

    def kill_scheduler(self) -> None:
        if self.scheduler is not None:
            _kill(self.scheduler)
            self.scheduler = None

    def close(self) -> None:
        self.kill_workers()
        self.kill_scheduler()
        self._log.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory) -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.start_scheduler()
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(scheduled) -> Iterator[Cluster]:
    """A scheduler without workers."""
    if scheduled.scheduler is None:
        scheduled.start_scheduler()
    yield scheduled
    scheduled.kill_workers()


class Strikes:
    """Does things as a run goes on: each once, when a share of the replications is counted."""

    def __init__(self, *strikes) -> None:
        self._left, self.seen, self._end = list(strikes), [], time.monotonic() + LONG

    def __call__(self, done, total):
        self.seen.append(done)
        assert time.monotonic() < self._end, "the run takes too long"
        while self._left and done >= self._left[0][0] * total:
            assert done < total, "nothing was left to be struck"
            self._left.pop(0)[1]()

    @property
    def is_over(self) -> bool:
        return not self._left


def impatient_after(seconds):
    """Return what a crew is told while it waits; it fails in place of hanging."""

    def waiting(waited):
        assert waited < seconds

    return waiting


def run(cluster, model, span, folder, strikes):
    with DaskWorkers(cluster.address, patience=LONG, waiting=impatient_after(LONG)) as crew:
        found = count_on(crew, model, N, span, folder=folder, chunk=CHUNK, progress=strikes)
    assert strikes.is_over
    return found


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_three_workers_or_two_or_one_count_the_same_bits(cluster, model, span, whole, tmp_path, repeat):
    cluster.start_workers(3)
    for n in (3, 2, 1):
        end = time.monotonic() + LONG
        with DaskWorkers(cluster.address, patience=LONG) as crew:
            while crew.executor() and crew.size != n:
                assert time.monotonic() < end
                crew.close()
                time.sleep(0.1)
            assert_same(count_on(crew, model, N, span, folder=tmp_path / str(n), chunk=CHUNK), whole)
        cluster.kill_workers(1)


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_a_worker_is_killed(cluster, model, span, whole, tmp_path, repeat):
    cluster.start_workers(2)
    strikes = Strikes((0.3, lambda: cluster.kill_workers(1)))
    assert_same(run(cluster, model, span, tmp_path, strikes), whole)


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_all_workers_are_killed_and_others_come(cluster, model, span, whole, tmp_path, repeat):
    cluster.start_workers(2)

    def strike():
        cluster.kill_workers()
        cluster.start_workers(2)

    strikes = Strikes(*[(share, strike) for share in ((0.2, 0.6) if FULL else (0.3,))])
    assert_same(run(cluster, model, span, tmp_path, strikes), whole)


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_the_scheduler_is_killed_and_comes_back(cluster, model, span, whole, tmp_path, repeat):
    cluster.start_workers(2)

    def strike():
        cluster.kill_scheduler()
        cluster.kill_workers()
        cluster.start_scheduler()
        cluster.start_workers(2)

    strikes = Strikes((0.3, strike))
    assert_same(run(cluster, model, span, tmp_path, strikes), whole)


@pytest.mark.skipif(not FULL, reason="long: set CITYGAUGE_TEST_FULL=1")
def test_a_nanny_brings_its_worker_back_when_that_alone_is_killed(cluster, model, span, whole, tmp_path):
    psutil = pytest.importorskip("psutil")
    cluster.start_workers(1, "--nanny")

    def strike():
        for child in psutil.Process(cluster.workers[0].pid).children(recursive=True):
            child.kill()

    strikes = Strikes((0.3, strike))
    assert_same(run(cluster, model, span, tmp_path, strikes), whole)


def test_the_executor_of_a_dask_client_will_do(cluster, model, span, whole, tmp_path):
    distributed = pytest.importorskip("distributed")
    cluster.start_workers(1)
    with (
        distributed.Client(cluster.address, timeout=LONG, set_as_default=False) as client,
        client.get_executor(pure=False) as executor,
    ):
        found = count_on(executor, model, N, span, folder=tmp_path, chunk=CHUNK)
    assert_same(found, whole)


def test_a_scheduler_without_workers_is_given_up_in_the_end(cluster, model, span, tmp_path):
    with DaskWorkers(cluster.address, patience=1.0) as crew, pytest.raises(InputError) as caught:
        count_on(crew, model, N, span, folder=tmp_path, chunk=CHUNK)
    assert [problem.code for problem in caught.value.problems] == ["cluster.no-workers"]


def test_workers_that_never_come_back_are_given_up_in_the_end(cluster, model, span, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster_workers, "_GLANCE", 0.5)
    cluster.start_workers(1)
    crew = DaskWorkers(cluster.address, patience=LONG)
    crew.executor()
    crew._patience = 1.0
    with crew, pytest.raises(InputError) as caught:
        count_on(
            crew, model, N, span, folder=tmp_path, chunk=CHUNK, progress=Strikes((0.2, cluster.kill_workers))
        )
    assert [problem.code for problem in caught.value.problems] == ["cluster.no-workers"]


def test_workers_of_other_versions_are_named_before_they_begin(cluster, monkeypatch):
    monkeypatch.setattr(cluster_workers, "versions_here", lambda: {"citygauge": "9.9", "numpy": "1.0"})
    cluster.start_workers(1)
    with DaskWorkers(cluster.address, patience=LONG) as crew, pytest.raises(InputError) as caught:
        crew.executor()
    (problem,) = caught.value.problems
    assert problem.code == "cluster.versions-differ"
    assert "citygauge 9.9" in problem.message()
    assert f"tcp://{HOST}" in problem.message("zh")


@pytest.mark.parametrize("address", [f"tcp://{HOST}:1", f"{HOST}:1"])
def test_a_scheduler_that_is_not_there_is_given_up_in_the_end(address, model, span, tmp_path):
    pytest.importorskip("distributed")
    waited = []
    with (
        DaskWorkers(address, patience=0.5, waiting=waited.append) as crew,
        pytest.raises(InputError) as caught,
    ):
        count_on(crew, model, N, span, folder=tmp_path, chunk=CHUNK)
    (problem,) = caught.value.problems
    assert problem.code == "cluster.unreachable"
    assert problem.where.file == address
    assert waited == [0.0]


class Silent:
    """Stands in for a client whose scheduler does not answer; keeps what is asked of it."""

    def __init__(self, answers_after):
        self.timeouts, self._left = [], answers_after

    def __call__(self, _address, *, timeout, **_):
        self.timeouts.append(timeout)
        self._left -= 1
        if self._left < 0:
            raise TypeError("enough")
        raise OSError("no answer")


def test_who_waits_hears_of_it_after_a_short_first_call(monkeypatch):
    distributed = pytest.importorskip("distributed")
    silent, waited = Silent(3), []
    monkeypatch.setattr(distributed, "Client", silent)
    monkeypatch.setattr(cluster_workers, "_RETRY", 0.01)
    with (
        DaskWorkers(f"tcp://{HOST}:8786", patience=LONG, waiting=waited.append) as crew,
        pytest.raises(InputError, match="enough"),
    ):
        crew.executor()
    assert silent.timeouts == [1, 10, 10, 10]
    assert waited[0] == 0.0
    assert 0 < waited[1] < waited[2]
    assert len(waited) == 3


@pytest.mark.parametrize(
    "address",
    ["", "not an address", "nonsense://here:8786", "here", "tcp://here", "tcp://here:", "tcp://:8786",
     "tcp://here:0", "tcp://here:65536", "tcp://here:87b", "tcp://here: 8786", "tcp://here:8786/path",
     "tcp://here:8786?", "tcp:/here:8786", "http://here:8787", "ws://", "tcp://[::1:8786"],
)  # fmt: skip
def test_what_is_no_address_is_refused_before_anything_is_called(address):
    pytest.importorskip("distributed")
    with pytest.raises(InputError) as caught:
        DaskWorkers(address)
    (problem,) = caught.value.problems
    assert problem.code == "cluster.bad-address"
    for language in ("en", "zh"):
        assert f"“{address}”" in problem.message(language)


@pytest.mark.parametrize(
    "address",
    ["tcp://10.0.0.1:8786", "tls://here.example:8786", "ws://here:8787", "wss://here.example/dask",
     "ucx://here:13337", "here:8786", "tcp://[::1]:8786"],
)  # fmt: skip
def test_addresses_of_every_kind_are_taken(address):
    pytest.importorskip("distributed")
    assert DaskWorkers(address).address == address


def test_a_process_of_a_pool_is_killed(model, span, whole, tmp_path):
    def strike():
        os.kill(active_children()[0].pid, signal.SIGKILL)

    strikes = Strikes(*[(share, strike) for share in ((0.2, 0.5) if FULL else (0.3,))])
    with Processes(2) as crew:
        assert_same(count_on(crew, model, N, span, folder=tmp_path, chunk=CHUNK, progress=strikes), whole)
    assert strikes.is_over


DRIVER = f"""
import sys
from multiprocessing import active_children
from pathlib import Path
import citygauge as cg
from citygauge.analyse.robust.cluster import count_on
from citygauge.analyse.robust.cluster_workers import Processes
from citygauge.analyse.robust.prepare import model_of
from citygauge.analyse.robust.simulate import score_span
from citygauge.analyse.robust.spec import Spec

def told(done, total):
    print(done, *(child.pid for child in active_children()), flush=True)

if __name__ == "__main__":
    model = model_of(cg.assess(cg.open({str(DEMO)!r})), Spec(seed=7, factor={FACTORS!r}))
    crew = Processes(2)
    count_on(crew, model, {N}, score_span(model), folder=Path(sys.argv[1]), chunk={CHUNK}, progress=told)
"""


def _is_alive(pid):
    import psutil  # noqa: PLC0415 - comes with distributed

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("repeat", range(REPEATS))
def test_the_driver_is_killed_and_begun_again(model, span, whole, tmp_path, repeat):
    pytest.importorskip("psutil")
    script = tmp_path / "driver.py"
    script.write_text(DRIVER, encoding="utf-8")
    driver = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "runs")], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        children: list[int] = []
        for line in driver.stdout:
            done, *children = map(int, line.split())
            if done >= 0.4 * N:
                break
        os.kill(driver.pid, signal.SIGKILL)  # alone: its processes have to notice
        driver.wait(10)
        assert len(children) == 2
        end = time.monotonic() + 20
        while alive := [pid for pid in children if _is_alive(pid)]:
            assert time.monotonic() < end, alive
            time.sleep(0.1)
    finally:
        _kill(driver)
        driver.stdout.close()
    told = Strikes()
    with Processes(2) as crew:
        found = count_on(crew, model, N, span, folder=tmp_path / "runs", chunk=CHUNK, progress=told)
    assert_same(found, whole)
    assert told.seen[0] >= 0.4 * N  # these were not counted again
    assert len(told.seen) == 1 + (N - told.seen[0]) // CHUNK
