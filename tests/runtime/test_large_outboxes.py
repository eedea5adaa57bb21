"""A batch whose events are too large for a document is processed in parts."""

from __future__ import annotations

import pytest

from services.runtime.processing import batch_processor
from services.runtime.processing.apply import Document
from services.runtime.processing.batch_processor import BatchResult
from services.runtime.processing.positions import Partition
from tests.runtime.memory import Crash, Faults, Instance, MemoryDatabase, MemoryKafka
from tests.runtime.tally import COMMANDS, TALLIES, Tally, assert_every_effect_happened_once, command
from tests.runtime.test_dead_letters import poison

HERE = Partition(COMMANDS, 0)
SENT = [command("a", number) for number in range(8)]


@pytest.fixture(autouse=True)
def small_outboxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outbox may have the events of two messages."""
    monkeypatch.setattr(batch_processor, "LARGE_OUTBOX", 2 * 240)


class Watched(MemoryDatabase[Tally]):
    """Remembers the largest outbox that was stored."""

    largest = 0

    def put(self, document: Document[Tally]) -> bool:
        self.largest = max(self.largest, sum(pending.entry.size for pending in document.outbox))
        return super().put(document)


def kafka_with_messages() -> MemoryKafka:
    kafka = MemoryKafka()
    for record in SENT:
        kafka.append(record, partition=0)
    return kafka


@pytest.mark.parametrize("cached", [0, 10])
async def test_no_stored_outbox_is_larger_than_allowed(cached: int) -> None:
    kafka, database, faults = kafka_with_messages(), Watched(TALLIES), Faults()
    result = await Instance(kafka, database, faults, cached=cached).process_next([(HERE, len(SENT))])

    assert result == BatchResult(applied=8, published=8, dead=0)
    assert 0 < database.largest <= batch_processor.LARGE_OUTBOX
    assert faults.passed.count("write.before") == 4
    assert_every_effect_happened_once(kafka, database, SENT)


async def test_one_message_with_more_events_is_stored_whole() -> None:
    kafka, database = MemoryKafka(), Watched(TALLIES)
    many = command("a", 1, events=9)
    kafka.append(many, partition=0)
    await Instance(kafka, database, Faults()).drain([COMMANDS])

    assert database.largest > batch_processor.LARGE_OUTBOX
    assert_every_effect_happened_once(kafka, database, [many])


async def test_dead_letters_of_each_part_are_counted_once() -> None:
    kafka, database = kafka_with_messages(), Watched(TALLIES)
    kafka.append(poison(), partition=0)
    result = await Instance(kafka, database, Faults()).process_next([(HERE, len(SENT) + 1)])

    assert result == BatchResult(applied=8, published=8, dead=1)
    assert len(kafka.all(f"{COMMANDS}.dead")) == 1


@pytest.mark.parametrize("passed", range(0, 40, 3))
async def test_a_crash_between_the_parts_loses_nothing_and_repeats_no_effect(passed: int) -> None:
    kafka, database, faults = kafka_with_messages(), Watched(TALLIES), Faults()
    faults.crash_in(passed)
    try:
        await Instance(kafka, database, faults).process_next([(HERE, len(SENT))])
    except Crash:
        await Instance(kafka, database, Faults()).drain([COMMANDS])

    assert_every_effect_happened_once(kafka, database, SENT)
