import os
import sys
import threading
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import start
from storage_support import batch, batch_numbers, fingerprint, finish, open_stream, run

from origin.errors import (
    ConfigurationError,
    CorruptDatabaseError,
    DatabaseBusyError,
    ReadOnlyDatabaseError,
    SegmentError,
)
from origin.storage.database import ProvenanceDatabase
from origin.storage.schema import batch_key
from origin.storage.sealing import sealer
from origin.storage.sealing.observations import table_of
from origin.storage.sealing.sealer import Sealer


@pytest.fixture
def db(tmp_path):
    with ProvenanceDatabase(tmp_path / "p.db", seal_after=None) as opened:
        yield opened


@pytest.fixture
def small_segments(monkeypatch):
    monkeypatch.setattr(sealer, "SEGMENT_OBSERVATIONS", 10)


def sealed_rows(db) -> pa.Table:
    paths = [db.ledger.folder / segment.name for segment in db.ledger.segments()]
    return pa.concat_tables([pq.read_table(path) for path in paths])


def odd_batches(stream_no):
    """One batch of every kind there is."""
    words = "a\ud800\udc00b"
    return [
        batch(stream_no, 0, 3),
        batch(stream_no, 1, 0, fingerprints=b"", byte_sizes=0, content_types="json"),
        batch(stream_no, 2, 2, byte_sizes=[1, 2**40], content_types=["text", "json"]),
        batch(stream_no, 4, 2, epoch=7, keys=["k", None], metadata=[None, {"a": [1, "é"]}]),
        batch(stream_no, 5, 2, keys=[words, "\x00utf8:6b"], metadata=[{words: words}, None]),
        batch(stream_no, 6, 3, fingerprints=fingerprint("same") * 3),
        batch(stream_no, 7, 2, fingerprints=bytes(32) + b"\xff" * 32, content_types=words),
        batch(stream_no, 2**39, 1, seen_at=-5),
    ]


def test_sealed_batches_read_as_they_were_written(db):
    session_id, first = open_stream(db)
    second = db.open_stream(session_id, "data").stream_no
    written = odd_batches(first)
    db.append(written)
    db.append([batch(second, number, 5) for number in range(9)])
    assert db.seal() == sum(one.count for one in written) + 45
    assert db.ledger.unsealed() == 0
    assert list(db.ledger.batches(first)) == written
    assert list(db.ledger.batches(first, 2, 5)) == written[2:5]
    assert list(db.ledger.batches(second)) == [batch(second, number, 5) for number in range(9)]
    heads = db.batch_table.heads(first, 99)
    assert heads.numbers.tolist() == [one.batch_no for one in written]
    assert db.batch_table.epochs(first, 99) == 2
    assert db.seal() == 0


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=30), st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_sealing_at_any_moment_changes_nothing(tmp_path_factory, steps, size):
    path = tmp_path_factory.mktemp("sealing") / "p.db"
    with pytest.MonkeyPatch.context() as patch, ProvenanceDatabase(path, seal_after=None) as db:
        patch.setattr(sealer, "SEGMENT_OBSERVATIONS", size)
        session_id, first = open_stream(db)
        streams = [first, db.open_stream(session_id, "data").stream_no]
        written = {number: [] for number in streams}
        for number, (count, is_sealed) in enumerate(steps):
            stream_no = streams[number % 2]
            told = {"fingerprints": fingerprint(str(count)) * count, "byte_sizes": count}
            if not count:
                told["content_types"] = "json"
            one = batch(stream_no, number, **told)
            db.append([one])
            written[stream_no].append(one)
            if is_sealed:
                db.seal()
        for stream_no in streams:
            assert list(db.ledger.batches(stream_no)) == written[stream_no]
        sealed = sum(segment.observations for segment in db.ledger.segments())
        assert sealed + db.ledger.unsealed() == sum(count for count, _ in steps)


def damage(db, stream_no, batch_no):
    db._connection.rows(
        "UPDATE batches SET fingerprints = zeroblob(length(fingerprints)) WHERE batch_id = ?",
        (batch_key(stream_no, batch_no),),
    )


