"""Writing batches in groups, and what happens when that fails.

A disk that refuses may recover: what it refused is kept, in order, for another try. What
can never be written becomes a gap, so that a failing record never passes for a whole one.
"""

import logging
import time
from collections import deque
from collections.abc import Iterable

from origin.core.record import Gap
from origin.errors import (
    DatabaseClosedError,
    NotADatabaseError,
    OriginError,
    ReadOnlyDatabaseError,
    SessionEndedError,
    StorageError,
)
from origin.recorder.stream import Entry, PendingBatch, in_words
from origin.storage.database import ProvenanceDatabase

_log = logging.getLogger("origin")

# When the disk refuses, so much waits for it to recover before the oldest is given up.
MAX_KEPT_BYTES = 256 << 20
RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 30.0

# The disk, the file or its permissions refuse, whatever is to be written.
_REFUSALS = (StorageError, ReadOnlyDatabaseError, NotADatabaseError)

_TOO_LONG = "StorageError: the disk refused for too long; the log tells what else went wrong then"


class Committer:
    """Holds what is ready to be written; used by one thread at a time."""

    def __init__(self, db: ProvenanceDatabase) -> None:
        self._db = db
        self.kept: deque[PendingBatch] = deque()
        self._kept_bytes = 0
        # What was said of batches after they were written, and by how many remarks.
        self._late: dict[PendingBatch, dict[str, float]] = {}
        self._late_remarks = 0
        # What was given up while the disk refused: for each stream ranges, not batches.
        self._lost: dict[int, list[Gap]] = {}
        self._lost_batches = 0
        self._pause = self.retry_at = 0.0

    @property
    def waiting(self) -> int:
        """How many entries have no place in the database yet, not even in a gap."""
        return len(self.kept) + self._lost_batches + self._late_remarks

    def add(self, entries: Iterable[Entry]) -> None:
        """Take what is ready: batches, and remarks on batches."""
        for entry in entries:
            if isinstance(entry, PendingBatch):
                self.kept.append(entry)
                self._kept_bytes += entry.kept_bytes
            elif not entry.batch.written:
                entry.batch.numbers.update(entry.numbers)  # they are written with it
            elif entry.batch.error is None:
                self._late.setdefault(entry.batch, {}).update(entry.numbers)
                self._late_remarks += 1
        if self._pause:
            self._bound()

    def commit(self) -> OriginError | None:
        """Write all that is kept; returns the error of a disk that refused."""
        entries = list(self.kept)
        try:
            error = self._write_all(entries)
        finally:
            self.kept = deque(entry for entry in entries if not entry.written)
            self._kept_bytes = sum(entry.kept_bytes for entry in self.kept)
        self._schedule(error)
        return error

    def _schedule(self, error: OriginError | None) -> None:
        if error is None:
            self._pause = self.retry_at = 0.0
            return
        now = time.monotonic()
        if now >= self.retry_at:  # not when somebody asked for an attempt in between
            self._pause = min(max(2 * self._pause, RETRY_SECONDS), MAX_RETRY_SECONDS)
        self.retry_at = now + self._pause
        self._bound()

    def _write_all(self, entries: list[PendingBatch]) -> OriginError | None:
        # What is late comes first: entries are settled in the order in which they came.
        error = self._write_lost() or self._write_late() or self._write(entries)
        if error is None:
            # Those that were given up just now: one transaction for all their gaps.
            error = self._write([entry for entry in entries if not entry.written])
        if error is not None:
            _keep([entry for entry in entries if not entry.written], error)
        return error

    def _write_lost(self) -> OriginError | None:
        if self._lost:
            try:
                self._db.append([], [gap for gaps in self._lost.values() for gap in gaps])
            except DatabaseClosedError as error:
                _log.error("%d batches cannot be recorded: %s", self._lost_batches, error)
            except Exception as error:
                return _as_ours(error)
            self._lost, self._lost_batches = {}, 0
        return None

    def _write_late(self) -> OriginError | None:
        if not self._late:
            return None
        notes = [note for batch, told in self._late.items() for note in batch.annotations(told)]
        try:
            self._db.append([], [], notes)
        except _REFUSALS as error:
            _tell(list(self._late), error)
            return error
        except Exception as error:
            _log.error("%d annotations cannot be recorded: %s", len(notes), in_words(error))
        self._late, self._late_remarks = {}, 0
        return None

    def _write(self, entries: list[PendingBatch]) -> OriginError | None:
        """Write in one transaction, or in smaller ones where a record stands in the way."""
        if not entries:
            return None
        try:
            good = [entry for entry in entries if entry.error is None]
            notes = [note for entry in good for note in entry.annotations(entry.numbers)]
            self._db.append([entry.packed() for entry in good], gaps_of(entries), notes)
        except _REFUSALS as error:
            return error
        except Exception as error:
            return self._isolate(entries, error)
        _settle(entries)
        return None

    def _isolate(self, entries: list[PendingBatch], error: Exception) -> OriginError | None:
        """Narrow down whom an error is about, so that it takes nothing else with it."""
        if isinstance(error, DatabaseClosedError):
            # Nothing can be written, not even that something is missing.
            _give_up(entries, error)
            _log.error("%d batches cannot be recorded: %s", len(entries), error)
            _settle(entries)
            return None
        parts = _parts(entries, error)
        if len(parts) > 1:
            # Once the disk refuses, what follows must not come before what it refused.
            refusals = (self._write(part) for part in parts)
            return next((refusal for refusal in refusals if refusal is not None), None)
        if all(entry.error for entry in entries):
            # Not even the gap could be noted: without it the record would pass for a whole one.
            return _as_ours(error)
        if any(entry.numbers for entry in entries) and not isinstance(error, SessionEndedError):
            # A batch is not lost for what was said of it.
            _log.error("annotations cannot be recorded: %s", in_words(error))
            for entry in entries:
                entry.numbers = {}
            return self._write(entries)
        _give_up(entries, error)
        if isinstance(error, SessionEndedError):
            # Who waits learns that nothing was recorded, and never handed the batch over.
            _settle([entry for entry in entries if entry.waited_for])
        return None

    def _bound(self) -> None:
        while self.kept and self._kept_bytes > MAX_KEPT_BYTES:
            entry = self.kept[0]
            if entry.waited_for and not entry.settled:
                return
            self.kept.popleft()
            self._kept_bytes -= entry.kept_bytes
            self._lost_batches += 1
            number, batch_no = entry.stream.number, entry.batch_no
            _add_gap(self._lost.setdefault(number, []), Gap(number, batch_no, batch_no, _TOO_LONG))


