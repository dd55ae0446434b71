"""Texts that nobody meant as a license."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.core.license.reading.names import spdx_ids
from origin.core.license.reading.normalize import MAX_LENGTH, NormalizedLicense, normalize_license

WORDS = [
    *("MIT", "gpl", "GPLv2+", "Apache 2", "cc-by", "CC BY 4.0", "LicenseRef-x", "DocumentRef-a:"),
    *("and", "OR", "With", "(", ")", "+", "/", ",", "::", "License", "or later", "only", "NONE"),
    *("LLVM-exception", "https://", "creativecommons.org/licenses/", "by/", "4.0", "-", " ", "\t"),
    *("\N{NO-BREAK SPACE}", "\N{EN DASH}", "\ud800", "\x00", "'", '"', "v", "2.0", "the"),
]


def settled(found: NormalizedLicense) -> None:
    """Either unknown with a reason, or an expression that is read as itself."""
    if found.expression is None:
        assert found.notes
        assert found.tree is None
        return
    again = normalize_license(found.expression)
    assert (again.expression, again.tree) == (found.expression, found.tree)
    found.expression.encode("ascii")


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    settled(normalize_license(text))


@given(st.lists(st.sampled_from(WORDS), max_size=14), st.sampled_from(["", " "]))
def test_any_row_of_words_gets_an_answer(words: list[str], between: str) -> None:
    settled(normalize_license(between.join(words)))


@given(
    st.recursive(
        st.sampled_from(spdx_ids()),
        lambda inner: st.tuples(inner, st.sampled_from([" and ", " OR "]), inner).map(
            lambda t: f"({''.join(t)})"
        ),
    )
)
def test_every_expression_of_ids_is_read_or_refused_for_its_size(text: str) -> None:
    found = normalize_license(text)
    settled(found)
    assert found.expression is not None or "not read" in found.notes[0]


@given(st.text(), st.lists(st.text(min_size=1), max_size=3))
def test_own_ids_may_be_any_text(text: str, own: list[str]) -> None:
    found = normalize_license(text, own)
    assert found.expression is not None or found.notes
    for one in own:
        assert normalize_license(one, own).expression == one


@pytest.mark.parametrize(
    "text",
    [
        "\ud800",
        "MIT\x00",
        "\x1b[31mMIT",
        "\N{RIGHT-TO-LEFT OVERRIDE}TIM",
        "(" * 1_999,
        ")" * 1_999,
        "(" * 900 + "MIT or ISC" + ")" * 900,
        " or ".join(["x"] * 400),
        "https://" + "a." * 900 + "b/",
        "https://spdx.org/" + ".md" * 600 + ".x1",
        "::" * 900,
        "v" * 1_999,
        "1." * 900,
        "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 1_900,
        "\N{ARABIC-INDIC DIGIT TWO}",
        "MIT OR ISC AND " * 60,
        "cc " + "by " * 600,
        "MIT" + ", MIT" * 350,
    ],
)
def test_odd_texts_are_unknown(text: str) -> None:
    found = normalize_license(text)
    settled(found)
    assert found.expression is None


def test_long_texts_are_not_read() -> None:
    text = "MIT or " * 150_000
    found = normalize_license(text)
    assert found.declared is text
    assert "1,050,000 characters" in found.notes[0]
    assert normalize_license("x" * (MAX_LENGTH + 1)).expression is None
    assert normalize_license(" " * (MAX_LENGTH - 3) + "MIT").expression == "MIT"


def test_a_str_of_another_class_is_read_as_its_text() -> None:
    class Loud(str):
        def __str__(self) -> str:
            raise RuntimeError

        def __hash__(self) -> int:
            raise RuntimeError

    found = normalize_license(Loud("mit"))
    assert (found.declared, found.expression) == ("mit", "MIT")
