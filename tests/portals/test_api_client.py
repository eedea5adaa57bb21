"""Calls of the pages to the API: concurrent calls, outages, and streams that end with the session."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import httpx2
import pytest
from frikort_contracts.http.balances import Balances
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.common import Days, Municipality
from frikort_contracts.http.employments import EmploymentPage, Reminders
from frikort_contracts.http.mandates import Represented
from frikort_contracts.http.payroll import BatchPage
from frikort_contracts.http.reports import CardReports, ReportPage
from frikort_contracts.http.roles import Role

from services.portals.api import GatewayClient
from services.portals.page import CitizenPage
from tests.portals import resources
from tests.portals.reading import login_link
from tests.portals.site import FORM, TODAY, Site

CARD = OwnCardResource(
    number="12345",
    name="Karla Eksempel",
    status="active",
    municipality=Municipality(code="101", name="København"),
    active_periods=[Days(first=TODAY)],
)


def stop_api(site: Site) -> None:
    """Let the API refuse connections."""

    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    site.use_gateway(GatewayClient("http://gateway.test", transport=httpx2.MockTransport(refuse)))


async def test_the_employers_front_page_calls_the_api_concurrently(site: Site) -> None:
    site.sign_in(Role.EMPLOYER)
    site.answer("GET", "/v1/employments", EmploymentPage(employments=[], next=None))
    site.answer("GET", "/v1/reminders", Reminders(reminders=[], next=None))
    site.answer("GET", "/v1/reports", ReportPage(reports=[], next=None))
    site.answer("GET", "/v1/report-batches", BatchPage(batches=[], next=None))
    site.answer_together(6)
    async with site.client() as client:
        assert (await client.get("/virksomhed")).status_code == 200


async def test_the_citizens_overview_calls_the_api_concurrently(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer("GET", "/v1/me/card", CARD)
    site.answer("GET", "/v1/me/balances", Balances(balances=[]))
    site.answer("GET", "/v1/me/reports", CardReports(reports=[]))
    site.answer("GET", "/v1/represented", Represented(represented=[]))
    site.answer_together(4)
    async with site.client() as client:
        assert (await client.get("/borger")).status_code == 200


async def test_the_page_of_a_represented_card_calls_the_api_concurrently(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    resources.has_card(site, source=resources.HELD)
    resources.has_mandates(site, resources.represented())
    site.answer_together(4)
    async with site.client() as client:
        assert (await client.get(f"/borger/paa-vegne-af/{resources.MANDATE}")).status_code == 200


async def test_without_the_api_a_page_says_that_it_cannot_be_shown_now(site: Site) -> None:
    stop_api(site)
    site.sign_in(Role.CITIZEN)
    async with site.client() as client:
        response = await client.get("/borger")

    assert response.status_code == 503
    assert "<h1>Vi kan ikke vise siden lige nu</h1>" in response.text


@pytest.mark.parametrize("path", ["/tilgaengelighed", "/privatliv", "/logget-af"])
async def test_pages_that_do_not_call_the_api_work_without_it(site: Site, path: str) -> None:
    stop_api(site)
    async with site.client() as client:
        assert (await client.get(path)).status_code == 200


async def test_a_response_without_a_problem_document_is_treated_as_an_outage(site: Site) -> None:
    page = httpx2.MockTransport(lambda _: httpx2.Response(502, text="<h1>Bad gateway</h1>"))
    site.use_gateway(GatewayClient("http://gateway.test", transport=page))
    site.sign_in(Role.CITIZEN)
    async with site.client() as client:
        response = await client.get("/borger")

    assert response.status_code == 503
    assert "Bad gateway" not in response.text


async def test_a_token_that_the_api_refuses_is_renewed_and_the_page_is_shown(site: Site) -> None:
    session = site.sign_in(Role.CITIZEN)
    resources.has_card(site)
    site.invalid_tokens.add(session.tokens.access)
    async with site.client() as client:
        response = await client.get("/borger")

    assert response.status_code == 200
    assert set(site.refused_tokens) == {session.tokens.access}


async def test_a_file_is_sent_again_from_its_beginning_with_a_renewed_token(site: Site) -> None:
    session = site.sign_in(Role.EMPLOYER)
    site.invalid_tokens.add(session.tokens.access)
    async with site.client() as client:
        await client.post("/virksomhed/filer/ny", data=FORM, files={"file": ("løn.csv", b"a;b\r\n1;2\r\n")})

    refused, sent = (request for request in site.requests if request.path == "/v1/report-batches")
    assert (refused.token, sent.token) == (session.tokens.access, site.renewed_token)
    assert refused.body == sent.body == b"a;b\r\n1;2\r\n"
    assert refused.key == sent.key


async def test_a_renewed_token_that_the_api_refuses_leads_to_a_new_login_and_to_no_further_request(
    site: Site,
) -> None:
    session = site.sign_in(Role.CITIZEN)
    site.invalid_tokens |= {session.tokens.access, str(site.renewed_token)}
    async with site.client() as client:
        response = await client.get("/borger/fuldmagter")

    assert response.status_code == 401
    assert 'href="/login?next=' in response.text
    sent = Counter((request.path, request.token) for request in site.requests)
    assert set(sent.values()) == {1}


async def test_a_form_is_kept_when_the_api_refuses_the_renewed_token(site: Site) -> None:
    session = site.sign_in(Role.CASEWORKER)
    site.invalid_tokens |= {session.tokens.access, str(site.renewed_token)}
    async with site.client() as client:
        late = await client.post("/kommune", data={**FORM, "person": "48213", "why": "contact"})
        again = await client.get(login_link(late)["next"][0])

    assert late.status_code == 401
    assert 'value="48213"' in again.text


async def test_a_session_that_ended_at_the_provider_leads_to_a_new_login(site: Site) -> None:
    session = site.sign_in(Role.CITIZEN)
    site.invalid_tokens.add(session.tokens.access)
    site.renewed_token = None
    async with site.client() as client:
        page = await client.get("/borger")
        program = await client.get("/borger", headers={"accept": "application/json"})

    assert (page.status_code, page.headers["location"]) == (303, "/login?next=%2Fborger")
    assert (program.status_code, program.json()["code"]) == (401, "login-required")


async def test_the_api_gets_the_correlation_id_of_the_page(site: Site) -> None:
    site.sign_in(Role.EMPLOYER)
    site.answer("GET", "/v1/employments", EmploymentPage(employments=[], next=None))
    async with site.client() as client:
        response = await client.get("/virksomhed")

    assert {UUID(request.correlation_id) for request in site.requests} == {UUID(response.headers["correlation-id"])}


async def test_an_event_stream_ends_with_the_session(site: Site) -> None:
    @site.app.get("/borger/nyt")
    async def live(page: CitizenPage) -> object:
        return await page.forward_events("/v1/me/events")

    site.sign_in(Role.CITIZEN)
    site.answer_stream("/v1/me/events", b"data: changed\n\n", second=b"data: later\n\n")
    with site.served() as address:
        async with (
            httpx2.AsyncClient() as client,
            client.stream("GET", f"{address}/borger/nyt", headers={"accept": "text/event-stream"}) as response,
        ):
            parts = response.aiter_bytes()
            assert await anext(parts) == b"data: changed\n\n"
            site.sign_out()
            site.resume_streams()
            assert [part async for part in parts] == []
