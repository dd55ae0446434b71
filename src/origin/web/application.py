"""The web application: its addresses, and what each shows."""

import logging
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from origin import cards
from origin.errors import (
    BatchNotFoundError,
    ConfigurationError,
    DatabaseNotFoundError,
    LicenseNotFoundError,
    OriginError,
    SessionNotFoundError,
    SourceNotFoundError,
)
from origin.web import comparing, lists, samples, session, sqlbox
from origin.web.guard import Guard
from origin.web.views import Sites, page

_NOT_FOUND = (
    BatchNotFoundError,
    DatabaseNotFoundError,
    LicenseNotFoundError,
    SessionNotFoundError,
    SourceNotFoundError,
)
_STATIC = Path(__file__).parent / "static"
_LOOK = Path(cards.__file__).parent / "templates" / "look.css"

_log = logging.getLogger("origin")

ROUTES = (
    Route("/", lists.sessions),
    Route("/sessions/{session}", session.session),
    Route("/sessions/{session}/batches", session.batches),
    Route("/sessions/{session}/batches/{stream}/{number}", session.batch),
    Route("/sessions/{session}/card.md", session.card),
    Route("/sessions/{session}/report.html", session.report),
    Route("/sources", lists.sources),
    Route("/source", lists.source),
    Route("/licenses", lists.licenses),
    Route("/license", lists.one_license),
    Route("/conflicts", lists.conflicts),
    Route("/samples", samples.look_up),
    Route("/samples/{sample}", samples.sample),
    Route("/compare", comparing.compare),
    Route("/sql", sqlbox.sql),
    Route("/static/look.css", lambda _: FileResponse(_LOOK)),
    Mount("/static", StaticFiles(directory=_STATIC)),
)


def application(sites: Sites, *, is_open: bool = False, token: str | None = None) -> Guard:
    """The application that shows a database.

    Args:
        sites: of the database.
        is_open: answer to any name, and not only to those of this machine; it takes a token then.
        token: what whoever reads must know.

    Raises:
        ConfigurationError: no token is given, and it takes one.
    """
    if is_open and token is None:
        raise ConfigurationError("a page that others can reach needs a token")
    app = Starlette(
        routes=ROUTES,
        exception_handlers={OriginError: _refused, HTTPException: _missing, Exception: _failed},
    )
    app.state.sites = sites
    return Guard(app, is_open=is_open, token=token)


def _refused(request: Request, error: Exception) -> Response:
    wrong = 404 if isinstance(error, _NOT_FOUND) else 400
    status = wrong if isinstance(error, (*_NOT_FOUND, ConfigurationError)) else 500
    return page(request, "trouble.html.j2", status, what=str(error))


def _missing(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return page(request, "trouble.html.j2", status, what=f"there is no page {request.url.path}")


def _failed(request: Request, error: Exception) -> Response:
    _log.error("the page %s failed", request.url.path, exc_info=error)
    return page(request, "trouble.html.j2", 500, what=f"{type(error).__name__}: {error}")
