"""Upkeep: sealing and merging, on request and in the background."""

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

from origin.errors import DatabaseBusyError, DatabaseClosedError, OriginError, StorageError
from origin.storage.connection import Connection
from origin.storage.ledger import Ledger

if TYPE_CHECKING:
    from origin.storage.sealing.sealer import Sealer

# Who records faster than can be sealed waits once so many times the threshold is unsealed.
_TOO_MUCH = 8

_WAIT_SECONDS = 0.05
_MAX_FAILURES = 3

_log = logging.getLogger("origin")


class Upkeep:
    """Keeps the unsealed part of one database small.

    Args:
        connection, ledger: of the database.
        seal_after: so many unsealed observations are sealed in the background; None for never.
    """

    def __init__(self, connection: Connection, ledger: Ledger, seal_after: int | None) -> None:
        self._db = connection
        self._ledger = ledger
        self._seal_after = seal_after
        self._appended = 0
        self._stopping = threading.Event()
        self._begin_anew()
        _living.add(self)

    def _begin_anew(self) -> None:
        """No thread is at work: there was none yet, or it stayed in the parent of a fork."""
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        # What came in while the thread was about to end is not left to the next batch.
        self._wanted = self._at_work = False

    @cached_property
    def _sealer(self) -> "Sealer":
        # Arrow and NumPy are loaded when there is something to seal.
        from origin.storage.sealing.sealer import Sealer

        return Sealer(self._db, self._ledger)

    def _merge(self, while_recording: bool) -> None:
        from origin.storage.sealing import merging

        merger = merging.Merger(self._db, self._ledger, self._sealer)
        stopped = self._seal_in_between if while_recording else lambda: False
        with suppress(merging.Stopped):
            merger.merge(stopped, while_recording=while_recording)

    def appended(self, observations: int) -> None:
        """So many more observations are in the catalog: seal in the background when it is due.

        It never raises: what was appended is on the disk, whatever becomes of sealing.
        """
        if self._seal_after is None:
            return
        self._appended += observations
        # Other processes append as well, so the catalog is asked now and then.
        if 4 * self._appended >= self._seal_after:
            self._appended = 0
            with suppress(OriginError):
                self._look(self._seal_after)

    def _look(self, threshold: int) -> None:
        unsealed = self._ledger.unsealed()
        if unsealed >= threshold:
            self._start()
        thread = self._thread if self._pid == os.getpid() else None
        while thread is not None and thread.is_alive() and unsealed >= _TOO_MUCH * threshold:
            thread.join(_WAIT_SECONDS)
            unsealed = self._ledger.unsealed()

    def ended(self, observations: int) -> None:
        """A session of so many observations has ended: what is left of a large one is sealed.

        Like ``appended`` it never raises.
        """
        if self._seal_after is not None and observations >= self._seal_after:
            self.stop()
            self._tend(lambda: self._seal(1))
            self._start()

    def seal(self, wait_seconds: float) -> int:
        """Seal all there is and merge what should be; returns how many observations moved.

        Raises:
            DatabaseBusyError: another process was sealing for too long.
            StorageError: the disk refused; nothing is lost.
        """
        self.stop()
        deadline = time.monotonic() + wait_seconds
        while True:
            with self._sealer.alone() as alone, self._in_our_words():
                if alone:
                    sealed = self._seal(1)
                    self._merge(while_recording=False)
                    self._sealer.tidy(after_seconds=0)
                    self._sealer.shrink()
                    self._sealer.release()
                    return sealed
            if time.monotonic() >= deadline:
                raise DatabaseBusyError(
                    f"another process is sealing {self._db.path}; try again later, or raise "
                    "busy_timeout"
                )
            time.sleep(_WAIT_SECONDS)

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except OriginError:
            raise
        except OSError as error:
            raise StorageError(
                f"{self._db.path} could not be sealed, nothing is lost: {error}"
            ) from error

    def stop(self) -> None:
        """Have the background leave off soon, and wait for it."""
        self._stopping.set()
        self._join()
        self._stopping.clear()

    def _join(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None and self._pid == os.getpid():
            thread.join()

    def _start(self) -> None:
        if self._pid != os.getpid():
            self._begin_anew()
        with self._lock:
            self._wanted = True
            if self._at_work:
                return
            thread = threading.Thread(target=self._work, name="origin-sealing", daemon=True)
            with suppress(RuntimeError):  # the interpreter is ending; another process seals
                thread.start()
                self._at_work = True
                self._thread = thread

    def _work(self) -> None:
        try:
            while self._is_wanted():
                self._tend(self._seal_and_merge)
        finally:
            self._at_work = False

    def _is_wanted(self) -> bool:
        with self._lock:
            self._at_work = self._wanted and not self._stopping.is_set()
            self._wanted = False
            return self._at_work

    def _seal_and_merge(self) -> None:
        self._seal(self._seal_after or 1)
        self._merge(while_recording=True)

    def _tend(self, work: Callable[[], object]) -> None:
        """Do what may fail without harm, unless another process is at it."""
        try:
            with self._sealer.alone() as alone:
                if alone:
                    work()
        except DatabaseClosedError:
            pass
        except OriginError as error:
            _log.warning("sealing failed, nothing is lost and it is tried again: %s", error)
        except Exception:
            _log.exception("sealing failed; nothing is lost, and it is tried again")
        finally:
            self._sealer.release()

    def _seal_in_between(self) -> bool:
        """Seal what came in while a merge is under way, which may take long; True to give it up."""
        if not self._stopping.is_set():
            self._move(self._seal_after or 1)
        return self._stopping.is_set()

    def _seal(self, at_least: int) -> int:
        self._sealer.tidy()
        return self._move(at_least)

    def _move(self, at_least: int) -> int:
        sealed = failures = 0
        while self._ledger.unsealed() >= at_least and not self._stopping.is_set():
            moved = self._sealer.seal_next()
            if moved is None:
                break
            # Another process sealed the same, where locks do not work: look anew, but not forever.
            batches, observations = moved
            failures = 0 if batches else failures + 1
            if failures > _MAX_FAILURES:
                break
            sealed += observations
        return sealed


# A thread that is inside Arrow while the interpreter ends could bring the process down.
_living: "weakref.WeakSet[Upkeep]" = weakref.WeakSet()


def _stop_all() -> None:
    for upkeep in list(_living):
        upkeep.stop()


atexit.register(_stop_all)
