"""Sealing: moving observations out of the catalog into segments.

A segment is written and synced first; then one transaction lists it, keeps of each batch
what the catalog still needs, and frees the packed rows. Until that commits the file is
nobody's, and whoever seals next removes it. One process seals at a time.
"""

import json
import logging
import os
import sys
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from origin.core.record import PackedBatch, utc_now
from origin.storage.connection import Connection
from origin.storage.ledger import Ledger
from origin.storage.schema import batch_key
from origin.storage.sealing.observations import Observations, order_of
from origin.storage.sealing.segments import (
    FRESH_ROWS_PER_GROUP,
    SUFFIX,
    UNFINISHED,
    SegmentWriter,
    Written,
)

if sys.platform != "win32":
    import fcntl

# So many observations become one segment at a time; they take about 100 bytes each meanwhile.
SEGMENT_OBSERVATIONS = 1 << 17

_ROWS_AT_ONCE = 1 << 14

# Somebody may be about to read a file that a merge has replaced.
REPLACED_SECONDS = 60.0

_MIN_FREE_PAGES, _PAGES_AT_ONCE = 1024, 1024

_log = logging.getLogger("origin")


class Sealer:
    """Moves what one database has not sealed yet into segments."""

    def __init__(self, connection: Connection, ledger: Ledger) -> None:
        self._db = connection
        self._ledger = ledger
        self._folder = ledger.folder

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keeps other processes from sealing; False if one of them is at it."""
        self._folder.mkdir(exist_ok=True)
        if sys.platform == "win32":
            # Two processes may do the same work there, and one of them throws it away.
            yield True
            return
        number = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            try:
                yield True
            finally:
                # A forked child has the same lock: closing our end would not free it.
                fcntl.flock(number, fcntl.LOCK_UN)
        finally:
            os.close(number)

    def seal_next(self) -> int:
        """Move the oldest unsealed batches into a segment; returns how many observations."""
        batches = self._ledger.oldest_unsealed(SEGMENT_OBSERVATIONS)
        if not batches:
            return 0
        written = self._write(Observations(batches))
        try:
            is_listed = self._switch(batches, written)
        except BaseException:
            # The commit may have succeeded all the same: only the catalog can tell.
            self.tidy(after_seconds=0)
            raise
        if not is_listed:
            self.tidy(after_seconds=0)
        return written.observations if is_listed else 0

    def new_segment(self, rows_per_group: int) -> SegmentWriter:
        """Begin a file; until it is listed, whoever tidies up may remove it."""
        name = f"{uuid.uuid4().hex}{SUFFIX}"
        with self._db.transaction():
            self.dispose_of([name])
        return SegmentWriter(self._folder / name, rows_per_group)

    def dispose_of(self, names: Iterable[str]) -> None:
        """Note files that no record needs any more; call it inside a transaction."""
        self._db.many(
            "INSERT OR REPLACE INTO disposable_files (name, since) VALUES (?, ?)",
            [(name, time.time()) for name in names],
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

    def _switch(self, batches: Sequence[PackedBatch], written: Written) -> bool:
        ids = [batch_key(batch.stream_no, batch.batch_no) for batch in batches]
        with self._db.transaction():
            if not self._is_unsealed(ids, written.observations):
                return False
            self.list_segments([written])
            self._keep_heads(batches, ids)
            self._db.rows("DELETE FROM batches WHERE batch_id BETWEEN ? AND ?", (ids[0], ids[-1]))
        return True

    def _is_unsealed(self, ids: list[int], observations: int) -> bool:
        """Whether exactly these batches are what is unsealed from the first to the last."""
        found = self._db.row(
            "SELECT count(*), sum(length(fingerprints)) / 32 FROM batches"
            " WHERE batch_id BETWEEN ? AND ?",
            (ids[0], ids[-1]),
        )
        return found == (len(ids), observations)

    def _keep_heads(self, batches: Sequence[PackedBatch], ids: list[int]) -> None:
        # One statement for all: another thread gets the interpreter's lock between statements,
        # and who trains has better use for it.
        self._db.rows(
            "INSERT INTO sealed_batches (batch_id, epoch, seen_at, root, samples, bytes_seen,"
            " checksum)"
            " SELECT batch_id, epoch, seen_at, root, length(fingerprints) / 32,"
            " CASE typeof(byte_sizes) WHEN 'integer'"
            " THEN byte_sizes * (length(fingerprints) / 32) ELSE 0 END, head_checksum"
            " FROM batches WHERE batch_id BETWEEN ? AND ?",
            (ids[0], ids[-1]),
        )
        sizes = {
            str(key): batch.total_bytes
            for key, batch in zip(ids, batches, strict=True)
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
        rows = self._db.rows(
            "SELECT name FROM disposable_files WHERE since <= ?", (time.time() - after_seconds,)
        )
        names = [str(name) for (name,) in rows]
        for name in names:
            for path in (self._folder / name, (self._folder / name).with_suffix(UNFINISHED)):
                path.unlink(missing_ok=True)
        if names:
            with self._db.transaction():
                self._forget(names)

    def _forget(self, names: Iterable[str]) -> None:
        self._db.many("DELETE FROM disposable_files WHERE name = ?", [(name,) for name in names])
