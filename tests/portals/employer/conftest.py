"""Fixtures: a signed-in employer with an employment and a report."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest
from frikort_contracts.http.balances import AllowanceLeft
from frikort_contracts.http.employments import (
    Reminders,
)
from frikort_contracts.http.payroll import (
    BatchPage,
)
from frikort_contracts.http.roles import Role

from tests.portals.employer.resources import EMPLOYMENT, employment, has_employments, has_reports, report
from tests.portals.site import Site


@pytest.fixture
async def site(site: Site) -> Site:
    """The portals with a signed-in employer: one employment, one report, no reminders."""
    site.sign_in(Role.EMPLOYER, "Bo Ejer")
    has_employments(site, employment())
    has_reports(site, report())
    site.answer("GET", "/v1/reminders", Reminders(reminders=[], next=None))
    site.answer("GET", "/v1/report-batches", BatchPage(batches=[], next=None))
    left = AllowanceLeft(
        employment_id=EMPLOYMENT, year=2026, allowance_ore=4_276_600, provisional=True, remaining_ore=1_200_000
    )
    site.answer("GET", f"/v1/employments/{EMPLOYMENT}/allowance", left)
    return site


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client of the employer."""
    async with site.client() as client:
        yield client
