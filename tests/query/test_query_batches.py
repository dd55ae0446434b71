"""Finding batches by license, and license presence."""

from hashlib import sha256

import pytest

from origin.core.record import Gap
from origin.query.engine import BatchRecord


def places(batches):
    return [(batch.stream_no, batch.batch_no) for batch in batches]


def test_a_batch_tells_all_of_itself(engine, write, session):
    stream = write.stream(session)
    write.batch(stream, 0, [1, 2, 1], epoch=3, seen_at=1_767_225_600_123)
    (batch,) = engine.find_batches_with_license("mit")
    assert batch == BatchRecord(
        session_id=session,
        stream_no=stream,
        batch_no=0,
        source_id="web",
        license_id="MIT",
        epoch=3,
        seen_at="2026-01-01T00:00:00.123+00:00",
        root=sha256(b"%d 0" % stream).hexdigest(),
        samples=3,
        fingerprints=b"".join(map(write.fingerprint, (1, 2, 1))),
    )
    assert batch.sample_ids == tuple(write.ids(1, 2, 1))


def test_batches_come_stream_by_stream(engine, write, session):
    one = write.fill(session, [1], [2], source="one")
    write.fill(session, [3], source="two", license_id="GPL-3.0")
    empty = write.stream(session, "three")
    last = write.fill(session, [1], [], [1], source="four")
    batches = engine.find_batches_with_license("MIT")
    assert empty not in {stream for stream, _ in places(batches)}
    assert places(batches) == [(one, 0), (one, 1), (last, 0), (last, 1), (last, 2)]
    assert places(batches[::-2]) == [(last, 2), (last, 0), (one, 0)]
    assert places([batches[-1], batches[1]]) == [(last, 2), (one, 1)]
    assert repr(batches) == "<BatchSequence of 5>"


def test_a_gap_leaves_the_numbers_of_later_batches_alone(engine, write, db, session):
    stream = write.fill(session, [1], [2])
    db.append([], [Gap(stream, 2, 4, "disk full")])
    write.batch(stream, 5, [3])
    batches = engine.find_batches_with_license("MIT")
    assert len(batches) == 3
    assert [batch.batch_no for batch in batches] == [0, 1, 5]
    assert batches[-1].sample_ids == tuple(write.ids(3))


def test_the_length_is_known_without_loading(engine, write, db, session, monkeypatch):
    write.fill(session, [1], [2])
    monkeypatch.delattr(type(db.ledger), "batches")
    monkeypatch.delattr(type(db.batch_table), "heads")
    assert len(engine.find_batches_with_license("MIT")) == 2


def test_batches_of_one_session_and_of_no_license(engine, write):
    first, second = write.session(), write.session()
    write.fill(first, [1], license_id=None)
    stream = write.fill(second, [1], license_id=None)
    assert places(engine.find_batches_with_license("unknown", second)) == [(stream, 0)]
    assert engine.find_batches_with_license("unknown")[0].license_id == "unknown"
    assert len(engine.find_batches_with_license("MIT")) == 0
    with pytest.raises(IndexError):
        engine.find_batches_with_license("MIT")[0]


def test_what_comes_later_is_left_out(engine, write, session):
    stream = write.fill(session, [1])
    batches = engine.find_batches_with_license("MIT")
    write.batch(stream, 1, [2])
    assert places(batches) == [(stream, 0)]


def test_a_license_is_present_once_something_was_seen_under_it(engine, write):
    first, second = write.session(), write.session()
    stream = write.stream(first)
    assert not engine.check_license_presence("MIT")
    write.batch(stream, 0, [])
    assert not engine.check_license_presence("MIT")
    write.batch(stream, 1, [1])
    assert engine.check_license_presence("mit")
    assert engine.check_license_presence("MIT", first)
    assert not engine.check_license_presence("MIT", second)
    assert not engine.check_license_presence("unknown")


def test_presence_reads_no_observations(engine, write, db, session, monkeypatch):
    write.fill(session, [1], license_id=None)
    monkeypatch.delattr(type(db.ledger), "batches")
    monkeypatch.delattr(type(db.batch_table), "heads")
    assert engine.check_license_presence("unknown", session)
