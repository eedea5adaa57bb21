"""``prepare`` may return something else each time; still each event id has one content after crashes and redelivery."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.issuance import DeactivateCard
from frikort_contracts.outcomes import CommandAccepted
from frikort_contracts.topics import ISSUANCE_COMMANDS, OUTCOMES
from pydantic import BaseModel

from services.runtime.error_kinds import RETRYABLE
from services.runtime.processing.decision import Address, Decision, Processor
from services.runtime.processing.preparation import NotYetKnown
from tests.contracts.examples import envelope
from tests.runtime.memory import Crash, Faults, Instance, MemoryDatabase, MemoryKafka, by_id

UNPREPARABLE = "unpreparable"
EARLY = "early"


@dataclass(frozen=True)
class Prepared:
    """A command with a random id from outside the decision."""

    card_id: str
    ticket: UUID


class Tickets(BaseModel):
    """The random ids of one card, in order."""

    card_id: str
    tickets: tuple[UUID, ...] = ()


def prepare(message: Envelope[Any]) -> Envelope[Any]:
    if message.data.case_reference == UNPREPARABLE:
        raise LookupError("0101901234 stands for anything private")
    if message.data.case_reference == EARLY:
        raise NotYetKnown("the key is not read yet")
    return message._replace(data=Prepared(message.data.card_id, uuid4()))


def decide(state: Tickets | None, message: Envelope[Any], _taken: Collection[str] = ()) -> Decision[Tickets]:
    before = state or Tickets(card_id=message.data.card_id)
    after = Tickets(card_id=before.card_id, tickets=(*before.tickets, message.data.ticket))
    return Decision(after, (CommandAccepted(command_id=str(message.id), report_id=str(message.data.ticket)),))


TICKETS = Processor(
    name="tickets",
    topics=(ISSUANCE_COMMANDS,),
    state=Tickets,
    address=lambda message: Address(message.data.card_id),
    decide=decide,
    prepare=prepare,
)


def command(number: int, case: str = "case") -> Record:
    data = DeactivateCard(card_id="card", municipality="849", actor="a", case_reference=case)
    return encode(envelope(data, f"command {number}"))


def kafka_with(*records: Record) -> tuple[MemoryKafka, MemoryDatabase[Tickets]]:
    kafka = MemoryKafka()
    for record in records:
        kafka.append(record, partition=0)
    return kafka, MemoryDatabase(TICKETS)


@pytest.mark.parametrize("point", ["load.after", "write.before", "write.after", "publish.between", "commit.before"])
async def test_a_crash_leaves_one_content_for_each_event_id(point: str) -> None:
    kafka, database = kafka_with(command(1), command(2))
    faults = Faults()
    faults.crash_at(point)
    with pytest.raises(Crash):
        await Instance(kafka, database, faults).drain([ISSUANCE_COMMANDS.name], most=2)
    await Instance(kafka, database, Faults()).drain([ISSUANCE_COMMANDS.name], most=2)

    contents = by_id(kafka.all(OUTCOMES.name))
    assert all(len(versions) == 1 for versions in contents.values())
    published = [
        CommandAccepted.model_validate_json(value).report_id
        for versions in contents.values()
        for _, value, _ in versions
    ]
    state = database.state("card")
    assert state is not None
    assert published == [str(ticket) for ticket in state.tickets]


async def test_a_message_that_cannot_be_prepared_becomes_a_dead_letter_without_its_content() -> None:
    kafka, database = kafka_with(command(1, UNPREPARABLE), command(2))
    await Instance(kafka, database, Faults()).drain([ISSUANCE_COMMANDS.name], most=2)

    (dead,) = kafka.all(ISSUANCE_COMMANDS.dead)
    assert dict(dead.headers)["dead_reason"] == b"the preparation failed: LookupError"
    state = database.state("card")
    assert state is not None
    assert len(state.tickets) == 1


async def test_a_message_that_cannot_be_prepared_yet_is_tried_again_and_is_no_dead_letter() -> None:
    kafka, database = kafka_with(command(1, EARLY))
    with pytest.raises(NotYetKnown) as early:
        await Instance(kafka, database, Faults()).drain([ISSUANCE_COMMANDS.name], most=2)
    assert isinstance(early.value, RETRYABLE)
    assert kafka.all(ISSUANCE_COMMANDS.dead) == []
    assert database.state("card") is None
