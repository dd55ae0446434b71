"""Makes proofs of what is on record, against the heads that were signed of it."""

from dataclasses import dataclass

from origin.core.arguments import session_id_of
from origin.core.hashing import merkle_root_of
from origin.core.log import BatchLeaf, CloseLeaf, OpenLeaf, StateLeaf
from origin.core.merkle import consistency_proof, inclusion_proof
from origin.core.note import Head, Note
from origin.core.record import SessionRecord, StreamRecord
from origin.errors import NotProvableError, ProofError, RecordAlteredError
from origin.proof.sets import Member, SetReader
from origin.query.asking import Asker
from origin.query.members import Members
from origin.storage.database import ProvenanceDatabase, require_database
from origin.storage.heads import require_head
from origin.storage.sessionlogs import State
from origin.verify.forms import (
    AbsenceProof,
    AbsentStream,
    ConsistencyProof,
    InclusionProof,
    Neighbour,
)


@dataclass(frozen=True, slots=True)
class SignedSession:
    """A session, and the newest of its states that was signed.

    Args:
        session_id: the session.
        states: all up to that one.
        streams: the session's, which may have more than that state.
    """

    session_id: str
    states: list[State]
    streams: list[StreamRecord]

    @property
    def leaf(self) -> StateLeaf:
        """The state."""
        return self.states[-1].leaf

    @property
    def head(self) -> Note:
        """The head that is signed."""
        return Note.parse(self.states[-1].head or "")

    def path(self, number: int) -> tuple[bytes, ...]:
        """Proves that a state is in the log of states, as long as it was then."""
        leaves = [one.leaf.data() for one in self.states]
        return tuple(inclusion_proof(leaves[: number + 1], number))


