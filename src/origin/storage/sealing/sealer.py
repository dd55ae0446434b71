"""Sealing: moving observations out of the catalog into segments.

A segment is written and synced first; then one transaction lists it, keeps of each batch
what the catalog still needs, and frees the packed rows. Until that commits the file is
nobody's, and whoever seals next removes it. One process seals at a time.
"""

import json
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from origin.core.record import PackedBatch, utc_now
from origin.errors import StorageError
from origin.storage.connection import Connection
from origin.storage.ledger import Ledger
from origin.storage.schema import batch_key
from origin.storage.sealing.lock import FolderLock
from origin.storage.sealing.observations import Observations, order_of
from origin.storage.sealing.segments import (
    FRESH_ROWS_PER_GROUP,
    SUFFIX,
    UNFINISHED,
    SegmentWriter,
    Written,
)

# So many observations become one segment at a time; they take about 100 bytes each meanwhile.
SEGMENT_OBSERVATIONS = 1 << 17

# Somebody is about to remove the file.
_DOOMED = -1.0

_ROWS_AT_ONCE = 1 << 14

# Somebody may be about to read a file that a merge has replaced.
REPLACED_SECONDS = 60.0

_MIN_FREE_PAGES, _PAGES_AT_ONCE = 1024, 1024


class Sealer:
    """Moves what one database has not sealed yet into segments."""

    def __init__(self, connection: Connection, ledger: Ledger) -> None:
        self._db = connection
        self._ledger = ledger
        self._folder = ledger.folder

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keeps other processes from sealing; False if one of them is at it.

        Raises:
            StorageError: there can be no folder for segments.
        """
        try:
            self._folder.mkdir(exist_ok=True)
            lock = FolderLock(self._folder)
        except OSError as error:
            raise StorageError(f"nothing can be sealed into {self._folder}: {error}") from error
        try:
            yield lock.is_ours
        finally:
            lock.release()

    def seal_next(self) -> tuple[int, int] | None:
        """Move the oldest unsealed batches into a segment.

        Returns:
            How many batches and observations: none if another process came first. None if there
            is nothing to move.
        """
        batches = self._ledger.oldest_unsealed(SEGMENT_OBSERVATIONS)
        if not batches:
            return None
        observations = Observations(batches)
        run = [self._write(observations)] if observations.count else []
        try:
            is_listed = self._switch(batches, run)
        except BaseException:
            # The commit may have succeeded all the same: only the catalog can tell.
            self.tidy(after_seconds=0)
            raise
        if not is_listed:
            self.tidy(after_seconds=0)
        return (len(batches), observations.count) if is_listed else (0, 0)

    def new_segment(self, rows_per_group: int) -> SegmentWriter:
        """Begin a file; until it is listed, whoever tidies up may remove it."""
        name = f"{uuid.uuid4().hex}{SUFFIX}"
        with self._db.transaction():
            self.dispose_of([name])
        return SegmentWriter(self._folder / name, rows_per_group)

    def dispose_of(self, names: Iterable[str]) -> None:
        """Note files that no record needs any more; call it inside a transaction."""
        self._note(names, time.time())

    def _note(self, names: Iterable[str], since: float) -> None:
        self._db.many(
            "INSERT OR REPLACE INTO disposable_files (name, since) VALUES (?, ?)",
            [(name, since) for name in names],
        )

    def _write(self, observations: Observations) -> Written:
        writer = self.new_segment(FRESH_ROWS_PER_GROUP)
        try:
            order = order_of(observations.fingerprints)
            for first in range(0, observations.count, _ROWS_AT_ONCE):
                writer.write(observations.table(order[first : first + _ROWS_AT_ONCE]))
            return writer.finish()
        except BaseException:
            writer.abandon()
            raise

    def _switch(self, batches: Sequence[PackedBatch], run: Sequence[Written]) -> bool:
        # Others may append to these streams meanwhile, behind what was read of them.
        parts = [list(part) for _, part in groupby(batches, key=lambda batch: batch.stream_no)]
        with self._db.transaction():
            if not (self.are_there(run) and all(map(self._is_unsealed, parts))):
                return False
            self.list_segments(run)
            for part in parts:
                self._keep_heads(part)
                self._db.rows("DELETE FROM batches WHERE batch_id BETWEEN ? AND ?", _span(part))
        return True

    def are_there(self, run: Sequence[Written]) -> bool:
        """Whether nobody has removed these files; call it inside a transaction.

        Where locks do not work, another process may have tidied up meanwhile.
        """
        return all(
            self._db.row(
                "SELECT 1 FROM disposable_files WHERE name = ? AND since > ?",
                (written.path.name, _DOOMED),
            )
            and written.path.exists()
            for written in run
        )

    def _is_unsealed(self, part: Sequence[PackedBatch]) -> bool:
        """Whether exactly these batches of a stream are unsealed from the first to the last."""
        found = self._db.row(
            "SELECT count(*), sum(length(fingerprints)) / 32 FROM batches"
            " WHERE batch_id BETWEEN ? AND ?",
            _span(part),
        )
        return found == (len(part), sum(batch.count for batch in part))

    def _keep_heads(self, part: Sequence[PackedBatch]) -> None:
        # One statement for all: another thread gets the interpreter's lock between statements,
        # and who trains has better use for it.
        self._db.rows(
            "INSERT INTO sealed_batches (batch_id, epoch, seen_at, root, samples, bytes_seen,"
            " checksum)"
            " SELECT batch_id, epoch, seen_at, root, length(fingerprints) / 32,"
            " CASE typeof(byte_sizes) WHEN 'integer'"
            " THEN byte_sizes * (length(fingerprints) / 32) ELSE 0 END, head_checksum"
            " FROM batches WHERE batch_id BETWEEN ? AND ?",
            _span(part),
        )
        sizes = {
            str(_key(batch)): batch.total_bytes
            for batch in part
            if not isinstance(batch.byte_sizes, int)
        }
        self._db.rows(
            "UPDATE sealed_batches SET bytes_seen = told.value FROM json_each(?) AS told"
            " WHERE batch_id = CAST(told.key AS INTEGER)",
            (json.dumps(sizes),),
        )

    def list_segments(self, run: Sequence[Written]) -> None:
        """Enter the files of one run into the catalog; call it inside a transaction."""
        row = self._db.row("SELECT coalesce(max(segment_no), 0) + 1 FROM segments")
        run_no = row[0] if row else 1
        now = utc_now()
        self._forget(written.path.name for written in run)
        for number, written in enumerate(run, start=run_no):
            self._db.rows(
                "INSERT INTO segments (segment_no, name, run_no, sha256, byte_size, observations,"
                " distinct_samples, first_sample, last_sample, sealed_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    number,
                    written.path.name,
                    run_no,
                    written.sha256,
                    written.byte_size,
                    written.observations,
                    written.distinct_samples,
                    written.first_sample,
                    written.last_sample,
                    now,
                ),
            )
            self._db.rows(
                "INSERT INTO segment_streams (segment_no, stream_no, first_batch, last_batch,"
                " observations) SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3"
                " FROM json_each(?2)",
                (number, json.dumps([[no, *told] for no, told in written.streams.items()])),
            )

    def shrink(self) -> None:
        """Give the space of what was sealed back to the file system, if it is much."""
        free, pages = (
            (self._db.row(f"PRAGMA {name}") or (0,))[0] for name in ("freelist_count", "page_count")
        )
        if free > _MIN_FREE_PAGES and 8 * free > pages:
            # Bit by bit: meanwhile nobody can write.
            for _ in range(0, free, _PAGES_AT_ONCE):
                self._db.rows(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")

    def release(self) -> None:
        """Give the memory of what was sealed back to the system."""
        import pyarrow as pa

        pa.default_memory_pool().release_unused()

    def tidy(self, after_seconds: float = REPLACED_SECONDS) -> None:
        """Remove what a process that died, or a merge some time ago, left in the folder.

        Only who seals alone may do so, and only files that this very database noted down are
        removed: beside a copy or a backup of it, others may be needed.
        """
        due = time.time() - after_seconds
        if not self._db.row("SELECT 1 FROM disposable_files WHERE since <= ?", (due,)):
            return
        with self._db.transaction():
            rows = self._db.rows("SELECT name FROM disposable_files WHERE since <= ?", (due,))
            # Where locks do not work, whoever wrote one of them can no longer list it.
            self._note([name for (name,) in rows], _DOOMED)
        for (name,) in rows:
            for path in (self._folder / name, (self._folder / name).with_suffix(UNFINISHED)):
                path.unlink(missing_ok=True)
        with self._db.transaction():
            self._forget(name for (name,) in rows)

    def _forget(self, names: Iterable[str]) -> None:
        self._db.many("DELETE FROM disposable_files WHERE name = ?", [(name,) for name in names])


def _key(batch: PackedBatch) -> int:
    return batch_key(batch.stream_no, batch.batch_no)


def _span(part: Sequence[PackedBatch]) -> tuple[int, int]:
    """The first and the last ``batch_id`` of some batches of one stream, in order."""
    return _key(part[0]), _key(part[-1])
