"""What a page asks before it does anything: who is signed in, and whether a form is theirs."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request

from services.gateway.container import Container
from services.gateway.problems import ProblemError
from services.portals.login.session import Session

COOKIE: Final = "__Host-frikort"
FORM_TOKEN: Final = "form_token"  # noqa: S105  # the name of a field


async def session_of(request: Request, *, active: bool = True) -> Session | None:
    """Who is signed in; looked up once for each request.

    ``active`` is whether the request shows that the person is there: not one that a page makes by itself.
    """
    if not hasattr(request.state, "session"):
        secret = request.cookies.get(COOKIE)
        gateway: Container = request.app.state.gateway
        request.state.session = await gateway.desk.sessions.find(secret, active=active) if secret else None
    session: Session | None = request.state.session
    return session


def check_form(request: Request, session: Session, form: Mapping[str, Any]) -> None:
    """Let through what was sent from a page of ours, in this session. Raises the problem ``form-refused``.

    A form of another site is known by the headers of the browser, and one that was not made for this session by its
    token: either alone would do, so both must fail before anything happens.
    """
    gateway: Container = request.app.state.gateway
    given = form.get(FORM_TOKEN)
    own = isinstance(given, str) and hmac.compare_digest(given.encode(), session.form_token.encode())
    if not own or not _of_our_site(request, gateway.settings.public_url):
        raise ProblemError("form-refused")


def _of_our_site(request: Request, public_url: str) -> bool:
    site = request.headers.get("sec-fetch-site")
    return request.headers.get("origin") == public_url if site is None else site == "same-origin"
