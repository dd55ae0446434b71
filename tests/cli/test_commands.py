"""The command ``origin`` as a process of its own: what it prints, and how it ends."""

import hashlib
import json
import os
import subprocess

import pytest
from commands import COMMAND
from exports_support import HOSTILE, check_document
from writing import Writer

from origin.export import read_jsonl
from origin.storage.database import ProvenanceDatabase


def told(done):
    return json.loads(done.stdout)


def test_a_new_database(origin, tmp_path):
    assert "made provenance.db" in origin("init").stderr
    assert "there already" in origin("init").stderr
    assert told(origin("status", "--json"))["sessions"] == 0
    assert "no session 'latest'" in origin("inspect", code=2).stderr


def test_status(origin, runs):
    assert "Sessions      2 (1 completed, 1 failed)" in origin("status").stdout
    found = told(origin("--json", "status"))
    assert (found["sessions"], found["observations"], found["latest"]) == (2, 5, runs[1])


def test_sessions(origin, runs):
    head, *rows = origin("sessions").stdout.splitlines()
    assert head.split("\t")[0] == "session"
    assert [row.split("\t")[0] for row in rows] == [runs[1][:8], runs[0][:8]]
    done = origin("sessions", "--limit", 1)
    assert len(done.stdout.splitlines()) == 2
    assert "and 1 more" in done.stderr
    assert origin("sessions", "--limit", 1, "-q").stderr == ""
    (one,) = told(origin("sessions", "--status", "failed", "--json"))
    assert one["session_id"] == runs[1]
    assert "--status is one of" in origin("sessions", "--status", "x", code=1).stderr


@pytest.mark.parametrize("how", ["latest", "id", "prefix"])
def test_which_session(origin, runs, how):
    given = {"latest": "latest", "id": runs[1], "prefix": runs[1][:13]}[how]
    assert runs[1] in origin("inspect", given).stdout


def test_a_session_that_is_not_clear(origin, runs):
    assert f"{runs[0]}" in origin("inspect", runs[0][:12]).stdout
    assert "has no session 'nope'" in origin("inspect", "nope", code=2).stderr
    assert "has no session ''" in origin("inspect", "", code=2).stderr


def test_inspect(origin, runs):
    text = origin("inspect", runs[0]).stdout
    assert "1 epoch, 2 batches, 4 observations of 3 samples (40 bytes)" in text
    assert "books  CC-BY-NC-4.0  100 %, 3 samples" in text
    found = told(origin("inspect", runs[0], "--json"))
    assert found["counts"]["distinct_samples"] == 3


def test_handing_over(origin, runs, tmp_path):
    assert origin("card", runs[0]).stdout.startswith("# Training data provenance\n")
    assert "written to" in origin("report", runs[0], "-o", "report.html").stderr
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")
    check_document(origin("export", runs[0]).stdout)
    origin("export", runs[0], "--format", "jsonl", "--output", "run.jsonl")
    assert read_jsonl(tmp_path / "run.jsonl").batch_count == 2
    origin("export", "--format", "parquet", "-o", "run", "-q")
    assert (tmp_path / "run" / "observations.parquet").exists()
    for kind in ("json", "mlflow", "wandb", "hf", "huggingface"):
        origin("export", runs[0], "--format", kind, "-o", f"run.{kind}")
        assert json.loads((tmp_path / f"run.{kind}").read_text())
    assert (tmp_path / "run.hf").read_text() == (tmp_path / "run.huggingface").read_text()
    assert "A. Poet" in origin("notice", runs[0]).stdout
    assert "needs a place" in origin("export", "--format", "jsonl", code=1).stderr
    assert "one of huggingface, json" in origin("export", "--format", "xml", code=1).stderr


