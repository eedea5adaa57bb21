"""The checks before a page: the session, its access token, and whether a form belongs to it."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request

from services.portals.login.access_tokens import AccessTokens
from services.portals.login.drafts import FormOwner, FormTokens
from services.portals.login.session import Session
from services.portals.login.sessions import Sessions
from services.portals.problems import ProblemError

COOKIE: Final = "__Host-frikort"
FORM_TOKEN: Final = "form_token"  # noqa: S105 - the name of a field


@dataclass(frozen=True)
class SessionGuard:
    """Checks requests against the sessions; forms must come from pages at ``public_url``."""

    sessions: Sessions
    form_tokens: FormTokens
    access_tokens: AccessTokens
    public_url: str

    async def session_of(self, request: Request, *, active: bool = True) -> Session | None:
        """The session of a request, looked up once. ``active``: the user made it, not a script of the page."""
        if not hasattr(request.state, "session"):
            secret = request.cookies.get(COOKIE)
            request.state.session = await self.sessions.find(secret, active=active) if secret else None
        session: Session | None = request.state.session
        return session

    async def access_token_of(self, session: Session) -> str:
        """The session's access token for the API. Raises ``SessionEnded`` and ``ProblemError``."""
        return await self.access_tokens.of(session)

    async def renewed_token_of(self, session: Session, refused: str) -> str:
        """An access token after the API refused this one. Raises ``SessionEnded`` and ``ProblemError``."""
        return await self.access_tokens.renewed(session, refused)

    async def is_active(self, session: Session) -> bool:
        """Whether the session has not ended since the request began."""
        return await self.sessions.exists(session.key)

    def check_form(self, request: Request, session: Session, form: Mapping[str, Any]) -> None:
        """Accept a form of this person sent from one of our pages. Raises the problem ``form-refused``.

        The browser's headers prove the origin of the form, and the token for whom it was made; both checks must pass.
        A form of an earlier session of the same person and role is accepted: it may be open in another tab.
        """
        given = form.get(FORM_TOKEN)
        own = isinstance(given, str) and hmac.compare_digest(given.encode(), session.form_token.encode())
        earlier = self.form_owner(request, form) == FormOwner(session.subject, session.role)
        if not (own or earlier) or not self._of_our_site(request):
            raise ProblemError("form-refused")

    def form_owner(self, request: Request, form: Mapping[str, Any]) -> FormOwner | None:
        """For whom a form from one of our pages was made, whatever session the request has. None for other forms."""
        given = form.get(FORM_TOKEN)
        return self.form_tokens.owner_of(given) if isinstance(given, str) and self._of_our_site(request) else None

    def _of_our_site(self, request: Request) -> bool:
        site = request.headers.get("sec-fetch-site")
        return request.headers.get("origin") == self.public_url if site is None else site == "same-origin"
