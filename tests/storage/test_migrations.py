import os
import shutil
from pathlib import Path
from typing import Any

import apsw
import pytest
from storage_support import batch, batch_numbers, integrity, open_stream, run

from origin.core.record import SourceRecord
from origin.errors import StorageError
from origin.storage import schema
from origin.storage.database import ProvenanceDatabase
from origin.storage.schema import MIGRATIONS, Migration

NOW = MIGRATIONS[-1].version
GOLDEN = Path(__file__).parents[1] / "golden"
EARLIER = [step.version for step in MIGRATIONS[:-1]]
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


# -- from earlier versions to this one -------------------------------------------------

KILLS = """
import os, shutil, signal, sys, warnings
import apsw
warnings.simplefilter("ignore", DeprecationWarning)
from storage_support import integrity
from origin.storage import schema
from origin.storage.connection import Connection
from origin.storage.database import ProvenanceDatabase
original, path = sys.argv[1:]
rows = Connection.rows

def die_at(step):
    # From BEGIN on; what comes last is COMMIT.
    count = None
    def counted(self, sql, bindings=()):
        nonlocal count
        if sql == "BEGIN IMMEDIATE":
            count = 0
        elif count is not None:
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)
        if sql == "COMMIT":
            count = None
        return rows(self, sql, bindings)
    Connection.rows = counted
    ProvenanceDatabase(path)

def content():
    handle = apsw.Connection(path)
    schema = handle.execute("SELECT * FROM sqlite_schema ORDER BY name").fetchall()
    found = {row[1]: handle.execute("SELECT * FROM " + row[1]).fetchall()
             for row in schema if row[0] == "table"}
    version = handle.execute("PRAGMA user_version").get
    handle.close()
    return schema, version, found

shutil.copy(original, path)
before = content()
steps = 0
while True:
    steps += 1
    child = os.fork()
    if child == 0:
        die_at(steps)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status == 0:
        break
    assert status == signal.SIGKILL, status
    assert content() == before, steps
    assert integrity(path) == "ok"
assert content()[1] == schema.MIGRATIONS[-1].version
print(steps)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("version", EARLIER)
def test_killed_at_any_statement_the_old_file_is_there(path: Path, version: int) -> None:
    statements = sum(len(step.statements) for step in MIGRATIONS if step.version > version)
    assert int(run(KILLS, GOLDEN / f"v{version}.db", path)) > statements


def upgraded(path: Path, version: int, *statements: str) -> dict[str, str]:
    """Alter an earlier file behind its back and open it; what a check then says of each place."""
    copy_of(version, path)
    handle = apsw.Connection(str(path))
    handle.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    for statement in statements:
        handle.execute(statement)
        assert handle.changes() > 0
    handle.close()
    with ProvenanceDatabase(path) as db:
        return {damage.where: damage.what for damage in db.check(roots=False).damages}


def copy_of(version: int, path: Path) -> None:
    shutil.copy(GOLDEN / f"v{version}.db", path)
    if (folder := GOLDEN / f"v{version}.db.segments").exists():
        shutil.copytree(folder, f"{path}.segments")


@pytest.mark.parametrize("version", EARLIER)
def test_an_upgraded_file_is_as_a_new_one(path: Path, tmp_path: Path, version: int) -> None:
    assert upgraded(path, version) == {}
    ProvenanceDatabase(tmp_path / "new.db").close()
    assert facts(path)["schema"] == facts(tmp_path / "new.db")["schema"]
    assert integrity(path) == "ok"
    with ProvenanceDatabase(path) as db:
        source = SourceRecord("images", title="T", author="A", url="U", changes="C")
        db.record_source(source)
        assert db.get_source("images").title == "T"
        assert db.check(roots=False).ok


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE sources SET license_id = 'CC0-1.0' WHERE source_no = 2", "sources, source_no 2"),
        ("UPDATE sources SET checksum = checksum + 1 WHERE source_no = 2", "sources, source_no 2"),
        # Whoever carries on from its lower half alone takes it for what it was.
        (
            "UPDATE sources SET checksum = checksum | 1 << 40 WHERE source_no = 2",
            "sources, source_no 2",
        ),
        ("UPDATE sources SET checksum = NULL WHERE source_no = 2", "sources, source_no 2"),
        ("UPDATE sources SET checksum = -1 WHERE source_no = 2", "sources, source_no 2"),
        (
            "UPDATE source_history SET license_id = NULL WHERE entry_no = 1",
            "source_history, entry_no 1",
        ),
    ],
)
def test_what_was_damaged_stays_damaged(path: Path, statement: str, place: str) -> None:
    """In an upgraded file, and when it is written to afterwards."""
    assert list(upgraded(path, 2, statement)) == [f"table {place}"]
    with ProvenanceDatabase(path) as db:
        db._connection.rows("UPDATE sources SET title = 'T'")
        assert [damage.where for damage in db.check(roots=False).damages] == [f"table {place}"]


def test_a_text_that_is_none_keeps_no_file_from_being_opened(path: Path) -> None:
    statement = "UPDATE sources SET source_type = CAST(x'ff61' AS TEXT) WHERE source_no = 2"
    assert list(upgraded(path, 2, statement)) == ["table sources, source_no 2"]


def test_a_value_of_another_kind_keeps_no_file_from_being_opened(path: Path) -> None:
    """SQLite's own ALTER TABLE would refuse the table."""
    copy_of(2, path)
    content = bytearray(path.read_bytes())
    # In the header of a row stands 2 * length + 13 for a TEXT, and one less for a BLOB.
    header = bytes(2 * len(text) + 13 for text in ("scraped", "dataset"))
    at = content.rindex(header, 0, content.index(b"scrapeddataset"))
    content[at + 1] ^= 1
    path.write_bytes(content)
    handle = apsw.Connection(str(path))
    kinds = "SELECT typeof(source_id), typeof(source_type) FROM sources WHERE source_no = 3"
    assert handle.execute(kinds).fetchall() == [("text", "blob")]
    handle.close()
    with ProvenanceDatabase(path) as db:
        assert "table sources, source_no 3" in str(db.check(roots=False))
