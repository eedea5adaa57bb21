"""The round of a database that is restored without its consumer group: it is refused, until the group is reset."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from pymongo import MongoClient

from services.balance.processor import LEDGERS
from services.runtime import exit_codes
from services.runtime.kafka.consumer import group_of
from tests.chaos.round_context import RoundContext
from tests.chaos.timing import for_seconds, until

_SERVICE: Final = "balance"
_NEWER_SECONDS: Final = 3.0
_REFUSED_WITHIN: Final = 60.0

_Backup = dict[str, list[dict[str, Any]]]


async def restored(on: RoundContext) -> None:
    """Restore the database of balance while others work; its group is reset after both instances refused to start."""
    environment = on.environment
    uri, names = environment.system.mongodb, environment.instances(_SERVICE)
    await environment.terminate(*names)
    backup = await asyncio.to_thread(_back_up, uri)
    await environment.start(names)
    await for_seconds(_NEWER_SECONDS)
    await environment.terminate(*names)
    await asyncio.to_thread(_restore, uri, backup)

    processes = [environment.process(name) for name in names]
    for process in processes:
        process.start()
        environment.expected_end(process.name)

    async def all_ended() -> bool:
        return not any(process.alive for process in processes)

    await until(all_ended, within=_REFUSED_WITHIN, what="the refusal of a restored database")
    codes = {process.exit_code for process in processes}
    if codes != {exit_codes.UNSAFE_SETTING}:
        on.load.journal.surprises.append(f"a restored database was refused with {codes}")
    await _reset_group(on)
    await environment.start(names)


def _back_up(uri: str) -> _Backup:
    with MongoClient[dict[str, Any]](uri) as client:
        database = client[f"frikort_{_SERVICE}"]
        return {name: list(database[name].find()) for name in database.list_collection_names()}


def _restore(uri: str, backup: _Backup) -> None:
    with MongoClient[dict[str, Any]](uri) as client:
        database = client[f"frikort_{_SERVICE}"]
        for name in database.list_collection_names():
            database[name].delete_many({})
            if documents := backup.get(name):
                database[name].insert_many(documents)


async def _reset_group(on: RoundContext) -> None:
    """Do what ``kafka-consumer-groups --reset-offsets --to-earliest --all-topics --execute`` does."""
    options = on.environment.system.access.options()
    group = group_of(_SERVICE, [LEDGERS])
    async with AIOKafkaConsumer(**options, group_id=group, enable_auto_commit=False) as consumer:
        partitions = [TopicPartition(topic.name, n) for topic in LEDGERS.topics for n in range(topic.partitions)]
        consumer.assign(partitions)
        await consumer.commit(await consumer.beginning_offsets(partitions))
