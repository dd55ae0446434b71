"""Recording, as all parts measure it: on disk, with full durability, closing included."""

import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.measure import Stopwatch, Timing
from origin.hooks.pytorch import DataLoaderHook
from origin.proof.keys import SigningKey
from origin.proof.signer import Signer
from origin.storage.database import ProvenanceDatabase

Step = Callable[[Any], object]


def nothing(_batch: Any) -> None:
    """A training step that takes no time."""


def plain_run(loader: Iterable[Any], step: Step = nothing, epochs: int = 1) -> Timing:
    """The loop without recording."""
    watch = Stopwatch()
    for _ in range(epochs):
        for batch in loader:
            step(batch)
    return watch.timing()


def recorded_run(
    loader: Iterable[Any],
    folder: Path,
    step: Step = nothing,
    epochs: int = 1,
    key: SigningKey | None = None,
) -> Timing:
    """The same loop, recorded into a database of its own, which is removed afterwards; signed at
    its end if there is a key."""
    own = folder / f"run-{time.perf_counter_ns()}"
    own.mkdir()
    try:
        watch = Stopwatch()
        with ProvenanceDatabase(own / "provenance.db") as db, db.session("benchmark") as session:
            if key is not None:
                Signer(db, key)
            hook = DataLoaderHook(db, session.session_id, "noise", "CC0-1.0")
            recorded = hook.wrap(loader)
            watch.loop_begins()
            for _ in range(epochs):
                for batch in recorded:
                    step(batch)
            watch.loop_ended()
        timing = watch.timing()
        require_whole(own / "provenance.db")
        return timing
    finally:
        shutil.rmtree(own)


def require_whole(path: Path) -> None:
    """Raise if a record has gaps: its figures would be worth nothing."""
    with ProvenanceDatabase(path, read_only=True) as db:
        for session in db.list_sessions():
            if not session.complete:
                raise RuntimeError(f"the record of session {session.session_id} is incomplete")


def size_on_disk(folder: Path) -> int:
    """The bytes of all files in a folder and below."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # a file that was renamed or removed since
            continue
    return total
