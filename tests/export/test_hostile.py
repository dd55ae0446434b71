"""Texts that attack, in every field a user's text gets into, in every format."""

import json

import duckdb
import pytest
from exports_support import HOSTILE, check_document, check_lines

from origin.cards.facts import gather
from origin.core.record import Gap, LicenseRecord, SourceRecord
from origin.export import read_jsonl
from origin.export.texts import from_form, plain, to_form
from origin.storage.text import from_column


@pytest.fixture(params=HOSTILE.values(), ids=list(HOSTILE))
def text(request):
    return request.param


@pytest.fixture
def session(db, write, text):
    """A session with a text in every field that takes one."""
    source = SourceRecord(
        text, text, text, text, title=text, author=text, url=text, changes=text
    )  # fmt: skip
    db.record_source(source)
    db.record_license(LicenseRecord(text, text, text, permissions=[text], conditions=[text]))
    session = db.begin_session(text, {text: text, "list": [text, {"a": text}]})
    stream = db.open_stream(session.session_id, text).stream_no
    batch = write.batch(stream, 0, [1, 2], keys=[text, None], metadata=[{text: text}, None])
    db.append([batch], [Gap(stream, 1, 1, text)])
    other = write.stream(session, f"{text} too", None)
    db.append([write.batch(other, 0, [3])])
    db.end_session(session.session_id)
    finding = next(one for one in gather(db, session).conflicts if one.use == "any")
    db.settle_finding(
        session.session_id, finding, person=f"P {text}", reason=f"R {text}", date="2026-01-05"
    )
    return session


def all_of(told, text):
    """The facts that hold the text, each where it belongs."""
    source = next(one for one in told["sources"] if one["source_id"] == text)
    settled = next(one["settled"] for one in told["conflicts"] if one["settled"])
    assert told["session"]["config_hash"] == text
    assert told["session"]["metadata"] == {text: text, "list": [text, {"a": text}]}
    for name in ("source_type", "source_path", "license_id", "title", "author", "url", "changes"):
        assert source[name] == text
    assert source["declared_license"] == text
    assert [one["reason"] for one in told["gaps"]] == [text]
    assert (settled["person"], settled["reason"]) == (f"P {text}", f"R {text}")
    assert told["samples_by_license"] == {text: 2, "unknown": 1}


def test_json(session, exporter, text):
    told = from_form(check_document(exporter.to_json(session)))
    all_of(told, text)
    assert {one["source"] for one in told["batches"]} == {text, f"{text} too"}


def test_jsonl(session, exporter, text, out):
    assert exporter.to_jsonl(session, out / "a.jsonl") == 4 == len(check_lines(out / "a.jsonl"))
    read = read_jsonl(out / "a.jsonl")
    all_of(read.facts, text)
    first, second = read.batches()
    assert (first["source"], first["license"], first["keys"]) == (text, text, [text, None])
    assert second["source"] == f"{text} too"


def test_most_texts_stand_as_they_are(session, exporter, text):
    """Who reads the JSON with any parser needs to know nothing of marks, but for four texts."""
    told = json.loads(exporter.to_json(session))
    marked = text in (HOSTILE["pair"], HOSTILE["marked"], HOSTILE["number"])
    assert (told["session"]["config_hash"] == text) is not marked


def test_parquet(session, exporter, text, out):
    exporter.to_parquet(session, out)
    rows = duckdb.sql(
        f"SELECT source_id, license_id, key, metadata FROM '{out}/observations.parquet' "
        "ORDER BY stream_no, position"
    ).fetchall()
    source, license_id, key, metadata = map(from_column, rows[0])
    assert (source, license_id, key) == (text, text, text)
    assert json.loads(metadata) == {text: text} or text == HOSTILE["pair"]


def test_mlflow(session, exporter, text, out):
    told = exporter.to_mlflow(session)
    for value in (*told["tags"].values(), *told["params"].values()):
        assert "\x00" not in value
        assert value.encode()
    param = told["params"]["provenance.config_hash"]
    assert param == plain(text) or len(text) > 6_000
    for name, content in told["artifacts"].items():
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
        (out / name).write_text(content, encoding="utf-8")
    all_of(
        from_form(check_document(told["artifacts"][f"provenance-{session.session_id}.json"])), text
    )


def test_wandb(session, exporter, text):
    told = exporter.to_wandb(session)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    config = told["metadata"]["provenance"]
    assert config["config_hash"] == plain(text) or len(text) > 5_000
    assert len(json.dumps(config)) < 200_000
    lines = told["description"].splitlines()
    assert len(lines) == 2 + 4 + 2 + 1
    assert all(line.isprintable() for line in lines)


def test_huggingface(session, exporter, text):
    told = exporter.to_huggingface(session)
    assert told["license"] == "other"
    assert told["license_name"].isascii()
    assert told["license_link"] == "LICENSE"
    assert told["datasets"] == []
    assert [one["source"] for one in told["training_data"]["sources"]] == [text, f"{text} too"]
    assert from_form(json.loads(json.dumps(to_form(told)))) == told


def test_marks_do_not_collide(db, write, exporter):
    """Texts that would look alike in JSON stay two."""
    session = db.begin_session("v1", {HOSTILE["pair"]: 1, "a\U00010000b": 2, "\x00float:inf": 3})
    told = from_form(check_document(exporter.to_json(session)))
    assert told["session"]["metadata"] == session.metadata
    assert len(session.metadata) == 3
