"""What other systems get: the guide's calls and keys, within each system's limits."""

import json
import re

import pyarrow.parquet as pq
import pytest
from exports_support import check_document

from origin.cards.facts import gather
from origin.core.record import LicenseRecord
from origin.errors import ConfigurationError, SessionNotFoundError
from origin.export.formats import FORMATS, ProvenanceExporter
from origin.export.mlflow import digest_of
from origin.query.engine import QueryEngine

# -- the guide, section 8 ----------------------------------------------------------------


@pytest.fixture
def session(db, write):
    session = write.run([1, 2], [2, 3, 4])
    stream = write.stream(session, "acme/books", "CC-BY-NC-4.0")
    db.append([write.batch(stream, 0, [1, 9])])
    db.end_session(session.session_id)
    return session


def test_guide_mlflow(db, session, out, monkeypatch):
    monkeypatch.chdir(out)
    mlflow_data = ProvenanceExporter(db).to_mlflow(session.session_id)
    assert set(mlflow_data) == {"tags", "params", "artifacts"}
    for group in mlflow_data.values():
        assert group
        for key, value in group.items():
            assert isinstance(key, str)
            assert isinstance(value, str)
    for name, content in mlflow_data["artifacts"].items():
        with open(name, "w") as f:
            f.write(content)
    told = check_document((out / f"provenance-{session.session_id}.json").read_text())
    assert told["session_fingerprint"] == mlflow_data["tags"]["provenance.fingerprint"]


def test_guide_wandb(db, session):
    wandb_data = ProvenanceExporter(db).to_wandb(session.session_id)
    assert set(wandb_data) == {"metadata", "description"}
    assert json.loads(json.dumps(wandb_data, allow_nan=False)) == wandb_data
    assert session.session_id in wandb_data["description"]


def test_guide_huggingface(db, session):
    hf_data = ProvenanceExporter(db).to_huggingface(session.session_id)
    model_card = f"""
---
license: {hf_data["license"]}
datasets: {hf_data["datasets"]}
---
- Total samples: {hf_data["training_data"]["samples"]}
- Provenance fingerprint: {hf_data["training_data"]["provenance_fingerprint"]}
"""
    assert "\nlicense: cc-by-nc-4.0\ndatasets: ['acme/books']\n" in model_card
    fingerprint = QueryEngine(db).fingerprint_session(session)
    assert f"- Total samples: 5\n- Provenance fingerprint: {fingerprint}\n" in model_card


def test_guide_json(db, session, out, monkeypatch):
    monkeypatch.chdir(out)
    exporter = ProvenanceExporter(db)
    json_data = exporter.to_json(session.session_id, pretty=True)
    with open("provenance_audit.json", "w") as f:
        f.write(json_data)
    lines = exporter.to_jsonl(session.session_id, "provenance_full.jsonl")
    assert lines == 5 == len((out / "provenance_full.jsonl").read_text().splitlines())
    check_document((out / "provenance_audit.json").read_text())


# -- true to the record ------------------------------------------------------------------


def test_numbers_are_those_of_the_record(db, session, exporter):
    facts = gather(db, session)
    open_ = [one for one in facts.conflicts if one.is_conflict]
    errors = sum(one.severity == "error" for one in open_)
    tags = exporter.to_mlflow(session)["tags"]
    config = exporter.to_wandb(session)["metadata"]["provenance"]
    card = exporter.to_huggingface(session)["training_data"]
    assert facts.conflicts
    for name, count in facts.counts.items():
        assert tags[f"provenance.{name}"] == str(count)
        assert config[name] == count
    assert (card["samples"], card["observations"]) == (5, 7)
    assert (tags["provenance.errors"], config["errors"], card["errors"]) == (
        str(errors),
        errors,
        errors,
    )
    assert int(tags["provenance.warnings"]) == config["warnings"] == len(open_) - errors
    assert json.loads(tags["provenance.samples_by_license"]) == {"MIT": 4, "CC-BY-NC-4.0": 2}
    assert json.loads(tags["provenance.samples_by_source"]) == {"web": 4, "acme/books": 2}
    assert {one["license"]: one["samples"] for one in config["declared_licenses"]} == {
        "MIT": 4,
        "CC-BY-NC-4.0": 2,
    }
    assert [one["source"] for one in config["sources"]] == ["web", "acme/books"]
    assert tags["provenance.complete"] == "true"
    assert config["complete"] is card["complete"] is True


def test_what_a_run_is_told_of_twice_stays(db, write, exporter):
    """MLflow refuses a param that changes, so what grows while training goes on is none."""
    session = write.run([1])
    stream = db.catalog.streams(session.session_id)[0].stream_no
    first = exporter.to_mlflow(session)
    db.append([write.batch(stream, 1, [2])])
    second = exporter.to_mlflow(session)
    db.end_session(session.session_id)
    third = exporter.to_mlflow(session)
    assert first["tags"] != second["tags"]
    assert first["params"] == second["params"]
    assert second["params"].items() <= third["params"].items()
    assert third["params"]["provenance.batches"] == "2"


def test_a_record_is_told_in_the_same_way_each_time(session, exporter, db):
    for name in ("to_mlflow", "to_wandb", "to_huggingface", "to_json"):
        told = getattr(exporter, name)(session)
        db.seal()
        assert json.dumps(told) == json.dumps(getattr(exporter, name)(session.session_id))


