"""A session signed, proved and examined by a fresh process.

::

    python -m benchmarks.prove '{"path": …, "proofs": 20}'
"""

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.children import argument, peak_bytes
from origin.proof.examining import examine
from origin.proof.keys import SigningKey
from origin.proof.prover import Prover
from origin.proof.signer import Signer
from origin.storage.database import ProvenanceDatabase
from origin.verify import verify_text


def prove(path: Path, proofs: int) -> dict[str, Any]:
    """Sign a copy of a record, and prove samples of its first session.

    Args:
        path: of the database.
        proofs: how many of each kind.
    """
    own = path.parent / "signed" / path.name
    own.parent.mkdir()
    try:
        shutil.copy(path, own)
        if Path(f"{path}.segments").exists():
            shutil.copytree(f"{path}.segments", f"{own}.segments")
        with ProvenanceDatabase(own) as db:
            return _measured(db, proofs) | {"peak": peak_bytes()}
    finally:
        shutil.rmtree(own.parent)


def _measured(db: ProvenanceDatabase, proofs: int) -> dict[str, Any]:
    key = SigningKey("example.com/benchmark", Ed25519PrivateKey.generate())
    session = db.list_sessions()[-1]
    signer = Signer(db, key)
    signing, head = _timed(lambda: signer.sign(session))
    prover, chance = Prover(db), random.Random(1)  # noqa: S311  which samples does not matter
    stream = db.catalog.streams(session.session_id)[0]
    found: dict[str, list[float]] = {"inclusion": [], "absence": [], "verifying": []}
    for _ in range(proofs + 1):
        number = chance.randrange(stream.batches)
        (batch,) = db.ledger.batches(stream.stream_no, number, number)
        place = (stream.stream_no, number, chance.randrange(batch.count))
        sample = batch.fingerprints[32 * place[2] : 32 * place[2] + 32]
        seconds, proof = _timed(lambda s=sample, p=place: prover.prove_inclusion(session, s, p))
        found["inclusion"].append(seconds)
        other = chance.randbytes(32)
        seconds, absent = _timed(lambda o=other: prover.prove_absence(session, o))
        found["absence"].append(seconds)
        for one in (proof, absent):
            found["verifying"].append(_timed(lambda o=one: verify_text(o.text(), [key.public]))[0])
    examining, report = _timed(lambda: examine(db, head.note))
    if not report.ok:
        raise RuntimeError(str(report))
    # The first of each kind is cold.
    warm = {name: seconds[1:] for name, seconds in found.items()}
    return warm | {"signing": signing, "examining": examining}


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    found = work()
    return time.perf_counter() - begun, found


if __name__ == "__main__":
    import json

    told = argument()
    print(json.dumps(prove(Path(told["path"]), told["proofs"])))
