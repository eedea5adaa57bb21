"""A client of the broker that tries what a principal may do, and says what the broker allowed."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, Final
from uuid import uuid4

import aiokafka
from aiokafka.errors import GroupAuthorizationFailedError
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from services.runtime.kafka.connection import client_options, librdkafka_options
from services.runtime.kafka.topics import admin_client
from services.runtime.settings import KafkaSettings

_SECONDS: Final = 30.0
_REFUSED: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
_SILENT: Final = logging.getLogger("tests.attack.librdkafka")
_SILENT.disabled = True


class BrokerClient:
    """Tries operations as one principal. Methods return the names for which the broker allowed the operation."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._options: dict[str, Any] = librdkafka_options(settings)
        self._admin = AdminClient(self._options, logger=_SILENT)

    def describe(self, topics: Collection[str]) -> set[str]:
        return set(self._admin.list_topics(timeout=_SECONDS).topics) & set(topics)

    def write(self, topics: Iterable[str]) -> set[str]:
        """Append one record, with a key as a compacted topic needs it, to the first partition of each."""
        producer = Producer({**self._options, "delivery.timeout.ms": int(_SECONDS * 1000)}, logger=_SILENT)
        allowed: set[str] = set()

        def delivered(error: KafkaError | None, message: Message) -> None:
            if not _refused(error):
                allowed.add(str(message.topic()))

        for topic in topics:
            producer.produce(topic, b"attack", b"attack", partition=0, on_delivery=delivered)
        assert producer.flush(_SECONDS) == 0
        return allowed

    def read(self, topics: Collection[str]) -> set[str]:
        """Fetch the first partition of each, which holds a record. No group is joined.

        Only of those that the principal may see: with Kafka the right to read includes the right to describe.
        """
        wanted = self.describe(topics)
        consumer = Consumer({**self._options, "group.id": "unused", "enable.auto.commit": False}, logger=_SILENT)
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in wanted])
        allowed: set[str] = set()
        refused: set[str] = set()
        deadline = time.monotonic() + _SECONDS
        while allowed | refused != wanted:
            assert time.monotonic() < deadline, f"no answer about {wanted - allowed - refused}"
            if (message := consumer.poll(0.2)) is not None and message.topic() is not None:
                (refused if _refused(message.error()) else allowed).add(str(message.topic()))
        consumer.close()
        return allowed

    def read_configs(self, topics: Iterable[str]) -> set[str]:
        return _allowed(self._admin.describe_configs(_resources(topics), request_timeout=_SECONDS))

    def change_configs(self, topics: Iterable[str]) -> set[str]:
        """Ask to shorten the retention; the broker only validates."""
        entry = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
        resources = _resources(topics, [entry])
        return _allowed(self._admin.incremental_alter_configs(resources, validate_only=True, request_timeout=_SECONDS))

    def create(self, topics: Iterable[str]) -> set[str]:
        """Ask to create them; the broker only validates."""
        new = [NewTopic(topic, 1, 1) for topic in topics]
        return _allowed(self._admin.create_topics(new, validate_only=True, request_timeout=_SECONDS))

    def delete(self, topics: Iterable[str]) -> set[str]:
        return _allowed(self._admin.delete_topics(list(topics), request_timeout=_SECONDS))

    async def see_groups(self, groups: Iterable[str]) -> set[str]:
        """Read the committed offsets of each group."""
        # Not with librdkafka 2.16, which crashes when a group's coordinator moves (rd_kafka_handle_OffsetFetch).
        async with admin_client(self._settings) as admin:
            return {group for group in groups if await _may(admin.list_consumer_group_offsets(group))}

    async def move_groups(self, groups: Iterable[str], topic: str) -> set[str]:
        """Commit an offset for each group, as a member of it would."""
        return {group for group in groups if await _may(self._commit(group, aiokafka.TopicPartition(topic, 0)))}

    def delete_groups(self, groups: Iterable[str]) -> set[str]:
        return _allowed(self._admin.delete_consumer_groups(list(groups), request_timeout=_SECONDS))

    def administer(self) -> set[str]:
        """Grant itself a right, and change the password of another."""
        everything = AclBinding(
            ResourceType.TOPIC,
            "frikort.",
            ResourcePatternType.PREFIXED,
            "User:nobody",
            "*",
            AclOperation.ALL,
            AclPermissionType.ALLOW,
        )
        credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        upsertion = UserScramCredentialUpsertion("nobody", credential, b"guessed", b"salt")
        attempts: Mapping[str, Callable[[], object]] = {
            "grant": self._admin.create_acls([everything], request_timeout=_SECONDS)[everything].result,
            "password": self._admin.alter_user_scram_credentials([upsertion])["nobody"].result,
        }
        return {name for name, attempt in attempts.items() if _may_now(attempt)}

    def use_transaction(self) -> bool:
        """Begin as a transactional producer."""
        options = {**self._options, "transactional.id": f"frikort-{uuid4()}"}
        producer = Producer(options, logger=_SILENT)
        return _may_now(lambda: producer.init_transactions(_SECONDS))

    async def _commit(self, group: str, partition: aiokafka.TopicPartition) -> None:
        consumer = aiokafka.AIOKafkaConsumer(**client_options(self._settings), group_id=group, enable_auto_commit=False)
        try:
            await consumer.start()
            consumer.assign([partition])
            await consumer.commit({partition: 1})
        finally:
            await consumer.stop()


def _may_now(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except KafkaException as error:
        return not _refused(error.args[0])
    return True


async def _may(attempt: Awaitable[object]) -> bool:
    try:
        await attempt
    except GroupAuthorizationFailedError:
        return False
    return True


def _resources(topics: Iterable[str], entries: list[ConfigEntry] | None = None) -> list[ConfigResource]:
    return [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries) for topic in topics]


def _allowed(answers: Mapping[Any, Future[Any]]) -> set[str]:
    """The names about which the broker did not say that it refuses. An error of another kind is not a refusal."""
    allowed = set()
    for asked, answer in answers.items():
        error = answer.exception(_SECONDS)
        if not isinstance(error, KafkaException) or not _refused(error.args[0]):
            allowed.add(str(getattr(asked, "name", asked)))
    return allowed


def _refused(error: KafkaError | None) -> bool:
    return error is not None and error.code() in _REFUSED
