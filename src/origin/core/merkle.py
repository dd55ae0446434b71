"""Merkle trees as RFC 9162 (Certificate Transparency 2.0) defines them, over SHA-256.

A leaf is hashed as ``SHA-256(0x00 || data)`` and a node as ``SHA-256(0x01 || left || right)``,
so that no leaf can pass for a node. A tree of ``n > 1`` leaves is split at the largest power
of two below ``n``. Pairing neighbours level by level, and lifting an odd last node unchanged
to the next level, builds that same tree without recursion. No leaf is ever duplicated, so
``[a, b, c]`` and ``[a, b, c, c]`` have different roots (compare CVE-2012-2459).

The functions that generate raise on a bad argument. The functions that verify take data from
strangers, so they answer False to anything malformed and never raise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

__all__ = [
    "consistency_proof",
    "consistency_within",
    "inclusion_proof",
    "inclusion_within",
    "leaf_hash",
    "leaf_hashes",
    "merkle_root",
    "root_over",
    "verify_consistency",
    "verify_inclusion",
]

_HASH_BYTES = 32
_MAX_SIZE = 2**64 - 1  # tree_size is a uint64 in RFC 9162, section 4.10
_EMPTY_ROOT = sha256(b"").digest()

# Copying a hash that has already taken in the prefix is measurably faster than creating one
# and concatenating the prefix with the data. The two objects copied are never updated.
_new_leaf = sha256(b"\x00").copy
_new_node = sha256(b"\x01").copy


def leaf_hash(data: bytes) -> bytes:
    """Hash the data of one leaf.

    Args:
        data: The leaf's data, of any length.

    Returns:
        The 32 bytes of ``SHA-256(0x00 || data)``, which is also the root of a tree that holds
        only this leaf.

    Raises:
        TypeError: ``data`` is not bytes.

    Source:
        RFC 9162, section 2.1.1.

    >>> leaf_hash(b"").hex()
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'
    """
    if not isinstance(data, bytes):
        raise TypeError(f"leaf data must be bytes, not {type(data).__name__}")
    digest = _new_leaf()
    digest.update(data)
    return digest.digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Compute the root of the tree over some leaves.

    Args:
        leaves: The data of each leaf, in order. Order and repetition count.

    Returns:
        The 32 bytes of the root. Without leaves that is ``SHA-256(b"")``.

    Raises:
        TypeError: A leaf is not bytes.

    Source:
        RFC 9162, section 2.1.1.

    >>> merkle_root([b"a"]) == leaf_hash(b"a")
    True
    >>> merkle_root([]).hex()
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    return root_over(leaf_hashes(leaves))


def root_over(level: Sequence[bytes]) -> bytes:
    """Compute the root of a tree from the hashes of its leaves.

    Complete subtrees of one size may stand for their leaves; the last of them need not be
    complete.

    Args:
        level: The hash of each leaf, in order.

    Returns:
        The 32 bytes of the root. Without leaves that is ``SHA-256(b"")``.

    >>> root_over([leaf_hash(b"a"), leaf_hash(b"b")]) == merkle_root([b"a", b"b"])
    True
    """
    if not level:
        return _EMPTY_ROOT
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Prove that the tree over some leaves holds the leaf at an index.

    Args:
        leaves: The data of each leaf, in order.
        index: The position of the leaf, counted from 0. A negative index is an error.

    Returns:
        The hashes to combine the leaf's hash with, from the leaf up to the root. Their number
        is at most the logarithm of the size to base 2, rounded up.

    Raises:
        IndexError: No leaf has that index.
        TypeError: ``index`` is not an int, or a leaf is not bytes.

    Source:
        RFC 9162, section 2.1.3.1.

    >>> leaves = [b"a", b"b", b"c"]
    >>> inclusion_proof(leaves, 2) == [merkle_root([b"a", b"b"])]
    True
    >>> verify_inclusion(b"c", 2, 3, inclusion_proof(leaves, 2), merkle_root(leaves))
    True
    """
    return inclusion_within(leaf_hashes(leaves), index)


