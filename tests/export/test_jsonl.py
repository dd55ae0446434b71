"""JSONL: streamed out whole or not at all, and read back to the same facts."""

import json
import os
import random
import signal
import stat
import threading
import time
import tracemalloc
from contextlib import closing
from hashlib import sha256

import apsw
import pytest
from exports_support import check_lines
from jsonschema import Draft202012Validator

from origin.cards.facts import gather
from origin.core.session import session_fingerprint, stream_root
from origin.errors import (
    ConfigurationError,
    CorruptDatabaseError,
    InvalidRecordError,
    OriginError,
    StorageError,
)
from origin.export import read_jsonl
from origin.export.formats import ProvenanceExporter
from origin.export.schema import load_schema, problem_of
from origin.storage.database import ProvenanceDatabase
from origin.storage.schema import batch_key


@pytest.fixture
def session(db, write):
    session = write.run([1, 2], [2, 3, 4], [])
    stream = write.stream(session, "books", None, rank=3)
    db.append([write.batch(stream, 0, [1, 9], keys=["a", None])])
    db.end_session(session.session_id)
    return session


@pytest.fixture
def file(exporter, session, out):
    exporter.to_jsonl(session, out / "a.jsonl")
    return out / "a.jsonl"


def test_read_back_to_the_same(db, session, exporter, settle, out):
    settle()
    assert exporter.to_jsonl(session.session_id, out / "a.jsonl") == 6
    lines = check_lines(out / "a.jsonl")
    assert [line["kind"] for line in lines] == ["header", *["batch"] * 4, "end"]
    read = read_jsonl(str(out / "a.jsonl"))
    assert read.facts == json.loads(json.dumps(gather(db, session).to_dict()))
    assert (read.batch_count, read.sample_count) == (4, 7)
    batches = list(read.batches())
    assert batches == [{k: v for k, v in line.items() if k != "kind"} for line in lines[1:-1]]
    assert batches[0]["fingerprints"] == [sha256(b"%d" % one).hexdigest() for one in (1, 2)]
    assert [one["keys"] for one in batches] == [None, None, None, ["a", None]]
    streams = {one["stream"]: one["rank"] for one in batches}
    roots = [
        stream_root(
            rank,
            [
                (one["batch_no"], one["samples"], bytes.fromhex(one["root"]))
                for one in batches
                if one["stream"] == number
            ],
        )
        for number, rank in streams.items()
    ]
    assert session_fingerprint(roots) == read.facts["session_fingerprint"]


def test_sealed_and_unsealed_give_the_same_bytes(db, session, exporter, out):
    exporter.to_jsonl(session, out / "a.jsonl")
    db.seal()
    exporter.to_jsonl(session, out / "b.jsonl")
    assert (out / "a.jsonl").read_bytes() == (out / "b.jsonl").read_bytes()


def test_empty_running_and_failed_sessions(db, write, exporter, out):
    running, failed, bare = write.run([1]), write.run([1]), db.begin_session("v1")
    db.end_session(failed.session_id, "failed")
    for session, count in ((running, 3), (failed, 3), (bare, 2)):
        assert exporter.to_jsonl(session, out / "a.jsonl") == count
        assert len(check_lines(out / "a.jsonl")) == count
        assert read_jsonl(out / "a.jsonl").facts["session"]["session_id"] == session.session_id


def test_while_training_goes_on(db, write, exporter, out):
    session = write.run([1])
    stream = db.catalog.streams(session.session_id)[0].stream_no
    is_over = threading.Event()

    def train():
        for number in range(1, 400):
            db.append([write.batch(stream, number, [number, 7])])
            if is_over.is_set():
                return

    training = threading.Thread(target=train)
    training.start()
    try:
        for _ in range(5):
            lines = exporter.to_jsonl(session, out / "a.jsonl")
            read = read_jsonl(out / "a.jsonl")
            assert read.batch_count == lines - 2 >= read.facts["counts"]["batches"]
            assert [one["batch_no"] for one in read.batches()] == list(range(lines - 2))
    finally:
        is_over.set()
        training.join()


# -- whole or not at all -----------------------------------------------------------------


def test_what_was_there_stays_until_the_end(db, write, exporter, out):
    path = out / "a.jsonl"
    path.write_text("before")
    path.chmod(0o640)
    link = out / "link"
    link.symlink_to(path)
    session = write.run([1])
    assert exporter.to_jsonl(session, link) == 3
    assert link.is_symlink()
    assert read_jsonl(path).batch_count == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(out)) == ["a.jsonl", "link"]


