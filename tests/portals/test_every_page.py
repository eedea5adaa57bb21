"""Rules of every page of every part. A new page is included automatically."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from html import escape
from typing import Final

import httpx2
import pytest
from frikort_contracts.http.roles import Role

from services.portals.formats import Language
from services.portals.registry import PORTALS
from services.portals.texts import LANGUAGE_COOKIE
from tests.portals.generated_site import (
    HOSTILE,
    VARIANTS,
    GeneratedSite,
    HtmlForm,
    PageReader,
    PortalRoute,
    open_page,
    own_forms,
    portal_routes,
)
from tests.portals.reading import login_link, page_text
from tests.portals.site import answer_to_form

ROUTES: Final = list(portal_routes())
READS: Final = [route for route in ROUTES if route.method == "GET"]
GUARDED: Final = [route for route in ROUTES if route.role is not None]
SENDS: Final = [route for route in GUARDED if route.method == "POST"]
# Parameters of addresses that are not personal: opaque ids and marks, codes, years, and the next address.
IMPERSONAL: Final = {
    "card_id", "employment_id", "report_id", "mandate_id", "extract_id", "batch_id", "represented",
    "ansaettelse", "vist", "municipality", "kind", "file_format", "language", "year", "aar", "mine", "resultat",
    "cursor", "fra", "side", "next", "til", "videre", "udgave", "month",
}  # fmt: skip
# The public pages. All other pages belong to a role.
OPEN: Final = re.compile(r"/|/(sprog|logget-af|vejledning|statistik|tilgaengelighed|privatliv)(/.*)?")
ADDRESS: Final = re.compile(r"/(?!/)|#|mailto:|https://(www\.borger|virk|datacvr\.virk)\.dk/|$")
REPRESENTS: Final = 1  # the variant in which a mandate allows its holder to represent the citizen
# Valid values of strict fields, so that a form reaches its summary.
TYPED: Final = {
    "cpr": "730185-4321",
    "person": "730185-4321",
    "until-day": "31",
    "until-month": "12",
    "until-year": "2026",
    **{f"{day}-{part}": value for day in ("payment_date", "work.first", "work.last")
       for part, value in (("day", "31"), ("month", "3"), ("year", "2025"))},
    **{f"components.{part}_ore": "750" for part in ("wage", "holiday_pay", "atp", "pension")},
}  # fmt: skip


def route_id(route: PortalRoute) -> str:
    return str(route)


@cache
def _site() -> GeneratedSite:
    return GeneratedSite()  # shared by all tests, because building it takes longer than a page


def site_as(role: Role | None, variant: int = 0, *, refuses: bool = False) -> GeneratedSite:
    site = _site()
    site.variant, site.refuses = variant, refuses
    site.requests.clear()
    site.sign_out()
    if role is not None:
        site.sign_in(role, name=HOSTILE)
    return site


def client_of(site: GeneratedSite) -> httpx2.AsyncClient:
    return site.client(**{"sec-fetch-site": "same-origin"})


def test_every_role_has_pages() -> None:
    assert {route.role for route in READS} == {None, *Role}


@pytest.mark.parametrize("route", ROUTES, ids=route_id)
def test_every_page_belongs_to_a_role_or_is_public(route: PortalRoute) -> None:
    assert route.role is not None or OPEN.fullmatch(route.path)


@pytest.mark.parametrize("route", ROUTES, ids=route_id)
def test_an_address_has_no_personal_parameter(route: PortalRoute) -> None:
    assert set(route.parameters) <= IMPERSONAL


@pytest.mark.parametrize("route", GUARDED, ids=route_id)
async def test_an_anonymous_visitor_is_redirected_to_login(route: PortalRoute) -> None:
    site = site_as(None)
    async with client_of(site) as client:
        answer = await client.request(route.method, route.path)
    if route.method == "GET":
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login?next=%2F")
    else:
        assert answer.status_code == 401
    assert site.requests == []


@pytest.mark.parametrize("route", GUARDED, ids=route_id)
async def test_another_role_gets_a_link_to_its_own_portal(route: PortalRoute) -> None:
    for role in set(Role) - {route.role}:
        site = site_as(role)
        async with client_of(site) as client:
            answer = await client.request(route.method, route.path)
        assert answer.status_code == 403
        assert f'href="{PORTALS[role].home}"' in answer.text
        assert site.requests == []


@pytest.mark.parametrize("route", SENDS, ids=route_id)
async def test_a_form_without_the_token_of_the_session_sends_no_command(route: PortalRoute) -> None:
    site = site_as(route.role, REPRESENTS)
    async with client_of(site) as client:
        for token in ({}, {"form_token": "another"}):
            assert (await client.post(route.path, data={"key": "k", **token})).status_code == 403
    assert no_command_was_sent(site)


@pytest.mark.parametrize("route", SENDS, ids=route_id)
async def test_a_form_from_another_site_sends_no_command(route: PortalRoute) -> None:
    site = site_as(route.role, REPRESENTS)
    assert site.session is not None
    data = {"key": "k", "form_token": site.session.form_token}
    foreign: tuple[dict[str, str], ...] = ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.test"}, {})
    for headers in foreign:
        async with site.client(**headers) as client:
            assert (await client.post(route.path, data=data)).status_code == 403
    assert no_command_was_sent(site)


@pytest.mark.parametrize("route", READS, ids=route_id)
async def test_every_page_is_rendered_and_runs_no_script_from_data(route: PortalRoute) -> None:
    statuses = set()
    async with client_of(site_as(route.role)) as client:
        for variant in VARIANTS:
            site_as(route.role, variant)
            client.cookies.set(LANGUAGE_COOKIE, Language.ENGLISH if variant % 4 > 1 else Language.DANISH)
            answer = await open_page(client, route.path)
            statuses.add(answer.status_code)
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert_harmless(answer)
    assert statuses & {200, 303}
    assert statuses <= {200, 303, 404}  # 404: the variant with empty lists lacks the resource


@pytest.mark.parametrize("route", [route for route in READS if route.role], ids=route_id)
@pytest.mark.parametrize("refuses", [False, True], ids=["accepted", "refused"])
async def test_the_input_of_a_form_comes_back_escaped(route: PortalRoute, *, refuses: bool) -> None:
    async with client_of(site_as(route.role, refuses=refuses)) as client:
        for variant in VARIANTS[:2]:
            site_as(route.role, variant, refuses=refuses)
            page = await open_page(client, route.path)
            for form in own_forms(page.text):
                await try_form(client, route.path, form, typed={})
                await try_form(client, route.path, form, typed=TYPED)


@pytest.mark.parametrize("route", [route for route in READS if route.role], ids=route_id)
async def test_a_form_that_is_sent_after_the_end_of_the_session_is_there_again_after_the_login(
    route: PortalRoute,
) -> None:
    site = site_as(route.role, REPRESENTS)
    assert route.role is not None
    async with client_of(site) as client:
        page = await open_page(client, route.path)
        for form in own_forms(page.text):
            sent = form.filled(TYPED)
            site.sign_out()
            site.requests.clear()
            answer = await client.post(form.action or route.path, data=sent)
            assert answer.status_code == 401
            assert site.requests == []
            [following] = login_link(answer)["next"]
            site.sign_in(route.role, name=HOSTILE)
            again = await client.get(following)
            assert again.status_code in {200, 303}
            names = {one.name for one in form.inputs if one.kind != "hidden"}
            if not names:
                continue
            assert_harmless(again)
            shown = [{one.name: one.value for one in each.inputs} for each in own_forms(again.text)]
            with_input = [values for values in shown if names <= values.keys()]
            assert with_input, f"the input of {route.path} is lost"
            assert {name: with_input[0][name] for name in names} == {name: sent.get(name, "").strip() for name in names}


async def try_form(client: httpx2.AsyncClient, path: str, form: HtmlForm, typed: Mapping[str, str]) -> None:
    """Send a form with hostile text in its text fields, and the forms of the page that follows."""
    sent = form.filled(typed)
    answer = await answer_to_form(client, await client.post(form.action or path, data=sent))
    assert answer.status_code < 500, answer.text
    assert_harmless(answer)
    if answer.status_code == 303:
        return
    after = own_forms(answer.text)
    with_input = [again for again in after if form.texts <= {one.name for one in again.inputs}]
    assert with_input, f"the input of {path} is lost"
    values = {one.name: one.value for one in with_input[0].inputs}
    assert {name: values[name] for name in form.texts} == {name: sent[name].strip() for name in form.texts}
    for button, value in with_input[0].buttons:
        after_button = await client.post(form.action or path, data={**values, button: value})
        assert_harmless(await answer_to_form(client, after_button))


@pytest.mark.parametrize("route", READS, ids=route_id)
async def test_sentences_are_separated_by_a_space(route: PortalRoute) -> None:
    async with client_of(site_as(route.role)) as client:
        for variant in VARIANTS:
            site_as(route.role, variant)
            answer = await open_page(client, route.path)
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert re.findall(r"\w+[a-zæøå][.:][A-ZÆØÅ0-9]\w*", page_text(answer)) == []


def no_command_was_sent(site: GeneratedSite) -> bool:
    return all(request.method == "GET" for request in site.requests)


def assert_harmless(answer: httpx2.Response) -> None:
    """The page contains no script of its own, and all addresses lead to known sites."""
    page = PageReader(answer.text)
    assert page.scripts == []
    for address in page.addresses:
        assert ADDRESS.match(address), address


@pytest.mark.parametrize(
    "bad",
    [
        HOSTILE,
        f'<input value="{HOSTILE}">',
        '<a href="javascript:alert(1)">x</a>',
        '<form action="//evil.test"></form>',
    ],
)
def test_the_check_finds_scripts_and_foreign_addresses(bad: str) -> None:
    assert_harmless(httpx2.Response(200, text=f'<a href="/x">{escape(bad)}</a>'))
    with pytest.raises(AssertionError):
        assert_harmless(httpx2.Response(200, text=bad))
