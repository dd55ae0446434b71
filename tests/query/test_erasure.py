"""Which sessions and batches saw what is to be removed."""

import csv

import numpy as np
import pytest

import origin
from origin.errors import (
    ConfigurationError,
    OriginWarning,
    SampleNotFoundError,
    SourceNotFoundError,
)
from origin.hooks.pytorch import DataLoaderHook


@pytest.fixture(params=["unsealed", "sealed"])
def ask(request, db):
    def ask(**given):
        if request.param == "sealed":
            db.seal()
        return origin.QueryEngine(db).report_erasure(**given)

    return ask


def record(db, session_id, texts, source, size=2):
    rows = [{"id": f"{text}.txt", "text": text} for text in texts]
    batches = [rows[at : at + size] for at in range(0, len(rows), size)]
    list(DataLoaderHook(db, session_id, source, "MIT", key="id").wrap(batches))


@pytest.fixture
def essays(db, session, write):
    later = write.session()
    record(db, session, ["one", "two", "three", "two"], "author/essays")
    record(db, session, ["four"], "news")
    record(db, later, ["two", "five"], "author/letters")
    db.end_session(session)
    db.end_session(later)
    return session, later


def of(text):
    return origin.fingerprint_sample({"id": f"{text}.txt", "text": text})


def test_by_fingerprint(essays, ask, tmp_path):
    report = ask(fingerprints=[of("two"), of("nine")])
    assert [one.session.session_id for one in report.sessions] == list(essays)
    first, second = report.sessions
    assert (first.samples, first.observations, first.batches) == (1, 2, 2)
    assert (second.samples, second.sources) == (1, ("author/letters",))
    assert (report.not_found, report.uncertain, report.observations) == ((1,), (), 3)
    assert [row[6] for row in report.batches()] == [0, 1, 0]
    assert [(row[0], row[1], row[8], row[9]) for row in report.samples()] == [
        (of("two"), "two.txt", 0, 1),
        (of("two"), "two.txt", 1, 1),
        (of("two"), "two.txt", 0, 0),
    ]
    assert "1 of what was given was seen by no session" in str(report)
    assert str(report).startswith("seen 3 times by 2 sessions\n")
    assert "1 sample in 1 batch, from author/letters" in repr(report)
    assert report.write_csv(tmp_path / "report.csv") == 3
    with (tmp_path / "report.csv").open(newline="", encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert [row["session_id"] for row in written] == [essays[0], essays[0], essays[1]]


def test_by_key(essays, ask):
    report = ask(keys=["two.txt", "two.txt", "five.txt", "nine.txt"])
    assert [one.samples for one in report.sessions] == [1, 2]
    assert report.not_found == (3,)


def test_a_key_is_looked_for_in_a_source(essays, ask):
    report = ask(keys=["two.txt"], source="author/letters")
    assert [one.session.session_id for one in report.sessions] == [essays[1]]


def test_by_source(essays, ask):
    report = ask(source="author/*")
    first, second = report.sessions
    assert (first.samples, first.observations, first.batches) == (3, 4, 2)
    assert (second.samples, second.observations, second.batches) == (2, 2, 1)
    assert len(report.samples()) == 6
    assert len(report.samples(limit=4)) == 4
    assert len(report.batches(limit=2)) == 2
    # What has no samples is no sight.
    assert str(ask(source="author/e*")).startswith("seen 4 times by 1 session\n")


def test_a_source_that_was_registered_and_only_had_empty_batches(db, session, write, ask):
    write.batch(write.stream(session, "empty"), 0, [])
    report = ask(source="empty")
    assert (report.sessions, len(report.batches())) == ((), 0)
    assert str(report) == "no session saw any of it"


@pytest.mark.parametrize("given", [{"source": "author"}, {"source": "x*", "keys": ["two.txt"]}])
def test_a_source_that_is_misspelt_is_an_error_that_names_those_there_are(essays, ask, given):
    with pytest.raises(SourceNotFoundError, match="'author/essays', 'news', 'author/letters'"):
        ask(**given)


@pytest.mark.parametrize("number", [3, np.int64(3)])
def test_keys_that_are_numbers(db, session, ask, number):
    rows = [[{"id": at, "text": str(at)} for at in range(5)]]
    list(DataLoaderHook(db, session, "numbered", "MIT", key="id").wrap(rows))
    report = ask(keys=[number])
    assert [row[1] for row in report.samples()] == ["3"]


def test_nothing_given_names_all_that_can_be_given(ask):
    with pytest.raises(ConfigurationError, match="give fingerprints, keys or source"):
        ask()
    with pytest.raises(ConfigurationError, match="nothing was given: keys"):
        ask(keys=[])


def test_a_record_that_is_not_whole_may_have_seen_more(db, essays, write, ask):
    broken = write.session()
    hook = DataLoaderHook(db, broken, "news", "MIT")
    with pytest.warns(OriginWarning):
        list(hook.wrap([["a"], [object()]]))
    db.end_session(broken)
    report = ask(fingerprints=[of("two")])
    assert report.uncertain == (broken,)
    assert "may have seen more" in str(report)


def test_hostile_keys(db, session, ask):
    keys = ["'; DROP TABLE batches; --", "\ud800", "\x00utf8:", "=1+1"]
    rows = [[{"id": key, "text": key} for key in keys]]
    list(DataLoaderHook(db, session, "odd", "MIT", key="id").wrap(rows))
    report = ask(keys=keys)
    assert report.not_found == ()
    assert sorted(row[1] for row in report.samples()) == sorted(keys)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, ConfigurationError),
        ({"fingerprints": [], "keys": []}, ConfigurationError),
        ({"fingerprints": [], "keys": [], "source": "a"}, ConfigurationError),
        ({"keys": "two.txt"}, ConfigurationError),
        ({"keys": [5.5]}, ConfigurationError),
        ({"keys": [True]}, ConfigurationError),
        ({"keys": []}, ConfigurationError),
        ({"fingerprints": iter([])}, ConfigurationError),
        ({"source": 5}, ConfigurationError),
        ({"fingerprints": ["no id"]}, SampleNotFoundError),
    ],
)
def test_what_makes_no_sense(ask, given, error):
    with pytest.raises(error):
        ask(**given)
