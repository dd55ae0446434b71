"""Signing keys and their files."""

import os
import shutil
import stat
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from proof_support import KEY, OTHER, begin, record

import origin
from origin.core.note import Note, PublicKey
from origin.core.succession import followed, succession_text
from origin.errors import ConfigurationError, ProofError, RecordAlteredError, SigningKeyError
from origin.proof.keys import SigningKey
from origin.proof.signer import Signer, heads
from origin.storage.database import ProvenanceDatabase
from origin.verify import read_keys


def test_files(tmp_path):
    file = tmp_path / "team.key"
    made = SigningKey.new(file, "example.com/team")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_keys(tmp_path / "team.key.pub") == (made.public,)
    assert SigningKey.load(file) == made
    assert not SigningKey.is_encrypted(file)
    signed = Note("hello\n", (made.sign("hello\n"),))
    assert signed.signers([made.public]) == [made.public]
    assert "PRIVATE" not in repr(made)


def test_a_passphrase(tmp_path, monkeypatch):
    monkeypatch.delenv("ORIGIN_KEY_PASSPHRASE", raising=False)
    file = tmp_path / "team.key"
    made = SigningKey.new(file, "team", "größe")
    assert SigningKey.is_encrypted(file)
    assert SigningKey.load(file, "größe") == made
    for wrong, match in ((None, "is encrypted: give its passphrase"), ("x", "another passphrase")):
        with pytest.raises(SigningKeyError, match=match):
            SigningKey.load(file, wrong)
    monkeypatch.setenv("ORIGIN_KEY_PASSPHRASE", "größe")
    assert SigningKey.load(file) == made
    plain = tmp_path / "plain.key"
    SigningKey.new(plain, "team")
    SigningKey.load(plain)
    with pytest.raises(SigningKeyError, match="takes no passphrase"):
        SigningKey.load(plain, "x")
    with pytest.raises(SigningKeyError, match="must not be empty"):
        SigningKey.new(tmp_path / "empty.key", "team", "")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_others_can_read_the_file(tmp_path):
    """It is PKCS #8, which other programs know."""
    made = SigningKey.new(tmp_path / "team.key", "team")
    command = ["openssl", "pkey", "-in", tmp_path / "team.key", "-pubout", "-outform", "DER"]
    found = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
    assert found[-32:] == made.public.data


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "\ud800", 5])
def test_names_that_a_key_cannot_have(tmp_path, name):
    with pytest.raises(SigningKeyError, match="the name of a key"):
        SigningKey.new(tmp_path / "team.key", name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path):
    SigningKey.new(tmp_path / "team.key", "team")
    before = (tmp_path / "team.key").read_bytes()
    with pytest.raises(SigningKeyError, match="is there already"):
        SigningKey.new(tmp_path / "team.key", "team")
    (tmp_path / "other.key.pub").write_text("mine")
    with pytest.raises(SigningKeyError, match="is there already"):
        SigningKey.new(tmp_path / "other.key", "team")
    assert (tmp_path / "team.key").read_bytes() == before
    assert (tmp_path / "other.key.pub").read_text() == "mine"
    assert not (tmp_path / "other.key").exists()


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_key_that_others_can_read_is_refused(tmp_path):
    SigningKey.new(tmp_path / "team.key", "team")
    (tmp_path / "team.key").chmod(0o640)
    with pytest.raises(SigningKeyError, match="others can read"):
        SigningKey.load(tmp_path / "team.key")


def other_key(kind):
    return kind.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "no key of Origin's"),
        (b"\xff\n", "no key of Origin's"),
        (b"Name: a\n", "cannot be read: it is malformed"),
        (b"Name: a\nnonsense", "cannot be read: it is malformed"),
        (b"Name: a\n" + other_key(x25519.X25519PrivateKey), "of another kind"),
        (b"Name: a b\n" + other_key(ed25519.Ed25519PrivateKey), "the name of a key"),
    ],
)
def test_files_that_are_no_key(tmp_path, content, match):
    file = tmp_path / "x.key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(SigningKeyError, match=match):
        SigningKey.load(file)


