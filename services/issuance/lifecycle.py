"""A card from issue on: active or not, its number, its municipality and its controls (lov om socialt frikort, § 6)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import (
    CardDeactivated,
    CardHandedOver,
    CardIssued,
    CardNumberReplaced,
    CardReactivated,
    ControlRecorded,
    DeactivateCard,
    HandOverCard,
    IssueCard,
    ReactivateCard,
    RecordControl,
    ReplaceCardNumber,
    card_id_of,
)
from frikort_contracts.outcomes import Problem
from frikort_contracts.values import CardNumber, Year, danish_day

from services.issuance.card import Card
from services.issuance.numbers import draw_number, number_alias
from services.issuance.outcomes import Refusal, accepted
from services.runtime.processing.decision import Decision

CONTROL_INTERVAL_YEARS: Final = 2


def new_card_id(message: Envelope[IssueCard]) -> str:
    """The id of the card that the command issues; the same on every delivery."""
    return card_id_of(message.id)


def issue_card(
    card: Card | None, message: Envelope[IssueCard], candidates: Sequence[CardNumber], taken_aliases: Collection[str]
) -> Decision[Card]:
    """Issue a person's one card. ``taken_aliases`` are those of candidates of other cards. Raises ``Refusal``."""
    command = message.data
    if card is not None:
        check_no_card(card, command)
    number = draw_number(candidates, taken_aliases)
    if number is None:
        raise Refusal(Problem.CARD_NUMBERS_EXHAUSTED)
    today = danish_day(message.time)
    issued = Card(
        card_id=new_card_id(message),
        revision=1,
        numbers=(number,),
        municipality=command.municipality,
        person=command.person,
        active=True,
        issued=today.year,
    )
    event = CardIssued(
        card_id=issued.card_id,
        revision=issued.revision,
        municipality=issued.municipality,
        actor=command.actor,
        number=number,
        person=command.person,
        active_from=today,
        control_due=control_due(today.year),
        case_reference=command.case_reference,
        case_reference_ciphertext=command.case_reference_ciphertext,
    )
    return accepted(issued, message, event)


def deactivate_card(card: Card, message: Envelope[DeactivateCard]) -> Decision[Card]:
    """Deactivate from the decision on, never backwards (§ 6); that day is the last active one. Raises ``Refusal``."""
    if not card.active:
        raise Refusal(Problem.CARD_ALREADY_DEACTIVATED)
    after = card.next(active=False)
    event = CardDeactivated(
        card_id=after.card_id,
        revision=after.revision,
        municipality=after.municipality,
        actor=message.data.actor,
        last_active_day=danish_day(message.time),
        case_reference=message.data.case_reference,
        case_reference_ciphertext=message.data.case_reference_ciphertext,
    )
    return accepted(after, message, event)


def reactivate_card(card: Card, message: Envelope[ReactivateCard]) -> Decision[Card]:
    """Make the card active again, from the Danish day of the decision. Raises ``Refusal``."""
    if card.active:
        raise Refusal(Problem.CARD_ALREADY_ACTIVE)
    after = card.next(active=True)
    event = CardReactivated(
        card_id=after.card_id,
        revision=after.revision,
        municipality=after.municipality,
        actor=message.data.actor,
        active_from=danish_day(message.time),
        case_reference=message.data.case_reference,
        case_reference_ciphertext=message.data.case_reference_ciphertext,
    )
    return accepted(after, message, event)


def replace_card_number(
    card: Card, message: Envelope[ReplaceCardNumber], candidates: Sequence[CardNumber], taken_aliases: Collection[str]
) -> Decision[Card]:
    """Give the card a number that no card ever had. Raises ``Refusal``."""
    own = {number_alias(number) for number in card.numbers}
    number = draw_number(candidates, own.union(taken_aliases))
    if number is None:
        raise Refusal(Problem.CARD_NUMBERS_EXHAUSTED)
    after = card.next(numbers=(*card.numbers, number))
    event = CardNumberReplaced(
        card_id=after.card_id,
        revision=after.revision,
        municipality=after.municipality,
        actor=message.data.actor,
        number=number,
        previous_number=card.numbers[-1],
        reason=message.data.reason,
    )
    return accepted(after, message, event)


def hand_over_card(card: Card, message: Envelope[HandOverCard]) -> Decision[Card]:
    """Make another municipality responsible; the data follow the card (§ 6). Raises ``Refusal``."""
    command = message.data
    if command.to_municipality == card.municipality:
        raise Refusal(Problem.SAME_MUNICIPALITY)
    after = card.next(municipality=command.to_municipality)
    event = CardHandedOver(
        card_id=after.card_id,
        revision=after.revision,
        municipality=after.municipality,
        actor=command.actor,
        from_municipality=card.municipality,
    )
    return accepted(after, message, event)


def record_control(card: Card, message: Envelope[RecordControl]) -> Decision[Card]:
    """Record this year's control; there is none in the year of issue (§ 6). Raises ``Refusal``."""
    year = danish_day(message.time).year
    if year <= card.issued:  # gateway clocks differ: around new year a control can seem to precede the issue
        raise Refusal(Problem.CONTROL_NOT_DUE, due=control_due(card.issued))
    after = card.next()
    event = ControlRecorded(
        card_id=after.card_id,
        revision=after.revision,
        municipality=after.municipality,
        actor=message.data.actor,
        year=year,
        result=message.data.result,
        control_due=control_due(year),
    )
    return accepted(after, message, event)


def check_no_card(card: Card, command: IssueCard) -> None:
    """One card for each person, for life (decision 0009). Raises ``Refusal``.

    Any municipality learns which one is responsible; only that one learns the card's id.
    """
    if card.municipality == command.municipality:
        raise Refusal(Problem.CARD_EXISTS, municipality=card.municipality, card_id=card.card_id)
    raise Refusal(Problem.CARD_EXISTS, municipality=card.municipality)


def control_due(year: int) -> Year:
    """The year by whose end the next control is due, after an issue or a control in ``year``.

    Controls are every second calendar year, and never in the year of issue (§ 6).
    """
    return year + CONTROL_INTERVAL_YEARS
