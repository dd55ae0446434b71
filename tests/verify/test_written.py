"""The texts of proofs, put together by hand as docs/proof.md says, are those that are written."""

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256

from proofs import TEAM, Session, prints

from origin.core.log import StateLeaf
from origin.core.note import Head
from origin.verify import AbsenceProof, ConsistencyProof, InclusionProof

ONE, THREE = prints(1, 3)


def leaf(data: bytes | str) -> bytes:
    return sha256(b"\x00" + (data.encode() if isinstance(data, str) else data)).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def base64(data: bytes) -> str:
    return b64encode(data).decode()


def written(told: Mapping[str, object]) -> str:
    return json.dumps(told, sort_keys=True, separators=(",", ":"))


OPEN = written(
    {
        "kind": "open",
        "session": "3f9c…",
        "config_hash": "lr-3e-4",
        "stream": 0,
        "source": "digits",
        "license": None,
        "rank": 0,
        "world_size": 1,
        "opened_at": "2026-01-02T03:04:05.000006+00:00",
        "fingerprint": "sha256",
        "fingerprint_version": 1,
        "log_version": 1,
    }
)
SET = node(leaf(ONE), leaf(THREE))
BATCH = written({"kind": "batch", "batch": 0, "epoch": 0, "samples": 2, "root": SET.hex()})
CLOSE = written(
    {
        "kind": "close",
        "status": "completed",
        "ended_at": "2026-01-02T05:06:07.500000+00:00",
        "batches": 1,
        "observations": 2,
        "bytes_seen": 2000,
        "missing": 0,
        "set_size": 2,
        "set_root": SET.hex(),
    }
)
EARLY, LATE = leaf(OPEN), node(node(leaf(OPEN), leaf(BATCH)), leaf(CLOSE))
FIRST = written({"kind": "state", "session": "3f9c…", "state": 0, "streams": [[1, EARLY.hex()]]})
SECOND = written({"kind": "state", "session": "3f9c…", "state": 1, "streams": [[3, LATE.hex()]]})
STATES = node(leaf(FIRST), leaf(SECOND))


def signed(size: int, root: bytes) -> str:
    text = f"origin-provenance/session/3f9c…\n{size}\n{base64(root)}\n"
    bytes_signed = TEAM.signature(text).data
    return f"{text}\n— example.com/team {base64(TEAM.key.key_id + bytes_signed)}\n"


def session() -> Session:
    session = Session(session="3f9c…", closed=False)
    session.open(license=None)
    session.note_state()
    session.batch(0, [ONE, THREE])
    session.close(0)
    session.note_state()
    return session


INCLUSION = f"""origin.proof/inclusion@1
sample {THREE.hex()}
position 1
stream 0
index 1
open {OPEN}
path open {base64(leaf(BATCH))} {base64(leaf(CLOSE))}
batch {BATCH}
path sample {base64(leaf(ONE))}
path leaf {base64(leaf(OPEN))} {base64(leaf(CLOSE))}
state {SECOND}
path state {base64(leaf(FIRST))}

{signed(2, STATES)}"""

ABSENCE = f"""origin.proof/absence@1
sample {prints(2)[0].hex()}
state {SECOND}
path state {base64(leaf(FIRST))}
stream 0
open {OPEN}
path open {base64(leaf(BATCH))} {base64(leaf(CLOSE))}
close {CLOSE}
path close {base64(node(leaf(OPEN), leaf(BATCH)))}
before 0 {ONE.hex()}
path before {base64(leaf(THREE))}
after 1 {THREE.hex()}
path after {base64(leaf(ONE))}

{signed(2, STATES)}"""

CONSISTENCY = f"""origin.proof/consistency@1
old {FIRST}
path old
new {SECOND}
path new {base64(leaf(FIRST))}
path states {base64(leaf(SECOND))}
path stream {base64(leaf(BATCH))} {base64(leaf(CLOSE))}

{signed(1, leaf(FIRST))}
{signed(2, STATES)}"""


def test_inclusion() -> None:
    proof = session().inclusion(0, 0, 1)
    assert proof.text() == INCLUSION
    assert InclusionProof.parse(INCLUSION) == proof


def test_absence() -> None:
    proof = session().absence(prints(2)[0])
    assert proof.text() == ABSENCE
    assert AbsenceProof.parse(ABSENCE) == proof


def test_consistency() -> None:
    proof = session().consistency(0, 1)
    assert proof.text() == CONSISTENCY
    assert ConsistencyProof.parse(CONSISTENCY) == proof


def test_an_absence_before_and_after_all() -> None:
    before, after = session().absence(prints(0)[0]).text(), session().absence(prints(4)[0]).text()
    assert f"\nbefore none\nafter 0 {ONE.hex()}\npath after {base64(leaf(THREE))}\n\n" in before
    assert f"\nbefore 1 {THREE.hex()}\npath before {base64(leaf(ONE))}\nafter none\n\n" in after


def test_the_states_are_those_of_the_session() -> None:
    found = session().states
    assert [one.data().decode() for one in found] == [FIRST, SECOND]
    assert found[0] == StateLeaf("3f9c…", 0, [[1, EARLY.hex()]])
    assert session().head() == Head("origin-provenance/session/3f9c…", 2, STATES)
