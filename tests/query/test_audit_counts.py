"""Small records of any shape, counted here with plain Python and there with SQL."""

import tempfile
from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import origin
from origin.core.record import PackedBatch, SourceRecord
from origin.query import counts
from origin.query import given as given_samples

SOURCES = ("web", "books")

SAMPLES = st.lists(st.integers(0, 12), min_size=1, max_size=5)
# Source, rank and batches, each of an epoch; the epochs of a stream ascend.
BATCHES = st.lists(st.tuples(st.integers(0, 2), SAMPLES), min_size=1, max_size=6).map(
    lambda batches: sorted(batches, key=lambda batch: batch[0])
)
STREAM = st.tuples(st.sampled_from(SOURCES), st.integers(0, 1), BATCHES)
SESSION = st.lists(STREAM, max_size=4)

examples = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
sealed = pytest.mark.parametrize("sealed", [False, True], ids=["unsealed", "sealed"])


def fingerprint(number):
    return sha256(b"%d" % number).digest()


def name(number):
    return fingerprint(number).hex()


def root(samples):
    return sha256(repr(samples).encode()).digest()


class Record:
    """A database with sessions, and the observations in it as tuples."""

    def __init__(self, folder, sessions, sealed):
        self.db = origin.ProvenanceDatabase(f"{folder}/provenance.db", seal_after=None)
        self.ids, self.seen, self.batches = [], [], []
        clock = 0
        for source in SOURCES:
            self.db.record_source(SourceRecord(source, license_id="MIT"))
        for streams in sessions:
            session_id = self.db.begin_session("c").session_id
            self.ids.append(session_id)
            for source, rank, batches in streams:
                self.db.declare_source(session_id, source, "MIT")
                stream_no = self.db.open_stream(session_id, source, rank, 2).stream_no
                for number, (epoch, samples) in enumerate(batches):
                    clock += 1
                    packed = b"".join(map(fingerprint, samples))
                    keys = [f"key {sample}" for sample in samples]
                    batch = PackedBatch(
                        stream_no, number, epoch, clock, root(samples), packed, 5, "text", keys
                    )
                    self.db.append([batch])
                    self.batches.append((session_id, source, stream_no, epoch, number, samples))
                    self.seen += [
                        (session_id, source, stream_no, epoch, number, at, sample)
                        for at, sample in enumerate(samples)
                    ]
                if sealed and stream_no % 2:
                    self.db.seal()
        self.engine = origin.QueryEngine(self.db)

    def samples(self, session_id):
        return Counter(name(row[-1]) for row in self.seen if row[0] == session_id)


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch):
    monkeypatch.setattr(counts, "_SLICE_OBSERVATIONS", 20)
    monkeypatch.setattr(given_samples, "_FEW", 3)


@sealed
@examples
@given(sessions=st.tuples(SESSION, SESSION), with_reference=st.booleans())
def test_exposure(sealed, sessions, with_reference):
    with tempfile.TemporaryDirectory() as folder:
        record = Record(folder, sessions, sealed)
        own, other = record.ids
        audit = record.engine.audit_exposure(own, other if with_reference else None)
        rows = [row for row in record.seen if row[0] == own]
        assert audit.observations == len(rows)
        in_all = Counter(row[-1] for row in rows)
        assert audit.times_seen == Counter(in_all.values())
        assert {(row[0], row[2]) for row in audit.samples()} == {
            (name(sample), times) for sample, times in in_all.items()
        }
        # A restart shifts epochs; what it does is tested by itself.
        if not any(one.redelivered for one in audit.epochs):
            for epoch in audit.epochs:
                check_epoch(record, audit, epoch, rows, other if with_reference else None)
        record.db.close()


def check_epoch(record, audit, epoch, rows, reference):
    own = [row for row in rows if row[1] == epoch.source_id]
    here = Counter(row[-1] for row in own if row[3] == epoch.epoch)
    before = {row[-1] for row in own if row[3] < epoch.epoch} | {
        row[-1] for row in record.seen if row[0] == reference and row[1] == epoch.source_id
    }
    assert epoch.observations == sum(here.values())
    assert epoch.distinct_samples == len(here)
    assert epoch.times_seen == Counter(here.values())
    assert epoch.repeated_samples == sum(times > 1 for times in here.values())
    assert epoch.new_samples == len(set(here) - before)
    assert (epoch.skipped_samples or 0) == len(before - set(here))
    place = {"epoch": epoch.epoch, "source": epoch.source_id}
    assert [row[0] for row in audit.samples("skipped", **place)] == sorted(
        map(name, before - set(here))
    )
    assert [(row[0], row[4]) for row in audit.samples("repeated", **place)] == sorted(
        (name(sample), times) for sample, times in here.items() if times > 1
    )
    assert 0 <= epoch.padding + epoch.redelivered <= epoch.observations - epoch.distinct_samples


