"""What a bundle says of session, sources, licenses and models, beside what the head stands for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from origin.core.log import OpenLeaf
from origin.errors import ProofError
from origin.verify.findings import Findings
from origin.verify.streams import StreamSummary
from origin.verify.wording import named, quoted

__all__ = ["FORMS", "canonical", "check_licenses", "check_session", "read_record"]

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


def canonical(told: Any) -> bytes:
    """JSON in the one form that a bundle's members have, with a line feed behind it.

    >>> canonical({"b": "ä", "a": None})
    b'{"a":null,"b":"\\\\u00e4"}\\n'
    """
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii") + b"\n"


def _is_text(value: object) -> bool:
    return type(value) is str


def _is_text_or_null(value: object) -> bool:
    return value is None or type(value) is str


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**64


def _is_object(value: object) -> bool:
    return type(value) is dict


def _is_flag(value: object) -> bool:
    return type(value) is bool


def _is_digest(value: object) -> bool:
    return type(value) is str and _DIGEST.match(value) is not None


def _are_words(value: object) -> bool:
    return type(value) is list and all(map(_is_text, value))


def _is_history(value: object) -> bool:
    return type(value) is list and all(
        type(one) is list and len(one) == 2 and _is_text(one[0]) and _is_text_or_null(one[1])
        for one in value
    )


Form = Mapping[str, Callable[[object], bool]]

# The members of each object, by the name of the file; all but the first hold lists of them.
FORMS: dict[str, Form] = {
    "session.json": {
        "session": _is_text,
        "config_hash": _is_text,
        "created_at": _is_text,
        "ended_at": _is_text_or_null,
        "status": _is_text,
        "metadata": _is_object,
        "signed_at": _is_text,
    },
    "sources.json": {
        "source_id": _is_text,
        "source_type": _is_text,
        "source_path": _is_text_or_null,
        "license_id": _is_text_or_null,
        "first_seen": _is_text,
        "title": _is_text_or_null,
        "author": _is_text_or_null,
        "url": _is_text_or_null,
        "changes": _is_text_or_null,
        "history": _is_history,
    },
    "licenses.json": {
        "license_id": _is_text,
        "license_name": _is_text,
        "license_url": _is_text_or_null,
        "permissions": _are_words,
        "restrictions": _are_words,
        "conditions": _are_words,
        "copyleft": _is_flag,
    },
    "models.json": {
        "model": _is_text,
        "name": _is_text,
        "sha256": _is_digest,
        "byte_size": _is_count,
        "recorded_at": _is_text,
    },
}


def read_record(name: str, content: bytes) -> Any:
    """Read one of the members that hold what is on record.

    Args:
        name: of the member, as in ``FORMS``.
        content: of the member.

    Returns:
        The object, or the list of objects.

    Raises:
        ProofError: it is not in its one form.
    """
    try:
        told = json.loads(content.decode("ascii"))
        is_canonical = canonical(told) == content
    except (ValueError, RecursionError):
        raise ProofError("it is not JSON in ASCII") from None
    if not is_canonical:
        raise ProofError("it is not JSON in its one canonical form")
    form = FORMS[name]
    is_list = name != "session.json"
    if is_list and type(told) is not list:
        raise ProofError("it is no list")
    for one in told if is_list else [told]:
        if type(one) is not dict or one.keys() != form.keys():
            raise ProofError("it has other members than it must have")
        if not all(form[key](value) for key, value in one.items()):
            raise ProofError("a member of it is of another kind than it must be")
    lines = [canonical(one) for one in told] if is_list else []
    if lines != sorted({*lines}):
        raise ProofError("its list is not in ascending order, or has something twice")
    return told


def check_session(
    told: Mapping[str, Any], session: str, streams: Sequence[StreamSummary], found: Findings
) -> None:
    """Hold what ``session.json`` says against the streams.

    Args:
        told: what it says.
        session: the id of the session that the head is of.
        streams: what their logs say.
        found: takes what does not fit.
    """
    where = "session.json"
    if told["session"] != session:
        found.add("session", where, "it is of another session than the head")
    for stream in streams:
        opened, closed = stream.opened, stream.closed
        if opened is not None and opened.session != session:
            found.add("session", _where(stream), "it was opened in another session")
        if opened is not None and opened.config_hash != told["config_hash"]:
            found.add("session", where, f"its config_hash is not that of stream {stream.number:,}")
        if closed is None:
            continue
        for name in ("status", "ended_at"):
            if getattr(closed, name) != told[name]:
                text = f"its {name} is not what stream {stream.number:,} closes with"
                found.add("session", where, text)


def check_licenses(
    sources: Sequence[Mapping[str, Any]], streams: Sequence[StreamSummary], found: Findings
) -> None:
    """Hold the licenses with which streams were opened against those that their sources had.

    Args:
        sources: what ``sources.json`` says.
        streams: what their logs say.
        found: takes what does not fit.
    """
    had = {
        one["source_id"]: {one["license_id"], *(license_id for _, license_id in one["history"])}
        for one in sources
    }
    for stream in streams:
        if stream.opened is None:
            continue
        source, license_id = stream.opened.source, stream.opened.license
        if source not in had:
            text = f"its source {quoted(source)} is not in sources.json"
            found.add("license", _where(stream), text)
        elif license_id not in had[source]:
            text = f"it was opened under {_license(license_id)}, which its source never had"
            found.add("license", _where(stream), text)


def told_of(opened: OpenLeaf) -> str:
    """The source and the license of a stream, in words."""
    return f"{quoted(opened.source)} ({_license(opened.license)})"


def _license(license_id: str | None) -> str:
    return "no license given" if license_id is None else f"license {named(license_id)}"


def _where(stream: StreamSummary) -> str:
    return f"streams/{stream.number}.jsonl"
