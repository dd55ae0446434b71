"""One iteration of a hook over a loader: each batch is recorded as it is handed over."""

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from origin.hooks.placement import Placement
from origin.hooks.reader import Found, batch_reader
from origin.recorder.capture import Capture
from origin.recorder.stream import PendingBatch

if TYPE_CHECKING:
    from origin.hooks.base import BaseHook

Reader = Callable[[Any], Capture]
# Says of each sample what is known only after the loop has used the batch.
Hindsight = Callable[[], list[dict[str, Any]]]


class Pass:
    """Everything that belongs to one epoch of one wrapped loader."""

    def __init__(self, hook: "BaseHook", read: Reader, epoch: int | None) -> None:
        self._hook = hook
        self._read = read
        self._chosen_epoch = epoch
        self._epoch: int | None = None
        self._placement = Placement(hook.speeds)
        self._held: tuple[PendingBatch, Hindsight] | None = None
        self._batch_reader = batch_reader(read)
        self._found: Found | None = None

    @property
    def epoch(self) -> int:
        """The number of this epoch, taken once its first batch is there."""
        if self._epoch is None:
            self._epoch = self._hook.take_epoch(self._chosen_epoch)
        return self._epoch

    def capture(self, batch: Any) -> PendingBatch:
        """Take a batch apart; nothing that is done to it afterwards changes what is recorded."""
        capture = (self._found and self._from_worker()) or self._read(batch)
        return PendingBatch(self._hook.stream(), self.epoch, self._hook.distinct, capture)

    def bring(self, found: Found | None) -> None:
        """What a worker of the loader found out about the batch that is handed over next."""
        self._found = found

    def asked(self) -> None:
        """The loop asks for the next batch."""
        self._placement.asked()
        if self._held is not None:
            self.settle()

    def hand_over(self, batch: Any) -> None:
        """Record a batch that the loop is about to get."""
        begun = time.perf_counter()
        hook = self._hook
        hook.reached()
        hook.tell_news()
        if not hook.is_open(begins=self._epoch is None):
            return
        try:
            pending = self.capture(batch)
            self._hash(pending)
            hindsight = hook.hindsight(batch, pending.count)
        except Exception as error:
            hook.failed(self, error)
        else:
            hook.count(pending)
            if hindsight is not None:
                self._held = (pending, hindsight)
                hook.hold(self)
            else:
                hook.submit(pending)
        hook.overhead_seconds += time.perf_counter() - begun
        self._placement.returned()

    def settle(self) -> None:
        """Submit the batch that was held back while the loop used it."""
        if self._held is None:
            return
        begun = time.perf_counter()
        (pending, hindsight), self._held = self._held, None
        if pending.stream.pid != os.getpid():
            return  # the parent of a forked child submits it
        self._hook.release(self)
        try:
            pending.attach(hindsight())
        except Exception as error:  # the batch itself is known, only the rest is not
            pending.attach([{"hindsight_error": str(error)}] * pending.count)
        self._hook.submit(pending)
        self._hook.overhead_seconds += time.perf_counter() - begun

    def broken(self) -> None:
        """The loader itself failed; its error is on the way to the user."""
        self._hook.reached()
        self.settle()

    def _from_worker(self) -> Capture | None:
        found, self._found = self._found, None
        if found is None or self._batch_reader is None:
            return None
        return self._batch_reader.resume(found)

    def _hash(self, pending: PendingBatch) -> None:
        if pending.fingerprints is not None:
            return  # a worker did it
        size, placement = pending.waiting_bytes, self._placement
        aside = placement.in_background(size, pending.count) and self._hook.has_room(size)
        begun = time.perf_counter()
        if aside:
            pending.own()
            placement.copied(size, time.perf_counter() - begun)
        else:
            pending.hash()
            placement.hashed(size, time.perf_counter() - begun)
