"""S4: Thousands of slow connections, from many addresses at once: others are served.

Against the limits of the default settings: 4,000 connections, 200 of one address.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.attack.flood import SlowRequest, Visitor, flood
from tests.integration.scene import World

pytestmark = [pytest.mark.verify, pytest.mark.timeout(180)]

CONNECTIONS: Final = 4_500
SECONDS: Final = 12.0
"""Longer than the time limit of headers, so that every connection is closed and opened again."""
SLOWEST: Final = 9.0
NOTHING: Final = SlowRequest(b"")
HEADERS: Final = SlowRequest(b"POST /v1/reports HTTP/1.1\r\nHost: test\r\nReferer: ", b"a")


def body(path: str, media_type: str, token: str | None = None) -> SlowRequest:
    """A request whose headers are there, and whose body of 100 bytes arrives byte by byte."""
    authorization = "" if token is None else f"Authorization: Bearer {token}\r\n"
    headers = f"Host: test\r\nContent-Type: {media_type}\r\nContent-Length: 100\r\n{authorization}\r\n"
    return SlowRequest(f"POST {path} HTTP/1.1\r\n{headers}".encode(), b" ")


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


async def is_served_beside(visitor: Visitor, request: SlowRequest) -> None:
    """The visitor is served while thousands of connections send a request slowly."""
    async with flood(visitor.port, CONNECTIONS, request):
        visits = await visitor.visit(SECONDS)
    print(f"{CONNECTIONS:,} slow connections: {visits}")  # noqa: T201
    assert set(visits.statuses) == {200}
    assert max(visits.seconds) < SLOWEST


@pytest.mark.parametrize("kind", ["nothing", "headers", "body", "body with a token"])
async def test_the_api_serves_others_while_thousands_of_connections_are_slow(world: World, kind: str) -> None:
    attacker, citizen = world.employer(), world.card().owner
    requests = {
        "nothing": NOTHING,
        "headers": HEADERS,
        "body": body("/v1/reports", "application/json"),
        "body with a token": body("/v1/reports", "application/json", world.token(attacker.person)),
    }
    headers = {"Authorization": f"Bearer {world.token(citizen.person)}"}
    await is_served_beside(Visitor(port_of(world.system.gateway_url), "/v1/me/card", headers), requests[kind])


@pytest.mark.parametrize("kind", ["headers", "body"])
async def test_the_portals_serve_others_while_thousands_of_connections_are_slow(world: World, kind: str) -> None:
    requests = {"headers": HEADERS, "body": body("/virksomhed/ansaettelser/ny", "application/x-www-form-urlencoded")}
    await is_served_beside(Visitor(port_of(world.system.portals_url), "/"), requests[kind])
