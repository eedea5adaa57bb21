"""Sessions and logins under way in MongoDB, encrypted, each under the hash of a secret that only the browser has."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Protocol

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from services.runtime.mongo.driver import Database

KEPT_AFTER_EXPIRY: Final = timedelta(hours=1)
"""Expired records stay so long that their tokens can be revoked; then MongoDB deletes them."""


@dataclass(frozen=True, slots=True)
class EncryptedRecord:
    """Encrypted content, and when the record expires.

    Attributes:
        tokens: encrypted; empty in a record that is no session.
        subject, provider_session: keyed hashes of the person and of the session at the OpenID provider, by which the
            provider ends sessions.
    """

    content: str
    expires_at: datetime
    tokens: str = ""
    subject: str = ""
    provider_session: str = ""


class SessionStore(Protocol):
    """Records by key. An expired record may still be there; an operation on a missing one changes nothing."""

    async def prepare(self) -> None:
        """Create the indexes."""
        ...

    async def add(self, key: str, record: EncryptedRecord) -> bool:
        """Store a new record. False if there is one with this key, which stays as it is."""
        ...

    async def get(self, key: str) -> EncryptedRecord | None:
        """The record."""
        ...

    async def take(self, key: str) -> EncryptedRecord | None:
        """Delete the record and return it; one caller gets it."""
        ...

    async def extend(self, key: str, expires_at: datetime) -> None:
        """Set when the record expires."""
        ...

    async def claim_refresh(self, key: str, tokens: str, now: datetime, until: datetime) -> bool:
        """Claim the refresh of ``tokens`` until ``until``. False if they changed, or another claim holds."""
        ...

    async def release_refresh(self, key: str, tokens: str) -> None:
        """Give up the claim on the refresh of ``tokens``."""
        ...

    async def replace_tokens(self, key: str, old: str, new: str) -> bool:
        """Replace ``old`` and end the claim. False if the record is gone or has other tokens."""
        ...

    async def expired(self, now: datetime, most: int) -> list[str]:
        """The keys of records that expired before ``now``."""
        ...

    async def found_by(self, *, subjects: Sequence[str] | None, provider_sessions: Sequence[str] | None) -> list[str]:
        """The keys of records with one of ``subjects`` and one of ``provider_sessions``; None allows any."""
        ...


class MongoSessionStore:
    """Records in one collection."""

    def __init__(self, database: Database, name: str) -> None:
        self._records = database[name]

    async def prepare(self) -> None:
        seconds = int(KEPT_AFTER_EXPIRY.total_seconds())
        await self._records.create_indexes(
            [
                IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=seconds),
                IndexModel([("subject", ASCENDING)]),
                IndexModel([("provider_session", ASCENDING)]),
            ]
        )

    async def add(self, key: str, record: EncryptedRecord) -> bool:
        try:
            await self._records.insert_one({"_id": key, **asdict(record)})
        except DuplicateKeyError:
            return False
        return True

    async def get(self, key: str) -> EncryptedRecord | None:
        return _record(await self._records.find_one({"_id": key}))

    async def take(self, key: str) -> EncryptedRecord | None:
        return _record(await self._records.find_one_and_delete({"_id": key}))

    async def extend(self, key: str, expires_at: datetime) -> None:
        await self._records.update_one({"_id": key}, {"$set": {"expires_at": expires_at}})

    async def claim_refresh(self, key: str, tokens: str, now: datetime, until: datetime) -> bool:
        free = {"$or": [{"refresh_until": None}, {"refresh_until": {"$lte": now}}]}
        result = await self._records.update_one(
            {"_id": key, "tokens": tokens, **free}, {"$set": {"refresh_until": until}}
        )
        return bool(result.modified_count)

    async def release_refresh(self, key: str, tokens: str) -> None:
        await self._records.update_one({"_id": key, "tokens": tokens}, {"$unset": {"refresh_until": ""}})

    async def replace_tokens(self, key: str, old: str, new: str) -> bool:
        result = await self._records.update_one(
            {"_id": key, "tokens": old}, {"$set": {"tokens": new}, "$unset": {"refresh_until": ""}}
        )
        return bool(result.modified_count)

    async def expired(self, now: datetime, most: int) -> list[str]:
        found = self._records.find({"expires_at": {"$lte": now}}, {"_id": True}).limit(most)
        return [stored["_id"] async for stored in found]

    async def found_by(self, *, subjects: Sequence[str] | None, provider_sessions: Sequence[str] | None) -> list[str]:
        given = {"subject": subjects, "provider_session": provider_sessions}
        query = {name: {"$in": list(hashes)} for name, hashes in given.items() if hashes is not None}
        return [stored["_id"] async for stored in self._records.find(query, {"_id": True})]


def _record(stored: Mapping[str, Any] | None) -> EncryptedRecord | None:
    return (
        None if stored is None else EncryptedRecord(**{one.name: stored[one.name] for one in fields(EncryptedRecord)})
    )


def new_secret() -> str:
    """A random secret of 256 bits."""
    return secrets.token_urlsafe(32)


def key_of(secret: str) -> str:
    """The key of a secret's record: reading the database is not enough to use a session."""
    return sha256(secret.encode()).hexdigest()
