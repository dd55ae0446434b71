"""What Origin writes down: frozen records that validate themselves.

Times are ISO 8601 text in UTC. Text fields take any text whatever; only
emptiness and types are checked here, what a license id means is not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from origin.core.validation import require_text, require_text_or_none, require_time, unchecked
from origin.errors import InvalidRecordError

UNKNOWN_LICENSE = "unknown"
# They say that no license is known, or that there is none; no license can have such an id.
RESERVED_LICENSES = frozenset({UNKNOWN_LICENSE, "none", "noassertion"})
# What is said where no one license results.
MIXED_LICENSE = "mixed"


def license_key(license_id: str | None) -> str:
    """The form in which license ids are compared.

    >>> license_key("Apache-2.0") == license_key("APACHE-2.0")
    True
    >>> license_key(None)
    'unknown'
    """
    return UNKNOWN_LICENSE if license_id is None else license_id.casefold()


def utc_now() -> str:
    """The time now as ISO 8601 text in UTC, to the microsecond.

    >>> utc_now()[-6:]
    '+00:00'
    """
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One recorded training run.

    Args:
        session_id: a UUID as text.
        created_at: when it began.
        config_hash: the user's own name for the configuration, any text.
        status: ``running``, ``completed``, ``failed``, or ``interrupted`` when every
            process that recorded into it is gone and nobody ended it.
        metadata: the user's own JSON object.
        ended_at: when it was ended, None before that.
        streams: how many hooks opened a stream into it.
        gaps: how many gaps its record has; each is told by ``QueryEngine.get_session_summary``.
        abandoned: how many streams ended with their process before all was known to be written.

    >>> SessionRecord("7d0e…", "2026-01-01T00:00:00+00:00", "v1", "completed", streams=1).complete
    True
    """

    session_id: str
    created_at: str
    config_hash: str
    status: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    ended_at: str | None = None
    streams: int = 0
    gaps: int = 0
    abandoned: int = 0

    @property
    def complete(self) -> bool:
        """Whether all that was handed to the training loop so far is on record."""
        whole = self.gaps == 0 and self.abandoned == 0
        return self.streams > 0 and whole and self.status != "interrupted"


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """Where samples come from: a data set, file, table or URL.

    Args:
        source_id: the user's name for it, as hooks name it.
        source_type: ``dataset``, ``file``, ``database``, ``url`` or any other word.
        source_path: where it is, if that is known.
        license_id: its license; None when nobody said, which counts as ``unknown``.
        first_seen: ISO 8601 time; now when left out.
        title: what it is called, for attribution notices.
        author: who made it, or who is to be named, for attribution notices.
        url: where others find it, for attribution notices.
        changes: what was changed in the data, in words; many licenses want that said.

    Raises:
        InvalidRecordError: a field is empty, of the wrong type or no time.

    >>> SourceRecord("digits", license_id="CC-BY-4.0", author="A. N. Other").source_type
    'dataset'
    """

    source_id: str
    source_type: str = "dataset"
    source_path: str | None = None
    license_id: str | None = None
    first_seen: str = field(default_factory=utc_now)
    title: str | None = None
    author: str | None = None
    url: str | None = None
    changes: str | None = None

    def __post_init__(self) -> None:
        require_text(self, source_id=self.source_id, source_type=self.source_type)
        require_text_or_none(self, "source_path", "title", "author", "url", "changes")
        if self.license_id is not None:
            require_text(self, license_id=self.license_id)
        require_time(self, "first_seen", self.first_seen)

    @classmethod
    def stored(cls, *values: str | None) -> "SourceRecord":
        """A source as it was recorded, taken without a check.

        Which texts are a time differs between versions of Python, and what is on record stays
        readable in all of them.

        Args:
            values: all fields, in their order.

        >>> recorded = ("digits", "dataset", None, None, "W03", None, None, None, None)
        >>> SourceRecord.stored(*recorded).first_seen
        'W03'
        """
        return unchecked(cls, values)

    def under(self, license_id: str | None) -> "SourceRecord":
        """The same source under another license, taken without a check.

        >>> SourceRecord("digits", title="Digits").under("CC0-1.0").title
        'Digits'
        """
        told = {own.name: getattr(self, own.name) for own in fields(self)}
        return self.stored(*{**told, "license_id": license_id}.values())


