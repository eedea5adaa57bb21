"""Pages for employers: employments, reports, payroll files, and what the books need of them."""

from __future__ import annotations

from fastapi import APIRouter

from services.portals.employer import disputes, employments, files, front, payroll_systems, reporting, reports

router = APIRouter()
for pages in (front, reporting, reports, disputes, employments, files, payroll_systems):
    router.include_router(pages.router)
