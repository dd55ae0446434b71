"""`engine.sql`: the views, the forms of an answer, and questions in unquiet times."""

import json
import os
import signal
import sys
import threading
import time
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas
import polars
import pyarrow
import pytest

from origin.core.record import Annotation, Gap, LicenseRecord, SourceRecord
from origin.errors import (
    ConfigurationError,
    DatabaseClosedError,
    MissingDependencyError,
    QueryError,
    SegmentError,
)
from origin.query.engine import QueryEngine
from origin.query.sql import VIEWS
from origin.storage.database import ProvenanceDatabase

UNPAIRED = "a\ud800"


@pytest.fixture(params=["unsealed", "sealed", "both"])
def known(request, write, db, session):
    """A record with a bit of everything; its first stream."""
    stream = write.fill(session, [1, 2, 1])
    write.batch(stream, 2, [3], epoch=1, keys=["row"], metadata=[{"k": 1}], byte_sizes=[7])
    if request.param == "both":
        db.seal()
    write.fill(session, [2], [], source="books", license_id=None)
    db.append([], [Gap(stream, 1, 1, "disk full")])
    if request.param == "sealed":
        db.seal()
    return stream


def rows(engine, query, parameters=None):
    return engine.sql(query, parameters).rows()


# -- views ---------------------------------------------------------------------------


def test_observations(engine, write, session, known):
    found = engine.sql("SELECT * FROM observations ORDER BY stream_no, batch_no, position")
    assert found.columns == (
        "sample_id", "session_id", "source_id", "license_id", "stream_no", "batch_no",
        "position", "epoch", "byte_size", "content_type", "key", "metadata",
    )  # fmt: skip
    one, two, three = write.ids(1, 2, 3)
    web, books = (session, "web", "MIT", known), (session, "books", "unknown", known + 1)
    assert found.rows() == [
        (one, *web, 0, 0, 0, 10, "text", None, None),
        (two, *web, 0, 1, 0, 10, "text", None, None),
        (one, *web, 0, 2, 0, 10, "text", None, None),
        (three, *web, 2, 0, 1, 7, "text", "row", '{"k": 1}'),
        (two, *books, 0, 0, 0, 10, "text", None, None),
    ]


def test_batches(engine, session, known):
    found = engine.sql("SELECT * FROM batches ORDER BY stream_no, batch_no")
    assert found.columns == (
        "stream_no", "batch_no", "session_id", "source_id", "license_id", "epoch", "seen_at",
        "samples", "bytes", "root",
    )  # fmt: skip
    assert [row[:2] + row[7:9] for row in found] == [
        (known, 0, 3, 30),
        (known, 2, 1, 7),
        (known + 1, 0, 1, 10),
        (known + 1, 1, 0, 0),
    ]
    assert found[0][2:7] == (session, "web", "MIT", 0, datetime(2026, 1, 1, 0, 0, 1))
    assert found[0][-1] == sha256(b"%d 0" % known).hexdigest()


def test_streams_and_sessions(engine, write, db, session, known):
    assert rows(
        engine,
        "SELECT stream_no, session_id, source_id, license_id, rank, world_size, batches,"
        " observations, bytes FROM streams ORDER BY 1",
    ) == [
        (known, session, "web", "MIT", 0, 1, 2, 4, 37),
        (known + 1, session, "books", "unknown", 0, 1, 2, 1, 10),
    ]
    later = write.session(team="a")
    db.end_session(later)
    ended = datetime.fromisoformat(db.get_session(later).ended_at).replace(tzinfo=None)
    assert rows(
        engine,
        "SELECT session_id, status, complete, ended_at, config_hash, metadata, streams, gaps,"
        " batches, observations, bytes FROM sessions ORDER BY created_at",
    ) == [
        (session, "running", False, None, "config", "{}", 2, 1, 4, 5, 47),
        (later, "completed", False, ended, "config", '{"team": "a"}', 0, 0, 0, 0, 0),
    ]


def test_sources_licenses_and_annotations(engine, write, db, session):
    stream = write.fill(session, [1])
    db.record_source(SourceRecord("dump", "database", "internal://x", None, "2026-01-01"))
    named = SourceRecord("named", first_seen="2026-01-01", title="T", author="A", url="U",
                         changes=UNPAIRED)  # fmt: skip
    db.record_source(named)
    db.record_license(LicenseRecord("L-1", "One", None, ("use",), (), ("name it",), True))
    db.append([], [], [Annotation(stream, 0, "loss", 0.5), Annotation(stream, 0, "odd", 1e400)])
    assert rows(engine, "SELECT * FROM sources WHERE source_id = 'dump'") == [
        ("dump", "database", "internal://x", "unknown", "2026-01-01", None, None, None, None)
    ]
    assert rows(engine, "SELECT * FROM sources WHERE source_id = 'named'") == [
        ("named", "dataset", None, "unknown", "2026-01-01", "T", "A", "U", UNPAIRED)
    ]
    assert rows(engine, "SELECT * FROM licenses") == [
        ("L-1", "One", None, ["use"], [], ["name it"], True)
    ]
    assert rows(engine, "SELECT * FROM annotations ORDER BY name") == [
        (stream, 0, session, "web", 0, "loss", 0.5),
        (stream, 0, session, "web", 0, "odd", float("inf")),
    ]


