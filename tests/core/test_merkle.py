"""The Merkle trees of ``origin.core.merkle`` against RFC 9162, read literally.

The reference below is written from the recursive definitions in the RFC (MTH, PATH and
SUBPROOF), shares no code with the package and knows nothing of levels. It has verifiers of its
own, which undo those definitions step by step.
"""

from __future__ import annotations

import copy
import hashlib
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from origin.core.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    merkle_root,
    verify_consistency,
    verify_inclusion,
)

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


# --- Published values ------------------------------------------------------------------------

PUBLISHED_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
PUBLISHED_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(len(PUBLISHED_ROOTS)))
def test_root_of_the_published_leaves(size: int) -> None:
    leaves = PUBLISHED_LEAVES[:size]
    assert merkle_root(leaves).hex() == PUBLISHED_ROOTS[size]
    assert ref_mth(leaves).hex() == PUBLISHED_ROOTS[size]


@pytest.fixture
def example() -> dict[str, bytes]:
    """The nodes of the tree of seven leaves drawn in RFC 9162, section 2.1.5, by letter."""
    nodes = {
        letter: ref_hash(b"\x00" + leaf)
        for letter, leaf in zip("abcdefj", PUBLISHED_LEAVES[:7], strict=True)
    }
    for letter, pair in (("g", "ab"), ("h", "cd"), ("i", "ef"), ("k", "gh"), ("l", "ij")):
        nodes[letter] = ref_node(nodes[pair[0]], nodes[pair[1]])
    return nodes


@pytest.mark.parametrize(("index", "letters"), [(0, "bhl"), (3, "cgl"), (4, "fjk"), (6, "ik")])
def test_inclusion_proofs_of_the_rfc_example(
    example: dict[str, bytes], index: int, letters: str
) -> None:
    assert inclusion_proof(PUBLISHED_LEAVES[:7], index) == [example[name] for name in letters]


@pytest.mark.parametrize(("old_size", "letters"), [(3, "cdgl"), (4, "l"), (6, "ijk")])
def test_consistency_proofs_of_the_rfc_example(
    example: dict[str, bytes], old_size: int, letters: str
) -> None:
    expected = [example[name] for name in letters]
    assert consistency_proof(PUBLISHED_LEAVES[:7], old_size) == expected


# --- Every small tree ------------------------------------------------------------------------


def test_root_of_every_size() -> None:
    for size in range(LIMIT + 1):
        assert merkle_root(LEAVES[:size]) == ref_mth(LEAVES[:size]), size


def test_inclusion_of_every_index() -> None:
    for size in range(1, LIMIT + 1):
        leaves, root = LEAVES[:size], mth(0, size)
        for index in range(size):
            proof = inclusion_proof(leaves, index)
            assert proof == ref_path(index, 0, size), (index, size)
            assert verify_inclusion(leaves[index], index, size, proof, root), (index, size)


def test_consistency_of_every_pair() -> None:
    for new_size in range(1, LIMIT + 1):
        leaves, new_root = LEAVES[:new_size], mth(0, new_size)
        for old_size in range(1, new_size + 1):
            proof = consistency_proof(leaves, old_size)
            assert proof == ref_subproof(old_size, 0, new_size, True), (old_size, new_size)
            old_root = mth(0, old_size)
            assert verify_consistency(old_size, new_size, proof, old_root, new_root), (
                old_size,
                new_size,
            )


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_random_trees(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 1500), label="size")
    index = data.draw(st.integers(0, size - 1), label="index")
    seed = data.draw(st.binary(max_size=40), label="seed")
    leaves = [seed + b"%d" % (number % 700) for number in range(size)]
    root, old_root = ref_mth(leaves), ref_mth(leaves[: index + 1])
    assert merkle_root(leaves) == root
    proof = inclusion_proof(leaves, index)
    assert verify_inclusion(leaves[index], index, size, proof, root)
    assert ref_verify_inclusion(leaves[index], index, size, proof, root)
    proof = consistency_proof(leaves, index + 1)
    assert verify_consistency(index + 1, size, proof, old_root, root)
    assert ref_verify_consistency(index + 1, size, proof, old_root, root)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=40))
def test_root_of_any_leaves(leaves: list[bytes]) -> None:
    assert merkle_root(leaves) == merkle_root(tuple(leaves)) == ref_mth(leaves)


