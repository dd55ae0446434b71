"""Answers that take longer than anybody waits for a page: they are worked on meanwhile."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

# So long a page waits for what it shows, in seconds.
_WAIT = 0.2
# So many answers are remembered, and so many worked on at a time.
_MOST, _AT_ONCE = 256, 2
# So often pages look for news, in seconds: of what is worked on, of what goes on, and of what was
# found a while ago.
_SOON, _LIVE, _LATER = 1, 2, 5
# So often what is worked on is told to end, once it shall.
_INTERRUPT_SECONDS = 0.05
# What changes all the time is found anew only after so many times as long as finding it took: that
# training and page share a machine must not be felt.
_REST = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a question.

    Args:
        value: the answer; None where there is none yet.
        is_known: whether there is one.
        is_current: whether it tells of the moment that was asked for, and not an earlier one.
    """

    value: Any
    is_known: bool
    is_current: bool

    def refresh(self, *, is_running: bool) -> int:
        """After how many seconds a page that shows it looks for news; 0 if it need not.

        Args:
            is_running: whether what it is about goes on.
        """
        if not self.is_known:
            return _SOON
        if is_running:
            return _LIVE
        return 0 if self.is_current else _LATER


@dataclass(slots=True)
class _Entry:
    version: Hashable = None
    value: Any = None
    is_known: bool = False
    error: Exception | None = None
    # When it was found, and how long that took.
    found_at: float = 0.0
    seconds: float = 0.0
    working: threading.Event | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Answers:
    """Remembers answers, and works on those that are asked for.

    Args:
        wait: how many seconds to wait for one that is not there yet.
    """

    def __init__(self, wait: float = _WAIT) -> None:
        self._wait = wait
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._slots = threading.Semaphore(_AT_ONCE)
        self._threads: set[threading.Thread] = set()
        self._is_ended = False

    def get(
        self,
        question: Hashable,
        version: Hashable,
        find: Callable[[], Any],
        wait: float | None = None,
    ) -> Answer:
        """The answer to a question, as far as it is known.

        Args:
            question: which question.
            version: of what it is asked about; an answer to an earlier one is not current.
            find: finds the answer; it is called in another thread.
            wait: how many seconds to wait, if not as usual.

        Raises:
            Exception: what finding it raised; it is told once, and then tried again.
        """
        entry = self._entry(question)
        working = self._begin(entry, version, find)
        if working is not None:
            working.wait(self._wait if wait is None else wait)
        with entry.lock:
            if entry.error is not None:
                error, entry.error = entry.error, None
                raise error
            return Answer(entry.value, entry.is_known, entry.version == version)

    def end(self, interrupt: Callable[[], None]) -> None:
        """Wait until nothing is worked on any more.

        A thread that is at work in DuckDB when the interpreter ends takes the process down.

        Args:
            interrupt: has what is worked on end soon; it is called again and again.
        """
        with self._lock:
            self._is_ended = True
            waiting = list(self._threads)
        for thread in waiting:
            while thread.is_alive():
                interrupt()
                thread.join(_INTERRUPT_SECONDS)

    def _entry(self, question: Hashable) -> _Entry:
        with self._lock:
            entry = self._entries.setdefault(question, _Entry())
            self._entries.move_to_end(question)
            if len(self._entries) > _MOST:
                self._entries.popitem(last=False)
            return entry

    def _begin(
        self, entry: _Entry, version: Hashable, find: Callable[[], Any]
    ) -> threading.Event | None:
        """What tells when the answer is there; None if nothing is to be waited for."""
        with entry.lock:
            if entry.working is not None:
                return entry.working
            if entry.error is not None or (entry.is_known and entry.version == version):
                return None
            if time.monotonic() < entry.found_at + _REST * entry.seconds:
                return None
            entry.working = threading.Event()
            self._start(entry, version, find)
            return entry.working

    def _start(self, entry: _Entry, version: Hashable, find: Callable[[], Any]) -> None:
        work = threading.Thread(
            target=self._work, args=(entry, version, find), name="origin-page", daemon=True
        )
        with self._lock:
            self._threads = {one for one in self._threads if one.is_alive()} | {work}
            work.start()

    def _work(self, entry: _Entry, version: Hashable, find: Callable[[], Any]) -> None:
        value, error = None, None
        with self._slots:
            began = time.monotonic()
            try:
                if not self._is_ended:
                    value = find()
            except Exception as raised:
                error = raised
        with entry.lock:
            entry.seconds = time.monotonic() - began
            entry.error = error
            if error is None:
                entry.value, entry.version, entry.is_known = value, version, True
                entry.found_at = time.monotonic()
            done, entry.working = entry.working, None
        if done is not None:
            done.set()
