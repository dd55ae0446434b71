"""Checks the sealed segments: every byte of every file, by its SHA-256.

When a file is damaged, its run is put together again batch by batch from what can still be
read, and those batches are named whose samples no longer have their Merkle root.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from origin.core.hashing import merkle_root_of
from origin.core.record import SegmentRecord
from origin.storage.checks.findings import Findings, Range, Ranges
from origin.storage.connection import Connection, Row
from origin.storage.schema import batch_key, number_of
from origin.storage.sealing.observations import schema
from origin.storage.sealing.segments import SUFFIX, UNFINISHED, digest_of, ids_of

if TYPE_CHECKING:
    import pyarrow as pa

# Batches of so many observations are put together at a time.
_WINDOW_OBSERVATIONS = 1 << 20

_COLUMNS = ["sample_id", "stream_no", "epoch", "batch_no", "position", "byte_size"]


class SegmentsCheck:
    """Checks the segments that a catalog lists now.

    Args:
        connection: a read-only one, outside of a transaction.
        folder: where the segments are.
        findings: it knows the streams.
    """

    def __init__(self, connection: Connection, folder: Path, findings: Findings) -> None:
        self._db = connection
        self._folder = folder
        self._findings = findings
        self.bytes_read = 0
        self.segments = 0

    def run(self) -> list[str]:
        """Check every file; returns notes about files that are no segment of this record."""
        seen: set[str] = set()
        # Merging replaces files while they are read: what is listed then is looked at, too.
        while new := [one for one in self._listed() if one.name not in seen]:
            for segment in new:
                seen.add(segment.name)
                self._check(segment)
        return list(self._left_over(seen))

    def _listed(self) -> list[SegmentRecord]:
        rows = self._db.rows(
            "SELECT segment_no, CAST(name AS BLOB), run_no, sha256, byte_size, observations,"
            " distinct_samples, '', '', '' FROM segments ORDER BY segment_no"
        )
        return [
            SegmentRecord(no, name.decode("utf-8", "replace"), *rest)
            for no, name, *rest in rows
            if isinstance(name, bytes)
        ]

    def _is_listed(self, segment: SegmentRecord) -> bool:
        return any(one.name == segment.name for one in self._listed())

    def _check(self, segment: SegmentRecord) -> None:
        what = self._fault(segment)
        if what is None:
            self.segments += 1
            return
        if not self._is_listed(segment):
            return
        self.segments += 1
        touched = list(Touched(self._db, self._folder, segment).ranges())
        self._findings.add(f"segment {self._folder / segment.name}", what, lambda: touched)

    def _fault(self, segment: SegmentRecord) -> str | None:
        """What is wrong with a file; None when it is as it was sealed."""
        path = self._folder / segment.name
        try:
            with path.open("rb") as file:
                digest, size = digest_of(file), file.tell()
        except FileNotFoundError:
            return f"it is missing, and {segment.observations} observations with it"
        except (OSError, ValueError) as error:
            return f"it cannot be read: {error}"
        self.bytes_read += size
        if size != segment.byte_size:
            return f"it has {size:,} bytes, and {segment.byte_size} were sealed"
        if digest != segment.sha256:
            return "it is not what was sealed: its SHA-256 does not fit"
        return None

    def _left_over(self, seen: set[str]) -> Iterator[str]:
        if not self._folder.is_dir():
            return
        found = sorted(self._folder.iterdir())
        # Looked up later: what is being written is listed before it is there.
        known = {str(name) for (name,) in self._db.rows("SELECT name FROM disposable_files")}
        known |= seen | {segment.name for segment in self._listed()}
        for path in found:
            is_segment = path.suffix in (SUFFIX, UNFINISHED)
            if is_segment and path.with_suffix(SUFFIX).name not in known:
                yield f"{path} is listed nowhere, and no record needs it"


@dataclass(slots=True)
class _Window:
    """Sealed batches of one stream, next to each other."""

    stream_no: int
    heads: list[Row]

    @property
    def first(self) -> int:
        return number_of(self.heads[0][0])

    @property
    def last(self) -> int:
        return number_of(self.heads[-1][0])


class Touched:
    """Finds the batches that a damaged segment touches."""

    def __init__(self, connection: Connection, folder: Path, segment: SegmentRecord) -> None:
        self._db = connection
        self._folder = folder
        self._segment = segment
        self._readable: dict[str, list[int]] = {}

    def ranges(self) -> list[Range]:
        """The batches, in order; all that have samples in the file if none can be singled out."""
        rows = self._db.rows(
            "SELECT stream_no, first_batch, last_batch FROM segment_streams WHERE segment_no = ?"
            " ORDER BY stream_no",
            (self._segment.segment_no,),
        )
        everything = [row for row in rows if all(isinstance(value, int) for value in row)]
        names = [
            str(name)
            for (name,) in self._db.rows(
                "SELECT name FROM segments WHERE run_no = ?", (self._segment.run_no,)
            )
        ]
        for name in names:
            self._readable[name] = list(_readable_groups(self._folder / name))
        if not any(self._readable.values()):
            return [(no, first, last) for no, first, last in everything]
        found = Ranges()
        for stream_no, first, last in everything:
            for window in self._windows(stream_no, first, last):
                for batch_id in self._failing_or_all(window):
                    found.add(batch_id)
        return list(found) or [(no, first, last) for no, first, last in everything]

    def _windows(self, stream_no: int, first: int, last: int) -> Iterator[_Window]:
        following, end = batch_key(stream_no, first), batch_key(stream_no, last)
        while True:
            found = self._db.rows(
                "SELECT batch_id, epoch, root, samples, bytes_seen FROM sealed_batches"
                " WHERE batch_id BETWEEN ? AND ? ORDER BY batch_id LIMIT 65536",
                (following, end),
            )
            if not found:
                return
            total, taken = 0, 0
            for head in found:
                total += head[3]
                taken += 1
                if total >= _WINDOW_OBSERVATIONS:
                    break
            yield _Window(stream_no, found[:taken])
            following = found[taken - 1][0] + 1

    def _failing_or_all(self, window: _Window) -> list[int]:
        try:
            return list(self._failing(window))
        except Exception:
            # A damaged footer can make anything of the columns.
            return [head[0] for head in window.heads]

    def _failing(self, window: _Window) -> Iterator[int]:
        """The batches whose samples are not all there, in order, as they were recorded."""
        import pyarrow as pa

        parts = [part for name in self._readable for part in self._matching(name, window)]
        if not parts:
            yield from (head[0] for head in window.heads)
            return
        rows = pa.concat_tables(parts).sort_by(
            [("batch_no", "ascending"), ("position", "ascending")]
        )
        numbers = rows["batch_no"].to_numpy()
        packed = bytes.fromhex(ids_of(rows).tobytes().decode("ascii"))
        epochs, sizes, positions = (
            rows[name].to_numpy() for name in ("epoch", "byte_size", "position")
        )
        for batch_id, epoch, root, samples, bytes_seen in window.heads:
            begin, end = np.searchsorted(numbers, [number_of(batch_id), number_of(batch_id) + 1])
            is_whole = (
                end - begin == samples
                and (positions[begin:end] == np.arange(samples)).all()
                and (epochs[begin:end] == epoch).all()
                and sum(sizes[begin:end].tolist()) == bytes_seen
                and merkle_root_of(packed[32 * begin : 32 * end]) == root
            )
            if not is_whole:
                yield batch_id

    def _matching(self, name: str, window: _Window) -> "Iterator[pa.Table]":
        import pyarrow.parquet as pq

        if not self._readable[name]:
            return
        with pq.ParquetFile(self._folder / name) as file:
            for group in self._readable[name]:
                rows = file.read_row_group(group, columns=_COLUMNS, use_threads=False)
                streams, batches = (rows[one].to_numpy() for one in ("stream_no", "batch_no"))
                chosen = np.flatnonzero(
                    (streams == window.stream_no)
                    & (batches >= window.first)
                    & (batches <= window.last)
                )
                if len(chosen):
                    yield rows.take(chosen)


def _readable_groups(path: Path) -> Iterator[int]:
    """The groups of rows of a file, every page of which has its checksum."""
    import pyarrow.parquet as pq

    # Bytes that are damaged can make the reader raise anything.
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except Exception:
        return
    with file:
        for group in range(file.num_row_groups):
            try:
                rows = file.read_row_group(group, use_threads=False)
                rows.validate(full=True)
            except Exception:  # noqa: S112
                continue
            if rows.schema.equals(schema()):
                yield group
