"""The overview updates while it is open."""

from __future__ import annotations

import re
from datetime import timedelta

from frikort_contracts.http.roles import Role

from tests.portals import citizens as c
from tests.portals.citizen.helpers import (
    OWN,
    get,
    said,
)
from tests.portals.site import Site


def mark(page: str) -> str:
    """What the page sends along, to say what it shows already."""
    [found] = re.findall(r'<input type="hidden" id="glance-mark" name="vist" value="(\w+)">', page)
    return str(found)


async def test_the_page_listens_for_changes_and_reloads_the_overview(site: Site) -> None:
    c.has_card(site)

    page = (await get(site, OWN)).text

    assert 'data-sse-connect="/borger/aendringer"' in page
    assert 'data-hx-get="/borger/overblik" data-hx-include="#glance-mark" data-hx-trigger="sse:changed"' in page
    assert (await get(site, f"{OWN}/overblik?vist={mark(page)}")).status_code == 204, "it stands there already"


async def test_a_report_that_has_landed_comes_alone_and_is_announced(site: Site) -> None:
    c.has_card(site)
    before = mark((await get(site, OWN)).text)
    c.has_card(site, balances=[c.balance(750_000)], reports=[c.report()])

    part = await get(site, f"{OWN}/overblik?vist={before}")

    assert part.status_code == 200
    assert "<html" not in part.text
    assert "Der er tjent 7.500,00 kr. på frikortet" in said(part)
    assert '<p id="glance-said" data-hx-swap-oob="innerHTML">Siden er opdateret.' in part.text
    assert mark(part.text) != before


async def test_the_mark_in_the_address_does_not_reveal_the_content(site: Site) -> None:
    marks = set()
    for token in ("one-sessions-token", "another-sessions-token"):
        c.has_card(site)
        assert site.session is not None
        site.session = type(site.session)(**vars(site.session) | {"form_token": token})
        marks.add(mark((await get(site, OWN)).text))

    assert len(marks) == 2, "the same card has another mark in another session"


async def test_the_stream_is_the_apis_and_ends_with_the_session(site: Site) -> None:
    c.has_card(site)
    site.sign_in(Role.CITIZEN, minutes=2)
    site.file("/v1/me/changes", b"event: changed\ndata: {}\n\n", "text/event-stream")

    answer = await get(site, f"{OWN}/aendringer", accept="text/event-stream")

    assert answer.headers["content-type"].startswith("text/event-stream")
    [asked] = [asked for asked in site.asked if asked.path == "/v1/me/changes"]
    assert 100 <= int(asked.query["seconds"]) <= 120


async def test_a_session_that_ends_soon_still_gets_a_stream(site: Site) -> None:
    c.has_card(site)
    session = site.sign_in(Role.CITIZEN)
    site.session = type(session)(**vars(session) | {"ends_at": session.ends_at - timedelta(hours=2)})
    site.file("/v1/me/changes", b"", "text/event-stream")

    await get(site, f"{OWN}/aendringer", accept="text/event-stream")

    assert [asked.query["seconds"] for asked in site.asked if asked.path == "/v1/me/changes"] == ["1"]
