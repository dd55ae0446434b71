"""A stream while it is recorded, and the batches on their way to the database."""

import logging
import os
import time
from typing import Any

from origin.core.hashing import SHA256, Algorithm
from origin.core.record import Annotation, PackedBatch, StreamRecord
from origin.errors import RecordingError
from origin.recorder.capture import Capture
from origin.recorder.distinct import DistinctCounter

_log = logging.getLogger("origin")

# Rough sizes of the objects that a batch and its samples keep alive.
_ENTRY_BYTES, _KEY_BYTES, _METADATA_BYTES, _NUMBER_BYTES = 512, 80, 512, 128


class Stream:
    """An open stream: it numbers its batches and carries bad news to its hook."""

    def __init__(self, record: StreamRecord, algorithm: Algorithm = SHA256) -> None:
        self.record = record
        self.algorithm = algorithm
        self.number = record.stream_no
        self.pid = os.getpid()
        # The recorder's thread counts batches and adds news; the hook takes the news away.
        self.next_batch = 0
        self.news: list[Exception] = []


def in_words(error: BaseException) -> str:
    """The kind of an error and what it says; a user's own error may fail even to say.

    >>> in_words(ValueError("too long"))
    'ValueError: too long'
    """
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}: (its message cannot be read)"


class PendingBatch:
    """A batch between the hook and the database.

    One with an ``error`` was handed over and cannot be recorded: it becomes a gap.
    """

    __slots__ = (
        "batch_no",
        "capture",
        "distinct",
        "epoch",
        "error",
        "fingerprints",
        "numbers",
        "root",
        "seen_at",
        "settled",
        "stream",
        "waited_for",
        "written",
    )

    def __init__(
        self,
        stream: Stream,
        epoch: int,
        distinct: DistinctCounter,
        capture: Capture | None = None,
        error: Exception | None = None,
    ) -> None:
        self.stream = stream
        self.epoch = epoch
        self.distinct = distinct
        self.capture = capture
        self.error = error
        self.seen_at = time.time_ns() // 1_000_000
        self.batch_no = -1
        self.fingerprints = None if capture is None else capture.fingerprints
        self.root = b"" if capture is None else capture.root
        # What the user said of it; only the recorder's thread adds to this.
        self.numbers: dict[str, float] = {}
        self.waited_for = False
        # Whoever waits may go on; and it has its place in the database, be it in a gap.
        self.settled = self.written = False

    @property
    def waiting_bytes(self) -> int:
        """How many bytes of training data it holds until it is hashed."""
        if self.capture is None or self.fingerprints is not None:
            return 0
        return self.capture.total_bytes

    @property
    def kept_bytes(self) -> int:
        """About how much memory it takes once it is hashed."""
        if self.capture is None or self.fingerprints is None:
            return _ENTRY_BYTES
        each = _KEY_BYTES if self.capture.keys else 0
        each += _METADATA_BYTES if self.capture.metadata else 0
        numbers = len(self.numbers) * _NUMBER_BYTES
        return _ENTRY_BYTES + len(self.fingerprints) + self.capture.count * each + numbers

    @property
    def count(self) -> int:
        """How many samples it has."""
        return 0 if self.capture is None else self.capture.count

    def number(self) -> None:
        """Give it its number in its stream."""
        self.batch_no = self.stream.next_batch
        self.stream.next_batch += 1

    def prepare(self) -> None:
        """Number it, and fingerprint and count its samples; it fails if that does."""
        self.number()
        try:
            self.hash(aside=True)
        except Exception as error:  # the batch becomes a gap, whatever the reason
            self.fail(error)
            self.stream.news.append(error)
        if self.fingerprints is not None:
            try:
                self.distinct.add(self.fingerprints)
            except Exception:  # statistics must not cost the record a batch
                _log.exception("hook.get_stats() may count too few distinct samples from now on")

    def give_up(self, reason: str) -> None:
        """The thread that was to prepare it died: it fails unless it is fingerprinted already."""
        if self.batch_no < 0:
            self.number()
        if self.fingerprints is None and self.error is None:
            self.fail(RecordingError(reason))

    def own(self) -> None:
        """Take a copy of the samples' bytes, to be hashed later."""
        if self.capture is not None and self.capture.rows is not None:
            self.capture.rows.own()

    def hash(self, aside: bool = False) -> None:
        """Fingerprint every sample and let go of the bytes; ``aside`` on the recorder's thread."""
        if self.capture is not None:
            self.capture.hash(self.stream.algorithm, aside)
            self.root, self.fingerprints = self.capture.root, self.capture.fingerprints

    def fail(self, error: Exception) -> None:
        """Give the batch up; a gap takes its place."""
        self.error, self.capture, self.fingerprints = error, None, None

    def packed(self) -> PackedBatch:
        """The batch as the ledger keeps it; it must be hashed."""
        assert self.fingerprints is not None  # noqa: S101
        assert self.capture is not None  # noqa: S101
        return PackedBatch(
            self.stream.number,
            self.batch_no,
            self.epoch,
            self.seen_at,
            self.root,
            self.fingerprints,
            self.capture.byte_sizes,
            self.capture.content_types,
            self.capture.keys,
            self.capture.metadata,
        )

    def annotations(self, numbers: dict[str, float]) -> list[Annotation]:
        """Numbers of this batch as the store takes them."""
        place = self.stream.number, self.batch_no
        return [Annotation(*place, name, value) for name, value in numbers.items()]

    def attach(self, metadata: list[dict[str, Any]]) -> None:
        """Add what became known of each sample after the batch was handed over."""
        if self.capture is not None:
            before = self.capture.metadata or [None] * self.capture.count
            self.capture.metadata = [
                {**(old or {}), **new} for old, new in zip(before, metadata, strict=True)
            ]


class Remark:
    """Numbers that a user said of a batch, between the hook and the database.

    It takes its place in the recorder's queue, so that whoever waits for what was handed
    over so far waits for it as well.
    """

    __slots__ = ("batch", "numbers")

    # Of training data it holds none.
    waiting_bytes = 0

    def __init__(self, batch: PendingBatch, numbers: dict[str, float]) -> None:
        self.batch = batch
        self.numbers = numbers

    def prepare(self) -> None:
        """Nothing to do."""

    def give_up(self, reason: str) -> None:
        """It needed no preparing."""


Entry = PendingBatch | Remark
