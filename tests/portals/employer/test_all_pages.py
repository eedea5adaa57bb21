"""Rules that all of the employer's pages keep."""

from __future__ import annotations

from datetime import date

import httpx2
import pytest
from frikort_contracts.http.common import Days
from frikort_contracts.http.employments import (
    ContactResource,
    ReminderResource,
    Reminders,
)
from frikort_contracts.http.payroll import (
    BatchPage,
)
from frikort_contracts.http.reports import (
    ReportPage,
)
from frikort_contracts.http.roles import Role

from tests.portals.conftest import OpenTab
from tests.portals.employer.resources import (
    EMPLOYMENT,
    FILE,
    GOOD_LINE,
    OCTOBER,
    PAYMENT,
    REFUSED_LINE,
    REGISTRATION,
    REPORT,
    WRONG_LINE,
    batch,
    dispute,
    employment,
    has_employments,
    has_file,
    has_reports,
    history_line,
    list_item,
    report,
    split,
)
from tests.portals.reading import page_text
from tests.portals.site import FORM, Site, send_form

SCRIPT = "<script>alert(1)</script>"
PAGES = (
    "/virksomhed",
    "/virksomhed/indberet",
    f"/virksomhed/indberet/{EMPLOYMENT}",
    "/virksomhed/indberetninger",
    f"/virksomhed/indberetninger?ansaettelse={EMPLOYMENT}&aar=2026",
    f"/virksomhed/indberetninger/{REPORT}",
    f"/virksomhed/indberetninger/{REPORT}/kvittering",
    f"/virksomhed/indberetninger/{REPORT}/ret",
    f"/virksomhed/indberetninger/{REPORT}/tilbagekald",
    f"/virksomhed/indberetninger/{REPORT}/svar",
    "/virksomhed/ansaettelser",
    "/virksomhed/ansaettelser/ny",
    f"/virksomhed/ansaettelser/{EMPLOYMENT}",
    f"/virksomhed/ansaettelser/{EMPLOYMENT}/ret",
    f"/virksomhed/ansaettelser/{EMPLOYMENT}/afslut",
    f"/virksomhed/ansaettelser/{EMPLOYMENT}/intet-arbejde",
    "/virksomhed/loensystem",
)
PICTURES = {"/virksomhed": "virksomhed", f"/virksomhed/indberetninger/{REPORT}": "virksomhed-indberetning"}


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_available(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path, follow_redirects=True)
    assert answer.status_code == 200, page_text(answer)


async def test_the_payroll_page_says_where_to_get_a_token_and_its_claims(client: httpx2.AsyncClient) -> None:
    text = page_text(await client.get("/virksomhed/loensystem"))
    for needed in ("https://issuer.test/.well-known/openid-configuration", "99000007", "/v1/report-batches"):
        assert needed in text


@pytest.mark.parametrize("path", PAGES)
async def test_a_script_in_any_text_is_escaped(site: Site, client: httpx2.AsyncClient, path: str) -> None:
    contact = ContactResource(name=SCRIPT, email=SCRIPT, phone=SCRIPT)
    has_employments(site, employment(label=SCRIPT, card_number=SCRIPT, contact=contact))
    history = [history_line("reported"), history_line("disputed", reason="other", message=SCRIPT)]
    bad = report(reference=SCRIPT, advice=[SCRIPT], history=history, dispute=dispute(message=SCRIPT))
    has_reports(site, bad)
    site.answer("GET", "/v1/reports", ReportPage(reports=[list_item(bad)], next=None), disputed="True")

    page = (await client.get(path, follow_redirects=True)).text

    assert "<script>alert" not in page
    for form in (PAYMENT, REGISTRATION, FORM):
        typed = {name: value if name in FORM else SCRIPT for name, value in form.items()}
        assert "<script>alert" not in (await send_form(client, path, typed)).text


async def test_other_roles_and_anonymous_visitors_get_no_page(site: Site, client: httpx2.AsyncClient) -> None:
    site.sign_in(Role.CITIZEN)
    for path in PAGES:
        assert (await client.get(path)).status_code == 403
    site.sign_out()
    for path in PAGES:
        assert (await client.get(path)).headers["location"].startswith("/login?")


async def test_the_most_used_pages_are_accessible_and_valid(
    open_tab: OpenTab, site: Site, address: str, width: int
) -> None:
    has_data_of_every_kind(site)
    tab = await open_tab(width=width)
    for path, picture in PICTURES.items():
        await tab.open(address + path)
        await tab.check()
        await tab.screenshot(picture)
    await tab.open(f"{address}/virksomhed/indberetninger/{REPORT}/svar")
    await tab.check()
    for file in (
        batch("checking", pending=3),
        batch("held", pending=3, errors=1),
        batch("done", accepted=2, refused=1),
        batch("cancelled"),
    ):
        has_file(site, file, GOOD_LINE, REFUSED_LINE, WRONG_LINE)
        await tab.open(address + FILE)
        await tab.check()


def has_data_of_every_kind(site: Site) -> None:
    """Let the employer have data of every kind that the pages show."""
    moved_split = split(150_000, 100_000, by=None)
    changed = report(
        report_id="moved", split=moved_split, splits=[split(200_000, 50_000), moved_split], reference="2026-09/4711"
    )
    history = [
        history_line("reported"),
        history_line("disputed", reason="wrong-amount", message="Jeg fik 2.000 kr.", work=None, total_ore=None),
    ]
    disputed = report(dispute=dispute(), history=history, split=moved_split, splits=changed.splits)
    withdrawn = report(report_id="withdrawn", status="withdrawn")
    has_employments(
        site, employment(no_work=[OCTOBER]), employment(employment_id="other", card_number="10007", label=None)
    )
    has_reports(site, disputed, changed, withdrawn, report(report_id="plain", split=split(250_000)))
    site.answer("GET", "/v1/reports", ReportPage(reports=[list_item(disputed)], next=None), disputed="True")
    site.answer("GET", "/v1/reports", ReportPage(reports=[list_item(changed)], next=None), moved_since="2026-09-22")
    question = ReminderResource(
        kind="no-recent-report",
        employment_id="other",
        card_number="10007",
        label=None,
        text="Har der været arbejde fra den 1. oktober 2026 til den 20. november 2026?",
        days=Days(first=date(2026, 10, 1), last=date(2026, 11, 20)),
    )
    notice = ReminderResource(
        kind="allowance-low",
        employment_id=EMPLOYMENT,
        card_number="48213",
        label="Løn 4711",
        text="Der er under 1.000,00 kr. tilbage af årets beløbsgrænse, og I plejer at betale 2.500,00 kr.",
        expected_payment_date=date(2026, 11, 30),
        remaining_ore=0,
        usual_pay_ore=250_000,
    )
    site.answer("GET", "/v1/reminders", Reminders(reminders=[question, notice], next=None))
    waiting = batch("held", pending=3, errors=1)
    site.answer("GET", "/v1/report-batches", BatchPage(batches=[waiting, batch("done", accepted=1)], next=None))


@pytest.mark.parametrize("bad", ["x%3Flimit=1", "%2e%2e", "a%23b", "x" * 65])
async def test_an_identifier_in_an_address_cannot_change_the_address_of_the_api(
    site: Site, client: httpx2.AsyncClient, bad: str
) -> None:
    for path in ("ansaettelser/{}", "indberetninger/{}", "indberetninger/{}/kvittering.pdf", "indberet/{}"):
        assert (await client.get(f"/virksomhed/{path.format(bad)}")).status_code in {404, 422}
    assert site.requests == []
