"""The statements of one card, from card events, balance events and disputes.

Each of the three topics is in order, but they are consumed independently: whichever message arrives last completes a
statement.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.extracts import Authority, Statement
from frikort_contracts.issuance import CardHandedOver
from frikort_contracts.messages import Event
from frikort_contracts.reporting import DisputeEvent
from pydantic import BaseModel, ConfigDict

from services.exports.card_year import CardYear
from services.exports.feeds import StatementData, statement_event
from services.runtime.processing.decision import Decision
from services.runtime.processing.entries import EntryMap


@dataclass(frozen=True, slots=True)
class IssuedCard:
    """A card was issued. ``cpr`` is the CPR number encrypted for the tax agency (a compact JWE); None if erased.

    It stands for ``CardIssued`` in decisions: the processor encrypts before it decides (decision 0021).
    """

    card_id: str
    revision: int
    municipality: str
    cpr: str | None


@dataclass(frozen=True, slots=True)
class NewCpr:
    """The CPR number, encrypted with the tax agency's present key; None if erased."""

    card_id: str
    cpr: str | None


StatementInput = IssuedCard | CardHandedOver | ReportSettled | BalanceChanged | DisputeEvent


class CardStatements(BaseModel):
    """The statements of one card.

    ``cpr`` is encrypted once, so that two extracts of the same state are the same bytes. ``stated_years`` are the years
    that belong in an extract. ``erased``: the person's data were erased, so statements have no CPR number.
    ``pending_years`` have earnings without a current statement, because the person is not
    known yet or the reports do not add up.
    """

    model_config = ConfigDict(frozen=True)

    card_id: str
    card_revision: int = 0
    municipality: str | None = None
    cpr: str | None = None
    erased: bool = False
    years: dict[int, CardYear] = {}
    stated_years: tuple[int, ...] = ()
    pending_years: tuple[int, ...] = ()

    def year(self, number: int) -> CardYear:
        """The calendar year ``number``; empty if nothing is known of it."""
        return self.years.get(number) or CardYear(EntryMap(str(number)))

    @property
    def has_person(self) -> bool:
        """Whether the person is known, or was."""
        return self.cpr is not None or self.erased

    def with_card(self, card_revision: int, municipality: str, cpr: str | None, *, erased: bool) -> CardStatements:
        """The card with this CPR number, and this responsible municipality unless a later revision is known."""
        is_newer = card_revision > self.card_revision
        return CardStatements(
            card_id=self.card_id,
            card_revision=card_revision if is_newer else self.card_revision,
            municipality=municipality if is_newer else self.municipality,
            cpr=cpr,
            erased=erased,
            years=self.years,
            stated_years=self.stated_years,
            pending_years=self.pending_years,
        )

    def with_years(self, years: Mapping[int, CardYear]) -> CardStatements:
        """The card with these years."""
        return CardStatements(
            card_id=self.card_id,
            card_revision=self.card_revision,
            municipality=self.municipality,
            cpr=self.cpr,
            erased=self.erased,
            years=dict(years),
            stated_years=tuple(sorted(number for number, year in years.items() if year.is_stated)),
            pending_years=tuple(sorted(number for number, year in years.items() if year.is_pending)),
        )


def entry_keys(state: CardStatements, event: object) -> Mapping[str, Collection[str]]:
    """The reports that the decision on a message needs, by year. Totals need all reports with a new split."""
    if not isinstance(event, ReportSettled | BalanceChanged | DisputeEvent):
        return {}
    year = state.year(event.year)
    keys = set() if isinstance(event, BalanceChanged) else {event.report_id}
    if isinstance(event, BalanceChanged) or year.unmatched is not None:
        keys.update(year.arriving)
    return {year.reports.name: keys}


def decide_statements(state: CardStatements | None, event: StatementInput) -> Decision[CardStatements]:
    """Apply one event; emit every statement that it changes."""
    card, changed = _after(state, event)
    return Decision(state) if card is None else _emit_statements(card, changed)


def apply_input(state: CardStatements | None, event: StatementInput) -> CardStatements | None:
    """The card after one event, with the statements that it had."""
    card, changed = _after(state, event)
    return state if card is None else card.with_years({**card.years, **changed})


def _after(state: CardStatements | None, event: StatementInput) -> tuple[CardStatements | None, Mapping[int, CardYear]]:
    """The card after one event, and its years that may need another statement. None if nothing changes."""
    card = state or CardStatements(card_id=event.card_id)
    match event:
        case IssuedCard():
            cpr = None if card.erased else event.cpr
            card = card.with_card(event.revision, event.municipality, cpr, erased=cpr is None)
            changed: Mapping[int, CardYear] = card.years  # every year's statement names the municipality
        case CardHandedOver():
            card = card.with_card(event.revision, event.municipality, card.cpr, erased=card.erased)
            changed = card.years
        case ReportSettled() | BalanceChanged() | DisputeEvent():
            earlier = card.year(event.year)
            year = _year_after(earlier, event)
            if year is earlier:
                return None, {}
            changed = {event.year: year}
    return card, changed


def _year_after(year: CardYear, event: ReportSettled | BalanceChanged | DisputeEvent) -> CardYear:
    match event:
        case ReportSettled():
            return year.report_settled(event)
        case BalanceChanged():
            return year.balance_changed(event)
        case DisputeEvent():
            return year.dispute_changed(event)


def republish_statements(state: CardStatements | None, *, pending: bool = False) -> Decision[CardStatements]:
    """Publish every statement again under its next revision, with the amounts that it has.

    ``pending``: also those of years with unmatched totals, which are followed by another when all splits are there.
    """
    if state is None or not state.has_person:
        return Decision(state)
    years, events = dict(state.years), list[Event]()
    for number, year in sorted(state.years.items()):
        if year.statement is None or (year.unmatched is not None and not pending):
            continue
        statement = replace(year.statement, revision=year.statement.revision + 1)
        years[number] = replace(year, statement=statement)
        events += _for_every_authority(state.card_id, state.cpr, statement)
    return Decision(state.with_years(years), tuple(events))


def forget_person(state: CardStatements | None) -> Decision[CardStatements]:
    """Remove the CPR number, and publish every statement again without it."""
    if state is None or state.erased:
        return Decision(state)
    erased = state.with_card(0, "", None, erased=True)
    return Decision(erased) if state.cpr is None else republish_statements(erased, pending=True)


def replace_cpr(state: CardStatements | None, cpr: str | None) -> Decision[CardStatements]:
    """Replace the encrypted CPR number, and publish every statement again with it. An erased person stays erased."""
    if state is None or state.cpr is None:
        return Decision(state)
    if cpr is None:
        return forget_person(state)
    return republish_statements(state.with_card(0, "", cpr, erased=False), pending=True)


def _emit_statements(card: CardStatements, changed: Mapping[int, CardYear]) -> Decision[CardStatements]:
    events: list[Event] = []
    years = {**card.years, **changed}
    if not card.has_person or card.municipality is None:
        return Decision(card.with_years(years))
    for number in sorted(changed):
        statement = years[number].next_statement(number, card.municipality, card.card_revision)
        if statement is None:
            continue
        years[number] = replace(years[number], statement=statement)
        events += _for_every_authority(card.card_id, card.cpr, statement)
    return Decision(card.with_years(years), tuple(events))


def _for_every_authority(card_id: str, cpr: str | None, data: StatementData) -> list[Statement]:
    return [statement_event(authority, card_id, cpr, data) for authority in Authority]
