"""Kafka and MongoDB that a test can stop and kill, and processes of services that use them."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from frikort_contracts.access import PROVISIONER

from deploy.local import ports
from deploy.local.config import REPOSITORY
from deploy.local.engines import Engines
from deploy.local.process import Process
from deploy.local.system import answers_ready
from services.balance.processor import LEDGERS
from services.runtime.kafka.consumer import group_of
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.mongo.applied_positions import MongoAppliedPositions
from services.runtime.mongo.driver import connect, durable_database
from services.runtime.processing.positions import Offsets, Partition
from services.runtime.settings import RuntimeSettings
from tests.waiting import eventually

SERVICE = "tests.operations.service"


class Service:
    """One instance of a service as a process, with its own port."""

    def __init__(self, process: Process, url: str) -> None:
        self.process = process
        self.url = url

    def ready(self) -> bool:
        return answers_ready(self.url)

    def ask(self, path: str) -> tuple[int, Any]:
        """Status and JSON of the answer to a GET request; status 0 if nothing answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310 - our own address
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except OSError:
            return 0, None

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:  # noqa: S310 - our own address
            text: str = answer.read().decode()
            return text

    @property
    def log(self) -> list[dict[str, Any]]:
        """Its log lines."""
        lines = self.process.log.read_text().splitlines() if self.process.log.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{")]

    def logged(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.log if line["event"] == event]


class Harness:
    """Kafka and MongoDB for these tests only, and the services that use them."""

    def __init__(self, engines: Engines, directory: Path, stack: ExitStack) -> None:
        self.engines = engines
        self.settings = RuntimeSettings(
            environment="local",
            **engines.access.settings().model_dump(),
            mongodb=engines.mongodb,
            topic_replication=1,
            publish_timeout=15,
        )
        self._directory = directory
        self._stack = stack

    @property
    def kafka(self) -> Process:
        return self.engines.processes["kafka"]

    @property
    def mongodb(self) -> Process:
        return self.engines.processes["mongodb"]

    def service(self, name: str, instance: int = 1, /, *, module: str = SERVICE, **settings: str) -> Service:
        """An instance of the test service, not yet started; names of ``settings`` lack the prefix ``FRIKORT_``."""
        port = ports.free_port()
        url = f"http://127.0.0.1:{port}"
        environment = self.environment(health_port=str(port), **settings) | {"TEST_SERVICE": name}
        process = Process(
            f"{name}-{instance}",
            [sys.executable, "-m", module],
            log=self._directory / f"{name}-{instance}.log",
            environment=environment,
            directory=REPOSITORY,
            ready=lambda: answers_ready(url),
            stop_seconds=20,
        )
        self._stack.callback(process.kill)
        return Service(process, url)

    def environment(self, **settings: str) -> dict[str, str]:
        """The environment variables of a process; names of ``settings`` lack the prefix ``FRIKORT_``."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FRIKORT_")}
        given = {
            "environment": "local",
            "mongodb": self.engines.mongodb,
            "topic_replication": "1",
            "session_timeout": "3",
        } | settings
        access = self.engines.access.environment(PROVISIONER)
        return inherited | access | {f"FRIKORT_{name.upper()}": value for name, value in given.items()}

    def make_engines_run(self) -> None:
        """Start the engines that a test has stopped, and wait until they are ready."""
        for engine in (self.kafka, self.mongodb):
            if not engine.alive:
                engine.start()
        for engine in (self.kafka, self.mongodb):
            engine.wait_ready()


async def skip_earlier_records(harness: Harness, name: str) -> None:
    """Let a test service count as having applied everything, so that it does not read the records of other tests."""
    consumer = AIOKafkaConsumer(
        **harness.engines.access.options(), group_id=group_of(name, [LEDGERS]), enable_auto_commit=False
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic.name, n) for topic in LEDGERS.topics for n in range(topic.partitions)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        await applied_positions(harness, name, {Partition(*place): end for place, end in ends.items()})
        await consumer.commit(ends)
    finally:
        await consumer.stop()


async def applied_positions(harness: Harness, name: str, offsets: Offsets) -> None:
    """Store positions in the database of a test service, as if it had applied the records before them."""
    client = connect(harness.engines.mongodb)
    database = durable_database(client, f"frikort_{name}")
    await MongoAppliedPositions(database, group_of(name, [LEDGERS])).add(offsets)
    client.close()


async def lag_of(name: str, producer: KafkaProducer) -> int:
    """The lag of the group of a test service over all partitions, in records."""
    committed = await producer.committed_positions(group_of(name, [LEDGERS]))
    ends = await producer.end_positions(LEDGERS.topics)
    return sum(end.offset - committed.get(Partition(end.topic, end.partition), 0) for end in ends)


async def ended(service: Service, within: float = 30) -> int:
    """Wait until the process ends. Returns its exit code."""

    async def code() -> tuple[int] | None:
        found = service.process.exit_code
        return None if found is None else (found,)

    return (await eventually(code, within=within, what=f"{service.process.name} ends"))[0]
