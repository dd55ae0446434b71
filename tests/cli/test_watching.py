"""Following a session while it is recorded, and stopping with Ctrl-C."""

import json
import signal
import time

import pytest

from origin.storage.database import ProvenanceDatabase
from origin.tracking import track


@pytest.fixture
def running(tmp_path):
    """A session that is being recorded by this process; gives a function that records more."""
    with ProvenanceDatabase(tmp_path / "provenance.db") as db:
        session = db.begin_session("v1")
        from origin.hooks.pytorch import DataLoaderHook

        hook = DataLoaderHook(db, session.session_id, "poems", "CC0-1.0")
        hook.observe(["a poem", "another"])

        def more():
            hook.observe(["a poem", "a third"])

        more.end = lambda status="completed": db.end_session(session.session_id, status)
        yield more


def test_it_follows_until_the_end(origin, running):
    watched = origin.begun("watch", "--interval", 0.1, "--json")
    lines = iter(watched.stdout.readline, "")
    first = json.loads(next(lines))
    assert (first["status"], first["observations"], first["gaps"]) == ("running", 2, 0)
    assert first["observations_per_second"] is None
    running()
    following = next(json.loads(line) for line in lines if json.loads(line)["observations"] == 4)
    assert following["observations_per_second"] > 0
    assert following["licenses"] == {"CC0-1.0": 4}
    running.end()
    *_, last = map(json.loads, lines)
    assert (last["status"], last["complete"]) == ("completed", True)
    assert watched.wait(20) == 0
    watched.communicate()


def test_it_says_how_the_session_ended(origin, running):
    watched = origin.begun("watch", "latest", "--interval", 0.1)
    assert "2 observations (13 bytes)" in watched.stdout.readline()
    running.end("failed")
    text, _ = watched.communicate(timeout=20)
    assert text.splitlines()[-1].startswith("failed after ")
    assert text.splitlines()[-1].endswith("record complete")
    assert watched.returncode == 0


def test_at_a_terminal_it_shows_one_view_that_changes(origin, running):
    watched = origin.at_terminal("watch", "--interval", 0.1)
    watched.read_until("2 observations in 1 batch")
    running()
    watched.read_until("4 observations in 2 batches")
    watched.read_until(" a second")
    running.end()
    shown = watched.rest()
    assert watched.process.returncode == 0
    assert "\x1b[1A" in shown  # it goes up and writes over what it showed
    assert "CC0-1.0 100 %" in shown
    assert "completed after" in shown


def test_long_work_shows_that_something_is_done(origin, demo):
    shown = origin.at_terminal("check", complaints=True).rest()
    assert "reading every byte" in shown
    assert "all is as it was committed" in shown
    for quiet in (["--quiet"], ["--json"]):
        assert "reading" not in origin("check", *quiet).stderr
    assert "reading" not in origin.at_terminal("check", "-q", complaints=True).rest()


def test_nothing_to_follow(origin, demo):
    assert "nothing is being recorded" in origin("watch", code=2).stderr
    assert origin("watch", "latest").stdout.splitlines()[-1].startswith("completed after")


def test_ctrl_c_ends_it_without_a_trace(origin, running):
    watched = origin.begun("watch", "--interval", 0.1)
    assert watched.stdout.readline()
    watched.send_signal(signal.SIGINT)
    _, error = watched.communicate(timeout=20)
    assert watched.returncode == 130
    assert error.strip() == "origin: stopped"
    running()
    running.end()
    assert "all is as it was committed" in origin("check").stdout


def test_ctrl_c_leaves_no_half_export(origin, tmp_path):
    texts = [[f"text {number}-{at}" for at in range(200)] for number in range(1_500)]
    with track(texts, "texts", "MIT", tmp_path / "provenance.db") as batches:
        assert sum(map(len, batches)) == 300_000
    (tmp_path / "run.jsonl").write_text("what was there before")
    export = origin.begun("export", "--format", "jsonl", "-o", "run.jsonl")
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(".origin-*.tmp")):
        assert export.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    export.send_signal(signal.SIGINT)
    _, error = export.communicate(timeout=20)
    assert (export.returncode, error.strip()) == (130, "origin: stopped")
    assert (tmp_path / "run.jsonl").read_text() == "what was there before"
    assert not list(tmp_path.glob(".origin-*.tmp"))


def test_a_reader_that_has_seen_enough_ends_it(origin, demo):
    listed = origin.begun("query", "CC-BY-4.0", "--limit", 0)
    listed.stdout.readline()
    listed.stdout.close()
    error = listed.stderr.read()
    listed.stderr.close()
    listed.wait(20)
    assert "Traceback" not in error
