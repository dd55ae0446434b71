"""The records that answers are made of."""

import json
import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from origin.core.record import Observation, PackedBatch, SampleRecord, StreamRecord, license_key
from origin.core.wording import Shown, listed, many
from origin.errors import SampleNotFoundError
from origin.query.streams import license_name
from origin.storage.text import from_column, optional_from_column

_SAMPLE_ID = re.compile("[0-9a-fA-F]{64}")
# Fewer digits begin too many ids to look through them all.
_BEGINNING = re.compile("[0-9a-fA-F]{4,64}")
# So many sightings, or rows, of an answer are printed.
_SHOWN = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """One batch, as the training loop received it.

    Args:
        session_id: the session it was recorded in.
        stream_no: the stream it belongs to.
        batch_no: its number in that stream, from 0.
        source_id: where its samples came from.
        license_id: the license they came under; ``unknown`` when nobody said.
        epoch: which pass over the data it was part of, from 0.
        seen_at: when it was handed over, ISO 8601 in UTC.
        root: the Merkle root of its samples, 64 hex digits.
        samples: how many samples it has.
        fingerprints: theirs in order, 32 bytes each; ``sample_ids`` has them as text.
    """

    session_id: str
    stream_no: int
    batch_no: int
    source_id: str
    license_id: str
    epoch: int
    seen_at: str
    root: str
    samples: int
    fingerprints: bytes = field(repr=False)

    @property
    def sample_ids(self) -> tuple[str, ...]:
        """The ids of its samples, in order."""
        packed = self.fingerprints
        return tuple(packed[at : at + 32].hex() for at in range(0, len(packed), 32))


@dataclass(frozen=True, slots=True, repr=False)
class SampleTrace(Shown):
    """Everything the record says of one sample.

    Args:
        sample: the sample, as it was first seen.
        sources: the ids of the sources it came from, the first one first.
        licenses: the licenses it came under, ``unknown`` among them where nobody said.
        sessions: the ids of the sessions that saw it.
        observations: each time it was seen, in order of time, or the first ones.
        times: for each session, how many times it saw the sample in all.
    """

    sample: SampleRecord
    sources: tuple[str, ...]
    licenses: tuple[str, ...]
    sessions: tuple[str, ...]
    observations: list[Observation]
    times: dict[str, int]

    @property
    def total(self) -> int:
        """How many times it was seen."""
        return sum(self.times.values())

    def __str__(self) -> str:
        return self.told(_SHOWN)

    def told(self, most: int | None) -> str:
        """The same as text, with at most so many of the times it was seen."""
        own = self.sample
        seen = many(self.total, "time")
        key = "" if own.key is None else f", key {own.key!r}"
        what = f"sample {own.sample_id} ({own.content_type}, {own.byte_size:,} bytes{key})"
        lines = [
            f"{what}: seen {seen} by {many(len(self.sessions), 'session')}",
            f"from {listed(map(repr, self.sources))}, under {listed(self.licenses)}",
        ]
        shown = self.observations[:most]
        for one in shown:
            lines.append(
                f"{one.seen_at} session {one.session_id}: {one.source_id!r} epoch {one.epoch}, "
                f"batch {one.batch_no} of stream {one.stream_no}, position {one.position}"
            )
        if self.total > len(shown):
            lines.append(f"and {many(self.total - len(shown), 'time')} more")
        return "\n".join(lines)


class Sighting(NamedTuple):
    """One row of the ledger, and the stream and the time it belongs to."""

    stream: StreamRecord
    seen_at: int
    batch_no: int
    position: int
    epoch: int
    byte_size: int
    content_type: str
    key: str | None
    metadata: str | None


def parse_sample_id(sample_id: object) -> bytes:
    """The fingerprint that a sample id stands for.

    Args:
        sample_id: 64 hex digits in either case, or the 32 bytes themselves.

    Raises:
        SampleNotFoundError: it is neither, so no sample can have it.

    >>> parse_sample_id("AB" * 32) == b"\\xab" * 32
    True
    """
    if isinstance(sample_id, bytes) and len(sample_id) == 32:
        return sample_id
    if isinstance(sample_id, str) and _SAMPLE_ID.fullmatch(sample_id):
        return bytes.fromhex(sample_id)
    raise SampleNotFoundError(
        f"{reprlib.repr(sample_id)} is no sample id: that is 64 hex digits, and "
        "db.fingerprint(value) computes it"
    )


