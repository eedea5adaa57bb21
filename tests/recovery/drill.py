"""A system that is loaded, backed up, destroyed and restored, with a journal of the answers that its clients got."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx2
from frikort_contracts.access import BACKUP, PROVISIONER
from pymongo import MongoClient

from deploy.local.config import REPOSITORY, Config
from deploy.local.engines import Engines
from deploy.local.system import TOPICS, LocalSystem
from services.runtime.kafka.producer import KafkaProducer
from tests.chaos.client import Api
from tests.chaos.journal import Journal
from tests.chaos.load import Load
from tests.chaos.people import People
from tests.chaos.readers import TopicReader, ViewReader, lagging_groups
from tests.chaos.reconciliation import Finding, check
from tests.chaos.timing import until
from tests.chaos.topic_contents import TopicContents

MODULE: Final = "deploy.backup"
_SECONDS: Final = 120.0


@dataclass
class Clients:
    """Clients of one running system, who keep a common journal over its restore."""

    system: LocalSystem
    journal: Journal
    random: Random
    load: Load = field(init=False)

    def __post_init__(self) -> None:
        self._api = Api(lambda: [self.system.gateway_url], deadline_seconds=_SECONDS, seed=1)
        self._people = People(self.system, self.random)
        self.load = Load(self._api, self._people, self.journal, self.random)

    @asynccontextmanager
    async def working(self, number: int) -> AsyncIterator[None]:
        """Send commands meanwhile; then wait until every answer is there and every group has read all."""
        day = date(2025, 2, 3 + number)
        clock = f"{self.system.gateway_url}/local/clock"
        async with httpx2.AsyncClient() as http:
            (await http.put(clock, json={"time": f"{day}T08:00:00Z"})).raise_for_status()
        self.load.begin(number, day)
        try:
            yield
        finally:
            await self.load.end()
        await self.idle()

    async def idle(self) -> None:
        """Wait until every group has read its topics."""
        log = KafkaProducer(self.system.access.settings(), client_id="drill", timeout=15)

        async def is_idle() -> bool:
            lagging[:] = await lagging_groups(log)
            return not lagging

        lagging: list[str] = []
        try:
            await until(is_idle, within=_SECONDS, what="an idle system")
        except TimeoutError:
            raise AssertionError(f"the system is never idle: {lagging}") from None
        finally:
            await log.stop()

    async def acknowledged(self, count: int) -> None:
        """Wait for so many further answers."""
        goal = self.load.acknowledged + count

        async def reached() -> bool:
            return self.load.acknowledged >= goal

        await until(reached, within=_SECONDS, what=f"{count} answers")

    async def findings(self) -> tuple[list[Finding], TopicContents]:
        """What the topics and the views of every audience lack of the journal, or have beyond it."""
        topics = TopicContents()
        await TopicReader(self.system.access, topics).read()
        views = await ViewReader(self._api, self._people, self.journal, self.system).read(
            sorted(self.journal.cards), extract=True
        )
        return check(self.journal, topics, views, ()), topics

    async def close(self) -> None:
        await self._api.close()


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str
    seconds: float


def environment(engines: Engines, user: str) -> dict[str, str]:
    """The environment of a command of the operator. It has no key."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FRIKORT_")}
    return {
        **inherited,
        "FRIKORT_ENVIRONMENT": "local",
        "FRIKORT_TOPIC_REPLICATION": "1",
        **engines.access.environment(user),
        **engines.mongodb_access.environment(user),
    }


def run(engines: Engines, *arguments: str, user: str = BACKUP, module: str = MODULE) -> Ran:
    """Run a command to its end."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment(engines, user),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def destroy(config: Config) -> None:
    """Delete the data of the engines. The keys and passwords are elsewhere in earnest, and stay."""
    for name in ("kafka", "mongodb"):
        shutil.rmtree(config.data / name)


@contextmanager
def empty_engines(config: Config) -> Iterator[Engines]:
    """New engines with topics and users, and no data."""
    with Engines(config) as engines:
        provisioned = run(engines, user=PROVISIONER, module=TOPICS)
        assert provisioned.code == 0, provisioned.err
        yield engines


def kill_when_begun(engines: Engines, backup: Path) -> None:
    """Start a restore, and kill it as soon as it writes."""
    arguments = [sys.executable, "-m", MODULE, "restore", str(backup)]
    child = subprocess.Popen(arguments, env=environment(engines, PROVISIONER), cwd=REPOSITORY)
    with MongoClient[dict[str, Any]](engines.mongodb) as client:
        while client["frikort_restore"]["backup"].find_one() is None:
            assert child.poll() is None, "the restore ended before it was killed"
    child.send_signal(signal.SIGKILL)
    child.wait()
