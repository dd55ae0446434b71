import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from storage_support import run

from origin.errors import (
    ConfigurationError,
    CorruptDatabaseError,
    DatabaseNotFoundError,
    NewerSchemaError,
    NotADatabaseError,
    OriginError,
    StorageError,
)
from origin.storage.connection import PAGE_SIZE
from origin.storage.database import ProvenanceDatabase

LEAVES_A_LOG = """
import os, sys, apsw
foreign = apsw.Connection(sys.argv[1])
foreign.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (x)").fetchall()
foreign.execute("INSERT INTO t VALUES (1)")
os._exit(0)
"""


def contents(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, without the lock files and empty logs that reading may leave."""
    return {
        file.name: file.read_bytes()
        for file in folder.iterdir()
        if not file.name.endswith("-shm") and file.stat().st_size
    }


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    "content",
    [b"x", b"id,text\n1,hello\n" * 9, b"SQLite format 3\x00" + b"garbage" * 99, bytes(4096)],
    ids=["one byte", "csv", "false header", "zeros"],
)
def test_other_files_are_left_alone(path: Path, content: bytes, read_only: bool) -> None:
    path.write_bytes(content)
    with pytest.raises(OriginError, match=r"nothing was written|damaged") as caught:
        ProvenanceDatabase(path, read_only=read_only)
    assert isinstance(caught.value, NotADatabaseError | CorruptDatabaseError)
    assert contents(path.parent) == {path.name: content}


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_other_sqlite_files_are_left_alone(path: Path, journal: str, read_only: bool) -> None:
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA journal_mode = {journal}")
    other.execute("CREATE TABLE mine (x)")
    other.commit()
    other.close()
    before = contents(path.parent)
    with pytest.raises(NotADatabaseError, match="name another path") as caught:
        ProvenanceDatabase(path, read_only=read_only)
    assert isinstance(caught.value, ValueError)
    assert contents(path.parent) == before


def test_the_log_of_another_sqlite_file_is_left_alone(path: Path) -> None:
    run(LEAVES_A_LOG, path)
    before = contents(path.parent)
    assert before[f"{path.name}-wal"]
    with pytest.raises(NotADatabaseError):
        ProvenanceDatabase(path)
    assert contents(path.parent) == before


def test_an_empty_file_is_new(path: Path) -> None:
    path.touch()
    with ProvenanceDatabase(path) as db:
        db.begin_session("x")
    with ProvenanceDatabase(path, read_only=True) as db:
        assert len(db.list_sessions()) == 1


def test_an_empty_file_read_only_is_no_database(path: Path) -> None:
    path.touch()
    with pytest.raises(NotADatabaseError):
        ProvenanceDatabase(path, read_only=True)
    assert path.read_bytes() == b""


@pytest.mark.parametrize("read_only", [False, True])
def test_a_folder(tmp_path: Path, read_only: bool) -> None:
    with pytest.raises(NotADatabaseError, match="name a file inside it"):
        ProvenanceDatabase(tmp_path, read_only=read_only)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_missing_folder(tmp_path: Path, read_only: bool) -> None:
    with pytest.raises(DatabaseNotFoundError, match=r"make it first|check the path") as caught:
        ProvenanceDatabase(tmp_path / "missing" / "p.db", read_only=read_only)
    assert isinstance(caught.value, FileNotFoundError)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_read_only(path: Path) -> None:
    with pytest.raises(DatabaseNotFoundError, match="check the path"):
        ProvenanceDatabase(path, read_only=True)
    assert not path.exists()


def test_a_newer_schema(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        db._connection.rows("PRAGMA user_version = 999")
    before = contents(path.parent)
    for read_only in (False, True):
        with pytest.raises(NewerSchemaError, match="pip install -U") as caught:
            ProvenanceDatabase(path, read_only=read_only)
        assert isinstance(caught.value, ValueError)
    assert contents(path.parent) == before


def test_a_damaged_database(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        for number in range(400):
            db.begin_session(f"{number} " * 40)
    content = bytearray(path.read_bytes())
    content[PAGE_SIZE + 100 :] = bytes(len(content) - PAGE_SIZE - 100)
    path.write_bytes(content)
    with (
        pytest.raises(CorruptDatabaseError, match="restore it from a backup") as caught,
        ProvenanceDatabase(path) as db,
    ):
        db.list_sessions()
    assert isinstance(caught.value, OSError)


def test_a_pipe_and_a_device(path: Path) -> None:
    os.mkfifo(path)
    for name in (path, "/dev/null"):
        with pytest.raises(NotADatabaseError, match="regular file"):
            ProvenanceDatabase(name)


@pytest.mark.parametrize("name", [":memory:", "a\0b.db"])
def test_names_that_are_no_file(name: str) -> None:
    with pytest.raises(ConfigurationError, match="name a file"):
        ProvenanceDatabase(name)


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="check the path"):
        ProvenanceDatabase(tmp_path / ("x" * 5000))


@pytest.mark.parametrize(
    "name", ["with space.db", "q?mode=ro.db", "#1%20.db", "ünï☃.db", os.fsdecode(b"\xff\xfe.db")]
)
def test_any_file_name(tmp_path: Path, name: str) -> None:
    with ProvenanceDatabase(tmp_path / name) as db:
        db.begin_session("x")
    assert os.listdir(tmp_path) == [name]
    with ProvenanceDatabase(tmp_path / name, read_only=True) as db:
        assert len(db.list_sessions()) == 1


@pytest.mark.parametrize("timeout", [-1, float("nan"), "30", None])
def test_a_timeout_that_makes_no_sense(path: Path, timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="busy_timeout"):
        ProvenanceDatabase(path, busy_timeout=timeout)
    assert not path.exists()


def test_an_endless_timeout(path: Path) -> None:
    with ProvenanceDatabase(path, busy_timeout=float("inf")) as db:
        db.begin_session("x")


def test_a_file_deleted_while_open(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        session = db.begin_session("x")
        path.rename(f"{path}.moved")
        with pytest.raises(StorageError, match="deleted, moved or replaced"):
            db.begin_session("y")
        Path(f"{path}.moved").rename(path)
        db.end_session(session.session_id)


def test_a_file_replaced_while_open(path: Path) -> None:
    """What is written to a file that nobody can find any more would be lost."""
    with ProvenanceDatabase(path) as db:
        session = db.begin_session("x")
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).rename(f"{path}.moved{end}")
        with ProvenanceDatabase(path) as other:
            with pytest.raises(StorageError, match="deleted, moved or replaced"):
                db.end_session(session.session_id)
            assert other.list_sessions() == []


def test_settings_of_a_new_file(path: Path) -> None:
    with ProvenanceDatabase(path) as db:
        settings = {
            name: db._connection.row(f"PRAGMA {name}")
            for name in ("journal_mode", "synchronous", "foreign_keys", "page_size")
        }
    assert settings == {
        "journal_mode": ("wal",),
        "synchronous": (2,),
        "foreign_keys": (1,),
        "page_size": (PAGE_SIZE,),
    }
