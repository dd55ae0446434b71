"""The texts of proofs: what is written is read, and nothing else."""

import re
from dataclasses import replace
from typing import Any

import pytest
from proofs import TEAM, Session, prints, prints_of, small_proofs

from origin.core.log import BatchLeaf, CloseLeaf, GapLeaf, origin_of, session_of
from origin.errors import ProofError
from origin.verify import AbsenceProof, ConsistencyProof, InclusionProof, verify_text
from origin.verify.forms import Proof, parse_proof
from origin.verify.lines import MOST_BYTES, Lines, number_of, path_line, sample_of

PROOFS = small_proofs()
KINDS: list[tuple[str, type[Proof]]] = [
    ("inclusion", InclusionProof),
    ("absence", AbsenceProof),
    ("consistency", ConsistencyProof),
]


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_what_is_written_is_read(name: str, kind: type[Proof]) -> None:
    text = PROOFS[name]
    assert kind.parse(text).text() == text
    assert parse_proof(text) == kind.parse(text)
    assert type(parse_proof(text)) is kind


def test_the_parts_are_those_that_were_given() -> None:
    session = Session(prints_of(2, 3), [[]])
    session.note_state()
    for proof in (
        session.inclusion(0, 1, 2),
        session.absence(prints(0)[0]),
        session.absence(prints(99)[0]),
        session.consistency(0, 1),
    ):
        assert type(proof).parse(proof.text()) == proof


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_another_kind_is_not_read(name: str, kind: type[Proof]) -> None:
    for other, text in PROOFS.items():
        if other != name:
            with pytest.raises(ProofError):
                kind.parse(text)


def test_the_origin_of_heads() -> None:
    assert origin_of("3f9c") == "origin-provenance/session/3f9c"
    assert session_of(origin_of("a/b")) == "a/b"
    assert Session(session="x").head().origin == origin_of("x")
    for wrong in ("", "x", origin_of(""), "xorigin-provenance/session/x", "origin-provenance/x"):
        with pytest.raises(ProofError, match="not that of a session's log of states"):
            session_of(wrong)


def test_what_does_not_say_that_it_is_a_proof() -> None:
    assert parse_proof(PROOFS["head"]) is None
    assert parse_proof("") is None
    with pytest.raises(ProofError, match="of a kind or version that this version does not know"):
        parse_proof("origin.proof/")


@pytest.mark.parametrize(
    ("part", "leaf"),
    [
        ("batch", GapLeaf(0, 1, "x")),
        ("batch", CloseLeaf("completed", "", 0, 0, 0, 0, 0, "00" * 32)),
        ("open", BatchLeaf(0, 0, 1, "00" * 32)),
        ("state", BatchLeaf(0, 0, 1, "00" * 32)),
    ],
)
def test_leaves_of_another_kind(part: str, leaf: Any) -> None:
    proof = replace(Session([prints(1)]).inclusion(0, 0, 0), **{part: leaf})
    with pytest.raises(ProofError, match=f"a leaf is not of the '{part}' kind"):
        InclusionProof.parse(proof.text())


def test_a_head_is_no_proof_and_a_proof_no_head() -> None:
    for name, kind in KINDS:
        above, _, head = PROOFS[name].partition("\n\n")
        assert parse_proof(head) is None
        with pytest.raises(ProofError, match="a blank one, and a signed head"):
            kind.parse(above + "\n")


def test_consistency_has_two_heads_and_others_one() -> None:
    inclusion, consistency = PROOFS["inclusion"], PROOFS["consistency"]
    head = inclusion.partition("\n\n")[2]
    for text in (f"{inclusion}\n{head}", consistency.rpartition("\n\norigin-")[0] + "\n"):
        with pytest.raises(ProofError, match="a blank one, and a signed head"):
            parse_proof(text)


@pytest.mark.parametrize("number", [0, 1, 2**63, 2**64 - 1])
def test_numbers_up_to_the_last(number: int) -> None:
    assert number_of(str(number), "x") == number
    proof = replace(Session([prints(1)]).inclusion(0, 0, 0), position=number)
    assert InclusionProof.parse(proof.text()).position == number


@pytest.mark.parametrize("number", ["", "-1", "x", "1.0", str(2**64), "9" * 21, "9" * 5000])
def test_no_numbers(number: str) -> None:
    with pytest.raises(ProofError, match="x is no whole number from 0 to 2\\^64 - 1"):
        number_of(number, "x")


