"""Proofs of consistency: every pair of states of a session that grows leaf by leaf."""

from collections.abc import Iterator
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
    prints,
    prints_of,
    refusal_of,
)

from origin.core.log import log_root
from origin.core.merkle import consistency_proof, inclusion_proof
from origin.core.note import Head
from origin.verify import ConsistencyProof, verify_text

KEYS = (TEAM.key,)


def every_pair(limit: int) -> Iterator[tuple[int, int, ConsistencyProof]]:
    """Of a session with a state after each leaf: as many states as its stream has leaves."""
    session = Session(closed=False)
    session.open()
    session.note_state()
    for number in range(limit - 1):
        session.batch(0, prints(number))
        session.note_state()
    leaves = [one.data() for one in session.logs[0]]
    states = [one.data() for one in session.states]
    heads = [TEAM.sign(session.head(size)) for size in range(1, limit + 1)]
    paths = [tuple(inclusion_proof(states[: one + 1], one)) for one in range(limit)]
    for new in range(limit):
        for old in range(new + 1):
            yield (
                old,
                new,
                ConsistencyProof(
                    old=session.states[old],
                    old_path=paths[old],
                    new=session.states[new],
                    new_path=paths[new],
                    states_path=tuple(consistency_proof(states[: new + 1], old + 1)),
                    stream_paths=(tuple(consistency_proof(leaves[: new + 1], old + 1)),),
                    old_head=heads[old],
                    new_head=heads[new],
                ),
            )


def test_every_pair_of_states() -> None:
    for old, new, proof in every_pair(LIMIT):
        assert holds(proof), (old, new)
        wrong = [
            replace(proof, states_path=(*proof.states_path, bytes(32))),
            replace(proof, stream_paths=((*proof.stream_paths[0], bytes(32)),)),
            replace(proof, states_path=proof.states_path[1:] if old < new else (bytes(32),)),
            replace(proof, stream_paths=(proof.stream_paths[0][:-1],) if old < new else ()),
        ]
        assert not holds(wrong[(old + new) % 4]), (old, new)


def test_every_pair_of_few_states_the_wrong_way_round() -> None:
    for old, new, proof in every_pair(12):
        turned = replace(
            proof,
            old=proof.new,
            old_path=proof.new_path,
            old_head=proof.new_head,
            new=proof.old,
            new_path=proof.old_path,
            new_head=proof.old_head,
        )
        assert holds(turned) == (old == new)


@pytest.fixture
def session() -> Session:
    """A session of three states: one stream, two, and both closed."""
    session = Session(prints_of(3, 4), closed=False)
    session.note_state()
    session.open(source="letters")
    session.batch(1, prints(1, 2, 3))
    session.note_state()
    session.close(0)
    session.close(1)
    session.note_state()
    return session


def test_streams_may_be_added(session: Session) -> None:
    for old in range(3):
        for new in range(old, 3):
            proof = session.consistency(old, new)
            assert len(proof.stream_paths) == (1 if old == 0 else 2)
            verdict = verify_text(proof.text(), KEYS)
            assert (verdict.kind, verdict.session) == ("consistency", SESSION)
            assert verdict.facts["old"]["state"] == old
            assert verdict.facts["new"]["state"] == new


def test_each_earlier_stream_has_a_path(session: Session) -> None:
    proof = session.consistency(0, 2)
    assert refusal_of(replace(proof, stream_paths=())) == (
        "the proof has paths for 0 streams, and the earlier state has 1"
    )
    assert refusal_of(replace(proof, stream_paths=(*proof.stream_paths, ()))) == (
        "the proof has paths for 2 streams, and the earlier state has 1"
    )


def test_heads_of_two_sessions(session: Session) -> None:
    other = Session(prints_of(3, 4), session="another")
    proof = session.consistency(0, 2)
    wrong = replace(proof, new_head=TEAM.sign(other.head()))
    assert refusal_of(wrong) == "the two heads are of different sessions"


def test_the_states_are_those_of_the_heads(session: Session) -> None:
    proof, other = session.consistency(0, 2), session.consistency(1, 1)
    wrong = replace(proof, old=other.old, old_path=other.old_path)
    assert refusal_of(wrong) == of_another_state(1, 0)
    wrong = replace(proof, new=other.old, new_path=other.old_path)
    assert refusal_of(wrong) == of_another_state(1, 2)


