"""Builders of events and settings for the tests of the gateway."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Final, TypeVar, cast
from uuid import uuid4

from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import CardIssued
from frikort_contracts.messages import Event
from frikort_contracts.person_keys import Purpose
from frikort_contracts.reporting import (
    AnswerReason,
    DisputeAnswered,
    DisputeDecided,
    DisputeDecision,
    DisputeEnd,
    DisputeEnded,
    DisputeReason,
    EarningsCorrected,
    EarningsReported,
    EarningsWithdrawn,
    ReportDisputed,
)
from frikort_contracts.rules.allowances import AllowanceTable
from frikort_contracts.values import CitizenSide, Components, EncryptedPerson, WorkPeriod
from pydantic import BaseModel, SecretStr

from services.gateway.audit.log import Access
from services.gateway.audit.reasons import EntryReasons
from services.gateway.payroll.line_encryption import LineEncryptor
from services.gateway.person_encryption import Persons
from services.gateway.projections.cards import CardEntry, CardView
from services.gateway.settings import GatewaySettings
from services.runtime.allowance_file import load_allowances
from services.runtime.encryption import Encryptor, KeyedHasher
from services.runtime.processing.projection import Projection
from tests.person_keys import KeysOnDemand
from tests.sources import source_for

S = TypeVar("S", bound=BaseModel)

CARD: Final = "8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b11"
EMPLOYMENT: Final = "0e5d8f8e-1a51-4c0f-8c7e-3b6c0f6a2d22"
REPORT: Final = "c4b0f5b2-3f3a-4d1e-9a57-6a0e5d7f3c33"
CVR: Final = "99000007"
NOON: Final = datetime(2025, 6, 1, 12, tzinfo=UTC)
PERSON: Final = EncryptedPerson(cpr_hash="h" * 22, birth_check="b" * 22, ciphertext="k.ciphertext")
ENCRYPTION_KEYS: Final = "test:" + b64encode(b"s" * 32).decode()
LOOKUP_KEY: Final = b64encode(b"l" * 32).decode()
AUDIT_LOG_KEYS: Final = "test:" + b64encode(b"a" * 32).decode()


def card_view(*homes: tuple[datetime, str]) -> CardView:
    """The citizen's card, with the municipality from each moment on."""
    return CardView(
        card_id=CARD,
        revision=1,
        number="12345",
        municipality=homes[-1][1],
        person=PERSON,
        active=True,
        active_periods=[],
        control_due=2027,
        history=[
            CardEntry(revision=1, event="-", at=at, municipality=code, actor="a", case_reference=None)
            for at, code in homes
        ],
    )


def audit_entry(order: str, subject: str = "card:a", *, own: bool = False, reason: str | None = "sag 7") -> Access:
    """An entry of the audit log: a caseworker looked at a card."""
    return Access(
        order=order,
        subject=subject,
        own=own,
        action="read-card",
        refused=False,
        role=Role.CASEWORKER,
        organisation="101",
        actor="worker-1",
        reason=reason,
        request="r",
    )


@cache
def persons() -> Persons:
    """The same for all callers, as they need the same keys of people."""
    return Persons(Encryptor.from_setting(ENCRYPTION_KEYS), {"": KeyedHasher(b"l" * 32)}, KeysOnDemand())


class NoCards:
    """A read model of cards without any."""

    async def find(self, *_: Any, **__: Any) -> list[Any]:
        return []


def entry_reasons(cards: Any = None) -> EntryReasons:
    """The reasons in entries of the audit log, under the keys of ``persons``."""
    return EntryReasons(persons(), cards or cast("Any", NoCards()), cast("Any", None))


def line_encryptor() -> LineEncryptor:
    return LineEncryptor(Encryptor.from_setting(ENCRYPTION_KEYS))


def settings(**changes: Any) -> GatewaySettings:
    """Settings without a reachable Kafka, MongoDB or OpenID provider."""
    given: dict[str, Any] = {
        "environment": "local",
        "kafka": "127.0.0.1:1",
        "mongodb": "mongodb://127.0.0.1:1/?replicaSet=rs0",
        "encryption_keys": SecretStr(ENCRYPTION_KEYS),
        **{f"key_encryption_keys_{purpose}": SecretStr(ENCRYPTION_KEYS) for purpose in Purpose},
        "lookup_key": SecretStr(LOOKUP_KEY),
        "audit_log_keys": SecretStr(AUDIT_LOG_KEYS),
        "extract_files": "file:///nowhere/extracts",
        "issuer": "https://issuer.test",
        "api_url": "https://api.frikort.test",
        "jwks_url": "http://127.0.0.1:1/jwks",
    }
    return GatewaySettings(**given | changes)


def allowances() -> AllowanceTable:
    """The shipped amounts."""
    return load_allowances(settings().allowances)


