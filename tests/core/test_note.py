"""Signed notes against what others published, keys that are of no use, and texts that are none."""

import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from proofs import TEAM, Signer

from origin.core.note import (
    Head,
    Note,
    PublicKey,
    Signature,
    decode_base64,
    encode_base64,
    key_name,
)
from origin.errors import MissingDependencyError, ProofError, SigningKeyError

# --- Published values ------------------------------------------------------------------------

# RFC 8032, section 7.1: secret, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
            "f9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
            "f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
            "4dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032[:2])
def test_signatures_of_the_rfc(secret: str, public: str, message: str, signature: str) -> None:
    key = PublicKey("rfc", bytes.fromhex(public))
    text, data = bytes.fromhex(message).decode(), bytes.fromhex(signature)
    assert key.is_signature(data, text)
    assert not key.is_signature(data, text + "x")
    assert not key.is_signature(data[:-1] + bytes([data[-1] ^ 1]), text)
    assert not key.is_signature(data[:-1], text)
    assert key.is_signature(b"", text) is False


def test_the_third_message_of_the_rfc_is_no_text() -> None:
    secret, public, message, signature = map(bytes.fromhex, RFC_8032[2])
    with pytest.raises(UnicodeDecodeError):
        message.decode()
    key = PublicKey("rfc", public)
    Ed25519PublicKey.from_public_bytes(key.data).verify(signature, message)
    assert Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw() == key.data


def test_signatures_need_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)  # as if it were not there
    with pytest.raises(MissingDependencyError, match=r"^signatures need cryptography: pip install"):
        TEAM.key.is_signature(bytes(64), "a\n")


def test_half_a_character_is_signed_by_nobody() -> None:
    assert not TEAM.key.is_signature(bytes(64), "\ud800")


# The example of Go's golang.org/x/mod/sumdb/note, which C2SP signed-note describes.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SAID = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNED = (
    f"{SAID}\n"
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
SUMDB = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"


def test_a_note_that_others_published() -> None:
    key, note = PublicKey.parse(NEUMANN), Note.parse(SIGNED)
    assert (key.name, key.key_id.hex(), key.text) == ("PeterNeumann", "c74f20a3", NEUMANN)
    assert (note.text, str(note)) == (SAID, SIGNED)
    assert note.signers([key]) == [key]
    with pytest.raises(ProofError, match=r"^the signature of PeterNeumann is not over this text$"):
        Note.parse(SIGNED.replace("then", "them")).signers([key])


def test_a_key_that_others_published() -> None:
    key = PublicKey.parse(f"  {SUMDB}\r\n")
    assert (key.name, key.key_id.hex(), key.text) == ("sum.golang.org", "033de0ae", SUMDB)


# --- Points of the curve, slowly ---------------------------------------------------------------

P = 2**255 - 19
D = -121665 * pow(121666, P - 2, P) % P
IDENTITY = (0, 1)


