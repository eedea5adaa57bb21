"""Sessions and logins under way in MongoDB, encrypted, each under the hash of a secret that only the browser has."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Protocol

from pymongo import ASCENDING, IndexModel

from services.runtime.mongo.document_store import Database

KEPT_AFTER_EXPIRY: Final = timedelta(hours=1)
"""Expired records stay so long that their tokens can be revoked; then MongoDB deletes them."""


@dataclass(frozen=True, slots=True)
class EncryptedRecord:
    """Encrypted content, encrypted tokens (empty in a login under way), and when the record expires."""

    content: str
    expires_at: datetime
    tokens: str = ""


class SessionStore(Protocol):
    """Records by key. An expired record may still be there; an operation on a missing one changes nothing."""

    async def prepare(self) -> None:
        """Create the indexes."""
        ...

    async def add(self, key: str, record: EncryptedRecord) -> None:
        """Store a new record."""
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


class MongoSessionStore:
    """Records in one collection."""

    def __init__(self, database: Database, name: str) -> None:
        self._records = database[name]

    async def prepare(self) -> None:
        seconds = int(KEPT_AFTER_EXPIRY.total_seconds())
        await self._records.create_indexes([IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=seconds)])

    async def add(self, key: str, record: EncryptedRecord) -> None:
        await self._records.insert_one(
            {"_id": key, "content": record.content, "expires_at": record.expires_at, "tokens": record.tokens}
        )

    async def get(self, key: str) -> EncryptedRecord | None:
        stored = await self._records.find_one({"_id": key})
        return None if stored is None else EncryptedRecord(stored["content"], stored["expires_at"], stored["tokens"])

    async def take(self, key: str) -> EncryptedRecord | None:
        stored = await self._records.find_one_and_delete({"_id": key})
        return None if stored is None else EncryptedRecord(stored["content"], stored["expires_at"], stored["tokens"])

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


def new_secret() -> str:
    """A random secret of 256 bits."""
    return secrets.token_urlsafe(32)


def key_of(secret: str) -> str:
    """The key of a secret's record: reading the database is not enough to use a session."""
    return sha256(secret.encode()).hexdigest()
