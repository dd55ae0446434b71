"""Recorded runs of any kind, written through the same door the recorder uses."""

from hashlib import sha256
from typing import Any

from origin.core.record import PackedBatch, SessionRecord, SourceRecord
from origin.storage.database import ProvenanceDatabase

START = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class Writer:
    """Writes batches of samples that are named by integers."""

    def __init__(self, db: ProvenanceDatabase) -> None:
        self.db = db

    def stream(
        self, session: SessionRecord, source: str, license_id: str | None, rank: int = 0
    ) -> int:
        self.db.declare_source(session.session_id, source, license_id)
        return self.db.open_stream(session.session_id, source, rank, 8).stream_no

    def batch(self, stream: int, number: int, samples: Any, **more: Any) -> PackedBatch:
        fields: dict[str, Any] = {
            "epoch": number // 2,
            "seen_at": START + 1000 * number,
            "root": sha256(b"%d %d" % (stream, number)).digest(),
            "fingerprints": b"".join(sha256(b"%d" % one).digest() for one in samples),
            "byte_sizes": 10,
            "content_types": "text",
        }
        return PackedBatch(stream, number, **{**fields, **more})

    def run(
        self, *batches: Any, source: str = "web", license_id: str | None = "MIT", **session: Any
    ) -> SessionRecord:
        """A session that runs, with one stream of these batches."""
        begun = self.db.begin_session(**{"config_hash": "v1", **session})
        stream = self.stream(begun, source, license_id)
        self.db.append([self.batch(stream, *numbered) for numbered in enumerate(batches)])
        return begun

    def source(self, source_id: str, **more: Any) -> None:
        self.db.record_source(SourceRecord(source_id, **more))
