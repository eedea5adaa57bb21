"""One command rebuilds the documents of a name at a time.

Two would share a consumer group and the collection beside, and the first to end drops it: the other one would compare
what is in place with nothing.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from services.runtime.mongo.instance_lock import LeasedDocument
from services.runtime.rebuild.replay import POLL_SECONDS, RebuildStopped, Report

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.runtime.mongo.driver import Collection

LEASE_SECONDS: Final = 30.0
"""A command that was killed keeps its claim so long."""
_LEASES_TO_WAIT: Final = 1.2


class Claim:
    """The claim of this command on the documents ``name``, in a document of its own."""

    def __init__(self, rebuilds: Collection, name: str, report: Report, *, lease: float = LEASE_SECONDS) -> None:
        self._document = LeasedDocument(rebuilds, f"{name}/claim", lease=lease)
        self._longest_wait = lease * _LEASES_TO_WAIT
        self._name = name
        self._report = report

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold the claim within this context. Raises ``RebuildStopped`` if another command holds it for long."""
        await self._take()
        try:
            async with self._document.renewed():
                yield
        finally:
            await self._document.release()

    async def check(self) -> None:
        """Extend the claim, before what must not be done by two. Raises ``RebuildStopped`` if it is lost."""
        if not await self._document.extend():
            raise RebuildStopped(f"another command rebuilds {self._name} since this one did not run for a while")

    async def _take(self) -> None:
        """Take the claim, if need be after that of a command that was killed has expired. Raises ``RebuildStopped``."""
        if await self._document.acquire():
            return
        self._report(f"{self._name}: another command rebuilds them, or was killed a moment ago: waits")
        end = time.monotonic() + self._longest_wait
        while not await self._document.acquire():
            if time.monotonic() > end:
                raise RebuildStopped(f"another command rebuilds {self._name}")
            await asyncio.sleep(POLL_SECONDS)
