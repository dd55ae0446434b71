"""Whether proofs hold: what the chapter "Proofs" of ``docs/proof.md`` asks of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from origin.core.log import LOG_VERSION, OpenLeaf, StateLeaf, session_of
from origin.core.merkle import merkle_root, verify_consistency, verify_inclusion
from origin.core.note import Head, Note, PublicKey
from origin.errors import ProofError
from origin.verify.forms import (
    AbsenceProof,
    AbsentStream,
    ConsistencyProof,
    InclusionProof,
    Neighbour,
    Path,
)

__all__ = [
    "SignedHead",
    "check_absence",
    "check_consistency",
    "check_head",
    "check_inclusion",
]


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head that is signed by a trusted key.

    Args:
        head: what is signed.
        session: the id of the session whose log of states it is of.
        signers: the names of the trusted keys that signed it.
    """

    head: Head
    session: str
    signers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Tree:
    """A tree of which size and root are known from a trusted place."""

    size: int
    root: bytes

    def require(self, data: bytes, index: int, path: Path, otherwise: str) -> None:
        """Make sure that a leaf is in the tree at an index."""
        if not verify_inclusion(data, index, self.size, path, self.root):
            raise ProofError(otherwise)

    def require_growth(self, older: _Tree, path: Path, otherwise: str) -> None:
        """Make sure that an older tree is a beginning of this one."""
        if not verify_consistency(older.size, self.size, path, older.root, self.root):
            raise ProofError(otherwise)


def check_head(note: Note, keys: Sequence[PublicKey]) -> SignedHead:
    """Check a signed head.

    Args:
        note: the head.
        keys: those that are trusted.

    Raises:
        ProofError: none of the keys signed it, or it is not of a session's log of states.
        MissingDependencyError: ``cryptography`` is not installed.
    """
    signers = note.signers(keys)
    head = Head.parse(note.text)
    return SignedHead(head, session_of(head.origin), tuple(one.name for one in signers))


def check_inclusion(proof: InclusionProof, keys: Sequence[PublicKey]) -> SignedHead:
    """Check a proof of inclusion.

    Args:
        proof: the proof.
        keys: those that are trusted.

    Raises:
        ProofError: it does not hold.
        MissingDependencyError: ``cryptography`` is not installed.
    """
    signed = check_head(proof.head, keys)
    _require_state(signed, proof.state, proof.state_path)
    streams = _streams(proof.state)
    if proof.stream >= len(streams):
        raise ProofError(f"the state that was signed has no stream {proof.stream}")
    log = streams[proof.stream]
    _require_open(proof.state, proof.stream, log, proof.open, proof.open_path)
    log.require(
        proof.batch.data(),
        proof.index,
        proof.batch_path,
        f"the batch is not at index {proof.index} of the stream's log that was signed",
    )
    batch = _Tree(proof.batch.samples, bytes.fromhex(proof.batch.root))
    batch.require(
        proof.sample,
        proof.position,
        proof.sample_path,
        f"the sample is not at position {proof.position} of the batch",
    )
    return signed


def check_absence(proof: AbsenceProof, keys: Sequence[PublicKey]) -> SignedHead:
    """Check a proof of absence.

    Args:
        proof: the proof.
        keys: those that are trusted.

    Raises:
        ProofError: it does not hold.
        MissingDependencyError: ``cryptography`` is not installed.
    """
    signed = check_head(proof.head, keys)
    _require_state(signed, proof.state, proof.state_path)
    streams = _streams(proof.state)
    if not streams:
        raise ProofError("the state that was signed has no streams")
    if len(proof.streams) != len(streams):
        raise ProofError(
            f"the proof has parts for {len(proof.streams)} streams, and the state that was signed "
            f"has {len(streams)}"
        )
    for number, (log, part) in enumerate(zip(streams, proof.streams, strict=True)):
        _require_open(proof.state, number, log, part.open, part.open_path)
        log.require(
            part.close.data(),
            log.size - 1,
            part.close_path,
            f"the closing leaf of stream {number} is not the last of the log that was signed",
        )
        _require_absent(proof.sample, number, part)
    return signed


