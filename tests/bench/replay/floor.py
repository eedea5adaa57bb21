"""The floor of the job: the cost of broker, database and their clients alone.

Bare aiokafka and pymongo with the content of balance's documents, ids and outbox in binary, and its events, by number
and size. No framework, no rules, no validation, no applied ids: after a crash its totals would be wrong. With
BENCH_BARE the documents hold no ids and no outbox; with BENCH_CLUSTERED the collection is clustered. It is tuned as far
as we know: uvloop, the fastest available JSON library, large fetches and batches, concurrent partitions so that one
computes while others wait, one round trip per query, no retried writes, and records appended in batches.
"""

from __future__ import annotations

import asyncio
import gc
import os
from typing import Any, Final

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from pydantic_core import from_json, to_json
from pymongo import AsyncMongoClient, ReplaceOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.write_concern import WriteConcern

from services.runtime.kafka.connection import client_options
from services.runtime.mongo.document_store import create_clustered
from services.runtime.settings import KafkaSettings
from tests.bench.replay.running import until_terminated

_FETCH: Final = 6000
_AT_ONCE: Final = 1000
_OUTPUTS: Final = 2
_SINK: Final = os.environ["BENCH_SINK"]
_BARE: Final = bool(os.environ.get("BENCH_BARE"))


async def main() -> None:
    """Read, write, produce, commit: a batch of each partition at a time."""
    client = AsyncMongoClient[dict[str, Any]](os.environ["BENCH_MONGODB"], retryWrites=False)
    database = client.get_database(os.environ["BENCH_DATABASE"], write_concern=WriteConcern(w="majority", j=True))
    producer = AIOKafkaProducer(
        **client_options(KafkaSettings()),
        acks="all",
        enable_idempotence=True,
        max_batch_size=1024 * 1024,
        max_request_size=2 * 1024 * 1024,
    )
    consumer = AIOKafkaConsumer(
        os.environ["BENCH_SOURCE"],
        **client_options(KafkaSettings()),
        group_id=os.environ["BENCH_GROUP"],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    if os.environ.get("BENCH_CLUSTERED"):
        await create_clustered(database, "ledgers")
    await producer.start()
    await consumer.start()
    gc.freeze()
    try:
        while True:
            fetched = await consumer.getmany(timeout_ms=1000, max_records=_FETCH)
            partitions = (
                _process_partition(partition, of, database["ledgers"], producer, consumer)
                for partition, of in fetched.items()
            )
            await asyncio.gather(*partitions)
    finally:
        await asyncio.gather(consumer.stop(), producer.stop(), client.close())


async def _process_partition(
    partition: TopicPartition,
    records: list[ConsumerRecord],
    ledgers: AsyncCollection[dict[str, Any]],
    producer: AIOKafkaProducer,
    consumer: AIOKafkaConsumer,
) -> None:
    for start in range(0, len(records), _AT_ONCE):
        batch = records[start : start + _AT_ONCE]
        await _process_batch(batch, ledgers, producer)
        await consumer.commit({partition: batch[-1].offset + 1})


async def _process_batch(
    records: list[ConsumerRecord], ledgers: AsyncCollection[dict[str, Any]], producer: AIOKafkaProducer
) -> None:
    events = [from_json(record.value) for record in records]
    ids = [f"{event['card_id']}:{event['year']}" for event in events]
    touched = list(set(ids))
    found = {
        ledger["_id"]: ledger
        for ledger in await ledgers.find({"_id": {"$in": touched}}, batch_size=len(touched) + 1).to_list()
    }
    outputs = producer.create_batch()
    sent = []
    for record, event, ledger_id in zip(records, events, ids, strict=True):
        ledger = found.get(ledger_id)
        if ledger is None:
            ledger = found[ledger_id] = _new(ledger_id, event)
        total, state = event["total"], ledger["state"]
        ledger["version"] += 1
        state["revision"] += 1
        state["exempt"] += total
        line = [event["report_id"], event["employment_id"], event["cvr"], event["revision"], total, total, 0]
        state["entries"] += "\n" + to_json(line).decode()
        output = {
            "card_id": event["card_id"],
            "year": event["year"],
            "revision": state["revision"],
            "report_id": event["report_id"],
            "report_revision": event["revision"],
            "employment_id": event["employment_id"],
            "cvr": event["cvr"],
            "total": total,
            "allowance": state["allowance"],
            "reported": state["exempt"],
        }
        value, headers = to_json(output), list(record.headers)
        if not _BARE:
            ledger["applied"] += event["report_id"].encode()[:16]
            packed = b"".join((value, value, record.key, *(header for _, header in headers)))
            # The previous batch has been published.
            unpublished = [entry for entry in ledger["outbox"] if entry["offset"] >= records[0].offset]
            place = {"topic": _SINK, "partition": record.partition, "offset": record.offset}
            ledger["outbox"] = [*unpublished, {**place, "records": packed}]
        for _ in range(_OUTPUTS):
            # A card's events go to the partition of its source record.
            if outputs.append(timestamp=None, key=record.key, value=value, headers=headers) is None:
                sent.append(await producer.send_batch(outputs, _SINK, partition=record.partition))
                outputs = producer.create_batch()
                outputs.append(timestamp=None, key=record.key, value=value, headers=headers)
    changed = [ReplaceOne({"_id": ledger_id}, found[ledger_id], upsert=True) for ledger_id in touched]
    await ledgers.bulk_write(changed, ordered=False)
    outputs.close()
    sent.append(await producer.send_batch(outputs, _SINK, partition=records[0].partition))
    await asyncio.gather(*sent)


def _new(ledger_id: str, event: dict[str, Any]) -> dict[str, Any]:
    state = {
        "card_id": event["card_id"],
        "year": event["year"],
        "revision": 0,
        "allowance": event["allowance"],
        "provisional": event["provisional"],
        "exempt": 0,
        "excess": 0,
        "warned": [],
        "entries": "",
    }
    ledger = {"_id": ledger_id, "version": 0, "state": state}
    return ledger if _BARE else {**ledger, "applied": b"", "outbox": []}


if __name__ == "__main__":
    uvloop.run(until_terminated(main()))
