"""Partitions are processed side by side, each in order, and no commit passes a batch that is not done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from frikort_contracts.topics import EARNINGS

from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchResult
from services.runtime.processing.consumer import BatchConsumer
from services.runtime.processing.policies import BatchPolicy, CommitPolicy
from services.runtime.processing.positions import Partition, StartOffset
from tests.runtime.consumers import MemoryConsumer, records
from tests.waiting import eventually

SMALL = BatchPolicy(min_records=1, max_records=2, max_wait=0)


class Unreachable(Exception):
    """A retryable error."""


class Processor:
    """A processor whose batches are done when the test says so."""

    def __init__(self, name: str = "test", topic: str = EARNINGS.name) -> None:
        self.name, self.topics = name, {topic}
        self.started: list[tuple[int, int]] = []
        self.sizes: list[int] = []
        self._done: dict[tuple[int, int], asyncio.Future[None]] = {}

    def of(self, partition: int, offset: int) -> asyncio.Future[None]:
        return self._done.setdefault((partition, offset), asyncio.get_running_loop().create_future())

    async def process(self, batch: Sequence[Incoming]) -> BatchResult:
        first = batch[0].partition, batch[0].offset
        self.started.append(first)
        self.sizes.append(len(batch))
        await self.of(*first)
        return BatchResult(applied=len(batch), published=0, dead=0)


class Setting:
    """A consumer with its port and processor."""

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
        await rest()

    async def second_batch(self) -> bool:
        return len(self.processor.started) > 1

    async def finish(self, partition: int, offset: int) -> None:
        self.processor.of(partition, offset).set_result(None)
        await rest()


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    setting = Setting(SMALL, Processor())
    await setting.consumer.start()
    yield setting
    await close(setting)


async def close(setting: Setting) -> None:
    setting.consumer._failed = True
    for future in setting.processor._done.values():
        if not future.done():
            future.set_result(None)
    await setting.consumer.stop()


async def rest() -> None:
    """Wait until every task waits."""
    for _ in range(30):
        await asyncio.sleep(0)


async def test_partitions_are_processed_side_by_side_and_each_in_order(setting: Setting) -> None:
    await setting.arrive(records(0, 0, 1))
    await setting.arrive(records(1, 0, 1))
    await setting.arrive(records(0, 2, 3))
    assert setting.processor.started == [(0, 0), (1, 0)]
    await setting.finish(1, 0)
    assert (setting.processor.started, setting.port.committed) == ([(0, 0), (1, 0)], {1: 2})
    await setting.finish(0, 0)
    assert (setting.processor.started[2:], setting.port.committed) == ([(0, 2)], {0: 2, 1: 2})


async def test_a_revocation_waits_for_the_batches_in_progress_and_starts_no_other(setting: Setting) -> None:
    await setting.arrive(records(0, 0, 1))
    await setting.arrive(records(1, 0, 1))
    await setting.arrive(records(0, 2, 3))
    revoked = asyncio.create_task(setting.consumer.revoked())
    await setting.finish(0, 0)
    assert not revoked.done()
    await setting.finish(1, 0)
    await revoked
    assert (setting.processor.started, setting.port.committed) == ([(0, 0), (1, 0)], {0: 2, 1: 2})


async def test_nothing_is_fetched_between_a_revocation_and_the_next_assignment(setting: Setting) -> None:
    await setting.consumer.revoked()
    await setting.arrive(records(0, 0))
    assert setting.processor.started == []
    await setting.consumer.assigned([])
    await rest()
    assert setting.processor.started == [(0, 0)]


async def test_a_revocation_ends_a_poll_so_that_no_poll_spans_two_assignments(setting: Setting) -> None:
    await rest()
    assert setting.port.polling
    await setting.consumer.revoked()
    assert not setting.port.polling


async def test_a_failure_stops_the_service_and_no_commit_passes_it(setting: Setting) -> None:
    await setting.arrive(records(0, 0, 1))
    await setting.arrive(records(1, 0, 1))
    await setting.arrive(records(0, 2, 3))
    setting.processor.of(0, 0).set_exception(ValueError("wrong"))
    await rest()
    assert setting.stops == ["test: ValueError: wrong"]
    assert setting.consumer.death == "ValueError: wrong"
    await setting.finish(1, 0)
    await setting.arrive(records(2, 0))
    assert (setting.processor.started, setting.port.committed) == ([(0, 0), (1, 0)], {1: 2})


async def test_a_retryable_error_is_tried_again_and_a_drain_ends_the_retries(setting: Setting) -> None:
    await setting.arrive(records(0, 0))
    setting.processor.of(0, 0).set_exception(Unreachable("MongoDB"))
    await rest()
    assert setting.consumer.failure == "Unreachable: MongoDB"
    async with asyncio.timeout(5):
        await setting.consumer.revoked()
    assert (setting.stops, setting.port.committed) == ([], {})


async def test_partitions_that_arrive_while_all_workers_are_busy_are_processed_together() -> None:
    setting = Setting(BatchPolicy(min_records=1, max_records=3, max_wait=0), Processor())
    await setting.consumer.start()
    await setting.arrive(records(0, 0, 1))
    await setting.arrive(records(1, 0, 1))
    await setting.arrive(records(2, 0))
    await setting.arrive(records(3, 0))
    assert setting.processor.started == [(0, 0), (1, 0)]
    await setting.finish(0, 0)
    assert (setting.processor.started[2:], setting.processor.sizes[2:]) == ([(2, 0)], [2])
    await setting.finish(2, 0)
    assert setting.port.committed == {0: 2, 2: 1, 3: 1}
    await close(setting)


async def test_a_record_is_committed_when_every_processor_of_its_topic_is_done() -> None:
    other, elsewhere = Processor("other"), Processor("elsewhere", topic="another")
    setting = Setting(SMALL, Processor(), other, elsewhere)
    await setting.consumer.start()
    await setting.arrive(records(0, 0))
    assert (setting.processor.started, other.started, elsewhere.started) == ([(0, 0)], [(0, 0)], [])
    await setting.finish(0, 0)
    assert setting.port.committed == {}
    other.of(0, 0).set_result(None)
    await rest()
    assert setting.port.committed == {0: 1}
    await close(setting)


async def test_a_small_batch_waits_for_a_busy_worker_and_a_larger_one_does_not() -> None:
    setting = Setting(BatchPolicy(min_records=2, max_records=16, max_wait=0), Processor())
    await setting.consumer.start()
    await setting.arrive(records(0, 0))
    await setting.arrive(records(1, 0))
    assert setting.processor.started == [(0, 0)]
    await setting.arrive(records(2, 0))
    assert setting.processor.started == [(0, 0), (1, 0)]
    await close(setting)


async def test_nothing_more_is_fetched_while_more_than_a_batch_waits(setting: Setting) -> None:
    await setting.arrive(records(0, 0, 1))
    await setting.arrive(records(1, 0, 1))
    await setting.arrive(records(2, 0, 1))
    await setting.arrive(records(3, 0))
    polls = setting.port.polls
    await setting.arrive(records(4, 0))
    assert setting.port.polls == polls
    await setting.finish(0, 0)
    assert setting.port.polls > polls


async def test_the_first_record_starts_at_once_and_the_next_small_batch_gathers() -> None:
    setting = Setting(BatchPolicy(min_records=10, max_records=100, max_wait=0.05), Processor())
    await setting.consumer.start()
    await setting.arrive(records(0, 0))
    assert setting.processor.started == [(0, 0)]
    await setting.finish(0, 0)
    await setting.arrive(records(0, 1))
    await setting.arrive(records(0, 2))
    assert setting.processor.started == [(0, 0)]
    await eventually(setting.second_batch, what="the second batch has started")
    assert setting.processor.sizes == [1, 2]
    await close(setting)


async def test_a_batch_of_the_least_size_does_not_gather() -> None:
    setting = Setting(BatchPolicy(min_records=2, max_records=16, max_wait=60), Processor())
    await setting.consumer.start()
    await setting.arrive(records(0, 0))
    await setting.arrive(records(1, 0, 1))
    assert setting.processor.started == [(0, 0), (1, 0)]
    await close(setting)


async def test_a_revocation_ends_the_gathering() -> None:
    setting = Setting(BatchPolicy(min_records=10, max_records=100, max_wait=60), Processor())
    await setting.consumer.start()
    await setting.arrive(records(0, 0))
    await setting.finish(0, 0)
    await setting.arrive(records(0, 1))
    async with asyncio.timeout(1):
        await setting.consumer.revoked()
        await setting.consumer.stop()
    assert setting.processor.started == [(0, 0)]


async def test_records_are_kept_when_gathering_more_fails() -> None:
    setting = Setting(BatchPolicy(min_records=10, max_records=100, max_wait=0.01), Processor())
    await setting.consumer.start()
    await setting.arrive(records(0, 0))
    await setting.finish(0, 0)
    await setting.arrive(records(0, 1))
    setting.port.poll_failures = [Unreachable()]
    await eventually(setting.second_batch, what="the second batch has started")
    assert setting.processor.sizes == [1, 1]
    await close(setting)


@pytest.mark.parametrize(("error", "stops"), [(Unreachable(), 0), (ValueError(), 1)])
async def test_a_fetch_is_tried_again_only_after_a_retryable_error(
    setting: Setting, error: Exception, stops: int
) -> None:
    setting.port.poll_failures = [error]
    await setting.arrive(records(0, 0))
    assert len(setting.stops) == stops


async def test_a_gap_between_two_records_stops_the_service(setting: Setting) -> None:
    await setting.arrive(records(0, 0, 1))
    await setting.finish(0, 0)
    await setting.arrive(records(0, 5))
    assert len(setting.stops) == 1
    assert "records 2 to 4" in setting.stops[0]
    assert setting.processor.started == [(0, 0)]


async def test_records_deleted_before_they_were_read_stop_the_service(setting: Setting) -> None:
    partition = Partition(EARNINGS.name, 0)
    setting.port.starts = {partition: StartOffset(first=9, committed=4)}
    await setting.consumer.assigned([partition])
    assert "records 4 to 8" in setting.stops[0]


async def test_the_lag_counts_from_the_committed_offset(setting: Setting) -> None:
    new, read = Partition(EARNINGS.name, 0), Partition(EARNINGS.name, 1)
    setting.port.starts = {new: StartOffset(first=3, committed=None), read: StartOffset(first=3, committed=8)}
    await setting.consumer.assigned([new, read])
    await setting.consumer.refresh_lag()
    assert setting.consumer.lag() == {new: 7, read: 2}


async def test_a_failed_join_is_tried_again_and_a_second_start_joins_once() -> None:
    setting = Setting(SMALL, Processor())
    setting.port.start_failures = [Unreachable()]
    with pytest.raises(Unreachable):
        await setting.consumer.start()
    await setting.consumer.start()
    await setting.consumer.start()
    assert setting.port.started == 2
    await setting.consumer.stop()
    assert setting.port.stopped == 1
