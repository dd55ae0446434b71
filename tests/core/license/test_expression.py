"""Expressions as trees, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.core.license.reading.expression import (
    MAX_DEPTH,
    MAX_LICENSES,
    AllOf,
    AnyOf,
    One,
    Reading,
    Tree,
    has_operators,
    joined,
    parse,
    render,
)


def read(text: str) -> Reading:
    return parse(text, lambda word: Reading(One(word)), lambda word: word)


trees: st.SearchStrategy[Tree] = st.recursive(
    st.builds(
        One, st.sampled_from(["MIT", "ISC", "X11"]), st.sampled_from([None, "LLVM-exception"])
    ),
    lambda inner: st.builds(
        joined, st.sampled_from([AllOf, AnyOf]), st.lists(inner, min_size=1, max_size=4)
    ),
    max_leaves=12,
)


@given(trees)
def test_what_is_rendered_is_read_again_as_the_same(tree: Tree) -> None:
    assert read(render(tree)).tree == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a or b and c", AnyOf((One("a"), AllOf((One("b"), One("c")))))),
        ("(a or b) and c", AllOf((AnyOf((One("a"), One("b"))), One("c")))),
        ("a AND (b AND (c AND a))", AllOf((One("a"), One("b"), One("c")))),
        ("a with e or b", AnyOf((One("a", "e"), One("b")))),
        ("a name or another name", AnyOf((One("a name"), One("another name")))),
        ("sand or android", AnyOf((One("sand"), One("android")))),
    ],
)
def test_and_binds_closer_than_or_and_with_closest(text: str, tree: Tree) -> None:
    assert read(text).tree == tree


@pytest.mark.parametrize(
    "text", ["", "and", "a and", "or b", "a or or b", "(a", "a)", "()", "a (b)", "a with b with c"]
)
def test_what_is_no_expression_has_a_reason(text: str) -> None:
    found = read(text)
    assert found.tree is None
    assert "do not form an expression" in found.notes[0]


def test_notes_of_the_licenses_are_said_once() -> None:
    found = parse("a or b or a", lambda word: Reading(One(word), ("note",)), lambda word: None)
    assert found.notes == ("note",)


def test_bounds_are_said() -> None:
    assert read(" or ".join(f"x{n}" for n in range(MAX_LICENSES))).tree is not None
    assert "100" in read(" or ".join(f"x{n}" for n in range(MAX_LICENSES + 1))).notes[0]
    assert read("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH).tree == One("a")
    deeper = MAX_DEPTH + 1
    assert "deeper" in read("(" * deeper + "a" + ")" * deeper).notes[0]


def test_operators_are_words_of_their_own() -> None:
    assert has_operators("MIT WITH x")
    assert not has_operators("GPL-2.0-or-later")
