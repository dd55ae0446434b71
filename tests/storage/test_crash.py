from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from storage_support import batch, batch_numbers, integrity, open_stream, run

from origin.errors import StorageError
from origin.storage.database import ProvenanceDatabase

# One process that has everything loaded forks a fresh writer for every round; it holds
# no database open itself while it does so.
KILLS = """
import os, random, signal, sys, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from storage_support import batch, batch_numbers, integrity, open_stream
from origin.storage.database import ProvenanceDatabase
path, rounds = sys.argv[1], int(sys.argv[2])
random.seed(sys.argv[3])

def write(pipe):
    db = ProvenanceDatabase(path)
    session_id, stream_no = open_stream(db)
    os.write(pipe, b"%s %d\\n" % (session_id.encode(), stream_no))
    number = 0
    while True:
        count = 1 + number % 3
        db.append([batch(stream_no, number + i, 2) for i in range(count)])
        number += count
        os.write(pipe, b"%d\\n" % number)

def one_round():
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        write(theirs)
    os.close(theirs)
    # Half of them die at any moment from their first on, the others once they have written:
    # how much that is must not depend on how fast the machine is.
    said = b"".join(os.read(ours, 1 << 16) for _ in range(random.choice([0, 3])))
    time.sleep(random.uniform(0.004, 0.08))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    with os.fdopen(ours, "rb") as pipe:
        said += pipe.read()
    return said.decode().split("\\n")[:-1]

def check(lines):
    with ProvenanceDatabase(path) as db:
        if not lines:
            return 0
        session_id, stream_no = lines[0].split()
        acknowledged = int(lines[-1]) if len(lines) > 1 else 0
        found = list(db.ledger.batches(int(stream_no)))
        assert acknowledged <= len(found) <= acknowledged + 3, (acknowledged, len(found))
        assert found == [batch(int(stream_no), n, 2) for n in range(len(found))]
        assert db.catalog.streams(session_id)[0].batches == len(found)
        assert db.get_session(session_id).status == "interrupted"
        return acknowledged

total = sum(check(one_round()) for _ in range(rounds))
assert integrity(path) == "ok"
print(total)
"""

FULL_DISK = """
import resource, sys
from storage_support import batch, batch_numbers, integrity, open_stream
from origin.errors import DatabaseBusyError, StorageError
from origin.storage.database import ProvenanceDatabase
path, limit = sys.argv[1], int(sys.argv[2])
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
db = ProvenanceDatabase(path)
session_id, stream_no = open_stream(db)
acknowledged = number = failures = 0
for _ in range(3):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, unlimited))
    refused = 0
    while refused < 3:
        try:
            db.append([batch(stream_no, number, 500)])
        except StorageError as error:
            assert "check free space" in str(error), error
            assert not isinstance(error, DatabaseBusyError)
            refused += 1
        else:
            number += 1
    before = list(range(number))
    assert batch_numbers(db, stream_no) == before
    assert db.catalog.streams()[0].batches == number
    resource.setrlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))
    for _ in range(3):
        db.append([batch(stream_no, number, 500)])
        number += 1
    limit *= 3
assert list(db.ledger.batches(stream_no)) == [batch(stream_no, n, 500) for n in range(number)]
db.end_session(session_id)
db.close()
assert integrity(path) == "ok"
print(number)
"""

DIES_ON_A_FULL_DISK = """
import os, resource, sys
from storage_support import batch, open_stream
from origin.errors import StorageError
from origin.storage.database import ProvenanceDatabase
db = ProvenanceDatabase(sys.argv[1])
_, stream_no = open_stream(db)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
number = 0
try:
    while True:
        db.append([batch(stream_no, number, 500)])
        number += 1
except StorageError:
    pass
try:
    db.begin_session("x", {"large": "y" * 500_000})
except StorageError:
    print(stream_no, number, flush=True)
os._exit(0)
"""


def test_kill_at_any_moment(path: Path) -> None:
    """Two writers share the file and die by turns, 120 times in all."""
    with ThreadPoolExecutor(2) as pool:
        totals = list(pool.map(lambda seed: int(run(KILLS, path, 60, seed)), (1, 2)))
    assert min(totals) > 100  # enough to have been killed in the midst of it
    with ProvenanceDatabase(path) as db:
        sessions = db.list_sessions()
        assert {session.status for session in sessions} == {"interrupted"}
        streams = db.catalog.streams()
        assert len(streams) > 60
        for stream in streams:
            assert batch_numbers(db, stream.stream_no) == list(range(stream.batches))
    assert integrity(path) == "ok"


def test_a_limit_on_the_size_of_files(path: Path) -> None:
    assert int(run(FULL_DISK, path, 300_000)) > 30


def test_dying_on_a_full_disk(path: Path) -> None:
    stream_no, acknowledged = map(int, run(DIES_ON_A_FULL_DISK, path).split())
    assert acknowledged > 5
    with ProvenanceDatabase(path) as db:
        assert batch_numbers(db, stream_no) == list(range(acknowledged))
        assert db.list_sessions()[0].status == "interrupted"
    assert integrity(path) == "ok"


def append_until_refused(db: ProvenanceDatabase, stream_no: int) -> tuple[int, StorageError]:
    for number in range(1000):
        try:
            db.append([batch(stream_no, number, 500)])
        except StorageError as error:
            return number, error
    pytest.fail("there was room for everything")


def test_no_more_pages(db: ProvenanceDatabase) -> None:
    session_id, stream_no = open_stream(db)
    pages = db._connection.row("PRAGMA page_count")
    assert pages is not None
    db._connection.rows(f"PRAGMA max_page_count = {pages[0] + 100}")
    number, error = append_until_refused(db, stream_no)
    assert "full; what was committed is safe" in str(error)
    assert isinstance(error, OSError)
    assert number > 0
    assert batch_numbers(db, stream_no) == list(range(number))
    with pytest.raises(StorageError), db.session("x", {"large": "y" * 200_000}):
        pass
    db._connection.rows("PRAGMA max_page_count = 1000000")
    db.append([batch(stream_no, number, 500)])
    db.end_session(session_id)
    assert batch_numbers(db, stream_no) == list(range(number + 1))
    assert [s.status for s in db.list_sessions()] == ["completed"]
