"""The examples of the integration guide run as they are written there, on small real data."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from origin.core.fingerprint import fingerprint_sample
from origin.hooks.pytorch import DataLoaderHook
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase

MINIMAL = """
from origin.storage.database import ProvenanceDatabase
from origin.hooks.base import BaseHook

# Initialize database
db = ProvenanceDatabase("./provenance.db")

# Start a training session
session = db.begin_session(config_hash="sha256_of_config")

# Your training loop...
# (See framework-specific examples below)

# End session
db.end_session(session.session_id, status="completed")
db.close()
"""

PYTORCH = """
from torch.utils.data import DataLoader, TensorDataset
import torch

from origin.storage.database import ProvenanceDatabase
from origin.hooks.pytorch import DataLoaderHook

# Your dataset and dataloader
dataset = TensorDataset(torch.randn(1000, 784), torch.randint(0, 10, (1000,)))
dataloader = DataLoader(dataset, batch_size=32, shuffle=True)

# Initialize Origin
db = ProvenanceDatabase("./provenance.db")
session = db.begin_session(config_hash="experiment_v1")

# Create the hook
hook = DataLoaderHook(
    db=db,
    session_id=session.session_id,
    source_id="mnist_train",
    license_id="CC-BY-SA-4.0"
)

# Wrap your dataloader
for batch in hook.wrap(dataloader):
    inputs, labels = batch
    # batch is unchanged - train normally
    outputs = model(inputs)
    loss = criterion(outputs, labels)
    loss.backward()
    optimizer.step()

# Check statistics
stats = hook.get_stats()
print(f"Recorded {stats['samples_observed']} samples in {stats['batches_observed']} batches")

# End session
db.end_session(session.session_id, status="completed")
"""

OPTIONS = """
hook = DataLoaderHook(
    db=db,
    session_id=session.session_id,
    source_id="dataset_name",      # Identifier for this data source
    license_id="MIT",               # SPDX license identifier
    record_gradients=False,         # Include gradient info in metadata
)
"""

CUSTOM = '''
from typing import Any, Dict, List, Tuple

from origin.hooks.base import BaseHook
from origin.storage.database import ProvenanceDatabase

class CustomHook(BaseHook):
    """Hook for custom data format."""

    def __init__(
        self,
        db: ProvenanceDatabase,
        session_id: str,
        source_id: str = "custom",
        license_id: str = None,
    ):
        super().__init__(db, session_id, source_id, license_id)

    def _extract_samples(self, batch: Any) -> List[Tuple[Any, Dict[str, Any]]]:
        samples = []

        # Example: batch is a list of dicts
        for i, item in enumerate(batch):
            sample_data = item  # Will be fingerprinted
            metadata = {"index": i, "custom_field": "value"}
            samples.append((sample_data, metadata))

        return samples
'''

MANUAL = """
from origin.storage.database import ProvenanceDatabase

db = ProvenanceDatabase("./provenance.db")

# Start session with config hash
session = db.begin_session(config_hash="sha256_of_training_config")

# Access session info
print(f"Session ID: {session.session_id}")
print(f"Created: {session.created_at}")

# Your training code...

# End session with status
db.end_session(session.session_id, status="completed")
"""

LINKED = """
# Option 1: Single long-running session
session = db.begin_session(config_hash="full_pipeline")
# ... phase 1 ...
# ... phase 2 ...
# ... phase 3 ...
db.end_session(session.session_id, status="completed")

# Option 2: Linked sessions
phase1 = db.begin_session(config_hash="phase1")
# ... phase 1 ...
db.end_session(phase1.session_id, status="completed")

# Reference previous session in metadata
phase2 = db.begin_session(config_hash="phase2")
# Store phase1.session_id in your tracking system
"""

FAILURES = """
import sys

try:
    session = db.begin_session(config_hash="experiment")

    for batch in hook.wrap(dataloader):
        train_step(batch)

    db.end_session(session.session_id, status="completed")

except Exception as e:
    # Mark session as failed
    db.end_session(session.session_id, status="failed")
    raise

finally:
    db.close()
"""

SOURCE = """
from origin.core.record import SourceRecord

# Register a source with license
source = SourceRecord(
    source_id="my_dataset",
    source_type="file",
    source_path="/data/training_data.csv",
    license_id="MIT",  # SPDX identifier
    first_seen="2025-01-15T00:00:00Z"
)
db.record_source(source)

# Use this source_id in your hook
hook = DataLoaderHook(db, session_id, source_id="my_dataset")
"""

LICENSE = """
from origin.core.record import LicenseRecord

