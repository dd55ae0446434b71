"""Breakdowns, comparisons and summaries."""

import random

import pytest

from origin.core.record import Gap
from origin.errors import ConfigurationError, SessionNotFoundError


def test_a_license_counts_each_sample_once(engine, write, session):
    write.fill(session, [1, 2, 1], [2, 3], source="a")
    write.fill(session, [3, 4], source="b", license_id="mit")
    assert engine.get_license_breakdown(session) == {"MIT": 4}
    assert engine.get_source_breakdown(session) == {"a": 3, "b": 2}


def test_a_sample_under_two_licenses_counts_for_both(engine, write, session):
    write.fill(session, [1, 2], source="a")
    write.fill(session, [2], source="b", license_id="GPL-3.0")
    assert engine.get_license_breakdown(session) == {"MIT": 2, "GPL-3.0": 1}


def test_two_streams_of_one_source_are_one_source(engine, write, session):
    write.fill(session, [1, 2])
    write.fill(session, [2, 3])
    assert engine.get_source_breakdown(session) == {"web": 3}


def test_no_license_and_unknown_are_one(engine, write, session):
    write.fill(session, [1], source="a", license_id="UNKNOWN")
    write.fill(session, [2], source="b", license_id=None)
    assert engine.get_license_breakdown(session) == {"unknown": 2}


def test_most_come_first_and_equals_by_name(engine, write, session):
    for source, samples in {"c": [1], "b": [1, 2], "d": [1, 2, 3], "a": [4]}.items():
        write.fill(session, samples, source=source, license_id=f"L-{source}")
    assert list(engine.get_source_breakdown(session)) == ["d", "b", "a", "c"]
    assert list(engine.get_license_breakdown(session)) == ["L-d", "L-b", "L-a", "L-c"]


def test_a_stream_that_saw_nothing_names_no_license(engine, write, session):
    write.fill(session, [])
    assert engine.get_license_breakdown(session) == {}
    assert engine.get_source_breakdown(session) == {}


def test_other_sessions_do_not_count(engine, write):
    first, second = write.session(), write.session()
    write.fill(first, [1, 2])
    write.fill(second, [3])
    assert engine.get_license_breakdown(second) == {"MIT": 1}


@pytest.mark.parametrize("seed", range(4))
def test_all_counts_are_those_of_plain_sets(engine, write, seed):
    choose = random.Random(seed)  # noqa: S311
    sessions = [write.session(), write.session()]
    seen = []
    for number in range(8):
        session, source = choose.choice(sessions), f"s{number % 5}"
        license_id = ["MIT", "GPL-3.0", None, "mit", "BSD"][number % 5]
        batches = [choose.choices(range(60), k=choose.randrange(12)) for _ in range(4)]
        write.fill(session, *batches, source=source, license_id=license_id)
        shown = {"mit": "MIT", None: "unknown"}.get(license_id, license_id)
        seen += [(session, source, shown, sample) for batch in batches for sample in batch]

    for session in sessions:
        own = [row for row in seen if row[0] == session]
        summary = engine.get_session_summary(session)
        # Which spelling a session meets first decides which is shown.
        licenses = {
            "MIT" if name == "mit" else name: count for name, count in summary["licenses"].items()
        }
        assert licenses == sets_by(own, 2)
        assert summary["sources"] == sets_by(own, 1) == engine.get_source_breakdown(session)
        assert summary["distinct_samples"] == len({row[3] for row in own})
        assert summary["observations"] == len(own)

    a, b = ({row[3] for row in seen if row[0] == session} for session in sessions)
    difference = engine.compare_sessions(*sessions)
    assert difference["shared_samples"] == len(a & b)
    assert difference["unique_to_a"] == len(a - b)
    assert difference["unique_to_b"] == len(b - a)
    for name in ("MIT", "GPL-3.0", "unknown", "BSD"):
        samples = engine.find_samples_by_license(name)
        wanted = {row[3] for row in seen if row[2] == name}
        assert {sample.sample_id for sample in samples} == set(write.ids(*wanted))
        assert len(samples) == len(wanted)


def sets_by(rows, column):
    groups = {}
    for row in rows:
        groups.setdefault(row[column], set()).add(row[3])
    return {name: len(samples) for name, samples in groups.items()}


# -- comparing -----------------------------------------------------------------------


