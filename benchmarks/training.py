"""Training runs in turns, recorded and not: how much longer the recorded ones take."""

import statistics
from pathlib import Path

from torch.utils.data import DataLoader

from benchmarks.measure import alternate, repeats
from benchmarks.models import Task, tasks
from benchmarks.recording import plain_run, recorded_run
from benchmarks.rows import Row
from benchmarks.sizes import Sizes

GOAL = 1.0


def measure(sizes: Sizes, folder: Path) -> list[Row]:
    """One row for each model."""
    return [_measure(task, sizes, folder) for task in tasks(sizes.training_samples)]


def _measure(task: Task, sizes: Sizes, folder: Path) -> Row:
    loader = DataLoader(task.data, batch_size=task.batch_size, shuffle=True)
    epochs = repeats(lambda: plain_run(loader, task.step), sizes.training_seconds)
    pairs = alternate(
        sizes.rounds,
        lambda: plain_run(loader, task.step, epochs),
        lambda: recorded_run(loader, folder, task.step, epochs),
    )
    samples = epochs * len(task.data)
    return Row(
        part="training",
        what=f"training, {task.name}: slower by",
        unit="%",
        rounds=[100 * (pair.ratio() - 1) for pair in pairs],
        goal=GOAL,
        details={
            "samples a run": samples,
            "plain µs a sample": round(min(p.before.wall for p in pairs) / samples * 1e6, 2),
            "loop alone slower by %": round(
                100 * (statistics.median(p.taken.loop / p.baseline() for p in pairs) - 1), 2
            ),
            "neighbouring plain runs differ by %": round(
                100 * statistics.median(pair.noise for pair in pairs), 2
            ),
            "added processor µs a sample": round(
                statistics.median(pair.added("process") for pair in pairs) / samples * 1e6, 2
            ),
        },
    )
