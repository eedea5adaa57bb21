"""A free port stays free until its process listens, also across a restart of that process, and beside others."""

from __future__ import annotations

import socket
import subprocess
import sys
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


def test_two_processes_are_not_given_the_same_port() -> None:
    ours = [free_port() for _ in range(30)]
    # It takes most of these, so without the reservations it would take one of ours.
    among = [*ours, *range(20_000, 20_100)]
    code = f"from deploy.local.ports import free_port; print(*[free_port({among}) for _ in range(60)])"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    theirs = [int(port) for port in other.stdout.split()]
    assert len(set(theirs)) == 60
    assert not set(theirs) & set(ours)
