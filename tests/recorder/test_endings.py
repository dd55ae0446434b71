"""Processes that end in every way: a record that may lack something never shows as complete."""

import multiprocessing
import os
import sys
from pathlib import Path

import pytest
from recorder_support import begin, check_stream, hook, rows, run

from origin.hooks.pytorch import DataLoaderHook
from origin.storage.database import ProvenanceDatabase

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

JOINS = """
import os, sys
from recorder_support import hook, rows
from origin.storage.database import ProvenanceDatabase
db = ProvenanceDatabase(sys.argv[1])
own = hook(db, sys.argv[2])
for batch in own.wrap(rows(n) for n in range(20)):
    pass
{ending}
"""


def record(own: DataLoaderHook) -> None:
    for _ in own.wrap(map(rows, range(20))):
        pass


def record_and_vanish(own: DataLoaderHook) -> None:
    record(own)
    os._exit(0)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("gradients", [False, True])
def test_a_forked_child_of_multiprocessing_writes_all(
    db: ProvenanceDatabase, gradients: bool
) -> None:
    session_id = begin(db)
    own = DataLoaderHook(db, session_id, "data", "MIT", record_gradients=gradients)
    process = multiprocessing.get_context("fork").Process(target=record, args=(own,))
    process.start()
    process.join()
    db.end_session(session_id)
    assert [check_stream(db, s.stream_no) for s in db.catalog.streams()] == [20]
    assert db.get_session(session_id).complete


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_child_that_vanishes_leaves_an_incomplete_session(db: ProvenanceDatabase) -> None:
    session_id = begin(db)
    own = hook(db, session_id)
    record(own)
    assert db.get_session(session_id).complete
    process = multiprocessing.get_context("fork").Process(target=record_and_vanish, args=(own,))
    process.start()
    process.join()
    found = db.get_session(session_id)
    assert (found.status, found.complete, found.abandoned) == ("running", False, 1)
    db.end_session(session_id)
    found = db.get_session(session_id)
    assert (found.status, found.gaps, found.complete) == ("completed", 0, False)
    assert db.list_sessions()[0] == found


@pytest.mark.parametrize(
    ("ending", "complete"),
    [("", True), ("db.close()", True), ("sys.exit(0)", True), ("os._exit(0)", False)],
)
def test_another_process_in_the_session(path: Path, ending: str, complete: bool) -> None:
    with ProvenanceDatabase(path) as db:
        session_id = begin(db)
        run(JOINS.format(ending=ending), path, session_id)
        db.end_session(session_id)
        assert db.get_session(session_id).complete is complete
    with ProvenanceDatabase(path, read_only=True) as db:
        assert db.get_session(session_id).complete is complete


def test_ending_a_session_that_another_handle_records(path: Path) -> None:
    """Its stream is whole once that handle is closed, though it was ended elsewhere."""
    with ProvenanceDatabase(path) as one, ProvenanceDatabase(path) as other:
        session_id = begin(one)
        record(hook(one, session_id))
        one.flush()
        other.end_session(session_id)
        one.close()
        other._connection.rows("UPDATE writers SET started = '1'")
        assert other.get_session(session_id).complete


def test_the_ordinary_end_costs_two_commits(db: ProvenanceDatabase) -> None:
    session_id = begin(db)
    record(hook(db, session_id))
    db.flush()
    row = db._connection.row("SELECT count(*) FROM streams WHERE closed")
    assert row == (0,)
    before = db._connection.row("SELECT total_changes()")
    db.end_session(session_id)
    after = db._connection.row("SELECT total_changes()")
    assert before is not None
    assert after is not None
    # The stream's row and the session's, each with its checksum, in one transaction; in another
    # that its licenses were looked at: a row, its checksum, and how many rows there are.
    assert after[0] - before[0] == 4 + 3
    db._close_writer()
    assert db._connection.row("SELECT total_changes()") == after
