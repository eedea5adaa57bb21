"""The audit log of a citizen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from frikort_contracts.http.audit import AccessResource
from frikort_contracts.http.roles import Role

from services.portals.common.accesses import visits
from tests.portals import resources
from tests.portals.citizen.client import OWN, get
from tests.portals.reading import page_text
from tests.portals.site import Site


async def test_the_audit_log_shows_reader_and_reason_without_own_accesses(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer(
        "GET",
        "/v1/me/accesses",
        resources.accesses(resources.access(), resources.access(by="Skattestyrelsen", role="authority", reason=None)),
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


def line(description: str, minutes: int, **changes: Any) -> AccessResource:
    """An access so many minutes after noon in Copenhagen."""
    return resources.access(description=description, at=resources.NOON + timedelta(minutes=minutes), **changes)


async def test_the_reads_of_a_visit_are_one_line_and_a_change_is_another(site: Site) -> None:
    """D10."""
    site.sign_in(Role.CITIZEN)
    newest_first = (
        line("har deaktiveret dit frikort", 8, kind="change"),
        line("har set dit frikort", 7),
        line("har set dine advarsler", 7),
        line("har set dit frikort", 0),
    )
    site.answer("GET", "/v1/me/accesses", resources.accesses(*newest_first))

    page = await get(site, f"{OWN}/hvem-har-set")

    assert page.text.count("<tr>") == 1 + 2
    visit = "1. juni 2025 kl. 12.00 til kl. 12.07 Københavns Kommune, sagsbehandler har set dit frikort"
    assert f"{visit} har set dine advarsler Opfølgning på samtale" in page_text(page)


@pytest.mark.parametrize(
    ("other", "lines"),
    [
        (line("har set dit frikort", 0), 1),
        (line("har set dit frikort", -31), 2),
        (line("har set dit frikort", 0, by="Aarhus Kommune, sagsbehandler"), 2),
        (line("har set dit frikort", 0, reason="Kontrol"), 2),
    ],
    ids=["same visit", "after a pause", "another reader", "another reason"],
)
def test_a_visit_has_one_reader_and_one_reason_and_no_long_pause(other: AccessResource, lines: int) -> None:
    """D10."""
    assert len(visits([line("har set dit frikort", 0), other])) == lines


async def test_an_empty_audit_log_says_that_it_is_empty(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer("GET", "/v1/me/accesses", resources.accesses())

    assert "Ingen andre har set på dine oplysninger." in page_text(await get(site, f"{OWN}/hvem-har-set"))
