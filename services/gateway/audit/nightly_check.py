"""Checks the audit log once a night, in one of the API's instances, and shows the result in metrics."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError
from frikort_contracts.values import danish_day
from prometheus_client import Gauge
from pymongo.errors import DuplicateKeyError

from services.gateway.audit.chain import VerificationKeys
from services.gateway.audit.check import check
from services.runtime.mongo.document_store import Database
from services.runtime.mongo.lease import expired, lease_end, next_attempt
from services.runtime.service import Runtime
from services.runtime.settings import RuntimeSettings

logger = structlog.get_logger(__name__)

CHECKS: Final = "audit_checks"
_NIGHT_HOURS: Final = 2
_LEASE_SECONDS: Final = 6 * 3600.0
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
        self._checks = database[CHECKS]
        self._settings = settings
        self._keys = keys

    async def run(self, runtime: Runtime) -> None:
        """Check until the process stops. A background task."""
        while not runtime.stopping.is_set():
            now = datetime.now(UTC)
            await self.check_once(danish_day(now - timedelta(hours=_NIGHT_HOURS)).isoformat())
            await self.show_latest()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def check_once(self, day: str) -> None:
        """Check for ``day`` unless an instance does it or has done it."""
        if not await self._claim(day):
            return
        try:
            findings = await check(self._database, self._settings, self._keys)
        except KafkaError as error:
            await self._checks.update_one({"_id": day}, {"$set": {"lease_until": 0}})
            logger.warning("gateway.audit_log_not_checked", reason=type(error).__name__)
            return
        done: dict[str, Any] = {"findings": len(findings), "ended_at": datetime.now(UTC).isoformat()}
        await self._checks.update_one({"_id": day}, {"$set": done})
        if findings:
            logger.critical("gateway.audit_log_differs", count=len(findings), first=[*map(str, findings[:_SHOWN])])
        else:
            logger.info("gateway.audit_log_checked")

    async def show_latest(self) -> None:
        """Set the metrics by the last check of any instance."""
        latest = await self._checks.find({"ended_at": {"$exists": True}}).sort("_id", -1).limit(1).to_list(None)
        if latest:
            _FINDINGS.set(latest[0]["findings"])
            _CHECKED.set(datetime.fromisoformat(latest[0]["ended_at"]).timestamp())

    async def _claim(self, day: str) -> bool:
        with contextlib.suppress(DuplicateKeyError):
            await self._checks.insert_one({"_id": day, "attempt": 0, "lease_until": 0})
        claimed = await self._checks.update_one(
            {"_id": day, "ended_at": {"$exists": False}, **expired()},
            [{"$set": {"attempt": next_attempt(), "lease_until": lease_end(_LEASE_SECONDS)}}],
        )
        return bool(claimed.matched_count)
