"""Reports the results of the reconciliations in metrics and logs."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from frikort_contracts.reconciliation import Figures
from prometheus_client import Gauge

from services.exports.reconciliation import RECONCILIATIONS, key_of
from services.runtime.service import Runtime

logger = structlog.get_logger(__name__)

DIFFERENCES: Final = Gauge(
    "frikort_reconciliation_differences", "Card years that differ, as of the latest completed reconciliation."
)
UNDECIDED: Final = Gauge(
    "frikort_reconciliation_undecided", "Card years that changed at every count of the latest completed reconciliation."
)
LAST_STARTED: Final = Gauge(
    "frikort_reconciliation_timestamp_seconds",
    "When the latest completed reconciliation started, in seconds since 1970; 0 before the first.",
)
_EVERY_SECONDS: Final = 10.0


async def report_results(runtime: Runtime) -> None:
    """A background task: keeps the metrics current. Each difference is an error in the log."""
    runs = runtime.reader(RECONCILIATIONS)
    reported: str | None = None
    while True:
        for run in await runs.find({"completed": True}, sort=[("started_at", -1)], limit=1):
            DIFFERENCES.set(run.differences)
            UNDECIDED.set(run.undecided)
            LAST_STARTED.set(run.started_at.timestamp())
            if run.run_id != reported:
                for year in run.differing:
                    logger.error(
                        "exports.card_year_differs",
                        run_id=run.run_id,
                        card_id=year.card_id,
                        year=year.year,
                        figures={one.holder: _text(one) for one in year.figures},
                        reports=sorted({report.report_id for one in year.figures for report in one.details}),
                        messages=[place.model_dump() for place in run.messages.get(key_of(year), ())],
                    )
            reported = run.run_id
        await asyncio.sleep(_EVERY_SECONDS)


def _text(figures: Figures) -> dict[str, int]:
    return figures.model_dump(exclude={"holder", "details"}, exclude_none=True)
