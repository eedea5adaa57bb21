"""Mandates: other people who may see a citizen's card. The law sets no limits; decision 0009 does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Final
from uuid import uuid5

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import GrantMandate, MandateCommand, MandateGranted, MandateWithdrawn, WithdrawMandate
from frikort_contracts.outcomes import Problem
from frikort_contracts.values import CitizenSide, danish_day

from services.issuance.card import Card, Mandate
from services.issuance.outcomes import Refusal, accepted
from services.runtime.processing.decision import Decision

MAX_IN_FORCE: Final = 20
MAX_YEARS: Final = 5


def grant_mandate(card: Card, message: Envelope[GrantMandate]) -> Decision[Card]:
    """Let another person see the card. Raises ``Refusal``."""
    command, today = message.data, danish_day(message.time)
    if command.holder.cpr_hash == card.person.cpr_hash:
        raise Refusal(Problem.MANDATE_TO_SELF)
    check_until(command.until, today)
    if is_full(card.mandates.values(), today):
        raise Refusal(Problem.TOO_MANY_MANDATES)
    mandate_id = str(uuid5(message.id, "mandate"))
    mandate = Mandate(holder=command.holder.cpr_hash, until=command.until)
    after = card.next(mandates={**card.mandates, mandate_id: mandate})
    event = MandateGranted(
        card_id=after.card_id,
        revision=after.revision,
        municipality=after.municipality,
        actor=command.actor,
        mandate_id=mandate_id,
        holder=command.holder,
        scope=command.scope,
        until=command.until,
        by=_side(command),
    )
    return accepted(after, message, event, mandate_id=mandate_id)


def withdraw_mandate(card: Card, message: Envelope[WithdrawMandate]) -> Decision[Card]:
    """End a mandate before its last day. Raises ``Refusal``."""
    command = message.data
    mandate = card.mandates.get(command.mandate_id)
    if mandate is None:
        raise Refusal(Problem.MANDATE_UNKNOWN)
    if not mandate.in_force(danish_day(message.time)):
        raise Refusal(Problem.MANDATE_ENDED)
    after = card.next(mandates={**card.mandates, command.mandate_id: replace(mandate, withdrawn=True)})
    event = MandateWithdrawn(
        card_id=after.card_id,
        revision=after.revision,
        municipality=after.municipality,
        actor=command.actor,
        mandate_id=command.mandate_id,
        by=_side(command),
    )
    return accepted(after, message, event, mandate_id=command.mandate_id)


def check_until(until: date, today: date) -> None:
    """A mandate lasts at least through today and at most five years. Raises ``Refusal``."""
    last = last_day_allowed(today)
    if not today <= until <= last:
        raise Refusal(Problem.MANDATE_DATE_OUT_OF_RANGE, first_day=today.isoformat(), last_day=last.isoformat())


def last_day_allowed(today: date) -> date:
    """The same day in five years; 28 February for 29 February."""
    year = today.year + MAX_YEARS
    return date(year, 2, 28) if (today.month, today.day) == (2, 29) else today.replace(year=year)


def is_full(mandates: Iterable[Mandate], today: date) -> bool:
    """Whether the largest number of mandates that a card can have is in force."""
    return sum(mandate.in_force(today) for mandate in mandates) >= MAX_IN_FORCE


def _side(command: MandateCommand) -> CitizenSide:
    return CitizenSide.CITIZEN if command.municipality is None else CitizenSide.MUNICIPALITY
