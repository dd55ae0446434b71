import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest
from processes import start
from storage_support import batch, batch_numbers, finish, integrity, open_stream, run

from origin.errors import DatabaseBusyError, DatabaseClosedError, StorageError
from origin.storage.connection import PAGE_SIZE
from origin.storage.database import ProvenanceDatabase
from origin.storage.schema import MIGRATIONS

APPENDS = """
import sys
from storage_support import batch, open_stream
from origin.storage.database import ProvenanceDatabase
with ProvenanceDatabase(sys.argv[1]) as db:
    session_id, stream_no = open_stream(db, sys.argv[2])
    print(stream_no, flush=True)
    sys.stdin.readline()
    for first in range(0, 2000, 4):
        db.append([batch(stream_no, first + number, 2) for number in range(4)])
    db.end_session(session_id)
"""

READS = """
import sys, time
from origin.storage.database import ProvenanceDatabase
seen = -1
with ProvenanceDatabase(sys.argv[1], read_only=True) as db:
    print("ready", flush=True)
    rounds = 0
    while seen < 2000:
        sessions = db.list_sessions()
        listed = sum(stream.batches for stream in db.catalog.streams())
        assert listed >= seen, (listed, seen)
        found = sum(len(list(db.ledger.batches(s.stream_no))) for s in db.catalog.streams())
        assert found >= listed, (found, listed)
        seen, rounds = listed, rounds + 1
print(rounds)
"""

CREATES = """
import sys
from pathlib import Path
from origin.storage.database import ProvenanceDatabase
print("ready", flush=True)
for line in sys.stdin:
    with ProvenanceDatabase(line.strip()) as db:
        db.begin_session("x")
    print("made", flush=True)
"""

HOLDS_THE_LOCK = """
import sys, apsw
other = apsw.Connection(sys.argv[1])
other.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
other.execute("COMMIT")
"""

NEVER_ENDS_READING = """
import sys, apsw
reader = apsw.Connection(sys.argv[1], flags=apsw.SQLITE_OPEN_READONLY)
reader.execute("BEGIN")
before = reader.execute("SELECT count(*) FROM batches").get
print(before, flush=True)
sys.stdin.readline()
assert reader.execute("SELECT count(*) FROM batches").get == before
print("unchanged")
"""


def tell(process: "object", line: str = "go") -> None:
    stdin = getattr(process, "stdin")  # noqa: B009
    stdin.write(f"{line}\n")
    stdin.flush()


def heard(process: "object") -> str:
    return str(getattr(process, "stdout").readline()).strip()  # noqa: B009


def test_threads_begin_append_and_read_at_once(db: ProvenanceDatabase, path: Path) -> None:
    barrier = threading.Barrier(8)

    def work(thread: int) -> tuple[str, int]:
        barrier.wait()
        session_id, stream_no = open_stream(db, f"source {thread % 3}")
        for number in range(60):
            db.append([batch(stream_no, number)])
            assert batch_numbers(db, stream_no)[-1] == number
            assert db.get_session(session_id).streams == 1
            db.list_sessions()
        db.end_session(session_id)
        return session_id, stream_no

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(work, range(8)))
    assert len(set(made)) == 8
    for session_id, stream_no in made:
        assert batch_numbers(db, stream_no) == list(range(60))
        assert db.get_session(session_id).status == "completed"
    assert len(db.list_sources()) == 3


def test_two_processes_append_while_a_third_reads(path: Path) -> None:
    ProvenanceDatabase(path).close()
    writers = [start(APPENDS, path, name) for name in ("one", "two")]
    streams = [int(heard(writer)) for writer in writers]
    reader = start(READS, path)
    assert heard(reader) == "ready"
    for writer in writers:
        tell(writer)
    for writer in writers:
        finish(writer)
    assert int(finish(reader)) >= 2
    with ProvenanceDatabase(path) as db:
        for stream_no in streams:
            assert list(db.ledger.batches(stream_no)) == [
                batch(stream_no, number, 2) for number in range(2000)
            ]
        assert [s.status for s in db.list_sessions()] == ["completed"] * 2
        assert [s.batches for s in db.catalog.streams()] == [2000, 2000]
    assert integrity(path) == "ok"


def test_two_processes_make_one_file_at_the_same_moment(tmp_path: Path) -> None:
    makers = [start(CREATES) for _ in range(2)]
    for maker in makers:
        assert heard(maker) == "ready"
    for number in range(20):
        path = tmp_path / f"{number}.db"
        for maker in makers:
            tell(maker, str(path))
        for maker in makers:
            assert heard(maker) == "made", maker.communicate()[1]
        with ProvenanceDatabase(path) as db:
            assert len(db.list_sessions()) == 2
            assert db._connection.row("PRAGMA page_size") == (PAGE_SIZE,)
            assert db._connection.row("SELECT count(*) FROM migrations") == (len(MIGRATIONS),)
    for maker in makers:
        finish(maker)


def test_threads_make_one_file_at_the_same_moment(tmp_path: Path) -> None:
    barrier = threading.Barrier(4)

    def make(path: Path) -> str:
        barrier.wait()
        with ProvenanceDatabase(path) as db:
            return db.begin_session("x").session_id

    with ThreadPoolExecutor(4) as pool:
        for number in range(10):
            path = tmp_path / f"{number}.db"
            made = set(pool.map(make, [path] * 4))
            with ProvenanceDatabase(path, read_only=True) as db:
                assert {s.session_id for s in db.list_sessions()} == made
                assert len(made) == 4


