"""How pages are made: a template, and what it tells."""

import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse

from origin._version import __version__
from origin.cards.pages import environment
from origin.core.record import SessionRecord
from origin.errors import ConfigurationError
from origin.query.engine import QueryEngine
from origin.query.picking import picked
from origin.storage.database import ProvenanceDatabase
from origin.storage.text import from_column, to_column
from origin.web.answers import Answers

ROWS = 50
# Numbers of batches have up to so many digits.
_DIGITS = 13


@dataclass(frozen=True)
class Site:
    """What all pages share.

    Args:
        db: the database, opened for reading.
        engine: of that database.
        answers: to what takes long.
    """

    db: ProvenanceDatabase
    engine: QueryEngine
    answers: Answers = field(default_factory=Answers)


class Sites:
    """The site of the database that is at a path now: a file may be replaced by another.

    Args:
        db: the database, opened for reading only.

    Raises:
        ConfigurationError: it is open for writing.
    """

    def __init__(self, db: ProvenanceDatabase) -> None:
        if not db.read_only:
            raise ConfigurationError("the page only reads: open the database with read_only=True")
        self._lock = threading.Lock()
        self._identity = _identity(db.path)
        self._site = Site(db, QueryEngine(db))
        self._load()

    @property
    def path(self) -> Path:
        """Of the database."""
        return self._site.db.path

    def current(self) -> Site:
        """The site of the file that is there now.

        Raises:
            DatabaseNotFoundError: there is none.
            StorageError: it cannot be read.
        """
        with self._lock:
            found = _identity(self._site.db.path)
            if found != self._identity:
                db = ProvenanceDatabase(self._site.db.path, read_only=True)
                self._identity, self._site = found, Site(db, QueryEngine(db))
            return self._site

    def stop(self) -> None:
        """Have what is being answered end now."""
        self._site.engine.interrupt()

    def end(self) -> None:
        """Wait until nothing is being answered any more."""
        self._site.answers.end(self._site.engine.interrupt)

    def _load(self) -> None:
        # What questions need takes its time to load, which the first of them need not wait for.
        site = self._site
        site.answers.get("begin", None, lambda: site.engine.sql("SELECT 1").rows(), wait=0)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def site_of(request: Request) -> Site:
    """What all pages share; the same for all of one request."""
    if not hasattr(request.state, "site"):
        request.state.site = request.app.state.sites.current()
    site: Site = request.state.site
    return site


def session_in(request: Request) -> SessionRecord:
    """The session that the address names: its id, the beginning of it, or ``latest``.

    Raises:
        SessionNotFoundError: there is none.
    """
    return picked(site_of(request).db, request.path_params["session"])


def given(request: Request, name: str) -> str:
    """A text of the address; empty if it is not there."""
    text = request.query_params.get(name, "")
    try:
        return from_column(text)
    except ValueError:
        return text


def number_in(request: Request, name: str, default: int = 0) -> int:
    """A whole number of the address, from 0; the default if none is there."""
    text = request.query_params.get(name, "")
    return number_of(text, default)


def number_of(text: str, default: int) -> int:
    """A whole number that a text tells; the default if it tells none that could be one of ours.

    >>> number_of("12", 0), number_of("-1", 0), number_of("9" * 5000, 0)
    (12, 0, 0)
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else default


def link(path: str, **told: object) -> str:
    """An address on this site; what is empty is left out.

    >>> link("/source", id="a&b", page=None)
    '/source?id=a%26b'
    """
    named = [
        (name, to_column(str(value))) for name, value in told.items() if value not in (None, "")
    ]
    return f"{path}?{urlencode(named)}" if named else path


def page(request: Request, template: str, status: int = 200, **told: Any) -> HTMLResponse:
    """A page.

    Args:
        request: what it answers.
        template: its name.
        status: of the answer.
        told: what the template asks for.
    """
    common = {
        "link": link,
        "path": request.url.path,
        "here": f"{request.url.path}?{request.url.query}".rstrip("?"),
        "query": defaultdict(str, request.query_params),
        "database": str(request.app.state.sites.path),
        "version": __version__,
        "refresh": 0,
    }
    made = environment("origin.web", "origin.cards").get_template(template)
    return HTMLResponse(made.render(common | told), status)
