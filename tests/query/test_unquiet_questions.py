"""Questions that are broken off: what was half done is never part of a later answer."""

import os
import signal
import time

import pytest

from origin.core.record import PackedBatch
from origin.errors import CorruptDatabaseError
from origin.query.engine import QueryEngine
from origin.query.moment import table_of

COUNT = "SELECT count(*), count(DISTINCT sample_id) FROM observations"


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, CorruptDatabaseError])
@pytest.mark.parametrize("step", ["table_of", "head_table", "_grow"])
def test_a_question_that_is_broken_off_leaves_nothing_behind(
    engine, write, db, session, monkeypatch, error, step
):
    stream = write.fill(session, [1, 2], [3])
    assert engine.sql(COUNT).rows() == [(3, 3)]
    write.batch(stream, 2, [4, 5])
    db.end_session(session)

    def fail(*arguments):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(f"origin.query.moment.{step}", fail)
        with pytest.raises(error):
            engine.get_license_breakdown(session)
    assert engine.sql(COUNT).rows() == [(5, 5)]
    assert engine.get_license_breakdown(session) == {"MIT": 5}
    assert QueryEngine(db).get_session_summary(session)["distinct_samples"] == 5


def test_half_of_a_page_that_was_read_is_not_read_twice(engine, write, session, monkeypatch):
    monkeypatch.setattr("origin.query.moment._ROWS_AT_ONCE", 2)
    write.fill(session, [1, 2], [3, 4], [5, 6])
    calls = []

    def fail_once(batches):
        calls.append(batches)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return table_of(batches)

    monkeypatch.setattr("origin.query.moment.table_of", fail_once)
    with pytest.raises(KeyboardInterrupt):
        engine.sql(COUNT)
    assert engine.sql(COUNT).rows() == [(6, 6)]


def test_a_count_that_contradicts_the_record_is_not_kept(engine, write, db, session, monkeypatch):
    write.fill(session, [1, 2])
    db.end_session(session)
    with monkeypatch.context() as patched:
        patched.setattr("origin.query.moment.table_of", lambda batches: table_of([*batches] * 2))
        with pytest.raises(CorruptDatabaseError, match="4 observations where its streams count 2"):
            engine.get_license_breakdown(session)
    assert db._connection.rows("SELECT * FROM kept_numbers WHERE name LIKE 'counts%'") == []
    assert QueryEngine(db).get_license_breakdown(session) == {"MIT": 2}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
def test_ctrl_c_at_any_moment_is_a_keyboard_interrupt_and_spoils_no_answer(write, db, session):
    stream = write.stream(session)
    rows = 300_000
    db.append([
        PackedBatch(stream, number, 0, 0, bytes(32), os.urandom(32 * 1000), 5, "text")
        for number in range(rows // 1000)
    ])  # fmt: skip
    db.end_session(session)
    begin = time.monotonic()
    assert QueryEngine(db).sql(COUNT).rows() == [(rows, rows)]
    whole = time.monotonic() - begin
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    alarm = signal.signal(signal.SIGALRM, signal.default_int_handler)
    interrupted = 0
    try:
        for turn in range(12):
            engine = QueryEngine(db)
            for part in range(2):
                try:
                    signal.setitimer(signal.ITIMER_REAL, whole * (turn + 0.5 * part + 0.1) / 12)
                    engine.sql(COUNT)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except KeyboardInterrupt:
                    interrupted += 1
            signal.setitimer(signal.ITIMER_REAL, 0)
            assert engine.sql(COUNT).rows() == [(rows, rows)]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, alarm)
        signal.signal(signal.SIGINT, before)
    assert interrupted > 5
    assert QueryEngine(db).get_license_breakdown(session) == {"MIT": rows}