def test_long_leaves() -> None:
    leaves = [bytes([number]) * 100_000 for number in range(5)]
    assert merkle_root(leaves) == ref_mth(leaves)


def test_bytes_subclass_is_a_leaf() -> None:
    class Digest(bytes):
        pass

    assert merkle_root([Digest(b"a"), b"b"]) == ref_mth([b"a", b"b"])


def test_arguments_are_left_alone() -> None:
    leaves = LEAVES[:5]
    inclusion_proof(leaves, 4)
    consistency_proof(leaves, 3)
    proof = consistency_proof(leaves, 4)
    before = copy.copy(proof)
    assert verify_consistency(4, 5, proof, mth(0, 4), mth(0, 5))
    assert merkle_root(leaves) == mth(0, 5)
    assert leaves == LEAVES[:5]
    assert proof == before


# --- Trees too large to build ----------------------------------------------------------------

HASHES = [ref_hash(b"sibling %d" % number) for number in range(70)]
HUGE = st.one_of(
    st.integers(1, 2**64 - 1),
    st.integers(0, 63).map(lambda power: 2**power),
    st.integers(1, 64).map(lambda power: 2**power - 1),
)


@settings(deadline=None, max_examples=60)
@given(HUGE, st.data())
def test_inclusion_in_a_huge_tree(size: int, data: st.DataObject) -> None:
    index = data.draw(st.one_of(st.integers(0, size - 1), st.just(size - 1)), label="index")
    roots = {}
    for length in range(len(HASHES)):
        try:
            roots[length] = ref_root_from_path(b"x", index, size, HASHES[:length])
        except Malformed:
            continue
    assert len(roots) == 1
    (right, root), *_ = roots.items()
    for length in range(len(HASHES)):
        assert verify_inclusion(b"x", index, size, HASHES[:length], root) == (length == right)


@settings(deadline=None, max_examples=60)
@given(HUGE, st.data())
def test_consistency_of_huge_trees(new_size: int, data: st.DataObject) -> None:
    powers = st.integers(0, new_size.bit_length() - 1).map(lambda power: 2**power)
    old_size = data.draw(st.one_of(st.integers(1, new_size), powers), label="old_size")
    known = ref_hash(b"known")
    pairs = {}
    for length in range(len(HASHES)):
        try:
            pairs[length] = ref_roots_from_subproof(old_size, new_size, HASHES[:length], known)
        except Malformed:
            continue
    assert len(pairs) == 1
    (right, (old, new)), *_ = pairs.items()
    for length in range(len(HASHES)):
        answer = verify_consistency(old_size, new_size, HASHES[:length], old, new)
        assert answer == (length == right)


# --- Tampering -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 13])
def test_inclusion_fails_for_any_changed_byte(size: int) -> None:
    root = mth(0, size)
    for index in range(size):
        leaf, proof = LEAVES[index], inclusion_proof(LEAVES[:size], index)
        for byte in range(len(leaf)):
            assert not verify_inclusion(flipped(leaf, byte), index, size, proof, root)
        for byte in range(32):
            assert not verify_inclusion(leaf, index, size, proof, flipped(root, byte))
            for place in range(len(proof)):
                bad = copy.copy(proof)
                bad[place] = flipped(bad[place], byte)
                assert not verify_inclusion(leaf, index, size, bad, root)


@pytest.mark.parametrize("new_size", [2, 3, 6, 7, 8, 13])
def test_consistency_fails_for_any_changed_byte(new_size: int) -> None:
    new_root = mth(0, new_size)
    for old_size in range(1, new_size + 1):
        old_root = mth(0, old_size)
        proof = consistency_proof(LEAVES[:new_size], old_size)
        for byte in range(32):
            bad_old, bad_new = flipped(old_root, byte), flipped(new_root, byte)
            assert not verify_consistency(old_size, new_size, proof, bad_old, new_root)
            assert not verify_consistency(old_size, new_size, proof, old_root, bad_new)
            for place in range(len(proof)):
                bad = copy.copy(proof)
                bad[place] = flipped(bad[place], byte)
                assert not verify_consistency(old_size, new_size, bad, old_root, new_root)


def reshaped(proof: list[bytes]) -> list[list[bytes]]:
    """Proofs of another length: shortened at each place, and lengthened at each place."""
    shorter = [proof[:place] + proof[place + 1 :] for place in range(len(proof))]
    longer = [
        [*proof[:place], extra, *proof[place:]]
        for place in range(len(proof) + 1)
        for extra in (*proof, bytes(32), ref_hash(b""))
    ]
    return shorter + longer


