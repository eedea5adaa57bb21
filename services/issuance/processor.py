"""Decides commands about cards: a caseworker's, and a citizen's about mandates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import (
    DeactivateCard,
    GrantMandate,
    HandOverCard,
    IssueCard,
    ReactivateCard,
    RecordControl,
    ReplaceCardNumber,
    WithdrawMandate,
)
from frikort_contracts.outcomes import CommandRefused, Problem
from frikort_contracts.topics import ISSUANCE_COMMANDS
from frikort_contracts.values import CardNumber

from services.issuance.card import Card, aliases, person_alias
from services.issuance.lifecycle import (
    deactivate_card,
    hand_over_card,
    issue_card,
    new_card_id,
    reactivate_card,
    record_control,
    replace_card_number,
)
from services.issuance.mandates import grant_mandate, withdraw_mandate
from services.issuance.numbers import number_alias, number_candidates
from services.issuance.outcomes import Refusal
from services.runtime.processing.decision import Address, Decision, Processor

Candidates = Callable[[Envelope[Any]], tuple[CardNumber, ...]]


def cards(secret: bytes) -> Processor[Card]:
    """The processor. Card numbers follow from ``secret`` and the command, so an instance draws the same for a retry.

    A command that was applied is not decided again, so each start of an instance can draw a new secret.
    """

    def candidates(message: Envelope[Any]) -> tuple[CardNumber, ...]:
        return number_candidates(secret, message.id)

    def address(message: Envelope[Any]) -> Address:
        """The person's card if they have one, else a new card. A command that draws a number asks which are taken."""
        match message.data:
            case IssueCard() as command:
                alias = person_alias(command.person.cpr_hash)
                return Address(id=new_card_id(message), alias=alias, candidates=_aliases_of(candidates(message)))
            case ReplaceCardNumber() as command:
                return Address(id=command.card_id, candidates=_aliases_of(candidates(message)))
            case command:
                return Address(id=command.card_id)

    def decide(card: Card | None, message: Envelope[Any], taken_aliases: Collection[str] = ()) -> Decision[Card]:
        """Carry out the command or refuse it. ``taken_aliases`` are the aliases of candidate numbers of other cards."""
        try:
            return _decide(card, message, candidates, taken_aliases)
        except Refusal as refusal:
            outcome = CommandRefused(command_id=str(message.id), problem=refusal.problem, detail=refusal.detail)
            return Decision(card, (outcome,))

    return Processor(
        name="cards", topics=(ISSUANCE_COMMANDS,), state=Card, address=address, decide=decide, aliases=aliases
    )


def _decide(
    card: Card | None, message: Envelope[Any], candidates: Candidates, taken_aliases: Collection[str]
) -> Decision[Card]:
    command = message.data
    if isinstance(command, IssueCard):
        return issue_card(card, message, candidates(message), taken_aliases)
    # Another municipality's card counts as unknown. A citizen's command names no municipality.
    if card is None or command.municipality not in (None, card.municipality):
        raise Refusal(Problem.CARD_UNKNOWN)
    match command:
        case DeactivateCard():
            return deactivate_card(card, message)
        case ReactivateCard():
            return reactivate_card(card, message)
        case ReplaceCardNumber():
            return replace_card_number(card, message, candidates(message), taken_aliases)
        case HandOverCard():
            return hand_over_card(card, message)
        case RecordControl():
            return record_control(card, message)
        case GrantMandate():
            return grant_mandate(card, message)
        case WithdrawMandate():
            return withdraw_mandate(card, message)
    raise TypeError(f"issuance has no decision for {type(command).__name__}")


def _aliases_of(candidates: Iterable[CardNumber]) -> tuple[str, ...]:
    return tuple(number_alias(number) for number in candidates)
