"""The numbers of a session that are shown often, kept once they were found."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from origin.core.record import SessionRecord, StreamRecord
from origin.core.session import StreamRoot, session_fingerprint, stream_root
from origin.query.asking import Asker
from origin.query.counts import Groups, SessionCounts, count_samples
from origin.query.relations import Relations
from origin.storage.database import ProvenanceDatabase

# Changes with what is counted, and how.
_NAME = "counts-1"
_ROOTS = "stream-roots-1"

# So many answers are remembered here, of running sessions or where nothing can be kept.
_REMEMBERED = 2000


@dataclass(frozen=True)
class Tally:
    """A session in numbers.

    Args:
        streams: the session's, as their records were read.
        epochs: how many epochs began in the stream that began most.
        samples: its distinct samples.
    """

    streams: tuple[StreamRecord, ...]
    epochs: int
    samples: SessionCounts


class Tallies:
    """Counts sessions of one database.

    What was counted for a session is remembered, and once the session has ended also kept in
    the database. It holds for streams of just these lengths: streams only grow, so
    the numbers of a session that went on are counted anew.

    Args:
        db: an open database.
        asker: of that database.
    """

    def __init__(self, db: ProvenanceDatabase, asker: Asker) -> None:
        self._db, self._asker = db, asker
        self._remembered: dict[tuple[str, str], tuple[str, Any]] = {}

    def fingerprints(
        self, session: SessionRecord, streams: Sequence[StreamRecord]
    ) -> tuple[str, dict[str, str]]:
        """The fingerprint of a session with these streams; see ``origin.core.session``. And for
        each source the one that it has without all others.
        """
        roots = self._roots(session, streams)
        found: dict[str, list[StreamRoot]] = {}
        for one, root in zip(streams, roots, strict=True):
            found.setdefault(one.source_id, []).append(root)
        by_source = {source_id: session_fingerprint(own) for source_id, own in found.items()}
        return session_fingerprint(roots), by_source

    def _roots(self, session: SessionRecord, streams: Sequence[StreamRecord]) -> list[StreamRoot]:
        """The roots of a session's streams; once it has ended, they are kept."""
        holds_for = _holds_for(streams)
        known = self._known(session.session_id, _ROOTS, holds_for)
        if known is None:
            table = self._db.batch_table
            known = [
                stream_root(one.rank, table.roots(one.stream_no, one.batches)).root.hex()
                for one in streams
            ]
            self._keep(session, _ROOTS, holds_for, known)
        return [
            StreamRoot(one.rank, one.batches, bytes.fromhex(root))
            for one, root in zip(streams, known, strict=True)
        ]

    def of(self, session: SessionRecord) -> Tally:
        """A session in numbers."""
        session_id = session.session_id
        moment = self._asker.moments.now([session_id])
        streams = moment.streams
        numbers = self._known(session_id, _NAME, _holds_for(streams))
        if numbers is None:
            streams, numbers = self._asker.ask([session_id], self._count, moment)
            self._keep(session, _NAME, _holds_for(streams), numbers)
        groups = Groups(streams)
        counts = dict(zip(groups.all(), numbers["samples"], strict=True))
        return Tally(streams, numbers["epochs"], groups.counts(counts))

    def _count(self, relations: Relations) -> tuple[tuple[StreamRecord, ...], dict[str, Any]]:
        streams = relations.moment.streams
        groups = Groups(streams)
        counts = count_samples(relations, groups.all(), groups.streams)
        table = self._db.batch_table
        epochs = max((table.epochs(one.stream_no, one.batches) for one in streams), default=0)
        return streams, {"epochs": epochs, "samples": [counts[group] for group in groups.all()]}

    def _known(self, session_id: str, name: str, holds_for: str) -> Any:
        remembered = self._remembered.get((session_id, name))
        if remembered is not None and remembered[0] == holds_for:
            return remembered[1]
        kept = self._db.kept.get(session_id, name, holds_for)
        if kept is not None:
            self._remembered[session_id, name] = (holds_for, kept)
        return kept

    def _keep(self, session: SessionRecord, name: str, holds_for: str, found: Any) -> None:
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        self._remembered[session.session_id, name] = (holds_for, found)
        if session.ended_at is not None:
            self._db.kept.put(session.session_id, name, holds_for, found)


def _holds_for(streams: Sequence[StreamRecord]) -> str:
    """What numbers of these streams hold for: all that they were found from."""
    lengths = " ".join(f"{one.stream_no}:{one.batches}:{one.observations}" for one in streams)
    return sha256(lengths.encode()).hexdigest()
