"""HEAD on a real server, and the methods of each path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPConnection

import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from services.runtime.web.connections import ConnectionLimits, Connections, Proxies
from services.runtime.web.methods import HeadMiddleware, PathMethods
from tests.runtime.serving import served


def application() -> FastAPI:
    """An application with a text, a stream that does not end by itself, and a path without GET."""
    app = FastAPI()
    app.state.ended = asyncio.Event()

    async def events() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            app.state.ended.set()

    @app.get("/text")
    async def text() -> Response:
        return PlainTextResponse("five!", headers={"ETag": '"1"'})

    @app.get("/stream")
    async def stream() -> Response:
        return StreamingResponse(events(), media_type="text/event-stream")

    @app.post("/things")
    async def create() -> None:
        return None

    app.add_middleware(HeadMiddleware)
    return app


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[HTTPConnection]:
    """A connection to a server of the application."""
    limits = ConnectionLimits(most=10, per_address=10, headers_timeout=30, send_timeout=30, proxies=Proxies(""))
    async with served(app, Connections(limits)) as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            yield connection
        finally:
            connection.close()


async def response_to(connection: HTTPConnection, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    def request() -> tuple[int, dict[str, str], bytes]:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()

    return await asyncio.to_thread(request)


async def test_head_has_the_headers_of_get_and_no_body() -> None:
    async with connected(application()) as connection:
        got, headers, body = await response_to(connection, "GET", "/text")
        status, of_head, nothing = await response_to(connection, "HEAD", "/text")

    assert (got, body) == (200, b"five!")
    assert (status, nothing) == (200, b"")
    assert of_head | {"date": ""} == headers | {"date": ""}
    assert of_head["content-length"] == "5"


async def test_head_ends_a_stream_at_once_and_the_connection_serves_the_next_request() -> None:
    app = application()
    async with connected(app) as connection:
        status, headers, nothing = await response_to(connection, "HEAD", "/stream")
        assert (status, nothing) == (200, b"")
        assert headers["content-type"].startswith("text/event-stream")
        assert (await response_to(connection, "GET", "/text"))[2] == b"five!"
        async with asyncio.timeout(10):
            await app.state.ended.wait()


async def test_head_is_not_allowed_where_get_is_not() -> None:
    async with connected(application()) as connection:
        assert (await response_to(connection, "HEAD", "/things"))[0] == 405


@pytest.mark.parametrize(("path", "allowed"), [("/text", "GET, HEAD"), ("/things", "POST"), ("/none", "")])
def test_head_is_allowed_where_get_is(path: str, allowed: str) -> None:
    assert PathMethods(application().routes).allow(path) == allowed


def test_a_path_has_the_methods_of_all_its_routes() -> None:
    methods = PathMethods(application().routes)
    assert methods.has("POST", "/things")
    assert not methods.has("GET", "/things")
    assert not methods.has("GET", "/none")
