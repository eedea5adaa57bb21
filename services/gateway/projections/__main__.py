"""Run the projections: ``python -m services.gateway.projections``."""

from __future__ import annotations

from services.gateway.projection_heartbeat import keep_beating
from services.gateway.projections import PROJECTIONS, ledgers, reports
from services.gateway.projections.counting import count_with
from services.runtime.reconciliation import CardCounter, CountCards
from services.runtime.service import Runtime
from services.runtime.settings import RuntimeSettings
from services.runtime.starting import report_settings
from services.runtime.web.server import run


def _count(runtime: Runtime) -> CountCards:
    return count_with(runtime.reader(reports.PROJECTION), runtime.reader(ledgers.PROJECTION))


if __name__ == "__main__":
    report_settings("gateway-projections")
    run(
        service="gateway",
        process="projections",
        settings=RuntimeSettings(),
        processors=PROJECTIONS,
        background_tasks=[keep_beating],
        card_counter=CardCounter("projections", (*reports.PROJECTION.topics, *ledgers.PROJECTION.topics), _count),
    )
