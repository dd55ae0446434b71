"""The ledger: every observation, batch by batch.

Fingerprints are packed, 32 bytes each, in the row of their batch. Who asks gets
packed batches and never learns how they lie on the disk.
"""

import json
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from sys import byteorder
from typing import Any

from origin.core.record import PackedBatch
from origin.errors import CorruptDatabaseError, InvalidRecordError
from origin.storage.connection import Connection, Row
from origin.storage.schema import BATCH_NO_BITS
from origin.storage.text import from_column, to_column

FINGERPRINT_BYTES = 32

# How much is read in one go while other threads wait for the connection.
_PAGE_ROWS = 256
_PAGE_BYTES = 2 << 20

_LAST_BATCH_NO = (1 << BATCH_NO_BITS) - 1

_COLUMNS = "batch_id, epoch, seen_at, root, fingerprints, byte_sizes, content_type, details"


class Ledger:
    """All observations of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def append(self, batches: Sequence[PackedBatch]) -> None:
        """Write batches; call it inside a transaction."""
        self._db.many(
            f"INSERT INTO batches ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [_to_row(batch) for batch in batches],
        )

    def batches(
        self, stream_no: int, first: int = 0, last: int | None = None
    ) -> Iterator[PackedBatch]:
        """The batches of one stream in order, from ``first`` to ``last`` inclusive."""
        yield from map(_from_row, self._pages(_COLUMNS, stream_no, first, last))

    def containing(
        self, fingerprint: bytes, stream_nos: Iterable[int]
    ) -> Iterator[tuple[PackedBatch, list[int]]]:
        """The batches that hold a sample, with its positions in each, oldest stream first."""
        for stream_no in stream_nos:
            for row in self._pages(_COLUMNS, stream_no, holding=fingerprint):
                # SQLite searches the packed bytes; what it finds across a boundary is no match.
                batch = _from_row(row)
                if positions := _positions(batch.fingerprints, fingerprint):
                    yield batch, positions

    def fingerprints(self, stream_no: int) -> Iterator[bytes]:
        """The packed fingerprints of each batch of a stream, in order."""
        for (packed,) in self._pages("fingerprints", stream_no):
            yield packed

    def heads(self, stream_no: int, count: int) -> Iterator[tuple[int, int, int, bytes]]:
        """Number, epoch, time and packed fingerprints of a stream's batches, in order.

        Args:
            stream_no: which stream.
            count: so many batches at most, so that a count read before bounds what is read now.
        """
        rows = self._pages("batch_id, epoch, seen_at, fingerprints", stream_no, count=count)
        for batch_id, epoch, seen_at, packed in rows:
            yield _batch_no(batch_id), epoch, seen_at, packed

    def _pages(
        self,
        columns: str,
        stream_no: int,
        first: int = 0,
        last: int | None = None,
        *,
        count: int | None = None,
        holding: bytes | None = None,
    ) -> Iterator[Row]:
        """Rows of a stream in order; other threads get the connection in between."""
        last = _LAST_BATCH_NO if last is None else min(last, _LAST_BATCH_NO)
        following, end = _batch_id(stream_no, max(first, 0)), _batch_id(stream_no, 0) + last
        left = _LAST_BATCH_NO if count is None else count
        while page := self._next_page(following, end, min(left, _PAGE_ROWS)):
            rows, last_id = page
            condition = "" if holding is None else " AND instr(fingerprints, ?3) > 0"
            yield from self._db.rows(
                f"SELECT {columns} FROM batches WHERE batch_id BETWEEN ?1 AND ?2{condition}"
                " ORDER BY batch_id",
                (following, last_id) if holding is None else (following, last_id, holding),
            )
            following, left = last_id + 1, left - rows

    def _next_page(self, following: int, end: int, rows: int) -> tuple[int, int] | None:
        """How many rows may be read in one go, and the last of them; None at the end."""
        # The length of a blob stands in the row's header: nothing of the blob itself is read.
        found = self._db.rows(
            "SELECT batch_id, length(fingerprints) + coalesce(length(details), 0) FROM batches"
            " WHERE batch_id BETWEEN ? AND ? ORDER BY batch_id LIMIT ?",
            (following, end, rows),
        )
        size = 0
        for number, (batch_id, row_bytes) in enumerate(found, start=1):
            size += row_bytes
            if size >= _PAGE_BYTES:
                return number, batch_id
        return (len(found), found[-1][0]) if found else None

    def numbers(self, stream_no: int, count: int) -> list[int]:
        """The numbers of a stream's first ``count`` batches; a gap leaves a hole in them."""
        rows = self._db.rows(
            "SELECT batch_id FROM batches WHERE batch_id BETWEEN ? AND ? ORDER BY batch_id LIMIT ?",
            (_batch_id(stream_no, 0), _batch_id(stream_no + 1, 0) - 1, count),
        )
        return [_batch_no(batch_id) for (batch_id,) in rows]

    def epochs(self, stream_no: int) -> int:
        """How many epochs a stream has begun."""
        row = self._db.row(
            "SELECT count(DISTINCT epoch) FROM batches WHERE batch_id BETWEEN ? AND ?",
            (_batch_id(stream_no, 0), _batch_id(stream_no + 1, 0) - 1),
        )
        return int(row[0]) if row else 0


