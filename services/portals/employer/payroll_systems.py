"""How a payroll system reports by itself."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.portals.container import container_of
from services.portals.employer import helpers
from services.portals.page import EmployerPage

router = APIRouter(prefix="/virksomhed/loensystem")


@router.get("")
async def payroll_systems(page: EmployerPage) -> Response:
    """The employer's part in plain words, and the addresses that the payroll vendor needs.

    Programs get their tokens from the OpenID provider at which people log in.
    """
    settings = container_of(page.request).settings
    return page.render(
        "employer/payroll_systems.html",
        address=settings.api_url or settings.gateway_url,
        provider=f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration",
        cvr=helpers.cvr(page),
    )
