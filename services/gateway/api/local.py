"""Only in environment ``local``: the clock, so that a year can be played in order. Not mounted in production."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from frikort_contracts.http.clock import ClockBody, ClockResource
from starlette.requests import Request

from services.gateway.container import Container
from services.gateway.problems import ProblemError

router = APIRouter(prefix="/local", tags=["local"], include_in_schema=False)


@router.get("/clock")
async def get_clock(request: Request) -> ClockResource:
    """What time it is here."""
    return ClockResource(time=await _gateway(request).clock.now())


@router.put("/clock")
async def set_clock(body: ClockBody, request: Request) -> ClockResource:
    """Let it be this time now, for every instance, and run on from there."""
    try:
        time = datetime.fromisoformat(body.time)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise ProblemError("invalid-request", errors=[("/time", "value_error", "")])
    await _gateway(request).clock.set(time)
    return await get_clock(request)


@router.delete("/clock")
async def reset_clock(request: Request) -> ClockResource:
    """Back to the real time."""
    await _gateway(request).clock.reset()
    return await get_clock(request)


def _gateway(request: Request) -> Container:
    gateway: Container = request.app.state.gateway
    return gateway
