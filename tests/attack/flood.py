"""Slow connections from many addresses of the loopback interface, and the waiting times of a client beside them."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Final

from services.runtime.web.connections import raise_open_files

_AT_ONCE: Final = 100
_OF_AN_ADDRESS: Final = 150
_TIMEOUT: Final = 10
_BETWEEN_PIECES: Final = 2.0


@dataclass(frozen=True)
class SlowRequest:
    """What a slow connection sends: ``start`` at once, and then ``piece`` every two seconds."""

    start: bytes
    piece: bytes = b""


@contextlib.asynccontextmanager
async def flood(port: int, connections: int, request: SlowRequest) -> AsyncIterator[None]:
    """Open slow connections. One that the server closes is opened again two seconds later."""
    assert raise_open_files(connections) == connections, "the limit of open files is too low for so many connections"
    opened = asyncio.Semaphore(0)
    opening = asyncio.Semaphore(_AT_ONCE)

    async def hold(number: int) -> None:
        address = f"127.0.1.{number // _OF_AN_ADDRESS + 1}"
        is_first = True
        while True:
            writer = None
            with contextlib.suppress(OSError):
                async with opening:
                    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
                    writer.write(request.start)
                if is_first:
                    opened.release()
                    is_first = False
                while not await _is_closed(reader, within=_BETWEEN_PIECES):
                    writer.write(request.piece)
            if writer is not None:
                writer.transport.abort()
            await _pause()

    held = [asyncio.create_task(hold(number)) for number in range(connections)]
    try:
        async with asyncio.timeout(120):
            for _ in held:
                await opened.acquire()
        yield
    finally:
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)


async def _pause() -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), _BETWEEN_PIECES)


async def _is_closed(reader: asyncio.StreamReader, *, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            await reader.read()
    except TimeoutError:
        return False
    return True


@dataclass(frozen=True)
class Visits:
    """What a visitor saw: the status of each response (0: none), and how long each request took."""

    statuses: Sequence[int]
    seconds: Sequence[float]

    def __str__(self) -> str:
        p50, p99, longest = (1000 * quantile(self.seconds, part) for part in (0.5, 0.99, 1))
        return f"{len(self.seconds)} requests, p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {longest:.0f} ms"


@dataclass(frozen=True)
class Visitor:
    """A client that sends one request after another, each on a new connection."""

    port: int
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def visit(self, seconds: float) -> Visits:
        """Send requests for so many seconds, in a process of its own: the load of this one does not delay it."""
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            return await asyncio.get_running_loop().run_in_executor(pool, self._visit, seconds)

    def _visit(self, seconds: float) -> Visits:
        until = time.monotonic() + seconds
        statuses, durations = [], []
        while time.monotonic() < until:
            began = time.monotonic()
            statuses.append(self._status())
            durations.append(time.monotonic() - began)
        return Visits(statuses, durations)

    def _status(self) -> int:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT)
        try:
            connection.request("GET", self.path, headers=dict(self.headers))
            response = connection.getresponse()
            response.read()
        except OSError:
            return 0
        finally:
            connection.close()
        return response.status


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which this part of ``values`` lies."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]
