"""The audit log of a citizen."""

from __future__ import annotations

from datetime import timedelta

from frikort_contracts.http.roles import Role

from tests.portals import resources
from tests.portals.citizen.client import OWN, get
from tests.portals.reading import page_text
from tests.portals.site import Site


async def test_the_audit_log_shows_reader_and_reason_without_own_accesses(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer(
        "GET",
        "/v1/me/accesses",
        resources.accesses(resources.access(), resources.access(by="Skattestyrelsen", reason=None)),
    )

    page = page_text(await get(site, f"{OWN}/hvem-har-set"))

    assert "1. juni 2025 kl. 12.00 Københavns Kommune, sagsbehandler har set dit frikort Opfølgning på samtale" in page
    assert "Skattestyrelsen har set dit frikort Opgaver, som myndigheden har efter loven" in page
    assert site.requests[-1].query["own"] == "False"


async def test_own_accesses_are_shown_on_request_and_on_the_next_page(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer(
        "GET", "/v1/me/accesses", resources.accesses(resources.access(by="Du selv", own=True), next_cursor="bmV4dA")
    )

    page = await get(site, f"{OWN}/hvem-har-set?mine=true&cursor=Zmly")

    assert dict(site.requests[-1].query) == {"own": "True", "cursor": "Zmly", "limit": "50"}
    assert 'href="/borger/hvem-har-set?mine=true&amp;cursor=bmV4dA"' in page.text
    assert 'href="/borger/hvem-har-set?mine=true"' in page.text


async def test_accesses_of_one_reader_within_a_minute_are_one_line(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    descriptions = ("har set dit frikort", "har set dine advarsler", "har set dit frikort")
    lines = [
        resources.access(description=description, at=resources.NOON + timedelta(seconds=seconds))
        for seconds, description in enumerate(descriptions)
    ]
    later = resources.access(description="har deaktiveret dit frikort", at=resources.NOON + timedelta(minutes=5))
    site.answer("GET", "/v1/me/accesses", resources.accesses(later, *lines))

    page = await get(site, f"{OWN}/hvem-har-set")

    assert page.text.count("<tr>") == 1 + 2
    assert "har set dit frikort har set dine advarsler Opfølgning på samtale" in page_text(page)


async def test_an_empty_audit_log_says_that_it_is_empty(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer("GET", "/v1/me/accesses", resources.accesses())

    assert "Ingen andre har set på dine oplysninger." in page_text(await get(site, f"{OWN}/hvem-har-set"))
