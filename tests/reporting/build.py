"""Builders of commands and card events, and a card to apply them to. Today is 2 June 2025 by default."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import uuid5

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import (
    CardDeactivated,
    CardIssued,
    CardNumberReplaced,
    CardReactivated,
    ReplacementReason,
)
from frikort_contracts.messages import Event, Message
from frikort_contracts.outcomes import CommandAccepted, CommandRefused
from frikort_contracts.references import report_id_of
from frikort_contracts.reporting import (
    AnswerDispute,
    AnswerReason,
    ChangeEmployment,
    CorrectionReason,
    CorrectReport,
    DecideDispute,
    DeclareNoWork,
    DisputeDecision,
    DisputeReason,
    DisputeReport,
    RegisterEmployment,
    ReportEarnings,
    WithdrawDispute,
    WithdrawReport,
)
from frikort_contracts.rules.allowances import Allowance, AllowanceTable
from frikort_contracts.values import CitizenSide, Components, EncryptedPerson, Period, WorkPeriod

from services.reporting.card_state import CardState
from services.reporting.processor import decider
from services.reporting.rules import Rules
from services.runtime.processing.decision import Decision
from tests.contracts.examples import envelope, validated

CARD: Final = "card-1"
NUMBER: Final = "12345"
A, B = "10000009", "10000017"
PERSON: Final = EncryptedPerson(cpr_hash="h" * 22, birth_check="b" * 22, ciphertext="k.Y2lwaGVy")
TODAY: Final = date(2025, 6, 2)
ISSUED: Final = date(2025, 1, 2)


def _amounts(year: int, allowance: int, **given: Any) -> Allowance:
    return Allowance(
        **{"year": year, "allowance": allowance, "income_limit": 1, "effective_from": date(year, 1, 1)} | given
    )


RULES: Final = Rules(
    AllowanceTable(
        years={
            2024: (_amounts(2024, 4_128_000),),
            2025: (_amounts(2025, 4_276_600), _amounts(2025, 5_000_000, effective_from=date(2025, 7, 1))),
            2026: (_amounts(2026, 4_276_600, provisional=True),),
        }
    ),
    provisional_accepted=True,
)


def day(text: str) -> date:
    """The date ``"05-31"`` of 2025, or a complete ISO date."""
    return date.fromisoformat(text if len(text) == 10 else f"2025-{text}")


def sent(data: Message, name: str = "command", on: date = TODAY) -> Envelope[Any]:
    """A message with ``data``, sent at noon of the day ``on``."""
    return envelope(data, name, time=datetime(on.year, on.month, on.day, 10, tzinfo=UTC))


def issued(on: date = ISSUED) -> CardIssued:
    return CardIssued(
        card_id=CARD, revision=1, municipality="849", actor="a", number=NUMBER, person=PERSON, active_from=on,
        control_due=2027, case_reference="c",
    )  # fmt: skip


def deactivated(revision: int, on: date) -> CardDeactivated:
    return CardDeactivated(
        card_id=CARD, revision=revision, municipality="849", actor="a", last_active_day=on, case_reference="c"
    )


def reactivated(revision: int, on: date) -> CardReactivated:
    return CardReactivated(
        card_id=CARD, revision=revision, municipality="849", actor="a", active_from=on, case_reference="c"
    )


def renumbered(revision: int, number: str) -> CardNumberReplaced:
    return CardNumberReplaced(
        card_id=CARD, revision=revision, municipality="849", actor="a", number=number, previous_number=NUMBER,
        reason=ReplacementReason.LOST,
    )  # fmt: skip


def register(first: str = "01-02", last: str | None = None, *, cvr: str = A, **changes: Any) -> RegisterEmployment:
    period = Period(first=day(first), last=None if last is None else day(last))
    return RegisterEmployment.model_validate(
        {
            "card_id": CARD, "cvr": cvr, "actor": "p", "card_revision": 1, "number": NUMBER,
            "birth_check": PERSON.birth_check, "period": period, "contact": "k.Y29udGFjdA", **changes,
        }
    )  # fmt: skip


EMPLOYMENT: Final = str(uuid5(sent(register(), "employment A").id, "employment"))


def change(first: str, last: str | None = None, *, cvr: str = A, **changes: Any) -> ChangeEmployment:
    period = Period(first=day(first), last=None if last is None else day(last))
    return ChangeEmployment.model_validate(
        {"card_id": CARD, "cvr": cvr, "actor": "p", "employment_id": EMPLOYMENT, "period": period, **changes}
    )


def _earnings(first: str, last: str, paid: str, wage: int, changes: dict[str, Any]) -> dict[str, Any]:
    return {
        "card_id": CARD, "cvr": A, "actor": "p", "employment_id": EMPLOYMENT, "card_revision": 1,
        "work": WorkPeriod(first=day(first), last=day(last)), "payment_date": day(paid),
        "components": Components(wage=wage), **changes,
    }  # fmt: skip


def report(
    reference: str = "may",
    first: str = "05-01",
    last: str = "05-31",
    paid: str = "05-30",
    wage: int = 500_000,
    **changes: Any,
) -> ReportEarnings:
    return ReportEarnings.model_validate({**_earnings(first, last, paid, wage, changes), "reference": reference})


def correct(
    reference: str = "may",
    first: str = "05-01",
    last: str = "05-31",
    paid: str = "05-30",
    wage: int = 400_000,
    **changes: Any,
) -> CorrectReport:
    content = _earnings(first, last, paid, wage, {"report_id": report_id_of(EMPLOYMENT, reference), **changes})
    return CorrectReport.model_validate({**content, "reason": CorrectionReason.WRONG_AMOUNT})


def withdraw(reference: str = "may", *, cvr: str = A) -> WithdrawReport:
    return WithdrawReport(
        card_id=CARD, cvr=cvr, actor="p", employment_id=EMPLOYMENT, report_id=report_id_of(EMPLOYMENT, reference),
        reason=CorrectionReason.NOT_PAID,
    )  # fmt: skip


def no_work(first: str, last: str, *, cvr: str = A) -> DeclareNoWork:
    days = WorkPeriod(first=day(first), last=day(last))
    return DeclareNoWork(card_id=CARD, cvr=cvr, actor="p", employment_id=EMPLOYMENT, days=days)


def dispute(reference: str = "may", **changes: Any) -> DisputeReport:
    content = {"reason": DisputeReason.WRONG_AMOUNT, "message": "k.bWVzc2FnZQ", **_by_citizen(reference), **changes}
    return DisputeReport.model_validate(content)


def answer(
    reference: str = "may", reason: AnswerReason = AnswerReason.MATCHES_PAYSLIP, *, cvr: str = A
) -> AnswerDispute:
    return AnswerDispute(
        card_id=CARD, cvr=cvr, actor="p", employment_id=EMPLOYMENT, report_id=report_id_of(EMPLOYMENT, reference),
        reason=reason,
    )  # fmt: skip


def withdraw_dispute(reference: str = "may", **changes: Any) -> WithdrawDispute:
    return WithdrawDispute.model_validate({**_by_citizen(reference), **changes})


def decide(decision: DisputeDecision, reference: str = "may", **changes: Any) -> DecideDispute:
    by_municipality = {**_by_citizen(reference), "actor": "m", "side": CitizenSide.MUNICIPALITY}
    return DecideDispute.model_validate({**by_municipality, "decision": decision, **changes})


def _by_citizen(reference: str) -> dict[str, Any]:
    return {
        "card_id": CARD, "employment_id": EMPLOYMENT, "report_id": report_id_of(EMPLOYMENT, reference), "actor": "c",
        "side": CitizenSide.CITIZEN,
    }  # fmt: skip


class CardHistory:
    """One card in reporting, and the messages applied to it in order."""

    def __init__(self, rules: Rules = RULES) -> None:
        self._decide = decider(rules)
        self.state: CardState | None = None
        self._outside: dict[str, dict[str, Any]] = defaultdict(dict)
        self._applied = 0

    def apply(self, *messages: Message, on: date = TODAY) -> tuple[Event, ...]:
        """Apply ``messages``. Returns the events that the last one caused."""
        events: tuple[Event, ...] = ()
        for message in messages:
            self._applied += 1
            events = self.deliver(sent(message, f"message {self._applied}", on))
        return events

    def deliver(self, message: Envelope[Any]) -> tuple[Event, ...]:
        decision: Decision[CardState] = self._decide(self.state, message)
        # The state is stored and read again, as between two batches.
        assert decision.state is not None
        self.state = CardState.from_stored(json.loads(json.dumps(decision.state.to_stored())))
        maps = [(each.reports, each.look_alikes) for each in (decision.state, self.state)]
        for decided, stored in zip(*maps, strict=True):
            self._outside[decided.name] |= decided.changed
            stored.add_loaded(self._outside[decided.name], None)
        assert self.state == decision.state
        return tuple(map(validated, decision.events))


def employed(*more: Message, rules: Rules = RULES, last: str | None = None) -> CardHistory:
    """A card issued on 2 January 2025 and registered by employer A on that day, with ``more`` applied."""
    history = CardHistory(rules)
    history.deliver(sent(issued(), "issued", ISSUED))
    history.deliver(sent(register(last=last), "employment A"))
    history.apply(*more)
    return history


def accepted(events: tuple[Event, ...]) -> CommandAccepted:
    assert isinstance(events[-1], CommandAccepted), events[-1]
    return events[-1]


def refused(events: tuple[Event, ...]) -> tuple[str, dict[str, str | int]]:
    """The problem and the facts of a refusal, which is the only event."""
    (outcome,) = events
    assert isinstance(outcome, CommandRefused), outcome
    return outcome.problem, outcome.detail
