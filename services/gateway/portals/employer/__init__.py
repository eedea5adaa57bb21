"""Pages for employers: employments, reports, payroll files, and what the books need of them."""

from __future__ import annotations

from fastapi import APIRouter

from services.gateway.portals.employer import employments, files, front, machines, reporting, reports

router = APIRouter()
for pages in (front, reporting, reports, employments, files, machines):
    router.include_router(pages.router)