def x_of(y: int) -> int | None:
    """One of the two x of the points with a y; None if there is none. RFC 8032, 5.1.3."""
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    for root in (x, x * pow(2, (P - 1) // 4, P) % P):
        if root * root % P == square:
            return root
    return None


def added(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    (x, y), (u, v) = one, other
    product = D * x * u * y * v
    return (
        (x * v + u * y) * pow(1 + product, P - 2, P) % P,
        (y * v + x * u) * pow(1 - product, P - 2, P) % P,
    )


def eightfold(point: tuple[int, int]) -> tuple[int, int]:
    for _ in range(3):
        point = added(point, point)
    return point


def encoded(y: int, sign: int) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


# y of the points whose order divides 8.
SMALL = [
    0,
    1,
    P - 1,
    int.from_bytes(
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
    ),
    int.from_bytes(
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"
    ),
]


def test_all_points_of_low_order_are_these() -> None:
    points = set()
    for y in SMALL:
        x = x_of(y)
        assert x is not None
        assert eightfold((x, y)) == IDENTITY
        points |= {(x, y), (-x % P, y)}
    assert len(points) == 8  # the torsion subgroup has eight elements


@pytest.mark.parametrize("y", SMALL)
@pytest.mark.parametrize("sign", [0, 1])
def test_keys_of_low_order(y: int, sign: int) -> None:
    with pytest.raises(SigningKeyError, match=r"^the public key has low order: everybody could"):
        PublicKey("x", encoded(y, sign))


@pytest.mark.parametrize("sign", [0, 1])
def test_keys_that_are_not_canonical(sign: int) -> None:
    for y in range(P, 2**255):
        with pytest.raises(SigningKeyError, match=r"^the public key is not in its canonical form$"):
            PublicKey("x", encoded(y, sign))


def test_keys_beside_the_curve() -> None:
    on, off = 0, 0
    for y in [*range(2, 60), *range(P - 60, P - 1)]:
        for sign in (0, 1):
            if x_of(y) is None:
                off += 1
                with pytest.raises(SigningKeyError, match=r"^the public key is no point of"):
                    PublicKey("x", encoded(y, sign))
            else:
                on += 1
                assert PublicKey("x", encoded(y, sign)).data == encoded(y, sign)
    assert min(on, off) > 50


def test_keys_that_are_made_are_sound() -> None:
    for number in range(50):
        key = Signer(number).key
        assert PublicKey.parse(key.text) == key


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(33), "x" * 32, bytearray(32), None])
def test_keys_of_another_length(data: bytes) -> None:
    with pytest.raises(SigningKeyError, match=r"^an Ed25519 public key has 32 bytes$"):
        PublicKey("x", data)


# --- Names, lines and base64 ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a", "example.com/team", "é", "~", "a-b_c", "!", "\ue000", "\ud7ff"]
)
def test_names_that_keys_may_have(name: str) -> None:
    assert key_name(name) == name
    assert PublicKey(name, TEAM.key.data).name == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "a+b",
        "a\n",
        "\0",
        "\x1f",
        "\u00a0",
        "\u2028",
        "\ud800",
        "a\udfff",
        None,
        b"a",
        1,
    ],
)
def test_names_that_keys_may_not_have(name: object) -> None:
    with pytest.raises(SigningKeyError, match=r"^the name of a key is a text without spaces"):
        key_name(name)
    with pytest.raises(SigningKeyError):
        PublicKey(name, TEAM.key.data)  # type: ignore[arg-type]


KEY64 = encode_base64(b"\x01" + TEAM.key.data)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "is one line of the form"),
        ("name", "is one line of the form"),
        ("name+00000000", "is one line of the form"),
        (f"name+00000000+{KEY64}+", "is one line of the form"),
        (f"name+00000000+{KEY64}=", "is one line of the form"),
        ("name+00000000+é", "is one line of the form"),
        ("name+00000000+", "of another kind than Ed25519"),
        (f"name+00000000+{encode_base64(b'2' + TEAM.key.data)}", "of another kind than Ed25519"),
        ("name+00000000+AQ==", "has 32 bytes"),
        (f"+00000000+{KEY64}", "the name of a key"),
        (f"na me+00000000+{KEY64}", "the name of a key"),
        (f"name+00000000+{KEY64}", "the id in the public key's line is not that of its key"),
        (TEAM.key.text.replace(TEAM.key.key_id.hex(), TEAM.key.key_id.hex().upper()), "the id in"),
        (TEAM.key.text.replace("team", "tean"), "the id in"),
        (f"name+00000000+{encode_base64(bytes([1, 1]) + bytes(31))}", "low order"),
    ],
)
def test_lines_that_are_no_key(line: str, why: str) -> None:
    with pytest.raises(SigningKeyError, match=why.replace("+", "\\+")):
        PublicKey.parse(line)


@pytest.mark.parametrize(
    "text", ["YW", "YWJj\n", " YWJj", "YW Jj", "YWJ", "YWJj=", "é", "-_-_", "="]
)
def test_what_is_no_base64(text: str) -> None:
    with pytest.raises(ProofError, match=r"^a word is not base64"):
        decode_base64(text, "a word")