def test_proofs_of_another_length_fail() -> None:
    for size in range(1, SMALL):
        root = mth(0, size)
        for index in range(size):
            for bad in reshaped(inclusion_proof(LEAVES[:size], index)):
                assert not verify_inclusion(LEAVES[index], index, size, bad, root)
            old_root = mth(0, index + 1)
            for bad in reshaped(consistency_proof(LEAVES[:size], index + 1)):
                assert not verify_consistency(index + 1, size, bad, old_root, root)


def test_proofs_in_another_order_fail() -> None:
    for size in range(3, SMALL):
        root = mth(0, size)
        for index in range(size):
            proof = inclusion_proof(LEAVES[:size], index)
            if len(proof) > 1:
                assert not verify_inclusion(LEAVES[index], index, size, proof[::-1], root)
            proof = consistency_proof(LEAVES[:size], index + 1)
            if len(proof) > 1:
                old_root = mth(0, index + 1)
                assert not verify_consistency(index + 1, size, proof[::-1], old_root, root)


def test_inclusion_at_another_index_fails() -> None:
    for size in range(1, SMALL):
        root = mth(0, size)
        for index in range(size):
            proof = inclusion_proof(LEAVES[:size], index)
            for other in range(-1, size + 2):
                answer = verify_inclusion(LEAVES[index], other, size, proof, root)
                assert answer == (other == index), (index, other, size)


def test_inclusion_in_another_size_fails_unless_the_path_is_the_same() -> None:
    refused = 0
    for size in range(1, SMALL):
        root = mth(0, size)
        for index in range(size):
            proof, leaf = inclusion_proof(LEAVES[:size], index), LEAVES[index]
            for other in range(-1, 2 * SMALL):
                expected = ref_verify_inclusion(leaf, index, other, proof, root)
                assert verify_inclusion(leaf, index, other, proof, root) == expected
                assert not verify_inclusion(leaf, index, other, proof, mth(0, other)) or (
                    other == size
                )
                refused += not expected
    assert refused


def test_consistency_for_other_sizes_fails_unless_the_path_is_the_same() -> None:
    for new_size in range(1, SMALL):
        new_root = mth(0, new_size)
        for old_size in range(1, new_size + 1):
            old_root = mth(0, old_size)
            proof = consistency_proof(LEAVES[:new_size], old_size)
            for old in range(-1, SMALL + 2):
                for new in range(-1, SMALL + 2):
                    answer = verify_consistency(old, new, proof, old_root, new_root)
                    expected = ref_verify_consistency(old, new, proof, old_root, new_root)
                    assert answer == expected, (old_size, new_size, old, new)


