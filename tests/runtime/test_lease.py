"""The renewal of a lease beside the work that it protects."""

from __future__ import annotations

import asyncio

import pytest
from pymongo.errors import AutoReconnect

from services.runtime.mongo.lease import LeaseLost, renewed

LEASE = 0.04


class Lease:
    """``renewals`` counts the attempts of ``task`` to renew it; the attempt ``fails_at`` raises ``error``."""

    def __init__(self, error: Exception | None = None, fails_at: int = 2) -> None:
        self.renewals = 0
        self.task: asyncio.Task[None] | None = None
        self._error = error
        self._fails_at = fails_at
        self._changed = asyncio.Event()

    async def renew(self) -> None:
        self.renewals += 1
        self.task = asyncio.current_task()
        self._changed.set()
        if self._error is not None and self.renewals == self._fails_at:
            raise self._error

    async def was_renewed(self, times: int) -> None:
        while self.renewals < times:
            self._changed.clear()
            await self._changed.wait()


async def test_a_lease_is_renewed_until_the_work_ends() -> None:
    lease = Lease()

    async with renewed(lease.renew, lease=LEASE):
        await lease.was_renewed(3)

    assert lease.task is not None
    assert lease.task.done()


async def test_work_that_has_lost_its_lease_is_cancelled() -> None:
    was_cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            was_cancelled.set()
            raise

    with pytest.raises(LeaseLost, match="taken over"):
        async with renewed(Lease(LeaseLost("taken over")).renew, lease=LEASE):
            await work()

    assert was_cancelled.is_set()


async def test_a_renewal_that_the_database_does_not_answer_is_tried_again() -> None:
    lease = Lease(AutoReconnect("no primary"))

    async with renewed(lease.renew, lease=LEASE):
        await lease.was_renewed(3)


async def test_an_error_of_the_work_is_raised_as_it_is() -> None:
    with pytest.raises(ValueError, match="of the work"):
        async with renewed(Lease().renew, lease=LEASE):
            raise ValueError("of the work")


async def test_cancelled_work_stays_cancelled() -> None:
    lease = Lease()

    async def work() -> None:
        async with renewed(lease.renew, lease=LEASE):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await lease.was_renewed(1)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
