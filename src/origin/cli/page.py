"""The command that shows the page."""

from typing import Annotated

import typer

from origin.cli.picking import Chosen
from origin.errors import MissingDependencyError


def ui(
    context: typer.Context,
    host: Annotated[
        str, typer.Option(help="The address to bind to; one that others reach asks for a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 8477,
    needs_token: Annotated[
        bool, typer.Option("--token", help="Ask for a token on this machine as well.")
    ] = False,
    opens: Annotated[
        bool, typer.Option("--open/--no-open", help="Show it in your browser.")
    ] = True,
) -> None:
    """A page to look at, on this machine, also while training runs; Ctrl-C ends it.

    Example: origin ui --no-open --port 0
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            "the page needs Starlette and uvicorn: pip install 'origin-provenance[web]'"
        ) from error
    from origin.web.serving import serve

    chosen: Chosen = context.obj
    with chosen.database() as db:
        serve(
            db,
            host,
            port,
            needs_token=needs_token,
            opens_browser=opens,
            say=lambda address: chosen.output.lines(f"{address} shows {db.path}; Ctrl-C ends it"),
        )
