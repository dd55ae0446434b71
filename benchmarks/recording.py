"""What recording costs, beside a baseline measured in the same run.

    python benchmarks/recording.py            # the whole table
    python benchmarks/recording.py --rounds 3 # quicker, and rougher

Machines differ and are noisy: the ratios are what counts. Every recording is on
disk, with full durability, and includes the closing of the database.
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.data import DataLoader, TensorDataset

from origin.hooks.pytorch import DataLoaderHook
from origin.storage.database import ProvenanceDatabase

SAMPLES, FEATURES, BATCH = 10_000, 784, 32

PLAIN = torch.randn(SAMPLES, FEATURES)
LABELS = torch.randint(0, 10, (SAMPLES,))
PAIRS = TensorDataset(PLAIN, LABELS)


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def hash_rows(*columns: torch.Tensor) -> None:
    """The baseline: nothing but ``hashlib`` over the same rows."""
    for column in columns:
        for row in column.numpy():
            hashlib.sha256(row).digest()


def record(
    data: object, folder: Path, work: Callable[[object], None], batch_size: int, epochs: int = 1
) -> Path:
    path = folder / f"{time.perf_counter_ns()}.db"
    with ProvenanceDatabase(path) as db, db.session(config_hash="benchmark") as session:
        hook = DataLoaderHook(db, session.session_id, "noise", "CC0-1.0")
        loader = hook.wrap(DataLoader(data, batch_size=batch_size))
        for _ in range(epochs):
            for batch in loader:
                work(batch)
    return path


def nothing(_batch: object) -> None:
    pass


def rate_of_recording(
    title: str, data: object, columns: tuple[torch.Tensor, ...], rounds: int, goal: float
) -> None:
    rates, ratios, size = [], [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            bare = seconds(lambda: hash_rows(*columns))
            begun = time.perf_counter()
            path = record(data, Path(folder), nothing, BATCH)
            took = time.perf_counter() - begun
            rates.append(SAMPLES / took)
            ratios.append(bare / took)
            size = path.stat().st_size / SAMPLES
    print(
        f"{title:<34}{statistics.median(rates):>12,.0f}/s   {statistics.median(ratios):5.2f} "
        f"of bare hashlib (goal {goal})   {size:5.1f} bytes/sample (goal 45)"
    )


class Training:
    """A small perceptron, one step a batch."""

    def __init__(self) -> None:
        self.model = torch.nn.Sequential(
            torch.nn.Linear(FEATURES, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)
        )
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01)
        self.loss = torch.nn.CrossEntropyLoss()

    def __call__(self, batch: object) -> None:
        inputs, labels = batch  # type: ignore[misc]
        self.optimizer.zero_grad()
        self.loss(self.model(inputs), labels).backward()
        self.optimizer.step()


def slowdown_of_training(rounds: int, epochs: int = 4) -> None:
    train = Training()

    def plain() -> None:
        for _ in range(epochs):
            for batch in DataLoader(PAIRS, batch_size=64):
                train(batch)

    plain()
    ratios, steps = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            before = seconds(plain)
            took = seconds(lambda: record(PAIRS, Path(folder), train, 64, epochs))
            after = seconds(plain)
            ratios.append(2 * took / (before + after))
            steps.append((before + after) / 2 / (epochs * SAMPLES) * 1e6)
    slower = (statistics.median(ratios) - 1) * 100
    print(
        f"{'training 784-256-10, batch 64':<34}{slower:>11.1f} % slower (goal 5), "
        f"median of {rounds} pairs; a plain loop takes {statistics.median(steps):.1f} µs a sample"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    rate_of_recording("DataLoader(tensor), batch 32", PLAIN, (PLAIN,), rounds, 0.4)
    rate_of_recording("DataLoader((x, y)), batch 32", PAIRS, (PLAIN, LABELS), rounds, 0.35)
    slowdown_of_training(rounds)


if __name__ == "__main__":
    main()
