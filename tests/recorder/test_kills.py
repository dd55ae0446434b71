"""A killed process loses nothing that was acknowledged, and nothing is there twice."""

import signal
import time
from pathlib import Path

from processes import start
from recorder_support import check_stream, run

from origin.storage.database import ProvenanceDatabase

# One process that has everything loaded forks a fresh trainer for every round. A trainer
# feeds two hooks: what observe() returned for and what flush() covered is acknowledged.
KILLS = """
import itertools, os, random, signal, sys, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from recorder_support import begin, check_stream, hook, rows
from origin.storage.database import ProvenanceDatabase
assert "torch" not in sys.modules
path, rounds = sys.argv[1], int(sys.argv[2])
random.seed(sys.argv[3])

def train(pipe, width):
    db = ProvenanceDatabase(path)
    session_id = begin(db)
    wrapped, observed = hook(db, session_id, "wrapped"), hook(db, session_id, "observed")
    def told(text):
        os.write(pipe, text.encode() + b"\\n")
    batches = wrapped.wrap(rows(number, width) for number in itertools.count())
    for number, batch in enumerate(batches):
        if number == 0:
            observed.observe(rows(0, width))
            streams = wrapped.stream().number, observed.stream().number
            told(f"{session_id} {streams[0]} {streams[1]}")
            told("w 1")
            told("o 1")
        elif number % 3 == 0:
            observed.observe(rows(number // 3, width))
            told(f"o {number // 3 + 1}")
        elif number % 7 == 0:
            db.flush()
            told(f"w {number + 1}")
        if width > 100:
            batch[...] = 0
            time.sleep(0.001)

def one_round(width):
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        train(theirs, width)
    os.close(theirs)
    time.sleep(random.uniform(0.005, 0.1))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    with os.fdopen(ours) as pipe:
        return pipe.read().split("\\n")[:-1]

def check(lines, width):
    with ProvenanceDatabase(path) as db:
        if not lines:
            return 0
        session_id, wrapped, observed = lines[0].split()
        known = {"w": 0, "o": 0}
        known.update((line[0], int(line[2:])) for line in lines[1:])
        assert check_stream(db, int(wrapped), width) >= known["w"]
        assert known["o"] <= check_stream(db, int(observed), width) <= known["o"] + 1
        assert db.get_session(session_id).status == "interrupted"
        return known["w"] + known["o"]

total = 0
for number in range(rounds):
    width = (4, 2000)[number % 2]
    total += check(one_round(width), width)
print(total)
"""

EXITS = """
import sys
from recorder_support import begin, hook, rows
from origin.hooks.pytorch import DataLoaderHook
from origin.storage.database import ProvenanceDatabase
db = ProvenanceDatabase(sys.argv[1])
session_id = begin(db)
plain = hook(db, session_id)
held = DataLoaderHook(db, session_id, "held", record_gradients=True)
for number, _ in enumerate(plain.wrap(rows(n) for n in range(50))):
    pass
for number, _ in enumerate(held.wrap(rows(n) for n in range(50))):
    if number == 19:
        break
{ending}
"""

INTERRUPTED = """
import itertools, os, signal, sys
from recorder_support import begin, hook, rows
from origin.storage.database import ProvenanceDatabase
signal.signal(signal.SIGINT, signal.default_int_handler)
with ProvenanceDatabase(sys.argv[1]) as db, db.session("config") as session:
    handed = 0
    try:
        for batch in hook(db, session.session_id).wrap(rows(n) for n in itertools.count()):
            handed += 1
            if handed == 20:
                print("running", flush=True)
    finally:
        print(handed, flush=True)
"""


def test_kill_at_any_moment(path: Path) -> None:
    """Two trainers share the file and die by turns, 110 times in all."""
    processes = [start(KILLS, path, 55, seed) for seed in (1, 2)]
    totals = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        totals.append(int(out))
    assert min(totals) > 300
    with ProvenanceDatabase(path) as db:
        assert {session.status for session in db.list_sessions()} == {"interrupted"}
        assert len(db.catalog.streams()) > 100
        assert db._connection.row("PRAGMA integrity_check") == ("ok",)


def ends(path: Path, ending: str, code: int = 0) -> str:
    run(EXITS.format(ending=ending), path, code=code)
    with ProvenanceDatabase(path) as db:
        assert [check_stream(db, stream.stream_no) for stream in db.catalog.streams()] == [50, 20]
        return db.list_sessions()[0].status


def test_a_process_that_just_ends(path: Path) -> None:
    """All that was handed over is on the disk, even what was still held back."""
    assert ends(path, "") == "interrupted"


def test_a_process_that_exits(path: Path) -> None:
    assert ends(path, "sys.exit(3)", code=3) == "interrupted"


def test_a_process_that_fails(path: Path) -> None:
    assert ends(path, "1 / 0", code=1) == "interrupted"


def test_a_process_that_closes_the_database(path: Path) -> None:
    assert ends(path, "db.close()") == "interrupted"


def test_a_process_that_forgets_everything(path: Path) -> None:
    assert ends(path, "del db, plain, held; import gc; gc.collect()") == "interrupted"


def test_a_process_that_ends_its_session(path: Path) -> None:
    assert ends(path, "db.end_session(session_id)") == "completed"


def test_interrupting_the_loop(tmp_path: Path) -> None:
    """Ctrl-C, many times: what was handed over is on record, and at most the batch after it."""
    for attempt in range(6):
        path = tmp_path / f"{attempt}.db"
        process = start(INTERRUPTED, path)
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        time.sleep(0.013 * attempt)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert "KeyboardInterrupt" in err
        assert "Origin" not in err
        with ProvenanceDatabase(path) as db:
            assert db.list_sessions()[0].status == "failed"
            handed = int(out)
            assert handed >= 20
            assert handed <= check_stream(db, 1) <= handed + 1
