"""Whatever a file holds: a ProofError, or a verdict if it is the proof that was made."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from proofs import TEAM, Session, prints, small_proofs

from origin.core.log import (
    BatchLeaf,
    CloseLeaf,
    GapLeaf,
    Leaf,
    OpenLeaf,
    StateLeaf,
    parse_leaf,
)
from origin.core.note import Head, Note
from origin.errors import ProofError
from origin.verify import InclusionProof, verify, verify_text
from origin.verify.forms import parse_proof

KEYS = (TEAM.key,)
PROOFS = small_proofs()
TEXTS = [*PROOFS.values()]
# A proof ends with a signed head, which holds by itself.
HOLD = {*TEXTS, *(text[text.rindex("origin-provenance/") :] for text in TEXTS)}
LINES = sorted({line for text in TEXTS for line in text.splitlines(keepends=True)})
WORDS = sorted({word for line in LINES for word in line.split(" ")})
# What is there, and pieces that readers stumble over.
PIECES = st.one_of(
    st.sampled_from([*LINES, *WORDS]),
    st.sampled_from(
        ["\n", "\n\n", " ", "\r", "\0", "\ud800", "é", "\u0661", "—", "[" * 3000, "9" * 5000]
    ),
    st.text(max_size=20),
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proofs") / "proof"


def look(text: str) -> None:
    why = ""
    try:
        verify_text(text, KEYS)
    except ProofError as error:
        why = str(error)
    assert (why == "") == (text in HOLD), text
    assert why.isprintable()


@settings(max_examples=300, deadline=None)
@given(st.text())
@example("")
@example("\n\n")
@example("origin.proof/inclusion@1")
@example("origin.proof/inclusion@1\n\n\n\n\n")
def test_any_text(text: str) -> None:
    look(text)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=300))
@example(data=b"\xff")
@example(data=b"origin.proof/absence@1\n\x80")
def test_any_file(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    with pytest.raises(ProofError):
        verify(file, KEYS)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_proofs_with_a_piece_of_them_replaced(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(TEXTS))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 200)))
    look(text[:start] + data.draw(PIECES) + text[end:])


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(TEXTS), st.lists(st.tuples(st.integers(0, 40), PIECES), max_size=4))
def test_proofs_with_other_lines(text: str, changes: list[tuple[int, str]]) -> None:
    lines = text.splitlines(keepends=True)
    for number, piece in changes:
        lines[number % len(lines)] = piece
    look("".join(lines))


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-1, 2**64),
        st.floats(),
        st.text(max_size=5),
        st.just("00" * 32),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
KINDS = st.sampled_from([OpenLeaf, BatchLeaf, GapLeaf, CloseLeaf, StateLeaf, Leaf])


@settings(max_examples=500, deadline=None)
@given(st.data(), KINDS)
def test_signed_leaves_of_any_members(data: st.DataObject, kind: type[Leaf]) -> None:
    line = data.draw(st.sampled_from([one for one in LINES if "{" in one]))
    told = json.loads(line[line.index("{") :])
    for name in data.draw(st.lists(st.sampled_from(sorted(told)), max_size=2)):
        told[name] = data.draw(JSON)
    written = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    try:
        leaf = parse_leaf(written, kind)
    except ProofError:
        return
    assert leaf.data() == written
    assert isinstance(leaf, kind)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), KINDS)
@example(b"[" * 100_000, Leaf)
@example(b'{"kind":' * 100_000, Leaf)
@example(b'{"kind":"batch","batch":' + b"9" * 5000 + b"}", BatchLeaf)
@example(b'{"kind":["batch"]}', Leaf)
@example(b'{"kind":NaN}', Leaf)
@example(b'{"kind":"state"}', BatchLeaf)
def test_no_bytes_are_a_leaf(data: bytes, kind: type[Leaf]) -> None:
    with pytest.raises(ProofError):
        parse_leaf(data, kind)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=6).map("".join))
def test_any_note_and_head(text: str) -> None:
    for read in (Note.parse, Head.parse, InclusionProof.parse, parse_proof):
        try:
            found = read(text)
        except ProofError:
            continue
        if isinstance(found, Note):
            assert str(found) == text
        elif isinstance(found, Head):
            assert found.text == text
        else:
            assert found is None


TEXT = st.text(st.characters(codec=None), max_size=30)


@settings(max_examples=200, deadline=None)
@given(source=TEXT, terms=TEXT | st.none(), session=TEXT.filter(lambda one: "\n" not in one))
@example(source="\x1b[2J", terms="\u202etfel", session="a\u2028b")
@example(source="x" * 5000, terms="'", session="\x7f\x9b")
def test_whatever_is_signed_is_shown_in_the_open(
    source: str, terms: str | None, session: str
) -> None:
    logs = Session([prints(1, 3)], session=session, source=source, license=terms)
    try:
        proofs = [logs.inclusion(0, 0, 0).text(), logs.absence(prints(2)[0]).text()]
        verdicts = [verify_text(one, KEYS) for one in proofs]
    except (ProofError, UnicodeEncodeError):
        assert session == "" or any(
            ord(one) < 0x20 or "\ud800" <= one < "\ue000" for one in session
        )
        return
    for verdict in verdicts:
        shown = str(verdict).split("\n")
        assert all(line.isprintable() and len(line) < 1000 for line in shown)
        assert (verdict.session, len(verdict.signers)) == (session, 1)
    assert verdicts[0].facts["source"] == source
    assert verdicts[0].facts["license"] == terms