def test_license_conflicts(engine, write, db, session):
    write.stream(session, f"web {UNPAIRED}", license_id="CC-BY-NC-4.0")
    db.end_session(session)
    db.record_source(SourceRecord(f"web {UNPAIRED}", license_id="CC-BY-SA-4.0"))
    found = rows(engine, "SELECT * FROM license_conflicts")
    kept = {one.finding_id: one for one in db.licensing.conflicts()}
    assert {row[1] for row in found} == set(kept)
    assert {one.gone_at is None for one in kept.values()} == {True, False}

    def time_of(text):
        return None if text is None else datetime.fromisoformat(text).replace(tzinfo=None)

    for own, finding_id, kind, severity, use, found_at, gone_at, *settled, finding in found:
        one = kept[finding_id]
        assert (own, kind, severity, use) == (session, one.kind, one.severity, one.use_name)
        assert (found_at, gone_at) == (time_of(one.found_at), time_of(one.gone_at))
        assert settled == [None] * 3
        assert json.loads(finding)["parties"][0]["sources"] == [f"web {UNPAIRED}"]


@pytest.mark.parametrize("text", ["utf8:zz", "utf8:ff", "utf8:6", "utf8:"])
def test_a_text_that_only_looks_escaped_is_given_back_as_it_is(engine, text):
    query = (
        "SELECT chr(0) || $1 AS a, [chr(0) || $1] AS b, {'c': chr(0) || $1} AS d, map([1], [$1])"
    )
    wanted = "\0" + text if text != "utf8:" else ""
    (row,) = rows(engine, query.replace("$1", f"'{text}'"))
    assert row == (wanted, [wanted], {"c": wanted}, [(1, text)])


@pytest.mark.parametrize("value", [np.int64(3), np.uint8(3), np.float32(0.5), np.bool_(True)])
def test_numbers_of_numpy_are_parameters(engine, value):
    assert rows(engine, "SELECT ?, $1", [value]) == [(value.item(),) * 2]
    assert rows(engine, "SELECT $x", {"x": [value, np.str_("a")][:1]}) == [([value.item()],)]
    assert rows(engine, "SELECT ?", [np.str_("a\ud800")]) == [("a\ud800",)]


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_of_an_empty_record_is_there(engine, view):
    answer = engine.sql(f"SELECT * FROM {view}")
    assert (len(answer), list(answer)) == (0, [])
    kinds = [str(kind) for kind in answer.arrow().schema.types]
    assert "null" not in kinds


def test_views_are_documented_column_by_column(engine):
    page = Path(__file__).parents[2] / "docs" / "storage.md"
    section = page.read_text(encoding="utf-8").partition("## SQL views")[2].partition("\n## ")[0]
    for view in VIEWS:
        table = section.partition(f"### `{view}`")[2].partition("###")[0]
        told = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
        assert tuple(told) == engine.sql(f"SELECT * FROM {view}").columns, view


# -- texts ---------------------------------------------------------------------------


@pytest.mark.parametrize("text", [UNPAIRED, "\x00utf8:", "'; DROP VIEW x; --", "日本\n*", "%s{}"])
def test_any_text_is_found_by_parameter_and_given_back(engine, write, session, text):
    write.fill(session, [1], source=text, license_id=text)
    write.fill(session, [2], source="other")
    query = "SELECT source_id, license_id FROM observations WHERE source_id = "
    assert rows(engine, query + "?", [text]) == [(text, text)]
    assert rows(engine, query + "$name", {"name": text}) == [(text, text)]
    answer = engine.sql(query + "?", (text,))
    assert answer[0] == (text, text)
    assert list(answer) == [(text, text)]
    repr(answer).encode()
    answer.pandas()
    answer.polars()


# -- the forms of an answer ----------------------------------------------------------


@pytest.fixture
def answer(engine, write, session):
    write.fill(session, [1, 2], [3])
    return engine.sql("SELECT batch_no, count(*) AS n FROM observations GROUP BY 1 ORDER BY 1")


