"""What signing costs while something is recorded, and how long proofs take of a large record."""

import tempfile
from pathlib import Path

import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from torch.utils.data import DataLoader

from benchmarks.children import ask_child
from benchmarks.measure import alternate
from benchmarks.recording import nothing, recorded_run
from benchmarks.records import made, one_session
from benchmarks.rows import Row, amount
from benchmarks.sizes import Sizes
from origin.proof.keys import SigningKey

FEATURES, BATCH = 784, 32
# Signing comes at the end: the loop must not notice.
GOAL_LOOP = 1.03
GOALS = {"inclusion": 0.05, "absence": 0.1, "verifying": None}
GOAL_EXAMINING, GOAL_BYTES = 120.0, 1 << 30


def measure(sizes: Sizes, folder: Path) -> list[Row]:
    """The loop with and without a signer; signing, proving and examining a large session."""
    rows = [_loop(sizes, folder)]
    path, known = made(folder, "proved", one_session(sizes.asked_observations))
    told = ask_child("prove", {"path": str(path), "proofs": 4 * sizes.processes})
    what = f"{amount(known['observations'])} observations"
    for name, goal in GOALS.items():
        rows.append(Row("proofs", f"{what}, {name}", "ms", told[name], goal))
    return [
        *rows,
        Row("proofs", f"{what}, first signing", "s", [told["signing"]]),
        Row("proofs", f"{what}, all computed anew", "s", [told["examining"]], GOAL_EXAMINING),
        Row("proofs", f"{what}: peak memory", "MiB", [told["peak"]], GOAL_BYTES),
    ]


def _loop(sizes: Sizes, folder: Path) -> Row:
    loader = DataLoader(torch.randn(sizes.loop_samples, FEATURES), batch_size=BATCH)
    with tempfile.TemporaryDirectory(dir=folder) as keys:
        key = SigningKey("example.com/benchmark", Ed25519PrivateKey.generate())
        pairs = alternate(
            sizes.rounds,
            lambda: recorded_run(loader, Path(keys)),
            lambda: recorded_run(loader, Path(keys), nothing, 1, key),
        )
    ratios = [2 * one.taken.loop / (one.before.loop + one.after.loop) for one in pairs]
    return Row(
        part="proofs",
        what="raw loop recorded and signed at its end, against recorded alone: the loop",
        unit="ratio",
        rounds=ratios,
        goal=GOAL_LOOP,
        details={"end, seconds more": [one.taken.wall - one.taken.loop for one in pairs]},
    )
