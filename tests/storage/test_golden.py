"""Databases of earlier versions stay readable, to the last fact."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from storage_support import batch, batch_numbers, integrity

from origin.core.merkle import merkle_root
from origin.core.record import KeptConflict, Settlement, SourceRecord, StreamRecord
from origin.errors import StorageError
from origin.proof.keys import SigningKey
from origin.proof.signer import heads
from origin.storage.database import ProvenanceDatabase
from origin.storage.heads import require_head
from origin.storage.models import ModelFile
from origin.storage.schema import MIGRATIONS

GOLDEN = Path(__file__).parents[1] / "golden"
sys.path.insert(0, str(GOLDEN))

import make_database as golden  # noqa: E402

IMAGES, HOSTILE, SCRAPED = golden.SOURCES

VERSIONS = [migration.version for migration in MIGRATIONS]


@pytest.fixture(params=VERSIONS)
def copy(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file of each version, with its segments."""
    name = f"v{request.param}.db"
    for path in GOLDEN.glob(f"{name}.segments/*.parquet"):
        (tmp_path / f"{name}.segments").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / f"{name}.segments")
    return Path(shutil.copy(GOLDEN / name, tmp_path / name))


def is_of(copy: Path, version: int) -> bool:
    """Whether a copy is of that version, or of a later one."""
    return int(copy.stem.removeprefix("v")) >= version


def check_facts(db: ProvenanceDatabase, *, licensed: bool = False) -> None:
    check_sessions(db)
    check_sources(db, licensed)
    check_streams(db)
    for stream_no in (1, 2, 3):
        assert list(db.ledger.batches(stream_no)) == golden.batches(stream_no)
        assert db.batch_table.epochs(stream_no, 99) == 2


def check_sessions(db: ProvenanceDatabase) -> None:
    third, second, first = db.list_sessions()
    assert [s.session_id for s in (first, second, third)] == list(golden.SESSIONS)
    assert [s.status for s in (first, second, third)] == ["completed", "failed", "interrupted"]
    assert first.config_hash == "config ☃ \ud800"
    assert first.metadata == {"seed": 7, "note": "é \U0001f600", "list": [1]}
    assert (first.created_at, first.ended_at) == (golden.MOMENT, golden.MOMENT)
    assert (first.streams, first.gaps, first.complete) == (3, 3, False)
    assert (second.streams, second.gaps, second.metadata) == (1, 0, {})
    assert (third.streams, third.ended_at) == (0, None)
    assert db.catalog.gaps(first.session_id) == [golden.gap(number) for number in (1, 2, 3)]


def check_sources(db: ProvenanceDatabase, licensed: bool) -> None:
    now, others = golden.REREGISTERED, [HOSTILE, SCRAPED]
    if licensed:
        now, others = golden.credited(now, anew=True), [*map(golden.credited, others)]
    assert db.list_sources() == [replace(now, first_seen=IMAGES.first_seen), *others]
    history: list[tuple[SourceRecord, list[str | None]]] = [
        (IMAGES, ["MIT", "Apache-2.0"]),
        (HOSTILE, ["CUSTOM-1.0"]),
        (SCRAPED, [None]),
    ]
    for source, licenses in history:
        assert db.source_history(source.source_id) == [(golden.MOMENT, each) for each in licenses]
    assert db.list_licenses() == [golden.LICENSE]


def check_streams(db: ProvenanceDatabase) -> None:
    seen = [sum(b.total_bytes for b in golden.batches(1))]
    assert db.catalog.streams() == [
        *(
            StreamRecord(
                number, golden.SESSIONS[0], source.source_id, source.license_id, 1, 4,
                golden.MOMENT, 3, 8, *seen,
            )
            for number, source in enumerate(golden.SOURCES, start=1)
        ),
        StreamRecord(4, golden.SESSIONS[1], "images", "Apache-2.0", 0, 1, golden.MOMENT),
    ]  # fmt: skip


def test_read_as_it_is(copy: Path) -> None:
    if is_of(copy, VERSIONS[-1]):
        with ProvenanceDatabase(copy, read_only=True) as db:
            check_facts(db, licensed=True)
    else:
        with pytest.raises(StorageError, match="open it once without read_only=True"):
            ProvenanceDatabase(copy, read_only=True)
    assert copy.read_bytes() == (GOLDEN / copy.name).read_bytes()


@pytest.mark.parametrize("copy", VERSIONS[1:], indirect=True)
def test_segments_and_annotations(copy: Path) -> None:
    with ProvenanceDatabase(copy, read_only=is_of(copy, VERSIONS[-1])) as db:
        check_sealed(db)


