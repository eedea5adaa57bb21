"""Run the payroll worker: ``python -m services.gateway.payroll``."""

from __future__ import annotations

from services.gateway.clock import check_clock
from services.gateway.payroll.process import book_files
from services.gateway.settings import PayrollSettings
from services.runtime.starting import report_settings
from services.runtime.web.server import run
from services.runtime.years.followed import FollowedAllowances

if __name__ == "__main__":
    report_settings("gateway-payroll")
    settings = PayrollSettings()
    allowances = FollowedAllowances.from_settings(settings)
    run(
        service="gateway",
        process="payroll",
        settings=settings,
        background_tasks=[allowances.follow, book_files(settings, allowances)],
        start_checks=[check_clock, allowances.catch_up],
    )
