"""A session as one JSON document."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from itertools import groupby, islice
from typing import Any

from origin.cards.facts import RunFacts, gather
from origin.core.record import SessionRecord, StreamRecord
from origin.errors import ConfigurationError
from origin.export.files import write_record
from origin.export.texts import json_text, to_form
from origin.query.engine import QueryEngine
from origin.query.streams import license_name
from origin.storage.database import ProvenanceDatabase

FORMAT, VERSION = "origin-provenance", 1

# More than this is for JSONL: a document is built, and read, in memory.
MOST_BATCHES = 100_000
MOST_CHARACTERS = 1 << 28
# What the text of a batch takes beside the names in it.
_BATCH_CHARACTERS = 300

_BATCHES = """
    SELECT stream_no, batch_no, epoch, seen_at, root, samples FROM batches
    WHERE session_id = ? ORDER BY stream_no, batch_no
"""


def to_json(db: ProvenanceDatabase, session_id: str | SessionRecord, *, pretty: bool = True) -> str:
    """A session as JSON text.

    Args:
        db: an open database.
        session_id: which session.
        pretty: on many lines, for people.

    Raises:
        SessionNotFoundError: no session has that id.
        ConfigurationError: it is too large.
    """
    facts = gather(db, session_id)
    _require_small(facts)
    batches = list(_batches(db, facts.session.session_id, facts.streams))
    told = {**document(facts), "format": FORMAT, "batches": batches}
    return json_text(told, pretty=pretty)


def export(
    db: ProvenanceDatabase, session_id: str | SessionRecord, path: str | os.PathLike[str]
) -> int:
    """Write the document to a file; returns 1, for it is one record."""
    return write_record(path, to_json(db, session_id))


def document(facts: RunFacts) -> dict[str, Any]:
    """The document without batches, in the form that JSON holds exactly."""
    return {"format": f"{FORMAT}-facts", "version": VERSION, **facts_form(facts)}


def facts_form(facts: RunFacts) -> dict[str, Any]:
    """The facts of a session in the form that JSON holds exactly.

    Raises:
        ConfigurationError: the session's metadata is nested too deeply.
    """
    try:
        form: dict[str, Any] = to_form(facts.to_dict())
        json.dumps(form["session"])
    except RecursionError:
        raise ConfigurationError(
            f"the metadata of session {facts.session.session_id} is nested too deeply to be "
            "exported; raise sys.setrecursionlimit(...) if it has to be"
        ) from None
    return form


def stream_form(stream: StreamRecord) -> dict[str, Any]:
    """What all batches of a stream have in common."""
    return {
        "stream": stream.stream_no,
        "rank": stream.rank,
        "source": to_form(stream.source_id),
        "license": to_form(license_name(stream.license_id)),
    }


def _require_small(facts: RunFacts) -> None:
    streams = facts.streams
    count = sum(one.batches for one in streams)
    size = sum(one.batches * (_BATCH_CHARACTERS + 6 * _letters(one)) for one in streams)
    if count > MOST_BATCHES or size > MOST_CHARACTERS:
        told = f"more than the {MOST_BATCHES:,} that" if count > MOST_BATCHES else "more text than"
        raise ConfigurationError(
            f"session {facts.session.session_id} has {count:,} batches, {told} one JSON document "
            "takes; use to_jsonl(session_id, path), which streams"
        )


def _letters(stream: StreamRecord) -> int:
    return len(stream.source_id) + len(stream.license_id or "")


def _batches(
    db: ProvenanceDatabase, session_id: str, streams: Sequence[StreamRecord]
) -> Iterator[Mapping[str, Any]]:
    known = {one.stream_no: (stream_form(one), one.batches) for one in streams}
    rows = QueryEngine(db).sql(_BATCHES, [session_id])
    for number, own in groupby(rows, key=lambda row: int(row[0])):
        common, count = known.get(number, ({}, 0))
        for _, batch_no, epoch, seen_at, root, samples in islice(own, count):
            at = seen_at.replace(tzinfo=UTC).isoformat(timespec="milliseconds")
            yield {
                **common,
                "batch_no": batch_no,
                "epoch": epoch,
                "seen_at": at,
                "root": root,
                "samples": samples,
            }
