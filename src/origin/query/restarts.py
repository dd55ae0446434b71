"""What one rank was given of one source: passes of several streams, and where a restart went back.

A training run that died goes on in another session, or with another hook in the same one, and
is given again the batches since its last checkpoint. That shows exactly: the first batches of
the later stream have the Merkle roots of the last ones of the earlier stream.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from origin.core.record import StreamRecord
from origin.query.relations import Relations
from origin.query.sql import Query

if TYPE_CHECKING:
    import pyarrow as pa

# The batches of some streams, without what is in them.
STREAM_BATCHES = Query(
    "stream_batches",
    """
    SELECT b.stream_no, b.batch_no, b.epoch, b.seen_at, b.samples, b.root
    FROM batch_heads AS b JOIN asked_streams AS a ON b.stream_no = a.stream_no
    ORDER BY b.stream_no, b.batch_no
    """,
    ("batch_heads", "asked_streams"),
)

Numbers = npt.NDArray[np.int64]

# A batch that was delivered more often than that tells nothing of a restart.
_MOST_PLACES = 1000


@dataclass(frozen=True)
class StreamHeads:
    """The batches of one stream in order, as columns."""

    numbers: Numbers
    epochs: Numbers
    seen_at: Numbers
    samples: Numbers
    roots: "pa.Array"

    def __len__(self) -> int:
        return len(self.numbers)


def read_heads(relations: Relations, stream_nos: Sequence[int]) -> dict[int, StreamHeads]:
    """The batches of some streams, by the streams' numbers."""
    import pyarrow as pa

    relations.give("asked_streams", pa.table({"stream_no": pa.array(stream_nos, pa.int32())}))
    table = relations.table(STREAM_BATCHES).combine_chunks()
    owners = _numbers(table["stream_no"])
    columns = [_numbers(table[name]) for name in ("batch_no", "epoch", "seen_at", "samples")]
    roots = table["root"].chunk(0) if table.num_rows else pa.array([], pa.binary())
    found = {}
    for number in stream_nos:
        first, last = np.searchsorted(owners, [number, number + 1]).tolist()
        numbers, epochs, seen_at, samples = (column[first:last] for column in columns)
        own = roots.slice(first, last - first)
        found[number] = StreamHeads(numbers, epochs, seen_at, samples, own)
    return found


def _numbers(column: Any) -> Numbers:
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms"))
    numbers: Numbers = column.to_numpy().astype(np.int64)
    return numbers


@dataclass(frozen=True)
class Restart:
    """A later stream begins with batches that earlier ones had delivered already.

    Args:
        source_id, rank: whose.
        earlier, later: the stream in which the first of these batches was delivered before, and
            the one that delivered them again.
        batches: how many batches were delivered again.
        first_batch, last_batch: the numbers they have where they were delivered before.
        seen_at: when the first was delivered again, milliseconds since 1970.
        shift: what the later stream's epochs lack to be numbered as the earlier one's.
        samples: how many observations were delivered again, by epoch.
        by_epoch: how many batches, likewise.
    """

    source_id: str
    rank: int
    earlier: int
    later: int
    batches: int
    first_batch: int
    last_batch: int
    seen_at: int
    shift: int
    samples: Mapping[int, int]
    by_epoch: Mapping[int, int]


class _Delivered:
    """What a rank was given of a source, each batch once: streams put together at restarts.

    Batches without samples are left out.
    """

    def __init__(self, stream_no: int, heads: StreamHeads, shift: int = 0) -> None:
        # Batches without samples all have one root, which tells nothing.
        filled = np.flatnonzero(heads.samples > 0)
        self.epochs = heads.epochs[filled] + shift
        self.samples = heads.samples[filled]
        self.numbers = heads.numbers[filled]
        self.owners = np.full(len(filled), stream_no, np.int64)
        self.roots = heads.roots.take(filled).to_pylist()
        self.last_seen = int(heads.seen_at[-1])

    def cut(self, length: int) -> None:
        """Forget all but the first batches."""
        for name in ("epochs", "samples", "numbers", "owners", "roots"):
            setattr(self, name, getattr(self, name)[:length])

    def add(self, later: "_Delivered") -> None:
        """Another stream goes on from here."""
        for name in ("epochs", "samples", "numbers", "owners"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(later, name)]))
        self.roots = self.roots + later.roots
        self.last_seen = max(self.last_seen, later.last_seen)


