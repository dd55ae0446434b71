"""A session as metadata of a card on the Hugging Face Hub."""

import os
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from origin.cards.facts import RunFacts, SourceFacts, gather
from origin.core.license import LicenseAnalyzer
from origin.core.license.reading.hub import hub_id_of
from origin.core.record import UNKNOWN_LICENSE, SessionRecord
from origin.errors import LicenseNotFoundError
from origin.export.files import write_record
from origin.export.texts import json_text, to_form
from origin.storage.database import ProvenanceDatabase

# What the Hub takes as the id of a data set.
_PART = r"[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?"
_REPOSITORY = re.compile(rf"(?:{_PART}/)?{_PART}", re.ASCII)
_HUB = ("huggingface.co", "hf.co", "www.huggingface.co")

# A file of the model's own repository, where nothing is known that could be linked to.
_OWN_FILE = "LICENSE"
_LONGEST_NAME, _LONGEST_LINK = 64, 2_000


def to_huggingface(db: ProvenanceDatabase, session_id: str | SessionRecord) -> dict[str, Any]:
    """What of a session goes into a model card.

    Args:
        db: an open database.
        session_id: which session.

    Returns:
        ``license``, an id that the Hub knows; where that is ``other``, ``license_name`` and
        ``license_link``; ``datasets``, ids as the Hub has them; and ``training_data``.

    Raises:
        SessionNotFoundError: no session has that id.
    """
    return metadata_of(db, gather(db, session_id))


def metadata_of(db: ProvenanceDatabase, facts: RunFacts) -> dict[str, Any]:
    """What goes into a model card of a session whose facts are gathered already."""
    found = (name for one in facts.sources if (name := _data_set(one)) is not None)
    return {
        **_license(db, facts.license),
        "datasets": list(dict.fromkeys(found)),
        "training_data": _training_data(facts),
    }


def export(
    db: ProvenanceDatabase, session_id: str | SessionRecord, path: str | os.PathLike[str]
) -> int:
    """Write the same as one JSON file; returns 1, for it is one record."""
    return write_record(path, json_text(to_form(to_huggingface(db, session_id)), pretty=True))


def _training_data(facts: RunFacts) -> dict[str, Any]:
    session, counts = facts.session, facts.counts
    return {
        "samples": counts["distinct_samples"],
        "observations": counts["observations"],
        "batches": counts["batches"],
        "epochs": counts["epochs"],
        "bytes": counts["bytes"],
        "provenance_fingerprint": facts.fingerprint,
        "fingerprint_algorithm": facts.fingerprint_algorithm,
        "session_id": session.session_id,
        "status": session.status,
        "complete": facts.is_complete,
        "why_not_complete": facts.why_not,
        "caveats": list(facts.caveats),
        "license": facts.license,
        "samples_by_license": dict(facts.samples_by_license),
        "sources": [
            {
                "source": one.source.source_id,
                "license": one.license,
                "declared_license": one.declared,
                "samples": one.samples,
                "observations": one.observations,
                "share": one.share,
            }
            for one in facts.sources
        ],
        "errors": facts.errors,
        "warnings": facts.warnings,
        "conflicts": [facts.told(one) for one in facts.open_conflicts],
        "rules": facts.rules,
    }


def _license(db: ProvenanceDatabase, license_id: str | None) -> dict[str, str]:
    """A license as cards name it."""
    if license_id is None or license_id == UNKNOWN_LICENSE:
        return {"license": UNKNOWN_LICENSE}  # the Hub has that among its ids
    known = hub_id_of(license_id)
    if known is not None:
        return {"license": known}
    return {
        "license": "other",
        "license_name": _slug(license_id),
        "license_link": _link(db, license_id),
    }


def _slug(license_id: str) -> str:
    """A license as an id of small letters, as the Hub wants it.

    >>> _slug("MIT OR Apache-2.0"), _slug("\\u6587")
    ('mit-or-apache-2.0', 'custom')
    """
    words = re.sub(r"[^a-z0-9.]+", "-", license_id.lower())
    return words[:_LONGEST_NAME].strip("-.") or "custom"


def _link(db: ProvenanceDatabase, license_id: str) -> str:
    try:
        terms = LicenseAnalyzer(db).registry.get(license_id)
    except LicenseNotFoundError:
        return _OWN_FILE  # several at once
    if terms.url is not None:
        return terms.url if _is_link(terms.url) else _OWN_FILE
    if terms.is_custom or license_id.startswith("LicenseRef-") or " " in license_id:
        return _OWN_FILE
    return f"https://spdx.org/licenses/{license_id}.html"


def _is_link(url: str) -> bool:
    """Whether that is a link and nothing else; the text is a user's own."""
    is_short = len(url) <= _LONGEST_LINK
    return is_short and re.fullmatch(r"https?://[!#-;=?-\[\]_a-z~]+", url) is not None


def _data_set(one: SourceFacts) -> str | None:
    """The id under which the Hub has a source: what it links to, or its own id.

    That is one only if it names an owner, and no other place is known: ``books`` may be anything.
    """
    places = [place for place in (one.source.url, one.source.source_path) if place]
    for place in places:
        if (found := _linked(place)) is not None:
            return found
    own = one.source.source_id
    return own if not places and "/" in own and _is_repository(own) else None


def _linked(url: str) -> str | None:
    """The data set that a link to the Hub leads to.

    >>> _linked("https://huggingface.co/datasets/ag_news"), _linked("https://a.example/datasets/b")
    ('ag_news', None)
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    steps = [unquote(step) for step in parts.path.split("/") if step]
    if parts.netloc.lower() not in _HUB or steps[:1] != ["datasets"]:
        return None
    named = steps[1:3]
    # Beside a data set's own pages: those of one without an owner.
    if named[1:] and named[1] in ("tree", "blob", "resolve", "viewer", "discussions"):
        named = named[:1]
    found = "/".join(named)
    return found if _is_repository(found) else None


def _is_repository(text: str) -> bool:
    is_free_of = "--" not in text and ".." not in text and not text.endswith(".git")
    return is_free_of and len(text) <= 96 and _REPOSITORY.fullmatch(text) is not None
