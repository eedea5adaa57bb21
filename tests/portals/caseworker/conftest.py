"""A caseworker with one card, signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from frikort_contracts.http.balances import Balances
from frikort_contracts.http.employments import CardEmployments
from frikort_contracts.http.mandates import Mandates
from frikort_contracts.http.reports import CardReports
from frikort_contracts.http.roles import Role

from tests.portals import citizens as c
from tests.portals.caseworker.helpers import (
    API,
    HOME,
    card,
    post,
)
from tests.portals.site import Site


@pytest.fixture
def site(site: Site) -> Site:
    """A caseworker is signed in, and the API has one card."""
    site.sign_in(Role.CASEWORKER)
    site.answer("GET", API, card())
    site.answer("GET", f"{API}/balances", Balances(balances=[c.balance(1_200_050)]))
    site.answer("GET", f"{API}/employments", CardEmployments(employments=[]))
    site.answer("GET", f"{API}/reports", CardReports(reports=[c.report()]))
    site.answer("GET", f"{API}/mandates", Mandates(mandates=[c.mandate()]))
    site.answer("GET", f"{API}/accesses", c.accesses(c.access()))
    return site


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    """The caseworker's browser."""
    async with site.client() as browser:
        yield browser


@pytest.fixture
async def visiting(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """The caseworker has said why."""
    assert (await post(client, f"{HOME}/begrundelse", why="contact")).status_code == 303
    return client
