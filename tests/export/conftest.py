"""Recorded runs of every kind, written through the same door the recorder uses."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from origin.core.record import Gap, PackedBatch, SessionRecord, SourceRecord
from origin.export.formats import ProvenanceExporter
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


@pytest.fixture
def db(tmp_path: Path) -> Iterator[ProvenanceDatabase]:
    with ProvenanceDatabase(tmp_path / "provenance.db") as db:
        yield db


@pytest.fixture
def write(db: ProvenanceDatabase) -> Writer:
    return Writer(db)


@pytest.fixture
def exporter(db: ProvenanceDatabase) -> ProvenanceExporter:
    return ProvenanceExporter(db)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture(params=["unsealed", "sealed"])
def settle(request: pytest.FixtureRequest, db: ProvenanceDatabase) -> Callable[[], Any]:
    """Seals all that was recorded, in the second round of tests."""
    return db.seal if request.param == "sealed" else lambda: None


@pytest.fixture(params=["empty", "failed", "gaps", "unlicensed"])
def odd(request: pytest.FixtureRequest, db: ProvenanceDatabase, write: Writer) -> SessionRecord:
    """A session that is not as it should be; its ``config_hash`` says in which way."""
    how: str = request.param
    if how == "empty":
        session = db.begin_session(how)
    else:
        license_id = None if how == "unlicensed" else "MIT"
        session = write.run([1, 2], license_id=license_id, config_hash=how)
    if how == "gaps":
        stream = db.catalog.streams(session.session_id)[0].stream_no
        db.append([], [Gap(stream, 4, 5, "KeyError: 'x'")])
    db.end_session(session.session_id, "failed" if how == "failed" else "completed")
    return session
