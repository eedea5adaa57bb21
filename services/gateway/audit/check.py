"""Compares the whole audit log with its checkpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from frikort_contracts.audit_log import AuditLogExpired, AuditLogSigned
from frikort_contracts.cloudevents import BrokenContract, decode
from frikort_contracts.topics import AUDIT_LOG

from services.gateway.audit.chain import CheckpointReader, Finding, VerificationKeys
from services.gateway.audit.chain_writer import CHAINS, ENTRIES, LEASE_SECONDS
from services.gateway.retention.periods import AUDIT_ENTRIES
from services.runtime.kafka.followed_topic import records_of
from services.runtime.mongo.driver import Database
from services.runtime.settings import KafkaSettings

_SIGNED_WITHIN: Final = 300.0
"""Seconds from the end of a process until all of its entries are signed."""


class Checked(NamedTuple):
    """``findings`` are all differences, those of the oldest checkpoints first.

    ``removed`` entries have expired and are missing. From ``starts_at`` on none may be missing; None: from the first.
    """

    findings: list[Finding]
    removed: int
    starts_at: datetime | None


async def check(
    database: Database, settings: KafkaSettings, keys: VerificationKeys, *, now: datetime | None = None
) -> Checked:
    """Compare the log with its checkpoints. Reads only. Raises the errors of pymongo and aiokafka."""
    in_use = await _chains_in_use(database)  # before the checkpoints: what these chains have unsigned now may be new
    reader = await read_expiries(settings, keys, now=now or datetime.now(UTC))
    async for event, at in _events(settings):
        if not isinstance(event, AuditLogSigned):
            continue
        if (checkpoint := reader.read(event.chain, event.checkpoint)) is not None:
            after, last = reader.signed.get(checkpoint.chain, 0), checkpoint.entries[-1].number
            stored = await _entries(database, checkpoint.chain, {"$gt": after, "$lte": last})
            reader.check(checkpoint, stored, at=at)
    findings = reader.findings + [finding async for finding in _not_signed(database, reader.signed, in_use)]
    return Checked(findings, reader.removed, reader.starts_at)


async def read_expiries(settings: KafkaSettings, keys: VerificationKeys, *, now: datetime) -> CheckpointReader:
    """A reader that knows what has expired. Raises the errors of aiokafka."""
    reader = CheckpointReader(keys)
    async for event, at in _events(settings):
        if isinstance(event, AuditLogExpired):
            reader.read_expiry(event.chain, event.expiry, at=at, now=now, kept=AUDIT_ENTRIES)
    return reader


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


async def _events(settings: KafkaSettings) -> AsyncIterator[tuple[AuditLogSigned | AuditLogExpired, datetime]]:
    """The checkpoints and expiries that are published at this moment, from the first, and their times."""
    async with aclosing(records_of(settings, AUDIT_LOG)) as records:
        async for record in records:
            try:
                message = decode(AUDIT_LOG, record.value, record.headers)
                yield message.data, message.time
            except BrokenContract:
                yield AuditLogSigned(chain="", checkpoint=""), datetime.now(UTC)  # it has no signature
