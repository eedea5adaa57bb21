"""A free port stays free until its process listens, also across a restart of that process."""

from __future__ import annotations

import socket
from pathlib import Path

from deploy.local.ports import free_port


def test_a_free_port_is_outside_the_ephemeral_range() -> None:
    path = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(path.read_text().split()[0]) if path.exists() else 32_768
    assert all(1024 < free_port() < first for _ in range(50))


def test_no_port_is_returned_twice_or_while_in_use() -> None:
    ports = [free_port() for _ in range(200)]
    assert len(set(ports)) == len(ports)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", free_port()))
        assert listening.getsockname()[1] not in [free_port() for _ in range(200)]
