"""Signing, proving and checking at the command line."""

import json
from pathlib import Path

import pytest
from proof_support import begin, edit, fingerprint, record, sample

from origin.storage.database import ProvenanceDatabase


@pytest.fixture
def runs(tmp_path):
    """Two sessions; the first has four samples."""
    with ProvenanceDatabase(tmp_path / "provenance.db") as db:
        found = []
        for status in ("completed", "failed"):
            session_id, (stream,) = begin(db)
            record(db, stream, range(1))
            db.end_session(session_id, status)
            found.append(session_id)
        return found


@pytest.fixture
def signed(origin, runs):
    """Two sessions, the first of them signed; the folder of the command."""
    origin("keys", "new", "team.key", "--name", "example.com/team")
    origin("sign", runs[0], "--key", "team.key", "--send", "heads.txt")
    return Path(origin.folder)


PUB = ("--key", "team.key.pub")


def test_a_key(origin, tmp_path):
    done = origin("keys", "new", "team.key", "--name", "example.com/team")
    assert done.stdout == (tmp_path / "team.key.pub").read_text()
    assert "is there already" in origin(
        "keys", "new", "team.key", "--name", "x", code=1
    ).stderr  # fmt: skip
    assert json.loads(origin("keys", "new", "b.key", "--name", "b", "--json").stdout) == {
        "path": "b.key",
        "public_key": (tmp_path / "b.key.pub").read_text().strip(),
    }


def test_a_passphrase_from_the_environment(origin, runs):
    secret, other = ({"ORIGIN_KEY_PASSPHRASE": one} for one in ("secret", "x"))
    origin("keys", "new", "team.key", "--name", "team", **secret)
    assert b"ENCRYPTED" in (Path(origin.folder) / "team.key").read_bytes()
    origin("sign", "latest", "--key", "team.key", **secret)
    wrong = origin("sign", "latest", "--key", "team.key", code=1, **other)
    assert "another passphrase" in wrong.stderr


def test_signing(origin, signed, runs):
    told = origin("heads", runs[0]).stdout
    assert told.rstrip("\n") == (signed / "heads.txt").read_text().rstrip("\n")
    assert origin("sign", runs[0], ORIGIN_SIGNING_KEY="team.key").stdout == told
    assert json.loads(origin("heads", runs[0], "--json").stdout)["heads"] == [told]
    assert "was never signed" in origin("heads", runs[1]).stderr
    assert "which key is to sign?" in origin("sign", runs[0], code=1).stderr


def test_a_proof_of_each_kind(origin, signed, runs):
    sample_id = fingerprint(sample(0, 2)).hex()
    origin("prove", "inclusion", runs[0], sample_id[:12], "-o", "in.proof")
    origin("prove", "absence", runs[0], "--text", "never written", "-o", "not.proof")
    origin("prove", "consistency", "heads.txt", "-o", "con.proof")
    included = origin("verify", "in.proof", *PUB).stdout
    assert sample_id in included
    assert "signed by example.com/team" in included
    assert "not among the 4 samples of session" in origin("verify", "not.proof", *PUB).stdout
    for file, kind in (("in", "inclusion"), ("not", "absence"), ("con", "consistency")):
        told = json.loads(origin("verify", f"{file}.proof", *PUB, "--json").stdout)
        assert (told["kind"], told["session"]) == (kind, runs[0])
        assert (
            origin("prove", "consistency", "heads.txt").stdout == (signed / "con.proof").read_text()
        )


def test_no_database_is_needed(origin, signed, runs):
    origin("prove", "absence", runs[0], "--text", "never written", "-o", "not.proof")
    line = (signed / "team.key.pub").read_text().strip()
    (signed / "provenance.db").unlink()
    assert "not among" in origin("verify", "not.proof", "--key", line).stdout
    assert "head of session" in origin("verify", "heads.txt", *PUB).stdout