@dataclass(frozen=True, slots=True)
class LicenseRecord:
    """A license, as the user defines it.

    Args:
        license_id: the id that sources and hooks name.
        license_name: its full name.
        license_url: where its text is.
        permissions, restrictions, conditions: words such as ``"use"``,
            ``"no-commercial"``, ``"attribution"``; any sequence of str, kept as a tuple.
        copyleft: whether derived works must carry the same license.

    Raises:
        InvalidRecordError: a field is empty or of the wrong type.

    >>> LicenseRecord("CUSTOM-1.0", "Custom", permissions=["use"]).permissions
    ('use',)
    """

    license_id: str
    license_name: str
    license_url: str | None = None
    permissions: tuple[str, ...] = ()
    restrictions: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    copyleft: bool = False

    def __post_init__(self) -> None:
        require_text(self, license_id=self.license_id, license_name=self.license_name)
        require_text_or_none(self, "license_url")
        if not isinstance(self.copyleft, bool):
            raise InvalidRecordError("LicenseRecord.copyleft must be True or False")
        for name in ("permissions", "restrictions", "conditions"):
            object.__setattr__(self, name, self._words(name))

    def _words(self, name: str) -> tuple[str, ...]:
        words = getattr(self, name)
        listed = isinstance(words, Iterable) and not isinstance(words, str)
        if not listed or not all(isinstance(word, str) for word in words):
            raise InvalidRecordError(
                f"LicenseRecord.{name} must be a sequence of str, such as ('use', 'modify')"
            )
        return tuple(words)


