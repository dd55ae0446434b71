"""Long answers that are not built before they are looked at."""

from abc import abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Generic, TypeVar, overload

import numpy as np

from origin.core.record import PackedBatch, SampleRecord, StreamRecord
from origin.errors import CorruptDatabaseError, SampleNotFoundError
from origin.query.distinct import DistinctRows, rows_of
from origin.query.records import BatchRecord, batch_record, parse_sample_id, sample_record
from origin.query.streams import heads_by_time
from origin.storage.ledger import Ledger

Item = TypeVar("Item")


class LazySequence(Sequence[Item], Generic[Item]):
    """A sequence that makes an item each time it is asked for one.

    Its content was fixed when it was made. A slice is a sequence of the same kind.
    """

    _span: range

    @abstractmethod
    def _make(self, index: int) -> Item: ...

    @abstractmethod
    def _narrowed(self, span: range) -> "LazySequence[Item]": ...

    def __len__(self) -> int:
        return len(self._span)

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> "LazySequence[Item]": ...

    def __getitem__(self, index: int | slice) -> "Item | LazySequence[Item]":
        if isinstance(index, slice):
            return self._narrowed(self._span[index])
        return self._make(self._span[index])

    def __iter__(self) -> Iterator[Item]:
        return map(self._make, self._span)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self):,}>"


def _load(ledger: Ledger, stream_no: int, batch_no: int) -> PackedBatch:
    for batch in ledger.batches(stream_no, batch_no, batch_no):
        return batch
    raise CorruptDatabaseError(
        f"batch {batch_no} of stream {stream_no} was there and is gone; restore a backup"
    )


class _SampleIndex:
    """The distinct samples of some streams in order of first sight, and where that was."""

    def __init__(self, ledger: Ledger, streams: Sequence[StreamRecord]) -> None:
        self._ledger = ledger
        self._streams, self._batches, self._starts = array("q"), array("q"), array("q")
        rows = self._read(streams)
        by_sight = np.argsort(rows.places)
        self._rows, self._places = rows.rows[by_sight], rows.places[by_sight]
        self._first_words = rows.rows[:, 0].copy()
        self._ranks = np.empty(len(by_sight), dtype=np.int64)
        self._ranks[by_sight] = np.arange(len(by_sight))
        self._latest: tuple[int, PackedBatch] | None = None

    def _read(self, streams: Sequence[StreamRecord]) -> DistinctRows:
        distinct, start = DistinctRows(), 0
        for head in heads_by_time(self._ledger, streams):
            self._streams.append(head.stream_no)
            self._batches.append(head.batch_no)
            self._starts.append(start)
            start += len(head.fingerprints) // 32
            distinct.add(head.fingerprints)
        return distinct.settle()

    def __len__(self) -> int:
        return len(self._places)

    def rank(self, fingerprint: bytes) -> int | None:
        """At which place in the order of first sight a sample stands."""
        wanted = rows_of(fingerprint)[0]
        low = np.searchsorted(self._first_words, wanted[0], side="left")
        high = np.searchsorted(self._first_words, wanted[0], side="right")
        for rank in self._ranks[low:high]:
            if (self._rows[rank] == wanted).all():
                return int(rank)
        return None

    def record(self, rank: int) -> SampleRecord:
        """The sample at a place in that order, as it was first seen."""
        place = int(self._places[rank])
        number = bisect_right(self._starts, place) - 1
        return sample_record(self._batch(number), place - self._starts[number])

    def _batch(self, number: int) -> PackedBatch:
        latest = self._latest
        if latest is None or latest[0] != number:
            batch = _load(self._ledger, self._streams[number], self._batches[number])
            latest = self._latest = (number, batch)
        return latest[1]


class SampleSequence(LazySequence[SampleRecord]):
    """Distinct samples, in the order they were first seen.

    Which samples they are was settled when it was made and takes about 60 bytes for each; what
    else is known of a sample is read when it is asked for, from the database, which must
    be open then. ``in`` takes a sample id or a ``SampleRecord``.
    """

    def __init__(self, index: _SampleIndex, span: range) -> None:
        self._index = index
        self._span = span

    @classmethod
    def of(cls, ledger: Ledger, streams: Sequence[StreamRecord]) -> "SampleSequence":
        """The samples that some streams had when their records were read."""
        index = _SampleIndex(ledger, streams)
        return cls(index, range(len(index)))

    def _make(self, index: int) -> SampleRecord:
        return self._index.record(index)

    def _narrowed(self, span: range) -> "SampleSequence":
        return SampleSequence(self._index, span)

    def __contains__(self, value: object) -> bool:
        sample_id = value.sample_id if isinstance(value, SampleRecord) else value
        try:
            rank = self._index.rank(parse_sample_id(sample_id))
        except SampleNotFoundError:
            return False
        return rank is not None and rank in self._span


class BatchSequence(LazySequence[BatchRecord]):
    """Batches, stream by stream in the order those were opened, each in its own order.

    How many they are was settled when it was made; a batch is read when it is asked for,
    from the database, which must be open then.
    """

    def __init__(
        self, ledger: Ledger, streams: Sequence[StreamRecord], span: range | None = None
    ) -> None:
        self._ledger = ledger
        self._streams = streams
        self._ends = list(accumulate(stream.batches for stream in streams))
        self._span = range(self._ends[-1] if streams else 0) if span is None else span
        self._numbers: dict[int, list[int]] = {}

    def _narrowed(self, span: range) -> "BatchSequence":
        return BatchSequence(self._ledger, self._streams, span)

    def _make(self, index: int) -> BatchRecord:
        at = bisect_right(self._ends, index)
        stream = self._streams[at]
        batch_no = self._batch_numbers(stream)[index - (self._ends[at] - stream.batches)]
        return batch_record(_load(self._ledger, stream.stream_no, batch_no), stream)

    def _batch_numbers(self, stream: StreamRecord) -> Sequence[int]:
        known = self._numbers.get(stream.stream_no)
        if known is None:
            known = self._ledger.numbers(stream.stream_no, stream.batches)
            self._numbers[stream.stream_no] = known
        return known
