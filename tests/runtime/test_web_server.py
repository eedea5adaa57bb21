"""The loop of a web server between requests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import uvicorn
from starlette.applications import Starlette

from services.runtime.web.server import EventServer
from tests.waiting import eventually

_NEVER = 3600.0


class CountingServer(EventServer):
    """A server that counts its ticks, and keeps the times at which they happen."""

    def __init__(self, stopping: asyncio.Event, *, tick_seconds: float = 1.0) -> None:
        super().__init__(uvicorn.Config(Starlette(), port=0, log_config=None), stopping, tick_seconds=tick_seconds)
        self.ticks: list[float] = []

    async def on_tick(self, counter: int) -> bool:
        self.ticks.append(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        return dict(self.server_state.default_headers)


async def test_it_ends_at_once_when_the_process_stops() -> None:
    stopping = asyncio.Event()
    server = CountingServer(stopping, tick_seconds=_NEVER)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: _is(server.started and bool(server.ticks)), what="the server runs")
    stopping.set()
    await serving
    assert server.should_exit


async def test_it_ends_at_its_next_tick_when_uvicorn_should_exit() -> None:
    server = CountingServer(asyncio.Event(), tick_seconds=0.01)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: _is(server.started), what="the server runs")
    server.should_exit = True
    await serving


async def test_an_idle_server_wakes_up_once_a_second_and_has_the_date_of_that_second() -> None:
    stopping = asyncio.Event()
    server = CountingServer(stopping)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: _is(bool(server.ticks)), what="the first tick")
    first = parsedate_to_datetime(server.headers[b"date"].decode())
    await eventually(lambda: _is(len(server.ticks) >= 3), what="two more ticks")
    assert server.ticks[2] - server.ticks[0] >= 1.9
    assert parsedate_to_datetime(server.headers[b"date"].decode()) > first
    stopping.set()
    await serving


async def _is(condition: bool) -> bool:
    return condition
