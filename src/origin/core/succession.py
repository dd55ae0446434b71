"""Successions: an old signing key says which new one stands for it from now on.

A succession is a signed note: the old public key and the new one, signed by both. The
specification is the chapter "Keys" of ``docs/proof.md``.
"""

from __future__ import annotations

from collections.abc import Iterable

from origin.core.note import Note, PublicKey
from origin.errors import ProofError, SigningKeyError

__all__ = ["followed", "is_succession", "succession_text"]

_MARK = "origin-provenance/succession\n"


def succession_text(old: PublicKey, new: PublicKey) -> str:
    """The text that both keys sign.

    >>> key = PublicKey("a", bytes.fromhex("d75a980182b10ab7d54bfed3c964073a"
    ...     "0ee172f3daa62325af021a68f707511a"))
    >>> succession_text(key, key).splitlines()[0]
    'origin-provenance/succession'
    """
    return f"{_MARK}{old.text}\n{new.text}\n"


def is_succession(text: str) -> bool:
    """Whether the text of a file begins as that of a succession does."""
    return text.startswith(_MARK)


def followed(keys: Iterable[PublicKey], successions: Iterable[Note]) -> list[PublicKey]:
    """The keys that are trusted, and those that these have named to follow them.

    Args:
        keys: those that are trusted.
        successions: in any order; a new key may name another in turn.

    Raises:
        ProofError: a note is no succession, or is not signed by both its keys.
        MissingDependencyError: ``cryptography`` is not installed.
    """
    trusted = list(dict.fromkeys(keys))
    pairs = [_pair(note) for note in successions]
    is_more = True
    while is_more:
        new = [new for old, new in pairs if old in trusted and new not in trusted]
        trusted += dict.fromkeys(new)
        is_more = bool(new)
    return trusted


def _pair(note: Note) -> tuple[PublicKey, PublicKey]:
    lines = note.text.split("\n")
    if not is_succession(note.text) or len(lines) != 4 or lines[3]:
        raise ProofError("this is no succession of keys")
    try:
        old, new = (PublicKey.parse(line) for line in lines[1:3])
    except SigningKeyError as error:
        raise ProofError(f"a succession names a key that is none: {error}") from error
    if note.text != succession_text(old, new):
        raise ProofError("a succession is not written in its one form")
    for key in (old, new):
        note.signers([key])
    return old, new
