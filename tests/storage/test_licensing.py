"""What is kept of findings about licenses, of settlements and of policies."""

import re
from pathlib import Path
from typing import Any

import apsw
import pytest
from storage_support import batch, open_stream, run

from origin.core.record import Gap, KeptConflict, LicenseRecord, Settlement, SourceRecord
from origin.errors import (
    CorruptDatabaseError,
    InvalidRecordError,
    ReadOnlyDatabaseError,
    SessionNotFoundError,
)
from origin.storage.database import ProvenanceDatabase

HOSTILE = ["lone \ud800", "pair \ud83d\ude00", "\x00utf8:61", "a\0b", "'; DROP TABLE x; --", "日本"]

Row = tuple[str, str, str, str, dict[str, Any]]
ONE: Row = ("one", "conflict", "high", "train", {"sources": ["a", "b"]})
TWO: Row = ("two", "duty", "low", "share", {"n": 1})


@pytest.fixture
def session(db: ProvenanceDatabase) -> str:
    return db.begin_session("x").session_id


def kept(db: ProvenanceDatabase, session_id: str | None = None) -> list[tuple[str, bool]]:
    """The ids of the findings, and whether each is gone."""
    return [(one.finding_id, one.gone_at is not None) for one in db.licensing.conflicts(session_id)]


# -- findings ------------------------------------------------------------------------


def test_findings_round_trip(db: ProvenanceDatabase, session: str) -> None:
    assert db.licensing.conflicts(session) == db.licensing.conflicts() == []
    assert db.licensing.kept_for(session) is None
    assert db.licensing.keep(session, "state", [ONE, TWO])
    found = db.licensing.conflicts(session)
    at = found[0].found_at
    assert found == [KeptConflict(session, *row, found_at=at) for row in (ONE, TWO)]
    assert db.licensing.kept_for(session) == "state"
    assert db.check().ok


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_in_a_finding(db: ProvenanceDatabase, session: str, text: str) -> None:
    row = (text, text, text, text, {text: [text, {"deep": text}]})
    assert db.licensing.keep(session, text, [row])
    (found,) = db.licensing.conflicts(session)
    assert (found.finding_id, found.kind, found.severity, found.use_name, found.finding) == row
    assert db.licensing.kept_for(session) == text


def test_findings_come_and_go(db: ProvenanceDatabase, session: str) -> None:
    db.licensing.keep(session, "1", [ONE])
    (first,) = db.licensing.conflicts(session)
    db.licensing.keep(session, "2", [TWO])
    assert kept(db) == [("one", True), ("two", False)]
    gone_at = db.licensing.conflicts(session)[0].gone_at
    assert gone_at is not None
    assert gone_at > first.found_at
    # That it is still gone does not make it gone anew.
    db.licensing.keep(session, "3", [])
    assert kept(db) == [("one", True), ("two", True)]
    assert db.licensing.conflicts(session)[0].gone_at == gone_at
    changed = ("one", "other kind", "low", "other use", {"now": None})
    db.licensing.keep(session, "4", [changed])
    assert db.licensing.conflicts(session)[0] == KeptConflict(
        session, *changed, found_at=first.found_at
    )
    assert kept(db) == [("one", False), ("two", True)]
    assert db.licensing.kept_for(session) == "4"
    assert db.check().ok


def test_findings_of_several_sessions(db: ProvenanceDatabase, session: str) -> None:
    other = db.begin_session("y").session_id
    db.licensing.keep(other, "x", [TWO])
    db.licensing.keep(session, "y", [ONE, TWO])
    assert [one.session_id for one in db.licensing.conflicts()] == [other, session, session]
    assert kept(db, session) == [("one", False), ("two", False)]
    db.licensing.keep(other, "x", [])
    assert kept(db, session) == [("one", False), ("two", False)]
    assert kept(db, "no such session") == []
    assert db.licensing.kept_for("no such session") is None
    with pytest.raises(SessionNotFoundError, match="no session 'nope'"):
        db.licensing.keep("nope", "x", [ONE])


def test_where_nothing_changed_nothing_is_written(db: ProvenanceDatabase, session: str) -> None:
    db.licensing.keep(session, "state", [ONE, TWO])
    handle = apsw.Connection(str(db.path))
    (before,) = handle.execute("PRAGMA data_version").fetchall()
    assert db.licensing.keep(session, "state", [TWO, ONE])
    assert handle.execute("PRAGMA data_version").fetchall() == [before]
    assert db.licensing.keep(session, "state 2", [TWO, ONE])
    assert handle.execute("PRAGMA data_version").fetchall() != [before]
    handle.close()


