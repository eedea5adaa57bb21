"""Kafka and MongoDB as containers of a Docker engine.

Each listens inside its container on the same port as outside, so that addresses, settings and readiness checks are the
same as for the jars and the binary.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker  # type: ignore[import-untyped]
from docker.errors import DockerException  # type: ignore[import-untyped]
from testcontainers.core.container import DockerContainer

from deploy.local import broker_config, kafka, mongod
from deploy.local.mongodb_users import Users
from deploy.mongodb.rights import PROVISIONER

KAFKA_IMAGE = f"apache/kafka:{kafka.VERSION}"
MONGODB_IMAGE = "mongo:8.0.17"
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


def kafka_container(
    kafka_port: int, controller_port: int, users: Mapping[str, Path], directory: Path
) -> DockerContainer:
    """A broker with credentials for `users`, reachable at `kafka_port` of the loopback interface.

    `directory` is for its settings, which the container reads. Its data ends with the container.
    """
    data = "/tmp/kafka"  # noqa: S108  # the container's own
    settings = broker_config.SETTINGS | broker_config.addresses(kafka_port, controller_port, data)
    settings["listeners"] = f"CLIENT://0.0.0.0:{kafka_port},CONTROLLER://127.0.0.1:{controller_port}"
    broker_config.write(directory, settings, users)
    return (
        _on_loopback(KAFKA_IMAGE, kafka_port)
        .with_volume_mapping(str(directory.resolve()), "/frikort", "ro")
        .with_env("LOG_DIR", "/tmp/logs")  # noqa: S108
        .with_kwargs(user=f"{os.getuid()}:{os.getgid()}")
        .with_command(["bash", "-c", broker_config.COMMAND.format(cluster=kafka.new_cluster())])
    )


def mongodb_container(port: int, users: Users, cache_gb: float) -> DockerContainer:
    """A replica set of one member that is not initiated yet, reachable at `port` of the loopback interface.

    The image creates the provisioner: its server would let no client outside of the container do so.
    """
    server = ["mongod", "--bind_ip_all", *mongod.arguments(port, cache_gb), "--keyFile", _KEY_FILE]
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
