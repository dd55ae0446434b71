"""A record that was edited after it was signed."""

import shutil
from pathlib import Path

import pytest
from proof_support import KEY, begin, edit, packed, record, sample

from origin.core.note import Note
from origin.core.record import Gap
from origin.proof.examining import Examination, examine
from origin.proof.signer import Signer
from origin.storage.database import ProvenanceDatabase
from origin.storage.schema import batch_key


def make(path: Path, *, sealed: bool) -> tuple[Note, Note]:
    """A session of two streams, signed after 27 batches of the first, and at its end."""
    with ProvenanceDatabase(path, seal_after=None) as db, Signer(db, KEY) as signer:
        session_id, (first, second) = begin(db, 2)
        record(db, first, range(20))
        db.append([], [Gap(first, 20, 22, "KeyError: 'x'")])
        record(db, first, range(23, 30))
        record(db, second, range(5), 1)
        early = signer.sign(session_id).note
        record(db, first, range(30, 40))
        if sealed:
            db.seal()
        db.end_session(session_id)
        return early, signer.sign(session_id).note


@pytest.fixture(scope="module")
def unsealed(tmp_path_factory):
    path = tmp_path_factory.mktemp("unsealed") / "p.db"
    return path, *make(path, sealed=False)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    path = tmp_path_factory.mktemp("sealed") / "p.db"
    return path, *make(path, sealed=True)


def edited(signed, folder: Path, *statements, head: str = "late", samples=True) -> Examination:
    """Edits a copy and holds it against a head."""
    source, early, late = signed
    shutil.copy(source, folder / "p.db")
    if Path(f"{source}.segments").exists():
        shutil.copytree(f"{source}.segments", folder / "p.db.segments")
    edit(folder / "p.db", *statements)
    with ProvenanceDatabase(folder / "p.db", read_only=True) as db:
        return examine(db, early if head == "early" else late, samples=samples)


def put(batch) -> tuple[str, tuple[object, ...]]:
    """Write a batch, with its root, in the place of another."""
    return (
        "UPDATE batches SET root = ?, fingerprints = ? WHERE batch_id = ?",
        (batch.root, batch.fingerprints, batch_key(batch.stream_no, batch.batch_no)),
    )


def told(found: Examination) -> list[tuple[str, int | None, int | None]]:
    return [(one.kind, one.stream, one.batch) for one in found.differences]


def of(number: int) -> list[bytes]:
    return [sample(number, at) for at in range(4)]


@pytest.mark.parametrize("record_", ["unsealed", "sealed"])
def test_as_it_was(request, record_):
    path, *heads = request.getfixturevalue(record_)
    with ProvenanceDatabase(path, read_only=True) as db:
        for head in heads:
            found = examine(db, head)
            assert found.ok, str(found)
            assert (found.batches, found.observations) == (42, 168)
            assert "42 batches, 168 observations: all is as it was signed" in str(found)


def test_one_sample_is_replaced(unsealed, tmp_path):
    """In its batch alone; the root on record is still the old one."""
    batch = packed(1, 17, [b"another", *of(17)[1:]])
    change = ("UPDATE batches SET fingerprints = ? WHERE batch_id = ?",
              (batch.fingerprints, batch_key(1, 17)))  # fmt: skip
    found = edited(unsealed, tmp_path, change, head="early")
    assert told(found) == [("samples", 0, 17)]
    assert "batch 17: its samples are not those its root stands for" in str(found)
    assert "one was replaced" in str(found)


def test_one_sample_and_the_root_are_replaced(unsealed, tmp_path):
    found = edited(unsealed, tmp_path, put(packed(1, 17, [b"another", *of(17)[1:]])))
    assert told(found) == [("replaced", 0, 17), ("set", 0, None)]
    assert "batch 17 is replaced" in str(found)
    assert "160 different samples" not in str(found) or "are not the" in str(found)


@pytest.mark.parametrize("number", [0, 17, 23, 28])
@pytest.mark.parametrize("head", ["early", "late"])
def test_one_batch_is_dropped(unsealed, tmp_path, number, head):
    drop = ("DELETE FROM batches WHERE batch_id = ?", (batch_key(1, number),))
    found = edited(unsealed, tmp_path, drop, head=head, samples=False)
    assert told(found) == [("dropped", 0, number)]
    assert f"stream 0: batch {number} is dropped: it was signed and is not there" in str(found)


