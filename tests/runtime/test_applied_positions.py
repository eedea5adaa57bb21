"""A store is never behind its consumer group, and one that is was restored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchResult
from services.runtime.processing.consumer import BatchConsumer
from services.runtime.processing.policies import BatchPolicy, CommitPolicy
from services.runtime.processing.positions import Offsets, Partition, StoreBehind, behind
from services.runtime.safety_checks import store_behind
from tests.runtime.consumers import MemoryConsumer, records
from tests.waiting import eventually

ONE, OTHER = Partition("frikort.earnings.v1", 0), Partition("frikort.earnings.v1", 1)


@pytest.mark.parametrize(
    ("applied", "committed", "first", "found"),
    [
        pytest.param(7, 7, 0, False, id="as far as its group"),
        pytest.param(9, 7, 0, False, id="ahead: the group was reset, or did not commit yet"),
        pytest.param(5, 7, 0, True, id="behind: restored"),
        pytest.param(0, 7, 0, True, id="empty: dropped"),
        pytest.param(5, 7, 7, False, id="behind, and the records between exist no longer"),
        pytest.param(5, 7, 6, True, id="behind, and one of the records between exists"),
    ],
)
def test_a_store_is_behind_if_its_group_has_committed_records_that_it_has_not_applied(
    applied: int, committed: int, first: int, found: bool
) -> None:
    expected = [StoreBehind(ONE, applied, committed)] if found else []
    assert behind({ONE: applied, OTHER: 3}, {ONE: committed, OTHER: 3}, {ONE: first, OTHER: 0}) == expected


def test_a_partition_that_the_group_has_not_committed_is_not_behind() -> None:
    assert behind({}, {}, {ONE: 0}) == []


def test_the_refusal_names_the_database_the_group_and_the_remedy() -> None:
    found = [StoreBehind(ONE, 5, 7), StoreBehind(OTHER, 0, 3)]
    text = str(store_behind("frikort_balance", "frikort.balance.ledgers", found))
    assert text.startswith("the database frikort_balance is behind its consumer group frikort.balance.ledgers")
    assert "at 5 of frikort.earnings.v1/0, the group at 7, and as in 1 other partitions" in text
    assert "kafka-consumer-groups --group frikort.balance.ledgers --reset-offsets --to-earliest" in text


class Unreachable(Exception):
    """The store does not answer."""


class Applied:
    """Positions in memory; ``failures`` are raised in order."""

    def __init__(self, port: MemoryConsumer, *failures: Exception) -> None:
        self.failures = list(failures)
        self.offsets: dict[Partition, int] = {}
        self.committed_before: list[dict[int, int]] = []
        self._port = port

    async def add(self, offsets: Offsets) -> None:
        self.committed_before.append(dict(self._port.committed))
        if self.failures:
            raise self.failures.pop(0)
        self.offsets.update(offsets)


class AtOnce:
    """A processor that does nothing."""

    name, reader, topics = "processor", "service.processor", ("frikort.earnings.v1",)

    async def process(self, batch: Sequence[Incoming]) -> BatchResult:
        return BatchResult(applied=len(batch), published=0, dead=0)

    def revoked(self) -> None: ...


@pytest.mark.parametrize("failures", [(), (Unreachable(),)], ids=["at once", "after a failure"])
async def test_positions_are_stored_before_they_are_committed(failures: Sequence[Exception]) -> None:
    port = MemoryConsumer()
    applied = Applied(port, *failures)
    consumer = BatchConsumer(
        consumer=port,
        processors=[AtOnce()],
        batching=BatchPolicy(min_records=1, max_records=10, max_wait=0),
        committing=CommitPolicy(min_interval=0),
        retryable=(Unreachable,),
        stop_service=pytest.fail,
        applied=applied,
    )
    await consumer.start()
    port.arrive(records(0, 0, 1, 2))

    async def committed() -> bool:
        await asyncio.sleep(0)
        return port.committed == {0: 3}

    await eventually(committed, what="the commit")
    assert applied.offsets == {ONE: 3}
    assert applied.committed_before == [{}] * (1 + len(failures))
    await consumer.stop()
