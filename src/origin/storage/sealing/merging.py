"""Merging: runs of segments become fewer and larger ones.

A run is what one sealing or one merge wrote: files whose ranges of sample ids do not
overlap. Every look-up opens one file of each run. While recording goes on, runs of about one
size are merged once there are sixteen; ``settle`` merges until each run is more than four times
as large as all smaller ones together. Either way an observation is rewritten only when its run
grows by a quarter or more, so the work grows with the logarithm of the record.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from origin.core.record import SegmentRecord
from origin.storage.connection import Connection
from origin.storage.ledger import Ledger
from origin.storage.sealing.columns import number_column
from origin.storage.sealing.observations import order_of
from origin.storage.sealing.sealer import Sealer
from origin.storage.sealing.segments import (
    FRESH_ROWS_PER_GROUP,
    ROWS_PER_GROUP,
    SegmentWriter,
    Written,
    groups,
    ids_of,
    require_whole,
)

if TYPE_CHECKING:
    import pyarrow as pa

FAN = 16

# A settled run is more than so many times as large as all smaller ones together: what stands
# twice, once in each, is then a small part of the record.
SETTLED = 4

# A merge begins another file once one has so many observations.
SPLIT_OBSERVATIONS = 8 << 20

# So many rows are put in order at a time, of all runs together; they take 300 bytes each.
_ROWS_AT_ONCE = 1 << 14

_log = logging.getLogger("origin")


@dataclass(frozen=True, slots=True)
class Run:
    """Files that were written together, in the order of their sample ids."""

    segments: tuple[SegmentRecord, ...]

    @property
    def observations(self) -> int:
        """How many rows all its files have."""
        return sum(segment.observations for segment in self.segments)


class Stopped(Exception):
    """The merge is to be given up; nothing has changed."""


def runs_of(segments: Sequence[SegmentRecord]) -> list[Run]:
    """The runs that some segments form, the largest first."""
    ordered = sorted(segments, key=attrgetter("run_no", "first_sample"))
    runs = [Run(tuple(files)) for _, files in groupby(ordered, attrgetter("run_no"))]
    return sorted(runs, key=attrgetter("observations"), reverse=True)


def due_while_recording(runs: Sequence[Run]) -> list[Run]:
    """Sixteen or more runs of about one size, the smallest such; or none.

    Args:
        runs: the largest first.
    """
    by_tier = groupby(reversed(runs), lambda run: run.observations.bit_length() // 4)
    return next((tier for _, members in by_tier if len(tier := list(members)) >= FAN), [])


def due_to_settle(runs: Sequence[Run]) -> list[Run]:
    """The runs to merge so that each is far larger than all smaller ones together; or none.

    Args:
        runs: the largest first.
    """
    smaller = 0
    first = len(runs)
    for number in range(len(runs) - 1, -1, -1):
        if smaller and SETTLED * smaller >= runs[number].observations:
            first = number
        smaller += runs[number].observations
    return list(runs[first:])


class Merger:
    """Merges the segments of one database; only who seals alone may use it."""

    def __init__(self, connection: Connection, ledger: Ledger, sealer: Sealer) -> None:
        self._db = connection
        self._ledger = ledger
        self._sealer = sealer

    def merge(self, stopped: Callable[[], bool], *, while_recording: bool) -> None:
        """Merge as long as something is due.

        Args:
            stopped: asked now and then whether to leave off.
            while_recording: merge only what must be, for more is to come.

        Raises:
            SegmentError: a segment is missing or altered; nothing of it is written anew.
            Stopped: it was told to stop.
        """
        due = due_while_recording if while_recording else due_to_settle
        while runs := due(runs_of(self._ledger.segments())):
            _log.debug("merging %d runs of segments", len(runs))
            total = sum(run.observations for run in runs)
            # What is soon merged again, along with many of its size, is written in small groups.
            is_for_good = not while_recording or total >= SPLIT_OBSERVATIONS
            self._merge(runs, stopped, ROWS_PER_GROUP if is_for_good else FRESH_ROWS_PER_GROUP)

    def _merge(self, runs: Sequence[Run], stopped: Callable[[], bool], rows_per_group: int) -> None:
        old = [segment for run in runs for segment in run.segments]
        for segment in old:
            # Damage must not be sealed anew under a digest that fits it.
            require_whole(self._ledger.folder, segment)
        run: list[Written] = []
        try:
            for written in self._write(runs, stopped, rows_per_group):
                run.append(written)
            self._switch(old, run)
        except BaseException:
            self._sealer.tidy(after_seconds=0)
            raise

    def _write(
        self, runs: Sequence[Run], stopped: Callable[[], bool], rows_per_group: int
    ) -> Iterator[Written]:
        writer = self._sealer.new_segment(rows_per_group)
        try:
            for table in self._merged(runs):
                if stopped():
                    raise Stopped
                while (rest := _add(writer, table)) is not None:
                    yield writer.finish()
                    writer, table = self._sealer.new_segment(rows_per_group), rest
            yield writer.finish()
        except BaseException:
            writer.abandon()
            raise

    def _merged(self, runs: Sequence[Run]) -> "Iterator[pa.Table]":
        """The rows of all runs in the order of their sample ids, some at a time."""
        inputs = [_Input(self._rows(run)) for run in runs]
        while inputs := [one for one in inputs if one.fill()]:
            bound = min(one.within(_ROWS_AT_ONCE // len(inputs)) for one in inputs)
            yield _sorted([one.take(bound) for one in inputs])

    def _rows(self, run: Run) -> "Iterator[pa.Table]":
        for segment in run.segments:
            yield from groups(self._ledger.folder / segment.name)

    def _switch(self, old: Sequence[SegmentRecord], run: Sequence[Written]) -> None:
        with self._db.transaction():
            listed = {segment.segment_no for segment in self._ledger.segments()}
            if not (self._sealer.are_there(run) and listed.issuperset(o.segment_no for o in old)):
                raise Stopped  # another process did the same, where locks do not work
            self._sealer.list_segments(run)
            self._db.many(
                "DELETE FROM segments WHERE segment_no = ?",
                [(segment.segment_no,) for segment in old],
            )
            self._sealer.dispose_of(segment.name for segment in old)


class _Input:
    """One run as a merge reads it."""

    def __init__(self, tables: "Iterator[pa.Table]") -> None:
        self._tables = tables
        self._ids = np.empty(0, "S64")

    def fill(self) -> bool:
        """Have rows in hand; False at the end."""
        while not len(self._ids):
            table = next(self._tables, None)
            if table is None:
                return False
            self._table, self._ids = table, ids_of(table)
        return True

    def within(self, rows: int) -> bytes:
        """The largest sample id of the next rows in hand, so many at most."""
        return bytes(self._ids[: max(1, rows)][-1])

    def take(self, bound: bytes) -> "pa.Table":
        """The rows in hand up to a sample id, inclusive; they are no longer in hand."""
        end = int(np.searchsorted(self._ids, np.bytes_(bound), side="right"))
        taken, self._table, self._ids = (
            self._table.slice(0, end),
            self._table.slice(end),
            self._ids[end:],
        )
        return taken


def _sorted(parts: "list[pa.Table]") -> "pa.Table":
    import pyarrow as pa

    filled = [part for part in parts if part.num_rows]
    if len(filled) == 1:
        return filled[0]
    table = pa.concat_tables(filled)
    packed = bytes.fromhex(ids_of(table).tobytes().decode("ascii"))
    return table.take(number_column(order_of(packed)))


def _add(writer: SegmentWriter, table: "pa.Table") -> "pa.Table | None":
    """Write rows; returns those that belong into another file, if any do."""
    if writer.observations + table.num_rows < SPLIT_OBSERVATIONS:
        writer.write(table)
        return None
    # Repeats of a sample stay in one file.
    room = min(max(SPLIT_OBSERVATIONS - writer.observations, 1), table.num_rows)
    ids = ids_of(table)
    end = int(np.searchsorted(ids, ids[room - 1], side="right"))
    if writer.observations >= SPLIT_OBSERVATIONS:
        end = int(np.searchsorted(ids, np.bytes_(writer.last_sample), side="right"))
    writer.write(table.slice(0, end))
    return table.slice(end) if end < table.num_rows else None
