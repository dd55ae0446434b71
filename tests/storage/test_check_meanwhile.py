"""A check while others record, seal, fork and die."""

import os
import shutil
import sys
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from check_support import (
    append,
    checked,
    everything,
    forget_log,
    record_into,
    segments_of,
    true_batch,
)
from processes import start
from storage_support import finish, open_stream

from origin.storage.database import ProvenanceDatabase

RECORDS_AND_SEALS = """
import sys
from check_support import append, record_into
from origin.storage.sealing import sealer
from origin.storage.database import ProvenanceDatabase
sealer.SEGMENT_OBSERVATIONS = 300
with ProvenanceDatabase(sys.argv[1], seal_after=None) as db:
    streams = record_into(db, 20)
    print("ready", flush=True)
    for number in range(40):
        for stream_no in streams[1:]:
            append(db, stream_no, range(22 + 10 * number, 32 + 10 * number))
        if number % 3 == 0:
            db.seal()
"""

DIES = """
import os, signal, sys
from check_support import append
from origin.storage.database import ProvenanceDatabase
db = ProvenanceDatabase(sys.argv[1], seal_after=None)
for number in range(60, 90, 3):
    append(db, 2, range(number, number + 3))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A record that has everything in it."""
    everything(tmp_path / "p.db")
    return tmp_path / "p.db"


def test_while_another_process_records_and_seals(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    other = start(RECORDS_AND_SEALS, path)
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    checks = 0
    with ProvenanceDatabase(path, read_only=True) as db:
        while other.poll() is None:
            report = db.check()
            assert report.ok, str(report)
            checks += 1
        assert checks > 3
        report = db.check()
        assert (report.ok, report.notes, report.batches) == (True, (), 3 * 20 + 2 * 400)
    finish(other)


def test_while_this_process_records_and_seals(tmp_path: Path) -> None:
    with ProvenanceDatabase(tmp_path / "p.db", seal_after=None, busy_timeout=20) as db:
        streams = record_into(db, 5)
        stopped = threading.Event()

        def work() -> None:
            number = 10
            while not stopped.is_set():
                append(db, streams[1], range(number, number + 5))
                number += 5
                if number % 50 == 0:
                    db.seal()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            for _ in range(20):
                report = db.check()
                assert report.ok, str(report)
        finally:
            stopped.set()
            worker.join()
        assert db.check().ok


@pytest.mark.skipif(sys.platform == "win32", reason="there are no forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_while_this_process_forks(path: Path) -> None:
    """A fork takes the connection away from the check, which begins anew."""
    reports = []
    with ProvenanceDatabase(path, busy_timeout=20) as db:
        worker = threading.Thread(target=lambda: reports.extend(db.check() for _ in range(10)))
        worker.start()
        while worker.is_alive():
            child = os.fork()
            if child == 0:
                os._exit(0 if len(db.list_sessions()) == 2 else 1)
            assert os.waitpid(child, 0)[1] == 0
            worker.join(0.01)
    assert [report.ok for report in reports] == [True] * 10


def test_a_log_that_was_left_by_a_killed_process(path: Path) -> None:
    killed = start(DIES, path)
    killed.communicate(timeout=60)
    assert Path(f"{path}-wal").stat().st_size > 0
    report = checked(path)
    assert report.ok, str(report)
    assert report.batches == 3 * 24 + 2 * 22 + 30
    assert checked(path, read_only=False).ok
    assert not Path(f"{path}-wal").exists()


def test_a_damaged_log_is_no_crash(path: Path, tmp_path: Path) -> None:
    """SQLite drops what its own checksums refuse: commits are missing, and what is left fits."""
    start(DIES, path).communicate(timeout=60)
    log = Path(f"{path}-wal")
    whole = log.read_bytes()
    for at in range(0, len(whole), len(whole) // 40):
        copy = tmp_path / "copy.db"
        shutil.copy(path, copy)
        Path(f"{copy}-wal").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        shutil.copytree(f"{path}.segments", f"{copy}.segments", dirs_exist_ok=True)
        assert checked(copy).ok
        forget_log(copy)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may do anything")
def test_in_a_folder_that_cannot_be_written(path: Path) -> None:
    path.parent.chmod(0o500)
    try:
        assert checked(path).ok
    finally:
        path.parent.chmod(0o700)


def test_nothing_is_written(path: Path) -> None:
    files = [path, *segments_of(path)]
    before = [file.read_bytes() for file in files]
    checked(path)
    assert [file.read_bytes() for file in files] == before


def test_it_takes_little_memory(tmp_path: Path) -> None:
    """The record has 26 MB; nothing near that is held at once."""
    with ProvenanceDatabase(tmp_path / "p.db", seal_after=None) as db:
        _, stream_no = open_stream(db)
        one = true_batch(stream_no, 0, 40)
        db.append([replace(one, batch_no=number) for number in range(20_000)])
        db.check()
        tracemalloc.start()
        try:
            assert db.check().ok
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 2_000_000
