"""A long recording, watched from within: how much memory it has and how fast it is, by and by.

The samples are rows of 64 bytes, hashed and recorded by a hook as always; run it as a process
of its own::

    python -m benchmarks.watched '{"path": …, "observations": …, "are_new": …}'
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks.children import argument, peak_bytes, resident_bytes
from benchmarks.recording import require_whole
from origin.hooks.pytorch import DataLoaderHook
from origin.storage.database import ProvenanceDatabase

BATCH, FEATURES, WINDOWS = 32, 16, 50
_LOOKS_A_WINDOW = 10


def watch(path: Path, observations: int, are_new: bool) -> list[list[float]]:
    """Record, and look up now and then.

    Args:
        path: of the database.
        observations: how many to record, in 50 windows; the threshold of sealing is one window.
        are_new: every sample is a new one; else there are as many as a window has.

    Returns:
        Ten times a window: observations so far, seconds since the first, resident and peak
        bytes.
    """
    torch.set_num_threads(1)
    window = max(BATCH, observations // WINDOWS // BATCH * BATCH)
    table = torch.randn(window, FEATURES)
    batches = list(table.split(BATCH))
    seen: list[list[float]] = []
    with (
        ProvenanceDatabase(path, seal_after=window) as db,
        db.session("benchmark") as session,
    ):
        loader = DataLoaderHook(db, session.session_id, "noise", "CC0-1.0").wrap(batches)
        begun = time.perf_counter()
        for number in range(WINDOWS):
            if are_new:
                table[:, 0] = number
            for done in _passed(loader, len(batches)):
                seen.append(
                    [
                        number * window + done * BATCH,
                        time.perf_counter() - begun,
                        resident_bytes(),
                        peak_bytes(),
                    ]
                )
    require_whole(path)
    return seen


def _passed(loader: Any, batches: int) -> Iterator[int]:
    """How many batches a pass has had, whenever a tenth of it is done."""
    every = max(1, batches // _LOOKS_A_WINDOW)
    for done, _ in enumerate(loader, start=1):
        if done % every == 0:
            yield done


if __name__ == "__main__":
    import json

    told = argument()
    found = watch(Path(told["path"]), told["observations"], told["are_new"])
    print(json.dumps({"seen": found}))