def test_two_batches_are_swapped(unsealed, tmp_path):
    swap = [put(packed(1, 5, of(9))), put(packed(1, 9, of(5)))]
    found = edited(unsealed, tmp_path, *swap, head="early")
    assert told(found) == [("swapped", 0, 5), ("swapped", 0, 9)]
    assert "batch 5 is swapped: it holds what was signed as batch 9" in str(found)


def test_another_license(unsealed, tmp_path):
    change = ("UPDATE streams SET license_id = 'CC0-1.0' WHERE stream_no = 1", ())
    found = edited(unsealed, tmp_path, change, head="early")
    assert told(found) == [("license", 0, None)]
    assert "its license is 'CC0-1.0' on record; signed was 'MIT'" in str(found)


def test_another_rank(unsealed, tmp_path):
    change = ("UPDATE streams SET rank = 0 WHERE stream_no = 2", ())
    assert told(edited(unsealed, tmp_path, change)) == [("opening", 1, None)]


@pytest.mark.parametrize("last", [35, 27])
def test_the_tail_is_cut(unsealed, tmp_path, last):
    cut = ("DELETE FROM batches WHERE batch_id > ? AND batch_id < ?",
           (batch_key(1, last), batch_key(2, 0)))  # fmt: skip
    found = edited(unsealed, tmp_path, cut, samples=False)
    assert told(found) == [("cut", 0, None)]
    assert f"{39 - last} batches at its end cannot be found" in str(found)
    assert "logs and batches, but not their samples" in str(found)


def test_a_cut_behind_the_head_is_not_its_matter(unsealed, tmp_path):
    cut = ("DELETE FROM batches WHERE batch_id > ? AND batch_id < ?",
           (batch_key(1, 29), batch_key(2, 0)))  # fmt: skip
    assert edited(unsealed, tmp_path, cut, head="early", samples=False).ok


def test_the_tail_of_the_log_is_cut(unsealed, tmp_path):
    cut = ("UPDATE log_chunks SET hashes = substr(hashes, 1, 320) WHERE stream_no = 1", ())
    found = edited(unsealed, tmp_path, cut, head="early", samples=False)
    assert ("cut", 0, None) in told(found)
    assert "19 of the 29 leaves that were signed are gone" in str(found)


def test_states_are_gone(unsealed, tmp_path):
    cut = ("DELETE FROM session_states WHERE state_no = 1", ())
    found = edited(unsealed, tmp_path, cut)
    assert told(found) == [("states", None, None)]
    assert "lies behind a head that was signed" in str(found)


def test_another_history(unsealed, tmp_path):
    change = ("UPDATE session_states SET leaf = CAST(leaf || ' ' AS BLOB) WHERE state_no = 0", ())
    found = edited(unsealed, tmp_path, change, head="early")
    assert told(found) == [("states", None, None)]


def test_no_such_session(unsealed, tmp_path):
    with ProvenanceDatabase(tmp_path / "empty.db") as db:
        found = examine(db, unsealed[2])
    assert told(found) == [("states", None, None)]
    assert "no session" in str(found)


def test_a_batch_is_added(unsealed, tmp_path):
    batch = packed(1, 21, of(21))
    statement = (
        "INSERT INTO batches SELECT ?, epoch, seen_at, ?, ?, byte_sizes, content_type, details,"
        " head_checksum, checksum FROM batches WHERE batch_id = ?"
    )
    add = (
        statement,
        (batch_key(1, 21), batch.root, batch.fingerprints, batch_key(1, 1)),
    )
    found = edited(unsealed, tmp_path, add, samples=False)
    assert ("added", 0, 21) in told(found)


