"""Sessions: they begin at login and end by logout, after an idle time, and at the latest after some hours.

The wall clock counts, not the settable clock of a local system.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from frikort_contracts.http.roles import Role

from services.portals.login.claims import RoleGrant
from services.portals.login.oidc import ApiTokens
from services.portals.login.session import Session
from services.portals.login.session_store import EncryptedRecord, SessionStore, key_of, new_secret
from services.runtime.encryption import DecryptionError, Encryptor, KeyedHasher, read_keys

_EXTENSION_STEP: Final = timedelta(seconds=60)
_SUBJECT: Final = "subject"
_PROVIDER_SESSION: Final = "provider session"


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class SessionKeys:
    """The keys of the sessions: the first encrypts and hashes, all decrypt and find.

    The hashes find the sessions of a person, or of a session at the OpenID provider, without their names in clear.
    """

    encryptor: Encryptor
    hashers: tuple[KeyedHasher, ...]

    @classmethod
    def from_setting(cls, text: str, setting: str = "FRIKORT_SESSION_KEYS") -> SessionKeys:
        """From ``<key id>:<base64 of 32 bytes>``, comma separated. Raises ``ValueError`` that names the setting."""
        keys = read_keys(text, setting)
        derived = (hmac.digest(key, b"frikort-portals hashes of sessions", "sha256") for key in keys.values())
        return cls(Encryptor(keys), tuple(KeyedHasher(key) for key in derived))

    def hash(self, purpose: str, value: str) -> str:
        """The hash that is stored; empty if ``value`` is."""
        return self.hashers[0].hash(purpose, value) if value else ""

    def content_of(self, record: EncryptedRecord | None, now: datetime, purpose: str, *subject: str) -> Any:
        """The JSON in a record; None if it is missing or expired, or was encrypted for another purpose or subject."""
        if record is None or record.expires_at <= now:
            return None
        try:
            return json.loads(self.encryptor.decrypt(record.content, purpose, *subject))
        except DecryptionError:
            return None

    def hashes(self, purpose: str, value: str | None) -> list[str] | None:
        """The hashes that may be stored; None without a ``value``."""
        return [hasher.hash(purpose, value) for hasher in self.hashers] if value else None


@dataclass(frozen=True)
class EndedSession:
    """What is left to do at the OpenID provider for a session that ended."""

    id_token: str
    tokens: ApiTokens


@dataclass(frozen=True)
class Sessions:
    """The sessions. A session ends after ``idle`` without a request, and ``most`` after its start."""

    store: SessionStore
    keys: SessionKeys
    idle: timedelta
    most: timedelta
    now: Callable[[], datetime] = utc_now

    async def begin(
        self,
        role: Role,
        grant: RoleGrant,
        name: str,
        *,
        id_token: str,
        tokens: ApiTokens,
        subject: str,
        form_token: str,
        provider_session: str = "",
    ) -> str:
        """Start a session. Returns the secret that becomes its cookie.

        ``subject`` and ``provider_session`` are the `sub` and `sid` of the ID token; ``form_token`` will be in every
        form of the session.
        """
        secret, now = new_secret(), self.now()
        key = key_of(secret)
        content = {
            "role": role,
            "grant": asdict(grant),
            "name": name,
            "subject": subject,
            "form_token": form_token,
            "id_token": id_token,
            "until": (now + self.most).isoformat(),
        }
        record = EncryptedRecord(
            content=self.keys.encryptor.encrypt(json.dumps(content), "session", key),
            expires_at=now + min(self.idle, self.most),
            tokens=self.encrypt_tokens(key, tokens),
            subject=self.keys.hash(_SUBJECT, subject),
            provider_session=self.keys.hash(_PROVIDER_SESSION, provider_session),
        )
        await self.store.add(key, record)
        return secret

    async def find(self, secret: str, *, active: bool = True) -> Session | None:
        """The session, unless it has ended. ``active`` requests restart the idle time."""
        key = key_of(secret)
        record = await self.store.get(key)
        content = self.keys.content_of(record, self.now(), "session", key)
        if record is None or content is None:
            return None
        try:
            session = self._session(key, record, content)
        except DecryptionError:
            return None
        if active:
            now = self.now()
            latest = min(now + self.idle, datetime.fromisoformat(content["until"]))
            # A write waits for a majority of the replica set, so it is not made for less than a minute.
            if latest - session.ends_at > _EXTENSION_STEP:
                await self.store.extend(key, latest)
                session = replace(session, ends_at=latest)
        return session

    async def exists(self, key: str) -> bool:
        """Whether the session with this key has not ended."""
        record = await self.store.get(key)
        return record is not None and record.expires_at > self.now()

    async def end(self, secret: str) -> EndedSession | None:
        """End the session on all instances. None if it had ended before."""
        return await self.end_by_key(key_of(secret))

    async def end_of_person(self, *, subject: str | None, provider_session: str | None) -> list[EndedSession]:
        """End the sessions with this `sub` and `sid` at the OpenID provider; one of them may be None."""
        if not subject and not provider_session:
            return []
        keys = await self.store.found_by(
            subjects=self.keys.hashes(_SUBJECT, subject),
            provider_sessions=self.keys.hashes(_PROVIDER_SESSION, provider_session),
        )
        ended = [await self.end_by_key(key) for key in keys]
        return [one for one in ended if one is not None]

    async def end_by_key(self, key: str) -> EndedSession | None:
        """As ``end``, also for a session that has expired and is still stored."""
        record = await self.store.take(key)
        if record is None:
            return None
        try:
            content = json.loads(self.keys.encryptor.decrypt(record.content, "session", key))
            return EndedSession(str(content["id_token"]), self.decrypt_tokens(key, record.tokens))
        except DecryptionError:
            return None

    def encrypt_tokens(self, key: str, tokens: ApiTokens) -> str:
        """Tokens as they are stored in the session ``key``."""
        content = {"access": tokens.access, "refresh": tokens.refresh, "expires_at": tokens.expires_at.isoformat()}
        return self.keys.encryptor.encrypt(json.dumps(content), "tokens", key)

    def decrypt_tokens(self, key: str, ciphertext: str) -> ApiTokens:
        """The tokens stored in the session ``key``. Raises ``DecryptionError``."""
        content = json.loads(self.keys.encryptor.decrypt(ciphertext, "tokens", key))
        return ApiTokens(content["access"], content["refresh"], datetime.fromisoformat(content["expires_at"]))

    def _session(self, key: str, record: EncryptedRecord, content: dict[str, Any]) -> Session:
        """Raises ``DecryptionError`` if the tokens cannot be decrypted."""
        return Session(
            key=key,
            role=Role(content["role"]),
            organisation=content["grant"]["organisation"],
            name=content["name"],
            form_token=content["form_token"],
            ends_at=record.expires_at,
            tokens=self.decrypt_tokens(key, record.tokens),
            encrypted_tokens=record.tokens,
            signatory=content["grant"]["signatory"],
            subject=content["subject"],
            organisation_name=content["grant"]["organisation_name"],
        )
