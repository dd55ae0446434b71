"""Fingerprints: the SHA-256 of a sample's canonical bytes, or what else was chosen.

Two samples have the same fingerprint exactly if they have the same content, on whatever
machine, in whatever process, and however their memory is laid out. The rules (version 1) are
in docs/fingerprint.md, precise enough to be followed in another language.
"""

from __future__ import annotations

from collections import UserString
from dataclasses import dataclass
from typing import Any

from origin.core.arrays import is_array, is_octets, is_table
from origin.core.encoder import Writer
from origin.core.fingerprintkey import HMAC_SHA256, FingerprintKey, KeyGiven, shown_name
from origin.core.hashing import SHA256, Algorithm, hasher
from origin.core.jsontext import plain_text
from origin.core.leaves import is_image, is_packed
from origin.core.refusal import Refusal
from origin.errors import ConfigurationError, FingerprintError

__all__ = [
    "SPECIFICATION",
    "Encoding",
    "algorithm_of",
    "canonical_bytes",
    "content_type",
    "encode",
    "fingerprint_digest",
    "fingerprint_sample",
]

# The version of docs/fingerprint.md that is followed here.
SPECIFICATION = 1


@dataclass(frozen=True, slots=True)
class Encoding:
    """A value as text and payloads.

    Args:
        text: JSON without line breaks, in which each payload has a leaf.
        payloads: the bytes of those leaves as buffers, in the order of the leaves in the text.
            They may share memory with the value.
    """

    text: str
    payloads: list[Any]


def encode(value: object) -> Encoding:
    """Encode a value as it is written inside a sample.

    The exceptions that ``canonical_bytes`` makes for a sample that is itself a string of bytes
    or of characters are not made here.

    Args:
        value: any value with an encoding; a ``CanonicalArray`` is taken as the array it
            describes, and its ``data`` becomes the payload itself.

    Returns:
        The text and the payloads.

    Raises:
        FingerprintError: the value, or something in it, has no encoding.

    >>> encode({"b": b"xyz", "a": [1, None]})
    Encoding(text='{"a":[1,null],"b":{"$bytes":3}}', payloads=[b'xyz'])
    """
    text = plain_text(value)
    return _encode_anything(value) if text is None else Encoding(text, [])


def canonical_bytes(value: object) -> bytes:
    """Write a sample as its canonical bytes.

    Args:
        value: any value with an encoding.

    Returns:
        For bytes, these bytes; for a string, its UTF-8 bytes (RFC 3629; lone surrogates are
        written as if they were characters); for all else the JSON text and, if there are
        payloads, a line feed and the payloads end to end.

    Raises:
        FingerprintError: the value, or something in it, has no encoding.

    >>> canonical_bytes({"label": 0, "text": "hi"})
    b'{"label":0,"text":"hi"}'
    >>> canonical_bytes([b"ab", b"c"])
    b'[{"$bytes":2},{"$bytes":1}]\\nabc'
    >>> canonical_bytes("hi"), canonical_bytes(b"hi")
    (b'hi', b'hi')
    """
    return b"".join(_chunks(value))


def fingerprint_digest(value: object, algorithm: Algorithm = SHA256) -> bytes:
    """Hash a sample to its fingerprint.

    Args:
        value: any value with an encoding.
        algorithm: ``"sha256"``, ``"blake3"`` or a ``FingerprintKey``: what the database has.

    Returns:
        The 32 bytes of the SHA-256 (FIPS 180-4) of the canonical bytes, of their BLAKE3, or of
        their HMAC-SHA-256 (RFC 2104).

    Raises:
        FingerprintError: the value, or something in it, has no encoding.
        ConfigurationError: there is no such algorithm.
        MissingDependencyError: its package is not installed.

    >>> fingerprint_digest(b"").hex()[:16]
    'e3b0c44298fc1c14'
    """
    digest = hasher(algorithm)()
    for chunk in _chunks(value):
        digest.update(chunk)
    found: bytes = digest.digest()
    return found


