"""Arguments and options that several commands have, and what the shell proposes for them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from origin.cards.figures import human_time
from origin.cli.output import database_path
from origin.cli.picking import LATEST
from origin.errors import OriginError

STATUSES = ("running", "completed", "failed", "interrupted")
# So many digits of a session's id, and of a sample's, are shown to people.
SESSION_DIGITS, SAMPLE_DIGITS = 8, 12
_PROPOSED = 50


def proposed_sessions(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Session ids for the shell, the newest first, each with what tells it from others."""
    from origin.storage.database import ProvenanceDatabase

    path = database_path(context.find_root().params.get("path"))
    found = [(LATEST, "the newest")]
    try:
        with ProvenanceDatabase(path, read_only=True) as db:
            for one in db.list_sessions(_PROPOSED):
                found.append((one.session_id, f"{one.status}, {human_time(one.created_at)}"))
    except (OriginError, OSError):
        pass  # there is no good place for an error between two key strokes
    return [one for one in found if one[0].startswith(incomplete)]


def proposed_statuses(incomplete: str) -> list[str]:
    """What a session may show as, for the shell."""
    return [one for one in STATUSES if one.startswith(incomplete)]


def proposed_formats(incomplete: str) -> list[str]:
    """Formats of exports, for the shell."""
    from origin.export.formats import FORMATS

    return [one for one in sorted(FORMATS) if one.startswith(incomplete)]


_WHICH = "An id, its beginning, or `latest`."
_SESSION: dict[str, Any] = {"autocompletion": proposed_sessions, "metavar": "SESSION"}

Session = Annotated[str, typer.Argument(help=_WHICH, **_SESSION)]
Sessions = Annotated[list[str], typer.Argument(help=f"{_WHICH} Several: one run.", **_SESSION)]
OnlySession = Annotated[
    str | None,
    typer.Option(
        "--session", help="Only this session: an id, its beginning, or `latest`.", **_SESSION
    ),
]
Limit = Annotated[int, typer.Option(help="At most so many; 0 for all.", min=0)]
Source = Annotated[str | None, typer.Option(help="Only what came from this source.")]
Rank = Annotated[int | None, typer.Option(help="Only what this rank was given.", min=0)]
Target = Annotated[Path | None, typer.Option("--output", "-o", help="Into this file.")]


def short(session_id: str) -> str:
    """As much of a session's id as people need."""
    return session_id[:SESSION_DIGITS]


def short_sample(sample_id: str) -> str:
    """As much of a sample's id as people need; ``origin trace`` takes it."""
    return sample_id[:SAMPLE_DIGITS]
