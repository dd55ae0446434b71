"""What a long recording does to memory and to throughput."""

import shutil
import statistics
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.children import ask_child
from benchmarks.records import NAME
from benchmarks.rows import Row, amount
from benchmarks.sizes import Sizes
from benchmarks.watched import WINDOWS

GOAL_BYTES, GOAL_RATIO = 64 << 20, 0.9
# So many windows at each end make up the throughput there: enough for sealing and for merging,
# which come in bursts. They begin with the second.
_RATE_WINDOWS = 10
_MEMORY_WINDOWS = 5

_KINDS = {"the same samples": False, "all of them new": True}


def measure(sizes: Sizes, folder: Path) -> list[Row]:
    """Two rows for each kind of record."""
    return [row for kind in _KINDS for row in _measure(kind, sizes, folder)]


def _measure(kind: str, sizes: Sizes, folder: Path) -> list[Row]:
    own = folder / "watched"
    own.mkdir()
    try:
        told = {
            "path": str(own / NAME),
            "observations": sizes.growth_observations,
            "are_new": _KINDS[kind],
        }
        seen: list[list[float]] = ask_child("watched", told)["seen"]
    finally:
        shutil.rmtree(own)
    return _rows(kind, seen)


def _rows(kind: str, seen: list[list[float]]) -> list[Row]:
    window = seen[-1][0] / WINDOWS
    by_window: list[list[list[float]]] = [[] for _ in range(WINDOWS)]
    for look in seen:
        by_window[min(WINDOWS - 1, int((look[0] - 1) // window))].append(look)
    memory = [statistics.median(look[2] for look in looks) for looks in by_window]
    ends = [0.0, *(looks[-1][1] for looks in by_window)]
    rates = [window / (late - early) for early, late in pairwise(ends)]
    early = window * _RATE_WINDOWS / (ends[1 + _RATE_WINDOWS] - ends[1])
    late = window * _RATE_WINDOWS / (ends[-1] - ends[-1 - _RATE_WINDOWS])
    held_late = statistics.median(memory[-_MEMORY_WINDOWS:])
    count = amount(seen[-1][0])
    curve = [
        {"observations": (number + 1) * window, "rate": rate, "resident": held}
        for number, (rate, held) in enumerate(zip(rates, memory, strict=True))
    ]
    grown: dict[str, Any] = {
        "kind": kind,
        "curve": curve,
        "resident MiB at the beginning": round(memory[1] / (1 << 20), 1),
        "resident MiB at the end": round(held_late / (1 << 20), 1),
        "peak MiB of the first window": round(by_window[0][-1][3] / (1 << 20), 1),
        "peak MiB at the end": round(seen[-1][3] / (1 << 20), 1),
    }
    kept = {
        "observations/s at the beginning": round(early),
        "observations/s at the end": round(late),
        "observations/s of the first window, before any sealing": round(rates[0]),
    }
    return [
        Row(
            "memory",
            f"memory while recording {count} observations, {kind}: grows by",
            "MiB",
            [held_late - memory[1]],
            GOAL_BYTES,
            details=grown,
        ),
        Row(
            "memory",
            f"throughput at {count} observations against the beginning, {kind}",
            "ratio",
            [late / early],
            GOAL_RATIO,
            higher_is_better=True,
            details=kept,
        ),
    ]
