"""Fixtures: a signed-in caseworker and a card."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from frikort_contracts.http.balances import Balances
from frikort_contracts.http.employments import CardEmployments
from frikort_contracts.http.mandates import Mandates
from frikort_contracts.http.reports import CardReports
from frikort_contracts.http.roles import Role

from tests.portals import resources
from tests.portals.caseworker.resources import API, HOME, card
from tests.portals.site import Site, send_form


@pytest.fixture
def site(site: Site) -> Site:
    """The portals with a signed-in caseworker and one card."""
    site.sign_in(Role.CASEWORKER)
    site.answer("GET", API, card())
    site.answer("GET", f"{API}/balances", Balances(balances=[resources.balance(1_200_050)]))
    site.answer("GET", f"{API}/employments", CardEmployments(employments=[]))
    site.answer("GET", f"{API}/reports", CardReports(reports=[resources.report()]))
    site.answer("GET", f"{API}/mandates", Mandates(mandates=[resources.mandate()]))
    site.answer("GET", f"{API}/accesses", resources.accesses(resources.access()))
    return site


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client of the caseworker."""
    async with site.client() as browser:
        yield browser


@pytest.fixture
async def client_with_reason(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """An HTTP client that has stated a reason for reading the card."""
    assert (await send_form(client, f"{HOME}/begrundelse", why="contact")).status_code == 303
    return client
