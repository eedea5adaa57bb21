"""Every entry is signed once, whichever process wrote it and however that process or the signer ended."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from frikort_contracts.audit_log import AuditLogSigned, Checkpoint
from frikort_contracts.cloudevents import decode
from frikort_contracts.topics import AUDIT_LOG
from joserfc import jws
from joserfc.jwk import OKPKey
from pymongo.errors import AutoReconnect

from services.gateway.audit.chain import SigningKey, VerificationKeys
from services.gateway.audit.chain_writer import CHAINS, ENTRIES, ChainWriter
from services.gateway.audit.log import Access, MongoAuditLog
from services.gateway.audit.signer import CheckpointSigner
from services.gateway.ordering import order_of
from services.runtime.mongo.driver import Database
from tests.gateway.build import NOON, audit_entry, entry_reasons
from tests.gateway.memory import MemoryTopic

KEY = SigningKey(b"k" * 32)


class Topic(MemoryTopic):
    """The topic of checkpoints."""

    @property
    def checkpoints(self) -> list[Checkpoint]:
        keys, found = VerificationKeys([KEY.public]), []
        for record in dict.fromkeys(record.value for record in self.records):
            headers = next(one.headers for one in self.records if one.value == record)
            event = decode(AUDIT_LOG, record, headers).data
            assert isinstance(event, AuditLogSigned)
            checkpoint = keys.read(event.checkpoint)
            assert checkpoint is not None
            found.append(checkpoint)
        return found

    @property
    def numbers(self) -> list[int]:
        """The numbers of all signed entries, in order."""
        return [entry.number for checkpoint in self.checkpoints for entry in checkpoint.entries]


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
async def signer(database: Database, topic: Topic) -> CheckpointSigner:
    signer = CheckpointSigner(database, topic, KEY, interval=1.0)
    await signer.prepare()
    return signer


@pytest.fixture
def writer(database: Database) -> ChainWriter:
    return ChainWriter(database)


@pytest.fixture
def log(database: Database, writer: ChainWriter) -> MongoAuditLog:
    return MongoAuditLog(database, writer, entry_reasons())


def access(minute: int) -> Access:
    return audit_entry(order_of(NOON + timedelta(minutes=minute), f"{minute}"))


async def write_and_break(database: Database, writer: ChainWriter) -> None:
    """Store an entry, and lose the connection before its acknowledgement."""
    async with writer.places(1) as places:
        await database[ENTRIES].insert_one({"_id": "2025-01-01T00:00:00+00:00|x", **places[0]})
        raise AutoReconnect


async def end_leases(database: Database) -> None:
    """Let the time pass after which a chain has no writer any more."""
    await database[CHAINS].update_many({}, {"$set": {"lease_until": 0}})


async def test_stored_entries_are_signed_in_the_order_of_their_numbers(
    log: MongoAuditLog, writer: ChainWriter, signer: CheckpointSigner, topic: Topic
) -> None:
    await log.add([access(1), access(2)])
    await log.add([access(3)])
    await writer.renew()
    await signer.sign()
    await log.add([access(4)])
    await writer.renew()
    await signer.sign()
    assert [[entry.number for entry in checkpoint.entries] for checkpoint in topic.checkpoints] == [[1, 2, 3], [4]]
    assert [checkpoint.sequence for checkpoint in topic.checkpoints] == [1, 2]


async def test_many_entries_are_signed_in_checkpoints_that_libraries_read_with_their_default_limits(
    log: MongoAuditLog, writer: ChainWriter, signer: CheckpointSigner, topic: Topic
) -> None:
    await log.add([access(minute) for minute in range(2_100)])
    await writer.renew()
    await signer.sign()
    assert topic.numbers == list(range(1, 2_101))
    public = OKPKey.import_key(KEY.public)
    for record in topic.records:
        event = decode(AUDIT_LOG, record.value, record.headers).data
        assert isinstance(event, AuditLogSigned)
        assert jws.deserialize_compact(event.checkpoint, public, algorithms=["Ed25519"]).payload


async def test_an_entry_that_exists_already_is_not_signed_twice(
    log: MongoAuditLog, writer: ChainWriter, signer: CheckpointSigner, topic: Topic
) -> None:
    await log.add([access(1)])
    await log.add([access(1), access(2)])
    await writer.renew()
    await signer.sign()
    assert topic.numbers == [1, 3]


async def test_two_instances_sign_each_entry_in_one_way(
    database: Database, log: MongoAuditLog, writer: ChainWriter, signer: CheckpointSigner, topic: Topic
) -> None:
    other = CheckpointSigner(database, topic, KEY, interval=1.0)
    for minute in range(20):
        await log.add([access(minute)])
        await writer.renew()
        await asyncio.gather(signer.sign(), other.sign())
    assert topic.numbers == list(range(1, 21))
    assert [checkpoint.sequence for checkpoint in topic.checkpoints] == list(range(1, len(topic.checkpoints) + 1))


async def test_a_checkpoint_that_could_not_be_published_is_published_unchanged_later(
    log: MongoAuditLog, writer: ChainWriter, signer: CheckpointSigner, topic: Topic
) -> None:
    await log.add([access(1)])
    await writer.renew()
    topic.unreachable = True
    with pytest.raises(ConnectionError):
        await signer.sign()
    topic.unreachable = False
    await log.add([access(2)])
    await writer.renew()
    await signer.sign()
    assert [[entry.number for entry in checkpoint.entries] for checkpoint in topic.checkpoints] == [[1], [2]]


async def test_the_last_entries_of_a_process_that_was_killed_are_signed(
    database: Database, log: MongoAuditLog, signer: CheckpointSigner, topic: Topic
) -> None:
    await log.add([access(1), access(2)])
    await signer.sign()
    assert topic.numbers == []
    await end_leases(database)
    await signer.sign()
    await signer.sign()
    assert topic.numbers == [1, 2]
    assert await database[CHAINS].count_documents({"open": True}) == 0


async def test_a_chain_ends_after_a_write_with_an_unknown_result(
    database: Database, log: MongoAuditLog, writer: ChainWriter, signer: CheckpointSigner, topic: Topic
) -> None:
    await log.add([access(1)])
    with pytest.raises(AutoReconnect):
        await write_and_break(database, writer)
    await log.add([access(2)])
    await writer.renew()
    await signer.sign()
    assert topic.numbers == [1]  # of the second chain
    await end_leases(database)
    await signer.sign()
    assert topic.numbers == [1, 1, 2]


async def test_a_process_that_was_stopped_for_long_begins_another_chain(
    database: Database, log: MongoAuditLog, signer: CheckpointSigner, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.add([access(1)])
    await end_leases(database)
    await signer.sign()
    later = asyncio.get_running_loop().time() + 3600
    monkeypatch.setattr("services.gateway.audit.chain_writer.time.monotonic", lambda: later)
    await log.add([access(2)])
    assert len(await database[ENTRIES].distinct("chain")) == 2
    await end_leases(database)
    await signer.sign()
    assert len(topic.numbers) == 2


async def test_a_number_that_is_taken_is_an_error_and_no_entry_is_lost_silently(
    database: Database, log: MongoAuditLog, signer: CheckpointSigner
) -> None:
    await log.add([access(1)])
    chain = (await database[ENTRIES].distinct("chain"))[0]
    await database[ENTRIES].insert_one({"_id": "planted", "chain": chain, "number": 2})
    with pytest.raises(Exception, match="E11000"):
        await log.add([access(2)])
