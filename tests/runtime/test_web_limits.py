"""The limits of a public port, on a real server: slow, idle and greedy clients lose their connection or are refused."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.runtime.web.connections import ConnectionLimits, Connections, Proxies
from services.runtime.web.requests import RequestLimits, RequestMiddleware
from tests.runtime import serving
from tests.waiting import eventually

GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n"
CLIENT = "127.0.0.2"
LONG = 20_000_000
PIECE = 1_000_000
STATUSES = {"too-busy": 503, "too-many-requests": 429, "body-too-large": 413, "internal-error": 500}
NO_PROXY = Proxies("")


def error_response(request: Request, code: str, *, headers: Mapping[str, str] | None = None) -> Response:
    return PlainTextResponse(code, STATUSES[code], headers)


async def length_of_body(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def long_text(_: Request) -> Response:
    return PlainTextResponse("x" * LONG)


APPLICATION = Starlette(
    routes=[Route("/", length_of_body, methods=["GET", "POST"]), Route("/long", long_text, methods=["GET"])]
)


def limited(**changes: Any) -> Connections:
    given: dict[str, Any] = {
        "most": 50,
        "per_address": 20,
        "headers_timeout": 30.0,
        "send_timeout": 30.0,
        "proxies": NO_PROXY,
    }
    return Connections(ConnectionLimits(**given | changes))


@contextlib.asynccontextmanager
async def served(
    connections: Connections | None = None, *, requests: dict[str, Any] | None = None
) -> AsyncIterator[int]:
    """The port of a server with these limits."""
    if connections is None:
        connections = limited()
    request_limits: dict[str, Any] = {
        "body_most": 1_000_000,
        "files_most": {},
        "requests_most": 50,
        "per_client": 50,
        "body_timeout": 30.0,
        "body_rate": 1_000_000,
        "proxies": NO_PROXY,
    }
    middleware = RequestMiddleware(
        APPLICATION,
        service="test",
        limits=RequestLimits(**request_limits | (requests or {})),
        error_response=error_response,
    )
    async with serving.served(middleware, connections, ws="none", proxy_headers=False) as port:
        yield port


class Client:
    """A connection that sends bytes as a test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int, address: str = CLIENT) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0), limit=PIECE))

    async def send(self, content: bytes) -> None:
        self._writer.write(content)
        await self._writer.drain()

    async def status(self) -> int:
        """The status of the next response, whose body is not read."""
        return int((await self._reader.readuntil(b"\r\n\r\n")).split()[1])

    async def read(self, most: int) -> int:
        """The size of the next part of the response's body."""
        return len(await self._reader.read(most))

    async def is_closed(self, within: float = 10) -> bool:
        """Whether the server closes the connection."""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(within):
                await self._reader.read()
        return True


async def test_a_connection_without_a_request_is_closed() -> None:
    async with served(limited(headers_timeout=0.2)) as port:
        assert await (await Client.connect(port)).is_closed()


async def test_headers_that_arrive_one_by_one_have_one_deadline() -> None:
    async with served(limited(headers_timeout=0.5)) as port:
        client = await Client.connect(port)
        await client.send(b"GET / HTTP/1.1\r\n")

        async def drip() -> bool:
            with contextlib.suppress(ConnectionError):
                await client.send(b"a: b\r\n")
                return False
            return True

        assert await eventually(drip, within=10, what="the connection is closed")


async def test_the_second_request_of_a_connection_has_a_deadline_too() -> None:
    async with served(limited(headers_timeout=0.5)) as port:
        client = await Client.connect(port)
        await client.send(GET)
        assert await client.status() == 200
        await client.send(b"GET / HT")
        assert await client.is_closed()


async def test_a_body_that_does_not_arrive_is_refused_and_the_connection_closed() -> None:
    async with served(requests={"body_timeout": 0.2}) as port:
        client = await Client.connect(port)
        await client.send(POST + b"x")
        assert await client.status() == 408
        assert await client.is_closed()


