"""Login: from a portal to the OpenID provider and back with a session; and logout."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta

from frikort_contracts.http.roles import Role

from services.portals.login.access_tokens import AccessTokens
from services.portals.login.claims import roles_from_claims
from services.portals.login.drafts import FormOwner, FormTokens
from services.portals.login.oidc import AuthorizationRequest, OpenIdProvider, TokenRevoked
from services.portals.login.portals import home
from services.portals.login.session_store import EncryptedRecord, SessionStore, key_of, new_secret
from services.portals.login.sessions import EndedSession, Sessions
from services.portals.problems import ProblemError
from services.portals.settings import ClaimNames


@dataclass(frozen=True)
class Redirect:
    """The browser is sent to ``address`` with ``secret`` as a cookie."""

    address: str
    secret: str


@dataclass(frozen=True)
class Continued:
    """The session that a fresh login of the same person continues: its forms stay valid."""

    subject: str
    form_token: str


@dataclass(frozen=True)
class LoginService:
    """Begins and finishes logins. A login under way is stored in ``logins`` for ``time_limit`` and used once."""

    provider: OpenIdProvider
    logins: SessionStore
    sessions: Sessions
    form_tokens: FormTokens
    access_tokens: AccessTokens
    names: ClaimNames
    time_limit: timedelta

    async def prepare(self) -> None:
        """Create the indexes by which expired records are deleted."""
        await self.logins.prepare()
        await self.sessions.store.prepare()

    async def begin(
        self, role: Role, path: str, *, reauthenticate: bool, continued: Continued | None = None
    ) -> Redirect:
        """To the provider; the person returns in ``role`` and then goes to ``path``. Raises ``ProblemError``."""
        begun = await self.provider.begin(role, reauthenticate=reauthenticate)
        secret = new_secret()
        key = key_of(secret)
        kept = None if continued is None else asdict(continued)
        content = json.dumps({"begun": asdict(begun), "role": role, "path": path, "continued": kept})
        encrypted = self.sessions.keys.encryptor.encrypt(content, "login", key)
        await self.logins.add(key, EncryptedRecord(encrypted, self.sessions.now() + self.time_limit))
        return Redirect(begun.address, secret)

    async def finish(self, secret: str, response: Mapping[str, str]) -> Redirect:
        """From the provider's ``response`` into a new session. Raises ``ProblemError``."""
        begun, role, path, continued = await self._under_way(secret)
        same = hmac.compare_digest(begun.state.encode(), response.get("state", "").encode())
        if not same or not self.provider.is_issuer(response.get("iss")):
            raise ProblemError("login-failed")
        if response.get("error") == "access_denied":
            raise ProblemError("login-cancelled")
        if "code" not in response:
            raise ProblemError("login-failed")
        person = await self.provider.finish(response["code"], begun)
        grant = roles_from_claims(person.claims, self.names).get(role)
        if grant is None:
            await self.provider.revoke(person.refresh_token)
            raise ProblemError("login-role-missing")
        try:
            tokens = await self.provider.refresh(person.refresh_token, role)
        except TokenRevoked:
            raise ProblemError("login-failed") from None
        name = str(person.claims.get(self.names.name, ""))
        subject = str(person.claims["sub"])
        if continued is not None and continued.subject == subject:
            form_token = continued.form_token
        else:
            form_token = self.form_tokens.new(FormOwner(subject, role))
        session = await self.sessions.begin(
            role,
            grant,
            name,
            id_token=person.id_token,
            tokens=tokens,
            subject=subject,
            provider_session=person.provider_session,
            form_token=form_token,
        )
        return Redirect(home(role) if path == "/" else path, session)

    async def revoke(self, ended: Iterable[EndedSession]) -> None:
        """Revoke the tokens of sessions that ended."""
        for one in ended:
            await self.access_tokens.revoke(one)

    async def end(self, secret: str) -> str | None:
        """End the session and revoke its tokens. Returns its ID token; None if it had ended before."""
        ended = await self.sessions.end(secret)
        if ended is None:
            return None
        await self.access_tokens.revoke(ended)
        return ended.id_token

    async def _under_way(self, secret: str) -> tuple[AuthorizationRequest, Role, str, Continued | None]:
        key = key_of(secret)
        record = await self.logins.take(key)
        content = self.sessions.keys.content_of(record, self.sessions.now(), "login", key)
        if content is None:
            raise ProblemError("login-failed")
        continued = None if content["continued"] is None else Continued(**content["continued"])
        return AuthorizationRequest(**content["begun"]), Role(content["role"]), content["path"], continued
