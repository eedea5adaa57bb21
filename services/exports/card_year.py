"""One year of one card: the splits of its reports, the totals that they must add up to, and the statement of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.extracts import EmployerLine
from frikort_contracts.reporting import DisputeEvent

from services.exports.feeds import StatementData


class ReportSplit(NamedTuple):
    """The split of one report in øre, and the ledger revision that it comes from."""

    cvr: str
    exempt: int
    excess: int
    revision: int

    @property
    def is_counted(self) -> bool:
        """Whether the report has an amount; a withdrawn one has none."""
        return self.exempt + self.excess > 0


class EmployerSums(NamedTuple):
    """The counted reports of one employer: their number, and their amounts in øre."""

    reports: int = 0
    exempt: int = 0
    excess: int = 0


class DisputeState(NamedTuple):
    """Whether a report is disputed, and the dispute revision that says so."""

    is_open: bool
    revision: int


@dataclass(frozen=True, slots=True)
class YearTotals:
    """The totals that balance published for the year, in øre."""

    revision: int
    allowance: int
    provisional: bool
    reported: int
    exempt: int
    excess: int

    def match(self, employers: Iterable[EmployerSums]) -> bool:
        """Whether the sums of all employers add up to these totals."""
        exempt = excess = 0
        for sums in employers:
            exempt += sums.exempt
            excess += sums.excess
        return (self.reported, self.exempt, self.excess) == (exempt + excess, exempt, excess)


@dataclass(frozen=True, slots=True)
class CardYear:
    """One year of one card.

    Balance publishes a change as several events: the splits, then the totals. New splits stay in ``arriving``, and new
    totals in ``unmatched``, until they add up; only then do they become ``reports`` and ``totals``, so no statement
    shows half a change. A withdrawn report keeps its split, at zero. ``employers`` are the sums of ``reports`` by CVR
    number, so that a statement costs the same however many reports it has. A dispute can be known before its report; it
    is published together with the report. ``statement`` is the latest published one.
    """

    reports: Mapping[str, ReportSplit] = field(default_factory=dict)
    employers: Mapping[str, EmployerSums] = field(default_factory=dict)
    arriving: Mapping[str, ReportSplit] = field(default_factory=dict)
    disputes: Mapping[str, DisputeState] = field(default_factory=dict)
    totals: YearTotals | None = None
    unmatched: YearTotals | None = None
    statement: StatementData | None = None

    def report_settled(self, event: ReportSettled) -> CardYear:
        """The year after a split. An older split, from a replayed dead letter, changes nothing."""
        earlier = self.arriving.get(event.report_id) or self.reports.get(event.report_id)
        if earlier is not None and earlier.revision >= event.revision:
            return self
        split = ReportSplit(event.cvr, event.exempt, event.excess, event.revision)
        return replace(self, arriving={**self.arriving, event.report_id: split})._matched()

    def balance_changed(self, event: BalanceChanged) -> CardYear:
        """The year after totals. Older totals change nothing."""
        newest = self.unmatched or self.totals
        if newest is not None and newest.revision >= event.revision:
            return self
        totals = YearTotals(
            revision=event.revision,
            allowance=event.allowance,
            provisional=event.provisional,
            reported=event.reported,
            exempt=event.exempt,
            excess=event.excess,
        )
        return replace(self, unmatched=totals)._matched()

    def dispute_changed(self, event: DisputeEvent) -> CardYear:
        """The year after a change to a dispute. An older dispute event changes nothing."""
        earlier = self.disputes.get(event.report_id)
        if earlier is not None and earlier.revision >= event.revision:
            return self
        dispute = DisputeState(event.is_open, event.revision)
        return replace(self, disputes={**self.disputes, event.report_id: dispute})

    @property
    def is_stated(self) -> bool:
        """Whether the year belongs in an extract: it has a statement with at least one report."""
        return self.statement is not None and self.statement.reports > 0

    @property
    def is_pending(self) -> bool:
        """Whether there are earnings for which no current statement can be published."""
        unpublished = self.statement is None and self.totals is not None and self.totals.reported > 0
        return self.unmatched is not None or unpublished

    def next_statement(self, year: int, municipality: str, card_revision: int) -> StatementData | None:
        """The statement to publish; None if none is due or nothing in it would change.

        Its revision follows from what it states, not from how often it was published: a database that was restored and
        reads its topics again comes to the revisions that it had published before, or to later ones. An authority
        would ignore a lower one, however right it is.
        """
        if self.unmatched is not None or self.totals is None or (not self.employers and self.statement is None):
            return None
        current = StatementData(
            revision=self.totals.revision + sum(one.revision for one in self.disputes.values()) + card_revision - 1,
            year=year,
            municipality=municipality,
            provisional=self.totals.provisional,
            allowance=self.totals.allowance,
            reported=self.totals.reported,
            exempt=self.totals.exempt,
            excess=self.totals.excess,
            reports=sum(sums.reports for sums in self.employers.values()),
            employers=tuple(_line(cvr, sums) for cvr, sums in sorted(self.employers.items())),
            disputed_employers=_disputed_employers(self.reports, self.disputes),
        )
        if self.statement is None:
            return current
        if replace(current, revision=self.statement.revision) == self.statement:
            return None
        return replace(current, revision=max(current.revision, self.statement.revision + 1))

    def _matched(self) -> CardYear:
        """The year with the arrived splits counted, if they add up to the totals.

        If they do not, a message is missing: it is a dead letter, or balance is wrong. The year then stays pending,
        because a late statement can be asked for and a wrong one cannot be recognised. A replay of the missing message,
        or the next change that adds up, ends that. With a split newer than the totals the year stays pending too,
        because two equal wages could otherwise stand in for each other.
        """
        totals = self.unmatched
        if totals is None or any(split.revision > totals.revision for split in self.arriving.values()):
            return self
        employers = _with_arrived(self.employers, self.reports, self.arriving)
        if not totals.match(employers.values()):
            return self
        reports = {**self.reports, **self.arriving}
        return replace(self, reports=reports, employers=employers, arriving={}, totals=totals, unmatched=None)


def _with_arrived(
    employers: Mapping[str, EmployerSums], reports: Mapping[str, ReportSplit], arriving: Mapping[str, ReportSplit]
) -> dict[str, EmployerSums]:
    """The sums with the arrived splits in place of the earlier ones of the same reports."""
    sums = dict(employers)
    for report_id, split in arriving.items():
        if (earlier := reports.get(report_id)) is not None:
            _add(sums, earlier, -1)
        _add(sums, split, 1)
    return {cvr: each for cvr, each in sums.items() if each.reports}


def _add(sums: dict[str, EmployerSums], split: ReportSplit, times: int) -> None:
    if split.is_counted:
        count, exempt, excess = sums.get(split.cvr, EmployerSums())
        sums[split.cvr] = EmployerSums(count + times, exempt + times * split.exempt, excess + times * split.excess)


def _line(cvr: str, sums: EmployerSums) -> EmployerLine:
    count, exempt, excess = sums
    return EmployerLine(cvr=cvr, reports=count, reported=exempt + excess, exempt=exempt, excess=excess)


def _disputed_employers(reports: Mapping[str, ReportSplit], disputes: Mapping[str, DisputeState]) -> tuple[str, ...]:
    disputed = (reports.get(report_id) for report_id, dispute in disputes.items() if dispute.is_open)
    return tuple(sorted({split.cvr for split in disputed if split is not None and split.is_counted}))
