"""Statements in DSSE envelopes: DSSE's published example, and every way to be none of Origin's."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bundles import envelope, members_of, small_session, statement
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from proofs import SESSION, TEAM, Session, Signer, prints_of

from origin.errors import ProofError
from origin.verify import verify, verify_text
from origin.verify.envelope import Envelope, is_envelope, signed_bytes

KEYS = (TEAM.key,)
OTHER = Signer(1, "example.com/other")
SMALL = small_session()
TOLD = json.dumps(statement(SMALL, members_of(SMALL)))

# The example in https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
EXAMPLE = """{"payload": "aGVsbG8gd29ybGQ=",
 "payloadType": "http://example.com/HelloWorld",
 "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIA\
riEGAHTVeCUjW2JIZA=="}]}
"""


def test_the_example_of_dsse() -> None:
    found = Envelope.parse(EXAMPLE)
    assert (found.payload_type, found.payload) == ("http://example.com/HelloWorld", b"hello world")
    signed = signed_bytes(found.payload_type, found.payload)
    assert signed == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    ((keyid, data),) = found.signatures
    r, s = int.from_bytes(data[:32], "big"), int.from_bytes(data[32:], "big")
    key = ec.EllipticCurvePublicNumbers(X, Y, ec.SECP256R1()).public_key()
    key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    assert keyid == ""
    assert Envelope.parse(found.text()) == found
    with pytest.raises(ProofError, match="no key that you gave has signed this envelope"):
        verify_text(EXAMPLE, KEYS)


def test_lengths_are_of_bytes() -> None:
    assert signed_bytes("ä", b"\xff") == b"DSSEv1 2 \xc3\xa4 1 \xff"
    assert signed_bytes("", b"") == b"DSSEv1 0  0 "


def told(change: Callable[[Any], object] = lambda _: None) -> str:
    own = json.loads(TOLD)
    change(own)
    return envelope(own).decode()


def test_a_statement_that_holds(tmp_path: Path) -> None:
    verdict = verify_text(told(), KEYS)
    assert (verdict.kind, verdict.session, verdict.signers) == (
        "statement",
        SESSION,
        (TEAM.key.name,),
    )
    assert verdict.shows == (
        f"1 file came out of session {SESSION}",
        f"'run/a/model.pt' {'ab' * 32}",
        "source 'digits' (CC-BY-4.0)",
    )
    assert verdict.facts["subjects"] == [{"name": "run/a/model.pt", "sha256": "ab" * 32}]
    assert [one["name"] for one in verdict.facts["sources"]] == ["digits", "digits"]
    assert verdict.facts["head"]["size"] == 2
    assert verdict.facts["config_hash"] == "lr-3e-4"
    assert any("compare its SHA-256" in one for one in verdict.does_not)
    (tmp_path / "model.json").write_text(told())
    assert verify(tmp_path / "model.json", KEYS) == verdict


def test_many_files_and_sources() -> None:
    def change(own: Any) -> None:
        own["subject"] = [
            {"name": f"{one}\x1b", "digest": {"sha256": f"{one:064x}"}} for one in range(9)
        ]

    verdict = verify_text(told(change), KEYS)
    assert verdict.shows[0].startswith("9 files came out")
    assert verdict.shows[6] == "4 further files"
    assert all(line.isprintable() for line in str(verdict).split("\n"))
    session = Session(*[prints_of(1, 1)] * 2, license=None)
    own = envelope(statement(session, members_of(session))).decode()
    assert "source 'digits' (no license given)" in verify_text(own, KEYS).shows


def build(own: Any) -> Any:
    return own["predicate"]["buildDefinition"]


def run(own: Any) -> Any:
    return own["predicate"]["runDetails"]


def set_head(own: Any, session: Session, signer: Signer = TEAM) -> None:
    other = statement(session, members_of(session, signer=signer))
    run(own)["byproducts"] = run(other)["byproducts"]


WRONG: dict[str, Callable[[Any], object]] = {
    "type": lambda own: own.update(_type="https://in-toto.io/Statement/v0.1"),
    "predicate type": lambda own: own.update(predicateType="https://slsa.dev/provenance/v0.2"),
    "build type": lambda own: build(own).update(buildType="https://example.com/x"),
    "no subject": lambda own: own.update(subject=[]),
    "subject without digest": lambda own: own["subject"][0].pop("digest"),
    "subject without name": lambda own: own["subject"][0].pop("name"),
    "subject of another digest": lambda own: own["subject"][0].update(digest={"sha512": "00"}),
    "capital digits": lambda own: own["subject"][0]["digest"].update(sha256="AB" * 32),
    "subject is an object": lambda own: own.update(subject={"a": 1}),
    "no predicate": lambda own: own.pop("predicate"),
    "predicate is text": lambda own: own.update(predicate="x"),
    "more parameters": lambda own: build(own)["externalParameters"].update(x=1),
    "fewer parameters": lambda own: build(own)["externalParameters"].pop("config_hash"),
    "config is a number": lambda own: build(own)["externalParameters"].update(config_hash=1),
    "two sessions": lambda own: run(own)["metadata"].update(invocationId="x"),
    "no builder": lambda own: run(own).pop("builder"),
    "builder without id": lambda own: run(own).update(builder={"id": 1}),
    "no head": lambda own: run(own).update(byproducts=[]),
    "two heads": lambda own: run(own).update(byproducts=run(own)["byproducts"] * 2),
    "head of another digest": lambda own: run(own)["byproducts"][0]["digest"].update(sha256="00"),
    "head that is no base64": lambda own: run(own)["byproducts"][0].update(content="?"),
    "head that is a number": lambda own: run(own)["byproducts"][0].update(content=1),
    "head of another session": lambda own: set_head(own, Session(prints_of(1, 1), session="x")),
    "head by another key": lambda own: set_head(own, SMALL, OTHER),
    "no dependencies": lambda own: build(own).pop("resolvedDependencies"),
    "dependency without log": lambda own: build(own)["resolvedDependencies"][0].update(digest={}),
    "dependency without name": lambda own: build(own)["resolvedDependencies"][0].pop("name"),
    "license is a number": lambda own: build(own)["resolvedDependencies"][0].update(
        annotations={"license": 1}
    ),
}


@pytest.mark.parametrize("which", WRONG)
def test_statements_that_are_none_of_ours(which: str) -> None:
    with pytest.raises(ProofError):
        verify_text(told(WRONG[which]), KEYS)


def test_unknown_members_are_let_be() -> None:
    def change(own: Any) -> None:
        own["x"] = own["predicate"]["y"] = build(own)["z"] = 1
        run(own)["byproducts"].append({"name": "log.txt", "uri": "file:///log.txt"})

    assert verify_text(told(change), KEYS).session == SESSION


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"\xff", b"null", b"1", b"[" * 100_000, b'{"a":1}', b'"x"']
)
def test_payloads_that_are_no_statement(payload: bytes) -> None:
    kind, path = "application/vnd.in-toto+json", "statement|UTF-8|lacks"
    signed = signed_bytes(kind, payload).decode("latin-1")
    if payload == b"\xff":
        own = Envelope(kind, payload, (("", bytes(64)),)).text()
    else:
        own = Envelope(kind, payload, (("", TEAM.signature(signed).data),)).text()
    with pytest.raises(ProofError, match=path):
        verify_text(own, KEYS)


def test_another_payload_type_is_signed_as_another() -> None:
    as_other = envelope(json.loads(TOLD), kind="application/json").decode()
    with pytest.raises(ProofError, match="no in-toto statement but 'application/json'"):
        verify_text(as_other, KEYS)
    with pytest.raises(ProofError, match="no key that you gave"):
        verify_text(as_other.replace("application/json", "application/vnd.in-toto+json"), KEYS)


def test_who_signed() -> None:
    own = json.loads(told())
    with pytest.raises(ProofError, match="no key that you gave"):
        verify_text(told(), [OTHER.key])
    by_other = json.loads(envelope(json.loads(TOLD), OTHER))
    own["signatures"] = by_other["signatures"] + own["signatures"]
    both = [TEAM.key, OTHER.key, TEAM.key]
    assert verify_text(json.dumps(own), KEYS).signers == (TEAM.key.name,)
    assert verify_text(json.dumps(own), both).signers == (TEAM.key.name, OTHER.key.name)
    # What the envelope says of keys proves nothing, and hinders nothing.
    for one in own["signatures"]:
        one["keyid"] = "anything"
    assert verify_text(json.dumps(own), KEYS).signers == (TEAM.key.name,)


def test_either_alphabet_of_base64() -> None:
    own = json.loads(told())
    for name in ("payload", "sig"):
        part = own if name == "payload" else own["signatures"][0]
        part[name] = base64.urlsafe_b64encode(base64.b64decode(part[name])).decode()
    assert verify_text(json.dumps(own), KEYS).session == SESSION


@pytest.mark.parametrize(
    "text",
    ["{", "{}", '{"payloadType": "x", "payload": "eA=="}',
     '{"payloadType": "x", "payload": "eA==", "signatures": []}',
     '{"payloadType": 1, "payload": "eA==", "signatures": [{"sig": "eA=="}]}',
     '{"payloadType": "x", "signatures": [{"sig": "eA=="}]}',
     '{"payloadType": "x", "payload": "e", "signatures": [{"sig": "eA=="}]}',
     '{"payloadType": "x", "payload": "ä", "signatures": [{"sig": "eA=="}]}',
     '{"payloadType": "x", "payload": "eA==", "signatures": [1]}',
     '{"payloadType": "x", "payload": "eA==", "signatures": [{}]}',
     '{"payloadType": "x", "payload": "eA==", "signatures": [{"sig": "eA==", "keyid": 1}]}',
     '{"payloadType": "\\ud800", "payload": "eA==", "signatures": [{"sig": "eA=="}]}',
     '{"payloadType": "x", "payload": "eA==", "signatures": ["' + "x" * 9 + '"]}',
     '{"a": ' * 20_000],
)  # fmt: skip
def test_envelopes_that_are_none(text: str) -> None:
    assert is_envelope(text)
    with pytest.raises(ProofError):
        verify_text(text, KEYS)


def test_too_many_signatures() -> None:
    own = json.loads(told())
    own["signatures"] *= 101
    with pytest.raises(ProofError, match="more than 100"):
        verify_text(json.dumps(own), KEYS)
    own["signatures"].pop()
    assert verify_text(json.dumps(own), KEYS).session == SESSION


@pytest.mark.parametrize("mask", [0x01, 0x20, 0xFF])
def test_every_byte_of_what_is_signed_flipped(mask: int) -> None:
    payload = bytearray(TOLD.encode())
    good = Envelope.parse(told())
    for place in range(0, len(payload), 3):
        changed = bytearray(payload)
        changed[place] ^= mask
        own = Envelope(good.payload_type, bytes(changed), good.signatures)
        with pytest.raises(ProofError):
            verify_text(own.text(), KEYS)


NAMES = st.sampled_from(["predicate", "subject", "_type", "x"])
ANY = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(ANY, lambda own: st.lists(own) | st.dictionaries(NAMES, own)))
def test_any_json_that_is_signed(own: object) -> None:
    with pytest.raises(ProofError):
        verify_text(envelope(own).decode(), KEYS)
