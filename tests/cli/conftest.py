"""The command, and records for it."""

import shutil

import pytest
from commands import Origin
from writing import Writer

from origin.core.record import SourceRecord
from origin.storage.database import ProvenanceDatabase


@pytest.fixture
def origin(tmp_path):
    return Origin(tmp_path)


@pytest.fixture
def runs(tmp_path):
    """Two sessions in the database that the command takes by itself."""
    with ProvenanceDatabase(tmp_path / "provenance.db") as db:
        write = Writer(db)
        db.record_source(SourceRecord("books", author="A. Poet", license_id="CC-BY-NC-4.0"))
        first = write.run([1, 2], [2, 3], source="books", license_id=None, config_hash="first")
        db.end_session(first.session_id)
        second = write.run([4], config_hash="second")
        db.end_session(second.session_id, "failed")
    return first.session_id, second.session_id


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    Origin(folder)("demo")
    return folder


@pytest.fixture
def demo(demo_folder, tmp_path):
    """The demo record; gives its sessions: the first, the one that failed, the resumed one."""
    shutil.copytree(demo_folder, tmp_path, dirs_exist_ok=True)
    with ProvenanceDatabase(tmp_path / "provenance.db", read_only=True) as db:
        return [one.session_id for one in db.list_sessions()][::-1]
