"""Bundles of real records, and what somebody does to them who may even have a key."""

import base64
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from bundles import listing, packed
from exports_support import HOSTILE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proof_support import KEY, OTHER, begin, edit, fingerprint, record, sample
from proofs import Signer as Hand

from origin.core.log import CloseLeaf
from origin.core.record import Gap, LicenseRecord, SourceRecord
from origin.errors import (
    ConfigurationError,
    NotProvableError,
    ProofError,
    RecordAlteredError,
    SessionNotFoundError,
    StorageError,
)
from origin.hooks.pytorch import DataLoaderHook
from origin.proof.bundle import write_bundle
from origin.proof.models import add_model
from origin.proof.signer import Signer
from origin.proof.statement import attest
from origin.storage.database import ProvenanceDatabase
from origin.verify import BundleReport, verify, verify_bundle, verify_text

KEYS = (KEY.public,)


def make(folder: Path, *, sealed: bool) -> str:
    """A record of two streams and a gap, signed twice, with a model; its session."""
    (folder / "model.pt").write_bytes(b"weights")
    with ProvenanceDatabase(folder / "p.db", seal_after=None) as db, Signer(db, KEY) as signer:
        session_id, (first, second) = begin(db, 2)
        record(db, first, range(20))
        db.append([], [Gap(first, 20, 22, "KeyError: 'x'")])
        record(db, first, range(23, 30))
        record(db, second, range(5), 1)
        signer.sign(session_id)
        record(db, first, range(30, 40))
        if sealed:
            db.seal()
        record(db, second, range(5, 7), 1)
        db.end_session(session_id)
        add_model(db, folder / "model.pt", session_id)
    return session_id


def bundle_of(folder: Path, session_id: str, *, fingerprints: bool = True) -> Path:
    with ProvenanceDatabase(folder / "p.db", read_only=True) as db:
        write_bundle(db, session_id, folder / "run.origin", KEY, fingerprints=fingerprints)
    return folder / "run.origin"


@pytest.fixture(scope="module")
def unsealed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unsealed")
    return bundle_of(folder, make(folder, sealed=False))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sealed")
    return bundle_of(folder, make(folder, sealed=True))


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {one: file.read(one) for one in file.namelist() if one != "bundle.note"}


def session_of(path: Path) -> str:
    return verify_bundle(path, KEYS).verdict.session


def names_in(folder: Path) -> set[str]:
    """What lies beside the database."""
    return {one.name for one in folder.iterdir() if not one.name.startswith("p.db")}


class ByHand(Hand):
    """The same keys, for who writes bundles by hand."""

    def __init__(self, key):
        super().__init__(0, key.public.name)
        self._secret, self.key = key._private, key.public


@pytest.mark.parametrize("which", ["unsealed", "sealed"])
def test_all_is_there_and_as_it_was_signed(request, which):
    path = request.getfixturevalue(which)
    report = verify_bundle(path, KEYS)
    assert report.ok, str(report)
    facts = report.verdict.facts
    assert (facts["batches"], facts["observations"], facts["missing"]) == (44, 176, 3)
    assert (facts["closed"], facts["fingerprints"], facts["status"]) == (True, True, "completed")
    assert facts["models"][0]["name"] == "model.pt"
    assert report.verdict.shows[0].startswith("record intact: 44 batches, logs closed, signed 20")
    assert report.verdict.shows[0].endswith("gaps: 1 (3 batches missing)")
    members = members_of(path)
    assert members["fingerprints/1.bin"] == b"".join(
        fingerprint(sample(number, at, 1)) for number in range(7) for at in range(4)
    )
    assert members["card.md"].startswith(b"# Training data provenance\n")


def test_it_is_written_as_the_specification_says(unsealed):
    """The same bytes, from the members, by the standard library's zip."""
    members, session = members_of(unsealed), session_of(unsealed)
    assert [*members] == sorted(members)
    note = listing(members, ByHand(KEY), session)
    with zipfile.ZipFile(unsealed) as file:
        assert file.read("bundle.note") == note
    kept = {name for name in members if name.startswith("fingerprints/")}
    mine, theirs = (zipfile.ZipFile(one) for one in (unsealed, io.BytesIO(
        packed(members, ByHand(KEY), session))))  # fmt: skip
    for one, other in zip(mine.infolist(), theirs.infolist(), strict=True):
        for field in ("filename", "date_time", "compress_type", "create_version", "flag_bits",
                      "extract_version", "external_attr", "CRC", "file_size"):  # fmt: skip
            assert getattr(one, field) == getattr(other, field)
        # What does not get smaller is not deflated in vain.
        assert one.compress_size == other.compress_size or one.filename in kept


