"""A sample by the beginning of its id, in a record that is sealed or not."""

import pytest

from origin.errors import ConfigurationError, SampleNotFoundError
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase

ALIKE = [bytes.fromhex(f"abcdef{number:02x}" + "00" * 28) for number in range(9)]


@pytest.fixture
def many(write, session):
    write.fill(session, range(2_000), range(500))
    stream = write.stream(session, "alike")
    write.batch(stream, 0, [], fingerprints=b"".join(ALIKE))


@pytest.mark.parametrize("digits", [8, 13, 63, 64])
def test_its_beginning_is_enough(ask, write, many, digits):
    (wanted,) = write.ids(1_234)
    assert ask("find_sample", wanted[:digits]) == wanted
    assert ask("find_sample", wanted[:digits].upper()) == wanted


def test_the_first_and_the_last_of_all_are_found(ask, write, many):
    every = sorted(write.ids(*range(2_000)))
    for wanted in (every[0], every[-1]):
        assert ask("find_sample", wanted[:10]) == wanted


def test_several_are_listed(ask, many):
    with pytest.raises(ConfigurationError, match=r"abcdef: abcdef00.*abcdef0400+, …; give more"):
        ask("find_sample", "abcdef")
    assert ask("find_sample", "abcdef03") == ALIKE[3].hex()


@pytest.mark.parametrize("beginning", ["0123456789", "abcdef09", "f" * 64, "0" * 64])
def test_none_begins_so(ask, many, beginning):
    with pytest.raises(SampleNotFoundError, match="never seen"):
        ask("find_sample", beginning)


@pytest.mark.parametrize("beginning", ["", "abc", "xyzw", "a" * 65, "abcd%", 5, None])
def test_what_begins_no_id(engine, beginning):
    with pytest.raises(SampleNotFoundError, match="4 to 64 hex digits"):
        engine.find_sample(beginning)


def test_it_is_found_among_several_segments(tmp_path, write):
    with ProvenanceDatabase(tmp_path / "several.db", seal_after=None) as db:
        writer = type(write)(db)
        run = writer.session()
        stream = writer.stream(run)
        for number in range(4):
            writer.batch(stream, number, range(300 * number, 300 * number + 400))
            db.seal()
        engine = QueryEngine(db)
        for sample in (0, 350, 1_299):
            (wanted,) = writer.ids(sample)
            assert engine.find_sample(wanted[:12]) == wanted
            assert engine.trace_sample(wanted).sample.sample_id == wanted


def test_batches_of_one_session_in_order(engine, write):
    first, second = write.session(), write.session()
    write.fill(first, [1, 2], [3], source="a")
    write.fill(second, [4])
    write.fill(first, [5], source="b")
    found = engine.list_batches(first)
    assert [(one.source_id, one.batch_no, one.samples) for one in found] == [
        ("a", 0, 2),
        ("a", 1, 1),
        ("b", 0, 1),
    ]


def test_where_samples_were_seen_first(ask, write, session):
    stream = write.fill(session, [1, 2], [2, 3], [1, 4])
    found = list(ask("find_samples_by_license", "MIT").first_sights())
    assert [(one.stream_no, one.batch_no, one.position) for one in found] == [
        (stream, 0, 0),
        (stream, 0, 1),
        (stream, 1, 1),
        (stream, 2, 1),
    ]
    assert [one.sample.sample_id for one in found] == write.ids(1, 2, 3, 4)
    assert [
        one.sample.sample_id for one in ask("find_samples_by_license", "MIT")[2:].first_sights()
    ] == write.ids(3, 4)


def test_batches_of_one_source_or_rank(engine, write, session):
    write.fill(session, [1], source="a")
    write.fill(session, [2], source="b")
    assert [one.source_id for one in engine.list_batches(session, source="b")] == ["b"]
    assert len(engine.list_batches(session, rank=0)) == 2
    with pytest.raises(ConfigurationError, match="no such stream"):
        engine.list_batches(session, source="c")
    assert len(engine.list_batches(write.session())) == 0
