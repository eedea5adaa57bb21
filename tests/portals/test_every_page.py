"""What holds for every page of every part. A page that is added is tried by itself."""

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
from tests.portals.everything import (
    NASTY,
    VARIANTS,
    Everything,
    HtmlForm,
    PortalRoute,
    Reader,
    open_page,
    own_forms,
    portal_routes,
)

ROUTES: Final = list(portal_routes())
READS: Final = [route for route in ROUTES if route.method == "GET"]
GUARDED: Final = [route for route in ROUTES if route.role is not None]
SENDS: Final = [route for route in GUARDED if route.method == "POST"]
# What may stand in an address: opaque ids and marks, codes, years, and where to go next.
IMPERSONAL: Final = {
    "card_id", "employment_id", "report_id", "mandate_id", "extract_id", "batch_id", "held", "ansaettelse", "vist",
    "municipality", "kind", "file_format", "language", "year", "aar", "mine", "resultat",
    "cursor", "fra", "side", "next", "til",
}  # fmt: skip
# The public pages are for everybody: everything else lies behind a door.
OPEN: Final = re.compile(r"/|/(sprog|logget-af|vejledning|tilgaengelighed|privatliv)(/.*)?")
ADDRESS: Final = re.compile(r"/(?!/)|#|mailto:|https://(www\.borger|virk|datacvr\.virk)\.dk/|$")
MAY: Final = 1  # the variant in which a mandate is one to speak for the citizen
# What a field takes that does not take everything, so that a form comes as far as its summary.
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


def named(route: PortalRoute) -> str:
    return str(route)


@cache
def _site() -> Everything:
    return Everything()  # one for all: to put it together takes longer than a page


def signed_in(role: Role | None, variant: int = 0, *, refuses: bool = False) -> Everything:
    site = _site()
    site.variant, site.refuses = variant, refuses
    site.asked.clear()
    site.sign_out()
    if role is not None:
        site.sign_in(role, name=NASTY)
    return site


def client_of(site: Everything) -> httpx2.AsyncClient:
    return site.client(**{"sec-fetch-site": "same-origin"})


def test_there_are_pages_behind_every_door() -> None:
    assert {route.role for route in READS} == {None, *Role}


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_a_page_lies_behind_a_door_or_is_for_everybody(route: PortalRoute) -> None:
    assert route.role is not None or OPEN.fullmatch(route.path)


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_an_address_holds_nothing_personal(route: PortalRoute) -> None:
    assert set(route.parameters) <= IMPERSONAL


@pytest.mark.parametrize("route", GUARDED, ids=named)
async def test_who_is_not_signed_in_is_sent_to_sign_in(route: PortalRoute) -> None:
    site = signed_in(None)
    async with client_of(site) as client:
        answer = await client.request(route.method, route.path)
    if route.method == "GET":
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login?next=%2F")
    else:
        assert answer.status_code == 401
    assert site.asked == []


@pytest.mark.parametrize("route", GUARDED, ids=named)
async def test_who_is_signed_in_in_another_role_is_shown_the_own_door(route: PortalRoute) -> None:
    for role in set(Role) - {route.role}:
        site = signed_in(role)
        async with client_of(site) as client:
            answer = await client.request(route.method, route.path)
        assert answer.status_code == 403
        assert f'href="{PORTALS[role].home}"' in answer.text
        assert site.asked == []


@pytest.mark.parametrize("route", SENDS, ids=named)
async def test_a_form_that_was_not_made_in_this_session_does_nothing(route: PortalRoute) -> None:
    site = signed_in(route.role, MAY)
    async with client_of(site) as client:
        for token in ({}, {"form_token": "another"}):
            assert (await client.post(route.path, data={"key": "k", **token})).status_code == 403
    assert nothing_is_done(site)


@pytest.mark.parametrize("route", SENDS, ids=named)
async def test_a_form_that_comes_from_another_site_does_nothing(route: PortalRoute) -> None:
    site = signed_in(route.role, MAY)
    assert site.session is not None
    data = {"key": "k", "form_token": site.session.form_token}
    foreign: tuple[dict[str, str], ...] = ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.test"}, {})
    for headers in foreign:
        async with site.client(**headers) as client:
            assert (await client.post(route.path, data=data)).status_code == 403
    assert nothing_is_done(site)


@pytest.mark.parametrize("route", READS, ids=named)
async def test_every_page_can_be_shown_and_runs_nothing_that_people_wrote(route: PortalRoute) -> None:
    statuses = set()
    async with client_of(signed_in(route.role)) as client:
        for variant in VARIANTS:
            signed_in(route.role, variant)
            client.cookies.set(LANGUAGE_COOKIE, Language.ENGLISH if variant % 4 > 1 else Language.DANISH)
            answer = await open_page(client, route.path)
            statuses.add(answer.status_code)
            if answer.headers.get("content-type", "").startswith("text/html"):
                harmless(answer)
    assert statuses & {200, 303}
    assert statuses <= {200, 303, 404}  # what an empty list should have had is not there


@pytest.mark.parametrize("route", [route for route in READS if route.role], ids=named)
@pytest.mark.parametrize("refuses", [False, True], ids=["accepted", "refused"])
async def test_what_is_typed_into_a_form_comes_back_as_text(route: PortalRoute, *, refuses: bool) -> None:
    async with client_of(signed_in(route.role, refuses=refuses)) as client:
        for variant in VARIANTS[:2]:
            signed_in(route.role, variant, refuses=refuses)
            page = await open_page(client, route.path)
            for form in own_forms(page.text):
                await try_form(client, route.path, form, typed={})
                await try_form(client, route.path, form, typed=TYPED)


async def try_form(client: httpx2.AsyncClient, path: str, form: HtmlForm, typed: Mapping[str, str]) -> None:
    """Send a form with something nasty in its text fields, and the summary that follows, if one does."""
    sent = form.filled(typed)
    answer = await client.post(form.action or path, data=sent)
    assert answer.status_code < 500, answer.text
    harmless(answer)
    if answer.status_code == 303:
        return
    after = own_forms(answer.text)
    came_back = [again for again in after if form.texts <= {one.name for one in again.inputs}]
    assert came_back, f"what was typed at {path} is gone"
    values = {one.name: one.value for one in came_back[0].inputs}
    assert {name: values[name] for name in form.texts} == {name: sent[name].strip() for name in form.texts}
    for button, value in came_back[0].buttons:
        harmless(await client.post(form.action or path, data={**values, button: value}))


def nothing_is_done(site: Everything) -> bool:
    return all(asked.method == "GET" for asked in site.asked)


def harmless(answer: httpx2.Response) -> None:
    """Nothing in the page is run but our own files, and no address leads to a site that we do not know."""
    page = Reader(answer.text)
    assert page.run == []
    for address in page.addresses:
        assert ADDRESS.match(address), address


@pytest.mark.parametrize(
    "bad",
    [NASTY, f'<input value="{NASTY}">', '<a href="javascript:alert(1)">x</a>', '<form action="//evil.test"></form>'],
)
def test_the_walk_sees_what_it_is_for(bad: str) -> None:
    harmless(httpx2.Response(200, text=f'<a href="/x">{escape(bad)}</a>'))
    with pytest.raises(AssertionError):
        harmless(httpx2.Response(200, text=bad))
