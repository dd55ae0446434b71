"""Holds a record against a head that was signed of it, and says what was edited since."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import count, islice

from origin.core.hashing import merkle_root_of
from origin.core.log import BatchLeaf, CloseLeaf, GapLeaf, OpenLeaf, StateLeaf, session_of
from origin.core.merkle import leaf_hash, root_over
from origin.core.note import Head, Note
from origin.core.record import PackedBatch, SessionRecord, StreamRecord
from origin.core.wording import many, one_line, were
from origin.errors import (
    DatabaseBusyError,
    RecordAlteredError,
    SessionNotFoundError,
    StorageError,
)
from origin.proof.sets import set_tree
from origin.query.asking import Asker
from origin.query.members import Members
from origin.storage.database import ProvenanceDatabase
from origin.storage.heads import Signed, require_extends, require_head
from origin.storage.sessionlogs import is_held

# More of one kind in one stream would hide all else.
_MOST = 20

_PAGE = 1 << 15


@dataclass(frozen=True, slots=True)
class Difference:
    """Something on record that is not as it was signed.

    Args:
        kind: ``states``, ``log``, ``cut``, ``dropped``, ``swapped``, ``replaced``, ``added``,
            ``samples``, ``license``, ``opening``, ``gaps``, ``close`` or ``set``.
        stream: which stream of the session, from 0; None if it is of the whole.
        batch: the number of a batch, if it is about one.
        text: what, in words.
    """

    kind: str
    stream: int | None
    batch: int | None
    text: str

    def __str__(self) -> str:
        where = "" if self.stream is None else f"stream {self.stream}: "
        return f"{where}{self.text}"


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found when a record was held against a head.

    Args:
        session_id: the session.
        state: the state that was signed; None if the record does not have it.
        differences: what is not as it was signed.
        batches: how many batches were computed anew from their samples.
        observations: how many samples these have.
        samples: whether they were; else the logs alone were held against the record.
    """

    session_id: str
    state: StateLeaf | None
    differences: tuple[Difference, ...]
    batches: int
    observations: int
    samples: bool = True

    @property
    def ok(self) -> bool:
        """Whether all is as it was signed."""
        return not self.differences

    def __str__(self) -> str:
        looked = f"{many(self.batches, 'batch')}, {many(self.observations, 'observation')}"
        if not self.samples:
            looked = "logs and batches, but not their samples"
        if self.ok:
            return f"session {self.session_id}: {looked}: all is as it was signed"
        told = "\n".join(f"  {one}" for one in self.differences)
        return f"session {self.session_id}: {looked}: it is not what was signed\n{told}"


def examine(db: ProvenanceDatabase, note: Note, *, samples: bool = True) -> Examination:
    """Compute a session anew, and hold it against a head that was signed of it.

    Whose signature the head has is for the caller to check first: ``Note.signers``.

    Args:
        db: an open database.
        note: the head.
        samples: also compute the root of each batch and the sets from their samples; that
            reads all of them.

    Returns:
        What was found; it is no error when something differs.

    Raises:
        ProofError: it is no head of a session.
    """
    head = Head.parse(note.text)
    session_id = session_of(head.origin)
    try:
        states = [one.leaf for one in db.logs.states(session_id)]
        leaves = [one.data() for one in states]
        require_extends(leaves, Signed(session_id, head.size, head.root.hex()))
    except (RecordAlteredError, SessionNotFoundError) as error:
        found = [Difference("states", None, None, str(error))]
        return Examination(session_id, None, tuple(found), 0, 0, samples)
    return _Examiner(db, session_id, states[head.size - 1], samples).run()


def begins(db: ProvenanceDatabase, note: Note) -> Examination:
    """Whether the logs of a session begin with what a head was signed over; nothing else is read.

    Args:
        db: an open database.
        note: the head.

    Raises:
        ProofError: it is no head of a session.
    """
    session_id = session_of(Head.parse(note.text).origin)
    try:
        return Examination(session_id, require_head(db.logs, note), (), 0, 0, samples=False)
    except RecordAlteredError as error:
        found = Difference("states", None, None, str(error))
        return Examination(session_id, None, (found,), 0, 0, samples=False)


class _Examiner:
    def __init__(
        self, db: ProvenanceDatabase, session_id: str, state: StateLeaf, samples: bool
    ) -> None:
        self._db, self._state, self._samples = db, state, samples
        self._session = db.get_session(session_id)
        self._members = Members(Asker(db, "512MB"))
        self._batches = self._observations = 0

    def run(self) -> Examination:
        found: list[Difference] = []
        session_id = self._session.session_id
        streams = self._db.catalog.streams(session_id)
        lost = len(self._state.streams) - len(streams)
        if lost > 0:
            text = f"{many(lost, 'stream')} that {were(lost)} signed cannot be found"
            found.append(Difference("cut", None, None, text))
        numbers = [one.stream_no for one in streams]
        with self._db.ledger.in_order(numbers) as batches:
            for number, (stream, head) in enumerate(
                zip(streams, self._state.streams, strict=False)
            ):
                try:
                    own = _StreamExaminer(self._db, self._session, number, stream, *head)
                except RecordAlteredError as error:
                    found.append(Difference("log", number, None, str(error)))
                    continue
                found += own.logs()
                if self._samples:
                    found += list(own.samples(batches(stream.stream_no)))[:_MOST]
                    found += own.sets(self._members)
                self._batches += own.batches
                self._observations += own.observations
        counts = self._batches, self._observations
        return Examination(session_id, self._state, tuple(found), *counts, samples=self._samples)


