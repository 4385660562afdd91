"""Runs cut into parts: the bits of an uncut run, whoever works on them, and nothing done twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import citygauge as cg
from citygauge.analyse.robust import cluster_files, cluster_tasks, cluster_workers
from citygauge.analyse.robust.cluster import ATTEMPTS, count_on
from citygauge.analyse.robust.cluster_cost import Measured, counts_bytes, estimate, measure, task_seconds
from citygauge.analyse.robust.cluster_files import FAN_IN, JOB, MODEL, Job, Part
from citygauge.analyse.robust.cluster_key import digest
from citygauge.analyse.robust.cluster_tasks import BITS, Answer, work
from citygauge.analyse.robust.cluster_workers import DaskWorkers, Processes
from citygauge.analyse.robust.counts import Counts
from citygauge.analyse.robust.prepare import model_of
from citygauge.analyse.robust.simulate import block_size, count, score_span
from citygauge.analyse.robust.spec import Spec
from citygauge.problems import InputError

DEMO = Path(__file__).parents[2] / "demo" / "city-statistics-2023"
FACTORS = [
    {"weights": {"share": 0.25}},
    {"key": "normalise.how", "values": ["minmax", "zscore"]},
]
N = 3_000


@pytest.fixture(scope="module")
def model():
    return model_of(cg.assess(cg.open(DEMO)), Spec(seed=7, factor=FACTORS))


@pytest.fixture(scope="module")
def span(model):
    return score_span(model)


@pytest.fixture(scope="module")
def whole(model, span):
    return count(model, 0, N, span, threads=1)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(cluster_files, "LOOKS", 1)
    monkeypatch.setattr(cluster_files, "PAUSE", 0.0)


def assert_same(found, wanted):
    for name in ("n", "ranks", "width", "scores", "span", "grades", "ahead"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)


class Plain(Executor):
    """Runs tasks where they are sent; `meddle` may look at or change what is sent."""

    def __init__(self, meddle=lambda *args: args):
        self.sent, self._meddle = [], meddle

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.sent.append(args[-1])
        try:
            future.set_result(fn(*self._meddle(*args)))
        except Exception as error:
            future.set_exception(error)
        return future


def codes(caught):
    return [problem.code for problem in caught.value.problems]


@pytest.mark.parametrize("chunk", [41, 500, 2_999, 3_000, 10**6, None])
def test_threads_count_the_same_bits_in_chunks_of_any_size(model, span, whole, tmp_path, chunk):
    with ThreadPoolExecutor(2) as pool:
        assert_same(count_on(pool, model, N, span, folder=tmp_path, chunk=chunk), whole)


@settings(max_examples=10, deadline=None)
@given(n=st.integers(1, 120), chunk=st.integers(1, 130))
def test_any_cut_of_any_run_gives_the_same_bits(model, span, tmp_path_factory, n, chunk):
    folder = tmp_path_factory.mktemp("run")
    assert_same(count_on(Plain(), model, n, span, folder=folder, chunk=chunk), count(model, 0, n, span, 1))


def test_processes_count_the_same_bits(model, span, whole, tmp_path):
    with Processes(2) as crew:
        assert_same(count_on(crew, model, N, span, folder=tmp_path, chunk=200), whole)


def test_one_replication_and_one_chunk_are_runs_too(model, span, tmp_path):
    found = count_on(Plain(), model, 1, span, folder=tmp_path)
    assert_same(found, count(model, 0, 1, span, 1))


def test_a_run_that_ended_is_read_and_not_run_again(model, span, whole, tmp_path):
    count_on(Plain(), model, N, span, folder=tmp_path, chunk=100)
    again, told = Plain(), []
    found = count_on(again, model, N, span, folder=tmp_path, progress=lambda *seen: told.append(seen))
    assert_same(found, whole)
    assert again.sent == []
    assert told == [(N, N)]


def test_a_folder_holds_one_sum_in_the_end(model, span, tmp_path):
    count_on(Plain(), model, N, span, folder=tmp_path, chunk=40)  # 75 chunks, 10 sums, 2, 1
    (own,) = tmp_path.iterdir()
    assert {path.name for path in own.iterdir()} == {JOB, MODEL, BITS, "sum-3-0.npz"}


def test_few_parts_are_on_the_disk_at_any_time(model, span, tmp_path):
    most = []

    def look(folder, key, part):
        most.append(len(list(Path(folder).glob("*.npz"))))
        return folder, key, part

    count_on(Plain(look), model, N, span, folder=tmp_path, chunk=20)  # 150 chunks
    assert max(most) <= 3 * FAN_IN + 4 * (os.cpu_count() or 1)  # eight of each level and what is under way


def test_progress_counts_replications_up_to_all_of_them(model, span, tmp_path):
    told = []
    count_on(Plain(), model, N, span, folder=tmp_path, chunk=700, progress=lambda *seen: told.append(seen))
    done = [seen for seen, total in told if total == N]
    assert (done[0], done[-1], len(done)) == (0, N, 6)
    assert sorted(np.diff(done)) == [200, 700, 700, 700, 700]  # parts of a round come in any order


def stopped_after(tasks):
    """Return an executor that the user interrupts after some tasks."""

    def stop(*args):
        if len(crew.sent) > tasks:
            raise KeyboardInterrupt
        return args

    crew = Plain(stop)
    return crew


@pytest.mark.parametrize("tasks", [1, 7, 20, 29])
def test_a_run_goes_on_where_it_was_stopped(model, span, whole, tmp_path, tasks):
    with pytest.raises(KeyboardInterrupt):
        count_on(stopped_after(tasks), model, N, span, folder=tmp_path, chunk=100)
    crew, told = Plain(), []
    # The chunks stay those that it was begun with, whatever is asked for.
    found = count_on(
        crew, model, N, span, folder=tmp_path, chunk=77, progress=lambda *seen: told.append(seen)
    )
    assert_same(found, whole)
    assert len([part for part in crew.sent if not part.level]) == N // 100 - told[0][0] // 100
    assert told[0][0] >= (tasks - tasks // FAN_IN - 1) * 100


def damage_cut(path):
    path.write_bytes(path.read_bytes()[:-200])


def damage_flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def damage_empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [damage_cut, damage_flip, damage_empty, Path.unlink])
@pytest.mark.parametrize("pattern", ["chunk-*", "sum-1-*"])
def test_a_damaged_part_is_made_again(model, span, whole, tmp_path, impatient, damage, pattern):
    with pytest.raises(KeyboardInterrupt):
        count_on(stopped_after(22), model, N, span, folder=tmp_path, chunk=100)
    damage(next(tmp_path.glob(f"*/{pattern}")))
    assert_same(count_on(Plain(), model, N, span, folder=tmp_path), whole)


@pytest.mark.parametrize("damage", [damage_cut, damage_flip, damage_empty])
def test_a_damaged_result_is_made_again(model, span, whole, tmp_path, impatient, damage):
    count_on(Plain(), model, N, span, folder=tmp_path, chunk=100)
    damage(next(tmp_path.glob("*/sum-*")))
    assert_same(count_on(Plain(), model, N, span, folder=tmp_path), whole)


@pytest.mark.parametrize("name", [JOB, MODEL])
@pytest.mark.parametrize("damage", [damage_cut, damage_empty, Path.unlink])
def test_a_damaged_job_is_begun_again(model, span, whole, tmp_path, damage, name):
    with pytest.raises(KeyboardInterrupt):
        count_on(stopped_after(12), model, N, span, folder=tmp_path, chunk=100)
    damage(next(tmp_path.glob(f"*/{name}")))
    cluster_tasks._load.cache_clear()
    assert_same(count_on(Plain(), model, N, span, folder=tmp_path, chunk=150), whole)


def test_a_chunk_of_another_run_is_not_taken(model, span, whole, tmp_path, impatient):
    other = replace(model, seed=8)
    for each in (model, other):
        with pytest.raises(KeyboardInterrupt):
            count_on(stopped_after(3), each, N, span, folder=tmp_path, chunk=100)
    places = {path.name: path for path in tmp_path.iterdir()}
    mine = places[cluster_files.key_of(model, N, span)[:16]]
    (theirs,) = set(places.values()) - {mine}
    (theirs / "chunk-0-100.npz").replace(mine / "chunk-0-100.npz")
    assert_same(count_on(Plain(), model, N, span, folder=tmp_path), whole)


def test_runs_that_differ_in_anything_have_folders_of_their_own(model, span, tmp_path):
    runs = [(model, 9, span), (replace(model, seed=8), 9, span), (model, 10, span), (model, 9, (0.0, 1.0))]
    for each, n, own in runs:
        count_on(Plain(), each, n, own, folder=tmp_path, chunk=4)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_key_is_the_same_in_another_process_and_after_a_run(model, span):
    before = cluster_files.key_of(model, N, span)
    count(model, 0, 10, span)
    assert cluster_files.key_of(model, N, span) == before
    code = f"""