def gaps_of(entries: Iterable[PendingBatch]) -> list[Gap]:
    """The gaps that given-up batches make; neighbours with one cause make one gap."""
    gaps: list[Gap] = []
    for entry in entries:
        if entry.error is not None:
            number, batch_no = entry.stream.number, entry.batch_no
            _add_gap(gaps, Gap(number, batch_no, batch_no, in_words(entry.error)))
    return gaps


def _add_gap(gaps: list[Gap], gap: Gap) -> None:
    joined = gaps[-1].joined(gap) if gaps else None
    if joined is None:
        gaps.append(gap)
    else:
        gaps[-1] = joined


def _parts(entries: list[PendingBatch], error: Exception) -> list[list[PendingBatch]]:
    """Where to look for the entry that an error is about: stream by stream, then by halves."""
    by_stream: dict[int, list[PendingBatch]] = {}
    for entry in entries:
        by_stream.setdefault(entry.stream.number, []).append(entry)
    if len(by_stream) > 1:
        return list(by_stream.values())
    if len(entries) == 1 or isinstance(error, SessionEndedError):
        return [entries]
    middle = len(entries) // 2
    return [entries[:middle], entries[middle:]]


def _as_ours(error: Exception) -> OriginError:
    return error if isinstance(error, OriginError) else StorageError(in_words(error))


def _keep(entries: list[PendingBatch], error: OriginError) -> None:
    _tell(entries, error)
    for entry in entries:
        if entry.waited_for and not entry.settled:
            if entry.error is None:
                entry.fail(error)
            entry.settled = True


def _give_up(entries: list[PendingBatch], error: Exception) -> None:
    _tell(entries, error)
    for entry in entries:
        if entry.error is None:
            entry.fail(error)


def _tell(entries: list[PendingBatch], error: Exception) -> None:
    # Who waits for a batch is told by an exception.
    for stream in {entry.stream for entry in entries if not entry.waited_for}:
        stream.news.append(error)
    level = logging.DEBUG if isinstance(error, OriginError) else logging.ERROR
    _log.log(level, "batches could not be written", exc_info=error)


def _settle(entries: list[PendingBatch]) -> None:
    for entry in entries:
        entry.settled = entry.written = True
