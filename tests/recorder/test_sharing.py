"""Threads, forks and processes that record at once."""

import gc
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from processes import start
from recorder_support import COUNT, begin, check_stream, hook, packed, rows

from origin.core.fingerprint import fingerprint_digest
from origin.hooks.base import BaseHook
from origin.hooks.pytorch import DataLoaderHook
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase

JOINS = """
import sys
from recorder_support import hook, rows
from origin.storage.database import ProvenanceDatabase
with ProvenanceDatabase(sys.argv[1]) as db:
    own = hook(db, sys.argv[2], sys.argv[3])
    for batch in own.wrap(rows(n) for n in range(300)):
        pass
    for number in range(300, 320):
        own.observe(rows(number))
    print(own.stream().number)
"""


def in_child(work: Callable[[], object]) -> int:
    """The exit code of a forked child that does the work; -9 when it hangs."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_two_processes_in_one_session(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        session_id = begin(db)
        processes = [start(JOINS, path, session_id, name) for name in ("one", "two")]
        streams = []
        for process in processes:
            out, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
            streams.append(int(out))
        db.end_session(session_id)
        assert [check_stream(db, number) for number in streams] == [320, 320]
        assert db.get_session(session_id).complete


def test_two_hooks_keep_their_own_order(db: ProvenanceDatabase) -> None:
    session_id = begin(db)
    one, two = hook(db, session_id, "one"), hook(db, session_id, "two")
    first, second = one.wrap(map(rows, range(90))), two.wrap(map(rows, range(30)))
    for number, _ in enumerate(first):
        if number % 3 == 0:
            next(second)
    db.end_session(session_id)
    assert check_stream(db, one.stream().number) == 90
    assert check_stream(db, two.stream().number) == 30


def test_the_same_batch_twice(db: ProvenanceDatabase) -> None:
    session_id = begin(db)
    own = hook(db, session_id)
    roots = [own.observe(rows(0)), own.observe(rows(0))]
    assert roots[0] == roots[1]
    found = list(db.ledger.batches(own.stream().number))
    assert [batch.batch_no for batch in found] == [0, 1]
    assert {batch.root.hex() for batch in found} == {roots[0]}
    assert own.get_stats()["unique_samples"] == COUNT


def test_the_same_sample_from_two_sources(db: ProvenanceDatabase) -> None:
    session_id = begin(db)
    hook(db, session_id, "one").observe(rows(0))
    hook(db, session_id, "two").observe(rows(0))
    trace = QueryEngine(db).trace_sample(fingerprint_digest(rows(0)[1]).hex())
    assert {str(seen.source_id) for seen in trace.observations} == {"one", "two"}


def test_a_thread_for_each_hook(db: ProvenanceDatabase) -> None:
    session_id = begin(db)
    hooks = [hook(db, session_id, f"source {n}") for n in range(3)]

    def train(own: DataLoaderHook) -> None:
        for number, _ in enumerate(own.wrap(map(rows, range(400)))):
            if number % 100 == 0:
                assert own.get_stats()["unique_samples"] == COUNT * (number + 1)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(train, hooks))
    db.end_session(session_id)
    assert [check_stream(db, own.stream().number) for own in hooks] == [400] * 3


@pytest.mark.parametrize("method", ["observe", "wrap"])
def test_one_hook_in_four_threads(db: ProvenanceDatabase, method: str) -> None:
    session_id = begin(db)
    own = hook(db, session_id)
    together = threading.Barrier(4)

    def train(part: int) -> None:
        together.wait()
        numbers = range(part * 60, (part + 1) * 60)
        if method == "wrap":
            for _ in own.wrap(map(rows, numbers)):
                pass
        else:
            for number in numbers:
                own.observe(rows(number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(train, range(4)))
    stats = own.get_stats()
    assert (stats["batches_observed"], stats["samples_observed"]) == (240, 240 * COUNT)
    assert stats["unique_samples"] == 240 * COUNT
    db.end_session(session_id)
    assert db.get_session(session_id).streams == 1
    found = list(db.ledger.batches(own.stream().number))
    assert [batch.batch_no for batch in found] == list(range(240))
    assert sorted(b.fingerprints for b in found) == sorted(packed(n) for n in range(240))
    epochs = {batch.epoch for batch in found}
    assert epochs == ({0, 1, 2, 3} if method == "wrap" else {0})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_hook_in_forked_children(db: ProvenanceDatabase) -> None:
    """Each process has a stream of its own, and counts what it saw itself."""
    session_id = begin(db)
    own = hook(db, session_id)
    batches = own.wrap([rows(n) for n in range(40)])
    inside = iter(batches)
    for _ in range(20):
        next(inside)

    def work() -> None:
        assert own.get_stats()["batches_observed"] == 0
        for _ in batches:
            pass
        own.observe(rows(40))
        stats = own.get_stats()
        assert (stats["batches_observed"], stats["unique_samples"]) == (41, 41 * COUNT)
        db.flush()

    assert [in_child(work) for _ in range(3)] == [0, 0, 0]
    assert len(list(inside)) == 20
    assert own.get_stats()["batches_observed"] == 40
    db.end_session(session_id)
    streams = [stream.stream_no for stream in db.catalog.streams(session_id)]
    assert [check_stream(db, number) for number in streams] == [40, 41, 41, 41]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_held_batch_belongs_to_the_parent(db: ProvenanceDatabase) -> None:
    session_id = begin(db)
    own = DataLoaderHook(db, session_id, "data", record_gradients=True)
    inside = iter(own.wrap(map(rows, range(4))))
    next(inside)

    def work() -> None:
        assert len(list(inside)) == 3  # what the child reads on is its own
        db.close()

    assert in_child(work) == 0
    assert len(list(inside)) == 3
    db.end_session(session_id)
    assert check_stream(db, own.stream().number) == 4
    assert [stream.batches for stream in db.catalog.streams(session_id)] == [4, 3]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forking_while_the_thread_is_busy(db: ProvenanceDatabase) -> None:
    """Whatever lock some thread holds at the fork, the child goes on."""
    session_id = begin(db)
    own = hook(db, session_id)
    own.observe(rows(0))
    stop = threading.Event()
    number = 1

    def train() -> None:
        nonlocal number
        while not stop.is_set():
            for _ in own.wrap([rows(number, 300)]):
                number += 1
            own.get_stats()

    def work() -> None:
        own.get_stats()
        own.observe(rows(0))
        assert own.get_stats()["batches_observed"] == 1

    trainer = threading.Thread(target=train)
    trainer.start()
    try:
        codes = [in_child(work) for _ in range(25)]
    finally:
        stop.set()
        trainer.join()
    assert codes == [0] * 25
    db.end_session(session_id)
    assert len(list(db.ledger.batches(own.stream().number))) == number
    assert db.get_session(session_id).streams == 26


def test_a_hook_cannot_be_sent_to_a_spawned_process(db: ProvenanceDatabase) -> None:
    own = hook(db, begin(db))
    process = multiprocessing.get_context("spawn").Process(target=print, args=(own,))
    with pytest.raises(TypeError, match="pickle"):
        process.start()


def test_a_forgotten_hook_goes_on_while_its_loader_lives(db: ProvenanceDatabase) -> None:
    session_id = begin(db)
    batches = iter(hook(db, session_id).wrap(map(rows, range(10))))
    for _ in batches:
        gc.collect()
    db.end_session(session_id)
    assert check_stream(db, 1) == 10


def test_databases_are_let_go(tmp_path: Path) -> None:
    """Neither a thread nor a hook is left behind of a database that was closed."""

    def living() -> int:
        return sum(issubclass(type(o), BaseHook | ProvenanceDatabase) for o in gc.get_objects())

    def record(name: str) -> None:
        with ProvenanceDatabase(tmp_path / name) as db, db.session("config") as session:
            for _ in hook(db, session.session_id).wrap(map(rows, range(3))):
                pass

    gc.collect()
    before, threads = living(), threading.active_count()
    for number in range(5):
        record(f"{number}.db")
    deadline = time.monotonic() + 5
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.01)
    gc.collect()
    assert threading.active_count() <= threads
    assert living() <= before


def test_many_databases_at_once(tmp_path: Path) -> None:
    opened: list[Any] = []
    for number in range(8):
        db = ProvenanceDatabase(tmp_path / f"{number}.db")
        opened.append((db, begin(db)))
    loops = [hook(db, session_id).wrap(map(rows, range(50))) for db, session_id in opened]
    for _ in zip(*loops, strict=True):
        pass
    for db, session_id in opened:
        db.end_session(session_id)
        assert check_stream(db, 1) == 50
        db.close()
