"""A session as tags, params and artifacts of an MLflow run."""

import json
import os
from collections.abc import Mapping

from origin.cards.facts import RunFacts, gather
from origin.core.record import SessionRecord
from origin.export.attachments import attachments
from origin.export.files import write_record
from origin.export.texts import plain, shortened
from origin.storage.database import ProvenanceDatabase

# What MLflow takes at most, in characters.
MOST_IN_TAG, MOST_IN_PARAM, MOST_IN_DIGEST = 5_000, 6_000, 36

PREFIX = "provenance."
_ENDED = ("completed", "failed")


def to_mlflow(db: ProvenanceDatabase, session_id: str | SessionRecord) -> dict[str, dict[str, str]]:
    """What of a session goes into an MLflow run.

    Args:
        db: an open database.
        session_id: which session.

    Returns:
        ``tags``, ``params`` and ``artifacts``, the last from file name to text.

    Raises:
        SessionNotFoundError: no session has that id.
    """
    facts = gather(db, session_id)
    return {
        "tags": {f"{PREFIX}{name}": text for name, text in tags_of(facts).items()},
        "params": {f"{PREFIX}{name}": text for name, text in params_of(facts).items()},
        "artifacts": attachments(db, facts),
    }


def export(
    db: ProvenanceDatabase, session_id: str | SessionRecord, path: str | os.PathLike[str]
) -> int:
    """Write the same as one JSON file; returns 1, for it is one record."""
    return write_record(path, json.dumps(to_mlflow(db, session_id), indent=2))


def digest_of(facts: RunFacts) -> str:
    """The session's fingerprint as far as it fits into the digest of a data set."""
    return facts.fingerprint[:MOST_IN_DIGEST]


def tags_of(facts: RunFacts) -> dict[str, str]:
    """What may change while training goes on, each name there every time: so nothing stays in a run
    that no longer holds.
    """
    session, counts = facts.session, facts.counts
    sources = {one.source.source_id: one.samples for one in facts.sources}
    tags: dict[str, str] = {
        "session_id": session.session_id,
        "status": session.status,
        "created_at": session.created_at,
        "ended_at": session.ended_at or "",
        "complete": str(facts.is_complete).lower(),
        "why_not_complete": facts.why_not,
        "caveats": "\n".join(facts.caveats),
        "fingerprint": facts.fingerprint,
        "digest": digest_of(facts),
        "license": facts.license or "",
        "errors": str(facts.errors),
        "warnings": str(facts.warnings),
        "settled": str(facts.settled),
        "verdicts": "\n".join(one.text for one in facts.verdicts),
        "conflicts": "\n".join(map(facts.told, facts.open_conflicts)),
        "sources": str(len(sources)),
        "sources_without_license": str(len(facts.unknown_sources)),
        **_counted("samples_by_license", facts.samples_by_license),
        **_counted("samples_by_source", sources),
        "rules": facts.rules,
        "origin_version": facts.origin_version,
    }
    tags.update((name, str(number)) for name, number in counts.items())
    return {name: shortened(text, MOST_IN_TAG) for name, text in tags.items()}


def params_of(facts: RunFacts) -> dict[str, str]:
    """What never changes: MLflow refuses a param with another value than before."""
    params = {
        "config_hash": facts.session.config_hash,
        "fingerprint_algorithm": facts.fingerprint_algorithm,
    }
    if facts.session.status in _ENDED:
        params["fingerprint"] = facts.fingerprint
        params.update((name, str(number)) for name, number in facts.counts.items())
    return {name: shortened(text, MOST_IN_PARAM) for name, text in params.items() if text}


def _counted(name: str, counts: Mapping[str, int]) -> dict[str, str]:
    """Counts as a JSON object that fits, those that come first; and how many were left out."""
    kept, size = {}, 2
    for own, count in counts.items():
        size += len(json.dumps({plain(own): count}, ensure_ascii=False)) + 1
        if size > MOST_IN_TAG:
            break
        kept[plain(own)] = count
    left = len(counts) - len(kept)
    return {name: json.dumps(kept, ensure_ascii=False), f"{name}.left_out": str(left)}
