"""Signed notes: a text, and below it lines by which keys vouch for it.

Notes are C2SP signed-note (https://c2sp.org/signed-note), signatures in them Ed25519 (RFC 8032),
and a head is a C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint). This module needs the
standard library, and ``cryptography`` to check a signature; who verifies reads it too.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from origin.errors import MissingDependencyError, ProofError, SigningKeyError

__all__ = ["Head", "Note", "PublicKey", "Signature", "decode_base64", "encode_base64", "key_name"]

# As C2SP signed-note numbers the kinds of signatures.
_ED25519 = b"\x01"
_KEY_BYTES, _SIGNATURE_BYTES, _ID_BYTES, _HASH_BYTES = 32, 64, 4, 32

# More is no note of ours, and would only take time.
_MOST_SIGNATURES = 100
# How many of them, and how much of their names, errors tell.
_MOST_NAMED, _NAME_SHOWN = 5, 100

_PRIME = 2**255 - 19
_CURVE_D = -121665 * pow(121666, -1, _PRIME) % _PRIME

# The y coordinates of the points of order 1, 2, 4 and 8: under such a key everybody can sign.
_LOW_ORDER = frozenset(
    {
        0,
        1,
        _PRIME - 1,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    }
)

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,19})\Z")


def encode_base64(data: bytes) -> str:
    """Bytes as base64 (RFC 4648, section 4).

    >>> encode_base64(b"abc")
    'YWJj'
    """
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, what: str) -> bytes:
    """Bytes from the one base64 text that stands for them.

    Args:
        text: base64.
        what: what it is, for the error.

    Raises:
        ProofError: it is not base64, or not as it would be written.

    >>> decode_base64("YWJj", "a word")
    b'abc'
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise ProofError(f"{what} is not base64") from None
    if encode_base64(data) != text:
        raise ProofError(f"{what} is not base64 as it is written")
    return data


def key_name(name: object) -> str:
    """A name that a key may have.

    Raises:
        SigningKeyError: it is no text, empty, or has spaces, control characters or a plus.

    >>> key_name("example.com/team")
    'example.com/team'
    """
    if not isinstance(name, str) or not _is_name(name):
        raise SigningKeyError(
            "the name of a key is a text without spaces, control characters and '+', "
            f"such as 'example.com/team', not {name!r}"
        )
    return name


def _is_name(name: str) -> bool:
    return bool(name) and not any(
        one.isspace() or one == "+" or ord(one) < 0x20 or 0xD800 <= ord(one) < 0xE000
        for one in name
    )


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a signing key.

    Args:
        name: of the key.
        data: 32 bytes, as RFC 8032 encodes an Ed25519 public key.

    Raises:
        SigningKeyError: the name cannot be one; the bytes are no point of the curve, one of
            low order, or not in their canonical form.

    >>> PublicKey("example.com/a", bytes.fromhex("d7" + "5a" * 31))
    Traceback (most recent call last):
    ...
    origin.errors.SigningKeyError: the public key is no point of Ed25519's curve
    """

    name: str
    data: bytes

    def __post_init__(self) -> None:
        key_name(self.name)
        if not isinstance(self.data, bytes) or len(self.data) != _KEY_BYTES:
            raise SigningKeyError("an Ed25519 public key has 32 bytes")
        _require_sound(int.from_bytes(self.data, "little"))

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.data).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        """The key as one line that may be given to everybody: name, id and key."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(_ED25519 + self.data)}"

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read a key from its line.

        Args:
            text: the line; white space around it does not matter.

        Raises:
            SigningKeyError: it is no such line, or the key is of no use.
        """
        name, *rest = text.strip().split("+", 2)
        try:
            told_id, told_key = rest
            kind_and_key = decode_base64(told_key, "the key")
        except (ValueError, ProofError):
            raise SigningKeyError(
                "a public key is one line of the form name+id+base64; this is none"
            ) from None
        if kind_and_key[:1] != _ED25519:
            raise SigningKeyError("the public key is of another kind than Ed25519")
        key = cls(name, kind_and_key[1:])
        if key.key_id.hex() != told_id:
            raise SigningKeyError("the id in the public key's line is not that of its key")
        return key

    def is_signature(self, signature: bytes, text: str) -> bool:
        """Whether a signature is this key's, of a text.

        Raises:
            MissingDependencyError: ``cryptography`` is not installed.
        """
        try:
            from cryptography.exceptions import InvalidSignature
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        except ImportError as error:
            raise MissingDependencyError(
                "signatures need cryptography: pip install 'origin-provenance[sign]'"
            ) from error
        try:
            Ed25519PublicKey.from_public_bytes(self.data).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


def _require_sound(encoded: int) -> None:
    y = encoded & (2**255 - 1)  # the last bit is the sign of x
    if y >= _PRIME:
        raise SigningKeyError("the public key is not in its canonical form")
    if y in _LOW_ORDER:
        raise SigningKeyError("the public key has low order: everybody could sign under it")
    # RFC 8032, section 5.1.3: x^2 = (y^2 - 1) / (d y^2 + 1) must have a root. It is not 0, for
    # that is so for points of low order only, and so either sign will do.
    square = (y * y - 1) * pow(_CURVE_D * y * y + 1, -1, _PRIME) % _PRIME
    if pow(square, (_PRIME - 1) // 2, _PRIME) != 1:
        raise SigningKeyError("the public key is no point of Ed25519's curve")


@dataclass(frozen=True, slots=True)
class Signature:
    """A line below a note.

    Args:
        name: of the key.
        key_id: four bytes.
        data: the signature itself, of whatever kind.
    """

    name: str
    key_id: bytes
    data: bytes

    @property
    def line(self) -> str:
        """The line, without its end."""
        return f"— {self.name} {encode_base64(self.key_id + self.data)}"

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read a line.

        Raises:
            ProofError: it is no such line.
        """
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—" or not _is_name(parts[1]):
            raise ProofError("a line below the signed text is no signature")
        data = decode_base64(parts[2], "a signature")
        if len(data) <= _ID_BYTES:
            raise ProofError("a signature is too short")
        return cls(parts[1], data[:_ID_BYTES], data[_ID_BYTES:])


