"""Sessions: begun at login, ended by logout, by a pause, and at the latest after some hours. Real time counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.gateway.auth import Caller, Role
from services.gateway.person_encryption import Persons
from services.portals.login.session import Session
from services.portals.login.session_store import SealedRecord, SessionStore, key_of, new_secret
from services.runtime.encryption import DecryptionError

_UNNOTICED: Final = timedelta(seconds=60)


def real_time() -> datetime:
    """UTC now, whatever the settable clock says."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Sessions:
    """The sessions; a session ends after ``idle`` without a request, and ``most`` after it began."""

    records: SessionStore
    persons: Persons
    idle: timedelta
    most: timedelta
    now: Callable[[], datetime] = real_time

    async def begin(self, caller: Caller, name: str, *, signatory: bool, id_token: str) -> str:
        """A new session, and the secret that is its cookie. It is always new: none that was there before is used on."""
        secret, now = new_secret(), self.now()
        key = key_of(secret)
        content = {
            "caller": asdict(caller),
            "name": name,
            "form_token": new_secret(),
            "signatory": signatory,
            "id_token": id_token,
            "until": (now + self.most).isoformat(),
        }
        sealed = self.persons.seal_login(json.dumps(content), key)
        await self.records.add(key, SealedRecord(sealed, now + min(self.idle, self.most)))
        return secret

    async def find(self, secret: str, *, active: bool = True) -> Session | None:
        """The session, if it goes on; ``active`` is whether this request keeps it so."""
        key = key_of(secret)
        record = await self.records.get(key)
        content = self._opened(key, record)
        if record is None or content is None:
            return None
        ends_at, now = record.expires_at, self.now()
        if active:
            latest = min(now + self.idle, datetime.fromisoformat(content["until"]))
            # Not at each request: a write takes a majority, and nobody notices a minute.
            if latest - ends_at > _UNNOTICED:
                await self.records.extend(key, latest)
                ends_at = latest
        known = content["caller"]
        caller = Caller(**known | {"role": Role(known["role"]), "owners": tuple(known["owners"])})
        return Session(
            caller=caller,
            name=content["name"],
            form_token=content["form_token"],
            ends_at=ends_at,
            signatory=content["signatory"],
        )

    async def end(self, secret: str) -> str | None:
        """End it everywhere; returns the ID token that it began with, if it went on until now."""
        key = key_of(secret)
        content = self._opened(key, await self.records.take(key))
        return None if content is None else str(content["id_token"])

    def _opened(self, key: str, record: SealedRecord | None) -> dict[str, Any] | None:
        if record is None or record.expires_at <= self.now():
            return None
        try:
            content: dict[str, Any] = json.loads(self.persons.open_login(record.content, key))
        except DecryptionError:
            return None
        return content
