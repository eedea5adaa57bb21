"""The service as FastStream's documentation suggests: one message per call, one update, one publish, one commit.

It counts a redelivered message twice, and after a crash between update and publish the total is never published.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from pydantic import BaseModel
from pymongo import AsyncMongoClient, ReturnDocument
from pymongo.write_concern import WriteConcern

from services.runtime.kafka.connection import faststream_security
from services.runtime.settings import KafkaSettings


class Earnings(BaseModel):
    """The fields it needs of an earnings event."""

    card_id: str
    report_id: str
    year: int
    total: int


class Balance(BaseModel):
    """Its output event."""

    card_id: str
    year: int
    reported: int


_KAFKA = KafkaSettings()
broker = KafkaBroker(_KAFKA.kafka, security=faststream_security(_KAFKA), acks="all", enable_idempotence=True)
app = FastStream(broker)
client = AsyncMongoClient[dict[str, Any]](os.environ["BENCH_MONGODB"])
ledgers = client.get_database(os.environ["BENCH_DATABASE"], write_concern=WriteConcern(w="majority", j=True))["ledgers"]


@broker.subscriber(
    os.environ["BENCH_SOURCE"],
    group_id=os.environ["BENCH_GROUP"],
    auto_offset_reset="earliest",
    ack_policy=AckPolicy.NACK_ON_ERROR,
)
async def handle(event: Earnings) -> None:
    """Add a report to its year and publish the total."""
    ledger = await ledgers.find_one_and_update(
        {"_id": f"{event.card_id}:{event.year}"},
        {"$inc": {"reported": event.total}, "$set": {f"entries.{event.report_id}": event.total}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    assert ledger is not None  # upserted
    balance = Balance(card_id=event.card_id, year=event.year, reported=ledger["reported"])
    await broker.publish(balance, os.environ["BENCH_SINK"], key=event.card_id.encode())


if __name__ == "__main__":
    asyncio.run(app.run())