def test_what_does_not_hold(origin, signed, runs):
    origin("prove", "absence", runs[0], "--text", "never written", "-o", "not.proof")
    file = signed / "not.proof"
    file.write_text(file.read_text().replace("before", "after", 1))
    origin("verify", "not.proof", *PUB, code=1)
    origin("keys", "new", "other.key", "--name", "example.com/team")
    done = origin("verify", "heads.txt", "--key", "other.key.pub", code=1)
    assert "no key that you gave has signed" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    (signed / "empty").write_text("")
    for wrong in ("empty", "provenance.db", "nowhere"):
        assert len(origin("verify", wrong, *PUB, code=1).stderr.splitlines()) == 1
    origin("verify", "heads.txt", "--key", "nonsense", code=1)
    origin("prove", "inclusion", runs[0], "--text", "never written", code=1)
    origin("prove", "inclusion", runs[0], code=1)
    origin("prove", "absence", runs[1], "--text", "x", code=1)
    origin("prove", "absence", runs[0], "abcd", code=1)
    origin("prove", "inclusion", "zzz", "--text", "x", code=2)


def test_the_record_is_held_against_a_head(origin, signed, runs):
    done = origin("verify", "heads.txt", *PUB, "--record").stdout
    assert "all is as it was signed" in done
    edit(
        signed / "provenance.db",
        ("UPDATE streams SET license_id = 'CC0-1.0' WHERE stream_no = 1", ()),
    )
    done = origin("verify", "heads.txt", *PUB, "--record", code=1).stdout
    assert "its license is 'CC0-1.0' on record" in done
    told = json.loads(origin("verify", "heads.txt", *PUB, "--record", "--json", code=1).stdout)
    assert [one["kind"] for one in told["heads"][0]["differences"]] == ["license"]


def test_heads_of_several_sessions(origin, signed, runs):
    """Each session is computed anew, and not only the last."""
    origin("sign", runs[1], "--key", "team.key", "--send", "heads.txt")
    done = origin("verify", "heads.txt", *PUB, "--record").stdout
    assert done.count("1 batch, 4 observations: all is as it was signed") == 2
    edit(
        signed / "provenance.db",
        ("UPDATE batches SET fingerprints = zeroblob(128) WHERE batch_id < 1 << 41", ()),
    )
    done = origin("verify", "heads.txt", *PUB, "--record", code=1).stdout
    assert "its samples are not those its root stands for" in done


def test_another_key_follows(origin, signed, runs):
    origin("keys", "rotate", "team.key", "new.key")
    with ProvenanceDatabase(signed / "provenance.db") as db:
        assert db.get_session(runs[1]).status == "failed"
    origin("sign", runs[1], "--key", "new.key", "--send", "new.txt")
    origin("verify", "new.txt", *PUB, code=1)
    told = origin("verify", "new.txt", *PUB, "--succession", "new.key.succession").stdout
    assert f"head of session {runs[1]}" in told


def test_models(origin, runs, tmp_path):
    weights = tmp_path / "out" / "weights"
    weights.mkdir(parents=True)
    (weights / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "out" / "config.json").write_text("{}")
    told = json.loads(origin("model", "add", "out", "--session", runs[0], "--json").stdout)
    assert [one["file"] for one in told] == ["config.json", "weights/model.safetensors"]
    (tmp_path / "renamed").write_bytes(b"weights")
    found = json.loads(origin("trace", "--model", "renamed", "--json").stdout)
    assert [one["session_id"] for one in found] == [runs[0]]
    assert (
        f"session {runs[0][:8]} was given 4 observations of essays"
        in origin("trace", "--model", "renamed").stdout
    )
    (tmp_path / "other").write_bytes(b"other")
    assert "no session is known" in origin("trace", "--model", "other", code=2).stderr
    origin("trace", "--model", "nowhere", code=1)
    (tmp_path / "empty").mkdir()
    assert "no folder with files" in origin("model", "add", "empty", code=1).stderr
    origin("trace", "--model", "other", "--text", "x", code=1)
