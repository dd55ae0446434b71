"""Pages about samples: look one up, and where it was seen."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from origin.errors import SampleNotFoundError
from origin.query.records import SampleTrace
from origin.web.views import given, link, page, site_of

_MOST = 200


def look_up(request: Request) -> Response:
    """The form: a fingerprint, or a text or file whose fingerprint the browser computes."""
    wanted = given(request, "id").strip()
    if wanted:
        return RedirectResponse(link(f"/samples/{_plain(wanted)}"), 303)
    return page(request, "look_up.html.j2", algorithm=site_of(request).db.fingerprint_algorithm)


def sample(request: Request) -> Response:
    """Where and when a sample was seen; that it never was is an answer as well."""
    wanted = request.path_params["sample"]
    engine = site_of(request).engine
    found: SampleTrace | None = None
    reason = ""
    try:
        found = engine.trace_sample(engine.find_sample(wanted), limit=_MOST)
    except SampleNotFoundError as error:
        reason = str(error)
    return page(
        request,
        "sample.html.j2",
        wanted=wanted,
        found=found,
        reason=reason,
        most=_MOST,
    )


def _plain(wanted: str) -> str:
    """Such that it is one part of an address."""
    return "".join(one for one in wanted if one.isascii() and one.isalnum()) or "-"
