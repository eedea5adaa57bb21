"""Where people log on: from a door to the OpenID provider and back with a session."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta

from services.gateway.auth import Role, caller_of
from services.gateway.login.claims import roles_from_claims
from services.gateway.login.doors import room
from services.gateway.login.oidc import Begun, OpenIdProvider
from services.gateway.login.records import Record, Records, key_of, new_secret
from services.gateway.login.sessions import Sessions
from services.gateway.problems import ProblemError
from services.gateway.settings import ClaimNames
from services.runtime.encryption import DecryptionError


@dataclass(frozen=True)
class Sent:
    """Someone is sent to ``address``, with a new ``secret`` as the cookie of what they do there."""

    address: str
    secret: str


@dataclass(frozen=True)
class LoginService:
    """Begins and finishes logins; a login that is under way is kept in ``begun`` for ``patience``, and used once."""

    provider: OpenIdProvider
    begun: Records
    sessions: Sessions
    names: ClaimNames
    issuer: str
    client_id: str
    patience: timedelta

    async def prepare(self) -> None:
        """Let what has expired disappear by itself."""
        await self.begun.prepare()
        await self.sessions.records.prepare()

    async def send(self, role: Role, path: str, *, anew: bool) -> Sent:
        """To the provider, to come back as ``role`` and then go to ``path``. Raises ``ProblemError``."""
        begun = await self.provider.begin(anew=anew)
        secret = new_secret()
        key = key_of(secret)
        content = json.dumps({"begun": asdict(begun), "role": role, "path": path})
        sealed = self.sessions.persons.seal_login(content, key)
        await self.begun.add(key, Record(sealed, self.sessions.now() + self.patience))
        return Sent(begun.address, secret)

    async def receive(self, secret: str, answer: Mapping[str, str]) -> Sent:
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
        hat = roles_from_claims(person.told, self.names, issuer=self.issuer, client_id=self.client_id).get(role)
        if hat is None:
            raise ProblemError("login-role-missing")
        session = await self.sessions.begin(
            caller_of(hat.claims, self.sessions.persons.cpr_hash),
            str(person.told.get(self.names.name, "")),
            signatory=hat.signatory,
            id_token=person.id_token,
        )
        return Sent(room(role) if path == "/" else path, session)

    async def _under_way(self, secret: str) -> tuple[Begun, Role, str]:
        key = key_of(secret)
        record = await self.begun.take(key)
        if record is None or record.expires_at <= self.sessions.now():
            raise ProblemError("login-failed")
        try:
            content = json.loads(self.sessions.persons.open_login(record.content, key))
        except DecryptionError:
            raise ProblemError("login-failed") from None
        return Begun(**content["begun"]), Role(content["role"]), content["path"]
