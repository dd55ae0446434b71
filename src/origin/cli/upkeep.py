"""Commands that look after the database."""

import platform
from dataclasses import asdict
from typing import Annotated

import typer

from origin._version import __version__
from origin.cli.arguments import Session
from origin.cli.picking import Chosen, picked
from origin.core.wording import many
from origin.errors import ConfigurationError


def check(context: typer.Context) -> None:
    """Check that every byte that was committed is what it was.

    The exit code is 1 when something is not.

    Example: origin check
    """
    chosen: Chosen = context.obj
    with chosen.database() as db, chosen.output.working("reading every byte"):
        found = db.check()
    if chosen.output.is_json:
        chosen.output.json(asdict(found) | {"ok": found.ok})
    else:
        chosen.output.lines(str(found))
    if not found.ok:
        raise typer.Exit(1)


def seal(context: typer.Context) -> None:
    """Move what was recorded into sealed segments.

    Recording does it by itself once there is much; training may go on meanwhile.

    Example: origin seal
    """
    chosen: Chosen = context.obj
    with chosen.existing() as db, chosen.output.working("sealing"):
        moved = db.seal()
        segments = len(db.ledger.segments())
    if chosen.output.is_json:
        chosen.output.json({"moved": moved, "segments": segments})
    else:
        told = f"{many(moved, 'observation')} moved; {many(segments, 'segment')}"
        chosen.output.lines(f"{told} beside {chosen.path}")


def end(
    context: typer.Context,
    session: Session,
    status: Annotated[str, typer.Option(help="completed or failed.")] = "failed",
    is_forced: Annotated[
        bool, typer.Option("--force", help="Also one whose process is still there.")
    ] = False,
) -> None:
    """End a session that was interrupted.

    Its process is gone and nobody ended it; it then counts as failed, or as you say.

    Example: origin end latest --status failed
    """
    chosen: Chosen = context.obj
    with chosen.existing() as db:
        own = picked(db, session)
        if own.status == "running" and not is_forced:
            raise ConfigurationError(
                f"session {own.session_id} is being recorded: its process is still there; end it "
                "there, or give --force"
            )
        db.end_session(own.session_id, status)
    told = {"session_id": own.session_id, "status": status}
    chosen.output.facts([("Session", f"{own.session_id}  {status}")], told)


def version(context: typer.Context) -> None:
    """The versions of Origin and of what it stands on.

    Example: origin version
    """
    import duckdb

    from origin.core.fingerprint import SPECIFICATION
    from origin.storage.versions import store_versions

    chosen: Chosen = context.obj
    store = store_versions()
    told = {
        "origin": __version__,
        "python": platform.python_version(),
        "sqlite": store.sqlite,
        "driver": store.driver,
        "duckdb": duckdb.__version__,
        "schema": store.schema,
        "fingerprints": SPECIFICATION,
    }
    lines: list[tuple[str, object]] = [
        ("Origin", __version__),
        ("Python", told["python"]),
        ("SQLite", f"{told['sqlite']} ({store.driver})"),
        ("DuckDB", told["duckdb"]),
        ("Schema", f"version {store.schema}"),
        ("Fingerprints", f"specification, version {SPECIFICATION}"),
    ]
    chosen.output.facts(lines, told)
