"""Checks the audit log once a night, in one of the API's instances, and shows the result in metrics."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from prometheus_client import Gauge

from services.gateway.audit.chain import VerificationKeys
from services.gateway.audit.check import check
from services.runtime.mongo.driver import Database
from services.runtime.mongo.nightly import NightlyRuns
from services.runtime.service import Runtime
from services.runtime.settings import RuntimeSettings

logger = structlog.get_logger(__name__)

CHECKS: Final = "audit_checks"
_HOUR: Final = 2
_PAUSE_SECONDS: Final = 60.0
_SHOWN: Final = 20

_FINDINGS: Final = Gauge(
    "frikort_audit_log_findings", "Entries of the audit log that differ from their checkpoints, at the last check."
)
_CHECKED: Final = Gauge(
    "frikort_audit_log_checked_timestamp_seconds",
    "When the audit log was last compared with its checkpoints, in seconds since 1970; 0 before the first.",
)


class NightlyCheck:
    """Checks once for each Danish day, from 02:00 on. ``audit_checks`` has a document for each."""

    def __init__(self, database: Database, settings: RuntimeSettings, keys: VerificationKeys) -> None:
        self._database = database
        self._checks = NightlyRuns(database[CHECKS], hour=_HOUR)
        self._settings = settings
        self._keys = keys

    async def run(self, runtime: Runtime) -> None:
        """Check until the process stops. A background task."""
        while not runtime.stopping.is_set():
            await self.check_once(self._checks.day_of(datetime.now(UTC)))
            await self.show_latest()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def check_once(self, day: str) -> None:
        """Check for ``day`` unless an instance does it or has done it."""
        try:
            await self._checks.run(day, self._check)
        except KafkaError as error:
            logger.warning("gateway.audit_log_not_checked", reason=type(error).__name__)

    async def _check(self) -> dict[str, int]:
        findings = (await check(self._database, self._settings, self._keys)).findings
        if findings:
            logger.critical("gateway.audit_log_differs", count=len(findings), first=[*map(str, findings[:_SHOWN])])
        else:
            logger.info("gateway.audit_log_checked")
        return {"findings": len(findings)}

    async def show_latest(self) -> None:
        """Set the metrics by the last check of any instance."""
        if (latest := await self._checks.latest()) is not None:
            _FINDINGS.set(latest["findings"])
            _CHECKED.set(datetime.fromisoformat(latest["ended_at"]).timestamp())
