"""Lists of sessions and sources, a page at a time."""

import sqlite3

import pytest
from writing import Writer

from origin.core.record import SourceRecord
from origin.errors import ConfigurationError, CorruptDatabaseError
from origin.storage.database import ProvenanceDatabase


@pytest.fixture
def write(db):
    return Writer(db)


@pytest.fixture
def runs(db, write):
    """Three sessions; the first saw most, the second failed, the third runs."""
    first = write.run([1, 2, 3], [4], config_hash="lr=1", source="books", metadata={"who": "Ann"})
    db.end_session(first.session_id)
    second = write.run([1, 2], config_hash="LR=2", source="100%_web", license_id=None)
    db.end_session(second.session_id, "failed")
    third = write.run(config_hash="x\ud800", source="books")
    stream = write.stream(third, "100%_web", None)
    db.append([write.batch(stream, 0, [9])])
    return first, second, third


def names(page):
    return [one.session.config_hash for one in page.entries]


def test_all(db, runs):
    page = db.overview.sessions()
    assert names(page) == ["x\ud800", "LR=2", "lr=1"]
    assert page.total == 3
    third, _, first = page.entries
    assert (first.batches, first.observations, first.bytes, first.sources) == (2, 4, 40, 1)
    assert (third.batches, third.observations, third.sources) == (1, 1, 2)
    assert [one.session for one in page.entries] == db.list_sessions()


def test_pages(db, runs):
    assert names(db.overview.sessions(limit=2)) == ["x\ud800", "LR=2"]
    page = db.overview.sessions(limit=2, offset=2)
    assert (names(page), page.total) == (["lr=1"], 3)
    assert db.overview.sessions(offset=9).entries == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("lr=", ["LR=2", "lr=1"]),
        ("ANN", ["lr=1"]),
        ("books", ["x\ud800", "lr=1"]),
        ("100%", ["x\ud800", "LR=2"]),
        ("%", ["x\ud800", "LR=2"]),
        ("_", ["x\ud800", "LR=2"]),
        ("0_w", []),
        ("\\", []),
        ("' OR 1=1 --", []),
    ],
)
def test_search(db, runs, text, found):
    page = db.overview.sessions(text)
    assert (names(page), page.total) == (found, len(found))


def test_by_the_beginning_of_an_id(db, runs):
    for one in runs:
        assert one.config_hash in names(db.overview.sessions(one.session_id[:8]))
    assert db.overview.sessions(runs[0].session_id[1:]).total == 0


def test_by_status_and_source(db, runs, path):
    assert names(db.overview.sessions(status="failed")) == ["LR=2"]
    assert names(db.overview.sessions(status="running")) == ["x\ud800"]
    assert names(db.overview.sessions(source="books", status="completed")) == ["lr=1"]
    assert db.overview.sessions(source="book").total == 0
    db.close()
    with ProvenanceDatabase(path, read_only=True) as later:
        assert names(later.overview.sessions(status="interrupted")) == ["x\ud800"]
        assert later.overview.sessions(status="running").total == 0


@pytest.mark.parametrize(
    ("order", "highest"),
    [
        ("created", "x\ud800"),
        ("configuration", "lr=1"),
        ("status", "x\ud800"),
        ("batches", "lr=1"),
        ("observations", "lr=1"),
        ("bytes", "lr=1"),
    ],
)
def test_order(db, runs, order, highest):
    down = names(db.overview.sessions(order=order))
    assert down[0] == highest
    assert names(db.overview.sessions(order=order, ascending=True)) == down[::-1]


def test_orders_that_are_not(db):
    with pytest.raises(ConfigurationError, match="sorted by created, configuration"):
        db.overview.sessions(order="session_no; DROP TABLE sessions")
    with pytest.raises(ConfigurationError, match="sorted by source"):
        db.overview.sources(order="x")


def test_those_that_may_conflict(db, write):
    fine = write.run([1], source="fine", license_id="MIT", config_hash="fine")
    db.end_session(fine.session_id)
    wrong = write.run([1], source="forum", license_id="CC-BY-NC-4.0", config_hash="wrong")
    db.end_session(wrong.session_id)
    assert names(db.overview.sessions(conflicting=True)) == ["wrong"]
    # What was told of a source since may change what is found.
    db.record_source(SourceRecord("fine", license_id="GPL-3.0-only"))
    assert names(db.overview.sessions(conflicting=True)) == ["wrong", "fine"]
    db.begin_session("runs")
    assert names(db.overview.sessions(conflicting=True)) == ["runs", "wrong", "fine"]


def test_sources(db, runs):
    db.record_source(SourceRecord("never seen", license_id="MIT", author="B. Author"))
    page = db.overview.sources()
    assert [(one.source.source_id, one.sessions, one.observations) for one in page.entries] == [
        ("books", 2, 4), ("100%_web", 2, 3), ("never seen", 0, 0),
    ]  # fmt: skip
    assert [one.source for one in db.overview.sources("b. auth").entries] == [
        db.get_source("never seen")
    ]
    by_name = db.overview.sources(order="source", ascending=True, limit=1, offset=1)
    assert ([one.source.source_id for one in by_name.entries], by_name.total) == (["books"], 3)


def test_it_notices_what_others_commit(db, runs, path):
    with ProvenanceDatabase(path, read_only=True) as reader:
        before = reader.overview.changes()
        assert reader.overview.changes() == before
        db.begin_session("new")
        assert reader.overview.changes() != before


def test_sessions_by_the_beginning_of_their_ids(db, runs):
    for one in runs:
        known = db.get_session(one.session_id)
        assert known in db.catalog.sessions_beginning(one.session_id[:6], 9)
        assert db.catalog.sessions_beginning(one.session_id, 9) == [known]
    assert len(db.catalog.sessions_beginning("", 2)) == 2
    assert db.catalog.sessions_beginning("%", 9) == []


def test_a_damaged_session_is_named(db, runs, path):
    handle = sqlite3.connect(path)
    handle.execute("DROP TRIGGER sessions_updated")
    handle.execute("UPDATE sessions SET metadata = '{' WHERE session_no = 2")
    handle.commit()
    handle.close()
    for ask in (db.list_sessions, db.overview.sessions, lambda: db.get_session(runs[1].session_id)):
        with pytest.raises(CorruptDatabaseError, match=f"session {runs[1].session_id} is damaged"):
            ask()
    assert db.get_session(runs[0].session_id).status == "completed"


def test_all_that_was_seen(db, runs):
    assert db.overview.seen() == (4, 7, 70)
