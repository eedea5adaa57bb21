"""Pages for employers: employments, reports, payroll files, and what the books need of them."""

from __future__ import annotations

from fastapi import APIRouter

from services.portals.employer import (
    disputes,
    employment_list,
    employments,
    files,
    front,
    payroll_systems,
    reminders,
    reporting,
    reports,
    reversals,
)

router = APIRouter()
for pages in (
    front,
    reminders,
    reporting,
    reports,
    disputes,
    employment_list,
    employments,
    files,
    reversals,
    payroll_systems,
):
    router.include_router(pages.router)
