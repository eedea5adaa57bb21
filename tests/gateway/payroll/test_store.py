"""The store of payroll files, in memory and in MongoDB."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.gateway.payroll.batch import (
    Batch,
    BatchStatus,
    BatchTotals,
    Chunk,
    ChunkPlan,
    ChunkSize,
    published_before,
)
from services.gateway.payroll.store import BatchStore, MongoBatchStore
from services.runtime.mongo.lease import LeaseLost
from tests.gateway.build import CVR, NOON
from tests.gateway.payroll_fakes import MemoryBatchStore, receiving_batch


@pytest.fixture(params=["memory", "mongodb"])
def batches(request: pytest.FixtureRequest) -> BatchStore:
    """The store in memory, on which other tests rely, and the one in MongoDB."""
    if request.param == "memory":
        return MemoryBatchStore()
    return MongoBatchStore(request.getfixturevalue("database"), lease=0.0)


class TestStore:
    @pytest.fixture(autouse=True)
    async def _prepared(self, batches: BatchStore) -> None:
        await batches.prepare()

    async def test_a_file_exists_once_it_is_acknowledged(self, batches: BatchStore) -> None:
        batch = receiving_batch()
        assert await batches.begin(batch)
        await batches.add_chunk(batch, Chunk(index=0, lines="-"))
        assert await batches.of(CVR, before=None, limit=10) == []
        batch.status, batch.chunks = BatchStatus.HELD, [ChunkSize(good=1, bad=0, last=1, total=5)]
        assert await batches.acknowledge(batch)
        assert await batches.get(batch.batch_id) == batch
        assert await batches.of(CVR, before=None, limit=10) == [batch]
        assert await batches.of("99000015", before=None, limit=10) == []
        assert not await batches.begin(batch)

    async def test_only_the_latest_upload_can_be_acknowledged(self, batches: BatchStore) -> None:
        first, second = receiving_batch(), receiving_batch(upload="second")
        await batches.begin(first)
        await batches.add_chunk(first, Chunk(index=0, lines="first"))
        await batches.begin(second)
        await batches.add_chunk(second, Chunk(index=0, lines="second"))
        for batch in (first, second):
            batch.status = BatchStatus.BOOKING
        assert not await batches.acknowledge(first)
        assert await batches.acknowledge(second)
        await batches.drop(first)
        assert (await batches.chunk(second, 0)).lines == "second"
        with pytest.raises(LookupError):
            await batches.chunk(first, 0)

    async def test_a_worker_that_stops_hands_over_what_it_has_published(self, batches: BatchStore) -> None:
        batch = receiving_batch()
        await batches.begin(batch)
        await batches.add_chunk(batch, Chunk(index=0, lines="-"))
        await batches.set_plan(batch, 0, ChunkPlan(at=NOON, first=1, revisions={}))
        assert published_before(await batches.chunk(batch, 0), 1, NOON) == set()
        batch.attempt = 1

        await batches.hand_over(batch, 0, [3, 4])

        chunk = await batches.chunk(batch, 0)
        assert published_before(chunk, 2, NOON) == {3, 4}
        assert published_before(chunk, 3, NOON) == set(), "for the next worker alone"
        assert published_before(chunk, 2, NOON + timedelta(hours=1)) == set(), "an outcome may never come"

    async def test_what_a_later_worker_handed_over_stays(self, batches: BatchStore) -> None:
        batch = await self._acknowledged(batches)
        former, later = await self._claimed(batches, batch), await self._claimed(batches, batch)
        await batches.set_plan(batch, 0, ChunkPlan(at=NOON, first=1, revisions={}))

        await batches.hand_over(later, 0, [5])
        await batches.hand_over(former, 0, [3, 4])

        assert published_before(await batches.chunk(batch, 0), later.attempt + 1, NOON) == {5}

    async def test_files_to_book_come_before_files_to_check(self, batches: BatchStore) -> None:
        statuses = {"2025-01": BatchStatus.CHECKING, "2025-02": BatchStatus.BOOKING, "2025-03": BatchStatus.BOOKING}
        stored = {}
        for order, status in statuses.items():
            batch = receiving_batch(batch_id=str(uuid4()), order=order)
            await batches.begin(batch)
            batch.status, batch.chunks = status, [ChunkSize(good=1, bad=0, last=1, total=5)]
            await batches.acknowledge(batch)
            stored[order] = batch.batch_id
        assert await batches.waiting() == [stored[order] for order in ("2025-02", "2025-03", "2025-01")]

    async def test_files_are_listed_newest_first_page_by_page(self, batches: BatchStore) -> None:
        orders = ["2025-01", "2025-03", "2025-02"]
        for order in orders:
            await self._acknowledged(batches, batch_id=str(uuid4()), order=order)
        assert [b.order for b in await batches.of(CVR, before=None, limit=2)] == ["2025-03", "2025-02"]
        assert [b.order for b in await batches.of(CVR, before="2025-02", limit=2)] == ["2025-01"]

    async def test_a_status_changes_only_from_the_expected_status(self, batches: BatchStore) -> None:
        batch = await self._acknowledged(batches, status=BatchStatus.HELD)
        assert await batches.change(batch.batch_id, BatchStatus.HELD, BatchStatus.BOOKING)
        assert not await batches.change(batch.batch_id, BatchStatus.HELD, BatchStatus.CANCELLED)
        assert (await self._state(batches, batch)).status is BatchStatus.BOOKING

    async def test_the_first_plan_and_the_first_results_stay(self, batches: BatchStore) -> None:
        batch = await self._acknowledged(batches)
        first = ChunkPlan(at=NOON + timedelta(microseconds=1), first=1, revisions={"a": 1})
        assert await batches.set_plan(batch, 0, first) == first
        assert await batches.set_plan(batch, 0, ChunkPlan(at=NOON, first=1, revisions={})) == first
        await batches.set_results(batch, 0, "first", BatchTotals(accepted=1))
        await batches.set_results(batch, 0, "second", BatchTotals(refused=1))
        chunk = await batches.chunk(batch, 0)
        assert (chunk.plan, chunk.results, chunk.totals) == (first, "first", BatchTotals(accepted=1))

    async def test_a_new_claim_fences_the_previous_one(self, batches: BatchStore) -> None:
        batch = await self._acknowledged(batches)
        former = await self._claimed(batches, batch)
        current = await self._claimed(batches, batch)
        assert current.attempt == former.attempt + 1
        for act in (
            batches.renew_lease(former),
            batches.count(former, 0, BatchTotals(refused=9)),
            batches.finish(former, NOON),
        ):
            with pytest.raises(LeaseLost):
                await act
        await batches.count(current, 0, BatchTotals(accepted=1, exempt=5))
        await batches.count(current, 0, BatchTotals(accepted=1, exempt=5))
        await batches.finish(current, NOON)
        done = await self._state(batches, batch)
        assert (done.status, done.finished_at, done.totals) == (
            BatchStatus.DONE,
            NOON,
            BatchTotals(accepted=1, exempt=5),
        )
        assert await batches.waiting() == []
        assert await batches.claim(batch.batch_id) is None

    async def test_failed_attempts_are_counted_until_the_check_is_given_up(self, batches: BatchStore) -> None:
        batch = await self._acknowledged(batches, status=BatchStatus.CHECKING)
        for failures in (1, 2):
            held = await self._claimed(batches, batch)
            await batches.add_check(held, 0, "check", BatchTotals(accepted=1))
            await batches.fail(held, seconds=0)
            assert (await self._state(batches, batch)).failures == failures
        held = await self._claimed(batches, batch)
        await batches.give_up_check(held)
        given_up = await self._state(batches, batch)
        assert (given_up.status, given_up.check_failed, given_up.checked, given_up.checked_at) == (
            BatchStatus.HELD,
            True,
            {},
            None,
        )
        with pytest.raises(LeaseLost):
            await batches.fail(held, seconds=0)
        assert await batches.change(batch.batch_id, BatchStatus.HELD, BatchStatus.BOOKING)
        assert (await self._state(batches, batch)).failures == 0

    async def test_abandoned_files_are_found_and_deleted(self, batches: BatchStore) -> None:
        held = await self._acknowledged(batches, status=BatchStatus.HELD)
        broken = receiving_batch(batch_id=str(uuid4()))
        await batches.begin(broken)
        soon, late = NOON + timedelta(days=6), NOON + timedelta(days=7)
        assert await batches.abandoned(expired_at=soon, received_before=NOON) == []
        found = await batches.abandoned(expired_at=late, received_before=late)
        assert {batch.batch_id for batch in found} == {held.batch_id, broken.batch_id}
        await batches.drop(broken)
        assert await batches.get(broken.batch_id) is None
        await batches.delete_lines(held.batch_id)
        with pytest.raises(LookupError):
            await batches.chunk(held, 0)

    async def _acknowledged(self, batches: BatchStore, **changes: Any) -> Batch:
        batch = receiving_batch(**{"status": BatchStatus.BOOKING} | changes)
        await batches.begin(batch.model_copy(update={"status": BatchStatus.RECEIVING}))
        await batches.add_chunk(batch, Chunk(index=0, lines="-"))
        assert await batches.acknowledge(batch)
        return batch

    async def _claimed(self, batches: BatchStore, batch: Batch) -> Batch:
        if isinstance(batches, MemoryBatchStore):
            batches.no_leases()
        held = await batches.claim(batch.batch_id)
        assert held is not None
        return held

    async def _state(self, batches: BatchStore, batch: Batch) -> Batch:
        found = await batches.get(batch.batch_id)
        assert found is not None
        return found


async def test_a_lease_excludes_others_until_it_expires_or_is_released(database: Any) -> None:
    batches = MongoBatchStore(database, lease=60)
    await batches.prepare()
    batch = await TestStore()._acknowledged(batches)
    held = await batches.claim(batch.batch_id)
    assert held is not None
    assert await batches.waiting() == []
    assert await batches.claim(batch.batch_id) is None
    await batches.release(held, seconds=0)
    assert await batches.waiting() == [batch.batch_id]
    assert await batches.claim(batch.batch_id) is not None