def test_nobody_is_waited_for_where_nothing_changed(path: Path) -> None:
    with ProvenanceDatabase(path, busy_timeout=0) as db:
        session = db.begin_session("x").session_id
        db.licensing.keep(session, "state", [ONE])
        other = apsw.Connection(str(path))
        other.execute("BEGIN IMMEDIATE")
        assert db.licensing.keep(session, "state", [ONE])
        assert not db.licensing.keep(session, "state", [TWO])
        other.close()
        assert kept(db) == [("one", False)]


def test_nothing_is_kept_through_a_read_only_database(db: ProvenanceDatabase, session: str) -> None:
    db.licensing.keep(session, "state", [ONE])
    with ProvenanceDatabase(db.path, read_only=True) as reader:
        assert not reader.licensing.keep(session, "other", [ONE])
        assert not reader.licensing.keep(session, "state", [TWO])
        assert reader.licensing.keep(session, "state", [ONE])
        assert reader.licensing.kept_for(session) == "state"
        assert kept(reader) == [("one", False)]


FULL_DISK = """
import resource, signal, sys
from origin.errors import StorageError
from origin.storage.database import ProvenanceDatabase
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
db = ProvenanceDatabase(sys.argv[1])
session = db.begin_session("x").session_id
assert db.licensing.keep(session, "small", [("a", "k", "s", "u", {})])
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, unlimited))
large = [("b", "k", "s", "u", {"text": "x" * 1_000_000})]
assert not db.licensing.keep(session, "large", large)
resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
assert db.licensing.kept_for(session) == "small"
assert [(one.finding_id, one.gone_at) for one in db.licensing.conflicts()] == [("a", None)]
assert db.licensing.keep(session, "large", large)
assert db.licensing.kept_for(session) == "large"
"""


def test_a_disk_that_refuses(path: Path) -> None:
    run(FULL_DISK, path)


def damage(path: Path, statement: str) -> None:
    """Change a file behind the back of its triggers."""
    handle = apsw.Connection(str(path))
    handle.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    handle.execute(statement)
    assert handle.changes() == 1
    handle.close()


