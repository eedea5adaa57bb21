"""What was fetched goes in lanes: partitions side by side, each in order, and none past what failed or was let go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faststream.kafka import KafkaBroker
from frikort_contracts.topics import EARNINGS

from services.runtime.kafka.consumer import BatchConsumer
from services.runtime.processing import offset_committer
from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchProcessor, BatchResult
from services.runtime.processing.partition_workers import PartitionWorkers
from services.runtime.settings import RuntimeSettings

BATCH = 2
MONGODB = "mongodb://127.0.0.1:1/?replicaSet=none"


class Work:
    """A loop whose batches are done when the test says so, and a Kafka consumer that notes what is committed."""

    def __init__(self, name: str = "test", topic: str = EARNINGS.name) -> None:
        self.name, self.topics = name, {topic}
        self.begun: list[tuple[int, int]] = []
        self.committed: dict[int, int] = {}
        self.there: dict[int, list[ConsumerRecord[bytes, bytes]]] = {}
        self.away: Exception | None = None
        self._done: dict[tuple[int, int], asyncio.Future[None]] = {}

    def of(self, partition: int, offset: int) -> asyncio.Future[None]:
        return self._done.setdefault((partition, offset), asyncio.get_running_loop().create_future())

    async def process(self, batch: Sequence[Incoming]) -> BatchResult:
        place = batch[0].partition, batch[0].offset
        self.begun.append(place)
        await self.of(*place)
        return BatchResult(applied=len(batch), published=0, dead=0)

    async def getmany(self, **_: int) -> dict[int, list[ConsumerRecord[bytes, bytes]]]:
        if self.away is not None:
            raise self.away
        return self.there

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.committed.update({place.partition: offset for place, offset in offsets.items()})


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def stops() -> list[str]:
    return []


@pytest.fixture
def consumer(work: Work, stops: list[str], monkeypatch: pytest.MonkeyPatch) -> BatchConsumer:
    monkeypatch.setattr(BatchConsumer, "consumer", work)
    monkeypatch.setattr(offset_committer, "_GATHERING_SECONDS", 0)
    return BatchConsumer(
        broker=KafkaBroker(),
        loops=[cast("BatchProcessor[Any]", work)],
        group="test",
        settings=RuntimeSettings(kafka="127.0.0.1:1", mongodb=MONGODB, batch_records=BATCH),
        stop_service=stops.append,
    )


def fetched(**partitions: int) -> Any:
    """A message as FastStream hands it over: so many records of each partition."""
    records = [_record(int(name[1:]), offset) for name, count in partitions.items() for offset in range(count)]
    return type("Message", (), {"body": records})()


def _record(partition: int, offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(EARNINGS.name, partition, offset, 0, 0, b"", b"", None, 0, 0, ())


async def rest() -> None:
    """Until nobody has anything to do but wait."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_partitions_go_side_by_side_and_each_in_order(consumer: BatchConsumer, work: Work) -> None:
    await consumer._handle(fetched(p0=4, p1=2))
    await rest()
    assert work.begun == [(0, 0), (1, 0)]
    work.of(1, 0).set_result(None)
    await rest()
    assert (work.begun, work.committed) == ([(0, 0), (1, 0)], {1: 2})
    work.of(0, 0).set_result(None)
    await rest()
    assert (work.begun[2:], work.committed) == ([(0, 2)], {0: 2, 1: 2})


async def test_what_is_fetched_later_of_a_partition_waits_for_what_was_fetched_before(
    consumer: BatchConsumer, work: Work
) -> None:
    await consumer._handle(fetched(p0=2))
    later = fetched(p0=4)
    later.body = later.body[2:]
    await consumer._handle(later)
    await rest()
    assert work.begun == [(0, 0)]
    work.of(0, 0).set_result(None)
    await rest()
    assert work.begun == [(0, 0), (0, 2)]


async def test_a_revocation_waits_for_the_batches_in_hand_and_begins_no_other(
    consumer: BatchConsumer, work: Work
) -> None:
    await consumer._handle(fetched(p0=4, p1=4))
    await rest()
    revoked = asyncio.create_task(consumer.on_partitions_revoked([]))
    work.of(0, 0).set_result(None)
    await rest()
    assert not revoked.done()
    work.of(1, 0).set_result(None)
    await revoked
    assert (work.begun, work.committed) == ([(0, 0), (1, 0)], {0: 2, 1: 2})


async def test_a_failure_stops_the_service_and_lets_nothing_pass_it(
    consumer: BatchConsumer, work: Work, stops: list[str]
) -> None:
    await consumer._handle(fetched(p0=4, p1=4))
    await rest()
    work.of(0, 0).set_exception(ValueError("wrong"))
    await rest()
    assert stops == ["test: ValueError: wrong"]
    work.of(1, 0).set_result(None)
    await rest()
    further = asyncio.create_task(consumer._handle(fetched(p0=6, p2=2)))
    await rest()
    assert not further.done()
    assert (work.begun, work.committed) == ([(0, 0), (1, 0)], {1: 2})
    consumer._stopping = True
    consumer._let_go.set()
    await further


