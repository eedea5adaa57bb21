"""The rule: what the authorities may be told of a card's years, from card events, balance events and disputes.

One document for each card holds what is known of the person and of each year. The three topics are in order each,
but not with each other; whichever comes last completes a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extracts import Authority, EmployerLine, RepublishStatements
from frikort_contracts.issuance import CardHandedOver, CardIssued
from frikort_contracts.messages import Event
from frikort_contracts.reporting import DisputeEnded, DisputeEvent, ReportDisputed
from frikort_contracts.topics import BALANCES, CARDS, EARNINGS, EXPORTS_JOBS
from frikort_contracts.values import SealedPerson
from pydantic import BaseModel, ConfigDict

from services.exports.feeds import Figures, statement_for
from services.runtime.processing.decision import Address, Decision, Processor

SealCpr = Callable[[SealedPerson], str]
"""Seals a person's CPR number for the tax agency (a JWE).

It is handed to the rule so that the rule holds no keys. Encryption is randomised, which is safe here: the result is
stored in the card's document by the same guarded write that stores the events, before any of them is published, and
a second delivery of the message repeats the stored bytes. So no event id ever has two contents.
"""


class Settled(NamedTuple):
    """How one report was split, in øre, and the ledger revision that said so."""

    cvr: str
    exempt: int
    excess: int
    revision: int


class Dispute(NamedTuple):
    """Whether a report is in dispute, and the dispute's revision that said so."""

    stands: bool
    revision: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What balance said of the year as a whole, in øre."""

    revision: int
    allowance: int
    provisional: bool
    reported: int
    exempt: int
    excess: int

    def match(self, reports: Iterable[Settled]) -> bool:
        """Whether ``reports`` add up to these totals."""
        exempt = excess = 0
        for report in reports:
            exempt += report.exempt
            excess += report.excess
        return (self.reported, self.exempt, self.excess) == (exempt + excess, exempt, excess)


@dataclass(frozen=True, slots=True)
class CardYear:
    """One year of one card. ``totals`` always equals the sum of ``reports``; ``statement`` is what was last told.

    Balance tells of one change by the reports it settled and then the totals. Reports wait in ``arriving`` until
    the totals arrive, so that nobody ever sees a change by half. A withdrawn report stays, at zero. A dispute may be
    already reported its report is; it is told with the report.
    """

    reports: Mapping[str, Settled] = field(default_factory=dict)
    arriving: Mapping[str, Settled] = field(default_factory=dict)
    disputes: Mapping[str, Dispute] = field(default_factory=dict)
    totals: Totals | None = None
    unmatched: Totals | None = None
    statement: Figures | None = None

    def report_settled(self, event: ReportSettled) -> CardYear:
        known = self.arriving.get(event.report_id) or self.reports.get(event.report_id)
        if known is not None and known.revision >= event.revision:
            return self  # replayed from the dead letters after a newer one
        split = Settled(event.cvr, event.exempt, event.excess, event.revision)
        return replace(self, arriving={**self.arriving, event.report_id: split})._matched()

    def balance_changed(self, event: BalanceChanged) -> CardYear:
        newest = self.unmatched or self.totals
        if newest is not None and newest.revision >= event.revision:
            return self
        told = Totals(
            revision=event.revision,
            allowance=event.allowance,
            provisional=event.provisional,
            reported=event.reported,
            exempt=event.exempt,
            excess=event.excess,
        )
        return replace(self, unmatched=told)._matched()

    def dispute_changed(self, event: DisputeEvent) -> CardYear:
        known = self.disputes.get(event.report_id)
        if known is not None and known.revision >= event.revision:
            return self
        dispute = Dispute(isinstance(event, ReportDisputed), event.revision)
        return replace(self, disputes={**self.disputes, event.report_id: dispute})

    def _matched(self) -> CardYear:
        """Take the reports that arrived into the year, if they add up to the totals that balance told.

        If they do not, a message is missing (it lies among the dead letters, or balance is wrong). Then nothing is
        told and the year is held: a statement that is late can be asked for, one that is wrong cannot be seen. A
        replay of the missing message, or the next change that adds up, releases it. Reports newer than the totals
        are left out of the sum: two equal wages would otherwise stand in for each other.
        """
        told = self.unmatched
        if told is None or any(report.revision > told.revision for report in self.arriving.values()):
            return self
        reports = {**self.reports, **self.arriving}
        if not told.match(reports.values()):
            return self
        return replace(self, reports=reports, arriving={}, totals=told, unmatched=None)

    def figures(self, year: int, municipality: str) -> Figures | None:
        """The year as it is to be told; None if there is nothing new to tell."""
        counted = {name: report for name, report in self.reports.items() if report.exempt + report.excess}
        if self.totals is None or (not counted and self.statement is None):
            return None
        figures = Figures(
            revision=1 if self.statement is None else self.statement.revision,
            year=year,
            municipality=municipality,
            provisional=self.totals.provisional,
            allowance=self.totals.allowance,
            reported=self.totals.reported,
            exempt=self.totals.exempt,
            excess=self.totals.excess,
            reports=len(counted),
            employers=_by_employer(counted.values()),
            disputed_employers=tuple(sorted({counted[name].cvr for name in self._disputed() if name in counted})),
        )
        if self.statement is None:
            return figures
        return None if figures == self.statement else replace(figures, revision=self.statement.revision + 1)

    def _disputed(self) -> Iterable[str]:
        return (report_id for report_id, dispute in self.disputes.items() if dispute.stands)


class CardStatements(BaseModel):
    """What exports knows of one card.

    ``cpr`` is the JWE for the tax agency, made once, so that two extracts of the same state are the same bytes.
    ``stated`` are the years that belong in an extract; ``held`` those with earnings of which nothing current can be
    told (the person is not known yet, or the reports do not add up).
    """

    model_config = ConfigDict(frozen=True)

    card_id: str
    card_revision: int = 0
    municipality: str | None = None
    cpr: str | None = None
    years: dict[int, CardYear] = {}
    stated: tuple[int, ...] = ()
    held: tuple[int, ...] = ()

    def at(self, year: int) -> CardYear:
        """What is known of ``year``."""
        return self.years.get(year, CardYear())

    def with_municipality(self, card_revision: int, municipality: str) -> CardStatements:
        """The card with its responsible municipality as of ``card_revision``."""
        if card_revision <= self.card_revision:
            return self
        return self.model_copy(update={"card_revision": card_revision, "municipality": municipality})


_READ = CardIssued | CardHandedOver | ReportSettled | BalanceChanged | DisputeEvent | RepublishStatements


def address(message: Envelope[Any]) -> Address | None:
    """The document of the card; None for messages that change no statement."""
    data = message.data
    if isinstance(data, _READ):
        return Address(data.card_id)
    return None


def decide(seal_cpr: SealCpr, state: CardStatements | None, message: Envelope[Any]) -> Decision[CardStatements]:
    """Take in one event; tell every statement that it changed."""
    data = message.data
    if isinstance(data, RepublishStatements):
        return _republished(state)
    card = state or CardStatements(card_id=data.card_id)
    changed: Mapping[int, CardYear] = card.years  # the responsible municipality stands on every year's statement
    match data:
        case CardIssued():
            card = card.with_municipality(data.revision, data.municipality)
            card = card.model_copy(update={"cpr": seal_cpr(data.person)})
        case CardHandedOver():
            card = card.with_municipality(data.revision, data.municipality)
        case ReportSettled():
            changed = {data.year: card.at(data.year).report_settled(data)}
        case BalanceChanged():
            changed = {data.year: card.at(data.year).balance_changed(data)}
        case ReportDisputed() | DisputeEnded():
            changed = {data.year: card.at(data.year).dispute_changed(data)}
    return _tell(card, changed)


def _republished(card: CardStatements | None) -> Decision[CardStatements]:
    """Publish every statement again under its next revision. A held year is left out: its next match publishes it."""
    if card is None or card.cpr is None:
        return Decision(card)
    years, events = dict(card.years), list[Event]()
    for number, year in sorted(card.years.items()):
        if year.statement is None or year.unmatched is not None:
            continue
        figures = replace(year.statement, revision=year.statement.revision + 1)
        years[number] = replace(year, statement=figures)
        events += [statement_for(authority, card.card_id, card.cpr, figures) for authority in Authority]
    return Decision(card.model_copy(update={"years": years}), tuple(events))


def _tell(card: CardStatements, changed: Mapping[int, CardYear]) -> Decision[CardStatements]:
    events: list[Event] = []
    years = {**card.years, **changed}
    for number in sorted(changed):
        year = years[number]
        if card.cpr is None or card.municipality is None or year.unmatched is not None:
            continue
        figures = year.figures(number, card.municipality)
        if figures is None:
            continue
        years[number] = replace(year, statement=figures)
        events += [statement_for(authority, card.card_id, card.cpr, figures) for authority in Authority]
    after = card.model_copy(update={"years": years, "stated": _stated(years), "held": _held(years)})
    return Decision(after, tuple(events))


def _stated(years: Mapping[int, CardYear]) -> tuple[int, ...]:
    return tuple(sorted(n for n, year in years.items() if year.statement is not None and year.statement.reports))


def _held(years: Mapping[int, CardYear]) -> tuple[int, ...]:
    def is_held(year: CardYear) -> bool:
        untold = year.statement is None and year.totals is not None and year.totals.reported > 0
        return year.unmatched is not None or untold

    return tuple(sorted(number for number, year in years.items() if is_held(year)))


def _by_employer(reports: Iterable[Settled]) -> tuple[EmployerLine, ...]:
    sums: dict[str, tuple[int, int, int]] = {}
    for report in reports:
        count, exempt, excess = sums.get(report.cvr, (0, 0, 0))
        sums[report.cvr] = (count + 1, exempt + report.exempt, excess + report.excess)
    return tuple(
        EmployerLine(cvr=cvr, reports=count, reported=exempt + excess, exempt=exempt, excess=excess)
        for cvr, (count, exempt, excess) in sorted(sums.items())
    )


def statements(seal_cpr: SealCpr) -> Processor[CardStatements]:
    """The processor, with the tax agency's seal."""

    def decide_sealed(
        state: CardStatements | None, message: Envelope[Any], _taken: Collection[str] = ()
    ) -> Decision[CardStatements]:
        return decide(seal_cpr, state, message)

    return Processor(
        name="statements",
        topics=(CARDS, BALANCES, EARNINGS, EXPORTS_JOBS),
        state=CardStatements,
        address=address,
        decide=decide_sealed,
        indexes=("held",),
    )
