"""The large records: made once, kept in the run's folder, and used by several parts."""

import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks.children import ask_child
from benchmarks.generator import Part, Recipe
from benchmarks.recording import size_on_disk

NAME = "provenance.db"
# Sealed about 12 bytes each; before they are merged up to 40, and while they are, both at once.
_BYTES_WHILE_WRITING = 80


class NoRoom(Exception):
    """The folder's disk is too small for a record."""


def two_sessions(observations: int) -> Recipe:
    """Two sessions of two sources each, five epochs; a third of the samples are in both."""
    unit = observations // 100
    return Recipe(
        sessions=[
            [Part("web", "CC0-1.0", 0, 6 * unit), Part("books", "MIT", 6 * unit, 4 * unit)],
            [
                Part("web", "CC0-1.0", 5 * unit, 6 * unit),
                Part("code", "Apache-2.0", 11 * unit, 4 * unit),
            ],
        ],
        epochs=5,
    )


def one_session(observations: int) -> Recipe:
    """One long session of two sources, five epochs."""
    unit = observations // 50
    return Recipe(
        sessions=[[Part("web", "CC0-1.0", 0, 6 * unit), Part("books", "MIT", 6 * unit, 4 * unit)]],
        epochs=5,
    )


def made(folder: Path, name: str, recipe: Recipe) -> tuple[Path, dict[str, Any]]:
    """The path of a record and what is known of it; written now if it is not there.

    Raises:
        NoRoom: the disk is too small for it.
        ChildFailed: it could not be written.
    """
    own, told = folder / name, folder / f"{name}.json"
    if told.exists():
        known = json.loads(told.read_text(encoding="utf-8"))
        if known["recipe"] == json.loads(json.dumps(recipe.as_json())):
            return own / NAME, known
    _clear(own, told)
    needed = _BYTES_WHILE_WRITING * recipe.observations
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise NoRoom(f"{folder} has {free >> 20:,} MiB free, this needs {needed >> 20:,} MiB")
    own.mkdir()
    most = [0]

    def watch() -> None:
        most[0] = max(most[0], size_on_disk(own))

    known = ask_child(
        "generator", {"path": str(own / NAME), "recipe": recipe.as_json()}, watch=watch
    )
    known |= {"recipe": recipe.as_json(), "most_bytes_on_disk": max(most[0], size_on_disk(own))}
    told.write_text(json.dumps(known), encoding="utf-8")
    return own / NAME, known


def remember(folder: Path, name: str, more: dict[str, Any]) -> None:
    """Add to what is known of a record."""
    told = folder / f"{name}.json"
    known = json.loads(told.read_text(encoding="utf-8")) | more
    told.write_text(json.dumps(known), encoding="utf-8")


def _clear(own: Path, told: Path) -> None:
    told.unlink(missing_ok=True)
    shutil.rmtree(own, ignore_errors=True)


def details(known: dict[str, Any]) -> dict[str, Any]:
    """What the table says of a record."""
    count = known["observations"]
    return {
        "observations": count,
        "distinct samples": known["distinct"],
        "written in s": round(known["recorded_seconds"], 1),
        "sealed in s": round(known["sealing_seconds"], 1),
        "MiB on disk": round(known["bytes_on_disk"] / (1 << 20), 1),
        "most MiB on disk while writing": round(known["most_bytes_on_disk"] / (1 << 20), 1),
        "bytes an observation": round(known["bytes_on_disk"] / count, 2),
    }