def test_conflicts(origin, runs):
    text = origin("conflicts", "--session", runs[0]).stdout
    assert "error\tdistribute-weights-commercially\tCC-BY-NC-4.0" in text
    assert all(one["rule_id"] for one in told(origin("conflicts", "--json")))
    every = told(origin("conflicts", "--json", "--limit", 0))
    assert {one["session_id"] for one in every} == {runs[0]}
    assert text.splitlines()[1].startswith(f"{runs[0][:8]}\terror\t")
    some = origin("conflicts", "--limit", 1)
    assert len(some.stdout.splitlines()) == 2
    assert ("and more" in some.stderr) == (len(every) > 1)
    assert "nothing was found" in origin("conflicts", "--session", runs[1]).stderr
    assert "distribute-weights" in origin("conflicts", "--use", "x", code=1).stderr


def test_trace(origin, runs, tmp_path):
    (tmp_path / "sample").write_bytes(b"2")
    wanted = hashlib.sha256(b"2").hexdigest()
    for arguments in ((wanted,), ("--file", "sample"), ("--text", "2")):
        assert "seen 2 times by 1 session" in origin("trace", *arguments).stdout
    assert len(told(origin("trace", wanted, "--json"))["observations"]) == 2
    assert "was never seen" in origin("trace", "--text", "none", code=2).stderr
    assert "give one of" in origin("trace", code=1).stderr
    assert "cannot be read" in origin("trace", "--file", "nope", code=1).stderr


def test_sql(origin, runs):
    query = "select source_id, count(*) as seen from observations group by 1 order by 1"
    assert origin("sql", query).stdout == "source_id\tseen\nbooks\t4\nweb\t1\n"
    assert told(origin("sql", query, "--json"))[0] == {"source_id": "books", "seen": 4}
    assert origin("sql", "select 1234567 as n").stdout == "n\n1234567\n"
    assert origin("sql", "drop table x", code=1).stderr.startswith("origin: ")


def test_check(origin, runs, tmp_path):
    # The roots of these batches are made up.
    done = origin("check", code=1)
    assert "looked at" in done.stdout
    assert told(origin("check", "--json", code=1))["batches"] == 3
    with ProvenanceDatabase(tmp_path / "whole.db") as db:
        db.begin_session("v1")
    assert "all is as it was committed" in origin("check", "--path", "whole.db").stdout


def test_which_database(origin, runs, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    os.rename(tmp_path / "provenance.db", tmp_path / "elsewhere" / "runs.db")
    assert "no database at" in origin("status", code=2).stderr
    for arguments in (
        ("--path", "elsewhere/runs.db", "status"),
        ("status", "--path", "elsewhere/runs.db"),
        ("status", "--path=elsewhere/runs.db"),
    ):
        assert "2 (1 completed" in origin(*arguments).stdout
    assert "2 (1 completed" in origin("status", ORIGIN_DB_PATH="elsewhere/runs.db").stdout
    (tmp_path / "text.txt").write_text("no database")
    assert "text.txt" in origin("status", "--path", "text.txt", code=1).stderr


def test_help_and_version(origin):
    assert "Usage: origin" in origin("--help").stdout
    assert "Example: origin inspect latest" in " ".join(origin("inspect", "--help").stdout.split())
    assert origin("--version").stdout.startswith("origin ")
    assert "No such command 'frob'" in origin("frob", code=1).stderr
    assert origin("status", "--frob", code=1).stderr


def test_debug_shows_where_an_error_comes_from(tmp_path):
    done = subprocess.run(
        [*COMMAND, "status", "--debug"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "Traceback" in done.stderr
    assert "DatabaseNotFoundError" in done.stderr


def test_hostile_texts_turn_no_terminal(origin, tmp_path):
    with ProvenanceDatabase(tmp_path / "provenance.db") as db:
        write = Writer(db)
        for text in HOSTILE.values():
            session = write.run([1], source=text, license_id=None, config_hash=text)
            db.end_session(session.session_id)
    for command in ("sessions", "inspect", "conflicts"):
        text = origin(command).stdout
        assert not set(text) & set("\x1b\x9b\u202e\x07\x00")
    found = told(origin("sessions", "--limit", 0, "--json"))
    assert len(found) == len(HOSTILE)
