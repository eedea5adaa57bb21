"""Creates and checks the topics of the topic table: ``python -m services.runtime.kafka.topics [--check]``. Idempotent.

Services check the topics that they read and write and never create one: a topic that a broker creates by itself has
one partition and one replica.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code
from frikort_contracts.topics import TOPICS, Topic

from services.runtime import exit_codes
from services.runtime import logging as runtime_logging
from services.runtime.safety_checks import UnsafeSetting, check_settings, check_topic, topic_config
from services.runtime.settings import RuntimeSettings

logger = structlog.get_logger(__name__)

COMMAND: Final = "python -m services.runtime.kafka.topics"
_TRY_AGAIN_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
_REQUEST_MS = 15_000


class MissingTopics(RuntimeError):
    """Topics of the table that do not exist; the text says how to create them."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(f"no topic {', '.join(sorted(names))}; create it with: {COMMAND}")


class TopicNotCreated(RuntimeError):
    """The broker refuses to create a topic; the text names the topic and the broker's reason."""


def names_of(topics: Collection[Topic]) -> dict[str, Topic]:
    """Every topic and its dead-letter topic, by name."""
    return {name: topic for topic in topics for name in (topic.name, topic.dead)}


def topics_of(service: str, reads: Collection[Topic]) -> tuple[Topic, ...]:
    """The topics that a service needs: those it reads (``reads``), and those it may write by the table."""
    return tuple(topic for topic in TOPICS if topic in reads or service in topic.writers)


async def provision(settings: RuntimeSettings) -> int:
    """Create the missing topics and check all. Returns how many were created. Raises ``UnsafeSetting``."""
    async with _admin(settings) as admin:
        created = await _create(admin, settings.topic_replication)
        async with asyncio.timeout(_REQUEST_MS / 1000):
            await _check_until_known(admin, settings.topic_replication)
    return created


async def _check_until_known(admin: AIOKafkaAdminClient, replication: int) -> None:
    """Check until every broker knows the new topics; each request may reach another broker."""
    while True:
        try:
            return await _check(admin, replication, TOPICS)
        except (MissingTopics, UnknownTopicOrPartitionError):
            await asyncio.sleep(_PAUSE_SECONDS)


async def check(settings: RuntimeSettings, topics: Collection[Topic] = TOPICS) -> None:
    """Check ``topics``, create none. Raises ``MissingTopics``, ``UnsafeSetting`` and errors of aiokafka."""
    async with _admin(settings) as admin:
        await _check(admin, settings.topic_replication, topics)


async def require(settings: RuntimeSettings, names: Collection[str]) -> None:
    """Raise ``MissingTopics`` unless all of ``names`` exist. Reading a missing topic may create it."""
    async with _admin(settings) as admin:
        if missing := set(names) - set(await _partitions(admin)):
            raise MissingTopics(missing)


@asynccontextmanager
async def _admin(settings: RuntimeSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=_REQUEST_MS)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, replication: int) -> int:
    existing = await _partitions(admin)
    wanted = [
        NewTopic(name, topic.partitions, replication, topic_configs=topic_config(name, topic, replication))
        for name, topic in names_of(TOPICS).items()
        if name not in existing
    ]
    if not wanted:
        return 0
    response: Any = await admin.create_topics(wanted, timeout_ms=_REQUEST_MS)
    created = 0
    for name, code, *reason in response.topic_errors:
        error = for_code(code)
        if code == 0:
            created += 1
        elif error is not TopicAlreadyExistsError:
            because = " ".join(filter(None, reason))
            raise TopicNotCreated(f"the topic {name} cannot be created: {error.__name__} {because}")
    return created


async def _check(admin: AIOKafkaAdminClient, replication: int, topics: Collection[Topic]) -> None:
    wanted = names_of(topics)
    partitions = await _partitions(admin)
    if missing := set(wanted) - set(partitions):
        raise MissingTopics(missing)
    configs = await _configs(admin, sorted(wanted))
    for name, topic in wanted.items():
        replicas = [len(partition["replicas"]) for partition in partitions[name]]
        check_topic(name, topic, replication=replication, replicas=replicas, config=configs[name])


async def _partitions(admin: AIOKafkaAdminClient) -> dict[str, Sequence[Mapping[str, Any]]]:
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


async def _run_when_reachable(settings: RuntimeSettings, *, only_check: bool) -> int:
    async with asyncio.timeout(settings.start_timeout):
        while True:
            try:
                if only_check:
                    await check(settings)
                    return 0
                return await provision(settings)
            except (KafkaError, OSError) as error:
                logger.warning("topics.waiting_for_kafka", reason=f"{type(error).__name__}: {error}")
                await asyncio.sleep(_TRY_AGAIN_SECONDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 if every topic exists with safe settings."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Create and check the topics of the topic table.")
    parser.add_argument("--check", action="store_true", help="check only; create no topic")
    only_check = parser.parse_args(arguments).check
    settings = RuntimeSettings()
    runtime_logging.configure(settings, "topics")
    try:
        check_settings(settings)
        created = asyncio.run(_run_when_reachable(settings, only_check=only_check))
    except TimeoutError:
        logger.critical("topics.kafka_away", kafka=settings.kafka)
        return exit_codes.CANNOT_START
    except UnsafeSetting as unsafe:
        logger.critical("topics.refused", problem=str(unsafe))
        return exit_codes.UNSAFE_SETTING
    except (MissingTopics, TopicNotCreated) as wrong:
        logger.critical("topics.wrong", problem=str(wrong))
        return exit_codes.NOT_DONE
    logger.info("topics.ready", created=created, topics=len(names_of(TOPICS)))
    return exit_codes.DONE


if __name__ == "__main__":
    sys.exit(main())
