"""Proofs of real records, checked by the verifier that strangers use."""

import hashlib

import pytest
from proof_support import KEY, OTHER, begin, fingerprint, packed, record, sample

from origin.core.note import Note
from origin.core.record import Gap
from origin.errors import NotProvableError, ProofError, RecordAlteredError
from origin.proof.prover import Prover, read_head
from origin.proof.signer import Signer
from origin.storage.database import ProvenanceDatabase
from origin.verify import verify_text

BATCHES = 2500


@pytest.fixture(scope="module", params=["unsealed", "sealed", "in part"])
def signed(request, tmp_path_factory):
    """A long session of two streams with a gap; the database, its id, streams and earlier heads."""
    path = tmp_path_factory.mktemp("signed") / "p.db"
    with ProvenanceDatabase(path, seal_after=None) as db, Signer(db, KEY) as signer:
        begin(db)  # another session, which nothing here is about
        session_id, streams = begin(db, 2)
        heads = []
        for first, last in ((0, 500), (500, 1100), (1100, BATCHES)):
            record(db, streams[0], range(first, last))
            heads.append(signer.sign(session_id).note)
            if request.param == "in part" and first == 500:
                db.seal()
        record(db, streams[1], range(3), 1)
        db.append([], [Gap(streams[1], 3, 4, "KeyError: 'x'")])
        if request.param == "sealed":
            db.seal()
        db.end_session(session_id)
        heads.append(signer.sign(session_id).note)
        yield db, session_id, streams, heads


def checked(proof):
    """What the verifier says of the proof's text."""
    return verify_text(proof.text(), [KEY.public])


@pytest.mark.parametrize("number", [0, 1, 1022, 1023, 1024, 2046, 2047, 2048, BATCHES - 1])
def test_inclusion(signed, number):
    db, session_id, _, _ = signed
    for position in (0, 3):
        found = Prover(db).prove_inclusion(session_id, fingerprint(sample(number, position)))
        facts = checked(found).facts
        assert facts["sample"] == fingerprint(sample(number, position)).hex()
        assert (facts["batch"], facts["position"]) == (number, position)
        assert checked(found).session == session_id


def test_inclusion_in_the_other_stream(signed):
    db, session_id, streams, _ = signed
    data = fingerprint(sample(2, 1, 1))
    found = Prover(db).prove_inclusion(session_id, data)
    assert found.stream == 1
    assert found == Prover(db).prove_inclusion(session_id, data, (streams[1], 2, 1))
    checked(found)


def test_no_inclusion(signed):
    db, session_id, streams, _ = signed
    there = fingerprint(sample(7, 1))
    with pytest.raises(NotProvableError, match="has no sample"):
        Prover(db).prove_inclusion(session_id, fingerprint(b"never"))
    with pytest.raises(NotProvableError, match="another sample at position 2"):
        Prover(db).prove_inclusion(session_id, there, (streams[0], 7, 2))
    with pytest.raises(NotProvableError, match="has no batch 99999"):
        Prover(db).prove_inclusion(session_id, there, (streams[0], 99999, 2))
    with pytest.raises(NotProvableError, match="not under the last head"):
        Prover(db).prove_inclusion(session_id, there, (99, 0, 0))


def test_absence_everywhere(signed):
    """Before the first, behind the last, at the edges of each chunk, and between."""
    db, session_id, streams, _ = signed
    everything = sorted(fingerprint(sample(no, at)) for no in range(BATCHES) for at in range(4))
    tree = db.logs.tables.set_tree(streams[0])
    assert tree.size == len(everything) == 10_000
    assert len(tree.firsts) == 3
    places = [0, 1, 4095, 4096, 4097, 8191, 8192, len(everything) - 1]
    wanted = [bytes(32), b"\xff" * 32]
    for place in places:
        number = int.from_bytes(everything[place], "big")
        wanted += [(number + step).to_bytes(32, "big") for step in (-1, 1)]
    prover = Prover(db)
    for one in wanted:
        told = checked(prover.prove_absence(session_id, one))
        assert told.facts["sample"] == one.hex()
    for place in places:
        with pytest.raises(NotProvableError, match="has the sample"):
            prover.prove_absence(session_id, everything[place])


