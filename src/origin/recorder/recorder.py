"""From the training loop to the disk: hash, gather, commit; one thread per database.

Whatever happens to a batch, it passes through one queue, so that batches are numbered
and committed in the order in which the loop received them.
"""

import atexit
import itertools
import logging
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable

from origin.core.hashing import hasher, is_native
from origin.errors import OriginError
from origin.recorder.capture import forget_spare
from origin.recorder.committer import Committer
from origin.recorder.stream import Entry, PendingBatch, Remark, Stream, in_words
from origin.storage.database import ProvenanceDatabase
from origin.storage.liveness import HEARTBEAT_SECONDS

_log = logging.getLogger("origin")

# A killed process loses at most what was handed over in this time.
COMMIT_SECONDS = 0.25
# Rows waiting to be hashed in the background hold training data: keep them few.
MAX_WAITING_BYTES = 64 << 20
MAX_WAITING_BATCHES = 8192
# Wake the thread once there is work worth switching for.
WAKE_BYTES = 1 << 19
WAKE_BATCHES = 2048
IDLE_SECONDS = 5.0

_recorders: "weakref.WeakSet[Recorder]" = weakref.WeakSet()
_recorders_lock = threading.Lock()
_finalized_pid = 0

BeforeEnd = Callable[[str], None]


