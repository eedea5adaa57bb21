"""A record that breaks its contract, or on which the rule raises, is published unchanged to the dead-letter topic."""

from __future__ import annotations

import pytest
from frikort_contracts.cloudevents import Headers, Record
from frikort_contracts.topics import OUTCOMES

from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchResult, DeadLetterLimitExceeded
from services.runtime.processing.dead_letters import FACTS, Origin, Replay, dead_letter, facts_of, replay_in
from services.runtime.processing.positions import Partition
from tests.runtime.memory import Crash, Faults, Instance, MemoryDatabase, MemoryKafka
from tests.runtime.tally import (
    COMMANDS,
    EVENTS,
    RAISES,
    SKIPPED,
    TALLIES,
    Tally,
    assert_every_effect_happened_once,
    case_command,
    command,
)

HERE = Partition(COMMANDS, 0)
DEAD = COMMANDS + ".dead"


def poison(text: bytes = b"\xff no message") -> Record:
    return Record(COMMANDS, b"a", text, (("anything", b"\xfe"), ("ce_type", b"x")))


def kafka_with(
    *records: Record, limit: int = 1000
) -> tuple[MemoryKafka, MemoryDatabase[Tally], Faults, Instance[Tally]]:
    kafka, database, faults = MemoryKafka(), MemoryDatabase(TALLIES), Faults()
    for record in records:
        kafka.append(record, partition=0)
    return kafka, database, faults, Instance(kafka, database, faults, dead_letter_limit=limit)


async def test_a_dead_letter_keeps_key_value_and_headers_and_adds_its_origin_and_reason() -> None:
    good, bad = command("a", 1), poison()
    kafka, database, _, instance = kafka_with(good, bad)
    result = await instance.process_next([(HERE, 2)])

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
        ("dead_replay", b"0"),
    )
    assert_every_effect_happened_once(kafka, database, [good])


def test_a_record_without_key_and_value_can_be_a_dead_letter() -> None:
    assert dead_letter("s", "p", Incoming(COMMANDS, 0, 0, None, None, ()), "r").value == b""


async def test_an_invalid_record_does_not_block_the_records_after_it() -> None:
    good = [command("a", 1), command("b", 2), command("a", 3)]
    kafka, database, _, instance = kafka_with(good[0], poison(), good[1], poison(), good[2])
    await instance.drain([COMMANDS])
    assert_every_effect_happened_once(kafka, database, good)
    assert len(kafka.all(DEAD)) == 2


async def test_a_message_on_which_the_rule_raises_becomes_a_dead_letter() -> None:
    good, bad = [command("a", 1), command("a", 3)], case_command("a", 2, RAISES)
    kafka, database, _, instance = kafka_with(good[0], bad, good[1])
    result = await instance.process_next([(HERE, 3)])

    assert (result.applied, result.dead) == (3, 1)
    (dead,) = kafka.all(DEAD)
    assert (dead.value, dict(dead.headers)["dead_reason"]) == (bad.value, b"the rule failed: LookupError")
    assert_every_effect_happened_once(kafka, database, good)


async def test_a_replayed_dead_letter_is_applied_once_it_is_valid() -> None:
    kafka, database, _, instance = kafka_with(command("a", 1), command("a", 2)._replace(value=b"{}"))
    await instance.drain([COMMANDS])
    kafka.append(command("a", 2), partition=0)
    await instance.drain([COMMANDS])
    assert_every_effect_happened_once(kafka, database, [command("a", 1), command("a", 2)])


async def test_a_replay_is_processed_by_the_reader_that_rejected_the_record_and_no_other() -> None:
    kafka, database, _, instance = kafka_with()
    good = command("a", 1)
    place = (COMMANDS, 0, 0)
    for number, reader in enumerate([("test", "others"), ("other", "tallies"), ("test", "tallies")], start=1):
        kafka.append(Replay(Origin(*place, *reader), number).record(good.key, good.value, good.headers), partition=0)
    assert await instance.process_next([(HERE, 2)]) == BatchResult(applied=0, published=0, dead=0)
    assert database.documents == {}
    await instance.process_next([(HERE, 1)])
    assert_every_effect_happened_once(kafka, database, [good])


async def test_a_record_that_is_rejected_again_stays_one_dead_letter_after_any_number_of_replays() -> None:
    kafka, _, _, instance = kafka_with(poison())
    others = Instance(kafka, MemoryDatabase(TALLIES), Faults(), service="other")
    origin = Origin(COMMANDS, 0, 0, "test", "tallies")
    for number in range(5):
        await instance.drain([COMMANDS])
        await others.drain([COMMANDS])
        kafka.append(Replay(origin, number + 1).record(b"a", poison().value, poison().headers), partition=0)
    found = [facts for dead in kafka.all(DEAD) if (facts := facts_of(dead.headers))]
    assert [facts.replay for facts in found if facts.origin == origin] == [0, 1, 2, 3, 4]
    assert [facts.replay for facts in found if facts.origin != origin] == [0], "the other reader rejected the original"
    assert {facts.headers for facts in found} == {poison().headers}


