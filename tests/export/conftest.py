"""Recorded runs of every kind, written through the same door the recorder uses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from writing import Writer

from origin.core.record import Gap, SessionRecord
from origin.export.formats import ProvenanceExporter
from origin.storage.database import ProvenanceDatabase


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