class Recorder:
    """Takes batches from hooks and sees to it that they reach the database.

    Raises:
        MissingDependencyError: the package for the database's fingerprints is not installed.
        FingerprintKeyError: their key was not given.
    """

    def __init__(self, db: ProvenanceDatabase) -> None:
        hasher(db.fingerprinting)  # a package or key that is missing shows before training does
        is_native()  # loads the library now, not while a batch waits
        self.db = db
        self._before_end: list[weakref.WeakMethod[BeforeEnd]] = []
        self.reset()

    @classmethod
    def of(cls, db: ProvenanceDatabase) -> "Recorder":
        """The one recorder of a database in this process."""
        with _recorders_lock:
            # It lives as long as its database, whatever becomes of the hooks.
            recorder = db.companion(cls)
            _recorders.add(recorder)
            return recorder

    def reset(self) -> None:
        """Forget everything, as a forked child must: what waits here is its parent's."""
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._queue: deque[Entry] = deque()
        self._queued_bytes = self._bytes_in_hand = 0
        # How many entries were taken from the queue, hashed and settled so far.
        self._taken = self._hashed = self._settled = 0
        self._hash_wanted = self._flush_wanted = False
        self._attempts = 0
        self._error: OriginError | None = None
        self._thread: threading.Thread | None = None
        self._idle = False
        # The sessions that streams were opened in; hooks and their streams may come and go.
        self._open: set[str] = set()
        self._holding: dict[int, object] = {}
        self._committer = Committer(self.db)
        self._beaten_at = time.monotonic()

    # -- from the hooks --------------------------------------------------------------

    def open_stream(self, session_id: str, source_id: str, rank: int, world_size: int) -> Stream:
        """Open a stream in the database and keep watch over its session."""
        record = self.db.open_stream(session_id, source_id, rank, world_size)
        stream = Stream(record, self.db.fingerprinting)
        _flush_with_multiprocessing()
        with self._changed:
            self._open.add(session_id)
        return stream

    def watch(self, before_end: BeforeEnd) -> None:
        """Have a hook's bound method called with the id of a session that is about to end."""
        with self._changed:
            self._before_end = [method for method in self._before_end if method() is not None]
            self._before_end.append(weakref.WeakMethod(before_end))

    def keep_alive(self, hook: object, needed: bool) -> None:
        """Keep a hook that still has something to say, even if its user has forgotten it."""
        with self._changed:
            if needed:
                self._holding[id(hook)] = hook
            else:
                self._holding.pop(id(hook), None)

    def has_room(self, size: int) -> bool:
        """Whether rows of so many bytes may wait to be hashed in the background."""
        return self._queued_bytes + self._bytes_in_hand + size <= MAX_WAITING_BYTES

    def submit(self, batch: PendingBatch) -> None:
        """Take a batch; it holds the caller up only while far too many wait."""
        with self._lock:  # the condition's; its own way in takes longer
            self._queue.append(batch)
            if batch.fingerprints is None:
                self._queued_bytes += batch.waiting_bytes
            if self._idle or self._thread is None or self._has_enough():
                self._ensure_thread()
                self._changed.notify_all()
            while len(self._queue) > MAX_WAITING_BATCHES:
                self._changed.wait(0.1)
                self._ensure_thread()

    def remark(self, batch: PendingBatch, numbers: dict[str, float]) -> None:
        """Take numbers that belong to a batch, handed over or not; it never holds the caller up."""
        with self._changed:
            last = self._queue[-1] if self._queue else None
            if isinstance(last, Remark) and last.batch is batch:
                last.numbers.update(numbers)
                return
            self._queue.append(Remark(batch, numbers))
            self._ensure_thread()
            if self._idle:
                self._changed.notify_all()

    def submit_and_wait(self, batch: PendingBatch) -> None:
        """Take a batch and return once it is on the disk; raise if it cannot be written."""
        batch.waited_for = True
        self.submit(batch)
        with self._changed:
            self._flush_wanted = True
            self._wait(lambda: batch.settled)
        if batch.error is not None:
            raise batch.error

    def wait_until_hashed(self) -> None:
        """Return once every batch submitted so far is fingerprinted and counted."""
        with self._changed:
            target = self._taken + len(self._queue)
            self._hash_wanted = self._hashed < target
            self._wait(lambda: self._hashed >= target)

    def _wait(self, reached: Callable[[], bool]) -> None:
        self._changed.notify_all()
        while not reached():
            self._ensure_thread()
            if self._thread is not None:
                self._changed.wait(0.1)

    # -- as a listener of the database -----------------------------------------------

    def flush(self) -> None:
        """Return once all that was submitted so far is on the disk.

        Raises:
            StorageError: the disk refuses; what waits is kept for another try.
        """
        with self._changed:
            target, attempts = self._taken + len(self._queue), self._attempts
            if self._settled >= target:
                return
            # An attempt may be under way that began before the last batch came in.
            while self._settled < target and self._attempts < attempts + 2:
                before = self._attempts
                self._flush_wanted = True
                self._wait(lambda before=before: self._attempts > before)  # type: ignore[misc]
            if self._settled < target and self._error is not None:
                raise self._error

    def session_ending(self, session_id: str) -> None:
        """Have the hooks hand over what they hold, and commit it."""
        try:
            self._tell_hooks({session_id})
        finally:
            self.flush()
        with self._changed:
            self._open.discard(session_id)
            self._holding = {
                key: hook
                for key, hook in self._holding.items()
                if getattr(hook, "session_id", None) != session_id
            }
            self._changed.notify_all()

    def closing(self) -> None:
        """Commit what is left; the thread ends."""
        try:
            self.settle()
        finally:
            forget_spare()
            with self._changed:
                self._open.clear()
                self._holding.clear()
                self._changed.notify_all()

    def settle(self) -> None:
        """Have all hooks hand over what they hold, and commit it."""
        with self._changed:
            session_ids = set(self._open)
        try:
            self._tell_hooks(session_ids)
        finally:
            self.flush()

    def leave(self) -> None:
        """The process ends: commit what is left, and note that nothing is missing."""
        self.settle()
        if self._open:
            self.db.leave()

    def _tell_hooks(self, session_ids: Iterable[str]) -> None:
        with self._changed:
            hooks = [told for method in self._before_end if (told := method()) is not None]
        errors: list[Exception] = []
        for before_end, session_id in itertools.product(hooks, session_ids):
            try:
                before_end(session_id)
            except Exception as error:  # the other hooks hold batches as well
                errors.append(error)
        if errors:
            raise errors[0]

    # -- the thread ------------------------------------------------------------------

    def _ensure_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._idle = False
            self._thread = threading.Thread(target=self._run, name="origin-recorder", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no thread is to be had, or the interpreter is ending
                self._thread = None
                self._work(self._take()[0], None, wanted=True)

    def _run(self) -> None:
        due = time.monotonic() if self._committer.waiting else None
        while True:
            with self._changed:
                self._sleep(due)
                may_end = self._may_end(due)
                if may_end or (due is None and not self._queue):
                    forget_spare()
                if may_end:
                    self._thread = None
                    return
                entries, wanted = self._take()
            try:
                due = self._work(entries, due, wanted)
            except BaseException as error:
                self._recover(entries, error)
                raise
            self._beat()

    def _take(self) -> tuple[deque[Entry], bool]:
        entries, self._queue = self._queue, deque()
        self._bytes_in_hand, self._queued_bytes = self._queued_bytes, 0
        self._taken += len(entries)
        wanted, self._flush_wanted = self._flush_wanted, False
        self._hash_wanted = False
        self._changed.notify_all()
        return entries, wanted

    def _recover(self, entries: deque[Entry], error: BaseException) -> None:
        """The thread dies: the next one finds all that this one had taken."""
        with self._changed:
            if self._hashed == self._taken:
                return
            for entry in entries:
                entry.give_up(f"the recorder's thread ended: {in_words(error)}")
            self._hand_on(entries)

    def _sleep(self, due: float | None) -> None:
        """Wait for a flush, for enough work, or until the next commit is due."""
        self._idle = due is None
        until = time.monotonic() + IDLE_SECONDS if due is None else due
        while not (self._is_wanted() or self._has_enough()):
            if self._idle and (self._queue or not self._is_open()):
                break
            left = until - time.monotonic()
            if left <= 0:
                break
            self._changed.wait(left)
        self._idle = False

    def _is_wanted(self) -> bool:
        return self._flush_wanted or self._hash_wanted

    def _has_enough(self) -> bool:
        return self._queued_bytes >= WAKE_BYTES or len(self._queue) >= WAKE_BATCHES

    def _may_end(self, due: float | None) -> bool:
        if due is not None or self._queue or self._is_wanted():
            return False
        return not self._is_open()

    def _is_open(self) -> bool:
        return bool(self._open) and not self.db.closed

    def _work(self, entries: deque[Entry], due: float | None, wanted: bool) -> float | None:
        """One round of the thread; returns when the next commit is due, if anything waits."""
        self._hash(entries)
        now = time.monotonic()
        if due is None and self._committer.waiting:
            due = now + COMMIT_SECONDS
        if not (wanted or len(self._committer.kept) >= WAKE_BATCHES or (due and now >= due)):
            return due
        if not wanted and now < self._committer.retry_at:
            return self._committer.retry_at
        error = self._committer.commit()
        with self._changed:
            self._error = error
            self._attempts += 1
            self._settled = self._hashed - self._committer.waiting
            self._changed.notify_all()
        return self._committer.retry_at if self._committer.waiting else None

    def _hash(self, entries: deque[Entry]) -> None:
        for entry in entries:
            entry.prepare()
        with self._changed:
            self._hand_on(entries)

    def _hand_on(self, entries: deque[Entry]) -> None:
        self._committer.add(entries)
        self._hashed += len(entries)
        self._bytes_in_hand = 0
        self._changed.notify_all()

    def _beat(self) -> None:
        if not self._open or time.monotonic() - self._beaten_at < HEARTBEAT_SECONDS:
            return
        self._beaten_at = time.monotonic()
        try:
            self.db.beat()
        except OriginError as error:
            _log.debug("no sign of life could be written: %s", error)


def _flush_at_exit() -> None:
    for recorder in list(_recorders):
        try:
            if not recorder.db.closed:
                recorder.leave()
        except Exception:
            _log.exception("the last batches could not be written to %s", recorder.db.path)


def _flush_with_multiprocessing() -> None:
    """A child of ``multiprocessing`` may end without ``atexit``, but runs its finalizers."""
    global _finalized_pid
    process = sys.modules.get("multiprocessing.process")
    if _finalized_pid == os.getpid() or process is None or process.parent_process() is None:
        return
    from multiprocessing.util import Finalize

    Finalize(None, _flush_at_exit, exitpriority=0)
    _finalized_pid = os.getpid()


def _reset_after_fork() -> None:
    global _recorders_lock
    forget_spare()
    _recorders_lock = threading.Lock()
    for recorder in list(_recorders):
        recorder.reset()


atexit.register(_flush_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
