"""Batches read from the record, one after the other or any."""

import threading
from collections.abc import Iterator

from origin.core.record import PackedBatch
from origin.errors import CorruptDatabaseError
from origin.storage.database import ProvenanceDatabase

# Sealed batches are put together many at once; so many streams can be gone through side by side.
_RUNS = 16
# Rather than so many batches are passed over, another place is gone to.
_SKIPPED = 10_000


class BatchReader:
    """Reads single batches, and many in order without looking for each.

    Args:
        db: where they are; it must be open when a batch is asked for.
    """

    def __init__(self, db: ProvenanceDatabase) -> None:
        self._db = db
        self._lock = threading.Lock()
        self._latest: dict[int, PackedBatch] = {}
        self._runs: dict[int, Iterator[PackedBatch]] = {}

    def load(self, stream_no: int, batch_no: int) -> PackedBatch:
        """A batch.

        Raises:
            CorruptDatabaseError: it was there and is gone.
        """
        with self._lock:
            latest = self._latest.get(stream_no)
            if latest is None or latest.batch_no != batch_no:
                latest = self._next(stream_no, batch_no, latest)
                self._latest[stream_no] = latest
                while len(self._latest) > _RUNS:
                    self._runs.pop(oldest := next(iter(self._latest)), None)
                    del self._latest[oldest]
            return latest

    def _next(self, stream_no: int, batch_no: int, latest: PackedBatch | None) -> PackedBatch:
        ahead = 0 if latest is None else batch_no - latest.batch_no
        if not 0 < ahead < _SKIPPED or not self._db.batch_table.is_sealed(stream_no, batch_no):
            self._runs.pop(stream_no, None)
            return self._single(stream_no, batch_no)
        if stream_no not in self._runs:
            # Whoever asks for a later batch of a stream will do so again.
            self._runs[stream_no] = self._db.ledger.batches(stream_no, batch_no)
        for batch in self._runs[stream_no]:
            if batch.batch_no >= batch_no:
                if batch.batch_no == batch_no:
                    return batch
                break
        del self._runs[stream_no]
        return self._single(stream_no, batch_no)

    def _single(self, stream_no: int, batch_no: int) -> PackedBatch:
        for batch in self._db.ledger.batches(stream_no, batch_no, batch_no):
            return batch
        raise CorruptDatabaseError(
            f"batch {batch_no} of stream {stream_no} was there and is gone; restore a backup"
        )
