"""Signing: when, over what, and what is refused."""

import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time

import pytest
from proof_support import KEY, OTHER, begin, record

from origin.core.log import CloseLeaf, GapLeaf, OpenLeaf
from origin.core.merkle import merkle_root
from origin.core.note import Head, Note, Signature
from origin.core.record import Gap
from origin.errors import (
    ConfigurationError,
    OriginError,
    RecordAlteredError,
    SessionNotFoundError,
    SigningKeyError,
)
from origin.proof.keys import SigningKey
from origin.proof.signer import Signer, heads
from origin.storage.database import ProvenanceDatabase


@pytest.fixture
def key(tmp_path):
    return SigningKey.new(tmp_path / "team.key", "example.com/team")


def leaves_of(db, session_id):
    """The leaves of each stream, put together without the log's hashes."""
    found = []
    for stream in db.catalog.streams(session_id):
        entries = dict(db.logs.tables.entries(stream.stream_no))
        batches = iter(db.logs.tables.batches(stream.stream_no, -1, 10**6))
        size = db.logs.tables.end(stream.stream_no).size
        found.append([entries[at] if at in entries else next(batches).data() for at in range(size)])
    return found


def test_signed_at_the_end(db, key):
    with Signer(db, key):
        session_id, (first, second) = begin(db, 2)
        record(db, first, range(3000))
        assert heads(db, session_id) == []
        db.end_session(session_id)
    (head,) = heads(db, session_id)
    assert head.signers([key.public]) == [key.public]
    (state,) = db.logs.states(session_id)
    leaves = leaves_of(db, session_id)
    assert [len(one) for one in leaves] == [3002, 2]
    assert state.leaf.streams == [[len(one), merkle_root(one).hex()] for one in leaves]
    told = Head.parse(head.text)
    assert told.origin == f"origin-provenance/session/{session_id}"
    assert (told.size, told.root) == (1, merkle_root([state.leaf.data()]))
    kinds = [type(leaf) for _, leaf in db.logs.entries(second)]
    assert kinds == [OpenLeaf, CloseLeaf]


def test_signed_on_the_way(db, key):
    with Signer(db, key) as signer:
        session_id, (stream,) = begin(db)
        sizes = []
        for end in (0, 1, 1023, 1024, 1025, 2100):
            record(db, stream, range(db.catalog.streams(session_id)[0].batches, end))
            found = signer.sign(session_id)
            sizes.append(found.state.streams[0][0])
            assert found.state.streams[0][1] == merkle_root(leaves_of(db, session_id)[0]).hex()
        assert sizes == [1, 2, 1024, 1025, 1026, 2101]
        assert len(heads(db, session_id)) == 6


def test_what_has_not_changed_is_not_signed_again(db, key):
    with Signer(db, key) as signer:
        session_id, (stream,) = begin(db)
        record(db, stream, range(5))
        assert str(signer.sign(session_id)) == str(signer.sign(session_id))
        assert len(heads(db, session_id)) == 1


def test_a_gap_that_grows_and_one_that_comes_late(db, key):
    with Signer(db, key) as signer:
        session_id, (stream,) = begin(db)
        record(db, stream, range(3))
        db.append([], [Gap(stream, 3, 4, "KeyError: 'a'")])
        signer.sign(session_id)
        db.append([], [Gap(stream, 5, 6, "KeyError: 'b'")])
        record(db, stream, range(7, 9))
        db.end_session(session_id)
        db.append([], [Gap(stream, 9, 9, "TypeError: c")])
        signer.sign(session_id)
        signer.sign(session_id)
    told = [leaf for _, leaf in db.logs.entries(stream)]
    assert [type(one) for one in told] == [
        OpenLeaf, GapLeaf, GapLeaf, CloseLeaf, GapLeaf, CloseLeaf]  # fmt: skip
    assert [(one.first, one.last) for one in told if isinstance(one, GapLeaf)] == [
        (3, 4), (5, 6), (9, 9)]  # fmt: skip
    assert [one.missing for one in told if isinstance(one, CloseLeaf)] == [4, 5]
    assert [size for (one,) in [state.leaf.streams for state in db.logs.states(session_id)]
            for size in one[:1]] == [5, 9, 11]  # fmt: skip


def test_empty_sessions(db, key):
    with Signer(db, key) as signer, db.session("nothing") as session:
        assert signer.sign(session).state.streams == []