def test_an_answer_is_a_sequence_of_tuples(answer):
    assert answer.columns == ("batch_no", "n")
    assert (len(answer), answer[0], answer[-1], answer[:1]) == (2, (0, 2), (1, 1), [(0, 2)])
    assert list(answer) == answer.rows() == [(0, 2), (1, 1)]
    assert (1, 1) in answer
    with pytest.raises(IndexError):
        answer[2]


def test_an_answer_comes_as_arrow_pandas_and_polars(answer):
    columns = {"batch_no": [0, 1], "n": [2, 1]}
    assert answer.arrow().equals(pyarrow.table(columns))
    pandas.testing.assert_frame_equal(answer.pandas(), pandas.DataFrame(columns))
    assert answer.polars().equals(polars.DataFrame(columns))


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_what_is_not_installed_is_named(answer, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=f"pip install {package}"):
        getattr(answer, package)()


def test_an_answer_shows_itself_as_a_table(engine, answer):
    assert repr(answer).splitlines() == ["batch_no  n", "--------  -", "0         2",
                                         "1         1", "(2 rows)"]  # fmt: skip
    long = engine.sql("SELECT range AS n, NULL AS nothing, 'a\n' || repeat('x', 99) AS t"
                      " FROM range(1000)")  # fmt: skip
    shown = repr(long).splitlines()
    assert len(shown) == 23
    assert shown[-1] == "(the first 20 of 1,000 rows)"
    assert "NULL" in shown[2]
    assert "…" in shown[2]
    html = engine.sql("SELECT '<b>' AS \"<i>\"")._repr_html_()
    assert "<b>" not in html
    assert "<i>" not in html


def test_sums_of_integers_are_integers(engine, answer):
    assert rows(engine, "SELECT sum(byte_size), sum(1.5) FROM observations")[0][0] == 30
    (huge,) = rows(engine, "SELECT sum(9223372036854775807) FROM range(3)")[0]
    assert huge == 3 * (2**63 - 1)


# -- one moment ----------------------------------------------------------------------


def test_an_answer_is_of_one_moment_and_stays(engine, write, session):
    stream = write.fill(session, [1])
    before = engine.sql("SELECT count(*) FROM observations")
    write.batch(stream, 1, [2, 3])
    query = "SELECT (SELECT count(*) FROM observations), (SELECT sum(samples) FROM batches)"
    assert rows(engine, query) == [(3, 3)]
    assert before.rows() == [(1,)]


def test_questions_while_batches_come_and_are_sealed(engine, write, db, session):
    stream, done = write.stream(session), threading.Event()

    def record():
        for number in range(60):
            write.batch(stream, number, [2 * number, 2 * number + 1])
            if number % 20 == 9:
                db.seal()
        done.set()

    thread = threading.Thread(target=record)
    thread.start()
    query = """SELECT (SELECT count(*) FROM observations), (SELECT sum(samples) FROM batches),
        (SELECT sum(observations) FROM streams), (SELECT count(DISTINCT sample_id)
        FROM observations)"""
    last = 0
    while not done.is_set():
        ((*counts,),) = rows(engine, query)
        assert len({count or 0 for count in counts}) == 1
        assert counts[0] >= last
        last = counts[0]
        summary = engine.get_session_summary(session)
        assert summary["distinct_samples"] == summary["observations"] >= last
    thread.join()
    assert rows(engine, query) == [(120, 120, 120, 120)]


def test_many_threads_ask_at_once(engine, write, session):
    write.fill(session, range(100))
    answers, threads = [], []

    def ask():
        answers.append(rows(engine, "SELECT count(DISTINCT sample_id) FROM observations"))

    for _ in range(8):
        threads.append(threading.Thread(target=ask))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert answers == [[(100,)]] * 8


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_ctrl_c_ends_a_long_query(engine):
    engine.sql("SELECT 1")
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        engine.sql("SELECT count(*) FROM range(10_000_000) a, range(10_000_000) b"
                   " WHERE a.range * b.range = 5")  # fmt: skip
    assert time.monotonic() - begin < 20
    assert rows(engine, "SELECT 1") == [(1,)]


def test_a_closed_database_says_so(engine, db):
    db.close()
    with pytest.raises(DatabaseClosedError):
        engine.sql("SELECT 1")


# -- segments ------------------------------------------------------------------------


