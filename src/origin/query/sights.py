"""Where each of many samples was first seen, in a bit for each observation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from origin.core.record import StreamRecord
from origin.query.counts import slices
from origin.query.relations import Relations
from origin.query.sql import FIRST_SIGHTS
from origin.storage.batchtable import BatchTable

if TYPE_CHECKING:
    import pyarrow as pa

# So many bits are counted together and unpacked together; a multiple of 8.
_BLOCK = 1 << 12

Numbers = npt.NDArray[np.int64]


class Places:
    """All observations of some streams in the order of time, numbered from 0.

    Attributes:
        total: how many there are.
    """

    def __init__(self, table: BatchTable, streams: Sequence[StreamRecord]) -> None:
        heads = [table.heads(stream.stream_no, stream.batches) for stream in streams]
        self._streams = np.repeat(
            np.array([stream.stream_no for stream in streams], np.int64),
            [len(head.numbers) for head in heads],
        )
        self._numbers = _joined([head.numbers for head in heads])
        # A clock set back does not turn a stream around: each batch is as late as any before it.
        times = _joined([np.maximum.accumulate(head.seen_at) for head in heads])
        order = np.argsort(times, kind="stable")
        self._streams, self._numbers = self._streams[order], self._numbers[order]
        ends = np.cumsum(_joined([head.samples for head in heads])[order])
        self.total = int(ends[-1]) if len(ends) else 0
        self._starts = np.concatenate([np.zeros(1, np.int64), ends])[: len(ends)]

    def table(self) -> "pa.Table":
        """The place of the first sample of each batch."""
        import pyarrow as pa

        streams = pa.array(self._streams.astype(np.int32))
        return pa.table({"stream_no": streams, "batch_no": self._numbers, "place": self._starts})

    def at(self, places: Numbers) -> list[tuple[int, int, int]]:
        """Stream, batch and position of places."""
        # Of batches that begin at one place all but the last are empty.
        batches = np.searchsorted(self._starts, places, side="right") - 1
        columns = (self._streams[batches], self._numbers[batches], places - self._starts[batches])
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def of(self, stream_no: int, batch_no: int, position: int) -> int | None:
        """The place of a position of a batch; None if it is not among these."""
        found = np.flatnonzero((self._streams == stream_no) & (self._numbers == batch_no))
        return int(self._starts[found[0]]) + position if len(found) else None


def _joined(parts: list[Numbers]) -> Numbers:
    return np.concatenate([np.empty(0, np.int64), *parts])


@dataclass(frozen=True)
class FirstSights:
    """Which of all places are those of first sights.

    Args:
        places: all.
        bits: one for each place, eight to a byte.
        ends: how many bits are set up to the end of each block.
    """

    places: Places
    bits: npt.NDArray[np.uint8]
    ends: Numbers

    @classmethod
    def find(
        cls, relations: Relations, table: BatchTable, streams: Sequence[StreamRecord]
    ) -> "FirstSights":
        """Those of the samples of some streams of a moment."""
        places = Places(table, streams)
        seen = np.zeros(-(-places.total // _BLOCK) * _BLOCK, np.bool_)
        for found in _first_places(relations, places):
            seen[found] = True
        ends = np.cumsum(np.count_nonzero(seen.reshape(-1, _BLOCK), axis=1), dtype=np.int64)
        return cls(places, np.packbits(seen), ends)

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def at(self, ranks: range) -> list[tuple[int, int, int]]:
        """Stream, batch and position of those first sights that have so many before them."""
        wanted = np.arange(ranks.start, ranks.stop, ranks.step, dtype=np.int64)
        blocks = np.searchsorted(self.ends, wanted, side="right")
        places = np.empty(len(wanted), np.int64)
        for block in np.unique(blocks).tolist():
            inside = blocks == block
            before = int(self.ends[block - 1]) if block else 0
            set_bits = np.flatnonzero(self._block(block))
            places[inside] = block * _BLOCK + set_bits[wanted[inside] - before]
        return self.places.at(places)

    def rank(self, place: int) -> int:
        """How many first sights are before a place."""
        block, offset = divmod(place, _BLOCK)
        before = int(self.ends[block - 1]) if block else 0
        return before + int(np.count_nonzero(self._block(block)[:offset]))

    def _block(self, block: int) -> npt.NDArray[np.uint8]:
        return np.unpackbits(self.bits[block * _BLOCK // 8 : (block + 1) * _BLOCK // 8])


def _first_places(relations: Relations, places: Places) -> Iterator[Numbers]:
    if not places.total:
        return
    relations.give("batch_places", places.table())
    for low, high in slices(places.total):
        yield relations.within(low, high).table(FIRST_SIGHTS, (low, high))["place"].to_numpy()
