"""The access token of a session: refreshed before it expires, by one request at a time, and revoked at the end.

The refresh token is rotated: each can be used once. So one refresh at a time is made for a session, in this process
by one task, and among instances by a claim on the session's record.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

import structlog

from services.portals.login.oidc import OpenIdProvider, TokenRevoked
from services.portals.login.session import Session
from services.portals.login.sessions import EndedSession, Sessions
from services.portals.problems import ProblemError

logger = structlog.get_logger(__name__)

REFRESHED_BEFORE: Final = timedelta(seconds=30)
"""A token is refreshed when it has less than this left. A token that never has more is refreshed for every request."""

_UNUSABLE_BEFORE: Final = timedelta(seconds=5)
_CLAIM: Final = timedelta(seconds=10)
_PAUSE_SECONDS: Final = 0.05
_EXPIRED_AT_ONCE: Final = 100


class SessionEnded(Exception):
    """The OpenID provider no longer accepts the session's refresh token: the person must log in again."""


@dataclass
class AccessTokens:
    """The access tokens of the sessions."""

    sessions: Sessions
    provider: OpenIdProvider
    _refreshing: dict[str, asyncio.Task[str]] = field(default_factory=dict)

    async def of(self, session: Session) -> str:
        """The session's access token, refreshed first if it expires soon. Raises ``SessionEnded``, ``ProblemError``."""
        if session.tokens.expires_at - self.sessions.now() > REFRESHED_BEFORE:
            return session.tokens.access
        return await self._refreshed_once(session)

    async def renewed(self, session: Session, refused: str) -> str:
        """A newer token than ``refused``, which the API refuses. Raises ``SessionEnded`` and ``ProblemError``."""
        record = await self.sessions.store.get(session.key)
        if record is None:
            raise SessionEnded
        tokens = self.sessions.decrypt_tokens(session.key, record.tokens)
        if tokens.access != refused:
            return tokens.access
        expired = replace(tokens, expires_at=self.sessions.now())  # nothing may use it meanwhile
        return await self._refreshed_once(replace(session, tokens=expired, encrypted_tokens=record.tokens))

    async def _refreshed_once(self, session: Session) -> str:
        task = self._refreshing.get(session.key)
        if task is None:
            task = asyncio.create_task(self._refreshed(session))
            self._refreshing[session.key] = task
            task.add_done_callback(lambda _: self._refreshing.pop(session.key, None))
        # A request that is cancelled must not cancel the refresh: its new token would be lost, the old one is used up.
        return await asyncio.shield(task)

    async def revoke(self, ended: EndedSession) -> None:
        """Revoke the tokens of a session that ended; if the provider does not answer, they expire by themselves."""
        await self.provider.revoke(ended.tokens.refresh)

    async def end_expired_sessions(self) -> None:
        """Delete the sessions that have expired, and revoke their tokens."""
        for key in await self.sessions.store.expired(self.sessions.now(), _EXPIRED_AT_ONCE):
            ended = await self.sessions.end_by_key(key)
            if ended is not None:
                await self.revoke(ended)

    async def _refreshed(self, session: Session) -> str:
        sessions, key = self.sessions, session.key
        tokens, stored = session.tokens, session.encrypted_tokens
        give_up_at = sessions.now() + _CLAIM
        while True:
            now = sessions.now()
            if await sessions.store.claim_refresh(key, stored, now, now + _CLAIM):
                return await self._refresh(session)
            record = await sessions.store.get(key)
            if record is None:
                raise SessionEnded
            if record.tokens != stored:
                return sessions.decrypt_tokens(key, record.tokens).access
            # Another instance refreshes: the old token is used as long as it is accepted.
            if tokens.expires_at - now > _UNUSABLE_BEFORE:
                return tokens.access
            if now >= give_up_at:
                raise ProblemError("login-unavailable", headers={"Retry-After": "30"})
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _refresh(self, session: Session) -> str:
        sessions, key = self.sessions, session.key
        tokens, stored = session.tokens, session.encrypted_tokens
        try:
            new = await self.provider.refresh(tokens.refresh, session.role)
        except TokenRevoked:
            await sessions.store.take(key)
            raise SessionEnded from None
        except ProblemError:
            await sessions.store.release_refresh(key, stored)
            if tokens.expires_at - sessions.now() > _UNUSABLE_BEFORE:
                return tokens.access
            raise
        if not await sessions.store.replace_tokens(key, stored, sessions.encrypt_tokens(key, new)):
            await self.provider.revoke(new.refresh)  # the person logged out meanwhile
            raise SessionEnded
        return new.access
