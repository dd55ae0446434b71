"""Makes a database of the current schema version with known content.

It is run by hand, once for each schema version, and never again for that version:
later versions of Origin must read the very file that the earlier one wrote. From version 2
on, the first two streams are sealed: the folder of segments belongs to the file.

    python tests/golden/make_database.py tests/golden/v2.db
"""

import hashlib
import math
import sys
from pathlib import Path

from origin.core.record import Annotation, Gap, LicenseRecord, PackedBatch, SourceRecord
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


def annotations(stream_no: int) -> list[Annotation]:
    """Numbers of batches that are there and of one that is not, in every form."""
    told = (0, "loss", 0.5), (0, "größe \ud800", -1.0), (1, "loss", math.inf), (3, "loss", math.nan)
    return [Annotation(stream_no, number, name, value) for number, name, value in told]


def make(path: Path, *, sealed: bool = False) -> None:
    """Make a database; with ``sealed`` it has segments, annotations and settings, too."""
    with ProvenanceDatabase(path, seal_after=None) as db:
        _fill(db, sealed)
        _settle(db)
        if sealed:
            db._connection.rows(
                "INSERT INTO settings (name, value) VALUES ('fingerprint', 'sha256')"
            )


def _fill(db: ProvenanceDatabase, sealed: bool) -> None:
    db.record_license(LICENSE)
    for source in SOURCES:
        db.record_source(source)
    first = db.begin_session("config ☃ \ud800", {"seed": 7, "note": "é \U0001f600", "list": [1]})
    second = db.begin_session("failed run")
    db.begin_session("interrupted run")
    for source in SOURCES:
        stream = db.open_stream(first.session_id, source.source_id, rank=1, world_size=4)
        told = annotations(stream.stream_no) if sealed else []
        db.append(batches(stream.stream_no), [gap(stream.stream_no)], told)
        if sealed and stream.stream_no == 2:
            db.seal()
    db.record_source(REREGISTERED)
    db.open_stream(second.session_id, "images")
    db.end_session(first.session_id)
    db.end_session(second.session_id, "failed")


def _settle(db: ProvenanceDatabase) -> None:
    """Replace what differs from run to run: ids, times and the process that wrote."""
    write = db._connection.rows
    for number, session_id in enumerate(SESSIONS, start=1):
        write("UPDATE sessions SET session_id = ? WHERE session_no = ?", (session_id, number))
    write("UPDATE sessions SET created_at = ?", (MOMENT,))
    write("UPDATE streams SET opened_at = ?", (MOMENT,))
    for table, column in (
        ("licenses", "recorded_at"),
        ("source_history", "recorded_at"),
        ("migrations", "applied_at"),
    ):
        # Their rows are never altered, only replaced.
        names = [row[1] for row in write(f"PRAGMA table_info({table})")]
        values = ", ".join("?" if name == column else name for name in names)
        write(f"INSERT OR REPLACE INTO {table} SELECT {values} FROM {table}", (MOMENT,))
    write("UPDATE sessions SET ended_at = ? WHERE ended_at IS NOT NULL", (MOMENT,))
    write("UPDATE writers SET host = 'host', boot = 'boot', pid = 1, started = '1', alive_at = 0")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if target.exists():
        sys.exit(f"{target} exists and must stay as it is")
    make(target, sealed=True)