def envelope(data: Event, at: datetime = NOON) -> Envelope[Any]:
    message_id = uuid4()
    return Envelope(id=message_id, time=at, source=source_for(data), data=data, correlation_id=message_id)


def after(projection: Projection[S], events: Iterable[Event]) -> S:
    """The state after ``events``; each must touch the same document."""
    state: S | None = None
    ids: set[str] = set()
    for event in events:
        message = envelope(event)
        document_id = projection.document_id(message)
        assert document_id is not None
        ids.add(document_id)
        state = projection.project(state, message)
        # As the runtime stores it: the state must survive JSON.
        state = None if state is None else stored(state)
    assert len(ids) == 1
    assert state is not None
    return state


def stored(state: S) -> S:
    return type(state).model_validate(state.model_dump(mode="json"))


def fields_of(state: BaseModel, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(state, name) for name in names)


def issued(**changes: Any) -> CardIssued:
    given: dict[str, Any] = {
        "card_id": CARD,
        "revision": 1,
        "municipality": "101",
        "actor": "caseworker",
        "number": "12345",
        "person": PERSON,
        "active_from": date(2025, 1, 6),
        "control_due": 2027,
        "case_reference": "S-1",
    }
    return CardIssued(**given | changes)


def reported(**changes: Any) -> EarningsReported:
    return EarningsReported(**_content(revision=1) | changes)


def corrected(**changes: Any) -> EarningsCorrected:
    return EarningsCorrected(**_content(revision=2, reason="wrong-amount") | changes)


def withdrawn(revision: int = 2) -> EarningsWithdrawn:
    return EarningsWithdrawn(
        card_id=CARD,
        employment_id=EMPLOYMENT,
        report_id=REPORT,
        revision=revision,
        cvr=CVR,
        year=2025,
        reason="not-paid",
    )


def disputed(revision: int, *, report_revision: int = 1) -> ReportDisputed:
    return ReportDisputed(
        **_dispute(revision, report_revision),
        reason=DisputeReason.WRONG_AMOUNT,
        message="k.message",
        side=CitizenSide.MANDATE_HOLDER,
    )


def dispute_answered(revision: int, reason: AnswerReason = AnswerReason.MATCHES_PAYSLIP) -> DisputeAnswered:
    return DisputeAnswered(**_dispute(revision, report_revision=1), reason=reason)


def dispute_decided(revision: int, decision: DisputeDecision) -> DisputeDecided:
    return DisputeDecided(**_dispute(revision, report_revision=1), decision=decision)


def dispute_ended(
    revision: int, cause: DisputeEnd = DisputeEnd.DISPUTE_WITHDRAWN, *, report_revision: int = 1
) -> DisputeEnded:
    side = CitizenSide.CITIZEN if cause is DisputeEnd.DISPUTE_WITHDRAWN else None
    return DisputeEnded(**_dispute(revision, report_revision), cause=cause, side=side)


def settled(ledger_revision: int, report_revision: int, exempt: int, excess: int = 0, **changes: Any) -> ReportSettled:
    given: dict[str, Any] = {
        "card_id": CARD,
        "year": 2025,
        "revision": ledger_revision,
        "report_id": REPORT,
        "report_revision": report_revision,
        "employment_id": EMPLOYMENT,
        "cvr": CVR,
        "total": exempt + excess,
        "exempt": exempt,
        "excess": excess,
        "caused_by": REPORT,
    }
    return ReportSettled(**given | changes)


def balance(revision: int, exempt: int, excess: int = 0, allowance: int = 4_276_600) -> BalanceChanged:
    return BalanceChanged(
        card_id=CARD,
        year=2025,
        revision=revision,
        allowance=allowance,
        provisional=False,
        reported=exempt + excess,
        exempt=exempt,
        excess=excess,
        remaining=allowance - exempt,
    )


def _dispute(revision: int, report_revision: int) -> dict[str, Any]:
    return {
        "card_id": CARD,
        "employment_id": EMPLOYMENT,
        "report_id": REPORT,
        "revision": revision,
        "report_revision": report_revision,
        "cvr": CVR,
        "year": 2025,
        "actor": "someone",
    }


def _content(**changes: Any) -> dict[str, Any]:
    return {
        "card_id": CARD,
        "employment_id": EMPLOYMENT,
        "report_id": REPORT,
        "cvr": CVR,
        "year": 2025,
        "reference": "2025-05",
        "work": WorkPeriod(first=date(2025, 5, 1), last=date(2025, 5, 31)),
        "allowance_version": "2025/2025-01-01/1-final/000",
        "payment_date": date(2025, 5, 31),
        "components": Components(wage=100_000),
        "total": 100_000,
        "allowance": 4_276_600,
        "provisional": False,
        **changes,
    }