def test_consistency_with_the_root_of_another_tree_fails() -> None:
    for new_size in range(2, SMALL):
        for old_size in range(1, new_size + 1):
            proof = consistency_proof(LEAVES[:new_size], old_size)
            for size in range(LIMIT // 4):
                root = mth(0, size)
                assert verify_consistency(old_size, new_size, proof, root, mth(0, new_size)) == (
                    size == old_size
                )
                assert verify_consistency(old_size, new_size, proof, mth(0, old_size), root) == (
                    size == new_size
                )


def test_rewritten_history_is_no_extension() -> None:
    forged = [b"forged", *LEAVES[1:12]]
    for old_size in range(1, 12):
        proof = consistency_proof(forged, old_size)
        assert not verify_consistency(old_size, 12, proof, mth(0, old_size), merkle_root(forged))


def test_duplicating_the_tail_changes_the_root() -> None:
    """CVE-2012-2459: trees that repeat an odd last node give both of these one root."""
    assert merkle_root([b"a", b"b", b"c"]) != merkle_root([b"a", b"b", b"c", b"c"])
    for size in range(1, 40):
        leaves = LEAVES[:size]
        for tail in range(1, size + 1):
            assert merkle_root(leaves) != merkle_root(leaves + leaves[-tail:])


def test_a_node_cannot_pass_for_a_leaf() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    root = merkle_root([b"a", b"b"])
    assert merkle_root([left + right]) != root
    assert not verify_inclusion(left + right, 0, 1, [], root)
    assert not verify_inclusion(b"\x01" + left + right, 0, 1, [], root)
    assert not verify_inclusion(left, 0, 2, [right], root)
    assert verify_inclusion(b"a", 0, 2, [right], root)


def test_order_and_repetition_count() -> None:
    assert merkle_root([b"a", b"b"]) != merkle_root([b"b", b"a"])
    assert merkle_root([b"a"]) != merkle_root([b"a", b"a"])
    assert merkle_root([]) != merkle_root([b""])


# --- Malformed input to the verifiers --------------------------------------------------------

ROOT3 = ref_mth([b"a", b"b", b"c"])
ROOT2 = ref_mth([b"a", b"b"])
LEAF_C = ref_hash(b"\x00c")

NOT_COUNTS = [None, True, False, -1, 2**64, 2**4000, 1.0, 2.0, 3.0, "2", b"2", [2], float("nan")]
NOT_HASHES = [
    None,
    0,
    "",
    "0" * 32,
    b"",
    bytes(31),
    bytes(33),
    bytearray(ROOT2),
    memoryview(ROOT2),
    ROOT2.hex(),
    [ROOT2],
]
NOT_PROOFS = [
    None,
    0,
    True,
    "",
    b"",
    ROOT2,
    "proof",
    {},
    set(),
    {ROOT2},
    {ROOT2: ROOT2},
    iter([ROOT2]),
    object(),
    *([bad] for bad in NOT_HASHES),
    *((bad,) for bad in NOT_HASHES),
]


def type_name(value: object) -> str:
    return type(value).__name__


def test_the_well_formed_case_that_the_malformed_ones_vary() -> None:
    assert verify_inclusion(b"c", 2, 3, [ROOT2], ROOT3) is True
    assert verify_inclusion(b"c", 2, 3, (ROOT2,), ROOT3) is True
    assert verify_consistency(2, 3, [LEAF_C], ROOT2, ROOT3) is True
    assert verify_consistency(2, 3, (LEAF_C,), ROOT2, ROOT3) is True


@pytest.mark.parametrize("bad", NOT_COUNTS, ids=type_name)
def test_malformed_sizes_are_refused(bad: object) -> None:
    assert verify_inclusion(b"c", bad, 3, [ROOT2], ROOT3) is False  # type: ignore[arg-type]
    assert verify_inclusion(b"c", 2, bad, [ROOT2], ROOT3) is False  # type: ignore[arg-type]
    assert verify_inclusion(b"", bad, bad, [], leaf_hash(b"")) is False  # type: ignore[arg-type]
    assert verify_consistency(bad, 3, [LEAF_C], ROOT2, ROOT3) is False  # type: ignore[arg-type]
    assert verify_consistency(2, bad, [LEAF_C], ROOT2, ROOT3) is False  # type: ignore[arg-type]
    assert verify_consistency(bad, bad, [], ROOT2, ROOT2) is False  # type: ignore[arg-type]


def test_a_bool_is_no_number() -> None:
    root = leaf_hash(b"a")
    assert verify_inclusion(b"a", 0, 1, [], root) is True
    assert verify_inclusion(b"a", False, 1, [], root) is False
    assert verify_inclusion(b"a", 0, True, [], root) is False
    assert verify_consistency(1, 1, [], root, root) is True
    assert verify_consistency(True, 1, [], root, root) is False
    assert verify_consistency(1, True, [], root, root) is False


@pytest.mark.parametrize("bad", NOT_HASHES, ids=type_name)
def test_malformed_roots_are_refused(bad: object) -> None:
    assert verify_inclusion(b"c", 2, 3, [ROOT2], bad) is False  # type: ignore[arg-type]
    assert verify_consistency(2, 3, [LEAF_C], bad, ROOT3) is False  # type: ignore[arg-type]
    assert verify_consistency(2, 3, [LEAF_C], ROOT2, bad) is False  # type: ignore[arg-type]
    assert verify_consistency(2, 2, [], bad, bad) is False  # type: ignore[arg-type]


def test_only_bytes_are_hashes() -> None:
    """A bytearray equals the bytes it holds, and is refused even so."""
    mutable: list[Any] = [bytearray(value) for value in (ROOT2, ROOT3, LEAF_C)]
    root2, root3, leaf_c = mutable
    assert verify_inclusion(b"c", 2, 3, [root2], ROOT3) is False
    assert verify_inclusion(b"c", 2, 3, [ROOT2], root3) is False
    assert verify_consistency(2, 3, [leaf_c], ROOT2, ROOT3) is False
    assert verify_consistency(2, 3, [LEAF_C], root2, ROOT3) is False
    assert verify_consistency(2, 3, [LEAF_C], ROOT2, root3) is False


@pytest.mark.parametrize("bad", NOT_PROOFS, ids=type_name)
def test_malformed_proofs_are_refused(bad: object) -> None:
    assert verify_inclusion(b"c", 2, 3, bad, ROOT3) is False  # type: ignore[arg-type]
    assert verify_inclusion(b"c", 0, 1, bad, LEAF_C) is False  # type: ignore[arg-type]
    assert verify_consistency(2, 3, bad, ROOT2, ROOT3) is False  # type: ignore[arg-type]
    assert verify_consistency(3, 3, bad, ROOT3, ROOT3) is False  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [None, 0, "c", bytearray(b"c"), memoryview(b"c"), [b"c"]])
