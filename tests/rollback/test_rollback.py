"""Upgrade, rollback and upgrade under load: each release reads what the other wrote, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Final
from uuid import uuid4

import httpx2
import pytest

from deploy.local.config import REPOSITORY, Config
from deploy.local.system import LocalSystem
from tests.integration.scene import TODAY, Job, World
from tests.integration.test_reconciliation import reconcile
from tests.rollback.release import ORDER, PREVIOUS, replace_process, unpack

pytestmark = [pytest.mark.verify, pytest.mark.timeout(900)]

EMPLOYERS: Final = 4


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the previous release."""
    return unpack(PREVIOUS, tmp_path_factory.mktemp("releases") / "previous")


class Load:
    """Employers that report one amount after another until they are stopped, and repeat what was not answered."""

    def __init__(self, jobs: list[Job]) -> None:
        self.accepted = {job.card.id: 0 for job in jobs}
        self.reports = 0
        self._stopped = Event()
        self._threads = [Thread(target=self._report_on, args=(job,)) for job in jobs]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop when every report that was begun is accepted."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _report_on(self, job: Job) -> None:
        for amount in count(1_000):
            if self._stopped.is_set():
                return
            body, key = job.body(amount), str(uuid4())
            while not self._is_accepted(job, body, key):
                pass
            self.accepted[job.card.id] += amount
            self.reports += 1

    def _is_accepted(self, job: Job, body: dict[str, object], key: str) -> bool:
        try:
            answer = job.employer.post("/v1/reports", body, key=key)
        except httpx2.HTTPError:
            return False
        assert answer.status in (201, 202, 503), repr(answer)
        return answer.status == 201


@contextmanager
def under(load: Load) -> Iterator[None]:
    load.start()
    try:
        yield
    finally:
        load.stop()


async def test_an_upgrade_a_rollback_and_an_upgrade_under_load_lose_nothing(previous: Path, tmp_path: Path) -> None:
    with LocalSystem(Config(tmp_path / "data")) as system:
        world = World(system)
        world.on(TODAY)
        jobs = [world.job() for _ in range(EMPLOYERS)]
        load = Load(jobs)
        with under(load):
            counts = [load.reports]
            for release, order in (
                (previous, tuple(reversed(ORDER))),
                (REPOSITORY, ORDER),
                (previous, tuple(reversed(ORDER))),
                (REPOSITORY, ORDER),
            ):
                for name in order:
                    await asyncio.to_thread(replace_process, system, name, release)
                world.on(TODAY)
                counts.append(load.reports)

        assert all(before < after for before, after in pairwise(counts)), "there was load"
        for job in jobs:
            assert job.card.balance()["reported_ore"] == load.accepted[job.card.id]
        result, differences = await reconcile(world)
        assert (result.cards, result.years, differences) == (EMPLOYERS, EMPLOYERS, [])
