"""/health/live, /health/ready and /metrics."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pymongo.errors import PyMongoError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from services.runtime.log import LogUnavailable

if TYPE_CHECKING:
    from services.runtime.service import Runtime

_PROBE_SECONDS = 2.0


def routes(runtime: Runtime) -> list[BaseRoute]:
    """The routes of every service."""

    async def live(_: Request) -> Response:
        """The process answers."""
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> Response:
        """Every dependency answers and every processor has joined its group; else which one is away."""
        report = await readiness(runtime)
        return JSONResponse(report, status_code=200 if report["status"] == "ready" else 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/health/live", live), Route("/health/ready", ready), Route("/metrics", metrics)]


async def readiness(runtime: Runtime) -> dict[str, Any]:
    """What is ready and what is not, by dependency and processor, with the lag of each partition."""
    kafka, mongodb = await asyncio.gather(_kafka(runtime), _mongodb(runtime))
    processors = {
        consumer.name: {
            "joined": consumer.joined,
            "trouble": consumer.trouble,
            "lag": {f"{p.topic}/{p.partition}": waiting for p, waiting in sorted(consumer.lag().items())},
        }
        for consumer in runtime.consumers
    }
    well = kafka == mongodb == "ok" and all(p["joined"] and p["trouble"] is None for p in processors.values())
    return {
        "status": "ready" if well else "not ready",
        "service": runtime.service,
        "kafka": kafka,
        "mongodb": mongodb,
        "processors": processors,
    }


async def _kafka(runtime: Runtime) -> str:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await runtime.log.ping()
    except (LogUnavailable, TimeoutError):
        return "away"
    return "ok"


async def _mongodb(runtime: Runtime) -> str:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await runtime.client.admin.command("ping")
    except (PyMongoError, TimeoutError):
        return "away"
    return "ok"
