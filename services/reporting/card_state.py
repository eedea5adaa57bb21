"""The state of one card in reporting: its active days, and its employments with their reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self

from frikort_contracts.issuance import AnyCardEvent, CardDeactivated, CardIssued, CardNumberReplaced, CardReactivated
from frikort_contracts.reporting import CorrectReport, DisputeDecision, ReportEarnings
from frikort_contracts.values import Components, Period, Revision, WorkPeriod, Year
from pydantic import TypeAdapter

from services.reporting.deferred_commands import DeferredCommand
from services.reporting.look_alikes import changed_look_alikes
from services.runtime.processing.entries import EntryMap

ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Report:
    """An accepted report as of its latest revision.

    ``place`` is its place in the order of acceptance of the card's reports. The employer's own reference is in the
    clear or encrypted. ``fingerprints`` cover every content that the report ever had. ``dispute_revision`` counts the
    events about its disputes. ``decision`` is the municipality's about the open dispute, or that the report stands as
    it is.
    """

    employment_id: str
    place: int
    revision: Revision
    reference: str | None
    year: Year
    payment_date: date
    work: WorkPeriod
    components: Components
    fingerprints: tuple[str, ...]
    withdrawn: bool = False
    disputed: bool = False
    dispute_revision: int = 0
    decision: DisputeDecision | None = None
    reference_ciphertext: str | None = None


_REPORT: Final = TypeAdapter(Report)


@dataclass(frozen=True, slots=True)
class Employment:
    """An employment. ``card_number`` is the number that the employer registered."""

    cvr: str
    revision: Revision
    period: Period
    contact: str
    card_number: str | None = None
    label: str | None = None
    no_work: tuple[WorkPeriod, ...] = ()


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What reporting knows of a card from issuance. Revision 0: no card event has arrived yet."""

    revision: int = 0
    number: str = ""
    cpr_hash: str = ""
    birth_check: str = ""
    active: tuple[Period, ...] = ()


_CARD: Final = TypeAdapter(CardFacts)
_EMPLOYMENTS: Final = TypeAdapter(dict[str, Employment])
_DEFERRED: Final = TypeAdapter(tuple[DeferredCommand, ...])


