"""One year of one card: the splits of its reports, the totals that they must add up to, and the statement of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.extracts import EmployerLine
from frikort_contracts.reporting import DisputeEvent

from services.exports.feeds import StatementData
from services.runtime.processing.entries import EntryMap


class ReportSplit(NamedTuple):
    """The split of one report in øre, and the ledger revision that it comes from.

    ``disputed`` is as of ``dispute_revision``. Revision 0: only a dispute is known of the report yet.
    """

    cvr: str = ""
    exempt: int = 0
    excess: int = 0
    revision: int = 0
    disputed: bool = False
    dispute_revision: int = 0

    @property
    def is_counted(self) -> bool:
        """Whether the report has an amount; a withdrawn one has none."""
        return self.exempt + self.excess > 0


class EmployerSums(NamedTuple):
    """The counted reports of one employer: their number, their amounts in øre, and the number of disputed ones."""

    reports: int = 0
    exempt: int = 0
    excess: int = 0
    disputed: int = 0


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
    shows half a change. ``reports`` has a ``ReportSplit`` for each report id. A withdrawn report keeps its split, at
    zero. ``employers`` are the sums of ``reports`` by CVR number, so that a statement costs the same however many
    reports it has. A dispute can be known before its report; it is published together with the report. ``statement`` is
    the latest published one, and ``dispute_changes`` the sum of the revisions of all disputes.
    """

    reports: EntryMap
    employers: Mapping[str, EmployerSums] = field(default_factory=dict)
    arriving: Mapping[str, ReportSplit] = field(default_factory=dict)
    totals: YearTotals | None = None
    unmatched: YearTotals | None = None
    statement: StatementData | None = None
    dispute_changes: int = 0

    def report_settled(self, event: ReportSettled) -> CardYear:
        """The year after a split. An older split, from a replayed dead letter, changes nothing."""
        earlier = self.arriving.get(event.report_id) or self._split(event.report_id)
        if earlier.revision >= event.revision:
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
        earlier = self._split(event.report_id)
        if earlier.dispute_revision >= event.revision:
            return self
        changed = earlier._replace(disputed=event.is_open, dispute_revision=event.revision)
        after = self._with_splits({event.report_id: changed}, self._employers_after({event.report_id: changed}))
        return replace(after, dispute_changes=self.dispute_changes + event.revision - earlier.dispute_revision)

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
            revision=self.totals.revision + self.dispute_changes + card_revision - 1,
            year=year,
            municipality=municipality,
            provisional=self.totals.provisional,
            allowance=self.totals.allowance,
            reported=self.totals.reported,
            exempt=self.totals.exempt,
            excess=self.totals.excess,
            reports=sum(sums.reports for sums in self.employers.values()),
            employers=tuple(_line(cvr, sums) for cvr, sums in sorted(self.employers.items())),
            disputed_employers=tuple(sorted(cvr for cvr, sums in self.employers.items() if sums.disputed)),
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
        arrived = {report_id: self._arrived(report_id, split) for report_id, split in self.arriving.items()}
        employers = self._employers_after(arrived)
        if not totals.match(employers.values()):
            return self
        return replace(self._with_splits(arrived, employers), arriving={}, totals=totals, unmatched=None)

    def splits(self) -> Iterator[tuple[str, ReportSplit]]:
        """The counted splits of all reports, by report id. Raises ``EntriesNotLoaded``."""
        splits = ((report_id, ReportSplit(*stored)) for report_id, stored in self.reports.items())
        return ((report_id, split) for report_id, split in splits if split.revision)

    def _split(self, report_id: str) -> ReportSplit:
        """The counted split of a report."""
        return ReportSplit(*self.reports.get(report_id) or ())

    def _arrived(self, report_id: str, split: ReportSplit) -> ReportSplit:
        earlier = self._split(report_id)
        return split._replace(disputed=earlier.disputed, dispute_revision=earlier.dispute_revision)

    def _with_splits(self, splits: Mapping[str, ReportSplit], employers: Mapping[str, EmployerSums]) -> CardYear:
        reports = self.reports.with_entries({report_id: list(split) for report_id, split in splits.items()})
        return replace(self, reports=reports, employers=employers)

    def _employers_after(self, splits: Mapping[str, ReportSplit]) -> dict[str, EmployerSums]:
        """The sums with these splits in place of the earlier ones of the same reports."""
        sums = dict(self.employers)
        for report_id, split in splits.items():
            add_split(sums, self._split(report_id), -1)
            add_split(sums, split, 1)
        return {cvr: each for cvr, each in sums.items() if each.reports}


def add_split(sums: dict[str, EmployerSums], split: ReportSplit, times: int) -> None:
    """Add a report to the sums of its employer; with ``times`` -1, subtract it."""
    if split.is_counted:
        count, exempt, excess, disputed = sums.get(split.cvr, EmployerSums())
        sums[split.cvr] = EmployerSums(
            count + times,
            exempt + times * split.exempt,
            excess + times * split.excess,
            disputed + times * split.disputed,
        )


def _line(cvr: str, sums: EmployerSums) -> EmployerLine:
    count, exempt, excess, _ = sums
    return EmployerLine(cvr=cvr, reports=count, reported=exempt + excess, exempt=exempt, excess=excess)
