"""Creates the topics of the topic table and grants the rights that follow from it. Idempotent."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code
from frikort_contracts.topics import TOPICS

from services.runtime.kafka.topics import (
    REQUEST_MS,
    MissingTopics,
    admin_client,
    check_with,
    names_of,
    partitions_of,
)
from services.runtime.kafka.topics.acls import check_rights, grant_rights
from services.runtime.kafka.topics.added_partitions import warn_of_added
from services.runtime.safety_checks import topic_config
from services.runtime.settings import TopicSettings

_PAUSE_SECONDS: Final = 0.05


class TopicNotCreated(RuntimeError):
    """The broker refuses to create a topic; the text names the topic and the broker's reason."""


class Provisioned(NamedTuple):
    """How many topics were created and rights granted."""

    topics: int
    rights: int


async def provision(settings: TopicSettings) -> Provisioned:
    """Create the missing topics, grant the missing rights and check all.

    Raises ``TopicNotCreated``, ``UnsafeSetting``, ``MissingRights``, ``AclsUnavailable`` and errors of aiokafka.
    """
    async with admin_client(settings) as admin:
        created = await _create(admin, settings.topic_replication)
        async with asyncio.timeout(REQUEST_MS / 1000):
            await _check_until_known(admin, settings.topic_replication)
        await _warn_of_added(admin)
    granted = await asyncio.to_thread(grant_rights, settings)
    # A broker learns of the rights after it has made the partitions of all new topics, which can take long.
    await asyncio.to_thread(check_rights, settings, within=settings.start_timeout / 2 if granted else 0.0)
    return Provisioned(created, granted)


async def check_all(settings: TopicSettings) -> None:
    """Check every topic and right; create and grant nothing. Raises as ``provision``, and ``MissingTopics``."""
    async with admin_client(settings) as admin:
        await check_with(admin, settings.topic_replication, names_of(TOPICS))
        await _warn_of_added(admin)
    await asyncio.to_thread(check_rights, settings)


async def _warn_of_added(admin: AIOKafkaAdminClient) -> None:
    warn_of_added({name: len(partitions) for name, partitions in (await partitions_of(admin)).items()}, {})


async def _check_until_known(admin: AIOKafkaAdminClient, replication: int) -> None:
    """Check until every broker knows the new topics; each request may reach another broker."""
    while True:
        try:
            return await check_with(admin, replication, names_of(TOPICS))
        except (MissingTopics, UnknownTopicOrPartitionError):
            await asyncio.sleep(_PAUSE_SECONDS)


async def _create(admin: AIOKafkaAdminClient, replication: int) -> int:
    existing = await partitions_of(admin)
    wanted = [
        NewTopic(name, topic.partitions, replication, topic_configs=topic_config(name, topic, replication))
        for name, topic in names_of(TOPICS).items()
        if name not in existing
    ]
    if not wanted:
        return 0
    response: Any = await admin.create_topics(wanted, timeout_ms=REQUEST_MS)
    created = 0
    for name, code, *reason in response.topic_errors:
        error = for_code(code)
        if code == 0:
            created += 1
        elif error is not TopicAlreadyExistsError:
            because = " ".join(filter(None, reason))
            raise TopicNotCreated(f"the topic {name} cannot be created: {error.__name__} {because}")
    return created
