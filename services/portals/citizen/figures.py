"""What the citizen's pages say of the API's figures. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import Final

from frikort_contracts.http.balances import BalanceResource, WarningResource
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.reports import CardReportResource

_SEVEREST_FIRST: Final = ("exceeded", "reached", "near")


@dataclass(frozen=True)
class Month:
    """What was paid in a month, in øre: within the allowance, and above it."""

    number: int
    exempt: int
    excess: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.exempt + self.excess


@dataclass(frozen=True)
class Growth:
    """A report and what the year had come to with it, in øre."""

    report: CardReportResource
    total: int
    remaining: int


def counted(reports: Iterable[CardReportResource], year: int) -> list[CardReportResource]:
    """The reports that count in ``year``, by the day of payment. One without its split yet comes in a moment."""
    own = (one for one in reports if one.year == year and one.status == "accepted" and one.split is not None)
    return sorted(own, key=lambda report: (report.payment_date, report.report_id))


def by_month(reports: Iterable[CardReportResource]) -> list[Month]:
    """The twelve months of a year's counted reports, by the month of payment."""
    sums = {number: [0, 0] for number in range(1, 13)}
    for report in reports:
        if report.split is not None:
            sums[report.payment_date.month][0] += report.split.exempt_ore
            sums[report.payment_date.month][1] += report.split.excess_ore
    return [Month(number, exempt, excess) for number, (exempt, excess) in sums.items()]


def growth(reports: Sequence[CardReportResource], allowance: int) -> list[Growth]:
    """How a year's counted reports, in order, use the allowance up."""
    totals = accumulate(report.total_ore for report in reports)
    return [Growth(report, total, max(0, allowance - total)) for report, total in zip(reports, totals, strict=True)]


def standing(balance: BalanceResource) -> WarningResource | None:
    """The severest warning of the year that nothing has made untrue."""
    stand = {warning.threshold: warning for warning in balance.warnings if warning.withdrawn_at is None}
    return next((stand[threshold] for threshold in _SEVEREST_FIRST if threshold in stand), None)


def latest(reports: Iterable[CardReportResource], most: int) -> list[CardReportResource]:
    """The last reports by the day of payment, newest first."""
    return sorted(reports, key=lambda report: (report.payment_date, report.report_id), reverse=True)[:most]


def active_through(card: OwnCardResource) -> date | None:
    """The last day on which a deactivated card was active; None if there was none."""
    return max((days.last for days in card.active_periods if days.last is not None), default=None)
