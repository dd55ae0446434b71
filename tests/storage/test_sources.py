import pytest
from storage_support import batch, open_stream

from origin.core.record import LicenseRecord, SourceRecord
from origin.errors import InvalidRecordError, LicenseNotFoundError, SourceLicenseError
from origin.storage.database import ProvenanceDatabase

CUSTOM = LicenseRecord(
    license_id="CUSTOM-1.0",
    license_name="Custom Dataset License v1.0",
    license_url="https://example.com/license",
    permissions=("use", "modify"),
    restrictions=("no-redistribution", "no-commercial"),
    conditions=("attribution",),
    copyleft=False,
)


def test_sources_round_trip_in_order(db: ProvenanceDatabase) -> None:
    full = SourceRecord("b", "file", "/data/b.csv", "MIT", "2025-01-15T00:00:00Z")
    bare = SourceRecord("a")
    for source in (full, bare):
        db.record_source(source)
    assert db.list_sources() == [full, bare]
    assert db.get_source("a") == bare
    assert db.get_source("b") == full


def test_registering_anew_keeps_the_history_and_old_streams(db: ProvenanceDatabase) -> None:
    first = SourceRecord("data", "file", "/old", "MIT", "2025-01-15T00:00:00Z")
    db.record_source(first)
    session_id, old = open_stream(db)
    db.record_source(SourceRecord("data", "url", "https://new", "GPL-3.0-only"))
    db.record_source(SourceRecord("data"))
    new = db.open_stream(session_id, "data")
    assert [license_id for _, license_id in db.source_history("data")] == [
        "MIT",
        "GPL-3.0-only",
        None,
    ]
    times = [at for at, _ in db.source_history("data")]
    assert times == sorted(times)
    now = db.get_source("data")
    assert (now.source_type, now.source_path, now.license_id) == ("dataset", None, None)
    assert now.first_seen == first.first_seen
    assert len(db.list_sources()) == 1
    licenses = {stream.stream_no: stream.license_id for stream in db.catalog.streams()}
    assert licenses == {old: "MIT", new.stream_no: None}


@pytest.mark.parametrize(
    ("registered", "declared", "result"),
    [
        (None, None, None),
        (None, "unknown", None),
        (None, "MIT", "MIT"),
        ("unknown", None, "unknown"),
        ("unknown", "MIT", "MIT"),
        ("Unknown", "MIT", "MIT"),
        ("MIT", None, "MIT"),
        ("MIT", "MIT", "MIT"),
        ("MIT", "mit", "MIT"),
    ],
)
def test_what_a_hook_says(
    db: ProvenanceDatabase, registered: str | None, declared: str | None, result: str | None
) -> None:
    session = db.begin_session("x")
    db.record_source(SourceRecord("data", "file", "/p", registered, "2025-01-15T00:00:00Z"))
    source = db.declare_source(session.session_id, "data", declared)
    assert source == db.get_source("data")
    assert source == SourceRecord("data", "file", "/p", result, "2025-01-15T00:00:00Z")
    changed = registered != result
    assert len(db.source_history("data")) == 1 + changed
    assert db.open_stream(session.session_id, "data").license_id == result


@pytest.mark.parametrize("declared", ["GPL-3.0-only", "unknown"])
def test_a_hook_that_contradicts(db: ProvenanceDatabase, declared: str) -> None:
    session = db.begin_session("x")
    db.record_source(SourceRecord("data", license_id="MIT"))
    with pytest.raises(SourceLicenseError, match=r"'MIT'.*register the source anew") as caught:
        db.declare_source(session.session_id, "data", declared)
    assert isinstance(caught.value, ValueError)
    assert db.get_source("data").license_id == "MIT"
    assert len(db.source_history("data")) == 1


def test_a_hook_registers_an_unknown_source(db: ProvenanceDatabase) -> None:
    session = db.begin_session("x")
    declared = db.declare_source(session.session_id, "data", "MIT")
    assert db.get_source("data") == declared
    with pytest.raises(InvalidRecordError):
        db.declare_source(session.session_id, "", None)


def test_licenses_round_trip_and_are_replaced(db: ProvenanceDatabase) -> None:
    bare = LicenseRecord("A", "A", copyleft=True)
    db.record_license(CUSTOM)
    db.record_license(bare)
    assert db.get_license("CUSTOM-1.0") == CUSTOM
    assert db.list_licenses() == [bare, CUSTOM]
    db.record_license(LicenseRecord("A", "B"))
    assert db.get_license("A") == LicenseRecord("A", "B")
    with pytest.raises(LicenseNotFoundError, match="'a' was defined"):
        db.get_license("a")


def test_streams_as_opened_and_as_listed(db: ProvenanceDatabase) -> None:
    session_id, first = open_stream(db)
    db.record_source(SourceRecord("other", license_id="MIT"))
    second = db.open_stream(session_id, "other", rank=3, world_size=8)
    assert db.catalog.streams()[1] == second
    db.append([batch(first, 0), batch(first, 1, 7, byte_sizes=[1, 2, 3, 4, 5, 6, 7])])
    found = db.catalog.streams(session_id)[0]
    assert (found.batches, found.observations, found.bytes_seen) == (2, 11, 40 + 28)
    assert [s.stream_no for s in db.catalog.streams(license_id="MIT")] == [second.stream_no]
    assert [s.stream_no for s in db.catalog.streams(license_id="unknown")] == [first]
    assert db.catalog.streams("no such session") == []


def test_a_time_that_only_another_python_can_read(db: ProvenanceDatabase) -> None:
    """Python 3.11 takes more for a time than 3.10; what is on record is read by both."""
    db.record_source(SourceRecord("data"))
    db._connection.rows("UPDATE sources SET first_seen = 'a time of another Python'")
    assert db.get_source("data").first_seen == "a time of another Python"
    session = db.begin_session("x")
    assert db.declare_source(session.session_id, "data", "MIT").license_id == "MIT"
    assert db.list_sources()[0].first_seen == "a time of another Python"
