"""An employer with one employment and one report, signed in."""

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

from tests.portals.employer.helpers import (
    JOB,
    employed,
    employment,
    report,
    reported,
)
from tests.portals.site import Site


@pytest.fixture
async def site(site: Site) -> Site:
    """A café with one employment, one report, and nothing to be reminded of."""
    site.sign_in(Role.EMPLOYER, "Bo Ejer")
    employed(site, employment())
    reported(site, report())
    site.answer("GET", "/v1/reminders", Reminders(reminders=[], next=None))
    site.answer("GET", "/v1/report-batches", BatchPage(batches=[], next=None))
    left = AllowanceLeft(
        employment_id=JOB, year=2026, allowance_ore=4_276_600, provisional=True, remaining_ore=1_234_500
    )
    site.answer("GET", f"/v1/employments/{JOB}/allowance", left)
    return site


@pytest.fixture
async def visitor(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    async with site.client() as client:
        yield client
