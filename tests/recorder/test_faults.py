"""What cannot be written: one bad batch, a session that ended, a disk that refuses for long."""

import gc
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recorder_support import begin, hook, rows

from origin.core.record import Gap, PackedBatch
from origin.errors import OriginWarning, SessionEndedError, StorageError
from origin.hooks.placement import Placement
from origin.recorder import capture, committer
from origin.recorder.distinct import DistinctCounter
from origin.recorder.recorder import Recorder
from origin.recorder.stream import _ENTRY_BYTES, PendingBatch
from origin.storage.database import ProvenanceDatabase


@contextmanager
def ignoring_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def numbers(db: ProvenanceDatabase, stream_no: int = 1) -> list[int]:
    return [found.batch_no for found in db.ledger.batches(stream_no)]


def ranges(db: ProvenanceDatabase, session_id: str) -> list[tuple[int, int, int]]:
    return [(g.stream_no, g.first_batch, g.last_batch) for g in db.catalog.gaps(session_id)]


def spoil(
    monkeypatch: pytest.MonkeyPatch, is_bad: Callable[[PendingBatch], bool], **changes: Any
) -> None:
    """Batches that come to the database in a form that it refuses."""
    packed = PendingBatch.packed

    def spoilt(self: PendingBatch) -> PackedBatch:
        found = packed(self)
        if is_bad(self):
            for name, value in changes.items():
                object.__setattr__(found, name, value)
        return found

    monkeypatch.setattr(PendingBatch, "packed", spoilt)