def test_a_damaged_finding_is_found_anew(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        session = db.begin_session("x").session_id
        db.licensing.keep(session, "state", [ONE])
    damage(path, "UPDATE license_conflicts SET finding = '{'")
    with ProvenanceDatabase(path) as db:
        with pytest.raises(CorruptDatabaseError, match=re.escape("'one' of session " + session)):
            db.licensing.conflicts()
        assert db.licensing.kept_for(session) is None
        assert not db.check().ok
        # What is found again is what stood there.
        assert db.licensing.keep(session, "state", [ONE])
        assert db.licensing.conflicts()[0].finding == ONE[-1]
        assert db.licensing.kept_for(session) == "state"
        assert db.check().ok


def test_what_cannot_be_found_anew_stays_damaged(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        session = db.begin_session("x").session_id
        db.licensing.keep(session, "state", [ONE])
    damage(path, "UPDATE license_conflicts SET found_at = '2001' || substr(found_at, 5)")
    with ProvenanceDatabase(path) as db:
        for rows in ([ONE], [], [("one", "b", "c", "d", {})]):
            assert db.licensing.keep(session, "state", rows)
            assert db.licensing.kept_for(session) is None
            assert "table license_conflicts, session_no 1, finding_id 'one'" in str(db.check())


def test_kept_findings_whose_state_is_damaged_hold_for_nothing(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        session = db.begin_session("x").session_id
        db.licensing.keep(session, "state", [ONE])
    damage(path, "UPDATE kept_numbers SET holds_for = 'other'")
    with ProvenanceDatabase(path) as db:
        assert db.licensing.kept_for(session) is None
        assert db.licensing.keep(session, "state", [ONE])
        assert db.licensing.kept_for(session) == "state"
        assert db.check().ok


# -- settlements ---------------------------------------------------------------------

FIRST, SECOND = "0" * 15 + "1", "0" * 15 + "2"


@pytest.mark.parametrize("given", ["", "f1", "0" * 17, "G" * 16, None, 3, b"0" * 16])
def test_what_is_no_finding_is_not_settled(
    db: ProvenanceDatabase, session: str, given: Any
) -> None:
    for settle in (db.settle_finding, db.reopen_finding):
        with pytest.raises(InvalidRecordError, match="is no finding"):
            settle(session, given, person="A", reason="b")
    assert db.licensing.settlements(session) == {}


def test_a_finding_is_settled_and_opened_again(db: ProvenanceDatabase, session: str) -> None:
    assert db.licensing.settlements(session) == {}
    db.settle_finding(session, FIRST, person="A", reason="asked", date="2026-01-05")
    db.settle_finding(session, SECOND, person="B", reason="letter", date="2026-01-05T01:02:03Z")
    found = db.licensing.settlements(session)
    assert list(found) == [FIRST, SECOND]
    one = found[FIRST]
    assert one == Settlement(FIRST, "A", "asked", "2026-01-05", one.recorded_at)
    assert found[SECOND].settled_on == "2026-01-05T01:02:03Z"
    db.reopen_finding(session, FIRST, person="C", reason="withdrawn")
    assert list(db.licensing.settlements(session)) == [SECOND]
    db.settle_finding(session, FIRST, person="D", reason="asked again")
    again = db.licensing.settlements(session)[FIRST]
    assert (again.person, again.settled_on) == ("D", again.recorded_at[:10])
    # Every word stays.
    said = db._connection.rows("SELECT person, is_open FROM license_settlements ORDER BY 1")
    assert said == [("A", 0), ("B", 0), ("C", 1), ("D", 0)]
    assert db.licensing.settlements(db.begin_session("y").session_id) == {}
    assert db.check().ok


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_in_a_settlement(db: ProvenanceDatabase, session: str, text: str) -> None:
    db.licensing.settle(session, text, text, text, "2026-01-05")
    (found,) = db.licensing.settlements(session).values()
    assert (found.finding_id, found.person, found.reason) == (text, text, text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("finding_id", ""),
        ("person", ""),
        ("person", None),
        ("reason", ""),
        ("reason", 3),
        ("settled_on", ""),
        ("settled_on", "yesterday"),
        ("settled_on", 20260105),
    ],
)
@pytest.mark.parametrize("is_open", [False, True])
def test_what_is_no_settlement(
    db: ProvenanceDatabase, session: str, field: str, value: Any, is_open: bool
) -> None:
    told = {"finding_id": "f", "person": "A", "reason": "b", "settled_on": "2026-01-05"}
    with pytest.raises(InvalidRecordError, match=field):
        db.licensing.settle(session, **{**told, field: value}, is_open=is_open)
    assert db.licensing.settlements(session) == {}


def test_settling_where_there_is_no_session_or_no_writing(
    db: ProvenanceDatabase, session: str
) -> None:
    for settle in (db.settle_finding, db.reopen_finding):
        with pytest.raises(SessionNotFoundError, match=r"'nope'.*db\.list_sessions\(\)"):
            settle("nope", FIRST, person="A", reason="b")
    with ProvenanceDatabase(db.path, read_only=True) as reader:
        for settle in (reader.settle_finding, reader.reopen_finding):
            with pytest.raises(ReadOnlyDatabaseError):
                settle(session, FIRST, person="A", reason="b")


def test_a_date_that_only_another_python_can_read(db: ProvenanceDatabase, session: str) -> None:
    db.settle_finding(session, FIRST, person="A", reason="b")
    told = Settlement.stored(FIRST, "A", "b", "W03", "W03", False)
    # It is written as it was said, and its checksum taken by the trigger.
    db._connection.rows(
        "INSERT INTO license_settlements (session_no, finding_id, person, reason, settled_on,"
        " is_open, recorded_at) VALUES (1, ?, 'A', 'b', 'W03', 0, 'W03')",
        (FIRST,),
    )
    assert db.licensing.settlements(session)[FIRST] == told


def test_a_settlement_that_is_altered_is_no_settlement(
    db: ProvenanceDatabase, session: str
) -> None:
    db.settle_finding(session, FIRST, person="A", reason="b")
    db._connection.rows("UPDATE license_settlements SET person = 'B'")
    with pytest.raises(CorruptDatabaseError, match="license_settlements"):
        db.licensing.settlements(session)


@pytest.mark.parametrize("reserved", ["unknown", "NONE", "NoAssertion"])
def test_no_license_is_called_unknown_or_none(db: ProvenanceDatabase, reserved: str) -> None:
    with pytest.raises(InvalidRecordError, match="none can have that id"):
        db.record_license(LicenseRecord(reserved, "Ours", permissions=["use"]))
    assert db.list_licenses() == []


@pytest.mark.parametrize("blank", [" ", "\n\t"])
def test_a_blank_word_settles_nothing(db: ProvenanceDatabase, session: str, blank: str) -> None:
    for told in ({"person": blank, "reason": "b"}, {"person": "A", "reason": blank}):
        with pytest.raises(InvalidRecordError, match="must say something"):
            db.settle_finding(session, FIRST, **told)


def test_a_kept_finding_that_was_taken_out_is_missed(db: ProvenanceDatabase, session: str) -> None:
    db.licensing.keep(session, "state", [ONE])
    assert db.licensing.kept_for(session) == "state"
    db._connection.rows("DELETE FROM license_conflicts")
    assert db.licensing.kept_for(session) is None


# -- policies ------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", *HOSTILE])
def test_a_policy_is_kept(db: ProvenanceDatabase, session: str, text: str) -> None:
    assert db.licensing.policy(session) is None
    for policy in ("before", text):
        with db._connection.transaction():
            db.licensing.put_policy(1, policy)
    assert db.licensing.policy(session) == text
    assert db.licensing.policy(db.begin_session("y").session_id) is None
    assert db.licensing.policy("nope") is None
    assert db.check().ok


# -- evidence ------------------------------------------------------------------------


def test_first_batches_sealed_or_not(db: ProvenanceDatabase) -> None:
    session, first = open_stream(db)
    others = [db.open_stream(session, "data").stream_no for _ in range(3)]
    db.append([batch(first, 3), batch(first, 4)], [Gap(first, 0, 2, "disk full")])
    db.append([batch(others[0], 7)])
    assert db.licensing.first_batches(session) == {first: 3, others[0]: 7}
    db.seal()
    db.append([batch(first, 5), batch(others[1], 0), batch(others[0], 2)])
    expected = {first: 3, others[0]: 2, others[1]: 0}
    assert db.licensing.first_batches(session) == expected
    db.seal()
    assert db.licensing.first_batches(session) == expected
    assert db.licensing.first_batches("nope") == {}
    assert db.licensing.first_batches(open_stream(db)[0]) == {}


def test_first_batches_are_looked_up_by_key(db: ProvenanceDatabase) -> None:
    """Of a large record only the first batch of each stream is read."""
    session, stream_no = open_stream(db)
    db.append([batch(stream_no, number) for number in range(500)])
    db.seal()
    db.append([batch(stream_no, number) for number in range(500, 1000)])
    steps: list[int] = []
    handle = db._connection._handle
    assert handle is not None
    handle.trace_v2(
        apsw.SQLITE_TRACE_PROFILE,
        lambda seen: steps.append(seen["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]),
    )
    assert db.licensing.first_batches(session) == {stream_no: 0}
    handle.trace_v2(0)
    assert len(steps) == 1
    assert steps[0] < 200


# -- sources -------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", *HOSTILE])
def test_whom_to_name_is_kept(db: ProvenanceDatabase, text: str) -> None:
    source = SourceRecord("s", title=text, author=text, url=text, changes=text)
    db.record_source(source)
    assert db.get_source("s") == source
    assert db.list_sources() == [source]


def test_a_license_that_a_hook_adds_leaves_the_rest(db: ProvenanceDatabase, session: str) -> None:
    source = SourceRecord("s", "file", "/p", None, "2026-01-05", "T", "A", "U", "C")
    db.record_source(source)
    declared = db.declare_source(session, "s", "MIT")
    assert declared == db.get_source("s") == source.under("MIT")
    assert (declared.title, declared.author, declared.url, declared.changes) == tuple("TAUC")
    rows = "SELECT license_id, title, author, url, changes FROM source_history ORDER BY entry_no"
    assert db._connection.rows(rows) == [(None, *"TAUC"), ("MIT", *"TAUC")]


def test_registering_anew_says_anew_whom_to_name(db: ProvenanceDatabase) -> None:
    db.record_source(SourceRecord("s", title="T", author="A", changes="C"))
    db.record_source(SourceRecord("s", title="T 2"))
    found = db.get_source("s")
    assert (found.title, found.author, found.url, found.changes) == ("T 2", None, None, None)
    assert len(db.source_history("s")) == 2


@pytest.mark.parametrize("field", ["title", "author", "url", "changes"])
def test_whom_to_name_must_be_a_text(field: str) -> None:
    with pytest.raises(InvalidRecordError, match=f"{field} must be a str or None, not a int"):
        SourceRecord("s", **{field: 3})  # type: ignore[arg-type]
