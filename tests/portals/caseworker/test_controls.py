"""The list of cards that are due for control."""

from __future__ import annotations

import httpx2
from frikort_contracts.http.cards import (
    ControlDueResource,
    ControlsDue,
)

from tests.portals.caseworker.resources import CARD, HOME
from tests.portals.reading import page_text
from tests.portals.site import Site, send_form


async def test_the_reason_for_reading_a_card_on_the_control_list_is_the_control(
    site: Site, client: httpx2.AsyncClient
) -> None:
    due = ControlDueResource(card_id=CARD, number="48213", name="Karla Eksempel", control_due=2026, last_control=None)
    site.answer("GET", "/v1/controls-due", ControlsDue(year=2026, cards=[due], next=None))
    page = await client.get("/kommune/kontrol?aar=2026")

    assert "Karla Eksempel 48213 2026 Ingen endnu" in page_text(page)
    assert (site.requests[0].query, site.requests[0].reason) == ({"year": "2026"}, "Kontrol")
    assert f'action="{HOME}/begrundelse"' in page.text
    opened = await send_form(client, f"{HOME}/begrundelse", why="control")
    await client.get(opened.headers["location"])
    reasons = {request.path: request.reason for request in site.requests if request.path != "/v1/allowances"}
    assert set(reasons.values()) == {"Kontrol"}


async def test_an_empty_control_list_says_that_it_is_empty(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", "/v1/controls-due", ControlsDue(year=2026, cards=[], next=None))
    assert "Der er ingen frikort på listen" in page_text(await client.get("/kommune/kontrol"))
