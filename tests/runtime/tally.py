"""A small processor for tests: it lists the messages about a card, and emits as many events as each message requests.

Its state and its events show whether a message was applied twice, never, or in the wrong order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID, uuid5

from frikort_contracts.cloudevents import Envelope, Record, decode, encode
from frikort_contracts.issuance import CardHandedOver, DeactivateCard
from frikort_contracts.messages import Message
from frikort_contracts.outcomes import CommandAccepted
from frikort_contracts.topics import CARDS, ISSUANCE_COMMANDS, OUTCOMES
from pydantic import BaseModel

from services.runtime.processing.decision import Address, Decision, Processor
from tests.contracts.examples import envelope
from tests.runtime.memory import MemoryDatabase, MemoryKafka, by_id

COMMANDS, EVENTS = ISSUANCE_COMMANDS.name, CARDS.name
RAISES, SKIPPED = "raises", "skipped"


class Tally(BaseModel):
    """The ids of the messages about a card, in order."""

    card_id: str
    seen: tuple[UUID, ...] = ()


def command(card_id: str, number: int, events: int = 1) -> Record:
    """A command that makes the tally of ``card_id`` emit ``events`` events."""
    data = DeactivateCard(card_id=card_id, municipality="849", actor="a", case_reference=str(events))
    return encode(envelope(data, f"command {number}"))


def case_command(card_id: str, number: int, case: str) -> Record:
    """A command on which the rule raises (``RAISES``), or which is skipped (``SKIPPED``)."""
    data = DeactivateCard(card_id=card_id, municipality="849", actor="a", case_reference=case)
    return encode(envelope(data, f"command {number}"))


def event(card_id: str, number: int, events: int = 1) -> Record:
    """An event of the other topic with the same effect."""
    data = CardHandedOver(
        card_id=card_id, revision=max(events, 1), municipality="849", actor="a", from_municipality="101"
    )
    return encode(envelope(data, f"event {number}"))


def id_of(record: Record) -> UUID:
    return UUID(dict(record.headers)["ce_id"].decode())


def _address(message: Envelope[Any]) -> Address | None:
    if getattr(message.data, "case_reference", "") == SKIPPED:
        return None
    return Address(message.data.card_id)


def _events_wanted(data: Message) -> int:
    return int(data.case_reference or 0) if isinstance(data, DeactivateCard) else int(getattr(data, "revision", 1))


def _decide(tally: Tally | None, message: Envelope[Any], _: Collection[str] = ()) -> Decision[Tally]:
    if getattr(message.data, "case_reference", "") == RAISES:
        raise LookupError("0101901234 stands for anything private")
    before = tally or Tally(card_id=message.data.card_id)
    after = Tally(card_id=before.card_id, seen=(*before.seen, message.id))
    emitted = CommandAccepted(command_id=str(message.id), card_id=after.card_id, revision=len(after.seen))
    return Decision(after, (emitted,) * _events_wanted(message.data))


TALLIES = Processor(name="tallies", topics=(ISSUANCE_COMMANDS, CARDS), state=Tally, address=_address, decide=_decide)


def assert_every_effect_happened_once(
    kafka: MemoryKafka, database: MemoryDatabase[Tally], sent: Iterable[Record]
) -> None:
    """Assert that no message is lost or applied twice, that an event id has one content, and that the order is kept."""
    messages = {id_of(record): record for record in sent}
    published = by_id(kafka.all(OUTCOMES.name))

    expected: Counter[str] = Counter()
    for message_id, record in messages.items():
        topic = ISSUANCE_COMMANDS if record.topic == COMMANDS else CARDS
        count = _events_wanted(decode(topic, record.value, record.headers).data)
        expected.update(str(uuid5(message_id, f"test/tallies/{index}")) for index in range(count))
    assert set(published) == set(expected), "events are lost, or under other ids"
    assert all(len(contents) == 1 for contents in published.values()), "one id, two contents"

    seen = {name: state.seen for name in database.documents if (state := database.state(name)) is not None}
    applied = [message_id for ids in seen.values() for message_id in ids]
    assert Counter(applied) == Counter(messages.keys()), "a message was applied twice, or never"

    for contents in published.values():
        for _, value, _ in contents:
            outcome = CommandAccepted.model_validate_json(value)
            assert outcome.card_id is not None
            assert outcome.revision is not None
            assert str(seen[outcome.card_id][outcome.revision - 1]) == outcome.command_id, "an event has another order"

    for (name, _), place in kafka.partitions.items():
        if name in {COMMANDS, EVENTS}:
            order: dict[UUID, int] = {}
            for incoming in place:
                if "ce_id" in (headers := dict(incoming.headers)):
                    order.setdefault(UUID(headers["ce_id"].decode()), incoming.offset)
            for ids in seen.values():
                offsets = [order[message_id] for message_id in ids if message_id in order]
                assert offsets == sorted(offsets), "the order of a partition was not kept"
