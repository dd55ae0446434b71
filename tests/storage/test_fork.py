from pathlib import Path

import pytest
from storage_support import batch, batch_numbers, integrity, run

from origin.storage.database import ProvenanceDatabase

PRELUDE = """
import os, sys, threading, time
from storage_support import batch, batch_numbers, open_stream
from origin.storage.database import ProvenanceDatabase
path = sys.argv[1]
db = ProvenanceDatabase(path)
session_id, stream_no = open_stream(db)
db.append([batch(stream_no, 0)])
def well(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""

# The child must hold locks of its own: the parent closes, as the last one it knows of.
OUTLIVES = """
to_child, from_parent = os.pipe()
to_parent, from_child = os.pipe()
child = os.fork()
if child == 0:
    own = db.open_stream(session_id, "data").stream_no
    db.append([batch(own, 0)])
    os.write(from_child, b"1")
    os.read(to_child, 1)
    for number in range(1, 50):
        db.append([batch(own, number)])
    os._exit(0)
os.read(to_parent, 1)
db.append([batch(stream_no, 1)])
db.close()
os.write(from_parent, b"1")
well(child)
"""

EXITS = """
child = os.fork()
if child == 0:
    EXIT
well(child)
db.append([batch(stream_no, 1)])
assert os.path.getsize(path + "-wal") > 0
child = os.fork()
if child == 0:
    assert batch_numbers(db, stream_no) == [0, 1]
    assert db._connection.row("PRAGMA foreign_keys") == (1,)
    assert db._connection.row("PRAGMA synchronous") == (2,)
    db.append([batch(stream_no, 2)])
    EXIT
well(child)
db.append([batch(stream_no, 3)])
assert batch_numbers(db, stream_no) == [0, 1, 2, 3]
assert db.get_session(session_id).status == "running"
"""

CLOSES_IN_THE_CHILD = """
child = os.fork()
if child == 0:
    db.close()
    sys.exit(0)
well(child)
db.append([batch(stream_no, 1)])
assert db.get_session(session_id).status == "running"
"""

MOVES = """
os.chdir(os.path.dirname(path))
near = ProvenanceDatabase("near.db")
near.begin_session("x")
os.mkdir("elsewhere")
os.chdir("elsewhere")
child = os.fork()
if child == 0:
    near.begin_session("y")
    os._exit(0)
well(child)
near.begin_session("z")
assert len(near.list_sessions()) == 3
assert os.listdir(".") == []
"""

BUSY_THREADS = """
from concurrent.futures import ThreadPoolExecutor
stop = threading.Event()
def write(own):
    number = 0
    while not stop.is_set():
        db.append([batch(own, number)])
        number += 1
    return number
def fork(times):
    for _ in range(times):
        child = os.fork()
        if child == 0:
            own = db.open_stream(session_id, "data").stream_no
            db.append([batch(own, 0)])
            os._exit(0)
        well(child)
streams = [db.open_stream(session_id, "data").stream_no for _ in range(3)]
with ThreadPoolExecutor(5) as pool:
    writers = [pool.submit(write, own) for own in streams]
    forkers = [pool.submit(fork, 20) for _ in range(2)]
    for forker in forkers:
        forker.result(timeout=60)
    stop.set()
    for own, writer in zip(streams, writers):
        assert batch_numbers(db, own) == list(range(writer.result(timeout=60)))
assert db.get_session(session_id).streams == 44
"""

TWO_FORKS_AT_ONCE = """
held, release = threading.Event(), threading.Event()
def hold():
    with db._connection.lock:
        held.set()
        release.wait()
def fork():
    child = os.fork()
    if child == 0:
        db.begin_session("in a child")
        os._exit(0)
    well(child)
holder = threading.Thread(target=hold)
forkers = [threading.Thread(target=fork) for _ in range(2)]
holder.start()
held.wait()
for forker in forkers:
    forker.start()
time.sleep(0.2)
release.set()
for forker in forkers:
    forker.join(30)
after = threading.Thread(target=db.begin_session, args=("after",), daemon=True)
after.start()
after.join(10)
assert not after.is_alive(), "a fork has left the lock behind"
assert len(db.list_sessions()) == 4
"""

IN_A_TRANSACTION = """
with db._connection.transaction():
    db.ledger.append([batch(stream_no, 1)])
    child = os.fork()
    if child == 0:
        try:
            db.append([batch(stream_no, 9)])
        except ValueError:
            sys.exit(0)
        os._exit(1)
    well(child)
    db.ledger.append([batch(stream_no, 2)])
assert batch_numbers(db, stream_no) == [0, 1, 2]
"""

MULTIPROCESSING = """
import multiprocessing
def work(rank):
    own = db.open_stream(session_id, "data", rank, 3).stream_no
    for number in range(30):
        db.append([batch(own, number)])
workers = [multiprocessing.get_context("fork").Process(target=work, args=(r,)) for r in range(3)]
for worker in workers:
    worker.start()
for number in range(1, 30):
    db.append([batch(stream_no, number)])
for worker in workers:
    worker.join()
assert [worker.exitcode for worker in workers] == [0, 0, 0]
assert [s.batches for s in db.catalog.streams()] == [30] * 4
"""

# Python warns of any fork beside threads; here that is the very thing under test.
QUIET = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n"

STORIES = {
    "outlives its parent's handle": OUTLIVES,
    "os._exit": EXITS.replace("EXIT", "os._exit(0)"),
    "sys.exit": EXITS.replace("EXIT", "sys.exit(0)"),
    "closes": CLOSES_IN_THE_CHILD,
    "moves": MOVES,
    "busy threads": BUSY_THREADS,
    "two forks at once": TWO_FORKS_AT_ONCE,
    "in a transaction": IN_A_TRANSACTION,
    "multiprocessing": MULTIPROCESSING,
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_fork(path: Path, story: str) -> None:
    run(QUIET + PRELUDE + story, path)
    assert integrity(path) == "ok"
    with ProvenanceDatabase(path, read_only=True) as db:
        assert {session.status for session in db.list_sessions()} == {"interrupted"}
        assert db.catalog.streams()
        for stream in db.catalog.streams():
            assert batch_numbers(db, stream.stream_no) == list(range(stream.batches)) or (
                story is IN_A_TRANSACTION
            )


def test_what_the_child_acknowledged_outlives_the_parents_close(path: Path) -> None:
    run(QUIET + PRELUDE + OUTLIVES, path)
    with ProvenanceDatabase(path, read_only=True) as db:
        parents, childs = (stream.stream_no for stream in db.catalog.streams())
        assert list(db.ledger.batches(childs)) == [batch(childs, n) for n in range(50)]
        assert batch_numbers(db, parents) == [0, 1]
