"""What the tests of the store share: small batches, and real processes to run against it."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import apsw
from processes import start

from origin.core.record import PackedBatch
from origin.storage.database import ProvenanceDatabase


def fingerprint(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def batch(stream_no: int, batch_no: int, count: int = 4, **changes: Any) -> PackedBatch:
    fields: dict[str, Any] = {
        "stream_no": stream_no,
        "batch_no": batch_no,
        "epoch": 0,
        "seen_at": 1_700_000_000_000 + batch_no,
        "root": fingerprint(f"root {stream_no} {batch_no}"),
        "fingerprints": b"".join(
            fingerprint(f"{stream_no} {batch_no} {position}") for position in range(count)
        ),
        "byte_sizes": 10,
        "content_types": "text",
    }
    return PackedBatch(**{**fields, **changes})


def open_stream(db: ProvenanceDatabase, source_id: str = "data") -> tuple[str, int]:
    """A new session with one stream: their id and number."""
    session_id = db.begin_session("config").session_id
    db.declare_source(session_id, source_id, None)
    return session_id, db.open_stream(session_id, source_id).stream_no


def batch_numbers(db: ProvenanceDatabase, stream_no: int) -> list[int]:
    return [found.batch_no for found in db.ledger.batches(stream_no)]


def finish(process: "subprocess.Popen[str]") -> str:
    """What the process printed, once it has ended well and complained of nothing."""
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert (process.returncode, err) == (0, ""), err
    return out


def run(script: str, *arguments: object) -> str:
    return finish(start(script, *arguments))


def integrity(path: Path) -> str:
    handle = apsw.Connection(str(path))
    try:
        return str(handle.execute("PRAGMA integrity_check").get)
    finally:
        handle.close()
