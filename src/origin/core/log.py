"""The leaves of the logs that proofs are about, as bytes of which there is one form only.

Each stream of a session is a log, an RFC 9162 tree that only grows. What it holds is written as
a line of JSON that says of what kind it is: how the stream was opened, its batches, its gaps,
how it was closed. A log of the session holds its states: how long each stream was, and its root,
whenever a head was to be signed.

The specification is the chapter "Leaves" of ``docs/proof.md``. This module needs nothing but the
standard library: who verifies reads it too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

from origin.core.merkle import merkle_root
from origin.errors import ProofError

__all__ = [
    "LOG_VERSION",
    "BatchLeaf",
    "CloseLeaf",
    "GapLeaf",
    "Heads",
    "Leaf",
    "OpenLeaf",
    "StateLeaf",
    "log_root",
    "origin_of",
    "parse_leaf",
    "session_of",
]

# The version of the leaves; it stands in each that opens a stream.
LOG_VERSION = 1

_ORIGIN = "origin-provenance/session/"

_MAX_COUNT = 2**64 - 1
_HEX = re.compile(r"[0-9a-f]{64}\Z")


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MAX_COUNT


def _is_hash(value: object) -> bool:
    return type(value) is str and _HEX.match(value) is not None


def _is_text(value: object) -> bool:
    return type(value) is str


def _is_text_or_null(value: object) -> bool:
    return value is None or _is_text(value)


def _are_heads(value: object) -> bool:
    return type(value) is list and all(
        type(one) is list and len(one) == 2 and _is_count(one[0]) and _is_hash(one[1])
        for one in value
    )


def _is_status(value: object) -> bool:
    return value in ("completed", "failed")


def _is_method(value: object) -> bool:
    return value in ("sha256", "blake3", "hmac-sha256")


_CHECKS: dict[str, Callable[[object], bool]] = {
    "int": _is_count,
    "Hash": _is_hash,
    "Status": _is_status,
    "Method": _is_method,
    "str": _is_text,
    "str | None": _is_text_or_null,
    "Heads": _are_heads,
}

# 64 lower-case hexadecimal digits.
Hash = str
# How a session ended.
Status = str
# How samples are fingerprinted.
Method = str
# For each stream, in the order they were opened: how many leaves it has, and its root.
Heads = list[list[Any]]

L = TypeVar("L", bound="Leaf")


class Leaf:
    """What all leaves can do."""

    kind: ClassVar[str]

    def data(self) -> bytes:
        """The leaf as it is hashed: JSON with sorted keys, in ASCII, without spaces."""
        told = {own.name: getattr(self, own.name) for own in fields(self)}  # type: ignore[arg-type]
        return _canonical({"kind": self.kind, **told})


@dataclass(frozen=True, slots=True)
class OpenLeaf(Leaf):
    """How a stream was opened; its first leaf.

    Args:
        session: the id of the session.
        config_hash: the user's own name for the session's configuration.
        stream: which of the session's streams it is, from 0 in the order they were opened.
        source: the source that its samples are of.
        license: the license that the source had then; None when nobody said.
        rank, world_size: which of how many training processes.
        opened_at: ISO 8601 time.
        fingerprint: how samples are fingerprinted: ``sha256``, ``blake3`` or ``hmac-sha256``.
        fingerprint_version: of the specification of fingerprints.
        log_version: of the specification of leaves.

    >>> OpenLeaf("7d0e…", "v1", 0, "digits", None, 0, 1, "2026-01-01", "sha256", 1).data()[:46]
    b'{"config_hash":"v1","fingerprint":"sha256","fi'
    """

    kind = "open"

    session: str
    config_hash: str
    stream: int
    source: str
    license: str | None
    rank: int
    world_size: int
    opened_at: str
    fingerprint: Method
    fingerprint_version: int
    log_version: int = LOG_VERSION


@dataclass(frozen=True, slots=True)
class BatchLeaf(Leaf):
    """A batch.

    Args:
        batch: its number in the stream.
        epoch: which pass over the data it was part of.
        samples: how many it has.
        root: the Merkle root of its samples' fingerprints, 64 hex digits.

    >>> BatchLeaf(17, 0, 0, "00" * 32).data()[:30]
    b'{"batch":17,"epoch":0,"kind":"'
    """

    kind = "batch"

    batch: int
    epoch: int
    samples: int
    root: Hash

    def data(self) -> bytes:
        """The leaf as it is hashed; there are too many of these to sort their keys each time."""
        return (
            f'{{"batch":{self.batch},"epoch":{self.epoch},"kind":"batch","root":"{self.root}",'
            f'"samples":{self.samples}}}'
        ).encode("ascii")


@dataclass(frozen=True, slots=True)
class GapLeaf(Leaf):
    """Batches that the training loop received and the record does not hold.

    Args:
        first, last: the numbers of the first and of the last batch that is missing.
        reason: why, in words.
    """

    kind = "gap"

    first: int
    last: int
    reason: str


@dataclass(frozen=True, slots=True)
class CloseLeaf(Leaf):
    """How a stream ended. It holds as long as it is the stream's last leaf.

    Args:
        status: of the session, ``completed`` or ``failed``.
        ended_at: ISO 8601 time.
        batches, observations, bytes_seen: how many batches, samples and canonical bytes it has.
        missing: how many batches its gaps are of.
        set_size: how many different samples it has.
        set_root: the root of the tree over their fingerprints, each once, in ascending order.
    """

    kind = "close"

    status: Status
    ended_at: str
    batches: int
    observations: int
    bytes_seen: int
    missing: int
    set_size: int
    set_root: Hash


@dataclass(frozen=True, slots=True)
class StateLeaf(Leaf):
    """All streams of a session at one moment; a leaf of the session's own log.

    Args:
        session: the id of the session.
        state: its number, from 0.
        streams: size and root of each stream's log, in the order the streams were opened.
    """

    kind = "state"

    session: str
    state: int
    streams: Heads


_KINDS: dict[str, type[Leaf]] = {
    own.kind: own for own in (OpenLeaf, BatchLeaf, GapLeaf, CloseLeaf, StateLeaf)
}


def parse_leaf(data: bytes, kind: type[L]) -> L:
    """Read a leaf of which the kind is known.

    Args:
        data: the leaf's data.
        kind: what it must be, such as ``BatchLeaf``; ``Leaf`` for any.

    Raises:
        ProofError: it is no such leaf, or is not in the one form that it can have.

    >>> parse_leaf(BatchLeaf(1, 0, 2, "00" * 32).data(), BatchLeaf).samples
    2
    """
    try:
        told = json.loads(data.decode("ascii"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise ProofError("a leaf is not JSON in ASCII") from None
    found = _KINDS.get(told.pop("kind", None)) if _is_object(told) else None
    if found is None or not issubclass(found, kind):
        wanted = "known" if kind is Leaf else f"{kind.kind!r}"
        raise ProofError(f"a leaf is not of the {wanted} kind")
    names = {own.name: str(own.type) for own in fields(found)}  # type: ignore[arg-type]
    if told.keys() != names.keys() or not all(
        _CHECKS[names[name]](value) for name, value in told.items()
    ):
        raise ProofError(f"a leaf of kind {found.kind!r} has other members than it must have")
    leaf = found(**told)
    if leaf.data() != data:
        raise ProofError(f"a leaf of kind {found.kind!r} is not in its one canonical form")
    return leaf


def _is_object(told: object) -> bool:
    return type(told) is dict and type(told.get("kind")) is str


def origin_of(session: str) -> str:
    """The first line of the heads of a session's log of states.

    Args:
        session: the session's id.

    >>> origin_of("7d0e…")
    'origin-provenance/session/7d0e…'
    """
    return f"{_ORIGIN}{session}"


def session_of(origin: str) -> str:
    """The id of the session that a head is of.

    Args:
        origin: the head's first line.

    Raises:
        ProofError: it is the head of something else.

    >>> session_of("origin-provenance/session/7d0e…")
    '7d0e…'
    """
    session = origin.removeprefix(_ORIGIN)
    if session in ("", origin):
        raise ProofError("the head is not that of a session's log of states")
    return session


def log_root(leaves: list[Leaf]) -> bytes:
    """The root of a log, 32 bytes.

    >>> log_root([]).hex()[:16]  # SHA-256 of nothing
    'e3b0c44298fc1c14'
    """
    return merkle_root([leaf.data() for leaf in leaves])


def _canonical(told: dict[str, Any]) -> bytes:
    # In ASCII also a surrogate without a partner has a form.
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode("ascii")
