"""One message of every type, and the envelope around it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from frikort_contracts.audit_log import AuditLogExpired, AuditLogSigned, UnusualAccess
from frikort_contracts.balance import (
    BalanceChanged,
    CapWarningRaised,
    CapWarningWithdrawn,
    ReportSettled,
    SettleYear,
    Threshold,
)
from frikort_contracts.cloudevents import Envelope, to_json_bytes
from frikort_contracts.evidence import EvidenceSigned
from frikort_contracts.extract_files import (
    ExtractKind,
    ExtractMade,
    ExtractProgressed,
    FileFormat,
    RequestExtractFiles,
    StoredFile,
)
from frikort_contracts.extracts import (
    Authority,
    EmployerLine,
    EncryptCprAgain,
    ExtractCompleted,
    ExtractFile,
    ExtractFormat,
    ExtractPartWritten,
    ExtractStarted,
    FollowUpStatementUpdated,
    ForgetPerson,
    Position,
    RepublishStatements,
    RequestExtract,
    TaxStatementUpdated,
)
from frikort_contracts.feeds import (
    BenefitYearEnded,
    BenefitYearUpdated,
    CardStateUpdated,
    CardUseUpdated,
    EncryptCprFor,
    FillFeed,
    PaymentDay,
    TaxYearUpdated,
)
from frikort_contracts.issuance import (
    CardDeactivated,
    CardHandedOver,
    CardIssued,
    CardNumberReplaced,
    CardReactivated,
    ControlRecorded,
    ControlResult,
    DeactivateCard,
    GrantMandate,
    HandOverCard,
    IssueCard,
    MandateGranted,
    MandateScope,
    MandateWithdrawn,
    ReactivateCard,
    RecordControl,
    ReplaceCardNumber,
    ReplacementReason,
    WithdrawMandate,
)
from frikort_contracts.messages import Event, EventFields, Message
from frikort_contracts.months import Months
from frikort_contracts.outcomes import CommandAccepted, CommandRefused, Problem
from frikort_contracts.person_keys import PersonKeysWrapped
from frikort_contracts.reconciliation import (
    CardsCounted,
    CardsListed,
    CardYear,
    CardYearDiffered,
    DifferingYear,
    Figures,
    HeldReport,
    Holder,
    MessagePlace,
    MessagesFound,
    ReconciliationCompleted,
)
from frikort_contracts.report_checks import CheckedReport, CheckReports
from frikort_contracts.reporting import (
    AnswerDispute,
    AnswerReason,
    ChangeEmployment,
    CorrectionReason,
    CorrectReport,
    DecideDispute,
    DeclareNoWork,
    DisputeAnswered,
    DisputeDecided,
    DisputeDecision,
    DisputeEnd,
    DisputeEnded,
    DisputeReason,
    DisputeReport,
    EarningsCorrected,
    EarningsReported,
    EarningsWithdrawn,
    EmploymentChanged,
    EmploymentRegistered,
    NoWorkDeclared,
    RegisterEmployment,
    ReportDisputed,
    ReportEarnings,
    WithdrawDispute,
    WithdrawReport,
)
from frikort_contracts.retention import RetentionCompleted
from frikort_contracts.rules.allowances import Allowance
from frikort_contracts.statistics import MunicipalityStatistics, StatisticsPublished
from frikort_contracts.values import CitizenSide, Components, EncryptedPerson, Period, WorkPeriod
from frikort_contracts.years import YearChanged

from tests.sources import source_for

SPACE: Final = UUID("7b2f6a52-0d0c-4a51-9d0e-3f6b0a3f5c11")
NOON: Final = datetime(2025, 6, 2, 12, 0, tzinfo=UTC)
CVR: Final = "10000009"
PERSON: Final = EncryptedPerson(cpr_hash="h" * 22, birth_check="b" * 22, ciphertext="k1.Y2lwaGVy")

_CARD: Final = str(uuid5(SPACE, "card"))
_EMPLOYMENT: Final = str(uuid5(SPACE, "employment"))
_REPORT: Final = str(uuid5(SPACE, "report"))
_MANDATE: Final = str(uuid5(SPACE, "mandate"))
_COMMAND: Final = str(uuid5(SPACE, "command"))
_CASE: Final = "2025-000123"
_MAY: Final = WorkPeriod(first=date(2025, 5, 1), last=date(2025, 5, 31))
_PERIOD: Final = Period(first=date(2025, 1, 1))
_PAID: Final = Components(wage=500_000, holiday_pay=62_500, atp=9_900, pension=0)

_caseworker: Final[dict[str, Any]] = {"card_id": _CARD, "municipality": "849", "actor": "caseworker-1"}
_card_event: Final[dict[str, Any]] = {**_caseworker, "revision": 2}
_employer: Final[dict[str, Any]] = {"card_id": _CARD, "cvr": CVR, "actor": "payroll-1"}
_dispute: Final[dict[str, Any]] = {
    "card_id": _CARD, "employment_id": _EMPLOYMENT, "report_id": _REPORT, "side": CitizenSide.CITIZEN,
    "actor": "citizen-1",
}  # fmt: skip
_report_event: Final[dict[str, Any]] = {
    "card_id": _CARD, "employment_id": _EMPLOYMENT, "report_id": _REPORT, "revision": 1, "cvr": CVR, "year": 2025,
}  # fmt: skip
_content: Final[dict[str, Any]] = {
    **_report_event, "reference": "2025-05", "work": _MAY, "payment_date": date(2025, 5, 30), "components": _PAID,
    "total": _PAID.total, "allowance": 4_276_600, "provisional": False,
    "allowance_version": "2025/2025-01-01/1-final/000",
}  # fmt: skip
_warning: Final[dict[str, Any]] = {
    "card_id": _CARD, "year": 2025, "revision": 3, "threshold": Threshold.NEAR, "allowance": 4_276_600,
    "reported": 3_421_280,
}  # fmt: skip
_statement: Final[dict[str, Any]] = {
    "card_id": _CARD, "revision": 4, "year": 2025, "municipality": "849", "provisional": False,
    "allowance": 4_276_600, "reported": 572_400, "exempt": 572_400, "excess": 0, "reports": 1,
}  # fmt: skip

_place: Final = MessagePlace(
    message_id=_COMMAND, type=EarningsReported.type, topic="frikort.earnings.v1", partition=3, offset=120
)
_card_year: Final = CardYear(
    card_id=_CARD,
    year=2025,
    figures=(
        Figures(
            holder=Holder.ENTRIES, changes=3, reports=2, total=900, exempt=800, excess=100,
            details=(HeldReport(report_id=_REPORT, revision=2, total=400, exempt=300, excess=100),),
        ),
    ),
)  # fmt: skip

EXAMPLES: Final[tuple[Message, ...]] = (
    IssueCard(person=PERSON, municipality="849", case_reference=_CASE, actor="caseworker-1"),
    DeactivateCard(**_caseworker, case_reference=_CASE),
    ReactivateCard(**_caseworker, case_reference=_CASE),
    ReplaceCardNumber(**_caseworker, reason=ReplacementReason.LOST),
    HandOverCard(**_caseworker, to_municipality="101"),
    RecordControl(**_caseworker, result=ControlResult.UPHELD),
    GrantMandate(
        card_id=_CARD, actor="citizen-1", holder=PERSON, scope=MandateScope.VIEW, until=date(2026, 6, 2)
    ),
    WithdrawMandate(**_caseworker, mandate_id=_MANDATE),
    RegisterEmployment(
        **_employer, card_revision=1, number="00042", birth_check="b" * 22, owners=("o" * 22,), period=_PERIOD,
        contact="k1.Y29udGFjdA",
    ),
    ChangeEmployment(**_employer, employment_id=_EMPLOYMENT, period=_PERIOD),
    DeclareNoWork(**_employer, employment_id=_EMPLOYMENT, days=_MAY),
    ReportEarnings(
        **_employer, employment_id=_EMPLOYMENT, card_revision=1, reference="2025-05", work=_MAY,
        payment_date=date(2025, 5, 30), components=_PAID, allow_duplicate=True,
    ),
    CheckReports(
        **_employer, card_revision=1,
        reports=(
            CheckedReport(
                command_id=_COMMAND, employment_id=_EMPLOYMENT, reference="2025-05", work=_MAY,
                payment_date=date(2025, 5, 30), components=_PAID,
            ),
        ),
    ),
    CorrectReport(
        **_employer, employment_id=_EMPLOYMENT, card_revision=1, report_id=_REPORT, work=_MAY,
        payment_date=date(2025, 5, 30), components=_PAID, reason=CorrectionReason.WRONG_AMOUNT,
    ),
    WithdrawReport(**_employer, employment_id=_EMPLOYMENT, report_id=_REPORT, reason=CorrectionReason.NOT_PAID),
    AnswerDispute(**_employer, employment_id=_EMPLOYMENT, report_id=_REPORT, reason=AnswerReason.MATCHES_PAYSLIP),
    DisputeReport(**_dispute, reason=DisputeReason.WRONG_AMOUNT, message="k1.bWVzc2FnZQ"),
    DecideDispute(
        **_dispute | {"side": CitizenSide.MUNICIPALITY}, decision=DisputeDecision.EMPLOYER_MUST_CORRECT
    ),
    WithdrawDispute(**_dispute | {"side": CitizenSide.MANDATE_HOLDER}),
    RequestExtract(
        extract_id="extract-1", authority=Authority.SKAT, year=2025, actor="officer-1",
        positions=(Position(topic="frikort.cards.v1", partition=0, offset=7),),
    ),
    RequestExtractFiles(
        extract_id="extract-1", kind=ExtractKind.MUNICIPALITY, year=2025, municipality="101", actor="officer-1",
        requester="caseworker:101", positions=(Position(topic="frikort.cards.v1", partition=0, offset=7),),
    ),
    RequestExtractFiles(
        extract_id="extract-2", kind=ExtractKind.EMPLOYER, year=None, period=Months(first="2025-11", last="2026-02"),
        cvr=CVR, requester=f"employer:{CVR}", positions=(), actor="officer-1",
    ),
    CardIssued(
        **_card_event | {"revision": 1}, number="00042", person=PERSON, active_from=date(2025, 1, 2), control_due=2027,
        case_reference=_CASE,
    ),
    CardDeactivated(**_card_event, last_active_day=date(2025, 6, 2), case_reference=_CASE),
    CardReactivated(**_card_event, active_from=date(2025, 6, 3), case_reference=_CASE),
    CardNumberReplaced(**_card_event, number="99999", previous_number="00042", reason=ReplacementReason.ABUSED),
    CardHandedOver(**_card_event, from_municipality="101"),
    ControlRecorded(**_card_event, year=2027, result=ControlResult.NOT_UPHELD, control_due=2029),
    MandateGranted(
        **_card_event, mandate_id=_MANDATE, holder=PERSON, scope=MandateScope.REPRESENT, until=date(2026, 6, 2),
        by=CitizenSide.CITIZEN,
    ),
    MandateWithdrawn(**_card_event, mandate_id=_MANDATE, by=CitizenSide.MUNICIPALITY),
    EmploymentRegistered(
        card_id=_CARD, employment_id=_EMPLOYMENT, revision=1, cvr=CVR, period=_PERIOD, contact="k1.Y29udGFjdA",
        card_number="00042", label="k1.bGFiZWw",
    ),
    EmploymentChanged(
        card_id=_CARD, employment_id=_EMPLOYMENT, revision=2, cvr=CVR, contact="k1.Y29udGFjdA",
        period=Period(first=date(2025, 1, 1), last=date(2025, 6, 30)),
    ),
    NoWorkDeclared(
        card_id=_CARD, employment_id=_EMPLOYMENT, revision=3, cvr=CVR, period=_PERIOD, contact="k1.Y29udGFjdA",
        no_work=(_MAY,), days=_MAY,
    ),
    EarningsReported(**_content),
    EarningsCorrected(**_content | {"revision": 2}, reason=CorrectionReason.WRONG_AMOUNT),
    EarningsWithdrawn(**_report_event | {"revision": 3}, reason=CorrectionReason.REPORTED_TWICE),
    ReportDisputed(
        **{**_report_event, **_dispute}, report_revision=2, reason=DisputeReason.OTHER, message="k1.bWVzc2FnZQ"
    ),
    DisputeAnswered(
        **_report_event | {"revision": 2}, report_revision=2, actor="payroll-1", reason=AnswerReason.WAGE_PAID
    ),
    DisputeDecided(
        **_report_event | {"revision": 2}, report_revision=2, actor="caseworker-1",
        decision=DisputeDecision.REPORT_STANDS,
    ),
    DisputeEnded(
        **_report_event | {"revision": 2}, report_revision=3, actor="payroll-1", cause=DisputeEnd.REPORT_WITHDRAWN
    ),
    ReportSettled(
        card_id=_CARD, year=2025, revision=1, report_id=_REPORT, report_revision=1, employment_id=_EMPLOYMENT, cvr=CVR,
        total=572_400, exempt=572_400, excess=0, caused_by=_REPORT,
    ),
    BalanceChanged(
        card_id=_CARD, year=2025, revision=1, allowance=4_276_600, provisional=False, reported=572_400, exempt=572_400,
        excess=0, remaining=3_704_200,
    ),
    CapWarningRaised(**_warning),
    CapWarningWithdrawn(**_warning),
    CommandAccepted(
        command_id=_COMMAND, card_id=_CARD, report_id=_REPORT, revision=1, year=2025, already_reported=True
    ),
    CommandRefused(
        command_id=_COMMAND, problem=Problem.AMOUNT_TOO_LARGE, detail={"total": 100_000_001, "reason": "æøå"}
    ),
    RepublishStatements(card_id=_CARD),
    ForgetPerson(card_id=_CARD),
    EncryptCprAgain(card_id=_CARD, person=PERSON),
    PersonKeysWrapped(
        keys_id="AZtAAAAAAAAAAAAAAAAAAA", person="h" * 22, cpr="k1.Y2lwaGVy", name="k1.Y2lwaGVy", text="k1.Y2lwaGVy"
    ),
    EvidenceSigned(sequence=1, signed_root="eyJhbGciOiJFZDI1NTE5In0.e30.c2lnbmF0dXJl"),
    AuditLogSigned(chain="f1d2d2f9-1c2e-4f0e-9a43-8f6f3c1f5d27", checkpoint="eyJhbGciOiJFZDI1NTE5In0.e30.c2lnbmF0dXJl"),
    AuditLogExpired(chain="f1d2d2f9-1c2e-4f0e-9a43-8f6f3c1f5d27", expiry="eyJhbGciOiJFZDI1NTE5In0.e30.c2lnbmF0dXJl"),
    RetentionCompleted(day=date(2026, 11, 29), expired={"stored-answers": 3, "payroll-lines": 1}),
    UnusualAccess(
        finding_id="0e5d8f8e-1a51-4c0f-8c7e-3b6c0f6a2d22", rule="many-people", organisation="101", actor="worker-1",
        card_id=None, count=61, first=datetime(2025, 6, 1, 12, tzinfo=UTC), last=datetime(2025, 6, 1, 13, tzinfo=UTC),
    ),
    SettleYear(
        card_id=_CARD, year=2025, allowance=4_276_600, provisional=False,
        allowance_version="2025/2025-01-01/1-final/001",
    ),
    YearChanged(
        year=2025, revision=2, closed=True,
        amounts=(Allowance(year=2025, allowance=4_276_600, income_limit=1_069_200, effective_from=date(2025, 1, 1)),),
    ),
    CardsListed(run_id="run-1", first=100, cards=(_CARD,)),
    CardsCounted(
        run_id="run-1", first=100, cards=(_CARD,), attempt=1, is_last=False, counted_by="balance", years=(_card_year,)
    ),
    CardYearDiffered(run_id="run-1", card_id=_CARD, year=2025, figures=_card_year.figures, messages=(_place,)),
    MessagesFound(run_id="run-1", card_id=_CARD, year=2025, messages=(_place,)),
    ReconciliationCompleted(
        run_id="run-1", started_at=NOON, cards=300, years=420, differences=1, undecided=0,
        differing=(DifferingYear(year=2025, messages=(_place,)),),
    ),
    StatisticsPublished(
        month="2025-10", method=1, employers=5,
        municipalities=(
            MunicipalityStatistics(
                municipality="101", issued=10, active=10, used=10, employers=5, exempt=100_000_00, excess=None
            ),
        ),
        other_exempt=None, other_excess=None,
    ),
    ExtractStarted(extract_id="extract-1", attempt=1, statements=12),
    ExtractPartWritten(
        extract_id="extract-1", attempt=1, format=ExtractFormat.CSV, index=0, content="kort;beløb\r\n42;1,00\r\n"
    ),
    ExtractCompleted(
        extract_id="extract-1", attempt=1, authority=Authority.STAR, year=2025, municipality="101", provisional=True,
        count=12, reported=9, exempt=8, excess=1,
        files=(ExtractFile(format=ExtractFormat.JSON_LINES, parts=1, size=2, sha256="0" * 64),),
    ),
    ExtractProgressed(extract_id="extract-1", attempt=1, rows=12, written=6),
    ExtractMade(
        extract_id="extract-1", attempt=1, kind=ExtractKind.FOLLOW_UP, year=2025, municipality="101",
        positions=(Position(topic="frikort.cards.v1", partition=0, offset=7),), provisional=True,
        count=12, reported=9, exempt=8, excess=1,
        files=(StoredFile(format=FileFormat.PARQUET, name="extract-1/1.parquet", size=2, sha256="0" * 64),),
    ),
    ExtractMade(
        extract_id="extract-2", attempt=1, kind=ExtractKind.FOLLOW_UP, year=None,
        period=Months(first="2025-11", last="2026-02"), positions=(), provisional=True,
        count=0, reported=0, exempt=0, excess=0, files=(),
    ),
    TaxStatementUpdated(
        **_statement, cpr="header.key.iv.text.tag",
        employers=(EmployerLine(cvr=CVR, reports=1, reported=572_400, exempt=572_400, excess=0),),
    ),
    FollowUpStatementUpdated(**_statement),
    FillFeed(card_id=_CARD, authority="skat", encrypt_again=True, years=(2025,)),
    EncryptCprFor(card_id=_CARD, authority="municipality-101", person=PERSON),
    TaxYearUpdated(
        **_statement | {"authority": "skat", "disputed": False}, cpr="header.key.iv.text.tag", disputed_employers=(),
        employers=(EmployerLine(cvr=CVR, reports=1, reported=572_400, exempt=572_400, excess=0),),
    ),
    BenefitYearUpdated(
        authority="municipality-101", card_id=_CARD, revision=3, year=2025, municipality="101", provisional=False,
        allowance=4_276_600, reported=572_400, exempt=572_400, excess=0, hourly_rate=29_554, converted_hours=19,
        disputed=False, cpr=None,
        days=(
            PaymentDay(payment_date=date(2025, 6, 30), reports=1, exempt=572_400, excess=0, converted_hours=19),
        ),
    ),
    BenefitYearEnded(authority="municipality-101", card_id=_CARD, revision=4, year=2025),
    CardStateUpdated(
        authority="star", card_id=_CARD, revision=1, municipality="101", active=True, since=date(2025, 1, 2)
    ),
    CardUseUpdated(**_statement | {"authority": "star", "disputed": False}, employers=1),
)  # fmt: skip


def envelope(data: Message, name: str = "message", **changes: Any) -> Envelope[Any]:
    """``data`` in an envelope. The message id is derived from ``name``; ``changes`` replace attributes."""
    attributes: dict[str, Any] = {
        "id": uuid5(SPACE, name),
        "time": NOON,
        "source": source_for(data),
        "correlation_id": uuid5(SPACE, "correlation"),
        **changes,
    }
    return Envelope(data=data, **attributes)


def validated(event: Event | EventFields) -> Event:
    """The event as readers get it, checked against its contract."""
    if isinstance(event, Event):
        return event
    read = event.message.model_validate_json(to_json_bytes(event), strict=True)
    assert to_json_bytes(read) == to_json_bytes(event), "the fields are not those of the contract, in its order"
    return read
