"""The reports of a card's year by payment date: the splits of balance, on the days that reporting has. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.reporting import EarningsCorrected, EarningsReported, EarningsWithdrawn, ReportContent

from services.runtime.processing.entries import EntryMap

EarningsEvent = EarningsReported | EarningsCorrected | EarningsWithdrawn


class Line(NamedTuple):
    """One report: its split in øre, as of a revision of the ledger, and its payment date (ISO).

    ``split_of`` and ``day_of`` are the report's revisions to which the split and the date belong; 0 while unknown.
    """

    exempt: int = 0
    excess: int = 0
    ledger_revision: int = 0
    split_of: int = 0
    day: str = ""
    day_of: int = 0

    @property
    def is_known(self) -> bool:
        """Whether split and date belong to the same revision of the report."""
        return self.split_of == self.day_of

    @property
    def counts(self) -> bool:
        """Whether the report has an amount on a day."""
        return self.is_known and self.exempt + self.excess > 0


class DaySums(NamedTuple):
    """The reports paid on one day: their number, and their amounts in øre."""

    reports: int = 0
    exempt: int = 0
    excess: int = 0


class Totals(NamedTuple):
    """The totals of the year in øre, as of a revision of the ledger."""

    revision: int = 0
    exempt: int = 0
    excess: int = 0


@dataclass(frozen=True, slots=True)
class PaymentDays:
    """A year by payment date.

    ``lines`` has a ``Line`` for each report id. ``days`` are the sums of those that count; ``unknown`` are reports
    whose split and date do not belong together yet. ``latest_split`` is the latest revision of the ledger of a split,
    ``revision`` the sum of the revisions of all reports: it rises with every change of a date.
    """

    lines: EntryMap
    days: Mapping[str, DaySums] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    latest_split: int = 0
    totals: Totals = field(default_factory=Totals)
    revision: int = 0

    def report_settled(self, event: ReportSettled) -> PaymentDays:
        """The year after a split. An older one changes nothing."""
        line = self._line(event.report_id)
        if line.ledger_revision >= event.revision:
            return self
        changed = line._replace(
            exempt=event.exempt,
            excess=event.excess,
            ledger_revision=event.revision,
            split_of=event.report_revision,
        )
        after = self._with_line(event.report_id, line, changed)
        return replace(after, latest_split=max(self.latest_split, event.revision))

    def report_dated(self, event: EarningsEvent) -> PaymentDays:
        """The year after a report, a correction or a withdrawal, which keeps the date. An older one changes nothing."""
        line = self._line(event.report_id)
        if line.day_of >= event.revision:
            return self
        day = event.payment_date.isoformat() if isinstance(event, ReportContent) else line.day
        after = self._with_line(event.report_id, line, line._replace(day=day, day_of=event.revision))
        return replace(after, revision=self.revision + event.revision - line.day_of)

    def balance_changed(self, event: BalanceChanged) -> PaymentDays:
        """The year after totals. Older ones change nothing."""
        if self.totals.revision >= event.revision:
            return self
        return replace(self, totals=Totals(event.revision, event.exempt, event.excess))

    def add_up_to(self, exempt: int, excess: int) -> bool:
        """Whether the days are complete, and their sums are these amounts of a statement."""
        if self.unknown or self.totals.revision < self.latest_split:
            return False
        sums = sum(day.exempt for day in self.days.values()), sum(day.excess for day in self.days.values())
        return sums == (exempt, excess) == (self.totals.exempt, self.totals.excess)

    def _line(self, report_id: str) -> Line:
        return Line(*self.lines.get(report_id) or ())

    def _with_line(self, report_id: str, before: Line, after: Line) -> PaymentDays:
        days = dict(self.days)
        _add(days, before, -1)
        _add(days, after, 1)
        others = tuple(name for name in self.unknown if name != report_id)
        return replace(
            self,
            lines=self.lines.with_entries({report_id: list(after)}),
            days=days,
            unknown=others if after.is_known else (*others, report_id),
        )


def _add(days: dict[str, DaySums], line: Line, times: int) -> None:
    if line.counts:
        reports, exempt, excess = days.get(line.day, DaySums())
        days[line.day] = DaySums(reports + times, exempt + times * line.exempt, excess + times * line.excess)
        if days[line.day].reports == 0:
            del days[line.day]