def test_it_is_the_same_each_time(tmp_path):
    session_id = make(tmp_path, sealed=False)
    first = bundle_of(tmp_path, session_id).read_bytes()
    assert bundle_of(tmp_path, session_id).read_bytes() == first
    assert names_in(tmp_path) == {"model.pt", "run.origin"}


def test_without_fingerprints(tmp_path):
    path = bundle_of(tmp_path, make(tmp_path, sealed=False), fingerprints=False)
    report = verify_bundle(path, KEYS)
    assert report.ok, str(report)
    assert report.verdict.facts["fingerprints"] is False
    assert not any(one.startswith("fingerprints/") for one in members_of(path))


def test_a_running_session_signed_midway(tmp_path):
    with ProvenanceDatabase(tmp_path / "p.db") as db, Signer(db, KEY) as signer:
        session_id, (first,) = begin(db)
        with pytest.raises(NotProvableError, match="no head of session"):
            write_bundle(db, session_id, tmp_path / "run.origin", KEY)
        record(db, first, range(5))
        signer.sign(session_id)
        record(db, first, range(5, 9))
        db.open_stream(session_id, "essays")
        write_bundle(db, session_id, tmp_path / "run.origin", KEY, fingerprints=True)
    report = verify_bundle(tmp_path / "run.origin", KEYS)
    assert report.ok, str(report)
    assert report.verdict.facts["batches"] == 5
    assert "stream 0 was not closed: it may be cut off" in report.verdict.shows


def test_an_empty_session_and_an_empty_stream(tmp_path):
    with ProvenanceDatabase(tmp_path / "p.db") as db, Signer(db, KEY):
        with db.session("nothing") as empty:
            pass
        other, _ = begin(db)
        db.end_session(other)
        for one in (empty.session_id, other):
            write_bundle(db, one, tmp_path / "run.origin", KEY, fingerprints=True)
            report = verify_bundle(tmp_path / "run.origin", KEYS)
            assert report.ok, str(report)
            assert (report.verdict.facts["batches"], report.verdict.session) == (0, one)


def test_hostile_names(tmp_path):
    (tmp_path / "a\nb").mkdir()
    (tmp_path / "a\nb" / "\u202emodel").write_bytes(b"x")
    with ProvenanceDatabase(tmp_path / "p.db") as db, Signer(db, KEY):
        session = db.begin_session(HOSTILE["pair"], {**HOSTILE, "x": float("nan"), "n": 2**70})
        for text in HOSTILE.values():
            db.record_license(LicenseRecord(text, text, permissions=[text]))
            db.record_source(SourceRecord(text, license_id=text, title=text, url=text))
            record(db, db.open_stream(session.session_id, text).stream_no, range(1))
        add_model(db, tmp_path / "a\nb", session)
        db.end_session(session.session_id)
        write_bundle(db, session, tmp_path / "run.origin", KEY, fingerprints=True)
    report = verify_bundle(tmp_path / "run.origin", KEYS)
    assert report.ok, str(report)
    assert all(line.isprintable() for line in str(report).split("\n"))
    assert report.verdict.facts["models"][0]["name"] == "\u202emodel"


def test_a_license_that_changed_since(tmp_path):
    with ProvenanceDatabase(tmp_path / "p.db") as db, Signer(db, KEY):
        session_id, (first,) = begin(db)
        record(db, first, range(2))
        db.end_session(session_id)
        db.record_source(SourceRecord("essays", license_id="CC-BY-NC-4.0"))
        write_bundle(db, session_id, tmp_path / "run.origin", KEY)
    report = verify_bundle(tmp_path / "run.origin", KEYS)
    assert report.ok, str(report)
    assert "source 'essays' (license MIT)" in report.verdict.shows


