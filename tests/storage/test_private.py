"""Databases with private fingerprints: which key a file takes, and that none is in it."""

import base64
import threading
from pathlib import Path
from typing import Any

import pytest

from origin.cards.generator import ProvenanceCardGenerator
from origin.core.fingerprint import fingerprint_sample
from origin.core.fingerprintkey import FingerprintKey, write_key_file
from origin.errors import ConfigurationError, FingerprintKeyError, OriginError
from origin.hooks.pytorch import DataLoaderHook
from origin.query.engine import QueryEngine
from origin.storage.database import ProvenanceDatabase
from origin.tracking import finish, track

KEY, OTHER = bytes(range(100, 132)), bytes(range(32))
TEXTS = [["a poem", "a song"], ["a poem"]]


def record(path: Path, **how: Any) -> str:
    with ProvenanceDatabase(path, **how) as db, db.session("v1") as session:
        hook = DataLoaderHook(db, session.session_id, "texts", "MIT")
        for _ in hook.wrap(TEXTS):
            pass
    return session.session_id


@pytest.fixture
def private(path: Path) -> str:
    """A database that has private fingerprints, and its session."""
    return record(path, fingerprint_key=KEY)


def settings(path: Path) -> dict[str, str]:
    with ProvenanceDatabase(path, read_only=True) as db:
        return dict(db._connection.rows("SELECT name, value FROM settings"))


def test_it_is_recorded_in_the_file(path: Path, private: str) -> None:
    check_value = FingerprintKey(KEY).check_value
    assert settings(path) == {"fingerprint": "hmac-sha256", "fingerprint_key_check": check_value}
    with ProvenanceDatabase(path, fingerprint_key=KEY) as db:
        assert db.fingerprint_algorithm == "hmac-sha256"
        assert db.fingerprinting == FingerprintKey(KEY)
        assert db.fingerprint("a poem") == fingerprint_sample("a poem", key=KEY)
        engine = QueryEngine(db)
        assert len(engine.trace_sample(db.fingerprint("a poem")).observations) == 2
        assert engine.find_overlap(private, values=["a poem", "a tune"]).shared == 1
        with pytest.raises(OriginError, match="never seen"):
            engine.trace_sample(fingerprint_sample("a poem"))
        assert db.check().ok


@pytest.mark.parametrize("kind", [None, "sha256", "blake3"])
def test_databases_without_one_compute_theirs(path: Path, kind: str | None) -> None:
    with ProvenanceDatabase(path, fingerprint=kind) as db:
        assert db.fingerprint_algorithm == db.fingerprinting == (kind or "sha256")
        assert db.fingerprint("a poem") == fingerprint_sample("a poem", kind or "sha256")


@pytest.mark.parametrize("sealed", [False, True])
def test_the_key_is_in_no_file(
    path: Path, tmp_path: Path, private: str, caplog: pytest.LogCaptureFixture, sealed: bool
) -> None:
    caplog.set_level(0)
    with ProvenanceDatabase(path, fingerprint_key=KEY) as db:
        if sealed:
            assert db.seal() == 3
        from origin.export.formats import ProvenanceExporter

        ProvenanceExporter(db).to_jsonl(private, tmp_path / "out.jsonl")
        (tmp_path / "out.json").write_text(ProvenanceExporter(db).to_json(private))
        ProvenanceExporter(db).to_parquet(private, tmp_path / "parquet")
        (tmp_path / "card.md").write_text(ProvenanceCardGenerator(db).generate(private))
        (tmp_path / "report.html").write_text(ProvenanceCardGenerator(db).generate_html(private))
        files = [one for one in tmp_path.rglob("*") if one.is_file()]
        written = b"".join(one.read_bytes() for one in files) + caplog.text.encode()
    assert len(files) >= 6
    key = FingerprintKey(KEY)
    for secret in (KEY, key.inner_block, key.outer_block):
        for form in (secret, secret.hex().encode(), base64.b64encode(secret)[:-4]):
            assert form[:16] not in written
    assert key.check_value.encode() in written  # so it would have been found


