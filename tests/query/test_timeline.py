"""How a session went on: what is told of it adds up to what is on record."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from origin.core.record import PackedBatch
from origin.errors import ConfigurationError, SessionNotFoundError
from origin.query.engine import QueryEngine

START = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def write(db, session, source, *batches, rank=0):
    """A stream of batches, each an epoch, a time in ms since the start, and a count of samples."""
    db.declare_source(session.session_id, source, "MIT")
    stream = db.open_stream(session.session_id, source, rank, 8).stream_no
    db.append(
        PackedBatch(
            stream,
            number,
            epoch,
            START + time,
            sha256(b"%d" % number).digest(),
            b"".join(sha256(b"%d" % one).digest() for one in range(samples)),
            10,
            "text",
        )
        for number, (epoch, time, samples) in enumerate(batches)
    )


@pytest.fixture
def session(db):
    session = db.begin_session("v1")
    write(db, session, "web", (0, 0, 4), (0, 1_000, 4), (1, 2_000, 3), (1, 3_999, 2))
    write(db, session, "web", (0, 10, 5), rank=1)
    write(db, session, "books", (0, 1_500, 1))
    return session


@pytest.mark.parametrize("sealed", [False, True])
def test_by_epochs_and_in_time(db, session, sealed):
    if sealed:
        db.seal()
    told = QueryEngine(db).get_timeline(session, stretches=4)
    assert told.began_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert told.stretch == timedelta(seconds=1)
    assert told.ended_at - told.began_at == timedelta(seconds=4)
    assert told.sources == {"web": (9, 4, 3, 2), "books": (0, 1, 0, 0)}
    assert list(told.sources) == ["web", "books"]
    assert told.observations == (9, 5, 3, 2)
    assert [(one.source_id, one.epoch, one.batches, one.observations) for one in told.epochs] == [
        ("web", 0, 3, 13),
        ("web", 1, 2, 5),
        ("books", 0, 1, 1),
    ]


@pytest.mark.parametrize("stretches", [1, 3, 48, 10_000])
def test_nothing_is_lost(db, session, stretches):
    told = QueryEngine(db).get_timeline(session.session_id, stretches=stretches)
    assert len(told.observations) == min(stretches, 4_000)
    assert sum(told.observations) == sum(one.observations for one in told.epochs) == 19


def test_one_moment_and_none(db):
    session = db.begin_session("v1")
    told = QueryEngine(db).get_timeline(session)
    assert (told.began_at, told.ended_at, told.sources, told.epochs) == (None, None, {}, ())
    assert told.observations == ()
    write(db, session, "web", (0, 7, 2))
    assert QueryEngine(db).get_timeline(session).observations == (2,)


def test_a_clock_that_was_set_back(db):
    session = db.begin_session("v1")
    write(db, session, "web", (0, 5_000, 2), (0, 0, 3), (0, 9_999, 1))
    assert QueryEngine(db).get_timeline(session, stretches=2).observations == (3, 3)


@pytest.mark.parametrize("stretches", [0, -1, 10_001, 1.5, "4", None, True])
def test_what_is_no_number(db, session, stretches):
    with pytest.raises(ConfigurationError, match="stretches must be"):
        QueryEngine(db).get_timeline(session, stretches=stretches)


def test_a_session_that_is_not_there(db):
    with pytest.raises(SessionNotFoundError):
        QueryEngine(db).get_timeline("none")
