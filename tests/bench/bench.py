"""What every case uses: the engines, and its own topics, databases, folders and processes."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code
from frikort_contracts.access import PROVISIONER
from frikort_contracts.topics import EARNINGS, PARTITIONS, TOPICS
from pymongo import AsyncMongoClient

from deploy.local.config import REPOSITORY
from deploy.local.engines import Engines
from deploy.local.kafka_users import KafkaAccess
from deploy.local.process import Process
from services.runtime.kafka.topics import names_of
from services.runtime.kafka.topics.provisioning import provision
from services.runtime.safety_checks import topic_config
from services.runtime.settings import TopicSettings
from tests.bench.events import Load, fill

_STAMPED = {"message.timestamp.type": "LogAppendTime"}


@dataclass
class Bench:
    """One run of ``make bench``. ``number`` is the round, from 1."""

    engines: Engines
    scratch: Path
    load: Load
    number: int = 1
    kept: dict[str, Any] = field(default_factory=dict)
    """What a case has prepared once for all rounds, by its own keys."""

    @property
    def access(self) -> KafkaAccess:
        """How programs connect to the broker."""
        return self.engines.access

    @property
    def connection(self) -> dict[str, str]:
        """The environment variables with which a contestant connects to the broker, with all rights."""
        return self.access.environment(PROVISIONER)

    def environment_of(self, process: str) -> dict[str, str]:
        """The environment variables with which a process of the system connects to the engines, with its own rights."""
        return self.access.environment(process) | self.engines.mongodb_access.environment(process)

    @property
    def mongodb(self) -> str:
        """The database's connection string."""
        return self.engines.mongodb

    def unique(self, name: str) -> str:
        """A unique name for a topic, a group, a database or a folder."""
        return f"bench-{name}-{self.number}".replace(" ", "-")

    def directory(self, name: str) -> Path:
        """A new folder."""
        path = self.scratch / self.unique(name)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def process(self, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> Process:
        """A process, not started yet, with its own log. It inherits none of our settings."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("FRIKORT_", "BENCH_"))}
        log = self.scratch / "logs" / f"{self.unique(name)}.log"
        return Process(name, argv, log=log, environment={**inherited, **environment}, directory=REPOSITORY)

    async def source(self) -> str:
        """The topic of the load, filled once. It is the real topic, so that balance can read it."""
        if "source" not in self.kept:
            await self._make_real_topics()
            await fill(self.access, EARNINGS.name, self.load)
            self.kept["source"] = EARNINGS.name
        return str(self.kept["source"])

    async def make_topic(self, name: str, partitions: int = PARTITIONS) -> str:
        """Create a topic whose records get the broker's timestamps. Returns its name."""
        await self._create([NewTopic(name, partitions, 1, topic_configs=_STAMPED)])
        return name

    async def drop_topics(self, names: Iterable[str]) -> None:
        """Delete topics to free disk space."""
        async with self.admin() as admin:
            await admin.delete_topics(list(names))

    async def drop_database(self, name: str) -> None:
        """Drop a database if it exists."""
        async with self.database() as client:
            await client.drop_database(name)

    async def rewind(self, group: str, topic: str) -> None:
        """Reset a group without members to the start of a topic."""
        consumer = AIOKafkaConsumer(**self.access.options(), group_id=group, enable_auto_commit=False)
        await consumer.start()
        try:
            partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
            consumer.assign(partitions)
            await consumer.commit(dict.fromkeys(partitions, 0))
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """An admin client of the broker."""
        admin = AIOKafkaAdminClient(**self.access.options())
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    @asynccontextmanager
    async def database(self) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
        """A client of the database."""
        async with AsyncMongoClient[dict[str, Any]](self.mongodb) as client:
            yield client

    async def _make_real_topics(self) -> None:
        await self._create(
            [
                NewTopic(name, topic.partitions, 1, topic_configs={**topic_config(name, topic, 1), **_STAMPED})
                for name, topic in names_of(TOPICS).items()
            ]
        )
        await provision(TopicSettings(environment="local", topic_replication=1, **self.access.settings().model_dump()))

    async def _create(self, topics: Sequence[NewTopic]) -> None:
        async with self.admin() as admin:
            response = await admin.create_topics(topics)
            for name, code, *_ in response.topic_errors:
                if code:
                    raise for_code(code)(name)


def python(module: str) -> list[str]:
    """The command that runs a module with the current Python."""
    return [sys.executable, "-m", module]
