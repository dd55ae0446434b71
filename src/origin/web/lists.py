"""Pages that list: sessions, sources, licenses, conflicts."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from origin.core.license import USES, LicenseAnalyzer
from origin.core.record import SessionRecord
from origin.query.picking import picked
from origin.storage.overview import SESSION_ORDERS, SOURCE_ORDERS
from origin.web.views import ROWS, given, number_in, page, site_of

STATUSES = ("running", "completed", "failed", "interrupted")
_CONFLICTING = 20
# Nobody searches for more, and SQLite would not.
_LONGEST = 1_000


def sessions(request: Request) -> Response:
    """All sessions, the newest first, or as asked."""
    status = given(request, "status")
    asked = _asked(request, SESSION_ORDERS, "created")
    found = site_of(request).db.overview.sessions(
        status=status if status in STATUSES else None, **asked
    )
    running = any(one.session.status == "running" for one in found.entries)
    return page(
        request,
        "sessions.html.j2",
        found=found,
        statuses=STATUSES,
        refresh=5 if running else 0,
        **_paging(request, asked, found.total),
    )


def sources(request: Request) -> Response:
    """All sources, those most was seen of first, or as asked."""
    asked = _asked(request, SOURCE_ORDERS, "observations")
    found = site_of(request).db.overview.sources(**asked)
    return page(request, "sources.html.j2", found=found, **_paging(request, asked, found.total))


def source(request: Request) -> Response:
    """One source, and the sessions that saw it."""
    db = site_of(request).db
    own = db.get_source(given(request, "id"))
    asked = _asked(request, SESSION_ORDERS, "created")
    found = db.overview.sessions(source=own.source_id, **asked)
    return page(
        request,
        "source.html.j2",
        source=own,
        history=db.source_history(own.source_id)[::-1],
        found=found,
        **_paging(request, asked, found.total),
    )


def licenses(request: Request) -> Response:
    """The licenses that the database names."""
    return page(request, "licenses.html.j2", licenses=site_of(request).engine.licenses_in_use())


def one_license(request: Request) -> Response:
    """One license, and all that is known of it."""
    found = site_of(request).engine.license_in_use(given(request, "id"))
    return page(request, "license.html.j2", license=found)


def conflicts(request: Request) -> Response:
    """The conflicts of one session, or of all that have some."""
    site, session, use = site_of(request), given(request, "session"), given(request, "use")
    analyzer = LicenseAnalyzer(site.db)
    at = number_in(request, "page")
    if session:
        shown, total = [picked(site.db, session)], 1
    else:
        found = site.db.overview.sessions(
            conflicting=True, limit=_CONFLICTING, offset=at * _CONFLICTING
        )
        shown, total = [one.session for one in found.entries], found.total
    return page(
        request,
        "conflicts.html.j2",
        found=[_with_conflicts(analyzer, one, use) for one in shown],
        total=total,
        at=at,
        pages=-(-total // _CONFLICTING),
        chosen_session=session,
        chosen_use=use,
        uses=USES,
    )


def _with_conflicts(
    analyzer: LicenseAnalyzer, session: SessionRecord, use: str
) -> tuple[SessionRecord, list[Any]]:
    return session, list(analyzer.find_conflicts(session, use or None))


def _asked(request: Request, orders: dict[str, str], default: str) -> dict[str, Any]:
    order = given(request, "sort")
    return {
        "text": given(request, "q").strip()[:_LONGEST],
        "order": order if order in orders else default,
        "ascending": given(request, "way") == "up",
        "limit": ROWS,
        "offset": number_in(request, "page") * ROWS,
    }


def _paging(request: Request, asked: dict[str, Any], total: int) -> dict[str, Any]:
    return {
        "order": asked["order"],
        "ascending": asked["ascending"],
        "at": number_in(request, "page"),
        "pages": -(-total // ROWS),
    }
