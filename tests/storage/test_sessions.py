import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from processes import start
from storage_support import batch, batch_numbers, finish, open_stream

from origin.core.record import Gap, LicenseRecord, SourceRecord
from origin.errors import (
    DatabaseClosedError,
    InvalidRecordError,
    InvalidStatusError,
    OriginError,
    ReadOnlyDatabaseError,
    SessionAlreadyEndedError,
    SessionEndedError,
    SessionNotFoundError,
    StorageError,
)
from origin.storage.database import ProvenanceDatabase

BEGIN = """
import sys
from storage_support import open_stream
from origin.storage.database import ProvenanceDatabase
db = ProvenanceDatabase(sys.argv[1])
print(*open_stream(db), flush=True)
"""


def fail() -> None:
    raise ZeroDivisionError


def test_begin_get_list_end(db: ProvenanceDatabase) -> None:
    first = db.begin_session("one", {"seed": 1, "nested": {"a": [None, 1.5, "x"]}})
    second = db.begin_session(config_hash="two")
    assert db.get_session(first.session_id) == first
    assert first.status == "running"
    assert first.metadata == {"seed": 1, "nested": {"a": [None, 1.5, "x"]}}
    assert first.ended_at is None
    assert [found.config_hash for found in db.list_sessions()] == ["two", "one"]
    db.end_session(first.session_id)
    db.end_session(second.session_id, status="failed")
    ended = db.get_session(first.session_id)
    assert ended.status == "completed"
    assert ended.ended_at is not None
    assert ended.ended_at >= ended.created_at


def test_list_by_status_and_limit(db: ProvenanceDatabase) -> None:
    for number in range(6):
        session = db.begin_session(str(number))
        if number % 2:
            db.end_session(session.session_id, "failed" if number == 1 else "completed")
    shown = {
        status: [s.config_hash for s in db.list_sessions(status=status)]
        for status in ("running", "completed", "failed", "interrupted", "no such status")
    }
    assert shown == {
        "running": ["4", "2", "0"],
        "completed": ["5", "3"],
        "failed": ["1"],
        "interrupted": [],
        "no such status": [],
    }
    assert [s.config_hash for s in db.list_sessions(limit=1, status="completed")] == ["5"]
    assert len(db.list_sessions(limit=2)) == 2
    assert db.list_sessions(limit=0) == db.list_sessions(limit=-1) == []


def test_counts_of_streams_and_gaps(db: ProvenanceDatabase) -> None:
    session_id, stream_no = open_stream(db)
    db.append([batch(stream_no, 0)])
    assert db.get_session(session_id).complete
    gap = Gap(stream_no, 1, 3, "no room", "2026-01-01T00:00:00+00:00")
    db.append([batch(stream_no, 4)], [gap])
    found = db.get_session(session_id)
    assert (found.streams, found.gaps, found.complete) == (1, 1, False)
    assert db.catalog.gaps(session_id) == [gap]


@pytest.mark.parametrize("status", ["running", "interrupted", "", "COMPLETED", None, ["completed"]])
def test_unknown_status(db: ProvenanceDatabase, status: Any) -> None:
    session = db.begin_session("x")
    with pytest.raises(InvalidStatusError, match="'completed' or 'failed'") as caught:
        db.end_session(session.session_id, status)
    assert isinstance(caught.value, ValueError)
    assert db.get_session(session.session_id).status == "running"


def test_ending_twice(db: ProvenanceDatabase) -> None:
    session = db.begin_session("x")
    db.end_session(session.session_id)
    with pytest.raises(SessionAlreadyEndedError, match="already ended as 'completed'") as caught:
        db.end_session(session.session_id, "failed")
    assert isinstance(caught.value, SessionEndedError | ValueError)
    assert db.get_session(session.session_id).status == "completed"


def test_unknown_session(db: ProvenanceDatabase) -> None:
    for call in (
        lambda: db.get_session("nope"),
        lambda: db.end_session("nope"),
        lambda: db.declare_source("nope", "data", None),
        lambda: db.open_stream("nope", "data"),
    ):
        with pytest.raises(SessionNotFoundError, match=r"'nope'.*db\.") as caught:
            call()
        assert isinstance(caught.value, LookupError)
    assert db.list_sources() == []


def test_recording_into_an_ended_session(db: ProvenanceDatabase) -> None:
    session_id, stream_no = open_stream(db)
    db.append([batch(stream_no, 0)])
    db.end_session(session_id)
    for call in (
        lambda: db.append([batch(stream_no, 1)]),
        lambda: db.declare_source(session_id, "other", None),
        lambda: db.open_stream(session_id, "data"),
    ):
        with pytest.raises(SessionEndedError, match=r"begin another with db\.begin_session"):
            call()
    assert batch_numbers(db, stream_no) == [0]


