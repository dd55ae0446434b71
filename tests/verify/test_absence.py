"""Proofs of absence: every place between the fingerprints of every small set."""

from dataclasses import replace

import pytest
from merkle_reference import LIMIT
from proofs import (
    SESSION,
    TEAM,
    Session,
    holds,
    log_path,
    neighbour,
    of_another_state,
    prints,
    prints_of,
    refusal_of,
    some_of,
)

from origin.core.log import CloseLeaf
from origin.core.merkle import merkle_root
from origin.verify import AbsenceProof, AbsentStream, Neighbour, verify_text

KEYS = (TEAM.key,)


def between(
    proof: AbsenceProof, sample: int, before: Neighbour | None, after: Neighbour | None
) -> AbsenceProof:
    """The proof about another sample, with other neighbours in its only stream."""
    stream = replace(proof.streams[0], before=before, after=after)
    return replace(proof, sample=prints(sample)[0], streams=(stream,))


def test_every_place_in_every_set() -> None:
    for size in range(LIMIT + 1):
        different = prints(*(2 * number + 1 for number in range(size)))
        ends: list[Neighbour | None] = [None]
        all_of_it = [*ends, *(neighbour(different, index) for index in range(size)), None]
        base = Session([different]).absence(prints(0)[0])
        for place in range(size + 1):
            before, after = all_of_it[place], all_of_it[place + 1]
            assert holds(between(base, 2 * place, before, after)), (size, place)
            for wrong in some_of(wrong_ones(base, place, all_of_it), size, place):
                assert not holds(wrong), (size, place, wrong)


def wrong_ones(base: AbsenceProof, place: int, ends: list[Neighbour | None]) -> list[AbsenceProof]:
    """What does not show that nothing is at a place; ``ends`` are all neighbours, and None."""
    before, after = ends[place], ends[place + 1]
    wrong = []
    if before is not None:
        wrong += [
            between(base, 2 * place, None, after),
            between(base, 2 * place - 1, before, after),  # it is the neighbour before
            between(base, 2 * place - 2, before, after),
            between(base, 2 * place, ends[place - 1], after),
            between(base, 2 * place, replace(before, index=before.index + 1), after),
        ]
    if after is not None:
        wrong += [
            between(base, 2 * place, before, None),
            between(base, 2 * place + 1, before, after),  # it is the neighbour after
            between(base, 2 * place + 2, before, after),
            between(base, 2 * place, before, ends[place + 2]),
            between(base, 2 * place, before, replace(after, path=(*after.path, bytes(32)))),
        ]
    if before is not None and after is not None:
        wrong.append(between(base, 2 * place, after, before))
        wrong.append(between(base, 2 * place, None, None))
    return wrong


@pytest.fixture
def session() -> Session:
    return Session(prints_of(3, 4), prints_of(2, 5), [[]])


def test_what_is_in_no_stream_holds_as_a_file(session: Session) -> None:
    everything = {one for batches in session.batches for batch in batches for one in batch}
    for number in range(30):
        sample = prints(number)[0]
        if sample in everything:
            assert not holds(session.absence(sample)), number
            continue
        verdict = verify_text(session.absence(sample).text(), KEYS)
        assert (verdict.kind, verdict.session) == ("absence", SESSION)
        assert verdict.facts["sample"] == sample.hex()


def test_one_stream_that_has_it_is_enough() -> None:
    session = Session([prints(1, 3)], [prints(1, 2, 3)])
    assert refusal_of(session.absence(prints(2)[0])) == (
        "the neighbours in the set of stream 1 do not follow each other"
    )


def test_the_set_is_of_different_samples() -> None:
    session = Session([prints(1, 1, 3), prints(3, 1)])
    closed = session.logs[0][-1]
    assert isinstance(closed, CloseLeaf)
    assert (closed.observations, closed.set_size) == (5, 2)
    assert holds(session.absence(prints(2)[0]))


def test_a_state_of_no_streams_shows_nothing() -> None:
    session = Session(closed=False)
    session.note_state()
    assert refusal_of(session.absence(prints(2)[0])) == "the state that was signed has no streams"


def test_every_stream_has_a_part(session: Session) -> None:
    proof = session.absence(prints(2)[0])
    assert refusal_of(replace(proof, streams=proof.streams[:2])) == (
        "the proof has parts for 2 streams, and the state that was signed has 3"
    )
    assert refusal_of(replace(proof, streams=(*proof.streams, proof.streams[0]))) == (
        "the proof has parts for 4 streams, and the state that was signed has 3"
    )
    assert refusal_of(replace(proof, streams=())) == (
        "the proof has parts for 0 streams, and the state that was signed has 3"
    )


