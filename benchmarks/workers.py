"""What recording adds to the training process while a loader's workers do the hashing."""

from pathlib import Path

import torch
from torch.utils.data import DataLoader

from benchmarks.measure import Pair, alternate
from benchmarks.recording import plain_run, recorded_run
from benchmarks.rows import Row
from benchmarks.sizes import Sizes

FEATURES, BATCH, WORKERS = 784, 32, 2
GOAL = 1.7e-6


def measure(sizes: Sizes, folder: Path) -> list[Row]:
    """Processor time that the training process spends more, all its threads together."""
    count = sizes.worker_samples
    loader = DataLoader(torch.randn(count, FEATURES), batch_size=BATCH, num_workers=WORKERS)
    pairs = alternate(sizes.rounds, lambda: plain_run(loader), lambda: recorded_run(loader, folder))
    titles = {
        "process": "added per sample to the training process, num_workers=2, 3 KB: processor time",
        "thread": "the same, of the training thread alone",
        "wall": "the same, by the clock (workers included)",
    }
    return [_row(pairs, clock, what, count) for clock, what in titles.items()]


def _row(pairs: list[Pair], clock: str, what: str, count: int) -> Row:
    return Row(
        part="workers",
        what=what,
        unit="µs",
        rounds=[pair.added(clock) / count for pair in pairs],
        goal=GOAL if clock == "process" else None,
        details={
            "samples": count,
            "not recorded µs a sample": round(
                min(pair.baseline(clock) for pair in pairs) / count * 1e6, 3
            ),
        },
    )
