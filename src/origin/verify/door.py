"""From a file to a verdict."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence

from origin.core.note import Note, PublicKey
from origin.errors import ProofError, SigningKeyError
from origin.verify.archive import is_archive
from origin.verify.bundle import verify_bundle
from origin.verify.checks import (
    check_absence,
    check_consistency,
    check_head,
    check_inclusion,
)
from origin.verify.envelope import is_envelope
from origin.verify.forms import AbsenceProof, InclusionProof, parse_proof
from origin.verify.lines import MOST_BYTES, require_text
from origin.verify.statement import verdict_on_statement
from origin.verify.verdict import (
    Verdict,
    verdict_on_absence,
    verdict_on_consistency,
    verdict_on_head,
    verdict_on_inclusion,
)

__all__ = ["is_bundle", "read_keys", "verify", "verify_text"]

_MOST_KEY_BYTES = 2**20


def verify(proof: str | os.PathLike[str], keys: Iterable[PublicKey]) -> Verdict:
    """Check a proof of any kind, a signed head, a statement or a bundle, in a file.

    Args:
        proof: path of the file.
        keys: the public keys that are trusted; one of them must have signed.

    Returns:
        What the proof shows, and what it does not.

    Raises:
        ProofError: the file cannot be read, is malformed, or the proof does not hold. If a bundle
            is not what was signed, it names all differences; ``verify_bundle`` gives them.
        SigningKeyError: there is no key, or something else is among them.
        MissingDependencyError: ``cryptography`` is not installed.

    Source:
        docs/proof.md.
    """
    if not is_bundle(proof):
        return verify_text(_read(proof), keys)
    report = verify_bundle(proof, keys)
    if not report.ok:
        raise ProofError(str(report))
    return report.verdict


def is_bundle(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as a bundle does.

    Args:
        path: of the file; one that cannot be read is none.
    """
    try:
        # A pipe can be read once only, and so is left to whoever reads all of it.
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            return is_archive(file.read(4))
    except (OSError, ValueError):
        return False


def verify_text(text: str, keys: Iterable[PublicKey]) -> Verdict:
    """Check a proof of any kind, a signed head or a statement.

    Args:
        text: what a proof's file holds.
        keys: the public keys that are trusted; one of them must have signed.

    Returns:
        What the proof shows, and what it does not.

    Raises:
        ProofError: the text is malformed, or the proof does not hold.
        SigningKeyError: there is no key, or something else is among them.
        MissingDependencyError: ``cryptography`` is not installed.

    Source:
        docs/proof.md.
    """
    trusted = tuple(keys)
    if not trusted or not all(isinstance(key, PublicKey) for key in trusted):
        raise SigningKeyError("give the public keys that you trust, one at least")
    require_text(text)
    return _verdict(text, trusted)


def _verdict(text: str, keys: Sequence[PublicKey]) -> Verdict:
    if is_envelope(text):
        return verdict_on_statement(text, keys)
    proof = parse_proof(text)
    if proof is None:
        return verdict_on_head(check_head(Note.parse(text), keys))
    if isinstance(proof, InclusionProof):
        return verdict_on_inclusion(proof, check_inclusion(proof, keys))
    if isinstance(proof, AbsenceProof):
        return verdict_on_absence(proof, check_absence(proof, keys))
    return verdict_on_consistency(proof, *check_consistency(proof, keys))


def read_keys(path: str | os.PathLike[str]) -> tuple[PublicKey, ...]:
    """Read public keys from a text file.

    Args:
        path: of the file: a key a line; blank lines, and those that begin with ``#``, do not count.

    Returns:
        The keys, at least one.

    Raises:
        SigningKeyError: the file cannot be read, holds no key, or a line that is none.
    """
    try:
        with open(path, "rb") as file:
            told = file.read(_MOST_KEY_BYTES + 1)
        text = told.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise SigningKeyError(f"cannot read keys from {os.fspath(path)!r}: {error}") from None
    if len(told) > _MOST_KEY_BYTES:
        raise SigningKeyError(f"{os.fspath(path)!r} is too long to be a file of keys")
    lines = [line.strip() for line in text.split("\n")]
    keys = tuple(PublicKey.parse(line) for line in lines if line and not line.startswith("#"))
    if not keys:
        raise SigningKeyError(f"{os.fspath(path)!r} holds no public key")
    return keys


def _read(path: str | os.PathLike[str]) -> str:
    try:
        with open(path, "rb") as file:
            # One byte more than a proof may have shows that it has too many.
            return file.read(MOST_BYTES + 1).decode()
    except UnicodeDecodeError:
        raise ProofError("this is no proof: it is not UTF-8") from None
    except (OSError, ValueError) as error:
        raise ProofError(f"cannot read {os.fspath(path)!r}: {error}") from None
