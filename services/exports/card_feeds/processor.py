"""The processor of the feeds: one document for each card."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from frikort_contracts.authorities import Feed
from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extracts import EncryptCprAgain, ForgetPerson, TaxStatementUpdated
from frikort_contracts.feeds import EncryptCprFor, FillFeed
from frikort_contracts.issuance import CardDeactivated, CardHandedOver, CardIssued, CardReactivated
from frikort_contracts.reporting import EarningsCorrected, EarningsReported, EarningsWithdrawn
from frikort_contracts.rules.allowances import Allowances, hourly_rate
from frikort_contracts.topics import AUTHORITY_SKAT, BALANCES, CARDS, EARNINGS, EXPORTS_JOBS, FEED_JOBS
from frikort_contracts.values import danish_day

from services.exports.card_feeds.decision import CprFor, decide_feeds, entry_keys
from services.exports.card_feeds.state import CardFeeds
from services.exports.processor import EncryptCpr
from services.runtime.processing.decision import Address, Decision, Processor

NAME = "card_feeds"
_CONSUMED = (
    CardIssued
    | CardDeactivated
    | CardReactivated
    | CardHandedOver
    | TaxStatementUpdated
    | ReportSettled
    | BalanceChanged
    | EarningsReported
    | EarningsCorrected
    | EarningsWithdrawn
    | FillFeed
    | EncryptCprFor
    | ForgetPerson
    | EncryptCprAgain
)


def card_feeds(
    feeds: Sequence[Feed], encrypt_cpr: Mapping[str, EncryptCpr], allowances: Allowances
) -> Processor[CardFeeds]:
    """The processor of these feeds. ``encrypt_cpr`` has a function for each authority with a key."""

    def address(message: Envelope[Any]) -> Address | None:
        event = message.data
        if not isinstance(event, _CONSUMED):
            return None
        if isinstance(event, EncryptCprFor) and event.authority not in encrypt_cpr:
            return None  # the table had the authority when this was sent
        return Address(event.card_id)

    def prepare(message: Envelope[Any]) -> Envelope[Any]:
        event = message.data
        if not isinstance(event, EncryptCprFor):
            return message
        cpr = encrypt_cpr[event.authority](event.person, event.card_id)
        return message._replace(data=CprFor(event.card_id, event.authority, cpr))

    return Processor(
        name=NAME,
        topics=(CARDS, BALANCES, EARNINGS, AUTHORITY_SKAT, EXPORTS_JOBS, FEED_JOBS),
        state=CardFeeds,
        address=address,
        decide=partial(_decide, feeds, allowances),
        prepare=prepare,
        idempotent=frozenset(
            {TaxStatementUpdated, ReportSettled, BalanceChanged, EarningsReported, EarningsCorrected, EarningsWithdrawn}
        ),
        entry_maps=lambda state: tuple([year.payments.lines for year in state.years.values()]),
        entry_keys=lambda state, message: entry_keys(state, message.data),
    )


def _decide(
    feeds: Sequence[Feed],
    allowances: Allowances,
    state: CardFeeds | None,
    message: Envelope[Any],
    _taken: Collection[str] = (),
) -> Decision[CardFeeds]:
    return decide_feeds(feeds, _rate_on(allowances, message), state, message.data)


def _rate_on(allowances: Allowances, message: Envelope[Any]) -> Callable[[int], int | None]:
    day = danish_day(message.time)

    return lambda year: hourly_rate(allowances, year, day)
