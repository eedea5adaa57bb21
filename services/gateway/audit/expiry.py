"""Entries of the audit log that have been kept as long as needed: which they are is signed before one is removed.

Two must act. The API, which has the key and may not remove an entry, signs for each chain up to which number the
entries have expired. The provisioner, who administers the database and has no key, removes them with a command.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from frikort_contracts.audit_log import AuditLogExpired, Expiry
from frikort_contracts.cloudevents import Envelope, encode
from frikort_contracts.topics import source_of
from pymongo import ASCENDING

from services.gateway.audit.chain import SigningKey
from services.gateway.audit.chain_writer import CHAINS, ENTRIES
from services.gateway.ordering import stamp
from services.gateway.retention.periods import AUDIT_ENTRIES
from services.runtime.mongo.driver import Database, aggregate
from services.runtime.processing.producer import Producer

_SOURCE: Final = source_of("gateway")
_EXPIRY_IDS: Final = UUID("0d0b7c51-3b5c-4a7e-9a0e-2f4a5a0f7d11")


class ExpirySigner:
    """Signs what has expired. It removes nothing."""

    def __init__(self, database: Database, producer: Producer, key: SigningKey) -> None:
        self._chains = database[CHAINS]
        self._entries = database[ENTRIES]
        self._producer = producer
        self._key = key

    async def sign(self, now: datetime) -> int:
        """Sign for every chain up to where its entries are too old. Returns how many entries that adds.

        Repeating it adds nothing. Raises the errors of pymongo and of the producer.
        """
        before, count = now.astimezone(UTC) - AUDIT_ENTRIES, 0
        old = {"_id": {"$lt": stamp(before)}, "chain": {"$gt": ""}}
        for group in await aggregate(self._entries, [{"$match": old}, {"$group": {"_id": "$chain"}}]):
            chain = await self._chains.find_one({"_id": group["_id"]})
            if chain is not None:
                count += await self._sign(chain, before, now)
        return count

    async def _sign(self, chain: Mapping[str, Any], before: datetime, now: datetime) -> int:
        chain_id, expired = chain["_id"], chain.get("expired", 0)
        kept = await self._entries.find_one(
            {"chain": chain_id, "number": {"$gt": expired}, "_id": {"$gte": stamp(before)}},
            sort=[("number", ASCENDING)],
        )
        through = chain["signed"] if kept is None else min(kept["number"] - 1, chain["signed"])
        if through <= expired:
            return 0
        added = await self._entries.count_documents({"chain": chain_id, "number": {"$gt": expired, "$lte": through}})
        expiry = self._key.sign(Expiry(chain=chain_id, through=through, before=before))
        expiry_id = uuid5(_EXPIRY_IDS, f"{chain_id} {through}")
        event = AuditLogExpired(chain=chain_id, expiry=expiry)
        record = Envelope(id=expiry_id, time=now, source=_SOURCE, data=event, correlation_id=expiry_id)
        await self._producer.publish([encode(record)])
        await self._chains.update_one({"_id": chain_id}, {"$max": {"expired": through}})
        return int(added)