def inclusion_within(level: Sequence[bytes], index: int) -> list[bytes]:
    """As ``inclusion_proof``, from the hashes of the leaves.

    Args:
        level: The hash of each leaf, or complete subtrees, as for ``root_over``.
        index: The position in ``level``, counted from 0.

    Raises:
        IndexError, TypeError: As for ``inclusion_proof``.

    >>> inclusion_within([leaf_hash(b"a"), leaf_hash(b"b")], 1) == [leaf_hash(b"a")]
    True
    """
    _require_int("index", index)
    if not 0 <= index < len(level):
        raise IndexError(f"leaf index {index} is out of range for {len(level)} leaves")
    return _siblings(level, index)


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Prove that the tree over some leaves extends the tree over the first of them.

    Args:
        leaves: The data of each leaf of the newer tree, in order.
        old_size: How many of the leaves, from the first on, made up the older tree.

    Returns:
        The hashes from which both roots can be computed. The list is empty if the two trees
        are the same.

    Raises:
        ValueError: ``old_size`` is below 1 or above the number of leaves.
        TypeError: ``old_size`` is not an int, or a leaf is not bytes.

    Source:
        RFC 9162, section 2.1.4.1.

    >>> leaves = [b"a", b"b", b"c"]
    >>> proof = consistency_proof(leaves, 2)
    >>> proof == [leaf_hash(b"c")]
    True
    >>> verify_consistency(2, 3, proof, merkle_root(leaves[:2]), merkle_root(leaves))
    True
    """
    return consistency_within(leaf_hashes(leaves), old_size)


def consistency_within(level: Sequence[bytes], old_size: int) -> list[bytes]:
    """As ``consistency_proof``, from the hashes of the leaves.

    Args:
        level: The hash of each leaf of the newer tree, in order.
        old_size: How many of the leaves, from the first on, made up the older tree.

    Raises:
        ValueError, TypeError: As for ``consistency_proof``.

    >>> consistency_within([leaf_hash(b"a"), leaf_hash(b"b")], 1) == [leaf_hash(b"b")]
    True
    """
    _require_int("old_size", old_size)
    if not 1 <= old_size <= len(level):
        raise ValueError(f"old_size must be from 1 to {len(level)}, not {old_size}")
    if old_size == len(level):
        return []
    node = old_size - 1
    while node & 1:
        level = _next_level(level)
        node >>= 1
    # At node 0 the older tree is one complete subtree, whose hash the verifier already has.
    start = [level[node]] if node else []
    return start + _siblings(level, node)


def verify_inclusion(
    leaf: bytes,
    index: int,
    size: int,
    proof: list[bytes] | tuple[bytes, ...],
    root: bytes,
) -> bool:
    """Check a proof that a tree holds a leaf.

    A proof fixes the leaf's path, not the size: where the path to ``index`` has the same shape
    in a tree of another size, the proof holds for that size too. Take size and root together
    from one trusted place.

    Args:
        leaf: The leaf's data, not its hash.
        index: The position of the leaf, counted from 0.
        size: The number of leaves in the tree, below 2**64.
        proof: What ``inclusion_proof`` returned, as a list or tuple.
        root: The root of the tree.

    Returns:
        True if the proof has exactly the right length and leads from the leaf to the root,
        and False otherwise, also if an argument is malformed.

    Raises:
        Nothing.

    Source:
        RFC 9162, section 2.1.3.2.

    >>> proof = [leaf_hash(b"b")]
    >>> verify_inclusion(b"a", 0, 2, proof, merkle_root([b"a", b"b"]))
    True
    >>> verify_inclusion(b"a", 1, 2, proof, merkle_root([b"a", b"b"]))
    False
    """
    if not (isinstance(leaf, bytes) and _is_hash(root) and _are_hashes(proof)):
        return False
    if not (_is_count(index) and _is_count(size) and index < size):
        return False
    sides = list(_sides(index, size - 1))
    if len(proof) != len(sides):
        return False
    current = leaf_hash(leaf)
    for is_left, sibling in zip(sides, proof, strict=True):
        current = _node_hash(sibling, current) if is_left else _node_hash(current, sibling)
    return current == root


def verify_consistency(
    old_size: int,
    new_size: int,
    proof: list[bytes] | tuple[bytes, ...],
    old_root: bytes,
    new_root: bytes,
) -> bool:
    """Check a proof that a newer tree extends an older one.

    Like an inclusion proof, the proof fixes a path and not the newer size. Take each size and
    its root together from one trusted place.

    Args:
        old_size: The number of leaves in the older tree, at least 1.
        new_size: The number of leaves in the newer tree, below 2**64.
        proof: What ``consistency_proof`` returned, as a list or tuple.
        old_root: The root of the older tree.
        new_root: The root of the newer tree.

    Returns:
        True if the proof has exactly the right length and leads to both roots, and False
        otherwise, also if an argument is malformed. Equal sizes need an empty proof and equal
        roots. An older tree without leaves is always refused, since nothing can be proved
        about it.

    Raises:
        Nothing.

    Source:
        RFC 9162, section 2.1.4.2.

    >>> old, new = merkle_root([b"a"]), merkle_root([b"a", b"b"])
    >>> verify_consistency(1, 2, [leaf_hash(b"b")], old, new)
    True
    >>> verify_consistency(1, 2, [leaf_hash(b"c")], old, new)
    False
    """
    if not (_is_hash(old_root) and _is_hash(new_root) and _are_hashes(proof)):
        return False
    if not (_is_count(old_size) and _is_count(new_size) and 1 <= old_size <= new_size):
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    return _roots_follow(old_size, new_size, proof, old_root, new_root)


def _roots_follow(
    old_size: int,
    new_size: int,
    proof: list[bytes] | tuple[bytes, ...],
    old_root: bytes,
    new_root: bytes,
) -> bool:
    """Tell whether well-formed hashes lead to both roots, for ``1 <= old_size < new_size``."""
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    path = list(proof) if node else [old_root, *proof]
    sides = list(_sides(node, last))
    if len(path) != len(sides) + 1:
        return False
    old = new = path[0]
    for is_left, sibling in zip(sides, path[1:], strict=True):
        if is_left:
            old, new = _node_hash(sibling, old), _node_hash(sibling, new)
        else:  # the older tree ends before this sibling
            new = _node_hash(new, sibling)
    return old == old_root and new == new_root


def leaf_hashes(leaves: Sequence[bytes]) -> list[bytes]:
    """Hash the data of each leaf: the lowest level of the tree.

    Args:
        leaves: The data of each leaf, in order.

    Raises:
        TypeError: A leaf is not bytes.

    >>> leaf_hashes([b"a"]) == [leaf_hash(b"a")]
    True
    """
    if not {*map(type, leaves)} <= {bytes}:
        return [leaf_hash(data) for data in leaves]  # checks each leaf
    new_leaf = _new_leaf
    level = []
    for data in leaves:
        digest = new_leaf()
        digest.update(data)
        level.append(digest.digest())
    return level


def _next_level(level: Sequence[bytes]) -> list[bytes]:
    """Return the level above, with an odd last node lifted unchanged."""
    new_node = _new_node
    above = []
    nodes = iter(level)
    for left, right in zip(nodes, nodes):  # noqa: B905 - the keyword costs 5% of a small tree
        digest = new_node()
        digest.update(left)
        digest.update(right)
        above.append(digest.digest())
    if len(level) & 1:
        above.append(level[-1])
    return above


def _siblings(level: Sequence[bytes], node: int) -> list[bytes]:
    """Return the siblings met on the way from a node of a level up to the root."""
    siblings = []
    while len(level) > 1:
        sibling = node ^ 1
        if sibling < len(level):
            siblings.append(level[sibling])
        level = _next_level(level)
        node >>= 1
    return siblings


def _sides(node: int, last: int) -> Iterator[bool]:
    """Yield, for each sibling on the way up, whether it is on the left.

    ``last`` is the position of the last node on the level. An odd last node has no sibling.
    """
    while last:
        if node & 1:
            yield True
        elif node < last:
            yield False
        node, last = node >> 1, last >> 1


def _node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _require_int(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")


def _is_count(value: object) -> bool:
    """Tell whether a value is an int, and no bool, that fits 64 bits without a sign."""
    return type(value) is int and 0 <= value <= _MAX_SIZE


def _is_hash(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == _HASH_BYTES


def _are_hashes(proof: object) -> bool:
    return isinstance(proof, (list, tuple)) and all(map(_is_hash, proof))
