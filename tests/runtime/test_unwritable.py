"""A record that leads to what can never be written becomes a dead letter, alone; all others are processed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import OUTCOMES
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.processing import batch_processor
from services.runtime.processing.apply import Document, Incoming
from services.runtime.processing.dead_letters import Replay, facts_of
from services.runtime.processing.positions import Partition
from services.runtime.processing.unwritable import MOST_EVENT_BYTES, CannotBeWritten, Problem, check_sizes
from tests.runtime.memory import Crash, Faults, Instance, MemoryDatabase, MemoryKafka
from tests.runtime.tally import COMMANDS, TALLIES, Tally, assert_every_effect_happened_once, command, id_of

HERE = Partition(COMMANDS, 0)
DEAD = COMMANDS + ".dead"
MOST_SEEN = 3


def too_many_seen(document: Document[Tally]) -> Problem | None:
    """A document of this store has room for three messages."""
    seen = () if document.state is None else document.state.seen
    return Problem.DOCUMENT_TOO_LARGE if len(seen) > MOST_SEEN else None


def kafka_with(*records: Record) -> tuple[MemoryKafka, MemoryDatabase[Tally]]:
    kafka, database = MemoryKafka(), MemoryDatabase(TALLIES)
    for record in records:
        kafka.append(record, partition=0)
    database.unwritable = too_many_seen
    return kafka, database


def dead_in(kafka: MemoryKafka) -> dict[int, str]:
    """The reason of each dead letter, by the offset of its record."""
    facts = [facts_of(letter.headers) for letter in kafka.all(DEAD)]
    return {found.origin.offset: found.reason for found in facts if found is not None}


async def test_one_record_whose_document_is_too_large_stops_no_other() -> None:
    records = [command("large", n) for n in range(3)]
    records += [command("a", 10), command("large", 3, 2), command("b", 11), command("a", 12, 2)]
    kafka, database = kafka_with(*records)
    result = await Instance(kafka, database, Faults()).process_next([(HERE, len(records))])
    assert dead_in(kafka) == {4: "cannot be written: document-too-large"}
    assert result.dead == 1
    assert_every_effect_happened_once(kafka, database, [r for r in records if r is not records[4]])
    assert kafka.committed == {HERE: len(records)}


async def test_every_unwritable_record_of_a_batch_is_a_dead_letter() -> None:
    records = [command("large", n) for n in range(20)]
    kafka, database = kafka_with(*records)
    await Instance(kafka, database, Faults()).drain([COMMANDS])
    assert sorted(dead_in(kafka)) == list(range(MOST_SEEN, 20))
    assert_every_effect_happened_once(kafka, database, records[:MOST_SEEN])


@given(st.lists(st.sampled_from("abc"), max_size=25), st.integers(1, 25))
async def test_the_division_into_batches_changes_no_dead_letter_and_no_effect(cards: list[str], most: int) -> None:
    records = [command(card, n, n % 3) for n, card in enumerate(cards)]
    kafka, database = kafka_with(*records)
    await Instance(kafka, database, Faults()).drain([COMMANDS], most=most)
    fits = [n for n, card in enumerate(cards) if cards[:n].count(card) < MOST_SEEN]
    assert sorted(dead_in(kafka)) == [n for n in range(len(cards)) if n not in fits]
    assert_every_effect_happened_once(kafka, database, [records[n] for n in fits])


@pytest.mark.parametrize("after", range(6))
@pytest.mark.parametrize("point", ["write.between", "write.after", "publish.between", "publish.after", "commit.before"])
async def test_a_crash_while_the_record_is_looked_for_changes_nothing(point: str, after: int) -> None:
    records = [command("large", n) for n in range(3)] + [command("a", 9), command("large", 3), command("b", 10, 2)]
    kafka, database = kafka_with(*records)
    faults = Faults()
    faults.crash_at(point, after=after)
    try:
        await Instance(kafka, database, faults).drain([COMMANDS])
    except Crash:
        await Instance(kafka, database, Faults()).drain([COMMANDS])
    assert set(dead_in(kafka).values()) == {"cannot be written: document-too-large"}
    assert set(dead_in(kafka)) == {4}
    assert_every_effect_happened_once(kafka, database, [r for r in records if r is not records[4]])


async def test_an_event_that_no_topic_takes_is_noticed_before_its_document_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = [command("a", 1), command("large", 2), command("a", 3)]

    def refuse(records: Sequence[Record]) -> None:
        if any(b'"large"' in record.value for record in records):
            raise CannotBeWritten(Problem.MESSAGE_TOO_LARGE)

    monkeypatch.setattr(batch_processor, "check_sizes", refuse)
    kafka, database = kafka_with(*records)
    await Instance(kafka, database, Faults()).drain([COMMANDS])
    assert dead_in(kafka) == {1: "cannot be written: message-too-large"}
    assert "large" not in database.documents
    assert_every_effect_happened_once(kafka, database, [records[0], records[2]])


async def test_a_replay_is_applied_when_there_is_room_and_is_the_same_dead_letter_otherwise() -> None:
    records = [command("large", n) for n in range(MOST_SEEN + 1)]
    kafka, database = kafka_with(*records)
    await Instance(kafka, database, Faults()).drain([COMMANDS])
    replay_first(kafka, 1)
    await Instance(kafka, database, Faults()).drain([COMMANDS])
    replays = [facts.replay for letter in kafka.all(DEAD) if (facts := facts_of(letter.headers)) is not None]
    assert (replays, set(dead_in(kafka))) == ([0, 1], {MOST_SEEN})
    database.unwritable = lambda _: None
    replay_first(kafka, 2)
    await Instance(kafka, database, Faults()).drain([COMMANDS])
    assert (state := database.state("large")) is not None
    assert state.seen == tuple(map(id_of, records))
    assert len(kafka.all(OUTCOMES.name)) == len(records)


def replay_first(kafka: MemoryKafka, number: int) -> Incoming:
    """Publish the first dead letter again, as the command does."""
    letter = kafka.all(DEAD)[0]
    facts = facts_of(letter.headers)
    assert facts is not None
    record = Replay(facts.origin, number).record(letter.key or b"", letter.value or b"", facts.headers)
    return kafka.append(record, partition=0)


def test_an_event_is_refused_above_the_limit_alone() -> None:
    check_sizes([Record("topic", b"k", b"x" * (MOST_EVENT_BYTES - 1), ())])
    with pytest.raises(CannotBeWritten, match="message-too-large"):
        check_sizes([Record("topic", b"k", b"x" * MOST_EVENT_BYTES, ())])