@dataclass(frozen=True, slots=True)
class KeptConflict:
    """A finding about the licenses of a session, as the record keeps it.

    Args:
        session_id: the session.
        finding_id: the same whenever the same is found.
        kind: what kind of finding it is.
        severity: how bad it is.
        use_name: the use of the data that it is about.
        finding: all of it, as a JSON object.
        found_at: ISO 8601 time; when it was first found.
        gone_at: since when it is found no longer; None while it is.
    """

    session_id: str
    finding_id: str
    kind: str
    severity: str
    use_name: str
    finding: Mapping[str, Any]
    found_at: str
    gone_at: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """A person's word that a finding about licenses is dealt with, and why.

    Args:
        finding_id: which finding.
        person: who says so.
        reason: why, in words.
        settled_on: ISO 8601 date or time, as the person gave it.
        recorded_at: ISO 8601 time; now when left out.
        is_open: the word was that it is open again.

    Raises:
        InvalidRecordError: a text is empty or of the wrong type, or ``settled_on`` is no date.

    >>> Settlement("f1", "A. N. Other", "permission by letter", "2026-01-05").person
    'A. N. Other'
    """

    finding_id: str
    person: str
    reason: str
    settled_on: str
    recorded_at: str = field(default_factory=utc_now)
    is_open: bool = False

    def __post_init__(self) -> None:
        require_text(self, finding_id=self.finding_id, person=self.person, reason=self.reason)
        for name in ("person", "reason"):
            if not getattr(self, name).strip():
                raise InvalidRecordError(f"Settlement.{name} must say something, not only be blank")
        require_time(self, "settled_on", self.settled_on)

    @classmethod
    def stored(cls, *values: str | bool) -> "Settlement":
        """A settlement as it was recorded, taken without a check.

        Args:
            values: all fields, in their order.

        >>> Settlement.stored("f1", "A. N. Other", "…", "W03", "W03", False).settled_on
        'W03'
        """
        return unchecked(cls, values)


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One hook in one process: batches of one source flowing into one session."""

    stream_no: int
    session_id: str
    source_id: str
    license_id: str | None
    rank: int
    world_size: int
    opened_at: str
    batches: int = 0
    observations: int = 0
    bytes_seen: int = 0


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """A batch as the ledger keeps it.

    Args:
        stream_no: the stream it belongs to.
        batch_no: its number in that stream, from 0.
        epoch: which pass over the data it was part of, from 0.
        seen_at: milliseconds since 1970, when it was handed over.
        root: the Merkle root of its samples, 32 bytes.
        fingerprints: the samples' fingerprints in order, 32 bytes each, end to end.
        byte_sizes: canonical bytes of each sample; one int when all are equal.
        content_types: what each sample is; one str when all are equal.
        keys: the user's own sample ids, if any.
        metadata: what the hook says of each sample beyond its position, if anything.
    """

    stream_no: int
    batch_no: int
    epoch: int
    seen_at: int
    root: bytes
    fingerprints: bytes
    byte_sizes: int | list[int]
    content_types: str | list[str]
    keys: list[str | None] | None = None
    metadata: list[dict[str, Any] | None] | None = None

    @property
    def count(self) -> int:
        """How many samples the batch has."""
        return len(self.fingerprints) // 32

    @property
    def total_bytes(self) -> int:
        """The canonical bytes of all its samples together."""
        sizes = self.byte_sizes
        return sizes * self.count if isinstance(sizes, int) else sum(sizes)


@dataclass(frozen=True, slots=True)
class Gap:
    """Batches that the training loop received and the record does not hold.

    Args:
        stream_no: the stream they belong to.
        first_batch: the number of the first batch that is missing.
        last_batch: the number of the last one.
        reason: why, in words.
        noticed_at: ISO 8601 time.
    """

    stream_no: int
    first_batch: int
    last_batch: int
    reason: str
    noticed_at: str = field(default_factory=utc_now)

    @property
    def cause(self) -> str:
        """What the reason has in common with others: messages also name batch and position.

        >>> Gap(1, 0, 0, "FingerprintError: item 3 …").cause
        'FingerprintError'
        """
        return self.reason.partition(":")[0]

    def joined(self, later: "Gap") -> "Gap | None":
        """This gap and the one right behind it as one, if they have one cause.

        >>> Gap(1, 0, 3, "KeyError: 'a'").joined(Gap(1, 4, 5, "KeyError: 'b'")).last_batch
        5
        """
        behind = (later.stream_no, later.first_batch) == (self.stream_no, self.last_batch + 1)
        if not behind or later.cause != self.cause:
            return None
        return replace(self, last_batch=later.last_batch)


@dataclass(frozen=True, slots=True)
class Annotation:
    """A number that the user attached to a batch, such as its loss.

    Args:
        stream_no: the stream of the batch.
        batch_no: its number in that stream.
        name: what the number is.
        value: the number; it may be infinite, or NaN.
    """

    stream_no: int
    batch_no: int
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """A sealed file of observations, as the catalog lists it.

    Args:
        segment_no: its number.
        name: its file name in the folder of segments.
        run_no: the files of one run were written together; no sample is in two of them.
        sha256: of the file, 32 bytes.
        byte_size: of the file.
        observations: how many rows it has.
        distinct_samples: how many different samples they are of.
        first_sample, last_sample: the smallest and the largest sample id in it.
        sealed_at: ISO 8601 time.
    """

    segment_no: int
    name: str
    run_no: int
    sha256: bytes
    byte_size: int
    observations: int
    distinct_samples: int
    first_sample: str
    last_sample: str
    sealed_at: str


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """One distinct sample, as it was first seen.

    Args:
        sample_id: its fingerprint, 64 hex digits.
        byte_size: how many canonical bytes it has.
        content_type: ``bytes``, ``text``, ``array``, ``image`` or ``json``.
        key: the user's own id for it, if the hook was told one.
        metadata: what the hook said of it beyond its position.
    """

    sample_id: str
    byte_size: int
    content_type: str
    key: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observation:
    """One sample seen at one position of one batch."""

    sample_id: str
    session_id: str
    source_id: str
    license_id: str
    stream_no: int
    batch_no: int
    position: int
    epoch: int
    seen_at: str
    key: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