async def test_a_body_has_a_deadline_when_its_headers_arrive_with_the_request_before() -> None:
    async with served(requests={"body_timeout": 0.2}) as port:
        client = await Client.connect(port)
        await client.send(POST + b"x" * 100 + POST)
        assert await client.status() == 200
        assert await client.status() == 408
        assert await client.is_closed()


async def test_a_long_body_gets_more_time_as_long_as_it_arrives() -> None:
    async with served(requests={"body_timeout": 0.2, "body_rate": 10}) as port:
        client = await Client.connect(port)
        await client.send(POST)
        pieces = iter([b"x" * 10] * 10)

        async def is_sent() -> bool:
            piece = next(pieces, b"")
            await client.send(piece)
            return not piece

        await eventually(is_sent)
        assert await client.status() == 200


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    connections = limited(send_timeout=0.3)
    async with served(connections) as port:
        client = await Client.connect(port)
        await client.send(GET.replace(b"/ ", b"/long ", 1))
        await client.status()
        assert len(connections) == 1

        async def is_cut_off() -> bool:
            return not len(connections)

        await eventually(is_cut_off)


async def test_a_client_that_reads_slowly_gets_the_whole_response() -> None:
    async with served(limited(send_timeout=0.3)) as port:
        client = await Client.connect(port)
        await client.send(GET.replace(b"/ ", b"/long ", 1))
        await client.status()
        read = 0

        async def is_read() -> bool:
            nonlocal read
            read += await client.read(PIECE)
            return read == LONG

        await eventually(is_read)


async def test_a_new_connection_replaces_the_one_that_has_waited_longest() -> None:
    async with served(limited(most=3, per_address=3)) as port:
        waiting = [await Client.connect(port) for _ in range(3)]
        new = await Client.connect(port, "127.0.0.3")
        await new.send(GET)
        assert await new.status() == 200
        assert await waiting[0].is_closed()
        await waiting[2].send(GET)
        assert await waiting[2].status() == 200


async def test_a_connection_that_waits_for_a_body_can_be_replaced() -> None:
    async with served(limited(most=1)) as port:
        slow = await Client.connect(port)
        await slow.send(POST + b"x")
        new = await Client.connect(port, "127.0.0.3")
        await new.send(GET)
        assert await new.status() == 200
        assert await slow.is_closed()


async def test_an_address_has_a_limit_of_its_own() -> None:
    async with served(limited(per_address=2)) as port:
        first = [await Client.connect(port) for _ in range(2)]
        assert await (await Client.connect(port)).is_closed()
        other = await Client.connect(port, "127.0.0.3")
        for client in (*first, other):
            await client.send(GET)
            assert await client.status() == 200


async def test_the_limits_of_an_address_do_not_apply_to_a_proxy() -> None:
    proxies = Proxies("127.0.0.2")
    connections = limited(per_address=1, proxies=proxies)
    async with served(connections, requests={"per_client": 1, "proxies": proxies}) as port:
        for client in [await Client.connect(port) for _ in range(3)]:
            await client.send(POST + b"x")
        other = await Client.connect(port)
        await other.send(GET)
        assert await other.status() == 200


async def test_an_address_with_too_many_requests_is_refused_and_others_are_served() -> None:
    async with served(requests={"per_client": 2}) as port:
        slow = [await Client.connect(port) for _ in range(2)]
        for client in slow:
            await client.send(POST + b"x")
        refused, other = await Client.connect(port), await Client.connect(port, "127.0.0.3")
        await refused.send(GET)
        assert await refused.status() == 429
        await other.send(GET)
        assert await other.status() == 200


async def test_requests_that_wait_for_a_body_leave_room_for_others() -> None:
    async with served(requests={"requests_most": 1}) as port:
        slow = [await Client.connect(port) for _ in range(5)]
        for client in slow:
            await client.send(POST + b"x")
        other = await Client.connect(port, "127.0.0.3")
        await other.send(GET)
        assert await other.status() == 200


def test_proxies_are_addresses_and_networks() -> None:
    proxies = Proxies("10.0.0.0/8, ::1")
    assert "10.1.2.3" in proxies
    assert "::1" in proxies
    assert "192.0.2.1" not in proxies
    assert "a name" not in proxies
    assert None not in proxies
