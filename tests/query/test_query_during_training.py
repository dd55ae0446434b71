"""Questions asked while others write, here and in other processes."""

import json
import logging
import subprocess
import sys

import pytest

from origin.core.record import Gap
from origin.errors import CorruptDatabaseError, StorageError
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase


class HeldBack:
    """A listener with one thing to do when it is told to flush."""

    def __init__(self, act):
        self.flush = act

    def session_ending(self, session_id):
        pass

    def closing(self):
        pass


QUESTIONS = {
    "find_samples_by_license": ("MIT",),
    "find_samples_by_source": ("web",),
    "find_batches_with_license": ("MIT",),
    "check_license_presence": ("MIT",),
    "trace_sample": None,
    "get_license_breakdown": "session",
    "get_source_breakdown": "session",
    "compare_sessions": "sessions",
    "get_session_summary": "session",
}


def ask(engine, question, session, write):
    arguments = QUESTIONS[question]
    if arguments is None:
        arguments = tuple(write.ids(1))
    elif isinstance(arguments, str):
        arguments = (session,) if arguments == "session" else (session, session)
    answer = getattr(engine, question)(*arguments)
    return list(answer) if question.startswith("find") else answer


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_first_asks_for_what_is_held_back(engine, write, db, session, question):
    stream = write.stream(session)
    flushes = []

    def flush():
        flushes.append(question)
        write.batch(stream, 0, [1])

    held = HeldBack(flush)
    db.add_listener(held)
    answer = ask(engine, question, session, write)
    assert flushes == [question]
    # A second handle has no listener: it knows what is committed and no more.
    with ProvenanceDatabase(db.path, read_only=True) as reader:
        assert answer == ask(QueryEngine(reader), question, session, write)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_flush_that_fails_is_logged_and_the_answer_given(
    engine, write, db, session, question, caplog
):
    def fail():
        raise StorageError("disk full")

    write.fill(session, [1])
    wanted = ask(engine, question, session, write)
    held = HeldBack(fail)
    db.add_listener(held)
    with caplog.at_level(logging.WARNING, "origin"):
        assert ask(engine, question, session, write) == wanted
    held.flush = lambda: None
    assert "cannot be committed" in caplog.text
    assert "disk full" in caplog.text


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_read_only_database_answers_the_same(engine, write, db, session, question):
    write.fill(session, [1, 2], [2, 3])
    with ProvenanceDatabase(db.path, read_only=True) as reader:
        wanted = ask(engine, question, session, write)
        assert ask(QueryEngine(reader), question, session, write) == wanted


@pytest.fixture
def busy(write, db, session, monkeypatch):
    """A session into which another batch goes whenever its streams have been read."""
    stream = write.fill(session, [0], [1])
    read, written = db.catalog.streams, [0, 1]

    def streams(*arguments):
        found = read(*arguments)
        number = len(written)
        written.append(number)
        write.batch(stream, number, [number], epoch=number)
        db.append([], [Gap(write.stream(session), 0, 0, "late")])
        return found

    monkeypatch.setattr(db.catalog, "streams", streams)
    return session


def test_what_comes_between_two_reads_is_left_out(engine, write, busy):
    assert engine.get_license_breakdown(busy) == {"MIT": 2}
    assert engine.get_source_breakdown(busy) == {"web": 3}
    samples = engine.find_samples_by_license("MIT")
    assert [sample.sample_id for sample in samples] == write.ids(0, 1, 2, 3)
    assert [batch.batch_no for batch in engine.find_batches_with_license("MIT")] == [*range(5)]


def test_a_summary_is_of_one_moment(engine, busy):
    summary = engine.get_session_summary(busy)
    assert summary["batches"] == summary["observations"] == summary["distinct_samples"] == 2
    assert (summary["epochs"], summary["streams"]) == (1, 1)
    assert (summary["gaps"], summary["complete"]) == ([], True)


def test_a_batch_that_vanished_is_a_named_error(engine, write, db, session, monkeypatch):
    write.fill(session, [1])
    samples = engine.find_samples_by_license("MIT")
    monkeypatch.setattr(db.ledger, "batches", lambda *place: iter(()))
    with pytest.raises(CorruptDatabaseError, match="batch 0 of stream 1"):
        samples[0]


# -- other processes -----------------------------------------------------------------

READER = """
import json, sys
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase

path, session = sys.argv[1:]
moments = set()
with ProvenanceDatabase(path, read_only=True) as db:
    engine = QueryEngine(db)

    def look():
        summary = engine.get_session_summary(session)
        count = summary["observations"]
        assert summary["distinct_samples"] == count == 2 * summary["batches"], summary
        assert summary["licenses"] in ({}, {"MIT": count}), summary
        samples = engine.find_samples_by_license("MIT", session)
        assert len(samples) >= count
        assert len({sample.sample_id for sample in samples}) == len(samples)
        return summary

    for line in sys.stdin:
        if line == "watch\\n":
            while (summary := look())["status"] == "running":
                moments.add(summary["batches"])
                print(json.dumps(len(moments)), flush=True)
            print(json.dumps("done"), flush=True)
        print(json.dumps(look()), flush=True)
"""


def test_another_process_reads_while_this_one_writes(engine, write, db, session):
    stream = write.stream(session)
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(db.path), session],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:

        def tell(word):
            reader.stdin.write(f"{word}\n")
            reader.stdin.flush()

        def hear():
            return json.loads(reader.stdout.readline())

        for number in range(3):
            write.batch(stream, number, [2 * number, 2 * number + 1])
            tell("look")
            assert hear()["batches"] == number + 1
        tell("watch")
        number, moments = 3, 0
        while moments < 5:
            write.batch(stream, number, [2 * number, 2 * number + 1])
            number, moments = number + 1, hear()
        db.end_session(session)
        while hear() != "done":
            pass
        assert hear() == engine.get_session_summary(session)
        reader.stdin.close()
        assert reader.wait(timeout=20) == 0


DYING_WRITER = """
import os, sys
from origin.core.record import PackedBatch
from origin.storage.database import ProvenanceDatabase

db = ProvenanceDatabase(sys.argv[1])
session = db.begin_session("v1").session_id
db.declare_source(session, "web", "MIT")
stream = db.open_stream(session, "web").stream_no
db.append([PackedBatch(stream, 0, 0, 0, bytes(32), os.urandom(64), 5, "text")])
print(session, flush=True)
os._exit(1)
"""


def test_a_run_that_died_shows_as_interrupted_with_what_it_saw(engine, db):
    died = subprocess.run(
        [sys.executable, "-c", DYING_WRITER, str(db.path)],
        capture_output=True,
        text=True,
        check=False,
    )
    summary = engine.get_session_summary(died.stdout.strip())
    assert (summary["status"], summary["complete"]) == ("interrupted", False)
    assert (summary["distinct_samples"], summary["licenses"]) == (2, {"MIT": 2})
