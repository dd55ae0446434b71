"""What verdicts say: numbers first, and what is not proved beside what is."""

import json
from pathlib import Path

import pytest
from proofs import SESSION, TEAM, Session, Signer, prints, prints_of, small_proofs

from origin.core.note import Note
from origin.errors import ProofError, SigningKeyError
from origin.verify import PublicKey, Verdict, read_keys, verify, verify_text
from origin.verify.lines import MOST_BYTES
from origin.verify.wording import joined, many, named, quoted

KEYS = (TEAM.key,)
RECORD = (
    "that the record is what the model was trained on: it shows what the holder of the key has "
    "signed"
)
HISTORY = (
    "that no other history was signed: who holds the key and the database can sign another from "
    "the start; copies of heads outside their reach, compared by proofs of consistency, bind them"
)
LATER = "anything of what was recorded after the head was signed"
OTHERS = "that nothing like it is there: a sample that differs in one byte has another fingerprint"
SET = (
    "that the sets which the streams' closing leaves commit to hold all samples of all batches: "
    "only computing them anew from all fingerprints shows that"
)
SAMPLES = "anything of a sample: for that there are proofs of inclusion and of absence"
KEYED = "of which sample this is the fingerprint: only who has its secret key can compute it"
OPENED = {
    "config_hash": "lr-3e-4",
    "source": "digits",
    "license": "CC-BY-4.0",
    "rank": 0,
    "world_size": 1,
    "opened_at": "2026-01-02T03:04:05.000006+00:00",
    "fingerprint": "sha256",
    "fingerprint_version": 1,
    "log_version": 1,
}


def head_facts(session: Session, size: int | None = None) -> dict[str, object]:
    head = session.head(size)
    signers = ["example.com/team"]
    return {"origin": head.origin, "size": head.size, "root": head.root.hex(), "signers": signers}


def test_inclusion() -> None:
    session = Session(closed=False)
    session.open()
    session.open()
    for number in range(1234):
        session.batch(1, prints(number), epoch=number // 1000)
    session.note_state()
    verdict = verify_text(session.inclusion(1, 1233, 0).text(), KEYS)
    sample = prints(1233)[0].hex()
    assert verdict.shows == (
        f"at position 0 of batch 1,233 of session {SESSION} (epoch 1, 1 sample, stream 1)",
        f"sample {sample} (sha256)",
        "source 'digits', license 'CC-BY-4.0'",
    )
    assert verdict.does_not == (RECORD, "what the sample did to the model", HISTORY)
    assert (verdict.kind, verdict.session) == ("inclusion", SESSION)
    assert verdict.signers == ("example.com/team",)
    assert verdict.facts == {
        "sample": sample,
        "position": 0,
        "batch": 1233,
        "epoch": 1,
        "samples": 1,
        "batch_root": session.logs[1][-1].root,  # type: ignore[attr-defined]
        "stream": 1,
        **OPENED,
        "head": head_facts(session),
    }
    assert str(verdict) == (
        f"at position 0 of batch 1,233 of session {SESSION} (epoch 1, 1 sample, stream 1)\n"
        f"sample {sample} (sha256)\n"
        "source 'digits', license 'CC-BY-4.0'\n"
        "signed by example.com/team\n"
        "\n"
        "this does not show\n"
        f"- {RECORD}\n"
        "- what the sample did to the model\n"
        f"- {HISTORY}"
    )


def test_absence() -> None:
    session = Session([prints(*range(1, 2001, 2)), prints(*range(1, 1595, 2))])
    verdict = verify_text(session.absence(prints(4)[0]).text(), KEYS)
    of = f"the 1,000 samples of session {SESSION}"
    assert verdict.shows == (
        f"not among {of} (completed, 1 stream, 0 batches missing)",
        f"sample {prints(4)[0].hex()} (sha256)",
    )
    assert verdict.does_not == (LATER, OTHERS, SET, RECORD, HISTORY)
    closed = {
        "status": "completed",
        "ended_at": "2026-01-02T05:06:07.500000+00:00",
        "batches": 2,
        "observations": 1797,
        "bytes_seen": 1797000,
        "missing": 0,
        "set_size": 1000,
        "set_root": session.logs[0][-1].set_root,  # type: ignore[attr-defined]
    }
    assert verdict.facts == {
        "sample": prints(4)[0].hex(),
        "samples": 1000,
        "missing": 0,
        "streams": [{"stream": 0, **OPENED, **closed}],
        "head": head_facts(session),
    }


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (5, 5, "the 1 batch that was trained on and was not recorded"),
        (1000, 2999, "the 2,000 batches that were trained on and were not recorded"),
    ],
)
def test_absence_where_batches_are_missing(first: int, last: int, said: str) -> None:
    session = Session([prints(1)], [prints(1)], closed=False)
    session.gap(1, first, last)
    session.close(0)
    session.close(1, status="failed")
    session.note_state()
    verdict = verify_text(session.absence(prints(4)[0]).text(), KEYS)
    count = last - first + 1
    assert verdict.shows[0] == (
        f"not among the 2 samples of session {SESSION} "
        f"(completed, failed, 2 streams, {many(count, 'batch')} missing)"
    )
    said = f"anything of {said}: the sample may have been there"
    assert verdict.does_not == (said, LATER, OTHERS, SET, RECORD, HISTORY)
    assert verdict.facts["missing"] == count
    assert [one["missing"] for one in verdict.facts["streams"]] == [0, count]