def test_base64_has_one_form() -> None:
    assert decode_base64("YQ==", "x") == b"a"
    assert decode_base64("", "x") == b""
    for other in ("YR==", "Yf=="):
        with pytest.raises(ProofError, match=r"^x is not base64 as it is written$"):
            decode_base64(other, "x")


# --- Notes ---------------------------------------------------------------------------------------


def test_a_note_of_several_keys() -> None:
    other, stranger = Signer(1, "example.org/é"), Signer(2, "stranger")
    lines = tuple(one.signature("text\n\nmore\n") for one in (other, stranger, TEAM))
    note = Note("text\n\nmore\n", lines)
    assert Note.parse(str(note)) == note
    assert note.signers([TEAM.key, other.key]) == [other.key, TEAM.key]
    assert note.signers(iter([TEAM.key])) == [TEAM.key]
    cosigned = Note(note.text, (*lines, Signature("witness", b"abcd", b"of another kind")))
    assert Note.parse(str(cosigned)).signers([other.key]) == [other.key]


def test_a_trusted_key_whose_signature_is_wrong() -> None:
    good, other = TEAM.signature("a\n"), Signer(1, "other")
    for data in (good.data[:63], good.data + b"x", bytes(64), b"x"):
        wrong = Signature(TEAM.key.name, TEAM.key.key_id, data)
        note = Note("a\n", (other.signature("a\n"), wrong))
        with pytest.raises(ProofError, match=r"^the signature of example\.com/team is not over"):
            note.signers([other.key, TEAM.key])
        assert note.signers([other.key]) == [other.key]


def test_a_key_counts_once() -> None:
    # Of one text a key may make more than one signature, though it has no reason to.
    line = TEAM.signature("a\n")
    assert Note("a\n", (line, line)).signers([TEAM.key, TEAM.key]) == [TEAM.key]


def test_keys_are_told_apart_by_name_and_id() -> None:
    other = PublicKey("example.org/other", TEAM.key.data)
    note = Note("a\n", (TEAM.signature("a\n"),))
    for key in (other, Signer(1).key):
        with pytest.raises(ProofError) as caught:
            note.signers([key])
        assert str(caught.value) == (
            "no key that you gave has signed this; it bears the marks of 'example.com/team' with "
            f"id {TEAM.key.key_id.hex()}"
        )
    with pytest.raises(ProofError, match="no key that you gave"):
        note.signers([])


def test_the_names_of_strangers_turn_no_terminal() -> None:
    marks = tuple(Signature(f"\x9b\u202e{'n' * 500}{one}", b"abcd", b"x") for one in range(5))
    with pytest.raises(ProofError) as caught:
        Note("a\n", marks).signers([TEAM.key])
    shown = f"'\\x9b\\u202e{'n' * 98}' with id 61626364"
    told = "no key that you gave has signed this; it bears the marks of "
    assert str(caught.value) == told + ", ".join([shown] * 5)
    with pytest.raises(ProofError) as caught:
        Note("a\n", (*marks, marks[0])).signers([TEAM.key])
    assert str(caught.value) == told + ", ".join([shown] * 5) + ", …"


def lines_of(count: int) -> str:
    return "".join(f"— n{one} {encode_base64(b'abcd?')}\n" for one in range(count))


def test_how_many_signatures_a_note_may_have() -> None:
    assert len(Note.parse(f"a\n\n{lines_of(1)}").signatures) == 1
    assert len(Note.parse(f"a\n\n{lines_of(100)}").signatures) == 100
    with pytest.raises(ProofError, match=r"^a signed note has more than 100 signatures$"):
        Note.parse(f"a\n\n{lines_of(101)}")
    with pytest.raises(ProofError, match=r"^a signed note has the same signature twice$"):
        Note.parse(f"a\n\n{lines_of(2)}{lines_of(1)}")


