"""How pages are made: a template, and what it tells."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse

from origin._version import __version__
from origin.cards.pages import environment
from origin.core.record import SessionRecord
from origin.query.engine import QueryEngine
from origin.query.picking import picked
from origin.storage.database import ProvenanceDatabase
from origin.storage.text import from_column, to_column
from origin.web.answers import Answers

ROWS = 50


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


def site_of(request: Request) -> Site:
    """What all pages share."""
    site: Site = request.app.state.site
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
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else default


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
    site = site_of(request)
    common = {
        "link": link,
        "path": request.url.path,
        "here": f"{request.url.path}?{request.url.query}".rstrip("?"),
        "query": defaultdict(str, request.query_params),
        "database": str(site.db.path),
        "version": __version__,
        "refresh": 0,
    }
    made = environment("origin.web", "origin.cards").get_template(template)
    return HTMLResponse(made.render(common | told), status)
