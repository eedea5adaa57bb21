"""The command that compares the audit log with its checkpoints, on real entries and a real topic."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from services.gateway.audit.chain import SigningKey
from services.gateway.audit.chain_writer import CHAINS, ENTRIES, ChainWriter
from services.gateway.audit.log import MongoAuditLog
from services.gateway.audit.signer import CheckpointSigner
from services.gateway.ordering import order_of
from services.runtime import exit_codes
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.mongo.driver import Database, connect, durable_database
from tests.gateway.build import NOON, audit_entry, entry_reasons
from tests.operations import command
from tests.operations.harness import Harness

SEED: Final = b"k" * 32
KEY: Final = SigningKey(SEED)
_PERSON: Final = "person:" + "h" * 22


@pytest.fixture
async def database(harness: Harness) -> AsyncIterator[Database]:
    client = connect(harness.settings.mongodb_uri)
    yield durable_database(client, "frikort_gateway")
    await client.drop_database("frikort_gateway")
    client.close()


@pytest.fixture
async def producer(harness: Harness) -> AsyncIterator[KafkaProducer]:
    producer = KafkaProducer(harness.settings, client_id="audit-log", timeout=15)
    yield producer
    await producer.stop()


async def signed(database: Database, producer: KafkaProducer, count: int) -> list[dict[str, Any]]:
    """Signed entries, as they are stored."""
    chain = ChainWriter(database)
    log, signer = (
        MongoAuditLog(database, chain, entry_reasons()),
        CheckpointSigner(database, producer, KEY, interval=1.0),
    )
    await signer.prepare()
    await log.add([audit_entry(order_of(NOON, f"{number:04d}"), _PERSON) for number in range(count)])
    await chain.renew()
    await signer.sign()
    return list(await database[ENTRIES].find().sort("number", 1).to_list(None))


async def run(harness: Harness, directory: Path, *arguments: str) -> tuple[int, list[str]]:
    """The exit code of a command and the lines that it writes, with the public keys that another command writes."""
    keys = directory / "keys.json"
    environment = harness.environment(audit_log_keys=f"k1:{b64encode(SEED).decode()}")
    code, out, _ = await asyncio.to_thread(command.run, command.AUDIT_LOG, ["keys"], environment)
    assert code == exit_codes.DONE
    keys.write_text(out)
    given = [*arguments, "--keys", str(keys)]
    code, out, err = await asyncio.to_thread(command.run, command.AUDIT_LOG, given, harness.environment())
    return code, (out or err).splitlines()


async def check(harness: Harness, directory: Path) -> tuple[int, list[str]]:
    return await run(harness, directory, "check")


async def test_each_change_of_a_signed_entry_is_named(
    harness: Harness, database: Database, producer: KafkaProducer, tmp_path: Path
) -> None:
    stored = await signed(database, producer, 5)
    chain, entries = stored[0]["chain"], database[ENTRIES]
    assert await check(harness, tmp_path) == (exit_codes.DONE, ["The audit log and its checkpoints agree."])
    removing = await run(harness, tmp_path, "remove-expired", "--by", "night watch")
    assert removing == (exit_codes.DONE, ["0 entries removed"]), "none is five years old"

    await entries.update_one({"number": 2}, {"$set": {"actor": "worker-2"}})
    await entries.delete_one({"number": 4})
    await entries.insert_one({**stored[4], "_id": "2025-01-01T00:00:00+00:00|x", "number": 9})
    await database[CHAINS].update_many({}, {"$set": {"lease_until": 0}})
    code, lines = await check(harness, tmp_path)
    assert code == exit_codes.NOT_DONE
    assert [line.partition(",")[0] for line in lines] == [
        f"altered: entry 2 of chain {chain}",
        f"removed: entry 4 of chain {chain}",
        f"not signed: entry 9 of chain {chain}",
    ]
    assert not any("sag 7" in line or _PERSON in line for line in lines)
