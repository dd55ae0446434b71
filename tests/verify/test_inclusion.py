"""Proofs of inclusion: every sample of every small batch, every batch of every short log."""

from dataclasses import replace

import pytest
from merkle_reference import LIMIT
from proofs import (
    SESSION,
    TEAM,
    Session,
    holds,
    log_path,
    of_another_state,
    path_in,
    prints,
    prints_of,
    refusal_of,
    some_of,
)

from origin.core.log import BatchLeaf, OpenLeaf
from origin.verify import verify_text

KEYS = (TEAM.key,)


def test_every_position_of_every_batch() -> None:
    for size in range(1, LIMIT + 1):
        samples = prints_of(1, size)[0]
        session = Session([samples])
        first = session.inclusion(0, 0, 0)
        for position, sample in enumerate(samples):
            path = path_in(samples, position)
            proof = replace(first, sample=sample, position=position, sample_path=path)
            assert holds(proof), (size, position)
            wrong = (
                replace(proof, position=position + 1),
                replace(proof, position=position - 1 if position else size),
                replace(proof, sample=samples[position - 1] if size > 1 else bytes(32)),
                replace(proof, sample_path=(*path, bytes(32))),
                replace(proof, sample_path=path[:-1] if path else (bytes(32),)),
            )
            for one in some_of(wrong, size, position):
                assert not holds(one), (size, position, one)


def test_every_index_of_every_log() -> None:
    for size in range(1, LIMIT):
        session = Session([prints(number) for number in range(size)], closed=False)
        session.note_state()
        log = session.logs[0]
        first = session.inclusion(0, 0, 0)
        for index, leaf in enumerate(log[1:], start=1):
            assert isinstance(leaf, BatchLeaf)
            path = log_path(log, index)
            proof = replace(
                first, sample=prints(index - 1)[0], index=index, batch=leaf, batch_path=path
            )
            assert holds(proof), (size, index)
            wrong = (
                replace(proof, index=index + 1),
                replace(proof, index=index - 1),
                replace(proof, batch_path=(*path, bytes(32))),
                replace(proof, batch_path=path[:-1]),
                replace(proof, batch=replace(leaf, epoch=1)),
            )
            for one in some_of(wrong, size, index):
                assert not holds(one), (size, index, one)


def test_every_state_of_a_long_log_of_states() -> None:
    session = Session([prints(7)], closed=False)
    for number in range(LIMIT):
        session.note_state()
        proof = session.inclusion(0, 0, 0)
        assert holds(proof), number
        assert not holds(replace(proof, state_path=(*proof.state_path, bytes(32))))
        if number:
            assert not holds(replace(proof, state=session.states[-2])), number


@pytest.fixture
def session() -> Session:
    return Session(prints_of(3, 4), prints_of(2, 5))


def test_every_sample_holds_as_a_file(session: Session) -> None:
    for stream, batches in enumerate(session.batches):
        for batch, samples in enumerate(batches):
            for position, sample in enumerate(samples):
                verdict = verify_text(session.inclusion(stream, batch, position).text(), KEYS)
                assert (verdict.kind, verdict.session) == ("inclusion", SESSION)
                assert verdict.facts["sample"] == sample.hex()
                place = [verdict.facts[name] for name in ("stream", "batch", "position")]
                assert place == [stream, batch, position]


def test_the_head_of_another_session(session: Session) -> None:
    other = Session(prints_of(3, 4), prints_of(2, 5), session="another")
    proof = replace(session.inclusion(0, 0, 0), head=other.inclusion(0, 0, 0).head)
    assert refusal_of(proof) == "the state is of another session than the head"


def test_a_head_that_is_older_or_newer_than_the_state(session: Session) -> None:
    proof = session.inclusion(0, 0, 0)
    session.note_state()
    late = replace(proof, head=TEAM.sign(session.head()))
    assert refusal_of(late) == of_another_state(0, 1)
    early = replace(session.inclusion(0, 0, 0), head=proof.head)
    assert refusal_of(early) == of_another_state(1, 0)


def test_a_state_that_is_not_in_the_log(session: Session) -> None:
    proof = session.inclusion(0, 0, 0)
    streams = [list(one) for one in proof.state.streams]
    streams[1][0] += 1
    wrong = replace(proof, state=replace(proof.state, streams=streams))
    assert refusal_of(wrong) == "the state is not the newest in the log that was signed"


def test_a_stream_that_is_not_there(session: Session) -> None:
    assert refusal_of(replace(session.inclusion(0, 0, 0), stream=2)) == (
        "the state that was signed has no stream 2"
    )


def test_a_leaf_of_another_stream_does_not_open_this_one(session: Session) -> None:
    proof, other = session.inclusion(0, 0, 0), session.inclusion(1, 0, 0)
    wrong = replace(proof, open=other.open, open_path=other.open_path)
    assert refusal_of(wrong) == (
        "the opening leaf of stream 0 is not the first of the log that was signed"
    )


@pytest.mark.parametrize("changes", [{"session": "another"}, {"stream": 1}])
def test_a_signed_log_that_says_it_is_of_another_stream(changes: dict[str, object]) -> None:
    session = Session(closed=False)
    session.open(**changes)
    session.batch(0, prints(1, 2))
    session.note_state()
    assert refusal_of(session.inclusion(0, 0, 0)) == (
        "the opening leaf of stream 0 is of another stream or session"
    )


def test_a_log_of_another_version() -> None:
    session = Session([prints(1)], log_version=2)
    assert refusal_of(session.inclusion(0, 0, 0)) == (
        "stream 0 is logged by version 2 of the specification, and this reads version 1"
    )


def test_the_opening_leaf_stands_first_and_nowhere_else() -> None:
    session = Session([prints(1)], closed=False)
    again = session.logs[0][0]
    assert isinstance(again, OpenLeaf)
    session.logs[0].append(again)
    session.note_state()
    proof = session.inclusion(0, 0, 0)
    assert holds(proof)
    late = replace(proof, open_path=log_path(session.logs[0], 2))
    assert refusal_of(late) == (
        "the opening leaf of stream 0 is not the first of the log that was signed"
    )


def test_the_batch_of_another_index(session: Session) -> None:
    proof = session.inclusion(0, 1, 2)
    assert refusal_of(replace(proof, index=18)) == (
        "the batch is not at index 18 of the stream's log that was signed"
    )


def test_the_sample_of_another_position(session: Session) -> None:
    proof = session.inclusion(0, 1, 2)
    assert refusal_of(replace(proof, position=3)) == "the sample is not at position 3 of the batch"
    assert refusal_of(replace(proof, position=4)) == "the sample is not at position 4 of the batch"


def test_a_batch_without_samples_has_none() -> None:
    session = Session([prints(1), []])
    empty = session.logs[0][2]
    assert isinstance(empty, BatchLeaf)
    proof = replace(
        session.inclusion(0, 0, 0), batch=empty, index=2, batch_path=log_path(session.logs[0], 2)
    )
    assert refusal_of(proof) == "the sample is not at position 0 of the batch"


def test_a_sample_twice_in_a_batch_is_proved_at_both_positions() -> None:
    session = Session([prints(5, 5, 6)])
    first, second = session.inclusion(0, 0, 0), session.inclusion(0, 0, 1)
    assert holds(first)
    assert holds(second)
    assert not holds(replace(first, position=2))
