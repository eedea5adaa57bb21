"""The OpenID provider ends sessions: OpenID Connect Back-Channel Logout 1.0."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from services.portals.login.logout_token import InvalidLogoutToken
from services.portals.login.oidc import OpenIdProvider
from services.portals.login.session_store import EncryptedRecord, SessionStore, key_of
from services.portals.login.sessions import EndedSession, Sessions

logger = structlog.get_logger(__name__)

_LEEWAY: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class BackChannelLogout:
    """Ends the sessions that a logout token names. ``used`` remembers the tokens until they expire."""

    provider: OpenIdProvider
    sessions: Sessions
    used: SessionStore

    async def end(self, encoded: str) -> list[EndedSession]:
        """End the sessions. Raises ``InvalidLogoutToken``, also for a token that ended sessions before.

        The token is remembered after its sessions have ended: the provider may repeat a request that failed.
        """
        token = await self.provider.read_logout_token(encoded, self.sessions.now())
        key = key_of(f"logout token {token.jti}")
        if await self.used.get(key) is not None:
            raise InvalidLogoutToken("jti")
        ended = await self.sessions.end_of_person(subject=token.subject, provider_session=token.provider_session)
        await self.used.add(key, EncryptedRecord("", token.expires_at + _LEEWAY))
        logger.info("portals.sessions_ended_by_provider", sessions=len(ended))
        return ended