SIGNATURE = "— a YWJjZD8=\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n",
        "a\n",
        "a\n\n",
        SIGNATURE,
        f"\n\n{SIGNATURE}",
        f"a\n{SIGNATURE}",
        f"a\n\n{SIGNATURE}"[:-1],
        f"a\n\n{SIGNATURE}\n",
    ],
)
def test_what_is_no_note(text: str) -> None:
    with pytest.raises(ProofError, match=r"^this is no signed note: a text, a blank line"):
        Note.parse(text)


@pytest.mark.parametrize("control", ["\0", "\t", "\r", "\x1b", "\x1f"])
def test_control_characters_in_a_note(control: str) -> None:
    for text in (f"a{control}\n\n{SIGNATURE}", f"a\n\n{SIGNATURE[:-1]}{control}\n"):
        with pytest.raises(ProofError, match=r"^a signed note has control characters$"):
            Note.parse(text)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "is no signature"),
        ("— a", "is no signature"),
        ("- a YWJjZD8=", "is no signature"),
        ("— a YWJjZD8= x", "is no signature"),
        ("— a  YWJjZD8=", "is no signature"),
        ("—  YWJjZD8=", "is no signature"),
        ("— a+b YWJjZD8=", "is no signature"),
        ("— \u00a0 YWJjZD8=", "is no signature"),
        ("— a YWJjZD8", "a signature is not base64"),
        ("— a YWJjZA==", "a signature is too short"),
        ("— a ", "a signature is too short"),
    ],
)
def test_lines_that_are_no_signature(line: str, why: str) -> None:
    with pytest.raises(ProofError, match=why):
        Signature.parse(line)
    with pytest.raises(ProofError):
        Note.parse(f"a\n\n{line}\n")


def test_a_signature_is_read_as_it_is_written() -> None:
    for data in (b"?", bytes(64)):
        one = Signature("a", b"abcd", data)
        assert Signature.parse(one.line) == one


def test_notes_one_behind_the_other() -> None:
    signers = (TEAM, Signer(1))
    notes = [
        Note(text, tuple(one.signature(text) for one in signers))
        for text in ("a\nb\n", "c\n", "d\n")
    ]
    for count in range(4):
        assert Note.parse_many("\n".join(map(str, notes[:count]))) == notes[:count]
    assert Note.parse_many("\n\n") == []
    both = f"{notes[0]}\n{notes[1]}"
    assert Note.parse_many(f"{both}\n") == notes[:2]
    for wrong in ("x", f"{both}\nx\n", both[:-2], f"a\n\n{both}", f"{notes[0]}{both}"):
        with pytest.raises(ProofError):
            Note.parse_many(wrong)


# --- Heads ---------------------------------------------------------------------------------------

ROOT = encode_base64(bytes(32))


@pytest.mark.parametrize("size", [0, 1, 10, 2**64 - 1])
def test_heads_are_read_as_they_are_written(size: int) -> None:
    head = Head("example.com/log é", size, bytes(range(32)))
    assert Head.parse(head.text) == head


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"a\n1\n{ROOT}",
        f"a\n1\n{ROOT}\n\n",
        f"a\n1\n{ROOT}\nmore\n",
        f"a\n1\n{ROOT}\nmore",
        f"\n1\n{ROOT}\n",
        f"a\n\n{ROOT}\n",
        "a\n1\n",
        *(
            f"a\n{size}\n{ROOT}\n"
            for size in ("01", "+1", "-1", "1.0", " 1", "1 ", "x", "\u0661", "9" * 21)
        ),
    ],
)
def test_texts_that_are_no_head(text: str) -> None:
    with pytest.raises(ProofError, match=r"^the signed text is no head: origin, size and root"):
        Head.parse(text)


def test_heads_that_are_out_of_range() -> None:
    for size, root in [(2**64, bytes(32)), (1, bytes(31)), (1, bytes(33)), (1, b"")]:
        with pytest.raises(ProofError, match=r"^the size or the root of a head is out of range$"):
            Head.parse(Head("a", size, root).text)
    with pytest.raises(ProofError, match=r"^the root of a head is not base64"):
        Head.parse("a\n1\n?\n")