def test_every_few_minutes(path, key):
    got = threading.Event()
    texts = []
    with ProvenanceDatabase(path) as db:
        _, (stream,) = begin(db)
        record(db, stream, range(5))
        with Signer(db, key, every=0.001, send=lambda text: (texts.append(text), got.set())):
            assert got.wait(20)
        again = len(texts)
        time.sleep(0.2)
        assert len(texts) == again  # the end of the block ends it
    assert Note.parse(texts[0]).signers([key.public])


@pytest.mark.parametrize("kind", ["path", "file", "function"])
def test_sent_elsewhere(db, key, tmp_path, kind):
    got, file = [], io.StringIO()
    send = {"path": tmp_path / "heads.txt", "file": file, "function": got.append}[kind]
    with Signer(db, key, send=send) as signer:
        session_id, (stream,) = begin(db)
        one = signer.sign(session_id)
        record(db, stream, range(2))
        two = signer.sign(session_id)
    told = {
        "path": lambda: (tmp_path / "heads.txt").read_text(),
        "file": file.getvalue,
        "function": lambda: "\n".join([*got, ""]),
    }[kind]()
    assert told == f"{one}\n{two}\n"
    assert Note.parse_many(told) == [one.note, two.note]


def test_only_what_is_committed(path, key, tmp_path):
    """A head is sent when a copy of the file, as it is then, has all of it."""
    checked = []

    def send(text):
        head = tmp_path / "head.txt"
        head.write_text(text)
        code = (
            "import sys; from origin.storage.database import ProvenanceDatabase\n"
            "ProvenanceDatabase(sys.argv[1], read_only=True, heads=sys.argv[2]).close()"
        )
        command = [sys.executable, "-c", code, str(path), str(head)]
        subprocess.run(command, check=True, timeout=60)
        checked.append(text)

    with ProvenanceDatabase(path) as db, Signer(db, key, send=send):
        session_id, (stream,) = begin(db)
        record(db, stream, range(5))
        db.end_session(session_id)
    assert len(checked) == 1


def backed_up(path, tmp_path, key):
    """A signed record, and a copy of it from before the last head."""
    with ProvenanceDatabase(path) as db, Signer(db, key, send=tmp_path / "heads.txt") as signer:
        session_id, (stream,) = begin(db)
        record(db, stream, range(5))
        signer.sign(session_id)
    shutil.copy(path, tmp_path / "backup.db")
    with ProvenanceDatabase(path) as db, Signer(db, key, send=tmp_path / "heads.txt") as signer:
        record(db, stream, range(5, 9))
        signer.sign(session_id)
    return session_id, stream


def test_a_database_behind_a_head_is_refused(path, tmp_path, key):
    backed_up(path, tmp_path, key)
    ProvenanceDatabase(path, heads=tmp_path / "heads.txt").close()
    with pytest.raises(RecordAlteredError, match="lies behind a head that was signed: it has 1 of"):
        ProvenanceDatabase(tmp_path / "backup.db", heads=tmp_path / "heads.txt")
    with pytest.raises(RecordAlteredError, match="lies behind"):
        ProvenanceDatabase(tmp_path / "backup.db", read_only=True, heads=tmp_path / "heads.txt")
    with (
        ProvenanceDatabase(tmp_path / "backup.db") as db,
        pytest.raises(RecordAlteredError, match="lies behind"),
    ):
        Signer(db, key)


def test_no_two_heads_of_one_size(path, tmp_path, key):
    """The copy goes its own way under a key that does not know; the first key will not sign it."""
    session_id, stream = backed_up(path, tmp_path, key)
    forgetful = SigningKey(key.public.name, key._private)
    with ProvenanceDatabase(tmp_path / "backup.db") as db:
        record(db, stream, range(5, 6))
        with Signer(db, forgetful) as signer:
            other = signer.sign(session_id)
        assert Head.parse(other.note.text).size == 2
        with pytest.raises(RecordAlteredError, match="another history"):
            Signer(db, key)
    with (
        pytest.raises(RecordAlteredError, match="another history"),
    ):
        ProvenanceDatabase(tmp_path / "backup.db", heads=tmp_path / "heads.txt")


def test_rolled_back_while_a_signer_is_there(path, tmp_path, key):
    """The list beside the key is looked at for each head, and not only at the beginning."""
    with ProvenanceDatabase(path) as db, Signer(db, key) as first:
        session_id, (stream,) = begin(db)
        record(db, stream, range(5))
        first.sign(session_id)
    shutil.copy(path, tmp_path / "twin.db")
    with (
        ProvenanceDatabase(path) as db,
        ProvenanceDatabase(tmp_path / "twin.db") as twin,
        Signer(db, key) as one,
        Signer(twin, key) as two,
    ):
        record(db, stream, range(5, 6))
        record(twin, stream, range(5, 7))
        one.sign(session_id)
        with pytest.raises(RecordAlteredError, match="another history"):
            two.sign(session_id)
        assert len(heads(twin, session_id)) == 1


