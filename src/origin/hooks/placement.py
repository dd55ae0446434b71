"""Where to fingerprint a batch: at once, or on the recorder's thread."""

import time

from origin.core.hashing import is_native

# hashlib lets other threads run only for inputs above this size; smaller ones fight for the
# interpreter's lock. The compiled functions never do, but few bytes are hashed soonest at once.
_LONG_ROW = 2047
_LARGE_BATCH = 1 << 18
# The thread pays once the loop leaves the processor this many times longer than hashing takes,
_WORTH = 2.0
# and if the loop waits for the copy that it needs less than this part as long.
_COPY_SHARE = 0.5
# So many times each is tried first. The best counts: fresh memory, say, makes a copy slow.
_TRIES = 3
_SMOOTHING = 0.2


class Speeds:
    """How long hashing and copying take at best; for all passes of one hook."""

    def __init__(self) -> None:
        self.hashing = self.copying = float("inf")
        self.tries = 0

    def copying_pays(self) -> bool:
        """Whether a copy is so much quicker than hashing that it is worth it, or to be tried."""
        if _TRIES <= self.tries < 2 * _TRIES:
            return True
        return self.tries >= _TRIES and self.copying < _COPY_SHARE * self.hashing


class Placement:
    """Learns how long hashing, copying and the training loop take, and compares.

    Beside a loop that only loads data a second thread is in the way; beside one that trains,
    what the loop waits for counts: the hashing, or a copy to be hashed later.
    """

    def __init__(self, speeds: Speeds | None = None) -> None:
        self._speeds = Speeds() if speeds is None else speeds
        self._loop = 0.0
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
        speeds = self._speeds
        speeds.hashing = min(speeds.hashing, seconds / max(size, 1))
        speeds.tries += speeds.tries < _TRIES

    def copied(self, size: int, seconds: float) -> None:
        """Taking a copy of so many bytes took so long."""
        speeds = self._speeds
        speeds.copying = min(speeds.copying, seconds / max(size, 1))
        speeds.tries += 1

    def in_background(self, size: int, count: int) -> bool:
        """Whether a batch of so many bytes and samples is better hashed on the thread."""
        if size <= _LONG_ROW * count and not (size >= _LARGE_BATCH and is_native()):
            return False
        speeds = self._speeds
        return speeds.copying_pays() and self._loop > _WORTH * size * speeds.hashing
