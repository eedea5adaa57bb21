"""Partitions are processed concurrently, each in order; no commit passes an unfinished batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from frikort_contracts.topics import EARNINGS

from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchResult
from services.runtime.processing.consumer import BatchConsumer, MembershipLost
from services.runtime.processing.policies import BatchPolicy, CommitPolicy
from services.runtime.processing.positions import Partition, StartOffset
from tests.runtime.consumers import MemoryConsumer, records
from tests.waiting import eventually

SMALL = BatchPolicy(min_records=1, max_records=2, max_wait=0)
PLACE = Partition(EARNINGS.name, 0)


class Unreachable(Exception):
    """A retryable error."""


class Processor:
    """A processor whose batches finish when the test resolves their futures."""

    def __init__(self, name: str = "test", topic: str = EARNINGS.name) -> None:
        self.name, self.reader, self.topics = name, f"service.{name}", {topic}
        self.started: list[tuple[int, int]] = []
        self.sizes: list[int] = []
        self.revocations = 0
        self._done: dict[tuple[int, int], asyncio.Future[None]] = {}

    def of(self, partition: int, offset: int) -> asyncio.Future[None]:
        return self._done.setdefault((partition, offset), asyncio.get_running_loop().create_future())

    async def process(self, batch: Sequence[Incoming]) -> BatchResult:
        first = batch[0].partition, batch[0].offset
        self.started.append(first)
        self.sizes.append(len(batch))
        await self.of(*first)
        return BatchResult(applied=len(batch), published=0, dead=0)

    def revoked(self) -> None:
        self.revocations += 1


class Harness:
    """A batch consumer with its port and its processor."""

    def __init__(self, batching: BatchPolicy, *processors: Processor) -> None:
        self.port = MemoryConsumer()
        self.processor = processors[0]
        self.stops: list[str] = []
        self.consumer = BatchConsumer(
            consumer=self.port,
            processors=processors,
            batching=batching,
            committing=CommitPolicy(min_interval=0),
            retryable=(Unreachable,),
            stop_service=self.stops.append,
        )

    async def arrive(self, *some: Sequence[Incoming]) -> None:
        self.port.arrive(*some)
        await run_pending_tasks()

    async def second_batch(self) -> bool:
        return len(self.processor.started) > 1

    async def finish(self, partition: int, offset: int) -> None:
        self.processor.of(partition, offset).set_result(None)
        await run_pending_tasks()


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    harness = Harness(SMALL, Processor())
    await harness.consumer.start()
    yield harness
    await close(harness)


async def close(harness: Harness) -> None:
    harness.consumer._failed = True
    for future in harness.processor._done.values():
        if not future.done():
            future.set_result(None)
    await harness.consumer.stop()


async def run_pending_tasks() -> None:
    """Let all tasks run until they wait for something."""
    for _ in range(30):
        await asyncio.sleep(0)


async def test_partitions_are_processed_side_by_side_and_each_in_order(harness: Harness) -> None:
    await harness.arrive(records(0, 0, 1))
    await harness.arrive(records(1, 0, 1))
    await harness.arrive(records(0, 2, 3))
    assert harness.processor.started == [(0, 0), (1, 0)]
    await harness.finish(1, 0)
    assert (harness.processor.started, harness.port.committed) == ([(0, 0), (1, 0)], {1: 2})
    await harness.finish(0, 0)
    assert (harness.processor.started[2:], harness.port.committed) == ([(0, 2)], {0: 2, 1: 2})


async def test_a_revocation_waits_for_the_batches_in_progress_and_starts_no_other(harness: Harness) -> None:
    await harness.arrive(records(0, 0, 1))
    await harness.arrive(records(1, 0, 1))
    await harness.arrive(records(0, 2, 3))
    revoked = asyncio.create_task(harness.consumer.revoked())
    await harness.finish(0, 0)
    assert not revoked.done()
    await harness.finish(1, 0)
    await revoked
    assert (harness.processor.started, harness.port.committed) == ([(0, 0), (1, 0)], {0: 2, 1: 2})


async def test_nothing_is_fetched_between_a_revocation_and_the_next_assignment(harness: Harness) -> None:
    await harness.consumer.revoked()
    await harness.arrive(records(0, 0))
    assert harness.processor.started == []
    await harness.consumer.assigned([])
    await run_pending_tasks()
    assert harness.processor.started == [(0, 0)]


async def test_a_revocation_ends_a_poll_so_that_no_poll_spans_two_assignments(harness: Harness) -> None:
    await run_pending_tasks()
    assert harness.port.polling
    await harness.consumer.revoked()
    assert not harness.port.polling


async def test_a_failed_batch_stops_the_service_and_is_never_committed(harness: Harness) -> None:
    await harness.arrive(records(0, 0, 1))
    await harness.arrive(records(1, 0, 1))
    await harness.arrive(records(0, 2, 3))
    harness.processor.of(0, 0).set_exception(ValueError("wrong"))
    await run_pending_tasks()
    assert harness.stops == ["test: ValueError"]
    assert harness.consumer.death == "ValueError"
    await harness.finish(1, 0)
    await harness.arrive(records(2, 0))
    assert (harness.processor.started, harness.port.committed) == ([(0, 0), (1, 0)], {1: 2})


async def test_a_batch_is_retried_after_a_retryable_error_until_a_revocation(harness: Harness) -> None:
    await harness.arrive(records(0, 0))
    harness.processor.of(0, 0).set_exception(Unreachable("MongoDB"))
    await run_pending_tasks()
    assert harness.consumer.failure == "Unreachable"
    async with asyncio.timeout(5):
        await harness.consumer.revoked()
    assert (harness.stops, harness.port.committed) == ([], {})


async def test_partitions_that_wait_for_a_worker_are_processed_in_one_batch() -> None:
    harness = Harness(BatchPolicy(min_records=1, max_records=3, max_wait=0), Processor())
    await harness.consumer.start()
    await harness.arrive(records(0, 0, 1))
    await harness.arrive(records(1, 0, 1))
    await harness.arrive(records(2, 0))
    await harness.arrive(records(3, 0))
    assert harness.processor.started == [(0, 0), (1, 0)]
    await harness.finish(0, 0)
    assert (harness.processor.started[2:], harness.processor.sizes[2:]) == ([(2, 0)], [2])
    await harness.finish(2, 0)
    assert harness.port.committed == {0: 2, 2: 1, 3: 1}
    await close(harness)


async def test_a_record_is_committed_when_every_processor_of_its_topic_is_done() -> None:
    other, elsewhere = Processor("other"), Processor("elsewhere", topic="another")
    harness = Harness(SMALL, Processor(), other, elsewhere)
    await harness.consumer.start()
    await harness.arrive(records(0, 0))
    assert (harness.processor.started, other.started, elsewhere.started) == ([(0, 0)], [(0, 0)], [])
    await harness.finish(0, 0)
    assert harness.port.committed == {}
    other.of(0, 0).set_result(None)
    await run_pending_tasks()
    assert harness.port.committed == {0: 1}
    await close(harness)


async def test_while_one_worker_is_busy_a_small_batch_waits_and_a_larger_one_starts() -> None:
    harness = Harness(BatchPolicy(min_records=2, max_records=16, max_wait=0), Processor())
    await harness.consumer.start()
    await harness.arrive(records(0, 0))
    await harness.arrive(records(1, 0))
    assert harness.processor.started == [(0, 0)]
    await harness.arrive(records(2, 0))
    assert harness.processor.started == [(0, 0), (1, 0)]
    await close(harness)


async def test_fetching_pauses_while_more_than_a_full_batch_waits(harness: Harness) -> None:
    await harness.arrive(records(0, 0, 1))
    await harness.arrive(records(1, 0, 1))
    await harness.arrive(records(2, 0, 1))
    await harness.arrive(records(3, 0))
    polls = harness.port.polls
    await harness.arrive(records(4, 0))
    assert harness.port.polls == polls
    await harness.finish(0, 0)
    assert harness.port.polls > polls


async def test_the_first_record_is_processed_at_once_and_the_next_small_batch_waits_for_more_records() -> None:
    harness = Harness(BatchPolicy(min_records=10, max_records=100, max_wait=0.05), Processor())
    await harness.consumer.start()
    await harness.arrive(records(0, 0))
    assert harness.processor.started == [(0, 0)]
    await harness.finish(0, 0)
    await harness.arrive(records(0, 1))
    await harness.arrive(records(0, 2))
    assert harness.processor.started == [(0, 0)]
    await eventually(harness.second_batch, what="the second batch has started")
    assert harness.processor.sizes == [1, 2]
    await close(harness)


async def test_a_burst_of_small_batches_is_processed_at_once_and_the_next_one_waits() -> None:
    harness = Harness(BatchPolicy(min_records=10, max_records=100, max_wait=60, burst=2), Processor())
    await harness.consumer.start()
    for offset in range(3):
        await harness.arrive(records(0, offset))
        if harness.processor.started[-1] == (0, offset):
            await harness.finish(0, offset)
    assert harness.processor.started == [(0, 0), (0, 1)]
    async with asyncio.timeout(1):
        await harness.consumer.revoked()
        await harness.consumer.stop()


async def test_a_batch_of_the_minimum_size_starts_at_once() -> None:
    harness = Harness(BatchPolicy(min_records=2, max_records=16, max_wait=60), Processor())
    await harness.consumer.start()
    await harness.arrive(records(0, 0))
    await harness.arrive(records(1, 0, 1))
    assert harness.processor.started == [(0, 0), (1, 0)]
    await close(harness)


async def test_a_revocation_ends_the_wait_for_more_records() -> None:
    harness = Harness(BatchPolicy(min_records=10, max_records=100, max_wait=60), Processor())
    await harness.consumer.start()
    await harness.arrive(records(0, 0))
    await harness.finish(0, 0)
    await harness.arrive(records(0, 1))
    async with asyncio.timeout(1):
        await harness.consumer.revoked()
        await harness.consumer.stop()
    assert harness.processor.started == [(0, 0)]


async def test_records_are_processed_when_fetching_more_fails() -> None:
    harness = Harness(BatchPolicy(min_records=10, max_records=100, max_wait=0.01), Processor())
    await harness.consumer.start()
    await harness.arrive(records(0, 0))
    await harness.finish(0, 0)
    await harness.arrive(records(0, 1))
    harness.port.poll_failures = [Unreachable()]
    await eventually(harness.second_batch, what="the second batch has started")
    assert harness.processor.sizes == [1, 1]
    await close(harness)


@pytest.mark.parametrize(("error", "stops"), [(Unreachable(), 0), (ValueError(), 1)])
async def test_a_fetch_is_retried_only_after_a_retryable_error(harness: Harness, error: Exception, stops: int) -> None:
    harness.port.poll_failures = [error]
    await harness.arrive(records(0, 0))
    assert len(harness.stops) == stops


async def test_a_member_that_lost_its_membership_finishes_its_batches_and_joins_again(harness: Harness) -> None:
    await harness.arrive(records(0, 0, 1))
    harness.port.poll_failures = [MembershipLost("test")]
    harness.port.start_failures = [Unreachable()]
    await harness.arrive()
    assert (harness.port.stopped, harness.consumer.joined) == (0, False)  # a batch is in progress
    await harness.finish(0, 0)

    async def joined_again() -> bool:
        return harness.port.started == 3

    await eventually(joined_again)
    assert harness.port.committed == {0: 2}
    await harness.consumer.assigned([])
    await harness.arrive(records(0, 2))
    assert harness.processor.started == [(0, 0), (0, 2)]
    assert harness.stops == []


async def test_a_member_that_cannot_join_again_stops_the_service(harness: Harness) -> None:
    harness.port.poll_failures = [MembershipLost("test")]
    harness.port.start_failures = [LookupError("unexpected")]
    await harness.arrive([])

    async def stopped() -> bool:
        return len(harness.stops) == 1

    await eventually(stopped)


async def test_a_gap_between_two_records_stops_the_service(harness: Harness) -> None:
    await harness.arrive(records(0, 0, 1))
    await harness.finish(0, 0)
    harness.port.starts[PLACE] = StartOffset(first=0, committed=2)
    await harness.arrive(records(0, 5))

    async def stopped() -> bool:
        return bool(harness.stops)

    await eventually(stopped, within=10, what="the stop")
    assert len(harness.stops) == 1
    assert "records 2 to 4" in harness.stops[0]
    assert harness.processor.started == [(0, 0)]


async def test_records_deleted_before_they_were_read_stop_the_service(harness: Harness) -> None:
    partition = Partition(EARNINGS.name, 0)
    harness.port.starts = {partition: StartOffset(first=9, committed=4)}
    await harness.consumer.assigned([partition])
    assert "records 4 to 8" in harness.stops[0]


async def test_the_lag_counts_from_the_committed_offset(harness: Harness) -> None:
    new, read = Partition(EARNINGS.name, 0), Partition(EARNINGS.name, 1)
    harness.port.starts = {new: StartOffset(first=3, committed=None), read: StartOffset(first=3, committed=8)}
    await harness.consumer.assigned([new, read])
    await harness.consumer.refresh_lag()
    assert harness.consumer.lag() == {new: 7, read: 2}


async def test_start_can_be_repeated_after_a_failure_and_joins_once() -> None:
    harness = Harness(SMALL, Processor())
    harness.port.start_failures = [Unreachable()]
    with pytest.raises(Unreachable):
        await harness.consumer.start()
    await harness.consumer.start()
    await harness.consumer.start()
    assert harness.port.started == 2
    await harness.consumer.stop()
    assert harness.port.stopped == 1


async def consumer_after_a_wrong_answer(harness: Harness, *later: StartOffset | Exception) -> None:
    """The broker answers that the group has committed nothing, and the client reads from record 372."""
    harness.port.starts[PLACE] = StartOffset(first=0, committed=None)
    await harness.consumer.assigned([PLACE])
    harness.port.later_starts += later
    await harness.arrive(records(0, 372, 373))


@pytest.mark.parametrize("before", [[], [StartOffset(0, None)], [Unreachable()]])
async def test_a_gap_of_records_that_the_group_has_committed_is_none(
    harness: Harness, before: list[StartOffset | Exception]
) -> None:
    await consumer_after_a_wrong_answer(harness, *before, StartOffset(first=0, committed=372))

    async def started() -> bool:
        return harness.processor.started == [(0, 372)]

    await eventually(started, within=5, what="the batch")
    assert harness.stops == []


@pytest.mark.parametrize("committed", [None, 371])
async def test_records_that_the_group_has_not_committed_are_missing(harness: Harness, committed: int | None) -> None:
    await consumer_after_a_wrong_answer(harness, *[StartOffset(first=0, committed=committed)] * 6)

    async def stopped() -> bool:
        return bool(harness.stops)

    await eventually(stopped, within=10, what="the stop")
    assert "records 0 to 371" in harness.stops[0]
    assert harness.processor.started == []
