"""The floor of the job: what the broker, the database and their clients cost, and nothing else.

Bare aiokafka and pymongo, the documents that balance reads and writes, its events by number and size. No framework, no
rules, no contract checked, no id remembered: after a crash its totals would be wrong.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from pymongo import AsyncMongoClient, ReplaceOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.write_concern import WriteConcern

from tests.bench.replay.running import until_terminated

_AT_ONCE: Final = 2000
_OUTPUTS: Final = 2


async def main() -> None:
    """Read, write, produce, commit, batch by batch."""
    client = AsyncMongoClient[dict[str, Any]](os.environ["BENCH_MONGODB"])
    database = client.get_database(os.environ["BENCH_DATABASE"], write_concern=WriteConcern(w="majority", j=True))
    producer = AIOKafkaProducer(
        bootstrap_servers=os.environ["BENCH_BOOTSTRAP"],
        acks="all",
        enable_idempotence=True,
        linger_ms=2,
        max_batch_size=256 * 1024,
        max_request_size=2 * 1024 * 1024,
    )
    consumer = AIOKafkaConsumer(
        os.environ["BENCH_SOURCE"],
        bootstrap_servers=os.environ["BENCH_BOOTSTRAP"],
        group_id=os.environ["BENCH_GROUP"],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await producer.start()
    await consumer.start()
    try:
        while True:
            fetched = await consumer.getmany(timeout_ms=1000, max_records=_AT_ONCE)
            records = [record for of_partition in fetched.values() for record in of_partition]
            if records:
                await _carry_out(records, database["ledgers"], producer)
                await consumer.commit({partition: of[-1].offset + 1 for partition, of in fetched.items()})
    finally:
        await asyncio.gather(consumer.stop(), producer.stop(), client.close())


async def _carry_out(
    records: list[ConsumerRecord], ledgers: AsyncCollection[dict[str, Any]], producer: AIOKafkaProducer
) -> None:
    events = [json.loads(record.value) for record in records]
    ids = [f"{event['card_id']}:{event['year']}" for event in events]
    found = {ledger["_id"]: ledger async for ledger in ledgers.find({"_id": {"$in": list(set(ids))}})}
    outputs = []
    for record, event, ledger_id in zip(records, events, ids, strict=True):
        ledger = found.setdefault(ledger_id, {"_id": ledger_id, "reported": 0, "entries": {}})
        ledger["entries"][event["report_id"]] = {
            "employment_id": event["employment_id"],
            "cvr": event["cvr"],
            "revision": event["revision"],
            "total": event["total"],
            "exempt": event["total"],
            "excess": 0,
        }
        ledger["reported"] += event["total"]
        told = {
            "card_id": event["card_id"],
            "year": event["year"],
            "revision": len(ledger["entries"]),
            "report_id": event["report_id"],
            "employment_id": event["employment_id"],
            "cvr": event["cvr"],
            "total": event["total"],
            "reported": ledger["reported"],
        }
        outputs.append((record, json.dumps(told).encode()))
    changed = [ReplaceOne({"_id": ledger_id}, found[ledger_id], upsert=True) for ledger_id in dict.fromkeys(ids)]
    await ledgers.bulk_write(changed, ordered=False)
    sink = os.environ["BENCH_SINK"]
    sent = [
        await producer.send(sink, value, key=record.key, headers=list(record.headers))
        for record, value in outputs
        for _ in range(_OUTPUTS)
    ]
    await asyncio.gather(*sent)


if __name__ == "__main__":
    asyncio.run(until_terminated(main()))