def test_an_edited_log_is_not_signed(path, db, key):
    with Signer(db, key) as signer:
        session_id, (stream,) = begin(db)
        record(db, stream, range(5))
        signer.sign(session_id)
        db._connection.rows(
            "INSERT OR REPLACE INTO log_chunks (stream_no, chunk_no, last_batch, hashes, node)"
            " SELECT stream_no, chunk_no, last_batch, zeroblob(length(hashes)), node"
            " FROM log_chunks"
        )
        record(db, stream, range(5, 7))
        with pytest.raises(RecordAlteredError, match="are not those of state 0, which was signed"):
            signer.sign(session_id)


def test_two_keys_sign_one_head(db):
    session_id, (stream,) = begin(db)
    record(db, stream, range(5))
    Signer(db, KEY).sign(session_id)
    Signer(db, OTHER).sign(session_id)
    (head,) = heads(db, session_id)
    assert head.signers([OTHER.public, KEY.public]) == [KEY.public, OTHER.public]


def test_a_session_is_ended_even_if_it_cannot_be_signed(path, tmp_path, key, caplog):
    with ProvenanceDatabase(path) as db, Signer(db, key):
        session_id, (stream,) = begin(db)
        record(db, stream, range(5))
        (tmp_path / "team.key.heads").mkdir()
        db.end_session(session_id)
        assert db.get_session(session_id).status == "completed"
        assert "was not signed" in caplog.text
        assert heads(db, session_id) == []
        (tmp_path / "team.key.heads").rmdir()
        Signer(db, key).sign(session_id)
        assert len(heads(db, session_id)) == 1


def test_a_line_of_the_list_that_was_cut_off(db, key, tmp_path):
    session_id, (stream,) = begin(db)
    Signer(db, key).sign(session_id)
    file = tmp_path / "team.key.heads"
    with file.open("a") as out:
        out.write('{"root":"00')
    record(db, stream, range(5))
    Signer(db, key).sign(session_id)
    whole = [json.loads(line) for line in file.read_text().split("\n") if line.endswith("}")]
    assert [one["size"] for one in whole] == [1, 2]
    Signer(db, key).sign(session_id)
    file.write_text("nonsense\n")
    with pytest.raises(SigningKeyError, match="a line of it is malformed"):
        Signer(db, key)


def test_wrong_arguments(path, db, key, tmp_path):
    for wrong in (0, -1, "5", float("nan")):
        with pytest.raises(ConfigurationError, match="number of minutes"):
            Signer(db, key, every=wrong)
    with pytest.raises(ConfigurationError, match="send is a path"):
        Signer(db, key, send=5)
    with pytest.raises(ConfigurationError, match="key is a SigningKey, not a str"):
        Signer(db, "team.key")
    with pytest.raises(ConfigurationError, match="open database"):
        Signer(str(path), key)
    with pytest.raises(SessionNotFoundError):
        Signer(db, key).sign("nowhere")
    with (
        ProvenanceDatabase(path, read_only=True) as other,
        pytest.raises(ConfigurationError, match="read-only"),
    ):
        Signer(other, key)
    (tmp_path / "heads.txt").write_text("nonsense")
    with pytest.raises(ConfigurationError, match="does not hold signed heads"):
        ProvenanceDatabase(path, heads=tmp_path / "heads.txt")
    with pytest.raises(OriginError, match="cannot be read"):
        ProvenanceDatabase(path, heads=tmp_path)
    ProvenanceDatabase(path, heads=tmp_path / "none yet").close()


def test_the_process_is_killed_while_it_signs(path, key, tmp_path):
    """Whatever was done by then, the next head continues it."""
    script = """
import os, sys
from origin.proof.keys import SigningKey
from origin.proof.signer import Signer
from origin.storage.database import ProvenanceDatabase
from origin.storage.sessionlogs import SessionLogs
def die(*a): os.kill(os.getpid(), 9)
where = sys.argv[3]
if where == "journal":
    import origin.proof.journal as j; j.Journal.note = die
elif where == "head":
    SessionLogs.put_head = die
with ProvenanceDatabase(sys.argv[1]) as db:
    Signer(db, SigningKey.load(sys.argv[2]), send=die if where == "send" else None).sign(
        db.list_sessions()[0])
"""
    with ProvenanceDatabase(path) as db:
        session_id, (stream,) = begin(db)
        for number, where in enumerate(("journal", "head", "send")):
            record(db, stream, range(number, number + 1))
            command = [sys.executable, "-c", script, str(path), str(key.path), where]
            assert subprocess.run(command, check=False, timeout=60).returncode == -9
        record(db, stream, range(3, 4))
        found = Signer(db, key).sign(session_id)
        assert Head.parse(found.note.text).size == 4
        assert found.state.streams[0][1] == merkle_root(leaves_of(db, session_id)[0]).hex()


