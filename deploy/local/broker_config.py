"""The settings of a local broker, and the credentials with which its data is formatted.

`python -m deploy.local.broker_config <directory> <host>` draws the passwords and writes both, for docker-compose.yml.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from frikort_contracts.access import PROVISIONER

from deploy.local import kafka_users
from deploy.local.certificates import Certificates
from deploy.local.kafka_users import BROKER
from services.runtime.kafka.connection import MECHANISM

PROPERTIES: Final = "broker.properties"
CREDENTIALS: Final = "credentials"
COMMAND: Final = (
    "/opt/kafka/bin/kafka-storage.sh format --ignore-formatted --cluster-id {cluster}"
    " --config /frikort/broker.properties @/frikort/credentials > /dev/null"
    " && exec /opt/kafka/bin/kafka-server-start.sh /frikort/broker.properties"
)
"""The command of a container with a directory of `write` at /frikort: format new data, and start the broker."""

_LOGIN_MODULES: Final = ("scram.ScramLoginModule", "plain.PlainLoginModule")

SETTINGS = {
    "auto.create.topics.enable": "false",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # Tests kill consumers and wait until their partitions are reassigned; Kafka's own minimum is 6 s.
    "group.min.session.timeout.ms": "1000",
    # A killed broker can register again only after its old session has ended (9 s by default).
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "1000",
    "log.cleaner.dedupe.buffer.size": "8388608",
    # A test waits until a deleted key is compacted away; a broker looks every 15 s by default.
    "log.cleaner.backoff.ms": "1000",
    "num.network.threads": "2",
    "num.io.threads": "2",
}
"""Broker settings for one small machine, used by the jars and by a container."""


def addresses(
    kafka_port: int, controller_port: int, data: str, *, node: int = 1, voters: Mapping[int, int] | None = None
) -> dict[str, str]:
    """The settings for a node's identity and addresses; `voters` has the controllers' ports by node id."""
    quorum = voters or {node: controller_port}
    return {
        "process.roles": "broker,controller",
        "node.id": str(node),
        "controller.quorum.voters": ",".join(f"{voter}@127.0.0.1:{port}" for voter, port in quorum.items()),
        "listeners": f"CLIENT://127.0.0.1:{kafka_port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{kafka_port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENT",
        "listener.security.protocol.map": "CONTROLLER:SASL_PLAINTEXT,CLIENT:SASL_PLAINTEXT",
        "log.dirs": data,
    }


def security(broker_password: str) -> dict[str, str]:
    """The settings with which a broker admits known users only, and each to what its rights allow.

    Clients and other brokers authenticate by SCRAM, whose credentials are in the cluster's metadata. Controllers read
    those only after they have found each other, so they authenticate by a password in the settings.
    """
    login = f'username="{BROKER}" password="{broker_password}"'
    scram, plain = (f"org.apache.kafka.common.security.{module} required {login}" for module in _LOGIN_MODULES)
    return {
        "listener.name.client.sasl.enabled.mechanisms": MECHANISM,
        f"listener.name.client.{MECHANISM.lower()}.sasl.jaas.config": f"{scram};",
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": f'{plain} user_{BROKER}="{broker_password}";',
        "sasl.mechanism.controller.protocol": "PLAIN",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:{BROKER};User:{PROVISIONER}",
    }


def tls(certificates: Certificates) -> dict[str, str]:
    """The settings with which a broker, and its controller, speak TLS; to be merged after those of `addresses`."""
    return {
        "listener.security.protocol.map": "CONTROLLER:SASL_SSL,CLIENT:SASL_SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates.server),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates.authority),
    }


def write(directory: Path, settings: Mapping[str, str], users: Mapping[str, Path]) -> None:
    """Write the settings and the credentials of a broker into `directory`, for a container."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_properties(directory / PROPERTIES, {**settings, **security(users[BROKER].read_text())})
    write_credentials(directory / CREDENTIALS, users)


def write_properties(path: Path, settings: Mapping[str, str]) -> None:
    """Write the settings of a broker, which contain a password, so that only the owner can read them."""
    write_private(path, "".join(f"{key}={_escaped(value)}\n" for key, value in settings.items()))


def _escaped(value: str) -> str:
    """The value as Java reads it from a properties file, which is Latin-1: a path may have other letters."""
    return "".join(one if one.isascii() else f"\\u{ord(one):04x}" for one in value)


def write_credentials(path: Path, users: Mapping[str, Path]) -> None:
    """Write the arguments of `kafka-storage format` for the credentials of `users`; the tool takes them as `@path`."""
    credentials = (f"{MECHANISM}=[name={user},password={file.read_text()}]" for user, file in users.items())
    write_private(path, "".join(f"--add-scram\n{credential}\n" for credential in credentials))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def write_for_compose(directory: Path, host: str) -> None:
    """Draw the passwords of all users into `directory`, and write the files of a broker that others reach at `host`."""
    settings = SETTINGS | addresses(9092, 9093, "/kafka-data")
    settings["listeners"] = "CLIENT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093"
    settings["advertised.listeners"] = f"CLIENT://{host}:9092"
    write(directory / BROKER, settings, kafka_users.passwords(directory))


if __name__ == "__main__":
    write_for_compose(Path(sys.argv[1]), sys.argv[2])
