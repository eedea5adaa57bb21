"""HTTP resources as the API returns them to an employer, and the fields of the employer's forms."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from frikort_contracts.http.common import Days
from frikort_contracts.http.employments import (
    ContactResource,
    EmploymentPage,
    EmploymentResource,
)
from frikort_contracts.http.payroll import (
    BatchCheckResource,
    BatchCounts,
    BatchLinePage,
    BatchLineResource,
    BatchResource,
    ExpectedSplitResource,
    LineCheckResource,
    LineSplitResource,
)
from frikort_contracts.http.problems import FieldErrorResource, ProblemResource
from frikort_contracts.http.reports import (
    ComponentsResource,
    DisputeResource,
    ReportDetail,
    ReportHistory,
    ReportPage,
    ReportResource,
    SplitResource,
)
from frikort_contracts.reporting import DisputeReason
from frikort_contracts.values import CitizenSide

from services.gateway.employer.payment_instructions import payment_instructions
from services.gateway.formats import Language as ApiLanguage
from tests.portals.site import FORM, Site

EMPLOYMENT, REPORT = "0e5d8f8e-1a51-4c0f-8c7e-3b6c0f6a2d22", "c4b0f5b2-3f3a-4d1e-9a57-6a0e5d7f3c33"
NOON = datetime(2026, 11, 1, 11, tzinfo=UTC)
OCTOBER = Days(first=date(2026, 10, 1), last=date(2026, 10, 31))


def employment(**changes: Any) -> EmploymentResource:
    given: dict[str, Any] = {
        "employment_id": EMPLOYMENT,
        "period": Days(first=date(2026, 1, 5)),
        "contact": ContactResource(name="Bo Kontakt", email="bo@example.dk", phone="12 34 56 78"),
        "card_number": "48213",
        "label": "Løn 4711",
        "active_days": [changes.get("period", Days(first=date(2026, 1, 5)))],
        "no_work": [],
        "registered_at": NOON,
        "revision": 1,
    }
    return EmploymentResource(**given | changes)


def split(exempt: int, excess: int = 0, *, by: str | None = REPORT) -> SplitResource:
    return SplitResource(exempt_ore=exempt, excess_ore=excess, at=NOON, caused_by=by)


def report(**changes: Any) -> ReportDetail:
    given: dict[str, Any] = {
        "report_id": REPORT,
        "employment_id": EMPLOYMENT,
        "reference": "2026-10/4711",
        "status": "accepted",
        "reported_at": NOON,
        "withdrawn_at": None,
        "year": 2026,
        "work": OCTOBER,
        "payment_date": date(2026, 10, 31),
        "components": ComponentsResource(wage_ore=250_000, holiday_pay_ore=0, atp_ore=0, pension_ore=0),
        "total_ore": 250_000,
        "split": split(200_000, 50_000),
        "allowance_ore": 4_276_600,
        "provisional": False,
        "remaining_ore": 0,
        "advice": payment_instructions(
            exempt=200_000, excess=50_000, year=2026, provisional=False, language=ApiLanguage.DANISH
        ),
        "dispute": None,
        "revision": 1,
        "history": [history_line("reported")],
        "splits": [split(200_000, 50_000)],
    }
    return ReportDetail(**given | changes)


def history_line(event: str, revision: int = 1, **changes: Any) -> ReportHistory:
    given: dict[str, Any] = {
        "revision": revision,
        "event": event,
        "at": NOON,
        "work": OCTOBER,
        "payment_date": date(2026, 10, 31),
        "components": ComponentsResource(wage_ore=250_000, holiday_pay_ore=0, atp_ore=0, pension_ore=0),
        "total_ore": 250_000,
        "reason": None,
        "message": None,
        "by": None,
    }
    return ReportHistory(**given | changes)


def list_item(detail: ReportDetail) -> ReportResource:
    """The report as a list of reports shows it."""
    return ReportResource(**detail.model_dump(exclude={"history", "splits"}))


def has_employments(site: Site, *jobs: EmploymentResource) -> None:
    """Let the employer have these employments, the latest registered first."""
    site.answer("GET", "/v1/employments", EmploymentPage(employments=list(jobs), next=None))
    for job in jobs:
        site.answer("GET", f"/v1/employments/{job.employment_id}", job)


def has_reports(site: Site, *details: ReportDetail) -> None:
    """Let the employer have these reports, the newest first."""
    site.answer("GET", "/v1/reports", ReportPage(reports=[list_item(one) for one in details], next=None))
    site.answer("GET", "/v1/reports", ReportPage(reports=[], next=None), disputed="True")
    site.answer("GET", "/v1/reports", ReportPage(reports=[], next=None), moved_since="2026-09-22")
    for one in details:
        site.answer("GET", f"/v1/reports/{one.report_id}", one)


def date_fields(name: str, one: date) -> dict[str, str]:
    """The three fields of a date in a form."""
    return {f"{name}-day": str(one.day), f"{name}-month": str(one.month), f"{name}-year": str(one.year)}


PAYMENT = {
    **FORM,
    **date_fields("payment_date", date(2026, 10, 31)),
    **date_fields("work.first", date(2026, 10, 1)),
    **date_fields("work.last", date(2026, 10, 31)),
    "components.wage_ore": "2.500,00",
}
REGISTRATION = {
    **FORM,
    "card_number": "482 13",
    **date_fields("birth_date", date(1985, 1, 13)),
    **date_fields("period.first", date(2026, 11, 1)),
    "contact.name": "Bo Kontakt",
    "contact.email": "bo@example.dk",
    "contact.phone": "12 34 56 78",
}


def dispute(**changes: Any) -> DisputeResource:
    given: dict[str, Any] = {
        "reason": DisputeReason.WRONG_AMOUNT,
        "message": "Jeg fik 2.000 kr.",
        "raised_at": NOON,
        "raised_by": CitizenSide.MANDATE_HOLDER,
        "answer": None,
        "revision": 1,
    }
    return DisputeResource(**given | changes)


FILE = "/virksomhed/filer/5f0c2a3e-1111-4000-8000-000000000001"
BATCH = "/v1/report-batches/5f0c2a3e-1111-4000-8000-000000000001"


def check(**changes: Any) -> BatchCheckResource:
    given: dict[str, Any] = {
        "at": NOON,
        "accepted": 0,
        "already_reported": 0,
        "refused": 0,
        "exempt_at_least_ore": 500_000,
        "excess_at_most_ore": 250_000,
        "over_allowance": 1,
        "provisional": False,
        "split_unshown": 0,
    }
    return BatchCheckResource(**given | changes)


def batch(status: str, checked: BatchCheckResource | None = None, **counts: int) -> BatchResource:
    """A file; one that was not booked is checked, and all its lines can be reported unless ``checked`` differs."""
    if checked is None and status in {"checking", "held"}:
        checked = check(accepted=counts.get("pending", 0))
    none = {"errors": 0, "accepted": 0, "already_reported": 0, "refused": 0, "pending": 0}
    return BatchResource(
        batch_id=BATCH.rsplit("/", 1)[1],
        status=status,
        created_at=NOON,
        expires_at=NOON if checked else None,
        finished_at=NOON if status == "done" else None,
        encoding="utf-8",
        counts=BatchCounts(lines=sum(counts.values()), **none | counts),
        check=checked,
        total_ore=750_000,
        exempt_ore=500_000 if status == "done" else 0,
        excess_ore=100_000 if status == "done" else 0,
        provisional=False,
    )


def file_line(number: int, result: str, **changes: Any) -> BatchLineResource:
    given: dict[str, Any] = {
        "number": number,
        "reference": f"ref-{number}",
        "result": result,
        "employment_id": EMPLOYMENT,
        "total_ore": 250_000,
        "report_id": None,
        "split": None,
        "problem": None,
        "errors": [],
    }
    return BatchLineResource(**given | changes)


WRONG_LINE = file_line(
    3,
    "error",
    total_ore=None,
    errors=[
        FieldErrorResource(
            code="not-an-amount",
            pointer="/components/wage_ore",
            column="Løn (kr.)",
            detail="Skal være et beløb i kroner.",
        )
    ],
)
REVERSING_LINE = file_line(
    5,
    "error",
    total_ore=None,
    report_id=REPORT,
    report_revision=1,
    errors=[
        FieldErrorResource(
            code="reverses-report",
            pointer="/components/wage_ore",
            column="Løn (kr.)",
            detail="Linjen vender en indberetning.",
        )
    ],
)
REFUSED_LINE = file_line(
    4,
    "refused",
    problem=ProblemResource(
        code="card-not-active",
        type="/problems/card-not-active",
        title="Frikortet var ikke aktivt",
        status=422,
        detail="Ret dagene.",
        instance="urn:uuid:1",
    ),
)
CHECKED_LINE = file_line(
    1,
    "pending",
    check=LineCheckResource(
        result="accepted",
        split=ExpectedSplitResource(exempt_at_least_ore=200_000, excess_at_most_ore=50_000, provisional=False),
        corrected_since=False,
        reported_ore=250_000,
        problem=None,
    ),
)
REFUSED_CHECK = file_line(
    4,
    "pending",
    check=LineCheckResource(
        result="refused", split=None, corrected_since=False, reported_ore=None, problem=REFUSED_LINE.problem
    ),
)
GOOD_LINE = file_line(
    2, "accepted", report_id=REPORT, split=LineSplitResource(exempt_ore=200_000, excess_ore=50_000, provisional=False)
)


def has_file(site: Site, file: BatchResource, *lines: BatchLineResource) -> None:
    """Let the employer have uploaded this file."""
    site.answer("GET", BATCH, file)
    site.answer("GET", f"{BATCH}/lines", BatchLinePage(lines=list(lines), next="Zm9v"))