def test_absence_says_what_is_missing(signed):
    db, session_id, _, _ = signed
    told = checked(Prover(db).prove_absence(session_id, fingerprint(b"never")))
    assert f"not among the 10,012 samples of session {session_id}" in str(told)
    assert "2 batches missing" in str(told)


def test_consistency(signed):
    db, session_id, _, heads = signed
    for head in heads:
        told = checked(Prover(db).prove_consistency(head))
        assert told.session == session_id
        assert told.facts["old"]["head"]["size"] <= told.facts["new"]["head"]["size"] == 4


def test_another_key_does_not_do(signed):
    db, session_id, _, _ = signed
    text = Prover(db).prove_absence(session_id, fingerprint(b"never")).text()
    with pytest.raises(ProofError, match="no key that you gave has signed"):
        verify_text(text, [OTHER.public])


def test_what_was_never_signed(db):
    session_id, (stream,) = begin(db)
    record(db, stream, range(2))
    with pytest.raises(NotProvableError, match="no head of session"):
        Prover(db).prove_inclusion(session_id, fingerprint(sample(0, 0)))
    Signer(db, KEY).sign(session_id)
    with pytest.raises(NotProvableError, match="had not ended when it was last signed"):
        Prover(db).prove_absence(session_id, fingerprint(b"never"))
    record(db, stream, range(2, 3))
    with pytest.raises(NotProvableError, match="sign another first"):
        Prover(db).prove_inclusion(session_id, fingerprint(sample(2, 0)))
    checked(Prover(db).prove_inclusion(session_id, fingerprint(sample(1, 0))))


def test_nothing_was_recorded(db):
    with db.session("nothing") as session:
        pass
    Signer(db, KEY).sign(session)
    with pytest.raises(NotProvableError, match="nothing was recorded"):
        Prover(db).prove_absence(session, bytes(32))


def test_an_empty_stream_and_one_sample(db):
    session_id, streams = begin(db, 2)
    db.append([packed(streams[0], 0, [b"only"])])
    db.end_session(session_id)
    Signer(db, KEY).sign(session_id)
    for one in (bytes(32), b"\xff" * 32):
        checked(Prover(db).prove_absence(session_id, one))
    checked(Prover(db).prove_inclusion(session_id, fingerprint(b"only")))


def test_a_sample_in_every_batch(db):
    """Repeats count once in the set."""
    session_id, (stream,) = begin(db)
    db.append(packed(stream, no, [b"same", b"same"], epoch=no) for no in range(5))
    db.end_session(session_id)
    Signer(db, KEY).sign(session_id)
    assert db.logs.tables.set_tree(stream).size == 1
    checked(Prover(db).prove_inclusion(session_id, fingerprint(b"same"), (stream, 3, 1)))
    checked(Prover(db).prove_absence(session_id, hashlib.sha256(b"other").digest()))


def test_an_edited_record_proves_nothing(db):
    session_id, (stream,) = begin(db)
    record(db, stream, range(5))
    db.end_session(session_id)
    head = Signer(db, KEY).sign(session_id).note
    write = db._connection.rows
    write("UPDATE batches SET fingerprints = zeroblob(128) WHERE batch_id % 1024 = 2")
    with pytest.raises(RecordAlteredError, match="not those that its root stands for"):
        Prover(db).prove_inclusion(session_id, bytes(32), (stream, 2, 0))
    with pytest.raises(RecordAlteredError, match="its closing leaf stands for"):
        Prover(db).prove_absence(session_id, fingerprint(b"never"))
    write("DELETE FROM session_states")
    with pytest.raises(RecordAlteredError, match="lies behind"):
        Prover(db).prove_consistency(head)


def test_reading_heads(db):
    session_id, _ = begin(db)
    note = Signer(db, KEY).sign(session_id).note
    assert read_head(f"{note}\n{note}\n") == note
    with pytest.raises(ProofError, match="no signed head"):
        read_head("")
    with pytest.raises(ProofError):
        Prover(db).prove_consistency(Note("other\n1\nAAAA\n", note.signatures))
