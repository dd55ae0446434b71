"""The page that takes questions in SQL."""

import threading
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from origin.errors import OriginError
from origin.web.guard import is_own
from origin.web.views import given, page, site_of

_ROWS, _SECONDS = 500, 20
# More would leave other pages no thread.
_AT_ONCE = 4
_slots = threading.Semaphore(_AT_ONCE)

EXAMPLES = (
    "SELECT session_id, status, observations FROM sessions ORDER BY observations DESC",
    "SELECT license_id, count(*) AS observations FROM observations GROUP BY license_id",
    "SELECT source_id, sum(bytes) AS bytes FROM streams GROUP BY source_id ORDER BY bytes DESC",
)


def sql(request: Request) -> Response:
    """Ask in SQL; what another site wrote into the address is shown, and not asked."""
    site, query = site_of(request), given(request, "q").strip()
    told: dict[str, Any] = {"answer": None, "trouble": "", "is_foreign": False}
    if query and not is_own(request):
        told["is_foreign"] = True
    elif query and not _slots.acquire(timeout=1):
        told["trouble"] = f"{_AT_ONCE} other questions are being answered; ask again later"
    elif query:
        try:
            # One row more tells that there are more.
            told["answer"] = site.engine.sql(query, limit=_ROWS + 1, seconds=_SECONDS)
        except OriginError as error:
            told["trouble"] = str(error)
        finally:
            _slots.release()
    return page(request, "sql.html.j2", asked=query, examples=EXAMPLES, most=_ROWS, **told)
