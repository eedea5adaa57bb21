"""E14: the reports that negative lines of a payroll file reverse are offered as withdrawals."""

from __future__ import annotations

import httpx2
import pytest

from tests.portals.employer.resources import (
    FILE,
    REPORT,
    REVERSING_LINE,
    WRONG_LINE,
    batch,
    has_file,
    has_reports,
    report,
)
from tests.portals.reading import error_at, page_text
from tests.portals.site import Refusal, Site, send_form

PAGE = f"{FILE}/tilbagekald"
API = f"/v1/reports/{REPORT}/withdrawal"


@pytest.mark.parametrize("status", ["held", "done"])
async def test_a_file_with_reversing_lines_leads_to_the_withdrawal(
    site: Site, client: httpx2.AsyncClient, status: str
) -> None:
    has_file(site, batch(status, errors=2), WRONG_LINE, REVERSING_LINE)
    assert f'href="{PAGE}"' in (await client.get(FILE)).text
    has_file(site, batch(status, errors=1), WRONG_LINE)
    assert PAGE not in (await client.get(FILE)).text


async def test_the_reports_are_shown_and_withdrawn_as_they_were_shown(site: Site, client: httpx2.AsyncClient) -> None:
    has_file(site, batch("held", errors=2), WRONG_LINE, REVERSING_LINE.model_copy(update={"report_revision": 3}))
    has_reports(site, report(revision=3))
    site.answer("POST", API, report(status="withdrawn"))
    page = await client.get(PAGE)
    assert "5 2026-10/4711 31. oktober 2026 2.500,00 kr. Modtaget" in page_text(page)
    assert "Træk 1 indberetning tilbage" in page_text(page)
    assert f'name="seen" value="{REPORT}=3"' in page.text

    done = await send_form(client, PAGE, reason="reported-twice", seen=f"{REPORT}=3")

    assert done.headers["location"] == PAGE
    (command,) = [request for request in site.requests if request.method == "POST"]
    assert (command.path, command.body) == (API, {"reason": "reported-twice", "revision": 3})
    has_reports(site, report(status="withdrawn", revision=4))
    after = page_text(await client.get(PAGE))
    assert "De er alle trukket tilbage." in after
    assert "Træk 1 indberetning tilbage" not in after


async def test_a_report_that_was_corrected_since_the_file_was_sent_is_shown_and_not_offered(
    site: Site, client: httpx2.AsyncClient
) -> None:
    has_file(site, batch("held", errors=1), REVERSING_LINE)
    has_reports(site, report(revision=2))
    page = await client.get(PAGE)
    text = page_text(page)
    assert "Rettet, siden filen blev sendt" in text
    assert "5 2026-10/4711 31. oktober 2026 2.500,00 kr." in text
    assert "for linjen i filen svarer måske ikke længere til indberetningen" in text
    for words in ("Træk 1 indberetning tilbage", "De er alle trukket tilbage.", "Ingen linje i filen"):
        assert words not in text
    assert 'name="seen"' not in page.text


async def test_the_line_of_a_report_that_was_corrected_since_leads_to_no_withdrawal(
    site: Site, client: httpx2.AsyncClient
) -> None:
    has_file(site, batch("held", errors=1), REVERSING_LINE)
    has_reports(site, report(revision=1))
    link = f"/virksomhed/indberetninger/{REPORT}/tilbagekald?udgave=1"
    assert f'href="{link}"' in (await client.get(FILE)).text
    assert 'name="revision"' in (await client.get(link)).text
    has_reports(site, report(revision=2))
    page = await client.get(link)
    assert "Indberetningen er rettet, siden filen blev sendt" in page_text(page)
    assert 'name="revision"' not in page.text


async def test_a_withdrawal_needs_a_reason(site: Site, client: httpx2.AsyncClient) -> None:
    has_file(site, batch("held", errors=1), REVERSING_LINE)
    has_reports(site, report())
    answer = await send_form(client, PAGE, seen=f"{REPORT}=1")
    assert error_at(answer, "reason")
    assert not [request for request in site.requests if request.method == "POST"]


async def test_a_report_that_was_changed_since_is_not_withdrawn(site: Site, client: httpx2.AsyncClient) -> None:
    has_file(site, batch("held", errors=1), REVERSING_LINE)
    has_reports(site, report())
    site.answer("POST", API, Refusal("report-changed"))
    answer = await send_form(client, PAGE, reason="other", seen=f"{REPORT}=1")
    assert answer.status_code == 409


async def test_what_is_no_report_is_left_out(site: Site, client: httpx2.AsyncClient) -> None:
    has_file(site, batch("held", errors=1), REVERSING_LINE)
    has_reports(site, report())
    done = await send_form(client, PAGE, reason="other", seen="../cards=1 x=1 1=")
    assert done.headers["location"] == PAGE
    assert {request.path for request in site.requests if request.method == "POST"} == set()