# Define a custom license
custom_license = LicenseRecord(
    license_id="CUSTOM-1.0",
    license_name="Custom Dataset License v1.0",
    license_url="https://example.com/license",
    permissions=("use", "modify"),
    restrictions=("no-redistribution", "no-commercial"),
    conditions=("attribution",),
    copyleft=False
)
db.record_license(custom_license)

# Use in source registration
source = SourceRecord(
    source_id="proprietary_data",
    source_type="database",
    source_path="internal://dataset/v2",
    license_id="CUSTOM-1.0",
    first_seen="2025-01-15T00:00:00Z"
)
db.record_source(source)
"""

UNKNOWN_HOOK = """
# When license is unknown, use "unknown"
hook = DataLoaderHook(
    db, session_id,
    source_id="scraped_data",
    license_id="unknown"  # Flags for review
)
"""

UNKNOWN_QUERY = """
# Check for unknown licenses later
from origin.query.engine import QueryEngine

engine = QueryEngine(db)
samples = engine.find_samples_by_license("unknown")
print(f"Found {len(samples)} samples with unknown license")
"""

MONITORING = """
from origin.query.engine import QueryEngine

engine = QueryEngine(db)

# Check current statistics
stats = hook.get_stats()
print(f"Batches: {stats['batches_observed']}")
print(f"Samples: {stats['samples_observed']}")
print(f"Unique: {stats['unique_samples']}")

# Query license breakdown
breakdown = engine.get_license_breakdown(session.session_id)
for license_id, count in breakdown.items():
    print(f"  {license_id}: {count} samples")
"""

PROGRESS = """
import time

start_time = time.time()
total_batches = len(dataloader)

for i, batch in enumerate(hook.wrap(dataloader)):
    train_step(batch)

    # Log progress every 100 batches
    if i % 100 == 0:
        stats = hook.get_stats()
        elapsed = time.time() - start_time
        print(f"Batch {i}/{total_batches}")
        print(f"  Samples recorded: {stats['samples_observed']}")
        print(f"  Unique samples: {stats['unique_samples']}")
        print(f"  Time elapsed: {elapsed:.1f}s")
"""


class Reader:
    """Someone who follows the guide: runs its code, one piece after the other."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return self.__dict__["names"][name]

    def run(self, example: str, **given: Any) -> None:
        self.names.update(given)
        exec(example, self.names)  # noqa: S102  the guide's own code

    def training(self, source: str = "data", license_id: str | None = None) -> None:
        """What the guide takes for granted in its shorter examples."""
        db = ProvenanceDatabase("./provenance.db")
        session = db.begin_session("experiment")
        data = TensorDataset(torch.arange(230.0).reshape(115, 2), torch.arange(115))
        self.names.update(
            db=db,
            session=session,
            session_id=session.session_id,
            dataloader=DataLoader(data, batch_size=1),
            train_step=lambda batch: None,
            DataLoaderHook=DataLoaderHook,
        )
        if source:
            self.names["hook"] = DataLoaderHook(db, session.session_id, source, license_id)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.chdir(tmp_path)
    reader = Reader()
    yield reader
    reader.db.close()


def statuses(path: str = "./provenance.db") -> list[str]:
    with ProvenanceDatabase(path, read_only=True) as db:
        return [session.status for session in reversed(db.list_sessions())]


def test_minimal_example(reader: Reader) -> None:
    reader.run(MINIMAL)
    assert statuses() == ["completed"]
    assert reader.db.closed


