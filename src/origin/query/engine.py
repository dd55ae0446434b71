"""`QueryEngine`: what went into a training run, during it and afterwards."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from heapq import merge
from operator import attrgetter
from typing import Any

from origin.core.arguments import session_id_of
from origin.core.record import Gap, SessionRecord, StreamRecord
from origin.errors import ConfigurationError, SampleNotFoundError, SegmentError, StorageError
from origin.query.answer import SqlAnswer
from origin.query.arguments import whole_number
from origin.query.asking import Asker
from origin.query.batches import BatchReader
from origin.query.counts import Groups, compare
from origin.query.licenses import LicenseQuestions
from origin.query.listing import checked_limit
from origin.query.questions import Questions
from origin.query.records import (
    BatchRecord,
    SampleTrace,
    Sighting,
    parse_sample_id,
    sample_trace,
)
from origin.query.relations import Relations
from origin.query.sequences import BatchSequence, LazySequence, SampleSequence
from origin.query.sights import FirstSights
from origin.query.sql import FIRST_SIGHTINGS, SIGHTINGS
from origin.query.streams import from_source, under_license
from origin.query.summary import Breakdown, Look, SessionSummary
from origin.query.tallies import Tallies
from origin.query.timeline import Timeline, timeline_of
from origin.storage.database import ProvenanceDatabase, require_database

__all__ = ["BatchRecord", "QueryEngine", "SampleTrace", "SqlAnswer"]

_log = logging.getLogger("origin")

_MOST_STRETCHES = 10_000


class QueryEngine(Questions, LicenseQuestions):
    """Answers questions about what a database has on record.

    Every question first waits until what this process has observed is committed, and is
    answered from the counts that hold at that moment: training may go on meanwhile. If it
    cannot be committed, that is logged and the answer is what is on the disk. License ids
    are compared without regard to case; ``"unknown"`` is the license of what nobody named one for.
    Wherever a session's id is asked for, its ``SessionRecord`` will do.

    Args:
        db: an open database; a read-only one will do.
        memory_limit: how much memory questions may take, such as ``"4GB"``. What they need beyond
            that goes into a temporary folder, and an answer that is larger is refused.

    Raises:
        ConfigurationError: the limit is no amount of memory, or ``db`` is no database.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with ProvenanceDatabase(f"{folder.name}/provenance.db") as db:
    ...     session = db.begin_session(config_hash="v1")
    ...     QueryEngine(db).get_license_breakdown(session.session_id)
    {}
    >>> folder.cleanup()
    """

    def __init__(self, db: ProvenanceDatabase, *, memory_limit: str = "1GB") -> None:
        require_database("QueryEngine", db)
        self._db = db
        self._asker = Asker(db, memory_limit)
        self._tallies = Tallies(db, self._asker)

    def __repr__(self) -> str:
        return f"QueryEngine({self._db!r})"

    # -- finding ---------------------------------------------------------------------

    def find_samples_by_license(
        self, license_id: str, session_id: str | SessionRecord | None = None
    ) -> SampleSequence:
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
        return self._samples(session_id, lambda streams: under_license(streams, license_id))

    def find_samples_by_source(
        self, pattern: str, session_id: str | SessionRecord | None = None
    ) -> SampleSequence:
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
        sources = self._db.list_sources
        return self._samples(session_id, lambda all_: from_source(all_, sources(), pattern))

    def _samples(
        self,
        session_id: str | SessionRecord | None,
        chosen: Callable[[Sequence[StreamRecord]], Sequence[StreamRecord]],
    ) -> SampleSequence:
        session_ids = self._prepare_any(session_id)

        def find(relations: Relations) -> FirstSights:
            streams = chosen(relations.moment.streams)
            return FirstSights.find(relations, self._db.batch_table, streams)

        firsts = self._asker.ask(session_ids, find)
        return SampleSequence(firsts, BatchReader(self._db), self._places_of)

    def _places_of(self, sample_id: str) -> list[tuple[int, int, int]]:
        rows = self._asker.ask(None, lambda relations: _rows_of(relations, sample_id))
        return [(row[0], row[1], row[2]) for row in rows]

    def find_batches_with_license(
        self, license_id: str, session_id: str | SessionRecord | None = None
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
        return BatchSequence(self._db.batch_table, BatchReader(self._db), streams)

    def check_license_presence(
        self, license_id: str, session_id: str | SessionRecord | None = None
    ) -> bool:
        """Whether any sample was seen under a license.

        Args:
            license_id: its id in any case; ``"unknown"`` also finds what has no license.
            session_id: only what this session saw; all sessions when left out.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        streams = under_license(self._streams(session_id), license_id)
        return any(stream.observations for stream in streams)

    def trace_sample(self, sample_id: str | bytes, *, limit: int | None = None) -> SampleTrace:
        """Where and when a sample was seen.

        Args:
            sample_id: 64 hex digits, which ``db.fingerprint(value)`` computes, or
                the 32 bytes they stand for.
            limit: tell at most so many of the times it was seen, the first ones; all are counted.

        Raises:
            SampleNotFoundError: it was never seen, or that is no sample id.
            ConfigurationError: the limit is no number of times.
        """
        wanted, most = parse_sample_id(sample_id).hex(), checked_limit(limit)
        self._flush()
        found, times = self._asker.ask(
            None, lambda relations: self._sightings(relations, wanted, most)
        )
        if not found:
            raise SampleNotFoundError(
                f"sample {wanted} was never seen by what {self._db.path} records"
            )
        return sample_trace(wanted, found, times, most)

    def _sightings(
        self, relations: Relations, sample_id: str, most: int
    ) -> tuple[list[Sighting], dict[int, int]]:
        """The first sightings in each stream, and how many each stream has in all."""
        # A stream whose first one is not told would be told of nowhere.
        asked = [sample_id, max(most, 1)]
        counted = relations.around(sample_id).rows(FIRST_SIGHTINGS, asked)
        counts = {row[0]: row[-1] for row in counted}
        rows = [row[:-1] for row in counted]
        times = self._db.batch_table.times({(row[0], row[1]) for row in rows})
        streams = {stream.stream_no: stream for stream in relations.moment.streams}
        by_stream: dict[int, list[Sighting]] = {}
        for number, batch_no, *rest in rows:
            if number in streams:
                if (number, batch_no) not in times:
                    raise SegmentError(
                        f"the segments of {self._db.path} have sample {sample_id} in batch "
                        f"{batch_no} of stream {number}, which the catalog does not have; "
                        "db.check() tells more"
                    )
                seen = Sighting(streams[number], times[number, batch_no], batch_no, *rest)
                by_stream.setdefault(number, []).append(seen)
        # Merging keeps each stream's own order, also where its clock was set back.
        merged = list(merge(*by_stream.values(), key=attrgetter("seen_at")))
        return merged, {number: counts[number] for number in by_stream}

    # -- counting --------------------------------------------------------------------

    def get_license_breakdown(self, session_id: str | SessionRecord) -> Breakdown:
        """How many distinct samples a session saw under each license.

        Args:
            session_id: which session.

        Returns:
            A dict from license id to count, most first. A sample seen under two licenses
            counts for both.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        return Breakdown.by("license", self._tallies.of(self._prepare(session_id)).samples.licenses)

    def get_source_breakdown(self, session_id: str | SessionRecord) -> Breakdown:
        """How many distinct samples a session saw from each source.

        Args:
            session_id: which session.

        Returns:
            A dict from source id to count, most first. A sample seen through two sources
            counts for both.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        return Breakdown.by("source", self._tallies.of(self._prepare(session_id)).samples.sources)

    def compare_sessions(self, a: str | SessionRecord, b: str | SessionRecord) -> dict[str, Any]:
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
        both = self._prepare(a).session_id, self._session(b).session_id

        def count(relations: Relations) -> dict[str, Any]:
            streams = relations.moment.streams
            return compare(relations, *(
                Groups(one for one in streams if one.session_id == session_id)
                for session_id in both
            ))  # fmt: skip

        return self._asker.ask(set(both), count)

    def get_session_summary(self, session_id: str | SessionRecord) -> SessionSummary:
        """What a session is and what went into it.

        Args:
            session_id: which session.

        Returns:
            A dict: ``session_id``, ``status``, ``created_at``, ``ended_at``, ``config_hash``,
            ``metadata``, ``complete``, ``gaps`` (a list of dicts), the counts ``streams``,
            ``batches``, ``epochs``, ``observations``, ``distinct_samples`` and ``bytes``,
            and the breakdowns ``licenses`` and ``sources``.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        return self.look(session_id).summary

    def look(self, session_id: str | SessionRecord) -> Look:
        """A session at one moment: its record, its streams and its summary, which fit together.

        Args:
            session_id: which session.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        # Read before the streams, so that a session said to have ended is told to its end.
        session = self._prepare(session_id)
        tally = self._tallies.of(session)
        streams = tally.streams
        gaps = _gaps_among(streams, self._db.catalog.gaps(session.session_id))
        session = replace(session, streams=len(streams), gaps=len(gaps))
        summary = SessionSummary(
            session_id=session.session_id,
            status=session.status,
            created_at=session.created_at,
            ended_at=session.ended_at,
            config_hash=session.config_hash,
            metadata=session.metadata,
            complete=session.complete,
            gaps=gaps,
            streams=len(streams),
            batches=sum(stream.batches for stream in streams),
            epochs=tally.epochs,
            observations=sum(stream.observations for stream in streams),
            distinct_samples=tally.samples.total,
            bytes=sum(stream.bytes_seen for stream in streams),
            licenses=tally.samples.licenses,
            sources=tally.samples.sources,
        )
        return Look(session, streams, summary)

    def get_timeline(
        self,
        session_id: str | SessionRecord,
        *,
        stretches: int = 48,
        streams: Sequence[StreamRecord] | None = None,
    ) -> Timeline:
        """How a session went on: what came from each source, by epochs and in the course of time.

        Args:
            session_id: which session.
            stretches: into how many equal stretches its time is divided, 1 to 10,000; there are
                fewer if it has fewer milliseconds.
            streams: the session's, as a ``look`` had them; as they are now when left out.

        Raises:
            SessionNotFoundError: no session has that id.
            ConfigurationError: that is no such number.
        """
        most = whole_number("stretches", stretches)
        if not 1 <= most <= _MOST_STRETCHES:
            raise ConfigurationError(f"stretches must be 1 to {_MOST_STRETCHES:,}, not {most:,}")
        if streams is None:
            streams = self._streams(session_id)
        return timeline_of(self._db.batch_table, streams, most)

    def fingerprint_session(self, session_id: str | SessionRecord) -> str:
        """The fingerprint of a session: of all batches, in their order, on every rank.

        The same data in the same order have the same fingerprint on another day and another
        machine; ``docs/fingerprint.md`` specifies it.

        Args:
            session_id: which session.

        Returns:
            64 hex digits.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        session = self._prepare(session_id)
        return self._tallies.fingerprints(session, self._streams_of(session))[0]

    def fingerprint_sources(self, session_id: str | SessionRecord) -> dict[str, str]:
        """For each source, the fingerprint that the session would have with no other source.

        So a source that two runs took in alike has the same fingerprint in both, whatever else they
        were given.

        Args:
            session_id: which session.

        Returns:
            Source id to 64 hex digits, in the order in which they were opened.

        Raises:
            SessionNotFoundError: no session has that id.
        """
        session = self._prepare(session_id)
        return self._tallies.fingerprints(session, self._streams_of(session))[1]

    def fingerprints_of(self, look: Look) -> tuple[str, dict[str, str]]:
        """Both of the above at the moment of a ``look``."""
        return self._tallies.fingerprints(look.session, look.streams)

    # -- SQL -------------------------------------------------------------------------

    def sql(
        self,
        query: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        limit: int | None = None,
        seconds: float | None = None,
    ) -> SqlAnswer:
        """Ask in SQL, of the views ``sessions``, ``sources``, ``licenses``, ``streams``,
        ``batches``, ``observations`` and ``annotations``; ``docs/storage.md`` tells their columns.

        Args:
            query: one ``SELECT`` in the SQL of DuckDB. It reads the views and nothing else.
            parameters: values for each ``?`` in it, or by name for each ``$name``.
            limit: at most so many rows of the answer.
            seconds: how long it may take.

        Returns:
            The answer: ``.rows()``, ``.arrow()``, ``.pandas()`` or ``.polars()``.

        Raises:
            QueryError: the query is malformed, does more than ask, or takes too much memory or
                time.
            ConfigurationError: ``limit`` or ``seconds`` make no sense.
            SegmentError: a sealed file is missing or damaged.

        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> with ProvenanceDatabase(f"{folder.name}/provenance.db") as db:
        ...     session = db.begin_session(config_hash="v1")
        ...     QueryEngine(db).sql("SELECT status, observations FROM sessions").rows()
        [('running', 0)]
        >>> folder.cleanup()
        """
        self._flush()
        return self._asker.sql(query, parameters, checked_limit(limit), seconds)

    def interrupt(self) -> None:
        """End the questions that other threads are asking now; each raises a ``QueryError``."""
        self._asker.duck.interrupt()

    # -- reading ---------------------------------------------------------------------

    def _prepare(self, session_id: str | SessionRecord) -> SessionRecord:
        """Have all committed that was observed, and see that a session is there."""
        self._flush()
        return self._session(session_id)

    def _prepare_any(self, session_id: str | SessionRecord | None) -> list[str] | None:
        """The same for questions that may be about all sessions; gives those they are about."""
        self._flush()
        return None if session_id is None else [self._session(session_id).session_id]

    def _streams(self, session_id: str | SessionRecord | None) -> list[StreamRecord]:
        session_ids = self._prepare_any(session_id)
        return self._db.catalog.streams(None if session_ids is None else session_ids[0])

    def _streams_of(self, session: SessionRecord) -> list[StreamRecord]:
        return self._db.catalog.streams(session.session_id)

    def _session(self, session_id: str | SessionRecord) -> SessionRecord:
        return self._db.get_session(session_id_of(session_id))

    def _flush(self) -> None:
        try:
            self._db.flush()
        except StorageError:
            _log.warning(
                "what was observed last cannot be committed; answering from %s as it is",
                self._db.path,
                exc_info=True,
            )


def _gaps_among(streams: Sequence[StreamRecord], gaps: list[Gap]) -> list[dict[str, Any]]:
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


def _rows_of(relations: Relations, sample_id: str) -> list[tuple[Any, ...]]:
    return relations.around(sample_id).rows(SIGHTINGS, [sample_id])
