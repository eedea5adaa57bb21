"""The system under test: two instances of each service, and ways to stop, freeze and restart processes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from deploy.local.errors import LauncherError
from deploy.local.process import Process
from deploy.local.system import SERVICES, LocalSystem, answers_ready
from services.runtime.kafka.producer import KafkaProducer

SESSION_SECONDS = 6
ENVIRONMENT = {"FRIKORT_SESSION_TIMEOUT": str(SESSION_SECONDS)}
"""Settings of the services: Kafka's shortest session timeout, so that a frozen instance soon loses its partitions."""

_TRIES = 4
_SUPERVISED_SECONDS = 1.0

NAMES = tuple(service.name for service in SERVICES)


@dataclass
class Environment:
    """A running system. ``unexpected_exits`` names the processes that exited by themselves."""

    system: LocalSystem
    random: Random
    unexpected_exits: list[str] = field(default_factory=list)
    _ended: set[str] = field(default_factory=set)

    async def double(self) -> None:
        """Start a second instance of every service, concurrently."""
        await asyncio.gather(*(self.add(name, 2) for name in NAMES))

    async def add(self, service: str, instance: int) -> None:
        """Start one more instance of a service."""
        await asyncio.to_thread(self.system.start_service, service, instance)

    def expected_end(self, name: str) -> None:
        """Mark the exit of a process as caused by the fault."""
        self._ended.add(name)

    def gateways(self) -> list[str]:
        """The addresses of both gateways. Like a load balancer, clients do not know which one is alive."""
        return [self.system.url("gateway"), self.system.url("gateway-2")]

    def instances(self, service: str) -> list[str]:
        return [service, f"{service}-2"]

    def services(self) -> list[str]:
        return [instance for name in NAMES for instance in self.instances(name)]

    def engines(self) -> list[str]:
        return sorted(self.system.engines.processes)

    def process(self, name: str) -> Process:
        return self.system.processes[name]

    async def kill(self, *names: str) -> None:
        """``kill -9`` all at once."""
        self._ended.update(names)
        for name in names:
            self.process(name).send(signal.SIGKILL)
        for name in names:
            await asyncio.to_thread(self.process(name).kill)

    async def terminate(self, *names: str) -> dict[str, int | None]:
        """SIGTERM to all at once. Returns the exit codes."""
        self._ended.update(names)
        codes = await asyncio.gather(*(asyncio.to_thread(self.process(name).terminate) for name in names))
        return dict(zip(names, codes, strict=True))

    def freeze(self, name: str) -> None:
        self.process(name).send(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self.process(name).send(signal.SIGCONT)

    async def start(self, names: Iterable[str]) -> None:
        """Start those that are not running, concurrently, and wait until they are ready."""
        wanted = [self.process(name) for name in names]
        for process in wanted:
            self._start(process)
        await asyncio.gather(*(self._ready(process) for process in wanted))

    def _start(self, process: Process) -> None:
        if not process.alive:
            if process.name not in self._ended:
                self.unexpected_exits.append(f"{process.name} ended by itself with exit code {process.exit_code}")
            self._ended.discard(process.name)
            process.start()

    async def _ready(self, process: Process) -> None:
        """Wait until it is ready; restart it if it exits, as a supervisor would. Raises ``LauncherError`` at last."""
        for left in reversed(range(_TRIES)):
            try:
                await asyncio.to_thread(process.wait_ready)
                break
            except LauncherError as slow:
                if not left:
                    raise
                self.unexpected_exits.append(slow.what)
                self._start(process)

    async def restart_stopped(self) -> None:
        """Start every process that is not running, as a supervisor would."""
        starting = asyncio.create_task(self.start([*self.engines(), *self.services()]))
        while not starting.done():
            await asyncio.wait([starting], timeout=_SUPERVISED_SECONDS)
            for name in self.engines():  # one may have been about to exit
                self._start(self.process(name))
        await starting

    async def ready(self) -> bool:
        """Whether both gateways are ready."""
        health = [self.system.health_url(name) for name in self.instances("gateway")]
        return all(await asyncio.gather(*(asyncio.to_thread(answers_ready, url) for url in health)))

    def log(self) -> KafkaProducer:
        return KafkaProducer(self.system.access.settings(), client_id="chaos", timeout=15)
