"""How often samples were seen, counted range by range of sample ids."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from origin.query.counts import slices
from origin.query.relations import Relations
from origin.query.sql import Query

if TYPE_CHECKING:
    import pyarrow as pa

# What a reference saw counts as seen before every epoch.
REFERENCE = -(1 << 30)

# Each sample with how often an epoch of a source saw it. The streams of a reference stand for
# one epoch before all others.
_SEEN = f"""
    SELECT o.sample_id, a.part,
        CASE WHEN a.is_reference = 1 THEN {REFERENCE} ELSE o.epoch + a.shift END AS epoch,
        count(*) AS times, min(o.stream_no) AS lowest, max(o.stream_no) AS highest
    FROM ledger AS o JOIN audited_streams AS a ON o.stream_no = a.stream_no
    WHERE o.sample_id >= ? AND o.sample_id < ?
    GROUP BY o.sample_id, a.part,
        CASE WHEN a.is_reference = 1 THEN {REFERENCE} ELSE o.epoch + a.shift END
"""  # noqa: S608  a number of ours

# Two tables in one answer, so that the ledger is read once: how many samples each epoch saw how
# often, and how many samples were first seen in which epoch and how often in all.
EXPOSURE = Query(
    "exposure",
    f"""
    WITH seen AS ({_SEEN})
    SELECT 1 AS kind, e.part, e.epoch, e.times, e.spread, 0 AS epochs, count(*) AS samples
    FROM (
        SELECT part, epoch, times, CASE WHEN lowest < highest THEN 1 ELSE 0 END AS spread FROM seen
    ) AS e
    GROUP BY e.part, e.epoch, e.times, e.spread
    UNION ALL
    SELECT 2 AS kind, s.part, s.first_epoch, s.times, s.steady, s.epochs, count(*) AS samples
    FROM (
        SELECT sample_id, part, min(epoch) AS first_epoch,
            sum(CASE WHEN epoch > {REFERENCE} THEN times ELSE 0 END) AS times,
            sum(CASE WHEN epoch > {REFERENCE} THEN 1 ELSE 0 END) AS epochs,
            CASE WHEN min(CASE WHEN epoch > {REFERENCE} THEN times END)
                = max(CASE WHEN epoch > {REFERENCE} THEN times END) THEN 1 ELSE 0 END AS steady
        FROM seen
        GROUP BY sample_id, part
    ) AS s
    GROUP BY s.part, s.first_epoch, s.times, s.steady, s.epochs
    """,  # noqa: S608
    ("ledger", "audited_streams"),
)

# The same for all sources together, where there is more than one.
EXPOSURE_IN_ALL = Query(
    "exposure_in_all",
    """
    SELECT seen.times, count(*) AS samples
    FROM (
        SELECT o.sample_id, count(*) AS times
        FROM ledger AS o JOIN audited_streams AS a ON o.stream_no = a.stream_no
        WHERE a.is_reference = 0 AND o.sample_id >= ? AND o.sample_id < ?
        GROUP BY o.sample_id
    ) AS seen
    GROUP BY seen.times
    """,
    ("ledger", "audited_streams"),
)

TIMES_SEEN = Query(
    "times_seen",
    """
    SELECT o.sample_id, min(o.key) AS key, count(*) AS times,
        count(DISTINCT o.epoch + a.shift) AS epochs, min(o.epoch + a.shift) AS first_epoch
    FROM ledger AS o JOIN audited_streams AS a ON o.stream_no = a.stream_no
    WHERE a.is_reference = 0 AND o.sample_id >= ? AND o.sample_id < ?
    GROUP BY o.sample_id
    ORDER BY o.sample_id
    LIMIT ?
    """,
    ("ledger", "audited_streams"),
)

REPEATED = Query(
    "repeated",
    """
    SELECT seen.sample_id, s.source_id, seen.epoch, seen.key, seen.times, seen.ranks
    FROM (
        SELECT r.sample_id, r.part, r.epoch, min(r.key) AS key, sum(r.times) AS times,
            count(*) AS ranks
        FROM (
            SELECT o.sample_id, a.part, a.rank, o.epoch + a.shift AS epoch, min(o.key) AS key,
                count(*) AS times
            FROM ledger AS o JOIN audited_streams AS a ON o.stream_no = a.stream_no
            WHERE a.is_reference = 0 AND o.epoch + a.shift >= ? AND o.epoch + a.shift <= ?
                AND o.sample_id >= ? AND o.sample_id < ?
            GROUP BY o.sample_id, a.part, a.rank, o.epoch + a.shift
        ) AS r
        GROUP BY r.sample_id, r.part, r.epoch
        HAVING sum(r.times) > 1
    ) AS seen JOIN audited_sources AS s ON seen.part = s.part
    ORDER BY seen.sample_id, s.source_id, seen.epoch
    LIMIT ?
    """,
    ("ledger", "audited_streams", "audited_sources"),
)

# Samples that were seen before an epoch of their source, and not in it.
SKIPPED = Query(
    "skipped",
    """
    SELECT seen.sample_id, s.source_id, min(seen.key) AS key
    FROM (
        SELECT o.sample_id, a.part, o.key,
            CASE WHEN a.is_reference = 0 AND o.epoch + a.shift = ? THEN 1 ELSE 0 END AS here
        FROM ledger AS o JOIN audited_streams AS a ON o.stream_no = a.stream_no
        WHERE (a.is_reference = 1 OR o.epoch + a.shift <= ?)
            AND o.sample_id >= ? AND o.sample_id < ?
    ) AS seen JOIN audited_sources AS s ON seen.part = s.part
    GROUP BY seen.sample_id, s.source_id
    HAVING max(seen.here) = 0
    ORDER BY seen.sample_id, s.source_id
    LIMIT ?
    """,
    ("ledger", "audited_streams", "audited_sources"),
)


class Audited(NamedTuple):
    """A stream as it is counted.

    Args:
        stream_no: which stream.
        part: the number of its source among those that are audited.
        rank: the process it was opened in.
        is_reference: whether it only says what was there to be seen.
        shift: what is added to its epochs, where a restart began to number them anew.
    """

    stream_no: int
    part: int
    rank: int
    is_reference: bool
    shift: int = 0


def audited_table(streams: Iterable[Audited]) -> "pa.Table":
    """Streams as the relation ``audited_streams``."""
    import pyarrow as pa

    columns = list(zip(*streams, strict=True)) or [()] * len(Audited._fields)
    return pa.table(
        {
            name: pa.array([int(value) for value in column], pa.int32())
            for name, column in zip(Audited._fields, columns, strict=True)
        }
    )


@dataclass
class EpochCounts:
    """What one epoch of one source saw.

    Args:
        times_seen: for each number of times, how many samples it saw so often.
        spread: how many of those seen more than once were seen by more than one stream.
        fresh: how many samples neither an earlier epoch nor the reference saw.
    """

    times_seen: Counter[int] = field(default_factory=Counter)
    spread: int = 0
    fresh: int = 0

    @property
    def distinct(self) -> int:
        """How many samples it saw."""
        return sum(self.times_seen.values())

    @property
    def repeated(self) -> int:
        """How many samples it saw more than once."""
        return sum(samples for times, samples in self.times_seen.items() if times > 1)

    @property
    def observations(self) -> int:
        """How many observations that were."""
        return sum(times * samples for times, samples in self.times_seen.items())


@dataclass
class SourceCounts:
    """What all epochs of one source saw.

    Args:
        epochs: by their numbers; that of the reference is ``REFERENCE``.
        times_seen: for each number of times, how many samples were seen so often in all epochs.
        uneven: how many samples some epoch saw more than once were not seen equally often by
            every epoch.
    """

    epochs: dict[int, EpochCounts] = field(default_factory=dict)
    times_seen: Counter[int] = field(default_factory=Counter)
    uneven: int = 0


Row = tuple[int, ...]


def count_exposure(
    relations: Relations, streams: Sequence[Audited], observations: int
) -> tuple[dict[int, SourceCounts], Counter[int]]:
    """How often samples were seen.

    Args:
        relations: of one moment.
        streams: those that count.
        observations: how many they have together.

    Returns:
        What each source saw, by its number; and for all of them together, how many samples
        were seen how often.
    """
    relations.give("audited_streams", audited_table(streams))
    parts = {stream.part for stream in streams if not stream.is_reference}
    rows: Counter[Row] = Counter()
    in_all: Counter[int] = Counter()
    # Two rows of each sample are in memory together, so a range has half as many.
    for low, high in slices(2 * observations):
        within = relations.within(low, high)
        for row in within.rows(EXPOSURE, (low, high)):
            rows[tuple(map(int, row[:-1]))] += row[-1]
        if len(parts) > 1:
            for times, samples in within.rows(EXPOSURE_IN_ALL, (low, high)):
                in_all[times] += samples
    counts = {part: _source_counts(part, rows) for part in sorted(parts)}
    if len(parts) == 1:
        in_all = next(iter(counts.values())).times_seen
    return counts, in_all


def _source_counts(part: int, rows: Counter[Row]) -> SourceCounts:
    counts = SourceCounts()
    own = [(row, samples) for row, samples in sorted(rows.items()) if row[1] == part]
    for (kind, _, epoch, times, spread, _), samples in own:
        if kind == 1:
            seen = counts.epochs.setdefault(epoch, EpochCounts())
            seen.times_seen[times] += samples
            seen.spread += samples if spread and times > 1 else 0
    number = sum(epoch > REFERENCE for epoch in counts.epochs)
    for (kind, _, first, times, steady, epochs), samples in own:
        if kind == 2:
            counts.epochs[first].fresh += samples
            if times:
                counts.times_seen[times] += samples
            if times > epochs and not (steady and epochs == number):
                counts.uneven += samples
    return counts
