"""The first batch at which two runs part."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from origin.core.record import Gap, StreamRecord
from origin.query.asking import Asker
from origin.query.records import BatchRecord, batch_record
from origin.query.relations import Relations
from origin.query.restarts import Heads, read_heads
from origin.storage.database import ProvenanceDatabase


@dataclass(frozen=True, slots=True)
class FirstDifference:
    """Where two runs, which were given the same up to there, part.

    Args:
        source_id, rank: of which source, on which rank.
        batch_no: the number of the first batch that is not the same.
        a, b: this batch in each session; None where a session has no more batches.
        uncompared: how many batches before it are missing from one of the records, so that
            nobody knows whether the runs parted there.
    """

    source_id: str
    rank: int
    batch_no: int
    a: BatchRecord | None
    b: BatchRecord | None
    uncompared: int = 0

    @property
    def positions(self) -> tuple[int, ...]:
        """The positions in the batch at which the samples are not the same."""
        ids_a, ids_b = (() if one is None else one.sample_ids for one in (self.a, self.b))
        most = max(len(ids_a), len(ids_b))
        return tuple(at for at in range(most) if ids_a[at : at + 1] != ids_b[at : at + 1])

    @property
    def only_order(self) -> bool:
        """Whether both batches have the same samples, in another order."""
        if self.a is None or self.b is None:
            return False
        return sorted(self.a.sample_ids) == sorted(self.b.sample_ids)

    def __str__(self) -> str:
        where = f"batch {self.batch_no} of {self.source_id!r} on rank {self.rank}"
        rest = f"; {self.uncompared:,} before it cannot be compared" if self.uncompared else ""
        if self.a is None or self.b is None:
            which = "first" if self.a is None else "second"
            return f"the {which} session has no {where}{rest}"
        if self.only_order:
            return f"{where} has the same samples in another order{rest}"
        return f"{where} differs at {len(self.positions)} of {self.a.samples} positions{rest}"


@dataclass(frozen=True)
class _Pair:
    """A stream of each session that belong together; None where a session lacks it."""

    source_id: str
    rank: int
    a: StreamRecord | None
    b: StreamRecord | None


@dataclass(frozen=True)
class _Parting:
    """Where a pair parts.

    Args:
        batch_no: the number of the batch.
        seen_at: when it was seen, as far as that is known of the first session.
    """

    pair: _Pair
    batch_no: int
    seen_at: int
    uncompared: int


def find_first_difference(
    db: ProvenanceDatabase, asker: Asker, a: str, b: str
) -> FirstDifference | None:
    """The first batch at which two sessions part, if they do."""
    gaps = {
        number: missing
        for session_id in (a, b)
        for number, missing in _missing(db.catalog.gaps(session_id)).items()
    }

    def find(relations: Relations) -> list[_Parting]:
        streams = relations.moment.streams
        heads = read_heads(relations, sorted({one.stream_no for one in streams}))
        pairs = _pairs(
            [one for one in streams if one.session_id == a],
            [one for one in streams if one.session_id == b],
        )
        return [found for pair in pairs if (found := _part(pair, heads, gaps)) is not None]

    partings = asker.ask({a, b}, find)
    if not partings:
        return None
    # Ranks go in step, so their clocks need not be compared; sources do not.
    firsts: dict[str, _Parting] = {}
    for found in sorted(partings, key=lambda one: (one.batch_no, one.pair.rank)):
        firsts.setdefault(found.pair.source_id, found)
    first = min(firsts.values(), key=lambda one: one.seen_at)
    pair = first.pair
    return FirstDifference(
        pair.source_id,
        pair.rank,
        first.batch_no,
        _record(db, pair.a, first.batch_no),
        _record(db, pair.b, first.batch_no),
        first.uncompared,
    )


def _record(db: ProvenanceDatabase, stream: StreamRecord | None, number: int) -> BatchRecord | None:
    if stream is None:
        return None
    for batch in db.ledger.batches(stream.stream_no, number, number):
        return batch_record(batch, stream)
    return None


def _pairs(a: Sequence[StreamRecord], b: Sequence[StreamRecord]) -> Iterator[_Pair]:
    """The streams of two sessions that belong together: same source, same rank, same turn."""
    of_a, of_b = _by_turn(a), _by_turn(b)
    for key in dict.fromkeys([*of_a, *of_b]):
        yield _Pair(key[0], key[1], of_a.get(key), of_b.get(key))


def _by_turn(streams: Sequence[StreamRecord]) -> dict[tuple[str, int, int], StreamRecord]:
    found: dict[tuple[str, int, int], StreamRecord] = {}
    turns: dict[tuple[str, int], int] = {}
    for stream in streams:
        if stream.batches:
            key = (stream.source_id, stream.rank)
            turns[key] = turns.get(key, 0) + 1
            found[(*key, turns[key])] = stream
    return found


def _missing(gaps: Sequence[Gap]) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    for gap in gaps:
        found.setdefault(gap.stream_no, []).append((gap.first_batch, gap.last_batch))
    return found


def _part(
    pair: _Pair, heads: Mapping[int, Heads], gaps: Mapping[int, list[tuple[int, int]]]
) -> _Parting | None:
    sides = [None if one is None else heads[one.stream_no] for one in (pair.a, pair.b)]
    if sides[0] is None or sides[1] is None:
        there = sides[0] or sides[1]
        assert there is not None  # noqa: S101  a pair has one stream at least
        return _Parting(pair, int(there.numbers[0]), int(there.seen_at[0]), 0)
    ends = [
        max([int(side.numbers[-1]), *(last for _, last in gaps.get(one.stream_no, []))])
        for one, side in zip((pair.a, pair.b), sides, strict=True)
        if one is not None and side is not None
    ]
    number = _first_unlike(sides[0], sides[1])
    if number is None:
        if ends[0] == ends[1]:
            return None
        number = min(ends) + 1
    at = min(int(np.searchsorted(sides[0].numbers, number)), len(sides[0]) - 1)
    both = np.intersect1d(sides[0].numbers, sides[1].numbers)
    compared = int((both < number).sum())
    return _Parting(pair, number, int(sides[0].seen_at[at]), number - compared)


def _first_unlike(a: Heads, b: Heads) -> int | None:
    """The number of the first batch that both have, with other samples."""
    import pyarrow.compute as pc

    numbers, at_a, at_b = np.intersect1d(a.numbers, b.numbers, return_indices=True)
    unlike = pc.not_equal(a.roots.take(at_a), b.roots.take(at_b)).to_numpy(zero_copy_only=False)
    found = np.flatnonzero(unlike)
    return int(numbers[found[0]]) if len(found) else None