def test_pytorch(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    model = torch.nn.Linear(784, 10)
    optimizer = torch.optim.SGD(model.parameters())
    reader.run(PYTORCH, model=model, criterion=torch.nn.CrossEntropyLoss(), optimizer=optimizer)
    assert capsys.readouterr().out == "Recorded 1000 samples in 32 batches\n"
    engine = QueryEngine(reader.db)
    assert engine.get_license_breakdown(reader.session.session_id) == {"CC-BY-SA-4.0": 1000}
    image, label = reader.dataset[123]
    [seen] = engine.trace_sample(fingerprint_sample([image, label])).observations
    assert seen.source_id == "mnist_train"
    assert reader.db.get_session(reader.session.session_id).complete


@pytest.mark.parametrize(
    "batch",
    [
        torch.arange(12.0).reshape(4, 3),
        (torch.arange(12.0).reshape(4, 3), torch.arange(4)),
        {"input_ids": torch.ones(4, 5), "attention_mask": torch.ones(4, 5)},
    ],
    ids=["tensor", "tuple", "dict"],
)
def test_batch_formats(reader: Reader, batch: Any) -> None:
    reader.training()
    assert all(given is batch for given in reader.hook.wrap([batch]))
    assert reader.hook.get_stats()["samples_observed"] == 4


def test_configuration_options(reader: Reader) -> None:
    reader.training(source="")
    reader.run(OPTIONS)
    assert reader.hook.record_gradients is False
    assert reader.db.get_source("dataset_name").license_id == "MIT"


def test_custom_hook(reader: Reader) -> None:
    reader.run(CUSTOM)
    reader.training(source="")
    hook = reader.CustomHook(reader.db, reader.session_id)
    batches = [[{"text": "one"}, {"text": "two"}], [{"text": "one"}]]
    assert list(hook.wrap(batches)) == batches
    stats = hook.get_stats()
    found = [stats[f"{name}"] for name in ("batches_observed", "samples_observed")]
    assert (found, stats["unique_samples"]) == ([2, 3], 2)
    sample = QueryEngine(reader.db).trace_sample(fingerprint_sample({"text": "two"}))
    assert sample.observations[0].metadata == {"custom_field": "value"}
    assert len(hook.observe(batches[0])) == 64
    hook.reset_stats()
    assert hook.get_stats()["samples_observed"] == 0


def test_what_can_be_fingerprinted(reader: Reader) -> None:
    reader.run(CUSTOM)
    reader.training(source="")
    hook = reader.CustomHook(reader.db, reader.session_id, "kinds", "MIT")

    class Buffer:
        def tobytes(self) -> bytes:
            return b"converted"

    hook.observe([b"raw", "text", {"b": 1, "a": 2}, Buffer()])
    [batch] = reader.db.ledger.batches(hook.stream().number)
    assert batch.fingerprints[:32].hex() == fingerprint_sample(b"raw")
    assert batch.fingerprints[64:96].hex() == fingerprint_sample({"a": 2, "b": 1})
    assert batch.fingerprints[96:].hex() == fingerprint_sample(b"converted")


def test_manual_session_control(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    reader.run(MANUAL)
    out = capsys.readouterr().out
    assert f"Session ID: {reader.session.session_id}\nCreated: 20" in out
    with pytest.raises(ValueError, match="already ended"):
        reader.db.end_session(reader.session.session_id, status="failed")
    assert statuses() == ["completed"]


def test_linked_sessions(reader: Reader) -> None:
    reader.training()
    reader.run(LINKED)
    assert statuses() == ["running", "completed", "completed", "running"]


def test_handling_failures(reader: Reader) -> None:
    def train_step(batch: Any) -> None:
        raise ZeroDivisionError

    reader.training()
    with pytest.raises(ZeroDivisionError):
        reader.run(FAILURES, train_step=train_step)
    assert reader.db.closed
    assert statuses()[1] == "failed"


def test_handling_no_failures(reader: Reader) -> None:
    reader.training()
    reader.run(FAILURES)
    assert statuses()[1] == "completed"


def test_licenses_of_sources(reader: Reader) -> None:
    reader.training(source="")
    reader.run(SOURCE)
    assert reader.hook.license_id == "MIT"
    list(reader.hook.wrap(reader.dataloader))
    engine = QueryEngine(reader.db)
    assert engine.get_license_breakdown(reader.session_id) == {"MIT": 115}
    assert reader.db.get_source("my_dataset") == reader.source


def test_custom_licenses(reader: Reader) -> None:
    reader.training(source="")
    reader.run(SOURCE)
    reader.run(LICENSE)
    assert reader.db.get_license("CUSTOM-1.0") == reader.custom_license
    assert reader.db.get_source("proprietary_data").license_id == "CUSTOM-1.0"
    list(reader.hook.wrap([["read once"]]))


def test_unknown_licenses(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    reader.training(source="")
    reader.run(UNKNOWN_HOOK)
    list(reader.hook.wrap(reader.dataloader))
    reader.run(UNKNOWN_QUERY)
    assert capsys.readouterr().out == "Found 115 samples with unknown license\n"


def test_monitoring(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    reader.training("web", "MIT")
    for number, _ in enumerate(reader.hook.wrap(reader.dataloader), start=1):
        if number == 50:
            reader.run(MONITORING)
    out = capsys.readouterr().out
    assert out == "Batches: 50\nSamples: 50\nUnique: 50\n  MIT: 50 samples\n"


def test_progress(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    reader.training()
    reader.run(PROGRESS)
    out = capsys.readouterr().out
    assert "Batch 0/115\n  Samples recorded: 1\n" in out
    assert "Batch 100/115\n  Samples recorded: 101\n  Unique samples: 101\n" in out
