"""Checks the topics that a process reads and writes. ``python -m services.runtime.kafka.topics`` creates them.

Processes never create a topic: a topic that a broker creates by itself has one partition and one replica.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code
from frikort_contracts.topics import TOPICS, Topic

from services.runtime.kafka.connection import client_options
from services.runtime.safety_checks import check_topic
from services.runtime.settings import KafkaSettings, TopicSettings

COMMAND: Final = "python -m services.runtime.kafka.topics"
REQUEST_MS: Final = 15_000


class MissingTopics(RuntimeError):
    """Topics of the table that do not exist or that this principal may not see; the text says how to create them."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(f"no topic {', '.join(sorted(names))}; create it with: {COMMAND}")


def names_of(topics: Collection[Topic]) -> dict[str, Topic]:
    """Every topic and its dead-letter topic, by name."""
    return {name: topic for topic in topics for name in (topic.name, topic.dead)}


def names_for(principal: str, reads: Collection[Topic]) -> dict[str, Topic]:
    """What a process needs, by name: the topics that it may write, and those of ``reads`` with their dead letters."""
    return {topic.name: topic for topic in TOPICS if principal in topic.writers} | names_of(reads)


async def check(settings: TopicSettings, names: Mapping[str, Topic] | None = None) -> None:
    """Check topics, by default all; create none. Raises ``MissingTopics``, ``UnsafeSetting`` and errors of aiokafka."""
    async with admin_client(settings) as admin:
        await check_with(admin, settings.topic_replication, names_of(TOPICS) if names is None else names)


async def require(settings: KafkaSettings, names: Collection[str]) -> None:
    """Raise ``MissingTopics`` unless all of ``names`` exist. Reading a missing topic may create it."""
    async with admin_client(settings) as admin:
        if missing := set(names) - set(await partitions_of(admin)):
            raise MissingTopics(missing)


@asynccontextmanager
async def admin_client(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected admin client."""
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=REQUEST_MS)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def check_with(admin: AIOKafkaAdminClient, replication: int, names: Mapping[str, Topic]) -> None:
    """Check the topics with a connected client; see ``check``."""
    partitions = await partitions_of(admin)
    if missing := set(names) - set(partitions):
        raise MissingTopics(missing)
    configs = await _configs(admin, sorted(names))
    for name in sorted(names):
        replicas = [len(partition["replicas"]) for partition in partitions[name]]
        check_topic(name, names[name], replication=replication, replicas=replicas, config=configs[name])


async def partitions_of(admin: AIOKafkaAdminClient) -> dict[str, Sequence[Mapping[str, Any]]]:
    """The partitions of every topic that the client may see, by name."""
    # Describe all topics: a request for a missing one by name creates it under auto.create.topics.enable, the default.
    return {d["topic"]: d["partitions"] for d in await admin.describe_topics() if not d["error_code"]}


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(asked):
        for code, message, _, name, entries in response.resources:
            if code:
                raise for_code(code)(f"the settings of {name} cannot be read: {message}")
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs
