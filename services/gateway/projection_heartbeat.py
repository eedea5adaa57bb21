"""The heartbeat of the projections: how the API knows whether the read models are kept up to date.

Every instance of the projections process writes a document with its state and lag every few seconds. The API reads
them and reports stale read models in its readiness and metrics. It stays ready: it answers with what it has. All times
are the database's, so the clocks of the machines do not matter.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import structlog
from prometheus_client import Gauge
from pymongo import ASCENDING, IndexModel
from pymongo.errors import PyMongoError

from services.runtime.mongo.driver import Database, aggregate
from services.runtime.service import Runtime

logger = structlog.get_logger(__name__)

STALE: Final = Gauge("frikort_gateway_projections_stale", "1 while the read models are not kept up to date.")
LAG: Final = Gauge(
    "frikort_gateway_projections_lag", "Records that the projections have not applied yet; NaN while no instance runs."
)

_COLLECTION: Final = "projection_heartbeats"
_INSTANCE: Final = uuid4().hex
_SILENT_AFTER: Final = timedelta(seconds=10)
_FORGOTTEN_AFTER: Final = timedelta(days=7)
_WRITE_EVERY: Final = 2.5
_READ_EVERY: Final = 2.0


@dataclass(frozen=True)
class Heartbeat:
    """The latest heartbeat of an instance. ``age`` is its age by the database's clock, ``problem`` why it fails."""

    at: datetime
    age: timedelta
    lag: int
    problem: str | None
    problem_since: datetime | None


@dataclass(frozen=True)
class ProjectionState:
    """Whether the read models are kept up to date; if not, since when (None: since the first start) and why."""

    stale: bool
    reason: str | None = None
    since: datetime | None = None
    lag: int | None = None

    def as_detail(self) -> dict[str, Any]:
        """The state as a part of the API's readiness."""
        return {
            "status": "stale" if self.stale else "ok",
            "reason": self.reason,
            "since": None if self.since is None else self.since.isoformat(timespec="seconds"),
            "lag": self.lag,
        }


def state_of(heartbeats: Sequence[Heartbeat]) -> ProjectionState:
    """The state of the projections by the heartbeats of all instances. Pure."""
    alive = [heartbeat for heartbeat in heartbeats if heartbeat.age <= _SILENT_AFTER]
    if not alive:
        latest = max((heartbeat.at for heartbeat in heartbeats), default=None)
        return ProjectionState(stale=True, reason="no instance is running", since=latest)
    lag = sum(heartbeat.lag for heartbeat in alive)
    for heartbeat in alive:
        if heartbeat.problem is not None:
            return ProjectionState(stale=True, reason=heartbeat.problem, since=heartbeat.problem_since, lag=lag)
    return ProjectionState(stale=False, lag=lag)


async def keep_beating(runtime: Runtime) -> None:
    """Write the heartbeat of this instance every few seconds."""
    while True:
        await beat(runtime)
        await asyncio.sleep(_WRITE_EVERY)


async def beat(runtime: Runtime) -> None:
    """Write the heartbeat of this instance."""
    report = await runtime.health.readiness()
    processors: Mapping[str, Any] = report["processors"]
    failing = {name: state["status"] for name, state in processors.items() if state["status"] != "ok"}
    problem = ", ".join(f"{name}: {status}" for name, status in failing.items()) or None
    lag = sum(sum(state["lag"].values()) for state in processors.values())
    collection = runtime.database[_COLLECTION]
    since = {"$cond": [{"$eq": ["$problem", None]}, "$$NOW", {"$ifNull": ["$problem_since", "$$NOW"]}]}
    fields = {
        "at": "$$NOW",
        "lag": lag,
        "problem": {"$literal": problem},
        "problem_since": None if problem is None else since,
    }
    await collection.update_one({"_id": _INSTANCE}, [{"$set": fields}], upsert=True)


async def read_heartbeats(database: Database) -> list[Heartbeat]:
    """The latest heartbeat of every instance. Raises the errors of pymongo."""
    age = {"$subtract": ["$$NOW", "$at"]}
    fields = {"at": 1, "lag": 1, "problem": 1, "problem_since": 1, "age": age}
    found = await aggregate(database[_COLLECTION], [{"$project": fields}])
    return [
        Heartbeat(
            at=_utc(stored["at"]),
            age=timedelta(milliseconds=stored["age"]),
            lag=stored["lag"],
            problem=stored["problem"],
            problem_since=None if stored["problem_since"] is None else _utc(stored["problem_since"]),
        )
        for stored in found
    ]


class ProjectionMonitor:
    """Reads the heartbeats in the API process, for its readiness and metrics."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._task: asyncio.Task[None] | None = None
        self.state = ProjectionState(stale=True, reason="not checked yet")

    async def prepare(self) -> None:
        """Create the index that removes the heartbeats of instances that no longer exist."""
        expiry = IndexModel([("at", ASCENDING)], expireAfterSeconds=int(_FORGOTTEN_AFTER.total_seconds()))
        await self._database[_COLLECTION].create_indexes([expiry])

    def start(self) -> None:
        """Start to read the heartbeats."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop reading the heartbeats."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def detail(self) -> dict[str, Any]:
        """The state of the projections for the readiness of the API."""
        return self.state.as_detail()

    async def _run(self) -> None:
        while True:
            # Without the database the last state stays; readiness reports the database itself.
            with contextlib.suppress(PyMongoError):
                self._update(state_of(await read_heartbeats(self._database)))
            await asyncio.sleep(_READ_EVERY)

    def _update(self, state: ProjectionState) -> None:
        if state.stale and not self.state.stale:
            logger.warning("gateway.projections_stale", reason=state.reason)
        elif self.state.stale and not state.stale:
            logger.info("gateway.projections_current")
        self.state = state
        STALE.set(state.stale)
        LAG.set(math.nan if state.lag is None else state.lag)


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
