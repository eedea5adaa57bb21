"""The reconciliation of all cards: ``python -m services.issuance.jobs start|status|cancel``, and a run each night.

Issuance knows which cards there are, and keeps no figures that a run compares.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from frikort_contracts.reconciliation import CardsListed

from services.runtime.document_jobs import main
from services.runtime.mongo.job_store import MongoJobStore
from services.runtime.processing.jobs import DEFAULT_RATE, JobState, PagedJobKind
from services.runtime.service import Runtime

logger = structlog.get_logger(__name__)

NIGHTLY_HOUR: Final = 2
"""The hour in Denmark."""
_DENMARK: Final = ZoneInfo("Europe/Copenhagen")
_CHECK_SECONDS: Final = 60.0


def _page(job: JobState, cards: Sequence[str]) -> CardsListed:
    return CardsListed(run_id=str(job.job_id), first=job.done, cards=tuple(cards), is_last=not cards)


RECONCILE: Final = PagedJobKind("reconcile", documents="cards", page=_page)
JOB_KINDS: Final = (RECONCILE,)


def is_due(now: datetime, latest: datetime | None) -> bool:
    """Whether no run has started since the last hour of the nightly run; ``latest`` is when the latest one did."""
    local = now.astimezone(_DENMARK)
    last = local.replace(hour=NIGHTLY_HOUR, minute=0, second=0, microsecond=0)
    if last > local:
        last -= timedelta(days=1)
    return latest is None or latest < last


async def start_nightly(runtime: Runtime) -> None:
    """A background task: starts a run each night. A second one, of another instance, does no harm."""
    jobs = MongoJobStore(runtime.database)
    while True:
        started = [job.started_at for job in await jobs.all() if job.kind == RECONCILE.name]
        if is_due(datetime.now(UTC), max(started, default=None)):
            job = await jobs.start(RECONCILE, rate=DEFAULT_RATE)
            logger.info("issuance.reconciliation_started", run_id=str(job.job_id), cards=job.total)
        await asyncio.sleep(_CHECK_SECONDS)


if __name__ == "__main__":
    sys.exit(main("issuance", JOB_KINDS))