def test_the_log_is_rewritten_to_fit(unsealed, tmp_path):
    """Who rewrites the log as well cannot rewrite the head that others have."""
    source, early, _ = unsealed
    shutil.copy(source, tmp_path / "p.db")
    edit(
        tmp_path / "p.db",
        put(packed(1, 17, [b"another", *of(17)[1:]])),
        ("DELETE FROM log_chunks", ()),
        ("DELETE FROM log_entries", ()),
        ("DELETE FROM session_states", ()),
        ("DELETE FROM set_trees", ()),
    )
    with ProvenanceDatabase(tmp_path / "p.db") as db:
        (session,) = db.list_sessions()
        with Signer(db, KEY) as signer:
            signer.sign(session)
        found = examine(db, early)
    assert told(found) == [("states", None, None)]
    assert "it has another history" in str(found)


def replaced(old: str, new: str) -> str:
    return f"CAST(replace(leaf, '{old}', '{new}') AS BLOB)"


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE sessions SET status = 'failed'", "close"),
        ("UPDATE streams SET bytes_seen = bytes_seen + 1 WHERE stream_no = 1", "close"),
        ("DELETE FROM gaps", "gaps"),
        ("UPDATE gaps SET reason = 'planned'", "gaps"),
        ("UPDATE gaps SET last_batch = 25", "gaps"),
        ("UPDATE gaps SET last_batch = 21", "gaps"),
        (f"UPDATE log_entries SET leaf = {replaced('KeyError', 'Keyerror')}", "log"),
        (f"UPDATE log_entries SET leaf = {replaced('kind', 'kin')}", "log"),
        ("DELETE FROM log_entries WHERE position > 0", "cut"),
        ("DELETE FROM streams WHERE stream_no = 2", "cut"),
        ("UPDATE log_chunks SET hashes = zeroblob(length(hashes)) WHERE stream_no = 2", "log"),
    ],
)
def test_other_edits(unsealed, tmp_path, statement, kind):
    found = edited(unsealed, tmp_path, (statement, ()), samples=False)
    assert kind in {one.kind for one in found.differences}


def test_a_batch_behind_the_closing_leaf(unsealed, tmp_path):
    batch = packed(1, 50, of(50))
    statement = (
        "INSERT INTO batches SELECT ?, epoch, seen_at, ?, ?, byte_sizes, content_type, details,"
        " head_checksum, checksum FROM batches WHERE batch_id = ?"
    )
    values = (batch_key(1, 50), batch.root, batch.fingerprints, batch_key(1, 1))
    found = edited(unsealed, tmp_path, (statement, values), samples=False)
    assert told(found) == [("added", 0, None)]
    assert "1 batch more than were signed when it was closed" in str(found)


@pytest.mark.parametrize("record_", ["unsealed", "sealed"])
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM batches",
        "DELETE FROM sealed_batches WHERE batch_id % 2",
        "UPDATE streams SET stream_no = stream_no + 7",
    ],
)
def test_what_was_found_is_told_in_any_case(request, record_, statement, tmp_path):
    """Also where the samples cannot be read at all."""
    signed = request.getfixturevalue(record_)
    if (record_ == "sealed") != ("sealed" in statement) and "streams" not in statement:
        return
    found = edited(signed, tmp_path, (statement, ()))
    assert not found.ok


def test_sealed_batches(sealed, tmp_path):
    drop = ("DELETE FROM sealed_batches WHERE batch_id = ?", (batch_key(1, 12),))
    replace = ("UPDATE sealed_batches SET root = zeroblob(32) WHERE batch_id = ?",
               (batch_key(1, 14),))  # fmt: skip
    found = edited(sealed, tmp_path, drop, replace, samples=False)
    assert told(found) == [("replaced", 0, 14), ("dropped", 0, 12)]


def test_an_opening_that_is_lost(unsealed, tmp_path):
    """What is on record of the stream still tells how it was opened, unless it was edited."""
    lost = ("DELETE FROM log_entries WHERE position = 0", ())
    assert edited(unsealed, tmp_path, lost, samples=False).ok
    edit(tmp_path / "p.db", ("UPDATE streams SET rank = 1 WHERE stream_no = 1", ()))
    with ProvenanceDatabase(tmp_path / "p.db", read_only=True) as db:
        found = examine(db, unsealed[1], samples=False)
    assert told(found) == [("opening", 0, None)]
