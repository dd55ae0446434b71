"""Batches that are sealed, put together again from segments.

A segment is sorted by sample, so a batch lies scattered in it: the columns that say which
batch a row belongs to are read first, then only those groups of rows that hold what is
wanted. Many batches at once cost little more than one.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from origin.core.record import PackedBatch
from origin.errors import SegmentError
from origin.storage.connection import Connection, Row
from origin.storage.packing import FINGERPRINT_BYTES
from origin.storage.schema import BATCH_NO_BITS, LAST_BATCH_NO, number_of, stream_of
from origin.storage.sealing.columns import empty_table, number_column, numbers_of
from origin.storage.sealing.observations import schema
from origin.storage.sealing.segments import ids_of
from origin.storage.text import from_column, optional_from_column

if TYPE_CHECKING:
    import pyarrow as pa

Ids = npt.NDArray[np.int64]
Chosen = npt.NDArray[np.bool_]

# How much is put together at a time.
WINDOW_OBSERVATIONS = 1 << 18
_WINDOW_BATCHES = 1 << 13

_PLACE = ["stream_no", "batch_no"]


class SealedBatches:
    """Reads the sealed batches of one database."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self._db = connection
        self._folder = folder

    def next_of(self, first_id: int, last_id: int) -> list[PackedBatch]:
        """The first sealed batches whose ``batch_id`` lies in a range of one stream, in order."""
        heads = self.heads(first_id, last_id)
        if not heads:
            return []
        return Rows(self._rows(heads[0][0], heads[-1][0]), self._db.path).batches(heads)

    def heads(self, first_id: int, last_id: int) -> list[Row]:
        """The first sealed batches of a range, as many as are put together at a time."""
        found = self._db.rows(
            "SELECT batch_id, epoch, seen_at, root, samples FROM sealed_batches"
            " WHERE batch_id BETWEEN ? AND ? ORDER BY batch_id LIMIT ?",
            (first_id, last_id, _WINDOW_BATCHES),
        )
        total = 0
        for number, head in enumerate(found):
            total += head[-1]
            if total > WINDOW_OBSERVATIONS and number:
                return found[:number]
        return found

    def _rows(self, first_id: int, last_id: int) -> "pa.Table":
        """The observations of a range of one stream's batches."""
        import pyarrow as pa

        parts = [
            rows
            for name in self.names([stream_of(first_id)], number_of(first_id), number_of(last_id))
            for rows, _ in chosen(
                self._folder / name, lambda ids: (ids >= first_id) & (ids <= last_id)
            )
        ]
        return pa.concat_tables([empty_table(schema()), *parts])

    def names(
        self, stream_nos: Sequence[int], first: int = 0, last: int = LAST_BATCH_NO
    ) -> list[str]:
        """The segments that hold some of a range of batches of some streams."""
        rows = self._db.rows(
            "SELECT DISTINCT name FROM segments JOIN segment_streams USING (segment_no)"
            " WHERE stream_no IN (SELECT value FROM json_each(?))"
            " AND first_batch <= ? AND last_batch >= ?",
            (json.dumps(stream_nos), last, first),
        )
        return [str(name) for (name,) in rows]


def chosen(path: Path, choose: Callable[[Ids], Chosen]) -> "Iterator[tuple[pa.Table, Ids]]":
    """Rows of a segment, a group of rows at a time, with the ``batch_id`` of each.

    Args:
        path: of the segment.
        choose: tells which rows are wanted from the ``batch_id`` of each.

    Raises:
        SegmentError: the file is missing or cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                ids = ids_of_batches(file.read_row_group(group, columns=_PLACE, use_threads=False))
                rows = np.flatnonzero(choose(ids))
                if len(rows):
                    table = file.read_row_group(group, use_threads=False)
                    yield table.take(number_column(rows)), ids[rows]
    except FileNotFoundError:
        raise SegmentError(f"the segment {path} is missing; put it back") from None
    except (pa.ArrowException, OSError) as error:
        raise SegmentError(
            f"the segment {path} cannot be read: {error}; restore it from a backup, and see "
            "db.check()"
        ) from error


def ids_of_batches(table: "pa.Table") -> Ids:
    """For each observation the ``batch_id`` of its batch."""
    streams, numbers = (numbers_of(table, name) for name in _PLACE)
    ids: Ids = (streams.astype(np.int64) << BATCH_NO_BITS) | numbers
    return ids


class Rows:
    """Observations from which batches are put together.

    Args:
        table: with the columns of the ledger, in any order.
        path: of the database, for errors.
    """

    def __init__(self, table: "pa.Table", path: Path) -> None:
        self._path = path
        ids = ids_of_batches(table)
        order = np.lexsort((numbers_of(table, "position"), ids))
        self._ids = ids[order]
        table = table.take(number_column(order)).combine_chunks()
        self._packed = bytes.fromhex(ids_of(table).tobytes().decode("ascii"))
        self._sizes = numbers_of(table, "byte_size")
        types = table["content_type"].unique().to_pylist()
        # Nearly always there is but one.
        self._type = from_column(types[0]) if len(types) == 1 and types[0] else None
        self._types = None if self._type else _texts(table, "content_type")
        self._keys = _texts(table, "key")
        self._metadata = _texts(table, "metadata")

    def batches(self, heads: Sequence[Row]) -> list[PackedBatch]:
        """The batches with these heads.

        Raises:
            SegmentError: some of their observations are missing.
        """
        wanted = np.array([head[0] for head in heads], np.int64)
        begins, ends = (np.searchsorted(self._ids, wanted, side) for side in ("left", "right"))
        found = []
        for head, begin, end in zip(heads, begins.tolist(), ends.tolist(), strict=True):
            if end - begin != head[-1]:
                raise SegmentError(
                    f"the segments of {self._path} hold {end - begin} of the {head[-1]} samples "
                    f"of batch {number_of(head[0])} of stream {stream_of(head[0])}; "
                    "db.check() tells more"
                )
            found.append(self._batch(head, begin, end))
        return found

    def _batch(self, head: Row, begin: int, end: int) -> PackedBatch:
        batch_id, epoch, seen_at, root, _ = head
        types = [] if self._types is None else self._types[begin:end]
        keys = [] if self._keys is None else self._keys[begin:end]
        metadata = [] if self._metadata is None else self._metadata[begin:end]
        return PackedBatch(
            stream_no=stream_of(batch_id),
            batch_no=number_of(batch_id),
            epoch=epoch,
            seen_at=seen_at,
            root=root,
            fingerprints=self._packed[begin * FINGERPRINT_BYTES : end * FINGERPRINT_BYTES],
            byte_sizes=_one_or_all(self._sizes[begin:end].tolist(), 0),
            content_types=self._type if self._type and begin < end else _types_of(types),
            keys=list(map(optional_from_column, keys))
            if any(key is not None for key in keys)
            else None,
            metadata=list(map(_told, metadata)) if any(metadata) else None,
        )


def _texts(rows: "pa.Table", name: str) -> list[Any] | None:
    """A column of texts; None if there is none in it."""
    column = rows[name]
    return None if column.null_count == len(column) else list(column.to_pylist())


def _types_of(types: list[str]) -> Any:
    return _one_or_all([from_column(one) for one in types], "json")


def _told(text: str | None) -> dict[str, Any] | None:
    return None if text is None else json.loads(from_column(text))


def _one_or_all(values: list[Any], of_none: Any) -> Any:
    if not values:
        return of_none
    return values[0] if values.count(values[0]) == len(values) else values
