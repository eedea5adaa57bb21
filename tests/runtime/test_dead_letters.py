"""A record that breaks its contract, or on which the rule raises, is put aside as it was; the rest goes on."""

from __future__ import annotations

import pytest
from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import OUTCOMES

from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchResult, DeadLetterLimitExceeded, dead_letter
from tests.runtime.memory import Crash, Faults, Instance, MemoryDatabase, MemoryKafka
from tests.runtime.tally import (
    COMMANDS,
    EVENTS,
    PASSED_OVER,
    RAISES,
    TALLIES,
    Tally,
    assert_every_effect_happened_once,
    told,
    told_to,
)

HERE = (COMMANDS, 0)
DEAD = COMMANDS + ".dead"


def poison(text: bytes = b"\xff no message") -> Record:
    return Record(COMMANDS, b"a", text, (("anything", b"\xfe"), ("ce_type", b"x")))


def world(*records: Record, limit: int = 1000) -> tuple[MemoryKafka, MemoryDatabase[Tally], Faults, Instance[Tally]]:
    kafka, database, faults = MemoryKafka(), MemoryDatabase(TALLIES), Faults()
    for record in records:
        kafka.append(record, partition=0)
    return kafka, database, faults, Instance(kafka, database, faults, dead_letter_limit=limit)


async def test_poison_keeps_its_key_bytes_and_headers_and_says_where_it_was_and_why() -> None:
    good, bad = told("a", 1), poison()
    kafka, database, _, instance = world(good, bad)
    result = await instance.take([(HERE, 2)])

    assert result == BatchResult(applied=1, published=1, dead=1)
    (dead,) = kafka.all(DEAD)
    assert (dead.key, dead.value) == (bad.key, bad.value)
    assert dead.headers == (
        *bad.headers,
        ("dead_reason", b"a header is not UTF-8"),
        ("dead_service", b"test"),
        ("dead_processor", b"tallies"),
        ("dead_topic", COMMANDS.encode()),
        ("dead_partition", b"0"),
        ("dead_offset", b"1"),
    )
    assert_every_effect_happened_once(kafka, database, [good])


def test_a_record_without_key_and_value_can_be_put_aside() -> None:
    assert dead_letter("s", "p", Incoming(COMMANDS, 0, 0, None, None, ()), "r").value == b""


async def test_poison_does_not_hold_up_what_comes_after_it() -> None:
    good = [told("a", 1), told("b", 2), told("a", 3)]
    kafka, database, _, instance = world(good[0], poison(), good[1], poison(), good[2])
    await instance.drain([COMMANDS])
    assert_every_effect_happened_once(kafka, database, good)
    assert len(kafka.all(DEAD)) == 2


async def test_a_rule_that_raises_puts_the_message_aside_unapplied_and_does_not_stop_the_partition() -> None:
    good, bad = [told("a", 1), told("a", 3)], told_to("a", 2, RAISES)
    kafka, database, _, instance = world(good[0], bad, good[1])
    result = await instance.take([(HERE, 3)])

    assert (result.applied, result.dead) == (3, 1)
    (dead,) = kafka.all(DEAD)
    assert (dead.value, dict(dead.headers)["dead_reason"]) == (bad.value, b"the rule failed: LookupError")
    assert_every_effect_happened_once(kafka, database, good)


async def test_a_dead_letter_that_is_replayed_after_the_mend_is_applied() -> None:
    kafka, database, _, instance = world(told("a", 1), told("a", 2)._replace(value=b"{}"))
    await instance.drain([COMMANDS])
    kafka.append(told("a", 2), partition=0)
    await instance.drain([COMMANDS])
    assert_every_effect_happened_once(kafka, database, [told("a", 1), told("a", 2)])


async def test_what_concerns_nobody_here_is_passed_over() -> None:
    kafka, database, faults, instance = world(told_to("a", 1, PASSED_OVER))
    assert await instance.take([(HERE, 1)]) == BatchResult(applied=0, published=0, dead=0)
    assert database.documents == {}
    assert "write.before" not in faults.passed
    assert kafka.committed[HERE] == 1


@pytest.mark.parametrize("bad", [poison(), told_to("a", 9, RAISES)], ids=["broken contract", "rule raises"])
async def test_too_many_dead_letters_in_a_row_stop_before_anything_is_written_or_published(bad: Record) -> None:
    kafka, database, _, instance = world(told("a", 1), bad, bad, bad, limit=3)
    with pytest.raises(DeadLetterLimitExceeded, match="3 records in a row"):
        await instance.take([(HERE, 4)])
    assert (kafka.all(DEAD), kafka.all(OUTCOMES.name), database.documents, kafka.committed) == ([], [], {}, {})


@pytest.mark.parametrize("bad", [poison(), told_to("a", 9, RAISES)], ids=["broken contract", "rule raises"])
async def test_dead_letters_in_a_row_are_counted_over_batches(bad: Record) -> None:
    _, _, _, instance = world(bad, bad, bad, limit=3)
    await instance.take([(HERE, 1)])
    await instance.take([(HERE, 1)])
    with pytest.raises(DeadLetterLimitExceeded):
        await instance.take([(HERE, 1)])


@pytest.mark.parametrize("good", [told("a", 1), told_to("a", 1, PASSED_OVER)], ids=["applied", "passed over"])
async def test_a_good_record_between_them_begins_the_count_anew(good: Record) -> None:
    kafka, _, _, instance = world(poison(), poison(), good, poison(), poison(), limit=3)
    await instance.drain([COMMANDS], most=2)
    assert len(kafka.all(DEAD)) == 4


async def test_a_batch_that_is_tried_again_does_not_count_twice() -> None:
    """A broker that is away for long must not look like a topic full of poison."""
    kafka, _, faults, instance = world(poison(), limit=3)
    batch = kafka.partitions[HERE]
    for _ in range(5):
        faults.crash_at("publish.before")
        with pytest.raises(Crash):
            await instance.loop.process(batch)
    assert (await instance.loop.process(batch)).dead == 1


async def test_each_topic_has_its_own_dead_letters() -> None:
    kafka, _, _, instance = world(poison())
    kafka.append(poison()._replace(topic=EVENTS), partition=0)
    await instance.drain([COMMANDS, EVENTS])
    assert len(kafka.all(DEAD)) == len(kafka.all(EVENTS + ".dead")) == 1
