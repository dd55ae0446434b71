from pathlib import Path
from typing import Any

import pytest
from storage_support import batch, batch_numbers, integrity, open_stream

from origin.errors import StorageError
from origin.storage import schema
from origin.storage.database import ProvenanceDatabase
from origin.storage.schema import MIGRATIONS, Migration

NOW = MIGRATIONS[-1].version
DONE = [(step.version, step.name) for step in MIGRATIONS]

NEXT = Migration(
    NOW + 1,
    "notes",
    (
        "CREATE TABLE notes (note_no INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT",
        "ALTER TABLE sessions ADD COLUMN remark TEXT",
        "INSERT INTO notes (note) SELECT config_hash FROM sessions",
    ),
)
FAILING = Migration(NOW + 1, "broken", (*NEXT.statements, "INSERT INTO no_such_table VALUES (1)"))
LATER_FAILING = Migration(NOW + 2, "broken", ("CREATE TABLE more (x)", "CREATE TABLE more (x)"))


@pytest.fixture
def stream_no(path: Path) -> int:
    """The stream of a file of the current version that holds one batch."""
    with ProvenanceDatabase(path) as db:
        _, number = open_stream(db)
        db.append([batch(number, 0)])
    return number


def facts(path: Path) -> dict[str, Any]:
    with ProvenanceDatabase(path, read_only=True) as db:
        return {
            "schema": db._connection.rows("SELECT type, name, sql FROM sqlite_schema ORDER BY 2"),
            "version": db._connection.row("PRAGMA user_version"),
            "migrations": db._connection.rows("SELECT version, name FROM migrations"),
            "sessions": db.list_sessions(),
        }


def test_a_new_file_records_its_migrations(path: Path, stream_no: int) -> None:
    found = facts(path)
    assert found["version"] == (NOW,)
    assert found["migrations"] == DONE


def test_a_migration_with_its_record(
    path: Path, stream_no: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, NEXT))
    with pytest.raises(StorageError, match="open it once without read_only=True"):
        ProvenanceDatabase(path, read_only=True)
    with ProvenanceDatabase(path) as db:
        assert db._connection.rows("SELECT note FROM notes") == [("config",)]
        assert batch_numbers(db, stream_no) == [0]
        open_stream(db)
    found = facts(path)
    assert found["version"] == (NOW + 1,)
    assert found["migrations"] == [*DONE, (NOW + 1, "notes")]
    ProvenanceDatabase(path).close()
    assert facts(path) == found
    assert integrity(path) == "ok"


def test_a_failing_migration_leaves_the_file_as_it_was(
    path: Path, stream_no: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = facts(path)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, FAILING))
        for _ in range(2):
            with pytest.raises(StorageError, match="no_such_table"):
                ProvenanceDatabase(path)
    assert facts(path) == before
    with ProvenanceDatabase(path) as db:
        assert batch_numbers(db, stream_no) == [0]


def test_a_file_gets_all_migrations_or_none(
    path: Path, stream_no: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, NEXT, LATER_FAILING))
        with pytest.raises(StorageError):
            ProvenanceDatabase(path)
    found = facts(path)
    assert found["migrations"] == DONE
    assert not {"notes", "more"} & {name for _, name, _ in found["schema"]}


def test_a_new_file_goes_through_all_migrations(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, NEXT))
    ProvenanceDatabase(path).close()
    assert facts(path)["version"] == (NOW + 1,)


def test_a_failing_first_migration_leaves_no_tables(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Migration(1, "broken", ("CREATE TABLE a (x)", "nonsense"))
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (broken,))
        with pytest.raises(StorageError, match="nonsense"):
            ProvenanceDatabase(path)
    with ProvenanceDatabase(path) as db:
        open_stream(db)
    assert facts(path)["migrations"] == DONE