def another_history(session: Session, old: int) -> ConsistencyProof:
    """What somebody would hand on who signed another history from the first state on."""
    kept = session.consistency(old, old)
    session.states[0] = replace(session.states[0], streams=[[1, "00" * 32]])
    proof = session.consistency(old, 2)
    return replace(proof, old=kept.old, old_path=kept.old_path, old_head=kept.old_head)


def test_another_log_of_states_is_no_continuation(session: Session) -> None:
    assert refusal_of(another_history(session, 1)) == (
        "the earlier head's log of states is not shown to be a beginning of the later one's"
    )


def test_another_log_of_the_same_length_is_not_the_same(session: Session) -> None:
    kept = session.consistency(2, 2)
    session.states[1] = replace(session.states[1], streams=[[1, "00" * 32]])
    proof = session.consistency(2, 2)
    wrong = replace(proof, old=kept.old, old_path=kept.old_path, old_head=kept.old_head)
    assert refusal_of(wrong) == (
        "the earlier head's log of states is not shown to be a beginning of the later one's"
    )


def test_a_stream_that_was_rewritten(session: Session) -> None:
    other = Session(prints_of(4, 4), closed=False)
    session.logs[0][1] = other.logs[0][2]
    session.note_state()
    assert refusal_of(session.consistency(1, 3)) == (
        "the log of stream 0 is not shown to have only grown between the two heads"
    )


def test_a_second_stream_that_was_rewritten(session: Session) -> None:
    session.logs[1][1] = session.logs[0][1]
    session.note_state()
    assert refusal_of(session.consistency(1, 3)) == (
        "the log of stream 1 is not shown to have only grown between the two heads"
    )


def test_a_stream_that_became_shorter(session: Session) -> None:
    kept = session.consistency(2, 2)
    session.logs[0].pop()
    session.note_state()
    proof = session.consistency(1, 3)
    assert holds(proof)  # what was closed and opened again between the two is not looked at
    wrong = replace(
        proof,
        old=kept.old,
        old_path=kept.old_path,
        old_head=kept.old_head,
        states_path=tuple(consistency_proof([one.data() for one in session.states], 3)),
        stream_paths=((), ()),
    )
    assert refusal_of(wrong) == (
        "the log of stream 0 is not shown to have only grown between the two heads"
    )


def test_streams_are_not_taken_away(session: Session) -> None:
    session.logs.pop()
    session.note_state()
    assert refusal_of(session.consistency(2, 3)) == (
        "the later state has fewer streams than the earlier one"
    )


def test_a_stream_without_leaves_is_a_beginning_of_nothing() -> None:
    session = Session(prints_of(1, 1), closed=False)
    leaves = session.logs[0][:]
    session.logs[0].clear()
    session.note_state()
    session.logs[0].extend(leaves)
    session.note_state()
    proof = replace(session_without_path(session), stream_paths=((),))
    assert refusal_of(proof) == (
        "the log of stream 0 is not shown to have only grown between the two heads"
    )


def session_without_path(session: Session) -> ConsistencyProof:
    states = session.states
    return ConsistencyProof(
        old=states[0],
        old_path=(),
        new=states[1],
        new_path=log_path(states, 1),
        states_path=tuple(consistency_proof([one.data() for one in states], 1)),
        stream_paths=(),
        old_head=TEAM.sign(session.head(1)),
        new_head=TEAM.sign(session.head(2)),
    )


def test_a_head_of_no_states(session: Session) -> None:
    nothing = TEAM.sign(Head(session.head().origin, 0, log_root([])))
    proof = replace(session.consistency(0, 2), old_head=nothing)
    assert refusal_of(proof) == of_another_state(0, -1)


def test_both_heads_are_signed_by_trusted_keys(session: Session) -> None:
    from proofs import Signer

    other = Signer(1, "example.org/other")
    proof = session.consistency(0, 2)
    for head in ("old_head", "new_head"):
        wrong = replace(proof, **{head: other.sign(Head.parse(getattr(proof, head).text))})
        assert refusal_of(wrong).startswith("no key that you gave has signed this")
        verdict = verify_text(wrong.text(), [TEAM.key, other.key])
        assert set(verdict.signers) == {"example.com/team", "example.org/other"}
