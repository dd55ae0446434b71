"""Sealing while others append, seal, merge and tidy up; also where locks keep nobody apart."""

import os

import pytest
from storage_support import batch, open_stream, run

from origin.errors import InvalidRecordError, SegmentError, StorageError
from origin.storage.database import ProvenanceDatabase
from origin.storage.sealing import lock, merging, sealer


@pytest.fixture
def db(tmp_path):
    with ProvenanceDatabase(tmp_path / "p.db", seal_after=None) as opened:
        yield opened


@pytest.fixture
def without_locks(monkeypatch):
    """As on Windows, and on file systems that say yes to everybody."""
    monkeypatch.setattr(lock.FolderLock, "__init__", lambda self, folder: None)
    monkeypatch.setattr(lock.FolderLock, "is_ours", True, raising=False)
    monkeypatch.setattr(lock.FolderLock, "release", lambda self: None)


def in_between(monkeypatch, owner, name, action):
    """Have something happen once, right before a method is called."""
    method, todo = getattr(owner, name), [action]

    def called(*arguments, **named):
        if todo:
            todo.pop()()
        return method(*arguments, **named)

    monkeypatch.setattr(owner, name, called)


def test_streams_that_grow_meanwhile_are_sealed_as_far_as_they_were_read(db, monkeypatch):
    streams = [open_stream(db)[1] for _ in range(5)]
    for stream_no in streams:
        db.append([batch(stream_no, number) for number in range(10)])
    more = [batch(stream_no, 10) for stream_no in streams]
    in_between(monkeypatch, sealer.Sealer, "_switch", lambda: db.append(more))
    assert db.seal() == 5 * 11 * 4
    assert [segment.observations for segment in db.ledger.segments()] == [200, 20]
    for stream_no in streams:
        assert list(db.ledger.batches(stream_no)) == [batch(stream_no, n) for n in range(11)]
    assert db.check(roots=False).ok


def test_many_empty_batches_do_not_end_it(db, monkeypatch):
    monkeypatch.setattr(sealer, "SEGMENT_OBSERVATIONS", 4)
    _, stream_no = open_stream(db)
    empty = {"fingerprints": b"", "byte_sizes": 0, "content_types": "json"}
    written = [batch(stream_no, number, 0, **empty) for number in range(9)]
    written.append(batch(stream_no, 9, 3))
    db.append(written)
    assert db.seal() == 3
    assert db.ledger.unsealed() == 0
    assert list(db.ledger.batches(stream_no)) == written
    assert [segment.observations for segment in db.ledger.segments()] == [3]


def test_what_another_tidied_away_is_not_listed(db, tmp_path, monkeypatch, without_locks):
    _, stream_no = open_stream(db)
    written = [batch(stream_no, number) for number in range(50)]
    with ProvenanceDatabase(tmp_path / "p.db", seal_after=None) as other:
        db.append(written)
        tidy = other._upkeep._sealer.tidy
        in_between(monkeypatch, sealer.Sealer, "_switch", lambda: tidy(after_seconds=0))
        assert db.seal() == 200
        db.append([batch(stream_no, number) for number in range(50, 60)])
        in_between(monkeypatch, merging.Merger, "_switch", lambda: tidy(after_seconds=0))
        db.seal()
    assert len(list(db.ledger.batches(stream_no))) == 60
    assert db.check(roots=False).ok


def test_two_that_merge_the_same_do_not_double_it(db, tmp_path, monkeypatch, without_locks):
    _, stream_no = open_stream(db)
    with ProvenanceDatabase(tmp_path / "p.db", seal_after=None) as other:
        db.append([batch(stream_no, number) for number in range(50)])
        db.seal()
        db.append([batch(stream_no, number) for number in range(50, 80)])
        in_between(monkeypatch, merging.Merger, "_switch", other.seal)
        db.seal()
        db.seal()
    assert sum(segment.observations for segment in db.ledger.segments()) == 320
    assert len(list(db.ledger.batches(stream_no))) == 80
    assert db.check(roots=False).ok


