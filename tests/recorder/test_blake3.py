"""BLAKE3 fingerprints, for the databases that have them: like SHA-256 ones in all else."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from blake3 import blake3
from recorder_support import begin, hook
from torch.utils.data import DataLoader

from origin.core.fingerprint import canonical_bytes, fingerprint_digest, fingerprint_sample
from origin.core.hashing import Column, RowForm, hash_rows, hash_strings
from origin.core.merkle import merkle_root
from origin.core.record import PackedBatch
from origin.errors import ConfigurationError, MissingDependencyError, RecordingError
from origin.hooks.huggingface import fingerprint_row
from origin.hooks.placement import Placement
from origin.recorder.capture import capture_rows
from origin.storage.database import ProvenanceDatabase

VALUES = [b"", b"abc", "text", None, {"b": [1, 2.5], "a": b"x" * 5000}, np.arange(70.0)]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[ProvenanceDatabase]:
    with ProvenanceDatabase(tmp_path / "provenance.db", fingerprint="blake3") as db:
        yield db


def recorded(db: ProvenanceDatabase, loader: Any) -> list[PackedBatch]:
    session_id = begin(db)
    own = hook(db, session_id)
    for _ in own.wrap(loader):
        pass
    db.end_session(session_id)
    return list(db.ledger.batches(1))


def check(batches: list[PackedBatch], samples: list[Any]) -> None:
    wanted = [blake3(canonical_bytes(sample)).digest() for sample in samples]
    assert b"".join(batch.fingerprints for batch in batches) == b"".join(wanted)
    for batch in batches:
        leaves = [wanted.pop(0) for _ in range(batch.count)]
        assert batch.root == merkle_root(leaves)  # of SHA-256, as ever


def test_what_its_authors_say_of_nothing() -> None:
    known = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    assert fingerprint_sample(b"", "blake3") == known


def test_samples() -> None:
    for value in VALUES:
        wanted = blake3(canonical_bytes(value)).digest()
        assert fingerprint_digest(value, "blake3") == wanted
        assert fingerprint_sample(value, "blake3") == wanted.hex()
    assert fingerprint_row({"a": 1}, "blake3") == blake3(b'{"a":1}').hexdigest()


def test_many_at_once() -> None:
    strings = [bytes(range(at)) for at in range(41)]
    digests = [blake3(string).digest() for string in strings]
    assert hash_strings(strings, "blake3") == (b"".join(digests), merkle_root(digests))
    assert hash_strings([], "blake3") == (b"", merkle_root([]))
    array = np.arange(12, dtype=np.uint8)
    rows = [blake3(b"h" + array[at : at + 4].tobytes()).digest() for at in (0, 4, 8)]
    found = hash_rows(RowForm(b"h", [4]), [Column.of(array)], 3, "blake3")
    assert found == (b"".join(rows), merkle_root(rows))


@pytest.mark.parametrize("aside", [False, True])
def test_recording(db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch, aside: bool) -> None:
    monkeypatch.setattr(Placement, "in_background", lambda self, size, count: aside)
    data = torch.arange(70.0).reshape(10, 7)
    check(recorded(db, DataLoader(data, batch_size=4)), list(data))  # type: ignore[arg-type]


def test_recording_in_workers(db: ProvenanceDatabase) -> None:
    data = torch.arange(70.0).reshape(10, 7)
    loader = DataLoader(data, batch_size=4, num_workers=1)  # type: ignore[arg-type]
    check(recorded(db, loader), list(data))


def test_recording_what_is_no_array(db: ProvenanceDatabase) -> None:
    texts = [["a", "bc"], ["d"]]
    check(recorded(db, texts), ["a", "bc", "d"])


def test_what_one_algorithm_made_is_not_taken_for_the_other() -> None:
    capture = capture_rows([b"a"], ["bytes"])
    capture.hash("blake3")
    capture.hash("blake3")
    with pytest.raises(RecordingError, match="blake3 fingerprints are no sha256 ones"):
        capture.hash("sha256")


def test_an_algorithm_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="'sha256' or 'blake3', not 'md5'"):
        fingerprint_sample(b"", "md5")


def test_without_the_package(db: ProvenanceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook says so when it is made, not once training has begun."""
    monkeypatch.setitem(sys.modules, "blake3", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'origin-provenance\[blake3\]'"):
        fingerprint_sample(b"", "blake3")
    session_id = begin(db)
    for _ in range(2):
        with pytest.raises(MissingDependencyError, match=r"origin-provenance\[blake3\]"):
            hook(db, session_id)
