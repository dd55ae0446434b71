"""The lines that proofs are written in: a word, and what belongs to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from origin.core.log import Leaf, parse_leaf
from origin.core.note import decode_base64, encode_base64
from origin.errors import ProofError

__all__ = [
    "MOST_BYTES",
    "MOST_HASHES",
    "Lines",
    "leaf_line",
    "number_of",
    "path_line",
    "require_text",
    "sample_of",
]

# More is no proof of ours: a session of ten thousand streams stays below.
MOST_BYTES = 16 * 2**20
# As many as a tree of 2^63 leaves has levels, and one.
MOST_HASHES = 64

_HASH_BYTES = 32
_MOST_DIGITS = 20  # of 2^64 - 1

L = TypeVar("L", bound=Leaf)


def require_text(text: str) -> None:
    """Make sure that a text is one that a file can hold, and not too long.

    Raises:
        ProofError: it has half a character, or more than ``MOST_BYTES`` bytes.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ProofError("this is not UTF-8") from None
    if size > MOST_BYTES:
        raise ProofError(f"this is longer than any proof: over {MOST_BYTES >> 20} MiB")


def leaf_line(word: str, leaf: Leaf) -> str:
    """A leaf as a line.

    Args:
        word: what the leaf is here.
        leaf: the leaf.
    """
    return f"{word} {leaf.data().decode('ascii')}\n"


def path_line(name: str, path: Iterable[bytes]) -> str:
    """A path as a line.

    Args:
        name: what it is the path of.
        path: hashes.

    >>> path_line("leaf", [])
    'path leaf\\n'
    """
    return " ".join(["path", name, *map(encode_base64, path)]) + "\n"


def number_of(text: str, what: str) -> int:
    """A number from its digits; whoever asks makes sure that they are its only form.

    Args:
        text: digits.
        what: what it is, for the error.

    Raises:
        ProofError: it is no whole number from 0 to 2^64 - 1.

    >>> number_of("17", "the position")
    17
    """
    try:
        number = int(text) if len(text) <= _MOST_DIGITS else -1
    except ValueError:
        number = -1
    if not 0 <= number < 2**64:
        raise ProofError(f"{what} is no whole number from 0 to 2^64 - 1")
    return number


def sample_of(text: str) -> bytes:
    """A fingerprint from its digits; whoever asks makes sure that they are its only form.

    Raises:
        ProofError: it is none.

    >>> sample_of("00" * 32) == bytes(32)
    True
    """
    try:
        sample = bytes.fromhex(text)
    except ValueError:
        sample = b""
    if len(sample) != _HASH_BYTES:
        raise ProofError("a fingerprint is not 64 hexadecimal digits")
    return sample


class Lines:
    """The lines of a proof, read from the first to the last.

    Args:
        text: of the lines, the end of the last one left out.

    >>> lines = Lines('sample 00\\npath leaf')
    >>> lines.rest("sample"), lines.path("leaf")
    ('00', ())
    >>> lines.end()
    """

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._next = 0

    @property
    def is_at_end(self) -> bool:
        """Whether all lines were read."""
        return self._next == len(self._lines)

    def rest(self, word: str) -> str:
        """What stands behind the word that the next line must begin with.

        Raises:
            ProofError: it begins with another, or there is none.
        """
        line = "" if self.is_at_end else self._lines[self._next]
        if line != word and not line.startswith(f"{word} "):
            raise ProofError(f"line {self._next + 1} of the proof is not its {word!r} line")
        self._next += 1
        return line[len(word) + 1 :]

    def number(self, word: str) -> int:
        """The number in the next line.

        Raises:
            ProofError: it is another line, or has no number.
        """
        return number_of(self.rest(word), f"the number after {word!r}")

    def leaf(self, word: str, kind: type[L]) -> L:
        """The leaf in the next line.

        Raises:
            ProofError: it is another line, or has no such leaf.
        """
        try:
            return parse_leaf(self.rest(word).encode("ascii"), kind)
        except UnicodeEncodeError:
            raise ProofError(f"the leaf after {word!r} is not in ASCII") from None

    def path(self, name: str) -> tuple[bytes, ...]:
        """The hashes in the next line.

        Raises:
            ProofError: it is another line, or has something else.
        """
        told = self.rest(f"path {name}")
        hashes = told.split(" ") if told else []
        if len(hashes) > MOST_HASHES:
            raise ProofError(f"the path {name!r} has more than {MOST_HASHES} hashes")
        path = tuple(decode_base64(one, "a hash of a path") for one in hashes)
        if any(len(one) != _HASH_BYTES for one in path):
            raise ProofError(f"a hash of the path {name!r} does not have 32 bytes")
        return path

    def end(self) -> None:
        """Make sure that all lines were read.

        Raises:
            ProofError: there are more.
        """
        if not self.is_at_end:
            raise ProofError(f"line {self._next + 1} of the proof is one too many")
