"""Serving the page until somebody stops it."""

import gc
import secrets
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from html import escape
from pathlib import Path
from types import FrameType

import uvicorn

from origin.errors import ConfigurationError
from origin.storage.database import ProvenanceDatabase
from origin.web.application import application
from origin.web.guard import is_loopback
from origin.web.views import Sites


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
    with _bound(host, port) as bound, _sites(db) as sites:
        address = _address(host, bound.getsockname()[1], token)
        config = uvicorn.Config(
            application(sites, is_open=is_open, token=token),
            log_level="critical",
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        say(address)
        # Ctrl-C is how it ends.
        shown = _shown(address, token) if opens_browser else nullcontext()
        with shown, suppress(KeyboardInterrupt):
            _Server(config, sites).run(sockets=[bound])
    # DuckDB complains of what is left over when the interpreter ends.
    del config, sites
    gc.collect()


@contextmanager
def _sites(db: ProvenanceDatabase) -> Iterator[Sites]:
    """What is shown; whatever happens, nothing is worked on any more afterwards."""
    sites = Sites(db)
    try:
        yield sites
    finally:
        sites.end()


class _Server(uvicorn.Server):
    """A server that waits for no long question when it is told to end."""

    def __init__(self, config: uvicorn.Config, sites: Sites) -> None:
        super().__init__(config)
        self._sites = sites

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        super().handle_exit(sig, frame)
        self._sites.stop()


def _address(host: str, port: int, token: str | None) -> str:
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    if host in ("0.0.0.0", "::", "[::]"):  # noqa: S104  it is the user who asks for it
        name = socket.getfqdn()
    return f"http://{name}:{port}/" + ("" if token is None else f"?token={token}")


@contextmanager
def _shown(address: str, token: str | None) -> Iterator[None]:
    """Have the user's browser show the page, while the block runs."""
    with tempfile.TemporaryDirectory(prefix="origin-page-") as folder:
        if token is not None:
            # All accounts of a machine see command lines; this folder is the user's own.
            file = Path(folder) / "page.html"
            told = escape(f"0; url={address}")
            file.write_text(f'<meta http-equiv="refresh" content="{told}">', encoding="utf-8")
            address = file.as_uri()
        # One that runs in the terminal returns when it is left.
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        yield


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
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"the page cannot be bound to {host} port {port}: {why}; --port 0 takes one that is "
            "free"
        ) from error
