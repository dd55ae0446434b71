"""The recorder's thread: exact counts at any time, bounded memory, and no way to hang it."""

import ctypes
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hooks_support import loop
from recorder_support import COUNT, begin, check_stream, hook, rows

from origin.errors import RecordingError
from origin.hooks.placement import Placement
from origin.recorder import recorder as recorder_module
from origin.recorder.recorder import Recorder
from origin.recorder.stream import _ENTRY_BYTES
from origin.storage import liveness
from origin.storage.database import ProvenanceDatabase

WIDE = 30_000


@pytest.fixture
def in_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large rows go to the thread from the first batch on."""
    monkeypatch.setattr(Placement, "in_background", lambda self, size, count: size > 4096 * count)


def recorder_thread() -> threading.Thread:
    return next(t for t in threading.enumerate() if t.name == "origin-recorder")


@pytest.mark.usefixtures("in_background")
def test_counts_are_exact_at_any_time(db: ProvenanceDatabase) -> None:
    own = hook(db, begin(db))
    for number, _ in enumerate(own.wrap(rows(n // 2, WIDE) for n in range(40)), start=1):
        if number % 7 == 0:
            stats = own.get_stats()
            assert stats["batches_observed"] == number
            assert stats["samples_observed"] == COUNT * number
            assert stats["unique_samples"] == COUNT * ((number + 1) // 2)


@pytest.mark.usefixtures("in_background")
def test_resetting_the_counts(db: ProvenanceDatabase) -> None:
    session_id = begin(db)
    own = hook(db, session_id)
    batches = own.wrap([rows(n, WIDE) for n in range(20)])
    list(batches)
    own.reset_stats()
    stats = own.get_stats()
    assert [stats[name] for name in ("batches_observed", "samples_observed")] == [0, 0]
    assert (stats["unique_samples"], stats["overhead_seconds"]) == (0, 0)
    list(batches)
    assert own.get_stats()["unique_samples"] == 20 * COUNT
    db.end_session(session_id)
    assert len(list(db.ledger.batches(own.stream().number))) == 40


@pytest.mark.usefixtures("in_background")
def test_waiting_rows_are_bounded(db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far the thread falls behind, only so much training data waits for it."""
    one = rows(0, WIDE).nbytes
    monkeypatch.setattr(recorder_module, "MAX_WAITING_BYTES", 4 * one)
    session_id = begin(db)
    own = hook(db, session_id)
    recorder = Recorder.of(db)
    batches = own.wrap(rows(n, WIDE) for n in range(40))
    next(batches)
    waiting = []
    with db._connection.lock:  # nothing is committed meanwhile
        for _ in batches:
            with recorder._changed:
                waiting.append(recorder._queued_bytes + recorder._bytes_in_hand)
    assert 0 < max(waiting) <= 4 * one + 4096
    db.end_session(session_id)
    assert check_stream(db, own.stream().number, WIDE) == 40


def test_too_many_waiting_batches_hold_the_loop_up(
    db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_WAITING_BATCHES", 10)
    monkeypatch.setattr(recorder_module, "WAKE_BATCHES", 5)
    session_id = begin(db)
    own = hook(db, session_id)
    recorder = Recorder.of(db)
    lengths = []
    for _ in own.wrap(map(rows, range(500))):
        lengths.append(len(recorder._queue))
    assert max(lengths) <= 10
    db.end_session(session_id)
    assert check_stream(db, own.stream().number) == 500


def test_what_was_handed_over_is_soon_on_the_disk(db: ProvenanceDatabase, path: Path) -> None:
    """A reader in another process sees it without anybody asking for a flush."""
    own = hook(db, begin(db))
    inside = iter(own.wrap(map(rows, range(30))))
    for _ in range(20):
        next(inside)
    with ProvenanceDatabase(path, read_only=True) as other:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if len(list(other.ledger.batches(own.stream().number))) == 20:
                assert check_stream(other, own.stream().number) == 20
                return
            time.sleep(0.02)
    pytest.fail("it never came")


def test_observing_is_durable_at_once(db: ProvenanceDatabase, path: Path) -> None:
    own = hook(db, begin(db))
    with ProvenanceDatabase(path, read_only=True) as other:
        for number in range(5):
            own.observe(rows(number))
            assert check_stream(other, own.stream().number) == number + 1


def test_queries_see_what_was_just_handed_over(db: ProvenanceDatabase) -> None:
    from origin.query.engine import QueryEngine

    session_id = begin(db)
    own, engine = hook(db, session_id), QueryEngine(db)
    for number, _ in enumerate(own.wrap(map(rows, range(10))), start=1):
        assert engine.get_license_breakdown(session_id) == {"MIT": COUNT * number}


def test_sizes_of_all_kinds_in_one_run(db: ProvenanceDatabase) -> None:
    """Batches hashed here and there keep the order in which they were handed over."""
    session_id = begin(db)
    own = hook(db, session_id)
    widths = [(4, WIDE, 100, 3000)[n % 4] for n in range(60)]

    def batches() -> Iterator[Any]:
        for number, width in enumerate(widths):
            yield rows(number, width)

    for _ in own.wrap(batches()):
        time.sleep(0.001)
    db.end_session(session_id)
    found = list(db.ledger.batches(own.stream().number))
    sizes = [batch.byte_sizes for batch in found]
    header = found[0].total_bytes // COUNT - 4 * 8
    assert [abs(int(s) - w * 8 - header) <= 4 for s, w in zip(sizes, widths, strict=True)] == (
        [True] * 60
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_replaced(db: ProvenanceDatabase) -> None:
    """Libraries that stop threads from outside may hit ours: nothing hangs, nothing is lost."""
    session_id = begin(db)
    own = hook(db, session_id)
    killed = set()
    for number, _ in enumerate(own.wrap(rows(n, 400) for n in range(400))):
        if number % 40 == 20:
            thread = recorder_thread()
            killed.add(thread.ident)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit)
            )
            db.flush()
            own.get_stats()
    db.end_session(session_id)
    assert killed
    kept = [batch.batch_no for batch in db.ledger.batches(own.stream().number)]
    gaps = db.catalog.gaps(session_id)
    missing = [n for gap in gaps for n in range(gap.first_batch, gap.last_batch + 1)]
    assert sorted(kept + missing) == list(range(400))