def parse_beginning(beginning: object) -> str:
    """The beginning of a sample id in the form that ids have.

    Args:
        beginning: 4 to 64 hex digits in either case.

    Raises:
        SampleNotFoundError: it is none, so no sample id begins so.

    >>> parse_beginning("AB12")
    'ab12'
    """
    if isinstance(beginning, str) and _BEGINNING.fullmatch(beginning):
        return beginning.lower()
    raise SampleNotFoundError(
        f"{reprlib.repr(beginning)} begins no sample id: give 4 to 64 hex digits; "
        "db.fingerprint(value) computes them"
    )


def iso_time(milliseconds: int) -> str:
    """A time since 1970 as ISO 8601 text in UTC.

    >>> iso_time(1_500)
    '1970-01-01T00:00:01.500+00:00'
    """
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")


def batch_record(batch: PackedBatch, stream: StreamRecord) -> BatchRecord:
    """A batch of the ledger as it is shown."""
    return BatchRecord(
        session_id=stream.session_id,
        stream_no=stream.stream_no,
        batch_no=batch.batch_no,
        source_id=stream.source_id,
        license_id=license_name(stream.license_id),
        epoch=batch.epoch,
        seen_at=iso_time(batch.seen_at),
        root=batch.root.hex(),
        samples=batch.count,
        fingerprints=batch.fingerprints,
    )


def sample_record(batch: PackedBatch, position: int) -> SampleRecord:
    """The sample at one position of a batch."""
    sizes, types = batch.byte_sizes, batch.content_types
    return SampleRecord(
        sample_id=batch.fingerprints[32 * position : 32 * position + 32].hex(),
        byte_size=sizes if isinstance(sizes, int) else sizes[position],
        content_type=types if isinstance(types, str) else types[position],
        key=None if batch.keys is None else batch.keys[position],
        metadata={} if batch.metadata is None else batch.metadata[position] or {},
    )


def _observation(sample_id: str, seen: Sighting) -> Observation:
    stream = seen.stream
    return Observation(
        sample_id=sample_id,
        session_id=stream.session_id,
        source_id=stream.source_id,
        license_id=license_name(stream.license_id),
        stream_no=stream.stream_no,
        batch_no=seen.batch_no,
        position=seen.position,
        epoch=seen.epoch,
        seen_at=iso_time(seen.seen_at),
        key=optional_from_column(seen.key),
        metadata=_metadata(seen),
    )


def _metadata(seen: Sighting) -> dict[str, Any]:
    return {} if seen.metadata is None else dict(json.loads(from_column(seen.metadata)))


def sample_trace(
    sample_id: str, sightings: Sequence[Sighting], counts: Mapping[int, int], most: int
) -> SampleTrace:
    """What the sightings of one sample say together.

    Args:
        sample_id: of the sample.
        sightings: the first ones in each stream, in order of time.
        counts: how many each stream has in all.
        most: at most so many of them are told.
    """
    first = sightings[0]
    streams = list({seen.stream.stream_no: seen.stream for seen in sightings}.values())
    licenses: dict[str, str] = {}
    times: dict[str, int] = {}
    for one in streams:
        name = license_name(one.license_id)
        licenses.setdefault(license_key(name), name)
        times[one.session_id] = times.get(one.session_id, 0) + counts[one.stream_no]
    return SampleTrace(
        sample=SampleRecord(
            sample_id,
            first.byte_size,
            from_column(first.content_type),
            optional_from_column(first.key),
            _metadata(first),
        ),
        sources=_distinct(one.source_id for one in streams),
        licenses=tuple(licenses.values()),
        sessions=tuple(times),
        observations=[_observation(sample_id, seen) for seen in sightings[:most]],
        times=times,
    )


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
