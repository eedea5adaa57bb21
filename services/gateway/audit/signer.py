"""Signs what was written to the audit log: the digests of its entries go to a topic, chained and signed.

One instance of the API at a time signs for all processes. A checkpoint is stored before it is published, so that two
instances cannot sign the same entries differently.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from frikort_contracts.audit_log import AuditLogSigned
from frikort_contracts.cloudevents import Envelope, encode
from frikort_contracts.topics import source_of
from pymongo import ASCENDING

from services.gateway.audit.chain import SigningKey, next_checkpoint
from services.gateway.audit.chain_writer import CHAINS, ENTRIES
from services.runtime.mongo.driver import Database
from services.runtime.mongo.instance_lock import InstanceLock
from services.runtime.mongo.lease import expired
from services.runtime.processing.producer import Producer
from services.runtime.service import Runtime
from services.runtime.uninterrupted import uninterrupted

# As a JWS they are less than 128,000 bytes, the most that libraries read by default.
_MAX_ENTRIES: Final = 1000
_SOURCE: Final = source_of("gateway")
_CHECKPOINT_IDS: Final = UUID("6c1f7b0e-0a52-4f0a-8b9e-6f0c7f4f6a4d")


class CheckpointSigner:
    """Signs the entries of the chains of all processes."""

    def __init__(self, database: Database, producer: Producer, key: SigningKey, *, interval: float) -> None:
        self._chains = database[CHAINS]
        self._entries = database[ENTRIES]
        self._producer = producer
        self._key = key
        self._interval = interval

    async def prepare(self) -> None:
        """Create the indexes by which the entries of a chain are read, and those of chains in use found."""
        await self._entries.create_index([("chain", ASCENDING), ("number", ASCENDING)], unique=True, sparse=True)
        await self._chains.create_index("open", partialFilterExpression={"open": True})

    async def run(self, runtime: Runtime) -> None:
        """Checkpoint every ``interval`` seconds until the process stops. A background task."""
        async with InstanceLock(runtime.database, "audit-log-signer") as lock:
            while not runtime.stopping.is_set():
                await lock.run(self.sign)
                await asyncio.sleep(self._interval)

    async def sign(self) -> None:
        """Checkpoint what is stored by now."""
        for chain in await self._chains.find({"open": True}).to_list(None):
            await self._sign(chain, upto=chain["written"])
        for ended in await self._chains.find({"open": True, **expired()}).to_list(None):
            await self._sign(ended, upto=None)
            await self._chains.update_one({"_id": ended["_id"], **expired()}, {"$set": {"open": False}})

    async def _sign(self, chain: dict[str, Any], *, upto: int | None) -> None:
        """Checkpoint the entries of a chain up to the number ``upto``; None: all, because nothing writes to it."""
        await uninterrupted(self._publish(chain))
        while entries := await self._after(chain, upto):
            checkpoint = next_checkpoint(chain["_id"], chain["sequence"] + 1, chain["checkpoint"], entries)
            new = {
                "sequence": checkpoint.sequence,
                "signed": checkpoint.entries[-1].number,
                "checkpoint": self._key.sign(checkpoint),
                "signed_at": datetime.now(UTC).isoformat(),
            }
            mine = {"_id": chain["_id"], "sequence": chain["sequence"]}
            if not (await self._chains.update_one(mine, {"$set": new})).matched_count:
                return  # another instance was faster
            chain |= new
            await uninterrupted(self._publish(chain))

    async def _after(self, chain: Mapping[str, Any], upto: int | None) -> list[dict[str, Any]]:
        numbers = {"$gt": chain["signed"]} if upto is None else {"$gt": chain["signed"], "$lte": upto}
        found = self._entries.find({"chain": chain["_id"], "number": numbers}).sort("number", ASCENDING)
        return list(await found.limit(_MAX_ENTRIES).to_list(None))

    async def _publish(self, chain: dict[str, Any]) -> None:
        """Publish the newest checkpoint, unless it is published. After a crash the same bytes are published again."""
        sequence = chain["sequence"]
        if chain["published"] >= sequence:
            return
        event = AuditLogSigned(chain=chain["_id"], checkpoint=chain["checkpoint"])
        checkpoint_id, at = (
            uuid5(_CHECKPOINT_IDS, f"{event.chain} {sequence}"),
            datetime.fromisoformat(chain["signed_at"]),
        )
        signed = Envelope(id=checkpoint_id, time=at, source=_SOURCE, data=event, correlation_id=checkpoint_id)
        await self._producer.publish([encode(signed)])
        await self._chains.update_one({"_id": chain["_id"]}, {"$max": {"published": sequence}})
        chain["published"] = sequence