def test_sessions_are_compared_by_distinct_samples(engine, write):
    a, b = write.session(), write.session()
    write.fill(a, [1, 2, 3, 3], source="x")
    write.fill(a, [9], source="y", license_id="GPL-3.0")
    write.fill(b, [3, 4], [3], source="x")
    write.fill(b, [9], source="z", license_id="gpl-3.0")
    write.fill(b, [5], source="w", license_id=None)
    write.fill(a, [2], source="v", license_id="BSD")
    write.fill(b, [3, 4], source="u", license_id="bsd")
    assert engine.compare_sessions(a, b) == {
        "shared_samples": 2,
        "unique_to_a": 2,
        "unique_to_b": 2,
        "license_diff": {
            "BSD": {"a": 1, "b": 2},
            "MIT": {"a": 3, "b": 2},
            "unknown": {"a": 0, "b": 1},
        },
    }


def test_a_session_does_not_differ_from_itself_nor_nothing_from_nothing(engine, write):
    a, b, c = write.session(), write.session(), write.session()
    write.fill(a, [1, 2])
    same = {"shared_samples": 2, "unique_to_a": 0, "unique_to_b": 0, "license_diff": {}}
    assert engine.compare_sessions(a, a) == same
    assert engine.compare_sessions(b, c) == same | {"shared_samples": 0}


# -- summaries -----------------------------------------------------------------------


def test_the_summary_of_an_empty_session(engine, write, db):
    session = write.session(team="a")
    assert engine.get_session_summary(session) == {
        "session_id": session,
        "status": "running",
        "created_at": db.get_session(session).created_at,
        "ended_at": None,
        "config_hash": "config",
        "metadata": {"team": "a"},
        "complete": False,
        "gaps": [],
        "streams": 0,
        "batches": 0,
        "epochs": 0,
        "observations": 0,
        "distinct_samples": 0,
        "bytes": 0,
        "licenses": {},
        "sources": {},
    }


def test_a_summary_counts(engine, write, db, session):
    stream = write.stream(session)
    for number, epoch in enumerate((0, 0, 1, 3)):
        write.batch(stream, number, [1, 2], epoch=epoch, byte_sizes=[3, 4])
    write.fill(session, [2, 3, 4], source="books", license_id=None)
    db.end_session(session)
    summary = engine.get_session_summary(session)
    assert summary["status"] == "completed"
    assert summary["ended_at"] == db.get_session(session).ended_at
    assert summary["complete"] is True
    assert (summary["streams"], summary["batches"], summary["epochs"]) == (2, 5, 3)
    assert (summary["observations"], summary["distinct_samples"]) == (11, 4)
    assert summary["bytes"] == 4 * 7 + 3 * 10
    assert summary["licenses"] == {"unknown": 3, "MIT": 2}
    assert summary["sources"] == {"books": 3, "web": 2}


def test_gaps_are_told_and_make_it_incomplete(engine, write, db, session):
    stream = write.fill(session, [1])
    gap = Gap(stream, 1, 7, "no space \ud800 left")
    db.append([], [gap])
    summary = engine.get_session_summary(session)
    assert summary["complete"] is False
    assert summary["gaps"] == [
        {
            "source": "web",
            "stream_no": stream,
            "first_batch": 1,
            "last_batch": 7,
            "reason": "no space \ud800 left",
            "noticed_at": gap.noticed_at,
        }
    ]


def test_a_session_is_counted_once_until_it_goes_on(engine, write, session, monkeypatch):
    stream = write.fill(session, [1], source="a")
    write.fill(session, [2], source="b")
    asked = []
    ask = engine._asker.ask
    monkeypatch.setattr(engine._asker, "ask", lambda *args: asked.append(args) or ask(*args))
    assert engine.get_license_breakdown(session) == {"MIT": 2}
    assert engine.get_source_breakdown(session) == {"a": 1, "b": 1}
    assert engine.get_session_summary(session)["distinct_samples"] == 2
    assert len(asked) == 1
    write.batch(stream, 1, [3])
    assert engine.get_license_breakdown(session) == {"MIT": 3}
    assert len(asked) == 2


@pytest.mark.parametrize(
    "method", ["get_license_breakdown", "get_source_breakdown", "get_session_summary"]
)
def test_an_unknown_session_is_an_error(engine, method):
    with pytest.raises(SessionNotFoundError, match="no session 'nope'"):
        getattr(engine, method)("nope")
    with pytest.raises(ConfigurationError, match="not a NoneType"):
        getattr(engine, method)(None)


def test_comparing_with_an_unknown_session_is_an_error(engine, session):
    for pair in ((session, "nope"), ("nope", session)):
        with pytest.raises(SessionNotFoundError, match="no session 'nope'"):
            engine.compare_sessions(*pair)