def test_reading_takes_no_key(path: Path, private: str) -> None:
    with ProvenanceDatabase(path) as db:
        assert db.fingerprint_algorithm == "hmac-sha256"
        engine = QueryEngine(db)
        sample = fingerprint_sample("a poem", key=KEY)
        assert engine.find_sample(sample[:8]) == sample
        assert len(engine.trace_sample(sample).observations) == 2
        assert engine.find_overlap(private, fingerprints=[sample]).shared == 1
        assert engine.audit_exposure(private).times_seen == {1: 1, 2: 1}
        assert engine.report_erasure(source="texts").observations == 3
        assert len(engine.fingerprint_session(private)) == 64
        assert engine.sql("SELECT count(*) FROM observations").rows() == [(3,)]
        card = ProvenanceCardGenerator(db).generate(private)
        assert "takes the key that they were made with" in card
        assert "under the same key" in card
        assert "| `hmac-sha256` |" in card
        assert "takes the key" in ProvenanceCardGenerator(db).generate_html(private)
        assert db.seal() == 3
        assert db.check().ok
        assert len(engine.trace_sample(sample).observations) == 2


def test_what_fingerprints_content_takes_the_key(path: Path, private: str) -> None:
    with ProvenanceDatabase(path) as db:
        running = record_without_end(path)
        engine = QueryEngine(db)
        for use in (
            lambda: db.fingerprinting,
            lambda: db.fingerprint("a poem"),
            lambda: engine.find_overlap(private, values=["a poem"]),
            lambda: db.begin_session("v2"),
            lambda: db.open_stream(running, "texts"),
            lambda: DataLoaderHook(db, running, "others"),
            lambda: track(TEXTS, "texts", path=path),
        ):
            with pytest.raises(FingerprintKeyError, match="takes their key") as caught:
                use()
            assert "fingerprint_key=…" in str(caught.value)
            assert "ORIGIN_FINGERPRINT_KEY" in str(caught.value)
        assert [one.source_id for one in db.list_sources()] == ["texts"]
        assert len(db.list_sessions()) == 2


def record_without_end(path: Path) -> str:
    with ProvenanceDatabase(path, fingerprint_key=KEY) as db:
        return db.begin_session("v2").session_id


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("recorded", [False, True])
def test_another_key(path: Path, recorded: bool, read_only: bool) -> None:
    if recorded:
        record(path, fingerprint_key=KEY)
    else:
        ProvenanceDatabase(path, fingerprint_key=KEY).close()
    before = settings(path)
    with pytest.raises(FingerprintKeyError, match="under another key") as caught:
        ProvenanceDatabase(path, read_only, fingerprint_key=OTHER)
    assert OTHER.hex() not in str(caught.value)
    for kind in ("sha256", "blake3"):
        with pytest.raises(ConfigurationError, match=f"never mixed with {kind}"):
            ProvenanceDatabase(path, read_only, fingerprint=kind)
    assert settings(path) == before
    ProvenanceDatabase(path, read_only, fingerprint_key=KEY).close()
    ProvenanceDatabase(path, read_only, fingerprint="hmac-sha256").close()
    ProvenanceDatabase(path, read_only, fingerprint="hmac-sha256", fingerprint_key=KEY).close()


@pytest.mark.parametrize("kind", ["sha256", "blake3"])
def test_a_key_where_there_are_others_already(path: Path, kind: str) -> None:
    record(path, fingerprint=kind)
    for read_only in (False, True):
        with pytest.raises(FingerprintKeyError, match=f"has {kind} fingerprints.*leave the key"):
            ProvenanceDatabase(path, read_only, fingerprint_key=KEY)
    assert FingerprintKey(KEY).check_value not in settings(path).values()


def test_a_file_that_nothing_is_in_takes_a_key(path: Path) -> None:
    ProvenanceDatabase(path, fingerprint="blake3").close()
    with pytest.raises(FingerprintKeyError, match="never mixed"):
        ProvenanceDatabase(path, read_only=True, fingerprint_key=KEY)
    with pytest.raises(FingerprintKeyError, match="take a key"):
        ProvenanceDatabase(path, fingerprint="hmac-sha256")
    assert settings(path) == {"fingerprint": "blake3"}
    with ProvenanceDatabase(path, fingerprint_key=KEY) as db:
        assert db.fingerprint_algorithm == "hmac-sha256"


