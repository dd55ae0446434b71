"""Who may read the page: only whom the user let in, by the names it goes by, from itself.

A page on the loopback address can be reached by every site that the user visits, and under every
name that a site's owner points there (DNS rebinding). So requests name the host they mean, and only
known names are answered; sites of others get nothing by their scripts, frames or pictures.
"""

import hmac
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_READING = ("GET", "HEAD")
# What a browser sends with a request that a page of this site, or the user, made.
_OWN = (None, "none", "same-origin")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what is bound to a host.

    >>> is_loopback("127.0.0.1"), is_loopback("[::1]"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    is_bracketed = host.startswith("[") and host.endswith("]")
    try:
        return ip_address(host[1:-1] if is_bracketed else host).is_loopback
    except ValueError:
        return False


def is_own(request: Request) -> bool:
    """Whether a page of this site, or the user by hand, made a request, and no other site."""
    return request.headers.get("sec-fetch-site") in _OWN


class Guard:
    """Stands before the application, and lets in only what may be let in.

    Args:
        app: the application.
        is_open: answer to any name, and not only to those of this machine; that needs a token.
        token: what whoever reads must know; None if nobody needs to.
    """

    def __init__(self, app: ASGIApp, *, is_open: bool = False, token: str | None = None) -> None:
        if is_open and token is None:
            raise ValueError("a page that answers to any name needs a token")
        self._app, self._is_open, self._token = app, is_open, token
        # Cookies are for all ports of a host; another page there has another token.
        self._cookie = "" if token is None else f"origin-{sha256(token.encode()).hexdigest()[:16]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have the application answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        answer = self._refusal(Request(scope)) or self._app
        await answer(scope, receive, guarded)

    def _refusal(self, request: Request) -> Response | None:
        if request.method not in _READING:
            return _said(405, "this page only reads", {"Allow": ", ".join(_READING)})
        if not self._is_open and not is_loopback(_name_in(request.headers.get("host", ""))):
            return _said(421, "this page goes by localhost or 127.0.0.1, and by no other name")
        # What is opened in a frame navigates as well.
        is_opened = request.headers.get("sec-fetch-dest", "document") == "document"
        navigates = is_opened and request.headers.get("sec-fetch-mode") == "navigate"
        if not is_own(request) and not navigates:
            return _said(403, "another site asked for this, and gets nothing")
        return self._without_token(request)

    def _without_token(self, request: Request) -> Response | None:
        if self._token is None or _is(request.cookies.get(self._cookie), self._token):
            return None
        if not _is(request.query_params.get("token"), self._token):
            return _said(403, "open the whole address that `origin ui` printed: it has a token")
        # The address of a page is shown, kept and sent on; a cookie is not.
        rest = [(name, value) for name, value in request.query_params.multi_items()
                if name != "token"]  # fmt: skip
        # Two slashes would begin the name of another host.
        own = f"/{request.url.path.lstrip('/')}"
        answer = RedirectResponse(f"{own}?{urlencode(rest)}".rstrip("?"), 303)
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="lax")
        return answer


def _name_in(host: str) -> str:
    """The name in a Host header, without the port."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()


def _is(given: str | None, token: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), token.encode())


def _said(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{text}\n", status, headers)
