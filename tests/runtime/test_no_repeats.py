"""Without a crash, every event is published once, whichever topics and partitions change a document."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import uuid4

import pytest
from frikort_contracts.topics import OUTCOMES
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.processing.apply import Document, PendingEvents
from services.runtime.processing.outbox import OutboxEntry
from services.runtime.processing.positions import Partition
from services.runtime.processing.published import PublishedEvents
from tests.runtime.memory import Crash, Faults, Instance, MemoryDatabase, MemoryKafka
from tests.runtime.tally import COMMANDS, EVENTS, TALLIES, Tally, assert_every_effect_happened_once, command, event

TOPICS = (COMMANDS, EVENTS)
PLACES: Final = tuple(Partition(topic, number) for topic in (COMMANDS, EVENTS) for number in (0, 1))


def empty_kafka() -> tuple[MemoryKafka, MemoryDatabase[Tally]]:
    return MemoryKafka(), MemoryDatabase(TALLIES)


def published(kafka: MemoryKafka) -> list[bytes]:
    """The ids of all published events, repeats included."""
    return [dict(record.headers)["ce_id"] for record in kafka.all(OUTCOMES.name)]


def assert_no_repeats(kafka: MemoryKafka) -> None:
    ids = published(kafka)
    assert len(ids) == len(set(ids))


messages = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(PLACES), st.integers(1, 2)), min_size=1, max_size=12
)


@settings(max_examples=200)
@given(messages, st.lists(st.tuples(st.integers(0, 1), st.sampled_from(PLACES)), max_size=12))
def test_two_instances_over_two_topics_publish_every_event_once(
    sent: Sequence[tuple[str, Partition, int]], turns: Sequence[tuple[int, Partition]]
) -> None:
    """Each instance has one partition of each topic, and both touch the same documents."""

    async def run() -> None:
        kafka, database = empty_kafka()
        records = []
        for number, (card, (topic, partition), events) in enumerate(sent):
            record = command(card, number, events) if topic == COMMANDS else event(card, number, events)
            records.append(kafka.append(record, partition=partition))
        instances = [Instance(kafka, database, Faults()) for _ in range(2)]
        for _, place in turns:
            await instances[place.partition].process_next([(place, 1)])
        for partition, instance in enumerate(instances):
            await instance.process_next([(Partition(topic, partition), 100) for topic in TOPICS])
        assert_no_repeats(kafka)
        assert published(kafka)

    asyncio.run(run())


async def test_an_instance_that_starts_after_an_orderly_stop_repeats_nothing() -> None:
    kafka, database = empty_kafka()
    kafka.append(command("a", 1), partition=0)
    await Instance(kafka, database, Faults()).drain([COMMANDS])
    kafka.append(event("a", 2), partition=0)
    await Instance(kafka, database, Faults()).drain([EVENTS])
    assert len(published(kafka)) == 2
    assert_no_repeats(kafka)


@pytest.mark.parametrize("point", ["publish.before", "publish.between", "publish.after"])
async def test_events_without_acknowledgement_are_published_again_by_the_next_topic(point: str) -> None:
    kafka, database = empty_kafka()
    first = kafka.append(command("a", 1, events=2), partition=0)
    faults = Faults()
    faults.crash_at(point)
    with pytest.raises(Crash):
        await Instance(kafka, database, faults).drain([COMMANDS])
    other = kafka.append(event("a", 2), partition=1)
    await Instance(kafka, database, Faults()).process_next([(Partition(EVENTS, 1), 1)])

    order = list(dict.fromkeys(published(kafka)))
    assert len(order) == 3, "the events of the first message are published before those of the second"
    assert_every_effect_happened_once(kafka, database, [command("a", 1, events=2), event("a", 2)])
    assert (first.offset, other.offset) == (0, 0)


async def test_a_batch_whose_publish_failed_is_published_again_by_the_same_instance() -> None:
    kafka, database = empty_kafka()
    kafka.append(command("a", 1), partition=0)
    faults = Faults()
    faults.crash_at("publish.before")
    instance = Instance(kafka, database, faults)
    batch = kafka.partitions[Partition(COMMANDS, 0)]
    with pytest.raises(Crash):
        await instance.batch_processor.process(batch)
    await instance.batch_processor.process(batch)
    assert len(published(kafka)) == 1


def document(topic: str, partition: int, offset: int) -> Document[Tally]:
    entry = OutboxEntry("test/tallies", str(uuid4()), "2026-01-01T00:00:00Z", str(uuid4()), None, ())
    return Document("a", version=1, outbox=[PendingEvents(topic, partition, offset, entry)])


async def test_events_that_another_worker_is_publishing_are_waited_for() -> None:
    offsets: dict[Partition, int] = {}
    waits: list[float] = []

    async def committed() -> Mapping[Partition, int]:
        return offsets

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            offsets[Partition(COMMANDS, 1)] = 8

    pending = document(COMMANDS, 1, 7)
    await PublishedEvents(committed, sleep=sleep).remove_from([pending], {Partition(COMMANDS, 0): 0})
    assert pending.outbox == []
    assert len(waits) == 3


async def test_events_of_a_worker_that_never_finishes_are_published_after_a_second() -> None:
    waits: list[float] = []

    async def committed() -> Mapping[Partition, int]:
        return {Partition(COMMANDS, 1): 7}

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    pending = document(COMMANDS, 1, 7)
    await PublishedEvents(committed, sleep=sleep).remove_from([pending], {Partition(COMMANDS, 0): 0})
    assert len(pending.outbox) == 1
    assert sum(waits) <= 1


async def test_events_of_the_own_partition_number_are_published_without_waiting() -> None:
    """This worker would process their batch, so no other worker can finish it meanwhile."""

    async def committed() -> Mapping[Partition, int]:
        return {}

    async def sleep(_: float) -> None:
        raise AssertionError("waited")

    pending = document(EVENTS, 0, 7)
    await PublishedEvents(committed, sleep=sleep).remove_from([pending], {Partition(COMMANDS, 0): 0})
    assert len(pending.outbox) == 1


async def test_only_the_latest_acknowledgements_are_remembered() -> None:
    published_events = PublishedEvents(most=2)
    documents = [document(COMMANDS, 0, offset) for offset in range(3)]
    published_events.add(d.outbox[0].entry.cause for d in documents)
    await published_events.remove_from(documents, {Partition(EVENTS, 0): 0})
    assert [len(d.outbox) for d in documents] == [1, 0, 0]
