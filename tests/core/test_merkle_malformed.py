"""Merkle trees: what the verifiers refuse, and the errors of the generators."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from merkle_reference import ref_hash, ref_mth, ref_node

from origin.core.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    merkle_root,
    verify_consistency,
    verify_inclusion,
)

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
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner) | st.just([ROOT2, ROOT3]),
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


def test_the_largest_tree_there_may_be() -> None:
    last = 2**64 - 2  # all of its bits but the lowest are set: 63 siblings, each on the left
    siblings = [bytes([number]) * 32 for number in range(63)]
    root = leaf_hash(b"x")
    for sibling in siblings:
        root = ref_node(sibling, root)
    assert verify_inclusion(b"x", last, last + 1, siblings, root) is True
    assert verify_inclusion(b"x", last, last + 2, siblings, root) is False
    assert verify_consistency(last + 1, last + 1, [], root, root) is True
    assert verify_consistency(last + 2, last + 2, [], root, root) is False
