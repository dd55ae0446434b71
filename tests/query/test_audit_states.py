"""What an audit says of sessions and references, and how it is put."""

import pytest

from origin.core.record import PackedBatch
from origin.core.wording import listed, many, span
from origin.errors import ConfigurationError
from origin.query.engine import QueryEngine

EMPTY = bytes(32)


def first_line(audit):
    return str(audit).splitlines()[0]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (None, "still running: as far as it is on the disk"),
        ("completed", "record complete"),
        ("failed", "failed; record complete"),
    ],
)
def test_an_audit_names_the_status(engine, write, db, session, status, told):
    write.fill(session, [1])
    if status:
        db.end_session(session, status)
    audit = engine.audit_exposure(session)
    assert first_line(audit) == f"1 observation of 1 sample; {told}"
    assert audit.statuses == (status or "running",)
    assert repr(audit) == str(audit)


def test_a_reference_that_has_none_of_the_sources_says_so(engine, write, session):
    other = write.session()
    write.fill(session, [1], source="web")
    write.fill(session, [1], source="books")
    write.fill(other, [1], source="books")
    audit = engine.audit_exposure(session, reference=other)
    found = [one for one in audit.findings if one.kind == "not_in_reference"]
    assert [one.source_id for one in found] == ["web"]
    assert "the reference saw nothing of 'web'" in str(audit)


def test_empty_batches_are_no_sign_of_a_restart(engine, write, db, session):
    def fill(*batches):
        stream = write.stream(session)
        for number, samples in enumerate(batches):
            root = EMPTY if not samples else bytes([len(samples)]) * 31 + bytes([samples[0]])
            write.batch(stream, number, samples, root=root)

    fill([1], [2], [])
    fill([], [3], [4])
    audit = engine.audit_exposure(session)
    assert "redelivered" not in [found.kind for found in audit.findings]
    fill([3], [], [4], [5])
    told = [str(found) for found in engine.audit_exposure(session).findings]
    (restart,) = [text for text in told if "delivered again" in text]
    assert "2 batches with 2 observations were delivered again to rank 0" in restart
    assert "begins with what were batches 1 to 2 of stream 2" in restart


def test_a_restart_with_one_batch_is_put_in_the_singular(engine, write, db, session):
    for numbers in ([1, 2], [2, 3]):
        stream = write.stream(session)
        for number, sample in enumerate(numbers):
            write.batch(stream, number, [sample], root=bytes([sample]) * 32)
    (found,) = [one for one in engine.audit_exposure(session).findings if one.kind == "redelivered"]
    assert "1 batch with 1 observation was delivered again to rank 0" in str(found)
    assert "begins with what was batch 1 of stream 1" in str(found)


def test_an_epoch_and_a_limit_may_be_numbers_of_numpy(engine, write, session):
    numpy = pytest.importorskip("numpy")
    write.fill(session, [1, 1, 2])
    audit = engine.audit_exposure(session)
    assert len(audit.samples("repeated", epoch=numpy.int64(0), limit=numpy.int32(5))) == 1
    assert "seen 2 times" in str(audit)


def test_a_trace_prints_itself(engine, write, session):
    stream = write.fill(session, *[[1]] * 12)
    (sample_id,) = write.ids(1)
    told = str(engine.trace_sample(sample_id)).splitlines()
    assert told[0] == f"sample {sample_id} (text, 10 bytes): seen 12 times by 1 session"
    assert told[1] == "from 'web', under MIT"
    assert told[2].endswith(f"'web' epoch 0, batch 0 of stream {stream}, position 0")
    assert told[-1] == "and 2 times more"


def test_every_question_takes_the_record_of_a_session(engine, write, db, session):
    write.fill(session, [1, 2])
    told = db.get_session(session)
    summary = engine.get_session_summary(told)
    assert summary == engine.get_session_summary(session)
    assert engine.get_license_breakdown(told) == {"MIT": 2}
    assert engine.get_source_breakdown(told) == {"web": 2}
    assert engine.compare_sessions(told, session)["shared_samples"] == 2
    assert len(engine.find_samples_by_license("MIT", told)) == 2
    assert len(engine.find_samples_by_source("web", told)) == 2
    assert len(engine.find_batches_with_license("MIT", told)) == 1
    assert engine.check_license_presence("MIT", told)
    assert engine.audit_exposure([told]).observations == 2
    assert engine.audit_exposure(told).observations == 2
    assert engine.find_first_difference(told, told) is None


@pytest.mark.parametrize("given", ["r.db", 5, None])
def test_an_engine_takes_a_database(tmp_path, given):
    with pytest.raises(ConfigurationError, match=r"QueryEngine\(ProvenanceDatabase\("):
        QueryEngine(given)


def test_words():
    assert (many(1, "session"), many(2, "batch"), many(0, "time")) == (
        "1 session",
        "2 batches",
        "0 times",
    )
    assert (span("batch", 2, 2), span("batch", 2, 3)) == ("batch 2", "batches 2 to 3")
    assert listed(range(12)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …"


def test_a_packed_batch_that_is_empty_counts_nothing(engine, db, write, session):
    stream = write.stream(session)
    db.append([PackedBatch(stream, 0, 0, 0, EMPTY, b"", 0, "text")])
    assert engine.audit_exposure(session).observations == 0
