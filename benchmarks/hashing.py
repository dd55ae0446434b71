"""Recording against bare ``hashlib``: both hash the same rows, of four sizes."""

import hashlib
from pathlib import Path

import torch

from benchmarks.measure import Timing, alternate, repeats, timed
from benchmarks.recording import recorded_run
from benchmarks.rows import Row
from benchmarks.sizes import ROW_BYTES, Sizes

BATCH = 32
MAX_ROWS = 200_000

_NAMES = {64: "64 B", 3136: "3 KB", 64 << 10: "64 KB", 600 << 10: "600 KB"}


def measure(sizes: Sizes, folder: Path) -> list[Row]:
    """One row for each size."""
    return [_measure(width, goal, sizes, folder) for width, goal in ROW_BYTES.items()]


def _measure(width: int, goal: float, sizes: Sizes, folder: Path) -> Row:
    count = max(BATCH, min(MAX_ROWS, sizes.table_bytes // width) // BATCH * BATCH)
    table = torch.randn(count, width // 4)
    batches = list(table.split(BATCH))
    rows = _views(table, width)
    passes = repeats(lambda: timed(lambda: hash_rows(rows, 1)), sizes.seconds)
    pairs = alternate(
        sizes.rounds,
        lambda: timed(lambda: hash_rows(rows, passes)),
        lambda: recorded_run(batches, folder, epochs=passes),
    )
    observed = count * passes
    return Row(
        part="hashing",
        what=f"recording against bare hashlib, rows of {_NAMES[width]}: throughput",
        unit="ratio",
        rounds=[1 / pair.ratio() for pair in pairs],
        goal=goal,
        higher_is_better=True,
        details={
            "row bytes": width,
            "rows a round": observed,
            "hashlib µs a row": _microseconds([pair.before for pair in pairs], observed),
            "recording µs a row": _microseconds([pair.taken for pair in pairs], observed),
        },
    )


def _views(table: torch.Tensor, width: int) -> list[memoryview]:
    flat = memoryview(table.numpy()).cast("B")
    return [flat[at : at + width] for at in range(0, len(flat), width)]


def hash_rows(rows: list[memoryview], passes: int) -> None:
    """The baseline: one call of ``hashlib`` for each row, and nothing else."""
    new = hashlib.sha256
    for _ in range(passes):
        for row in rows:
            new(row).digest()


def _microseconds(timings: list[Timing], count: int) -> float:
    return round(min(timing.wall for timing in timings) / count * 1e6, 3)
