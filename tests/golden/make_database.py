"""Makes a database of the current schema version with known content.

It is run by hand, once for each schema version, and never again for that version:
later versions of Origin must read the very file that the earlier one wrote. From version 2
on, the first two streams are sealed: the folder of segments belongs to the file. From version
3 on, sources say whom to name, and there are findings about licenses. From version 4 on, the first
session was signed, and has a model.

    python tests/golden/make_database.py tests/golden/v4.db
"""

import hashlib
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from origin.core.record import Annotation, Gap, LicenseRecord, PackedBatch, SourceRecord
from origin.proof.keys import SigningKey
from origin.proof.signer import Signer
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

# What sources say from version 3 on: when they are first registered, and when they are anew.
CREDITS = {
    "images": ("Images", "A. N. Other", "https://example.com/images", "cropped"),
    "a\0b \ud83d\ude00 \U0001f600": ("Größe \ud800", None, "", "\0utf8:61"),
}
CREDITS_ANEW = ("Images 2", "A. N. Other and others", None, None)

# What signs from version 4 on, and the model of the first session then.
SEED = bytes(range(32))
MODEL = (
    "model \ud800",
    [
        ("weights/größe.safetensors", hashlib.sha256(b"w").digest(), 2**40),
        ("config.json", bytes(32), 0),
    ],
)

# Findings of the first session: the id, kind, severity, use and all of each.
Finding = tuple[str, str, str, str, dict[str, Any]]
FINDINGS: tuple[Finding, ...] = (
    ("f1", "conflict", "high", "train", {"sources": ["images", "scraped"], "note": "ñ \ud800"}),
    ("f2 \udcff", "kind ☃", "low", "share", {"deep": {"list": [1.5, None, True]}}),
    ("f3", "obligation", "", "use \ud800", {}),
)
HOLDS_FOR = "a state of the record \ud800"
POLICY = (
    '{"use": "train", "allow": ["permissive", "größe \ud800"], "deny": [], "require": [],'
    ' "weights_are_adaptation": "unsettled", "strict": false, "on_violation": "warn"}'
)
# What was said of them: the finding, who, why, when, and whether it is open again.
SAID = (
    ("f1", "A. N. Other", "permission by letter \ud800", "2026-01-05", False),
    ("f3", "Ñandú", "not used", "2026-01-05T06:07:08Z", False),
    ("f3", "Ñandú", "used after all", "2026-01-06", True),
)


def credited(source: SourceRecord, *, anew: bool = False) -> SourceRecord:
    """A source with whom to name."""
    told = CREDITS_ANEW if anew else CREDITS.get(source.source_id, (None,) * 4)
    return replace(source, **dict(zip(("title", "author", "url", "changes"), told, strict=True)))


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


def make(path: Path, *, sealed: bool = False, licensed: bool = False, signed: bool = False) -> None:
    """Make a database.

    Args:
        path: where.
        sealed: it has segments, annotations and settings, too, as from version 2 on.
        licensed: it has findings about licenses and says whom to name, as from version 3 on.
        signed: its first session was signed, and has a model, as from version 4 on.
    """
    with ProvenanceDatabase(path, seal_after=None) as db:
        _fill(db, sealed, licensed)
        if licensed:
            _find(db)
        _settle(db)
        if signed:
            _sign(db)
        if sealed:
            db._connection.rows(
                "INSERT INTO settings (name, value) VALUES ('fingerprint', 'sha256')"
            )


def _fill(db: ProvenanceDatabase, sealed: bool, licensed: bool) -> None:
    db.record_license(LICENSE)
    for source in SOURCES:
        db.record_source(credited(source) if licensed else source)
    first = db.begin_session("config ☃ \ud800", {"seed": 7, "note": "é \U0001f600", "list": [1]})
    second = db.begin_session("failed run")
    db.begin_session("interrupted run")
    for source in SOURCES:
        stream = db.open_stream(first.session_id, source.source_id, rank=1, world_size=4)
        told = annotations(stream.stream_no) if sealed else []
        db.append(batches(stream.stream_no), [gap(stream.stream_no)], told)
        if sealed and stream.stream_no == 2:
            db.seal()
    db.record_source(credited(REREGISTERED, anew=True) if licensed else REREGISTERED)
    db.open_stream(second.session_id, "images")
    db.end_session(first.session_id)
    db.end_session(second.session_id, "failed")
    # What the rules find changes with them; what is kept here is made up.
    db._connection.rows("DELETE FROM license_conflicts")
    db._connection.rows("DELETE FROM kept_numbers WHERE name LIKE 'license%'")


def _find(db: ProvenanceDatabase) -> None:
    first = db.list_sessions()[-1].session_id
    db.licensing.keep(first, "an earlier state", FINDINGS[:2])
    db.licensing.keep(first, HOLDS_FOR, (FINDINGS[0], FINDINGS[2]))
    for said in SAID:
        db.licensing.settle(first, *said)
    with db._connection.transaction():
        db.licensing.put_policy(1, POLICY)


def _sign(db: ProvenanceDatabase) -> None:
    signer = Signer(
        db, SigningKey("example.com/golden", Ed25519PrivateKey.from_private_bytes(SEED))
    )
    signer.sign(SESSIONS[0])
    db.models.add(SESSIONS[0], *MODEL)
    write = db._connection.rows
    write("UPDATE session_states SET recorded_at = ?", (MOMENT,))
    write(
        "INSERT OR REPLACE INTO model_files SELECT session_no, model, name, digest, byte_size, ?,"
        " checksum FROM model_files",
        (MOMENT,),
    )


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
        ("kept_numbers", "kept_at"),
        ("license_settlements", "recorded_at"),
        ("session_policies", "recorded_at"),
    ):
        # Their rows are never altered, only replaced.
        names = [row[1] for row in write(f"PRAGMA table_info({table})")]
        values = ", ".join("?" if name == column else name for name in names)
        write(f"INSERT OR REPLACE INTO {table} SELECT {values} FROM {table}", (MOMENT,))
    write("UPDATE sessions SET ended_at = ? WHERE ended_at IS NOT NULL", (MOMENT,))
    write("UPDATE license_conflicts SET found_at = ?", (MOMENT,))
    write("UPDATE license_conflicts SET gone_at = ? WHERE gone_at IS NOT NULL", (MOMENT,))
    write("UPDATE writers SET host = 'host', boot = 'boot', pid = 1, started = '1', alive_at = 0")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if target.exists():
        sys.exit(f"{target} exists and must stay as it is")
    make(target, sealed=True, licensed=True, signed=True)
