"""What a payroll file would give if it were reported now: the commands of its check, and the lines' results. Pure.

Reporting decides the lines of one card in their order, so each counts those before it. The splits are computed
here, from what an employer is shown of the remaining allowance, as those of a single dry run are (decision 0026).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.report_checks import CheckedReport, CheckReports
from frikort_contracts.rules.allowances import Allowances, Split, split
from frikort_contracts.topics import source_of
from frikort_contracts.values import Period, danish_day

from services.gateway.former_employers import may_try
from services.gateway.known_allowance import known_remaining
from services.gateway.payroll.batch import Batch
from services.gateway.payroll.booking import LineOutcome, LineResult, LineSplit
from services.gateway.payroll.lines import ValidLine
from services.gateway.projections.ledgers import TotalsView
from services.gateway.read_models import ReadModelInconsistent

CHECKED_MOST: Final = 100
"""Lines of one card that are checked: they are in one message, for which reporting computes without yielding (0.2 ms a
line). Later lines have no check."""
FILE_CHECKED_MOST: Final = 2_000
"""Lines of a file that are checked, in whole chunks. A chunk sends the earlier lines of its cards again, so that
the commands of a long file would be many times the file; they share their topic with those of all employers.
"""

_SOURCE: Final = source_of("payroll")


class AcceptedLine(NamedTuple):
    """A line that would be accepted: its report does not exist yet."""

    number: int
    split: Split
    provisional: bool


def chunks_to_check(batch: Batch) -> list[int]:
    """The chunks with the first ``FILE_CHECKED_MOST`` lines without errors."""
    chosen: list[int] = []
    lines = 0
    for index, size in enumerate(batch.chunks):
        lines += size.good
        if lines > FILE_CHECKED_MOST:
            break
        if size.good:
            chosen.append(index)
    return chosen


@dataclass
class KnownYear:
    """What a check knows of a card's year: the rest of its allowance in øre, after the lines so far."""

    remaining: int
    provisional: bool


