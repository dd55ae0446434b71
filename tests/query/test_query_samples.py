"""Finding samples by license and by source."""

import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import pytest

from origin.core.record import PackedBatch, SampleRecord, SourceRecord
from origin.errors import ConfigurationError, DatabaseClosedError, SessionNotFoundError


def ids(samples):
    return [sample.sample_id for sample in samples]


# -- by license ----------------------------------------------------------------------


def test_each_sample_is_found_once_in_order_of_first_sight(engine, write, session):
    write.fill(session, [3, 1], [2, 3, 3], [4, 1])
    assert ids(engine.find_samples_by_license("MIT")) == write.ids(3, 1, 2, 4)


def test_streams_that_ran_side_by_side_are_told_by_time(engine, write, session):
    one, two = write.stream(session, "one"), write.stream(session, "two")
    write.batch(two, 0, [1])
    write.batch(one, 0, [2, 1])
    write.batch(two, 1, [3])
    write.batch(one, 1, [4])
    assert ids(engine.find_samples_by_license("MIT")) == write.ids(1, 2, 3, 4)


def test_a_clock_set_back_does_not_turn_a_stream_around(engine, write, session):
    stream = write.stream(session)
    for number, seen_at in enumerate((5000, 1000, 3000)):
        write.batch(stream, number, [number], seen_at=seen_at)
    assert ids(engine.find_samples_by_license("MIT")) == write.ids(0, 1, 2)


def test_case_does_not_matter(engine, write, session):
    write.fill(session, [1], source="a", license_id="Apache-2.0")
    write.fill(session, [2], source="b", license_id="apache-2.0")
    assert ids(engine.find_samples_by_license("APACHE-2.0")) == write.ids(1, 2)


def test_unknown_finds_what_has_no_license_too(engine, write, session):
    write.fill(session, [1], source="a", license_id=None)
    write.fill(session, [2], source="b", license_id="unknown")
    write.fill(session, [3], source="c", license_id="MIT")
    assert ids(engine.find_samples_by_license("Unknown")) == write.ids(1, 2)


def test_two_sources_of_one_license_share_a_sample(engine, write, session):
    write.fill(session, [1, 2], source="a")
    write.fill(session, [2, 3], source="b")
    assert ids(engine.find_samples_by_license("MIT")) == write.ids(1, 2, 3)


def test_only_the_session_asked_for(engine, write):
    first, second = write.session(), write.session()
    write.fill(first, [1, 2])
    write.fill(second, [2, 3])
    assert ids(engine.find_samples_by_license("MIT", second)) == write.ids(2, 3)
    assert ids(engine.find_samples_by_license("MIT")) == write.ids(1, 2, 3)


def test_a_license_nobody_named_finds_nothing(engine, write, session):
    write.fill(session, [1])
    samples = engine.find_samples_by_license("GPL-3.0")
    assert len(samples) == 0
    assert list(samples) == []
    assert write.ids(1)[0] not in samples


def test_a_license_keeps_what_was_seen_before_it_changed(engine, write, db, session):
    write.fill(session, [1])
    db.record_source(SourceRecord("web", license_id="GPL-3.0"))
    write.fill(session, [2], license_id=None)
    assert ids(engine.find_samples_by_license("MIT")) == write.ids(1)
    assert ids(engine.find_samples_by_license("gpl-3.0")) == write.ids(2)


def test_a_long_stream_is_read_whole(engine, write, db, session):
    stream = write.stream(session)
    batch = PackedBatch(stream, 0, 0, 0, bytes(32), b"", 1, "text")
    db.append(
        [
            replace(batch, batch_no=number, fingerprints=write.fingerprint(number))
            for number in range(1000)
        ]
    )
    assert ids(engine.find_samples_by_license("MIT")) == write.ids(*range(1000))
    assert [found.batch_no for found in engine.find_batches_with_license("MIT")] == [*range(1000)]


# -- by source -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("web/one", [1]),
        ("web/*", [1, 2]),
        ("*", [1, 2, 3]),
        ("web/t?o", [2]),
        ("web/[a-o]*", [1]),
        ("web", []),
        ("WEB/one", []),
        ("/data/books.csv", [3]),
        ("*.csv", [3]),
        ("", []),
    ],
)
def test_a_pattern_is_matched_against_ids_and_paths(engine, write, db, session, pattern, found):
    db.record_source(SourceRecord("books", source_path="/data/books.csv"))
    for sample, source in enumerate(("web/one", "web/two", "books"), start=1):
        write.fill(session, [sample], source=source, license_id=None)
    assert ids(engine.find_samples_by_source(pattern)) == write.ids(*found)


def test_a_name_that_looks_like_a_pattern_finds_itself(engine, write, session):
    write.fill(session, [1], source="data[1]")
    assert ids(engine.find_samples_by_source("data[1]")) == write.ids(1)


def test_a_source_is_found_within_one_session(engine, write):
    first, second = write.session(), write.session()
    write.fill(first, [1])
    write.fill(second, [2])
    assert ids(engine.find_samples_by_source("web", first)) == write.ids(1)


@pytest.mark.parametrize(
    "text", ["a\ud800", "\x00json:1", "'; DROP TABLE batches; --", "日本\n*", "%s{}"]
)
def test_hostile_text_is_only_text(engine, write, session, text):
    write.fill(session, [1], source=text, license_id=text)
    write.fill(session, [2], source="other", license_id="other")
    assert ids(engine.find_samples_by_source(text)) == write.ids(1)
    assert ids(engine.find_samples_by_license(text)) == write.ids(1)
    assert engine.check_license_presence(text)
    assert engine.get_license_breakdown(session)[text] == 1
    assert engine.get_source_breakdown(session)[text] == 1
    assert engine.trace_sample(write.ids(1)[0]).sources == (text,)
    assert engine.find_batches_with_license(text)[0].license_id == text


