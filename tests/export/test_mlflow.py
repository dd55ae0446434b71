"""A session in a real MLflow: what its store on SQLite gives back."""

import json
import os
from pathlib import Path

import pytest
from exports_support import HOSTILE, check_document

from origin.core.record import SourceRecord
from origin.errors import ConfigurationError, SessionNotFoundError, StorageError
from origin.export.formats import ProvenanceExporter
from origin.export.texts import from_form, plain
from origin.query.engine import QueryEngine

# MLflow itself uses what is deprecated.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory):
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "true"
    import mlflow

    folder = tmp_path_factory.mktemp("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = mlflow.create_experiment("provenance", (folder / "artifacts").as_uri())
    mlflow.set_experiment(experiment_id=experiment)
    yield mlflow
    assert mlflow.active_run() is None


@pytest.fixture
def session(db, write):
    """Three sources, one of them under two licenses."""
    db.record_source(
        SourceRecord("wiki", url="https://example.org/wiki", license_id="CC-BY-SA-4.0")
    )
    db.record_source(SourceRecord("s3", source_path="s3://bucket/key.parquet"))
    session = write.run([1, 2], [2, 3, 4], source="wiki", license_id=None)
    for source, license_id in (("s3", "MIT"), ("acme/books", "CC-BY-NC-4.0")):
        db.append([write.batch(write.stream(session, source, license_id), 0, [1, 9])])
    db.record_source(SourceRecord("s3", source_path="s3://bucket/key.parquet", license_id="ISC"))
    db.append([write.batch(write.stream(session, "s3", "ISC"), 0, [7])])
    db.end_session(session.session_id)
    return session


def files_of(mlflow, run_id):
    folder = Path(mlflow.artifacts.download_artifacts(run_id=run_id))
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_guide_section_8(mlflow, db, session, out, monkeypatch):
    monkeypatch.chdir(out)
    exporter = ProvenanceExporter(db)
    mlflow_data = exporter.to_mlflow(session.session_id)
    with mlflow.start_run() as run:
        for key, value in mlflow_data["tags"].items():
            mlflow.set_tag(key, value)
        for key, value in mlflow_data["params"].items():
            mlflow.log_param(key, value)
        for name, content in mlflow_data["artifacts"].items():
            with open(name, "w") as f:
                f.write(content)
            mlflow.log_artifact(name)
    read = mlflow.get_run(run.info.run_id)
    assert mlflow_data["tags"].items() <= read.data.tags.items()
    assert mlflow_data["params"] == read.data.params
    assert files_of(mlflow, run.info.run_id) == mlflow_data["artifacts"]


def test_the_whole_way(mlflow, db, session, exporter):
    told = exporter.to_mlflow(session)
    run_id = exporter.log_to_mlflow(session.session_id)
    run = mlflow.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert mlflow.active_run() is None
    assert told["tags"].items() <= run.data.tags.items()
    assert told["params"] == run.data.params
    assert files_of(mlflow, run_id) == told["artifacts"]
    assert any("<!DOCTYPE html>" in text for text in told["artifacts"].values())
    fingerprints = QueryEngine(db).fingerprint_sources(session)
    found = {one.dataset.name: one for one in run.inputs.dataset_inputs}
    assert set(found) == {"wiki", "s3", "acme/books"} == set(fingerprints)
    for name, one in found.items():
        tags = {tag.key: tag.value for tag in one.tags}
        assert one.dataset.digest == fingerprints[name][:36]
        assert tags["provenance.fingerprint"] == fingerprints[name]
        assert tags["provenance.session_id"] == session.session_id
        assert tags["mlflow.data.context"] == "training"
    assert json.loads(found["wiki"].dataset.profile) == {"num_rows": 4, "num_observations": 5}
    places = {name: (one.dataset.source_type, one.dataset.source) for name, one in found.items()}
    assert places["wiki"] == ("http", '{"url": "https://example.org/wiki"}')
    assert places["s3"] == ("s3", '{"uri": "s3://bucket/key.parquet"}')
    assert mlflow.data.get_source(found["wiki"].dataset).url == "https://example.org/wiki"
    tags = {tag.key: tag.value for tag in found["s3"].tags}
    assert tags["provenance.license"] == "MIT AND ISC, ISC"
    assert (tags["provenance.samples"], tags["provenance.observations"]) == ("3", "3")


def test_into_the_active_run_one_by_id_and_one_at_hand(mlflow, session, exporter):
    with mlflow.start_run() as run:
        assert exporter.log_to_mlflow(session) == run.info.run_id
        assert mlflow.active_run().info.run_id == run.info.run_id
    again = mlflow.get_run(run.info.run_id)
    assert exporter.log_to_mlflow(session, run.info.run_id) == run.info.run_id
    assert exporter.log_to_mlflow(session, run_id=run) == run.info.run_id
    twice = mlflow.get_run(run.info.run_id)
    assert twice.data.to_dictionary() == again.data.to_dictionary()
    assert len(twice.inputs.dataset_inputs) == len(again.inputs.dataset_inputs) == 3


def test_while_it_runs_and_after(mlflow, db, write, exporter):
    """Nothing stays in the run that does not hold any more."""
    session = write.run([1])
    stream = db.catalog.streams(session.session_id)[0].stream_no
    run_id = exporter.log_to_mlflow(session)
    assert "is still running" in mlflow.get_run(run_id).data.tags["provenance.caveats"]
    db.append([write.batch(stream, 1, [2])])
    db.end_session(session.session_id)
    exporter.log_to_mlflow(session, run_id)
    run = mlflow.get_run(run_id)
    assert run.data.tags["provenance.caveats"] == ""
    assert run.data.tags["provenance.status"] == "completed"
    assert run.data.params["provenance.batches"] == "2"
    assert len(run.inputs.dataset_inputs) == 2


def test_two_sessions_in_one_run(mlflow, db, write, exporter):
    """As after a restart: the first keeps its place, and both are whole."""
    first, second = write.run([1, 2]), write.run([2, 3], [4])
    for session in (first, second):
        db.end_session(session.session_id)
    with mlflow.start_run() as run:
        for session in (first, second, second, first):
            exporter.log_to_mlflow(session)
    read = mlflow.get_run(run.info.run_id)
    tags, params = read.data.tags, read.data.params
    own = f"provenance.{second.session_id}."
    assert tags["provenance.session_id"] == first.session_id
    assert tags[f"{own}session_id"] == second.session_id
    assert (params["provenance.batches"], params[f"{own}batches"]) == ("1", "2")
    names = files_of(mlflow, run.info.run_id)
    assert len(names) == 6
    assert len(read.inputs.dataset_inputs) == 2


def test_every_kind_of_session(mlflow, exporter, odd):
    how = odd.config_hash
    run = mlflow.get_run(exporter.log_to_mlflow(odd))
    tags = run.data.tags
    assert tags["provenance.complete"] == ("false" if how in ("empty", "gaps") else "true")
    assert tags["provenance.status"] == ("failed" if how == "failed" else "completed")
    assert ("1 gap" in tags["provenance.why_not_complete"]) is (how == "gaps")
    assert len(run.inputs.dataset_inputs) == (0 if how == "empty" else 1)
    assert tags["provenance.license"] == {"empty": "", "unlicensed": "unknown"}.get(how, "MIT")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_texts(mlflow, db, write, exporter, text):
    db.record_source(SourceRecord(text, url=text, source_path=text, license_id=text))
    session = write.run([1, 2], source=text, license_id=None, config_hash=text)
    db.end_session(session.session_id)
    run_id = exporter.log_to_mlflow(session)
    run = mlflow.get_run(run_id)
    (one,) = run.inputs.dataset_inputs
    if len(text) < 500:
        assert run.data.params["provenance.config_hash"] == plain(text)
        assert one.dataset.name == plain(text)
    document = files_of(mlflow, run_id)[f"provenance-{session.session_id}.json"]
    assert from_form(check_document(document))["sources"][0]["source_id"] == text


def test_many_sources(mlflow, db, write, exporter):
    session = db.begin_session("v1")
    for at in range(1_100):
        db.append([write.batch(write.stream(session, f"s{at}", "MIT"), 0, [at])])
    run = mlflow.get_run(exporter.log_to_mlflow(session))
    assert len(run.inputs.dataset_inputs) == 1_100


# -- what is wrong -----------------------------------------------------------------------


@pytest.mark.parametrize("run_id", ["0" * 32, "no such run", "", 7, [], object()])
def test_no_such_run(mlflow, session, exporter, run_id):
    before = len(mlflow.search_runs(output_format="list"))
    with pytest.raises(ConfigurationError, match="run"):
        exporter.log_to_mlflow(session, run_id)
    assert len(mlflow.search_runs(output_format="list")) == before


def test_no_such_session_begins_no_run(mlflow, exporter):
    before = len(mlflow.search_runs(output_format="list"))
    with pytest.raises(SessionNotFoundError):
        exporter.log_to_mlflow("no such session")
    assert len(mlflow.search_runs(output_format="list")) == before


def test_a_deleted_run(mlflow, session, exporter):
    with mlflow.start_run() as run:
        pass
    mlflow.delete_run(run.info.run_id)
    with pytest.raises(StorageError, match=f"did not take all of session {session.session_id}"):
        exporter.log_to_mlflow(session, run.info.run_id)


def test_a_store_that_is_not_there(mlflow, session, exporter, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    try:
        with pytest.raises(StorageError, match=r"MLflow at http://127\.0\.0\.1:9"):
            exporter.log_to_mlflow(session)
    finally:
        mlflow.set_tracking_uri(before)
