"""Private fingerprints from the command line: a key is made, named, and asked for."""

import json
import stat

import pytest
from commands import rows
from serving import served

from origin.core.fingerprint import fingerprint_sample
from origin.tracking import finish, track

TEXT = "the early river waits (poems 1)"
TEXTS = [["a poem", "a song"], ["a poem"]]


@pytest.fixture
def key(origin):
    """The file of a key, beside a record that is under it."""
    origin("keys", "private", "private.key")
    path = origin.folder / "provenance.db"
    list(track(TEXTS, "texts", "MIT", path, fingerprint_key=origin.folder / "private.key"))
    finish(path=path)
    return "private.key"


def test_a_key_is_made_once(origin):
    told = origin("keys", "private", "private.key").stdout
    path = origin.folder / "private.key"
    before = path.read_text()
    assert told.startswith("written to private.key; keep a copy")
    assert before.split()[1] not in told
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    error = origin("keys", "private", "private.key", code=1).stderr
    assert "is there already and is never overwritten" in error
    assert path.read_text() == before
    assert origin.told("keys", "private", "other.key") == {"path": "other.key"}
    # A key that the environment names is made like any other.
    origin("keys", "private", "third.key", ORIGIN_FINGERPRINT_KEY="third.key")


@pytest.mark.parametrize("way", ["option before", "option behind", "environment"])
def test_looking_up_by_content(origin, key, way):
    before = ["--fingerprint-key", key] if way == "option before" else []
    behind = [f"--fingerprint-key={key}"] if way == "option behind" else []
    more = {"ORIGIN_FINGERPRINT_KEY": key} if way == "environment" else {}

    def ask(*arguments, code=0):
        return origin(*before, *arguments, *behind, code=code, **more)

    (origin.folder / "poem.txt").write_text("a poem")
    (origin.folder / "eval.txt").write_text("a tune\na poem\n")
    sample = fingerprint_sample("a poem", key=origin.folder / key)
    for given in (["--text", "a poem"], ["--file", "poem.txt"]):
        assert json.loads(ask("trace", *given, "--json").stdout)["sample"]["sample_id"] == sample
    assert ask("trace", "--text", "a tune", code=2).stderr.count("never seen") == 1
    assert "1 of 2 samples was trained on" in ask("overlap", "--dataset", "eval.txt").stdout
    assert "texts" in ask("inspect").stdout
    ask("status")
    ask("seal")


def test_what_takes_no_key(origin, key):
    (origin.folder / "prints.txt").write_text(
        fingerprint_sample("a poem", key=origin.folder / key) + "\n"
    )
    sample = rows(origin("batch", "latest", 0))[0]["sample"]
    assert "2 times" in origin("trace", sample).stdout
    assert "1 of 1" in origin("overlap", "--fingerprints", "prints.txt").stdout
    for command in ("status", "inspect", "batches", "audit", "card", "report", "seal", "check"):
        origin(command)
    assert "hmac-sha256" in origin("card").stdout


def test_what_takes_the_key_says_so(origin, key):
    (origin.folder / "eval.txt").write_text("a poem\n")
    for asked in (["trace", "--text", "a poem"], ["overlap", "--dataset", "eval.txt"]):
        error = origin(*asked, code=1).stderr
        assert error.startswith("origin: provenance.db has private fingerprints")
        assert "--fingerprint-key FILE or ORIGIN_FINGERPRINT_KEY" in error
        assert error.count("\n") == 1


def test_a_key_that_does_not_fit(origin, key):
    origin("keys", "private", "other.key")
    error = origin("status", "--fingerprint-key", "other.key", code=1).stderr
    assert "under another key" in error
    origin("demo", "--path", "plain.db")
    error = origin("trace", "--text", TEXT, "--path", "plain.db", code=1,
                   ORIGIN_FINGERPRINT_KEY=key).stderr  # fmt: skip
    assert "has sha256 fingerprints" in error
    assert "leave the key out" in error
    found = origin("trace", "--text", TEXT, "--path", "plain.db", ORIGIN_FINGERPRINT_KEY="")
    assert found.stdout


def test_a_key_in_place_of_its_file_is_not_shown(origin, key):
    digits = (origin.folder / key).read_text().split()[1]
    for more in ({"ORIGIN_FINGERPRINT_KEY": digits}, {}):
        option = [] if more else ["--fingerprint-key", digits]
        done = origin("status", *option, code=1, **more)
        assert "no key file is at the text that was given" in done.stderr
        assert digits[:8] not in done.stderr + done.stdout
    debugged = origin.begun("status", "--debug", "--fingerprint-key", digits).communicate()
    assert "FingerprintKeyError" in debugged[1]
    assert digits[:8] not in "".join(debugged)


def test_a_demo_and_a_new_database_under_a_key(origin):
    origin("keys", "private", "private.key")
    for command in ("demo", "init"):
        path = f"{command}.db"
        origin(command, "--path", path, "--fingerprint-key", "private.key")
        assert "private fingerprints" in origin("trace", "--text", TEXT, "--path", path,
                                                code=1).stderr  # fmt: skip
    told = origin("trace", "--text", TEXT, "--path", "demo.db", "--fingerprint-key", "private.key")
    assert "poems" in told.stdout


def test_the_page_with_and_without_the_key(origin, key):
    sample = fingerprint_sample("a poem", key=origin.folder / key)
    for options in ([], ["--fingerprint-key", key]):
        with served(origin.folder / "provenance.db", *options) as page:
            assert "private: they take a key" in page.get("/samples").text
            assert "Seen 2 times by 1 session" in page.get(f"/samples/{sample}").text
