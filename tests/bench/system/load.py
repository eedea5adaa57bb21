"""Sends reports to one address over many connections: ``python -m tests.bench.system.load``.

It is a separate process with sockets and prepared bytes only, so that it is not the limit. It reads an ``Order`` from
standard input and writes a ``Result`` to standard output, both as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections import Counter
from dataclasses import asdict
from time import perf_counter, process_time
from typing import Final, cast

import uvloop

from tests.bench.system.orders import Order, Result

_LENGTH: Final = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_HEAD_ENDS: Final = b"\r\n\r\n"


def request(order: Order, number: int) -> bytes:
    """The report with this number: each has a new reference, and the next employment in turn."""
    month = 1 + number % 12
    body = json.dumps(
        {
            "employment_id": order.employments[number % len(order.employments)],
            "reference": f"{order.key}/{number}",
            "work": {"first": f"2025-{month:02d}-01", "last": f"2025-{month:02d}-28"},
            "payment_date": f"2025-{month:02d}-28",
            "components": {"wage_ore": order.wage + number, "holiday_pay_ore": 1_250, "atp_ore": 9_900},
        }
    ).encode()
    head = (
        f"POST /v1/reports HTTP/1.1\r\nHost: 127.0.0.1:{order.port}\r\nAuthorization: Bearer {order.token}\r\n"
        f"Idempotency-Key: {order.key}-{number}\r\nPrefer: wait={order.wait}\r\nAccept: application/json\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One connection with one pending request."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._answer: asyncio.Future[int] | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @property
    def is_closed(self) -> bool:
        """Whether the server has closed the connection."""
        return self._transport.is_closing()

    def send(self, request: bytes) -> asyncio.Future[int]:
        """Send a request. The future gives the status of the answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, ends, body = self._buffer.partition(_HEAD_ENDS)
        length = _LENGTH.search(head)
        if ends and length is not None and len(body) >= int(length[1]) and self._answer is not None:
            self._buffer = b""
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())


async def connect(port: int) -> Connection:
    """A new connection."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


async def exchange(connection: Connection, port: int, sent: bytes) -> tuple[Connection, int]:
    """Send a request, on a new connection if the server has closed this one: it was idle for some seconds.

    Returns the connection that was used, and the status of the answer.
    """
    if not connection.is_closed:
        with contextlib.suppress(ConnectionResetError):  # closed while the request was sent
            return connection, await connection.send(sent)
    connection = await connect(port)
    return connection, await connection.send(sent)


async def send_all(order: Order) -> Result:
    """Execute an order."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(order.connections):
        free.put_nowait(await connect(order.port))
    begun = perf_counter()
    first, last = begun + order.warm, begun + order.warm + order.seconds
    latencies: list[float] = []
    statuses: Counter[str] = Counter()

    async def one(number: int, due: float) -> None:
        connection, status = await exchange(await free.get(), order.port, request(order, number))
        free.put_nowait(connection)
        if first <= due and (order.rate or perf_counter() <= last):
            statuses[str(status)] += 1
            latencies.append(perf_counter() - due)

    async def send_without_pause(slot: int) -> None:
        number = slot
        while (now := perf_counter()) < last:
            await one(number, now)
            number += order.connections

    async def send_at_rate() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(int(order.rate * (order.warm + order.seconds))):
                due = begun + number / order.rate
                while (early := due - perf_counter()) > 0:  # noqa: ASYNC110 - it is the time that is waited for
                    await asyncio.sleep(early)
                group.create_task(one(number, due))

    if order.rate:
        await send_at_rate()
    else:
        await asyncio.gather(*map(send_without_pause, range(order.connections)))
    busy = process_time() / (perf_counter() - begun)
    latencies.sort()
    return Result(
        rate=len(latencies) / order.seconds,
        statuses=dict(statuses),
        p50=1000 * latencies[len(latencies) // 2],
        p99=1000 * latencies[len(latencies) * 99 // 100],
        busy=busy,
    )


def main() -> None:
    """Read an order, execute it, write the result."""
    order = Order(**json.load(sys.stdin))
    json.dump(asdict(uvloop.run(send_all(order))), sys.stdout)


if __name__ == "__main__":
    main()