def test_numbers_and_samples_are_read_in_one_form_only() -> None:
    text = PROOFS["inclusion"]
    for wrong in ("01", "1 ", "+1", "1_0", "\u0661", " 1"):
        with pytest.raises(ProofError, match="is not written in the one form that it has"):
            parse_proof(text.replace("position 1\n", f"position {wrong}\n"))
    for wrong in ("", "00", "zz" * 32, "00" * 33, "0" * 63):
        with pytest.raises(ProofError, match="a fingerprint is not 64 hexadecimal digits"):
            sample_of(wrong)


def with_paths(path: tuple[bytes, ...]) -> InclusionProof:
    return replace(Session([prints(1)]).inclusion(0, 0, 0), sample_path=path)


def test_a_path_has_64_hashes_at_most() -> None:
    proof = with_paths((bytes(32),) * 64)
    assert InclusionProof.parse(proof.text()) == proof
    with pytest.raises(ProofError, match="the path 'sample' has more than 64 hashes"):
        InclusionProof.parse(with_paths((bytes(32),) * 65).text())
    with pytest.raises(ProofError, match="the path 'x' has more than 64 hashes"):
        Lines("path x" + " ?" * 1_000_000).path("x")  # none of them is looked at


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_hash_has_32_bytes(length: int) -> None:
    text = with_paths((bytes(length), bytes(32))).text()
    with pytest.raises(ProofError):
        InclusionProof.parse(text)


def test_what_is_no_base64_is_no_path() -> None:
    for wrong in ("path x YWJ", "path x YW Jj", "path x é"):
        with pytest.raises(ProofError):
            Lines(wrong).path("x")
    with pytest.raises(ProofError, match="a hash of the path 'x' does not have 32 bytes"):
        Lines("path x YWJj").path("x")
    assert Lines(path_line("x", [bytes(32)] * 2).removesuffix("\n")).path("x") == (bytes(32),) * 2


def test_lines_are_told_by_their_number() -> None:
    text = PROOFS["inclusion"]
    with pytest.raises(ProofError, match="line 3 of the proof is not its 'position' line"):
        parse_proof(text.replace("position 1\n", ""))
    with pytest.raises(ProofError, match="line 3 of the proof is not its 'position' line"):
        parse_proof(text.replace("position 1\n", "positions 1\n"))
    with pytest.raises(ProofError, match="line 13 of the proof is one too many"):
        parse_proof(text.replace("\n\norigin", "\nposition 1\n\norigin"))
    with pytest.raises(ProofError, match="line 12 of the proof is not its 'path state' line"):
        parse_proof(text.replace("\npath state", "\npath states"))
    with pytest.raises(ProofError, match="line 12 of the proof is not its 'path state' line"):
        parse_proof(re.sub("\npath state[^\n]*", "", text))


def test_the_numbers_of_streams_follow_each_other() -> None:
    text = PROOFS["absence"]
    for wrong in ("stream 0", "stream 2"):
        with pytest.raises(ProofError, match="is not written in the one form"):
            parse_proof(text.replace("\nstream 1\n", f"\n{wrong}\n"))


def test_neighbours_are_written_in_one_way() -> None:
    text = Session([prints(3)]).absence(prints(1)[0]).text()
    assert "\nbefore none\nafter 0 " in text
    for change, to in [
        ("before none", "before"),
        ("before none", "before None"),
        ("before none", "before none "),
        ("before none\n", "before none\npath before\n"),
        ("after 0 ", "after "),
        ("after 0 ", "after 0"),
        ("after 0 ", "after 00 "),
        ("\npath after", ""),
    ]:
        with pytest.raises(ProofError):
            parse_proof(text.replace(change, to))


def test_leaves_are_in_ascii() -> None:
    text = PROOFS["inclusion"].replace("digits", "dïgits")
    with pytest.raises(ProofError, match="the leaf after 'open' is not in ASCII"):
        parse_proof(text)


def test_what_no_file_can_hold() -> None:
    for kind in ("head", "inclusion"):
        with pytest.raises(ProofError, match="this is not UTF-8"):
            verify_text(PROOFS[kind] + "\ud800", [TEAM.key])
    with pytest.raises(ProofError, match="this is not UTF-8"):
        InclusionProof.parse("\ud800")


def test_what_is_too_long() -> None:
    text = PROOFS["inclusion"]
    grown = text.replace("digits", "d" * (MOST_BYTES - len(text.encode()) + 6))
    assert len(grown.encode()) == MOST_BYTES
    with pytest.raises(ProofError, match="the opening leaf of stream 0 is not the first"):
        verify_text(grown, [TEAM.key])
    with pytest.raises(ProofError, match="longer than any proof: over 16 MiB"):
        verify_text(grown.replace("digits", "").replace("ddd", "dddd", 1), [TEAM.key])
    with pytest.raises(ProofError, match="longer than any proof: over 16 MiB"):
        InclusionProof.parse("é" * (MOST_BYTES // 2 + 1))