def test_private_fingerprints(tmp_path):
    with ProvenanceDatabase(tmp_path / "p.db", fingerprint_key=bytes(range(32))) as db:
        with Signer(db, KEY), db.session("private") as session:
            hook = DataLoaderHook(db, session.session_id, "poems", "CC0-1.0")
            hook.observe(["a poem", "another"])
        write_bundle(db, session, tmp_path / "run.origin", KEY, fingerprints=True)
    report = verify_bundle(tmp_path / "run.origin", KEYS)
    assert report.ok, str(report)
    assert report.verdict.facts["streams"][0]["open"]["fingerprint"] == "hmac-sha256"


def test_what_cannot_be_bundled(tmp_path):
    session_id = make(tmp_path, sealed=False)
    with ProvenanceDatabase(tmp_path / "p.db", read_only=True) as db:
        with pytest.raises(NotProvableError, match=r"not signed by example\.com/other; sign it"):
            write_bundle(db, session_id, tmp_path / "run.origin", OTHER)
        with pytest.raises(NotProvableError, match=r"not signed by example\.com/other; sign it"):
            attest(db, session_id, OTHER)
        with pytest.raises(SessionNotFoundError):
            write_bundle(db, "none", tmp_path / "run.origin", KEY)
        with pytest.raises(StorageError, match="cannot be"):
            write_bundle(db, session_id, tmp_path / "no" / "run.origin", KEY)
        with pytest.raises(ConfigurationError, match="is a folder"):
            write_bundle(db, session_id, tmp_path, KEY)
    assert names_in(tmp_path) == {"model.pt"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE batches SET root = zeroblob(32) WHERE batch_id IN (SELECT min(batch_id)",
        "UPDATE batches SET fingerprints = zeroblob(128) WHERE batch_id IN (SELECT max(batch_id)",
        "DELETE FROM batches WHERE batch_id IN (SELECT max(batch_id)",
        "UPDATE session_states SET leaf = CAST(replace(leaf, '1', '2') AS BLOB) WHERE 1=(SELECT 1",
    ],
)
def test_an_altered_record_is_not_bundled(tmp_path, statement):
    session_id = make(tmp_path, sealed=False)
    edit(tmp_path / "p.db", (f"{statement} FROM batches)", ()))
    (tmp_path / "run.origin").write_bytes(b"as before")
    with pytest.raises(RecordAlteredError):
        bundle_of(tmp_path, session_id)
    assert (tmp_path / "run.origin").read_bytes() == b"as before"


# -- tampering -----------------------------------------------------------------------------


def checked(folder: Path, members: dict[str, bytes], session: str, key=KEY) -> BundleReport:
    path = folder / "run.origin"
    path.write_bytes(packed(members, ByHand(key), session))
    return verify_bundle(path, KEYS)


def test_packed_again_by_hand_it_holds(unsealed, tmp_path):
    assert checked(tmp_path, members_of(unsealed), session_of(unsealed)).ok


@pytest.mark.parametrize("name", ["streams/0.jsonl", "streams/1.jsonl", "states.jsonl"])
def test_an_edited_leaf_under_new_digests(unsealed, tmp_path, name):
    members, session = members_of(unsealed), session_of(unsealed)
    old = b'"license":"MIT"' if name.startswith("streams") else b'"state":0'
    new = b'"license":"CC0"' if name.startswith("streams") else b'"state":7'
    edited = {**members, name: members[name].replace(old, new)}
    assert edited != members
    with pytest.raises(ProofError, match="no key that you gave has signed this"):
        checked(tmp_path, edited, session, OTHER)
    # Whoever has the right key cannot do it either, without signing another head.
    found = {(one.kind, one.where) for one in checked(tmp_path, edited, session).differences}
    kind = "log" if name.startswith("streams") else "states"
    assert (kind, name) in found


CHANGES: list[Callable[[list[bytes]], list[bytes]]] = [
    lambda lines: lines[:3] + lines[4:],
    lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
    lambda lines: [*lines[:3], lines[4], *lines[4:]],
    lambda lines: lines[:-1],
    lambda lines: [*lines, lines[-1]],
]


@pytest.mark.parametrize("change", CHANGES)
def test_batches_dropped_swapped_replaced_cut_and_added(unsealed, tmp_path, change):
    members, session = members_of(unsealed), session_of(unsealed)
    name = "streams/0.jsonl"
    edited = b"".join(change(members[name].splitlines(keepends=True)))
    report = checked(tmp_path, {**members, name: edited}, session)
    assert ("log", name) in {(one.kind, one.where) for one in report.differences}


