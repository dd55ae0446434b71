"""How much each part measures: all of it, a quick look, or next to nothing for the tests."""

from dataclasses import dataclass

MILLION = 1_000_000

# The goals for bare hashing, by the bytes of a row; all are whole numbers of 4-byte floats.
ROW_BYTES = {64: 0.03, 3136: 0.5, 64 << 10: 0.9, 600 << 10: 0.95}


@dataclass(frozen=True)
class Sizes:
    """The amounts of one run.

    Args:
        name: how the results call them.
        rounds: how often each comparison is repeated.
        seconds: what a baseline of one round takes about, by repeating its data.
        training_seconds: the same for training runs, which also pay for opening and closing.
        table_bytes: the most memory that rows to be hashed take.
        loop_samples, worker_samples: of the raw loops.
        training_samples: of each training set.
        stored_samples, stored_epochs: of the record whose size is looked at.
        growth_observations: of the record made while memory and throughput are watched.
        asked_observations: of the record that questions are asked of.
        page_sessions: of the record whose pages are asked for, beside ``asked_observations``.
        huge_observations: of the largest record.
        processes: how many fresh processes ask each question.
    """

    name: str
    rounds: int
    seconds: float
    training_seconds: float
    table_bytes: int
    loop_samples: int
    worker_samples: int
    training_samples: int
    stored_samples: int
    stored_epochs: int
    growth_observations: int
    asked_observations: int
    page_sessions: int
    huge_observations: int
    processes: int


FULL = Sizes(
    name="full",
    rounds=11,
    seconds=0.6,
    training_seconds=3.0,
    table_bytes=160 << 20,
    loop_samples=100_000,
    worker_samples=60_000,
    training_samples=10_000,
    stored_samples=MILLION,
    stored_epochs=5,
    growth_observations=50 * MILLION,
    asked_observations=10 * MILLION,
    page_sessions=10_000,
    huge_observations=100 * MILLION,
    processes=5,
)

QUICK = Sizes(
    name="quick",
    rounds=5,
    seconds=0.2,
    training_seconds=0.6,
    table_bytes=64 << 20,
    loop_samples=50_000,
    worker_samples=20_000,
    training_samples=5_000,
    stored_samples=200_000,
    stored_epochs=5,
    growth_observations=5 * MILLION,
    asked_observations=2 * MILLION,
    page_sessions=1_000,
    huge_observations=4 * MILLION,
    processes=3,
)

TINY = Sizes(
    name="tiny",
    rounds=1,
    seconds=0.001,
    training_seconds=0.001,
    table_bytes=1 << 20,
    loop_samples=256,
    worker_samples=64,
    training_samples=64,
    stored_samples=640,
    stored_epochs=2,
    growth_observations=6_400,
    asked_observations=4_000,
    page_sessions=12,
    huge_observations=4_000,
    processes=1,
)
