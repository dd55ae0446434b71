"""Writing batches in groups, and what happens when that fails.

A disk that refuses may recover: what it refused is kept, in order, for another try. What
can never be written becomes a gap, so that a failing record never passes for a whole one.
"""

import logging
import time
from collections.abc import Iterable

from origin.core.record import Gap
from origin.errors import DatabaseClosedError, OriginError, SessionEndedError, StorageError
from origin.recorder.stream import PendingBatch, in_words
from origin.storage.database import ProvenanceDatabase

_log = logging.getLogger("origin")

# When the disk refuses, this many batches wait for it to recover before any is given up.
MAX_KEPT_BATCHES = 65536
RETRY_SECONDS = 1.0

# After these nothing can be written, not even that something is missing.
_FINAL = (SessionEndedError, DatabaseClosedError)


class Committer:
    """Holds what is ready to be written; used by one thread at a time."""

    def __init__(self, db: ProvenanceDatabase) -> None:
        self._db = db
        self.kept: list[PendingBatch] = []
        self.retry_at = 0.0

    def commit(self) -> OriginError | None:
        """Write all that is kept; returns the error of a disk that refused."""
        entries, self.kept = self.kept, []
        try:
            error = self._write(entries)
        except BaseException:
            known = {id(entry) for entry in self.kept}
            self.kept += [e for e in entries if not e.settled and id(e) not in known]
            raise
        if error is None:
            self.retry_at = 0.0
        else:
            self.retry_at = time.monotonic() + RETRY_SECONDS
            self._bound()
        return error

    def _write(self, entries: list[PendingBatch]) -> OriginError | None:
        """Write in one transaction, or stream by stream where one of them stands in the way."""
        try:
            self._append(entries)
        except StorageError as error:
            self._keep(entries, error)
            return error
        except Exception as error:
            by_stream = _by_stream(entries)
            if len(by_stream) == 1:
                return self._cannot_write(entries, error)
            errors = [self._write(own) for own in by_stream]
            return next((found for found in errors if found is not None), None)
        _settle(entries)
        return None

    def _append(self, entries: list[PendingBatch]) -> None:
        if entries:
            batches = [entry.packed() for entry in entries if entry.error is None]
            self._db.append(batches, gaps_of(entries))

    def _keep(self, entries: list[PendingBatch], error: OriginError) -> None:
        self.kept += entries
        _tell(entries, error)
        for entry in entries:
            if entry.waited_for and not entry.settled:
                entry.fail(error)
                entry.settled = True

    def _cannot_write(self, entries: list[PendingBatch], error: Exception) -> OriginError | None:
        if all(entry.error for entry in entries) and not isinstance(error, _FINAL):
            # Not even the gap could be noted: without it the record would pass for a whole one.
            error = error if isinstance(error, OriginError) else StorageError(in_words(error))
            self._keep(entries, error)
            return error
        _tell(entries, error)
        for entry in entries:
            if entry.error is None:
                entry.fail(error)
        if isinstance(error, _FINAL):
            _log.error("%d batches cannot be recorded: %s", len(entries), error)
            _settle(entries)
            return None
        return self._write(entries)

    def _bound(self) -> None:
        excess = len(self.kept) - MAX_KEPT_BATCHES
        for entry in self.kept[: max(0, excess)]:
            if entry.error is None:
                entry.fail(StorageError("the disk refused for too long; see the log"))


def gaps_of(entries: Iterable[PendingBatch]) -> list[Gap]:
    """The gaps that given-up batches make; neighbours with one cause make one gap."""
    gaps: list[Gap] = []
    for entry in entries:
        if entry.error is None:
            continue
        last = gaps[-1] if gaps else None
        reason = in_words(entry.error)
        stream_no, batch_no = entry.stream.number, entry.batch_no
        if (
            last is not None
            and (last.stream_no, last.last_batch) == (stream_no, batch_no - 1)
            and cause(last.reason) == cause(reason)
        ):
            gaps[-1] = Gap(stream_no, last.first_batch, batch_no, last.reason, last.noticed_at)
        else:
            gaps.append(Gap(stream_no, batch_no, batch_no, reason))
    return gaps


def cause(reason: str) -> str:
    """What a reason has in common with others: messages also name batch and position.

    >>> cause("FingerprintError: item 3 …")
    'FingerprintError'
    """
    return reason.partition(":")[0]


def _by_stream(entries: list[PendingBatch]) -> list[list[PendingBatch]]:
    streams = dict.fromkeys(entry.stream for entry in entries)
    return [[entry for entry in entries if entry.stream is stream] for stream in streams]


def _tell(entries: list[PendingBatch], error: Exception) -> None:
    # Who waits for a batch is told by an exception.
    for stream in {entry.stream for entry in entries if not entry.waited_for}:
        stream.news.append(error)
    level = logging.DEBUG if isinstance(error, OriginError) else logging.ERROR
    _log.log(level, "batches could not be written", exc_info=error)


def _settle(entries: list[PendingBatch]) -> None:
    for entry in entries:
        entry.settled = True
