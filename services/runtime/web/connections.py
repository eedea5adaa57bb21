"""The connections of a public port: how many there are, and how long one may send or read nothing.

uvicorn limits none of it: a connection that sends nothing, or one header a minute, or does not read its response, stays
open without end. So the protocol class given to it (its ``http`` option) reports here what happens on each connection,
and ``RequestMiddleware`` reports the requests.
"""

from __future__ import annotations

import asyncio
import ipaddress
import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

logger = structlog.get_logger(__name__)

STATE_KEY: Final = "connection"
"""The name of a request's ``Connection`` in the ``state`` of its ASGI scope."""

_OTHER_FILES: Final = 300
"""Open files of a process other than the connections that it serves: Kafka, MongoDB, logs."""


class Proxies:
    """The proxies in front of a process, from a list of addresses and networks. Raises ``ValueError``."""

    def __init__(self, setting: str) -> None:
        parts = [part.strip() for part in setting.split(",") if part.strip()]
        self._networks = [ipaddress.ip_network(part, strict=False) for part in parts]
        self.addresses = [str(network) for network in self._networks]

    def __contains__(self, host: str | None) -> bool:
        if not self._networks:
            return False
        try:
            address = ipaddress.ip_address(host or "")
        except ValueError:
            return False
        return any(address in network for network in self._networks)


@dataclass(frozen=True)
class ConnectionLimits:
    """The most connections in all and of one address, and their time limits in seconds.

    Attributes:
        headers_timeout: until the headers of a request are there.
        send_timeout: that a client may stop reading its response.
    """

    most: int
    per_address: int
    headers_timeout: float
    send_timeout: float
    proxies: Proxies


class Connections:
    """The open connections of one port.

    A connection waits when it has no request, or when its request waits for the rest of its body. When there are too
    many, a new connection replaces the one that has waited longest, so slow clients displace only each other. Above the
    limit of its address, a new connection is closed.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._open: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}
        self._of_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Add a new connection; false if there is no room for it."""
        address = connection.address
        if address not in self.limits.proxies and self._of_address[address] >= self.limits.per_address:
            return False
        if len(self._open) >= self.limits.most:
            longest = next(iter(self._waiting), None)
            if longest is None:
                return False
            longest.abort()
        self._open.add(connection)
        self._of_address[address] += 1
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection. Safe to call twice."""
        self._waiting.pop(connection, None)
        if connection in self._open:
            self._open.remove(connection)
            self._of_address[connection.address] -= 1
            if not self._of_address[connection.address]:
                del self._of_address[connection.address]

    def set_waiting(self, connection: Connection, *, waits: bool) -> None:
        """Begin or end the wait of a connection."""
        self._waiting.pop(connection, None)
        if waits and connection in self._open:
            self._waiting[connection] = None

    def protocol(self) -> type[asyncio.Protocol]:
        """The protocol class for uvicorn's ``http`` option."""
        connections = self

        class LimitedProtocol(H11Protocol):
            """HTTP/1.1 as uvicorn speaks it, on a ``Connection``."""

            def __init__(self, *, app_state: dict[str, Any], **options: Any) -> None:
                self.limited = Connection(connections, self._has_whole_body)
                super().__init__(app_state=app_state | {STATE_KEY: self.limited}, **options)

            def _has_whole_body(self) -> bool:
                return self.cycle is not None and not self.cycle.more_body

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
                super().connection_made(transport)
                self.limited.made(transport)

            def data_received(self, data: bytes) -> None:
                self.limited.received()
                super().data_received(data)

            def connection_lost(self, exc: Exception | None) -> None:
                self.limited.lost()
                super().connection_lost(exc)

            def pause_writing(self) -> None:
                self.limited.reading_stopped()
                super().pause_writing()

            def resume_writing(self) -> None:
                self.limited.reading_resumed()
                super().resume_writing()

        return LimitedProtocol


class Connection:
    """One connection of a client, on which requests follow each other.

    Attributes:
        address: the client's address; empty if unknown.
        has_whole_body: says whether all of the request's body has arrived.
    """

    def __init__(self, connections: Connections, has_whole_body: Callable[[], bool]) -> None:
        self._connections = connections
        self.has_whole_body = has_whole_body
        self._transport: asyncio.Transport | None = None
        self._headers_due: float | None = None
        self._headers_check: asyncio.TimerHandle | None = None
        self._unread_check: asyncio.TimerHandle | None = None
        self._requests = 0
        self.address = ""

    def made(self, transport: asyncio.Transport) -> None:
        """The connection is open. It is closed at once if there are too many."""
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else ""
        if self._connections.admit(self):
            self._connections.set_waiting(self, waits=True)
            self._expect_headers()
        else:
            self.abort()

    def received(self) -> None:
        """Bytes arrived. The first of a request start the time limit of its headers."""
        if not self._requests and self._headers_due is None:
            self._expect_headers()

    def request_began(self) -> None:
        """The headers of a request are there."""
        self._requests += 1
        self._headers_due = None
        self._connections.set_waiting(self, waits=False)

    def body_awaited(self) -> None:
        """The request waits for more of its body."""
        self._connections.set_waiting(self, waits=True)

    def body_received(self) -> None:
        """More of the body is there."""
        self._connections.set_waiting(self, waits=False)

    def request_ended(self) -> None:
        """The response is sent. uvicorn closes the connection soon, unless another request begins."""
        self._requests -= 1
        self._connections.set_waiting(self, waits=not self._requests)

    def reading_stopped(self) -> None:
        """The client reads its response more slowly than it is sent. It is disconnected if it reads nothing."""
        if self._transport is not None:
            unread = self._transport.get_write_buffer_size()
            loop, seconds = asyncio.get_running_loop(), self._connections.limits.send_timeout
            self._unread_check = loop.call_later(seconds, self._check_unread, unread)

    def reading_resumed(self) -> None:
        """The client has read most of what was sent."""
        if self._unread_check is not None:
            self._unread_check.cancel()
            self._unread_check = None

    def _check_unread(self, before: int) -> None:
        if self._transport is not None and self._transport.get_write_buffer_size() < before:
            self.reading_stopped()
        else:
            self.abort()

    def lost(self) -> None:
        """The connection is closed."""
        if self._headers_check is not None:
            self._headers_check.cancel()
            self._headers_check = None
        self.reading_resumed()
        self._connections.remove(self)

    def abort(self) -> None:
        """Close the connection at once, without waiting for the client to read or write anything."""
        self.lost()
        if self._transport is not None:
            self._transport.abort()

    def _expect_headers(self) -> None:
        loop = asyncio.get_running_loop()
        self._headers_due = loop.time() + self._connections.limits.headers_timeout
        if self._headers_check is None:
            self._headers_check = loop.call_at(self._headers_due, self._check_headers)

    def _check_headers(self) -> None:
        """Close the connection if its headers are due. One timer serves all requests: to set one costs more."""
        self._headers_check = None
        if self._headers_due is None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._headers_due:
            self._headers_check = loop.call_at(self._headers_due, self._check_headers)
        else:
            self.abort()


def raise_open_files(connections: int) -> int:
    """Raise the process's limit of open files as far as allowed. Returns how many connections it leaves room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return connections
    room = max(soft - _OTHER_FILES, soft // 2)
    logger.warning("runtime.few_open_files", limit=soft, connections=room)
    return room
