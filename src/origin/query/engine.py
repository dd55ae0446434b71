"""`QueryEngine`: what went into a training run, during it and afterwards."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from heapq import merge
from operator import attrgetter
from typing import Any

from origin.core.record import Gap, SampleRecord, SessionRecord, StreamRecord
from origin.errors import ConfigurationError, SampleNotFoundError, StorageError
from origin.query.counts import DistinctCounts, compare
from origin.query.records import (
    BatchRecord,
    SampleTrace,
    Sighting,
    parse_sample_id,
    sample_trace,
)
from origin.query.sequences import BatchSequence, LazySequence, SampleSequence
from origin.query.streams import from_source, under_license
from origin.storage.database import ProvenanceDatabase

__all__ = ["BatchRecord", "QueryEngine", "SampleTrace"]

_log = logging.getLogger("origin")


class QueryEngine:
    """Answers questions about what a database has on record.

    Every question first waits until what this process has observed is committed, and is
    answered from the counts that hold at that moment: training may go on meanwhile. If it
    cannot be committed, that is logged and the answer is what is on the disk. License ids
    are compared without regard to case; ``"unknown"`` is the license of what nobody named one for.

    Args:
        db: an open database; a read-only one will do.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with ProvenanceDatabase(f"{folder.name}/provenance.db") as db:
    ...     session = db.begin_session(config_hash="v1")
    ...     QueryEngine(db).get_license_breakdown(session.session_id)
    {}
    >>> folder.cleanup()
    """

    def __init__(self, db: ProvenanceDatabase) -> None:
        self._db = db

    def __repr__(self) -> str:
        return f"QueryEngine({self._db!r})"

    # -- finding ---------------------------------------------------------------------

    def find_samples_by_license(
        self, license_id: str, session_id: str | None = None
    ) -> LazySequence[SampleRecord]:
        """The distinct samples seen under a license.

        Args:
            license_id: its id in any case; ``"unknown"`` also finds what has no license.
            session_id: only what this session saw; all sessions when left out.

        Returns:
            A sequence in order of first sight. What it holds is fixed now; each sample's
            record is read from the database when it is asked for.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        streams = under_license(self._streams(session_id), license_id)
        return SampleSequence.of(self._db.ledger, streams)

    def find_samples_by_source(
        self, pattern: str, session_id: str | None = None
    ) -> LazySequence[SampleRecord]:
        """The distinct samples seen from the sources that match a pattern.

        Args:
            pattern: a source's id, or the path it is registered with now; ``*``, ``?`` and
                ``[...]`` stand for other characters as in a shell. Case matters.
            session_id: only what this session saw; all sessions when left out.

        Returns:
            A sequence in order of first sight. What it holds is fixed now; each sample's
            record is read from the database when it is asked for.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        streams = from_source(self._streams(session_id), self._db.list_sources(), pattern)
        return SampleSequence.of(self._db.ledger, streams)

    def find_batches_with_license(
        self, license_id: str, session_id: str | None = None
    ) -> LazySequence[BatchRecord]:
        """The batches seen under a license.

        Args:
            license_id: its id in any case; ``"unknown"`` also finds what has no license.
            session_id: only what this session saw; all sessions when left out.

        Returns:
            A sequence, stream by stream in the order they were opened. How long it is, is
            fixed now; each batch is read from the database when it is asked for.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        streams = under_license(self._streams(session_id), license_id)
        return BatchSequence(self._db.ledger, streams)

    def check_license_presence(self, license_id: str, session_id: str | None = None) -> bool:
        """Whether any sample was seen under a license.

        Args:
            license_id: its id in any case; ``"unknown"`` also finds what has no license.
            session_id: only what this session saw; all sessions when left out.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        streams = under_license(self._streams(session_id), license_id)
        return any(stream.observations for stream in streams)

    def trace_sample(self, sample_id: str | bytes) -> SampleTrace:
        """Where and when a sample was seen.

        Args:
            sample_id: 64 hex digits, which ``origin.fingerprint_sample(value)`` computes, or
                the 32 bytes they stand for.

        Raises:
            SampleNotFoundError: it was never seen, or that is no sample id.
        """
        fingerprint = parse_sample_id(sample_id)
        sightings = (self._sightings(fingerprint, stream) for stream in self._streams(None))
        # Merging keeps each stream's own order, also where its clock was set back.
        found = list(merge(*sightings, key=attrgetter("batch.seen_at")))
        if not found:
            raise SampleNotFoundError(
                f"sample {fingerprint.hex()} was never seen by what {self._db.path} records"
            )
        return sample_trace(found)

    def _sightings(self, fingerprint: bytes, stream: StreamRecord) -> Iterator[Sighting]:
        for batch, positions in self._db.ledger.containing(fingerprint, [stream.stream_no]):
            for position in positions:
                yield Sighting(batch, position, stream)

    # -- counting --------------------------------------------------------------------

    def get_license_breakdown(self, session_id: str) -> dict[str, int]:
        """How many distinct samples a session saw under each license.

        Args:
            session_id: which session.

        Returns:
            License id to count, most first, equals by name. A sample seen under two licenses
            counts for both.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        self._flush()
        return self._counts(session_id).by_license()

    def get_source_breakdown(self, session_id: str) -> dict[str, int]:
        """How many distinct samples a session saw from each source.

        Args:
            session_id: which session.

        Returns:
            Source id to count, most first, equals by name. A sample seen through two sources
            counts for both.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        self._flush()
        return self._counts(session_id).by_source()

    def compare_sessions(self, a: str, b: str) -> dict[str, Any]:
        """How the distinct samples of two sessions differ.

        Args:
            a: the id of one session.
            b: the id of the other.

        Returns:
            ``shared_samples``, ``unique_to_a`` and ``unique_to_b``, which are counts, and
            ``license_diff``: for each license whose counts differ, ``{"a": …, "b": …}``.

        Raises:
            SessionNotFoundError: no session has one of the ids.
        """
        self._flush()
        return dict(compare(self._counts(a), self._counts(b)))

    def get_session_summary(self, session_id: str) -> dict[str, Any]:
        """What a session is and what went into it.

        Args:
            session_id: which session.

        Returns:
            ``session_id``, ``status``, ``created_at``, ``ended_at``, ``config_hash``,
            ``metadata``, ``complete``, ``gaps`` (a list of dicts), the counts ``streams``,
            ``batches``, ``epochs``, ``observations``, ``distinct_samples`` and ``bytes``,
            and the breakdowns ``licenses`` and ``sources``.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        self._flush()
        # Read before the streams, so that a session said to have ended is told to its end.
        session = self._session(session_id)
        streams = self._db.catalog.streams(session_id)
        gaps = _gaps_among(streams, self._db.catalog.gaps(session_id))
        counts = DistinctCounts(self._db.ledger, streams)
        return {
            "session_id": session.session_id,
            "status": session.status,
            "created_at": session.created_at,
            "ended_at": session.ended_at,
            "config_hash": session.config_hash,
            "metadata": session.metadata,
            "complete": replace(session, streams=len(streams), gaps=len(gaps)).complete,
            "gaps": gaps,
            "streams": len(streams),
            "batches": sum(stream.batches for stream in streams),
            "epochs": counts.epochs,
            "observations": sum(stream.observations for stream in streams),
            "distinct_samples": counts.total(),
            "bytes": sum(stream.bytes_seen for stream in streams),
            "licenses": counts.by_license(),
            "sources": counts.by_source(),
        }

    # -- reading ---------------------------------------------------------------------

    def _counts(self, session_id: str) -> DistinctCounts:
        self._session(session_id)
        return DistinctCounts(self._db.ledger, self._db.catalog.streams(session_id))

    def _streams(self, session_id: str | None) -> list[StreamRecord]:
        self._flush()
        if session_id is not None:
            self._session(session_id)
        return self._db.catalog.streams(session_id)

    def _session(self, session_id: str) -> SessionRecord:
        if not isinstance(session_id, str):
            raise ConfigurationError(
                f"session_id must be a str such as session.session_id, "
                f"not a {type(session_id).__name__}"
            )
        return self._db.get_session(session_id)

    def _flush(self) -> None:
        try:
            self._db.flush()
        except StorageError:
            _log.warning(
                "what was observed last cannot be committed; answering from %s as it is",
                self._db.path,
                exc_info=True,
            )


def _gaps_among(streams: list[StreamRecord], gaps: list[Gap]) -> list[dict[str, Any]]:
    sources = {stream.stream_no: stream.source_id for stream in streams}
    return [
        {
            "source": sources[gap.stream_no],
            "stream_no": gap.stream_no,
            "first_batch": gap.first_batch,
            "last_batch": gap.last_batch,
            "reason": gap.reason,
            "noticed_at": gap.noticed_at,
        }
        for gap in gaps
        # A stream opened since the streams were read may have one already.
        if gap.stream_no in sources
    ]
