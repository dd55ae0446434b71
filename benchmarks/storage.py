"""How large a sealed record is: for each distinct sample, and for each further observation."""

import shutil
from pathlib import Path
from typing import Any

from benchmarks.children import ask_child
from benchmarks.generator import Part, Recipe
from benchmarks.records import NAME
from benchmarks.rows import Row
from benchmarks.sizes import Sizes

GOAL_DISTINCT, GOAL_FURTHER = 40.0, 6.0

# What the sizes of samples are: rows of one tensor, or texts.
_KINDS = {"rows of one size": (3152, 3152), "texts of 100 to 9,000 bytes": (100, 9_000)}


def measure(sizes: Sizes, folder: Path) -> list[Row]:
    """Two rows for samples of one size, which have goals, and two for texts, which have none."""
    return [
        row
        for kind, (low, high) in _KINDS.items()
        for row in _measure(kind, (low, high), sizes, folder)
    ]


def _measure(kind: str, span: tuple[int, int], sizes: Sizes, folder: Path) -> list[Row]:
    count, epochs = sizes.stored_samples, sizes.stored_epochs
    once = _size(folder, Recipe([[Part("web", "CC0-1.0", 0, count)]], 1, span))
    often = _size(folder, Recipe([[Part("web", "CC0-1.0", 0, count)]], epochs, span))
    first = once["bytes_on_disk"] / count
    further = (often["bytes_on_disk"] - once["bytes_on_disk"]) / ((epochs - 1) * count)
    has_goal = span[0] == span[1]
    details = {"samples": count, "epochs": epochs, "batch": 32}
    return [
        Row(
            "storage",
            f"on disk after sealing, {kind}: a distinct sample",
            "B",
            [first],
            GOAL_DISTINCT if has_goal else None,
            details=details,
        ),
        Row(
            "storage",
            f"on disk after sealing, {kind}: each further observation",
            "B",
            [further],
            GOAL_FURTHER if has_goal else None,
            details=details,
        ),
    ]


def _size(folder: Path, recipe: Recipe) -> dict[str, Any]:
    own = folder / "stored"
    own.mkdir()
    try:
        return ask_child("generator", {"path": str(own / NAME), "recipe": recipe.as_json()})
    finally:
        shutil.rmtree(own)
