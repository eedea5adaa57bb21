"""HTTP resources about a card and its citizen, as the API returns them to a citizen and a caseworker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from frikort_contracts.http.audit import AccessPage, AccessResource
from frikort_contracts.http.balances import BalanceResource, Balances, WarningResource, Warnings
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.common import Days, Municipality
from frikort_contracts.http.employments import CardEmploymentResource, CardEmployments
from frikort_contracts.http.mandates import MandateResource, Mandates, Represented, RepresentedResource
from frikort_contracts.http.reports import (
    CardReportResource,
    CardReports,
    ComponentsResource,
    DisputeResource,
    ReportHistory,
    SplitResource,
)
from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import MandateScope
from frikort_contracts.reporting import DisputeReason
from frikort_contracts.rules.hours import converted_hours
from frikort_contracts.values import CitizenSide

from tests.portals.site import Refusal, Site

NOON: Final = datetime(2025, 6, 1, 10, tzinfo=UTC)
ALLOWANCE: Final = 4_276_600
OWN: Final = "/v1/me"
MANDATE: Final = "7d9d6a0e-0b0c-4c7d-8f14-1f3e9b1c0a01"
HELD: Final = f"/v1/represented/{MANDATE}"
REPORT: Final = "c4b0f5b2-3f3a-4d1e-9a57-6a0e5d7f3c33"


def card(**changes: Any) -> OwnCardResource:
    given: dict[str, Any] = {
        "number": "48213",
        "name": "Karla Eksempel",
        "municipality": Municipality(code="101", name="København"),
        "status": "active",
        "active_periods": [Days(first=date(2025, 1, 6))],
    }
    return OwnCardResource(**given | changes)


def balance(reported: int = 0, year: int = 2025, **changes: Any) -> BalanceResource:
    exempt = min(reported, ALLOWANCE)
    given: dict[str, Any] = {
        "year": year,
        "allowance_ore": ALLOWANCE,
        "provisional": False,
        "reported_ore": reported,
        "exempt_ore": exempt,
        "excess_ore": reported - exempt,
        "remaining_ore": ALLOWANCE - exempt,
        "hourly_rate_ore": 29_554,
        "converted_hours": converted_hours(exempt, 29_554),
        "warnings": [],
    }
    return BalanceResource(**given | changes)


def warning(threshold: str, *, withdrawn: bool = False) -> WarningResource:
    return WarningResource(
        year=2025,
        threshold=threshold,
        allowance_ore=ALLOWANCE,
        reported_ore=ALLOWANCE,
        provisional=False,
        raised_at=NOON,
        withdrawn_at=NOON if withdrawn else None,
    )


def report(exempt: int = 750_000, excess: int = 0, **changes: Any) -> CardReportResource:
    """A report of a payment on the last day of March, with one line of history."""
    total = exempt + excess
    components = ComponentsResource(wage_ore=total, holiday_pay_ore=0, atp_ore=0, pension_ore=0)
    work = Days(first=date(2025, 3, 1), last=date(2025, 3, 31))
    given: dict[str, Any] = {
        "report_id": REPORT,
        "employment_id": "0e5d8f8e-1a51-4c0f-8c7e-3b6c0f6a2d22",
        "cvr": "99000007",
        "status": "accepted",
        "year": 2025,
        "work": work,
        "payment_date": date(2025, 3, 31),
        "components": components,
        "total_ore": total,
        "split": SplitResource(exempt_ore=exempt, excess_ore=excess, at=NOON, caused_by=REPORT),
        "provisional": False,
        "dispute": None,
        "history": [history("reported", components=components, total_ore=total, work=work)],
    }
    return CardReportResource(**given | changes)


def history(event: str, **changes: Any) -> ReportHistory:
    given: dict[str, Any] = {
        "revision": 1,
        "event": event,
        "at": NOON,
        "work": None,
        "payment_date": None,
        "components": None,
        "total_ore": None,
        "reason": None,
        "message": None,
        "by": None,
    }
    return ReportHistory(**given | changes)


def dispute(**changes: Any) -> DisputeResource:
    given: dict[str, Any] = {
        "reason": DisputeReason.WRONG_AMOUNT,
        "message": "Jeg fik kun 5.000 kr.",
        "raised_at": NOON,
        "raised_by": CitizenSide.CITIZEN,
        "answer": None,
        "revision": 1,
    }
    return DisputeResource(**given | changes)


def employment(**changes: Any) -> CardEmploymentResource:
    given: dict[str, Any] = {
        "employment_id": "0e5d8f8e-1a51-4c0f-8c7e-3b6c0f6a2d22",
        "cvr": "99000007",
        "period": Days(first=date(2025, 1, 10)),
        "registered_at": NOON,
        "contact": None,
    }
    return CardEmploymentResource(**given | changes)


def mandate(**changes: Any) -> MandateResource:
    given: dict[str, Any] = {
        "mandate_id": MANDATE,
        "name": "Mikkel Eksempel",
        "scope": MandateScope.VIEW,
        "until": date(2026, 12, 31),
        "status": "active",
        "granted_at": NOON,
        "granted_by": CitizenSide.CITIZEN,
        "withdrawn_at": None,
    }
    return MandateResource(**given | changes)


def represented(scope: MandateScope = MandateScope.VIEW) -> RepresentedResource:
    return RepresentedResource(mandate_id=MANDATE, name="Karla Eksempel", scope=scope, until=date(2026, 12, 31))


def has_card(
    site: Site,
    *,
    source: str = OWN,
    card: OwnCardResource = card(),  # noqa: B008 - a frozen model
    balances: Sequence[BalanceResource] = (balance(),),
    reports: Sequence[CardReportResource] = (),
    employments: Sequence[CardEmploymentResource] = (),
) -> Site:
    """Sign a citizen in, and let the API have their card at ``source``."""
    site.sign_in(Role.CITIZEN)
    has_mandates(site)
    site.answer("GET", f"{source}/card", card)
    site.answer("GET", f"{source}/balances", Balances(balances=list(balances)))
    site.answer("GET", f"{source}/reports", CardReports(reports=list(reports)))
    site.answer("GET", f"{source}/employments", CardEmployments(employments=list(employments)))
    site.answer("GET", f"{source}/mandates", Mandates(mandates=[]))
    warnings = [one for year in balances for one in year.warnings]
    site.answer("GET", f"{source}/warnings", Warnings(warnings=warnings))
    return site


def has_mandates(site: Site, *mandates: RepresentedResource) -> Site:
    """Let the signed-in person hold these mandates."""
    site.answer("GET", "/v1/represented", Represented(represented=list(mandates)))
    return site


def accesses(*lines: AccessResource, next_cursor: str | None = None) -> AccessPage:
    return AccessPage(accesses=list(lines), next=next_cursor)


def access(**changes: Any) -> AccessResource:
    given: dict[str, Any] = {
        "at": NOON,
        "by": "Københavns Kommune, sagsbehandler",
        "role": "caseworker",
        "own": False,
        "action": "read-card",
        "kind": "read",
        "description": "har set dit frikort",
        "refused": False,
        "attempted": False,
        "reason": "Opfølgning på samtale",
        "correlation_id": "0" * 32,
    }
    return AccessResource(**given | changes)


def has_no_card(site: Site) -> Site:
    """Sign in a citizen without a card."""
    site.sign_in(Role.CITIZEN)
    for part in ("card", "balances", "reports", "employments", "mandates", "warnings"):
        site.answer("GET", f"{OWN}/{part}", Refusal("card-unknown"))
    return has_mandates(site)
