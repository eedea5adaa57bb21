"""The log of accesses to the citizen's data."""

from __future__ import annotations

from datetime import timedelta

from frikort_contracts.http.roles import Role

from tests.portals import citizens as c
from tests.portals.citizen.helpers import (
    OWN,
    get,
    said,
)
from tests.portals.site import Site


async def test_who_has_looked_and_why_without_ones_own_looks(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer("GET", "/v1/me/accesses", c.accesses(c.access(), c.access(by="Skattestyrelsen", reason=None)))

    page = said(await get(site, f"{OWN}/hvem-har-set"))

    assert "1. juni 2025 kl. 12.00 Københavns Kommune, sagsbehandler har set dit frikort Opfølgning på samtale" in page
    assert "Skattestyrelsen har set dit frikort Ikke oplyst" in page
    assert site.asked[-1].query["own"] == "False"


async def test_ones_own_looks_are_shown_on_request_and_pages_go_on(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer("GET", "/v1/me/accesses", c.accesses(c.access(by="Du selv", own=True), following="bmV4dA"))

    page = await get(site, f"{OWN}/hvem-har-set?mine=true&cursor=Zmly")

    assert dict(site.asked[-1].query) == {"own": "True", "cursor": "Zmly", "limit": "50"}
    assert 'href="/borger/hvem-har-set?mine=true&amp;cursor=bmV4dA"' in page.text
    assert 'href="/borger/hvem-har-set?mine=true"' in page.text


async def test_what_somebody_did_in_one_minute_is_one_line(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    whats = ("har set dit frikort", "har set dine advarsler", "har set dit frikort")
    lines = [c.access(description=what, at=c.NOON + timedelta(seconds=seconds)) for seconds, what in enumerate(whats)]
    later = c.access(description="har deaktiveret dit frikort", at=c.NOON + timedelta(minutes=5))
    site.answer("GET", "/v1/me/accesses", c.accesses(later, *lines))

    page = await get(site, f"{OWN}/hvem-har-set")

    assert page.text.count("<tr>") == 1 + 2
    assert "har set dit frikort har set dine advarsler Opfølgning på samtale" in said(page)


async def test_an_empty_access_log_says_so(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer("GET", "/v1/me/accesses", c.accesses())

    assert "Ingen andre har set på dine oplysninger." in said(await get(site, f"{OWN}/hvem-har-set"))
