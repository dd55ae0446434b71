"""The ledger: every observation, batch by batch.

Fingerprints are packed, 32 bytes each, in the row of their batch. Who asks gets
packed batches and never learns how they lie on the disk.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from origin.core.record import PackedBatch, SegmentRecord
from origin.errors import CorruptDatabaseError, SegmentError
from origin.storage.connection import Connection, Row
from origin.storage.packing import COLUMNS, INSERT, WHOLE, from_row, from_whole_row, to_row
from origin.storage.schema import LAST_BATCH_NO, batch_key

if TYPE_CHECKING:
    from origin.storage.sealing.sealed import SealedBatches

# How much is read in one go while other threads wait for the connection.
_PAGE_ROWS = 256
_PAGE_BYTES = 2 << 20

# Keys and metadata take memory while they are sealed: so many deflated bytes count as much as an
# observation.
_BYTES_AS_ONE = 64
_DETAILS = COLUMNS.split(", ").index("details")

_LAST_ID = (1 << 63) - 1


class _SealedReader(Protocol):
    def next_of(self, first_id: int, last_id: int) -> list[PackedBatch]:
        """The first sealed batches whose ``batch_id`` lies in a range of one stream, in order."""


class Ledger:
    """All observations of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        # The segments that were found whole, and what told of each file then.
        self._whole: dict[str, tuple[int, int, int]] = {}

    def append(self, batches: Sequence[PackedBatch]) -> None:
        """Write batches; call it inside a transaction."""
        self._db.many(INSERT, [to_row(batch) for batch in batches])

    @property
    def folder(self) -> Path:
        """Where the segments are."""
        return Path(f"{self._db.file}.segments")

    def segments(self) -> tuple[SegmentRecord, ...]:
        """The sealed files, as the catalog lists them."""
        rows = self._db.rows(
            "SELECT segment_no, name, run_no, sha256, byte_size, observations, distinct_samples,"
            " first_sample, last_sample, sealed_at FROM segments ORDER BY segment_no"
        )
        return tuple(SegmentRecord(*row) for row in rows)

    def path_of(self, segment: SegmentRecord) -> Path:
        """Where a segment is; every byte of it is as it was sealed.

        The file is read through once in a process, and again when its size, time or place on
        the disk have changed.

        Raises:
            SegmentError: it is missing or altered.
        """
        from origin.storage.sealing.segments import require_whole

        path = self.folder / segment.name
        marks = _marks_of(path)
        if marks is None or self._whole.get(segment.name) != marks:
            require_whole(self.folder, segment)
            if marks is not None:
                self._whole[segment.name] = marks
        return path

    def unsealed(self) -> int:
        """How many observations are in no segment."""
        row = self._db.row(
            "SELECT (SELECT coalesce(sum(observations), 0) FROM streams)"
            " - (SELECT coalesce(sum(observations), 0) FROM segments)"
        )
        return int(row[0]) if row else 0

    @contextmanager
    def in_order(
        self, stream_nos: Sequence[int]
    ) -> Iterator[Callable[[int], Iterator[PackedBatch]]]:
        """Read all batches of some streams, stream by stream in the order of their numbers.

        Gives a function from the number of a stream to its batches. It goes through the segments
        once, where ``batches`` does for each quarter of a million observations; what is in them
        is put into a temporary folder meanwhile.
        """
        if not self._latest_segment():
            yield self.batches
            return
        from origin.storage.sealing.sorting import SortedBatches

        with TemporaryDirectory(prefix="origin-sorting-") as work:
            reader = SortedBatches(
                self._sealed(), self.folder, Path(work), stream_nos, self._db.path
            )
            yield lambda stream_no: self.batches(stream_no, sealed=reader)

    def batches(
        self,
        stream_no: int,
        first: int = 0,
        last: int | None = None,
        *,
        sealed: "_SealedReader | None" = None,
    ) -> Iterator[PackedBatch]:
        """The batches of one stream in order, from ``first`` to ``last`` inclusive.

        Args:
            stream_no: which stream.
            first, last: the numbers of batches.
            sealed: what reads those that are sealed.
        """
        last = LAST_BATCH_NO if last is None else min(last, LAST_BATCH_NO)
        following, end = batch_key(stream_no, max(first, 0)), batch_key(stream_no, 0) + last
        while page := self._settled_page(following, end, sealed):
            yield from page
            following = batch_key(stream_no, page[-1].batch_no) + 1

    def _settled_page(
        self, following: int, end: int, sealed: "_SealedReader | None"
    ) -> list[PackedBatch]:
        """The next batches of a range, sealed or not."""
        while True:
            before = self._latest_segment()
            try:
                page = self._page(following, end, sealed)
            except SegmentError:
                if self._latest_segment() == before:
                    raise
                continue  # a merge has replaced the file
            # Sealing may have moved what was about to be read.
            if self._latest_segment() == before:
                return page

    def _page(self, following: int, end: int, sealed: "_SealedReader | None") -> list[PackedBatch]:
        first_unsealed, first_sealed = (
            self._first_in(table, following, end) for table in ("batches", "sealed_batches")
        )
        if first_sealed < first_unsealed:
            reader = sealed or self._sealed()
            return reader.next_of(following, min(first_unsealed - 1, end))
        found = self._next_page(following, min(first_sealed - 1, end), _PAGE_ROWS)
        if found is None:
            return []
        return [from_row(row) for row in self._rows(following, found[1])]

    def _sealed(self) -> "SealedBatches":
        # It needs Arrow, which a record without segments does not.
        from origin.storage.sealing.sealed import SealedBatches

        return SealedBatches(self._db, self.folder)

    def _first_in(self, table: str, following: int, end: int) -> int:
        row = self._db.row(
            f"SELECT min(batch_id) FROM {table} WHERE batch_id BETWEEN ? AND ?", (following, end)
        )
        return end + 1 if row is None or row[0] is None else int(row[0])

    def _latest_segment(self) -> int:
        row = self._db.row("SELECT coalesce(max(segment_no), 0) FROM segments")
        return int(row[0]) if row else 0

    def _rows(self, first_id: int, last_id: int, columns: str = COLUMNS) -> list[Row]:
        return self._db.rows(
            f"SELECT {columns} FROM batches WHERE batch_id BETWEEN ? AND ? ORDER BY batch_id",
            (first_id, last_id),
        )

    def oldest_unsealed(self, observations: int) -> list[PackedBatch]:
        """The first batches that no segment has, of all streams, one stream after the other.

        Args:
            observations: how many they should have together; the last batch may exceed that.

        Raises:
            CorruptDatabaseError: the first of them is damaged. Those after a damaged one are
                left out.
        """
        found: list[PackedBatch] = []
        following, left = 0, observations
        while left > 0 and (page := self._next_page(following, _LAST_ID, _PAGE_ROWS)):
            for row in self._rows(following, page[1], WHOLE):
                try:
                    batch = from_whole_row(row)
                except CorruptDatabaseError:
                    if found:
                        return found
                    raise
                found.append(batch)
                left -= max(batch.count, 1, len(row[_DETAILS] or b"") // _BYTES_AS_ONE)
                if left <= 0:
                    break
            following = page[1] + 1
        return found

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


def _marks_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
