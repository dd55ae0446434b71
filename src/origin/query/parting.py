"""The first batch at which two runs part."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from origin.core.record import Gap, StreamRecord
from origin.core.wording import Shown, many
from origin.query.asking import Asker
from origin.query.records import BatchRecord, batch_record
from origin.query.relations import Relations
from origin.query.restarts import Numbers, StreamHeads, read_heads
from origin.query.wording import caveats_of, with_caveats
from origin.storage.database import ProvenanceDatabase


@dataclass(frozen=True, slots=True, repr=False)
class FirstDifference(Shown):
    """Where two runs part; or, where ``is_known`` is False, what keeps that from being known.

    Args:
        source_id, rank: of which source, on which rank.
        batch_no: the number of the first batch that is not the same. If all that could be
            compared is the same, of the first that could not, or may have followed.
        a, b: this batch in each session; None where a session has no such batch on record.
        is_known: whether the sessions differ here for certain. False: all batches that are on
            record of both sessions are the same, and others are missing from a record.
        uncompared: how many batches could not be compared, since they are missing from one of the
            records: of those before this one, on all ranks of its source, and of other sources.
        missing: why the batch itself is not on record, by session; a gap's reason.
        caveats: what keeps the answer from being about all that the sessions were handed.
    """

    source_id: str
    rank: int
    batch_no: int
    a: BatchRecord | None
    b: BatchRecord | None
    is_known: bool = True
    uncompared: int = 0
    missing: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()

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
        return with_caveats(self._text(), self.caveats)

    def _text(self) -> str:
        where = f"batch {self.batch_no} of {self.source_id!r} on rank {self.rank}"
        why = f" ({'; '.join(self.missing)})" if self.missing else ""
        if not self.is_known and not self.uncompared:
            return f"what is on record is the same; whether there was a {where} is not known"
        if not self.is_known:
            cannot = f"{many(self.uncompared, 'batch')} cannot, the first of them {where}{why}"
            return f"what can be compared is the same; {cannot}"
        rest = ""
        if self.uncompared:
            rest = f"; {many(self.uncompared, 'batch')} before it cannot be compared"
        if self.a is None or self.b is None:
            # What is missing from a record was there.
            is_lost = any("the first" in text for text in self.missing)
            which = "first" if self.a is None and not is_lost else "second"
            return f"the {which} session has no {where}{why}{rest}"
        if self.only_order:
            return f"{where} has the same samples in another order{rest}"
        differ = f"{len(self.positions)} of {many(max(self.a.samples, self.b.samples), 'position')}"
        return f"{where} differs at {differ}{rest}"


@dataclass(frozen=True)
class _Side:
    """One session's part of a pair.

    Args:
        stream: its stream.
        heads: the batches of that.
        gaps: the batches that are missing from it.
    """

    stream: StreamRecord
    heads: StreamHeads
    gaps: Sequence[Gap]

    @property
    def end(self) -> int:
        """The number behind its last batch, on record or not."""
        numbers = [int(one) for one in self.heads.numbers[-1:]]
        return max([-1, *numbers, *(gap.last_batch for gap in self.gaps)]) + 1

    def lack_of(self, number: int) -> str | None:
        """Why a batch is not on record; None if it is, or was never there."""
        if number >= self.end or number in self.heads.numbers:
            return None
        for gap in self.gaps:
            if gap.first_batch <= number <= gap.last_batch:
                return f"a gap: {gap.reason}"
        return "missing from the record"


@dataclass(frozen=True)
class _Pair:
    """A stream of each session that belong together; None where a session lacks it."""

    source_id: str
    rank: int
    a: _Side | None
    b: _Side | None

    @property
    def sides(self) -> list[_Side]:
        """Those that are there."""
        return [side for side in (self.a, self.b) if side is not None]

    def parting(self) -> int | None:
        """The number of the first batch that differs for certain."""
        if self.a is None or self.b is None:
            return 0
        unlike = _first_unlike(self.a.heads, self.b.heads)
        if unlike is None and self.a.end != self.b.end:
            return min(self.a.end, self.b.end)
        return unlike

    def uncompared(self, before: int | None = None) -> Numbers:
        """The numbers of the batches, before one or in all, that are not on both records."""
        if self.a is None or self.b is None:
            return np.empty(0, np.int64)
        end = min(self.a.end, self.b.end)
        both = np.intersect1d(self.a.heads.numbers, self.b.heads.numbers)
        return np.setdiff1d(np.arange(end if before is None else min(end, before)), both)

    def seen_at(self, number: int) -> int:
        """When a batch was seen, as far as that is known, by the first session that has it."""
        for side in self.sides:
            if len(side.heads):
                at = min(int(np.searchsorted(side.heads.numbers, number)), len(side.heads) - 1)
                return int(side.heads.seen_at[at])
        return 0


def find_first_difference(
    db: ProvenanceDatabase, asker: Asker, a: str, b: str
) -> FirstDifference | None:
    """The first batch at which two sessions part, if they do."""
    gaps: dict[int, list[Gap]] = {}
    for session_id in dict.fromkeys((a, b)):
        for gap in db.catalog.gaps(session_id):
            gaps.setdefault(gap.stream_no, []).append(gap)

    def find(relations: Relations) -> list[_Pair]:
        streams = relations.moment.streams
        heads = read_heads(relations, sorted({one.stream_no for one in streams}))
        sides = [_Side(one, heads[one.stream_no], gaps.get(one.stream_no, ())) for one in streams]
        of_a, of_b = (_by_turn(sides, session_id) for session_id in (a, b))
        keys = dict.fromkeys([*of_a, *of_b])
        return [_Pair(key[0], key[1], of_a.get(key), of_b.get(key)) for key in keys]

    pairs = asker.ask({a, b}, find)
    sessions = [db.get_session(session_id) for session_id in (a, b)]
    caveats = caveats_of(sessions)
    found = [(number, pair) for pair in pairs if (number := pair.parting()) is not None]
    if found:
        number, pair = _first(found)
        uncompared = sum(
            len(one.uncompared(number if one.source_id == pair.source_id else one.parting()))
            for one in pairs
        )
        return _difference(db, pair, number, True, uncompared, caveats)
    missing = [(int(one.uncompared()[0]), one) for one in pairs if len(one.uncompared())]
    if missing:
        number, pair = _first(missing)
        uncompared = sum(len(one.uncompared()) for one in pairs)
        return _difference(db, pair, number, False, uncompared, caveats)
    if pairs and any(one.status == "interrupted" or one.abandoned for one in sessions):
        number, pair = _first([(max(side.end for side in one.sides), one) for one in pairs])
        return _difference(db, pair, number, False, 0, caveats)
    return None


def _first(found: Sequence[tuple[int, _Pair]]) -> tuple[int, _Pair]:
    # Ranks go in step, so their clocks need not be compared; sources do not.
    firsts: dict[str, tuple[int, _Pair]] = {}
    for number, pair in sorted(found, key=lambda one: (one[0], one[1].rank)):
        firsts.setdefault(pair.source_id, (number, pair))
    return min(firsts.values(), key=lambda one: one[1].seen_at(one[0]))


def _difference(
    db: ProvenanceDatabase,
    pair: _Pair,
    number: int,
    is_known: bool,
    uncompared: int,
    caveats: tuple[str, ...],
) -> FirstDifference:
    sides = (("first", pair.a), ("second", pair.b))
    lacks = [(name, None if side is None else side.lack_of(number)) for name, side in sides]
    return FirstDifference(
        pair.source_id,
        pair.rank,
        number,
        _record(db, pair.a, number),
        _record(db, pair.b, number),
        is_known,
        uncompared,
        tuple(f"in the {name} session {lack}" for name, lack in lacks if lack is not None),
        caveats,
    )


def _record(db: ProvenanceDatabase, side: _Side | None, number: int) -> BatchRecord | None:
    if side is None:
        return None
    for batch in db.ledger.batches(side.stream.stream_no, number, number):
        return batch_record(batch, side.stream)
    return None


def _by_turn(sides: Sequence[_Side], session_id: str) -> dict[tuple[str, int, int], _Side]:
    """The streams of a session by source, rank and turn.

    A stream with nothing but gaps was given something, so it has a turn; one with nothing at all
    was not.
    """
    found: dict[tuple[str, int, int], _Side] = {}
    turns: dict[tuple[str, int], int] = {}
    for side in sides:
        if side.stream.session_id == session_id and side.end:
            key = (side.stream.source_id, side.stream.rank)
            turns[key] = turns.get(key, 0) + 1
            found[(*key, turns[key])] = side
    return found


def _first_unlike(a: StreamHeads, b: StreamHeads) -> int | None:
    """The number of the first batch that both have, with other samples."""
    import pyarrow.compute as pc

    numbers, at_a, at_b = np.intersect1d(a.numbers, b.numbers, return_indices=True)
    unlike = pc.not_equal(a.roots.take(at_a), b.roots.take(at_b)).to_numpy(zero_copy_only=False)
    found = np.flatnonzero(unlike)
    return int(numbers[found[0]]) if len(found) else None
