"""A document is taken from memory instead of the store only if it is surely what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.processing.apply import Document
from services.runtime.processing.document_cache import DocumentCache
from services.runtime.processing.positions import Partition
from tests.runtime.memory import Crash, Faults, Instance, MemoryDatabase, MemoryKafka
from tests.runtime.tally import COMMANDS, EVENTS, TALLIES, Tally, assert_every_effect_happened_once, command, event

HERE, THERE = Partition(COMMANDS, 0), Partition(EVENTS, 0)


def kafka_with(*numbers: int) -> tuple[MemoryKafka, MemoryDatabase[Tally]]:
    kafka = MemoryKafka()
    for number in numbers:
        kafka.append(command("a", number), partition=0)
    return kafka, MemoryDatabase(TALLIES)


def ids(cache: DocumentCache[Tally]) -> set[str]:
    return set(cache._documents)


async def test_a_document_that_was_written_is_not_loaded_again() -> None:
    kafka, database = kafka_with(1, 2, 3)
    faults = Faults()
    instance = Instance(kafka, database, faults, cached=10)
    for _ in range(3):
        await instance.process_next([(HERE, 1)])

    assert faults.passed.count("load.before") == 1
    assert faults.passed.count("write.before") == 3
    assert_every_effect_happened_once(kafka, database, [command("a", number) for number in (1, 2, 3)])


async def test_a_cached_document_is_what_is_stored_without_its_published_events() -> None:
    kafka, database = kafka_with(1, 2)
    instance = Instance(kafka, database, Faults(), cached=10)
    await instance.process_next([(HERE, 2)])

    (cached,) = instance.cache.take(["a"])
    stored = database.read("a")
    assert stored.outbox
    assert cached == replace(stored, outbox=[])


@pytest.mark.parametrize("point", ["load.after", "write.before", "write.after", "publish.before", "publish.after"])
async def test_an_error_drops_the_documents_of_the_batch(point: str) -> None:
    kafka, database = kafka_with(1, 2)
    faults = Faults()
    instance = Instance(kafka, database, faults, cached=10)
    await instance.process_next([(HERE, 1)])
    if point == "load.after":
        instance.batch_processor.revoked()
    faults.crash_at(point)
    batch = kafka.partitions[HERE][1:]
    with pytest.raises(Crash):
        await instance.batch_processor.process(batch)
    assert len(instance.cache) == 0

    await instance.batch_processor.process(batch)  # the same instance tries again, as after an error
    assert_every_effect_happened_once(kafka, database, [command("a", number) for number in (1, 2)])


async def test_a_refused_write_drops_the_document_and_loads_it_again() -> None:
    kafka, database = kafka_with(1, 2, 3)
    faults = Faults()
    stale = Instance(kafka, database, faults, cached=10)
    await stale.process_next([(HERE, 1)])
    await Instance(kafka, database, Faults()).drain([COMMANDS])  # another instance writes the document
    await stale.drain([COMMANDS])

    assert database.conflicts == 1
    assert faults.passed.count("load.before") == 2
    assert_every_effect_happened_once(kafka, database, [command("a", number) for number in (1, 2, 3)])


async def test_a_revocation_drops_all_documents() -> None:
    kafka, database = kafka_with(1)
    instance = Instance(kafka, database, Faults(), cached=10)
    await instance.drain([COMMANDS])
    instance.batch_processor.revoked()

    assert len(instance.cache) == 0


def test_the_documents_that_were_not_used_for_longest_are_dropped() -> None:
    cache: DocumentCache[Tally] = DocumentCache(2)
    cache.put([Document("a"), Document("b")])
    cache.put(cache.take(["a"]))
    cache.put([Document("c")])

    assert ids(cache) == {"a", "c"}


def test_documents_with_aliases_cannot_be_cached() -> None:
    with pytest.raises(ValueError, match="aliases"):
        replace(TALLIES, aliases=lambda tally: (tally.card_id,), cached=True)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from((HERE, THERE)), st.integers(1, 3), st.integers(0, 1)), max_size=12),
    st.lists(st.integers(0, 12), max_size=3),
    st.sampled_from((1, 2, 10)),
)
def test_two_instances_with_caches_have_every_effect_once(
    turns: Sequence[tuple[Partition, int, int]], errors: Sequence[int], size: int
) -> None:
    """They process the same partitions without any revocation, so each cache is often out of date."""

    async def run() -> None:
        records = [send("ab"[n % 2], n) for n in range(8) for send in (command, event)]
        kafka, database = MemoryKafka(), MemoryDatabase(TALLIES)
        for record in records:
            kafka.append(record, partition=0)
        faults, due = Faults(), list(errors)
        instances = [Instance(kafka, database, faults, cached=size) for _ in range(2)]
        for partition, count, number in turns:
            if due:
                faults.crash_in(due.pop())
            try:
                await instances[number].process_next([(partition, count)])
            except Crash:
                instances[number] = Instance(kafka, database, faults, cached=size)
        await Instance(kafka, database, Faults()).drain([COMMANDS, EVENTS])
        assert_every_effect_happened_once(kafka, database, records)

    asyncio.run(run())