@pytest.fixture
def segment(write, db, session):
    write.fill(session, range(50))
    db.seal()
    (segment,) = db.ledger.segments()
    return db.ledger.folder / segment.name


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
@pytest.mark.parametrize("question", ["sql", "trace", "count", "find"])
def test_a_damaged_segment_is_named(engine, write, session, segment, damage, question):
    if damage == "missing":
        segment.unlink()
    else:
        size = segment.stat().st_size
        segment.write_bytes(b"x" * (size if damage == "other" else size // 2))
    ask = {
        "sql": lambda: engine.sql("SELECT count(DISTINCT sample_id) FROM observations"),
        "trace": lambda: engine.trace_sample(write.ids(1)[0]),
        "count": lambda: engine.get_license_breakdown(session),
        "find": lambda: engine.find_samples_by_license("MIT"),
    }[question]
    with pytest.raises(SegmentError, match=segment.name):
        ask()
    assert rows(engine, "SELECT count(*) FROM sessions") == [(1,)]


def test_files_that_a_merge_replaces_meanwhile_are_asked_for_anew(
    engine, write, db, session, segment, monkeypatch
):
    write.fill(session, range(50, 100))
    read, moments = engine._asker.moments.read, []

    def read_and_merge(moment):
        moments.append(read(moment))
        if len(moments) == 1:
            # Before the file is looked into, another stands for it and it is gone.
            db.seal()
            listed = {one.name for one in db.ledger.segments()}
            assert segment.name not in listed
            segment.unlink(missing_ok=True)
        return moments[-1]

    monkeypatch.setattr(engine._asker.moments, "read", read_and_merge)
    assert rows(engine, "SELECT count(*) FROM observations") == [(100,)]
    assert len(moments) == 2


def test_a_look_up_reads_one_group_of_rows(write, db, session, monkeypatch):
    monkeypatch.setattr("origin.storage.sealing.sealer.FRESH_ROWS_PER_GROUP", 100)
    write.fill(session, range(2000))
    db.seal()
    engine = QueryEngine(db)
    (wanted,) = write.ids(77)
    moment = engine._asker.moments.read(engine._asker.moments.now())
    groups = pyarrow.parquet.read_metadata(
        db.ledger.folder / db.ledger.segments()[0].name
    ).num_row_groups
    assert groups >= 20
    plans = []

    def explain(relations):
        relations.need(["observations"])
        found = relations.cursor.rows(
            f"EXPLAIN ANALYZE SELECT * FROM observations WHERE sample_id = '{wanted}'"
        )
        plans.append(found[0][1])

    engine._asker.ask(None, explain, moment)
    if "Row Groups Scanned" not in plans[0]:
        pytest.skip("this DuckDB does not tell")
    assert f"Row Groups Scanned: 1 / {groups}" in plans[0]


# -- kept numbers --------------------------------------------------------------------


def test_counts_of_an_ended_session_are_kept_in_the_record(write, db, session):
    write.fill(session, [1, 2])
    db.end_session(session)
    first = QueryEngine(db).get_session_summary(session)
    assert db.check(roots=False).ok
    with ProvenanceDatabase(db.path, read_only=True) as reader:
        engine = QueryEngine(reader)
        engine._asker.ask = None  # nothing is counted again
        assert engine.get_session_summary(session) == first
        assert engine.get_license_breakdown(session) == {"MIT": 2}


def test_kept_numbers_hold_for_what_they_were_found_from_only(write, db, session):
    write.fill(session, [1, 2])
    db.kept.put(session, "counts-1", "another state", {"epochs": 9, "samples": [9]})
    assert QueryEngine(db).get_session_summary(session)["distinct_samples"] == 2


def test_nothing_is_kept_through_a_read_only_database(write, db, session):
    write.fill(session, [1])
    db.end_session(session)
    with ProvenanceDatabase(db.path, read_only=True) as reader:
        assert QueryEngine(reader).get_license_breakdown(session) == {"MIT": 1}
    kept = db._connection.rows("SELECT name FROM kept_numbers")
    assert kept == [("license-conflicts-1",)]  # by end_session, which the writer called


def test_only_the_first_rows(engine):
    assert len(engine.sql("SELECT * FROM range(1000)", limit=3)) == 3
    assert engine.sql("SELECT * FROM range(5)", limit=0).columns == ("range",)
    assert len(engine.sql("SELECT * FROM range(300000)", limit=200_000)) == 200_000
    with pytest.raises(ConfigurationError, match="limit"):
        engine.sql("SELECT 1", limit=-1)


def test_only_so_many_seconds(engine):
    long = "SELECT count(*) FROM range(1000000) a, range(1000000) b"
    with pytest.raises(QueryError, match=r"took more than 0\.2 seconds"):
        engine.sql(long, seconds=0.2)
    assert engine.sql("SELECT 1", seconds=5).rows() == [(1,)]
    for wrong in (0, -1, float("nan"), "5", True):
        with pytest.raises(ConfigurationError, match="seconds"):
            engine.sql("SELECT 1", seconds=wrong)
