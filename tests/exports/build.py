"""Builders of the messages that exports reads, and a small ledger that emits the events of balance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4
from zlib import crc32

from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import CardHandedOver, CardIssued
from frikort_contracts.messages import Event, Message
from frikort_contracts.reporting import (
    AnswerReason,
    CorrectionReason,
    DisputeAnswered,
    DisputeEnd,
    DisputeEnded,
    DisputeReason,
    EarningsCorrected,
    EarningsReported,
    EarningsWithdrawn,
    ReportDisputed,
)
from frikort_contracts.rules.allowances import split
from frikort_contracts.values import CitizenSide, Components, EncryptedPerson, WorkPeriod

from services.exports.processor import statements
from services.exports.statements import CardStatements
from services.runtime.processing.decision import Processor
from tests.contracts.examples import validated
from tests.sources import source_for

CARD = "8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b11"
A, B, C = "10000009", "10000017", "10000025"
PERSON = EncryptedPerson(cpr_hash="h" * 22, birth_check="b" * 22, ciphertext="k.ciphertext")


def envelope(data: Message, *, message_id: UUID | None = None) -> Envelope[Any]:
    made = message_id or uuid4()
    return Envelope(
        id=made, time=datetime(2025, 6, 1, tzinfo=UTC), source=source_for(data), data=data, correlation_id=made
    )


def issued(municipality: str = "101", *, card_id: str = CARD, person: EncryptedPerson = PERSON) -> CardIssued:
    return CardIssued(
        card_id=card_id,
        revision=1,
        municipality=municipality,
        actor="caseworker",
        number=f"{crc32(card_id.encode()) % 99_999 + 1:05d}",
        person=person,
        active_from=date(2025, 1, 2),
        control_due=2027,
        case_reference="S-1",
    )


def handed_over(to: str, revision: int = 2, *, card_id: str = CARD) -> CardHandedOver:
    return CardHandedOver(
        card_id=card_id, revision=revision, municipality=to, actor="caseworker", from_municipality="101"
    )


def disputed(report_id: str, revision: int = 1, *, year: int = 2025) -> ReportDisputed:
    return ReportDisputed(
        card_id=CARD,
        employment_id="e",
        report_id=report_id,
        revision=revision,
        report_revision=1,
        cvr=A,
        year=year,
        actor="citizen",
        reason=DisputeReason.WRONG_AMOUNT,
        side=CitizenSide.CITIZEN,
    )


def answered(report_id: str, revision: int = 2) -> DisputeAnswered:
    return DisputeAnswered(
        card_id=CARD,
        employment_id="e",
        report_id=report_id,
        revision=revision,
        report_revision=1,
        cvr=A,
        year=2025,
        actor="payroll",
        reason=AnswerReason.WAGE_PAID,
    )


def undisputed(report_id: str, revision: int = 2, *, year: int = 2025) -> DisputeEnded:
    return DisputeEnded(
        card_id=CARD,
        employment_id="e",
        report_id=report_id,
        revision=revision,
        report_revision=1,
        cvr=A,
        year=year,
        actor="citizen",
        cause=DisputeEnd.DISPUTE_WITHDRAWN,
        side=CitizenSide.CITIZEN,
    )


def reported(
    report_id: str, cvr: str, total: int, day: str, *, year: int = 2025, card_id: str = CARD
) -> EarningsReported:
    paid = date.fromisoformat(day)
    return EarningsReported(
        card_id=card_id,
        employment_id="e",
        report_id=report_id,
        revision=1,
        cvr=cvr,
        year=year,
        reference=report_id,
        work=WorkPeriod(first=paid, last=paid),
        payment_date=paid,
        components=Components(wage=total),
        total=total,
        allowance=4_276_600,
        provisional=False,
        allowance_version="v",
    )


def corrected(report_id: str, cvr: str, total: int, day: str, *, revision: int = 2) -> EarningsCorrected:
    first = reported(report_id, cvr, total, day).model_dump()
    return EarningsCorrected.model_validate({**first, "revision": revision, "reason": CorrectionReason.WRONG_AMOUNT})


def withdrawn(report_id: str, cvr: str, *, revision: int = 2) -> EarningsWithdrawn:
    return EarningsWithdrawn(
        card_id=CARD,
        employment_id="e",
        report_id=report_id,
        revision=revision,
        cvr=cvr,
        year=2025,
        reason=CorrectionReason.NOT_PAID,
    )


@dataclass
class Ledger:
    """Splits in the order of acceptance, recomputed after every change."""

    card_id: str = CARD
    year: int = 2025
    allowance: int = 4_276_600
    provisional: bool = False
    revision: int = 0
    totals: dict[str, int] = field(default_factory=dict)
    employers: dict[str, str] = field(default_factory=dict)
    report_revisions: dict[str, int] = field(default_factory=dict)
    _published: dict[str, tuple[int, int]] = field(default_factory=dict)

    def report(self, report_id: str, cvr: str, total: int, *, report_revision: int = 1) -> list[Event]:
        """The events that balance emits for a report, a correction, or (with total 0) a withdrawal."""
        self.report_revisions[report_id] = report_revision
        self.revision += 1
        self.employers[report_id] = cvr
        self.totals[report_id] = total
        events: list[Event] = []
        used = exempt_sum = excess_sum = 0
        for other, amount in self.totals.items():
            exempt, excess = split(amount, self.allowance - used)
            used += amount
            exempt_sum += exempt
            excess_sum += excess
            if other != report_id and self._published.get(other) == (exempt, excess):
                continue
            self._published[other] = (exempt, excess)
            events.append(
                ReportSettled(
                    card_id=self.card_id,
                    year=self.year,
                    revision=self.revision,
                    report_id=other,
                    report_revision=self.report_revisions[other],
                    employment_id="e",
                    cvr=self.employers[other],
                    total=amount,
                    exempt=exempt,
                    excess=excess,
                    caused_by=report_id,
                )
            )
        return [*events, self._balance(exempt_sum, excess_sum)]

    def settled(self) -> list[Event]:
        """The events that balance emits when the year is settled by other amounts with the same allowance."""
        self.revision += 1
        sums = self._published.values()
        return [self._balance(sum(exempt for exempt, _ in sums), sum(excess for _, excess in sums))]

    def _balance(self, exempt: int, excess: int) -> BalanceChanged:
        return BalanceChanged(
            card_id=self.card_id,
            year=self.year,
            revision=self.revision,
            allowance=self.allowance,
            provisional=self.provisional,
            reported=exempt + excess,
            exempt=exempt,
            excess=excess,
            remaining=self.allowance - exempt,
        )


def encrypt_cpr(person: EncryptedPerson, _: str) -> str:
    return f"jwe-of-{person.cpr_hash}"


CARDS = statements(encrypt_cpr)


def play(
    events: Sequence[Message],
    state: CardStatements | None = None,
    processor: Processor[CardStatements] = CARDS,
) -> tuple[CardStatements, list[Event]]:
    """The state after ``events``, and all emitted events. The state is stored and read after each."""
    emitted: list[Event] = []
    for event in events:
        decision = processor.decide(state, processor.prepare(envelope(event)))
        assert decision.state is not None
        state = CardStatements.model_validate(decision.state.model_dump(mode="json"))
        assert state == decision.state
        emitted += map(validated, decision.events)
    assert state is not None
    return state, emitted
