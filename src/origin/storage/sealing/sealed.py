"""Batches that are sealed, put together again from segments.

A segment is sorted by sample, so a batch lies scattered in it: the columns that say which
batch a row belongs to are read first, then only those groups of rows that hold what is
wanted. Many batches at once cost little more than one.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from origin.core.record import PackedBatch
from origin.errors import SegmentError
from origin.storage.connection import Connection, Row
from origin.storage.schema import number_of, stream_of
from origin.storage.sealing.columns import empty_table, number_column, numbers_of
from origin.storage.sealing.observations import schema
from origin.storage.sealing.segments import ids_of
from origin.storage.text import from_column, optional_from_column

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# How much is put together at a time.
_WINDOW_OBSERVATIONS = 1 << 18
_WINDOW_BATCHES = 1 << 13

_PLACE = ["stream_no", "batch_no"]


class SealedBatches:
    """Reads the sealed batches of one database."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self._db = connection
        self._folder = folder

    def next_of(self, first_id: int, last_id: int) -> list[PackedBatch]:
        """The first sealed batches whose ``batch_id`` lies in a range of one stream, in order."""
        heads = self._heads(first_id, last_id)
        return list(self._put_together(heads)) if heads else []

    def _heads(self, first_id: int, last_id: int) -> list[Row]:
        found = self._db.rows(
            "SELECT batch_id, epoch, seen_at, root, samples FROM sealed_batches"
            " WHERE batch_id BETWEEN ? AND ? ORDER BY batch_id LIMIT ?",
            (first_id, last_id, _WINDOW_BATCHES),
        )
        total = 0
        for number, head in enumerate(found):
            total += head[-1]
            if total > _WINDOW_OBSERVATIONS and number:
                return found[:number]
        return found

    def _put_together(self, heads: Sequence[Row]) -> Iterator[PackedBatch]:
        rows = self._rows(stream_of(heads[0][0]), number_of(heads[0][0]), number_of(heads[-1][0]))
        numbers = numbers_of(rows, "batch_no")
        for head in heads:
            begin, end = np.searchsorted(numbers, [number_of(head[0]), number_of(head[0]) + 1])
            if end - begin != head[-1]:
                raise SegmentError(
                    f"the segments of {self._db.path} hold {end - begin} of the {head[-1]} samples "
                    f"of batch {number_of(head[0])} of stream {stream_of(head[0])}; "
                    "db.check() tells more"
                )
            yield _batch(head, rows.slice(begin, end - begin))

    def _rows(self, stream_no: int, first: int, last: int) -> "pa.Table":
        """The observations of a range of batches, in the order of batch and position."""
        import pyarrow as pa

        parts = [
            part
            for name in self._names(stream_no, first, last)
            for part in matching(self._folder / name, stream_no, first, last)
        ]
        table = pa.concat_tables([empty_table(schema()), *parts])
        return table.sort_by([("batch_no", "ascending"), ("position", "ascending")])

    def _names(self, stream_no: int, first: int, last: int) -> list[str]:
        rows = self._db.rows(
            "SELECT name FROM segments JOIN segment_streams USING (segment_no)"
            " WHERE stream_no = ? AND first_batch <= ? AND last_batch >= ?",
            (stream_no, last, first),
        )
        return [str(name) for (name,) in rows]


def matching(path: Path, stream_no: int, first: int, last: int) -> "Iterator[pa.Table]":
    """The rows of a segment that belong to a range of one stream's batches.

    Raises:
        SegmentError: the file is missing or cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                chosen = _chosen(file, group, stream_no, first, last)
                if len(chosen):
                    yield file.read_row_group(group, use_threads=False).take(number_column(chosen))
    except FileNotFoundError:
        raise SegmentError(f"the segment {path} is missing; put it back") from None
    except (pa.ArrowException, OSError) as error:
        raise SegmentError(
            f"the segment {path} cannot be read: {error}; restore it from a backup, and see "
            "db.check()"
        ) from error


def _chosen(
    file: "pq.ParquetFile", group: int, stream_no: int, first: int, last: int
) -> npt.NDArray[Any]:
    place = file.read_row_group(group, columns=_PLACE, use_threads=False)
    streams, batches = (numbers_of(place, name) for name in _PLACE)
    return np.flatnonzero((streams == stream_no) & (batches >= first) & (batches <= last))


def _batch(head: Row, rows: "pa.Table") -> PackedBatch:
    batch_id, epoch, seen_at, root, _ = head
    keys = rows["key"].to_pylist()
    metadata = rows["metadata"].to_pylist()
    types = [from_column(word) for word in rows["content_type"].to_pylist()]
    return PackedBatch(
        stream_no=stream_of(batch_id),
        batch_no=number_of(batch_id),
        epoch=epoch,
        seen_at=seen_at,
        root=root,
        fingerprints=bytes.fromhex(ids_of(rows).tobytes().decode("ascii")),
        byte_sizes=_one_or_all(rows["byte_size"].to_pylist(), 0),
        content_types=_one_or_all(types, "json"),
        keys=list(map(optional_from_column, keys))
        if any(key is not None for key in keys)
        else None,
        metadata=list(map(_told, metadata)) if any(metadata) else None,
    )


def _told(text: str | None) -> dict[str, Any] | None:
    return None if text is None else json.loads(from_column(text))


def _one_or_all(values: list[Any], of_none: Any) -> Any:
    if not values:
        return of_none
    return values[0] if values.count(values[0]) == len(values) else values
