"""A session in a real W&B run, offline: what is in the file that a sync would send."""

import json
import os
import time
from pathlib import Path

import pytest
from exports_support import HOSTILE, check_document

from origin.core.record import SourceRecord
from origin.errors import ConfigurationError, SessionNotFoundError, StorageError
from origin.export.formats import ProvenanceExporter
from origin.export.texts import from_form, plain

# W&B itself uses what is deprecated.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def wandb():
    os.environ |= {
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
    }
    import wandb

    yield wandb
    wandb.teardown()


@pytest.fixture
def begin(wandb, tmp_path):
    runs = []

    def begin(**options):
        runs.append(wandb.init(project="provenance", dir=tmp_path, **options))
        return runs[-1]

    yield begin
    for run in runs:
        run.finish()


def told_after(run):
    from wandb_files import finished, told_by

    folder = Path(run.dir).parent
    run.finish()
    (path,) = folder.glob("*.wandb")
    while not finished(path):  # the test's own timeout ends it
        time.sleep(0.02)
    return told_by(path)


@pytest.fixture
def session(db, write):
    db.record_source(
        SourceRecord("wiki", url="https://example.org/wiki", license_id="CC-BY-SA-4.0")
    )
    db.record_source(SourceRecord("local", source_path="data/train.jsonl", license_id="MIT"))
    session = write.run([1, 2], [2, 3, 4], source="wiki", license_id=None)
    db.append([write.batch(write.stream(session, "local", None), 0, [1, 9])])
    db.end_session(session.session_id)
    return session


def test_guide_section_8(wandb, begin, db, session):
    exporter = ProvenanceExporter(db)
    wandb_data = exporter.to_wandb(session.session_id)
    run = begin()
    wandb.config.update(wandb_data["metadata"])
    wandb.log({"provenance_description": wandb_data["description"]})
    assert told_after(run)["config"]["provenance"] == wandb_data["metadata"]["provenance"]


def test_the_whole_way(begin, session, exporter):
    told = exporter.to_wandb(session)["metadata"]["provenance"]
    files = exporter.to_mlflow(session)["artifacts"]
    run = begin()
    run.config["lr"] = 0.1
    assert exporter.log_to_wandb(session.session_id) == run.id
    read = told_after(run)
    assert read["config"]["provenance"] == told
    assert read["config"]["lr"] == 0.1
    for name in ("complete", "errors", "warnings", "license", "fingerprint", "observations"):
        assert read["summary"][f"provenance/{name}"] == told[name]
    (artifact,) = read["artifacts"]
    assert (artifact.name, artifact.type) == (f"provenance-{session.session_id}", "provenance")
    assert session.session_id in artifact.description
    assert json.loads(artifact.metadata)["distinct_samples"] == told["distinct_samples"] == 5
    found = {one.path: one for one in artifact.manifest.contents}
    assert set(found) == {*files, "sources/000"}
    assert found["sources/000"].ref == "https://example.org/wiki"
    for name, text in files.items():
        assert Path(found[name].local_path).read_bytes() == text.encode()


def test_while_it_runs_and_after(begin, db, write, exporter):
    session = write.run([1])
    run = begin()
    exporter.log_to_wandb(session, run=run)
    db.end_session(session.session_id)
    exporter.log_to_wandb(session, run=run)
    read = told_after(run)
    assert read["config"]["provenance"]["status"] == "completed"
    assert read["config"]["provenance"]["caveats"] == []
    assert len(read["artifacts"]) == 2


def test_two_sessions_in_one_run(begin, db, write, exporter):
    first, second = write.run([1, 2]), write.run([2, 3], [4])
    run = begin()
    for session in (first, second, second, first):
        exporter.log_to_wandb(session)
    read = told_after(run)
    own = f"provenance-{second.session_id}"
    assert read["config"]["provenance"]["session_id"] == first.session_id
    assert read["config"][own]["session_id"] == second.session_id
    assert read["summary"]["provenance/batches"] == 1
    assert read["summary"][f"{own}/batches"] == 2


@pytest.mark.parametrize("mine", [{"mine": 1}, "mine", 7])
def test_what_the_run_calls_so_itself_stays(begin, session, exporter, mine):
    run = begin(config={"provenance": mine})
    exporter.log_to_wandb(session)
    config = told_after(run)["config"]
    assert config["provenance"] == mine
    assert config[f"provenance-{session.session_id}"]["session_id"] == session.session_id


def test_every_kind_of_session(begin, exporter, odd):
    how = odd.config_hash
    run = begin()
    exporter.log_to_wandb(odd)
    told = told_after(run)["config"]["provenance"]
    assert told["complete"] is (how in ("failed", "unlicensed"))
    assert ("1 gap" in told["why_not_complete"]) is (how == "gaps")
    assert told["license"] == {"empty": None, "unlicensed": "unknown"}.get(how, "MIT")


def test_hostile_texts(begin, db, write, exporter):
    """All of them in one run: a run takes half a second."""
    session = db.begin_session(HOSTILE["lone"], HOSTILE)
    for text in HOSTILE.values():
        db.record_source(SourceRecord(text, url=text, source_path=text, license_id=text))
        db.append([write.batch(write.stream(session, text, None), 0, [1, 2])])
    run = begin()
    exporter.log_to_wandb(session)
    read = told_after(run)
    told = read["config"]["provenance"]
    assert told["config_hash"] == plain(HOSTILE["lone"])
    names = {one["source"] for one in told["sources"]}
    assert {plain(text) for text in HOSTILE.values() if len(text) <= 5_000} <= names
    (artifact,) = read["artifacts"]
    (path,) = (one.local_path for one in artifact.manifest.contents if one.path.endswith(".json"))
    document = from_form(check_document(Path(path).read_text()))
    assert {one["source_id"] for one in document["sources"]} == set(HOSTILE.values())


# -- what is wrong -----------------------------------------------------------------------


def test_no_run(wandb, session, exporter):
    assert wandb.run is None
    with pytest.raises(ConfigurationError, match=r"call wandb\.init\(\)"):
        exporter.log_to_wandb(session)
    for run in ("a", 7, object()):
        with pytest.raises(ConfigurationError, match=r"what wandb\.init\(\) gave"):
            exporter.log_to_wandb(session, run)


def test_a_finished_run(begin, session, exporter):
    run = begin()
    run.finish()
    with pytest.raises(StorageError, match=f"did not take all of session {session.session_id}"):
        exporter.log_to_wandb(session, run)


def test_no_such_session(begin, exporter):
    run = begin()
    with pytest.raises(SessionNotFoundError):
        exporter.log_to_wandb("no such session")
    assert not told_after(run)["artifacts"]
