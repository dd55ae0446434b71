"""Large records without the hashing: made-up fingerprints through the recorder's own path.

Everything below hashing is as in a recorded run: `Recorder`, its queue and its thread, group
commits, sealing in the background, true Merkle roots. A record is described by a `Recipe`; it
is written by a process of its own::

    python -m benchmarks.generator '{"path": …, "recipe": …}'
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.children import argument, peak_bytes
from benchmarks.recording import size_on_disk
from origin.core.hashing import merkle_root_of
from origin.recorder.capture import Capture
from origin.recorder.distinct import DistinctCounter
from origin.recorder.recorder import Recorder
from origin.recorder.stream import PendingBatch, Stream
from origin.storage.database import ProvenanceDatabase

BATCH = 32
# So many batches are cut out of the pool of fingerprints at a time.
_BATCHES_AT_ONCE = 4096
_KNOWN = 64

Pool = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Part:
    """One stream: samples of the pool, from ``first`` on, of one source."""

    source: str
    license: str
    first: int
    samples: int


@dataclass(frozen=True)
class Recipe:
    """What a record holds.

    Args:
        sessions: for each session its streams; every epoch goes through them one by one, in an
            order of its own each time.
        epochs: how often each session goes through all of it.
        sizes: the canonical bytes of samples: all the same, or anything from the first number
            to the second.
    """

    sessions: list[list[Part]]
    epochs: int
    sizes: tuple[int, int] = (3152, 3152)

    @property
    def observations(self) -> int:
        """How many there will be."""
        return self.epochs * sum(part.samples for parts in self.sessions for part in parts)

    @property
    def distinct(self) -> int:
        """How many samples the pool must have."""
        return max(part.first + part.samples for parts in self.sessions for part in parts)

    def as_json(self) -> dict[str, Any]:
        """For a child's argument."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Recipe":
        """What ``as_json`` made."""
        sessions = [[Part(**part) for part in parts] for parts in told["sessions"]]
        return cls(sessions, told["epochs"], tuple(told["sizes"]))


def write(path: Path, recipe: Recipe) -> dict[str, Any]:
    """Write a record, end its sessions and seal it; returns what was seen of it."""
    pool = np.frombuffer(np.random.default_rng(7).bytes(32 * recipe.distinct), np.uint8)
    pool = pool.reshape(-1, 32)
    begun = time.perf_counter()
    with ProvenanceDatabase(path) as db:
        session_ids = [_record(db, parts, recipe, pool) for parts in recipe.sessions]
        recorded = time.perf_counter()
        db.seal()
        sealed = time.perf_counter()
    return {
        "sessions": session_ids,
        "samples": [bytes(pool[at]).hex() for at in _spread(recipe.distinct)],
        "observations": recipe.observations,
        "distinct": recipe.distinct,
        "recorded_seconds": recorded - begun,
        "sealing_seconds": sealed - recorded,
        "bytes_on_disk": size_on_disk(path.parent),
        "peak_bytes": peak_bytes(),
    }


def _spread(count: int) -> list[int]:
    return [number * (count - 1) // max(1, _KNOWN - 1) for number in range(min(_KNOWN, count))]


def _record(db: ProvenanceDatabase, parts: list[Part], recipe: Recipe, pool: Pool) -> str:
    session = db.begin_session("benchmark")
    recorder = Recorder.of(db)
    streams = []
    for part in parts:
        db.declare_source(session.session_id, part.source, part.license)
        stream = recorder.open_stream(session.session_id, part.source, 0, 1)
        streams.append((part, stream, DistinctCounter()))
    random = np.random.default_rng(11)
    for epoch in range(recipe.epochs):
        for part, stream, distinct in streams:
            order = part.first + random.permutation(part.samples)
            for pending in _batches(pool, order, stream, epoch, distinct, recipe.sizes):
                recorder.submit(pending)
    db.end_session(session.session_id)
    return session.session_id


def _batches(
    pool: Pool,
    order: npt.NDArray[np.int64],
    stream: Stream,
    epoch: int,
    distinct: DistinctCounter,
    sizes: tuple[int, int],
) -> Iterator[PendingBatch]:
    low, high = sizes
    step = BATCH * _BATCHES_AT_ONCE
    for first in range(0, len(order), step):
        chosen = order[first : first + step]
        packed = pool[chosen].tobytes()
        # A sample has the same size each time it is seen.
        lengths = None if low == high else (low + chosen * 7919 % (high - low)).tolist()
        for at in range(0, len(chosen), BATCH):
            own = packed[32 * at : 32 * (at + BATCH)]
            capture = Capture(
                rows=None,
                count=len(own) // 32,
                byte_sizes=low if lengths is None else lengths[at : at + BATCH],
                content_types="array" if lengths is None else "text",
                fingerprints=own,
                root=merkle_root_of(own),
            )
            yield PendingBatch(stream, epoch, distinct, capture)


if __name__ == "__main__":
    import json

    told = argument()
    print(json.dumps(write(Path(told["path"]), Recipe.from_json(told["recipe"]))))