def test_a_reader_that_never_ends_does_not_hold_the_writer_up(
    db: ProvenanceDatabase, path: Path
) -> None:
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, 0)])
    reader = start(NEVER_ENDS_READING, path)
    assert heard(reader) == "1"
    started = time.monotonic()
    # More than the log holds before SQLite wants to check-point it.
    for number in range(1, 1500):
        db.append([batch(stream_no, number, 256)])
    assert time.monotonic() - started < 20
    tell(reader)
    assert finish(reader).strip() == "unchanged"
    assert batch_numbers(db, stream_no) == list(range(1500))


def test_a_lock_held_for_too_long(path: Path) -> None:
    with ProvenanceDatabase(path, busy_timeout=0.2) as db:
        _, stream_no = open_stream(db)
        holder = start(HOLDS_THE_LOCK, path)
        assert heard(holder) == "held"
        started = time.monotonic()
        with pytest.raises(DatabaseBusyError, match="try again later") as caught:
            db.append([batch(stream_no, 0)])
        assert isinstance(caught.value, StorageError | OSError)
        assert 0.15 < time.monotonic() - started < 5
        assert batch_numbers(db, stream_no) == []
        with ProvenanceDatabase(path, busy_timeout=0) as another:
            assert len(another.list_sessions()) == 1
        tell(holder)
        finish(holder)
        db.append([batch(stream_no, 0)])
        assert batch_numbers(db, stream_no) == [0]


def test_waiting_for_a_lock_that_is_let_go(path: Path) -> None:
    with ProvenanceDatabase(path, busy_timeout=20) as db:
        _, stream_no = open_stream(db)
        holder = start(HOLDS_THE_LOCK, path)
        assert heard(holder) == "held"
        timer = threading.Timer(0.3, tell, [holder])
        timer.start()
        db.append([batch(stream_no, 0)])
        timer.join()
        finish(holder)
        assert batch_numbers(db, stream_no) == [0]


def test_closing_while_others_write(path: Path) -> None:
    db = ProvenanceDatabase(path)
    _, stream_no = open_stream(db)
    acknowledged: list[int] = []
    lock = threading.Lock()
    numbers = iter(range(10**6))

    def work() -> str:
        while True:
            with lock:
                number = next(numbers)
            try:
                db.append([batch(stream_no, number)])
            except DatabaseClosedError:
                return "closed"
            acknowledged.append(number)

    with ThreadPoolExecutor(6) as pool:
        workers = [pool.submit(work) for _ in range(4)]
        while len(acknowledged) < 50:
            time.sleep(0.001)
        closers = [pool.submit(db.close) for _ in range(2)]
        assert [closer.result(timeout=30) for closer in closers] == [None, None]
        assert {worker.result(timeout=30) for worker in workers} == {"closed"}
    with ProvenanceDatabase(path) as again:
        assert batch_numbers(again, stream_no) == sorted(acknowledged)


def test_closing_while_another_process_holds_the_lock(path: Path) -> None:
    db = ProvenanceDatabase(path, busy_timeout=0.1)
    session_id, _ = open_stream(db)
    holder = start(HOLDS_THE_LOCK, path)
    assert heard(holder) == "held"
    db.close()
    assert db.closed
    tell(holder)
    finish(holder)
    with ProvenanceDatabase(path) as again:
        assert again.get_session(session_id).streams == 1


def test_nested_use_is_refused_and_harms_nothing(db: ProvenanceDatabase) -> None:
    _, stream_no = open_stream(db)
    with db._connection.transaction():
        db.catalog.beat(1)
        with pytest.raises(StorageError, match="signal handler"):
            db.append([batch(stream_no, 0)])
        db.ledger.append([batch(stream_no, 1)])
    assert batch_numbers(db, stream_no) == [1]


SIGNALS = """
import random, signal, sys, time
from storage_support import batch, batch_numbers, open_stream
from origin.storage.database import ProvenanceDatabase
with ProvenanceDatabase(sys.argv[1]) as db:
    _, stream_no = open_stream(db)
    interruptions = number = 0
    acknowledged = set()
    random.seed(int(sys.argv[2]))
    while interruptions < 300:
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00005, 0.003))
            while True:
                number += 1
                db.append([batch(stream_no, number, 1)])
                acknowledged.add(number)
        except KeyboardInterrupt:
            interruptions += 1
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    found = batch_numbers(db, stream_no)
    assert acknowledged <= set(found)
    assert len(found) - len(acknowledged) <= interruptions
    assert db.catalog.streams()[0].batches == len(found)
    db.append([batch(stream_no, 10**9)])
    print(len(found))
"""


def test_keyboard_interrupts_at_any_moment(path: Path) -> None:
    handler = "import signal\nsignal.signal(signal.SIGALRM, signal.default_int_handler)\n"
    assert int(run(handler + SIGNALS, path, 7)) > 300
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    other.execute("ROLLBACK")
    other.close()
    assert integrity(path) == "ok"
