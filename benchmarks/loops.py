"""The raw loop: a PyTorch loader and no training, so that nothing hides what recording costs."""

from pathlib import Path

import torch
from torch.utils.data import DataLoader

from benchmarks.measure import alternate
from benchmarks.recording import plain_run, recorded_run
from benchmarks.rows import Row
from benchmarks.sizes import Sizes

FEATURES, BATCH = 784, 32
GOAL = 250_000


def measure(sizes: Sizes, folder: Path) -> list[Row]:
    """How many samples pass in a second."""
    count = sizes.loop_samples
    loader = DataLoader(torch.randn(count, FEATURES), batch_size=BATCH)
    pairs = alternate(sizes.rounds, lambda: plain_run(loader), lambda: recorded_run(loader, folder))
    return [
        Row(
            part="loops",
            what=f"raw loop, DataLoader(randn(N, {FEATURES}), batch_size={BATCH}), recorded",
            unit="samples/s",
            rounds=[count / pair.taken.wall for pair in pairs],
            goal=GOAL,
            higher_is_better=True,
            details={"N": count},
        ),
        Row(
            part="loops",
            what="the same loop, not recorded",
            unit="samples/s",
            rounds=[count / pair.baseline() for pair in pairs],
            higher_is_better=True,
            details={"N": count},
        ),
    ]