def test_the_parts_stand_in_order(session: Session) -> None:
    proof = session.absence(prints(2)[0])
    assert refusal_of(replace(proof, streams=proof.streams[::-1])) == (
        "the opening leaf of stream 0 is not the first of the log that was signed"
    )


def test_what_follows_the_closing_leaf_opens_the_stream_again() -> None:
    session = Session(prints_of(2, 3), closed=False)
    session.close(0)
    session.gap(0, 9, 9)
    session.note_state()
    log = session.logs[0]
    closed = log[-2]
    assert isinstance(closed, CloseLeaf)
    session.close(0)
    session.note_state()
    proof = session.absence(prints(2)[0])
    assert holds(proof)
    early = replace(proof.streams[0], close=closed, close_path=log_path(log, len(log) - 3))
    assert refusal_of(replace(proof, streams=(early,))) == (
        "the closing leaf of stream 0 is not the last of the log that was signed"
    )


def test_a_later_state_needs_a_later_proof(session: Session) -> None:
    proof = session.absence(prints(2)[0])
    session.gap(1, 7, 8)
    session.note_state()
    late = replace(proof, head=TEAM.sign(session.head()))
    assert refusal_of(late) == of_another_state(0, 1)


def stream_of(proof: AbsenceProof, changed: AbsentStream) -> AbsenceProof:
    return replace(proof, streams=(changed,))


def test_what_is_said_of_neighbours() -> None:
    different = prints(1, 3, 5, 7)
    first, second, third, last = (neighbour(different, index) for index in range(4))
    proof = Session([different]).absence(prints(4)[0])
    own = proof.streams[0]
    assert (own.before, own.after) == (second, third)
    for before, after, why in [
        (third, last, "the neighbour before, in stream 0, is not smaller"),
        (first, second, "the neighbour after, in stream 0, is not larger"),
        (first, third, "the neighbours in the set of stream 0 do not follow each other"),
        (second, None, "the neighbours in the set of stream 0 do not follow each other"),
        (None, third, "the neighbours in the set of stream 0 do not follow each other"),
        (None, None, "the set of stream 0 is not empty, and no neighbour is shown"),
        (replace(second, index=2), third, "a neighbour is not at index 2 of the set of stream 0"),
        (second, replace(third, path=()), "a neighbour is not at index 2 of the set of stream 0"),
    ]:
        assert refusal_of(stream_of(proof, replace(own, before=before, after=after))) == why


def test_the_neighbours_are_other_samples() -> None:
    proof = Session([prints(1, 3)]).absence(prints(2)[0])
    assert refusal_of(replace(proof, sample=prints(1)[0])) == (
        "the neighbour before, in stream 0, is not smaller"
    )
    assert refusal_of(replace(proof, sample=prints(3)[0])) == (
        "the neighbour after, in stream 0, is not larger"
    )


def closed_with(**changes: object) -> AbsenceProof:
    """A proof of absence in a stream without samples, whose closing leaf says something else."""
    session = Session([[]], closed=False)
    session.close(0, **changes)
    session.note_state()
    return session.absence(prints(4)[0])


def test_an_empty_set_has_the_root_of_no_leaf() -> None:
    assert holds(closed_with())
    for wrong in (
        closed_with(set_root="00" * 32),
        closed_with(set_size=1),
        closed_with(set_size=1, set_root=merkle_root(prints(4)).hex()),
    ):
        assert refusal_of(wrong) == "the set of stream 0 is not empty, and no neighbour is shown"


def test_a_set_that_is_out_of_order_shows_nothing_between_what_does_not_follow() -> None:
    jumbled = prints(1, 7, 3, 9)
    session = Session([[]], closed=False)
    session.close(0, set_size=4, set_root=merkle_root(jumbled).hex())
    session.note_state()
    base = session.absence(prints(4)[0])
    pairs = [(jumbled[one], jumbled[one + 1]) for one in range(3)]
    shown = [neighbour(jumbled, index) for index in range(4)]
    for place, (before, after) in enumerate(pairs):
        proof = between(base, 4, shown[place], shown[place + 1])
        assert holds(proof) == (before < prints(4)[0] < after)
