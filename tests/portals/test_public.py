"""The public pages: guidance, and the allowances that the API publishes."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from frikort_contracts.http.balances import AllowanceResource, Allowances
from frikort_contracts.http.roles import Role

from services.portals.login.routes import SIGNED_OUT
from tests.portals.conftest import OpenTab
from tests.portals.site import Refusal, Site

PAGES: Final = (
    "/",
    "/vejledning/borger",
    "/vejledning/virksomhed",
    "/vejledning/kommune",
    "/vejledning/myndighed",
    "/statistik",
    "/tilgaengelighed",
    "/privatliv",
    "/logget-af",
    "/findes-ikke",
)
PICTURES: Final = {"/": "forside", "/vejledning/virksomhed": "vejledning-virksomhed"}
NO_BREAK: Final = "\N{NO-BREAK SPACE}"


async def test_the_public_pages_and_the_error_page_are_accessible_and_valid(
    open_tab: OpenTab, site: Site, address: str, width: int
) -> None:
    tab = await open_tab(width=width)
    for path, picture in PICTURES.items():
        await tab.open(address + path)
        await tab.check()
        await tab.screenshot(picture)
    await tab.open(f"{address}/sprog/en?til=/")
    await tab.check()
    site.sign_in(Role.EMPLOYER)
    await tab.open(f"{address}/borger-findes-ikke")
    await tab.check()


async def test_the_front_page_says_once_that_a_person_is_signed_out(site: Site) -> None:
    async with site.client() as client:
        plain = await client.get("/")
        after = await client.get("/", headers={"cookie": f"{SIGNED_OUT}=ja"})

    assert "Du er logget af" not in plain.text
    assert "Du er logget af" in after.text
    assert f'{SIGNED_OUT}=""' in after.headers["set-cookie"]
    assert "Max-Age=0" in after.headers["set-cookie"]


async def test_a_visitor_finds_the_guidance_with_the_keyboard_alone(open_tab: OpenTab, address: str) -> None:
    tab = await open_tab(javascript=False)
    await tab.open(f"{address}/")

    await tab.keys.tab_to(tab.page.get_by_role("link", name="Gå til sidens indhold"))
    await tab.keys.press("Enter")
    await tab.keys.tab_to(tab.page.get_by_role("link", name="Læs mere for borgere"))
    await tab.keys.press("Enter")
    question = tab.page.get_by_text("Jeg har ikke MitID. Kan jeg få et frikort?")
    await tab.keys.tab_to(question)
    await tab.keys.press("Enter")

    await tab.page.get_by_text("Sagsbehandleren kan slå dit frikort op").wait_for()


async def test_the_front_page_links_to_the_four_portals_and_shows_the_allowance(site: Site) -> None:
    async with site.client() as client:
        text = (await client.get("/")).text

    for home in ("/borger", "/virksomhed", "/kommune", "/myndighed"):
        assert f'href="{home}"' in text
    assert f"42.766,00{NO_BREAK}kr." in text
    assert "Beløbet for 2026 er foreløbigt." in text


async def test_a_published_amount_is_not_called_provisional(site: Site) -> None:
    row = AllowanceResource(
        year=2030,
        allowance_ore=5_000_000,
        income_limit_ore=1_000_000,
        hourly_rate_ore=30_000,
        provisional=False,
        effective_from=date(2030, 1, 1),
    )
    site.answer("GET", "/v1/allowances", Allowances(today=date(2030, 1, 1), current_year=2030, allowances=[row]))
    async with site.client() as client:
        front = (await client.get("/")).text
        guide = (await client.get("/vejledning/borger")).text

    assert f"50.000,00{NO_BREAK}kr." in front
    assert "foreløbig" not in front + guide
    assert "svarer det til 33 timer" in guide


async def test_the_front_page_of_a_year_without_an_allowance_shows_no_amount(site: Site) -> None:
    site.answer("GET", "/v1/allowances", Allowances(today=date(2027, 1, 1), current_year=2027, allowances=[]))
    async with site.client() as client:
        text = (await client.get("/")).text

    assert "Årets beløbsgrænse er ikke fastsat endnu." in text
    assert f"00{NO_BREAK}kr." not in text


async def test_an_english_page_contains_no_danish(site: Site) -> None:
    names = re.compile("Digitaliseringsstyrelsen|Det Fælles Designsystem|løntilskud|øre")
    async with site.client(cookie="sprog=en") as client:
        for path in PAGES:
            text = names.sub("", (await client.get(path)).text)
            assert re.findall(r"[^>]*(?: og | ikke |[æøåÆØÅ])[^<]*", text) == [], path


async def test_without_the_allowance_table_the_page_says_that_it_cannot_be_shown(site: Site) -> None:
    site.answer("GET", "/v1/allowances", Refusal("temporarily-unavailable"))
    async with site.client() as client:
        response = await client.get("/")

    assert response.status_code == 503
    assert "Vi kan ikke vise siden lige nu" in response.text