async def test_what_comes_while_all_are_at_work_goes_together_when_there_is_room(
    consumer: BatchConsumer, work: Work
) -> None:
    await consumer._handle(fetched(p0=2, p1=2))
    await consumer._handle(fetched(p2=1))
    await consumer._handle(fetched(p3=1))
    await rest()
    assert work.begun == [(0, 0), (1, 0)]
    for place in [(0, 0), (2, 0)]:
        work.of(*place).set_result(None)
    await rest()
    assert (work.begun[2:], work.committed) == ([(2, 0)], {0: 2, 2: 1, 3: 1})


async def test_a_record_is_committed_when_all_who_read_its_topic_are_done(consumer: BatchConsumer, work: Work) -> None:
    other, elsewhere = Work("other"), Work("elsewhere", topic="another")
    consumer._loops = [cast("BatchProcessor[Any]", one) for one in (work, other, elsewhere)]
    await consumer._handle(fetched(p0=1))
    await rest()
    assert (work.begun, other.begun, elsewhere.begun) == ([(0, 0)], [(0, 0)], [])
    work.of(0, 0).set_result(None)
    await rest()
    assert work.committed == {}
    other.of(0, 0).set_result(None)
    await rest()
    assert work.committed == {0: 1}


async def test_a_few_wait_for_what_is_at_work_and_many_go_beside_it(consumer: BatchConsumer, work: Work) -> None:
    consumer._lanes = PartitionWorkers(consumer._work_off, most=16)
    await consumer._handle(fetched(p0=1))
    await consumer._handle(fetched(p1=1))
    await rest()
    assert work.begun == [(0, 0)]
    await consumer._handle(fetched(p2=1))
    await rest()
    assert work.begun == [(0, 0), (1, 0)]


async def test_no_more_is_fetched_while_a_batch_and_more_waits(consumer: BatchConsumer, work: Work) -> None:
    await consumer._handle(fetched(p0=2, p1=2))
    further = asyncio.create_task(consumer._handle(fetched(p2=3)))
    await rest()
    assert not further.done()
    work.of(1, 0).set_result(None)
    await further
    await rest()
    assert work.begun[2:] == [(2, 0)]


async def test_with_a_record_comes_all_that_is_there(consumer: BatchConsumer, work: Work) -> None:
    work.there = {0: [_record(0, 1)], 3: [_record(3, 7)]}
    message = await consumer._parse(_record(0, 0))
    assert [(r.partition, r.offset) for r in cast("Any", message.body)] == [(0, 0), (0, 1), (3, 7)]


async def test_a_lone_record_goes_at_once_and_the_next_takes_what_comes_meanwhile(
    consumer: BatchConsumer, work: Work
) -> None:
    consumer._pace, consumer._lanes = 0.01, PartitionWorkers(consumer._work_off, most=100)
    assert [r.offset for r in cast("Any", await consumer._parse(_record(0, 0))).body] == [0]
    message = asyncio.create_task(consumer._parse(_record(0, 1)))
    await rest()
    assert not message.done()
    work.there = {0: [_record(0, 2)]}
    assert [r.offset for r in cast("Any", await message).body] == [1, 2]


async def test_a_batch_that_is_worth_its_cost_waits_for_no_more(consumer: BatchConsumer, work: Work) -> None:
    consumer._pace, consumer._lanes = 60, PartitionWorkers(consumer._work_off, most=16)
    await consumer._parse(_record(0, 0))
    work.there = {0: [_record(0, 2)]}
    async with asyncio.timeout(1):
        assert len(cast("Any", await consumer._parse(_record(0, 1))).body) == 2


async def test_gathering_ends_when_partitions_change_hands(consumer: BatchConsumer) -> None:
    consumer._pace, consumer._lanes = 60, PartitionWorkers(consumer._work_off, most=100)
    await consumer._parse(_record(0, 0))
    message = asyncio.create_task(consumer._parse(_record(0, 1)))
    await rest()
    await consumer.on_partitions_revoked([])
    async with asyncio.timeout(1):
        assert len(cast("Any", await message).body) == 1


async def test_nothing_is_added_while_partitions_change_hands(consumer: BatchConsumer, work: Work) -> None:
    work.there = {0: [_record(0, 1)]}
    await consumer.on_partitions_revoked([])
    assert len(cast("Any", await consumer._parse(_record(0, 0))).body) == 1


@pytest.mark.parametrize(("error", "stopped"), [(KafkaError(), 0), (ConsumerStoppedError(), 0), (ValueError(), 1)])
async def test_a_record_is_not_passed_over_when_the_rest_cannot_be_had(
    consumer: BatchConsumer, work: Work, stops: list[str], error: Exception, stopped: int
) -> None:
    work.away = error
    message = await consumer._parse(_record(0, 0))
    assert (len(cast("Any", message).body), len(stops)) == (1, stopped)
