"""What is known of batches without their samples, for sealed and unsealed ones alike.

Questions read it in bulk, as columns: a record of 100 million observations has some million
batches, too many for an object each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from origin.core.record import Annotation, PackedBatch
from origin.storage.connection import Connection, Row
from origin.storage.packing import COLUMNS, FINGERPRINT_BYTES, from_row
from origin.storage.schema import (
    BATCH_NO_BITS,
    LAST_BATCH_NO,
    batch_key,
    number_of,
    stream_of,
    stream_range,
)
from origin.storage.sealing.columns import empty_table, number_column
from origin.storage.text import from_column

if TYPE_CHECKING:
    # Who opens a database does not need it, and it takes longer to load than all else.
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

# How much is read in one go while other threads wait for the connection.
_PAGE_HEADS = 1 << 16
_PAGE_BATCHES = 256
# The names of annotations are looked for in so many of a stream: each batch has mostly the same.
_NAMED_FIRST = 1_000

# In any order of the two parts: a batch is in one of them.
_HEADS = f"""
    SELECT batch_id, epoch, seen_at, samples FROM sealed_batches
        WHERE batch_id BETWEEN :first AND :last
    UNION ALL
    SELECT batch_id, epoch, seen_at, length(fingerprints) / {FINGERPRINT_BYTES} FROM batches
        WHERE batch_id BETWEEN :first AND :last
    ORDER BY batch_id LIMIT :count"""

_ROOTS = f"""
    SELECT batch_id, samples, root FROM sealed_batches WHERE batch_id BETWEEN :first AND :last
    UNION ALL
    SELECT batch_id, length(fingerprints) / {FINGERPRINT_BYTES}, root FROM batches
        WHERE batch_id BETWEEN :first AND :last
    ORDER BY batch_id LIMIT :count"""


@dataclass(frozen=True, slots=True)
class Heads:
    """Batches of one stream in order, as columns."""

    numbers: npt.NDArray[np.int64]
    seen_at: npt.NDArray[np.int64]
    samples: npt.NDArray[np.int64]


class BatchTable:
    """The batches of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    # -- unsealed ----------------------------------------------------------------------

    def unsealed(self, stream_no: int, after: int, count: int) -> Iterator[PackedBatch]:
        """Batches of a stream that no segment has, in order.

        Args:
            stream_no: which stream.
            after: only those with a higher number; -1 for all.
            count: at most so many.
        """
        first, last = batch_key(stream_no, 0) + after + 1, batch_key(stream_no, LAST_BATCH_NO)
        while count > 0:
            page = self._db.rows(
                f"SELECT {COLUMNS} FROM batches WHERE batch_id BETWEEN ? AND ?"
                " ORDER BY batch_id LIMIT ?",
                (first, last, min(count, _PAGE_BATCHES)),
            )
            yield from map(from_row, page)
            if len(page) < min(count, _PAGE_BATCHES):
                return
            first, count = page[-1][0] + 1, count - len(page)

    # -- sealed ------------------------------------------------------------------------

    def sealed_count(self, stream_no: int) -> int:
        """How many batches of a stream are in segments."""
        row = self._db.row(
            "SELECT count(*) FROM sealed_batches WHERE batch_id BETWEEN ? AND ?",
            stream_range(stream_no),
        )
        return int(row[0]) if row else 0

    def sealed_table(self) -> pa.Table:
        """All sealed batches, with the columns of ``head_schema()``."""
        import pyarrow as pa

        parts, after = [], -1
        while rows := self._db.rows(
            "SELECT batch_id, epoch, seen_at, root, samples, bytes_seen FROM sealed_batches"
            " WHERE batch_id > ? ORDER BY batch_id LIMIT ?",
            (after, _PAGE_HEADS),
        ):
            parts.append(_head_batch(rows))
            after = rows[-1][0]
        return pa.Table.from_batches(parts, head_schema())

    def is_sealed(self, stream_no: int, batch_no: int) -> bool:
        """Whether a batch is in a segment."""
        key = batch_key(stream_no, batch_no)
        return self._db.row("SELECT 1 FROM sealed_batches WHERE batch_id = ?", (key,)) is not None

    # -- both --------------------------------------------------------------------------

    def heads(self, stream_no: int, count: int) -> Heads:
        """A stream's first ``count`` batches."""
        import numpy as np

        parts: list[npt.NDArray[np.int64]] = []
        first, last = stream_range(stream_no)
        while count > 0:
            asked = min(count, _PAGE_HEADS)
            rows = self._db.rows(_HEADS, {"first": first, "last": last, "count": asked})
            if rows:
                columns = [(number_of(row[0]), row[2], row[3]) for row in rows]
                parts.append(np.array(columns, np.int64))
            if len(rows) < asked:
                break
            first, count = rows[-1][0] + 1, count - len(rows)
        table = np.concatenate(parts) if parts else np.empty((0, 3), np.int64)
        return Heads(*(np.ascontiguousarray(column) for column in table.T))

    def some(self, stream_no: int, first: int, count: int) -> list[tuple[int, int, int, int]]:
        """Number, epoch, time in milliseconds since 1970 and count of samples of batches, from a
        number on."""
        begin, last = stream_range(stream_no)
        begin += min(first, LAST_BATCH_NO)
        rows = self._db.rows(_HEADS, {"first": begin, "last": last, "count": count})
        return [(number_of(row[0]), row[1], row[2], row[3]) for row in rows]

    def roots(self, stream_no: int, count: int) -> Iterator[tuple[int, int, bytes]]:
        """Number, count of samples and Merkle root of a stream's first ``count`` batches."""
        first, last = stream_range(stream_no)
        while count > 0:
            asked = min(count, _PAGE_HEADS)
            rows = self._db.rows(_ROOTS, {"first": first, "last": last, "count": asked})
            yield from ((number_of(key), samples, root) for key, samples, root in rows)
            if len(rows) < asked:
                return
            first, count = rows[-1][0] + 1, count - len(rows)

    def times(self, places: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
        """When some batches were seen, by stream and number."""
        keys = json.dumps([batch_key(*place) for place in places])
        rows = self._db.rows(
            "SELECT batch_id, seen_at FROM sealed_batches"
            " WHERE batch_id IN (SELECT value FROM json_each(?1))"
            " UNION ALL SELECT batch_id, seen_at FROM batches"
            " WHERE batch_id IN (SELECT value FROM json_each(?1))",
            (keys,),
        )
        return {(stream_of(key), number_of(key)): seen_at for key, seen_at in rows}

    def epochs(self, stream_no: int, count: int) -> int:
        """How many epochs a stream began in its first ``count`` batches."""
        row = self._db.row(
            f"SELECT count(DISTINCT epoch) FROM ({_HEADS})", _first_of(stream_no, count)
        )
        return int(row[0]) if row else 0

    def span(self, stream_no: int, count: int) -> tuple[int, int] | None:
        """When the first and the last of a stream's first ``count`` batches were seen.

        In milliseconds since 1970; None if it has no batch.
        """
        row = self._db.row(
            f"SELECT min(seen_at), max(seen_at) FROM ({_HEADS})", _first_of(stream_no, count)
        )
        return None if row is None or row[0] is None else (row[0], row[1])

    def counts(
        self, stream_no: int, count: int, began: int, stretch: float
    ) -> list[tuple[int, int, int, int]]:
        """How a stream's first ``count`` batches are spread over epochs and time.

        Args:
            stream_no: which stream.
            count: how many of its batches.
            began: when the first stretch of time begins, in milliseconds since 1970.
            stretch: how long each is, in milliseconds.

        Returns:
            Epoch, number of the stretch, and how many batches and samples there are in both.
        """
        rows = self._db.rows(
            "SELECT epoch, CAST((seen_at - :began) / :stretch AS INTEGER), count(*), sum(samples)"
            f" FROM ({_HEADS}) GROUP BY 1, 2 ORDER BY 1, 2",
            _first_of(stream_no, count) | {"began": began, "stretch": stretch},
        )
        return [(epoch, slot, batches, samples) for epoch, slot, batches, samples in rows]

    def annotations(self, stream_nos: Sequence[int]) -> Iterator[Annotation]:
        """What users attached to the batches of some streams."""
        for stream_no in stream_nos:
            rows = self._db.rows(
                "SELECT batch_id, name, value FROM annotations WHERE batch_id BETWEEN ? AND ?",
                stream_range(stream_no),
            )
            for key, name, value in rows:
                told = float("nan") if value is None else value
                yield Annotation(stream_no, number_of(key), from_column(name), told)

    def annotations_of(self, stream_no: int, first: int, last: int) -> dict[int, dict[str, float]]:
        """What users attached to a range of batches of a stream, by number and name."""
        found: dict[int, dict[str, float]] = {}
        for key, name, value in self._db.rows(
            "SELECT batch_id, name, value FROM annotations WHERE batch_id BETWEEN ? AND ?",
            (batch_key(stream_no, first), batch_key(stream_no, last)),
        ):
            told = float("nan") if value is None else value
            found.setdefault(number_of(key), {})[from_column(name)] = told
        return found

    def annotation_names(self, stream_nos: Sequence[int]) -> list[str]:
        """The names of numbers that the first annotated batches of some streams have."""
        names: dict[str, None] = {}
        for stream_no in stream_nos:
            rows = self._db.rows(
                "SELECT name FROM annotations WHERE batch_id BETWEEN ? AND ? LIMIT ?",
                (*stream_range(stream_no), _NAMED_FIRST),
            )
            names |= {from_column(name): None for (name,) in rows}
        return sorted(names)


def _first_of(stream_no: int, count: int) -> dict[str, float]:
    first, last = stream_range(stream_no)
    return {"first": first, "last": last, "count": count}


def head_schema() -> pa.Schema:
    """The columns in which batches are given without their samples."""
    import pyarrow as pa

    return pa.schema(
        [
            ("stream_no", pa.int32()),
            ("batch_no", pa.int64()),
            ("epoch", pa.int32()),
            ("seen_at", pa.timestamp("ms")),
            ("root", pa.binary()),
            ("samples", pa.int32()),
            ("bytes", pa.int64()),
        ]
    )


def _head_batch(rows: Sequence[Row]) -> pa.RecordBatch:
    import numpy as np

    ids, epochs, times, roots, samples, sizes = zip(*rows, strict=True)
    keys = np.array(ids, np.int64)
    return _record_batch(
        keys >> BATCH_NO_BITS, keys & LAST_BATCH_NO, epochs, times, roots, samples, sizes
    )


def head_table(batches: Sequence[PackedBatch]) -> pa.Table:
    """Batches without their samples, with the columns of ``head_schema()``.

    >>> batch = PackedBatch(1, 0, 0, 0, bytes(32), b"a" * 64, 5, "bytes")
    >>> head_table([batch])["bytes"].to_pylist()
    [10]
    """
    import pyarrow as pa

    if not batches:
        return empty_table(head_schema())
    rows = [
        (one.stream_no, one.batch_no, one.epoch, one.seen_at, one.root, one.count, one.total_bytes)
        for one in batches
    ]
    return pa.Table.from_batches([_record_batch(*zip(*rows, strict=True))])


def _record_batch(*columns: Any) -> pa.RecordBatch:
    import numpy as np
    import pyarrow as pa

    arrays = [
        number_column(np.asarray(column, np.int64)).cast(field.type)
        if field.name != "root"
        else pa.array(column, field.type)
        for column, field in zip(columns, head_schema(), strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=head_schema())
