"""Where to fingerprint a batch: at once, or on the recorder's thread."""

import time

# hashlib lets other threads run only for inputs above this size; smaller ones fight for the GIL.
_GIL_BYTES = 2047
# The background pays once the loop leaves the processor this many times longer than hashing takes.
_WORTH = 2.0
_SMOOTHING = 0.2


class Placement:
    """Learns how long hashing takes and how long the training loop takes, and compares.

    Beside a loop that only loads data a second thread is in the way; beside one
    that trains, it is all but free.
    """

    def __init__(self) -> None:
        self._loop = 0.0
        self._seconds_per_byte: float | None = None
        self._returned_at: float | None = None

    def asked(self) -> None:
        """The loop asks for its next batch."""
        if self._returned_at is not None:
            took = time.perf_counter() - self._returned_at
            # One slow step (an evaluation, a first compilation) says little about the rest.
            took = min(took, 4 * self._loop) if self._loop else took
            self._loop += _SMOOTHING * (took - self._loop)

    def returned(self) -> None:
        """The loop has got a batch."""
        self._returned_at = time.perf_counter()

    def hashed(self, size: int, seconds: float) -> None:
        """Hashing so many bytes at once took so long."""
        rate = seconds / max(size, 1)
        known = self._seconds_per_byte
        self._seconds_per_byte = rate if known is None else known + _SMOOTHING * (rate - known)

    def in_background(self, size: int, count: int) -> bool:
        """Whether a batch of so many bytes and samples is better hashed on the thread."""
        if self._seconds_per_byte is None or size <= _GIL_BYTES * count:
            return False
        return self._loop > _WORTH * size * self._seconds_per_byte
