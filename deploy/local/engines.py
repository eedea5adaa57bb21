"""Kafka and MongoDB: from addresses in the environment, otherwise from Docker, otherwise from their own binaries."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from enum import Enum
from types import TracebackType
from typing import Self

from deploy.local import containers, kafka, kafka_users, mongod, mongodb_users
from deploy.local.cache import require_space
from deploy.local.config import Config
from deploy.local.errors import LauncherError
from deploy.local.kafka_users import KafkaAccess
from deploy.local.mongodb_users import MongoAccess
from deploy.local.process import Process, start_timeout, too_slow
from deploy.local.progress import Progress, Silent


class Source(Enum):
    """Where Kafka or MongoDB comes from."""

    ENVIRONMENT = "the address in the environment"
    DOCKER = "a container"
    BINARY = "its own binary"


def choose(variable: str, environment: Mapping[str, str], docker_answers: Callable[[], bool]) -> Source:
    """The first available source: the address in `variable`, a Docker engine, the binary."""
    if environment.get(variable):
        return Source.ENVIRONMENT
    return Source.DOCKER if docker_answers() else Source.BINARY


class Engines:
    """A Kafka broker and a MongoDB replica set, as a context manager.

    Attributes:
        kafka: bootstrap address, `host:port`.
        access: how programs connect to it, each as its principal.
        mongodb: connection string of the user that may do everything, with its password.
        mongodb_access: how programs connect to MongoDB, each as its user.
        processes: "kafka" and "mongodb", if they run as processes of the launcher.
    """

    kafka: str
    access: KafkaAccess
    mongodb: str
    mongodb_access: MongoAccess

    def __init__(
        self,
        config: Config,
        progress: Progress | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        docker_answers: Callable[[], bool] = containers.docker_answers,
    ) -> None:
        self.config = config
        self.processes: dict[str, Process] = {}
        self._progress = progress or Silent()
        self._environment = os.environ if environment is None else environment
        self._docker_answers = docker_answers
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start both and wait until both are ready.

        Raises:
            LauncherError: something is missing, a port is in use, or Kafka or MongoDB did not start.
        """
        with ExitStack() as stack:
            waits = [self._start_kafka(stack), self._start_mongodb(stack)]
            started_at = time.monotonic()
            for label, wait in reversed(waits):  # Kafka starts while MongoDB gets its users
                with self._progress.step(label, started_at):
                    wait()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start_kafka(self, stack: ExitStack) -> tuple[str, Callable[[], None]]:
        source = choose("FRIKORT_KAFKA", self._environment, self._docker_answers)
        if source is Source.ENVIRONMENT:
            self.kafka = self._environment["FRIKORT_KAFKA"]
            self.access = KafkaAccess(self.kafka, given=KafkaAccess.settings_from(self._environment))
            return f"Kafka at {self.kafka}", lambda: _require(
                kafka.answers_metadata(self.access.settings()), f"No Kafka answers at {self.kafka}.", "FRIKORT_KAFKA"
            )
        port, controller = self.config.port("kafka"), self.config.port("kafka-controller")
        self.kafka = f"127.0.0.1:{port}"
        users = kafka_users.passwords(self.config.data / "keys")
        self.access = KafkaAccess(self.kafka, users)
        if source is Source.DOCKER:
            stack.enter_context(containers.kafka_container(port, controller, users, self.config.data / "kafka"))
            settings = self.access.settings()
            return f"Kafka in a container at {self.kafka}", lambda: _await(lambda: kafka.ready(port, settings), "Kafka")
        require_space(self.config.data)
        process = kafka.process(
            kafka.install(self.config.cache, self._progress),
            data=self.config.data / "kafka",
            log=self.config.log("kafka"),
            kafka_port=port,
            controller_port=controller,
            users=users,
            heap_mb=self.config.broker_heap_mb,
        )
        return f"Kafka {kafka.VERSION} at {self.kafka}", self._run(process, stack)

    def _start_mongodb(self, stack: ExitStack) -> tuple[str, Callable[[], None]]:
        source = choose("FRIKORT_MONGODB", self._environment, self._docker_answers)
        if source is Source.ENVIRONMENT:
            given = MongoAccess.settings_from(self._environment)
            self.mongodb_access = MongoAccess(self._environment["FRIKORT_MONGODB"], given=given)
            self.mongodb = self.mongodb_access.uri()
            return "MongoDB at the address in FRIKORT_MONGODB", lambda: _require(
                mongod.answers_ping(self.mongodb), "No MongoDB answers at the given address.", "FRIKORT_MONGODB"
            )
        port = self.config.port("mongodb")
        users = mongodb_users.load_or_create(self.config.data / "keys")
        self.mongodb_access = MongoAccess(mongod.uri(port), users.passwords)
        self.mongodb = self.mongodb_access.uri()
        if source is Source.DOCKER:
            stack.enter_context(containers.mongodb_container(port, users, self.config.database_cache_gb))
            label = f"MongoDB in a container at 127.0.0.1:{port}"
            return label, lambda: self._provision(lambda: _await(lambda: mongod.ready(port, users), "MongoDB"))
        require_space(self.config.data)
        process = mongod.process(
            mongod.fetch(self.config.cache, self._progress),
            data=self.config.data / "mongodb",
            log=self.config.log("mongodb"),
            port=port,
            users=users,
            cache_gb=self.config.database_cache_gb,
        )
        wait_ready = self._run(process, stack)
        return f"MongoDB at 127.0.0.1:{port}", lambda: self._provision(wait_ready)

    def _provision(self, wait_ready: Callable[[], None]) -> None:
        wait_ready()
        self.mongodb_access.provision()

    def _run(self, process: Process, stack: ExitStack) -> Callable[[], None]:
        stack.callback(process.terminate)
        process.start()
        self.processes[process.name] = process
        return process.wait_ready


def _require(answers: bool, what: str, variable: str) -> None:
    if not answers:
        raise LauncherError(what, f"Start it, correct {variable}, or unset it to use the launcher's own.")


def _await(ready: Callable[[], bool], what: str) -> None:
    seconds = start_timeout()
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise LauncherError(
                f"{what} in its container was not ready after {seconds:g} s.",
                f"{too_slow(seconds)} See also the output of `docker ps` and `docker logs`.",
            )
        time.sleep(0.1)
