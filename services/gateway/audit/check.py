"""Compares the whole audit log with its checkpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Final

from frikort_contracts.audit_log import AuditLogSigned
from frikort_contracts.cloudevents import BrokenContract, decode
from frikort_contracts.topics import AUDIT_LOG

from services.gateway.audit.chain import CheckpointReader, Finding, VerificationKeys
from services.gateway.audit.chain_writer import CHAINS, ENTRIES, LEASE_SECONDS
from services.runtime.kafka.followed_topic import records_of
from services.runtime.mongo.driver import Database
from services.runtime.settings import KafkaSettings

_SIGNED_WITHIN: Final = 300.0
"""Seconds from the end of a process until all of its entries are signed."""


async def check(database: Database, settings: KafkaSettings, keys: VerificationKeys) -> list[Finding]:
    """All differences, those of the oldest checkpoints first. Reads only. Raises the errors of pymongo and aiokafka."""
    in_use = await _chains_in_use(database)  # before the checkpoints: what these chains have unsigned now may be new
    reader = CheckpointReader(keys)
    async for event in _checkpoints(settings):
        if (checkpoint := reader.read(event.chain, event.checkpoint)) is not None:
            after, last = reader.signed.get(checkpoint.chain, 0), checkpoint.entries[-1].number
            reader.check(checkpoint, await _entries(database, checkpoint.chain, {"$gt": after, "$lte": last}))
    return reader.findings + [finding async for finding in _not_signed(database, reader.signed, in_use)]


async def _chains_in_use(database: Database) -> set[str]:
    """The chains whose entries are possibly not all signed yet. No lease is longer than a process gives itself."""
    now = {"$toLong": "$$NOW"}
    most, least = int(1000 * LEASE_SECONDS), int(1000 * _SIGNED_WITHIN)
    recent = {
        "$and": [
            {"$lte": ["$lease_until", {"$add": [now, most]}]},
            {"$gte": ["$lease_until", {"$subtract": [now, least]}]},
        ]
    }
    return {chain["_id"] async for chain in database[CHAINS].find({"$expr": recent}, {"_id": 1})}


async def _not_signed(database: Database, signed: Mapping[str, int], in_use: set[str]) -> AsyncIterator[Finding]:
    begun_since = await _chains_in_use(database)
    for chain in sorted(filter(None, await database[ENTRIES].distinct("chain"))):
        if chain not in in_use | begun_since:
            for number, entry in (await _entries(database, chain, {"$gt": signed.get(chain, 0)})).items():
                yield Finding("not signed", chain, number, entry["_id"])
    async for entry in database[ENTRIES].find({"chain": None}, {"_id": 1}):
        yield Finding("added", "", 0, entry["_id"])


async def _entries(database: Database, chain: str, numbers: Mapping[str, int]) -> dict[int, dict[str, Any]]:
    found = database[ENTRIES].find({"chain": chain, "number": numbers})
    return {entry["number"]: entry for entry in await found.to_list(None)}


async def _checkpoints(settings: KafkaSettings) -> AsyncIterator[AuditLogSigned]:
    """The checkpoints that are published at this moment, from the first."""
    async with aclosing(records_of(settings, AUDIT_LOG)) as records:
        async for record in records:
            try:
                yield decode(AUDIT_LOG, record.value, record.headers).data
            except BrokenContract:
                yield AuditLogSigned(chain="", checkpoint="")  # it has no signature