def test_malformed_leaves_are_refused(bad: object) -> None:
    assert verify_inclusion(bad, 2, 3, [ROOT2], ROOT3) is False  # type: ignore[arg-type]


def test_sizes_at_the_edge() -> None:
    empty = merkle_root([])
    assert not verify_inclusion(b"", 0, 0, [], empty)
    assert not verify_inclusion(b"c", 3, 3, [ROOT2], ROOT3)
    assert not verify_consistency(0, 0, [], empty, empty)
    assert not verify_consistency(0, 3, [], empty, ROOT3)
    assert not verify_consistency(0, 3, [ROOT3], empty, ROOT3)
    assert not verify_consistency(3, 2, [LEAF_C], ROOT3, ROOT2)
    assert not verify_consistency(3, 2, [], ROOT3, ROOT3)
    assert not verify_consistency(3, 3, [], ROOT3, ROOT2)
    assert not verify_consistency(3, 3, [ROOT3], ROOT3, ROOT3)
    assert not verify_consistency(2, 3, [], ROOT2, ROOT2)
    assert verify_consistency(3, 3, [], ROOT3, ROOT3)


ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=40)
    ),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner) | st.just(HASHES[:2]),
)


@settings(deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_verifiers_answer_anything(a: object, b: object, c: object, d: object, e: object) -> None:
    assert verify_inclusion(a, b, c, d, e) is False  # type: ignore[arg-type]
    assert isinstance(verify_consistency(a, b, c, d, e), bool)  # type: ignore[arg-type]


# --- Errors of the generators ----------------------------------------------------------------


@pytest.mark.parametrize("index", [-1, -3, 3, 4, 2**70])
def test_no_inclusion_proof_for_an_index_out_of_range(index: int) -> None:
    with pytest.raises(IndexError, match="out of range for 3 leaves"):
        inclusion_proof([b"a", b"b", b"c"], index)


def test_no_inclusion_proof_without_leaves() -> None:
    with pytest.raises(IndexError, match="out of range for 0 leaves"):
        inclusion_proof([], 0)


@pytest.mark.parametrize("old_size", [-1, 0, 4, 2**70])
def test_no_consistency_proof_for_a_size_out_of_range(old_size: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 3"):
        consistency_proof([b"a", b"b", b"c"], old_size)


@pytest.mark.parametrize("bad", [None, True, 1.0, "1", b"1"])
def test_positions_must_be_ints(bad: object) -> None:
    with pytest.raises(TypeError, match="index must be an int"):
        inclusion_proof([b"a", b"b"], bad)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="old_size must be an int"):
        consistency_proof([b"a", b"b"], bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [None, 0, "a", bytearray(b"a"), memoryview(b"a"), [b"a"]])
def test_leaves_must_be_bytes(bad: object) -> None:
    message = f"leaf data must be bytes, not {type(bad).__name__}"
    with pytest.raises(TypeError, match=message):
        leaf_hash(bad)  # type: ignore[arg-type]
    for leaves in ([bad], [b"a", bad], [bad, b"a", b"b"]):
        with pytest.raises(TypeError, match=message):
            merkle_root(leaves)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=message):
            inclusion_proof(leaves, 0)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=message):
            consistency_proof(leaves, len(leaves))  # type: ignore[arg-type]


def test_bytes_are_no_list_of_leaves() -> None:
    with pytest.raises(TypeError, match="not int"):
        merkle_root(b"abc")  # type: ignore[arg-type]
