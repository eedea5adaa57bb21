"""Where people log on: from a door to the OpenID provider and back with a session."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta

from services.gateway.auth import Role, caller_of
from services.gateway.problems import ProblemError
from services.gateway.settings import ClaimNames
from services.portals.login.claims import roles_from_claims
from services.portals.login.oidc import AuthorizationRequest, OpenIdProvider
from services.portals.login.portals import room
from services.portals.login.session_store import SealedRecord, SessionStore, key_of, new_secret
from services.portals.login.sessions import Sessions
from services.runtime.encryption import DecryptionError


@dataclass(frozen=True)
class Redirect:
    """Someone is sent to ``address``, with a new ``secret`` as the cookie of what they do there."""

    address: str
    secret: str


@dataclass(frozen=True)
class LoginService:
    """Begins and finishes logins; a login that is under way is kept in ``begun`` for ``patience``, and used once."""

    provider: OpenIdProvider
    begun: SessionStore
    sessions: Sessions
    names: ClaimNames
    issuer: str
    client_id: str
    patience: timedelta

    async def prepare(self) -> None:
        """Let what has expired disappear by itself."""
        await self.begun.prepare()
        await self.sessions.records.prepare()

    async def send(self, role: Role, path: str, *, anew: bool) -> Redirect:
        """To the provider, to come back as ``role`` and then go to ``path``. Raises ``ProblemError``."""
        begun = await self.provider.begin(anew=anew)
        secret = new_secret()
        key = key_of(secret)
        content = json.dumps({"begun": asdict(begun), "role": role, "path": path})
        sealed = self.sessions.persons.seal_login(content, key)
        await self.begun.add(key, SealedRecord(sealed, self.sessions.now() + self.patience))
        return Redirect(begun.address, secret)

    async def receive(self, secret: str, answer: Mapping[str, str]) -> Redirect:
        """From the provider with its ``answer``, into a new session. Raises ``ProblemError``."""
        begun, role, path = await self._under_way(secret)
        same = hmac.compare_digest(begun.state.encode(), answer.get("state", "").encode())
        if not same or not self.provider.is_issuer(answer.get("iss")):
            raise ProblemError("login-failed")
        if answer.get("error") == "access_denied":
            raise ProblemError("login-cancelled")
        if "code" not in answer:
            raise ProblemError("login-failed")
        person = await self.provider.finish(answer["code"], begun)
        grant = roles_from_claims(person.told, self.names, issuer=self.issuer, client_id=self.client_id).get(role)
        if grant is None:
            raise ProblemError("login-role-missing")
        session = await self.sessions.begin(
            caller_of(grant.claims, self.sessions.persons.cpr_hash),
            str(person.told.get(self.names.name, "")),
            signatory=grant.signatory,
            id_token=person.id_token,
        )
        return Redirect(room(role) if path == "/" else path, session)

    async def _under_way(self, secret: str) -> tuple[AuthorizationRequest, Role, str]:
        key = key_of(secret)
        record = await self.begun.take(key)
        if record is None or record.expires_at <= self.sessions.now():
            raise ProblemError("login-failed")
        try:
            content = json.loads(self.sessions.persons.open_login(record.content, key))
        except DecryptionError:
            raise ProblemError("login-failed") from None
        return AuthorizationRequest(**content["begun"]), Role(content["role"]), content["path"]
