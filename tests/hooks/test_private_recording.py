"""Private fingerprints are recorded wherever they are computed: here, aside and in workers."""

import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from hooks_support import Recording
from loader_data import Listed
from recorder_support import hook
from torch.utils.data import DataLoader
from worker_data import Dicts

from origin.core.fingerprint import canonical_bytes
from origin.core.fingerprintkey import FingerprintKey
from origin.core.merkle import merkle_root
from origin.core.record import PackedBatch
from origin.errors import RecordingError
from origin.hooks.huggingface import DatasetHook, fingerprint_row
from origin.hooks.placement import Placement
from origin.hooks.pytorch import DataLoaderHook
from origin.hooks.reader import BatchReader, Found
from origin.recorder.capture import capture_rows
from origin.storage.database import ProvenanceDatabase

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
ROWS = torch.arange(70.0).reshape(10, 7)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[ProvenanceDatabase]:
    with ProvenanceDatabase(tmp_path / "private.db", fingerprint_key=KEY) as db:
        yield db


@pytest.fixture
def from_workers(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each batch that came with fingerprints, whether they were taken over."""
    told: list[bool] = []
    resume = BatchReader.resume

    def noting(self: BatchReader, found: Found) -> Any:
        assert KEY not in repr(found).encode("latin-1", "replace")
        capture = resume(self, found)
        told.append(capture is not None)
        return capture

    monkeypatch.setattr(BatchReader, "resume", noting)
    return told


def recorded(db: ProvenanceDatabase, loader: Any, **options: Any) -> list[PackedBatch]:
    with db.session("v1") as session:
        own = DataLoaderHook(db, session.session_id, "data", "MIT", **options)
        for _ in own.wrap(loader):
            pass
    (stream,) = db.catalog.streams(session.session_id)
    return list(db.ledger.batches(stream.stream_no))


def check(batches: list[PackedBatch], samples: Any, key: bytes = KEY) -> None:
    wanted = [hmac.digest(key, canonical_bytes(sample), "sha256") for sample in samples]
    assert b"".join(batch.fingerprints for batch in batches) == b"".join(wanted)
    for batch in batches:
        leaves = [wanted.pop(0) for _ in range(batch.count)]
        assert batch.root == merkle_root(leaves)  # of plain SHA-256, as ever


@pytest.mark.parametrize("aside", [False, True])
def test_rows_of_arrays(
    db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch, aside: bool
) -> None:
    monkeypatch.setattr(Placement, "in_background", lambda self, size, count: aside)
    check(recorded(db, DataLoader(ROWS, batch_size=4)), list(ROWS))  # type: ignore[arg-type]


def test_texts_and_observed_batches(db: ProvenanceDatabase) -> None:
    check(recorded(db, [["a", "bc"], [], ["d"]]), ["a", "bc", "d"])
    with db.session("v2") as session:
        root = hook(db, session.session_id).observe(["a"])
    assert root == merkle_root([hmac.digest(KEY, b"a", "sha256")]).hex()


@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
def test_in_workers(db: ProvenanceDatabase, from_workers: list[bool], context: str) -> None:
    loader = DataLoader(Dicts(), batch_size=3, num_workers=2, multiprocessing_context=context)
    batches = recorded(db, loader)
    assert from_workers == [True, True, True]
    inside = [batch.fingerprints for batch in batches]
    outside = recorded(db, loader, in_workers=False)
    assert inside == [batch.fingerprints for batch in outside]
    tensors = [{**row, "y": torch.tensor(row["y"], dtype=torch.float64)} for row in Dicts()]
    check(batches, tensors)


def test_workers_that_stay_belong_to_their_key(
    db: ProvenanceDatabase, tmp_path: Path, from_workers: list[bool]
) -> None:
    """A loader that keeps its workers is used for two databases with different keys."""
    data = Listed([[n, n] for n in range(6)])
    loader = DataLoader(data, batch_size=2, num_workers=1, persistent_workers=True)
    samples = [[torch.tensor(n), torch.tensor(n)] for n in range(6)]
    check(recorded(db, loader), samples)
    with ProvenanceDatabase(tmp_path / "other.db", fingerprint_key=OTHER) as other:
        check(recorded(other, loader), samples, OTHER)
    assert from_workers == [True] * 3
    with ProvenanceDatabase(tmp_path / "private.db", fingerprint_key=KEY) as again:
        check(recorded(again, loader), samples)
    assert from_workers == [True] * 6


def test_rows_of_data_sets(db: ProvenanceDatabase) -> None:
    rows = [{"text": "hi", "scores": [0.5] * 5000}, {"text": "ho", "scores": [1.5] * 5000}]
    with db.session("v1") as session:
        own = DatasetHook(db, session.session_id, "rows", "MIT")
        for _ in own.wrap(Dataset.from_list(rows)):
            pass
    (stream,) = db.catalog.streams(session.session_id)
    found = [batch.fingerprints.hex() for batch in db.ledger.batches(stream.stream_no)]
    assert found == [fingerprint_row(row, db.fingerprinting) for row in rows]
    assert found == [fingerprint_row(row, key=KEY) for row in rows]
    assert found[0] != fingerprint_row(rows[0])


def test_what_one_key_made_is_not_taken_for_anothers() -> None:
    def hashed() -> Any:
        capture = capture_rows([b"a"], ["bytes"])
        capture.hash(FingerprintKey(KEY))
        return capture

    hashed().hash(FingerprintKey(KEY))
    for other in (FingerprintKey(OTHER), "sha256"):
        with pytest.raises(RecordingError, match="hmac-sha256 under key") as caught:
            hashed().hash(other)
        assert KEY.hex()[:8] not in str(caught.value)


def test_plain_and_private_of_the_same(recording: Recording, db: ProvenanceDatabase) -> None:
    """All but the fingerprints is the same: roots, counts, sizes and types as they should be."""
    plain = recorded(recording.db, DataLoader(ROWS, batch_size=4))  # type: ignore[arg-type]
    private = recorded(db, DataLoader(ROWS, batch_size=4))  # type: ignore[arg-type]
    for one, other in zip(plain, private, strict=True):
        assert (one.byte_sizes, one.content_types) == (other.byte_sizes, other.content_types)
        both = np.frombuffer(one.fingerprints + other.fingerprints, "V32")
        assert len(set(both.tolist())) == one.count + other.count
