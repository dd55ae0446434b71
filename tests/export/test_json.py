"""One JSON document: all facts and batches, valid by the schema that ships."""

import json
from dataclasses import replace

import pytest
from exports_support import check_document

from origin.cards.facts import gather
from origin.core.record import Gap
from origin.errors import ConfigurationError, SessionNotFoundError
from origin.export.schema import load_schema
from origin.export.texts import from_form
from origin.query.engine import QueryEngine


def test_facts_and_batches(db, write, exporter, settle):
    session = write.run([1, 2], [2, 3, 4], [], source="web", license_id="MIT")
    stream = write.stream(session, "books", None, rank=1)
    db.append([write.batch(stream, 5, [1])])
    db.end_session(session.session_id)
    settle()
    told = check_document(exporter.to_json(session.session_id))
    batches = told.pop("batches")
    assert (told.pop("format"), told.pop("version")) == ("origin-provenance", 1)
    assert told == json.loads(json.dumps(gather(db, session).to_dict()))
    assert [(one["source"], one["license"], one["rank"], one["batch_no"]) for one in batches] == [
        *(("web", "MIT", 0, number) for number in range(3)),
        ("books", "unknown", 1, 5),
    ]
    found = [
        record
        for name in ("MIT", "unknown")
        for record in QueryEngine(db).find_batches_with_license(name)
    ]
    for one, record in zip(batches, found, strict=True):
        assert one["seen_at"] == record.seen_at
        assert (one["root"], one["samples"]) == (record.root, record.samples)
        assert (one["epoch"], one["stream"]) == (record.epoch, record.stream_no)


def test_pretty_or_on_one_line(write, exporter):
    session = write.run([1])
    pretty, plain = exporter.to_json(session), exporter.to_json(session.session_id, pretty=False)
    assert json.loads(pretty) == json.loads(plain)
    assert len(plain.splitlines()) == 1 < len(pretty.splitlines())
    assert plain.isascii()


@pytest.mark.parametrize("status", ["running", "completed", "failed"])
@pytest.mark.parametrize("batches", [[], [[1, 2]]])
def test_whatever_became_of_it(db, write, exporter, status, batches):
    session = write.run(*batches)
    if status != "running":
        db.end_session(session.session_id, status)
    told = check_document(exporter.to_json(session))
    assert told["session"]["status"] == status
    assert len(told["batches"]) == told["counts"]["batches"] == len(batches)


def test_without_any_stream(db, exporter):
    session = db.begin_session("v1")
    db.end_session(session.session_id)
    told = check_document(exporter.to_json(session))
    assert (told["license"], told["sources"], told["batches"]) == (None, [], [])


def test_gaps_conflicts_and_settlements(db, write, exporter):
    session = write.run([1], license_id=None)
    stream = write.stream(session, "share", "CC-BY-NC-4.0")
    db.append([write.batch(stream, 0, [9])], [Gap(stream, 1, 3, "lost")])
    db.end_session(session.session_id)
    finding = next(one for one in gather(db, session).conflicts if one.use == "any")
    db.settle_finding(session.session_id, finding, person="A", reason="a letter", date="2026-01-05")
    told = check_document(exporter.to_json(session))
    assert not told["complete"]
    assert [one["reason"] for one in told["gaps"]] == ["lost"]
    settled = [one["settled"] for one in told["conflicts"] if one["settled"]]
    assert [(one["person"], one["reason"]) for one in settled] == [("A", "a letter")]


def test_numbers_that_json_does_not_have(write, exporter):
    given = {"a": float("inf"), "b": [float("-inf"), {"c": float("nan")}], "d": -0.0}
    told = from_form(check_document(exporter.to_json(write.run([1], metadata=given))))
    assert repr(told["session"]["metadata"]) == repr(given)


def test_metadata_nested_too_deeply_to_be_told(write, exporter):
    deep = {}
    for _ in range(800):  # the standard library's C code writes it, Python code cannot
        deep = {"a": deep}
    session = write.run([1], metadata=deep)
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        exporter.to_json(session)


def test_too_many_batches_are_for_jsonl(db, write, exporter, out):
    session = db.begin_session("v1")
    stream = write.stream(session, "web", "MIT")
    nothing = write.batch(stream, 0, [])
    db.append([replace(nothing, batch_no=number) for number in range(100_000)])
    assert len(json.loads(exporter.to_json(session))["batches"]) == 100_000
    db.append([write.batch(stream, 100_000, [])])
    with pytest.raises(ConfigurationError, match=r"100,001 batches, .* use to_jsonl"):
        exporter.to_json(session)
    assert exporter.to_jsonl(session, out / "a.jsonl") == 100_003


def test_too_much_text_is_for_jsonl(db, write, exporter):
    session = write.run(*([1] for _ in range(500)), source="é" * 100_000)
    with pytest.raises(ConfigurationError, match=r"500 batches, more text .* use to_jsonl"):
        exporter.to_json(session)


def test_what_is_not_there(exporter):
    with pytest.raises(SessionNotFoundError):
        exporter.to_json("no such session")
    with pytest.raises(ConfigurationError):
        exporter.to_json(1)


def test_schemas_agree_on_what_they_share():
    document, lines = load_schema("json"), load_schema("jsonl")
    shared = set(document["$defs"]) & set(lines["$defs"]) - {"batch"}
    assert {"session", "source", "finding", "party", "counts"} <= shared
    for name in shared:
        assert document["$defs"][name] == lines["$defs"][name]
    facts, batch = lines["$defs"]["facts"]["properties"], lines["$defs"]["batch"]["properties"]
    assert facts.items() <= document["properties"].items()
    assert document["$defs"]["batch"]["properties"].items() <= batch.items()
    with pytest.raises(ConfigurationError, match="json and jsonl"):
        load_schema("../jsonl")
