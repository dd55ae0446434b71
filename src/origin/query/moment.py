"""What was on record at one moment, and where."""

import os
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from origin.core.record import PackedBatch, SegmentRecord, StreamRecord
from origin.storage.batchtable import head_schema, head_table
from origin.storage.database import ProvenanceDatabase
from origin.storage.sealing.columns import empty_table
from origin.storage.sealing.observations import schema, table_of

if TYPE_CHECKING:
    import pyarrow as pa

# Batches become rows of a table so many observations at a time.
_ROWS_AT_ONCE = 1 << 17
# Small tables are joined, so that many questions on a running session leave few of them.
_ROWS_JOINED = 1 << 20


class Moved(Exception):
    """What a moment tells of was moved since, and must be told anew."""


@dataclass(frozen=True)
class Moment:
    """The streams as their records were read, and all observations they had then.

    Args:
        streams: of some sessions, or all.
        segments: the sealed files; what they hold of these streams was all seen by then.
        observations: once they were read, those that no segment has, of these streams and
            perhaps of others.
        heads: the batches of ``observations``.
    """

    streams: tuple[StreamRecord, ...]
    segments: tuple[SegmentRecord, ...]
    observations: tuple["pa.Table", ...] = ()
    heads: tuple["pa.Table", ...] = ()


class Moments:
    """Tells what is on record now; what it has read before it does not read again.

    Args:
        db: an open database.
    """

    def __init__(self, db: ProvenanceDatabase) -> None:
        self._db = db
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._unsealed: _Unsealed | None = None
        self._sealed_heads: tuple[tuple[SegmentRecord, ...], pa.Table] | None = None

    def now(self, session_ids: Collection[str] | None = None) -> Moment:
        """What is on record of some sessions, or of all, without its observations."""
        # In this order, all that the segments hold of a stream is counted in its record.
        segments = self._db.ledger.segments()
        return Moment(self._streams(session_ids), segments)

    def read(self, moment: Moment) -> Moment | None:
        """A moment with its unsealed observations; None if they are no longer to be had."""
        with self._own_lock():
            # Taken away while it is worked on: what Ctrl-C, or a damaged row, leaves half done is
            # not used again.
            unsealed, self._unsealed = self._unsealed, None
            if unsealed is None or moment.segments != unsealed.segments:
                unsealed = _Unsealed(self._db, moment.segments)
            is_whole = unsealed.extend(moment.streams)
            self._unsealed = unsealed
            # What was sealed meanwhile may have been missed.
            if not is_whole or self._db.ledger.segments() != moment.segments:
                return None
            observations, heads = unsealed.tables()
            return replace(moment, observations=observations, heads=heads)

    def _streams(self, session_ids: Collection[str] | None) -> tuple[StreamRecord, ...]:
        if session_ids is None:
            return tuple(self._db.catalog.streams())
        found = (self._db.catalog.streams(session_id) for session_id in session_ids)
        return tuple(chain.from_iterable(found))

    def sealed_heads(self, moment: Moment) -> "pa.Table":
        """The batches in the segments of a moment.

        Raises:
            Moved: there are others by now.
        """
        with self._own_lock():
            known = self._sealed_heads
            if known is None or known[0] != moment.segments:
                known = (moment.segments, self._db.batch_table.sealed_table())
                if self._db.ledger.segments() != moment.segments:
                    raise Moved
                self._sealed_heads = known
            return known[1]

    def _own_lock(self) -> threading.Lock:
        if self._pid != os.getpid():
            # The process was forked; the thread that may have held the lock is not in it.
            self._pid, self._lock = os.getpid(), threading.Lock()
            self._unsealed = None
        return self._lock


class _Unsealed:
    """The unsealed observations of some streams, as tables that only grow."""

    def __init__(self, db: ProvenanceDatabase, segments: tuple[SegmentRecord, ...]) -> None:
        self.segments: tuple[SegmentRecord, ...] | None = segments
        self._table = db.batch_table
        self._sealed: dict[int, int] = {}
        self._read: dict[int, tuple[int, int]] = {}
        self._observations: list[pa.Table] = []
        self._heads: list[pa.Table] = []

    def tables(self) -> tuple[tuple["pa.Table", ...], tuple["pa.Table", ...]]:
        """All there is: observations, and their batches."""
        return tuple(self._observations), tuple(self._heads)

    def extend(self, streams: Iterable[StreamRecord]) -> bool:
        """Read what streams have got since.

        Returns:
            Whether the tables now have just the unsealed batches of these streams' records: not
            if somebody else read on since those were read, or what was there is gone.
        """
        waiting: list[PackedBatch] = []
        size, is_whole = 0, True
        for stream in streams:
            number, (count, last) = stream.stream_no, self._read.get(stream.stream_no, (0, -1))
            left = stream.batches - self._sealed_count(stream) - count
            for batch in self._table.unsealed(number, last, left):
                waiting.append(batch)
                left, count, last, size = left - 1, count + 1, batch.batch_no, size + batch.count
                if size >= _ROWS_AT_ONCE:
                    self._add(waiting)
                    waiting, size = [], 0
            if count:
                self._read[number] = (count, last)
            is_whole = is_whole and left == 0
            if left > 0:
                # Written out of order, or sealed a moment ago: begin anew next time.
                self.segments = None
        self._add(waiting)
        return is_whole

    def _sealed_count(self, stream: StreamRecord) -> int:
        if not self.segments or not stream.batches:
            return 0
        number = stream.stream_no
        if number not in self._sealed:
            self._sealed[number] = self._table.sealed_count(number)
        return self._sealed[number]

    def _add(self, batches: Sequence[PackedBatch]) -> None:
        if batches:
            _grow(self._observations, table_of(batches))
            _grow(self._heads, head_table(batches))


def _grow(tables: list["pa.Table"], more: "pa.Table") -> None:
    import pyarrow as pa

    while tables and tables[-1].num_rows <= 2 * more.num_rows <= _ROWS_JOINED:
        more = pa.concat_tables([tables.pop(), more]).combine_chunks()
    tables.append(more)


def unsealed_observations(moment: Moment) -> "pa.Table":
    """The observations of a moment that no segment has."""
    import pyarrow as pa

    return pa.concat_tables([empty_table(schema()), *moment.observations])


def unsealed_heads(moment: Moment) -> "pa.Table":
    """The batches of a moment that no segment has."""
    import pyarrow as pa

    return pa.concat_tables([empty_table(head_schema()), *moment.heads])