def test_a_whole_stream_from_another_record(unsealed, sealed, tmp_path):
    ours, theirs = members_of(unsealed), members_of(sealed)
    for name in ("streams/0.jsonl", "states.jsonl", "head.note", "session.json"):
        report = checked(tmp_path, {**ours, name: theirs[name]}, session_of(unsealed))
        assert not report.ok
    assert not checked(tmp_path, theirs, session_of(unsealed)).ok


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 1, exclude_max=True), put=st.binary(min_size=1, max_size=4))
def test_other_bytes_anywhere(unsealed, tmp_path, place, put):
    content = bytearray(unsealed.read_bytes())
    at = int(place * len(content))
    before = bytes(content[at : at + len(put)])
    content[at : at + len(put)] = put
    path = tmp_path / "run.origin"
    path.write_bytes(content)
    try:
        verify(path, KEYS)
    except ProofError:
        return
    assert before == put or members_of(path) == members_of(unsealed)


# -- the statement -------------------------------------------------------------------------


def test_the_statement_of_a_model(unsealed):
    members, session = members_of(unsealed), session_of(unsealed)
    folder = unsealed.parent
    with ProvenanceDatabase(folder / "p.db", read_only=True) as db:
        text = attest(db, session, KEY)
        closes = [db.logs.entries(one.stream_no)[-1][1] for one in db.catalog.streams(session)]
    assert text.encode() == members["statement.dsse.json"]
    verdict = verify_text(text, KEYS)
    assert verdict.session == session
    assert verdict.facts["subjects"][0]["name"] == "model.pt"
    for own, close in zip(verdict.facts["sources"], closes, strict=True):
        assert isinstance(close, CloseLeaf)
        assert own["digest"]["originSampleSet"] == close.set_root
        assert (own["name"], own["license"]) == ("essays", "MIT")


def test_no_statement_without_a_model(tmp_path):
    with ProvenanceDatabase(tmp_path / "p.db") as db, Signer(db, KEY):
        session_id, _ = begin(db)
        db.end_session(session_id)
        with pytest.raises(NotProvableError, match="no model is known"):
            attest(db, session_id, KEY)


def test_what_a_statement_says(tmp_path):
    """All that in-toto and SLSA ask for, as their own names have it."""
    for name in ("a.bin", "sub/b.bin"):
        (tmp_path / "run" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "run" / name).write_bytes(name.encode())
    with ProvenanceDatabase(tmp_path / "p.db") as db, Signer(db, KEY) as signer:
        session = db.begin_session("v1")
        urls = {"a": "https://example.com/a?x=1#y", "b": "not a URI", "c": None, "d": "HTTPS://X/"}
        for name, url in urls.items():
            db.record_source(SourceRecord(name, url=url, license_id="MIT"))
            db.open_stream(session.session_id, name)
        head = signer.sign(session)
        add_model(db, tmp_path / "run", session)
        told = json.loads(attest(db, session, KEY))
    assert told["payloadType"] == "application/vnd.in-toto+json"
    assert told["signatures"][0]["keyid"] == KEY.public.key_id.hex()
    own = json.loads(base64.b64decode(told["payload"]))
    assert [one["name"] for one in own["subject"]] == ["run/a.bin", "run/sub/b.bin"]
    assert own["subject"][0]["digest"] == {"sha256": sha256(b"a.bin").hexdigest()}
    build, run = own["predicate"]["buildDefinition"], own["predicate"]["runDetails"]
    assert build["externalParameters"] == {"config_hash": "v1", "session": session.session_id}
    assert [one.get("uri") for one in build["resolvedDependencies"]] == [
        urls["a"],
        None,
        None,
        None,
    ]
    assert {*build["resolvedDependencies"][0]["digest"]} == {"originStreamLog"}
    assert run["metadata"]["startedOn"].endswith("Z")
    assert "finishedOn" not in run["metadata"]
    assert base64.b64decode(run["byproducts"][0]["content"]).decode() == str(head)
    assert run["builder"]["id"].startswith("urn:")


def test_bundles_are_read_without_the_database(unsealed, tmp_path):
    shutil.copy(unsealed, tmp_path / "elsewhere.zip")
    assert verify(tmp_path / "elsewhere.zip", KEYS).kind == "bundle"