@dataclass
class FileCheck:
    """One attempt at the check of a file, chunk by chunk in the order of the file.

    ``repeated`` are the cards with several lines. ``at`` is the moment for which the check holds.
    """

    batch: Batch
    at: datetime
    allowances: Allowances
    repeated: frozenset[str]
    _earlier: dict[str, list[CheckedReport]] = field(default_factory=dict)
    _years: dict[tuple[str, int], KnownYear] = field(default_factory=dict)
    _accepted: dict[str, AcceptedLine] = field(default_factory=dict)

    def command_id(self, line: ValidLine) -> str:
        """The id of a line's outcome. Another attempt has others: the facts may have changed."""
        return self._id(str(line.number))

    def commands(
        self, lines: Iterable[ValidLine], revisions: Mapping[str, int]
    ) -> tuple[list[ValidLine], list[Record]]:
        """The lines of a chunk that are checked, and the commands for them: one for each card."""
        checked: list[ValidLine] = []
        of_card: dict[str, list[ValidLine]] = {}
        for line in lines:
            some = of_card.setdefault(line.card_id, [])
            if len(self._earlier.get(line.card_id, ())) + len(some) < CHECKED_MOST:
                some.append(line)
                checked.append(line)
        return checked, [self._command(some, revisions) for some in of_card.values() if some]

    def _command(self, lines: Sequence[ValidLine], revisions: Mapping[str, int]) -> Record:
        first = lines[0]
        reports = [_report(line, self.command_id(line)) for line in lines]
        earlier = self._earlier.get(first.card_id, [])
        if first.card_id in self.repeated:
            only_counted = [report.model_copy(update={"command_id": None}) for report in reports]
            self._earlier[first.card_id] = [*earlier, *only_counted]
        command = CheckReports(
            card_id=first.card_id,
            cvr=self.batch.cvr,
            actor=self.batch.actor,
            card_revision=revisions.get(first.card_id, 1),
            owners=self.batch.owners,
            reports=(*earlier, *reports),
        )
        return encode(
            Envelope(
                id=UUID(self._id(f"from {first.number}")),
                time=self.at,
                source=_SOURCE,
                data=command,
                correlation_id=UUID(self.batch.batch_id),
                traceparent=self.batch.traceparent,
            )
        )

    def earlier_reports(self, outcomes: Iterable[LineOutcome]) -> set[str]:
        """The reports outside the file that these outcomes call already reported."""
        found = list(outcomes)
        own = {one.report_id for one in found if not one.already_reported} | self._accepted.keys()
        return {one.report_id for one in found if one.already_reported and one.report_id is not None} - own

    def missing_years(self, lines: Iterable[ValidLine]) -> set[tuple[str, int]]:
        """The cards and years of these lines whose totals are not known yet."""
        return {_year(line) for line in lines} - self._years.keys()

    def results(
        self,
        lines: Iterable[ValidLine],
        outcomes: Mapping[str, LineOutcome],
        splits: Mapping[str, LineSplit],
        totals: Mapping[tuple[str, int], TotalsView],
        periods: Mapping[str, Period],
    ) -> list[LineResult]:
        """The results of the checked lines of a chunk, in their order."""
        return [
            self._result(line, outcomes[self.command_id(line)], splits, totals, periods.get(line.employment_id))
            for line in lines
        ]

    def _result(
        self,
        line: ValidLine,
        outcome: LineOutcome,
        splits: Mapping[str, LineSplit],
        totals: Mapping[tuple[str, int], TotalsView],
        period: Period | None,
    ) -> LineResult:
        if outcome.problem is not None or outcome.report_id is None:
            return LineResult(line.number, "refused", None, 0, 0, outcome.problem, self._detail(outcome))
        if (year := _year(line)) not in self._years:
            self._years[year] = self._known_year(year[1], totals.get(year))
        known = self._years[year]
        parts, provisional = self._settled(outcome, splits) or (None, known.provisional)
        if parts is None:
            parts = split(line.total, known.remaining)
            known.remaining -= parts.exempt
        if not outcome.already_reported and line.card_id in self.repeated:
            self._accepted[outcome.report_id] = AcceptedLine(line.number, parts, provisional)
        of_this_file = outcome.report_id in self._accepted
        is_shown = period is not None and may_try(period, danish_day(self.at))
        return LineResult(
            line.number,
            "already_reported" if outcome.already_reported else "accepted",
            None if of_this_file or not outcome.already_reported else outcome.report_id,
            parts.exempt if is_shown else 0,
            parts.excess if is_shown else 0,
            None,
            {},
            provisional=provisional and is_shown,
            corrected=outcome.corrected_since,
            unshown=not is_shown,
        )

    def _known_year(self, year: int, totals: TotalsView | None) -> KnownYear:
        """The ledger's amounts: a report would be split by them too. Those in force, for a first report."""
        if totals is not None:
            return KnownYear(known_remaining(totals.remaining), totals.provisional)
        row = self.allowances.in_force(year, danish_day(self.at))
        if row is None:
            raise ReadModelInconsistent(f"reporting has an allowance for {year}, and the payroll process has none")
        return KnownYear(known_remaining(row.allowance), row.provisional)

    def _settled(self, outcome: LineOutcome, splits: Mapping[str, LineSplit]) -> tuple[Split, bool] | None:
        """The split of a report that was accepted before, and whether it is provisional."""
        if not outcome.already_reported or outcome.report_id is None:
            return None
        if outcome.report_id in self._accepted:
            return self._accepted[outcome.report_id].split, self._accepted[outcome.report_id].provisional
        settled = splits[outcome.report_id]
        return Split(settled.exempt, settled.excess), settled.provisional

    def _detail(self, outcome: LineOutcome) -> dict[str, str | int]:
        """The facts of a refusal. A report of the file does not exist yet: its line stands for it."""
        report_id = outcome.detail.get("report_id")
        if report_id not in self._accepted:
            return outcome.detail
        others = {name: fact for name, fact in outcome.detail.items() if name != "report_id"}
        return {**others, "line": self._accepted[str(report_id)].number}

    def _id(self, name: str) -> str:
        return str(uuid5(UUID(self.batch.batch_id), f"check {self.batch.attempt}: {name}"))


def _report(line: ValidLine, command_id: str) -> CheckedReport:
    return CheckedReport(
        command_id=command_id,
        employment_id=line.employment_id,
        reference=line.reference or None,
        report_id=line.report_id,
        reference_ciphertext=line.reference_ciphertext,
        work=line.work,
        payment_date=line.paid_on,
        components=line.components,
        allow_duplicate=line.allow_duplicate,
        allow_large_amount=line.allow_large_amount,
    )


def _year(line: ValidLine) -> tuple[str, int]:
    return line.card_id, line.paid_on.year
