"""Merkle trees against RFC 9162: published values, every small tree, tampering."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from merkle_reference import (
    LEAVES,
    LIMIT,
    SMALL,
    Malformed,
    flipped,
    mth,
    ref_hash,
    ref_mth,
    ref_node,
    ref_path,
    ref_root_from_path,
    ref_roots_from_subproof,
    ref_subproof,
    ref_verify_consistency,
    ref_verify_inclusion,
)

from origin.core.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    merkle_root,
    verify_consistency,
    verify_inclusion,
)

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