@pytest.mark.parametrize("copy", VERSIONS[2:], indirect=True)
def test_what_is_known_of_licenses(copy: Path) -> None:
    with ProvenanceDatabase(copy, read_only=is_of(copy, VERSIONS[-1])) as db:
        check_licenses(db)


@pytest.mark.parametrize("copy", VERSIONS[:2], indirect=True)
def test_nothing_is_known_of_licenses(copy: Path) -> None:
    with ProvenanceDatabase(copy) as db:
        assert db.licensing.conflicts() == []
        for session_id in golden.SESSIONS:
            assert db.licensing.kept_for(session_id) is None
            assert db.licensing.settlements(session_id) == {}
            assert db.licensing.policy(session_id) is None


def check_licenses(db: ProvenanceDatabase) -> None:
    session_id, at = golden.SESSIONS[0], golden.MOMENT
    gone = golden.FINDINGS[1]
    assert {one.finding_id: one for one in db.licensing.conflicts()} == {
        found[0]: KeptConflict(
            session_id, *found, found_at=at, gone_at=at if found is gone else None
        )
        for found in golden.FINDINGS
    }
    assert db.licensing.kept_for(session_id) == golden.HOLDS_FOR
    finding_id, person, reason, settled_on, _ = golden.SAID[0]
    assert db.licensing.settlements(session_id) == {
        finding_id: Settlement(finding_id, person, reason, settled_on, at)
    }
    assert db.licensing.policy(session_id) == golden.POLICY
    assert db.licensing.first_batches(session_id) == {1: 0, 2: 0, 3: 0}
    # What was registered before is kept.
    assert db._connection.rows(
        "SELECT title, author, url, changes FROM source_history"
        " WHERE source_no = 1 ORDER BY entry_no"
    ) == [golden.CREDITS["images"], golden.CREDITS_ANEW]


def check_signed(db: ProvenanceDatabase) -> None:
    session_id = golden.SESSIONS[0]
    key = SigningKey("example.com/golden", Ed25519PrivateKey.from_private_bytes(golden.SEED))
    (head,) = heads(db, session_id)
    assert head.signers([key.public]) == [key.public]
    # What is on record leads to the very root that was signed then.
    leaf = require_head(db.logs, head)
    for number, (size, root) in enumerate(leaf.streams):
        stream = db.catalog.streams(session_id)[number]
        entries = dict(db.logs.tables.entries(stream.stream_no))
        batches = iter(db.logs.tables.batches(stream.stream_no, -1, 99))
        leaves = [entries[at] if at in entries else next(batches).data() for at in range(size)]
        assert merkle_root(leaves).hex() == root
        assert entries[0] == db.logs.opening(db.get_session(session_id), number, stream).data()
    model, files = golden.MODEL
    assert db.models.of(session_id) == sorted(
        (ModelFile(session_id, model, *file, golden.MOMENT) for file in files),
        key=lambda one: one.name,
    )
    assert db.models.with_digest(files[0][1])[0].name == files[0][0]


def check_sealed(db: ProvenanceDatabase) -> None:
    """Two streams are sealed, one is not."""
    assert len(db.ledger.segments()) == 1
    told = sorted(golden.annotations(3), key=lambda one: (one.batch_no, one.name))
    assert repr(list(db.batch_table.annotations([3]))) == repr(told)
    report = db.check(roots=False)  # the roots are made up
    assert (report.ok, report.notes) == (True, ()), str(report)


@pytest.mark.parametrize("copy", VERSIONS[3:], indirect=True)
def test_what_was_signed(copy: Path) -> None:
    with ProvenanceDatabase(copy, read_only=is_of(copy, VERSIONS[-1])) as db:
        check_signed(db)


def test_opened_for_writing_and_carried_on(copy: Path) -> None:
    with ProvenanceDatabase(copy) as db:
        check_facts(db, licensed=is_of(copy, 3))
        session = db.begin_session("later")
        stream = db.open_stream(session.session_id, "images")
        assert stream.stream_no == 5
        db.append([batch(5, 0)])
        assert batch_numbers(db, 5) == [0]
        db.end_session(golden.SESSIONS[2], "failed")
        assert db.get_session(golden.SESSIONS[2]).status == "failed"
    assert integrity(copy) == "ok"


def test_this_version_still_writes_the_same_facts(tmp_path: Path) -> None:
    golden.make(tmp_path / "new.db")
    with ProvenanceDatabase(tmp_path / "new.db", read_only=True) as db:
        check_facts(db)


def test_what_is_sealed_is_the_same(tmp_path: Path) -> None:
    """The maker of files from version 4 on."""
    golden.make(tmp_path / "new.db", sealed=True, licensed=True, signed=True)
    with ProvenanceDatabase(tmp_path / "new.db", read_only=True) as db:
        check_facts(db, licensed=True)
        check_sealed(db)
        check_licenses(db)
        check_signed(db)