def _mark(one: Signature) -> str:
    """Whose a signature says it is; a stranger wrote that, so it is shown in quotation marks."""
    return f"{one.name[:_NAME_SHOWN]!r} with id {one.key_id.hex()}"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures, which nobody has checked yet.

    Args:
        text: ends with a line feed.
        signatures: one at least.

    >>> print(Note("hello\\n", (Signature("a", b"abcd", b"?"),)), end="")
    hello
    <BLANKLINE>
    — a YWJjZD8=
    """

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(f"{one.line}\n" for one in self.signatures)

    @classmethod
    def parse(cls, told: str) -> Note:
        """Read a signed note.

        Raises:
            ProofError: it is none.
        """
        text, _, below = told.rpartition("\n\n")
        if not text or not below.endswith("\n"):
            raise ProofError("this is no signed note: a text, a blank line, signatures")
        if any(ord(one) < 0x20 and one != "\n" for one in told):
            raise ProofError("a signed note has control characters")
        lines = below.removesuffix("\n").split("\n")
        if len(lines) > _MOST_SIGNATURES:
            raise ProofError(f"a signed note has more than {_MOST_SIGNATURES} signatures")
        if len({*lines}) < len(lines):
            raise ProofError("a signed note has the same signature twice")
        return cls(text + "\n", tuple(map(Signature.parse, lines)))

    @classmethod
    def parse_many(cls, told: str) -> list[Note]:
        """Read signed notes of which none has a blank line in its text, with one between them.

        Raises:
            ProofError: they are none.
        """
        parts = told.removesuffix("\n").split("\n\n") if told.strip("\n") else []
        if len(parts) % 2:
            raise ProofError("these are no signed notes, one behind the other")
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return [cls.parse(f"{text}\n\n{below.removesuffix(chr(10))}\n") for text, below in pairs]

    def signers(self, keys: Iterable[PublicKey]) -> list[PublicKey]:
        """Which of some keys vouch for the text.

        Args:
            keys: those that are trusted.

        Raises:
            ProofError: none of them does, or a signature that says it is theirs is not.
            MissingDependencyError: ``cryptography`` is not installed.
        """
        known = {(key.name, key.key_id): key for key in keys}
        found: list[PublicKey] = []
        for one in self.signatures:
            key = known.get((one.name, one.key_id))
            if key is None:
                continue
            if len(one.data) != _SIGNATURE_BYTES or not key.is_signature(one.data, self.text):
                raise ProofError(f"the signature of {key.name} is not over this text")
            if key not in found:
                found.append(key)
        if not found:
            raise ProofError(
                "no key that you gave has signed this; it bears the marks of "
                + ", ".join(_mark(one) for one in self.signatures[:_MOST_NAMED])
                + (", …" if len(self.signatures) > _MOST_NAMED else "")
            )
        return found


@dataclass(frozen=True, slots=True)
class Head:
    """What is signed of a log: which it is, how long it was, and its root then.

    Args:
        origin: which log.
        size: how many leaves it had.
        root: 32 bytes.

    >>> print(Head("example.com/log", 0, sha256().digest()).text, end="")
    example.com/log
    0
    47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Read the text of a note as a head.

        Raises:
            ProofError: it is none, or has more than a head of ours has.
        """
        lines = text.split("\n")
        if len(lines) != 4 or not lines[0] or lines[3] or not _DECIMAL.match(lines[1]):
            raise ProofError("the signed text is no head: origin, size and root, a line each")
        size, root = int(lines[1]), decode_base64(lines[2], "the root of a head")
        if size >= 2**64 or len(root) != _HASH_BYTES:
            raise ProofError("the size or the root of a head is out of range")
        return cls(lines[0], size, root)