@sealed
@examples
@given(sessions=st.tuples(SESSION, SESSION))
def test_overlap_and_difference(sealed, sessions):
    with tempfile.TemporaryDirectory() as folder:
        record = Record(folder, sessions, sealed)
        a, b = (record.samples(session_id) for session_id in record.ids)
        overlap = record.engine.find_overlap(*record.ids)
        shared = a.keys() & b.keys()
        assert (overlap.samples_a, overlap.samples_b) == (len(a), len(b))
        assert (overlap.shared, overlap.only_a, overlap.only_b) == (
            len(shared),
            len(a.keys() - b.keys()),
            len(b.keys() - a.keys()),
        )
        rows = [(one, f"key {one}", a[one], b[one]) for one in sorted(shared)]
        assert [(row[0], row[2], row[3]) for row in overlap.samples()] == [
            (row[0], *row[2:]) for row in rows
        ]
        diff = record.engine.diff_sessions(*record.ids)
        kinds = {
            "only_a": a.keys() - b.keys(),
            "only_b": b.keys() - a.keys(),
            "shared": shared,
            "unequal": {one for one in shared if a[one] != b[one]},
        }
        for kind, members in kinds.items():
            assert getattr(diff, kind) == len(members)
            assert [row[0] for row in diff.samples(kind)] == sorted(members)
            assert len(diff.samples(kind, limit=2)) == min(2, len(members))
        assert diff.is_empty == (a == b)
        same = record.engine.diff_sessions(record.ids[0], record.ids[0])
        assert same.is_empty
        assert same.shared == len(a)
        record.db.close()


@sealed
@examples
@given(sessions=st.tuples(SESSION), wanted=st.lists(st.integers(0, 20), min_size=1, max_size=12))
def test_given_samples(sealed, sessions, wanted):
    with tempfile.TemporaryDirectory() as folder:
        record = Record(folder, sessions, sealed)
        found = record.engine.find_overlap(record.ids[0], fingerprints=map(fingerprint, wanted))
        there = {row[-1] for row in record.seen}
        assert found.given == len(set(wanted))
        assert found.shared == len(there & set(wanted))
        assert list(found.numbers) == [
            at for at, one in enumerate(wanted) if one in there and one not in wanted[:at]
        ]
        assert Counter((row[0], row[5], row[7], row[8]) for row in found.samples()) == Counter(
            (name(row[-1]), row[2], row[4], row[5]) for row in record.seen if row[-1] in wanted
        )
        record.db.close()


@sealed
@examples
@given(
    sessions=st.tuples(SESSION, SESSION),
    wanted=st.lists(st.integers(0, 20), min_size=1, max_size=8),
    by=st.sampled_from(["fingerprints", "keys", "source"]),
    source=st.sampled_from([None, "web", "b*"]),
)
def test_erasure(sealed, sessions, wanted, by, source):
    with tempfile.TemporaryDirectory() as folder:
        record = Record(folder, sessions, sealed)
        asked = {
            "fingerprints": {"fingerprints": map(name, wanted)},
            "keys": {"keys": [f"key {one}" for one in wanted]},
            "source": {},
        }[by]
        if by == "source" and source is None:
            source = "web"
        report = record.engine.report_erasure(**asked, source=source)
        rows = [
            row
            for row in record.seen
            if (by == "source" or row[-1] in wanted) and (source is None or row[1][0] == source[0])
        ]
        assert report.observations == len(rows)
        for session_id in record.ids:
            own = [row for row in rows if row[0] == session_id]
            told = [one for one in report.sessions if one.session.session_id == session_id]
            assert len(told) == bool(own)
            for one in told:
                assert one.samples == len({row[-1] for row in own})
                assert one.observations == len(own)
                assert one.batches == len({(row[2], row[4]) for row in own})
                assert set(one.sources) == {row[1] for row in own}
        batches = Counter((row[0], row[2], row[3], row[4]) for row in rows)
        assert batches == {(row[0], row[4], row[5], row[6]): row[9] for row in report.batches()}
        assert Counter((row[0], row[6], row[8], row[9]) for row in report.samples()) == Counter(
            (name(row[-1]), row[2], row[4], row[5]) for row in rows
        )
        seen = {row[-1] for row in rows}
        lost = set() if by == "source" else set(wanted) - seen
        assert {wanted[at] for at in report.not_found} == lost
        record.db.close()


@sealed
@examples
@given(session=SESSION, changes=st.lists(st.tuples(st.integers(0, 9), SAMPLES), max_size=3))
def test_first_difference(sealed, session, changes):
    other = [(source, rank, list(batches)) for source, rank, batches in session]
    for number, samples in changes:
        if other:
            batches = other[number % len(other)][2]
            at = number % len(batches)
            batches[at] = (batches[at][0], samples)
    with tempfile.TemporaryDirectory() as folder:
        record = Record(folder, (session, other), sealed)
        found = record.engine.find_first_difference(*record.ids)
        unlike = [
            (number, stream)
            for stream, (one, two) in enumerate(zip(session, other, strict=True))
            for number, (a, b) in enumerate(zip(one[2], two[2], strict=True))
            if a[1] != b[1]
        ]
        if found is None:
            assert not unlike
        else:
            in_source = [
                number for number, stream in unlike if session[stream][0] == found.source_id
            ]
            assert found.batch_no == min(in_source)
            assert found.a.root != found.b.root
            assert found.positions
            assert found.uncompared == 0
        assert record.engine.find_first_difference(record.ids[0], record.ids[0]) is None
        record.db.close()
