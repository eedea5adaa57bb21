"""Make and check the topics of the topic table: ``python -m services.runtime.topics``. Idempotent.

Services never create topics: a topic made by accident has one partition and one replica.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from contracts.topics import TOPICS, Topic
from services.runtime import logging as runtime_logging
from services.runtime.settings import RuntimeSettings

logger = structlog.get_logger(__name__)

_TRY_AGAIN_SECONDS = 1.0
_REQUEST_MS = 15_000


class WrongTopic(RuntimeError):
    """A topic is there but not as the table says; the text says what to do."""


def wanted(replication: int) -> Iterator[NewTopic]:
    """Every topic of the table and its dead-letter topic, with the settings that keep their records."""
    for topic in TOPICS:
        yield _new_topic(topic.name, topic, replication, _retention_ms(topic))
        yield _new_topic(topic.dead, topic, replication, -1)


def _new_topic(name: str, topic: Topic, replication: int, retention_ms: int) -> NewTopic:
    return NewTopic(
        name=name,
        num_partitions=topic.partitions,
        replication_factor=replication,
        topic_configs={
            "cleanup.policy": "delete",
            "retention.ms": str(retention_ms),
            "retention.bytes": "-1",
            "min.insync.replicas": str(max(1, replication - 1)),
            "unclean.leader.election.enable": "false",
            "max.message.bytes": str(2 * 1024 * 1024),
        },
    )


def _retention_ms(topic: Topic) -> int:
    return -1 if topic.retention is None else int(topic.retention.total_seconds() * 1000)


async def provision(settings: RuntimeSettings) -> int:
    """Make what is missing and check the rest. Returns how many were made. Raises ``WrongTopic``."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=_REQUEST_MS)
    await admin.start()
    try:
        topics = list(wanted(settings.topic_replication))
        made = await _create(admin, topics)
        await _check(admin, topics)
    finally:
        await admin.close()
    return made


async def _create(admin: AIOKafkaAdminClient, topics: list[NewTopic]) -> int:
    response: Any = await admin.create_topics(topics, timeout_ms=_REQUEST_MS)
    made = 0
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code == 0:
            made += 1
        elif error is not TopicAlreadyExistsError:
            raise WrongTopic(f"the topic {name} cannot be made: {error.__name__}")
    return made


async def _check(admin: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    there = {d["topic"]: d for d in await admin.describe_topics([topic.name for topic in topics])}
    for topic in topics:
        partitions = there[topic.name]["partitions"]
        if len(partitions) != topic.num_partitions:
            raise WrongTopic(
                f"{topic.name} has {len(partitions)} partitions and needs {topic.num_partitions}: "
                "changing that breaks the order of a card's events, so make the topic anew"
            )
        replicas = min(len(p["replicas"]) for p in partitions)
        if replicas < topic.replication_factor:
            raise WrongTopic(
                f"{topic.name} has {replicas} replicas and needs {topic.replication_factor}: "
                "add replicas with kafka-reassign-partitions"
            )


async def _provision_when_there(settings: RuntimeSettings) -> int:
    async with asyncio.timeout(settings.start_timeout):
        while True:
            try:
                return await provision(settings)
            except (KafkaError, OSError) as error:
                logger.warning("topics.waiting_for_kafka", because=type(error).__name__)
                await asyncio.sleep(_TRY_AGAIN_SECONDS)


def main() -> int:
    """Exit code 0 if every topic is there as it must be."""
    settings = RuntimeSettings()
    runtime_logging.configure(settings, "topics")
    try:
        made = asyncio.run(_provision_when_there(settings))
    except TimeoutError:
        logger.critical("topics.kafka_away", kafka=settings.kafka)
        return 3
    except WrongTopic as wrong:
        logger.critical("topics.wrong", problem=str(wrong))
        return 1
    logger.info("topics.ready", made=made, topics=2 * len(TOPICS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
