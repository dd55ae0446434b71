"""Brings the logs of a session up to what is on record, and notes its states.

Nothing of this happens while a session is recorded: the logs are written when a head is to be
signed, from what is committed by then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from origin.core.log import (
    BatchLeaf,
    CloseLeaf,
    GapLeaf,
    Heads,
    Leaf,
    OpenLeaf,
    StateLeaf,
    parse_leaf,
)
from origin.core.merkle import leaf_hash
from origin.core.note import Note
from origin.core.record import Gap, SessionRecord, StreamRecord
from origin.errors import ProofError, RecordAlteredError
from origin.storage.catalog import Catalog
from origin.storage.connection import Connection
from origin.storage.logs import LogEnd, Logs, SessionState, SetTree

# So many batches are read and written in one transaction; others may write between two.
_AT_ONCE = 1 << 15


@dataclass(frozen=True, slots=True)
class State:
    """A state of a session, read.

    Args:
        leaf: what it says.
        recorded_at: ISO 8601 time.
        head: the signed note over all states up to this one; None until it was signed.
    """

    leaf: StateLeaf
    recorded_at: str
    head: str | None

    @property
    def number(self) -> int:
        """Its number, from 0."""
        return self.leaf.state

    @classmethod
    def of(cls, stored: SessionState) -> "State":
        """A state as it is stored.

        Raises:
            RecordAlteredError: it is damaged.
        """
        try:
            return cls(parse_leaf(stored.leaf, StateLeaf), stored.recorded_at, stored.head)
        except ProofError as error:
            raise RecordAlteredError(f"state {stored.number} is damaged: {error}") from error


class SessionLogs:
    """The logs of the sessions of one database."""

    def __init__(self, connection: Connection, fingerprint: str) -> None:
        self._db = connection
        self._catalog = Catalog(connection)
        self._fingerprint = fingerprint
        self.tables = Logs(connection)

    def states(self, session_id: str) -> list[State]:
        """The states of a session, in order."""
        session_no, _ = self._catalog.session_state(session_id)
        return [State.of(one) for one in self.tables.states(session_no)]

    def entries(self, stream_no: int) -> list[tuple[int, Leaf]]:
        """The leaves of a stream that are no batches, with their indices, in order.

        Raises:
            RecordAlteredError: one is damaged.
        """
        try:
            return [(at, parse_leaf(leaf, Leaf)) for at, leaf in self.tables.entries(stream_no)]
        except ProofError as error:
            raise RecordAlteredError(
                f"the log of stream {stream_no} is damaged: {error}"
            ) from error

    def unclosed(self, session_id: str) -> list[StreamRecord]:
        """The streams of a session that has ended of which the set tree is not known yet."""
        if self._catalog.session(session_id).ended_at is None:
            return []
        return [
            one
            for one in self._catalog.streams(session_id)
            if (tree := self.tables.set_tree(one.stream_no)) is None
            or tree.observations != one.observations
        ]

    def settle(self, session_id: str, sets: Mapping[int, SetTree] | None = None) -> State:
        """Bring the logs up to what is committed, and note the state they are in then.

        Args:
            session_id: which session.
            sets: the trees over the fingerprints of ``unclosed`` streams, by stream.

        Raises:
            SessionNotFoundError: no session has that id.
            ReadOnlyDatabaseError: the database is read-only.
            RecordAlteredError: what the logs hold is not what was signed.
            StorageError: the disk or SQLite refused; the logs stay as they were.
        """
        self._catalog.session_state(session_id)
        for stream in self._catalog.streams(session_id):
            while not self._advance_once(session_id, stream):
                pass
        with self._db.transaction():
            for stream_no, tree in (sets or {}).items():
                self.tables.put_set_tree(stream_no, tree)
            session = self._catalog.session(session_id)
            heads: Heads = []
            for number, stream in enumerate(self._catalog.streams(session_id)):
                work = _Stream(self, session, number, stream)
                while not work.advance():
                    pass
                work.close()
                size = work.end.size
                heads.append([size, self.tables.root(stream.stream_no, size).hex()])
            return self._note(session_id, heads)

    def _advance_once(self, session_id: str, stream: StreamRecord) -> bool:
        with self._db.transaction():
            session = self._catalog.session(session_id)
            numbers = [one.stream_no for one in self._catalog.streams(session_id)]
            return _Stream(self, session, numbers.index(stream.stream_no), stream).advance()

    def _note(self, session_id: str, heads: Heads) -> State:
        session_no, _ = self._catalog.session_state(session_id)
        states = self.states(session_id)
        if states:
            self.require_prefix(session_id, states[-1].leaf)
            if states[-1].leaf.streams == heads:
                return states[-1]
        leaf = StateLeaf(session_id, len(states), heads)
        self.tables.add_state(session_no, leaf.state, leaf.data())
        return self.states(session_id)[-1]

    def require_prefix(self, session_id: str, leaf: StateLeaf) -> None:
        """Raise unless the logs of a session begin with what they were in a state.

        Raises:
            RecordAlteredError: they do not.
        """
        streams = self._catalog.streams(session_id)
        if len(streams) < len(leaf.streams):
            raise RecordAlteredError(
                f"session {session_id} has {len(streams)} streams; there were "
                f"{len(leaf.streams)} in state {leaf.state}, which was signed"
            )
        for number, (stream, (size, root)) in enumerate(zip(streams, leaf.streams, strict=False)):
            end = self.tables.end(stream.stream_no)
            if end.size < size:
                raise RecordAlteredError(
                    f"the log of stream {number} of session {session_id} has {end.size} leaves; "
                    f"it had {size} in state {leaf.state}, which was signed"
                )
            if self.tables.root(stream.stream_no, size).hex() != root:
                raise RecordAlteredError(
                    f"the first {size} leaves of stream {number} of session {session_id} are not "
                    f"those of state {leaf.state}, which was signed"
                )

    def put_head(self, session_id: str, number: int, head: Note) -> Note:
        """Keep the signed note over the states up to a number, with all signatures there are.

        Args:
            session_id: which session.
            number: of the last state that it is over.
            head: what was signed.

        Returns:
            The note as it is kept; others may have signed it, too.

        Raises:
            RecordAlteredError: what others signed is another text, or cannot be read.
        """
        with self._db.transaction():
            session_no, _ = self._catalog.session_state(session_id)
            state = self.states(session_id)[number]
            note = _joined(state.head, head)
            self.tables.put_head(session_no, number, str(note))
        return note

    def opening(self, session: SessionRecord, number: int, stream: StreamRecord) -> OpenLeaf:
        """The first leaf of a stream, as the record says it now."""
        # It takes longer to load than all else that opening a database needs.
        from origin.core.fingerprint import SPECIFICATION

        return OpenLeaf(
            session=session.session_id,
            config_hash=session.config_hash,
            stream=number,
            source=stream.source_id,
            license=stream.license_id,
            rank=stream.rank,
            world_size=stream.world_size,
            opened_at=stream.opened_at,
            fingerprint=self._fingerprint,
            fingerprint_version=SPECIFICATION,
        )

    def gaps(self, session_id: str, stream_no: int) -> list[Gap]:
        """The gaps of a stream, in the order of their numbers."""
        return [gap for gap in self._catalog.gaps(session_id) if gap.stream_no == stream_no]


def _joined(known: str | None, new: Note) -> Note:
    """A note with the signatures of others that are kept already, and the new ones."""
    if known is None:
        return new
    try:
        old = Note.parse(known)
    except ProofError as error:
        raise RecordAlteredError(f"a head that was signed is damaged: {error}") from error
    if old.text != new.text:
        raise RecordAlteredError("a head that was signed is not that of the states on record")
    own = {(one.name, one.key_id) for one in new.signatures}
    others = [one for one in old.signatures if (one.name, one.key_id) not in own]
    return Note(new.text, (*others, *new.signatures))


class _Stream:
    """The log of one stream while leaves are added to it, inside a transaction."""

    def __init__(
        self, logs: SessionLogs, session: SessionRecord, number: int, stream: StreamRecord
    ) -> None:
        self._logs, self._session, self._number, self._record = logs, session, number, stream
        self.end: LogEnd = logs.tables.end(stream.stream_no)
        self._entries = [leaf for _, leaf in logs.entries(stream.stream_no)]

    def advance(self) -> bool:
        """Add leaves for what is on record and not in the log; whether that was all."""
        stream_no = self._record.stream_no
        batches = self._logs.tables.batches(stream_no, self.end.last_batch, _AT_ONCE)
        is_all = len(batches) < _AT_ONCE
        last = batches[-1].batch if batches else self.end.last_batch
        gaps = [
            gap
            for gap in new_gaps(
                self._logs.gaps(self._session.session_id, stream_no),
                [one for one in self._entries if isinstance(one, GapLeaf)],
            )
            if is_all or gap.first < last
        ]
        in_order: list[BatchLeaf | GapLeaf] = sorted([*batches, *gaps], key=_place)
        leaves: list[Leaf] = [*in_order]
        if not self.end.size:
            leaves.insert(0, self._logs.opening(self._session, self._number, self._record))
        self._add(leaves)
        if is_all:
            self._require_unaltered()
        return is_all

    def _require_unaltered(self) -> None:
        """Raise unless what is in the log is still on record, as far as counting tells."""
        where = f"stream {self._number} of session {self._session.session_id}"
        there = self._logs.tables.count_batches(self._record.stream_no)
        logged = self.end.size - len(self._entries)
        if there != logged:
            raise RecordAlteredError(
                f"{where} has {there:,} batches on record and {logged:,} in its log: some were "
                "removed since they were signed, or others put between them; `origin verify "
                "--record` with a signed head tells which"
            )
        gaps = self._logs.gaps(self._session.session_id, self._record.stream_no)
        for leaf in self._entries:
            if isinstance(leaf, GapLeaf) and not is_held(leaf, gaps):
                raise RecordAlteredError(
                    f"the gap from batch {leaf.first} to {leaf.last} of {where} was signed, and is "
                    "on record no longer as it was"
                )

    def close(self) -> None:
        """Add a closing leaf if the session has ended and the last leaf is none."""
        ended_at = self._session.ended_at
        if ended_at is None or self._is_closed():
            return
        record = self._record
        logged = self.end.size - len(self._entries)
        tree = self._logs.tables.set_tree(record.stream_no)
        if logged != record.batches or tree is None or tree.observations != record.observations:
            raise RecordAlteredError(
                f"stream {self._number} of session {self._session.session_id} has "
                f"{record.batches} batches and {record.observations} observations on record, and "
                f"{logged} batches in its log; db.check() tells more"
            )
        self._require_same_batches()
        gaps = [one for one in self._entries if isinstance(one, GapLeaf)]
        leaf = CloseLeaf(
            status=self._session.status,
            ended_at=ended_at,
            batches=record.batches,
            observations=record.observations,
            bytes_seen=record.bytes_seen,
            missing=sum(gap.last - gap.first + 1 for gap in gaps),
            set_size=tree.size,
            set_root=tree.root.hex(),
        )
        self._add([leaf])

    def _require_same_batches(self) -> None:
        """Raise unless each batch is on record as it is in the log."""
        tables, stream_no = self._logs.tables, self._record.stream_no
        others = {at for at, _ in tables.entries(stream_no)}
        hashes = tables.hashes(stream_no, self.end.size)
        logged = (one for at, one in enumerate(hashes) if at not in others)
        after = -1
        while page := tables.batches(stream_no, after, _AT_ONCE):
            for batch in page:
                if leaf_hash(batch.data()) != next(logged, None):
                    raise RecordAlteredError(
                        f"batch {batch.batch} of stream {self._number} of session "
                        f"{self._session.session_id} is not as it was signed; `origin verify "
                        "--record` with a signed head tells more"
                    )
            after = page[-1].batch

    def _add(self, leaves: Sequence[Leaf]) -> None:
        self._logs.tables.append(self.end, leaves)
        self._entries += [leaf for leaf in leaves if not isinstance(leaf, BatchLeaf)]

    def _is_closed(self) -> bool:
        found = self._logs.tables.entries(self._record.stream_no)
        is_last = bool(found) and found[-1][0] == self.end.size - 1
        return is_last and isinstance(self._entries[-1], CloseLeaf)


def _place(leaf: BatchLeaf | GapLeaf) -> int:
    return leaf.batch if isinstance(leaf, BatchLeaf) else leaf.first


def is_held(leaf: GapLeaf, gaps: Sequence[Gap]) -> bool:
    """Whether a gap that was signed is on record; it may have grown since.

    >>> is_held(GapLeaf(3, 4, "x"), [Gap(1, 3, 7, "x")])
    True
    """
    return any(
        gap.first_batch <= leaf.first and leaf.last <= gap.last_batch and gap.reason == leaf.reason
        for gap in gaps
    )


def new_gaps(gaps: Sequence[Gap], logged: Sequence[GapLeaf]) -> list[GapLeaf]:
    """What of some gaps is in no leaf yet; a gap may have grown since it was logged.

    >>> new_gaps([Gap(1, 3, 7, "x")], [GapLeaf(3, 4, "x")])
    [GapLeaf(first=5, last=7, reason='x')]
    """
    found = []
    for gap in gaps:
        ends = [
            one.last
            for one in logged
            if gap.first_batch <= one.first and one.last <= gap.last_batch
        ]
        first = max(ends, default=gap.first_batch - 1) + 1
        if first <= gap.last_batch:
            found.append(GapLeaf(first, gap.last_batch, gap.reason))
    return found
