"""Gives the entries that this process writes their places in a chain, by which the signer finds them.

Each process has a chain of its own, so that no two wait for each other. The collection ``audit_chains`` has its state:
``written`` is the number up to which the entries are stored. A chain whose lease has expired has no writer any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import structlog
from pymongo.errors import PyMongoError

from services.runtime.mongo.driver import Database
from services.runtime.mongo.lease import lease_end
from services.runtime.service import Runtime

logger = structlog.get_logger(__name__)

CHAINS: Final = "audit_chains"
ENTRIES: Final = "accesses"
RENEWAL_SECONDS: Final = 5.0
LEASE_SECONDS: Final = 60.0
_RENEWED_AFTER: Final = LEASE_SECONDS / 4


@dataclass
class _Chain:
    """The chain of this process. The numbers up to ``reserved`` are given, and entries up to ``written`` are stored.

    ``renewed`` is ``written`` as it is in the chain's document, ``renewed_at`` is on the monotonic clock.
    """

    id: str
    renewed_at: float
    reserved: int = 0
    written: int = 0
    renewed: int = 0


class ChainWriter:
    """The chain of this process. Give ``run`` to the process as a background task."""

    def __init__(self, database: Database) -> None:
        self._chains = database[CHAINS]
        self._own: _Chain | None = None

    @asynccontextmanager
    async def places(self, count: int) -> AsyncIterator[list[dict[str, Any]]]:
        """The fields that place ``count`` entries, which are stored within the context. Only one caller at a time.

        A chain ends after an error in the context, because it is unknown what was stored, and before its lease does.
        """
        own = self._own
        if own is None or time.monotonic() - own.renewed_at > LEASE_SECONDS / 2:
            own = self._own = await self._begin()
        first, own.reserved = own.reserved + 1, own.reserved + count
        try:
            yield [{"chain": own.id, "number": number} for number in range(first, own.reserved + 1)]
        except BaseException:
            self._own = None
            raise
        own.written = own.reserved

    async def run(self, runtime: Runtime) -> None:
        """Store how far the chain is written, until the process stops."""
        while not runtime.stopping.is_set():
            try:
                async with asyncio.timeout(RENEWAL_SECONDS):
                    await runtime.stopping.wait()
            except TimeoutError:
                pass
            try:
                await self.renew()
            except PyMongoError as error:
                logger.warning("gateway.chain_not_renewed", reason=type(error).__name__)

    async def renew(self) -> None:
        """Store how far the chain is written, and renew its lease."""
        own, began = self._own, time.monotonic()
        if own is None or (own.renewed == own.written and began < own.renewed_at + _RENEWED_AFTER):
            return
        written = own.written
        changed = {"written": written, "lease_until": lease_end(LEASE_SECONDS)}
        if (await self._chains.update_one({"_id": own.id}, [{"$set": changed}])).matched_count:
            own.renewed_at, own.renewed = began, written

    async def _begin(self) -> _Chain:
        chain = _Chain(str(uuid4()), time.monotonic())
        begun = {
            "open": True,
            "unwatched": True,
            "written": 0,
            "signed": 0,
            "sequence": 0,
            "published": 0,
            "checkpoint": None,
            "lease_until": lease_end(LEASE_SECONDS),
        }
        await self._chains.update_one({"_id": chain.id}, [{"$set": begun}], upsert=True)
        return chain
