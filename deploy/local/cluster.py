"""Three brokers and a replica set of three on one machine, to test what happens when a leader fails.

As in production, everything has three replicas and two of them acknowledge a write.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Self

from deploy.local import broker_config, kafka, kafka_users, mongod, mongodb_users
from deploy.local.cache import require_space
from deploy.local.certificates import Certificates
from deploy.local.config import Config
from deploy.local.engines import Engines
from deploy.local.kafka_users import KafkaAccess
from deploy.local.mongodb_users import MongoAccess
from deploy.local.ports import free_port
from deploy.local.process import terminate_all
from deploy.local.progress import Progress

NODES = (1, 2, 3)
ENVIRONMENT = {"FRIKORT_TOPIC_REPLICATION": "3"}
"""Environment variables of the services, for `Config.environment`."""

_HEAP_MB = 256
_REPLICATED = {
    "min.insync.replicas": "2",
    "default.replication.factor": "3",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    "controlled.shutdown.enable": "true",
    "unclean.leader.election.enable": "false",
}


class Cluster(Engines):
    """Like `Engines`, always from the binaries; processes "kafka-1" to "kafka-3" and "mongodb-1" to "mongodb-3".

    With `certificates` they are set up as in production: they speak TLS only, and MongoDB has no user but the
    provisioner, until `python -m deploy.mongodb` creates the others.

    Attributes:
        kafka_ports, mongodb_ports: by process name.
    """

    def __init__(
        self, config: Config, progress: Progress | None = None, *, certificates: Certificates | None = None
    ) -> None:
        super().__init__(config, progress)
        self._certificates = certificates

    def __enter__(self) -> Self:
        """Start all six and wait until all are ready.

        Raises:
            LauncherError: something is missing, or a process did not start.
        """
        require_space(self.config.data)
        self.kafka_ports = {f"kafka-{node}": free_port() for node in NODES}
        self.mongodb_ports = {f"mongodb-{node}": free_port() for node in NODES}
        self.kafka = ",".join(f"127.0.0.1:{port}" for port in self.kafka_ports.values())
        with ExitStack() as stack:
            self._make_brokers()
            self._make_members()
            started_at = time.monotonic()
            # All at once: a broker that stops after the others waits in vain for a majority of the controllers.
            stack.callback(terminate_all, list(self.processes.values()))
            for process in self.processes.values():
                process.start()
            for process in self.processes.values():
                with self._progress.step(process.name, started_at):
                    process.wait_ready()
            if self._certificates is None:
                self.mongodb_access.provision()
            self._stack = stack.pop_all()
        return self

    def _make_brokers(self) -> None:
        installation = kafka.install(self.config.cache, self._progress)
        voters = {node: free_port() for node in NODES}
        users = kafka_users.passwords(self.config.data / "keys")
        self.access = KafkaAccess(self.kafka, users, KafkaAccess.tls(self._certificates))
        cluster = kafka.new_cluster()
        for node, (name, port) in zip(NODES, self.kafka_ports.items(), strict=True):
            data = self.config.data / name
            addresses = broker_config.addresses(port, voters[node], str(data), node=node, voters=voters)
            self.processes[name] = kafka.process(
                installation,
                data=data,
                log=self.config.log(name),
                kafka_port=port,
                controller_port=voters[node],
                users=users,
                heap_mb=_HEAP_MB,
                name=name,
                settings=_REPLICATED | addresses,
                cluster=cluster,
                certificates=self._certificates,
            )

    def _make_members(self) -> None:
        binary = mongod.fetch(self.config.cache, self._progress)
        members = list(self.mongodb_ports.values())
        users = mongodb_users.load_or_create(self.config.data / "keys", self._certificates)
        self.mongodb_access = MongoAccess(mongod.uri(*members), users.passwords, MongoAccess.tls(self._certificates))
        self.mongodb = self.mongodb_access.uri()
        for name, port in self.mongodb_ports.items():
            self.processes[name] = mongod.process(
                binary,
                data=self.config.data / name,
                log=self.config.log(name),
                port=port,
                users=users,
                cache_gb=self.config.database_cache_gb,
                name=name,
                members=members,
            )