def test_damage_is_not_sealed_under_a_digest_that_fits_it(db):
    _, stream_no = open_stream(db)
    written = [batch(stream_no, number, 7) for number in range(9)]
    db.append(written)
    damage(db, stream_no, 4)
    with pytest.raises(CorruptDatabaseError, match=f"batch 4 of stream {stream_no}.*db.check"):
        db.seal()
    assert sum(segment.observations for segment in db.ledger.segments()) == 4 * 7
    assert list(db.ledger.batches(stream_no, 0, 3)) == written[:4]
    assert list(db.ledger.batches(stream_no, 5)) == written[5:]
    found = {
        (one.first, one.last) for told in db.check(roots=False).damages for one in told.batches
    }
    assert (4, 4) in found


def test_a_segment_holds_the_rows_sorted_and_its_listing_is_true(db):
    _, stream_no = open_stream(db)
    batches = [batch(stream_no, number, 7) for number in range(50)]
    batches.append(batch(stream_no, 50, 7, fingerprints=batches[3].fingerprints))
    db.append(batches)
    db.seal()
    [segment] = db.ledger.segments()
    rows = sealed_rows(db)
    ids = rows["sample_id"].to_pylist()
    assert ids == sorted(ids)
    expected = table_of(batches)
    order = [(name, "ascending") for name in ("batch_no", "position")]
    assert rows.sort_by(order).equals(expected.sort_by(order))
    assert (segment.observations, segment.distinct_samples) == (357, 350)
    assert (segment.first_sample, segment.last_sample) == (ids[0], ids[-1])
    path = db.ledger.folder / segment.name
    assert segment.byte_size == path.stat().st_size
    assert pq.read_schema(path).metadata[b"origin.segment"] == b"1"


def test_crossing_the_threshold_seals_while_recording(tmp_path, small_segments):
    with ProvenanceDatabase(tmp_path / "p.db", seal_after=40) as db:
        _, stream_no = open_stream(db)
        for number in range(100):
            db.append([batch(stream_no, number)])
            if number % 20 == 19:
                until = time.monotonic() + 20
                while db.ledger.unsealed() >= 60 and time.monotonic() < until:
                    time.sleep(0.01)
        assert db.ledger.unsealed() < 60
        assert sum(segment.observations for segment in db.ledger.segments()) > 300
        assert batch_numbers(db, stream_no) == list(range(100))


def test_the_end_of_a_large_session_seals_what_is_left(tmp_path):
    with ProvenanceDatabase(tmp_path / "p.db", seal_after=30) as db:
        session_id, stream_no = open_stream(db)
        other_session, other = open_stream(db)
        db.append([batch(other, 0, 5)])
        db.append([batch(stream_no, number, 10) for number in range(3)])
        db.end_session(session_id)
        assert db.ledger.unsealed() == 0
        db.append([batch(other, 1, 5)])
        db.end_session(other_session)
        assert db.ledger.unsealed() == 5


def test_small_sessions_never_make_a_folder(tmp_path):
    with ProvenanceDatabase(tmp_path / "p.db") as db:
        session_id, stream_no = open_stream(db)
        db.append([batch(stream_no, 0)])
        db.end_session(session_id)
    assert [path.name for path in tmp_path.iterdir()] == ["p.db"]


def test_freed_space_goes_back_to_the_file_system(tmp_path):
    path = tmp_path / "p.db"
    with ProvenanceDatabase(path, seal_after=None) as db:
        _, stream_no = open_stream(db)
        db.append([batch(stream_no, number, 100) for number in range(1000)])
        db.seal()
    assert path.stat().st_size < 400_000


@pytest.mark.parametrize("threshold", [0, -1, True, 1.5, "1000"])
def test_a_threshold_that_makes_no_sense_is_refused(tmp_path, threshold):
    with pytest.raises(ConfigurationError, match="seal_after"):
        ProvenanceDatabase(tmp_path / "p.db", seal_after=threshold)
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_database_cannot_be_sealed(tmp_path):
    ProvenanceDatabase(tmp_path / "p.db").close()
    with (
        ProvenanceDatabase(tmp_path / "p.db", read_only=True) as db,
        pytest.raises(ReadOnlyDatabaseError),
    ):
        db.seal()


def test_a_missing_segment_is_named(db):
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, 0)])
    db.seal()
    [segment] = db.ledger.segments()
    (db.ledger.folder / segment.name).unlink()
    with pytest.raises(SegmentError, match=segment.name):
        list(db.ledger.batches(stream_no))


