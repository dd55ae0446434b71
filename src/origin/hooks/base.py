"""`BaseHook`: what every hook does, whatever framework its batches come from."""

import logging
import os
import threading
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from origin.core.arguments import recording_mode
from origin.core.record import SourceRecord
from origin.errors import (
    ConfigurationError,
    OriginError,
    OriginWarning,
    RecordingError,
    SessionEndedError,
)
from origin.hooks.extracting import capture_extracted
from origin.hooks.passes import Hindsight, Pass, Reader
from origin.hooks.placement import Speeds
from origin.hooks.reader import Settings, batch_reader
from origin.hooks.settings import (
    failure_policy,
    place_in_job,
    read_policy,
    real_number,
    whole_number,
)
from origin.hooks.workers import Carrying, begin_iteration, has_known_workers
from origin.hooks.wrapper import RecordedLoader, RecordedStream, require_loader
from origin.recorder.capture import Capture
from origin.recorder.distinct import DistinctCounter
from origin.recorder.recorder import Recorder
from origin.recorder.stream import PendingBatch, Stream, in_words
from origin.storage.database import ProvenanceDatabase

if TYPE_CHECKING:
    from origin.core.license import LicensePolicy

_log = logging.getLogger("origin")


class BaseHook(ABC):
    """Records the batches of one source into one session. Extend it by ``_extract_samples``.

    Args:
        db: the database to record into.
        session_id: a running session of that database.
        source_id: where the samples come from; it is registered if nobody did that.
        license_id: the source's license; left out, the one it is registered under.
        key: where your own id of each sample is: an entry of the metadata, ``"key"`` if left out.
        on_error: what happens when recording fails once training has begun: ``"warn"``
            notes the gap and goes on, ``"raise"`` raises. Left out, ``ORIGIN_MODE`` decides.
        enabled: False records nothing. Left out, ``ORIGIN_MODE=off`` does that.
        in_workers: fingerprint in the workers of a PyTorch ``DataLoader`` where it has some;
            False does it all in this process.
        rank, world_size: this process's place in a distributed job; found out when left out.
        policy: which licenses its source may have, as a ``LicensePolicy`` or the path of a TOML
            file; that of the session holds as well.

    Raises:
        SessionNotFoundError, SessionEndedError: the session cannot be recorded into.
        SourceLicenseError: the source is registered under another license.
        LicensePolicyError: a policy does not allow the source's license.
        FingerprintKeyError: the database was opened without the key that it needs.
        ReadOnlyDatabaseError: the database is read-only.

    >>> class Lines(BaseHook):
    ...     def _extract_samples(self, batch):
    ...         return [(line, {}) for line in batch.splitlines()]
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> with ProvenanceDatabase(f"{folder.name}/provenance.db") as db:
    ...     with db.session(config_hash="v1") as session:
    ...         hook = Lines(db, session.session_id, "poems", "CC0-1.0")
    ...         root = hook.observe("one line\\nanother")
    ...     hook.get_stats()["samples_observed"]
    2
    >>> folder.cleanup()
    """

    _stream: Stream | None
    _latest: PendingBatch | None
    _held: set[Pass]
    _wrapped: list[str]
    _reached: bool
    _delivered: bool
    _was_told_of_an_end: bool
    _warned: set[type]

    def __init__(
        self,
        db: ProvenanceDatabase,
        session_id: str,
        source_id: str,
        license_id: str | None = None,
        *,
        key: str | int | None = None,
        on_error: str | None = None,
        enabled: bool | None = None,
        in_workers: bool = True,
        rank: int | None = None,
        world_size: int | None = None,
        policy: "LicensePolicy | str | os.PathLike[str] | None" = None,
    ) -> None:
        if not isinstance(db, ProvenanceDatabase):
            raise ConfigurationError(
                f"db must be a ProvenanceDatabase, not a {type(db).__name__}; open one with "
                "ProvenanceDatabase(path)"
            )
        self.db = db
        self.session_id = session_id
        self.source_id = source_id
        self.on_error = failure_policy(on_error)
        self.enabled = recording_mode() != "off" if enabled is None else enabled
        self.in_workers = in_workers
        self.key = key
        self._declared_license = license_id
        self._policy = read_policy(policy)
        self._place = place_in_job(rank, world_size)
        self._observing: Pass | None = None
        self._next_epoch = 0
        self._begin()
        if self.enabled:
            self._recorder = Recorder.of(db)
            self.license_id = self._declare_source().license_id
            self._recorder.watch(self._before_end)
        else:
            self.license_id = license_id

    @abstractmethod
    def _extract_samples(self, batch: Any) -> list[tuple[Any, dict[str, Any]]]:
        """Take a batch apart.

        Args:
            batch: what the loader yielded.

        Returns:
            One ``(sample, metadata)`` pair per sample, in order. The sample is anything that can
            be fingerprinted. Of the metadata, a JSON object, ``"key"`` (or what ``key`` names)
            is taken for your own id of the sample, and an ``"index"`` that only repeats its
            position is left out.
        """

    def _reader_for(self, iterable: Iterable[Any] | None) -> Reader:
        """How the batches of an iterable are read; None stands for those given to ``observe``."""
        return self._read_extracted

    # -- the public methods ----------------------------------------------------------

    def observe(self, batch: Any) -> str:
        """Record a batch; when this returns, it is on the disk.

        Args:
            batch: what the loader yielded.

        Returns:
            The batch's Merkle root, 64 hex digits; an empty text while recording is off.

        Raises:
            FingerprintError, BatchError: it cannot be read as samples.
            SessionEndedError: the session has ended.
            StorageError: it cannot be written.
        """
        if not self.enabled:
            return ""
        begun = time.perf_counter()
        observing = self._observing_pass()
        try:
            pending = observing.capture(batch)
            pending.hash()
        except Exception as error:
            self._lose(observing, error)
            raise
        self._recorder.submit_and_wait(pending)
        self.count(pending)
        self.overhead_seconds += time.perf_counter() - begun
        return pending.root.hex()

    def wrap(self, iterable: Iterable[Any]) -> Any:
        """Wrap a loader, so that iterating over it records what it yields.

        Args:
            iterable: a loader, a data set, a list of batches, a generator …

        Returns:
            An object that stands in for it: its length, its attributes and its methods, and
            each iteration yields the very objects that it yields. While recording is off,
            the iterable itself.

        Raises:
            TypeError: it cannot be iterated over, or is wrapped already.
        """
        require_loader("wrap", iterable)
        if not self.enabled:
            return iterable
        self._wrapped.append(type(iterable).__name__)
        if not self._reached:
            self._recorder.keep_alive(self, True)
        kind = RecordedStream if hasattr(iterable, "__next__") else RecordedLoader
        return kind(self, iterable)

    def annotate(self, /, **numbers: Any) -> None:
        """Attach numbers, such as a loss, to the batch that this hook handed over last.

        That is the one that ``wrap`` yielded or ``observe`` was given most recently. It does not
        wait for the disk. Of two numbers under one name the last holds; a batch that is a gap
        in the record gets none.

        Args:
            numbers: one real number for each name: a Python number, a NumPy scalar or a tensor
                without dimensions, which is taken by ``float()``. It may be infinite or NaN.

        Raises:
            ConfigurationError: none is given, one is no real number, or there was no batch yet.
            SessionEndedError: the session has ended, and ``on_error`` is ``"raise"``.
        """
        if not self.enabled:
            return
        self._begin_in_child()
        told = {name: real_number(name, value) for name, value in numbers.items()}
        if not told:
            raise ConfigurationError("annotate() takes numbers by name, such as annotate(loss=0.5)")
        if not self.is_open(begins=False):
            return
        if self._latest is None:
            raise ConfigurationError(
                f"the hook of source {self.source_id!r} has handed over no batch yet; annotate a "
                "batch after wrap() has yielded it or observe() was given it"
            )
        self._recorder.remark(self._latest, told)

    def set_epoch(self, epoch: int) -> None:
        """Number the epoch that comes next, by ``wrap`` or by ``observe``.

        What ``wrap`` returned has a method of that name, which tells the loader as well.

        Args:
            epoch: its number; those after it count on from there.

        Raises:
            ConfigurationError: it is no whole number from 0 to 2**31 - 1.
        """
        number = whole_number("an epoch", epoch)
        self._begin_in_child()
        with self._lock:
            self._next_epoch = number
            self._observing = Pass(self, self._reader_for(None), number)

    def get_stats(self) -> dict[str, Any]:
        """What this hook has seen since it was made or reset.

        Returns:
            ``batches_observed``, ``samples_observed``, ``unique_samples`` (exact),
            ``elapsed_seconds``, and ``overhead_seconds``: how long the training loop waited
            for the hook.
        """
        self._begin_in_child()
        if self.enabled:
            self._recorder.wait_until_hashed()
        return {
            "batches_observed": self._batches,
            "samples_observed": self._samples,
            "unique_samples": self.distinct.count(),
            "elapsed_seconds": time.monotonic() - self._began,
            "overhead_seconds": self.overhead_seconds,
        }

    def reset_stats(self) -> None:
        """Begin the statistics anew; the record is not touched."""
        self._batches = self._samples = 0
        self.distinct = DistinctCounter()
        self._began = time.monotonic()
        self.overhead_seconds = 0.0

    # -- for a pass ------------------------------------------------------------------

    def begin_pass(self, iterable: Iterable[Any], epoch: int | None) -> Pass:
        """A new iteration over a loader begins; ``epoch`` is its number if the user said so."""
        return Pass(self, self._reader_for(iterable), epoch)

    def begin_iteration(self, iterable: Iterable[Any]) -> Iterator[Any]:
        """Begin to iterate over a loader, with its workers fingerprinting if they can."""
        settings = self._settings_for_workers(iterable)
        if settings is None:
            return iter(iterable)
        return begin_iteration(iterable, settings, self.db.fingerprinting)

    def carrying(self, inner: Iterator[Any], iterable: Iterable[Any]) -> Carrying | None:
        """An iterator over a loader, if its workers fingerprint just as this hook would."""
        if not isinstance(inner, Carrying) or inner.algorithm != self.db.fingerprinting:
            return None
        return inner if inner.settings == self._settings_for_workers(iterable) else None

    def stream(self) -> Stream:
        """The hook's stream in this process; a forked child opens its own."""
        self._begin_in_child()
        if self._stream is not None:
            return self._stream
        with self._lock:
            if self._stream is None:
                # The source may have been registered anew since this hook was made.
                self.license_id = self._declare_source().license_id
                self._stream = self._recorder.open_stream(
                    self.session_id, self.source_id, *self._place
                )
            return self._stream

    def _declare_source(self) -> SourceRecord:
        return self.db.declare_source(
            self.session_id, self.source_id, self._declared_license, self._policy
        )

    def take_epoch(self, chosen: int | None) -> int:
        """The number of an epoch whose first batch is there now."""
        with self._lock:
            epoch = self._next_epoch if chosen is None else chosen
            self._next_epoch = epoch + 1
            return epoch

    def is_open(self, begins: bool) -> bool:
        """Whether the session can still be recorded into.

        Args:
            begins: whether this is asked for the first batch of a pass, where it is an error
                if not; later ones follow ``on_error``.
        """
        if not begins and not self._was_told_of_an_end:
            return True
        try:
            if self.db.closed and self._was_told_of_an_end:
                # Who tracks never opened a database, and would not know which one is meant.
                raise SessionEndedError(
                    "the session was finished and its database closed, so nothing more can be "
                    "recorded; call origin.track(...) again, or begin another session"
                )
            self.db.require_running(self.session_id)
        except OriginError as error:
            if begins or self.on_error == "raise":
                raise
            self._warn(error, "is no longer recorded", "told once")
            return False
        self._was_told_of_an_end = False
        return True

    def hindsight(self, batch: Any, count: int) -> Hindsight | None:
        """Says of a batch what will be known once the loop has used it; None if nothing is."""
        return None

    def hold(self, held: Pass) -> None:
        """Remember a pass whose last batch is still in the loop's hands."""
        self._held.add(held)
        self._recorder.keep_alive(self, True)

    def release(self, held: Pass) -> None:
        """That batch is submitted."""
        self._held.discard(held)
        self._recorder.keep_alive(self, bool(self._held))

    def reached(self) -> None:
        """Something came of a wrapped loader: a batch, or an error of its own."""
        if not self._reached:
            self._reached = True
            self._recorder.keep_alive(self, False)

    def has_room(self, size: int) -> bool:
        """Whether so many bytes may wait for the recorder's thread."""
        return self._recorder.has_room(size)

    def count(self, pending: PendingBatch) -> None:
        """Count a batch that is handed over."""
        with self._lock:
            self._latest = pending
            self._batches += 1
            self._samples += pending.count

    def submit(self, pending: PendingBatch) -> None:
        """Give a batch to the recorder; the first at once, so that what is wrong shows."""
        if self._delivered:
            self._recorder.submit(pending)
        else:
            self._recorder.submit_and_wait(pending)
            self._delivered = True

    def failed(self, failed_pass: Pass, error: Exception) -> None:
        """A batch could not be taken apart: raise, or note the gap and let training go on."""
        if not self._delivered or self.on_error == "raise":
            try:
                raise error
            finally:
                # As a cycle it would outlive the loop, and with it the workers of its loader.
                del error
        self._lose(failed_pass, error)
        self._warn(error)

    def tell_news(self) -> None:
        """Tell of what went wrong on the recorder's thread since the last batch."""
        if self._stream is None or not self._stream.news:
            return
        news, self._stream.news = self._stream.news, []
        for error in news:
            if self.on_error == "raise":
                raise RecordingError(
                    f"recording {self.source_id!r} failed: {in_words(error)}"
                ) from error
            self._warn(error)

    # -- within ----------------------------------------------------------------------

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._stream = None
        self._latest = None
        self._held = set()
        self._wrapped = []
        self._reached = self._delivered = self._was_told_of_an_end = False
        self._warned = set()
        self.speeds = Speeds()
        self.reset_stats()

    def _begin_in_child(self) -> None:
        # The stream, what waits and a lock that some thread held at the fork are the parent's.
        if self._pid != os.getpid():
            self._begin()

    def _observing_pass(self) -> Pass:
        with self._lock:
            if self._observing is None:
                self._observing = Pass(self, self._reader_for(None), max(0, self._next_epoch - 1))
            return self._observing

    def _lose(self, lost_pass: Pass, error: Exception) -> None:
        lost = PendingBatch(self.stream(), lost_pass.epoch, self.distinct, error=error)
        self._latest = lost
        self._recorder.submit(lost)

    def _warn(
        self,
        error: Exception,
        what: str = "is not recorded whole",
        rest: str = "told once; the session shows as incomplete",
    ) -> None:
        _log.debug("recording failed", exc_info=error)
        if type(error) not in self._warned:
            self._warned.add(type(error))
            warnings.warn(
                f"source {self.source_id!r} {what}, and training goes on: "
                f"{in_words(error)} ({rest})",
                OriginWarning,
                stacklevel=5,
            )

    def _before_end(self, session_id: str) -> None:
        self._begin_in_child()
        if session_id != self.session_id:
            return
        self._was_told_of_an_end = True
        for held in list(self._held):
            held.settle()
        self._recorder.wait_until_hashed()
        self.tell_news()
        if self._wrapped and not self._reached:
            warnings.warn(
                f"the hook of source {self.source_id!r} wrapped a {self._wrapped[-1]}, and nothing "
                "was read through it: iterate over what wrap() returned, not over the loader, and "
                "see that the loader is not empty",
                OriginWarning,
                stacklevel=2,
            )

    def _settings_for_workers(self, iterable: Iterable[Any]) -> Settings | None:
        if not self.in_workers or not has_known_workers(iterable):
            return None
        reader = batch_reader(self._reader_for(iterable))
        return None if reader is None else reader.settings

    def _read_extracted(self, batch: Any) -> Capture:
        return capture_extracted(self._extract_samples(batch), self.key)
