"""The rules, a second time and as plainly as possible: what must have become of each command, by the log alone.

Commands about a card are decided in the order in which they stand in the log (those that wait for a card event let no
other overtake them). What reporting knew of the card is not in the log; it was at least what the command's sender had
seen, and it never goes back. So every state of the card from there on is tried, and one must explain the outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from contracts.allowances import AllowanceTable

Json = Mapping[str, Any]
ACCEPTED = "accepted"
_DAY = timedelta(days=1)
_DENMARK = ZoneInfo("Europe/Copenhagen")


def danish(time: str) -> date:
    """The Danish day of a moment."""
    return datetime.fromisoformat(time).astimezone(_DENMARK).date()


@dataclass(frozen=True)
class Facts:
    """A card as of one revision: ``days`` are pairs of first and last active day."""

    number: str
    birth_check: str
    days: tuple[tuple[date, date], ...]

    def active(self, first: date, last: date) -> bool:
        """Whether every day is an active one."""
        day = first
        while day <= last:
            if not any(begin <= day <= end for begin, end in self.days):
                return False
            day += _DAY
        return True

    def after(self, kind: str, event: Json) -> Facts:
        """The card after one more event."""
        number, days = event.get("number", self.number), self.days
        if kind == "deactivated":
            begin, last = days[-1][0], date.fromisoformat(event["last_active_day"])
            days = (*days[:-1], (begin, max(begin, last)))
        elif kind == "reactivated":
            days = (*days, (date.fromisoformat(event["active_from"]), date.max))
        return Facts(number, self.birth_check, days)


def facts_of(events: Iterator[tuple[str, Json]]) -> list[Facts]:
    """The card as of each revision, from its events in order."""
    facts: list[Facts] = []
    for kind, event in events:
        if kind == "issued":
            begin = date.fromisoformat(event["active_from"])
            facts.append(Facts(event["number"], event["person"]["birth_check"], ((begin, date.max),)))
        else:
            facts.append(facts[-1].after(kind, event))
    return facts


@dataclass
class Report:
    """A report, and everything that it ever said."""

    said: Json
    contents: list[Json]
    year: int
    withdrawn: bool = False


@dataclass
class Employment:
    """An employment and its reports by id."""

    cvr: str
    first: date
    last: date
    reports: dict[str, Report] = field(default_factory=dict)


@dataclass
class CardBook:
    """What reporting must know of a card beside the card itself."""

    allowances: AllowanceTable
    provisional: bool
    employments: dict[str, Employment] = field(default_factory=dict)
    references: dict[tuple[str, str], Report] = field(default_factory=dict)

    def verdict(self, kind: str, command: Json, time: str, card: Facts) -> str:
        """``accepted``, or the problem."""
        today = danish(time)
        if kind == "employment.register":
            return self._register(command, card)
        employment = self.employments.get(command["employment_id"])
        if employment is None or employment.cvr != command["cvr"]:
            return "employment-unknown"
        if kind == "employment.change":
            return self._change(employment, command)
        if kind == "earnings.report":
            return self._report(employment, command, card, today)
        report = employment.reports.get(command["report_id"])
        if report is None:
            return "report-unknown"
        if report.withdrawn:
            return "report-withdrawn"
        if kind == "earnings.withdraw":
            return ACCEPTED
        if int(command["payment_date"][:4]) != report.year:
            return "payment-year-changed"
        return self._check(employment, command, card, today)

    def take(self, kind: str, command: Json, outcome: Json) -> None:
        """Enter an accepted command."""
        if kind == "employment.register":
            first, last = _days(command["period"])
            self.employments[outcome["employment_id"]] = Employment(command["cvr"], first, last)
            return
        employment = self.employments[command["employment_id"]]
        if kind == "employment.change":
            employment.first, employment.last = _days(command["period"])
        elif kind == "earnings.withdraw":
            employment.reports[command["report_id"]].withdrawn = True
        elif kind == "earnings.correct":
            report = employment.reports[command["report_id"]]
            report.said = _said(command)
            report.contents.append(report.said)
        elif not outcome.get("known") and not outcome.get("dry_run"):
            said = _said(command)
            report = Report(said, [said], int(command["payment_date"][:4]))
            employment.reports[outcome["report_id"]] = report
            self.references[command["employment_id"], command["reference"]] = report

    def _register(self, command: Json, card: Facts) -> str:
        if (command["number"], command["birth_check"]) != (card.number, card.birth_check):
            return "number-or-birth-date-wrong"
        first, last = _days(command["period"])
        if not any(begin <= last and first <= end for begin, end in card.days):
            return "card-not-active"
        return self._overlap(command["cvr"], first, last, None)

    def _change(self, employment: Employment, command: Json) -> str:
        first, last = _days(command["period"])
        for report in employment.reports.values():
            begin, end = _days(report.said["work"])
            if not report.withdrawn and not (first <= begin and end <= last):
                return "employment-has-reports-outside"
        return self._overlap(command["cvr"], first, last, employment)

    def _overlap(self, cvr: str, first: date, last: date, this: Employment | None) -> str:
        for other in self.employments.values():
            if other is not this and other.cvr == cvr and first <= other.last and other.first <= last:
                return "employment-exists"
        return ACCEPTED

    def _report(self, employment: Employment, command: Json, card: Facts, today: date) -> str:
        earlier = self.references.get((command["employment_id"], command["reference"]))
        if earlier is not None:
            if _said(command) not in earlier.contents:
                return "reference-reused"
            return "report-withdrawn" if earlier.withdrawn else ACCEPTED
        problem = self._check(employment, command, card, today)
        if problem != ACCEPTED or command["twin"]:
            return problem
        for report in employment.reports.values():
            same = all(report.said[name] == command[name] for name in ("payment_date", "components"))
            if same and not report.withdrawn:
                return "possible-duplicate"
        return ACCEPTED

    def _check(self, employment: Employment, command: Json, card: Facts, today: date) -> str:
        total = sum(command["components"].values())
        first, last = _days(command["work"])
        paid = date.fromisoformat(command["payment_date"])
        allowance = self.allowances.get(paid.year)
        problems = (
            ("amount-zero", total == 0),
            ("amount-absurd", total > 100_000_000),
            ("payment-in-future", paid > today),
            ("payment-before-work", paid < first),
            ("work-outside-employment", not (employment.first <= first and last <= employment.last)),
            ("card-not-active", not card.active(first, last)),
            ("year-without-allowance", allowance is None),
            ("year-provisional", allowance is not None and allowance.provisional and not self.provisional),
        )
        return next((problem for problem, is_true in problems if is_true), ACCEPTED)


@dataclass
class CardFile:
    """What issuance must know of a card."""

    municipality: str
    issued: int
    active: bool = True

    def verdict(self, kind: str, command: Json, time: str) -> str:
        """``accepted``, or the problem; an accepted command is entered."""
        year = danish(time).year
        if command["municipality"] != self.municipality:
            return "card-unknown"
        match kind:
            case "card.deactivate" if not self.active:
                return "card-already-deactivated"
            case "card.reactivate" if self.active:
                return "card-already-active"
            case "card.hand-over" if command["to_municipality"] == self.municipality:
                return "same-municipality"
            case "card.record-control" if year <= self.issued:
                return "control-not-due"
            case "card.deactivate" | "card.reactivate":
                self.active = kind == "card.reactivate"
            case "card.hand-over":
                self.municipality = command["to_municipality"]
        return ACCEPTED


def _said(command: Json) -> Json:
    return {name: command[name] for name in ("payment_date", "work", "components")}


def _days(period: Json) -> tuple[date, date]:
    last = period["last"]
    return date.fromisoformat(period["first"]), date.max if last is None else date.fromisoformat(last)
