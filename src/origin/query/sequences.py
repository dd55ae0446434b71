"""Long answers that are not built before they are looked at."""

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Generic, NamedTuple, TypeVar, overload

from origin.core.record import SampleRecord, StreamRecord
from origin.errors import SampleNotFoundError
from origin.query.batches import BatchReader
from origin.query.records import BatchRecord, batch_record, parse_sample_id, sample_record
from origin.query.sights import FirstSights, Numbers
from origin.storage.batchtable import BatchTable

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


# So many samples are looked for together by who goes through all of them.
_AT_ONCE = 1 << 10

# Where a sample was seen: stream, batch and position, for each observation.
Sights = Callable[[str], Sequence[tuple[int, int, int]]]


class FirstSight(NamedTuple):
    """A sample, and where it was seen first."""

    sample: SampleRecord
    stream_no: int
    batch_no: int
    position: int
    epoch: int


class SampleSequence(LazySequence[SampleRecord]):
    """Distinct samples, in the order they were first seen.

    Which samples they are was settled when it was made. That takes a bit for each observation and
    some 30 bytes for each batch, and while it is made a byte for each observation; what is
    known of a sample is read when it is asked for, from the database, which must be open
    then. ``in`` takes a sample id or a ``SampleRecord``.

    Args:
        firsts: where each of the samples was first seen.
        reader: of the batches where that was.
        sights: where a sample was seen, by its id.
        span: which of them are in the sequence; all when left out.
    """

    def __init__(
        self, firsts: FirstSights, reader: BatchReader, sights: Sights, span: range | None = None
    ) -> None:
        self._firsts, self._reader, self._sights = firsts, reader, sights
        self._span = range(len(firsts)) if span is None else span

    def _make(self, index: int) -> SampleRecord:
        return next(self._some(range(index, index + 1)))

    def _some(self, span: range) -> Iterator[SampleRecord]:
        for stream_no, batch_no, position in self._firsts.at(span):
            yield sample_record(self._reader.load(stream_no, batch_no), position)

    def __iter__(self) -> Iterator[SampleRecord]:
        for first in range(0, len(self._span), _AT_ONCE):
            yield from self._some(self._span[first : first + _AT_ONCE])

    def first_sights(self) -> Iterator[FirstSight]:
        """The samples, each with the place where it was seen first."""
        for first in range(0, len(self._span), _AT_ONCE):
            for place in self._firsts.at(self._span[first : first + _AT_ONCE]):
                batch = self._reader.load(*place[:2])
                yield FirstSight(sample_record(batch, place[2]), *place, batch.epoch)

    def _narrowed(self, span: range) -> "SampleSequence":
        return SampleSequence(self._firsts, self._reader, self._sights, span)

    def __contains__(self, value: object) -> bool:
        sample_id = value.sample_id if isinstance(value, SampleRecord) else value
        try:
            fingerprint = parse_sample_id(sample_id)
        except SampleNotFoundError:
            return False
        seen = (self._firsts.places.of(*sight) for sight in self._sights(fingerprint.hex()))
        # What was seen since the sequence was made has no place in it.
        places = [place for place in seen if place is not None]
        return bool(places) and self._firsts.rank(min(places)) in self._span


class BatchSequence(LazySequence[BatchRecord]):
    """Batches, stream by stream in the order those were opened, each in its own order.

    How many they are was settled when it was made; a batch is read when it is asked for,
    from the database, which must be open then.

    Args:
        table: of the batches.
        reader: of the same.
        streams: whose batches they are, as their records were read.
        span: which of them are in the sequence; all when left out.
    """

    def __init__(
        self,
        table: BatchTable,
        reader: BatchReader,
        streams: Sequence[StreamRecord],
        span: range | None = None,
    ) -> None:
        self._table, self._reader, self._streams = table, reader, streams
        self._ends = list(accumulate(stream.batches for stream in streams))
        self._span = range(self._ends[-1] if streams else 0) if span is None else span
        self._numbers: dict[int, Numbers] = {}

    def _narrowed(self, span: range) -> "BatchSequence":
        return BatchSequence(self._table, self._reader, self._streams, span)

    def _make(self, index: int) -> BatchRecord:
        at = bisect_right(self._ends, index)
        stream = self._streams[at]
        batch_no = int(self._batch_numbers(stream)[index - (self._ends[at] - stream.batches)])
        return batch_record(self._reader.load(stream.stream_no, batch_no), stream)

    def _batch_numbers(self, stream: StreamRecord) -> Numbers:
        known = self._numbers.get(stream.stream_no)
        if known is None:
            known = self._table.heads(stream.stream_no, stream.batches).numbers
            self._numbers[stream.stream_no] = known
        return known
