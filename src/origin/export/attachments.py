"""What is attached to a run elsewhere: the document, the card and the report of a session."""

import re
from hashlib import sha256

from origin.cards.facts import RunFacts
from origin.cards.generator import card_of
from origin.cards.report import report_of
from origin.export.jsonfile import document
from origin.export.texts import json_text, plain
from origin.storage.database import ProvenanceDatabase

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


def attachments(db: ProvenanceDatabase, facts: RunFacts) -> dict[str, str]:
    """The document without batches, the card and the report, by file name.

    Args:
        db: an open database.
        facts: of a session in it.
    """
    own = file_part(facts.session.session_id)
    return {
        f"provenance-{own}.json": json_text(document(facts), pretty=True) + "\n",
        f"provenance-card-{own}.md": plain(card_of(facts)),
        f"provenance-report-{own}.html": plain(report_of(db, facts)),
    }


def file_part(session_id: str) -> str:
    """The id of a session as a part of a file name.

    >>> file_part("7d0e-1"), file_part("../x")
    ('7d0e-1', 'd6b96a97d147daaae49eb87a5ca7bfbc')
    """
    if _SAFE_ID.fullmatch(session_id):
        return session_id
    return sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
