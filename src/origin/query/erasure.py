"""Which sessions and batches saw what is to be removed."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from origin.core.record import SessionRecord, StreamRecord
from origin.core.wording import Shown, listed, many, were
from origin.errors import StorageError
from origin.query.answer import SqlAnswer
from origin.query.asking import Asker
from origin.query.counts import count_samples, slices
from origin.query.given import Given
from origin.query.listing import Listing, Range, checked_limit
from origin.query.relations import Relations
from origin.query.sql import Query
from origin.storage.database import ProvenanceDatabase
from origin.storage.text import to_column

if TYPE_CHECKING:
    import pyarrow as pa

_MATCHING = """
    FROM ledger AS o JOIN asked_streams AS a ON o.stream_no = a.stream_no
        JOIN given_samples AS g ON o.{column} = g.{column}
    WHERE o.sample_id >= ? AND o.sample_id < ?
"""
_BY_ID, _BY_KEY = (_MATCHING.format(column=column) for column in ("sample_id", "key"))

# In which batches matching samples were, and how many.
_BATCHES = """
    SELECT o.stream_no, o.batch_no, count(*) AS observations {matching}
    GROUP BY o.stream_no, o.batch_no
"""
# How many matching samples each session saw.
_SAMPLES = """
    SELECT a.session_no, count(DISTINCT o.sample_id) AS samples {matching}
    GROUP BY a.session_no
"""
_NUMBERS = "SELECT DISTINCT g.given_no {matching}"
_SIGHTINGS = """
    SELECT o.sample_id, o.key, s.session_id, s.source_id, s.license_id, s.rank, o.stream_no,
        o.epoch, o.batch_no, o.position
    FROM ledger AS o JOIN asked_streams AS a ON o.stream_no = a.stream_no
        JOIN streams AS s ON o.stream_no = s.stream_no
        {given}
    WHERE o.sample_id >= ? AND o.sample_id < ?
    ORDER BY o.sample_id, o.stream_no, o.batch_no, o.position
    LIMIT ?
