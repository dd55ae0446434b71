"""Measuring two things beside each other, so that a noisy machine is noisy for both."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Timing:
    """What a piece of work took, in seconds.

    Args:
        wall: by the clock.
        process: processor time of all threads of this process.
        thread: processor time of the calling thread alone.
        loop: by the clock, without opening and closing; equal to ``wall`` where there is none.
    """

    wall: float
    process: float
    thread: float
    loop: float


@dataclass
class Stopwatch:
    """Takes the time from its making; ``loop_begins`` and ``loop_ended`` mark the part between."""

    begun: tuple[float, float, float] = field(
        default_factory=lambda: (time.perf_counter(), time.process_time(), time.thread_time())
    )
    loop_from: float = 0.0
    loop_to: float = 0.0

    def loop_begins(self) -> None:
        """The loop begins: all is open."""
        self.loop_from = time.perf_counter()

    def loop_ended(self) -> None:
        """The loop has ended: what is left is closing."""
        self.loop_to = time.perf_counter()

    def timing(self) -> Timing:
        """What it took until now."""
        wall = time.perf_counter() - self.begun[0]
        process = time.process_time() - self.begun[1]
        thread = time.thread_time() - self.begun[2]
        loop = self.loop_to - self.loop_from if self.loop_to else wall
        return Timing(wall, process, thread, loop)


def timed(work: Callable[[], object]) -> Timing:
    """What a call takes."""
    watch = Stopwatch()
    work()
    return watch.timing()


@dataclass(frozen=True)
class Pair:
    """One measurement between two of its baseline."""

    before: Timing
    taken: Timing
    after: Timing

    def baseline(self, clock: str = "wall") -> float:
        """The mean of the baselines around it."""
        return float(getattr(self.before, clock) + getattr(self.after, clock)) / 2

    def added(self, clock: str = "wall") -> float:
        """How much longer than its baseline it took."""
        return float(getattr(self.taken, clock)) - self.baseline(clock)

    def ratio(self, clock: str = "wall") -> float:
        """How many times its baseline it took."""
        return float(getattr(self.taken, clock)) / self.baseline(clock)

    @property
    def noise(self) -> float:
        """How far the two baselines are apart, as a part of them."""
        return abs(self.after.wall - self.before.wall) / self.baseline()


def alternate(
    rounds: int, baseline: Callable[[], Timing], taken: Callable[[], Timing]
) -> list[Pair]:
    """Measure in turns, baseline first and last: each round lies between two baselines.

    What changes slowly on the machine cancels out, and how far neighbouring baselines are
    apart says what the figures are good for.
    """
    baseline()
    taken()
    pairs, before = [], baseline()
    for _ in range(rounds):
        middle = taken()
        after = baseline()
        pairs.append(Pair(before, middle, after))
        before = after
    return pairs


def repeats(once: Callable[[], Timing], seconds: float) -> int:
    """How often to do something so that it takes about so many seconds."""
    once()
    return max(1, round(seconds / once().wall))