def fingerprint_sample(
    value: object, algorithm: Algorithm = SHA256, *, key: KeyGiven | None = None
) -> str:
    """Hash a sample to its fingerprint, as text. ``db.fingerprint(value)`` does it as a database
    has them.

    Args:
        value: any value with an encoding.
        algorithm: ``"sha256"``, or ``"blake3"`` for databases that have such fingerprints;
            ``db.fingerprinting`` is that of a database.
        key: for private fingerprints: the bytes of the key, 32 or more, the path of its file, or a
            ``FingerprintKey``, which is read once for many samples.

    Returns:
        64 lower-case hexadecimal digits: the SHA-256 (FIPS 180-4) of the canonical bytes, their
        BLAKE3, or with a key their HMAC-SHA-256 (RFC 2104, FIPS 198-1).

    Raises:
        FingerprintError: the value, or something in it, has no encoding.
        ConfigurationError: there is no such algorithm, or it takes no key.
        FingerprintKeyError: the key is none, or needed and not there.
        MissingDependencyError: its package is not installed.

    >>> fingerprint_sample({"text": "hi"}) == fingerprint_sample({"text": "ho"})
    False
    >>> fingerprint_sample(b"")
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    >>> fingerprint_sample({"text": "hi"}, key=bytes(range(32)))
    '252329e6b9780cf97597178b34ba07715903910d6a3b7d68099431e8e8647f27'
    """
    return fingerprint_digest(value, algorithm_of(algorithm, key)).hex()


def algorithm_of(algorithm: Algorithm, key: KeyGiven | None) -> Algorithm:
    """What makes fingerprints, as users give it.

    Args:
        algorithm: its name, or a key.
        key: a key besides.

    Raises:
        ConfigurationError: the algorithm takes no key, or two keys are given.
        FingerprintKeyError: the key is none.

    >>> algorithm_of("sha256", None)
    'sha256'
    >>> algorithm_of("sha256", bytes(32))
    FingerprintKey(…)
    """
    if key is None:
        return algorithm
    if algorithm not in (SHA256, HMAC_SHA256):
        named = shown_name(algorithm)
        raise ConfigurationError(f"give a key, or {named} as the algorithm, but not both")
    return FingerprintKey.of(key)


def content_type(value: object) -> str:
    """Name the broad kind of a sample.

    Args:
        value: anything, encodable or not.

    Returns:
        ``"text"``, ``"bytes"``, ``"image"``, ``"array"``, or ``"json"`` for mappings,
        sequences, scalars and all else.

    >>> content_type("hi"), content_type({"text": "hi"}), content_type(b"hi")
    ('text', 'json', 'bytes')
    """
    if isinstance(value, (str, UserString)):
        return "text"
    if is_octets(value):
        return "bytes"
    if is_image(value):
        return "image"
    if is_array(value) or is_packed(value):
        return "array"
    return "bytes" if _has_only_bytes(value) else "json"


def _has_only_bytes(value: object) -> bool:
    return hasattr(type(value), "tobytes") and not isinstance(value, type) and not is_table(value)


def _chunks(value: object) -> list[Any]:
    """Split the canonical bytes into the pieces they consist of, without copying payloads."""
    if type(value) is bytes:
        return [value]
    if isinstance(value, UserString):
        value = value.data
    if isinstance(value, str):
        return [value.encode("utf-8", "surrogatepass")]
    plain = plain_text(value)
    if plain is not None:
        return [plain.encode("utf-8", "surrogatepass")]
    encoding = _encode_anything(value)
    payloads = encoding.payloads
    if len(payloads) == 1 and encoding.text.startswith('{"$bytes":'):
        return payloads  # no other value has a text that begins like this
    text = encoding.text.encode("utf-8", "surrogatepass")
    return [text, b"\n", *payloads] if payloads else [text]


def _encode_anything(value: object) -> Encoding:
    writer = Writer()
    try:
        writer.write(value)
    except Refusal as refusal:
        raise refusal.error() from refusal.__cause__
    except RecursionError:
        raise FingerprintError(
            "cannot fingerprint the sample: it is nested too deeply or contains itself"
        ) from None
    return Encoding("".join(writer.parts), writer.payloads)
