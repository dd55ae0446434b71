"""DSSE envelopes: signed bytes of any kind, in JSON.

The specification is https://github.com/secure-systems-lab/dsse, protocol and envelope, version 1.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass

from origin.core.note import PublicKey, encode_base64
from origin.errors import ProofError

__all__ = ["Envelope", "is_envelope", "signed_bytes"]

_MOST_SIGNATURES = 100
_SIGNATURE_BYTES = 64
_STANDARD = str.maketrans("-_", "+/")


def is_envelope(text: str) -> bool:
    """Whether a text begins as an envelope does: as a JSON object.

    >>> is_envelope('{"payload": ""}'), is_envelope("origin.proof/")
    (True, False)
    """
    return text.lstrip(" \t\r\n").startswith("{")


def signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """What is signed of an envelope: DSSE's pre-authentication encoding.

    >>> signed_bytes("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Signed bytes; nobody has checked the signatures yet.

    Args:
        payload_type: what the bytes are.
        payload: the bytes.
        signatures: one at least: the hint at the key, which proves nothing, and 64 bytes.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    def text(self) -> str:
        """The envelope as a file has it."""
        told = {
            "payload": encode_base64(self.payload),
            "payloadType": self.payload_type,
            "signatures": [
                {"keyid": keyid, "sig": encode_base64(data)} for keyid, data in self.signatures
            ],
        }
        return json.dumps(told, sort_keys=True, separators=(",", ":")) + "\n"

    @classmethod
    def parse(cls, text: str) -> Envelope:
        """Read an envelope.

        Raises:
            ProofError: it is none.
        """
        try:
            told = json.loads(text)
        except (ValueError, RecursionError):
            raise ProofError("this is no envelope: it is not JSON") from None
        if type(told) is not dict:
            raise ProofError("this is no envelope: it is no JSON object")
        payload_type, signatures = told.get("payloadType"), told.get("signatures")
        if type(payload_type) is not str or type(signatures) is not list or not signatures:
            raise ProofError("this is no envelope: it has no payload type, or no signature")
        if len(signatures) > _MOST_SIGNATURES:
            raise ProofError(f"an envelope has more than {_MOST_SIGNATURES} signatures")
        return cls(payload_type, _decoded(told.get("payload")), tuple(map(_signature, signatures)))

    def signers(self, keys: Iterable[PublicKey]) -> list[PublicKey]:
        """Which of some keys vouch for the payload.

        Args:
            keys: those that are trusted.

        Raises:
            ProofError: none of them does.
            MissingDependencyError: ``cryptography`` is not installed.
        """
        try:
            text = signed_bytes(self.payload_type, self.payload).decode()
        except UnicodeError:
            raise ProofError("the payload of the envelope is not UTF-8") from None
        found = [
            key
            for key in dict.fromkeys(keys)
            if any(
                len(data) == _SIGNATURE_BYTES and key.is_signature(data, text)
                for _, data in self.signatures
            )
        ]
        if not found:
            raise ProofError("no key that you gave has signed this envelope")
        return found


def _signature(told: object) -> tuple[str, bytes]:
    keyid = told.get("keyid", "") if isinstance(told, dict) else None
    if not isinstance(told, dict) or type(keyid) is not str:
        raise ProofError("a signature of the envelope is none")
    return keyid, _decoded(told.get("sig"))


def _decoded(told: object) -> bytes:
    """Bytes from base64, in either alphabet, as DSSE asks of who verifies."""
    try:
        if type(told) is not str:
            raise ValueError
        return b64decode(told.translate(_STANDARD).encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise ProofError("the envelope has something that is not base64") from None
