"""Commands that look after the database, and the demo."""

import shlex
import subprocess
import sys

from origin.storage.database import ProvenanceDatabase


def test_sealing(origin, demo, tmp_path):
    assert "816 observations moved; 1 segment" in origin("seal").stdout
    assert origin.told("seal") == {"moved": 0, "segments": 1}
    assert "all is as it was committed" in origin("check").stdout
    assert "64 samples were seen" in origin("query", "CC-BY-4.0").stderr
    assert "no database at" in origin("seal", "--path", "none.db", code=2).stderr
    assert not (tmp_path / "none.db").exists()


def test_ending_a_session_whose_process_is_gone(origin, tmp_path):
    begin = (
        "import os; from origin.storage.database import ProvenanceDatabase\n"
        "print(ProvenanceDatabase('provenance.db').begin_session('v1').session_id, flush=True)\n"
        "os._exit(1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", begin], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    own = done.stdout.strip()
    assert "interrupted" in origin("sessions").stdout
    assert "interrupted: its process is gone; `origin end" in origin("watch", own).stdout
    assert "'completed' or 'failed'" in origin("end", own, "--status", "odd", code=1).stderr
    assert f"{own}  failed" in origin("end", own[:6]).stdout
    assert "already ended as 'failed'" in origin("end", own, code=1).stderr


def test_a_session_that_is_being_recorded_is_not_ended(origin, tmp_path):
    with ProvenanceDatabase(tmp_path / "provenance.db") as db:
        own = db.begin_session("v1").session_id
        assert "its process is still there" in origin("end", own, code=1).stderr
        assert db.get_session(own).status == "running"
        told = origin.told("end", own, "--force", "--status", "completed")
        assert told == {"session_id": own, "status": "completed"}
        assert db.get_session(own).status == "completed"


def test_versions(origin):
    text = origin("version").stdout
    for name in ("Origin", "Python", "SQLite", "DuckDB", "Schema", "Fingerprints"):
        assert f"\n{name} " in f"\n{text}"
    told = origin.told("version")
    assert told["python"] == ".".join(map(str, sys.version_info[:3]))
    assert (told["schema"] >= 3, told["fingerprints"]) == (True, 1)


def test_the_demo_is_recorded_and_whole(origin, demo):
    assert "all is as it was committed" in origin("check").stdout
    assert "3 (2 completed, 1 failed)" in origin("status").stdout
    found = origin.told("sessions")
    assert [one["complete"] for one in found] == [True] * 3


def test_the_demo_says_what_to_try_and_that_works(origin):
    text = origin("demo", "--path", "demo.db").stdout
    tried = [line.split("  ")[1] for line in text.splitlines() if line.startswith("  origin ")]
    assert len(tried) == 7
    for line in tried:
        told = shlex.split(line)
        assert origin(*told[1:]).returncode == 0
    assert origin.told("demo", "--path", "other.db")["observations"] == 816


def test_the_demo_keeps_out_of_records_that_are_there(origin, demo, tmp_path):
    before = origin("sessions").stdout
    assert "origin demo --path my-demo.db" in origin("demo", code=1).stderr
    assert origin("sessions").stdout == before
    origin("init", "--path", "new.db")
    assert "3 sessions" in origin("demo", "--path", "new.db").stdout
    (tmp_path / "notes.txt").write_text("no database")
    assert origin("demo", "--path", "notes.txt", code=1).stderr
    assert (tmp_path / "notes.txt").read_text() == "no database"


def test_no_demo_while_recording_is_off(origin, tmp_path):
    assert "ORIGIN_MODE is off" in origin("demo", code=1, ORIGIN_MODE="off").stderr
    assert not list(tmp_path.iterdir())
    assert "3 sessions" in origin("demo", ORIGIN_MODE="strict").stdout
