"""The components of the portals, built once for the process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from starlette.requests import Request

from services.portals.api import GatewayClient
from services.portals.login.access_tokens import AccessTokens
from services.portals.login.back_channel_logout import BackChannelLogout
from services.portals.login.drafts import Drafts, FormOwner, FormTokens
from services.portals.login.oidc import OpenIdProvider
from services.portals.login.service import LoginService
from services.portals.login.session import Session
from services.portals.login.session_guard import SessionGuard
from services.portals.login.session_store import MongoSessionStore
from services.portals.login.sessions import SessionKeys, Sessions
from services.portals.settings import PortalsSettings
from services.portals.shown_pages import ShownPages
from services.runtime.service import Runtime

_SWEEP_SECONDS: Final = 30.0


class Guard(Protocol):
    """The part of ``SessionGuard`` that pages use."""

    async def session_of(self, request: Request, *, active: bool = True) -> Session | None:
        """The session of a request. ``active``: the user made it, not a script of the page."""

    async def access_token_of(self, session: Session) -> str:
        """The session's access token for the API. Raises ``SessionEnded`` and ``ProblemError``."""

    async def renewed_token_of(self, session: Session, refused: str) -> str:
        """An access token after the API refused this one. Raises ``SessionEnded`` and ``ProblemError``."""

    async def is_active(self, session: Session) -> bool:
        """Whether the session has not ended since the request began."""

    def check_form(self, request: Request, session: Session, form: Mapping[str, Any]) -> None:
        """Check that the form is of the session's person and from one of our pages. Raises ``ProblemError``."""

    def form_owner(self, request: Request, form: Mapping[str, Any]) -> FormOwner | None:
        """For whom a form from one of our pages was made, whatever session the request has. None for other forms."""


@dataclass(frozen=True)
class Container:
    """The components of the portals. ``stopping`` is set when the process ends."""

    settings: PortalsSettings
    gateway: GatewayClient
    login: LoginService
    back_channel_logout: BackChannelLogout
    drafts: Drafts
    guard: Guard
    shown_pages: ShownPages
    stopping: asyncio.Event

    @property
    def secure(self) -> bool:
        """Whether the portals are reached by HTTPS."""
        return self.settings.public_url.startswith("https:")

    async def end_expired_sessions(self, _: Runtime) -> None:
        """A job: delete expired sessions and revoke their tokens, every half minute."""
        while True:
            await self.login.access_tokens.end_expired_sessions()
            await asyncio.sleep(_SWEEP_SECONDS)


def container_of(request: Request) -> Container:
    """The components, from a request."""
    container: Container = request.app.state.portals
    return container


def build(settings: PortalsSettings, runtime: Runtime) -> Container:
    """Build the components. Raises ``ValueError`` that names a setting that cannot be used."""
    provider = OpenIdProvider(
        issuer=settings.issuer,
        client_id=settings.login_client_id,
        client_key=settings.login_client_key,
        scope=settings.login_scope,
        resource=settings.api_resource,
        redirect_uri=f"{settings.public_url}/login/callback",
        seconds=settings.provider_timeout,
    )
    sessions = Sessions(
        store=MongoSessionStore(runtime.database, "sessions"),
        keys=SessionKeys.from_setting(settings.session_keys.get_secret_value()),
        idle=timedelta(seconds=settings.session_idle),
        most=timedelta(seconds=settings.session_most),
    )
    access_tokens = AccessTokens(sessions, provider)
    logins = MongoSessionStore(runtime.database, "logins")
    drafts = MongoSessionStore(runtime.database, "drafts")
    drafts_kept_for = timedelta(seconds=settings.draft_most)
    form_tokens = FormTokens(sessions.keys, sessions.most + drafts_kept_for, sessions.now)
    return Container(
        settings=settings,
        gateway=GatewayClient(settings.gateway_url, tracing=runtime.tracing),
        login=LoginService(
            provider=provider,
            logins=logins,
            sessions=sessions,
            form_tokens=form_tokens,
            access_tokens=access_tokens,
            names=settings.login_claims,
            time_limit=timedelta(seconds=settings.login_seconds),
        ),
        back_channel_logout=BackChannelLogout(provider, sessions, used=logins),
        drafts=Drafts(drafts, sessions.keys, drafts_kept_for, sessions.now),
        guard=SessionGuard(sessions, form_tokens, access_tokens, settings.public_url),
        shown_pages=ShownPages(drafts, sessions),
        stopping=runtime.stopping,
    )