class CardState(NamedTuple):
    """Everything that reporting knows of one card; ``deferred`` are commands that arrived before their card event.

    ``reports`` are the reports of all employments by report id, in their stored form. ``look_alikes`` finds those that
    a new report may repeat, see ``look_alikes.py``. ``accepted`` is the number of reports and corrections that were
    accepted, by payment year.
    """

    card_id: str
    card: CardFacts = CardFacts()
    employments: Mapping[str, Employment] = MappingProxyType({})
    reports: EntryMap = EntryMap("reports")
    look_alikes: EntryMap = EntryMap("look_alikes")
    accepted: Mapping[int, int] = MappingProxyType({})
    deferred: tuple[DeferredCommand, ...] = ()

    def to_stored(self) -> dict[str, Any]:
        """See ``PlainState``. Reports and look-alikes are in their stored form already."""
        return {
            "card_id": self.card_id,
            "card": _CARD.dump_python(self.card, mode="json"),
            "employments": _EMPLOYMENTS.dump_python(dict(self.employments), mode="json"),
            "reports": self.reports.to_stored(),
            "look_alikes": self.look_alikes.to_stored(),
            "accepted": {str(year): count for year, count in self.accepted.items()},
            "deferred": _DEFERRED.dump_python(self.deferred, mode="json"),
        }

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Self:
        """See ``PlainState``. A field that only a later release knows is ignored."""
        return cls(
            card_id=stored["card_id"],
            card=_CARD.validate_python(stored["card"]),
            employments=_EMPLOYMENTS.validate_python(stored["employments"]),
            reports=EntryMap.from_stored(stored["reports"]),
            look_alikes=EntryMap.from_stored(stored["look_alikes"]),
            accepted={int(year): count for year, count in stored["accepted"].items()},
            deferred=_DEFERRED.validate_python(stored["deferred"]),
        )

    def with_card(self, card: CardFacts) -> CardState:
        """The state with newer facts of the card."""
        return self._replace(card=card)

    def with_deferred(self, deferred: tuple[DeferredCommand, ...]) -> CardState:
        """The state with these deferred commands."""
        return self._replace(deferred=deferred)

    def with_employment(self, employment_id: str, employment: Employment) -> CardState:
        """The state with this employment added or replaced."""
        return self._replace(employments={**self.employments, employment_id: employment})

    def report(self, employment_id: str, report_id: str) -> Report | None:
        """The report, if it is one of this employment."""
        report = self._report(report_id)
        return None if report is None or report.employment_id != employment_id else report

    def has_report(self, report_id: str) -> bool:
        """Whether any employment of the card has this report."""
        return report_id in self.reports

    def reports_of(self, employment_id: str) -> list[tuple[str, Report]]:
        """All reports of an employment with their ids, in the order of acceptance."""
        found = (one for one in self.all_reports() if one[1].employment_id == employment_id)
        return sorted(found, key=lambda one: one[1].place)

    def all_reports(self) -> Iterator[tuple[str, Report]]:
        """All reports with their ids. Raises ``EntriesNotLoaded``."""
        return ((report_id, _REPORT.validate_python(stored)) for report_id, stored in self.reports.items())

    def with_report(self, report_id: str, report: Report) -> CardState:
        """The state with this report added or replaced."""
        earlier = self._report(report_id)
        return self._replace(
            reports=self.reports.with_entries({report_id: _REPORT.dump_python(report, mode="json")}),
            look_alikes=self.look_alikes.with_entries(
                changed_look_alikes(self.look_alikes, report_id, earlier, report)
            ),
        )

    def with_accepted(self, report_id: str, report: Report) -> CardState:
        """The state with this report after a new or corrected content of it was accepted."""
        accepted = {**self.accepted, report.year: self.accepted.get(report.year, 0) + 1}
        return self.with_report(report_id, report)._replace(accepted=accepted)

    def _report(self, report_id: str) -> Report | None:
        stored = self.reports.get(report_id)
        return None if stored is None else _REPORT.validate_python(stored)


def apply_card_event(card: CardFacts, event: AnyCardEvent) -> CardFacts:
    """The facts after ``event``. Hand-overs, controls and mandates change only the revision."""
    match event:
        case CardIssued():
            return CardFacts(
                revision=event.revision,
                number=event.number,
                cpr_hash=event.person.cpr_hash,
                birth_check=event.person.birth_check,
                active=(Period(first=event.active_from),),
            )
        case CardDeactivated():
            *earlier, current = card.active
            # Gateway clocks differ: around midnight the last active day can precede the first.
            last = max(current.first, event.last_active_day)
            return replace(card, revision=event.revision, active=(*earlier, Period(first=current.first, last=last)))
        case CardReactivated():
            return replace(card, revision=event.revision, active=(*card.active, Period(first=event.active_from)))
        case CardNumberReplaced():
            return replace(card, revision=event.revision, number=event.number)
    return replace(card, revision=event.revision)


def fingerprint(command: ReportEarnings | CorrectReport) -> str:
    """A short digest of a report's content: payment date, work period and components."""
    content = (
        command.payment_date.isoformat(),
        command.work.first.isoformat(),
        command.work.last.isoformat(),
        *(str(amount) for _, amount in sorted(command.components)),
    )
    return sha256("|".join(content).encode()).hexdigest()[:16]


def first_day_not_covered(work: WorkPeriod, active: Iterable[Period]) -> date | None:
    """The first day of ``work`` outside every ``active`` period; None if each day lies in one."""
    day = work.first
    for period in sorted(active, key=lambda p: p.first):
        if period.first > day:
            break
        if period.last is None or period.last >= work.last:
            return None
        day = max(day, period.last + ONE_DAY)
    return day