@pytest.mark.parametrize(
    "headers",
    [
        (("frikort_replay", b"frikort.x/0/0@a.b#1"), ("ce_id", b"1")),
        (("frikort_replay", b"frikort.x/0/0@a.b"),),
        (("frikort_replay", b"frikort.x/0/0@a.b#\xd9\xa1"),),
        (("frikort_replay", b"somewhere#1"),),
        (),
    ],
    ids=["not the last header", "no number", "another digit", "no origin", "no header"],
)
def test_a_record_without_a_readable_mark_at_its_end_is_no_replay(headers: Headers) -> None:
    incoming = Incoming(COMMANDS, 0, 7, b"a", b"", headers)
    assert replay_in(incoming) is None
    facts = facts_of(dead_letter("s", "p", incoming, "r").headers)
    assert facts is not None
    assert (facts.origin, facts.headers) == (Origin(COMMANDS, 0, 7, "s", "p"), headers)


def test_forged_facts_among_the_headers_of_the_original_are_its_own() -> None:
    forged = tuple((name, b"0") for name in FACTS)
    facts = facts_of(dead_letter("s", "p", Incoming(COMMANDS, 0, 7, b"a", b"", forged), "r").headers)
    assert facts is not None
    assert facts.headers == forged


async def test_replays_that_are_rejected_again_do_not_stop_the_service() -> None:
    kafka, _, _, instance = kafka_with(poison(), poison(), limit=3)
    for offset in range(2):
        for number in range(1, 4):
            replay = Replay(Origin(COMMANDS, 0, offset, "test", "tallies"), number)
            kafka.append(replay.record(b"a", poison().value, poison().headers), partition=0)
    await instance.drain([COMMANDS])
    assert len(kafka.all(DEAD)) == 8
    kafka.append(poison(), partition=0)
    with pytest.raises(DeadLetterLimitExceeded):
        await instance.drain([COMMANDS])


async def test_a_message_without_an_address_is_skipped() -> None:
    kafka, database, faults, instance = kafka_with(case_command("a", 1, SKIPPED))
    assert await instance.process_next([(HERE, 1)]) == BatchResult(applied=0, published=0, dead=0)
    assert database.documents == {}
    assert "write.before" not in faults.passed
    assert kafka.committed[HERE] == 1


@pytest.mark.parametrize("bad", [poison(), case_command("a", 9, RAISES)], ids=["broken contract", "rule raises"])
async def test_too_many_consecutive_dead_letters_stop_before_anything_is_written_or_published(bad: Record) -> None:
    kafka, database, _, instance = kafka_with(command("a", 1), bad, bad, bad, limit=3)
    with pytest.raises(DeadLetterLimitExceeded, match="3 records in a row"):
        await instance.process_next([(HERE, 4)])
    assert (kafka.all(DEAD), kafka.all(OUTCOMES.name), database.documents, kafka.committed) == ([], [], {}, {})


@pytest.mark.parametrize("bad", [poison(), case_command("a", 9, RAISES)], ids=["broken contract", "rule raises"])
async def test_consecutive_dead_letters_are_counted_over_batches(bad: Record) -> None:
    _, _, _, instance = kafka_with(bad, bad, bad, limit=3)
    await instance.process_next([(HERE, 1)])
    await instance.process_next([(HERE, 1)])
    with pytest.raises(DeadLetterLimitExceeded):
        await instance.process_next([(HERE, 1)])


@pytest.mark.parametrize("good", [command("a", 1), case_command("a", 1, SKIPPED)], ids=["applied", "skipped"])
async def test_a_valid_record_between_dead_letters_resets_the_count(good: Record) -> None:
    kafka, _, _, instance = kafka_with(poison(), poison(), good, poison(), poison(), limit=3)
    await instance.drain([COMMANDS], most=2)
    assert len(kafka.all(DEAD)) == 4


async def test_a_retried_batch_does_not_count_twice() -> None:
    """A broker that is unreachable for long must not look like a topic full of invalid records."""
    kafka, _, faults, instance = kafka_with(poison(), limit=3)
    batch = kafka.partitions[HERE]
    for _ in range(5):
        faults.crash_at("publish.before")
        with pytest.raises(Crash):
            await instance.batch_processor.process(batch)
    assert (await instance.batch_processor.process(batch)).dead == 1


async def test_each_topic_has_its_own_dead_letters() -> None:
    kafka, _, _, instance = kafka_with(poison())
    kafka.append(poison()._replace(topic=EVENTS), partition=0)
    await instance.drain([COMMANDS, EVENTS])
    assert len(kafka.all(DEAD)) == len(kafka.all(EVENTS + ".dead")) == 1
