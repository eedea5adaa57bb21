"""What a command does to a card (lov om socialt frikort, § 6): a caseworker's, or a citizen's about mandates."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import uuid5

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import (
    AnyCardEvent,
    CardDeactivated,
    CardHandedOver,
    CardIssued,
    CardNumberReplaced,
    CardReactivated,
    ControlRecorded,
    DeactivateCard,
    GrantMandate,
    HandOverCard,
    IssueCard,
    MandateCommand,
    MandateGranted,
    MandateWithdrawn,
    MunicipalCardCommand,
    ReactivateCard,
    RecordControl,
    ReplaceCardNumber,
    WithdrawMandate,
)
from frikort_contracts.outcomes import CommandAccepted, CommandRefused, Problem
from frikort_contracts.topics import ISSUANCE_COMMANDS
from frikort_contracts.values import CitizenSide, danish_day

from services.issuance.card import (
    Card,
    aliases,
    control_due,
    draw_number,
    number_alias,
    number_candidates,
    person_alias,
)
from services.issuance.mandates import Mandate, is_full, last_day_allowed
from services.runtime.processing.decision import Address, Decision, Processor


def address(message: Envelope[Any]) -> Address:
    """The person's card if they have one, else the card to be; asking for numbers where one is to be drawn."""
    match message.data:
        case IssueCard() as command:
            return Address(
                id=str(uuid5(message.id, "card")), alias=person_alias(command.person.cpr_hash), asks=_numbers(message)
            )
        case ReplaceCardNumber() as command:
            return Address(id=command.card_id, asks=_numbers(message))
        case command:
            return Address(id=command.card_id)


def decide(card: Card | None, message: Envelope[Any], taken: Collection[str] = ()) -> Decision[Card]:
    """Carry the command out or refuse it; one outcome in any case. ``taken`` are numbers that others hold."""
    command = message.data
    if isinstance(command, IssueCard):
        return _issue(card, message, taken)
    # What another municipality is responsible for does not exist for this one. A citizen names none.
    if card is None or command.municipality not in (None, card.municipality):
        return _refused(card, message, Problem.CARD_UNKNOWN)
    match command:
        case DeactivateCard():
            return _deactivate(card, message)
        case ReactivateCard():
            return _reactivate(card, message)
        case ReplaceCardNumber():
            return _replace_number(card, message, taken)
        case HandOverCard():
            return _hand_over(card, message)
        case RecordControl():
            return _record_control(card, message)
        case GrantMandate():
            return _grant_mandate(card, message)
        case WithdrawMandate():
            return _withdraw_mandate(card, message)
    raise TypeError(f"issuance knows no command {type(command).__name__}")


def _issue(card: Card | None, message: Envelope[IssueCard], taken: Collection[str]) -> Decision[Card]:
    command = message.data
    if card is not None:
        # One card per person, for life. Whose it is may be known; more only by the responsible municipality.
        detail = {"municipality": card.municipality}
        if card.municipality == command.municipality:
            detail["card_id"] = card.card_id
        return _refused(card, message, Problem.CARD_EXISTS, **detail)
    number = draw_number(message.id, taken)
    if number is None:
        return _refused(card, message, Problem.CARD_NUMBERS_EXHAUSTED)
    today = danish_day(message.time)
    issued = Card(
        card_id=str(uuid5(message.id, "card")),
        revision=1,
        numbers=(number,),
        municipality=command.municipality,
        person=command.person,
        active=True,
        issued=today.year,
    )
    event = CardIssued(
        card_id=issued.card_id,
        revision=1,
        municipality=command.municipality,
        actor=command.actor,
        number=number,
        person=command.person,
        active_from=today,
        control_due=control_due(today.year),
        case_reference=command.case_reference,
    )
    return _accepted(issued, message, event)


def _deactivate(card: Card, message: Envelope[DeactivateCard]) -> Decision[Card]:
    """From the moment of decision, not backwards (law): the day of the decision is the last active day."""
    if not card.active:
        return _refused(card, message, Problem.CARD_ALREADY_DEACTIVATED)
    event = CardDeactivated(
        **_of(card, message.data),
        last_active_day=danish_day(message.time),
        case_reference=message.data.case_reference,
    )
    return _accepted(_next(card, active=False), message, event)


def _reactivate(card: Card, message: Envelope[ReactivateCard]) -> Decision[Card]:
    if card.active:
        return _refused(card, message, Problem.CARD_ALREADY_ACTIVE)
    event = CardReactivated(
        **_of(card, message.data), active_from=danish_day(message.time), case_reference=message.data.case_reference
    )
    return _accepted(_next(card, active=True), message, event)


