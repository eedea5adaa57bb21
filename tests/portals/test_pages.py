"""Rules of all pages: access, calls to the API, forms, languages, and pages for errors."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from typing import Final

import httpx2
import pytest
from frikort_contracts.http.balances import Balances
from frikort_contracts.http.outcomes import PendingResource
from frikort_contracts.http.roles import Role
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from services.portals import forms
from services.portals.api import Refused
from services.portals.page import CitizenPage, EmployerPage, OpenPage
from services.portals.rendering import column
from services.portals.security import content_security_policy
from services.portals.static import static_url
from tests.portals.build import ISSUER
from tests.portals.site import FORM, KEY, Refusal, Site, answer_to_form, render_source

BALANCES: Final = Balances(balances=[])
FIELDS: Final = {"cpr": forms.cpr(), "name": forms.text()}
SENT: Final = FORM | {"cpr": "6507901234", "name": '<script>alert("x")</script>'}
TEMPLATE: Final = """
{% extends "layout.html" %}{% set title = "Prøve" %}
{% block content %}<h1>{{ title }}</h1>
{% call ui.form(form) %}{{ ui.text(form, "cpr", "CPR") }}{{ ui.text(form, "name", "Navn") }}{% endcall %}{% endblock %}
"""


@pytest.fixture
def site(site: Site) -> Site:
    """The portals with three more pages: one reads from the API, one downloads a file, one sends a form."""

    @site.app.get("/borger/proeve")
    async def see(page: CitizenPage) -> Balances:
        return await page.api.get("/v1/me/balances", Balances, year=2025, month=None)

    @site.app.get("/virksomhed/fil")
    async def download(page: EmployerPage) -> Response:
        return await page.forward("/v1/receipts/1", language="da")

    @site.app.get("/virksomhed/proeve")
    async def begin(page: EmployerPage) -> Response:
        return render_source(page, TEMPLATE, page.form(FIELDS))

    @site.app.post("/virksomhed/proeve")
    async def send(page: EmployerPage) -> Response:
        form = await page.posted(FIELDS)
        if form.valid:
            try:
                await page.api.post("/v1/cards", form.body, Balances, key=form.key)
            except Refused as refused:
                form.refuse(refused, {"card-exists": "cpr"})
            else:
                return page.redirect("/virksomhed/kvittering")
        return render_source(page, TEMPLATE, form)

    return site


async def test_the_login_returns_an_anonymous_visitor_to_the_requested_page(site: Site) -> None:
    async with site.client() as client:
        response = await client.get("/borger/proeve?a=b")

    assert response.status_code == 303
    assert response.headers["location"] == "/login?next=%2Fborger%2Fproeve%3Fa%3Db"
    assert site.requests == []


@pytest.mark.parametrize("path", ["/", "/virksomhed/proeve", static_url("logo.svg")])
async def test_head_is_answered_as_get_without_the_body(site: Site, path: str) -> None:
    site.sign_in(Role.EMPLOYER)
    async with site.client() as client:
        got, head = await client.get(path), await client.head(path)

    assert (got.status_code, head.status_code, head.content) == (200, 200, b"")
    assert set(head.headers) == set(got.headers)
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/logout", "POST"),
        ("HEAD", "/logout", "POST"),
        ("DELETE", "/", "GET, HEAD"),
        ("DELETE", "/virksomhed/filer/ny", "GET, HEAD, POST"),
        ("DELETE", static_url("logo.svg"), "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_answered_with_all_methods_of_the_path(
    site: Site, method: str, path: str, allowed: str
) -> None:
    async with site.client() as client:
        response = await client.request(method, path)

    assert (response.status_code, response.headers["allow"]) == (405, allowed)


async def test_a_form_of_an_expired_session_sends_no_command(site: Site) -> None:
    async with site.client() as client:
        response = await client.post("/virksomhed/proeve", data=SENT)

    assert response.status_code == 401
    assert "Du er logget af" in response.text
    assert "location" not in response.headers
    assert site.requests == []


@pytest.mark.parametrize("role", [Role.EMPLOYER, Role.CASEWORKER, Role.AUTHORITY])
async def test_another_role_gets_a_link_to_its_own_portal(site: Site, role: Role) -> None:
    site.sign_in(role)
    async with site.client() as client:
        response = await client.get("/borger/proeve")

    assert response.status_code == 403
    home = {Role.EMPLOYER: "/virksomhed", Role.CASEWORKER: "/kommune", Role.AUTHORITY: "/myndighed"}[role]
    assert f'href="{home}"' in response.text
    assert site.requests == []


@pytest.mark.parametrize(
    ("role", "path", "acts_for"),
    [
        (Role.EMPLOYER, "/virksomhed/proeve", "Testbageriet ApS, CVR 99000007"),
        (Role.CASEWORKER, "/kommune/nyt-frikort", "København"),
        (Role.AUTHORITY, "/myndighed/nyt-udtraek", "SKAT"),
    ],
)
async def test_the_header_says_for_whom_a_person_acts(site: Site, role: Role, path: str, acts_for: str) -> None:
    site.sign_in(role)
    async with site.client() as client:
        response = await client.get(path)

    assert f'<span class="acts-for">{acts_for}</span>' in response.text


async def test_a_citizen_acts_for_no_organisation(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    async with site.client() as client:
        assert "acts-for" not in (await client.get("/borger/mine-data")).text


async def test_the_main_menu_marks_the_entry_of_a_page_below_it(site: Site) -> None:
    site.sign_in(Role.EMPLOYER)
    async with site.client() as client:
        page = (await client.get("/virksomhed/proeve")).text

    assert page.count('<a class="nav-link" href="/virksomhed" aria-current="true">') == 2, "for desktop and phone"


async def test_a_page_calls_the_api_with_the_persons_token_language_and_correlation_id(site: Site) -> None:
    session = site.sign_in(Role.CITIZEN)
    site.answer("GET", "/v1/me/balances", BALANCES)
    async with site.client(cookie="sprog=en") as client:
        response = await client.get("/borger/proeve")

    assert response.json() == {"balances": []}
    [call] = site.requests
    assert call.token == session.tokens.access
    assert call.query == {"year": "2025"}
    assert call.language == "en"
    assert call.correlation_id == response.headers["correlation-id"]


async def test_a_form_sends_a_command_with_its_own_key_and_redirects(site: Site) -> None:
    site.sign_in(Role.EMPLOYER)
    site.answer("POST", "/v1/cards", BALANCES, status=201)
    async with site.client() as client:
        response = await client.post("/virksomhed/proeve", data=SENT)

    assert (response.status_code, response.headers["location"]) == (303, "/virksomhed/kvittering")
    [call] = site.requests
    assert call.key == KEY
    assert call.body == {"cpr": SENT["cpr"], "name": SENT["name"]}


async def test_a_form_without_the_token_of_the_session_sends_no_command(site: Site) -> None:
    site.sign_in(Role.EMPLOYER)
    async with site.client() as client:
        response = await client.post("/virksomhed/proeve", data=SENT | {"form_token": "guessed"})

    assert response.status_code == 403
    assert site.requests == []


async def test_a_refused_form_keeps_its_escaped_input_and_links_to_the_field(site: Site) -> None:
    site.sign_in(Role.EMPLOYER)
    site.answer("POST", "/v1/cards", Refusal("card-exists", facts={"municipality": "101"}))
    async with site.client() as client:
        response = await answer_to_form(client, await client.post("/virksomhed/proeve", data=SENT))

    assert response.status_code == 409
    assert "<title>Fejl: Prøve" in response.text
    assert '<a class="function-link" href="#cpr">Borgeren har allerede et frikort.' in response.text
    assert 'id="cpr" name="cpr" value="6507901234"' in response.text
    assert "<script>alert" not in response.text
    assert "&lt;script&gt;alert" in response.text
    assert KEY not in response.text


async def test_a_pending_command_can_be_sent_again_with_its_key(site: Site) -> None:
    site.sign_in(Role.EMPLOYER)
    site.answer("POST", "/v1/cards", PendingResource(command_id="c", outcome="/v1/outcomes/c"), status=202)
    async with site.client() as client:
        response = await answer_to_form(client, await client.post("/virksomhed/proeve", data=SENT))

    assert response.status_code == 202
    main = re.search("<main.*</main>", response.text, re.DOTALL)
    assert main is not None
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', main[0]))
    assert hidden["key"] == KEY
    assert set(hidden) == set(SENT)


async def test_a_file_of_the_api_is_forwarded_unchanged(site: Site) -> None:
    session = site.sign_in(Role.EMPLOYER)
    site.answer_file("/v1/receipts/1", b"%PDF-1.7", "application/pdf")
    async with site.client(range="bytes=0-") as client:
        response = await client.get("/virksomhed/fil")

    assert response.content == b"%PDF-1.7"
    assert response.headers["content-type"] == "application/pdf"
    [call] = site.requests
    assert (call.token, call.query, call.key) == (session.tokens.access, {"language": "da"}, None)


async def test_events_are_forwarded_at_once_until_the_browser_disconnects(site: Site, address: str) -> None:
    disconnected = threading.Event()

    async def events(_: Request) -> Response:
        async def stream() -> AsyncIterator[bytes]:
            try:
                yield b"data: changed\n\n"
                await asyncio.Event().wait()
            finally:
                disconnected.set()

        return StreamingResponse(stream(), media_type="text/event-stream")

    @site.app.get("/borger/nyt")
    async def live(page: CitizenPage) -> Response:
        return await page.forward_events("/v1/me/events")

    site.api.router.routes.insert(0, Route("/v1/me/events", events))
    site.sign_in(Role.CITIZEN)
    async with (
        httpx2.AsyncClient() as client,
        client.stream("GET", f"{address}/borger/nyt", headers={"accept": "text/event-stream"}) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        assert await anext(response.aiter_bytes()) == b"data: changed\n\n"
        assert not disconnected.is_set()

    assert await asyncio.to_thread(disconnected.wait, 10)


async def test_a_missing_file_has_an_error_page(site: Site) -> None:
    site.sign_in(Role.EMPLOYER)
    async with site.client(cookie="sprog=en") as client:
        response = await client.get("/virksomhed/fil")

    assert response.status_code == 404
    assert "We cannot find the page" in response.text


@pytest.mark.parametrize(
    ("code", "status", "heading"),
    [
        ("card-unknown", 404, "Frikortet findes ikke"),
        ("temporarily-unavailable", 503, "Vi kan ikke vise siden lige nu"),
        ("internal-error", 500, "Der skete en fejl hos os"),
    ],
)
async def test_a_problem_of_the_api_has_an_error_page_in_plain_words(
    site: Site, code: str, status: int, heading: str
) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer("GET", "/v1/me/balances", Refusal(code))
    async with site.client() as client:
        response = await client.get("/borger/proeve")

    assert response.status_code == status
    assert f"<h1>{heading}</h1>" in response.text
    assert response.headers["correlation-id"] in response.text


@pytest.mark.parametrize("path", ["/metrics", "/health", "/health/live", "/health/ready"])
async def test_health_and_metrics_are_not_on_the_public_port(site: Site, path: str) -> None:
    async with site.client() as client:
        assert (await client.get(path)).status_code == 404


async def test_the_page_of_an_unexpected_error_reveals_no_details(site: Site) -> None:
    @site.app.get("/broken")
    async def broken(page: OpenPage) -> None:
        raise RuntimeError("Karla Eksempel has number 12345")

    async with site.client() as client:
        response = await client.get("/broken")

    assert response.status_code == 500
    assert "Der skete en fejl hos os" in response.text
    assert "Karla" not in response.text


async def test_an_error_is_a_page_for_a_browser_and_a_problem_document_for_a_program(site: Site) -> None:
    async with site.client() as client:
        page = await client.get("/nowhere")
        program = await client.get("/nowhere", headers={"accept": "application/json"})

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert program.headers["content-type"] == "application/problem+json"
    assert page.status_code == program.status_code == 404


async def test_every_page_has_security_headers(site: Site) -> None:
    async with site.client() as client:
        for path in ("/", "/nowhere", "/logget-af"):
            headers = (await client.get(path)).headers
            assert headers["content-security-policy"] == content_security_policy(ISSUER)
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cache-control"] == "no-store"
    assert "unsafe" not in content_security_policy()


async def test_a_page_is_danish_until_english_is_chosen(site: Site) -> None:
    async with site.client(**{"accept-language": "en"}) as client:
        danish = await client.get("/privatliv?x=1")
        chosen = await client.get("/sprog/en?til=/privatliv%3Fx%3D1")
        english = await client.get(chosen.headers["location"])

    assert '<html lang="da">' in danish.text
    assert 'href="/sprog/en?til=%2Fprivatliv%3Fx%3D1"' in danish.text
    assert '<html lang="en">' in english.text
    assert str(english.url).endswith("/privatliv?x=1")


@pytest.mark.parametrize("away", ["https://evil.test/", "//evil.test", "/\\evil.test", "evil", "/\tx", "javascript:x"])
async def test_the_language_switch_never_redirects_to_another_site(site: Site, away: str) -> None:
    async with site.client() as client:
        response = await client.get("/sprog/en", params={"til": away})

    assert response.headers["location"] == "/"


async def test_background_requests_do_not_extend_the_session(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer("GET", "/v1/me/balances", BALANCES)
    async with site.client() as client:
        await client.get("/borger/proeve")
        await client.get("/borger/proeve", headers={"hx-request": "true"})
        await client.get("/borger/proeve", headers={"accept": "text/event-stream"})

    assert site.active_lookups == [True, False, False]


async def test_the_name_of_the_person_is_shown_escaped(site: Site) -> None:
    site.sign_in(Role.CITIZEN, name="<b>Karla</b>")
    async with site.client() as client:
        response = await client.get("/")

    assert "&lt;b&gt;Karla&lt;/b&gt;" in response.text
    assert "<b>Karla" not in response.text


@pytest.mark.parametrize("heading", [">Beløb", Markup("&gt;Beløb"), Markup(">Beløb")])
def test_a_numeric_column_is_recognised_by_its_translated_heading(heading: str) -> None:
    assert column(heading) == ("Beløb", True)
    assert column("Måned") == ("Måned", False)
