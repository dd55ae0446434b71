"""Sessions' logs in memory, from plain lists of fingerprints, and proofs of them.

Everything is computed anew from all leaves each time, as docs/proof.md says it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from origin.core.log import BatchLeaf, CloseLeaf, GapLeaf, Leaf, OpenLeaf, StateLeaf, log_root
from origin.core.merkle import consistency_proof, inclusion_proof, merkle_root
from origin.core.note import Head, Note, PublicKey, Signature
from origin.errors import ProofError
from origin.verify import verify_text
from origin.verify.checks import check_absence, check_consistency, check_inclusion
from origin.verify.forms import (
    AbsenceProof,
    AbsentStream,
    ConsistencyProof,
    InclusionProof,
    Neighbour,
    Path,
    Proof,
)

T = TypeVar("T")

SESSION = "3f9c2a10-0000-4000-8000-000000000001"


class Signer:
    """A signing key for tests, the same in every run."""

    def __init__(self, number: int = 0, name: str = "example.com/team") -> None:
        self._secret = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        self.key = PublicKey(name, self._secret.public_key().public_bytes_raw())

    def signature(self, text: str) -> Signature:
        return Signature(self.key.name, self.key.key_id, self._secret.sign(text.encode()))

    def sign(self, head: Head) -> Note:
        return Note(head.text, (self.signature(head.text),))


TEAM = Signer()


CHECKS: dict[type[Proof], Any] = {
    InclusionProof: check_inclusion,
    AbsenceProof: check_absence,
    ConsistencyProof: check_consistency,
}


def holds(proof: Proof) -> bool:
    """Whether a proof holds that nobody has written down."""
    try:
        CHECKS[type(proof)](proof, (TEAM.key,))
    except ProofError:
        return False
    return True


def of_another_state(number: int, newest: int) -> str:
    """What is said where the state of a proof is not the newest of its head."""
    return f"the state is number {number}, and the newest that the head is of is number {newest}"


def refusal_of(proof: Proof) -> str:
    """Why the file of a proof is refused."""
    with pytest.raises(ProofError) as caught:
        verify_text(proof.text(), (TEAM.key,))
    return str(caught.value)


def prints(*numbers: int) -> list[bytes]:
    """Fingerprints that ascend as their numbers do."""
    return [number.to_bytes(32, "big") for number in numbers]


def path_in(leaves: Sequence[bytes], index: int) -> Path:
    return tuple(inclusion_proof(leaves, index))


def log_path(log: Sequence[Leaf], index: int) -> Path:
    return path_in([leaf.data() for leaf in log], index)


def set_of(batches: Sequence[Sequence[bytes]]) -> list[bytes]:
    return sorted({one for batch in batches for one in batch})


class Session:
    """The logs of a session.

    Args:
        streams: a list of batches each; a batch is a list of fingerprints.
        closed: whether to end the streams and to note a state.
        session: its id.
        opened: members of the leaves that open the streams.
    """

    def __init__(
        self,
        *streams: Sequence[Sequence[bytes]],
        closed: bool = True,
        session: str = SESSION,
        **opened: Any,
    ) -> None:
        self.id = session
        self.logs: list[list[Leaf]] = []
        self.batches: list[list[list[bytes]]] = []
        self.states: list[StateLeaf] = []
        for batches in streams:
            number = self.open(**opened)
            for batch in batches:
                self.batch(number, batch)
            if closed:
                self.close(number)
        if closed:
            self.note_state()

    def open(self, **changes: Any) -> int:
        number = len(self.logs)
        told: dict[str, Any] = {
            "session": self.id,
            "config_hash": "lr-3e-4",
            "stream": number,
            "source": "digits",
            "license": "CC-BY-4.0",
            "rank": 0,
            "world_size": 1,
            "opened_at": "2026-01-02T03:04:05.000006+00:00",
            "fingerprint": "sha256",
            "fingerprint_version": 1,
        }
        self.logs.append([OpenLeaf(**told | changes)])
        self.batches.append([])
        return number

    def batch(self, stream: int, samples: Sequence[bytes], epoch: int = 0) -> None:
        self.batches[stream].append([*samples])
        root = merkle_root(samples).hex()
        number = len(self.batches[stream]) - 1
        self.logs[stream].append(BatchLeaf(number, epoch, len(samples), root))

    def gap(self, stream: int, first: int, last: int) -> None:
        self.logs[stream].append(GapLeaf(first, last, "the disk was full"))

    def close(self, stream: int, **changes: Any) -> None:
        batches = self.batches[stream]
        gaps = [one for one in self.logs[stream] if isinstance(one, GapLeaf)]
        different = set_of(batches)
        told: dict[str, Any] = {
            "status": "completed",
            "ended_at": "2026-01-02T05:06:07.500000+00:00",
            "batches": len(batches),
            "observations": sum(map(len, batches)),
            "bytes_seen": 1_000 * sum(map(len, batches)),
            "missing": sum(gap.last - gap.first + 1 for gap in gaps),
            "set_size": len(different),
            "set_root": merkle_root(different).hex(),
        }
        self.logs[stream].append(CloseLeaf(**told | changes))

    def note_state(self) -> StateLeaf:
        streams = [[len(log), log_root(log).hex()] for log in self.logs]
        self.states.append(StateLeaf(self.id, len(self.states), streams))
        return self.states[-1]

    def head(self, size: int | None = None) -> Head:
        states: list[Leaf] = [*self.states[:size]]
        return Head(f"origin-provenance/session/{self.id}", len(states), log_root(states))

    def _state_path(self, state: StateLeaf) -> Path:
        return log_path(self.states[: state.state + 1], state.state)

    def inclusion(
        self, stream: int, batch: int, position: int, signer: Signer = TEAM
    ) -> InclusionProof:
        log, samples, state = self.logs[stream], self.batches[stream][batch], self.states[-1]
        found = [leaf for leaf in log if isinstance(leaf, BatchLeaf) and leaf.batch == batch]
        index = log.index(found[0])
        assert isinstance(log[0], OpenLeaf)
        return InclusionProof(
            sample=samples[position],
            position=position,
            stream=stream,
            index=index,
            open=log[0],
            open_path=log_path(log, 0),
            batch=found[0],
            sample_path=path_in(samples, position),
            batch_path=log_path(log, index),
            state=state,
            state_path=self._state_path(state),
            head=signer.sign(self.head()),
        )

    def absence(self, sample: bytes, signer: Signer = TEAM) -> AbsenceProof:
        state = self.states[-1]
        return AbsenceProof(
            sample=sample,
            state=state,
            state_path=self._state_path(state),
            streams=tuple(self._absent(number, sample) for number in range(len(self.logs))),
            head=signer.sign(self.head()),
        )

    def _absent(self, stream: int, sample: bytes) -> AbsentStream:
        log, different = self.logs[stream], set_of(self.batches[stream])
        smaller = [one for one in different if one < sample]
        larger = [one for one in different if one > sample]
        opened, closed = log[0], log[-1]
        assert isinstance(opened, OpenLeaf)
        assert isinstance(closed, CloseLeaf)
        return AbsentStream(
            open=opened,
            open_path=log_path(log, 0),
            close=closed,
            close_path=log_path(log, len(log) - 1),
            before=neighbour(different, len(smaller) - 1) if smaller else None,
            after=neighbour(different, len(different) - len(larger)) if larger else None,
        )

    def consistency(self, old: int, new: int, signer: Signer = TEAM) -> ConsistencyProof:
        """Between the states of two numbers."""
        before, after = self.states[old], self.states[new]
        return ConsistencyProof(
            old=before,
            old_path=self._state_path(before),
            new=after,
            new_path=self._state_path(after),
            states_path=tuple(
                consistency_proof([one.data() for one in self.states[: new + 1]], old + 1)
            ),
            stream_paths=tuple(
                tuple(consistency_proof([one.data() for one in log[: late[0]]], early[0]))
                for log, early, late in zip(self.logs, before.streams, after.streams, strict=False)
            ),
            old_head=signer.sign(self.head(old + 1)),
            new_head=signer.sign(self.head(new + 1)),
        )


def neighbour(different: Sequence[bytes], index: int) -> Neighbour:
    return Neighbour(index, different[index], path_in(different, index))


def some_of(wrong: Sequence[T], size: int, place: int) -> Sequence[T]:
    """All of some variants for small trees, and one in turn for larger ones."""
    return wrong if size < 17 or not wrong else [wrong[(size + place) % len(wrong)]]


def small_proofs() -> dict[str, str]:
    """A small file of each kind."""
    session = Session(prints_of(2, 3), prints_of(1, 2), closed=False)
    session.note_state()
    for stream in (0, 1):
        session.close(stream)
    session.note_state()
    return {
        "inclusion": session.inclusion(0, 1, 1).text(),
        "absence": session.absence(prints(6)[0]).text(),
        "consistency": session.consistency(0, 1).text(),
        "head": str(TEAM.sign(session.head())),
    }


def prints_of(batches: int, samples: int) -> list[list[bytes]]:
    """Batches of fingerprints, each of which is twice its number in the stream and one more."""
    return [
        prints(*(2 * (batch * samples + one) + 1 for one in range(samples)))
        for batch in range(batches)
    ]
