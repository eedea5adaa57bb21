"""The citizen portal, "Mit frikort". The pages about a card serve its citizen and the holders of its mandates."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from services.portals.citizen import accesses, disputes, download, mandates, overview, wages
from services.portals.citizen.card_context import HOME, ON_BEHALF, on_behalf

router = APIRouter()
for part in (overview.others, mandates.router, accesses.router, download.router):
    router.include_router(part, prefix=HOME)
for part in (overview.router, wages.router, disputes.router):
    router.include_router(part, prefix=HOME)
    router.include_router(part, prefix=ON_BEHALF + "/{represented}", dependencies=[Depends(on_behalf)])