@pytest.mark.parametrize("changes", [{"root": b"short"}, {"epoch": "no number"}, {"keys": ["a"]}])
def test_a_refused_batch_is_a_gap_and_takes_nothing_with_it(
    db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    session_id = begin(db)
    own, other = hook(db, session_id), hook(db, session_id, "other")
    other.observe(rows(0))  # stream 1
    spoil(monkeypatch, lambda b: b.stream.number == 2 and b.batch_no in (5, 11), **changes)
    with ignoring_warnings():
        for _ in zip(own.wrap(map(rows, range(30))), other.wrap(map(rows, range(30))), strict=True):
            pass
        db.end_session(session_id)
    assert numbers(db, 1) == list(range(31))
    assert numbers(db, 2) == [n for n in range(30) if n not in (5, 11)]
    assert ranges(db, session_id) == [(2, 5, 5), (2, 11, 11)]


def test_a_fault_that_lasts_is_one_gap(
    db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = begin(db)
    own = hook(db, session_id)
    spoil(monkeypatch, lambda b: 3 <= b.batch_no < 9, root=b"short")
    with ignoring_warnings():
        for _ in own.wrap(map(rows, range(12))):
            db.flush()
    assert ranges(db, session_id) == [(1, 3, 8)]
    assert numbers(db) == [0, 1, 2, 9, 10, 11]


def test_gaps_of_other_causes_or_places_stay_apart(db: ProvenanceDatabase) -> None:
    session_id = begin(db)
    hook(db, session_id).observe(rows(0))
    for first, last, reason in ((1, 2, "A: x"), (3, 3, "A: y"), (4, 4, "B: x"), (6, 6, "B: x")):
        db.append([], [Gap(1, first, last, reason)])
    assert ranges(db, session_id) == [(1, 1, 3), (1, 4, 4), (1, 6, 6)]


def test_a_session_ended_through_another_handle(path: Path) -> None:
    """What was still waiting then is lost, and the record says so."""
    with ProvenanceDatabase(path) as db, ProvenanceDatabase(path) as other:
        session_id = begin(db)
        own = hook(db, session_id)
        batches = own.wrap(map(rows, range(20)))
        next(batches)
        with db._connection.lock:  # nothing is committed meanwhile
            for _ in batches:
                pass
            other.end_session(session_id)
        db.flush()
        with pytest.warns(OriginWarning, match="SessionEndedError"):
            Recorder.of(db).settle()
        kept = len(numbers(db))
        assert kept < 20
        assert ranges(db, session_id) == [(1, kept, 19)]
        assert not db.get_session(session_id).complete
        with pytest.raises(SessionEndedError):
            own.observe(rows(20))
        assert ranges(db, session_id) == [(1, kept, 19)]


class Refusing:
    """A database whose file cannot be written for a while."""

    def __init__(self, db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
        self.attempts = 0
        append = db.append

        def refuse(batches: Any, gaps: Any = (), annotations: Any = ()) -> None:
            self.attempts += 1
            if self.refuses:
                raise StorageError("no room")
            append(batches, gaps, annotations)

        self.refuses = False
        monkeypatch.setattr(db, "append", refuse)


def test_memory_stays_flat_while_the_disk_refuses(
    db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "MAX_KEPT_BYTES", 100 * (_ENTRY_BYTES + 96))
    disk = Refusing(db, monkeypatch)
    session_id = begin(db)
    own = hook(db, session_id)
    keeper = Recorder.of(db)._committer
    with ignoring_warnings():
        for number, _ in enumerate(own.wrap(rows(n) for n in range(3000))):
            disk.refuses = number >= 10
            if number % 100 == 50:
                with pytest.raises(StorageError):
                    db.flush()
                assert len(keeper.kept) <= 100
                assert sum(map(len, keeper._lost.values())) <= 1
        with pytest.raises(StorageError, match="no room"):
            db.flush()
        disk.refuses = False
        db.end_session(session_id)
    assert keeper.waiting == 0
    assert numbers(db)[-100:] == list(range(2900, 3000))
    assert not db.get_session(session_id).complete
    missing = [n for _, a, b in ranges(db, session_id) for n in range(a, b + 1)]
    assert sorted(numbers(db) + missing) == list(range(3000))


def test_attempts_become_rarer(db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Refusing(db, monkeypatch)
    session_id = begin(db)
    own = hook(db, session_id)
    own.observe(rows(0))
    disk.refuses = True
    clock = [1000.0]
    monkeypatch.setattr(committer.time, "monotonic", lambda: clock[0])
    keeper = committer.Committer(db)
    pending = PendingBatch(own.stream(), 0, own.distinct, error=ValueError("mine"))
    pending.batch_no = 1
    keeper.add([pending])
    pauses = []
    for _ in range(7):
        assert isinstance(keeper.commit(), StorageError)
        pauses.append(keeper.retry_at - clock[0])
        clock[0] = keeper.retry_at
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    disk.refuses = False
    assert keeper.commit() is None
    assert (keeper.waiting, keeper.retry_at) == (0, 0)
    monkeypatch.undo()
    with pytest.warns(OriginWarning, match="no room"):
        db.end_session(session_id)


def test_hooks_may_come_while_others_are_told(db: ProvenanceDatabase) -> None:
    recorder = Recorder.of(db)
    stop = threading.Event()

    def open_many() -> None:
        while not stop.is_set():
            for number in range(3000):
                with recorder._changed:
                    recorder._open.add(str(number))
            with recorder._changed:
                recorder._open.clear()

    thread = threading.Thread(target=open_many)
    thread.start()
    try:
        for _ in range(2000):
            recorder.settle()
    finally:
        stop.set()
        thread.join()


def test_dead_hooks_and_ended_sessions_leave_nothing(db: ProvenanceDatabase) -> None:
    session_id = begin(db)
    recorder = Recorder.of(db)
    for _ in range(50):
        hook(db, session_id).observe(rows(0))
    gc.collect()
    hook(db, session_id)
    assert len(recorder._before_end) < 5
    with ignoring_warnings():
        for _ in range(10):
            hook(db, session_id).wrap([rows(0)])
        db.end_session(session_id)
    assert (len(recorder._holding), len(recorder._open)) == (0, 0)
    assert "_recorder" not in vars(db)


def test_no_training_data_outlives_the_recording(
    db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Placement, "in_background", lambda self, size, count: True)
    own = hook(db, begin(db))
    secret = np.frombuffer(b"SECRET--" * 32, np.uint8).reshape(4, -1)
    for _ in own.wrap([[secret[:, :8], secret[:, 8:16], secret, secret, secret]] * 3):
        pass
    own.observe(dict.fromkeys("abcdef", secret))
    assert capture._spare
    db.close()
    assert not capture._spare


def test_a_fault_in_counting_costs_the_record_nothing(
    db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(self: DistinctCounter, packed: bytes) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(DistinctCounter, "add", failing)
    session_id = begin(db)
    for _ in hook(db, session_id).wrap([rows(number) for number in range(5)]):
        pass
    db.end_session(session_id)
    assert (numbers(db), ranges(db, session_id)) == (list(range(5)), [])
    assert "too few distinct samples" in caplog.text
