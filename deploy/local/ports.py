"""TCP ports of the local system."""

from __future__ import annotations

import contextlib
import socket
from random import SystemRandom

from deploy.local.errors import LauncherError

FIXED = {
    "portals": 8080,
    "gateway": 8087,
    "provider": 8090,
    "issuance-health": 8081,
    "reporting-health": 8082,
    "balance-health": 8083,
    "exports-health": 8084,
    "projections-health": 8085,
    "payroll-health": 8086,
    "gateway-health": 8088,
    "portals-health": 8089,
    "kafka": 19092,
    "kafka-controller": 19093,
    "mongodb": 27117,
}
"""The ports of `make run`, by process name."""


_BELOW_EPHEMERAL = range(20_000, 32_000)
_given: set[int] = set()


def health(process: str) -> str:
    """The name of the port of a process's health and metrics."""
    return f"{process}-health"


def free_port() -> int:
    """A free port on the loopback interface; each call returns another one.

    The port lies below the kernel's range of ephemeral ports. A port of that range could be taken by any connection
    before the intended process listens on it, or while that process is down.
    """
    while True:
        port = SystemRandom().choice(_BELOW_EPHEMERAL)
        with socket.socket() as probe, contextlib.suppress(OSError):
            if port not in _given:
                probe.bind(("127.0.0.1", port))
                _given.add(port)
                return port


def answers(port: int) -> bool:
    """Whether something listens on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def require_free(port: int, name: str) -> None:
    """Check that the port is free.

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
