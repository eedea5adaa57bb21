"""The system is restarted, one process at a time, while reports come in: none is lost or doubled."""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import uuid4

import httpx2

from deploy.local.system import LocalSystem
from services.runtime import exits
from tests.integration.scene import Job, World
from tests.waiting import eventually

SENDERS = 4
TODAY = date(2025, 6, 16)


async def test_every_process_of_the_system_can_be_restarted_under_load(system: LocalSystem) -> None:
    world = World(system)
    world.on(TODAY)
    second = system.start_service("gateway", 77)
    addresses = [system.gateway_url, system.url("gateway-77")]
    job = world.job()
    numbers = itertools.count(1)
    rolled = asyncio.Event()
    sent: list[int] = []
    statuses: list[int] = []

    with ThreadPoolExecutor(SENDERS) as pool:

        async def taken_in(key: str, amount: int, body: dict[str, object]) -> None:
            tries = itertools.cycle(addresses)

            def attempt() -> bool:
                headers = {"Idempotency-Key": key, "Prefer": "wait=1", "Authorization": f"Bearer {token}"}
                try:
                    answer = httpx2.post(f"{next(tries)}/v1/reports", json=body, headers=headers, timeout=20)
                except httpx2.TransportError:
                    return False  # this gateway is away, and has acknowledged nothing
                statuses.append(answer.status_code)
                return answer.status_code in {201, 202}

            async def probe() -> bool:
                return await asyncio.get_running_loop().run_in_executor(pool, attempt)

            await eventually(probe, within=60, what="a report is taken in")
            sent.append(amount)

        async def load() -> None:
            while not rolled.is_set():
                amount = 1000 + next(numbers)
                await taken_in(str(uuid4()), amount, job.body(amount))

        token = world.token(job.employer.person)
        senders = [asyncio.create_task(load()) for _ in range(SENDERS)]
        processes = [system.processes[name] for name in ("issuance", "reporting", "balance", "exports", "gateway")]
        try:
            for process in (*processes, second):
                assert await asyncio.to_thread(process.terminate) == exits.DONE, process.name
                await asyncio.to_thread(process.restart)
        finally:
            rolled.set()
            await asyncio.gather(*senders)

    async def booked() -> bool:
        return await asyncio.to_thread(_reported, job) == sum(sent)

    await eventually(booked, within=60, what="the books hold what was taken in, once")
    assert len(sent) > 20, "there was load"
    assert set(statuses) <= {201, 202, 503}
    assert sorted(report["total_ore"] for report in job.card.reports()) == sorted(sent)
    second.terminate()
    world.reset_clock()


def _reported(job: Job) -> int:
    return int(job.card.balance()["reported_ore"])
