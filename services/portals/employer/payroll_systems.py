"""How a payroll system reports by itself."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.portals.employer import helpers
from services.portals.page import EmployerPage

router = APIRouter(prefix="/virksomhed/loensystem")


@router.get("")
async def machine_access(page: EmployerPage) -> Response:
    """In plain words for the employer, and with what the payroll vendor needs.

    Machines get their tokens where people sign in: at the provider that told who this person is.
    """
    caller = helpers.caller(page)
    return page.render(
        "employer/payroll_systems.html",
        address=page.request.app.state.public_url,
        provider=f"{caller.issuer.rstrip('/')}/.well-known/openid-configuration",
        cvr=caller.organisation,
    )
