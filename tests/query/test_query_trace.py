"""Tracing one sample."""

import pytest

from origin.core.record import Observation, SampleRecord
from origin.errors import ConfigurationError, SampleNotFoundError


def test_a_trace_holds_every_observation_in_order(engine, write):
    first, second = write.session(), write.session()
    a = write.fill(first, [1, 2], [3, 2, 2], source="a")
    b = write.stream(second, "b", None)
    write.batch(b, 0, [2], epoch=4, keys=["row-2"], metadata=[{"k": 1}])
    sample_id = write.ids(2)[0]
    trace = engine.trace_sample(sample_id)
    assert trace.sample == SampleRecord(sample_id, 10, "text")
    assert trace.sources == ("a", "b")
    assert trace.licenses == ("MIT", "unknown")
    assert trace.sessions == (first, second)
    assert [(o.stream_no, o.batch_no, o.position) for o in trace.observations] == [
        (a, 0, 1),
        (a, 1, 1),
        (a, 1, 2),
        (b, 0, 0),
    ]
    assert trace.observations[-1] == Observation(
        sample_id=sample_id,
        session_id=second,
        source_id="b",
        license_id="unknown",
        stream_no=b,
        batch_no=0,
        position=0,
        epoch=4,
        seen_at="2026-01-01T00:00:03.000+00:00",
        key="row-2",
        metadata={"k": 1},
    )


def test_observations_follow_time_and_not_the_opening_of_streams(engine, write, session):
    one, two = write.stream(session, "one", "MIT"), write.stream(session, "two", "mit")
    write.batch(two, 0, [1], keys=["first"])
    write.batch(one, 0, [1], keys=["second"])
    write.batch(two, 1, [1], keys=["third"])
    trace = engine.trace_sample(write.ids(1)[0])
    assert [seen.key for seen in trace.observations] == ["first", "second", "third"]
    assert trace.sample.key == "first"
    assert trace.sources == ("two", "one")
    assert trace.licenses == ("mit",)


def test_a_clock_set_back_does_not_turn_a_stream_around(engine, write, session):
    stream = write.stream(session)
    for number, seen_at in enumerate((5000, 1000, 3000)):
        write.batch(stream, number, [1], seen_at=seen_at)
    trace = engine.trace_sample(write.ids(1)[0])
    assert [seen.batch_no for seen in trace.observations] == [0, 1, 2]


def test_upper_case_and_bytes_name_the_same_sample(engine, write, session):
    write.fill(session, [1])
    sample_id = write.ids(1)[0]
    trace = engine.trace_sample(sample_id)
    assert engine.trace_sample(sample_id.upper()) == trace
    assert engine.trace_sample(write.fingerprint(1)) == trace


def test_a_sample_never_seen_is_an_error(engine, write, session):
    write.fill(session, [1])
    with pytest.raises(SampleNotFoundError, match=write.ids(2)[0]):
        engine.trace_sample(write.ids(2)[0])


@pytest.mark.parametrize("shift", [1, 16, 31])
def test_a_match_across_two_fingerprints_is_none(engine, write, session, shift):
    write.fill(session, [1, 2])
    both = write.fingerprint(1) + write.fingerprint(2)
    with pytest.raises(SampleNotFoundError):
        engine.trace_sample(both[shift : shift + 32])


def test_a_real_match_behind_a_false_one_is_found(engine, write, session):
    stream = write.stream(session)
    sample = b"ab" * 16
    write.batch(stream, 0, [], fingerprints=b"b" + b"ab" * 15 + b"a" + b"b" * 32 + sample)
    trace = engine.trace_sample(sample)
    assert [seen.position for seen in trace.observations] == [2]


@pytest.mark.parametrize(
    "value", ["", "abc", "g" * 64, "ab" * 31 + "a\n", " " + "ab" * 32, "ab" * 33, b"ab", 5, None]
)
def test_what_is_no_id_says_how_to_get_one(engine, value):
    with pytest.raises(SampleNotFoundError, match=r"64 hex digits.*db\.fingerprint\(value\)"):
        engine.trace_sample(value)


def test_a_huge_wrong_id_makes_no_huge_message(engine):
    with pytest.raises(SampleNotFoundError) as caught:
        engine.trace_sample("x" * 1_000_000)
    assert len(str(caught.value)) < 200


def test_the_first_times_and_all_of_them_counted(ask, write):
    first, second = write.session(), write.session()
    write.fill(first, [1, 1], [1], source="a")
    write.fill(second, [2], [1, 1, 1], source="b", license_id=None)
    (wanted,) = write.ids(1)
    whole = ask("trace_sample", wanted)
    assert whole.times == {first: 3, second: 3}
    for limit in (0, 1, 4, 6, 99):
        some = ask("trace_sample", wanted, limit=limit)
        assert some.observations == whole.observations[:limit]
        told = (some.sample, some.sources, some.licenses, some.sessions, some.times, some.total)
        assert told == (whole.sample, whole.sources, whole.licenses, whole.sessions,
                        whole.times, 6)  # fmt: skip
    assert ask("trace_sample", wanted, limit=2).told(2).endswith("and 4 times more")
    with pytest.raises(ConfigurationError, match="limit"):
        ask("trace_sample", wanted, limit=-1)