class _StreamExaminer:
    """One stream, as it is on record now, and its log."""

    def __init__(
        self,
        db: ProvenanceDatabase,
        session: SessionRecord,
        number: int,
        stream: StreamRecord,
        size: int,
        root: str,
    ) -> None:
        self._db, self._session, self._number, self._stream = db, session, number, stream
        self._size, self._root = size, root
        self.batches = self.observations = 0
        self._entries = dict(one for one in db.logs.entries(stream.stream_no) if one[0] < size)

    def _found(self, kind: str, text: str, batch: int | None = None) -> Difference:
        return Difference(kind, self._number, batch, text)

    # -- the log -----------------------------------------------------------------------

    def logs(self) -> list[Difference]:
        """What of the log, or of what it stands for, is not as it was signed."""
        tables = self._db.logs.tables
        end = tables.end(self._stream.stream_no)
        found: list[Difference] = []
        if end.size < self._size:
            text = f"{self._size - end.size} of the {self._size} leaves that were signed are gone"
            found.append(self._found("cut", text))
        hashes = tables.hashes(self._stream.stream_no, min(end.size, self._size))
        if end.size >= self._size and root_over(hashes).hex() != self._root:
            text = (
                f"its log is another: the first {self._size} leaves do not lead to what was signed"
            )
            found.append(self._found("log", text))
        found += self._opening(hashes)
        found += self._others(hashes)
        found += self._order(hashes)
        return found

    def _opening(self, hashes: list[bytes]) -> Iterator[Difference]:
        now = self._db.logs.opening(self._session, self._number, self._stream)
        if hashes and leaf_hash(now.data()) == hashes[0]:
            return
        then = self._entries.get(0)
        if not isinstance(then, OpenLeaf):
            yield self._found("opening", "how it was opened is not on record")
            return
        for one in fields(OpenLeaf):
            before, after = getattr(then, one.name), getattr(now, one.name)
            if before != after:
                kind = "license" if one.name == "license" else "opening"
                yield self._found(
                    kind,
                    f"its {one.name} is {_shown(after)} on record; signed was {_shown(before)}",
                )

    def _others(self, hashes: list[bytes]) -> Iterator[Difference]:
        """Gaps and closings."""
        gaps = self._db.logs.gaps(self._session.session_id, self._stream.stream_no)
        for at, leaf in self._entries.items():
            if at < len(hashes) and leaf_hash(leaf.data()) != hashes[at]:
                yield self._found("log", f"its leaf {at} is not the one that was signed")
            if isinstance(leaf, GapLeaf) and not is_held(leaf, gaps):
                where = f"from batch {leaf.first} to {leaf.last}"
                yield self._found("gaps", f"the gap {where} is not on record as it was signed")
        for gap in gaps:
            number = self._db.logs.tables.first_batch(
                self._stream.stream_no, gap.first_batch, gap.last_batch
            )
            if number is not None:
                where = f"from batch {gap.first_batch} to {gap.last_batch}"
                yield self._found("gaps", f"batch {number} is on record, and in the gap {where}")
        last = self._entries.get(self._size - 1)
        if isinstance(last, CloseLeaf):
            yield from self._closing(last)

    def _closing(self, leaf: CloseLeaf) -> Iterator[Difference]:
        for name, now, then in (
            ("status", self._session.status, leaf.status),
            ("ended_at", self._session.ended_at, leaf.ended_at),
            ("batches", self._stream.batches, leaf.batches),
            ("observations", self._stream.observations, leaf.observations),
            ("bytes_seen", self._stream.bytes_seen, leaf.bytes_seen),
        ):
            if now != then:
                yield self._found(
                    "close", f"its {name} is {_shown(now)} on record; signed was {_shown(then)}"
                )
        there = self._db.logs.tables.count_batches(self._stream.stream_no)
        if there > leaf.batches:
            more = many(there - leaf.batches, "batch")
            yield self._found("added", f"{more} more than were signed when it was closed")

    # -- batches -----------------------------------------------------------------------

    def _order(self, hashes: list[bytes]) -> list[Difference]:
        """Which batches are dropped, swapped, replaced or added, as far as the log tells."""
        # The first leaf is never a batch, also where it is lost.
        others = {0, *self._entries}
        wanted = [one for at, one in enumerate(hashes) if at not in others]
        there = self._all_batches(len(wanted))
        if [leaf_hash(one.data()) for one in there] == wanted:
            return []
        gaps = [one for one in self._entries.values() if isinstance(one, GapLeaf)]
        signed = numbers_of(there, wanted, gaps)
        own = {one.batch: one for one in there}
        last = max([number for number in signed if number in own], default=-1)
        altered = [
            number
            for number, expected in signed.items()
            if number in own and leaf_hash(own[number].data()) != expected
        ]
        swapped = dict(_swapped(own, signed, altered))
        found = [self._altered(number, swapped.get(number)) for number in altered]
        found += [
            self._found("dropped", f"batch {one} is dropped: it was signed and is not there", one)
            for one in signed
            if one not in own and one < last
        ]
        found += [
            self._found("added", f"batch {one} is on record and was not signed", one)
            for one in own
            if one not in signed and one < last
        ]
        cut = len(wanted) - sum(number <= last for number in signed)
        if cut:
            found.append(self._found("cut", f"{many(cut, 'batch')} at its end cannot be found"))
        more = len(found) - _MOST
        rest = [self._found("log", f"{many(more, 'further difference')}")] if more > 0 else []
        return found[:_MOST] + rest

    def _altered(self, number: int, other: int | None) -> Difference:
        if other is None:
            text = f"batch {number} is replaced: its samples, their order or its epoch are others"
            return self._found("replaced", text, number)
        text = f"batch {number} is swapped: it holds what was signed as batch {other}"
        return self._found("swapped", text, number)

    def _all_batches(self, count: int) -> list[BatchLeaf]:
        """The first batches that are there now, as many as were signed."""
        found: list[BatchLeaf] = []
        while len(found) < count:
            after = found[-1].batch if found else -1
            page = self._db.logs.tables.batches(
                self._stream.stream_no, after, min(_PAGE, count - len(found))
            )
            if not page:
                break
            found += page
        return found

    # -- samples -----------------------------------------------------------------------

    def samples(self, batches: Iterable[PackedBatch]) -> Iterator[Difference]:
        """Batches of which the samples do not lead to the root on record."""
        try:
            for batch in batches:
                self.batches += 1
                self.observations += batch.count
                if merkle_root_of(batch.fingerprints) != batch.root:
                    yield self._found(
                        "samples",
                        f"batch {batch.batch_no}: its samples are not those its root stands for; "
                        "at least one was replaced",
                        batch.batch_no,
                    )
        except StorageError as error:
            yield self._found("samples", one_line(str(error)))

    def sets(self, members: Members) -> list[Difference]:
        """The closing leaf's set, computed anew."""
        last = self._entries.get(self._size - 1)
        if not isinstance(last, CloseLeaf):
            return []
        try:
            parts = members.in_order(self._session.session_id, self._stream)
            tree = set_tree(parts, self._stream.observations)
        except DatabaseBusyError:
            return [self._found("set", "its samples are not all where the record says they are")]
        except StorageError as error:
            return [self._found("set", one_line(str(error)))]
        if (tree.size, tree.root.hex()) == (last.set_size, last.set_root):
            return []
        text = f"its {tree.size:,} different samples are not the {last.set_size:,} that were signed"
        return [self._found("set", text)]


