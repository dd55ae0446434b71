"""Serving the page until somebody stops it."""

import gc
import secrets
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from origin.errors import ConfigurationError
from origin.storage.database import ProvenanceDatabase
from origin.web.application import application
from origin.web.guard import is_loopback


def serve(
    db: ProvenanceDatabase,
    host: str,
    port: int,
    *,
    needs_token: bool,
    opens_browser: bool,
    say: Callable[[str], None],
) -> None:
    """Serve the page of a database, until Ctrl-C.

    Args:
        db: opened for reading only.
        host: the address to bind to; one that others reach needs a token.
        port: which; 0 for any that is free.
        needs_token: ask for one on the loopback address as well.
        opens_browser: show the page in the user's browser.
        say: is given the address of the page.

    Raises:
        ConfigurationError: the address cannot be bound to.
    """
    is_open = not is_loopback(host)
    token = secrets.token_urlsafe(24) if is_open or needs_token else None
    with _bound(host, port) as bound:
        name = f"[{host}]" if ":" in host else host
        if host in ("0.0.0.0", "::"):  # noqa: S104  it is the user who asks for it
            name = socket.getfqdn()
        address = f"http://{name}:{bound.getsockname()[1]}/"
        address += "" if token is None else f"?token={token}"
        config = uvicorn.Config(
            application(db, is_open=is_open, token=token),
            log_level="critical",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        say(address)
        if opens_browser:
            webbrowser.open(address)
        # Ctrl-C is how it ends.
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[bound])
    # DuckDB complains of what is left over when the interpreter ends.
    del config
    gc.collect()


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            # Who was told the address may ask before all is loaded.
            found.listen()
        except BaseException:
            found.close()
            raise
        return found
    except OSError as error:
        raise ConfigurationError(
            f"the page cannot be bound to {host} port {port}: {error.strerror or error}; "
            "--port 0 takes one that is free"
        ) from error