@pytest.mark.parametrize("key", [KEY[:31], 7, KEY.hex(), bytearray(KEY)])
def test_what_is_no_key_leaves_no_file(path: Path, key: Any) -> None:
    with pytest.raises(FingerprintKeyError) as caught:
        ProvenanceDatabase(path, fingerprint_key=key)
    assert KEY.hex()[:8] not in str(caught.value)
    with pytest.raises(ConfigurationError, match="take no key"):
        ProvenanceDatabase(path, fingerprint="blake3", fingerprint_key=KEY)
    with pytest.raises(ConfigurationError, match="must be one of") as wrong:
        ProvenanceDatabase(path, fingerprint=KEY)  # type: ignore[arg-type]
    assert repr(KEY)[:20] not in str(wrong.value)
    assert not path.exists()


def test_who_opened_an_empty_file_before_it_took_a_key_records_nothing(path: Path) -> None:
    """Two processes begin at once, one of them without the key: nothing is mixed."""
    with ProvenanceDatabase(path) as plain, ProvenanceDatabase(path, fingerprint_key=KEY) as db:
        session = plain.begin_session("v1").session_id
        plain.declare_source(session, "texts", "MIT")
        with pytest.raises(ConfigurationError, match="other fingerprints by another process"):
            plain.open_stream(session, "texts")
        assert db.open_stream(session, "texts").stream_no == 1


def test_of_many_that_begin_at_once_one_key_wins(path: Path) -> None:
    ProvenanceDatabase(path).close()
    barrier, won = threading.Barrier(4), []

    def begin(number: int) -> None:
        barrier.wait()
        try:
            with ProvenanceDatabase(path, fingerprint_key=bytes([number]) * 32):
                won.append(number)
        except FingerprintKeyError:
            pass

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert settings(path)["fingerprint_key_check"] == FingerprintKey(bytes(won) * 32).check_value


def test_tracking(path: Path, tmp_path: Path) -> None:
    key = write_key_file(tmp_path / "private.key")
    for _ in range(2):
        tracked = track(TEXTS, "texts", path=path, fingerprint_key=tmp_path / "private.key")
        assert len(list(tracked)) == 2
    list(track(TEXTS, "others", path=path))
    with pytest.raises(FingerprintKeyError, match="under another fingerprint key"):
        track(TEXTS, "texts", path=path, fingerprint_key=OTHER)
    finish(path=path)
    with ProvenanceDatabase(path, read_only=True, fingerprint_key=key) as db:
        assert len(QueryEngine(db).trace_sample(db.fingerprint("a poem")).observations) == 6
    with pytest.raises(FingerprintKeyError, match="no key file"):
        track(TEXTS, "texts", path=tmp_path / "new.db", fingerprint_key=tmp_path / "nowhere")
    assert not (tmp_path / "new.db").exists()
    list(track(TEXTS, "texts", path=tmp_path / "plain.db"))
    with pytest.raises(FingerprintKeyError, match="without a fingerprint key"):
        track(TEXTS, "texts", path=tmp_path / "plain.db", fingerprint_key=key)
    finish()


def test_exports_name_the_algorithm(path: Path, tmp_path: Path, private: str) -> None:
    from exports_support import check_document, check_lines

    from origin.export.formats import ProvenanceExporter
    from origin.export.jsonl import read_jsonl

    with ProvenanceDatabase(path, read_only=True) as db:
        told = check_document(ProvenanceExporter(db).to_json(private))
        assert told["fingerprint_algorithm"] == "hmac-sha256"
        ProvenanceExporter(db).to_jsonl(private, tmp_path / "out.jsonl")
    assert check_lines(tmp_path / "out.jsonl")[0]["facts"]["fingerprint_algorithm"] == "hmac-sha256"
    assert read_jsonl(tmp_path / "out.jsonl").facts["fingerprint_algorithm"] == "hmac-sha256"
