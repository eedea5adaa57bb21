"""The settable clock, in environment ``local`` only. Not mounted in production."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from frikort_contracts.http.clock import ClockBody, ClockResource
from starlette.requests import Request

from services.gateway.clock import Clock
from services.gateway.container import Container
from services.gateway.problems import ProblemError

router = APIRouter(prefix="/local", tags=["local"], include_in_schema=False)


@router.get("/clock")
async def get_clock(request: Request) -> ClockResource:
    """The time of the system."""
    return ClockResource(time=await _clock(request).now())


@router.put("/clock")
async def set_clock(body: ClockBody, request: Request) -> ClockResource:
    """Set the clock of all instances; it runs on from there."""
    try:
        time = datetime.fromisoformat(body.time)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise ProblemError("invalid-request", errors=[("/time", "value_error", "")])
    await _clock(request).set(time)
    return await get_clock(request)


@router.delete("/clock")
async def reset_clock(request: Request) -> ClockResource:
    """Return to the real time."""
    await _clock(request).reset()
    return await get_clock(request)


def _clock(request: Request) -> Clock:
    container: Container = request.app.state.gateway
    return container.clock
