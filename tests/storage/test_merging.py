import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage_support import batch, fingerprint, open_stream

from origin.core.record import SegmentRecord
from origin.storage.database import ProvenanceDatabase
from origin.storage.sealing import merging, sealer
from origin.storage.sealing.merging import Merger, Run, Stopped, due_to_settle, due_while_recording
from origin.storage.sealing.sealer import Sealer


def run_of(observations: int, number: int = 0) -> Run:
    return Run((SegmentRecord(number, "", number, b"", 0, observations, observations, "", "", ""),))


def sizes(runs):
    return [run.observations for run in runs]


@pytest.mark.parametrize(
    ("runs", "due"),
    [
        ([], []),
        ([8], []),
        ([100, 20, 4], []),
        ([100, 20, 5], [100, 20, 5]),
        ([8, 8], [8, 8]),
        ([100, 8, 7], [8, 7]),
        ([100, 20, 4, 1], [100, 20, 4, 1]),
        ([101, 20, 4, 1], [20, 4, 1]),
        ([5, 5, 5, 5], [5, 5, 5, 5]),
    ],
)
def test_settled_runs_are_each_far_larger_than_all_smaller_ones(runs, due):
    assert sizes(due_to_settle([run_of(size) for size in runs])) == due


@given(st.lists(st.integers(1, 10**9), max_size=40))
def test_settling_leaves_few_runs(amounts):
    runs = []
    for amount in amounts:
        runs = sorted([*runs, run_of(amount)], key=lambda run: -run.observations)
        while due := due_to_settle(runs):
            merged = run_of(sum(sizes(due)))
            runs = sorted(
                [*(run for run in runs if run not in due), merged],
                key=lambda run: -run.observations,
            )
        assert len(runs) <= 15


def test_runs_of_one_size_are_merged_once_there_are_many():
    small = [run_of(1 << 19, number) for number in range(16)]
    large = [run_of(1 << 23, number) for number in range(15)]
    assert due_while_recording([*large, *small[1:]]) == []
    assert sizes(due_while_recording([*large, *small])) == [1 << 19] * 16
    assert sizes(due_while_recording([*large, large[0]])) == [1 << 23] * 16


@pytest.fixture
def db(tmp_path, monkeypatch):
    monkeypatch.setattr(sealer, "SEGMENT_OBSERVATIONS", 20)
    monkeypatch.setattr(merging, "SPLIT_OBSERVATIONS", 60)
    with ProvenanceDatabase(tmp_path / "p.db", seal_after=None) as opened:
        yield opened


def ids_in(db):
    return [
        pq.read_table(db.ledger.folder / segment.name)["sample_id"].to_pylist()
        for segment in sorted(db.ledger.segments(), key=lambda found: found.first_sample)
    ]


def test_a_merge_splits_by_sample_and_keeps_repeats_together(db):
    _, stream_no = open_stream(db)
    packed = b"".join(fingerprint(str(number)) for number in range(10))
    written = [batch(stream_no, number, fingerprints=packed) for number in range(40)]
    db.append(written)
    db.seal()
    found = ids_in(db)
    assert len({segment.run_no for segment in db.ledger.segments()}) == 1
    assert [len(ids) for ids in found] == [80] * 5
    assert all(ids == sorted(ids) for ids in found)
    assert sorted(set().union(*found)) == [one for ids in found for one in dict.fromkeys(ids)]
    assert [segment.distinct_samples for segment in db.ledger.segments()] == [2] * 5
    assert list(db.ledger.batches(stream_no)) == written


def test_a_sample_seen_everywhere_does_not_stop_a_merge(db):
    _, stream_no = open_stream(db)
    written = [
        batch(stream_no, number, fingerprints=fingerprint("padding") * 10) for number in range(30)
    ]
    db.append(written)
    db.seal()
    [segment] = db.ledger.segments()
    assert (segment.observations, segment.distinct_samples) == (300, 1)
    assert list(db.ledger.batches(stream_no)) == written


def test_files_that_were_merged_go_away(db):
    _, stream_no = open_stream(db)
    for number in range(8):
        db.append([batch(stream_no, number, 10)])
        db.seal()
    names = {segment.name for segment in db.ledger.segments()}
    assert {path.name for path in db.ledger.folder.glob("*.parquet")} == names


def test_a_merge_that_is_stopped_leaves_everything_as_it_was(db):
    _, stream_no = open_stream(db)
    db.append([batch(stream_no, number, 10) for number in range(8)])
    sealer = Sealer(db._connection, db.ledger)
    with sealer.alone():
        while sealer.seal_next():
            pass
        before = db.ledger.segments()
        merger = Merger(db._connection, db.ledger, sealer)
        with pytest.raises(Stopped):
            merger.merge(lambda: True, while_recording=False)
    assert db.ledger.segments() == before
    assert list(db.ledger.folder.glob("*.unfinished")) == []
    assert len(list(db.ledger.batches(stream_no))) == 8


@given(
    st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=25), min_size=1, max_size=12),
    st.integers(1, 30),
    st.integers(1, 30),
)
@settings(max_examples=25, deadline=None)
def test_any_samples_in_any_segments_merge_to_the_same_record(
    tmp_path_factory, batches, size, split
):
    path = tmp_path_factory.mktemp("merging") / "p.db"
    with pytest.MonkeyPatch.context() as patch, ProvenanceDatabase(path, seal_after=None) as db:
        patch.setattr(sealer, "SEGMENT_OBSERVATIONS", size)
        patch.setattr(sealer, "FRESH_ROWS_PER_GROUP", 4)
        patch.setattr(merging, "SPLIT_OBSERVATIONS", split)
        _, stream_no = open_stream(db)
        written = [
            batch(stream_no, number, fingerprints=b"".join(fingerprint(str(one)) for one in ids))
            for number, ids in enumerate(batches)
        ]
        for one in written:
            db.append([one])
            db.seal()
        assert list(db.ledger.batches(stream_no)) == written
        found = ids_in(db)
        assert sum(map(len, found)) == sum(map(len, batches))
        for segment, ids in zip(
            sorted(db.ledger.segments(), key=lambda seen: seen.first_sample), found, strict=True
        ):
            assert ids == sorted(ids)
            assert (segment.observations, segment.distinct_samples) == (len(ids), len(set(ids)))