import citygauge as cg
from citygauge.analyse.robust.cluster_files import key_of
from citygauge.analyse.robust.prepare import model_of
from citygauge.analyse.robust.simulate import score_span
from citygauge.analyse.robust.spec import Spec
model = model_of(cg.assess(cg.open({str(DEMO)!r})), Spec(seed=7, factor={FACTORS!r}))
print(key_of(model, {N}, score_span(model)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == before


def test_a_digest_tells_contents_apart_and_nothing_else():
    one, two = "x" * 3, "".join(["x", "xx"])
    assert one is not two
    assert digest((one, one)) == digest((one, two))
    values = [
        0, 0.0, False, None, "", (), (0,), ((0,),), {}, {"a": 1}, {"a": 1.0}, frozenset({1, 2}), Path("a"),
        np.zeros(2), np.zeros(2, np.float32), np.zeros((2, 1)), np.array(["a", None], object), Part(0, 1),
        Part(1, 0), Spec(seed=2), Spec(seed=3), Answer("done"),
    ]  # fmt: skip
    assert len({digest(value) for value in values}) == len(values)
    assert digest(frozenset("abc")) == digest(frozenset("cba"))
    with pytest.raises(TypeError, match="function"):
        digest(digest)


@given(n=st.integers(1, 10**7), chunk=st.integers(1, 10**5))
@settings(deadline=None)
def test_the_parts_of_a_level_are_the_whole_run_once(n, chunk):
    job = Job("k", "m", n, max(chunk, n // 500 + 1), (0.0, 1.0), {})
    assert job.replications(job.root) == (0, n)
    for part in job.parts():
        if part.level:
            first, size = job.replications(part)
            below = [job.replications(each) for each in job.below(part)]
            assert sum(own for _, own in below) == size > 0
            assert [start for start, _ in below] == list(np.cumsum([first, *(own for _, own in below[:-1])]))
            assert {job.above(each) for each in job.below(part)} == {part}
    assert len({job.name(part) for part in job.parts()}) == len(list(job.parts()))


def test_a_worker_that_does_not_see_the_folder_is_named(model, span, tmp_path, impatient):
    elsewhere = Plain(lambda _folder, key, part: (str(tmp_path / "elsewhere"), key, part))
    with pytest.raises(InputError) as caught:
        count_on(elsewhere, model, N, span, folder=tmp_path, chunk=500)
    assert codes(caught) == ["cluster.no-shared-folder"]
    assert str(tmp_path) in str(caught.value)


def test_a_worker_with_other_versions_is_refused(model, span, tmp_path, monkeypatch):
    monkeypatch.setattr(
        cluster_tasks, "versions_here", lambda: {"citygauge": "9", "numpy": "1", "numba": "0"}
    )
    with pytest.raises(InputError, match="numpy 1") as caught:
        count_on(Plain(), model, N, span, folder=tmp_path, chunk=500)
    assert codes(caught) == ["cluster.versions-differ"]


def test_a_worker_that_rounds_otherwise_is_refused(model, span, tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        count_on(stopped_after(3), model, N, span, folder=tmp_path, chunk=500)
    cluster_tasks._load.cache_clear()  # as in a process that is new
    monkeypatch.setattr(cluster_tasks, "bits_of", lambda _: "0" * 64)
    with pytest.raises(InputError, match="computes other last digits") as caught:
        count_on(Plain(), model, N, span, folder=tmp_path, chunk=500)
    assert codes(caught) == ["cluster.bits-differ"]


def test_bits_that_nobody_finished_writing_are_written_by_the_next(model, span, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster_tasks, "PAUSE", 0.0)
    with pytest.raises(KeyboardInterrupt):
        count_on(stopped_after(0), model, N, span, folder=tmp_path, chunk=500)
    (own,) = tmp_path.iterdir()
    (own / BITS).write_text("")
    assert_same(count_on(Plain(), model, N, span, folder=tmp_path), whole)
    assert len((own / BITS).read_text()) == 64


def test_a_worker_that_cannot_write_says_why(model, span, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cluster_tasks, "write_counts", full)
    with pytest.raises(InputError, match="No space left") as caught:
        count_on(Plain(), model, N, span, folder=tmp_path, chunk=500)
    assert codes(caught) == ["cluster.cannot-write"]


def test_a_file_is_whole_or_not_there(tmp_path):
    def half(stream):
        stream.write(b"half")
        raise RuntimeError

    (tmp_path / "a").write_bytes(b"before")
    with pytest.raises(RuntimeError):
        cluster_files.write_whole(tmp_path / "a", half)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"before"


def test_a_model_that_was_exchanged_is_not_unpickled(model, span, tmp_path, impatient):
    with pytest.raises(KeyboardInterrupt):
        count_on(stopped_after(1), model, N, span, folder=tmp_path, chunk=500)
    (own,) = tmp_path.iterdir()
    (own / MODEL).write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    cluster_tasks._load.cache_clear()
    key = json.loads((own / JOB).read_text())["key"]
    assert work(str(own), key, Part(0, 0)).state == "no_folder"


class KilledWorker(Exception):  # noqa: N818 - the name that Dask gives it
    pass


class Losing(Executor):
    """Loses each task some times before it is done."""

    def __init__(self, times, error):
        self._left, self._times, self._error = {}, times, error

    def submit(self, fn, /, *args, **kwargs):
        future, part = Future(), args[-1]
        self._left.setdefault(part, self._times)
        self._left[part] -= 1
        if self._left[part] >= 0:
            future.set_exception(self._error)
        else:
            future.set_result(fn(*args))
        return future


@pytest.mark.parametrize("error", [KilledWorker(), ConnectionResetError(), TimeoutError()])
def test_a_task_whose_worker_or_line_was_lost_is_sent_again(model, span, whole, tmp_path, error):
    crew = Losing(ATTEMPTS - 1, error)
    assert_same(count_on(crew, model, N, span, folder=tmp_path, chunk=500), whole)


def test_a_task_that_kills_every_worker_ends_the_run(model, span, tmp_path):
    with pytest.raises(InputError, match="KilledWorker") as caught:
        count_on(Losing(ATTEMPTS, KilledWorker()), model, N, span, folder=tmp_path, chunk=500)
    assert codes(caught) == ["cluster.workers-lost"]


def test_an_executor_that_breaks_and_cannot_be_replaced_ends_the_run(model, span, tmp_path):
    with pytest.raises(InputError, match="a process died") as caught:
        count_on(Losing(1, BrokenExecutor("a process died")), model, N, span, folder=tmp_path, chunk=500)
    assert codes(caught) == ["cluster.workers-lost"]


class Replaceable:
    """A crew whose executors break, one after the other."""

    size = 2

    def __init__(self, breaks, error):
        self.made, self._breaks, self._error = 0, breaks, error

    def executor(self):
        self.made += 1
        return Losing(1, self._error) if self.made <= self._breaks else Plain()

    def check(self):
        pass


def test_executors_that_break_are_replaced(model, span, whole, tmp_path):
    crew = Replaceable(ATTEMPTS - 1, BrokenExecutor())
    assert_same(count_on(crew, model, N, span, folder=tmp_path, chunk=500), whole)
    assert crew.made == ATTEMPTS


def test_executors_that_break_without_end_end_the_run(model, span, tmp_path):
    crew = Replaceable(10**6, BrokenExecutor("out of memory"))
    with pytest.raises(InputError, match="out of memory") as caught:
        count_on(crew, model, N, span, folder=tmp_path, chunk=500)
    assert codes(caught) == ["cluster.workers-lost"]
    assert crew.made == ATTEMPTS


def test_an_executor_that_is_shut_ends_the_run(model, span, tmp_path):
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(InputError, match="shutdown") as caught:
        count_on(pool, model, N, span, folder=tmp_path, chunk=500)
    assert codes(caught) == ["cluster.workers-lost"]


def test_an_error_of_the_model_itself_is_raised_as_it_is(model, span, tmp_path, monkeypatch):
    def wrong(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(cluster_tasks, "count", wrong)
    with pytest.raises(ZeroDivisionError):
        count_on(Plain(), model, N, span, folder=tmp_path, chunk=500)


def test_without_dask_the_command_to_install_it_is_given(monkeypatch):
    monkeypatch.setattr(cluster_workers, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r'pip install "citygauge\[cluster\]"') as caught:
        DaskWorkers("tcp://127.0.0.1:8786")
    assert codes(caught) == ["cluster.no-dask"]


@pytest.mark.parametrize(("n_units", "n_grades"), [(1, 0), (50, 3), (256, 3), (257, 0), (8193, 2)])
def test_the_bytes_of_counts_are_those_of_their_arrays(n_units, n_grades):
    empty = Counts.empty(n_units, n_grades, (0.0, 1.0))
    arrays = [empty.ranks, empty.scores, empty.grades, empty.ahead]
    assert counts_bytes(n_units, n_grades) == sum(each.nbytes for each in arrays if each is not None)


def test_a_measured_cost_is_that_of_the_machine(model, span):
    found = measure(model, span, seconds=0.1)
    assert (found.n_units, found.n_grades) == (50, 0)
    assert 1e-8 < found.each < 1e-2
    assert 0 < found.stored < 2
    assert found.moving > 0


def test_an_estimate_goes_through_what_was_measured_and_on_as_a_power():
    known = [Measured(u, 0, 1e-9 * u**1.5, 1e-9, 0.5) for u in (100, 1_000, 10_000)]
    for units in (50, 100, 400, 1_000, 10_000, 300_000):
        found = estimate(known, units, 1_000, workers=1)
        assert found.computing == pytest.approx(1e-6 * units**1.5)
    one = estimate(known[1:2], 4_000, 1_000, workers=1).computing
    assert one == pytest.approx(1e-6 * 1_000**1.5 * 4 * log(4_001) / log(1_001))
    with pytest.raises(ValueError, match="nothing was measured"):
        estimate([], 10, 10, 1)


def test_an_estimate_adds_up_by_hand():
    # 1 s a replication, 100 units: 4 × 100 × (100 + 1,024 + 100) bytes, at 1e-6 s each to move.
    found = estimate([Measured(100, 0, 1.0, 1e-6, 0.25)], 100, 6_400, workers=10)
    size = 4 * 100 * 1_224
    assert counts_bytes(100) == size
    assert (found.chunk, found.chunks) == (20, 320)
    parts = 320 + 40 + 5 + 1
    assert found.computing == 6_400
    assert found.moving == pytest.approx(parts * size * 1e-6)
    assert found.seconds == pytest.approx(32 * (20 + size * 1e-6) + 46 * size * 1e-6 / 10)
    assert (found.memory, found.disk) == (3 * size, size * 80 // 4)


def test_more_workers_never_take_longer():
    known = [Measured(1_000, 0, 1e-4, 1e-8, 0.5)]
    times = [estimate(known, 100_000, 10**6, workers).seconds for workers in (1, 8, 64, 512)]
    assert times == sorted(times, reverse=True)


def test_a_task_takes_twenty_seconds_unless_the_run_is_short_or_its_counts_are_large():
    assert task_seconds(1e6, 0.0, 10) == 20
    assert task_seconds(100, 0.0, 10) == 2.5
    assert task_seconds(1, 0.0, 10) == 0.5
    assert task_seconds(1e6, 30.0, 10) == 300
    assert task_seconds(1e3, 30.0, 10) == 100


def test_the_chunks_of_a_run_are_whole_blocks(model, span, tmp_path):
    count_on(Plain(), model, 10**5, span, folder=tmp_path)
    job = json.loads(next(tmp_path.glob(f"*/{JOB}")).read_text())
    assert job["chunk"] == 10**5 or job["chunk"] % block_size(model) == 0