def _batch_id(stream_no: int, batch_no: int) -> int:
    return (stream_no << BATCH_NO_BITS) | batch_no


def _batch_no(batch_id: int) -> int:
    return batch_id & ((1 << BATCH_NO_BITS) - 1)


def _positions(packed: bytes, fingerprint: bytes) -> list[int]:
    found, at = [], packed.find(fingerprint)
    while at >= 0:
        if at % FINGERPRINT_BYTES == 0:
            found.append(at // FINGERPRINT_BYTES)
        at = packed.find(fingerprint, at + 1)
    return found


def _require_sound(batch: PackedBatch) -> None:
    if not 0 <= batch.batch_no <= _LAST_BATCH_NO:
        raise InvalidRecordError(
            f"batch number {batch.batch_no} of stream {batch.stream_no} is out of range: "
            f"batches are numbered from 0 to {_LAST_BATCH_NO}"
        )
    if len(batch.fingerprints) % FINGERPRINT_BYTES:
        raise InvalidRecordError(
            f"the fingerprints of batch {batch.batch_no} of stream {batch.stream_no} take "
            f"{len(batch.fingerprints)} bytes, no multiple of {FINGERPRINT_BYTES}"
        )
    for name in ("byte_sizes", "content_types", "keys", "metadata"):
        values = getattr(batch, name)
        if isinstance(values, list) and len(values) != batch.count:
            raise InvalidRecordError(
                f"batch {batch.batch_no} of stream {batch.stream_no} has {batch.count} samples "
                f"and {len(values)} {name}; there must be one of each"
            )


def _to_row(batch: PackedBatch) -> Row:
    _require_sound(batch)
    sizes = batch.byte_sizes
    types = batch.content_types
    return (
        _batch_id(batch.stream_no, batch.batch_no),
        batch.epoch,
        batch.seen_at,
        batch.root,
        batch.fingerprints,
        sizes if isinstance(sizes, int) else _pack_sizes(sizes),
        to_column(types) if isinstance(types, str) else None,
        _pack_details(batch),
    )


def _from_row(row: Row) -> PackedBatch:
    batch_id, epoch, seen_at, root, packed, sizes, content_type, details = row
    told = _unpack_details(batch_id, details)
    if content_type is None and "types" not in told:
        raise _unreadable(batch_id, "what the samples are is missing")
    return PackedBatch(
        stream_no=batch_id >> BATCH_NO_BITS,
        batch_no=_batch_no(batch_id),
        epoch=epoch,
        seen_at=seen_at,
        root=root,
        fingerprints=packed,
        byte_sizes=sizes if isinstance(sizes, int) else _unpack_sizes(sizes, len(packed)),
        content_types=told["types"] if content_type is None else from_column(content_type),
        keys=told.get("keys"),
        metadata=told.get("metadata"),
    )


def _pack_sizes(sizes: list[int]) -> bytes:
    try:
        packed = array("Q" if max(sizes, default=0) >= 2**32 else "I", sizes)
    except (TypeError, OverflowError) as error:
        raise InvalidRecordError(f"byte_sizes must be ints from 0 to 2**64 - 1: {error}") from error
    if byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _unpack_sizes(packed: bytes, fingerprint_bytes: int) -> list[int]:
    count = fingerprint_bytes // FINGERPRINT_BYTES
    sizes = array("Q" if len(packed) == 8 * count else "I", packed)
    if byteorder == "big":
        sizes.byteswap()
    return sizes.tolist()


def _pack_details(batch: PackedBatch) -> bytes | None:
    details: dict[str, Any] = {}
    if batch.keys is not None:
        details["keys"] = batch.keys
    if batch.metadata is not None:
        details["metadata"] = batch.metadata
    if not isinstance(batch.content_types, str):
        details["types"] = batch.content_types
    if not details:
        return None
    try:
        text = json.dumps(details, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRecordError(
            f"the metadata of batch {batch.batch_no} of stream {batch.stream_no} must be made of "
            f"JSON types: {error}"
        ) from None
    # Escapes would join a pair of lone surrogates into one character; these bytes do not.
    return zlib.compress(text.encode("utf-8", "surrogatepass"), level=1)


def _unpack_details(batch_id: int, packed: bytes | None) -> dict[str, Any]:
    if packed is None:
        return {}
    try:
        text = zlib.decompress(packed).decode("utf-8", "surrogatepass")
        details: dict[str, Any] = json.loads(text)
        if not isinstance(details, dict):
            raise ValueError("they are no object")
    except (zlib.error, ValueError) as error:
        raise _unreadable(batch_id, error) from error
    return details


def _unreadable(batch_id: int, error: object) -> CorruptDatabaseError:
    return CorruptDatabaseError(
        f"the details of batch {_batch_no(batch_id)} of stream {batch_id >> BATCH_NO_BITS} "
        f"cannot be read: {error}"
    )
