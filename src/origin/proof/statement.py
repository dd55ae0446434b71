"""Statements: a model's files, and the session they came out of, as in-toto has it."""

import json
import re
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from origin._version import __version__
from origin.core.arguments import session_id_of
from origin.core.log import CloseLeaf
from origin.core.note import encode_base64
from origin.core.record import SessionRecord
from origin.errors import NotProvableError, ProofError
from origin.proof.keys import SigningKey
from origin.proof.prover import SignedSession, newest_signed
from origin.storage.database import ProvenanceDatabase, require_database
from origin.verify.envelope import Envelope, signed_bytes
from origin.verify.statement import (
    BUILD_TYPE,
    HEAD_NAME,
    LOG_ROOT,
    PAYLOAD_TYPE,
    PREDICATE_TYPE,
    SET_ROOT,
    STATEMENT_TYPE,
    subject_name,
)

BUILDER = "urn:origin-provenance:recorder:1"

# A URI by RFC 3986 has no other characters; scheme and host in lower case, as in-toto wants them.
_URI = re.compile(r"[a-z][a-z0-9+.-]*:(//[a-z0-9.:\[\]-]+(?=[/?#]|\Z))?[!#-;=?-\[\]_a-z~]*\Z")


def attest(db: ProvenanceDatabase, session_id: str | SessionRecord, key: SigningKey) -> str:
    """State which files a session's model is, and what the session was given, and sign that.

    What it says is specified in ``docs/proof.md``, chapter "The statement".

    Args:
        db: an open database.
        session_id: which session; it was signed, and a model was recorded of it.
        key: a key that signed the newest head.

    Returns:
        A DSSE envelope with an in-toto statement, as the text of a file.

    Raises:
        SessionNotFoundError: no session has that id.
        NotProvableError: the session was not signed, or not by this key, or has no model.
        RecordAlteredError: the record contradicts what was signed.
    """
    require_database("attest", db)
    signed = newest_signed(db, session_id_of(session_id))
    return statement_envelope(db, signed, key).text()


def statement_envelope(db: ProvenanceDatabase, signed: SignedSession, key: SigningKey) -> Envelope:
    """The statement about a session, signed; see ``attest``."""
    require_signer(signed, key)
    payload = json.dumps(_statement(db, signed), sort_keys=True, separators=(",", ":")).encode()
    signature = key.sign_bytes(signed_bytes(PAYLOAD_TYPE, payload))
    return Envelope(PAYLOAD_TYPE, payload, ((key.public.key_id.hex(), signature),))


def require_signer(signed: SignedSession, key: SigningKey) -> None:
    """Raise unless a key has signed the newest head of a session.

    Raises:
        NotProvableError: it has not.
    """
    try:
        signed.head.signers([key.public])
    except ProofError as error:
        raise NotProvableError(
            f"the newest head of session {signed.session_id} is not signed by {key.public.name}; "
            "sign it with that key first, by `origin sign`"
        ) from error


def _statement(db: ProvenanceDatabase, signed: SignedSession) -> dict[str, Any]:
    session = db.get_session(signed.session_id)
    files = db.models.of(session.session_id)
    if not files:
        raise NotProvableError(
            f"no model is known to have come out of session {session.session_id}; "
            "`origin model add` records it"
        )
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": subject_name(one.model, one.name), "digest": {"sha256": one.digest.hex()}}
            for one in files
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "config_hash": session.config_hash,
                    "session": session.session_id,
                },
                "internalParameters": {"status": session.status},
                "resolvedDependencies": _dependencies(db, signed),
            },
            "runDetails": {
                "builder": {"id": BUILDER, "version": {"origin-provenance": __version__}},
                "metadata": _metadata(session),
                "byproducts": [_head(signed)],
            },
        },
    }


def _dependencies(db: ProvenanceDatabase, signed: SignedSession) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for stream, (size, root) in zip(signed.streams, signed.leaf.streams, strict=False):
        digests = {LOG_ROOT: root}
        last = dict(db.logs.entries(stream.stream_no)).get(size - 1)
        if isinstance(last, CloseLeaf):
            digests[SET_ROOT] = last.set_root
        url = db.get_source(stream.source_id).url
        found.append(
            {
                "name": stream.source_id,
                **({"uri": url} if url is not None and _URI.match(url) else {}),
                "digest": digests,
                "annotations": {
                    "license": stream.license_id,
                    "rank": stream.rank,
                    "stream": len(found),
                },
            }
        )
    return found


def _metadata(session: SessionRecord) -> dict[str, str]:
    ended = {} if session.ended_at is None else {"finishedOn": _time(session.ended_at)}
    started = _time(session.created_at)
    return {"invocationId": session.session_id, "startedOn": started, **ended}


def _time(told: str) -> str:
    """A time as in-toto has it: RFC 3339, in UTC, with a Z.

    >>> _time("2026-01-02T03:04:05.000006+00:00")
    '2026-01-02T03:04:05.000006Z'
    """
    time = datetime.fromisoformat(told)
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _head(signed: SignedSession) -> dict[str, Any]:
    # As it is stored; to write what was read of it would be the same.
    note = str(signed.head).encode()
    return {
        "name": HEAD_NAME,
        "digest": {"sha256": sha256(note).hexdigest()},
        "content": encode_base64(note),
        "mediaType": "text/plain",
    }