def absence_of(*opened: dict[str, object]) -> Verdict:
    """Absence from a session with a stream for each of some openings."""
    session = Session(closed=False)
    for number, changes in enumerate(opened):
        session.open(**changes)
        session.close(number)
    session.note_state()
    return verify_text(session.absence(prints(4)[0]).text(), KEYS)


def test_absence_where_processes_have_no_stream() -> None:
    said = "anything of 2 of 4 training processes, which have no stream in this session"
    assert absence_of(
        {"rank": 0, "world_size": 4}, {"rank": 2, "world_size": 4}, {"rank": 2, "world_size": 4}
    ).does_not == (said, LATER, OTHERS, SET, RECORD, HISTORY)
    said = "anything of 1 of 2 training processes, which have no stream in this session"
    for others in ({"rank": 7, "world_size": 1}, {"rank": 2, "world_size": 1}):
        assert absence_of({"rank": 0, "world_size": 2}, others).does_not[0] == said
    whole = absence_of({"rank": 0, "world_size": 2}, {"rank": 1, "world_size": 2})
    assert whole.does_not[0] == LATER


def test_absence_where_fingerprints_differ() -> None:
    said = (
        "absence from all streams at once: they make fingerprints in different ways, so that one "
        "sample has different ones in them"
    )
    mixed = absence_of({"fingerprint": "sha256"}, {"fingerprint": "blake3"})
    assert mixed.does_not == (said, LATER, OTHERS, SET, RECORD, HISTORY)
    assert mixed.shows[1] == f"sample {prints(4)[0].hex()} (sha256, blake3)"
    mixed = absence_of({"fingerprint_version": 1}, {"fingerprint_version": 2})
    assert mixed.does_not[0] == said


def test_fingerprints_with_a_key_say_so() -> None:
    keyed = absence_of({"fingerprint": "hmac-sha256"}, {"fingerprint": "hmac-sha256"})
    assert keyed.does_not == (LATER, OTHERS, KEYED, SET, RECORD, HISTORY)
    assert KEYED in absence_of({"fingerprint": "hmac-sha256"}, {}).does_not
    session = Session([prints(1)], fingerprint="hmac-sha256")
    verdict = verify_text(session.inclusion(0, 0, 0).text(), KEYS)
    assert verdict.does_not == (RECORD, "what the sample did to the model", KEYED, HISTORY)
    assert verdict.shows[1] == f"sample {prints(1)[0].hex()} (hmac-sha256)"


def test_consistency() -> None:
    session = Session(prints_of(2, 2), closed=False)
    session.note_state()
    session.close(0)
    session.open()
    session.note_state()
    other = Signer(3, "example.org/mirror")
    proof = session.consistency(0, 1)
    early, late = session.head(1), session.head(2)
    both = Note(late.text, (other.signature(late.text), TEAM.signature(late.text)))
    text = proof.text().replace(str(proof.new_head), str(both))
    verdict = verify_text(text, [TEAM.key, other.key])
    assert verdict.shows == (
        f"session {SESSION} was only added to, from state 0 to state 1",
        "earlier state: 1 stream, 3 leaves, signed by example.com/team",
        "later state: 2 streams, 5 leaves, signed by example.org/mirror, example.com/team",
    )
    assert verdict.does_not == (RECORD, SAMPLES, LATER, HISTORY)
    assert verdict.signers == ("example.com/team", "example.org/mirror")
    signers = ["example.org/mirror", "example.com/team"]
    assert verdict.facts == {
        "old": {
            "state": 0,
            "streams": [{"leaves": 3, "root": session.states[0].streams[0][1]}],
            "head": head_facts(session, 1),
        },
        "new": {
            "state": 1,
            "streams": [{"leaves": size, "root": root} for size, root in proof.new.streams],
            "head": {**head_facts(session), "signers": signers},
        },
    }
    assert early.size == 1


