"""Every effect happens once, for any crash, any division into batches and any number of instances."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

import pytest
from frikort_contracts.topics import OUTCOMES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.runtime.processing import apply as apply_module
from services.runtime.processing import published as published_module
from services.runtime.processing.apply import APPLIED, Document
from services.runtime.processing.entries import EntryMap
from services.runtime.processing.outbox import emit
from services.runtime.processing.positions import Partition
from tests.runtime.memory import Crash, Faults, Instance, MemoryDatabase, MemoryKafka
from tests.runtime.tally import COMMANDS, EVENTS, TALLIES, Tally, assert_every_effect_happened_once, command, event

TOPICS = (COMMANDS, EVENTS)
POINTS = (
    "load.before", "load.after", "write.before", "write.between", "write.after",
    "publish.before", "publish.between", "publish.after", "commit.before", "commit.after",
)  # fmt: skip
PLACES: Final = tuple(Partition(topic, number) for topic in (COMMANDS, EVENTS) for number in (0, 1))


def kafka_with(*records: Any) -> tuple[MemoryKafka, MemoryDatabase[Tally]]:
    kafka = MemoryKafka()
    for record in records:
        kafka.append(record, partition=0)
    return kafka, MemoryDatabase(TALLIES)


@pytest.mark.parametrize("after", [0, 1], ids=["the first time", "the second time"])
@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_between_any_two_steps_does_not_change_the_result(point: str, after: int) -> None:
    records = [command("a", 1, 2), command("b", 2), command("a", 3, 0), event("a", 4), command("b", 5)]
    expected_kafka, expected_database = kafka_with(*records)
    await Instance(expected_kafka, expected_database, Faults()).drain(TOPICS, most=2)

    kafka, database = kafka_with(*records)
    faults = Faults()
    faults.crash_at(point, after=after)
    with pytest.raises(Crash):
        await Instance(kafka, database, faults).drain(TOPICS, most=2)
    await Instance(kafka, database, Faults()).drain(TOPICS, most=2)

    assert_every_effect_happened_once(kafka, database, records)
    assert {name: database.state(name) for name in "ab"} == {name: expected_database.state(name) for name in "ab"}
    published = {(i.key, i.value, i.headers) for i in kafka.all(OUTCOMES.name)}
    assert published == {(i.key, i.value, i.headers) for i in expected_kafka.all(OUTCOMES.name)}


async def test_a_redelivery_after_the_write_publishes_the_same_bytes_and_writes_nothing() -> None:
    records = [command("a", 1, 3)]
    kafka, database = kafka_with(*records)
    faults = Faults()
    faults.crash_at("publish.before")
    with pytest.raises(Crash):
        await Instance(kafka, database, faults).drain(TOPICS)
    assert kafka.all(OUTCOMES.name) == []
    stored = database.documents["a"]

    again = Faults()
    await Instance(kafka, database, again).drain(TOPICS)
    assert len(kafka.all(OUTCOMES.name)) == 3
    assert database.documents["a"] == stored
    assert "write.before" not in again.passed


async def test_a_message_twice_in_one_batch_is_applied_once() -> None:
    records = [command("a", 1), command("a", 1), command("a", 2), command("a", 1)]
    kafka, database = kafka_with(*records)
    await Instance(kafka, database, Faults()).drain(TOPICS)
    assert_every_effect_happened_once(kafka, database, records)


async def test_a_message_that_is_repeated_much_later_changes_nothing() -> None:
    records = [command("a", 1), command("a", 2), command("a", 3)]
    kafka, database = kafka_with(*records)
    instance = Instance(kafka, database, Faults())
    await instance.drain(TOPICS, most=1)
    kafka.append(command("a", 1), partition=0)
    await instance.drain(TOPICS)
    assert_every_effect_happened_once(kafka, database, records)


async def test_the_write_of_an_instance_that_lost_its_partition_is_refused() -> None:
    records = [command("a", 1), command("a", 2)]
    kafka, database = kafka_with(*records)
    faults = Faults()
    zombie = Instance(kafka, database, faults)

    async def another_takes_over() -> None:
        zombie.fenced = True
        await Instance(kafka, database, Faults()).drain(TOPICS)

    faults.do_at("write.before", another_takes_over)
    await zombie.drain(TOPICS)

    assert faults.passed.count("load.before") == 2
    assert_every_effect_happened_once(kafka, database, records)


async def test_only_published_events_are_removed_from_the_outbox() -> None:
    kafka, database = kafka_with(*(command("a", number) for number in range(5)))
    instance = Instance(kafka, database, Faults())
    for _ in range(5):
        await instance.process_next([(Partition(COMMANDS, 0), 1)])
    assert [entry.offset for entry in database.documents["a"].outbox] == [4]
    assert len(database.read("a").applied) == 5


async def test_unpublished_events_survive_batches_of_other_partitions() -> None:
    """The partition of another topic belongs to another instance, which must not drop the events of this one."""
    records = [command("a", 1), event("a", 2), event("a", 3)]
    kafka, database = kafka_with(*records)
    faults = Faults()
    faults.crash_at("publish.before")
    with pytest.raises(Crash):
        await Instance(kafka, database, faults).process_next([(Partition(COMMANDS, 0), 1)])
    other = Instance(kafka, database, Faults())
    await other.process_next([(Partition(EVENTS, 0), 1)])
    await other.process_next([(Partition(EVENTS, 0), 1)])
    await Instance(kafka, database, Faults()).drain(TOPICS)
    assert_every_effect_happened_once(kafka, database, records)


async def test_the_events_of_a_document_are_published_in_the_order_of_their_decisions() -> None:
    """Two instances change a document from two partitions; the second publishes the pending events of the first."""
    kafka, database = kafka_with(command("a", 1), event("a", 2), event("a", 3))
    faults = Faults()
    faults.crash_at("publish.before")
    with pytest.raises(Crash):
        await Instance(kafka, database, faults).process_next([(Partition(COMMANDS, 0), 1)])
    other = Instance(kafka, database, Faults())
    await other.process_next([(Partition(EVENTS, 0), 1)])
    assert sorted(o["revision"] for i in kafka.all(OUTCOMES.name) if (o := json.loads(i.value or b""))) == [1, 2]
    # Events that the second instance published for the first are removed together with its own.
    await other.process_next([(Partition(EVENTS, 0), 1)])
    assert [(entry.topic, entry.offset) for entry in database.documents["a"].outbox] == [(EVENTS, 1)]


@dataclass(frozen=True)
class Batch:
    """One batch with its fault: a crash after a number of points, or another instance that takes over at a point."""

    limits: tuple[tuple[Partition, int], ...]
    crash_in: int | None = None
    overtaken_at: str | None = None


batches = st.builds(
    Batch,
    limits=st.lists(
        st.tuples(st.sampled_from(PLACES), st.integers(1, 3)), min_size=1, max_size=4, unique_by=lambda pair: pair[0]
    ).map(tuple),
    crash_in=st.none() | st.integers(0, 14),
    overtaken_at=st.none() | st.sampled_from(POINTS[:8]),
)
# Card, partition, number of events. A card is changed from two topics and from two partitions of each: commands of
# issuance about one card have two different keys.
messages = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(PLACES), st.integers(1, 2)), min_size=1, max_size=12
)


async def play(
    sent: Sequence[tuple[str, Partition, int]], plan: Sequence[Batch], database: MemoryDatabase[Tally]
) -> None:
    """Execute ``plan``, let an instance without faults finish, then check the result."""
    kafka, records = MemoryKafka(), []
    for number, (card, (topic, partition), events) in enumerate(sent):
        record = command(card, number, events) if topic == COMMANDS else event(card, number, events)
        kafka.append(record, partition=partition)
        records.append(record)

    faults = Faults()
    instance = Instance(kafka, database, faults)
    for batch in plan:
        if batch.crash_in is not None:
            faults.crash_in(batch.crash_in)
        if batch.overtaken_at is not None:
            faults.do_at(batch.overtaken_at, _overtake(kafka, database, instance))
        try:
            await instance.process_next(batch.limits)
        except Crash:
            faults = Faults()
            instance = Instance(kafka, database, faults)
        if instance.fenced:
            instance = Instance(kafka, database, faults)
    await Instance(kafka, database, Faults()).drain(TOPICS, most=2)
    assert_every_effect_happened_once(kafka, database, records)


def _overtake(kafka: MemoryKafka, database: MemoryDatabase[Tally], instance: Instance[Tally]) -> Any:
    async def another_takes_over() -> None:
        instance.fenced = True
        await Instance(kafka, database, Faults()).drain(TOPICS, most=1)

    return another_takes_over


ONE_BY_ONE = tuple((place, 1) for place in PLACES)


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(messages, st.lists(batches, max_size=8))
@example(
    [("a", Partition(COMMANDS, 0), 1), ("a", Partition(COMMANDS, 0), 1)],
    [Batch(((Partition(COMMANDS, 0), 2),), crash_in=5)],
)
def test_every_effect_happens_once_for_any_batches_crashes_and_takeovers(
    sent: list[tuple[str, Partition, int]], plan: list[Batch]
) -> None:
    asyncio.run(play(sent, plan, MemoryDatabase(TALLIES)))


# The checks must fail when the runtime is broken on purpose.

FOUR = [
    ("a", Partition(COMMANDS, 0), 1),
    ("a", Partition(COMMANDS, 0), 1),
    ("a", Partition(EVENTS, 0), 1),
    ("a", Partition(EVENTS, 0), 1),
]
FIRST_OF_COMMANDS = ((Partition(COMMANDS, 0), 1),)
BOTH_COMMANDS = ((Partition(COMMANDS, 0), 2),)
CRASH_BEFORE_PUBLISH = 5  # load, load, write, between, write, and then


class Forgetful(MemoryDatabase[Tally]):
    """Loses the applied ids."""

    def put(self, document: Document[Tally]) -> bool:
        return super().put(replace(document, applied=EntryMap(APPLIED)))


class Unguarded(MemoryDatabase[Tally]):
    """Accepts a write of any version."""

    def put(self, document: Document[Tally]) -> bool:
        stored = self.documents.get(document.id)
        return super().put(replace(document, version=0 if stored is None else stored.version))


class OutboxLess(MemoryDatabase[Tally]):
    """Loses the outbox."""

    def put(self, document: Document[Tally]) -> bool:
        return super().put(replace(document, outbox=[]))


CRASHED = [Batch(FIRST_OF_COMMANDS, crash_in=CRASH_BEFORE_PUBLISH)]


@pytest.mark.parametrize(
    ("database", "plan"),
    [
        pytest.param(Forgetful, CRASHED, id="no applied ids"),
        pytest.param(OutboxLess, CRASHED, id="no outbox"),
        pytest.param(Unguarded, [Batch(FIRST_OF_COMMANDS, overtaken_at="write.before")], id="no version guard"),
    ],
)
async def test_a_broken_store_is_detected(database: type[MemoryDatabase[Tally]], plan: list[Batch]) -> None:
    await play(FOUR, plan, MemoryDatabase(TALLIES))
    with pytest.raises(AssertionError):
        await play(FOUR, plan, database(TALLIES))


def _random_ids(cause: Any, cause_id: str, by: str, events: Any) -> Any:
    return emit(cause, cause_id, f"{by}/{uuid4()}", events)


def _by_topic(entry: Any, starts: Any) -> bool:
    return any(entry.offset < start for (topic, _), start in starts.items() if topic == entry.topic)


TWO_PARTITIONS = [
    ("a", Partition(COMMANDS, 0), 1),
    ("a", Partition(COMMANDS, 1), 1),
    ("a", Partition(COMMANDS, 1), 1),
    ("a", Partition(COMMANDS, 1), 1),
]
THE_OTHER = Batch(((Partition(COMMANDS, 1), 1),))


@pytest.mark.parametrize(
    ("module", "what", "instead", "sent", "plan"),
    [
        pytest.param(apply_module, "emit", _random_ids, FOUR, [Batch(FIRST_OF_COMMANDS, crash_in=8)], id="random ids"),
        pytest.param(
            published_module,
            "_is_published_before",
            lambda *_: True,
            FOUR,
            [*CRASHED, Batch(((Partition(EVENTS, 0), 1),))],
            id="removes all events",
        ),
        pytest.param(
            published_module,
            "_is_published_before",
            lambda entry, starts: entry.offset <= starts.get((entry.topic, entry.partition), -1),
            FOUR,
            [*CRASHED, Batch(BOTH_COMMANDS, crash_in=CRASH_BEFORE_PUBLISH)],
            id="removes one too many",
        ),
        pytest.param(
            published_module,
            "_is_published_before",
            _by_topic,
            TWO_PARTITIONS,
            [THE_OTHER, *CRASHED, THE_OTHER],
            id="ignores the partition",
        ),
        pytest.param(apply_module, "_pending_records", lambda *_: (), FOUR, CRASHED, id="publishes nothing again"),
    ],
)
async def test_a_broken_batch_processor_is_detected(
    monkeypatch: pytest.MonkeyPatch, module: Any, what: str, instead: Any, sent: Any, plan: list[Batch]
) -> None:
    await play(sent, plan, MemoryDatabase(TALLIES))
    monkeypatch.setattr(module, what, instead)
    with pytest.raises(AssertionError):
        await play(sent, plan, MemoryDatabase(TALLIES))


@given(taken_after=st.integers(0, 12), most=st.integers(1, 4))
@settings(max_examples=60)
def test_an_old_backup_and_the_topic_from_its_start_lead_to_the_same_documents(taken_after: int, most: int) -> None:
    records = [command("abc"[number % 3], number, number % 4) for number in range(13)]

    async def run() -> None:
        kafka, database = kafka_with(*records)
        instance = Instance(kafka, database, Faults())
        for _ in range(taken_after):
            await instance.process_next([(Partition(COMMANDS, 0), 1)])
        backup = database.backup()
        await instance.drain([COMMANDS], most=most)

        kafka.committed.clear()  # what `kafka-consumer-groups --reset-offsets --to-earliest` does
        await Instance(kafka, backup, Faults()).drain([COMMANDS], most=most)

        assert_every_effect_happened_once(kafka, backup, records)
        assert {name: backup.state(name) for name in "abc"} == {name: database.state(name) for name in "abc"}

    asyncio.run(run())
