"""The citizen's pages in a browser, on a desktop and on a phone."""

from __future__ import annotations

from datetime import date

from frikort_contracts.http.reports import CardReportResource
from frikort_contracts.issuance import MandateScope
from frikort_contracts.reporting import DisputeReason
from frikort_contracts.values import CitizenSide

from tests.portals import resources
from tests.portals.conftest import OpenTab
from tests.portals.site import Site

HELD = f"/borger/paa-vegne-af/{resources.MANDATE}"
OWN_PAGES = (
    "/borger",
    "/borger/loen",
    f"/borger/loen/{resources.REPORT}",
    "/borger/aar",
)
OTHERS = ("/borger", HELD)


def year_of_reports() -> list[CardReportResource]:
    """A report for each month: the last one exceeds the allowance, one is disputed, one is withdrawn."""
    months = [
        resources.report(report_id=f"r{month}", exempt=500_000, payment_date=date(2025, month, 28))
        for month in range(1, 9)
    ]
    disputed = resources.report(
        exempt=276_600,
        excess=23_400,
        payment_date=date(2025, 9, 26),
        dispute=resources.dispute(reason=DisputeReason.NOT_PAID),
        history=[
            resources.history("reported", total_ore=300_000),
            resources.history("disputed", reason="not-paid", message="Intet er kommet", by=CitizenSide.CITIZEN),
        ],
    )
    return [*months, disputed, resources.report(report_id="gone", status="withdrawn", payment_date=date(2025, 9, 27))]


async def test_the_pages_of_a_full_year_are_accessible_and_valid(
    open_tab: OpenTab, site: Site, address: str, width: int
) -> None:
    warnings = [resources.warning("near"), resources.warning("reached", withdrawn=True), resources.warning("exceeded")]
    resources.has_card(
        site,
        balances=[resources.balance(4_300_000, warnings=warnings, provisional=True), resources.balance(year=2024)],
        reports=year_of_reports(),
        employments=[resources.employment()],
    )
    site.answer_stream("/v1/me/changes", b"event: changed\ndata: {}\n\n")
    tab = await open_tab(width=width)

    for path in OWN_PAGES:
        await tab.open(address + path)
        await tab.check()


async def test_the_pages_of_a_mandate_holder_are_accessible_and_valid(
    open_tab: OpenTab, site: Site, address: str, width: int
) -> None:
    resources.has_no_card(site)
    resources.has_card(site, source=resources.HELD, balances=[resources.balance(4_276_600)], reports=year_of_reports())
    resources.has_mandates(site, resources.represented(MandateScope.REPRESENT))
    site.answer_stream(f"{resources.HELD}/changes", b"event: changed\ndata: {}\n\n")
    tab = await open_tab(width=width)

    for path in OTHERS:
        await tab.open(address + path)
        await tab.check()


async def test_a_form_with_errors_and_its_summary_are_accessible_and_valid(
    open_tab: OpenTab, site: Site, address: str, width: int
) -> None:
    resources.has_card(site)
    tab = await open_tab(width=width)
    page = tab.page
    await tab.open(f"{address}/borger/fuldmagter/ny")
    await page.get_by_role("button", name="Næste").click()
    await tab.check()

    await page.get_by_label("Navn").fill("Mikkel Eksempel")
    await page.get_by_label("CPR-nummer").fill("730185-4321")
    await page.get_by_label("Se frikortet", exact=True).check()
    for label, value in (("Dag", "31"), ("Måned", "12"), ("År", "2026")):
        await page.get_by_label(label, exact=True).fill(value)
    await page.get_by_role("button", name="Næste").click()
    await tab.check()
