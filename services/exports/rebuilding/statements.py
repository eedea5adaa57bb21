"""The statements of a card as its topics have them, compared with those in place. Pure.

Everything but the encrypted CPR number and the revisions of statements follows from cards, balances and disputes. These
two are kept: from the document in place, or from the feed of the tax agency, which has them as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extracts import Authority, ForgetPerson, RepublishStatements, TaxStatementUpdated
from frikort_contracts.issuance import CardHandedOver, CardIssued
from frikort_contracts.reporting import DisputeAnswered, DisputeDecided, DisputeEnded, DisputeEvent, ReportDisputed
from frikort_contracts.topics import AUTHORITY_SKAT, BALANCES, CARDS, EARNINGS, EXPORTS_JOBS
from frikort_contracts.values import EncryptedPerson
from pydantic import TypeAdapter

from services.exports.card_year import CardYear
from services.exports.feeds import StatementData, statement_event
from services.exports.processor import EncryptCpr, statements
from services.exports.rebuilding.order import years_in_order
from services.exports.statements import CardStatements, IssuedCard, apply_input, entry_keys, forget_person
from services.runtime.processing.decision import Address, Decision, Processor
from services.runtime.processing.entries import EntryMap
from services.runtime.rebuild.verdict import Unexplained, Verdict

_SOME_CPR: Final = "known"
_CONSUMED = CardIssued | CardHandedOver | ReportSettled | BalanceChanged | DisputeEvent | ForgetPerson


@dataclass(frozen=True, slots=True)
class ReplayedStatements:
    """What the topics have of a card.

    ``card``: its statements, by the rule of production, without CPR number. ``person``: of its issue. ``published``:
    the record with the highest revision of each year on the tax agency's first feed.
    """

    card: CardStatements | None = None
    person: EncryptedPerson | None = None
    published: Mapping[int, TaxStatementUpdated] = field(default_factory=dict)

    def to_stored(self) -> dict[str, Any]:
        """The stored form."""
        stored: dict[str, Any] = _STORED.dump_python(self, mode="json")
        return stored

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> ReplayedStatements:
        """The state of a stored form."""
        return _STORED.validate_python(stored)


_STORED: Final = TypeAdapter(ReplayedStatements)


def _address(message: Envelope[Any]) -> Address | None:
    """Messages by which a card publishes again change nothing that is compared."""
    event = message.data
    return Address(event.card_id) if isinstance(event, _CONSUMED | TaxStatementUpdated) else None


def _entry_maps(state: ReplayedStatements) -> tuple[EntryMap, ...]:
    return () if state.card is None else tuple([year.reports for year in state.card.years.values()])


def _entry_keys(state: ReplayedStatements, message: Envelope[Any]) -> Mapping[str, Collection[str]]:
    return {} if state.card is None else entry_keys(state.card, message.data)


def replay(
    state: ReplayedStatements | None, message: Envelope[Any], _taken: Collection[str] = ()
) -> Decision[ReplayedStatements]:
    """Apply a message as production does, and emit nothing. The statements themselves are compared with those kept."""
    event, before = message.data, state or ReplayedStatements()
    match event:
        case TaxStatementUpdated():
            last = before.published.get(event.year)
            if last is not None and last.revision >= event.revision:
                return Decision(state)
            return Decision(replace(before, published={**before.published, event.year: event}))
        case ForgetPerson():
            return Decision(replace(before, card=forget_person(before.card).state))
        case CardIssued():
            issued = IssuedCard(event.card_id, event.revision, event.municipality, _SOME_CPR)
            return Decision(replace(before, card=apply_input(before.card, issued), person=event.person))
        case _:
            card = apply_input(before.card, event)
            return Decision(state if card is before.card else replace(before, card=card))


REPLAYED: Final = Processor(
    name="statements",
    topics=(CARDS, BALANCES, EARNINGS, EXPORTS_JOBS, AUTHORITY_SKAT),
    state=ReplayedStatements,
    address=_address,
    consumes=_CONSUMED | TaxStatementUpdated,
    decide=replay,
    idempotent=frozenset(
        {
            ReportSettled,
            BalanceChanged,
            ReportDisputed,
            DisputeAnswered,
            DisputeDecided,
            DisputeEnded,
            TaxStatementUpdated,
        }
    ),
    entry_maps=_entry_maps,
    entry_keys=_entry_keys,
)
"""The documents that are built beside. It has the name of the processor, whose replayed dead letters it reads."""


def compare_statements(
    in_place: CardStatements | None, rebuilt: ReplayedStatements | None, encrypt_cpr: EncryptCpr
) -> Verdict[CardStatements]:
    """Compare the statements of a card. Raises ``Unexplained``, and what ``encrypt_cpr`` raises.

    ``encrypt_cpr`` is called only for a card without CPR number of which nothing is published.
    """
    rebuilt = rebuilt or ReplayedStatements()
    card, published = rebuilt.card, rebuilt.published
    if card is None:
        return Verdict(None, is_same=in_place is None)
    stated = {number for number, year in (in_place.years if in_place else {}).items() if year.statement is not None}
    if more := sorted({*stated, *published} - card.years.keys()):
        raise Unexplained(f"no record on the topics is about its years {more}, which have statements")
    cpr = _cpr_of(in_place, rebuilt, encrypt_cpr)
    erased = card.erased or (in_place is not None and in_place.erased) or (card.has_person and cpr is None)
    right = CardStatements(
        card_id=card.card_id,
        card_revision=card.card_revision,
        municipality=card.municipality,
        cpr=cpr,
        erased=erased,
        years=card.years,
    )
    before = {} if in_place is None else in_place.years
    years: dict[int, CardYear] = {}
    must_publish = False
    for number in years_in_order(before, card.years):
        year = _year(number, before.get(number), right, published.get(number))
        years[number] = year
        if year.statement is not None and year.unmatched is None and right.has_person:
            event = statement_event(Authority.SKAT, card.card_id, cpr, year.statement)
            must_publish = must_publish or event != published.get(number)
    right = right.with_years(years)
    return Verdict(right, is_same=in_place is not None and _plain(right) == _plain(in_place), must_publish=must_publish)


def _cpr_of(in_place: CardStatements | None, rebuilt: ReplayedStatements, encrypt_cpr: EncryptCpr) -> str | None:
    """The encrypted CPR number; None if the person is not known, or erased.

    After an erasure, every statement is published without it. An encrypted number that was published is the right one.
    """
    card = rebuilt.card
    if card is None or not card.has_person or card.erased or (in_place is not None and in_place.erased):
        return None
    published = [event.cpr for _, event in sorted(rebuilt.published.items())]
    if None in published:
        return None
    own = None if in_place is None else in_place.cpr
    if own is not None and (own in published or not published):
        return own
    if published:
        return published[-1]
    return None if rebuilt.person is None else encrypt_cpr(rebuilt.person, card.card_id)


def _year(
    number: int, in_place: CardYear | None, card: CardStatements, published: TaxStatementUpdated | None
) -> CardYear:
    """The year with the statement that is due, under a revision that is not below that of any earlier one.

    The statement of a pending year depends on when the year began to be pending, so it stays as it is.
    """
    rebuilt = card.years[number]
    latest = None if in_place is None else in_place.statement
    if published is not None and (latest is None or latest.revision < published.revision):
        latest = _data_of(published)
    reports = rebuilt.reports if in_place is None else rebuilt.reports.arranged_as(in_place.reports)
    year = replace(rebuilt, reports=reports, statement=latest)
    if not card.has_person or card.municipality is None:
        return year
    due = year.next_statement(number, card.municipality, card.card_revision)
    return year if due is None else replace(year, statement=due)


def _data_of(event: TaxStatementUpdated) -> StatementData:
    return StatementData(
        revision=event.revision,
        year=event.year,
        municipality=event.municipality,
        provisional=event.provisional,
        allowance=event.allowance,
        reported=event.reported,
        exempt=event.exempt,
        excess=event.excess,
        reports=event.reports,
        employers=event.employers,
        disputed_employers=event.disputed_employers,
    )


def _plain(card: CardStatements) -> tuple[Any, ...]:
    """What is compared: the entries of a map are the same wherever and in whichever order they are stored."""
    years = {
        number: (dict(year.reports.items()), replace(year, reports=EntryMap(year.reports.name)))
        for number, year in card.years.items()
    }
    of_card = (card.card_id, card.card_revision, card.municipality, card.cpr, card.erased)
    return of_card, years, card.stated_years, card.pending_years


class StatementsComparison:
    """The comparison of the documents ``statements``; see ``services.runtime.rebuild.compared``.

    ``read_keys`` reads the keys of people, which ``encrypt_cpr`` needs.
    """

    replayed = REPLAYED

    def __init__(self, encrypt_cpr: EncryptCpr, read_keys: Callable[[], Awaitable[None]]) -> None:
        self.documents = statements(encrypt_cpr)
        self._encrypt_cpr = encrypt_cpr
        self._read_keys = read_keys
        self._has_keys = False

    async def prepare(self, wrong: Collection[str]) -> None:
        """Read the keys of people: a document that is not there may need a CPR number."""
        if wrong and not self._has_keys:
            await self._read_keys()
            self._has_keys = True

    def compare(
        self, document_id: str, in_place: CardStatements | None, rebuilt: ReplayedStatements | None
    ) -> Verdict[CardStatements]:
        """See ``compare_statements``."""
        return compare_statements(in_place, rebuilt, self._encrypt_cpr)

    def messages(self, state: CardStatements) -> Sequence[RepublishStatements]:
        """The message by which the card publishes all its statements."""
        return [RepublishStatements(card_id=state.card_id)]