def numbers_of(
    there: Sequence[BatchLeaf], wanted: Sequence[bytes], gaps: Sequence[GapLeaf]
) -> dict[int, bytes]:
    """Which number each batch had that was signed, and the hash of its leaf.

    A hash does not tell the number. Those of batches that are as they were do, and what lies
    between two of them are the numbers between theirs, but for those in gaps.

    Args:
        there: the batches that are there now, in order.
        wanted: the hashes of those that were signed, in order.
        gaps: of the stream, as they were signed.

    >>> one, two = BatchLeaf(0, 0, 1, "00" * 32), BatchLeaf(2, 0, 1, "11" * 32)
    >>> list(numbers_of([one, two], [leaf_hash(one.data()), bytes(32), leaf_hash(two.data())], []))
    [0, 1, 2]
    """
    known = {leaf_hash(one.data()): one.batch for one in there}
    found: dict[int, bytes] = {}
    unknown: list[bytes] = []
    before = -1
    for one in [*wanted, None]:
        number = None if one is None else known.get(one)
        if one is not None and number is None:
            unknown.append(one)
            continue
        free = _free(before + 1, number, gaps)
        found |= zip(islice(free, len(unknown)), unknown, strict=False)
        unknown = []
        if number is not None and one is not None:
            before = number
            found[number] = one
    return found


def _free(first: int, end: int | None, gaps: Sequence[GapLeaf]) -> Iterator[int]:
    numbers = count(first) if end is None else range(first, end)
    return (one for one in numbers if not any(gap.first <= one <= gap.last for gap in gaps))


def _swapped(
    own: dict[int, BatchLeaf], wanted: dict[int, bytes], altered: list[int]
) -> list[tuple[int, int]]:
    """Batches that hold what was signed as another: its number, and that of the other."""
    some = altered[: 10 * _MOST]
    found = []
    for one in some:
        leaf = own[one]
        for other in some:
            as_other = BatchLeaf(other, leaf.epoch, leaf.samples, leaf.root)
            if other != one and leaf_hash(as_other.data()) == wanted[other]:
                found.append((one, other))
                break
    return found


def _shown(value: object) -> str:
    return one_line(repr(value))