class Prover:
    """Makes proofs of what is on record of sessions of which a head was signed.

    A proof is an object of ``origin.verify``; its ``text()`` is what its file holds.

    Args:
        db: an open database.

    Raises:
        ConfigurationError: ``db`` is no database.
    """

    def __init__(self, db: ProvenanceDatabase) -> None:
        require_database("Prover", db)
        self._db = db
        self._members = Members(Asker(db, "512MB"))

    def prove_inclusion(
        self,
        session_id: str | SessionRecord,
        sample: bytes,
        place: tuple[int, int, int] | None = None,
    ) -> InclusionProof:
        """Prove that a sample was at a position of a batch.

        Args:
            session_id: which session.
            sample: the fingerprint, 32 bytes.
            place: stream, number of the batch and position; where it was first when left out.

        Raises:
            SessionNotFoundError: no session has that id.
            NotProvableError: it was not seen there, or no head was signed since.
            RecordAlteredError: the record contradicts what was signed.
        """
        signed = self._signed(session_id)
        found = place or self._members.first_place(signed.session_id, sample)
        if found is None:
            raise NotProvableError(
                f"session {signed.session_id} has no sample {sample.hex()}; "
                "its absence can be proved"
            )
        stream_no, batch_no, position = found
        stream = self._number(signed, stream_no)
        size, _ = signed.leaf.streams[stream]
        tables = self._db.logs.tables
        batch = self._batch(signed, stream_no, batch_no)
        index = tables.index_of(stream_no, batch, size)
        if index is None:
            raise NotProvableError(
                f"batch {batch_no} is not under the last head that was signed; sign another first"
            )
        samples = self._members.of_batch(signed.session_id, stream_no, batch_no)
        if merkle_root_of(b"".join(samples)).hex() != batch.root:
            raise RecordAlteredError(
                f"the samples of batch {batch_no} are not those that its root stands for; "
                "db.check() tells more"
            )
        if position >= len(samples) or samples[position] != sample:
            raise NotProvableError(f"batch {batch_no} has another sample at position {position}")
        return InclusionProof(
            sample=sample,
            position=position,
            stream=stream,
            index=index,
            open=self._open(signed, stream),
            open_path=tuple(tables.path(stream_no, 0, size)),
            batch=batch,
            sample_path=tuple(inclusion_proof(samples, position)),
            batch_path=tuple(tables.path(stream_no, index, size)),
            state=signed.leaf,
            state_path=signed.path(signed.leaf.state),
            head=signed.head,
        )

    def prove_absence(self, session_id: str | SessionRecord, sample: bytes) -> AbsenceProof:
        """Prove that no sample of a session has a fingerprint.

        Args:
            session_id: which session; it has ended, and was signed since.
            sample: the fingerprint, 32 bytes.

        Raises:
            SessionNotFoundError: no session has that id.
            NotProvableError: the sample is there, or the session was not signed since it ended.
            RecordAlteredError: the record contradicts what was signed.
        """
        signed = self._signed(session_id)
        if not signed.leaf.streams:
            raise NotProvableError(
                f"nothing was recorded into session {signed.session_id}, so it has no closing leaf "
                "that tells what is not in it"
            )
        streams = range(len(signed.leaf.streams))
        return AbsenceProof(
            sample=sample,
            state=signed.leaf,
            state_path=signed.path(signed.leaf.state),
            streams=tuple(self._absent(signed, stream, sample) for stream in streams),
            head=signed.head,
        )

    def prove_consistency(self, head: Note) -> ConsistencyProof:
        """Prove that an earlier head of a session is a beginning of its newest.

        Args:
            head: the earlier one.

        Raises:
            ProofError: it is no head of a session.
            NotProvableError: no head was signed since.
            RecordAlteredError: the record lies behind that head, or has another history.
        """
        old = require_head(self._db.logs, head)
        signed = self._signed(old.session)
        if signed.leaf.state < old.state:
            raise NotProvableError("this database has no signed head that is as long")
        leaves = [one.leaf.data() for one in signed.states]
        tables = self._db.logs.tables
        return ConsistencyProof(
            old=old,
            old_path=signed.path(old.state),
            new=signed.leaf,
            new_path=signed.path(signed.leaf.state),
            states_path=tuple(consistency_proof(leaves, Head.parse(head.text).size)),
            stream_paths=tuple(
                tuple(tables.consistency(stream.stream_no, before[0], now[0]))
                for stream, before, now in zip(
                    signed.streams, old.streams, signed.leaf.streams, strict=False
                )
            ),
            old_head=head,
            new_head=signed.head,
        )

    def _signed(self, session_id: str | SessionRecord) -> SignedSession:
        return newest_signed(self._db, session_id_of(session_id))

    def _number(self, signed: SignedSession, stream_no: int) -> int:
        numbers = [one.stream_no for one in signed.streams]
        number = numbers.index(stream_no) if stream_no in numbers else len(numbers)
        if number >= len(signed.leaf.streams):
            raise NotProvableError(
                f"stream {stream_no} is not under the last head of session {signed.session_id}"
            )
        return number

    def _batch(self, signed: SignedSession, stream_no: int, batch_no: int) -> BatchLeaf:
        found = self._db.logs.tables.batches(stream_no, batch_no - 1, 1)
        if not found or found[0].batch != batch_no:
            raise NotProvableError(
                f"stream {stream_no} of session {signed.session_id} has no batch {batch_no}"
            )
        return found[0]

    def _open(self, signed: SignedSession, stream: int) -> OpenLeaf:
        _, leaf = self._db.logs.entries(signed.streams[stream].stream_no)[0]
        if not isinstance(leaf, OpenLeaf):
            raise RecordAlteredError(f"the log of stream {stream} begins with another leaf")
        return leaf

    def _absent(self, signed: SignedSession, stream: int, sample: bytes) -> AbsentStream:
        record = signed.streams[stream]
        size, _ = signed.leaf.streams[stream]
        tables = self._db.logs.tables
        entries = dict(self._db.logs.entries(record.stream_no))
        close, tree = entries.get(size - 1), tables.set_tree(record.stream_no)
        if not isinstance(close, CloseLeaf):
            raise NotProvableError(
                f"session {signed.session_id} had not ended when it was last signed; "
                "end it and sign it, then absence can be proved"
            )
        if tree is None or tree.root.hex() != close.set_root:
            raise RecordAlteredError(f"the set of stream {stream} is not that of its closing leaf")
        reader = SetReader(self._members, signed.session_id, record, tree)
        before, after, is_there = reader.around(sample)
        if is_there:
            raise NotProvableError(
                f"session {signed.session_id} has the sample {sample.hex()}; that can be proved"
            )
        return AbsentStream(
            open=self._open(signed, stream),
            open_path=tuple(tables.path(record.stream_no, 0, size)),
            close=close,
            close_path=tuple(tables.path(record.stream_no, size - 1, size)),
            before=_neighbour(before),
            after=_neighbour(after),
        )


def _neighbour(found: Member | None) -> Neighbour | None:
    return None if found is None else Neighbour(found.index, found.fingerprint, found.path)


def read_head(text: str) -> Note:
    """Read the text of a signed head.

    Args:
        text: as a ``Signer`` gives it; of several, one behind the other, the last counts.

    Raises:
        ProofError: it is none.
    """
    found = Note.parse_many(text)
    if not found:
        raise ProofError("there is no signed head in it")
    return found[-1]


def newest_signed(db: ProvenanceDatabase, session_id: str) -> SignedSession:
    """A session, and the newest of its states that was signed.

    Args:
        db: an open database.
        session_id: which session.

    Raises:
        SessionNotFoundError: no session has that id.
        NotProvableError: none was signed.
        RecordAlteredError: the record contradicts what was signed.
    """
    states = db.logs.states(session_id)
    while states and states[-1].head is None:
        states.pop()
    if not states:
        raise NotProvableError(
            f"no head of session {session_id} was signed; sign it with `origin sign`, or a Signer"
        )
    found = SignedSession(session_id, states, db.catalog.streams(session_id))
    require_head(db.logs, found.head)
    return found
