"""A session is handed over as one file, and checked and searched by who has no database."""

import json
import shutil
import zipfile

import pytest
from bundles import zipped
from commands import Origin, rows

from origin.core.fingerprintkey import write_key_file
from origin.proof.bundle import write_bundle
from origin.proof.keys import SigningKey
from origin.proof.signer import Signer
from origin.storage.database import ProvenanceDatabase
from origin.tracking import finish, track

TEXTS = [f"a poem, number {number}" for number in range(12)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a signed record of twelve texts and bundles of it."""
    return make(tmp_path_factory.mktemp("made"))


def make(folder, private=None):
    key = SigningKey.new(folder / "team.key", "example.com/team")
    path = folder / "provenance.db"
    list(track([TEXTS[:5], TEXTS[5:], TEXTS[:2]], "texts", "MIT", path, fingerprint_key=private))
    finish(path=path)
    with ProvenanceDatabase(path) as db:
        (session,) = db.list_sessions()
        (folder / "heads.txt").write_text(f"{Signer(db, key).sign(session)}\n")
        write_bundle(db, session, folder / "run.origin", key, fingerprints=True)
        write_bundle(db, session, folder / "short.origin", key)
    return folder


@pytest.fixture
def origin(made, tmp_path):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return Origin(tmp_path)


def data_set(origin, texts):
    lines = [json.dumps({"text": one, "label": at}) for at, one in enumerate(texts)]
    (origin.folder / "eval.jsonl").write_text("".join(f"{one}\n" for one in lines))


VERIFY = ("verify", "run.origin", "--key", "team.key.pub")
AGAINST = (*VERIFY, "--against", "eval.jsonl", "--column", "text")


def test_from_one_end_to_the_other(origin):
    done = origin("bundle", "latest", "-o", "new.origin", "--key", "team.key", "--fingerprints")
    assert done.stdout.startswith("10 members, ")
    assert "check it: origin verify new.origin --key KEY.pub" in done.stderr
    (origin.folder / "provenance.db").unlink()
    made = (origin.folder / "new.origin").read_bytes()
    assert made == (origin.folder / "run.origin").read_bytes()
    first, second, *_ = origin(*VERIFY).stdout.splitlines()
    assert first.startswith("record intact: 3 batches, log closed, signed 20")
    assert first.endswith("; gaps: none")
    assert "completed, 1 stream, 14 observations" in second
    told = origin.told(*VERIFY)
    assert (told["kind"], told["ok"], told["differences"]) == ("bundle", True, [])
    assert told["facts"]["batches"] == 3


def test_what_a_program_is_told_of_a_bundle(origin):
    told = origin.told("bundle", "latest", "-o", "other.origin", "--key", "team.key")
    assert told["members"][0] == "bundle.note"
    assert told["bytes"] == (origin.folder / "other.origin").stat().st_size
    assert "fingerprints/0.bin" not in told["members"]


def test_a_bundle_that_was_altered(origin):
    path = origin.folder / "run.origin"
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        members = {one: file.read(one) for one in file.namelist()}
    at = content.index(b"card.md") + len("card.md") + 20
    content[at] ^= 0xFF
    path.write_bytes(content)
    assert "card.md in the bundle is damaged" in origin(*VERIFY, code=1).stderr
    path.write_bytes(zipped({**members, "card.md": b"# All is well\n"}))
    done = origin(*VERIFY, code=1)
    assert "digest, card.md: it does not have the" in done.stdout
    told = origin.told(*VERIFY, code=1)
    assert (told["ok"], told["facts"]) == (False, {})
    assert [(one["kind"], one["where"]) for one in told["differences"]] == [("digest", "card.md")]
    data_set(origin, TEXTS)
    assert "digest, card.md" in origin(*AGAINST, code=1).stdout
    assert "data set" not in origin(*AGAINST, code=1).stdout


@pytest.mark.parametrize(
    ("texts", "found"),
    [(["something else", "and more"], 0), (["x", TEXTS[3], TEXTS[3], TEXTS[1]], 2), (TEXTS, 12)],
)
def test_against_a_data_set(origin, texts, found):
    data_set(origin, texts)
    done = origin(*AGAINST)
    text = f"of 12 different samples on record {found} are in the data set, {12 - found} are not"
    assert text in done.stdout
    assert (
        f"the data set has {len(texts)} samples; {found} different of them are on record"
        in done.stdout
    )
    table = rows(done)
    assert [one["in the data set"] for one in table] == ["yes"] * found + ["no"] * (12 - found)
    told = origin.told(*AGAINST, "--limit", "1")["against"]
    assert (told["recorded"], told["found"], told["missing"]) == (12, found, 12 - found)
    assert (len(told["present"]), len(told["absent"])) == (found, 12 - found)
    assert {texts[one["row"]] for one in told["present"]} == {*texts} & {*TEXTS}
    if found == 2:
        assert len(rows(origin(*AGAINST, "--limit", "1"))) == 2


def test_against_without_fingerprints(origin):
    data_set(origin, TEXTS)
    error = origin("verify", "short.origin", *AGAINST[2:], code=1).stderr
    assert "has no fingerprints; one that is made with --fingerprints has them" in error


def test_against_private_fingerprints(tmp_path):
    write_key_file(tmp_path / "private.key")
    write_key_file(tmp_path / "other.key")
    origin = Origin(make(tmp_path, tmp_path / "private.key").resolve())
    data_set(origin, TEXTS[:4])
    assert "only with their key" in origin(*AGAINST, code=1).stderr
    key = ("--fingerprint-key", "private.key")
    assert "4 are in the data set, 8 are not" in origin(*AGAINST, *key).stdout
    done = origin(*AGAINST, "--fingerprint-key", "other.key")
    assert "0 are in the data set, 12 are not" in done.stdout
    assert "note: under another key than the record's every sample looks absent" in done.stdout


def test_against_is_of_bundles(origin):
    data_set(origin, TEXTS)
    for given in (["heads.txt"], ["run.origin", "--record"]):
        error = origin("verify", *given, *AGAINST[2:], code=1).stderr
        assert "--against goes with a bundle" in error
    assert "takes files that end in" in origin(*VERIFY, "--against", "x.y", code=1).stderr
    assert "absent cannot be read" in origin("verify", "absent", *VERIFY[2:], code=1).stderr


def test_a_statement(origin):
    error = origin("attest", "latest", "--key", "team.key", code=1).stderr
    assert "`origin model add` records it" in error
    (origin.folder / "model.pt").write_bytes(b"weights")
    origin("model", "add", "model.pt")
    done = origin("attest", "latest", "--key", "team.key", "-o", "model.json")
    assert "written to model.json" in done.stderr
    shown = origin("verify", "model.json", "--key", "team.key.pub").stdout
    assert shown.startswith("1 file came out of session ")
    assert "'model.pt' " in shown
    assert "source 'texts' (MIT)" in shown
    told = origin.told("verify", "model.json", "--key", "team.key.pub")
    assert told["kind"] == "statement"
    printed = origin("attest", "latest", "--key", "team.key").stdout
    assert printed == (origin.folder / "model.json").read_text()
    origin("bundle", "latest", "-o", "run.origin", "--key", "team.key")
    with zipfile.ZipFile(origin.folder / "run.origin") as file:
        assert file.read("statement.dsse.json").decode() == printed
    assert origin.told(*VERIFY)["facts"]["models"][0]["model"] == "model.pt"


def test_what_needs_a_key(origin):
    SigningKey.new(origin.folder / "other.key", "example.com/other")
    error = origin("bundle", "latest", "-o", "x.origin", "--key", "other.key", code=1).stderr
    assert "is not signed by example.com/other; sign it with that key first" in error
    assert "which key is to sign?" in origin("bundle", "latest", "-o", "x", code=1).stderr
    assert not (origin.folder / "x.origin").exists()
    error = origin("verify", "run.origin", "--key", "other.key.pub", code=1).stderr
    assert "no key that you gave has signed this" in error