"""
_READS = ("ledger", "asked_streams", "given_samples")
_TOLD = (*_READS, "streams")


@dataclass(frozen=True)
class _Queries:
    """The questions about one kind of what is given."""

    batches: Query
    samples: Query
    numbers: Query
    sightings: Query


def _queries(kind: str, matching: str) -> _Queries:
    return _Queries(
        Query(f"batches_by_{kind}", _BATCHES.format(matching=matching), _READS),
        Query(f"samples_by_{kind}", _SAMPLES.format(matching=matching), _READS),
        Query(f"numbers_by_{kind}", _NUMBERS.format(matching=matching), _READS),
        Query(
            f"sightings_by_{kind}",
            _SIGHTINGS.format(given=f"JOIN given_samples AS g ON o.{kind} = g.{kind}"),
            _TOLD,
        ),
    )


_ASK_BY_ID = _queries("sample_id", _BY_ID)
_ASK_BY_KEY = _queries("key", _BY_KEY)

SIGHTINGS_OF_STREAMS = Query(
    "sightings_of_streams",
    _SIGHTINGS.format(given=""),
    ("ledger", "asked_streams", "streams"),
)

BATCHES_OF_STREAMS = Query(
    "batches_of_streams",
    """
    SELECT b.stream_no, b.batch_no, b.samples AS observations
    FROM batch_heads AS b JOIN asked_streams AS a ON b.stream_no = a.stream_no
    WHERE b.samples > 0
    """,
    ("batch_heads", "asked_streams"),
)

# The batches that were found, as they are handed over.
FOUND_BATCHES = Query(
    "found_batches",
    """
    SELECT s.session_id, s.source_id, s.license_id, s.rank, f.stream_no, b.epoch, f.batch_no,
        b.seen_at, b.samples, f.observations
    FROM (
        SELECT stream_no, batch_no, sum(observations) AS observations
        FROM found_parts
        GROUP BY stream_no, batch_no
    ) AS f
        JOIN streams AS s ON f.stream_no = s.stream_no
        JOIN batch_heads AS b ON f.stream_no = b.stream_no AND f.batch_no = b.batch_no
    ORDER BY f.stream_no, f.batch_no
    LIMIT ?
    """,
    ("found_parts", "streams", "batch_heads"),
)


@dataclass(frozen=True, slots=True)
class SeenBySession:
    """What one session saw of what is to be removed.

    Args:
        session: the session.
        sources: the sources it came from.
        samples: how many distinct samples.
        observations: how often they were seen.
        batches: in how many batches.
    """

    session: SessionRecord
    sources: tuple[str, ...]
    samples: int
    observations: int
    batches: int


class Wanted:
    """What is looked for: samples by id, samples by key, or all samples of some streams.

    Args:
        asker: of the database.
        streams: where to look.
        given: fingerprints to look for.
        keys: the user's own sample ids to look for, each with the number it was given as.
    """

    def __init__(
        self,
        asker: Asker,
        streams: Sequence[StreamRecord],
        given: Given | None = None,
        keys: Mapping[str, int] | None = None,
    ) -> None:
        self._asker = asker
        self._streams = {stream.stream_no: stream for stream in streams}
        self._given = given
        self._keys = keys
        self._session_ids = list(dict.fromkeys(stream.session_id for stream in streams))

    def ask(self, work: Any) -> Any:
        """Work on the relations of the sessions in question."""
        return self._asker.ask(self._session_ids, work)

    def prepare(self, relations: Relations) -> list[StreamRecord]:
        """Have the streams there that are asked for; gives them as they are at this moment."""
        import pyarrow as pa

        streams = [one for one in relations.moment.streams if one.stream_no in self._streams]
        sessions = [self._session_ids.index(one.session_id) for one in streams]
        relations.give(
            "asked_streams",
            pa.table(
                {
                    "stream_no": pa.array([one.stream_no for one in streams], pa.int32()),
                    "session_no": pa.array(sessions, pa.int32()),
                }
            ),
        )
        return streams

    def session_id(self, number: int) -> str:
        """The session that goes by a number in queries."""
        return self._session_ids[number]

    @property
    def is_everything(self) -> bool:
        """Whether all samples of the streams are wanted."""
        return self._given is None and self._keys is None

    @property
    def queries(self) -> _Queries:
        """The questions about what is given."""
        return _ASK_BY_KEY if self._given is None else _ASK_BY_ID

    def count(self) -> int:
        """How many samples or keys were given, up to the last that is not a repetition."""
        if self._given is not None:
            return self._given.count
        return max((self._keys or {}).values(), default=-1) + 1

    def numbers(self) -> frozenset[int]:
        """The places that different samples or keys have in what was given."""
        if self._given is not None:
            return self._given.numbers
        return frozenset((self._keys or {}).values())

    def ranges(self) -> list[Range]:
        """Ranges of sample ids to look through."""
        # Looking for keys gathers only what has them: it need not be done in parts.
        return [("", "g")] if self._given is None else self._given.ranges()

    def table(self, low: str, high: str) -> "pa.Table":
        """What is looked for in a range."""
        import pyarrow as pa

        if self._given is not None:
            return self._given.table(low, high)
        keys = self._keys or {}
        return pa.table(
            {
                "key": pa.array([to_column(key) for key in keys], pa.string()),
                "given_no": pa.array(list(keys.values()), pa.int64()),
            }
        )

    def parts(self, relations: Relations) -> "pa.Table":
        """The batches that hold any of it, by stream and number."""
        import pyarrow as pa

        self.prepare(relations)
        if self.is_everything:
            return relations.table(BATCHES_OF_STREAMS)
        return pa.concat_tables(self._each(relations, self.queries.batches))

    def _each(self, relations: Relations, query: Query) -> list["pa.Table"]:
        found = []
        for low, high in self.ranges() or [("", "")]:
            relations.give("given_samples", self.table(low, high))
            found.append(relations.within(low, high).table(query, (low, high)))
        return found

    def samples_by_session(self, relations: Relations) -> dict[str, int]:
        """How many distinct samples each session saw."""
        streams = self.prepare(relations)
        counts = dict.fromkeys(self._session_ids, 0)
        if self.is_everything:
            groups = {
                name: frozenset(one.stream_no for one in streams if one.session_id == name)
                for name in counts
            }
            found = count_samples(relations, groups.values(), streams)
            return {name: found[group] for name, group in groups.items()}
        for table in self._each(relations, self.queries.samples):
            for row in table.to_pylist():
                counts[self.session_id(row["session_no"])] += row["samples"]
        return counts

    def numbers_found(self, relations: Relations) -> list[int]:
        """Which of what was given were found."""
        self.prepare(relations)
        found = np.zeros(self.count(), dtype=bool)
        for table in self._each(relations, self.queries.numbers):
            found[table["given_no"].to_numpy()] = True
        return list(np.flatnonzero(found).tolist())

    def sightings(self, relations: Relations, limit: int) -> "pa.Table":
        """Each time any of it was seen."""
        streams = self.prepare(relations)
        if self.is_everything:
            ranges = slices(sum(one.observations for one in streams))
            listing = Listing(self._asker, [], SIGHTINGS_OF_STREAMS, {}, ranges)
            return listing.gather(relations, [], limit, "")
        listing = Listing(self._asker, [], self.queries.sightings, {}, self.ranges())
        return listing.gather(relations, [], limit, "", self)


@dataclass(frozen=True, slots=True, repr=False)
class ErasureReport(Shown):
    """Every session and batch that saw what is to be removed.

    Args:
        sessions: what each session saw, the oldest first; sessions that saw nothing are left out.
        not_found: the places, in what was given, of what no session saw.
        uncertain: the ids of the sessions whose record is not whole, so that they may have seen
            more than is said here.
    """

    sessions: tuple[SeenBySession, ...]
    not_found: tuple[int, ...]
    uncertain: tuple[str, ...]
    _wanted: Wanted = field(repr=False, compare=False)

    @property
    def observations(self) -> int:
        """How often it was seen in all."""
        return sum(one.observations for one in self.sessions)

    def batches(self, *, limit: int | None = None) -> SqlAnswer:
        """The batches, each with session, source, license, rank, epoch, time, and how many of its
        samples it is about.

        Args:
            limit: at most so many rows.

        Raises:
            ConfigurationError: the limit makes no sense.
            QueryError: they are too many to be held in memory; ask with a limit.
        """
        left = checked_limit(limit)

        def work(relations: Relations) -> "pa.Table":
            relations.give("found_parts", self._wanted.parts(relations))
            return relations.table(FOUND_BATCHES, (left,))

        return SqlAnswer(self._wanted.ask(work))

    def samples(self, *, limit: int | None = None) -> SqlAnswer:
        """Each time one of the samples was seen, with key, session, source, license, rank, epoch,
        batch and position.

        Args:
            limit: at most so many rows.

        Raises:
            ConfigurationError: the limit makes no sense.
            QueryError: they are too many to be held in memory; ask with a limit.
        """
        left = checked_limit(limit)
        return SqlAnswer(self._wanted.ask(lambda found: self._wanted.sightings(found, left)))

    def write_csv(self, path: str | os.PathLike[str]) -> int:
        """Write the batches to a CSV file, to be handed over.

        Args:
            path: the file; one that exists is replaced.

        Returns:
            How many batches it has.

        Raises:
            StorageError: it cannot be written.
        """
        from pyarrow import csv

        table = self.batches().arrow()
        try:
            csv.write_csv(table, os.fspath(path))
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise StorageError(f"{os.fspath(path)} cannot be written: {why}") from error
        return int(table.num_rows)

    def __str__(self) -> str:
        lines = [
            f"seen {many(self.observations, 'time')} by {many(len(self.sessions), 'session')}"
            if self.sessions
            else "no session saw any of it"
        ]
        lines += [
            f"{one.session.session_id} ({one.session.status}, began {one.session.created_at}): "
            f"{many(one.samples, 'sample')} in {many(one.batches, 'batch')}, from "
            f"{', '.join(one.sources)}"
            for one in self.sessions
        ]
        if self.not_found:
            lost = len(self.not_found)
            lines.append(f"{lost:,} of what was given {were(lost)} seen by no session")
        if self.uncertain:
            unsure = len(self.uncertain)
            lines.append(
                f"{many(unsure, 'session')} whose record is not whole may have seen more: "
                f"{listed(self.uncertain, 5)}"
            )
        return "\n".join(lines)


def report(db: ProvenanceDatabase, wanted: Wanted) -> ErasureReport:
    """Find every session and batch that saw what is wanted."""

    def find(relations: Relations) -> tuple[Any, ...]:
        parts = wanted.parts(relations)
        samples = wanted.samples_by_session(relations)
        streams = {one.stream_no: one for one in relations.moment.streams}
        numbers = [] if wanted.is_everything else wanted.numbers_found(relations)
        return _by_stream(parts), samples, streams, numbers

    counts, samples, streams, numbers = wanted.ask(find)
    sessions = [*reversed(db.list_sessions())]
    seen = [
        _seen(session, samples[session.session_id], counts, streams)
        for session in sessions
        if samples.get(session.session_id)
    ]
    missing = wanted.numbers().difference(numbers)
    uncertain = [one.session_id for one in sessions if one.streams and not one.complete]
    return ErasureReport(tuple(seen), tuple(sorted(missing)), tuple(uncertain), wanted)


def _by_stream(parts: "pa.Table") -> dict[int, tuple[int, int]]:
    """Batches and observations of each stream."""
    import pyarrow as pa

    both = parts.select(["stream_no", "batch_no", "observations"]).cast(
        pa.schema([(name, pa.int64()) for name in ("stream_no", "batch_no", "observations")])
    )
    batches = both.group_by(["stream_no", "batch_no"]).aggregate([("observations", "sum")])
    streams = batches.group_by("stream_no").aggregate(
        [("batch_no", "count"), ("observations_sum", "sum")]
    )
    return {
        row["stream_no"]: (row["batch_no_count"], row["observations_sum_sum"])
        for row in streams.to_pylist()
    }


def _seen(
    session: SessionRecord,
    samples: int,
    counts: Mapping[int, tuple[int, int]],
    streams: Mapping[int, StreamRecord],
) -> SeenBySession:
    own = {
        number: count
        for number, count in counts.items()
        if streams[number].session_id == session.session_id and count[1]
    }
    return SeenBySession(
        session=session,
        sources=tuple(dict.fromkeys(streams[number].source_id for number in sorted(own))),
        samples=samples,
        observations=sum(observations for _, observations in own.values()),
        batches=sum(batches for batches, _ in own.values()),
    )
