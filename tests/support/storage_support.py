"""What the tests of the store share: small batches, and real processes to run against it."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw

import origin
from origin.core.record import PackedBatch
from origin.storage.database import ProvenanceDatabase

HERE = Path(__file__).parent
SOURCES = Path(origin.__file__).parents[1]


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


def start(script: str, *arguments: object) -> "subprocess.Popen[str]":
    """A real Python process that runs a script, with pipes to and from it."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(SOURCES), str(HERE)))},
    )


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
