"""The checker of disputes, mandates and days without work: documents, read models and events equal the commands."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

from tests.simulation.environment import Environment
from tests.simulation.reference_model import Employment, ExpectedCard, ExpectedEmployments
from tests.simulation.topic_reader import Message, invariant, states

_DISPUTED_BY: Final = {
    "report.disputed": (False, True),
    "report.dispute-answered": (True, True),
    "report.dispute-decided": (True, True),
    "report.dispute-ended": (True, False),
}
"""Whether a report is in dispute before and after each kind of event."""


def check(
    environment: Environment,
    earnings: Iterable[Message],
    commands: Mapping[str, Message],
    employments_by_card: Mapping[str, ExpectedEmployments],
    expected_cards: Mapping[str, ExpectedCard],
) -> Counter[str]:
    """Check one run. Returns counts of events for the coverage check. Raises ``Violation``."""
    counts: Counter[str] = Counter()
    disputed = _disputes_published(earnings, commands, counts)
    for card_id, expected in employments_by_card.items():
        stored: Any = environment.database("reporting", "card_states").state(card_id)
        for employment_id, employment in expected.employments.items():
            _disputes(environment, employment, partial(stored.report, employment_id), disputed)
            _no_work(environment, employment_id, employment)
            counts["days without work"] += len(employment.no_work)
    for card in states(environment.database("issuance", "cards")):
        _mandates(environment, card, expected_cards[card.card_id])
        counts["mandates"] += len(card.mandates)
        counts["mandates withdrawn"] += sum(mandate.withdrawn for mandate in card.mandates.values())
    return counts


def _disputes_published(
    earnings: Iterable[Message], commands: Mapping[str, Message], counts: Counter[str]
) -> dict[str, bool]:
    """Check that disputes are raised, answered and closed in turn, as commanded. Returns which reports are disputed."""
    disputed: dict[str, bool] = defaultdict(bool)
    for event in earnings:
        if not event.of_dispute:
            continue
        report_id = event.data["report_id"]
        before, after = _DISPUTED_BY[event.kind]
        invariant(disputed[report_id] == before, f"I2: {event.kind} of {report_id}, which is disputed: {not before}")
        disputed[report_id] = after
        if event.cause in commands:  # else the command was deferred, and a card event is the cause
            _as_commanded(event, commands[event.cause])
        happened = event.data["cause"] if not after else event.kind.rpartition("-")[2] if before else "raised"
        counts[f"disputes {happened}"] += 1
    return disputed


def _as_commanded(event: Message, command: Message) -> None:
    sent = {"report_id": command.data["report_id"], "actor": command.data["actor"], "side": command.data.get("side")}
    if command.kind == "report.answer-dispute":
        sent |= {"reason": command.data["reason"]}
    elif command.kind == "report.decide-dispute":
        decision = command.data["decision"]
        sent |= {"side": None, "decision": decision} if "decision" in event.data else {"side": None, "cause": decision}
    elif command.kind == "report.dispute":
        sent |= {"reason": command.data["reason"], "message": command.data["message"]}
    else:
        causes = {"earnings.correct": "report-corrected", "earnings.withdraw": "report-withdrawn"}
        sent["cause"] = causes.get(command.kind, "dispute-withdrawn")
    found = {name: event.data.get(name) for name in sent}
    invariant(found == sent, f"I1: {command.kind} {command.id} was sent as {sent} and published as {found}")


def _disputes(
    environment: Environment, employment: Employment, stored: Callable[[str], Any], disputed: Mapping[str, bool]
) -> None:
    for report_id, report in employment.reports.items():
        found = disputed[report_id], stored(report_id).disputed
        invariant(found == (report.disputed,) * 2, f"the dispute of {report_id} is published and stored as {found}")
        view: Any = environment.database("gateway", "reports").state(report_id)
        entries = sum("dispute" in entry.event for entry in view.history)
        answer = view.dispute and view.dispute.answer and view.dispute.answer.reason
        decision = view.dispute and view.dispute.decision and view.dispute.decision.decision
        stands = view.stands_since is not None
        shown = view.dispute is not None, view.dispute_revision, entries, answer, decision, stands
        true = (
            report.disputed,
            report.disputes,
            report.disputes,
            report.answer,
            report.decision if report.disputed else None,
            report.stands,
        )
        invariant(shown == true, f"the dispute of {report_id} is shown as {shown} and is {true}")


def _no_work(environment: Environment, employment_id: str, employment: Employment) -> None:
    view: Any = environment.database("gateway", "employments").state(employment_id)
    shown = [
        period.first + timedelta(days=number)
        for period in view.no_work
        for number in range((period.last - period.first).days + 1)
    ]
    invariant(
        shown == sorted(employment.no_work), f"the days without work of {employment_id} are shown as {view.no_work}"
    )


def _mandates(environment: Environment, card: Any, expected: ExpectedCard) -> None:
    view: Any = environment.database("gateway", "cards").state(card.card_id)
    stored = {name: None if mandate.withdrawn else mandate.until for name, mandate in card.mandates.items()}
    shown = {m.mandate_id: None if m.withdrawn_at else m.until for m in view.mandates}
    invariant(
        stored == shown == expected.mandates,
        f"the mandates of {card.card_id} are stored as {stored}, shown as {shown} and must be {expected.mandates}",
    )