def test_nothing_is_left_of_an_export_that_fails(db, session, exporter, out):
    db.seal()
    for segment in db.ledger.segments():
        (db.ledger.folder / segment.name).unlink()
    (out / "a.jsonl").write_text("before")
    with pytest.raises(OriginError):
        exporter.to_jsonl(session, out / "a.jsonl")
    assert os.listdir(out) == ["a.jsonl"]
    assert (out / "a.jsonl").read_text() == "before"


def test_ctrl_c_leaves_what_was_there(db, write, exporter, out):
    session = db.begin_session("v1")
    stream = write.stream(session, "web", "MIT")
    db.append([write.batch(stream, number, range(40)) for number in range(20_000)])
    (out / "a.jsonl").write_text("before")
    seen = threading.Event()

    def interrupt():
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline:
            if any(one.stat().st_size > 1 << 20 for one in out.glob(".origin-*")):
                seen.set()
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
                return

    watching = threading.Thread(target=interrupt)
    watching.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            exporter.to_jsonl(session, out / "a.jsonl")
    finally:
        watching.join()
    assert seen.is_set()
    assert os.listdir(out) == ["a.jsonl"]
    assert (out / "a.jsonl").read_text() == "before"


@pytest.mark.parametrize("place", ["", ".", "/dev/null", "a\x00b", 1, None])
def test_no_place_for_a_file(session, exporter, place):
    with pytest.raises(ConfigurationError):
        exporter.to_jsonl(session, place)


def test_a_folder_that_is_not_there(session, exporter, out):
    with pytest.raises(StorageError, match="cannot be written"):
        exporter.to_jsonl(session, out / "none" / "a.jsonl")


# -- reading what is none ----------------------------------------------------------------


def test_cut_off_anywhere(file):
    whole = file.read_bytes()
    ends = [at + 1 for at, byte in enumerate(whole) if byte == 10][:-1]
    for end in sorted({*range(0, len(whole) - 1, 97), *ends, len(whole) - 1}):
        file.write_bytes(whole[:end])
        with pytest.raises(InvalidRecordError, match=r"a\.jsonl, line \d+: .*"):
            read_jsonl(file)


def test_any_byte_changed(file):
    whole, choose = bytearray(file.read_bytes()), random.Random(5)  # noqa: S311
    end = whole.rindex(b"\n", 0, -1)
    for at in choose.sample(range(end), 400):
        altered = bytearray(whole)
        altered[at] ^= 1 << choose.randrange(8)
        file.write_bytes(altered)
        with pytest.raises(InvalidRecordError, match=r"line \d+: "):
            read_jsonl(file)


def lines_of(file):
    return file.read_bytes().splitlines(keepends=True)


def changed(line, **changes):
    return json.dumps({**json.loads(line), **changes}).encode() + b"\n"


def malformed():
    yield "no JSON", 2, lambda all_: [*all_[:1], b"{\n", *all_[2:]]
    yield "no JSON object", 1, lambda _: [b"[]\n"]
    yield "NaN is no JSON", 2, lambda all_: [all_[0], b'{"kind":NaN}\n']
    yield "there twice", 2, lambda all_: [all_[0], b'{"kind":"end","kind":"end"}\n']
    yield "nested too deeply", 2, lambda all_: [all_[0], b"[" * 200_000 + b"\n"]
    yield "utf-8", 2, lambda all_: [all_[0], b'"\xff"\n']
    yield "no header line", 1, lambda all_: all_[1:]
    yield "is no kind of line", 2, lambda all_: [all_[0], *all_]
    yield "version: 2 should be 1", 1, lambda all_: [changed(all_[0], version=2), *all_[1:]]
    yield "epoch: '0' should", 2, lambda all_: [all_[0], changed(all_[1], epoch="0")]
    yield "epoch: True should", 2, lambda all_: [all_[0], changed(all_[1], epoch=True)]
    yield "epoch: -1 is less", 2, lambda all_: [all_[0], changed(all_[1], epoch=-1)]
    yield "'more' should not be", 2, lambda all_: [all_[0], changed(all_[1], more=1)]
    yield "2 samples have 1 keys", 2, lambda all_: [all_[0], changed(all_[1], keys=[None])]
    yield "root: .* should match", 2, lambda all_: [all_[0], changed(all_[1], root="a\n")]
    yield "out of order", 3, lambda all_: [all_[0], all_[1], all_[1]]
    yield "out of order", 3, lambda all_: [all_[0], all_[4], all_[1]]
    yield "4 batches with 7", 5, lambda all_: all_[:2] + all_[3:]
    yield "more after the end", 7, lambda all_: [*all_, all_[-1]]
    yield "more after the end", 7, lambda all_: [*all_, b"\n"]
    yield "'end', is missing", 6, lambda all_: all_[:-1]
    yield "'end', is missing", 1, lambda all_: []
    yield "not those that were", 6, lambda all_: [all_[0], changed(all_[1], epoch=3), *all_[2:]]
    yield "the header tells of 4", 3, lambda all_: [all_[0], all_[1], ended(all_[:2])]


