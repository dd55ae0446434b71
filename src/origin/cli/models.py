"""Commands about models that came out of sessions."""

from pathlib import Path
from typing import Annotated, Any

import typer

from origin.cards.figures import human_size
from origin.cli.arguments import short
from origin.cli.grouping import Command, Grouped
from origin.cli.picking import LATEST, Chosen, picked
from origin.core.wording import many

model = typer.Typer(cls=Grouped, help="Models that came out of sessions.", no_args_is_help=True)

_COLUMNS = ("session", "model", "file", "size", "sha-256")


@model.command("add", cls=Command)
def model_add(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Of weights, or a folder of them.")],
    session: Annotated[
        str, typer.Option(help="The session it came out of: an id, its beginning, or `latest`.")
    ] = LATEST,
) -> None:
    """Record that a model came out of a session, by what is in its files.

    `origin trace --model FILE` then finds the session by the file alone.

    Example: origin model add model.safetensors --session latest
    """
    from origin.proof.models import add_model

    chosen: Chosen = context.obj
    with chosen.existing() as db, chosen.output.working("reading the model"):
        found = add_model(db, path, picked(db, session))
    _show(chosen, found)


def trace_model(chosen: Chosen, path: Path) -> None:
    """Show which sessions a model came out of."""
    from origin.errors import SampleNotFoundError
    from origin.proof.models import find_model

    with chosen.database() as db, chosen.output.working("reading the model"):
        found = find_model(db, path)
        if not found:
            raise SampleNotFoundError(
                f"no session is known to have made {path}; `origin model add` records it"
            )
        sessions = {one.session_id: db.get_session(one.session_id) for one in found}
        streams = {own: db.catalog.streams(own) for own in sessions}
    _show(chosen, found)
    if chosen.output.is_json:
        return
    for own, opened in streams.items():
        sources = ", ".join(dict.fromkeys(one.source_id for one in opened))
        seen = many(sum(one.observations for one in opened), "observation")
        chosen.output.lines(f"session {short(own)} was given {seen} of {sources or 'nothing'}")


def _show(chosen: Chosen, found: Any) -> None:
    told = [
        {
            "session_id": one.session_id,
            "model": one.model,
            "file": one.name,
            "bytes": one.byte_size,
            "sha256": one.digest.hex(),
            "recorded_at": one.recorded_at,
        }
        for one in found
    ]
    rows = [
        (
            short(one.session_id),
            one.model,
            one.name,
            human_size(one.byte_size),
            one.digest.hex()[:12],
        )
        for one in found
    ]
    chosen.output.table(_COLUMNS, rows, told)
