"""The proofs, taken apart, and the texts that they are handed on as.

The specification is the chapter "Proofs" of ``docs/proof.md``. Nothing here says whether a proof
holds: ``origin.verify.checks`` does. What is written is not looked at either: a proof that is made
of wrong parts has a text, which cannot be read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from origin.core.log import BatchLeaf, CloseLeaf, OpenLeaf, StateLeaf
from origin.core.note import Note
from origin.errors import ProofError
from origin.verify.lines import (
    Lines,
    leaf_line,
    number_of,
    path_line,
    require_text,
    sample_of,
)

__all__ = [
    "AbsenceProof",
    "AbsentStream",
    "ConsistencyProof",
    "InclusionProof",
    "Neighbour",
    "Path",
    "Proof",
    "is_proof",
    "parse_proof",
]

# The hashes from which the root of a tree is computed, 32 bytes each.
Path = tuple[bytes, ...]

_MARK = "origin.proof/"

P = TypeVar("P", bound="Proof")


class Proof(ABC):
    """What all proofs can do."""

    __slots__ = ()

    kind: ClassVar[str]
    # How many signed heads stand below the lines.
    heads: ClassVar[int] = 1

    @abstractmethod
    def text(self) -> str:
        """The proof as the text of a file, of which there is one form only."""

    @classmethod
    def parse(cls: type[P], text: str) -> P:
        """Read a proof of this kind.

        Args:
            text: what ``text()`` gave.

        Raises:
            ProofError: it is no such proof, or is written in another way.
        """
        require_text(text)
        # A head is a text, a blank line and signatures. None of them has a blank line in it.
        above, *below = text.removesuffix("\n").split("\n\n")
        if len(below) != 2 * cls.heads:
            raise ProofError("a proof is its lines, a blank one, and a signed head")
        lines = Lines(above)
        lines.rest(_first_line(cls))
        signed = zip(below[::2], below[1::2], strict=True)
        proof = cls._read(lines, [Note.parse(f"{one}\n\n{by}\n") for one, by in signed])
        lines.end()
        if proof.text() != text:
            raise ProofError("the proof is not written in the one form that it has")
        return proof

    @classmethod
    @abstractmethod
    def _read(cls: type[P], lines: Lines, heads: Sequence[Note]) -> P:
        """The proof from its lines and its signed heads."""


def _first_line(kind: type[Proof]) -> str:
    return f"{_MARK}{kind.kind}@1"


def _text(proof: Proof, lines: Sequence[str], *heads: Note) -> str:
    return "".join([f"{_first_line(type(proof))}\n", *lines, *(f"\n{head}" for head in heads)])


@dataclass(frozen=True, slots=True)
class InclusionProof(Proof):
    """That a sample was at a position of a batch.

    Args:
        sample: its fingerprint, 32 bytes.
        position: in the batch, from 0.
        stream: number of the stream in the session.
        index: of the batch's leaf in the stream's log.
        open: the first leaf of the stream.
        open_path: of that leaf in the stream's log.
        batch: the batch's leaf.
        sample_path: of the fingerprint in the batch's tree.
        batch_path: of the batch's leaf in the stream's log.
        state: the session's state that the head is of.
        state_path: of that state in the log of states.
        head: the signed head.
    """

    kind = "inclusion"

    sample: bytes
    position: int
    stream: int
    index: int
    open: OpenLeaf
    open_path: Path
    batch: BatchLeaf
    sample_path: Path
    batch_path: Path
    state: StateLeaf
    state_path: Path
    head: Note

    def text(self) -> str:
        """The proof as the text of a file, of which there is one form only."""
        lines = [
            f"sample {self.sample.hex()}\n",
            f"position {self.position}\n",
            f"stream {self.stream}\n",
            f"index {self.index}\n",
            leaf_line("open", self.open),
            path_line("open", self.open_path),
            leaf_line("batch", self.batch),
            path_line("sample", self.sample_path),
            path_line("leaf", self.batch_path),
            leaf_line("state", self.state),
            path_line("state", self.state_path),
        ]
        return _text(self, lines, self.head)

    @classmethod
    def _read(cls, lines: Lines, heads: Sequence[Note]) -> InclusionProof:
        return cls(
            sample=sample_of(lines.rest("sample")),
            position=lines.number("position"),
            stream=lines.number("stream"),
            index=lines.number("index"),
            open=lines.leaf("open", OpenLeaf),
            open_path=lines.path("open"),
            batch=lines.leaf("batch", BatchLeaf),
            sample_path=lines.path("sample"),
            batch_path=lines.path("leaf"),
            state=lines.leaf("state", StateLeaf),
            state_path=lines.path("state"),
            head=heads[0],
        )


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A fingerprint in a set tree, beside the place where another one would stand.

    Args:
        index: where it is in the set tree.
        sample: the fingerprint, 32 bytes.
        path: of it in the set tree.
    """

    index: int
    sample: bytes
    path: Path


@dataclass(frozen=True, slots=True)
class AbsentStream:
    """The part of a proof of absence that is about one stream.

    Args:
        open: the first leaf of the stream.
        open_path: of that leaf in the stream's log.
        close: the last leaf of the stream.
        close_path: of that leaf in the stream's log.
        before: the largest fingerprint that is smaller than the sample's; None if there is none.
        after: the smallest that is larger; None if there is none.
    """

    open: OpenLeaf
    open_path: Path
    close: CloseLeaf
    close_path: Path
    before: Neighbour | None
    after: Neighbour | None


