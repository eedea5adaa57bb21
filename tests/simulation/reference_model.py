"""The reference model: a second, simple implementation of the rules, which works from the topics alone.

It gives the expected outcome of each command. Commands about a card are decided in the order of their offsets; a
deferred command is not overtaken. The topics do not show which card revision reporting knew at a decision. It was at
least the revision that the sender had read, and it never decreases. The outcome must be right for one of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from frikort_contracts.rules.allowances import AllowanceTable

Json = Mapping[str, Any]
ACCEPTED = "accepted"
FEW_MANDATES = 2  # instead of twenty, so that runs reach the limit
_BY_CITIZENS_SIDE = ("report.dispute", "report.withdraw-dispute", "report.decide-dispute")
_STANDS = "report-stands"
_DAY = timedelta(days=1)
_DENMARK = ZoneInfo("Europe/Copenhagen")


def danish(time: str) -> date:
    """The Danish date of an ISO 8601 timestamp."""
    return datetime.fromisoformat(time).astimezone(_DENMARK).date()


@dataclass(frozen=True)
class Facts:
    """A card at one revision; ``days`` are pairs of first and last active day."""

    number: str
    birth_check: str
    days: tuple[tuple[date, date], ...]

    def active(self, first: date, last: date) -> bool:
        """Whether the card is active on every day of the period."""
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
    """The card at each revision, from its events in order."""
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
    """A report with all its contents.

    ``disputes`` counts the events of its disputes; ``answer`` is the latest answer to the open one. ``decision`` is the
    municipality's about the open one, or that the report stands.
    """

    content: Json
    contents: list[Json]
    year: int
    withdrawn: bool = False
    disputed: bool = False
    disputes: int = 0
    answer: str | None = None
    decision: str | None = None

    @property
    def stands(self) -> bool:
        """Whether the municipality has decided that the report stands."""
        return not self.withdrawn and self.decision == _STANDS

    def dispute(self, *, raised: bool) -> None:
        """Raise a dispute, or close the open one."""
        if self.disputed != raised:
            self.disputed = raised
            self.disputes += 1
            self.answer = self.decision = None

    def decide(self, decision: str) -> None:
        """Decide the open dispute."""
        self.disputes += 1
        if decision == _STANDS:
            self.dispute(raised=False)
        self.decision = decision


def _change(report: Report, kind: str, command: Json) -> None:
    """Apply an accepted command about a report that exists."""
    match kind:
        case "report.answer-dispute":
            report.disputes += 1
            report.answer = command["reason"]
        case "report.decide-dispute":
            report.decide(command["decision"])
        case "report.dispute" | "report.withdraw-dispute":
            report.dispute(raised=kind == "report.dispute")
        case "earnings.withdraw":
            report.withdrawn = True
            report.dispute(raised=False)
        case "earnings.correct":
            if report.content != _content(command):
                report.dispute(raised=False)
                report.decision = None
            report.content = _content(command)
            report.contents.append(report.content)


@dataclass
class Employment:
    """An employment and its reports by id."""

    cvr: str
    first: date
    last: date
    no_work: set[date] = field(default_factory=set)
    reports: dict[str, Report] = field(default_factory=dict)


@dataclass
class ExpectedEmployments:
    """The expected employments and reports of a card in reporting."""

    allowances: AllowanceTable
    provisional: bool
    most_a_year: int
    employments: dict[str, Employment] = field(default_factory=dict)
    named: dict[str, Report] = field(default_factory=dict)

    def verdict(self, kind: str, command: Json, time: str, card: Facts) -> str:
        """``accepted`` or the problem."""
        today = danish(time)
        if kind == "employment.register":
            return self._register(command, card)
        if kind in _BY_CITIZENS_SIDE:
            return self._dispute(kind, command)
        employment = self.employments.get(command["employment_id"])
        if employment is None or employment.cvr != command["cvr"]:
            return "employment-unknown"
        match kind:
            case "employment.change":
                return self._change(employment, command)
            case "employment.declare-no-work":
                return self._no_work(employment, command, today)
            case "report.answer-dispute":
                return self._answer(employment, command)
            case "earnings.report":
                return self._report(employment, command, card, today)
        return self._replace(kind, employment, command, card, today)

    def apply(self, kind: str, command: Json, outcome: Json) -> None:
        """Apply an accepted command."""
        if kind == "employment.register":
            first, last = _days(command["period"])
            self.employments[outcome["employment_id"]] = Employment(command["cvr"], first, last)
            return
        employment = self.employments[command["employment_id"]]
        if kind == "employment.change":
            employment.first, employment.last = _days(command["period"])
        elif kind == "employment.declare-no-work":
            first, last = _days(command["days"])
            employment.no_work.update(first + n * _DAY for n in range((last - first).days + 1))
        elif kind != "earnings.report":
            _change(employment.reports[command["report_id"]], kind, command)
        elif not outcome.get("already_reported") and not outcome.get("dry_run"):
            content = _content(command)
            report = Report(content, [content], int(command["payment_date"][:4]))
            employment.reports[outcome["report_id"]] = report
            self.named[command["report_id"]] = report

    @property
    def disputed(self) -> set[str]:
        """The reports in dispute."""
        return {name for name, report in self.reports.items() if report.disputed}

    @property
    def reports(self) -> dict[str, Report]:
        """Every report by its id."""
        return {name: report for e in self.employments.values() for name, report in e.reports.items()}

    def _replace(self, kind: str, employment: Employment, command: Json, card: Facts, today: date) -> str:
        """A correction or a withdrawal."""
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

    def _dispute(self, kind: str, command: Json) -> str:
        employment = self.employments.get(command["employment_id"])
        report = None if employment is None else employment.reports.get(command["report_id"])
        if report is None:
            return "report-unknown"
        if kind == "report.withdraw-dispute":
            return ACCEPTED if report.disputed else "report-not-disputed"
        if kind == "report.decide-dispute" and report.disputed:
            return ACCEPTED if command["dispute_revision"] in (None, report.disputes) else "dispute-changed"
        if kind == "report.decide-dispute":
            return "report-not-disputed"
        if report.withdrawn:
            return "report-withdrawn"
        if report.disputed:
            return "report-already-disputed"
        return "dispute-decided" if report.stands and command["side"] != "municipality" else ACCEPTED

    @staticmethod
    def _answer(employment: Employment, command: Json) -> str:
        report = employment.reports.get(command["report_id"])
        if report is None:
            return "report-unknown"
        if not report.disputed:
            return "report-not-disputed"
        return ACCEPTED if report.decision is None else "dispute-decided"

    @staticmethod
    def _no_work(employment: Employment, command: Json, today: date) -> str:
        first, last = _days(command["days"])
        if not (employment.first <= first and last <= employment.last):
            return "no-work-outside-employment"
        return "no-work-in-future" if last > today else ACCEPTED

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
            begin, end = _days(report.content["work"])
            if not report.withdrawn and not (first <= begin and end <= last):
                return "employment-has-reports-outside"
        return self._overlap(command["cvr"], first, last, employment)

    def _overlap(self, cvr: str, first: date, last: date, this: Employment | None) -> str:
        for other in self.employments.values():
            if other is not this and other.cvr == cvr and first <= other.last and other.first <= last:
                return "employment-exists"
        return ACCEPTED

    def _report(self, employment: Employment, command: Json, card: Facts, today: date) -> str:
        earlier = self.named.get(command["report_id"])
        if earlier is not None:
            if _content(command) not in earlier.contents:
                return "reference-reused"
            return "report-withdrawn" if earlier.withdrawn else ACCEPTED
        problem = self._check(employment, command, card, today)
        if problem != ACCEPTED or command["allow_duplicate"]:
            return problem
        first, last = _days(command["work"])
        paid = date.fromisoformat(command["payment_date"])
        for report in employment.reports.values():
            begin, end = _days(report.content["work"])
            if (
                not report.withdrawn
                and sum(report.content["components"].values()) == sum(command["components"].values())
                and abs((date.fromisoformat(report.content["payment_date"]) - paid).days) <= 3
                and first <= end
                and begin <= last
            ):
                return "possible-duplicate"
        return ACCEPTED

    def _contents_of(self, year: int) -> int:
        return sum(len(report.contents) for report in self.reports.values() if report.year == year)

    def _check(self, employment: Employment, command: Json, card: Facts, today: date) -> str:
        total = sum(command["components"].values())
        first, last = _days(command["work"])
        paid = date.fromisoformat(command["payment_date"])
        allowance = self.allowances.in_force(paid.year, today)
        problems = (
            ("amount-zero", total == 0),
            ("amount-too-large", total > 100_000_000),
            ("amount-unusual", total > 10_000_000 and not command.get("allow_large_amount")),
            ("payment-in-future", paid > today),
            ("payment-before-work", paid < first),
            ("work-outside-employment", not (employment.first <= first and last <= employment.last)),
            ("card-not-active", not card.active(first, last)),
            ("year-without-allowance", allowance is None),
            ("year-provisional", allowance is not None and allowance.provisional and not self.provisional),
            ("too-many-reports", self._contents_of(paid.year) >= self.most_a_year),
        )
        return next((problem for problem, is_true in problems if is_true), ACCEPTED)


@dataclass
class ExpectedCard:
    """The expected card in issuance. ``mandates`` has last days by id; None for a withdrawn mandate."""

    municipality: str
    issued: int
    person: str
    active: bool = True
    mandates: dict[str, date | None] = field(default_factory=dict)

    def verdict(self, kind: str, command: Json, time: str, outcome: Json) -> str:
        """``accepted`` or the problem. Applies an accepted command, with the id that its ``outcome`` has."""
        today = danish(time)
        year = today.year
        if command["municipality"] not in (None, self.municipality):
            return "card-unknown"
        match kind:
            case "card.grant-mandate":
                return self._grant(command, today, outcome)
            case "card.withdraw-mandate":
                return self._withdraw(command["mandate_id"], today)
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

    def _grant(self, command: Json, today: date, outcome: Json) -> str:
        until = date.fromisoformat(command["until"])
        in_force = [last for last in self.mandates.values() if last is not None and last >= today]
        problems = (
            ("mandate-to-self", command["holder"]["cpr_hash"] == self.person),
            ("mandate-date-out-of-range", not (today <= until and _less_than_five_years(today, until))),
            ("too-many-mandates", len(in_force) >= FEW_MANDATES),
        )
        problem = next((problem for problem, is_true in problems if is_true), ACCEPTED)
        if problem == ACCEPTED and "mandate_id" in outcome:
            self.mandates[outcome["mandate_id"]] = until
        return problem

    def _withdraw(self, mandate_id: str, today: date) -> str:
        if mandate_id not in self.mandates:
            return "mandate-unknown"
        last = self.mandates[mandate_id]
        if last is None or last < today:
            return "mandate-ended"
        self.mandates[mandate_id] = None
        return ACCEPTED


def _less_than_five_years(today: date, until: date) -> bool:
    return (until.year - 5, until.month, until.day) <= (today.year, today.month, today.day)


def _content(command: Json) -> Json:
    return {name: command[name] for name in ("payment_date", "work", "components")}


def _days(period: Json) -> tuple[date, date]:
    last = period["last"]
    return date.fromisoformat(period["first"]), date.max if last is None else date.fromisoformat(last)
