"""All sealed batches of some streams in their order, by one pass over the segments.

A segment is sorted by sample. Whoever wants all batches in order would go through the whole of it
for each quarter of a million observations; here its rows are dealt out once onto piles of so many
each, by the batch they belong to, and a pile is sorted when its turn comes.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from origin.core.record import PackedBatch
from origin.errors import OriginError, SegmentError, StorageError
from origin.storage.schema import BATCH_NO_BITS, stream_range
from origin.storage.sealing.columns import empty_table, number_column
from origin.storage.sealing.observations import schema
from origin.storage.sealing.sealed import (
    WINDOW_OBSERVATIONS,
    Chosen,
    Ids,
    Rows,
    SealedBatches,
    chosen,
)

if TYPE_CHECKING:
    import pyarrow as pa

# So many files are written at a time; for more piles the segments are gone through again.
_MOST_PILES = 128


class SortedBatches:
    """Reads sealed batches of some streams that are asked for in order, first to last.

    Args:
        sealed: reads what is sealed after the pass, and says what is wrong with a segment.
        segments: the folder of the segments.
        work: an empty folder for the piles.
        stream_nos: the streams, in any order; they are asked for in that of their numbers.
        path: of the database, for errors.
    """

    def __init__(
        self,
        sealed: SealedBatches,
        segments: Path,
        work: Path,
        stream_nos: Sequence[int],
        path: Path,
    ) -> None:
        self._sealed, self._segments, self._work, self._path = sealed, segments, work, path
        self._streams = sorted(set(stream_nos))
        self._starts = self._piles()
        self._dealt = range(0)
        self._number, self._rows = -1, Rows(empty_table(schema()), path)

    def _piles(self) -> Ids:
        """The first ``batch_id`` on each pile."""
        starts: list[int] = []
        size = WINDOW_OBSERVATIONS + 1
        for number in self._streams:
            following, end = stream_range(number)
            while heads := self._sealed.heads(following, end):
                own = sum(head[-1] for head in heads)
                if size + own > WINDOW_OBSERVATIONS:
                    starts.append(heads[0][0])
                    size = 0
                size += own
                following = heads[-1][0] + 1
        return np.array(starts, np.int64)

    def next_of(self, first_id: int, last_id: int) -> list[PackedBatch]:
        """The first sealed batches whose ``batch_id`` lies in a range of one stream, in order."""
        heads = self._sealed.heads(first_id, last_id)
        if not heads:
            return []
        number = int(np.searchsorted(self._starts, heads[0][0], "right")) - 1
        if number >= 0:
            end = self._end_of(number)
            own = heads if end is None else [head for head in heads if head[0] < end]
            try:
                return self._pile(number).batches(own)
            except SegmentError:
                pass  # sealed since the pass, or damaged
        return self._sealed.next_of(first_id, last_id)

    def _end_of(self, number: int) -> int | None:
        """The first ``batch_id`` that is beyond a pile."""
        return int(self._starts[number + 1]) if number + 1 < len(self._starts) else None

    def _pile(self, number: int) -> Rows:
        import pyarrow as pa

        if self._number != number:
            if number not in self._dealt:
                self._deal(number)
            path = self._file(number)
            table = empty_table(schema())
            if path.exists():
                with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as reader:
                    table = reader.read_all()
            self._number, self._rows = number, Rows(table, self._path)
            path.unlink(missing_ok=True)
        return self._rows

    def _deal(self, first: int) -> None:
        """Go through the segments, and deal out the rows of a pile and the next ones.

        Raises:
            SegmentError: a segment cannot be read.
            StorageError: the disk refused.
        """
        try:
            self._deal_out(first)
        except OriginError:
            raise
        except OSError as error:
            raise StorageError(
                f"what is to be sorted cannot be put into {self._work}: {error}; make room there, "
                "or name another folder in TMPDIR"
            ) from error

    def _deal_out(self, first: int) -> None:
        piles = range(first, min(first + _MOST_PILES, len(self._starts)))
        starts, end = self._starts[first : piles.stop], self._end_of(piles[-1])
        with ExitStack() as stack:
            writers = _Writers(stack, [self._file(number) for number in piles])
            for name in self._sealed.names(self._streams):
                for table, ids in chosen(
                    self._segments / name, lambda ids: self._are_on(ids, starts, end)
                ):
                    writers.write(table, np.searchsorted(starts, ids, "right") - 1)
        self._dealt = piles

    def _are_on(self, ids: Ids, starts: Ids, end: int | None) -> Chosen:
        wanted: Chosen = (ids >= starts[0]) & np.isin(ids >> BATCH_NO_BITS, self._streams)
        return wanted if end is None else wanted & (ids < end)

    def _file(self, number: int) -> Path:
        return self._work / f"{number}.arrow"


class _Writers:
    """A file for each of some piles, made when there is something for it."""

    def __init__(self, stack: ExitStack, files: Sequence[Path]) -> None:
        self._stack, self._files = stack, files
        self._open: dict[int, pa.ipc.RecordBatchStreamWriter] = {}

    def write(self, table: "pa.Table", piles: Ids) -> None:
        """Write rows, each to the pile of that number."""
        order = np.argsort(piles, kind="stable")
        sorted_rows = table.take(number_column(order))
        bounds = np.searchsorted(piles[order], np.arange(len(self._files) + 1)).tolist()
        for number, (begin, end) in enumerate(pairwise(bounds)):
            if begin < end:
                self._writer(number).write_table(sorted_rows.slice(begin, end - begin))

    def _writer(self, number: int) -> "pa.ipc.RecordBatchStreamWriter":
        import pyarrow as pa

        if number not in self._open:
            file = self._stack.enter_context(pa.OSFile(str(self._files[number]), "wb"))
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            self._open[number] = self._stack.enter_context(
                pa.ipc.new_stream(file, schema(), options=options)
            )
        return self._open[number]
