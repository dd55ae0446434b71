"""What the tests of the recorder share: numbered batches, and real processes that record them."""

import numpy as np
import numpy.typing as npt
from processes import start

from origin.core.fingerprint import fingerprint_digest
from origin.hooks.pytorch import DataLoaderHook
from origin.storage.database import ProvenanceDatabase

COUNT = 3


def rows(number: int, width: int = 4) -> npt.NDArray[np.int64]:
    """A batch that is known by its number."""
    return np.arange(COUNT * width).reshape(COUNT, width) + 1000 * number


def packed(number: int, width: int = 4) -> bytes:
    """Its fingerprints, as the ledger holds them."""
    return b"".join(fingerprint_digest(row) for row in rows(number, width))


def begin(db: ProvenanceDatabase) -> str:
    return db.begin_session("config").session_id


def hook(db: ProvenanceDatabase, session_id: str, source: str = "data") -> DataLoaderHook:
    return DataLoaderHook(db, session_id, source, "MIT")


def check_stream(db: ProvenanceDatabase, stream_no: int, width: int = 4) -> int:
    """A stream holds the batches 0, 1, 2 … whole, and its counters agree; how many they are."""
    found = list(db.ledger.batches(stream_no))
    assert [batch.batch_no for batch in found] == list(range(len(found)))
    for batch in found:
        assert batch.fingerprints == packed(batch.batch_no, width)
    stream = next(s for s in db.catalog.streams() if s.stream_no == stream_no)
    assert stream.batches == len(found)
    assert stream.observations == sum(batch.count for batch in found)
    assert stream.bytes_seen == sum(batch.total_bytes for batch in found)
    return len(found)


def run(script: str, *arguments: object, code: int = 0) -> str:
    """What a script printed; it must end with that exit code."""
    process = start(script, *arguments)
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    return out