def _replace_number(card: Card, message: Envelope[ReplaceCardNumber], taken: Collection[str]) -> Decision[Card]:
    own = {number_alias(number) for number in card.numbers}
    number = draw_number(message.id, own.union(taken))
    if number is None:
        return _refused(card, message, Problem.CARD_NUMBERS_EXHAUSTED)
    event = CardNumberReplaced(
        **_of(card, message.data), number=number, previous_number=card.numbers[-1], reason=message.data.reason
    )
    return _accepted(_next(card, numbers=(*card.numbers, number)), message, event)


def _hand_over(card: Card, message: Envelope[HandOverCard]) -> Decision[Card]:
    to = message.data.to_municipality
    if to == card.municipality:
        return _refused(card, message, Problem.SAME_MUNICIPALITY)
    event = CardHandedOver(**_of(card, message.data) | {"municipality": to}, from_municipality=card.municipality)
    return _accepted(_next(card, municipality=to), message, event)


def _record_control(card: Card, message: Envelope[RecordControl]) -> Decision[Card]:
    year = danish_day(message.time).year
    if year <= card.issued:  # gateways' clocks differ: at new year a control can seem to come before the issue
        return _refused(card, message, Problem.CONTROL_NOT_DUE, due=control_due(card.issued))
    event = ControlRecorded(
        **_of(card, message.data), year=year, result=message.data.result, control_due=control_due(year)
    )
    return _accepted(_next(card), message, event)


def _grant_mandate(card: Card, message: Envelope[GrantMandate]) -> Decision[Card]:
    """For at least today and at most five years, to somebody else, and at most twenty at a time."""
    command, today = message.data, danish_day(message.time)
    last = last_day_allowed(today)
    if command.holder.cpr_hash == card.person.cpr_hash:
        return _refused(card, message, Problem.MANDATE_TO_SELF)
    if not today <= command.until <= last:
        return _refused(
            card, message, Problem.MANDATE_DATE_OUT_OF_RANGE, first_day=today.isoformat(), last_day=last.isoformat()
        )
    if is_full(card.mandates.values(), today):
        return _refused(card, message, Problem.TOO_MANY_MANDATES)
    mandate_id = str(uuid5(message.id, "mandate"))
    mandate = Mandate(holder=command.holder.cpr_hash, until=command.until)
    event = MandateGranted(
        **_of(card, command),
        mandate_id=mandate_id,
        holder=command.holder,
        scope=command.scope,
        until=command.until,
        by=_side(command),
    )
    return _accepted(_next(card, mandates={**card.mandates, mandate_id: mandate}), message, event, mandate_id)


def _withdraw_mandate(card: Card, message: Envelope[WithdrawMandate]) -> Decision[Card]:
    command = message.data
    mandate = card.mandates.get(command.mandate_id)
    if mandate is None:
        return _refused(card, message, Problem.MANDATE_UNKNOWN)
    if not mandate.in_force(danish_day(message.time)):
        return _refused(card, message, Problem.MANDATE_ENDED)
    event = MandateWithdrawn(**_of(card, command), mandate_id=command.mandate_id, by=_side(command))
    withdrawn = mandate.model_copy(update={"withdrawn": True})
    mandates = {**card.mandates, command.mandate_id: withdrawn}
    return _accepted(_next(card, mandates=mandates), message, event, command.mandate_id)


def _side(command: MandateCommand) -> CitizenSide:
    return CitizenSide.CITIZEN if command.municipality is None else CitizenSide.MUNICIPALITY


def _numbers(message: Envelope[Any]) -> tuple[str, ...]:
    return tuple(number_alias(number) for number in number_candidates(message.id))


def _next(card: Card, **changes: Any) -> Card:
    return card.model_copy(update={"revision": card.revision + 1, **changes})


def _of(card: Card, command: MunicipalCardCommand | MandateCommand) -> dict[str, Any]:
    """The fields that every event about ``card`` has."""
    return {
        "card_id": card.card_id,
        "revision": card.revision + 1,
        "municipality": card.municipality,
        "actor": command.actor,
    }


def _accepted(card: Card, message: Envelope[Any], event: AnyCardEvent, mandate_id: str | None = None) -> Decision[Card]:
    outcome = CommandAccepted(
        command_id=str(message.id), card_id=card.card_id, mandate_id=mandate_id, revision=card.revision
    )
    return Decision(card, (event, outcome))


def _refused(card: Card | None, message: Envelope[Any], problem: Problem, **detail: str | int) -> Decision[Card]:
    return Decision(card, (CommandRefused(command_id=str(message.id), problem=problem, detail=detail),))


CARDS = Processor(
    name="cards", topics=(ISSUANCE_COMMANDS,), state=Card, address=address, decide=decide, aliases=aliases
)
