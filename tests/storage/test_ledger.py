import json
import threading
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage_support import batch, batch_numbers, open_stream

from origin.core.record import Gap, PackedBatch
from origin.errors import CorruptDatabaseError, InvalidRecordError, OriginError, RecordRefusedError
from origin.storage import ledger
from origin.storage.connection import Connection
from origin.storage.database import ProvenanceDatabase
from origin.storage.packing import COLUMNS


@pytest.mark.parametrize(
    "changes",
    [
        {"byte_sizes": 0},
        {"byte_sizes": 2**40},
        {"byte_sizes": [1, 2, 3, 2**32 - 1]},
        {"byte_sizes": [0, 2**32, 5, 2**62]},
        {"byte_sizes": [2**32] * 4},
        {"content_types": ["text", "bytes", "array", "json"]},
        {"keys": ["a", None, "", "d" * 1000]},
        {"keys": [None] * 4},
        {"metadata": [None, {}, {"row": 1, "deep": {"a": [1, None, True, 1.5]}}, {"x": "y"}]},
        {"count": 0},
        {"count": 0, "byte_sizes": [], "content_types": [], "keys": [], "metadata": []},
        {"count": 1, "byte_sizes": [7], "content_types": ["json"]},
        {"epoch": 2**31 - 1, "seen_at": -5},
        {"batch_no": 2**40 - 1},
    ],
)
def test_batches_round_trip(db: ProvenanceDatabase, changes: dict[str, Any]) -> None:
    _, stream_no = open_stream(db)
    written = batch(stream_no, **{"batch_no": 0, **changes})
    db.append([written])
    assert list(db.ledger.batches(stream_no)) == [written]


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 2**59) | st.integers(0, 2**33), max_size=9))
def test_any_sizes_round_trip(db: ProvenanceDatabase, sizes: list[int]) -> None:
    _, stream_no = open_stream(db)
    written = batch(stream_no, 0, len(sizes), byte_sizes=sizes)
    db.append([written])
    assert list(db.ledger.batches(stream_no)) == [written]


def test_ranges_and_pages_keep_to_their_stream(db: ProvenanceDatabase) -> None:
    streams = [open_stream(db)[1] for _ in range(3)]
    for stream_no in streams:
        db.append([batch(stream_no, number, 1) for number in range(600)])
    own = streams[1]
    assert batch_numbers(db, own) == list(range(600))
    for first, last in ((0, 0), (255, 256), (10, 520), (599, 2**50), (600, 700), (5, 4), (-9, 1)):
        found = [b.batch_no for b in db.ledger.batches(own, first, last)]
        assert found == [n for n in range(600) if first <= n <= last]
    assert {b.stream_no for b in db.ledger.batches(own, -(2**41), 2**41)} == {own}


def spoilt(stream_no: int) -> list[tuple[PackedBatch, type[OriginError]]]:
    return [
        (batch(stream_no, 0), RecordRefusedError),
        (batch(stream_no, 5), RecordRefusedError),
        (batch(999, 5), InvalidRecordError),
        (batch(stream_no, -1), InvalidRecordError),
        (batch(stream_no, 2**40), InvalidRecordError),
        (batch(stream_no, 9, root=b"short"), RecordRefusedError),
        (batch(stream_no, 9, fingerprints=bytes(33)), InvalidRecordError),
        (batch(stream_no, 9, byte_sizes=[1, 2]), InvalidRecordError),
        (batch(stream_no, 9, byte_sizes=[1, 2, 3, 4, 5, 6, 7, 8]), InvalidRecordError),
        (batch(stream_no, 9, byte_sizes=[1, 2, 3, -4]), InvalidRecordError),
        (batch(stream_no, 9, byte_sizes=[1, 2, 3, 2**64]), InvalidRecordError),
        (batch(stream_no, 9, byte_sizes=2**63), InvalidRecordError),
        (batch(stream_no, 9, byte_sizes=[2**63] * 4), InvalidRecordError),
        (batch(stream_no, 9, epoch=2**70), InvalidRecordError),
        (batch(stream_no, 9, keys=["a"]), InvalidRecordError),
        (batch(stream_no, 9, content_types=["text"]), InvalidRecordError),
        (batch(stream_no, 9, metadata=[{"a": {1}}, None, None, None]), InvalidRecordError),
    ]


@pytest.mark.parametrize("number", range(17))
def test_one_bad_batch_leaves_nothing_of_its_group(db: ProvenanceDatabase, number: int) -> None:
    session_id, stream_no = open_stream(db)
    db.append([batch(stream_no, 0)])
    before = db.catalog.streams()
    bad, error = spoilt(stream_no)[number]
    group = [batch(stream_no, 5), batch(stream_no, 6), bad, batch(stream_no, 7)]
    with pytest.raises(error):
        db.append(group, [Gap(stream_no, 8, 8, "lost")])
    assert batch_numbers(db, stream_no) == [0]
    assert db.catalog.streams() == before
    assert db.catalog.gaps(session_id) == []
    db.append([batch(stream_no, 5)])
    assert batch_numbers(db, stream_no) == [0, 5]


def test_a_gap_of_no_stream_leaves_nothing(db: ProvenanceDatabase) -> None:
    _, stream_no = open_stream(db)
    with pytest.raises(InvalidRecordError, match=r"no stream 77.*db\.open_stream"):
        db.append([batch(stream_no, 0)], [Gap(77, 0, 0, "x")])
    assert batch_numbers(db, stream_no) == []


def test_damaged_details_are_named(db: ProvenanceDatabase) -> None:
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, 3, keys=["a", "b", "c", "d"])])
    db._connection.rows("UPDATE batches SET details = x'00'")
    with pytest.raises(CorruptDatabaseError, match=f"batch 3 of stream {stream_no}"):
        list(db.ledger.batches(stream_no))


@pytest.mark.parametrize("told", [{}, ["text"], None])
def test_details_without_the_types(db: ProvenanceDatabase, told: object) -> None:
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, 3, content_types=["text", "json", "text", "text"])])
    damaged = None if told is None else zlib.compress(json.dumps(told).encode())
    db._connection.rows("UPDATE batches SET details = ?", (damaged,))
    with pytest.raises(CorruptDatabaseError, match=f"batch 3 of stream {stream_no}"):
        list(db.ledger.batches(stream_no))


def test_no_statement_reads_more_than_a_page(
    db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other threads get the connection while a whole stream is read."""
    monkeypatch.setattr(ledger, "_PAGE_BYTES", 10 * 128)
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, number) for number in range(100)])
    db.append([batch(stream_no, 100, count=40), batch(stream_no, 101, count=40)])
    spans = []
    read = type(db._connection).rows

    def watched(self: Connection, sql: str, bindings: Any = ()) -> Any:
        if f"SELECT {COLUMNS} FROM batches" in sql:
            first, last = bindings
            spans.append(last - first + 1)
        return read(self, sql, bindings)

    monkeypatch.setattr(type(db._connection), "rows", watched)
    assert batch_numbers(db, stream_no) == list(range(102))
    assert spans == [10] * 10 + [1, 1]


def test_a_paused_reader_holds_nobody_up(db: ProvenanceDatabase) -> None:
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, number) for number in range(300)])
    reading = db.ledger.batches(stream_no)
    assert next(reading).batch_no == 0
    writer = threading.Thread(target=db.append, args=([batch(stream_no, 300)],))
    writer.start()
    writer.join(timeout=30)
    assert not writer.is_alive()
    assert [b.batch_no for b in reading] == list(range(1, 301))
