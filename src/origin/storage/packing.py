"""A batch as one row of the catalog: fingerprints packed, everything else as short as it can be."""

import json
import struct
import zlib
from array import array
from sys import byteorder
from typing import Any

from origin.core.record import PackedBatch
from origin.errors import CorruptDatabaseError, InvalidRecordError
from origin.storage.checksums import batch_checksum, head_checksum, sums_of
from origin.storage.connection import Row
from origin.storage.schema import LAST_BATCH_NO, batch_key, number_of, stream_of
from origin.storage.text import from_column, to_column

FINGERPRINT_BYTES = 32

LAST_EPOCH = 2**31 - 1

COLUMNS = "batch_id, epoch, seen_at, root, fingerprints, byte_sizes, content_type, details"

# With the checksums, which tell whether a row is as it was written.
WHOLE = f"{COLUMNS}, head_checksum, checksum"

INSERT = f"INSERT INTO batches ({WHOLE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _require_sound(batch: PackedBatch) -> None:
    if not 0 <= batch.batch_no <= LAST_BATCH_NO:
        raise InvalidRecordError(
            f"batch number {batch.batch_no} of stream {batch.stream_no} is out of range: "
            f"batches are numbered from 0 to {LAST_BATCH_NO}"
        )
    if len(batch.fingerprints) % FINGERPRINT_BYTES:
        raise InvalidRecordError(
            f"the fingerprints of batch {batch.batch_no} of stream {batch.stream_no} take "
            f"{len(batch.fingerprints)} bytes, no multiple of {FINGERPRINT_BYTES}"
        )
    if not (isinstance(batch.epoch, int) and 0 <= batch.epoch <= LAST_EPOCH):
        raise InvalidRecordError(
            f"epoch {batch.epoch!r} of batch {batch.batch_no} of stream {batch.stream_no} is out "
            f"of range: epochs are numbered from 0 to {LAST_EPOCH}"
        )
    for name in ("byte_sizes", "content_types", "keys", "metadata"):
        values = getattr(batch, name)
        if isinstance(values, list) and len(values) != batch.count:
            raise InvalidRecordError(
                f"batch {batch.batch_no} of stream {batch.stream_no} has {batch.count} samples "
                f"and {len(values)} {name}; there must be one of each"
            )


def to_row(batch: PackedBatch) -> Row:
    """The values of ``COLUMNS`` for a batch, and its checksums: what ``INSERT`` takes.

    Raises:
        InvalidRecordError: the batch contradicts itself, or holds what is no JSON.
    """
    _require_sound(batch)
    sizes = batch.byte_sizes
    types = batch.content_types
    packed = sizes if isinstance(sizes, int) else _pack_sizes(sizes)
    content_type = to_column(types) if isinstance(types, str) else None
    details = _pack_details(batch)
    key = batch_key(batch.stream_no, batch.batch_no)
    root, fingerprints = batch.root, batch.fingerprints
    samples = len(fingerprints) // FINGERPRINT_BYTES
    total = sizes * samples if isinstance(sizes, int) else sum(sizes)
    try:
        head = head_checksum(key, batch.epoch, batch.seen_at, root, samples, total)
        whole = batch_checksum(head, fingerprints, packed, content_type, details)
    except struct.error as error:
        raise InvalidRecordError(
            f"a number of batch {batch.batch_no} of stream {batch.stream_no} is too large to be "
            f"recorded, or none: {error}"
        ) from None
    return (
        key,
        batch.epoch,
        batch.seen_at,
        root,
        fingerprints,
        packed,
        content_type,
        details,
        head,
        whole,
    )


def from_row(row: Row) -> PackedBatch:
    """The batch that a row of ``COLUMNS`` holds.

    Raises:
        CorruptDatabaseError: what the row holds is damaged.
    """
    batch_id, epoch, seen_at, root, packed, sizes, content_type, details = row
    told = _unpack_details(batch_id, details)
    if content_type is None and "types" not in told:
        raise _unreadable(batch_id, "what the samples are is missing")
    return PackedBatch(
        stream_no=stream_of(batch_id),
        batch_no=number_of(batch_id),
        epoch=epoch,
        seen_at=seen_at,
        root=root,
        fingerprints=packed,
        byte_sizes=sizes if isinstance(sizes, int) else _unpack_sizes(sizes, len(packed)),
        content_types=told["types"] if content_type is None else from_column(content_type),
        keys=told.get("keys"),
        metadata=told.get("metadata"),
    )


def from_whole_row(row: Row) -> PackedBatch:
    """The batch that a row of ``WHOLE`` holds.

    Raises:
        CorruptDatabaseError: the row is not as it was written.
    """
    *values, head, whole = row
    batch_id = values[0]
    if sums_of(values)[1] != (head, whole):
        raise CorruptDatabaseError(
            f"batch {number_of(batch_id)} of stream {stream_of(batch_id)} is not as it was "
            "written, so it is not sealed; db.check() tells more; restore it from a backup"
        )
    return from_row(tuple(values))


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
        f"the details of batch {number_of(batch_id)} of stream {stream_of(batch_id)} "
        f"cannot be read: {error}"
    )
