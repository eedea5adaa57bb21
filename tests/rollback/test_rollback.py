"""Upgrade, rollback and upgrade under load: each release reads what the other wrote, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from threading import Event
from typing import Any, Final
from uuid import uuid4

import httpx2
import pytest

from deploy.local.client import Answer
from deploy.local.config import REPOSITORY, Config
from deploy.local.system import LocalSystem
from tests.integration.scene import TODAY, Client, Job, World, accepted, issue_body
from tests.integration.test_reconciliation import reconcile
from tests.rollback.release import ORDER, PREVIOUS, replace_process, unpack

pytestmark = [pytest.mark.verify, pytest.mark.timeout(900)]

EMPLOYERS: Final = 4
KINDS: Final = {"issue", "report", "correct", "withdraw"}


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the previous release."""
    return unpack(PREVIOUS, tmp_path_factory.mktemp("releases") / "previous")


class Load:
    """People who issue, report, correct and withdraw, one command after another, until they are stopped.

    They repeat what was not answered under its key. ``done`` counts the accepted commands by kind, and ``reported`` is
    what each card must have in øre.
    """

    def __init__(self, world: World, jobs: list[Job]) -> None:
        self.done: Counter[str] = Counter()
        self.reported = {job.card.id: 0 for job in jobs}
        self.issued: list[str] = []
        self._world = world
        self._caseworker = world.caseworker()
        self._stopped = Event()
        self._pool = ThreadPoolExecutor(len(jobs) + 1)
        self._work: list[Callable[[], None]] = [partial(self._employ, job) for job in jobs] + [self._issue_on]
        self._running: list[Future[None]] = []

    def start(self) -> None:
        self._running = [self._pool.submit(work) for work in self._work]

    def stop(self) -> None:
        """Stop when every command that was begun is accepted. Raises what a client met."""
        self._stopped.set()
        self._pool.shutdown()
        for future in self._running:
            future.result()

    def _employ(self, job: Job) -> None:
        card = job.card.id
        for amount in count(1_000, 10):
            if self._stopped.is_set():
                return
            # Equal amounts of one day would look like one report that is sent twice.
            kept = self._send("report", job.employer, "/v1/reports", job.body(amount))
            wrong = self._send("report", job.employer, "/v1/reports", job.body(amount + 5))
            self.reported[card] += 2 * amount + 5
            path = f"/v1/reports/{kept['report_id']}/correction"
            self._send("correct", job.employer, path, job.correction(amount + 1))
            self.reported[card] += 1
            path = f"/v1/reports/{wrong['report_id']}/withdrawal"
            self._send("withdraw", job.employer, path, {"reason": "not-paid"})
            self.reported[card] -= amount + 5

    def _issue_on(self) -> None:
        while not self._stopped.is_set():
            answer = self._send("issue", self._caseworker, "/v1/cards", issue_body(self._world.citizen()))
            self.issued.append(answer["card_id"])

    def _send(self, kind: str, client: Client, path: str, body: Mapping[str, Any]) -> Answer:
        """The answer to a command, which is sent under one key until it is accepted."""
        key = str(uuid4())
        while True:
            try:
                answer = client.post(path, body, key=key)
            except httpx2.HTTPError:
                continue
            assert answer.status in (200, 201, 202, 503), f"{kind}: {answer!r}"
            if answer.status in (200, 201):
                self.done[kind] += 1
                return answer


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
        load = Load(world, jobs)
        with under(load):
            counts = [Counter(load.done)]
            for release, order in (
                (previous, tuple(reversed(ORDER))),
                (REPOSITORY, ORDER),
                (previous, tuple(reversed(ORDER))),
                (REPOSITORY, ORDER),
            ):
                for name in order:
                    await asyncio.to_thread(replace_process, system, name, release)
                world.on(TODAY)
                counts.append(Counter(load.done))

        for before, after in pairwise(counts):
            assert (after - before).keys() == KINDS, "there was load of each kind"
        for job in jobs:
            assert job.card.balance()["reported_ore"] == load.reported[job.card.id]
            shown = Counter(report["status"] for report in job.card.reports())
            rounds = shown["withdrawn"]
            assert shown == {"withdrawn": rounds, "accepted": rounds}
        for card_id in load.issued:
            accepted(world.caseworker().get(f"/v1/cards/{card_id}"), 200)
        result, differences = await reconcile(world)
        assert (result.cards, result.years, differences) == (EMPLOYERS + len(set(load.issued)), EMPLOYERS, [])
        assert len(set(load.issued)) == load.done["issue"]
