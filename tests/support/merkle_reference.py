"""Merkle trees written from the recursive definitions of RFC 9162, as an oracle.

MTH, PATH and SUBPROOF as the RFC has them: this shares no code with the package and
knows nothing of levels. The verifiers undo those definitions step by step.
"""

from __future__ import annotations

import hashlib
from functools import cache

LIMIT = 130
LEAVES = [b"leaf %d" % number for number in range(LIMIT)]
SMALL = 18

# --- The reference ---------------------------------------------------------------------------


def ref_hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def ref_node(left: bytes, right: bytes) -> bytes:
    return ref_hash(b"\x01" + left + right)


def ref_split(n: int) -> int:
    """The largest power of two smaller than n: k < n <= 2k."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def ref_mth(leaves: list[bytes]) -> bytes:
    """MTH(D[n]), RFC 9162, section 2.1.1."""
    n = len(leaves)
    if n == 0:
        return ref_hash(b"")
    if n == 1:
        return ref_hash(b"\x00" + leaves[0])
    k = ref_split(n)
    return ref_node(ref_mth(leaves[:k]), ref_mth(leaves[k:]))


@cache
def mth(start: int, end: int) -> bytes:
    """MTH over LEAVES[start:end], remembered so that the exhaustive tests stay quick."""
    if end - start < 2:
        return ref_mth(LEAVES[start:end])
    k = ref_split(end - start)
    return ref_node(mth(start, start + k), mth(start + k, end))


def ref_path(m: int, start: int, end: int) -> list[bytes]:
    """PATH(m, D_n) over LEAVES[start:end], RFC 9162, section 2.1.3.1."""
    n = end - start
    if n == 1:
        return []
    k = ref_split(n)
    if m < k:
        return [*ref_path(m, start, start + k), mth(start + k, end)]
    return [*ref_path(m - k, start + k, end), mth(start, start + k)]


def ref_subproof(m: int, start: int, end: int, known: bool) -> list[bytes]:
    """SUBPROOF(m, D_n, b) over LEAVES[start:end], RFC 9162, section 2.1.4.1."""
    n = end - start
    if m == n:
        return [] if known else [mth(start, end)]
    k = ref_split(n)
    if m <= k:
        return [*ref_subproof(m, start, start + k, known), mth(start + k, end)]
    return [*ref_subproof(m - k, start + k, end, False), mth(start, start + k)]


class Malformed(Exception):
    """The proof has the wrong length."""


def ref_root_from_path(leaf: bytes, m: int, n: int, path: list[bytes]) -> bytes:
    """Undo PATH(m, D_n): the root it leads to."""
    if n == 1:
        if path:
            raise Malformed
        return ref_hash(b"\x00" + leaf)
    if not path:
        raise Malformed
    k = ref_split(n)
    if m < k:
        return ref_node(ref_root_from_path(leaf, m, k, path[:-1]), path[-1])
    return ref_node(path[-1], ref_root_from_path(leaf, m - k, n - k, path[:-1]))


def ref_roots_from_subproof(
    m: int, n: int, proof: list[bytes], known: bytes | None
) -> tuple[bytes, bytes]:
    """Undo SUBPROOF(m, D_n, b): the old and the new root it leads to."""
    if m == n:
        rest = proof if known is None else [*proof, known]
        if len(rest) != 1:
            raise Malformed
        return rest[0], rest[0]
    if not proof:
        raise Malformed
    k = ref_split(n)
    *rest, last = proof
    if m <= k:
        old, new = ref_roots_from_subproof(m, k, rest, known)
        return old, ref_node(new, last)
    old, new = ref_roots_from_subproof(m - k, n - k, rest, None)
    return ref_node(last, old), ref_node(last, new)


def ref_verify_inclusion(leaf: bytes, m: int, n: int, proof: list[bytes], root: bytes) -> bool:
    try:
        return 0 <= m < n and ref_root_from_path(leaf, m, n, proof) == root
    except Malformed:
        return False


def ref_verify_consistency(m: int, n: int, proof: list[bytes], old: bytes, new: bytes) -> bool:
    try:
        return 1 <= m <= n and ref_roots_from_subproof(m, n, proof, old) == (old, new)
    except Malformed:
        return False


def flipped(data: bytes, position: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 1
    return bytes(changed)