def find_restarts(
    streams: Sequence[StreamRecord], heads: Mapping[int, StreamHeads]
) -> Iterator[Restart]:
    """Where streams begin with what was delivered before to the same rank, of the same source.

    Args:
        streams: in the order in which they were opened.
        heads: their batches.
    """
    chains: dict[tuple[str, int, int], list[StreamRecord]] = {}
    for stream in streams:
        if heads[stream.stream_no].samples.any():
            key = (stream.source_id, stream.rank, stream.world_size)
            chains.setdefault(key, []).append(stream)
    for chain in chains.values():
        if len(chain) > 1:
            yield from _restarts_in(chain, heads)


def _restarts_in(
    chain: Sequence[StreamRecord], heads: Mapping[int, StreamHeads]
) -> Iterator[Restart]:
    before = _Delivered(chain[0].stream_no, heads[chain[0].stream_no])
    for stream in chain[1:]:
        own = heads[stream.stream_no]
        later = _Delivered(stream.stream_no, own)
        # Streams that were open together are no restart.
        at = _where(before, later) if own.seen_at[0] >= before.last_seen else None
        if at is None:
            before.add(later)
            continue
        length = min(len(before.roots) - at, len(later.roots))
        shift = int(before.epochs[at] - later.epochs[0])
        yield _restart(stream, before, own, at, length, shift)
        if length < len(later.roots):
            before.cut(at)
            before.add(_Delivered(stream.stream_no, own, shift))
        before.last_seen = max(before.last_seen, later.last_seen)


def _restart(
    later: StreamRecord, before: _Delivered, own: StreamHeads, at: int, length: int, shift: int
) -> Restart:
    epochs, samples = before.epochs[at : at + length], before.samples[at : at + length]
    each = {int(epoch): epochs == epoch for epoch in np.unique(epochs)}
    return Restart(
        source_id=later.source_id,
        rank=later.rank,
        earlier=int(before.owners[at]),
        later=later.stream_no,
        batches=length,
        first_batch=int(before.numbers[at]),
        last_batch=int(before.numbers[at + length - 1]),
        seen_at=int(own.seen_at[0]),
        shift=shift,
        samples={epoch: int(samples[own].sum()) for epoch, own in each.items()},
        by_epoch={epoch: int(own.sum()) for epoch, own in each.items()},
    )


def _where(before: _Delivered, later: _Delivered) -> int | None:
    """The place of the batch with which the later stream begins again, if it does."""
    fallback = None
    # Where an order repeats itself several places fit: the one in the same epoch is meant, or
    # for epochs that are numbered anew, the last.
    for at in _places(before.roots, later.roots[0]):
        length = min(len(before.roots) - at, len(later.roots))
        if before.roots[at : at + length] != later.roots[:length]:
            continue
        if not _change_alike(before.epochs[at : at + length], later.epochs[:length]):
            continue
        if before.epochs[at] == later.epochs[0]:
            return at
        if fallback is None and later.epochs[0] == 0:
            fallback = at
    return fallback


def _places(roots: Sequence[bytes], wanted: bytes) -> list[int]:
    """The last places at which a root stands, the latest first."""
    found = [at for at, root in enumerate(roots) if root == wanted]
    return found[: -_MOST_PLACES - 1 : -1]


def _change_alike(a: Numbers, b: Numbers) -> bool:
    """Whether epochs begin at the same places in both."""
    return bool((np.diff(a) == np.diff(b)).all())
