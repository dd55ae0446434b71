"""The logs of streams and sessions, as tables; ``docs/proof.md`` says what their leaves are.

Of a log the hashes of all leaves are kept, a thousand or so to a row, and the leaves
that are no batches. Those that are batches can be made anew from what is kept of these.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from origin.core.log import BatchLeaf, Leaf
from origin.core.merkle import consistency_within, inclusion_within, leaf_hashes, root_over
from origin.core.record import utc_now
from origin.errors import CorruptDatabaseError
from origin.storage.connection import Connection
from origin.storage.packing import FINGERPRINT_BYTES
from origin.storage.schema import LAST_BATCH_NO, batch_key, number_of, stream_range

_HASH_BYTES = 32

# A power of two, so that each chunk but the last is a complete subtree.
CHUNK_LEAVES = 1 << 10
CHUNK_SET = 1 << 12

_LEAVES = f"""
    SELECT batch_id, epoch, samples, root FROM sealed_batches
        WHERE batch_id BETWEEN :first AND :last
    UNION ALL
    SELECT batch_id, epoch, length(fingerprints) / {FINGERPRINT_BYTES}, root FROM batches
        WHERE batch_id BETWEEN :first AND :last
    ORDER BY batch_id LIMIT :count"""


@dataclass(slots=True)
class LogEnd:
    """Where the log of a stream ends.

    Args:
        stream_no: the stream.
        size: how many leaves it has.
        last_batch: the number of the last batch in it; -1 without any.
        hashes: of the leaves in its last chunk that is not full.
    """

    stream_no: int
    size: int = 0
    last_batch: int = -1
    hashes: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SetTree:
    """The tree over the different fingerprints of a stream.

    Args:
        observations: how many the stream had when it was made.
        size: how many different fingerprints there are.
        root: 32 bytes.
        chunks: of each chunk of fingerprints the first, and the root over them, 64 bytes together.
    """

    observations: int
    size: int
    root: bytes
    chunks: bytes

    @property
    def firsts(self) -> list[bytes]:
        """The first fingerprint of each chunk."""
        return [self.chunks[at : at + 32] for at in range(0, len(self.chunks), 64)]

    @property
    def nodes(self) -> list[bytes]:
        """The root over each chunk."""
        return [self.chunks[at + 32 : at + 64] for at in range(0, len(self.chunks), 64)]


@dataclass(frozen=True, slots=True)
class SessionState:
    """A state of a session.

    Args:
        number: from 0.
        leaf: as it was hashed.
        recorded_at: ISO 8601 time.
        head: the signed note over all states up to this one; None until it was signed.
    """

    number: int
    leaf: bytes
    recorded_at: str
    head: str | None


class Logs:
    """The logs of one database."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    # -- streams -----------------------------------------------------------------------

    def entries(self, stream_no: int) -> list[tuple[int, bytes]]:
        """The leaves of a stream that are no batches, with their indices, in order."""
        rows = self._db.rows(
            "SELECT position, leaf FROM log_entries WHERE stream_no = ? ORDER BY position",
            (stream_no,),
        )
        return [(position, leaf) for position, leaf in rows]

    def end(self, stream_no: int) -> LogEnd:
        """Where a stream's log ends now."""
        row = self._db.row(
            "SELECT chunk_no, last_batch, hashes FROM log_chunks WHERE stream_no = ?"
            " ORDER BY chunk_no DESC LIMIT 1",
            (stream_no,),
        )
        if row is None:
            return LogEnd(stream_no)
        chunk_no, last_batch, packed = row
        hashes = _split(packed)
        size = chunk_no * CHUNK_LEAVES + len(hashes)
        return LogEnd(stream_no, size, last_batch, hashes if len(hashes) < CHUNK_LEAVES else [])

    def append(self, end: LogEnd, leaves: Sequence[Leaf]) -> None:
        """Add leaves to a log; call it inside a transaction.

        Args:
            end: where the log ends; afterwards it says where it ends then.
            leaves: what to add.
        """
        data = [leaf.data() for leaf in leaves]
        entries = [
            (end.stream_no, at, own)
            for at, (leaf, own) in enumerate(zip(leaves, data, strict=True), end.size)
            if not isinstance(leaf, BatchLeaf)
        ]
        self._db.many(
            "INSERT INTO log_entries (stream_no, position, leaf) VALUES (?, ?, ?)", entries
        )
        new = leaf_hashes(data)
        while new:
            room = CHUNK_LEAVES - len(end.hashes)
            chunk, new = end.hashes + new[:room], new[room:]
            numbers = [leaf.batch for leaf in leaves[:room] if isinstance(leaf, BatchLeaf)]
            leaves = leaves[room:]
            is_full = len(chunk) == CHUNK_LEAVES
            end.last_batch = max([end.last_batch, *numbers])
            self._db.rows(
                "INSERT OR REPLACE INTO log_chunks (stream_no, chunk_no, last_batch, node, hashes)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    end.stream_no,
                    end.size // CHUNK_LEAVES,
                    end.last_batch,
                    root_over(chunk) if is_full else None,
                    b"".join(chunk),
                ),
            )
            end.size += len(chunk) - len(end.hashes)
            end.hashes = [] if is_full else chunk

    def batches(self, stream_no: int, after: int, count: int) -> list[BatchLeaf]:
        """The leaves of the batches of a stream behind a number, as they are on record now.

        Args:
            stream_no: which stream.
            after: the number of a batch; -1 for all.
            count: at most so many.
        """
        rows = self._db.rows(
            _LEAVES,
            {
                "first": batch_key(stream_no, 0) + after + 1,
                "last": batch_key(stream_no, LAST_BATCH_NO),
                "count": count,
            },
        )
        return [
            BatchLeaf(number_of(key), epoch, samples, root.hex())
            for key, epoch, samples, root in rows
        ]

    def count_batches(self, stream_no: int) -> int:
        """How many batches of a stream are on record now."""
        row = self._db.row(
            "SELECT (SELECT count(*) FROM sealed_batches WHERE batch_id BETWEEN ?1 AND ?2)"
            " + (SELECT count(*) FROM batches WHERE batch_id BETWEEN ?1 AND ?2)",
            stream_range(stream_no),
        )
        return int(row[0]) if row else 0

    def first_batch(self, stream_no: int, first: int, last: int) -> int | None:
        """The number of the first batch that is on record in a range, or None."""
        row = self._db.row(
            "SELECT min(batch_id) FROM ("
            " SELECT batch_id FROM sealed_batches WHERE batch_id BETWEEN ?1 AND ?2"
            " UNION ALL SELECT batch_id FROM batches WHERE batch_id BETWEEN ?1 AND ?2)",
            (batch_key(stream_no, first), batch_key(stream_no, min(last, LAST_BATCH_NO))),
        )
        return None if row is None or row[0] is None else number_of(row[0])

    def index_of(self, stream_no: int, leaf: BatchLeaf, size: int) -> int | None:
        """The index of a batch's leaf among the first ``size`` of a log, or None."""
        row = self._db.row(
            "SELECT chunk_no, hashes FROM log_chunks WHERE stream_no = ? AND chunk_no ="
            " (SELECT min(chunk_no) FROM log_chunks WHERE stream_no = ? AND last_batch >= ?)",
            (stream_no, stream_no, leaf.batch),
        )
        if row is None:
            return None
        chunk_no, packed = row
        (wanted,) = leaf_hashes([leaf.data()])
        hashes = _split(packed)
        if wanted not in hashes:
            return None
        index: int = chunk_no * CHUNK_LEAVES + hashes.index(wanted)
        return index if index < size else None

    def hashes(self, stream_no: int, size: int) -> list[bytes]:
        """The hashes of the first ``size`` leaves of a log.

        Raises:
            CorruptDatabaseError: there are fewer.
        """
        found: list[bytes] = []
        for (packed,) in self._db.rows(
            "SELECT hashes FROM log_chunks WHERE stream_no = ? ORDER BY chunk_no", (stream_no,)
        ):
            found += _split(packed)
        if len(found) < size:
            raise self._too_short(stream_no, size, len(found))
        return found[:size]

    def root(self, stream_no: int, size: int) -> bytes:
        """The root of the first ``size`` leaves of a log.

        Raises:
            CorruptDatabaseError: there are fewer.
        """
        return root_over(self._nodes(stream_no, size))

    def path(self, stream_no: int, index: int, size: int) -> list[bytes]:
        """Proves that a leaf is in a log of that size; see ``merkle.inclusion_proof``.

        Raises:
            CorruptDatabaseError: the log is shorter than that.
        """
        chunk_no, place = divmod(index, CHUNK_LEAVES)
        own = self._chunk(stream_no, chunk_no, size)
        return inclusion_within(own, place) + inclusion_within(
            self._nodes(stream_no, size), chunk_no
        )

    def consistency(self, stream_no: int, old_size: int, size: int) -> list[bytes]:
        """Proves that a log's first leaves are the beginning of more; see
        ``merkle.consistency_proof``.

        Raises:
            CorruptDatabaseError: the log is shorter than that.
        """
        return consistency_within(self.hashes(stream_no, size), old_size)

    def _nodes(self, stream_no: int, size: int) -> list[bytes]:
        full, rest = divmod(size, CHUNK_LEAVES)
        rows = self._db.rows(
            "SELECT node FROM log_chunks WHERE stream_no = ? AND chunk_no < ? ORDER BY chunk_no",
            (stream_no, full),
        )
        nodes = [node for (node,) in rows]
        if len(nodes) < full or None in nodes:
            raise self._too_short(stream_no, size, len(nodes) * CHUNK_LEAVES)
        return [*nodes, root_over(self._chunk(stream_no, full, size))] if rest else nodes

    def _chunk(self, stream_no: int, chunk_no: int, size: int) -> list[bytes]:
        row = self._db.row(
            "SELECT hashes FROM log_chunks WHERE stream_no = ? AND chunk_no = ?",
            (stream_no, chunk_no),
        )
        hashes = _split(row[0]) if row else []
        wanted = min(size - chunk_no * CHUNK_LEAVES, CHUNK_LEAVES)
        if len(hashes) < wanted:
            raise self._too_short(stream_no, size, chunk_no * CHUNK_LEAVES + len(hashes))
        return hashes[:wanted]

    def _too_short(self, stream_no: int, size: int, found: int) -> CorruptDatabaseError:
        return CorruptDatabaseError(
            f"{self._db.path} is damaged: the log of stream {stream_no} has lost leaves: "
            f"{found} of {size} are there"
        )

    # -- sets --------------------------------------------------------------------------

    def set_tree(self, stream_no: int) -> SetTree | None:
        """The tree over the fingerprints of a stream, if it was made."""
        row = self._db.row(
            "SELECT observations, size, root, chunks FROM set_trees WHERE stream_no = ?",
            (stream_no,),
        )
        return None if row is None else SetTree(*row)

    def put_set_tree(self, stream_no: int, tree: SetTree) -> None:
        """Keep the tree over the fingerprints of a stream; call it inside a transaction."""
        self._db.rows(
            "INSERT OR REPLACE INTO set_trees (stream_no, observations, size, root, chunks)"
            " VALUES (?, ?, ?, ?, ?)",
            (stream_no, tree.observations, tree.size, tree.root, tree.chunks),
        )

    # -- sessions ----------------------------------------------------------------------

    def states(self, session_no: int) -> Iterator[SessionState]:
        """The states of a session, in order."""
        rows = self._db.rows(
            "SELECT state_no, leaf, recorded_at, head FROM session_states WHERE session_no = ?"
            " ORDER BY state_no",
            (session_no,),
        )
        return (SessionState(*row) for row in rows)

    def add_state(self, session_no: int, number: int, leaf: bytes) -> None:
        """Add a state to the log of a session; call it inside a transaction."""
        self._db.rows(
            "INSERT INTO session_states (session_no, state_no, leaf, recorded_at)"
            " VALUES (?, ?, ?, ?)",
            (session_no, number, leaf, utc_now()),
        )

    def put_head(self, session_no: int, number: int, head: str) -> None:
        """Keep the signed note over the states up to a number; call it inside a transaction."""
        self._db.rows(
            "UPDATE session_states SET head = ? WHERE session_no = ? AND state_no = ?",
            (head, session_no, number),
        )


def _split(packed: bytes) -> list[bytes]:
    return [packed[at : at + _HASH_BYTES] for at in range(0, len(packed), _HASH_BYTES)]
