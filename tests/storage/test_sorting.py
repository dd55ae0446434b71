"""Sealed batches read in their order by one pass: the same as one window after the other."""

import tempfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage_support import batch

from origin.errors import SegmentError, StorageError
from origin.storage.database import ProvenanceDatabase
from origin.storage.sealing import sealed, sorting


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Piles of a few observations, two at a time, in a folder that is looked at."""
    for module in (sealed, sorting):
        monkeypatch.setattr(module, "WINDOW_OBSERVATIONS", 20)
    monkeypatch.setattr(sealed, "_WINDOW_BATCHES", 7)
    monkeypatch.setattr(sorting, "_MOST_PILES", 2)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert not list(folder.iterdir())


def open_streams(db, count):
    session_id = db.begin_session("v1").session_id
    db.declare_source(session_id, "data", None)
    return [db.open_stream(session_id, "data", rank, count).stream_no for rank in range(count)]


def check(db, stream_nos):
    wanted = {number: list(db.ledger.batches(number)) for number in sorted(stream_nos)}
    with pytest.MonkeyPatch.context() as patch, db.ledger.in_order(stream_nos) as read:
        # What was sealed before is all found on the piles.
        patch.delattr(sealed.SealedBatches, "next_of")
        for number in wanted:
            assert list(read(number)) == wanted[number]


def write(db, stream_no, *sizes, first=0, **changes):
    db.append(batch(stream_no, first + at, size, **changes) for at, size in enumerate(sizes))


def test_streams_in_turn(db):
    """Sealed in parts, with keys and metadata, and a part that is not sealed."""
    numbers = open_streams(db, 4)
    for first in (0, 20):
        for number in numbers[:3]:
            write(db, number, *range(12), first=first)
            write(db, number, 3, first=first + 12, keys=["a", None, "ü"], metadata=[{"a": 1}] * 3)
            write(db, number, 2, first=first + 13, content_types=["text", "b"], byte_sizes=[1, 2])
        db.seal()
    write(db, numbers[1], 4, 4, first=40)
    check(db, numbers)
    check(db, numbers[2:])
    check(db, [numbers[0]])
    check(db, [])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.lists(st.integers(0, 30), max_size=9), st.booleans()),
        max_size=8,
    )
)
def test_any_record(tmp_path_factory, steps):
    """However batches came and were sealed."""
    with ProvenanceDatabase(tmp_path_factory.mktemp("sorting") / "provenance.db") as db:
        numbers = open_streams(db, 4)
        following = dict.fromkeys(numbers, 0)
        for at, sizes, is_sealed in steps:
            write(db, numbers[at], *sizes, first=following[numbers[at]])
            following[numbers[at]] += len(sizes)
            if is_sealed:
                db.seal()
        check(db, numbers)


def test_what_is_sealed_and_merged_meanwhile(db):
    numbers = open_streams(db, 2)
    for number in numbers:
        write(db, number, *[9] * 10)
    db.seal()
    for number in numbers:
        write(db, number, *[9] * 10, first=10)
    wanted = {number: list(db.ledger.batches(number)) for number in numbers}
    with db.ledger.in_order(numbers) as read:
        batches = read(numbers[0])
        found = [next(batches) for _ in range(12)]
        db.seal()
        found += list(batches)
        assert found == wanted[numbers[0]]
        for at in range(20, 26):  # small segments, until they are merged
            for number in numbers:
                write(db, number, 9, first=at)
            db.seal()
        assert list(read(numbers[1]))[:20] == wanted[numbers[1]]


def test_a_segment_that_is_gone(db):
    (number,) = open_streams(db, 1)
    write(db, number, *[9] * 20)
    db.seal()
    with db.ledger.in_order([number]) as read:
        for path in db.ledger.folder.glob("*.parquet"):
            path.unlink()
        with pytest.raises(SegmentError, match="is missing; put it back"):
            list(read(number))


def test_a_disk_that_refuses(db, monkeypatch, tmp_path):
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    (number,) = open_streams(db, 1)
    write(db, number, *[9] * 20)
    db.seal()
    monkeypatch.setattr(sorting.SortedBatches, "_file", lambda self, number: full)
    with (
        db.ledger.in_order([number]) as read,
        pytest.raises(StorageError, match="name another folder in TMPDIR"),
    ):
        list(read(number))


def test_who_stops_halfway_leaves_nothing(db):
    (number,) = open_streams(db, 1)
    write(db, number, *[9] * 20)
    db.seal()

    def stop():
        with db.ledger.in_order([number]) as read:
            next(read(number))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
