"""TCP ports of the local system."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import SystemRandom
from typing import Final

from deploy.local.errors import LauncherError

FIRST: Final = 8080
"""The port of the portals in `make run`."""
_FIXED: Final = {
    "portals": FIRST,
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
_BELOW_EPHEMERAL: Final = range(20_000, 32_000)
_given: set[int] = set()


def health(process: str) -> str:
    """The name of the port of a process's health and metrics."""
    return f"{process}-health"


def fixed(first: int = FIRST) -> dict[str, int]:
    """The ports of `make run`, by process name. ``first`` is the portals' port; it moves all others by as much."""
    return {name: port + first - FIRST for name, port in _FIXED.items()}


def first(given: str | None) -> int:
    """The portals' port that is ``given``, otherwise 8080.

    Raises:
        LauncherError: it is no port from which all others can be counted.
    """
    highest = FIRST + 65_535 - max(_FIXED.values())
    if not given:
        return FIRST
    if not given.isdecimal() or not 1024 <= int(given) <= highest:
        raise LauncherError(f"PORT={given} cannot be the portals' port.", f"Choose one from 1024 to {highest}.")
    return int(given)


def free_port(among: Sequence[int] = _BELOW_EPHEMERAL) -> int:
    """A free port on the loopback interface; each call returns another one, also in other processes of this user.

    The port lies below the kernel's range of ephemeral ports. A port of that range could be taken by any connection
    before the intended process listens on it, or while that process is down.
    """
    while True:
        port = SystemRandom().choice(among)
        if port in _given:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            _reserve(port)
            _given.add(port)
            probe.bind(("127.0.0.1", port))
            return port


def _reserve(port: int) -> None:
    """Lock a byte of a file for this process, until it ends. Raises ``OSError`` if another process has it."""
    fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)


@cache
def _reservations() -> int:
    path = Path(tempfile.gettempdir()) / f"frikort-ports-{os.getuid()}.lock"
    return os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)


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
                f"Stop it (`ss -ltnp 'sport = :{port}'` names it; maybe another `make run`) and start again, "
                "or start on other ports, such as `make run PORT=8180`.",
            ) from error