def test_an_unreadable_segment_is_named(db):
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, 0)])
    db.seal()
    [segment] = db.ledger.segments()
    (db.ledger.folder / segment.name).write_bytes(b"no parquet")
    with pytest.raises(SegmentError, match=segment.name):
        list(db.ledger.batches(stream_no))


def test_an_altered_segment_is_never_merged_into_a_good_one(db):
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, 0)])
    db.seal()
    [segment] = db.ledger.segments()
    path = db.ledger.folder / segment.name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    db.append([batch(stream_no, 1)])
    with pytest.raises(SegmentError, match=segment.name):
        db.seal()
    assert segment in db.ledger.segments()


def test_leftovers_go_away_with_the_next_sealing_and_nothing_else_does(db):
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, 0)])
    sealer = Sealer(db._connection, db.ledger)
    with sealer.alone():
        half = sealer.new_segment(4)
        whole = sealer.new_segment(4)
        whole.write(table_of([batch(stream_no, 0, 1)]))
        left = [half._about.path, whole.finish().path]
    others = [db.ledger.folder / name for name in ("notes.txt", "of-a-backup.parquet")]
    for path in others:
        path.write_bytes(b"somebody else's")
    assert [path.exists() for path in left + others] == [True] * 4
    db.seal()
    assert [path.exists() for path in left + others] == [False, False, True, True]


# One process that has everything loaded forks a fresh one for every crash; it holds no
# database open itself while it does so.
CRASHES = """
import os, shutil, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore", DeprecationWarning)
from storage_support import batch, open_stream
from origin.storage import connection
from origin.storage.sealing import merging, sealer, segments
from origin.storage.database import ProvenanceDatabase
folder = Path(sys.argv[1])
sealer.SEGMENT_OBSERVATIONS = 40
whole = [batch(1, number) for number in range(40)]

def prepare(path):
    path.parent.mkdir(parents=True)
    with ProvenanceDatabase(path, seal_after=None) as db:
        open_stream(db)
        db.append(whole[:20])
        db.seal()
        db.append(whole[20:])

def crash(path, steps):
    done = 0
    def counted(function):
        def wrapper(*arguments, **options):
            nonlocal done
            done += 1
            if done > steps:
                os._exit(9)
            return function(*arguments, **options)
        return wrapper
    db = ProvenanceDatabase(path, seal_after=None)
    os.fsync, Path.rename, Path.unlink = map(counted, (os.fsync, Path.rename, Path.unlink))
    connection.Connection.rows = counted(connection.Connection.rows)
    connection.Connection.many = counted(connection.Connection.many)
    segments.SegmentWriter.write = counted(segments.SegmentWriter.write)
    db.seal()
    os._exit(0)

def check(path):
    with ProvenanceDatabase(path, seal_after=None) as db:
        assert list(db.ledger.batches(1)) == whole
        sealed = sum(segment.observations for segment in db.ledger.segments())
        assert sealed + db.ledger.unsealed() == 160
        db.seal()
        assert list(db.ledger.batches(1)) == whole
        files = {path.name for path in db.ledger.folder.glob("*.*")}
        assert files == {segment.name for segment in db.ledger.segments()}
        return sealed

prepare(folder / "first" / "p.db")
outcomes = set()
for steps in range(500):
    path = folder / str(steps) / "p.db"
    shutil.copytree(folder / "first", path.parent)
    child = os.fork()
    if child == 0:
        crash(path, steps)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9), status
    outcomes.add(check(path))
    shutil.rmtree(path.parent)
    if status == 0:
        break
print(status, *sorted(outcomes))
"""


def test_a_crash_at_any_step_of_sealing_and_merging_loses_and_doubles_nothing(tmp_path):
    assert run(CRASHES, tmp_path) == "0 80 120 160\n"


WRITER = """
import sys, time
from storage_support import batch, open_stream
from origin.storage.sealing import sealer, merging
from origin.storage.database import ProvenanceDatabase
sealer.SEGMENT_OBSERVATIONS, merging.FAN = 40, 3
with ProvenanceDatabase(sys.argv[1], seal_after=60) as db:
    session_id, stream_no = open_stream(db)
    for number in range(150):
        db.append([batch(stream_no, number)])
        time.sleep(0.001)
    db.end_session(session_id)
print(stream_no)
"""


