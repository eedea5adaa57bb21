"""``make run PORT=``: two systems beside each other, each with ports and data of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Final

import httpx2
import pytest

from deploy.local import ports
from deploy.local.config import REPOSITORY, default_cache
from tests.waiting import eventually

_FIRST_PORTS: Final = range(9_000, 12_000)
"""With these, every port lies below those that the kernel gives to connections."""
_START_SECONDS: Final = 300
_STOP_SECONDS: Final = 120


@dataclass(frozen=True)
class Launcher:
    """A launcher that runs, and the port of its portals."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    async def serves(self) -> bool:
        """Whether the demo data is loaded and portals and API answer. Fails if the launcher has ended."""
        assert self.process.poll() is None, self.log.read_text()
        if "has card" not in self.log.read_text():
            return False
        addresses = (f"http://127.0.0.1:{self.port}/", f"http://127.0.0.1:{self.api}/v1/openapi.json")
        async with httpx2.AsyncClient() as client:
            return [(await client.get(address)).status_code for address in addresses] == [200, 200]

    @property
    def api(self) -> int:
        return ports.fixed(self.port)["gateway"]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_STOP_SECONDS)


def port_with_free_ones(others: set[int]) -> int:
    """A port of the portals such that all ports of the system are free, and none is among ``others``, which it adds."""
    while True:
        first = SystemRandom().choice(_FIRST_PORTS)
        needed = set(ports.fixed(first).values())
        if not needed & others and not any(map(ports.answers, needed)):
            others |= needed
            return first


@contextmanager
def launcher(cache: Path, port: int) -> Iterator[Launcher]:
    """``make run PORT=port``, with its data below ``cache``."""
    log = cache / f"{port}.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRIKORT_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local"],
            cwd=REPOSITORY,
            env={**environment, "PORT": str(port), "FRIKORT_CACHE": str(cache), "COLUMNS": "200"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    running = Launcher(port, process, log)
    try:
        yield running
    finally:
        if process.poll() is None:
            running.stop()


def data_folders(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if path.name.startswith("run-")}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache with the downloads that are there already, and no data of other systems."""
    for download in default_cache().iterdir():
        if not download.name.startswith("run"):
            (tmp_path / download.name).symlink_to(download)
    return tmp_path


def test_the_make_target_passes_the_port_on() -> None:
    assert "PORT=$(PORT) $(VENV)/bin/python -m deploy.local" in (REPOSITORY / "Makefile").read_text()


@pytest.mark.verify
@pytest.mark.timeout(600)
async def test_two_systems_run_at_once_and_both_answer(cache: Path) -> None:
    taken: set[int] = set()
    with (
        launcher(cache, port_with_free_ones(taken)) as one,
        launcher(cache, port_with_free_ones(taken)) as other,
    ):
        for running in (one, other):
            await eventually(running.serves, within=_START_SECONDS, what=f"the system at {running.port}")
        assert await one.serves()
        assert data_folders(cache) == {f"run-{one.port}", f"run-{other.port}"}
        assert one.stop() == 0
        assert await other.serves(), "the end of one system is none of the other"
        assert other.stop() == 0
