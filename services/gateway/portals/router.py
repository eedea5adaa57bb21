"""Every page, in one router."""

from __future__ import annotations

from fastapi import APIRouter

from services.gateway.portals import common, public

router = APIRouter(include_in_schema=False)
for part in (common, public):
    router.include_router(part.router)
