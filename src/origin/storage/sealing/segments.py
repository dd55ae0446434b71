"""Segments: immutable Parquet files of observations, sorted by fingerprint.

A file is written under a name that nobody reads, synced, and renamed once it is whole.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from origin.core.record import SegmentRecord
from origin.errors import SegmentError, StorageError
from origin.storage.sealing.columns import numbers_of
from origin.storage.sealing.observations import COLUMNS, HEX_DIGITS, schema

if TYPE_CHECKING:
    import pyarrow as pa

# A look-up by sample id decodes one group of each file whose range covers it: about 2 ms. A merge
# holds one of each file it reads; those just sealed are many and small.
ROWS_PER_GROUP = 1 << 14
FRESH_ROWS_PER_GROUP = 1 << 12

UNFINISHED = ".unfinished"
SUFFIX = ".parquet"

_READ_BYTES = 1 << 20

_SPECIFICATION = {"origin.segment": "1"}


@dataclass(slots=True)
class Written:
    """A segment that is on the disk and in no catalog yet.

    Args:
        path: where it is; its name says nothing of what it holds.
        sha256, byte_size: of the file.
        observations, distinct_samples: how many rows, of how many samples.
        first_sample, last_sample: the smallest and the largest sample id.
        streams: for each stream the first and last batch and the number of observations.
    """

    path: Path
    sha256: bytes = b""
    byte_size: int = 0
    observations: int = 0
    distinct_samples: int = 0
    first_sample: str = ""
    last_sample: str = ""
    streams: dict[int, tuple[int, int, int]] = field(default_factory=dict)


def ids_of(table: "pa.Table") -> npt.NDArray[Any]:
    """The sample ids of a table, 64 bytes each."""
    parts = [_ids_of_chunk(chunk) for chunk in table["sample_id"].chunks]
    return np.concatenate(parts) if parts else np.empty(0, f"S{HEX_DIGITS}")


def _ids_of_chunk(chunk: "pa.Array") -> npt.NDArray[Any]:
    text = chunk.buffers()[2]
    begin, end = chunk.offset * HEX_DIGITS, (chunk.offset + len(chunk)) * HEX_DIGITS
    if text is None or not len(chunk):
        return np.empty(0, f"S{HEX_DIGITS}")
    return np.frombuffer(text, np.uint8)[begin:end].view(f"S{HEX_DIGITS}")


class SegmentWriter:
    """Writes one segment from tables whose rows come in the order of their sample ids.

    Args:
        path: the file, once it is whole.
        rows_per_group: how many rows can be read at a time.
    """

    def __init__(self, path: Path, rows_per_group: int) -> None:
        import pyarrow.parquet as pq

        self._group = rows_per_group

        self._final = path
        self._about = Written(path.with_suffix(UNFINISHED))
        self._last = b""
        self._waiting: list[pa.Table] = []
        encodings = {name: encoding for name, _, encoding in COLUMNS if encoding}
        self._writer = pq.ParquetWriter(
            self._about.path,
            schema(),
            compression="zstd",
            use_dictionary=[name for name, _, encoding in COLUMNS if not encoding],
            column_encoding=encodings,
            write_page_checksum=True,
            store_schema=False,
        )

    @property
    def observations(self) -> int:
        """How many rows were written."""
        return self._about.observations

    @property
    def last_sample(self) -> bytes:
        """The sample id of the last row."""
        return self._last

    def write(self, table: "pa.Table") -> None:
        """Add rows; none may come before those that were written."""
        ids = ids_of(table)
        if not len(ids):
            return
        about = self._about
        about.first_sample = about.first_sample or ids[0].decode()
        about.distinct_samples += int((ids[1:] != ids[:-1]).sum()) + (ids[0] != self._last)
        about.observations += len(ids)
        self._last = bytes(ids[-1])
        self._note_streams(table)
        self._waiting.append(table)
        self._write_groups(self._group)

    def _write_groups(self, at_least: int) -> None:
        """Write whole groups of rows, and keep what does not fill one."""
        import pyarrow as pa

        while (waiting := sum(table.num_rows for table in self._waiting)) >= at_least:
            table = pa.concat_tables(self._waiting)
            rows = max(waiting - waiting % self._group, min(waiting, self._group))
            self._writer.write_table(table.slice(0, rows), row_group_size=self._group)
            self._waiting = [table.slice(rows)]

    def _note_streams(self, table: "pa.Table") -> None:
        streams, batches = numbers_of(table, "stream_no"), numbers_of(table, "batch_no")
        order = np.argsort(streams, kind="stable")
        numbers, starts = np.unique(streams[order], return_index=True)
        lows = np.minimum.reduceat(batches[order], starts)
        highs = np.maximum.reduceat(batches[order], starts)
        counts = np.diff([*starts, len(streams)])
        for number, low, high, count in zip(
            *(found.tolist() for found in (numbers, lows, highs, counts)), strict=True
        ):
            known = self._about.streams.get(number, (low, high, 0))
            self._about.streams[number] = (
                min(known[0], low),
                max(known[1], high),
                known[2] + count,
            )

    def finish(self) -> Written:
        """Complete the file and see it onto the disk, under its final name."""
        about = self._about
        self._write_groups(1)
        self._writer.add_key_value_metadata(_SPECIFICATION)
        self._writer.close()
        about.last_sample = self._last.decode()
        with about.path.open("rb") as file:
            about.sha256 = digest_of(file)
            about.byte_size = file.tell()
            os.fsync(file.fileno())
        about.path.rename(self._final)
        about.path = self._final
        sync_folder(self._final.parent)
        return about

    def abandon(self) -> None:
        """Leave nothing behind."""
        with suppress(Exception):
            self._writer.close()
        self._about.path.unlink(missing_ok=True)


def digest_of(file: BinaryIO) -> bytes:
    """The SHA-256 of a file, from where it stands to its end."""
    digest = sha256()
    while part := file.read(_READ_BYTES):
        digest.update(part)
    return digest.digest()


def sync_folder(folder: Path) -> None:
    """See the names in a folder onto the disk, where the system can."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def require_whole(folder: Path, segment: SegmentRecord) -> Path:
    """The path of a segment whose every byte is as it was sealed.

    Raises:
        SegmentError: it is missing or altered.
    """
    path = folder / segment.name
    try:
        with path.open("rb") as file:
            digest = digest_of(file)
    except FileNotFoundError:
        raise SegmentError(
            f"the segment {path} is missing, and {segment.observations:,} observations with it; "
            "put it back, or restore the database and its segments from one backup"
        ) from None
    except OSError as error:
        raise StorageError(f"the segment {path} cannot be read: {error}") from error
    if digest != segment.sha256:
        raise SegmentError(
            f"the segment {path} is not what was sealed: its SHA-256 is {digest.hex()}, not "
            f"{segment.sha256.hex()}; restore it from a backup, and see db.check()"
        )
    return path


def groups(path: Path) -> "Iterator[pa.Table]":
    """The rows of a segment, one group of them at a time."""
    import pyarrow.parquet as pq

    # Arrow's own iteration over batches holds 34 MB for each file.
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, use_threads=False)