def test_several_processes_record_seal_and_read_together(tmp_path):
    path = tmp_path / "p.db"
    ProvenanceDatabase(path).close()
    writers = [start(WRITER, path) for _ in range(3)]
    with ProvenanceDatabase(path, read_only=True) as reader:
        while any(writer.poll() is None for writer in writers):
            for stream in reader.catalog.streams():
                found = batch_numbers(reader, stream.stream_no)
                assert found == list(range(len(found)))
                assert len(found) >= stream.batches
    streams = [int(finish(writer)) for writer in writers]
    with ProvenanceDatabase(path) as db:
        db.seal()
        for stream_no in streams:
            assert list(db.ledger.batches(stream_no)) == [batch(stream_no, n) for n in range(150)]


def test_threads_may_record_and_read_while_one_seals(db, small_segments):
    _, stream_no = open_stream(db)
    ended, failures = threading.Event(), []

    def read():
        try:
            while not ended.is_set():
                found = batch_numbers(db, stream_no)
                assert found == list(range(len(found)))
        except BaseException as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        db.append([batch(stream_no, number)])
        if number % 5 == 4:
            db.seal()
    ended.set()
    reader.join()
    assert failures == []
    assert list(db.ledger.batches(stream_no)) == [batch(stream_no, n) for n in range(60)]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no flock")
def test_who_finds_another_process_sealing_waits_and_then_says_so(tmp_path):
    path = tmp_path / "p.db"
    with ProvenanceDatabase(path, busy_timeout=0.2) as db:
        _, stream_no = open_stream(db)
        db.append([batch(stream_no, 0)])
        holder = Sealer(db._connection, db.ledger)
        with holder.alone() as alone:
            assert alone
            with pytest.raises(DatabaseBusyError, match="sealing"):
                db.seal()
        assert db.seal() == 4


def test_a_full_disk_leaves_the_record_as_it_was(db, monkeypatch):
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, number) for number in range(5)])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "no space")))
        with pytest.raises(OSError, match="no space"):
            db.seal()
    assert list(db.ledger.folder.glob("*.*")) == []
    assert batch_numbers(db, stream_no) == list(range(5))
    assert db.seal() == 20


def test_a_session_ends_and_recording_goes_on_when_sealing_fails(tmp_path, monkeypatch, caplog):
    with ProvenanceDatabase(tmp_path / "p.db", seal_after=8) as db:
        session_id, stream_no = open_stream(db)
        with monkeypatch.context() as patch:
            patch.setattr(Sealer, "seal_next", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
            db.append([batch(stream_no, number) for number in range(5)])
            db.append([batch(stream_no, 5)])
            db.end_session(session_id)
        assert "nothing is lost" in caplog.text
        assert db.get_session(session_id).status == "completed"
        assert batch_numbers(db, stream_no) == list(range(6))
        db.seal()
        assert db.ledger.unsealed() == 0


def test_a_forked_child_goes_on_while_its_parent_seals(tmp_path):
    out = run(
        """
import os, sys, threading
from storage_support import batch, open_stream
from origin.storage.database import ProvenanceDatabase
db = ProvenanceDatabase(sys.argv[1], seal_after=None)
session_id, own = open_stream(db)
other = db.open_stream(session_id, "data").stream_no
db.append([batch(own, number, 50) for number in range(400)])
sealing = threading.Thread(target=db.seal)
sealing.start()
child = os.fork()
if child == 0:
    for number in range(20):
        db.append([batch(other, number)])
    db.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
sealing.join()
db.seal()
assert list(db.ledger.batches(own)) == [batch(own, number, 50) for number in range(400)]
assert list(db.ledger.batches(other)) == [batch(other, number) for number in range(20)]
print("whole")
""",
        tmp_path / "p.db",
    )
    assert out == "whole\n"


def test_batches_in_any_order_are_sealed_all_the_same(db, small_segments):
    _, stream_no = open_stream(db)
    numbers = [number * 7 % 30 for number in range(30)]
    for count, number in enumerate(numbers):
        db.append([batch(stream_no, number)])
        if count % 7 == 6:
            db.seal()
    assert list(db.ledger.batches(stream_no)) == [batch(stream_no, n) for n in range(30)]
