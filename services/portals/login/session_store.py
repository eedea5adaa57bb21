"""Sessions, and logins that are under way, where all instances find them: sealed, and each under the hash of a secret
that only the browser has."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from pymongo import ASCENDING, IndexModel

from services.runtime.mongo.document_store import Database


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """What is kept, and until when."""

    content: str
    expires_at: datetime


class SessionStore(Protocol):
    """SessionStore by key. One that has expired may still be there; what is not there is no error."""

    async def prepare(self) -> None:
        """Let those that have expired disappear by themselves."""
        ...

    async def add(self, key: str, record: SealedRecord) -> None:
        """Keep a new one."""
        ...

    async def get(self, key: str) -> SealedRecord | None:
        """The record."""
        ...

    async def take(self, key: str) -> SealedRecord | None:
        """The record, for the first who asks; then it is gone."""
        ...

    async def extend(self, key: str, expires_at: datetime) -> None:
        """Keep it longer; one that is gone stays gone."""
        ...


class MongoSessionStore:
    """SessionStore in a collection, which forgets those that have expired."""

    def __init__(self, database: Database, name: str) -> None:
        self._records = database[name]

    async def prepare(self) -> None:
        await self._records.create_indexes([IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0)])

    async def add(self, key: str, record: SealedRecord) -> None:
        await self._records.insert_one({"_id": key, "content": record.content, "expires_at": record.expires_at})

    async def get(self, key: str) -> SealedRecord | None:
        stored = await self._records.find_one({"_id": key})
        return None if stored is None else SealedRecord(stored["content"], stored["expires_at"])

    async def take(self, key: str) -> SealedRecord | None:
        stored = await self._records.find_one_and_delete({"_id": key})
        return None if stored is None else SealedRecord(stored["content"], stored["expires_at"])

    async def extend(self, key: str, expires_at: datetime) -> None:
        await self._records.update_one({"_id": key}, {"$set": {"expires_at": expires_at}})


def new_secret() -> str:
    """256 bits that nobody can guess."""
    return secrets.token_urlsafe(32)


def key_of(secret: str) -> str:
    """The key of what belongs to a secret: who reads the database cannot take a session over."""
    return sha256(secret.encode()).hexdigest()
