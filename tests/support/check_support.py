"""A record that has everything in it, and a plain reader of all that a file holds."""

import hashlib
from pathlib import Path
from typing import Any

import apsw
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from origin.core.hashing import merkle_root_of
from origin.core.record import Annotation, Gap, LicenseRecord, PackedBatch, SourceRecord
from origin.proof.keys import SigningKey
from origin.proof.signer import Signer
from origin.storage.checks.damage import CheckReport
from origin.storage.database import ProvenanceDatabase

TYPES = ("text", "array", "bytes")


def fingerprints(name: str, count: int) -> bytes:
    return b"".join(hashlib.sha256(f"{name} {n}".encode()).digest() for n in range(count))


def true_batch(stream_no: int, batch_no: int, count: int, **changes: Any) -> PackedBatch:
    """A batch with the root that its samples have."""
    packed = fingerprints(f"{stream_no} {batch_no}", count)
    fields: dict[str, Any] = {
        "stream_no": stream_no,
        "batch_no": batch_no,
        "epoch": batch_no // 10,
        "seen_at": 1_700_000_000_000 + batch_no,
        "root": merkle_root_of(packed),
        "fingerprints": packed,
        "byte_sizes": 784,
        "content_types": "array",
    }
    return PackedBatch(**{**fields, **changes})


def varied_batch(stream_no: int, batch_no: int) -> PackedBatch:
    """A batch of another kind for each number."""
    count = 1 + batch_no % 7
    changes: dict[str, Any] = {}
    if batch_no % 3 == 1:
        changes["byte_sizes"] = [2 ** (10 * (n % 5)) for n in range(count)]
    if batch_no % 4 == 2:
        changes["keys"] = [None, *(f"key-{batch_no}-{n} \ud800" for n in range(count - 1))]
    if batch_no % 5 == 3:
        changes["metadata"] = [{"row": n, "name": "größe"} for n in range(count)]
    if batch_no % 6 == 4:
        changes["content_types"] = [TYPES[n % 3] for n in range(count)]
    return true_batch(stream_no, batch_no, count, **changes)


def record_into(db: ProvenanceDatabase, batches: int) -> list[int]:
    """Three streams in two sessions; returns their numbers."""
    db.record_license(
        LicenseRecord("OWN-1.0", "Own", "https://example.com", ("use",), copyleft=True)
    )
    for source in ("images", "texts \ud800", "web"):
        told = ("title \ud800", "author", "https://example.com", "cropped")
        at = "2026-01-01T00:00:00Z"
        db.record_source(SourceRecord(source, "file", f"/data/{source}", "OWN-1.0", at, *told))
    db.record_source(SourceRecord("web", license_id="MIT"))
    sessions = [db.begin_session(f"run {n}", {"seed": n, "note": "ñ"}) for n in range(2)]
    streams = [
        db.open_stream(session.session_id, source).stream_no
        for session, source in zip(
            (sessions[0], sessions[1], sessions[1]), ("images", "texts \ud800", "web"), strict=True
        )
    ]
    for stream_no in streams:
        append(db, stream_no, range(batches))
        db.append([], [Gap(stream_no, batches, batches + 1, "the disk refused")])
    db.end_session(sessions[0].session_id)
    return streams


def append(db: ProvenanceDatabase, stream_no: int, numbers: range) -> None:
    db.append(
        [varied_batch(stream_no, number) for number in numbers],
        annotations=[Annotation(stream_no, number, "loss", number / 7) for number in numbers],
    )


def everything(path: Path, batches: int = 24) -> None:
    """A closed file that has something in every table, half of it sealed."""
    with ProvenanceDatabase(path, seal_after=None) as db:
        streams = record_into(db, batches)
        db.seal()
        db._connection.rows("INSERT INTO settings (name, value) VALUES ('fingerprint', 'sha256')")
        db._connection.rows(
            "INSERT INTO kept_numbers (session_no, name, holds_for, value, kept_at)"
            " VALUES (1, 'a', 'b', 'c', 'd')"
        )
        first = db.list_sessions()[-1].session_id
        db.licensing.keep(first, "x", [(f"f{n}", "kind", "high", "train", {}) for n in range(3)])
        db.licensing.keep(first, "y", [("f2", "kind", "high", "train", {"note": "\ud800"})])
        db.licensing.settle(first, "f1", "A. N. Other", "asked", "2026-01-05")
        with db._connection.transaction():
            db.licensing.put_policy(1, "{}")
        db._connection.rows("INSERT INTO disposable_files (name, since) VALUES ('x', 0.5)")
        db.models.add(first, "model", [("weights", b"w" * 32, 5)])
        key = SigningKey("example.com/key", Ed25519PrivateKey.generate())
        ended = db.list_sessions(status="completed")[-1]
        Signer(db, key).sign(ended)
        # Only a full chunk has a node, after a thousand leaves.
        db._connection.rows(
            "INSERT OR REPLACE INTO log_chunks (stream_no, chunk_no, last_batch, node, hashes)"
            " SELECT stream_no, chunk_no, last_batch, substr(hashes, 1, 32), hashes FROM"
            " log_chunks"
        )
        append(db, streams[2], range(batches + 2, 2 * batches))
        append(db, streams[1], range(batches + 2, 2 * batches))


def content(path: Path) -> dict[Any, Any] | None:
    """All that a file holds, row by row; None if it cannot be read."""
    handle = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        found: dict[Any, Any] = {
            name: handle.execute(f"PRAGMA {name}").fetchall()
            for name in ("application_id", "user_version", "encoding")
        }
        schema = handle.execute(
            "SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB),"
            " CAST(sql AS BLOB) FROM sqlite_schema"
        ).fetchall()
        found["schema"] = sorted(schema, key=repr)
        for kind, name, _, _ in schema:
            if kind == b"table":
                found.update(_rows(handle, name.decode()))
    except (apsw.Error, UnicodeDecodeError):
        return None
    finally:
        handle.close(True)
        forget_log(path)
    return found


def _rows(handle: apsw.Connection, table: str) -> dict[Any, Any]:
    columns = [row[1] for row in handle.execute(f"PRAGMA table_info({table})")]
    asked = ", ".join(f"typeof({name}), CAST({name} AS BLOB)" for name in columns)
    rows = handle.execute(f"SELECT {asked} FROM {table} NOT INDEXED").fetchall()
    if columns[:1] == ["batch_id"] and table != "annotations":
        return {(table, row[1]): row for row in rows}
    return {(table, place): row for place, row in enumerate(rows)}


def checked(path: Path, *, read_only: bool = True, **options: Any) -> CheckReport:
    with ProvenanceDatabase(path, read_only=read_only, seal_after=None) as db:
        return db.check(**options)


def segments_of(path: Path) -> list[Path]:
    return sorted(Path(f"{path}.segments").glob("*.parquet"))


def forget_log(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def batches_of(report: CheckReport) -> set[tuple[int, int]]:
    """The stream and number of each batch that a report says is touched."""
    return {
        (found.stream_no, number)
        for found in report.touched
        for number in range(found.first, min(found.last, found.first + 1000) + 1)
    }