def test_a_head() -> None:
    session = Session(prints_of(2, 2))
    session.note_state()
    verdict = verify_text(str(TEAM.sign(session.head())), KEYS)
    assert verdict == Verdict(
        "head",
        SESSION,
        ("example.com/team",),
        head_facts(session),
        (
            f"head of session {SESSION}: 2 states",
            f"root of its log of states {session.head().root.hex()}",
        ),
        (RECORD, SAMPLES, HISTORY),
    )


def test_a_head_of_another_log() -> None:
    for origin in ("example.com/log", "origin-provenance/session/", "origin-provenance/session"):
        text = f"{origin}\n1\n{'A' * 43}=\n"
        note = Note(text, (TEAM.signature(text),))
        with pytest.raises(ProofError, match="not that of a session's log of states"):
            verify_text(str(note), KEYS)


def test_what_programs_get() -> None:
    for text in small_proofs().values():
        verdict = verify_text(text, KEYS)
        told = verdict.to_dict()
        assert json.loads(json.dumps(told)) == told
        assert told == {
            "kind": verdict.kind,
            "session": verdict.session,
            "signers": [*verdict.signers],
            "facts": verdict.facts,
            "shows": [*verdict.shows],
            "does_not": [*verdict.does_not],
        }


def test_a_license_that_nobody_gave() -> None:
    session = Session([prints(1)], license=None)
    verdict = verify_text(session.inclusion(0, 0, 0).text(), KEYS)
    assert verdict.shows[2] == "source 'digits', no license given"


def test_texts_of_strangers() -> None:
    assert quoted("a" * 200) == f"'{'a' * 200}'"
    assert quoted("a" * 201) == f"'{'a' * 200}'…"
    assert named("a" * 200) == "a" * 200
    assert named("a" * 201) == f"'{'a' * 200}'…"
    assert named("a\n") == "'a\\n'"
    assert [named(one) for one in ("", "-a", "a b", "é", "\x1b[2J", "\u202e")] == [
        "''",
        "'-a'",
        "'a b'",
        "'é'",
        "'\\x1b[2J'",
        "'\\u202e'",
    ]
    assert joined(["a", "b c", "a"]) == "a, 'b c'"
    assert many(1, "batch") == "1 batch"
    assert many(1000, "sample") == "1,000 samples"


# --- Keys and files -----------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [[], [TEAM.key.text], [TEAM.key, None], "x"])
def test_what_are_no_keys(keys: list[PublicKey]) -> None:
    with pytest.raises(SigningKeyError, match="the public keys that you trust, one at least"):
        verify_text("", keys)


def test_keys_may_come_from_anywhere(tmp_path: Path) -> None:
    text = small_proofs()["head"]
    assert verify_text(text, iter([Signer(9).key, TEAM.key])).signers == ("example.com/team",)


def test_keys_in_a_file(tmp_path: Path) -> None:
    file, other = tmp_path / "keys", Signer(1, "é").key
    file.write_text(
        f"\ufeff# ours\r\n\r\n{TEAM.key.text}\r\n  # theirs\n\n\t{other.text}  ", encoding="utf-8"
    )
    assert read_keys(file) == (TEAM.key, other)
    assert read_keys(str(file)) == (TEAM.key, other)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "holds no public key"),
        (b"# nothing\n\n", "holds no public key"),
        (b"x\n", "name\\+id\\+base64"),
        (b"\xff", "cannot read keys from"),
        (b"\n" * (2**20 + 1), "too long to be a file of keys"),
    ],
)
def test_files_without_keys(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "keys").write_bytes(content)
    with pytest.raises(SigningKeyError, match=why):
        read_keys(tmp_path / "keys")


def test_a_file_of_keys_may_be_long(tmp_path: Path) -> None:
    line = TEAM.key.text
    (tmp_path / "keys").write_text("\n" * (2**20 - len(line)) + line)
    assert read_keys(tmp_path / "keys") == (TEAM.key,)


@pytest.mark.parametrize("name", ["missing", ".", "nul\0"])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProofError, match="cannot read"):
        verify(f"{tmp_path}/{name}", KEYS)
    with pytest.raises(SigningKeyError, match="cannot read keys from"):
        read_keys(f"{tmp_path}/{name}")


def test_files_that_are_too_long_or_no_text(tmp_path: Path) -> None:
    (tmp_path / "proof").write_bytes(b"\n" * (MOST_BYTES + 1))
    with pytest.raises(ProofError, match="longer than any proof"):
        verify(tmp_path / "proof", KEYS)
    (tmp_path / "proof").write_bytes(b"\xff")
    with pytest.raises(ProofError, match="this is no proof: it is not UTF-8"):
        verify(tmp_path / "proof", KEYS)