CHILD = """
import os, signal, sys, time
from pathlib import Path
from origin.storage.sealing.lock import FolderLock

folder = Path(sys.argv[1])
read, write = os.pipe()
parent = os.fork()
if parent == 0:
    lock = FolderLock(folder)
    assert lock.is_ours
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    os.write(write, str(child).encode())
    os.kill(os.getpid(), signal.SIGKILL)
child = int(os.read(read, 20))
os.waitpid(parent, 0)
deadline = time.monotonic() + 10
while not FolderLock(folder).is_ours and time.monotonic() < deadline:
    time.sleep(0.05)
print(FolderLock(folder).is_ours or time.monotonic() < deadline)
os.kill(child, signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_the_child_of_one_that_was_killed_does_not_keep_the_lock(tmp_path):
    assert run(CHILD, tmp_path).strip() == "True"


def test_a_file_where_the_folder_should_be_is_an_error_of_ours(db, tmp_path):
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, 0)])
    (tmp_path / "p.db.segments").touch()
    with pytest.raises(StorageError, match=r"p\.db\.segments"):
        db.seal()
    assert list(db.ledger.batches(stream_no)) == [batch(stream_no, 0)]


def test_metadata_makes_segments_smaller(db, monkeypatch):
    monkeypatch.setattr(sealer, "SEGMENT_OBSERVATIONS", 1000)
    _, stream_no = open_stream(db)
    told = [[{"noise": os.urandom(8000).hex()}] * 4 for _ in range(20)]
    db.append([batch(stream_no, number, metadata=one) for number, one in enumerate(told)])
    assert len(db.ledger.oldest_unsealed(1000)) < 20
    assert db.seal() == 80
    assert [one.metadata for one in db.ledger.batches(stream_no)] == told


def test_a_segment_is_read_through_once_and_again_when_it_changes(db):
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, number) for number in range(9)])
    db.seal()
    [segment] = db.ledger.segments()
    path = db.ledger.path_of(segment)
    assert db.ledger.path_of(segment) == path == db.ledger.folder / segment.name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(SegmentError, match=segment.name):
        db.ledger.path_of(segment)
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    assert db.ledger.path_of(segment) == path
    path.unlink()
    with pytest.raises(SegmentError, match="missing"):
        db.ledger.path_of(segment)


@pytest.mark.parametrize(("rank", "world_size"), [(2**31, 2**32), (-1, 1), (1, 1), (0, 2**31)])
def test_a_rank_out_of_range_is_refused(db, rank, world_size):
    session_id, _ = open_stream(db)
    with pytest.raises(InvalidRecordError, match="rank"):
        db.open_stream(session_id, "data", rank, world_size)


@pytest.mark.parametrize("epoch", [2**31, -1])
def test_an_epoch_out_of_range_is_refused(db, epoch):
    _, stream_no = open_stream(db)
    with pytest.raises(InvalidRecordError, match="epoch"):
        db.append([batch(stream_no, 0, epoch=epoch)])
    db.append([batch(stream_no, 0, epoch=2**31 - 1)])
    assert db.seal() == 4


def test_damaged_kept_numbers_are_found_anew(db):
    session_id, _ = open_stream(db)
    db.kept.put(session_id, "tally", "now", {"samples": [7]})
    assert db.kept.get(session_id, "tally", "now") == {"samples": [7]}
    db._connection.rows("UPDATE kept_numbers SET value = replace(value, '7', '6')")
    assert db.kept.get(session_id, "tally", "now") is None
    db.kept.put(session_id, "tally", "now", {"samples": [7]})
    assert db.kept.get(session_id, "tally", "now") == {"samples": [7]}
    assert db.check(roots=False).ok


def test_what_comes_in_during_a_merge_is_sealed_before_it_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(sealer, "SEGMENT_OBSERVATIONS", 20)
    monkeypatch.setattr(merging, "FAN", 3)
    with ProvenanceDatabase(tmp_path / "p.db", seal_after=None) as db:
        _, stream_no = open_stream(db)
        db.append([batch(stream_no, number) for number in range(15)])
        more = [batch(stream_no, number) for number in range(15, 25)]
        unsealed = []

        def came_in():
            db.append(more)

        def look():
            unsealed.append(db.ledger.unsealed())

        in_between(monkeypatch, merging.Merger, "_write", came_in)
        in_between(monkeypatch, merging.Merger, "_switch", look)
        with db._upkeep._sealer.alone():
            db._upkeep._seal(1)
            db._upkeep._merge(while_recording=True)
        assert unsealed == [0]
        assert list(db.ledger.batches(stream_no)) == [batch(stream_no, n) for n in range(25)]
        assert db.check(roots=False).ok
