"""Hostile texts in a record turn no terminal, and odd values break no command."""

import pytest
from commands import rows
from exports_support import HOSTILE
from writing import Writer

from origin.core.record import Annotation, SourceRecord
from origin.storage.database import ProvenanceDatabase

# What would move a cursor, turn a line around, or end one.
ACTIVE = {"\x1b", "\x9b", "\u202e", "\x07", "\x00", "\r"}


@pytest.fixture(params=HOSTILE)
def hostile(request, tmp_path):
    """A record in which every text that users give is a hostile one."""
    text = HOSTILE[request.param]
    with ProvenanceDatabase(tmp_path / "provenance.db") as db:
        write = Writer(db)
        db.record_source(SourceRecord(text, license_id=text, title=text, author=text))
        for samples in ([1, 2], [2, 3]):
            session = db.begin_session(text, {"note": text})
            stream = write.stream(session, text, text)
            told = write.batch(stream, 0, samples, keys=[text, None])
            db.append([told], [], [Annotation(stream, 0, "loss", float("nan"))])
            db.end_session(session.session_id)
    return [one.session_id for one in db_sessions(tmp_path)]


def db_sessions(folder):
    with ProvenanceDatabase(folder / "provenance.db", read_only=True) as db:
        return db.list_sessions()


COMMANDS = [
    ("licenses",),
    ("inspect", "latest", "--samples"),
    ("batches", "latest"),
    ("batches", "latest", "--by", "loss"),
    ("batch", "latest", "0"),
    ("trace", "--source", "*"),
    ("audit", "latest"),
    ("watch", "latest"),
    ("sql", "select source_id, license_id from sources"),
]


def test_what_is_shown_is_inert(origin, hostile):
    for command in (*COMMANDS, ("diff", *hostile, "--samples"), ("overlap", "--with", hostile[1])):
        done = origin(*command)
        assert not set(done.stdout + done.stderr) & ACTIVE
        assert len({len(row) for row in rows(done)}) <= 1


def test_what_is_told_to_programs_is_whole(origin, hostile):
    (one,) = origin.told("licenses")
    assert (one["sessions"], one["observations"]) == (2, 4)
    (ranked,) = origin.told("batches", "--by", "loss")
    assert ranked["samples"] == 2
    assert len(origin.told("inspect", "--samples")["shown"]) == 2


def test_errors_are_one_inert_line(origin, hostile):
    for command in (
        ("inspect", "\x1b[31mno\nsuch"),
        ("query", "\u202elicense"),
        ("licenses", "\u202elicense"),
        ("trace", "--source", "\x1b]0;"),
    ):
        error = origin(*command, code=2).stderr
        assert not set(error) & ACTIVE
        assert len(error.splitlines()) == 1
