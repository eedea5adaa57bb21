"""The list of cards that are due for control."""

from __future__ import annotations

import httpx2
from frikort_contracts.http.cards import (
    ControlDueResource,
    ControlsDue,
)

from tests.portals.caseworker.helpers import (
    CARD,
    HOME,
    post,
)
from tests.portals.site import Site, said


async def test_cards_due_for_control_are_looked_at_for_that_reason_and_opened_with_it(
    site: Site, client: httpx2.AsyncClient
) -> None:
    due = ControlDueResource(card_id=CARD, number="48213", name="Karla Eksempel", control_due=2026, last_control=None)
    site.answer("GET", "/v1/controls-due", ControlsDue(year=2026, cards=[due]))
    page = await client.get("/kommune/kontrol?aar=2026")

    assert "Karla Eksempel 48213 2026 Ingen endnu" in said(page)
    assert (site.asked[0].query, site.asked[0].reason) == ({"year": "2026"}, "Kontrol")
    assert f'action="{HOME}/begrundelse"' in page.text
    opened = await post(client, f"{HOME}/begrundelse", why="control")
    await client.get(opened.headers["location"])
    assert {asked.reason for asked in site.asked} == {"Kontrol"}


async def test_nothing_due_is_said(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", "/v1/controls-due", ControlsDue(year=2026, cards=[]))
    assert "Der er ingen frikort på listen" in said(await client.get("/kommune/kontrol"))
