"""Signed records for tests."""

import hashlib
from pathlib import Path

import apsw
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from origin.core.hashing import hash_strings
from origin.core.record import PackedBatch, SourceRecord
from origin.proof.keys import SigningKey
from origin.storage.database import ProvenanceDatabase

KEY = SigningKey("example.com/test", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = SigningKey("example.com/other", Ed25519PrivateKey.from_private_bytes(bytes(32)))

SAMPLES = 4


def sample(batch_no: int, position: int, stream: int = 0) -> bytes:
    """A sample as its bytes; each is another."""
    return f"{stream}/{batch_no}/{position}".encode()


def fingerprint(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def packed(stream_no: int, batch_no: int, samples: list[bytes], epoch: int = 0) -> PackedBatch:
    found, root = hash_strings(samples)
    return PackedBatch(stream_no, batch_no, epoch, 0, root, found, 3, "bytes")


def record(db: ProvenanceDatabase, stream_no: int, numbers: range, stream: int = 0) -> None:
    """Record batches of four samples, each sample another."""
    db.append(
        packed(stream_no, no, [sample(no, at, stream) for at in range(SAMPLES)]) for no in numbers
    )


def begin(db: ProvenanceDatabase, streams: int = 1) -> tuple[str, list[int]]:
    """Begin a session; its id, and the numbers of its streams."""
    session_id = db.begin_session("run").session_id
    db.record_source(SourceRecord("essays", license_id="MIT"))
    return session_id, [
        db.open_stream(session_id, "essays", rank, streams).stream_no for rank in range(streams)
    ]


def edit(path: Path, *statements: tuple[str, tuple[object, ...]]) -> None:
    """Change a file behind Origin's back, as somebody does who has it."""
    handle = apsw.Connection(str(path))
    handle.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    for statement, values in statements:
        handle.execute(statement, values)
        assert handle.changes() > 0, statement
    handle.close()
