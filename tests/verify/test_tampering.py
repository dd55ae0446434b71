"""Files of proofs that were changed anywhere, in any way: none of them holds."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from proofs import TEAM, Session, Signer, prints, prints_of, small_proofs

from origin.errors import ProofError
from origin.verify import verify, verify_text

KEYS = (TEAM.key,)
PROOFS = small_proofs()


@pytest.fixture(params=sorted(PROOFS))
def text(request: pytest.FixtureRequest) -> str:
    return PROOFS[request.param]


def holds(text: str) -> bool:
    try:
        verify_text(text, KEYS)
    except ProofError:
        return False
    return True


def head_of(text: str) -> str:
    """The signed head that a file ends with; it is a file of its own, and says so."""
    return text[text.rindex("origin-provenance/session/") :]


def test_they_hold_as_they_are(text: str, tmp_path: Path) -> None:
    (tmp_path / "proof").write_text(text, encoding="utf-8", newline="\n")
    assert verify(tmp_path / "proof", KEYS) == verify_text(text, KEYS)


@pytest.mark.parametrize("mask", [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF])
def test_every_byte_flipped(text: str, mask: int, tmp_path: Path) -> None:
    proof = bytearray(text.encode())
    with (tmp_path / "proof").open("wb", buffering=0) as file:
        file.write(proof)
        for place in range(len(proof)):
            file.seek(place)
            file.write(bytes([proof[place] ^ mask]))
            with pytest.raises(ProofError):
                verify(tmp_path / "proof", KEYS)
            file.seek(place)
            file.write(proof[place : place + 1])
    verify(tmp_path / "proof", KEYS)


def test_every_truncation(text: str) -> None:
    for length in range(len(text)):
        assert not holds(text[:length]), length
        rest = text[length + 1 :]
        assert holds(rest) == (rest == head_of(text)), length
    assert verify_text(head_of(text), KEYS).kind == "head"


def test_every_byte_removed_or_doubled(text: str) -> None:
    for place in range(len(text)):
        assert not holds(text[:place] + text[place + 1 :]), place
        assert not holds(text[:place] + text[place] + text[place:]), place


@pytest.mark.parametrize(
    "more",
    ["\n", " ", "\t", "\r\n", "\0", "\x1a", "\ufeff", "path leaf\n", "— a YWJjZGU=", "\u2028"],
)
def test_growth_at_every_line(text: str, more: str) -> None:
    ends = [0, *(place + 1 for place, one in enumerate(text) if one == "\n")]
    for place in ends:
        assert not holds(text[:place] + more + text[place:]), place
        assert not holds(text[: place - 1] + more + text[place - 1 :]), place


def test_a_proof_twice(text: str) -> None:
    assert not holds(text + text)
    assert not holds(text + "\n" + text)


def other_orders(lines: list[str]) -> Iterator[list[str]]:
    for one, other in combinations(range(len(lines)), 2):
        changed = [*lines]
        changed[one], changed[other] = changed[other], changed[one]
        yield changed
        yield [*lines[:one], *lines[one + 1 : other], lines[one], *lines[other:]]
    for one in range(len(lines)):
        yield [*lines[:one], *lines[one + 1 :]]
        yield [*lines[: one + 1], *lines[one:]]


def test_every_swapped_moved_removed_or_doubled_line(text: str) -> None:
    lines = text.splitlines(keepends=True)
    tried = 0
    for changed in other_orders(lines):
        if changed != lines:
            assert not holds("".join(changed)), changed
            tried += 1
    assert tried > 2 * len(lines)


def variants() -> dict[str, list[str]]:
    """Proofs of each kind that hold, of two sessions and of two samples or heads each."""
    sessions = [
        Session(prints_of(4, 4), prints_of(3, 5), session=name) for name in ("first", "second")
    ]
    found: dict[str, list[str]] = {"inclusion": [], "absence": [], "consistency": [], "head": []}
    for session in sessions:
        found["inclusion"] += [
            session.inclusion(0, 0, 0).text(),
            session.inclusion(0, 2, 1).text(),
            session.inclusion(1, 2, 1).text(),
        ]
        found["absence"] += [session.absence(prints(one)[0]).text() for one in (0, 2, 4, 99)]
        session.note_state()
        session.gap(0, 8, 9)
        session.note_state()
        pairs = [(0, 1), (0, 2), (1, 2), (2, 2)]
        found["consistency"] += [session.consistency(*pair).text() for pair in pairs]
        found["head"] += [str(TEAM.sign(session.head(size))) for size in (1, 2, 3)]
    return found


VARIANTS = variants()


@pytest.mark.parametrize("kind", sorted(VARIANTS))
def test_every_field_of_another_proof(kind: str) -> None:
    swaps = 0
    for text in VARIANTS[kind]:
        assert holds(text)
        lines = text.split("\n")
        for other in VARIANTS[kind]:
            for number, line in enumerate(other.split("\n")[: len(lines)]):
                changed = "\n".join([*lines[:number], line, *lines[number + 1 :]])
                if changed not in VARIANTS[kind]:
                    assert not holds(changed), (number, line)
                    swaps += 1
    assert swaps > 20


def test_every_signed_head_of_another_proof() -> None:
    texts = [one for kind in ("inclusion", "absence") for one in VARIANTS[kind]]
    heads = {one: one.partition("\n\n")[2] for one in texts}
    for text, own in heads.items():
        for other in {*heads.values(), *VARIANTS["head"]} - {own}:
            assert not holds(text.replace(own, other))


@pytest.mark.parametrize("mark", ["inclusion@1", "absence@1", "consistency@1", "inclusion@2", "x"])
def test_the_first_line_of_another_kind(text: str, mark: str) -> None:
    first, _, rest = text.partition("\n")
    if not first.endswith(mark):
        assert not holds(f"origin.proof/{mark}\n{rest}")
        assert not holds(f"origin.proof/{mark}\n{text}")


@pytest.mark.parametrize(
    ("change", "to"),
    [
        ("\n", "\r\n"),
        ("\n", "\r"),
        ("\n", "\u2028"),
        (" ", "  "),
        (" ", "\t"),
        (" ", "\u00a0"),
        (":0", ":00"),
        (":0", ":-0"),
        (":0", ":0.0"),
        (":0", ":0e0"),
        (":0", ": 0"),
        (":1", ":1.0"),
        (":1", ":true"),
        (":0", ":false"),
        (":0", ":null"),
        (" 1\n", " +1\n"),
        (" 1\n", " 01\n"),
        (" 1\n", " 1_\n"),
        (" 1\n", " \u0661\n"),
        (" 1\n", " 18446744073709551617\n"),
        ('"stream"', '"str\\u0065am"'),
        ('"state"', '"\\u0073tate"'),
        ('"kind":', '"kind": '),
        ('{"', '{ "'),
        ("}\n", "} \n"),
        ('{"batch":', '{"batch":1,"batch":'),
        ("=", ""),
        ("=\n", "==\n"),
        ("/", "_"),
        ("+", "-"),
        ("sample ", "SAMPLE "),
        ("0", "O"),
        ("— ", "- "),
    ],
)
def test_other_ways_of_writing(text: str, change: str, to: str) -> None:
    lines = text.split("\n")
    for number, line in enumerate(lines):
        changed = "\n".join([*lines[:number], line.replace(change, to), *lines[number + 1 :]])
        if changed != text:
            assert not holds(changed), line
    if change in text:
        assert not holds(text.replace(change, to))
        assert not holds(text.replace(change, to, 1))


def test_hexadecimal_digits_have_one_form() -> None:
    session = Session(prints_of(1, 3))
    text = session.absence(prints(0xAB)[0]).text()
    assert holds(text)
    digits = prints(0xAB)[0].hex()
    for wrong in (digits.upper(), f" {digits[1:]}", digits[:-2], digits + "00", f"0x{digits[2:]}"):
        assert not holds(text.replace(digits, wrong)), wrong


def test_the_last_bits_of_base64_count() -> None:
    text = PROOFS["inclusion"]
    line = next(one for one in text.split("\n") if one.startswith("path open"))
    end = line[-2]  # before the padding: four bits of it count, two must be zero
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for other in range(1, 4):
        changed = alphabet[alphabet.index(end) ^ other]
        assert not holds(text.replace(line, f"{line[:-2]}{changed}="))


def test_a_signature_by_another_key_of_the_same_name(text: str) -> None:
    with pytest.raises(ProofError, match="no key that you gave has signed this"):
        verify_text(text, [Signer(7).key])
    with pytest.raises(ProofError, match="no key that you gave has signed this"):
        verify_text(text, [Signer(0, "example.org/other").key])


def test_a_mark_in_the_name_of_a_key_whose_signature_it_is_not(text: str) -> None:
    forged = Signer(7).signature("another text")
    own = TEAM.signature("another text")
    assert holds(text + f"{forged.line}\n")  # whoever it is, they are not asked
    assert not holds(text + f"{own.line}\n")
    assert not holds(text + f"{forged.line}\n{forged.line}\n")
