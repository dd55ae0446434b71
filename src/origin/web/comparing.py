"""The page that compares two sessions."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from origin.core.record import SessionRecord
from origin.errors import OriginError
from origin.query.picking import picked
from origin.web.views import Site, given, page, site_of


def compare(request: Request) -> Response:
    """What two sessions have in common, what not, and where they part."""
    site = site_of(request)
    names = given(request, "a").strip(), given(request, "b").strip()
    told: dict[str, Any] = {"a": None, "b": None, "trouble": "", "result": None, "refresh": 0}
    if all(names):
        try:
            a, b = (picked(site.db, name) for name in names)
        except OriginError as error:
            told["trouble"] = str(error)
        else:
            told |= {"a": a, "b": b, **_compared(site, a, b)}
    recent = site.db.list_sessions(limit=20)
    return page(request, "compare.html.j2", names=names, recent=recent, **told)


def _compared(site: Site, a: SessionRecord, b: SessionRecord) -> dict[str, Any]:
    if a.session_id == b.session_id:
        return {"trouble": "those are the same session"}

    def find() -> dict[str, Any]:
        return {
            "counts": site.engine.compare_sessions(a, b),
            "difference": site.engine.diff_sessions(a, b),
            "first": site.engine.find_first_difference(a, b),
        }

    answer = site.answers.get(
        ("compare", a.session_id, b.session_id), site.db.overview.changes(), find
    )
    is_running = "running" in (a.status, b.status)
    return {"result": answer.value, "refresh": answer.refresh(is_running=is_running)}
