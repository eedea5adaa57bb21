"""Run the payroll worker: ``python -m services.gateway.payroll``."""

from __future__ import annotations

from services.gateway.clock import check_clock
from services.gateway.payroll.process import book_files
from services.gateway.settings import PayrollSettings
from services.runtime.web.server import run

if __name__ == "__main__":
    settings = PayrollSettings()
    run(
        service="gateway",
        process="payroll",
        settings=settings,
        background_tasks=[book_files(settings)],
        start_checks=[check_clock],
    )