def test_no_thread_to_be_had(db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a thread the loop does the work itself."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    session_id = begin(db)
    own = hook(db, session_id)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    for _ in own.wrap(map(rows, range(20))):
        pass
    own.observe(rows(20))
    assert own.get_stats()["unique_samples"] == 21 * COUNT
    db.end_session(session_id)
    assert check_stream(db, own.stream().number) == 21


def test_a_sign_of_life_while_training(
    db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another host only the last sign of life tells that a session still runs."""
    monkeypatch.setattr(recorder_module, "HEARTBEAT_SECONDS", 0.2)
    assert liveness.SILENCE_SECONDS > 5 * liveness.HEARTBEAT_SECONDS

    def alive_at() -> float:
        row = db._connection.row("SELECT max(alive_at) FROM writers")
        assert row is not None
        return float(row[0])

    own = hook(db, begin(db))
    own.observe(rows(0))
    before = alive_at()
    until = time.monotonic() + 1
    for _ in own.wrap(rows(0) for _ in iter(lambda: time.monotonic() < until, False)):
        time.sleep(0.002)
    assert alive_at() > before


def test_a_slow_sign_of_life_does_not_hold_the_loop_up(
    db: ProvenanceDatabase, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "HEARTBEAT_SECONDS", 0)
    monkeypatch.setattr(recorder_module, "IDLE_SECONDS", 0.02)
    own = hook(db, begin(db))
    batches = own.wrap(map(rows, range(5)))
    next(batches)
    with ProvenanceDatabase(path) as other, other._connection.transaction():
        time.sleep(0.3)  # the thread now waits to write that it lives
        begun = time.monotonic()
        assert len(list(batches)) == 4
        took = time.monotonic() - begun
    assert took < 5
    db.flush()
    assert check_stream(db, own.stream().number) == 5


def refused(db: ProvenanceDatabase) -> None:
    with pytest.raises(OSError, match="another process"):
        db.flush()


def test_another_writer_for_a_while(path: Path) -> None:
    """While another process holds the file, training goes on; afterwards all is there."""
    with ProvenanceDatabase(path, busy_timeout=0.1) as db, ProvenanceDatabase(path) as other:
        session_id = begin(db)
        own = hook(db, session_id)
        batches = own.wrap(map(rows, range(40)))
        next(batches)
        with (
            other._connection.transaction(),
            pytest.warns(UserWarning, match="is being written by another process") as told,
        ):
            loop(batches, lambda number, _: number in (10, 20) and refused(db))
        assert len(told) == 1
        db.end_session(session_id)
        assert check_stream(db, own.stream().number) == 40
        assert db.get_session(session_id).complete


def test_giving_up_on_a_disk_that_refuses_for_too_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from origin.recorder import committer

    monkeypatch.setattr(committer, "MAX_KEPT_BYTES", 10 * (_ENTRY_BYTES + 32 * COUNT))
    with ProvenanceDatabase(path, busy_timeout=0.1) as db, ProvenanceDatabase(path) as other:
        session_id = begin(db)
        own = hook(db, session_id)
        batches = own.wrap(map(rows, range(40)))
        next(batches)
        with other._connection.transaction(), pytest.warns(UserWarning, match="another process"):
            loop(batches, lambda number, _: number in (20, 38) and refused(db))
        db.end_session(session_id)
        kept = [batch.batch_no for batch in db.ledger.batches(own.stream().number)]
        assert kept == [0, *range(30, 40)]
        assert [(g.first_batch, g.last_batch) for g in db.catalog.gaps(session_id)] == [(1, 29)]
        assert not db.get_session(session_id).complete


def test_errors_of_the_thread_reach_a_strict_loop_at_its_end(path: Path) -> None:
    with ProvenanceDatabase(path, busy_timeout=0.1) as db, ProvenanceDatabase(path) as other:
        session_id = begin(db)
        own = hook(db, session_id)
        own.on_error = "raise"
        list(own.wrap(map(rows, range(3))))
        with other._connection.transaction(), pytest.raises(OSError, match="another process"):
            db.flush()
        with pytest.raises(RecordingError, match="another process"):
            db.end_session(session_id)
        db.end_session(session_id)
        assert check_stream(db, own.stream().number) == 3


def test_rows_are_let_go_once_hashed(db: ProvenanceDatabase) -> None:
    """No training data stays in memory because it was recorded."""
    import tracemalloc

    own = hook(db, begin(db))
    own.observe(np.zeros((4, 8)))
    tracemalloc.start()
    try:
        for number, _ in enumerate(own.wrap(np.full((4, 100_000), n) for n in range(40))):
            if number == 10:
                own.get_stats()
                before = tracemalloc.get_traced_memory()[0]
        own.get_stats()
        db.flush()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 4 * 100_000 * 8
