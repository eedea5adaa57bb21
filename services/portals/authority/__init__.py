"""The authorities' portal: extracts of the statements of a year, and the results of reconciliations."""

from __future__ import annotations

from fastapi import APIRouter

from services.portals.authority import extracts, reconciliations

router = APIRouter()
router.include_router(extracts.router)
router.include_router(reconciliations.router)

__all__ = ["router"]
