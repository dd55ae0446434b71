from pathlib import Path

import pytest
from storage_support import batch, batch_numbers, open_stream, run

from origin.storage import filesystem
from origin.storage.database import ProvenanceDatabase
from origin.storage.filesystem import file_system_of

MOUNTS = r"""sysfs /sys sysfs rw 0 0
/dev/vda / ext4 rw 0 0
server:/home /mnt/home nfs4 rw 0 0
/dev/vdb /mnt/home/local xfs rw 0 0
server:/a /mnt/with\040space\011and\134all cifs rw 0 0
/dev/vdc /twice ext4 rw 0 0
host:/b /twice fuse.sshfs rw 0 0
"""


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "mounts"
    file.write_text(MOUNTS)
    monkeypatch.setattr(filesystem, "MOUNTS", file)
    return file


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/p.db", "ext4"),
        ("/mnt/p.db", "ext4"),
        ("/mnt/home/p.db", "nfs4"),
        ("/mnt/home", "nfs4"),
        ("/mnt/homework/p.db", "ext4"),
        ("/mnt/home/../p.db", "ext4"),
        ("/mnt/home/local/p.db", "xfs"),
        ("/mnt/with space\tand\\all/p.db", "cifs"),
        ("/twice/p.db", "fuse.sshfs"),
    ],
)
def test_the_innermost_mount_counts(mounts: Path, path: str, kind: str) -> None:
    assert file_system_of(Path(path)) == kind


def test_links_are_followed(mounts: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/mnt/home")
    assert file_system_of(link / "p.db") == "nfs4"


def test_where_the_system_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "MOUNTS", tmp_path / "missing")
    assert file_system_of(tmp_path) is None
    with ProvenanceDatabase(tmp_path / "p.db") as db:
        assert db._connection.row("PRAGMA journal_mode") == ("wal",)


def test_the_real_mounts(tmp_path: Path) -> None:
    assert file_system_of(Path("/proc/self/mounts")) == "proc"


def test_a_network_file_system_gets_a_rollback_journal(mounts: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    mounts.write_text(f"{MOUNTS}server:/x {tmp_path} nfs4 rw 0 0\n")
    with pytest.warns(UserWarning, match=r"network file system \(nfs4\)") as warned:
        db = ProvenanceDatabase(path)
    assert [warning.filename for warning in warned] == [__file__]
    with db:
        session_id, stream_no = open_stream(db)
        db.append([batch(stream_no, 0)])
        assert not Path(f"{path}-wal").exists()
        assert db._connection.row("PRAGMA journal_mode") == ("delete",)
        assert db._connection.row("PRAGMA synchronous") == (2,)
        db.end_session(session_id)
    with ProvenanceDatabase(path, read_only=True) as db:
        assert batch_numbers(db, stream_no) == [0]


def test_a_file_that_moves_between_file_systems(mounts: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    for line, mode in (("", "wal"), (f"s:/x {tmp_path} nfs rw 0 0\n", "delete"), ("", "wal")):
        mounts.write_text(MOUNTS + line)
        if line:
            with pytest.warns(UserWarning, match="network file system"):
                db = ProvenanceDatabase(path)
        else:
            db = ProvenanceDatabase(path)
        with db:
            assert db._connection.row("PRAGMA journal_mode") == (mode,)
            db.begin_session("x")
    with ProvenanceDatabase(path) as db:
        assert len(db.list_sessions()) == 3


# Permissions bind nobody who is root: such a process gives up its rights first.
WRITE_PROTECTED = """
import os, pathlib, sys, tempfile
from storage_support import batch, batch_numbers, open_stream
from origin.errors import OriginError, ReadOnlyDatabaseError, StorageError
from origin.storage.database import ProvenanceDatabase
import encodings.idna, json.decoder
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "p.db")
    db = ProvenanceDatabase(path)
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, 0)])
    if sys.argv[1] == "closed":
        db.close()
    for file in pathlib.Path(folder).iterdir():
        file.chmod(0o444)
    pathlib.Path(folder, "p.db-shm").unlink(missing_ok=True)
    os.chmod(folder, 0o555)
    child = os.fork()
    if child == 0:
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        code = 1
        try:
            exec(sys.argv[2])
            code = 0
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.chmod(folder, 0o755)
"""

READS_IT = """
with ProvenanceDatabase(path, read_only=True) as db:
    assert batch_numbers(db, stream_no) == [0]
    assert db.list_sessions()[0].status == "interrupted"
assert os.listdir(folder) == ["p.db"]
"""

CANNOT_WRITE_IT = """
try:
    ProvenanceDatabase(path)
except ReadOnlyDatabaseError as error:
    assert "permissions" in str(error), error
else:
    raise SystemExit("it could")
"""

CANNOT_MAKE_ONE = """
try:
    ProvenanceDatabase(pathlib.Path(folder, "new.db"))
except StorageError as error:
    assert "permissions" in str(error), error
else:
    raise SystemExit("it could")
"""

HAS_A_LOG = """
assert os.path.getsize(f"{path}-wal") > 0
try:
    ProvenanceDatabase(path, read_only=True)
except StorageError as error:
    assert "copy both files" in str(error), error
else:
    raise SystemExit("it could")
"""


@pytest.mark.parametrize(
    ("state", "story"),
    [
        ("closed", READS_IT),
        ("closed", CANNOT_WRITE_IT),
        ("closed", CANNOT_MAKE_ONE),
        ("open", HAS_A_LOG),
    ],
    ids=["reads", "cannot write", "cannot make", "has a log"],
)
def test_a_write_protected_folder(state: str, story: str) -> None:
    run(WRITE_PROTECTED, state, story)
