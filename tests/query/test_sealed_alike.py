"""The same record gives the same answers, whichever part of it is sealed."""

import random
from dataclasses import astuple

import pytest

from origin.core.record import Annotation, Gap
from origin.query.engine import QueryEngine
from origin.query.sql import VIEWS
from origin.storage.database import ProvenanceDatabase

LICENSES = ("MIT", "mit", "GPL-3.0", None, "unknown", "odd \ud800")
SAMPLES = 40
TIMES = {"created_at", "ended_at", "opened_at", "first_seen", "found_at", "gone_at"}


def record(write, seed, sealing):
    """A record of a few sessions; the seed says all of it, but not when it is sealed."""
    choose, when = random.Random(seed), random.Random(sealing)  # noqa: S311
    db, sessions, streams = write.db, [], {}
    for _ in range(choose.randrange(1, 4)):
        sessions.append(write.session(n=len(sessions)))
        for number in range(choose.randrange(1, 4)):
            kind = choose.randrange(len(LICENSES))
            stream = write.stream(sessions[-1], f"source {kind}", LICENSES[kind])
            streams[stream] = (len(sessions) - 1, 0, number)
    for _ in range(choose.randrange(40)):
        stream = choose.choice(list(streams))
        session, batch_no, number = streams[stream]
        samples = choose.choices(range(SAMPLES), k=choose.randrange(6))
        if choose.random() < 0.1:
            db.append([], [Gap(stream, batch_no, batch_no, "lost", "2026-01-01T00:00:00Z")])
        else:
            write.batch(stream, batch_no, samples, **details(choose, len(samples)))
            db.append([], [], [Annotation(stream, batch_no, "loss", choose.random())])
        streams[stream] = (session, batch_no + 1, number)
        if sealing and when.random() < 0.15:
            db.seal()
    for session_id in sessions:
        if choose.random() < 0.5:
            db.end_session(session_id)
    if sealing and when.random() < 0.5:
        db.seal()
    return sessions


def details(choose, count):
    told = {"epoch": choose.randrange(3), "seen_at": 1_767_225_600_000 + choose.randrange(99)}
    if choose.random() < 0.5:
        told["byte_sizes"] = choose.choices(range(2**40), k=count)
    if choose.random() < 0.3:
        told["content_types"] = choose.choices(["text", "json", "bytes"], k=count)
    if choose.random() < 0.3:
        told["keys"] = choose.choices([None, "a", "\ud800", "\x00utf8:00", "b\x00c"], k=count)
    if choose.random() < 0.3:
        told["metadata"] = choose.choices([None, {"k": 1}, {"t": ["\ud800\udc00", "ü"]}], k=count)
    return told


def answers(db, sessions, write):
    """What every method says, with the sessions by number and without the times of the day."""
    engine = QueryEngine(db)
    names = {session_id: number for number, session_id in enumerate(sessions)}
    yield from (plain(view, engine.sql(f"SELECT * FROM {view}"), names) for view in VIEWS)
    for session_id in (None, *sessions):
        for name in ("MIT", "gpl-3.0", "unknown", "odd \ud800", "none"):
            samples = engine.find_samples_by_license(name, session_id)
            yield list(samples), list(samples[::-3]), samples[:5].__repr__()
            yield [number for number in range(SAMPLES) if write.ids(number)[0] in samples[1::2]]
            batches = engine.find_batches_with_license(name, session_id)
            yield [astuple(batch)[1:] for batch in batches]
            yield [astuple(batch)[1:] for batch in batches[-1:0:-2]]
            yield engine.check_license_presence(name, session_id)
        yield list(engine.find_samples_by_source("source [1-3]", session_id))
    for sample_id in write.ids(*range(SAMPLES)):
        yield trace(engine, sample_id, names)
    for session_id in sessions:
        summary = engine.get_session_summary(session_id)
        yield {key: value for key, value in summary.items() if key not in {*TIMES, "session_id"}}
        yield engine.get_license_breakdown(session_id), engine.get_source_breakdown(session_id)
        yield from (engine.compare_sessions(session_id, other) for other in sessions)


def plain(view, answer, names):
    kept = [at for at, column in enumerate(answer.columns) if column not in TIMES]
    rows = [tuple(names.get(str(row[at]), row[at]) for at in kept) for row in answer]
    return view, sorted(rows, key=repr)


def trace(engine, sample_id, names):
    try:
        found = engine.trace_sample(sample_id)
    except LookupError:
        return None
    seen = [
        (names[one.session_id], one.source_id, one.stream_no, one.batch_no, one.position, one.key,
         one.metadata, one.seen_at)
        for one in found.observations
    ]  # fmt: skip
    return found.sample, found.sources, found.licenses, [names[one] for one in found.sessions], seen


@pytest.mark.parametrize("seed", range(4))
def test_sealed_unsealed_and_mixed_answer_alike(tmp_path, write, seed):
    told = []
    for sealing in (0, 1, 2):
        with ProvenanceDatabase(tmp_path / f"{sealing}.db") as db:
            writer = type(write)(db)
            sessions = record(writer, seed, sealing)
            told.append(list(answers(db, sessions, writer)))
            assert bool(db.ledger.segments()) <= bool(sealing)
    for others in told[1:]:
        for one, other in zip(told[0], others, strict=True):
            assert one == other


def test_an_engine_that_stays_sees_the_same_before_and_after(write, db):
    sessions = record(write, 3, 0)
    engine = QueryEngine(db)
    samples = engine.find_samples_by_license("MIT")
    batches = engine.find_batches_with_license("MIT")
    before = list(samples), list(batches), list(answers(db, sessions, write))
    first = samples[0]
    db.seal()
    assert samples[0] == first
    assert (list(samples), list(batches), list(answers(db, sessions, write))) == before
    assert [sample in samples for sample in samples] == [True] * len(samples)


def test_long_sequences_of_sealed_samples_are_gone_through_in_order(write, db, session):
    one, two = write.stream(session, "one"), write.stream(session, "two")
    for number in range(300):
        write.batch(one, number, range(10 * number, 10 * number + 10), epoch=0)
        write.batch(two, number, range(10 * number + 5, 10 * number + 15), epoch=0)
    db.seal()
    samples = QueryEngine(db).find_samples_by_license("MIT")
    wanted = write.ids(*range(3005))
    assert [sample.sample_id for sample in samples] == wanted
    assert [sample.sample_id for sample in samples[::-7]] == wanted[::-7]
    assert [samples[at].sample_id for at in (0, 2999, -1, 17)] == [
        wanted[at] for at in (0, 2999, -1, 17)
    ]
    batches = QueryEngine(db).find_batches_with_license("MIT")
    assert [batch.batch_no for batch in batches] == [*range(300)] * 2
    assert batches[450].sample_ids == tuple(write.ids(*range(1505, 1515)))
