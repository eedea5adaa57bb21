"""Kafka and MongoDB as containers of a Docker engine.

Each listens inside its container on the same port as outside, so that addresses, settings and readiness checks are the
same as for the jars and the binary.
"""

from __future__ import annotations

from typing import Any

import docker  # type: ignore[import-untyped]
from docker.errors import DockerException  # type: ignore[import-untyped]
from testcontainers.core.container import DockerContainer

from deploy.local import kafka, mongod
from deploy.local.mongodb_users import Users
from deploy.mongodb.rights import PROVISIONER

KAFKA_IMAGE = f"apache/kafka:{kafka.VERSION}"
MONGODB_IMAGE = "mongo:8.0"
_KEY_FILE = "/tmp/key-file"  # noqa: S108  # in the container
# The server wants its key file to be its own.
_COPY_KEY_FILE = f"install --owner mongodb --mode 0400 /frikort/key-file {_KEY_FILE}"


def docker_answers() -> bool:
    """Whether a Docker engine answers here within 2 s."""
    try:
        client = docker.from_env(timeout=2)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except (DockerException, OSError):
        return False
    finally:
        client.close()


def kafka_container(kafka_port: int, controller_port: int) -> DockerContainer:
    """A broker, reachable at `kafka_port` of the loopback interface."""
    settings = kafka.SETTINGS | kafka.addresses(kafka_port, controller_port, "/var/lib/kafka/data")
    settings["listeners"] = f"PLAINTEXT://0.0.0.0:{kafka_port},CONTROLLER://127.0.0.1:{controller_port}"
    container = _on_loopback(KAFKA_IMAGE, kafka_port)
    for key, value in settings.items():
        container = container.with_env("KAFKA_" + key.replace(".", "_").upper(), value)
    return container


def mongodb_container(port: int, users: Users) -> DockerContainer:
    """A replica set of one member that is not initiated yet, reachable at `port` of the loopback interface.

    The image creates the provisioner: its server would let no client outside of the container do so.
    """
    server = ["mongod", "--bind_ip_all", *mongod.arguments(port), "--keyFile", _KEY_FILE]
    return (
        _on_loopback(MONGODB_IMAGE, port)
        .with_volume_mapping(str(users.key_file.resolve()), "/frikort/key-file", "ro")
        .with_env("MONGO_INITDB_ROOT_USERNAME", PROVISIONER)
        .with_env("MONGO_INITDB_ROOT_PASSWORD", users.passwords[PROVISIONER].read_text())
        .with_command(["bash", "-c", f"{_COPY_KEY_FILE} && exec docker-entrypoint.sh {' '.join(server)}"])
    )


def _on_loopback(image: str, port: int) -> DockerContainer:
    container = DockerContainer(image)
    # with_bind_ports would bind to every interface; Docker's client also accepts an address with the port.
    bindings: dict[str, Any] = container.ports
    bindings[str(port)] = ("127.0.0.1", port)
    return container