def ended(lines):
    told = [json.loads(line) for line in lines[1:]]
    end = {
        "kind": "end",
        "batches": len(told),
        "samples": sum(one["samples"] for one in told),
        "sha256": sha256(b"".join(lines)).hexdigest(),
    }
    return json.dumps(end).encode() + b"\n"


@pytest.mark.parametrize(("reason", "number", "change"), list(malformed()))
def test_the_line_and_the_reason_are_named(file, reason, number, change):
    file.write_bytes(b"".join(change(lines_of(file))))
    with pytest.raises(InvalidRecordError, match=rf"a\.jsonl, line {number}: .*{reason}"):
        read_jsonl(file)


def test_a_mark_without_what_belongs_behind_it(file):
    first, *rest = lines_of(file)
    facts = json.loads(first)["facts"]
    for text in ("\x00utf8:zz", "\x00utf8:ff", "\x00float:1"):
        facts["session"]["metadata"] = {"a": text}
        file.write_bytes(b"".join([changed(first, facts=facts), *rest]))
        with pytest.raises(InvalidRecordError, match="line 1: what stands behind the mark"):
            read_jsonl(file)


def test_altered_since_it_was_read(file):
    read = read_jsonl(file)
    file.write_bytes(b"".join(lines_of(file)[:3]))
    with pytest.raises(InvalidRecordError, match="cut off"):
        list(read.batches())


def test_no_file(out):
    with pytest.raises(StorageError, match="cannot be read"):
        read_jsonl(out / "none")
    with pytest.raises(ConfigurationError, match="is a folder; name a file in it"):
        read_jsonl(out)
    for path in (1, "", "a\0b", "/dev/null"):
        with pytest.raises(ConfigurationError, match=r"path must be|is no path|no regular file"):
            read_jsonl(path)


def test_our_check_and_a_validator_agree(file):
    """On any value put in any place of a line."""
    schema = load_schema("jsonl")
    values = [None, True, -1, 0, 1.5, "", "a", "f" * 64, "f" * 64 + "\n", [], [1], ["a"], {}, "end"]
    for line in map(json.loads, lines_of(file)):
        part = line["kind"]
        validator = Draft202012Validator({**schema["$defs"][part], "$defs": schema["$defs"]})
        for holder, key in list(places(line)):
            before = holder[key]
            for value in values:
                holder[key] = value
                assert (problem_of(line, "jsonl", part) is None) == validator.is_valid(line)
            holder[key] = before
        for holder in [line, *(one for one, key in places(line) if isinstance(one, dict))]:
            holder["more"] = 1
            assert (problem_of(line, "jsonl", part) is None) == validator.is_valid(line)
            del holder["more"]


def places(value):
    """Everything that stands in a value: what holds it, and where."""
    named = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in list(named):
        yield value, key
        if isinstance(one, dict | list):
            yield from places(one)


def test_batches_that_are_gone(db, session, exporter, out):
    exporter.to_json(session)  # its counts are kept
    number = db.catalog.streams(session.session_id)[0].stream_no
    with closing(apsw.Connection(str(db.path))) as connection:
        connection.execute("DELETE FROM batches WHERE batch_id = ?", (batch_key(number, 1),))
    with pytest.raises(CorruptDatabaseError, match="has 3 batches, and only 2 are"):
        exporter.to_jsonl(session, out / "a.jsonl")
    assert os.listdir(out) == []


def test_from_a_database_that_is_only_read(db, session, file, out):
    with ProvenanceDatabase(db.path, read_only=True) as other:
        ProvenanceExporter(other).to_jsonl(session, out / "b.jsonl")
    assert (out / "b.jsonl").read_bytes() == file.read_bytes()


def test_memory_does_not_grow_with_the_record(db, write, exporter, out):
    session = db.begin_session("v1")
    stream = write.stream(session, "web", "MIT")
    db.append([write.batch(stream, number, range(500)) for number in range(800)])
    db.end_session(session.session_id)
    exporter.to_mlflow(session)  # its counts are kept
    tracemalloc.start()
    try:
        exporter.to_jsonl(session, out / "a.jsonl")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12_000_000 < (out / "a.jsonl").stat().st_size / 2
