"""What two sessions have in common, and which of some given samples a session saw."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from origin.core.record import SessionRecord, StreamRecord
from origin.core.wording import Shown, many, were
from origin.errors import ConfigurationError
from origin.query.answer import SqlAnswer
from origin.query.asking import Asker
from origin.query.counts import count_samples, slices
from origin.query.given import FORMS_TOLD, Given
from origin.query.listing import Listing, behind, checked_limit
from origin.query.relations import Relations
from origin.query.sql import Query
from origin.query.wording import caveats_of, with_caveats
from origin.storage.text import from_column

if TYPE_CHECKING:
    import pyarrow as pa

# Which of the given samples were seen.
SEEN_OF_GIVEN = Query(
    "seen_of_given",
    """
    SELECT DISTINCT g.given_no
    FROM ledger AS o
        JOIN asked_streams AS a ON o.stream_no = a.stream_no
        JOIN given_samples AS g ON o.sample_id = g.sample_id
    WHERE o.sample_id >= ? AND o.sample_id < ?
    """,
    ("ledger", "asked_streams", "given_samples"),
)

# What the samples of some streams look like.
FORMS = Query(
    "forms",
    """
    SELECT o.content_type, min(o.byte_size) AS least, max(o.byte_size) AS most
    FROM ledger AS o JOIN asked_streams AS a ON o.stream_no = a.stream_no
    GROUP BY o.content_type
    ORDER BY o.content_type
    """,
    ("ledger", "asked_streams"),
)

SIGHTINGS_OF_GIVEN = Query(
    "sightings_of_given",
    """
    SELECT o.sample_id, g.given_no, s.session_id, s.source_id, s.rank, o.stream_no, o.epoch,
        o.batch_no, o.position, o.key
    FROM ledger AS o
        JOIN asked_streams AS a ON o.stream_no = a.stream_no
        JOIN streams AS s ON o.stream_no = s.stream_no
        JOIN given_samples AS g ON o.sample_id = g.sample_id
    WHERE o.sample_id >= ? AND o.sample_id < ?
    ORDER BY o.sample_id, o.stream_no, o.batch_no, o.position, g.given_no
    LIMIT ?
    """,
    ("ledger", "streams", "asked_streams", "given_samples"),
)

# What two sides saw of each sample. A side is a bit, since a session may be compared with itself.
TIMES_ON_SIDES = Query(
    "times_on_sides",
    """
    SELECT seen.a, seen.b, count(*) AS samples
    FROM (
        SELECT sum(s.in_a) AS a, sum(s.in_b) AS b
        FROM ledger AS o JOIN compared_streams AS s ON o.stream_no = s.stream_no
        WHERE o.sample_id >= ? AND o.sample_id < ?
        GROUP BY o.sample_id
    ) AS seen
    GROUP BY seen.a, seen.b
    """,
    ("ledger", "compared_streams"),
)

SAMPLES_ON_SIDES = Query(
    "samples_on_sides",
    """
    SELECT seen.sample_id, seen.key, seen.times_a, seen.times_b
    FROM (
        SELECT o.sample_id, min(o.key) AS key, sum(s.in_a) AS times_a, sum(s.in_b) AS times_b
        FROM ledger AS o JOIN compared_streams AS s ON o.stream_no = s.stream_no
        WHERE o.sample_id >= ? AND o.sample_id < ?
        GROUP BY o.sample_id
    ) AS seen JOIN wanted_kinds AS w
        ON CASE WHEN seen.times_b = 0 THEN 1 WHEN seen.times_a = 0 THEN 2
            WHEN seen.times_a = seen.times_b THEN 3 ELSE 4 END = w.kind
    ORDER BY seen.sample_id
    LIMIT ?
    """,
    ("ledger", "compared_streams", "wanted_kinds"),
)

_KINDS = {"only_a": (1,), "only_b": (2,), "shared": (3, 4), "unequal": (4,)}


class Sides:
    """The streams of two sessions, to be compared.

    Args:
        asker: of the database.
        a, b: the ids of the sessions.
    """

    def __init__(self, asker: Asker, a: str, b: str) -> None:
        self._asker = asker
        self._ids = (a, b)

    def shared(self) -> tuple[int, int, int]:
        """How many distinct samples a saw, b saw, and both saw."""

        def count(relations: Relations) -> tuple[int, int, int]:
            streams = relations.moment.streams
            groups = [
                frozenset(one.stream_no for one in streams if one.session_id in ids)
                for ids in ({self._ids[0]}, {self._ids[1]}, set(self._ids))
            ]
            found = count_samples(relations, groups, streams)
            in_a, in_b, either = (found[group] for group in groups)
            return in_a, in_b, in_a + in_b - either

        return self._asker.ask(set(self._ids), count)

    def times(self) -> list[tuple[int, int, int]]:
        """How many samples were seen how often by a, and how often by b."""

        def count(relations: Relations) -> dict[tuple[int, int], int]:
            streams = relations.moment.streams
            relations.give("compared_streams", self._table(streams))
            found: dict[tuple[int, int], int] = {}
            for low, high in slices(sum(one.observations for one in streams)):
                for a, b, samples in relations.within(low, high).rows(TIMES_ON_SIDES, (low, high)):
                    found[int(a), int(b)] = found.get((int(a), int(b)), 0) + samples
            return found

        return [(*key, samples) for key, samples in self._asker.ask(set(self._ids), count).items()]

    def page(self, kind: str, limit: int | None, after: str | bytes | None) -> SqlAnswer:
        """The very samples of one kind."""
        import pyarrow as pa

        left, first = checked_limit(limit), behind(after)

        def work(relations: Relations) -> "pa.Table":
            streams = relations.moment.streams
            given = {
                "compared_streams": self._table(streams),
                "wanted_kinds": pa.table({"kind": pa.array(_KINDS[kind], pa.int32())}),
            }
            ranges = slices(sum(one.observations for one in streams))
            listing = Listing(self._asker, self._ids, SAMPLES_ON_SIDES, given, ranges)
            return listing.gather(relations, [], left, first)

        return SqlAnswer(self._asker.ask(set(self._ids), work))

    def _table(self, streams: Sequence[StreamRecord]) -> "pa.Table":
        import pyarrow as pa

        columns = [
            [int(one.session_id == session_id) for one in streams] for session_id in self._ids
        ]
        return pa.table(
            {
                "stream_no": pa.array([one.stream_no for one in streams], pa.int32()),
                "in_a": pa.array(columns[0], pa.int32()),
                "in_b": pa.array(columns[1], pa.int32()),
            }
        )


@dataclass(frozen=True, slots=True, repr=False)
class SessionOverlap(Shown):
    """The samples that two sessions have in common.

    Args:
        a, b: the ids of the sessions.
        samples_a, samples_b: how many distinct samples each saw.
        shared: how many both saw.
        caveats: what keeps this from being about all that the sessions were handed.
    """

    a: str
    b: str
    samples_a: int
    samples_b: int
    shared: int
    caveats: tuple[str, ...]
    _sides: Sides = field(compare=False)

    @property
    def only_a(self) -> int:
        """How many samples a saw and b did not."""
        return self.samples_a - self.shared

    @property
    def only_b(self) -> int:
        """How many samples b saw and a did not."""
        return self.samples_b - self.shared

    def samples(self, *, limit: int | None = None, after: str | bytes | None = None) -> SqlAnswer:
        """The samples both saw, in the order of their ids, with how often each session saw them.

        Args:
            limit: at most so many rows.
            after: only what comes behind this sample id, to go on where a page ended.

        Raises:
            ConfigurationError: the limit makes no sense.
            QueryError: they are too many to be held in memory; ask with a limit.
        """
        return self._sides.page("shared", limit, after)

    def __str__(self) -> str:
        text = (
            f"{many(self.shared, 'sample')} {were(self.shared)} seen by both sessions, "
            f"{self.only_a:,} only by the first, {self.only_b:,} only by the second"
        )
        return with_caveats(text, self.caveats)


@dataclass(frozen=True, slots=True, repr=False)
class GivenOverlap(Shown):
    """Which of some given samples a session saw.

    Args:
        session_id: the session.
        given: how many different samples were given.
        shared: how many of them it saw.
        numbers: which: the places they have in what was given, from 0, ascending; of samples
            that were given more than once the first place.
        hint: what may be wrong with what was given, where nothing was found; else empty.
        caveats: what keeps this from being about all that the session was handed.
    """

    session_id: str
    given: int
    shared: int
    numbers: Sequence[int]
    hint: str
    caveats: tuple[str, ...]
    _given: Given = field(compare=False)
    _asker: Asker = field(compare=False)

    @property
    def unseen(self) -> int:
        """How many of them it did not see."""
        return self.given - self.shared

    def samples(self, *, limit: int | None = None) -> SqlAnswer:
        """Each time one of them was seen, with source, rank, epoch, batch, position and key.

        ``given_no`` is its place in what was given, from 0.

        Args:
            limit: at most so many rows.

        Raises:
            ConfigurationError: the limit makes no sense.
            QueryError: they are too many to be held in memory; ask with a limit.
        """
        left = checked_limit(limit)

        def work(relations: Relations) -> "pa.Table":
            relations.give("asked_streams", _asked(relations))
            listing = Listing(self._asker, [], SIGHTINGS_OF_GIVEN, {}, self._given.ranges())
            return listing.gather(relations, [], left, "", self._given)

        return SqlAnswer(self._asker.ask([self.session_id], work))

    def __str__(self) -> str:
        text = (
            f"{self.shared:,} of {many(self.given, 'sample')} {were(self.shared)} seen by session "
            f"{self.session_id}"
        )
        return with_caveats(f"{text}; {self.hint}" if self.hint else text, self.caveats)


def find_given(asker: Asker, session: SessionRecord, given: Given) -> GivenOverlap:
    """Which of the given samples a session saw."""

    def find(relations: Relations) -> tuple[list[int], str]:
        relations.give("asked_streams", _asked(relations))
        found = np.zeros(given.count, dtype=bool)
        for low, high in given.ranges():
            relations.give("given_samples", given.table(low, high))
            table = relations.within(low, high).table(SEEN_OF_GIVEN, (low, high))
            found[table["given_no"].to_numpy()] = True
        hint = "" if found.any() else _hint(given, relations.rows(FORMS))
        return np.flatnonzero(found).tolist(), hint

    numbers, hint = asker.ask([session.session_id], find)
    return GivenOverlap(
        session_id=session.session_id,
        given=given.distinct,
        shared=len(numbers),
        numbers=numbers,
        hint=hint,
        caveats=caveats_of([session]),
        _given=given,
        _asker=asker,
    )


def _hint(given: Given, recorded: Sequence[tuple[str, int, int]]) -> str:
    """What is to be said where no given value can be a recorded sample, by type and size."""
    can_be = any(
        kind == known and least <= size <= most
        for kind, size in given.forms
        for known, least, most in recorded
    )
    if can_be or not given.forms or not recorded:
        return ""
    told = "; ".join(
        f"{from_column(kind)}, {least:,}{'' if least == most else f' to {most:,}'} bytes"
        for kind, least, most in recorded
    )
    which = "none of them" if given.count <= FORMS_TOLD else f"none of the first {FORMS_TOLD}"
    return (
        f"{which} has the form of a recorded sample ({told}): give them as your loop received them"
    )


def _asked(relations: Relations) -> "pa.Table":
    import pyarrow as pa

    numbers = [one.stream_no for one in relations.moment.streams]
    return pa.table({"stream_no": pa.array(numbers, pa.int32())})


@dataclass(frozen=True, slots=True, repr=False)
class SessionDifference(Shown):
    """How the samples of two sessions differ.

    Args:
        a, b: the ids of the sessions.
        only_a, only_b: how many samples only one of them saw.
        shared: how many both saw.
        unequal: how many of those one saw more often than the other.
        caveats: what keeps this from being about all that the sessions were handed.
    """

    a: str
    b: str
    only_a: int
    only_b: int
    shared: int
    unequal: int
    caveats: tuple[str, ...]
    _sides: Sides = field(compare=False)

    @property
    def is_empty(self) -> bool:
        """Whether both saw the same samples, each equally often."""
        return not (self.only_a or self.only_b or self.unequal)

    def samples(
        self, kind: str, *, limit: int | None = None, after: str | bytes | None = None
    ) -> SqlAnswer:
        """The very samples, in the order of their ids, with how often each session saw them.

        Args:
            kind: ``"only_a"``, ``"only_b"``, ``"shared"``, or ``"unequal"``: those that both
                saw, and not equally often.
            limit: at most so many rows.
            after: only what comes behind this sample id, to go on where a page ended.

        Raises:
            ConfigurationError: an argument makes no sense.
            QueryError: they are too many to be held in memory; ask with a limit.
        """
        if kind not in _KINDS:
            raise ConfigurationError(f"kind must be one of {', '.join(_KINDS)}, not {kind!r}")
        return self._sides.page(kind, limit, after)

    def __str__(self) -> str:
        text = (
            f"{many(self.only_a, 'sample')} {were(self.only_a)} seen only by the first session, "
            f"{self.only_b:,} only by the second, {self.shared:,} by both, {self.unequal:,} of "
            "them not equally often"
        )
        return with_caveats(text, self.caveats)


def find_shared(asker: Asker, a: SessionRecord, b: SessionRecord) -> SessionOverlap:
    """What two sessions have in common."""
    sides = Sides(asker, a.session_id, b.session_id)
    caveats = caveats_of([a, b])
    return SessionOverlap(a.session_id, b.session_id, *sides.shared(), caveats, sides)


def find_difference(asker: Asker, a: SessionRecord, b: SessionRecord) -> SessionDifference:
    """How the samples of two sessions differ."""
    sides = Sides(asker, a.session_id, b.session_id)
    counts = {"only_a": 0, "only_b": 0, "shared": 0, "unequal": 0}
    for in_a, in_b, samples in sides.times():
        if not in_b:
            counts["only_a"] += samples
        elif not in_a:
            counts["only_b"] += samples
        else:
            counts["shared"] += samples
            counts["unequal"] += samples if in_a != in_b else 0
    caveats = caveats_of([a, b])
    return SessionDifference(a.session_id, b.session_id, **counts, caveats=caveats, _sides=sides)