# -- the sequence --------------------------------------------------------------------


@pytest.fixture
def samples(engine, write, session):
    write.fill(session, [0, 1, 2], [3, 0], [], [4, 5], [6])
    return engine.find_samples_by_license("MIT")


def test_it_is_a_sequence(samples, write):
    wanted = write.ids(*range(7))
    assert isinstance(samples, Sequence)
    assert len(samples) == 7
    assert [samples[at].sample_id for at in range(-7, 7)] == wanted * 2
    assert ids(reversed(samples)) == wanted[::-1]
    assert samples.index(samples[4]) == 4


@pytest.mark.parametrize("index", [7, -8])
def test_an_index_outside_is_an_error(samples, index):
    with pytest.raises(IndexError):
        samples[index]


@pytest.mark.parametrize(
    "part", [slice(2, 5), slice(None, None, -2), slice(-2, None), slice(5, 2), slice(0, 99)]
)
def test_a_slice_is_a_sequence_of_its_own(samples, write, part):
    wanted = write.ids(*range(7))[part]
    assert ids(samples[part]) == wanted
    assert [sample in samples[part] for sample in write.ids(*range(7))] == [
        sample in wanted for sample in write.ids(*range(7))
    ]
    assert ids(samples[part][1:]) == wanted[1:]


def test_membership_takes_ids_in_every_form(samples, write):
    sample_id = write.ids(5)[0]
    assert sample_id in samples
    assert sample_id.upper() in samples
    assert bytes.fromhex(sample_id) in samples
    assert samples[5] in samples


@pytest.mark.parametrize("value", ["", "5", "g" * 64, 5, None, b"5"])
def test_what_is_no_id_is_not_in_it(samples, value):
    assert value not in samples


def test_what_was_never_seen_is_not_in_it(samples, write):
    assert write.ids(7)[0] not in samples


def test_a_match_across_two_fingerprints_is_none(samples, write):
    both = write.fingerprint(0) + write.fingerprint(1)
    assert both[16:48] not in samples


def test_ids_that_begin_alike_are_told_apart(engine, write, session):
    stream = write.stream(session)
    known = [bytes(8) + bytes([number]) * 24 for number in range(3)]
    write.batch(stream, 0, [], fingerprints=b"".join(known))
    samples = engine.find_samples_by_license("MIT")
    assert ids(samples) == [fingerprint.hex() for fingerprint in known]
    assert all(fingerprint in samples for fingerprint in known)
    assert bytes(8) + bytes([9]) * 24 not in samples


def test_it_shows_its_length_and_no_content(samples, write):
    assert repr(samples) == "<SampleSequence of 7>"


def test_length_and_membership_build_no_records(samples, write, db, monkeypatch):
    monkeypatch.delattr(type(db.ledger), "batches")
    assert len(samples) == 7
    assert write.ids(6)[0] in samples


def test_records_tell_what_was_first_said_of_a_sample(engine, write, session):
    stream = write.stream(session)
    write.batch(
        stream,
        0,
        [1, 2],
        byte_sizes=[5, 6],
        content_types=["text", "json"],
        keys=["row-1", None],
        metadata=[None, {"shard": 3}],
    )
    write.batch(stream, 1, [1, 2], keys=["later", "later"])
    one, two = write.ids(1, 2)
    assert list(engine.find_samples_by_license("MIT")) == [
        SampleRecord(one, 5, "text", "row-1", {}),
        SampleRecord(two, 6, "json", None, {"shard": 3}),
    ]


def test_it_stays_as_it_was_while_training_goes_on(engine, write, session):
    stream = write.fill(session, [1, 2])
    samples = engine.find_samples_by_license("MIT")
    write.batch(stream, 1, [3])
    assert ids(samples) == write.ids(1, 2)
    assert write.ids(3)[0] not in samples
    assert ids(engine.find_samples_by_license("MIT")) == write.ids(1, 2, 3)


def test_a_closed_database_is_named_as_the_cause(samples, db):
    db.close()
    with pytest.raises(DatabaseClosedError):
        samples[0]


def test_iterating_holds_no_records(engine, write, session):
    write.fill(session, *(range(first, first + 250) for first in range(0, 10_000, 250)))
    samples = engine.find_samples_by_license("MIT")
    tracemalloc.start()
    try:
        assert sum(sample.byte_size for sample in samples) == 100_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # All records at once would take more than two megabytes.
    assert peak < 300_000


# -- wrong arguments -----------------------------------------------------------------


@pytest.mark.parametrize(
    "method",
    [
        "find_samples_by_license",
        "find_samples_by_source",
        "find_batches_with_license",
        "check_license_presence",
    ],
)
def test_wrong_arguments_are_named(engine, session, method):
    with pytest.raises(SessionNotFoundError, match="no session 'nope'"):
        getattr(engine, method)("MIT", session_id="nope")
    with pytest.raises(ConfigurationError, match="must be a str, not a int"):
        getattr(engine, method)(5)
    with pytest.raises(ConfigurationError, match="session_id must be a str"):
        getattr(engine, method)("MIT", session_id=5)
