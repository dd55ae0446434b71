"""Makes ``v1.db``, a database of schema version 1 with known content.

It is run by hand, once for each schema version, and never again for that version:
later versions of Origin must read the very file that the earlier one wrote.

    python tests/golden/make_database.py tests/golden/v1.db
"""

import hashlib
import sys
from pathlib import Path

from origin.core.record import Gap, LicenseRecord, PackedBatch, SourceRecord
from origin.storage.database import ProvenanceDatabase

SESSIONS = (
    "00000000-0000-4000-8000-000000000001",
    "00000000-0000-4000-8000-000000000002",
    "00000000-0000-4000-8000-000000000003",
)
MOMENT = "2026-01-02T03:04:05.000006+00:00"

LICENSE = LicenseRecord(
    "CUSTOM-1.0",
    "Custom Dataset License v1.0",
    "https://example.com/license",
    ("use", "modify"),
    ("no-commercial",),
    ("attribution", "größer \ud800"),
    copyleft=True,
)
SOURCES = (
    SourceRecord("images", "file", "/data/images.parquet", "MIT", "2025-01-15T00:00:00Z"),
    SourceRecord("a\0b \ud83d\ude00 \U0001f600", "url", None, "CUSTOM-1.0", MOMENT),
    SourceRecord("scraped", first_seen=MOMENT),
)
REREGISTERED = SourceRecord("images", "url", "https://example.com", "Apache-2.0", MOMENT)


def fingerprint(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _packed(*texts: str) -> bytes:
    return b"".join(map(fingerprint, texts))


def batches(stream_no: int) -> list[PackedBatch]:
    """Three batches, in every form that a row can have."""
    start = 1_767_322_000_000
    return [
        PackedBatch(stream_no, 0, 0, start, fingerprint("r0"), _packed("a", "b", "c"), 12, "array"),
        PackedBatch(
            stream_no,
            1,
            0,
            start + 10,
            fingerprint("r1"),
            _packed("a", "a", "d"),
            [1, 2**32 - 1, 3],
            ["text", "bytes", "json"],
            ["k1", None, "lone \udcff"],
            [None, {}, {"row": 7, "name": "ñ \ud800", "deep": [1.5, None, True]}],
        ),
        PackedBatch(
            stream_no, 5, 1, start + 20, fingerprint("r5"), _packed("e", "f"), [2**40, 0], "text"
        ),
    ]


def gap(stream_no: int) -> Gap:
    return Gap(stream_no, 2, 4, "the disk refused ☃", MOMENT)


def make(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        _fill(db)
        _settle(db)


def _fill(db: ProvenanceDatabase) -> None:
    db.record_license(LICENSE)
    for source in SOURCES:
        db.record_source(source)
    first = db.begin_session("config ☃ \ud800", {"seed": 7, "note": "é \U0001f600", "list": [1]})
    second = db.begin_session("failed run")
    db.begin_session("interrupted run")
    for source in SOURCES:
        stream = db.open_stream(first.session_id, source.source_id, rank=1, world_size=4)
        db.append(batches(stream.stream_no), [gap(stream.stream_no)])
    db.record_source(REREGISTERED)
    db.open_stream(second.session_id, "images")
    db.end_session(first.session_id)
    db.end_session(second.session_id, "failed")


def _settle(db: ProvenanceDatabase) -> None:
    """Replace what differs from run to run: ids, times and the process that wrote."""
    write = db._connection.rows
    for number, session_id in enumerate(SESSIONS, start=1):
        write("UPDATE sessions SET session_id = ? WHERE session_no = ?", (session_id, number))
    for table, column in (
        ("sessions", "created_at"),
        ("licenses", "recorded_at"),
        ("source_history", "recorded_at"),
        ("streams", "opened_at"),
        ("migrations", "applied_at"),
    ):
        write(f"UPDATE {table} SET {column} = ?", (MOMENT,))
    write("UPDATE sessions SET ended_at = ? WHERE ended_at IS NOT NULL", (MOMENT,))
    write("UPDATE writers SET host = 'host', boot = 'boot', pid = 1, started = '1', alive_at = 0")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if target.exists():
        sys.exit(f"{target} exists and must stay as it is")
    make(target)
