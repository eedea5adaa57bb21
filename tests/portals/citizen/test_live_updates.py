"""The overview updates while it is open."""

from __future__ import annotations

import re
from datetime import timedelta

from frikort_contracts.http.roles import Role

from tests.portals import resources
from tests.portals.citizen.client import OWN, get
from tests.portals.reading import page_text
from tests.portals.site import Site


def content_mark(page: str) -> str:
    """The hidden value with which the page states the content that it already shows."""
    [found] = re.findall(r'<input type="hidden" id="glance-mark" name="vist" value="(\w+)">', page)
    return str(found)


async def test_the_page_listens_for_changes_and_reloads_the_overview(site: Site) -> None:
    resources.has_card(site)

    page = (await get(site, OWN)).text

    assert 'data-sse-connect="/borger/aendringer"' in page
    assert 'data-hx-get="/borger/overblik" data-hx-include="#glance-mark" data-hx-trigger="sse:changed"' in page
    assert (await get(site, f"{OWN}/overblik?vist={content_mark(page)}")).status_code == 204, (
        "the page shows this content already"
    )


async def test_a_new_report_updates_only_the_overview_and_is_announced(site: Site) -> None:
    resources.has_card(site)
    before = content_mark((await get(site, OWN)).text)
    resources.has_card(site, balances=[resources.balance(750_000)], reports=[resources.report()])

    part = await get(site, f"{OWN}/overblik?vist={before}")

    assert part.status_code == 200
    assert "<html" not in part.text
    assert "Du har tjent 7.500,00 kr. på frikortet" in page_text(part)
    assert '<p id="glance-text" data-hx-swap-oob="innerHTML">Siden er opdateret.' in part.text
    assert content_mark(part.text) != before


async def test_the_content_mark_differs_between_sessions(site: Site) -> None:
    marks = set()
    for token in ("one-sessions-token", "another-sessions-token"):
        resources.has_card(site)
        assert site.session is not None
        site.session = type(site.session)(**vars(site.session) | {"form_token": token})
        marks.add(content_mark((await get(site, OWN)).text))

    assert len(marks) == 2, "the mark depends on the session"


async def test_the_event_stream_of_the_api_is_forwarded_until_the_session_ends(site: Site) -> None:
    resources.has_card(site)
    site.sign_in(Role.CITIZEN, minutes=2)
    site.answer_file("/v1/me/changes", b"event: changed\ndata: {}\n\n", "text/event-stream")

    answer = await get(site, f"{OWN}/aendringer", accept="text/event-stream")

    assert answer.headers["content-type"].startswith("text/event-stream")
    [call] = [request for request in site.requests if request.path == "/v1/me/changes"]
    assert 100 <= int(call.query["seconds"]) <= 120


async def test_a_session_that_ends_soon_still_gets_a_stream(site: Site) -> None:
    resources.has_card(site)
    session = site.sign_in(Role.CITIZEN)
    site.session = type(session)(**vars(session) | {"ends_at": session.ends_at - timedelta(hours=2)})
    site.answer_file("/v1/me/changes", b"", "text/event-stream")

    await get(site, f"{OWN}/aendringer", accept="text/event-stream")

    assert [request.query["seconds"] for request in site.requests if request.path == "/v1/me/changes"] == ["1"]