def check_consistency(
    proof: ConsistencyProof, keys: Sequence[PublicKey]
) -> tuple[SignedHead, SignedHead]:
    """Check a proof of consistency.

    Args:
        proof: the proof.
        keys: those that are trusted.

    Returns:
        The earlier head and the later one.

    Raises:
        ProofError: it does not hold.
        MissingDependencyError: ``cryptography`` is not installed.
    """
    old, new = check_head(proof.old_head, keys), check_head(proof.new_head, keys)
    if old.session != new.session:
        raise ProofError("the two heads are of different sessions")
    _require_state(old, proof.old, proof.old_path)
    _require_state(new, proof.new, proof.new_path)
    _states(new).require_growth(
        _states(old),
        proof.states_path,
        "the earlier head's log of states is not shown to be a beginning of the later one's",
    )
    before, after = _streams(proof.old), _streams(proof.new)
    if len(before) > len(after):
        raise ProofError("the later state has fewer streams than the earlier one")
    if len(proof.stream_paths) != len(before):
        raise ProofError(
            f"the proof has paths for {len(proof.stream_paths)} streams, and the earlier state has "
            f"{len(before)}"
        )
    # Streams that were opened between the two have nothing to be consistent with.
    for number, (older, newer, path) in enumerate(
        zip(before, after, proof.stream_paths, strict=False)
    ):
        newer.require_growth(
            older,
            path,
            f"the log of stream {number} is not shown to have only grown between the two heads",
        )
    return old, new


def _states(signed: SignedHead) -> _Tree:
    return _Tree(signed.head.size, signed.head.root)


def _streams(state: StateLeaf) -> list[_Tree]:
    return [_Tree(size, bytes.fromhex(root)) for size, root in state.streams]


def _require_state(signed: SignedHead, state: StateLeaf, path: Path) -> None:
    if state.session != signed.session:
        raise ProofError("the state is of another session than the head")
    if state.state + 1 != signed.head.size:
        raise ProofError(
            f"the state is number {state.state}, and the newest that the head is of is "
            f"number {signed.head.size - 1}"
        )
    _states(signed).require(
        state.data(), state.state, path, "the state is not the newest in the log that was signed"
    )


def _require_open(state: StateLeaf, number: int, log: _Tree, leaf: OpenLeaf, path: Path) -> None:
    log.require(
        leaf.data(),
        0,
        path,
        f"the opening leaf of stream {number} is not the first of the log that was signed",
    )
    if (leaf.session, leaf.stream) != (state.session, number):
        raise ProofError(f"the opening leaf of stream {number} is of another stream or session")
    if leaf.log_version != LOG_VERSION:
        raise ProofError(
            f"stream {number} is logged by version {leaf.log_version} of the specification, and "
            f"this reads version {LOG_VERSION}"
        )


def _require_absent(sample: bytes, number: int, part: AbsentStream) -> None:
    tree = _Tree(part.close.set_size, bytes.fromhex(part.close.set_root))
    before, after = part.before, part.after
    if before is None and after is None:
        if tree != _Tree(0, merkle_root([])):
            raise ProofError(f"the set of stream {number} is not empty, and no neighbour is shown")
        return
    if before is not None:
        _require_neighbour(tree, before, number)
        if not before.sample < sample:
            raise ProofError(f"the neighbour before, in stream {number}, is not smaller")
    if after is not None:
        _require_neighbour(tree, after, number)
        if not sample < after.sample:
            raise ProofError(f"the neighbour after, in stream {number}, is not larger")
    # Before the first stands -1, after the last the size of the set.
    below = -1 if before is None else before.index
    above = tree.size if after is None else after.index
    if above != below + 1:
        raise ProofError(f"the neighbours in the set of stream {number} do not follow each other")


def _require_neighbour(tree: _Tree, one: Neighbour, number: int) -> None:
    tree.require(
        one.sample,
        one.index,
        one.path,
        f"a neighbour is not at index {one.index} of the set of stream {number}",
    )
