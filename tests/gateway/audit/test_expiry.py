"""What has been kept as long as it is needed may be removed, and the check of the rest starts after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from frikort_contracts.audit_log import AuditLogExpired, AuditLogSigned, Expiry
from frikort_contracts.cloudevents import Envelope, decode, encode
from frikort_contracts.topics import AUDIT_LOG, source_of

from services.gateway.audit.chain import CheckpointReader, SigningKey, VerificationKeys
from services.gateway.audit.chain_writer import CHAINS, ENTRIES, ChainWriter
from services.gateway.audit.expiry import ExpirySigner
from services.gateway.audit.log import MongoAuditLog
from services.gateway.audit.removal import REMOVALS, remove
from services.gateway.audit.signer import CheckpointSigner
from services.gateway.ordering import order_of
from services.gateway.retention.periods import AUDIT_ENTRIES
from services.runtime.mongo.driver import Database
from tests.gateway.build import audit_entry, entry_reasons
from tests.gateway.memory import MemoryTopic

KEY = SigningKey(b"k" * 32)
START = datetime.now(UTC)


class Log:
    """An audit log, its topic, and what signs both."""

    def __init__(self, database: Database) -> None:
        self.database, self.topic = database, MemoryTopic()
        self.expiry = ExpirySigner(database, self.topic, KEY)

    async def fill(self, *days: int) -> None:
        """Entries of one process on these days."""
        chain, signer = ChainWriter(self.database), CheckpointSigner(self.database, self.topic, KEY, interval=1.0)
        await signer.prepare()
        log = MongoAuditLog(self.database, chain, entry_reasons())
        for day in days:
            await log.add([audit_entry(order_of(START + timedelta(days=day), f"{day:02d}"), "card:a")])
        await chain.renew()
        await signer.sign()

    @property
    def messages(self) -> list[Any]:
        return [decode(AUDIT_LOG, record.value, record.headers) for record in self.topic.records]

    async def days(self) -> list[int]:
        """The days whose entries are stored."""
        return sorted(int(one["_id"].partition("|")[2]) for one in await self.database[ENTRIES].find().to_list(None))

    def reader(self, now: datetime) -> CheckpointReader:
        """A reader that has read the expiries at a moment."""
        reader = CheckpointReader(VerificationKeys([KEY.public]))
        for message in self.messages:
            if isinstance(message.data, AuditLogExpired):
                event = message.data
                reader.read_expiry(event.chain, event.expiry, at=message.time, now=now, kept=AUDIT_ENTRIES)
        return reader

    async def check(self, now: datetime) -> list[str]:
        reader = self.reader(now)
        for message in self.messages:
            if isinstance(event := message.data, AuditLogSigned):
                checkpoint = reader.read(event.chain, event.checkpoint)
                assert checkpoint is not None
                after, last = reader.signed.get(event.chain, 0), checkpoint.entries[-1].number
                numbers = {"chain": event.chain, "number": {"$gt": after, "$lte": last}}
                stored = {one["number"]: one for one in await self.database[ENTRIES].find(numbers).to_list(None)}
                reader.check(checkpoint, stored, at=message.time)
        return [f"{finding.what} {finding.number}" for finding in reader.findings]

    async def remove(self, now: datetime) -> int:
        return await remove(self.database, self.database, self.reader(now).expired, by="night watch", at=now)


def after(days: int) -> datetime:
    """The moment at which what is from before this day has expired."""
    return START + AUDIT_ENTRIES + timedelta(days=days) - timedelta(hours=1)


async def test_entries_of_the_term_are_removed_and_the_rest_is_checked_as_before(database: Database) -> None:
    log = Log(database)
    await log.fill(0, 1, 3)
    await log.fill(2, 4, 5)  # another process

    assert await log.expiry.sign(after(3)) == 3
    assert await log.days() == [0, 1, 2, 3, 4, 5], "signing removes nothing"
    assert await log.remove(after(3)) == 3

    assert await log.days() == [3, 4, 5]
    assert await log.check(after(3)) == []
    reader = log.reader(after(3))
    assert reader.starts_at == after(3) - AUDIT_ENTRIES


async def test_a_planted_removal_beside_expired_entries_is_named(database: Database) -> None:
    log = Log(database)
    await log.fill(0, 1, 2, 3)
    await log.expiry.sign(after(2))
    await log.remove(after(2))

    await database[ENTRIES].delete_one({"number": 4})

    assert await log.check(after(2)) == ["removed 4"]


async def test_a_younger_entry_in_front_keeps_the_older_ones_behind_it(database: Database) -> None:
    """Numbers of a chain expire from the first on, without gaps."""
    log = Log(database)
    await log.fill(0, 5, 1, 6)
    assert await log.expiry.sign(after(3)) == 1
    assert await log.remove(after(3)) == 1
    assert await log.days() == [1, 5, 6]
    assert await log.check(after(3)) == []


async def test_what_was_signed_is_signed_once(database: Database) -> None:
    log = Log(database)
    await log.fill(0, 1, 2)
    assert [await log.expiry.sign(after(2)) for _ in range(3)] == [2, 0, 0]
    await log.remove(after(2))
    assert [await log.expiry.sign(after(3)), await log.expiry.sign(after(3))] == [1, 0]
    assert [await log.remove(after(3)), await log.remove(after(3))] == [1, 0]
    assert await log.check(after(3)) == []


async def test_nothing_may_be_removed_before_it_is_published(database: Database) -> None:
    log = Log(database)
    await log.fill(0, 1)
    log.topic.unreachable = True
    with pytest.raises(ConnectionError):
        await log.expiry.sign(after(2))
    assert await log.remove(after(2)) == 0
    log.topic.unreachable = False
    assert await log.expiry.sign(after(2)) == 2


async def test_a_younger_entry_is_not_removed_whatever_was_signed(database: Database) -> None:
    """The key is in a process that must not be able to have entries removed."""
    log = Log(database)
    await log.fill(0, 1, 3, 4)
    (chain,) = await database[CHAINS].distinct("_id")
    too_much = Expiry(chain=chain, through=4, before=after(2) - AUDIT_ENTRIES)
    forged = AuditLogExpired(chain=chain, expiry=KEY.sign(too_much))
    message = Envelope(id=uuid4(), time=after(2), source=source_of("gateway"), data=forged, correlation_id=uuid4())
    await log.topic.publish([encode(message)])

    assert await log.remove(after(2)) == 2

    assert await log.days() == [3, 4]


async def test_who_removed_entries_is_recorded(database: Database) -> None:
    log = Log(database)
    await log.fill(0, 1)
    await log.expiry.sign(after(1))
    await log.remove(after(1))
    recorded = await database[REMOVALS].find().to_list(None)
    assert [(one["by"], one["state"], one.get("entries")) for one in recorded] == [
        ("night watch", "begun", None),
        ("night watch", "done", 1),
    ]
