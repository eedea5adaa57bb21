"""Two documents never hold the same alias, even if two instances create them at once. The tests use issuance."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from frikort_contracts.cloudevents import decode, encode
from frikort_contracts.issuance import CardIssued, IssueCard, ReplaceCardNumber, ReplacementReason
from frikort_contracts.outcomes import CommandAccepted, CommandRefused
from frikort_contracts.topics import CARDS as CARD_EVENTS
from frikort_contracts.topics import ISSUANCE_COMMANDS, OUTCOMES
from frikort_contracts.values import EncryptedPerson
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.projections import cards as gateway_cards
from services.issuance import processor as processor_module
from services.issuance.card import Card
from services.issuance.processor import cards as card_processor
from services.runtime.processing.positions import Partition
from tests.contracts.examples import envelope
from tests.runtime.memory import Crash, Faults, Instance, MemoryDatabase, MemoryKafka, by_id

COMMANDS = ISSUANCE_COMMANDS.name


def issue(person: str, attempt: int = 0) -> IssueCard:
    encrypted = EncryptedPerson(cpr_hash=person * 22, birth_check="b" * 22, ciphertext="k.Y2lwaGVy")
    return IssueCard(person=encrypted, municipality="849", case_reference=f"{person}-{attempt}", actor="a")


def kafka_with(*commands: tuple[int, IssueCard]) -> tuple[MemoryKafka, MemoryDatabase[Card]]:
    kafka = MemoryKafka()
    for number, (partition, command) in enumerate(commands):
        kafka.append(encode(envelope(command, f"issue {number}")), partition=partition)
    return kafka, MemoryDatabase(card_processor(b""))


def issuance(kafka: MemoryKafka, database: MemoryDatabase[Card], faults: Faults | None = None) -> Instance[Card]:
    return Instance(kafka, database, faults or Faults(), service="issuance")


def issued(kafka: MemoryKafka) -> list[CardIssued]:
    """The issued cards, each once even if its event was published twice."""
    events = [decode(CARD_EVENTS, i.value, i.headers) for i in kafka.all(CARD_EVENTS.name)]
    return [event.data for event in {event.id: event for event in events}.values()]


def cards(database: MemoryDatabase[Card]) -> list[Card]:
    return [card for name in database.documents if (card := database.state(name)) is not None]


def outcomes(kafka: MemoryKafka) -> list[CommandAccepted | CommandRefused]:
    read = [decode(OUTCOMES, i.value, i.headers) for i in kafka.all(OUTCOMES.name)]
    return [outcome.data for outcome in {outcome.id: outcome for outcome in read}.values()]


@pytest.fixture
def same_number_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """All commands have the same few candidates, so they compete for the same number."""
    few = tuple(f"{number:05d}" for number in range(1, 7))
    monkeypatch.setattr(processor_module, "number_candidates", lambda *_: few)


async def test_two_commands_to_issue_a_card_to_one_person_in_one_batch_issue_one_card() -> None:
    kafka, database = kafka_with((0, issue("p")), (0, issue("p", 1)))
    await issuance(kafka, database).drain([COMMANDS])
    assert len(cards(database)) == len(issued(kafka)) == 1
    assert [type(outcome) for outcome in outcomes(kafka)].count(CommandRefused) == 1


async def test_two_instances_that_issue_a_card_to_one_person_at_once_issue_one_card() -> None:
    kafka, database = kafka_with((0, issue("p")), (1, issue("p", 1)))
    faults = Faults()
    first, second = issuance(kafka, database, faults), issuance(kafka, database)

    async def other_instance_writes_first() -> None:
        await second.process_next([(Partition(COMMANDS, 1), 1)])

    faults.do_at("write.before", other_instance_writes_first)
    await first.process_next([(Partition(COMMANDS, 0), 1)])

    assert faults.passed.count("write.before") == 2
    (card,), (event,) = cards(database), issued(kafka)
    assert card.card_id == event.card_id
    assert {outcome.command_id for outcome in outcomes(kafka) if isinstance(outcome, CommandRefused)} == {
        str(envelope(issue("p"), "issue 0").id)
    }


@pytest.mark.usefixtures("same_number_candidates")
async def test_two_instances_that_draw_the_same_number_at_once_assign_two_numbers() -> None:
    kafka, database = kafka_with((0, issue("p")), (1, issue("q")))
    faults = Faults()
    first, second = issuance(kafka, database, faults), issuance(kafka, database)

    async def other_instance_writes_first() -> None:
        await second.process_next([(Partition(COMMANDS, 1), 1)])

    faults.do_at("write.before", other_instance_writes_first)
    await first.process_next([(Partition(COMMANDS, 0), 1)])

    assert {event.person.cpr_hash[0]: event.number for event in issued(kafka)} == {"p": "00002", "q": "00001"}
    assert sorted(card.numbers for card in cards(database)) == [("00001",), ("00002",)]


@pytest.mark.usefixtures("same_number_candidates")
async def test_two_cards_in_one_batch_get_different_numbers() -> None:
    kafka, database = kafka_with((0, issue("p")), (0, issue("q")))
    await issuance(kafka, database).drain([COMMANDS])
    assert sorted(event.number for event in issued(kafka)) == ["00001", "00002"]


@pytest.mark.usefixtures("same_number_candidates")
async def test_a_replaced_number_is_never_drawn_again() -> None:
    kafka, database = kafka_with((0, issue("p")))
    instance = issuance(kafka, database)
    await instance.drain([COMMANDS])
    (card,) = cards(database)
    command = ReplaceCardNumber(card_id=card.card_id, municipality="849", actor="a", reason=ReplacementReason.LOST)
    kafka.append(encode(envelope(command, "replace")), partition=0)
    kafka.append(encode(envelope(issue("q"), "issue q")), partition=0)
    await instance.drain([COMMANDS])
    assert {card.numbers for card in cards(database)} == {("00001", "00002"), ("00003",)}


@pytest.mark.usefixtures("same_number_candidates")
async def test_a_refusal_is_published_unchanged_even_if_the_person_has_received_a_card_since() -> None:
    """The refusal is stored in a document of its own; meanwhile another document has taken the alias."""
    people = [issue(person) for person in "abcdef"]
    kafka, database = kafka_with(*((0, person) for person in people))
    await issuance(kafka, database).drain([COMMANDS])
    kafka.append(encode(envelope(issue("p"), "scarce")), partition=0)
    faults = Faults()
    faults.crash_at("publish.before")
    with pytest.raises(Crash):
        await issuance(kafka, database, faults).drain([COMMANDS])
    before = kafka.partitions[Partition(COMMANDS, 0)]
    # A number becomes free, and the person gets a card by another command, before the refusal is published.
    database.delete(next(name for name, s in database.documents.items() if "number:00001" in s.aliases))
    kafka.append(encode(envelope(issue("p", 1), "second try")), partition=1)
    await issuance(kafka, database).process_next([(Partition(COMMANDS, 1), 1)])
    await issuance(kafka, database).process_next([(Partition(COMMANDS, 0), len(before))])

    refused = {o.command_id: o.problem for o in outcomes(kafka) if isinstance(o, CommandRefused)}
    assert refused == {str(envelope(issue("p"), "scarce").id): "card-numbers-exhausted"}


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from("pqrs")), min_size=1, max_size=8),
    st.lists(st.integers(0, 20), max_size=4),
)
def test_after_any_crashes_each_person_has_one_card_and_each_card_its_own_number(
    commands: Sequence[tuple[int, str]], crashes: Sequence[int]
) -> None:
    asyncio.run(_run(commands, crashes))


async def _run(commands: Sequence[tuple[int, str]], crashes: Sequence[int]) -> None:
    kafka, database = kafka_with(*((partition, issue(person, n)) for n, (partition, person) in enumerate(commands)))
    for points in crashes:
        faults = Faults()
        faults.crash_in(points)
        try:
            await issuance(kafka, database, faults).drain([COMMANDS], most=2)
        except Crash:
            continue
    await issuance(kafka, database).drain([COMMANDS])

    people = {person for _, person in commands}
    assert sorted(card.person.cpr_hash[0] for card in cards(database)) == sorted(people)
    assert sorted(event.person.cpr_hash[0] for event in issued(kafka)) == sorted(people)
    assert len({card.numbers[-1] for card in cards(database)}) == len(people)
    assert len(outcomes(kafka)) == len(commands)
    assert all(len(contents) == 1 for contents in by_id(kafka.all(OUTCOMES.name)).values())


async def test_an_event_that_claims_the_alias_of_another_document_becomes_a_dead_letter() -> None:
    """A reader of card events cannot draw another number, so it must not retry."""
    kafka, database = kafka_with((0, issue("p")), (0, issue("q")))
    await issuance(kafka, database).drain([COMMANDS])
    views = MemoryDatabase(gateway_cards.PROJECTION)
    events = issued(kafka)
    forged = events[1].model_copy(update={"card_id": "forged", "number": events[0].number, "revision": 1})
    kafka.append(encode(envelope(forged, "forged")))
    last = events[1].model_copy(update={"card_id": "last", "number": "99999", "person": issue("r").person})
    kafka.append(encode(envelope(last, "last")))
    await Instance(kafka, views, Faults()).drain([CARD_EVENTS.name])

    (dead,) = kafka.all(CARD_EVENTS.dead)
    assert dict(dead.headers)["dead_reason"] == b"the rule failed: AliasTaken"
    assert {name for name, stored in views.documents.items() if stored.state} == {
        events[0].card_id,
        events[1].card_id,
        "last",
    }
