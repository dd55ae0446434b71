"""From the number of a step to the rows that went into it, and which steps stand out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from origin.core.record import Gap, Observation, PackedBatch, StreamRecord
from origin.core.wording import Shown, many, span
from origin.errors import BatchNotFoundError, ConfigurationError
from origin.query.arguments import whole_number
from origin.query.asking import Asker
from origin.query.listing import checked_limit
from origin.query.records import BatchRecord, batch_record, iso_time, sample_record
from origin.query.relations import Relations
from origin.query.sql import Query
from origin.query.streams import license_name
from origin.storage.database import ProvenanceDatabase
from origin.storage.schema import LAST_BATCH_NO
from origin.storage.text import from_column, to_column

# So many rows of a batch are printed.
_SHOWN_ROWS = 10

_RANKED = """
    SELECT n.stream_no, n.batch_no, n.value, b.epoch, b.seen_at, b.samples
    FROM noted_numbers AS n
        JOIN asked_streams AS a ON n.stream_no = a.stream_no
        JOIN batch_heads AS b ON n.stream_no = b.stream_no AND n.batch_no = b.batch_no
    WHERE n.name = ?
"""

# A number that is none comes before all others: whoever looks for a spike looks for it.
HIGHEST_ANNOTATIONS = Query(
    "highest_annotations",
    _RANKED + "ORDER BY n.value DESC, n.stream_no, n.batch_no LIMIT ?",
    ("noted_numbers", "batch_heads", "asked_streams"),
)

LOWEST_ANNOTATIONS = Query(
    "lowest_annotations",
    _RANKED + "ORDER BY n.value ASC, n.stream_no, n.batch_no LIMIT ?",
    ("noted_numbers", "batch_heads", "asked_streams"),
)

ANNOTATIONS_OF_BATCHES = Query(
    "annotations_of_batches",
    """
    SELECT n.batch_no, n.name, n.value
    FROM noted_numbers AS n
    WHERE n.stream_no = ? AND n.batch_no >= ? AND n.batch_no <= ?
    ORDER BY n.batch_no, n.name
    """,
    ("noted_numbers",),
)

ANNOTATION_NAMES = Query(
    "annotation_names",
    """
    SELECT DISTINCT n.name
    FROM noted_numbers AS n JOIN asked_streams AS a ON n.stream_no = a.stream_no
    ORDER BY n.name
    """,
    ("noted_numbers", "asked_streams"),
)


@dataclass(frozen=True, slots=True)
class StepBatch:
    """One batch, with everything in it.

    Args:
        batch: the batch.
        rank, world_size: the process that was given it.
        annotations: the numbers that were attached to it.
        rows: its samples in order, each with source, license, key and metadata.
        byte_sizes: how many canonical bytes each of them has.
    """

    batch: BatchRecord
    rank: int
    world_size: int
    annotations: Mapping[str, float]
    rows: tuple[Observation, ...] = field(repr=False)
    byte_sizes: tuple[int, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        own = self.batch
        told = "".join(f", {name} {value:g}" for name, value in self.annotations.items())
        where = f"stream {own.stream_no}, epoch {own.epoch}, {own.seen_at}"
        which = f"batch {own.batch_no} of {own.source_id!r} on rank {self.rank} ({where})"
        lines = [f"{which}: {many(own.samples, 'sample')}{told}"]
        for row in self.rows[:_SHOWN_ROWS]:
            key = "" if row.key is None else f" {row.key!r}"
            lines.append(f"  {row.position}: {row.sample_id}{key}")
        if len(self.rows) > _SHOWN_ROWS:
            lines.append(f"  and {many(len(self.rows) - _SHOWN_ROWS, 'sample')} more")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, repr=False)
class Step(Shown):
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

    @property
    def said_missing(self) -> list[str]:
        """What is missing, in words."""
        return [
            f"{span('batch', gap.first_batch, gap.last_batch)} of stream {gap.stream_no}: not "
            f"on record ({gap.reason})"
            for gap in self.missing
        ]

    def __str__(self) -> str:
        head = f"step {self.batch_no} of session {self.session_id}"
        return "\n".join([head, *map(str, self.batches), *self.said_missing])


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

    def __str__(self) -> str:
        return (
            f"{self.value:g}: batch {self.batch_no} of {self.source_id!r} on rank {self.rank} "
            f"(stream {self.stream_no}, epoch {self.epoch}, {self.seen_at}), "
            f"{many(self.samples, 'sample')}"
        )


class RankedBatches(Shown, list[RankedBatch]):
    """Batches in the order of a number; it prints one to a line."""

    __slots__ = ()

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "no batches"


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
    batch_no, before = whole_number("batch_no", batch_no), whole_number("before", before)
    first = max(0, batch_no - before)
    batches = [
        (batch, stream)
        for stream in streams
        if first <= LAST_BATCH_NO
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
            f"there is no batch {batch_no}: the longest of these streams has "
            f"{many(most, 'batch')}, numbered from 0"
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
        _sizes(batch),
    )


def _sizes(batch: PackedBatch) -> tuple[int, ...]:
    sizes = batch.byte_sizes
    return (sizes,) * batch.count if isinstance(sizes, int) else tuple(sizes)


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
) -> RankedBatches:
    """The batches with the highest or the lowest number of one name.

    Raises:
        ConfigurationError: no batch has a number of that name.
    """
    if not isinstance(by, str):
        raise ConfigurationError(f"by must be the name of a number such as 'loss', not {by!r}")
    query = HIGHEST_ANNOTATIONS if is_highest else LOWEST_ANNOTATIONS
    asked = {stream.stream_no: stream for stream in streams}

    def read(relations: Relations) -> RankedBatches:
        import pyarrow as pa

        relations.give("asked_streams", pa.table({"stream_no": pa.array(asked, pa.int32())}))
        rows = relations.rows(query, (to_column(by), checked_limit(limit)))
        if not rows and limit != 0:
            names = [from_column(name) for (name,) in relations.rows(ANNOTATION_NAMES)]
            there = f"there are {names}" if names else "these batches have no numbers at all"
            attach = f"hook.annotate({by if by.isidentifier() else 'loss'}=…)"
            raise ConfigurationError(
                f"no batch has a number {by!r}; {there}. {attach} attaches one to the batch that "
                "was yielded last"
            )
        return RankedBatches(_ranked(asked[row[0]], *row[1:]) for row in rows)

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
        return time.replace(tzinfo=UTC).isoformat(timespec="milliseconds")
    return iso_time(int(str(time)))