@pytest.mark.skipif(os.name != "posix", reason="fork")
def test_in_a_forked_process(path, key):
    with ProvenanceDatabase(path) as db, Signer(db, key) as signer:
        session_id, (stream,) = begin(db)
        record(db, stream, range(5))
        pid = os.fork()
        if not pid:
            try:
                signer.sign(session_id)
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        assert len(heads(db, session_id)) == 1


@pytest.mark.parametrize("kind", ["symlink_to", "hardlink_to"])
def test_a_key_by_another_name_has_the_same_list(path, tmp_path, key, kind):
    backed_up(path, tmp_path, key)
    other = tmp_path / "other.key"
    getattr(other, kind)(key.path)
    if kind == "hardlink_to":
        with pytest.raises(SigningKeyError, match="another name"):
            SigningKey.load(other)
        return
    with (
        ProvenanceDatabase(tmp_path / "backup.db") as db,
        pytest.raises(RecordAlteredError, match="lies behind"),
    ):
        Signer(db, SigningKey.load(other))


def test_a_key_that_was_followed_signs_nothing_more(db, key, tmp_path):
    session_id, (stream,) = begin(db)
    old = Signer(db, key)
    old.sign(session_id)
    new = key.succeed(tmp_path / "new.key")
    record(db, stream, range(2))
    with pytest.raises(SigningKeyError, match="has named another that follows it"):
        old.sign(session_id)
    assert Head.parse(Signer(db, new).sign(session_id).note.text).size == 2


def test_nothing_is_left_of_a_key_that_could_not_follow(key, tmp_path):
    (tmp_path / "new.key.heads").touch()
    with pytest.raises(SigningKeyError, match="is there already"):
        key.succeed(tmp_path / "new.key")
    assert not (tmp_path / "new.key").exists()


@pytest.mark.parametrize("send", [lambda text: 1 / 0, "nowhere/heads.txt"])
def test_a_head_that_cannot_be_sent(db, key, send, caplog, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    signer = Signer(db, key, send=send)
    session_id, _ = begin(db)
    db.end_session(session_id)
    assert "its head not sent" in caplog.text
    assert len(heads(db, session_id)) == 1
    with pytest.raises((ZeroDivisionError, OriginError)):
        signer.sign(session_id)


def test_a_signature_that_was_damaged_is_replaced(db, key):
    session_id, _ = begin(db)
    note = Signer(db, key).sign(session_id).note
    bad = Signature(note.signatures[0].name, note.signatures[0].key_id, bytes(64))
    db._connection.rows("UPDATE session_states SET head = ?", (str(Note(note.text, (bad,))),))
    assert Signer(db, key).sign(session_id).note == note
    db._connection.rows("UPDATE session_states SET head = 'nonsense'")
    with pytest.raises(RecordAlteredError, match="is damaged"):
        Signer(db, key).sign(session_id)


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("DELETE FROM batches WHERE batch_id % 1024 = 3", "4 batches on record and 5 in its log"),
        ("UPDATE gaps SET reason = 'planned'", "on record no longer as it was"),
        ("UPDATE gaps SET last_batch = 5", "on record no longer as it was"),
    ],
)
def test_an_edited_record_is_not_signed(db, key, statement, match):
    session_id, (stream,) = begin(db)
    record(db, stream, range(5))
    db.append([], [Gap(stream, 5, 7, "KeyError: 'x'")])
    with Signer(db, key) as signer:
        signer.sign(session_id)
        db._connection.rows(statement)
        with pytest.raises(RecordAlteredError, match=match):
            signer.sign(session_id)


def test_an_edited_batch_is_not_signed_at_the_end(db, key, caplog):
    session_id, (stream,) = begin(db)
    record(db, stream, range(5))
    with Signer(db, key) as signer:
        signer.sign(session_id)
        db._connection.rows("UPDATE batches SET root = zeroblob(32) WHERE batch_id % 1024 = 3")
        db.end_session(session_id)
        assert "batch 3 of stream 0" in caplog.text
        with pytest.raises(RecordAlteredError, match=r"batch 3 .* is not as it was signed"):
            signer.sign(session_id)