@dataclass(frozen=True, slots=True)
class AbsenceProof(Proof):
    """That no sample with a fingerprint is in a session.

    Args:
        sample: the fingerprint, 32 bytes.
        state: the session's state that the head is of.
        state_path: of that state in the log of states.
        streams: a part for each stream of the state, in order.
        head: the signed head.
    """

    kind = "absence"

    sample: bytes
    state: StateLeaf
    state_path: Path
    streams: tuple[AbsentStream, ...]
    head: Note

    def text(self) -> str:
        """The proof as the text of a file, of which there is one form only."""
        lines = [
            f"sample {self.sample.hex()}\n",
            leaf_line("state", self.state),
            path_line("state", self.state_path),
        ]
        for number, stream in enumerate(self.streams):
            lines += [
                f"stream {number}\n",
                leaf_line("open", stream.open),
                path_line("open", stream.open_path),
                leaf_line("close", stream.close),
                path_line("close", stream.close_path),
                *_neighbour_lines("before", stream.before),
                *_neighbour_lines("after", stream.after),
            ]
        return _text(self, lines, self.head)

    @classmethod
    def _read(cls, lines: Lines, heads: Sequence[Note]) -> AbsenceProof:
        return cls(
            sample=sample_of(lines.rest("sample")),
            state=lines.leaf("state", StateLeaf),
            state_path=lines.path("state"),
            streams=tuple(_read_streams(lines)),
            head=heads[0],
        )


def _neighbour_lines(word: str, one: Neighbour | None) -> list[str]:
    if one is None:
        return [f"{word} none\n"]
    return [f"{word} {one.index} {one.sample.hex()}\n", path_line(word, one.path)]


def _read_streams(lines: Lines) -> Iterator[AbsentStream]:
    while not lines.is_at_end:
        lines.number("stream")  # which it must be is seen when the proof is written again
        yield AbsentStream(
            open=lines.leaf("open", OpenLeaf),
            open_path=lines.path("open"),
            close=lines.leaf("close", CloseLeaf),
            close_path=lines.path("close"),
            before=_read_neighbour(lines, "before"),
            after=_read_neighbour(lines, "after"),
        )


def _read_neighbour(lines: Lines, word: str) -> Neighbour | None:
    told = lines.rest(word)
    if told == "none":
        return None
    index, _, sample = told.partition(" ")
    return Neighbour(
        index=number_of(index, f"the number after {word!r}"),
        sample=sample_of(sample),
        path=lines.path(word),
    )


@dataclass(frozen=True, slots=True)
class ConsistencyProof(Proof):
    """That what an earlier head is of is a beginning of what a later one is of.

    Args:
        old: the state that the earlier head is of.
        old_path: of that state in the earlier log of states.
        new: the state that the later head is of.
        new_path: of that state in the later log of states.
        states_path: of the consistency of the two logs of states.
        stream_paths: of the consistency of each stream of the earlier state, in order.
        old_head: the earlier signed head.
        new_head: the later one.
    """

    kind = "consistency"
    heads = 2

    old: StateLeaf
    old_path: Path
    new: StateLeaf
    new_path: Path
    states_path: Path
    stream_paths: tuple[Path, ...]
    old_head: Note
    new_head: Note

    def text(self) -> str:
        """The proof as the text of a file, of which there is one form only."""
        lines = [
            leaf_line("old", self.old),
            path_line("old", self.old_path),
            leaf_line("new", self.new),
            path_line("new", self.new_path),
            path_line("states", self.states_path),
            *(path_line("stream", path) for path in self.stream_paths),
        ]
        return _text(self, lines, self.old_head, self.new_head)

    @classmethod
    def _read(cls, lines: Lines, heads: Sequence[Note]) -> ConsistencyProof:
        return cls(
            old=lines.leaf("old", StateLeaf),
            old_path=lines.path("old"),
            new=lines.leaf("new", StateLeaf),
            new_path=lines.path("new"),
            states_path=lines.path("states"),
            stream_paths=tuple(_read_paths(lines)),
            old_head=heads[0],
            new_head=heads[1],
        )


def _read_paths(lines: Lines) -> Iterator[Path]:
    while not lines.is_at_end:
        yield lines.path("stream")


_KINDS = (InclusionProof, AbsenceProof, ConsistencyProof)


def is_proof(text: str) -> bool:
    """Whether the text of a file says that it is a proof.

    >>> is_proof("origin.proof/inclusion@1")
    True
    """
    return text.startswith(_MARK)


def parse_proof(text: str) -> InclusionProof | AbsenceProof | ConsistencyProof | None:
    """Read a proof of any kind.

    Args:
        text: of a file.

    Returns:
        The proof; None if the text does not say that it is one.

    Raises:
        ProofError: it is none, though it says so.
    """
    if not is_proof(text):
        return None
    first = text.partition("\n")[0]
    for kind in _KINDS:
        if first == _first_line(kind):
            return kind.parse(text)
    raise ProofError("the proof is of a kind or version that this version does not know")