def test_limits_of_mlflow(db, write, exporter):
    session = db.begin_session("c" * 100_000)
    for number in range(300):
        name, license_id = f"source {number} {'é' * 40}", f"LicenseRef-{number}-{'x' * 40}"
        stream = write.stream(session, name, license_id)
        db.append([write.batch(stream, 0, [number])])
    db.end_session(session.session_id)
    told = exporter.to_mlflow(session)
    for group, most in (("tags", 5_000), ("params", 6_000)):
        for key, value in told[group].items():
            assert re.fullmatch(r"[\w./ -]{1,250}", key, re.ASCII)
            assert len(value) <= most
            assert value or group == "tags"
    tags = told["tags"]
    assert len(tags) < 100
    for name in ("samples_by_license", "samples_by_source"):
        kept = json.loads(tags[f"provenance.{name}"])
        assert 30 < len(kept) == 300 - int(tags[f"provenance.{name}.left_out"])
    digest = tags["provenance.digest"]
    assert digest == digest_of(gather(db, session))
    assert len(digest) == 36
    assert tags["provenance.fingerprint"].startswith(digest)
    assert "100,000 characters, sha256 " in told["params"]["provenance.config_hash"]
    document = check_document(told["artifacts"][f"provenance-{session.session_id}.json"])
    assert document["session"]["config_hash"] == "c" * 100_000
    assert len(document["sources"]) == 300
    config = exporter.to_wandb(session)["metadata"]["provenance"]
    assert (config["source_count"], config["declared_license_count"]) == (300, 300)
    assert len(config["sources"]) == len(config["declared_licenses"]) == 100


@pytest.mark.parametrize(
    ("licenses", "told"),
    [
        ([], ("unknown", None, None)),
        ([None], ("unknown", None, None)),
        (["mit license"], ("mit", None, None)),
        (["GPL-3.0"], ("gpl-3.0", None, None)),
        (["llama3"], ("llama3", None, None)),
        (["CC-BY-SA-4.0", "MIT"], ("cc-by-sa-4.0", None, None)),
        (
            ["GPL-3.0-or-later"],
            ("other", "gpl-3.0-or-later", "https://spdx.org/licenses/GPL-3.0-or-later.html"),
        ),
        (["MIT OR Apache-2.0"], ("other", "mit-or-apache-2.0", "LICENSE")),
        (["MIT", "CC-BY-4.0"], ("other", "mixed", "LICENSE")),
        (["MIT", None], ("other", "mixed", "LICENSE")),
        (["OURS 1.0"], ("other", "ours-1.0", "https://ours.example/terms")),
        (["BAD"], ("other", "bad", "LICENSE")),
        (["文"], ("other", "custom", "LICENSE")),
    ],
)
def test_licenses_as_the_hub_has_them(db, write, exporter, licenses, told):
    for license_id, url in (
        ("OURS 1.0", "https://ours.example/terms"),
        ("BAD", "javascript:alert(1)\n---"),
        ("文", None),
    ):
        db.record_license(LicenseRecord(license_id, "Ours", url, permissions=["use"]))
    session = db.begin_session("v1")
    for number, license_id in enumerate(licenses):
        stream = write.stream(session, f"s{number}", license_id)
        db.append([write.batch(stream, 0, [number])])
    found = exporter.to_huggingface(session)
    assert tuple(found.get(key) for key in ("license", "license_name", "license_link")) == told


def test_data_sets_as_the_hub_names_them(db, write, exporter):
    session = db.begin_session("v1")
    hub = "https://huggingface.co/datasets"
    for name, more in (
        ("imdb", {}),
        ("acme/local", {"source_path": "/data/acme/local"}),
        ("acme/web-text_1.0", {}),
        ("linked", {"url": f"{hub}/acme/linked/tree/main"}),
        ("short", {"source_path": f"{hub}/ag_news/viewer"}),
        ("elsewhere", {"url": "https://example.org/datasets/a/b"}),
        ("not an id", {}),
        ("a/b/c", {}),
        ("a--b", {}),
        ("x" * 97, {}),
        ("']\n---", {}),
        ("../up", {}),
        ("imdb ", {"url": f"{hub}/imdb"}),
    ):
        write.source(name, license_id="MIT", **more)
        stream = write.stream(session, name, None)
        db.append([write.batch(stream, 0, [1])])
    assert sorted(exporter.to_huggingface(session)["datasets"]) == [
        "acme/linked",
        "acme/web-text_1.0",
        "ag_news",
        "imdb",
    ]


# -- by name -----------------------------------------------------------------------------


def test_every_format_by_its_name(db, session, exporter, out):
    written = {name: exporter.export(session, name, out / name) for name in FORMATS}
    assert written == dict.fromkeys(FORMATS, 1) | {"jsonl": 5, "parquet": 7}
    assert (out / "json").read_text() == exporter.to_json(session) + "\n"
    for name in ("mlflow", "wandb", "huggingface"):
        told = json.loads((out / name).read_text())
        assert told == getattr(exporter, f"to_{name}")(session)
    assert pq.read_metadata(out / "parquet" / "observations.parquet").num_rows == 7


@pytest.mark.parametrize("name", ["xml", "", None, [], "JSON"])
def test_a_format_that_is_not_there(session, exporter, out, name):
    with pytest.raises(ConfigurationError, match="'huggingface', 'json', 'jsonl', 'mlflow'"):
        exporter.export(session, name, out / "a")


def test_what_is_no_database():
    with pytest.raises(ConfigurationError, match=r"ProvenanceExporter\(ProvenanceDatabase"):
        ProvenanceExporter("provenance.db")


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_no_session(exporter, out, name):
    with pytest.raises(SessionNotFoundError):
        exporter.export("no such session", name, out / "a")
    assert not list(out.iterdir())
