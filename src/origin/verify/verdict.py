"""`Verdict`: what a proof that holds shows, and what it does not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from origin.core.log import CloseLeaf, OpenLeaf, StateLeaf
from origin.verify.checks import SignedHead
from origin.verify.forms import AbsenceProof, ConsistencyProof, InclusionProof
from origin.verify.wording import joined, many, named, quoted

__all__ = [
    "Verdict",
    "verdict_on_absence",
    "verdict_on_consistency",
    "verdict_on_head",
    "verdict_on_inclusion",
]

RECORD = (
    "that the record is what the model was trained on: it shows what the holder of the key has "
    "signed"
)
HISTORY = (
    "that no other history was signed: who holds the key and the database can sign another from "
    "the start; copies of heads outside their reach, compared by proofs of consistency, bind them"
)
_EFFECT = "what the sample did to the model"
_OTHERS = "that nothing like it is there: a sample that differs in one byte has another fingerprint"
_SET = (
    "that the sets which the streams' closing leaves commit to hold all samples of all batches: "
    "only computing them anew from all fingerprints shows that"
)
LATER = "anything of what was recorded after the head was signed"
_SAMPLES = "anything of a sample: for that there are proofs of inclusion and of absence"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a proof that holds shows.

    Args:
        kind: of the proof: ``inclusion``, ``absence``, ``consistency``, or ``head``.
        session: the id of the session. A stranger wrote it, and the texts in ``facts``.
        signers: the names of the trusted keys that signed.
        facts: what is proved, as JSON types, for programs.
        shows: what is proved, in sentences that can be shown on a terminal.
        does_not: what is not.

    >>> print(Verdict("head", "7d0e", ("a",), {}, ("a head of session 7d0e",), ("all else",)))
    a head of session 7d0e
    signed by a
    <BLANKLINE>
    this does not show
    - all else
    """

    kind: str
    session: str
    signers: tuple[str, ...]
    facts: dict[str, Any]
    shows: tuple[str, ...]
    does_not: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(
            [
                *self.shows,
                f"signed by {joined(self.signers)}",
                "",
                "this does not show",
                *(f"- {one}" for one in self.does_not),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON types."""
        lists = {name: [*getattr(self, name)] for name in ("signers", "shows", "does_not")}
        return {"kind": self.kind, "session": self.session, "facts": self.facts, **lists}


def verdict_on_head(signed: SignedHead) -> Verdict:
    """What a signed head shows.

    Args:
        signed: the head, which was checked.
    """
    size, root = many(signed.head.size, "state"), signed.head.root.hex()
    return Verdict(
        kind="head",
        session=signed.session,
        signers=signed.signers,
        facts=head_facts(signed),
        shows=(
            f"head of session {named(signed.session)}: {size}",
            f"root of its log of states {root}",
        ),
        does_not=(RECORD, _SAMPLES, HISTORY),
    )


def verdict_on_inclusion(proof: InclusionProof, signed: SignedHead) -> Verdict:
    """What a proof of inclusion shows.

    Args:
        proof: the proof, which was checked.
        signed: its head.
    """
    batch, opened = proof.batch, proof.open
    where = f"batch {batch.batch:,} of session {named(signed.session)}"
    of = f"epoch {batch.epoch:,}, {many(batch.samples, 'sample')}, stream {opened.stream:,}"
    return Verdict(
        kind="inclusion",
        session=signed.session,
        signers=signed.signers,
        facts={
            "sample": proof.sample.hex(),
            "position": proof.position,
            "batch": batch.batch,
            "epoch": batch.epoch,
            "samples": batch.samples,
            "batch_root": batch.root,
            **_stream_facts(opened),
            "head": head_facts(signed),
        },
        shows=(
            f"at position {proof.position:,} of {where} ({of})",
            f"sample {proof.sample.hex()} ({opened.fingerprint})",
            f"source {quoted(opened.source)}, {_license(opened)}",
        ),
        does_not=(RECORD, _EFFECT, *_keyed([opened]), HISTORY),
    )


def verdict_on_absence(proof: AbsenceProof, signed: SignedHead) -> Verdict:
    """What a proof of absence shows.

    Args:
        proof: the proof, which was checked.
        signed: its head.
    """
    opened = [one.open for one in proof.streams]
    closed = [one.close for one in proof.streams]
    samples = sum(one.set_size for one in closed)
    missing = sum(one.missing for one in closed)
    status = joined(one.status for one in closed)
    where = f"the {many(samples, 'sample')} of session {named(signed.session)}"
    of = f"{status}, {many(len(opened), 'stream')}, {many(missing, 'batch')} missing"
    return Verdict(
        kind="absence",
        session=signed.session,
        signers=signed.signers,
        facts={
            "sample": proof.sample.hex(),
            "samples": samples,
            "missing": missing,
            "streams": [
                {**_stream_facts(one), **_close_facts(other)}
                for one, other in zip(opened, closed, strict=True)
            ],
            "head": head_facts(signed),
        },
        shows=(
            f"not among {where} ({of})",
            f"sample {proof.sample.hex()} ({joined(one.fingerprint for one in opened)})",
        ),
        does_not=(*_unseen(opened, missing), _OTHERS, *_keyed(opened), _SET, RECORD, HISTORY),
    )


def verdict_on_consistency(proof: ConsistencyProof, old: SignedHead, new: SignedHead) -> Verdict:
    """What a proof of consistency shows.

    Args:
        proof: the proof, which was checked.
        old: its earlier head.
        new: its later head.
    """
    between = f"from state {proof.old.state:,} to state {proof.new.state:,}"
    return Verdict(
        kind="consistency",
        session=new.session,
        signers=tuple(dict.fromkeys(old.signers + new.signers)),
        facts={
            "old": {**_state_facts(proof.old), "head": head_facts(old)},
            "new": {**_state_facts(proof.new), "head": head_facts(new)},
        },
        shows=(
            f"session {named(new.session)} was only added to, {between}",
            f"earlier {_size(proof.old)}, signed by {joined(old.signers)}",
            f"later {_size(proof.new)}, signed by {joined(new.signers)}",
        ),
        does_not=(RECORD, _SAMPLES, LATER, HISTORY),
    )


def _unseen(opened: list[OpenLeaf], missing: int) -> list[str]:
    """What an absence leaves open, because it is of what is on record only."""
    found = []
    if missing:
        were = "was" if missing == 1 else "were"
        found.append(
            f"anything of the {many(missing, 'batch')} that {were} trained on and {were} not "
            "recorded: the sample may have been there"
        )
    if absent := absent_processes(opened):
        found.append(
            f"anything of {absent:,} of {max(one.world_size for one in opened):,} training "
            "processes, which have no stream in this session"
        )
    if len({(one.fingerprint, one.fingerprint_version) for one in opened}) > 1:
        found.append(
            "absence from all streams at once: they make fingerprints in different ways, so that "
            "one sample has different ones in them"
        )
    return [*found, LATER]


def absent_processes(opened: list[OpenLeaf]) -> int:
    """How many training processes have no stream."""
    world = max(one.world_size for one in opened)
    return world - len({one.rank for one in opened if one.rank < world})


def _keyed(opened: list[OpenLeaf]) -> list[str]:
    if not any(one.fingerprint.startswith("hmac") for one in opened):
        return []
    return ["of which sample this is the fingerprint: only who has its secret key can compute it"]


def _license(opened: OpenLeaf) -> str:
    if opened.license is None:
        return "no license given"
    return f"license {quoted(opened.license)}"


def _size(state: StateLeaf) -> str:
    leaves = sum(size for size, _ in state.streams)
    return f"state: {many(len(state.streams), 'stream')}, {leaves:,} leaves"


def head_facts(signed: SignedHead) -> dict[str, Any]:
    """A head, for programs."""
    return {
        "origin": signed.head.origin,
        "size": signed.head.size,
        "root": signed.head.root.hex(),
        "signers": [*signed.signers],
    }


def _stream_facts(opened: OpenLeaf) -> dict[str, Any]:
    told = asdict(opened)
    del told["session"]
    return told


def _close_facts(closed: CloseLeaf) -> dict[str, Any]:
    return asdict(closed)


def _state_facts(state: StateLeaf) -> dict[str, Any]:
    return {
        "state": state.state,
        "streams": [{"leaves": size, "root": root} for size, root in state.streams],
    }