def test_no_file(tmp_path):
    with pytest.raises(SigningKeyError, match="No such file"):
        SigningKey.load(tmp_path / "nowhere.key")
    with pytest.raises(SigningKeyError, match="cannot be written"):
        SigningKey.new(tmp_path / "nowhere" / "team.key", "team")


def test_succession(tmp_path):
    first = SigningKey.new(tmp_path / "1.key", "team")
    second = first.succeed(tmp_path / "2.key")
    third = second.succeed(tmp_path / "3.key", "team-2026", "secret")
    notes = [Note.parse((tmp_path / f"{no}.key.succession").read_text()) for no in (3, 2)]
    assert followed([first.public], notes) == [first.public, second.public, third.public]
    assert followed([second.public], notes) == [second.public, third.public]
    assert followed([KEY.public], notes) == [KEY.public]
    assert third.public.name == "team-2026"


def test_successions_that_do_not_hold():
    text = succession_text(KEY.public, OTHER.public)
    both = (KEY.sign(text), OTHER.sign(text))
    assert followed([KEY.public], [Note(text, both)]) == [KEY.public, OTHER.public]
    for one in both:  # each has to agree
        with pytest.raises(ProofError, match="no key that you gave has signed"):
            followed([KEY.public], [Note(text, (one,))])
    other = succession_text(OTHER.public, KEY.public)
    with pytest.raises(ProofError, match="not over this text"):
        followed([KEY.public], [Note(other, both)])
    for wrong in ("hello\n", text + "more\n", text.replace("example.com/test", "other", 1)):
        with pytest.raises(ProofError):
            followed([KEY.public], [Note(wrong, both)])


def test_a_new_key_knows_what_the_old_one_signed(path, tmp_path):
    old = SigningKey.new(tmp_path / "old.key", "team")
    with ProvenanceDatabase(path) as db:
        session_id, (stream,) = begin(db)
        Signer(db, old).sign(session_id)
    shutil.copy(path, tmp_path / "backup.db")
    with ProvenanceDatabase(path) as db:
        record(db, stream, range(2))
        Signer(db, old).sign(session_id)
    new = old.succeed(tmp_path / "new.key")
    with (
        ProvenanceDatabase(tmp_path / "backup.db") as db,
        pytest.raises(RecordAlteredError, match="lies behind"),
    ):
        Signer(db, new)


def test_weak_keys_are_refused():
    for encoded in ("00" * 32, "01" + "00" * 31, "ec" + "ff" * 30 + "7f", "ed" + "ff" * 30 + "7f"):
        with pytest.raises(SigningKeyError):
            PublicKey("weak", bytes.fromhex(encoded))


def test_tracked_runs_are_signed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    key = SigningKey.new("team.key", "team")
    for number in range(2):
        with origin.track(
            [["a", "b"], ["c"]], "letters", config_hash=f"run {number}",
            signing_key="team.key", heads="heads.txt",
        ) as batches:  # fmt: skip
            again = origin.track([["d"]], "more", signing_key=key, heads="heads.txt")
            assert [*batches, *again] == [["a", "b"], ["c"], ["d"]]
    told = Note.parse_many((tmp_path / "heads.txt").read_text())
    assert [one.signers([key.public]) for one in told] == [[key.public]] * 2
    with ProvenanceDatabase("provenance.db", heads="heads.txt") as db:
        assert [len(heads(db, one)) for one in db.list_sessions()] == [1, 1]


def test_wrong_arguments_of_track(tmp_path):
    path = tmp_path / "p.db"
    with pytest.raises(ConfigurationError, match="signing_key is missing"):
        origin.track([[1]], "x", path=path, heads="heads.txt")
    with pytest.raises(SigningKeyError):
        origin.track([[1]], "x", path=path, signing_key=tmp_path / "no.key")
    assert not path.exists()
    with origin.track([[1]], "x", path=path) as batches:
        with pytest.raises(ConfigurationError, match="signed otherwise"):
            origin.track([[1]], "x", path=path, signing_key=KEY)
        assert list(batches) == [[1]]


def test_a_signer_that_nobody_holds(db):
    """One line is enough."""
    Signer(db, KEY)
    session_id, _ = begin(db)
    db.end_session(session_id)
    assert len(heads(db, session_id)) == 1