def test_every_write_through_read_only_is_refused(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        session_id, stream_no = open_stream(db)
    with ProvenanceDatabase(path, read_only=True) as db:
        for call in (
            lambda: db.begin_session("x"),
            lambda: db.end_session(session_id),
            lambda: db.record_source(SourceRecord("s")),
            lambda: db.record_license(LicenseRecord("L", "L")),
            lambda: db.declare_source(session_id, "s", None),
            lambda: db.open_stream(session_id, "data"),
            lambda: db.append([batch(stream_no, 0)]),
            lambda: db.beat(),
        ):
            with pytest.raises(ReadOnlyDatabaseError, match="open it without") as caught:
                call()
            assert isinstance(caught.value, PermissionError)
        assert len(db.list_sessions()) == 1


@pytest.mark.parametrize(
    ("config_hash", "metadata", "told"),
    [
        ("x", {"a": {1, 2}}, "JSON types"),
        ("x", {"a": b"bytes"}, "JSON types"),
        ("x", {("tuple",): 1}, "JSON types"),
        ("x", ["no mapping"], "mapping"),
        (None, None, "config_hash must be a str"),
        (b"x", None, "config_hash must be a str"),
    ],
)
def test_malformed_sessions(
    db: ProvenanceDatabase, config_hash: Any, metadata: Any, told: str
) -> None:
    with pytest.raises(InvalidRecordError, match=told) as caught:
        db.begin_session(config_hash, metadata)
    assert isinstance(caught.value, ValueError)
    assert db.list_sessions() == []


def test_ids_that_are_no_text(db: ProvenanceDatabase) -> None:
    wrong: Any = 7
    with pytest.raises(InvalidRecordError, match="must be a str, not a int"):
        db.get_session(wrong)


def test_context_manager_closes(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        db.begin_session("x")
    assert db.closed
    db.close()
    for call in (db.list_sessions, lambda: db.begin_session("x"), db.beat):
        with pytest.raises(DatabaseClosedError, match="open it again") as caught:
            call()
        assert isinstance(caught.value, ValueError)


def test_an_exception_of_the_block_outlives_a_failing_close(path: Path) -> None:
    class Failing:
        def flush(self) -> None: ...
        def session_ending(self, session_id: str) -> None: ...
        def closing(self) -> None:
            raise StorageError("no room")

    listener = Failing()
    db = ProvenanceDatabase(path)
    db.add_listener(listener)
    with pytest.raises(ZeroDivisionError), db:
        fail()
    assert db.closed
    with pytest.raises(StorageError, match="no room"), ProvenanceDatabase(path) as db:
        db.add_listener(listener)
    assert db.closed


def test_session_block_completes(db: ProvenanceDatabase) -> None:
    with db.session("x", {"a": 1}) as session:
        assert db.get_session(session.session_id).status == "running"
    assert db.get_session(session.session_id).status == "completed"


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_session_block_fails_and_the_exception_passes(
    db: ProvenanceDatabase, kind: type[BaseException]
) -> None:
    thrown = kind("mine")

    def throw() -> None:
        with db.session("x"):
            raise thrown

    with pytest.raises(kind) as caught:
        throw()
    assert caught.value is thrown
    assert db.list_sessions()[0].status == "failed"


def test_session_block_that_ends_its_session_itself(db: ProvenanceDatabase) -> None:
    with db.session("x") as session:
        db.end_session(session.session_id, "failed")
    assert db.get_session(session.session_id).status == "failed"

    def end_and_fail() -> None:
        with db.session("x") as session:
            db.end_session(session.session_id, "completed")
            fail()

    with pytest.raises(ZeroDivisionError):
        end_and_fail()
    assert db.list_sessions()[0].status == "completed"


def test_session_block_whose_database_is_closed(path: Path) -> None:
    db = ProvenanceDatabase(path)

    def close_and_fail() -> None:
        with db.session("x"):
            db.close()
            fail()

    with pytest.raises(ZeroDivisionError):
        close_and_fail()
    with ProvenanceDatabase(path) as again:
        assert again.list_sessions()[0].status == "interrupted"


def test_session_ending_in_two_handles_at_once(path: Path) -> None:
    with ProvenanceDatabase(path) as one, ProvenanceDatabase(path) as other:
        session_id = one.begin_session("x").session_id

        class EndsFirst:
            def flush(self) -> None: ...
            def closing(self) -> None: ...
            def session_ending(self, session_id: str) -> None:
                other.end_session(session_id, "failed")

        listener = EndsFirst()
        one.add_listener(listener)
        with pytest.raises(SessionAlreadyEndedError):
            one.end_session(session_id)
        assert one.get_session(session_id).status == "failed"


def test_a_listener_that_fails_keeps_the_session_open(db: ProvenanceDatabase) -> None:
    class Failing:
        def flush(self) -> None:
            raise StorageError("held back")

        def closing(self) -> None: ...
        def session_ending(self, session_id: str) -> None:
            raise StorageError("cannot write")

    listener = Failing()
    session = db.begin_session("x")
    db.add_listener(listener)
    with pytest.raises(StorageError, match="cannot write"):
        db.end_session(session.session_id)
    with pytest.raises(StorageError, match="held back"):
        db.flush()
    assert db.get_session(session.session_id).status == "running"
    del listener
    db.end_session(session.session_id)
    assert db.get_session(session.session_id).status == "completed"


def test_killed_process_shows_as_interrupted_and_can_be_ended(path: Path) -> None:
    child = start(BEGIN + "sys.stdin.read()", path)
    assert child.stdout is not None
    session_id = child.stdout.readline().split()[0]
    with ProvenanceDatabase(path) as db:
        assert db.get_session(session_id).status == "running"
        assert [s.session_id for s in db.list_sessions(status="running")] == [session_id]
        child.send_signal(signal.SIGKILL)
        child.communicate()
        assert child.returncode == -signal.SIGKILL
        assert db.get_session(session_id).status == "interrupted"
        assert not db.get_session(session_id).complete
        assert db.list_sessions(status="running") == []
        assert [s.session_id for s in db.list_sessions(status="interrupted")] == [session_id]
        db.end_session(session_id, "failed")
        assert db.get_session(session_id).status == "failed"


def test_zombie_shows_as_interrupted(path: Path) -> None:
    child = start(BEGIN + "import os; os._exit(0)", path)
    assert child.stdout is not None
    session_id = child.stdout.readline().split()[0]
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    with ProvenanceDatabase(path) as db:
        assert db.get_session(session_id).status == "interrupted"
    finish(child)


def test_closing_the_handle_without_ending_is_an_interruption(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        session_id, _ = open_stream(db)
    with ProvenanceDatabase(path, read_only=True) as db:
        assert db.get_session(session_id).status == "interrupted"


def test_any_living_stream_keeps_a_session_running(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        session_id, _ = open_stream(db)
        with ProvenanceDatabase(path) as rank_1:
            rank_1.open_stream(session_id, "data", rank=1, world_size=2)
            db.close()
            assert rank_1.get_session(session_id).status == "running"
    with ProvenanceDatabase(path, read_only=True) as db:
        assert db.get_session(session_id).status == "interrupted"


def test_another_host_lives_while_it_gives_signs(db: ProvenanceDatabase) -> None:
    session_id, _ = open_stream(db)
    move = "UPDATE writers SET host = 'elsewhere', alive_at = alive_at - ?"
    db._connection.rows(move, (600,))
    assert db.get_session(session_id).status == "running"
    db._connection.rows(move, (600,))
    assert db.get_session(session_id).status == "interrupted"
    db.beat()
    assert db.get_session(session_id).status == "running"


def test_a_recycled_process_id_is_not_the_writer(db: ProvenanceDatabase) -> None:
    session_id, _ = open_stream(db)
    db._connection.rows("UPDATE writers SET started = '1'")
    assert db.get_session(session_id).status == "interrupted"


def test_a_writer_that_was_rolled_back_is_not_used_again(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        db.begin_session("fill")
    with ProvenanceDatabase(path) as db:
        pages = db._connection.row("PRAGMA page_count")
        assert pages is not None
        db._connection.rows(f"PRAGMA max_page_count = {pages[0]}")
        with pytest.raises(StorageError, match="full"):
            db.begin_session("x", {"large": "y" * 100_000})
        db._connection.rows("PRAGMA max_page_count = 1000000")
        session_id, _ = open_stream(db)
        with ProvenanceDatabase(path) as other:
            other.begin_session("other")
        assert db.get_session(session_id).status == "running"
    with ProvenanceDatabase(path) as db:
        assert db.get_session(session_id).status == "interrupted"


def test_every_error_is_in_the_tree(db: ProvenanceDatabase) -> None:
    with pytest.raises(OriginError):
        db.get_license("nope")
    with pytest.raises(LookupError, match=r"db\.list_sources"):
        db.get_source("nope")
    with pytest.raises(LookupError, match=r"db\.record_license"):
        db.get_license("nope")


@pytest.mark.parametrize(("code", "status"), [(None, "completed"), (0, "completed"), (1, "failed")])
def test_a_block_left_by_sys_exit(db: ProvenanceDatabase, code: int | None, status: str) -> None:
    with pytest.raises(SystemExit), db.session(config_hash="v1") as session:
        sys.exit(code)
    assert db.get_session(session.session_id).status == status


def test_a_record_is_asked_for_by_name(db: ProvenanceDatabase) -> None:
    with pytest.raises(InvalidRecordError, match="SourceRecord"):
        db.record_source({"source_id": "a"})  # type: ignore[arg-type]
    with pytest.raises(InvalidRecordError, match="LicenseRecord"):
        db.record_license("MIT")  # type: ignore[arg-type]
    with pytest.raises(InvalidRecordError, match="session_id"):
        db.end_session(db.begin_session("v1"))  # type: ignore[arg-type]
