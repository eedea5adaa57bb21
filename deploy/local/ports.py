"""TCP ports of the local system."""

from __future__ import annotations

import socket

from deploy.local.errors import LauncherError

FIXED = {
    "gateway": 8080,
    "issuance": 8081,
    "reporting": 8082,
    "balance": 8083,
    "exports": 8084,
    "issuer": 8090,
    "kafka": 19092,
    "kafka-controller": 19093,
    "mongodb": 27117,
}
"""What `make run` listens on, by process name."""


def free_port() -> int:
    """A port on the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether something listens on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def require_free(port: int, name: str) -> None:
    """Refuse to go on when the port is taken.

    Raises:
        LauncherError: another process listens there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LauncherError(
                f"Port {port}, which {name} needs, is taken by another process.",
                f"Stop it (`ss -ltnp 'sport = :{port}'` names it; maybe another `make run`), then start again.",
            ) from error
