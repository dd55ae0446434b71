"""A real training run on record: handwritten digits, two sources, two licenses, two epochs.

    python examples/digits.py [database]

The data ships inside scikit-learn, so nothing is downloaded.
"""

import sys
import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

from origin.core.fingerprint import fingerprint_sample
from origin.core.record import LicenseRecord, SourceRecord
from origin.hooks.pytorch import DataLoaderHook
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase

EPOCHS = 2


def load() -> tuple[TensorDataset, TensorDataset]:
    """The digits as scikit-learn ships them, and copies with the pixels shifted by us."""
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32) / 16
    labels = torch.tensor(digits.target)
    shifted = torch.roll(images[:600], shifts=1, dims=2)
    return (
        TensorDataset(images.flatten(1), labels),
        TensorDataset(shifted.flatten(1), labels[:600]),
    )


def describe_sources(db: ProvenanceDatabase) -> None:
    """Say where the data comes from; a license of one's own is defined on the way."""
    db.record_source(
        SourceRecord("uci-digits", "dataset", "sklearn.datasets.load_digits", "CC-BY-4.0")
    )
    db.record_license(
        LicenseRecord(
            "INTERNAL-1.0",
            "Internal research data",
            permissions=("use", "modify"),
            restrictions=("no-redistribution",),
        )
    )
    db.record_source(SourceRecord("shifted-digits", "derived", None, "INTERNAL-1.0"))


def train(db: ProvenanceDatabase, session_id: str) -> list[DataLoaderHook]:
    """Train a small network; the two lines that record are marked."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    criterion = torch.nn.CrossEntropyLoss()
    hooks, loaders = [], []
    for source, data in zip(("uci-digits", "shifted-digits"), load(), strict=True):
        hook = DataLoaderHook(db, session_id, source)  # records: one hook a source
        loaders.append(hook.wrap(DataLoader(data, batch_size=32, shuffle=True)))  # and wrap it
        hooks.append(hook)
    for epoch in range(EPOCHS):
        right = total = 0
        for loader in loaders:
            for inputs, labels in loader:
                optimizer.zero_grad()
                outputs = model(inputs)
                criterion(outputs, labels).backward()
                optimizer.step()
                right += int((outputs.argmax(1) == labels).sum())
                total += len(labels)
        print(f"epoch {epoch}: accuracy {right / total:.1%} over {total:,} samples")
    return hooks


def tell(db: ProvenanceDatabase, session_id: str) -> None:
    """Ask what went in."""
    engine = QueryEngine(db)
    summary = engine.get_session_summary(session_id)
    print(
        f"\nsession {session_id[:8]}…  {summary['status']}, record "
        f"{'complete' if summary['complete'] else 'INCOMPLETE'}: {summary['epochs']} epochs, "
        f"{summary['batches']} batches, {summary['observations']:,} observations of "
        f"{summary['distinct_samples']:,} samples"
    )
    print("\nlicenses (distinct samples)")
    for license_id, count in engine.get_license_breakdown(session_id).items():
        print(f"  {license_id:<14}{count:>6,}  {count / summary['distinct_samples']:>6.1%}")

    original, _ = load()
    sample_id = fingerprint_sample(original[7])
    trace = engine.trace_sample(sample_id)
    print(f"\nthe eighth digit is sample {sample_id[:16]}… ({trace.sample.byte_size} bytes)")
    for seen in trace.observations:
        print(
            f"  epoch {seen.epoch}, batch {seen.batch_no}, position {seen.position}: "
            f"{seen.source_id}, {seen.license_id}"
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = sys.argv[1] if len(sys.argv) > 1 else str(Path(folder) / "provenance.db")
        with ProvenanceDatabase(path) as db:
            describe_sources(db)
            with db.session(config_hash="digits-mlp", metadata={"epochs": EPOCHS}) as session:
                hooks = train(db, session.session_id)
            waited = sum(hook.get_stats()["overhead_seconds"] for hook in hooks)
            tell(db, session.session_id)
            print(f"\ntraining waited {waited * 1000:.0f} ms for the record")


if __name__ == "__main__":
    main()
