"""One command rebuilds the documents of a name at a time.

Two would share a consumer group and the collection beside, and the first to end drops it: the other one would compare
what is in place with nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from services.runtime.mongo.lease import expired, lease_end, next_attempt
from services.runtime.rebuild.replay import POLL_SECONDS, RebuildStopped, Report

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.runtime.mongo.driver import Collection

LEASE_SECONDS: Final = 30.0
"""A command that was killed keeps its claim so long."""
RENEWAL_SECONDS: Final = 5.0
"""The time between two extensions of a claim."""


class Claim:
    """The claim of this command on the documents ``name``, in a document of its own."""

    def __init__(self, rebuilds: Collection, name: str, report: Report) -> None:
        self._rebuilds = rebuilds
        self._id = f"{name}/claim"
        self._name = name
        self._report = report
        self._attempt = 0

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the claim within this context. Raises ``RebuildStopped`` if another command holds it for long."""
        await self._take()
        renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            with contextlib.suppress(PyMongoError):  # it expires
                await self._rebuilds.update_one(self._own(), {"$set": {"lease_until": 0}})

    async def check(self) -> None:
        """Extend the claim, before what must not be done by two. Raises ``RebuildStopped`` if it is lost."""
        kept = await self._rebuilds.update_one(self._own(), [{"$set": {"lease_until": lease_end(LEASE_SECONDS)}}])
        if not kept.matched_count:
            raise RebuildStopped(f"another command rebuilds {self._name} since this one did not run for a while")

    async def _take(self) -> None:
        """Take the claim, if need be after that of a command that was killed has expired. Raises ``RebuildStopped``."""
        with contextlib.suppress(DuplicateKeyError):
            await self._rebuilds.insert_one({"_id": self._id, "attempt": 0, "lease_until": 0})
        if await self._is_taken():
            return
        self._report(f"{self._name}: another command rebuilds them, or was killed a moment ago: waits")
        end = time.monotonic() + LEASE_SECONDS + RENEWAL_SECONDS
        while not await self._is_taken():
            if time.monotonic() > end:
                raise RebuildStopped(f"another command rebuilds {self._name}")
            await asyncio.sleep(POLL_SECONDS)

    async def _is_taken(self) -> bool:
        taken = await self._rebuilds.find_one_and_update(
            {"_id": self._id, **expired()},
            [{"$set": {"attempt": next_attempt(), "lease_until": lease_end(LEASE_SECONDS)}}],
            return_document=ReturnDocument.AFTER,
        )
        if taken is not None:
            self._attempt = taken["attempt"]
        return taken is not None

    def _own(self) -> dict[str, object]:
        return {"_id": self._id, "attempt": self._attempt}

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEWAL_SECONDS)
            with contextlib.suppress(PyMongoError):  # tried again
                await self.check()
