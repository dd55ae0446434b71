"""Bundles in memory, written with the standard library as docs/proof.md says it."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from proofs import SESSION, TEAM, Session, Signer, prints_of

from origin.core.log import CloseLeaf, OpenLeaf
from origin.core.note import Note

Members = dict[str, bytes]

MODEL = {
    "model": "run",
    "name": "a/model.pt",
    "sha256": "ab" * 32,
    "byte_size": 7,
    "recorded_at": "2026-01-02T05:10:00+00:00",
}


def canonical(told: Any) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def members_of(
    session: Session, *, prints: bool = False, models: bool = False, signer: Signer = TEAM
) -> Members:
    """All members of a session's bundle but the list of them."""
    members = {
        "card.md": b"# Training data provenance\n",
        "head.note": str(signer.sign(session.head())).encode(),
        "licenses.json": b"[]\n",
        "models.json": canonical([MODEL] if models else []),
        "session.json": canonical(session_told(session)),
        "sources.json": canonical([source_told()]),
        "states.jsonl": b"".join(one.data() + b"\n" for one in session.states),
    }
    for number, log in enumerate(session.logs):
        leaves = log[: session.states[-1].streams[number][0]]
        members[f"streams/{number}.jsonl"] = b"".join(one.data() + b"\n" for one in leaves)
        if prints:
            packed = [one for batch in session.batches[number] for one in batch]
            members[f"fingerprints/{number}.bin"] = b"".join(packed)
    if models:
        members["statement.dsse.json"] = envelope(statement(session, members), signer)
    return members


def session_told(session: Session, /, **changes: Any) -> dict[str, Any]:
    is_closed = any(isinstance(log[-1], CloseLeaf) for log in session.logs)
    told = {
        "session": session.id,
        "config_hash": "lr-3e-4",
        "created_at": "2026-01-02T03:04:05.000006+00:00",
        "ended_at": "2026-01-02T05:06:07.500000+00:00" if is_closed else None,
        "status": "completed" if is_closed else "running",
        "metadata": {"lr": 0.5},
        "signed_at": "2026-03-02T00:00:00+00:00",
    }
    return told | changes


def source_told(**changes: Any) -> dict[str, Any]:
    told = {
        "source_id": "digits",
        "source_type": "dataset",
        "source_path": None,
        "license_id": "CC-BY-4.0",
        "first_seen": "2026-01-02T03:00:00+00:00",
        "title": None,
        "author": None,
        "url": None,
        "changes": None,
        "history": [["2026-01-02T03:00:00+00:00", "CC-BY-4.0"]],
    }
    return told | changes


def statement(session: Session, members: Mapping[str, bytes]) -> dict[str, Any]:
    head = members["head.note"]
    dependencies = []
    for number, log in enumerate(session.logs):
        opened, last = log[0], log[-1]
        assert isinstance(opened, OpenLeaf)
        digests = {"originStreamLog": session.states[-1].streams[number][1]}
        if isinstance(last, CloseLeaf):
            digests["originSampleSet"] = last.set_root
        notes = {"license": opened.license, "rank": opened.rank, "stream": number}
        dependencies.append({"name": opened.source, "digest": digests, "annotations": notes})
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "run/a/model.pt", "digest": {"sha256": "ab" * 32}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:origin-provenance:training:1",
                "externalParameters": {"config_hash": "lr-3e-4", "session": session.id},
                "internalParameters": {"status": "completed"},
                "resolvedDependencies": dependencies,
            },
            "runDetails": {
                "builder": {"id": "urn:origin-provenance:recorder:1"},
                "metadata": {"invocationId": session.id},
                "byproducts": [
                    {
                        "name": "head.note",
                        "digest": {"sha256": sha256(head).hexdigest()},
                        "content": base64.b64encode(head).decode(),
                    }
                ],
            },
        },
    }


def envelope(told: Any, signer: Signer = TEAM, kind: str = "application/vnd.in-toto+json") -> bytes:
    payload = told if isinstance(told, bytes) else json.dumps(told).encode()
    signed = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    signature = signer.signature(signed.decode())
    return json.dumps(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": kind,
            "signatures": [
                {"keyid": "00", "sig": base64.b64encode(signature.data).decode()},
            ],
        }
    ).encode()


def listing(members: Mapping[str, bytes], signer: Signer = TEAM, session: str = SESSION) -> bytes:
    """``bundle.note`` of some members."""
    lines = [f"{sha256(members[name]).hexdigest()} {len(members[name])} {name}"
             for name in sorted(members)]  # fmt: skip
    text = "\n".join(["origin-provenance/bundle", f"session {session}", *lines]) + "\n"
    return str(Note(text, (signer.signature(text),))).encode()


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip of members, in the order in which they are given."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in members.items():
            file.writestr(told_of(name), content)
    return out.getvalue()


def told_of(name: str) -> zipfile.ZipInfo:
    told = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    told.compress_type, told.create_system = zipfile.ZIP_DEFLATED, 3
    told.external_attr = 0o100644 << 16
    return told


def packed(
    members: Mapping[str, bytes],
    signer: Signer = TEAM,
    session: str = SESSION,
    listed: Mapping[str, bytes] | None = None,
) -> bytes:
    """A bundle of members, listed as they are, or as they were."""
    in_order = {name: members[name] for name in sorted(members)}
    told = members if listed is None else listed
    return zipped({"bundle.note": listing(told, signer, session), **in_order})


def small_session() -> Session:
    """Two streams, one with a gap, and two states."""
    session = Session(prints_of(3, 2), prints_of(2, 1), closed=False)
    session.note_state()
    session.gap(0, 3, 5)
    for number in (0, 1):
        session.close(number)
    session.note_state()
    return session


def written(folder: Path, content: bytes) -> Path:
    path = folder / "run.origin"
    path.write_bytes(content)
    return path
