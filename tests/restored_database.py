"""Puts the database of a service back to an earlier state, and resets its consumer group as an operator does."""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from pymongo import MongoClient

from deploy.local.kafka_users import KafkaAccess
from services.runtime.kafka.consumer import group_of
from services.runtime.processing.decision import Processor

Backup = dict[str, list[dict[str, Any]]]
"""All documents of a database, by collection."""


def back_up(uri: str, service: str) -> Backup:
    """The documents of the service's database."""
    with MongoClient[dict[str, Any]](uri) as client:
        database = client[f"frikort_{service}"]
        return {name: list(database[name].find()) for name in database.list_collection_names()}


def restore(uri: str, service: str, backup: Backup) -> None:
    """Replace the documents of the service's database."""
    with MongoClient[dict[str, Any]](uri) as client:
        database = client[f"frikort_{service}"]
        for name in database.list_collection_names():
            database[name].delete_many({})
            if documents := backup.get(name):
                database[name].insert_many(documents)


async def reset_group(access: KafkaAccess, service: str, processor: Processor[Any]) -> None:
    """Do what ``kafka-consumer-groups --reset-offsets --to-earliest --all-topics --execute`` does."""
    consumer = AIOKafkaConsumer(**access.options(), group_id=group_of(service, [processor]), enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic.name, n) for topic in processor.topics for n in range(topic.partitions)]
        consumer.assign(partitions)
        await consumer.commit(await consumer.beginning_offsets(partitions))
    finally:
        await consumer.stop()
