"""From the number of a step to the rows that went into it, and which steps stand out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from origin.core.record import Gap, Observation, PackedBatch, StreamRecord
from origin.errors import BatchNotFoundError, ConfigurationError
from origin.query.asking import Asker
from origin.query.listing import checked_limit
from origin.query.records import BatchRecord, batch_record, iso_time, sample_record
from origin.query.relations import Relations
from origin.query.sql import Query
from origin.query.streams import license_name
from origin.storage.database import ProvenanceDatabase
from origin.storage.text import from_column, to_column

_RANKED = """
    SELECT n.stream_no, n.batch_no, n.value, b.epoch, b.seen_at, b.samples
    FROM annotations AS n
        JOIN asked_streams AS a ON n.stream_no = a.stream_no
        JOIN batch_heads AS b ON n.stream_no = b.stream_no AND n.batch_no = b.batch_no
    WHERE n.name = ?
"""

# A number that is none comes before all others: whoever looks for a spike looks for it.
HIGHEST_ANNOTATIONS = Query(
    "highest_annotations",
    _RANKED + "ORDER BY n.value DESC, n.stream_no, n.batch_no LIMIT ?",
    ("annotations", "batch_heads", "asked_streams"),
)

LOWEST_ANNOTATIONS = Query(
    "lowest_annotations",
    _RANKED + "ORDER BY n.value ASC, n.stream_no, n.batch_no LIMIT ?",
    ("annotations", "batch_heads", "asked_streams"),
)

ANNOTATIONS_OF_BATCHES = Query(
    "annotations_of_batches",
    """
    SELECT n.batch_no, n.name, n.value
    FROM annotations AS n
    WHERE n.stream_no = ? AND n.batch_no >= ? AND n.batch_no <= ?
    ORDER BY n.batch_no, n.name
    """,
    ("annotations",),
)

ANNOTATION_NAMES = Query(
    "annotation_names",
    """
    SELECT DISTINCT n.name
    FROM annotations AS n JOIN asked_streams AS a ON n.stream_no = a.stream_no
    ORDER BY n.name
    """,
    ("annotations", "asked_streams"),
)


@dataclass(frozen=True, slots=True)
class StepBatch:
    """One batch, with everything in it.

    Args:
        batch: the batch.
        rank, world_size: the process that was given it.
        annotations: the numbers that were attached to it.
        rows: its samples in order, each with source, license, key and metadata.
    """

    batch: BatchRecord
    rank: int
    world_size: int
    annotations: Mapping[str, float]
    rows: tuple[Observation, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """The batches of one number, or of several in a row, in all streams that were asked for.

    Args:
        session_id: the session.
        batch_no: the number that was asked for.
        batches: those on record, by number, then stream by stream.
        missing: the batches among them that are not on record, as gaps that say why.
    """

    session_id: str
    batch_no: int
    batches: tuple[StepBatch, ...]
    missing: tuple[Gap, ...]

    @property
    def rows(self) -> tuple[Observation, ...]:
        """The samples of all its batches."""
        return tuple(row for batch in self.batches for row in batch.rows)


@dataclass(frozen=True, slots=True)
class RankedBatch:
    """A batch and the number by which it was ranked.

    Args:
        value: the number.
        session_id, source_id, license_id, rank, stream_no, batch_no: which batch it is.
        epoch: which pass over the data it was part of, from 0.
        seen_at: when it was handed over, ISO 8601 in UTC.
        samples: how many samples it has.
    """

    value: float
    session_id: str
    source_id: str
    license_id: str
    rank: int
    stream_no: int
    batch_no: int
    epoch: int
    seen_at: str
    samples: int


def chosen_streams(
    streams: Sequence[StreamRecord],
    source: str | None,
    rank: int | None,
    stream_no: int | None,
) -> list[StreamRecord]:
    """The streams that are asked for.

    Raises:
        ConfigurationError: there is none of them.
    """
    chosen = [
        stream
        for stream in streams
        if source in (None, stream.source_id)
        and rank in (None, stream.rank)
        and stream_no in (None, stream.stream_no)
    ]
    if not chosen:
        there = ", ".join(
            f"stream {one.stream_no} (source {one.source_id!r}, rank {one.rank})"
            for one in streams[:10]
        )
        raise ConfigurationError(
            f"the session has no such stream; it has {there or 'none at all'}"
            f"{', …' if len(streams) > 10 else ''}"
        )
    return chosen


def read_step(
    db: ProvenanceDatabase,
    asker: Asker,
    session_id: str,
    batch_no: int,
    streams: Sequence[StreamRecord],
    before: int,
) -> Step:
    """The batches of one number, and of those right before it.

    Raises:
        BatchNotFoundError: there is no batch of that number.
        ConfigurationError: a number makes no sense.
    """
    for name, value in (("batch_no", batch_no), ("before", before)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ConfigurationError(f"{name} must be a number from 0, not {value!r}")
    first = max(0, batch_no - before)
    batches = [
        (batch, stream)
        for stream in streams
        for batch in db.ledger.batches(stream.stream_no, first, batch_no)
    ]
    numbers = {stream.stream_no for stream in streams}
    missing = tuple(
        gap
        for gap in db.catalog.gaps(session_id)
        if gap.stream_no in numbers and gap.first_batch <= batch_no and gap.last_batch >= first
    )
    is_there = any(batch.batch_no == batch_no for batch, _ in batches)
    if not is_there and not any(gap.last_batch >= batch_no for gap in missing):
        most = max(stream.batches for stream in streams)
        raise BatchNotFoundError(
            f"there is no batch {batch_no}: the longest of these streams has {most:,} batches, "
            "which are numbered from 0"
        )
    told = _annotations(asker, session_id, streams, first, batch_no)
    batches.sort(key=lambda found: (found[0].batch_no, found[0].stream_no))
    return Step(
        session_id,
        batch_no,
        tuple(_step_batch(batch, stream, told) for batch, stream in batches),
        missing,
    )


def _step_batch(
    batch: PackedBatch,
    stream: StreamRecord,
    told: Mapping[tuple[int, int], Mapping[str, float]],
) -> StepBatch:
    return StepBatch(
        batch_record(batch, stream),
        stream.rank,
        stream.world_size,
        told.get((batch.stream_no, batch.batch_no), {}),
        tuple(_row(batch, at, stream) for at in range(batch.count)),
    )


def _row(batch: PackedBatch, position: int, stream: StreamRecord) -> Observation:
    sample = sample_record(batch, position)
    return Observation(
        sample_id=sample.sample_id,
        session_id=stream.session_id,
        source_id=stream.source_id,
        license_id=license_name(stream.license_id),
        stream_no=batch.stream_no,
        batch_no=batch.batch_no,
        position=position,
        epoch=batch.epoch,
        seen_at=iso_time(batch.seen_at),
        key=sample.key,
        metadata=sample.metadata,
    )


def _annotations(
    asker: Asker, session_id: str, streams: Sequence[StreamRecord], first: int, last: int
) -> dict[tuple[int, int], dict[str, float]]:
    def read(relations: Relations) -> dict[tuple[int, int], dict[str, float]]:
        found: dict[tuple[int, int], dict[str, float]] = {}
        for stream in streams:
            asked = (stream.stream_no, first, last)
            for batch_no, name, value in relations.rows(ANNOTATIONS_OF_BATCHES, asked):
                found.setdefault((stream.stream_no, batch_no), {})[from_column(name)] = value
        return found

    return asker.ask([session_id], read)


def ranked_batches(
    asker: Asker,
    session_id: str,
    by: str,
    limit: int | None,
    is_highest: bool,
    streams: Sequence[StreamRecord],
) -> list[RankedBatch]:
    """The batches with the highest or the lowest number of one name.

    Raises:
        ConfigurationError: no batch has a number of that name.
    """
    if not isinstance(by, str):
        raise ConfigurationError(f"by must be the name of a number, not {by!r}")
    query = HIGHEST_ANNOTATIONS if is_highest else LOWEST_ANNOTATIONS
    asked = {stream.stream_no: stream for stream in streams}

    def read(relations: Relations) -> list[RankedBatch]:
        import pyarrow as pa

        relations.give("asked_streams", pa.table({"stream_no": pa.array(asked, pa.int32())}))
        rows = relations.rows(query, (to_column(by), checked_limit(limit)))
        if not rows and limit != 0:
            names = [from_column(name) for (name,) in relations.rows(ANNOTATION_NAMES)]
            raise ConfigurationError(
                f"no batch has a number {by!r}; there are {names}. hook.annotate({by}=…) attaches "
                "one to the batch that was yielded last"
            )
        return [_ranked(asked[row[0]], *row[1:]) for row in rows]

    return asker.ask([session_id], read)


def _ranked(
    stream: StreamRecord, batch_no: int, value: float, epoch: int, seen_at: object, samples: int
) -> RankedBatch:
    return RankedBatch(
        value=value,
        session_id=stream.session_id,
        source_id=stream.source_id,
        license_id=license_name(stream.license_id),
        rank=stream.rank,
        stream_no=stream.stream_no,
        batch_no=batch_no,
        epoch=epoch,
        seen_at=iso_text(seen_at),
        samples=samples,
    )


def iso_text(time: object) -> str:
    """A time as a query gives it, as the records show it."""
    if isinstance(time, datetime):
        return time.replace(tzinfo=timezone.utc).isoformat(timespec="milliseconds")
    return iso_time(int(str(time)))
