from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage_support import batch, open_stream

from origin.core.record import Gap, LicenseRecord, SourceRecord
from origin.storage.database import ProvenanceDatabase
from origin.storage.text import from_column, to_column

HOSTILE = {
    "nul": "a\0b\0",
    "lone surrogate": "a\ud800",
    "pair of lone surrogates": "\ud83d\ude00",
    "reversed surrogates": "\udc00\ud800",
    "escaped byte": b"\xff.csv".decode("utf-8", "surrogateescape"),
    "right to left": "\u202eabc\u202c עברית",
    "quotes": "'; DROP TABLE sessions; -- \" ` %s ? :a",
    "large": "x" * 1_000_000,
    "emoji": "👩‍👩‍👧‍👦",
    "mark": to_column("\ud800"),
    "the mark alone": to_column("\ud800")[:6],
    "mark and no hex": to_column("\ud800")[:6] + "zz",
    "json": '{"a": "\\ud800"}',
    "spaces": " \t\r\n\u2028",
    "formula": "=1+1",
}
ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1)
# The database of one test is used for all examples: they only ever add to it.
IN_ONE_DATABASE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


def check_session(db: ProvenanceDatabase, text: str) -> None:
    metadata: dict[str, Any] = {text: [text, {"inner": text}]}
    with db.session(text, metadata) as session:
        assert (session.config_hash, session.metadata) == (text, metadata)
        found = db.get_session(session.session_id)
    assert (found.config_hash, found.metadata) == (text, metadata)


def check_source(db: ProvenanceDatabase, text: str) -> None:
    source = SourceRecord(text, text, text, text)
    db.record_source(source)
    # Registered before by another example: then the time of the first stays.
    found = db.get_source(text)
    assert (found.source_id, found.source_type) == (text, text)
    assert (found.source_path, found.license_id) == (text, text)
    assert db.source_history(text)[-1][1] == text
    assert [s.source_id for s in db.list_sources()].count(text) == 1


def check_license(db: ProvenanceDatabase, text: str) -> None:
    record = LicenseRecord(text, text, text, (text, text), (text,), (text, "plain"))
    db.record_license(record)
    assert db.get_license(text) == record
    assert record in db.list_licenses()


def check_recording(db: ProvenanceDatabase, text: str) -> None:
    session_id = db.begin_session("x").session_id
    db.record_source(SourceRecord(text, license_id=text))
    stream = db.open_stream(session_id, text)
    told = batch(
        stream.stream_no,
        0,
        2,
        content_types=["text", text],
        keys=[text, None],
        metadata=[None, {text: text}],
    )
    gap = Gap(stream.stream_no, 1, 1, text)
    db.append([told, batch(stream.stream_no, 1, content_types=text)], [gap])
    assert db.catalog.gaps(session_id) == [gap]
    found = list(db.ledger.batches(stream.stream_no))
    assert found[0] == told
    assert found[1].content_types == text
    listed = db.catalog.streams(session_id, text)[0]
    assert (listed.source_id, listed.license_id) == (text, text)
    db.end_session(session_id)


CHECKS = [check_session, check_source, check_license, check_recording]


@hostile
@pytest.mark.parametrize("check", CHECKS)
def test_hostile_text_in_every_field(db: ProvenanceDatabase, text: str, check: Any) -> None:
    check(db, text)


@pytest.mark.parametrize("check", CHECKS)
@IN_ONE_DATABASE
@given(text=ANY_TEXT)
def test_any_text_in_every_field(db: ProvenanceDatabase, check: Any, text: str) -> None:
    check(db, text)


@hostile
def test_hostile_text_names_nothing(db: ProvenanceDatabase, text: str) -> None:
    open_stream(db)
    for call in (db.get_session, db.get_source, db.get_license):
        with pytest.raises(LookupError):
            call(text)
    assert db.source_history(text) == []
    assert db.list_sessions(status=text) == []
    assert db.catalog.streams(text) == db.catalog.streams(license_id=text) == []


def test_a_time_with_a_surrogate_in_it(db: ProvenanceDatabase) -> None:
    source = SourceRecord("data", first_seen="2025-01-15\ud80000:00:00")
    db.record_source(source)
    assert db.get_source("data") == source


@given(ANY_TEXT, ANY_TEXT)
def test_distinct_texts_stay_distinct(one: str, other: str) -> None:
    assert (to_column(one) == to_column(other)) == (one == other)
    assert from_column(to_column(one)) == one
    to_column(one).encode()
