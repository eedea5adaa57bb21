"""The processor of the statements of every card."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extracts import EncryptCprAgain, ForgetPerson, RepublishStatements
from frikort_contracts.issuance import CardHandedOver, CardIssued
from frikort_contracts.reporting import DisputeAnswered, DisputeDecided, DisputeEnded, DisputeEvent, ReportDisputed
from frikort_contracts.topics import BALANCES, CARDS, EARNINGS, EXPORTS_JOBS
from frikort_contracts.values import EncryptedPerson

from services.exports.statements import (
    CardStatements,
    IssuedCard,
    NewCpr,
    decide_statements,
    entry_keys,
    forget_person,
    replace_cpr,
    republish_statements,
)
from services.runtime.processing.decision import Address, Decision, Processor

EncryptCpr = Callable[[EncryptedPerson, str], str | None]
"""Encrypts the CPR number of the person of a card for the tax agency (a compact JWE; different on every call).

None if the person's data were erased.
"""


_CONSUMED = (
    CardIssued
    | CardHandedOver
    | ReportSettled
    | BalanceChanged
    | DisputeEvent
    | RepublishStatements
    | ForgetPerson
    | EncryptCprAgain
)


def statements(encrypt_cpr: EncryptCpr) -> Processor[CardStatements]:
    """The processor of the statements."""

    def prepare(message: Envelope[Any]) -> Envelope[Any]:
        event = message.data
        if isinstance(event, EncryptCprAgain):
            return message._replace(data=NewCpr(event.card_id, encrypt_cpr(event.person, event.card_id)))
        if not isinstance(event, CardIssued):
            return message
        cpr = encrypt_cpr(event.person, event.card_id)
        issued = IssuedCard(event.card_id, event.revision, event.municipality, cpr)
        return message._replace(data=issued)

    return Processor(
        name="statements",
        topics=(CARDS, BALANCES, EARNINGS, EXPORTS_JOBS),
        state=CardStatements,
        address=address,
        decide=decide,
        prepare=prepare,
        idempotent=frozenset(
            {ReportSettled, BalanceChanged, ReportDisputed, DisputeAnswered, DisputeDecided, DisputeEnded}
        ),
        indexes=("pending_years",),
        entry_maps=lambda state: tuple([year.reports for year in state.years.values()]),
        entry_keys=lambda state, message: entry_keys(state, message.data),
    )


def address(message: Envelope[Any]) -> Address | None:
    """The card's document. Other card events change no statement, and other earnings events arrive through balance."""
    event = message.data
    if isinstance(event, _CONSUMED):
        return Address(event.card_id)
    return None


def decide(
    state: CardStatements | None, message: Envelope[Any], _taken: Collection[str] = ()
) -> Decision[CardStatements]:
    """Apply a prepared message."""
    if isinstance(message.data, RepublishStatements):
        return republish_statements(state)
    if isinstance(message.data, ForgetPerson):
        return forget_person(state)
    if isinstance(message.data, NewCpr):
        return replace_cpr(state, message.data.cpr)
    return decide_statements(state, message.data)
