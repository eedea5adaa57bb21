"""A lock that one instance of a service has at a time, so that work for all instances is done, and published, once.

A lock is a document of ``locks`` with a lease by the database's clock. It is not a guarantee: an instance that was
paused for longer than its lease does not notice that another one has the lock. What two may never do differently needs
a guard of its own, such as a document that is stored before it is published.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

from pymongo.errors import DuplicateKeyError, PyMongoError

from services.runtime.mongo.driver import Collection, Database
from services.runtime.mongo.lease import expired, lease_end, renewed

LOCKS: Final = "locks"
LEASE_SECONDS: Final = 20.0
"""An instance that was killed keeps its lock so long."""


class InstanceLock:
    """The lock ``name`` of this database. As a context it is released at the end. Raises the errors of pymongo."""

    def __init__(self, database: Database, name: str, *, lease: float = LEASE_SECONDS) -> None:
        self._lease = LeasedDocument(database[LOCKS], name, lease=lease)

    async def run(self, step: Callable[[], Awaitable[None]]) -> bool:
        """Run ``step`` if this instance has the lock or can have it, which it keeps. Whether it did."""
        if not await self._lease.acquire():
            return False
        async with self._lease.renewed():
            await step()
        return True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._lease.release()


class LeasedDocument:
    """A document that one owner holds for ``lease`` seconds, or for longer if it extends the lease."""

    def __init__(self, collection: Collection, document_id: str, *, lease: float) -> None:
        self._collection = collection
        self._id = document_id
        self._seconds = lease
        self._owner = str(uuid4())
        self._held_until = 0.0  # on the monotonic clock

    async def acquire(self) -> bool:
        """Take the document, or keep it. False if another owner holds it."""
        if time.monotonic() < self._held_until - self._seconds / 2:
            return True
        if await self._write({"$or": [self._own(), expired()]}, lease_end(self._seconds)):
            return True
        with contextlib.suppress(DuplicateKeyError):
            await self._collection.insert_one({"_id": self._id, "lease_until": 0})
            return await self._write(expired(), lease_end(self._seconds))
        return False

    async def extend(self) -> bool:
        """Hold it for a lease from now. False if another owner has taken it since."""
        return await self._write(self._own(), lease_end(self._seconds))

    async def release(self) -> None:
        """Let the next owner take it now. If MongoDB does not answer, the lease expires."""
        with contextlib.suppress(PyMongoError):
            await self._write(self._own(), 0)
        self._held_until = 0.0

    def renewed(self) -> AbstractAsyncContextManager[None]:
        """Extend the lease again and again within the context."""
        return renewed(self.extend, lease=self._seconds)

    def _own(self) -> dict[str, Any]:
        return {"owner": self._owner}

    async def _write(self, query: dict[str, Any], lease_until: Any) -> bool:
        began = time.monotonic()
        change = [{"$set": {"owner": {"$literal": self._owner}, "lease_until": lease_until}}]
        written = bool((await self._collection.update_one({"_id": self._id, **query}, change)).matched_count)
        self._held_until = began + self._seconds if written else 0.0
        return written
