"""The web servers of a process: its public port, its port of health and metrics, signals, and the exit code."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Generator, Sequence
from types import FrameType
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from services.runtime import exit_codes
from services.runtime import logging as runtime_logging
from services.runtime.backoff import is_set_within
from services.runtime.processing.decision import Processor
from services.runtime.processing.projection import Projection
from services.runtime.reconciliation import CardCounter
from services.runtime.service import BackgroundTask, Runtime, StartCheck
from services.runtime.settings import PublicSettings, RuntimeSettings
from services.runtime.web.connections import ConnectionLimits, Connections, Proxies, raise_open_files

logger = structlog.get_logger(__name__)

# The share of the stop timeout in which requests in progress may finish; the rest is for batches and connections.
_SHARE_OF_REQUESTS = 0.4
# The longest part of the stop timeout in which the public port still takes connections.
_SHARE_OF_DELAY = 0.25
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_HEADER_BYTES = 16 * 1024
# Health is for the operator's network: a few monitors and one orchestrator.
_HEALTH_LIMITS = ConnectionLimits(most=100, per_address=100, headers_timeout=10, send_timeout=30, proxies=Proxies(""))


class EventServer(uvicorn.Server):
    """A server that ends once ``stopping`` is set, where uvicorn asks ten times a second whether it should end."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event, *, tick_seconds: float = 1.0) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._tick_seconds = tick_seconds

    async def main_loop(self) -> None:
        """Tick once a second, which updates the ``Date`` header of answers, until the server should exit."""
        while not await self.on_tick(0):
            if await is_set_within(self._stopping, self._tick_seconds):
                self.should_exit = True


class Server(EventServer):
    """A web server whose process ends within the stop timeout, with one of our exit codes.

    ``health`` is a further server, which answers as long as this one does.
    """

    def __init__(self, config: uvicorn.Config, runtime: Runtime, health: HealthServer | None = None) -> None:
        super().__init__(config, runtime.stopping)
        self._runtime = runtime
        self._health = health
        settings = runtime.settings
        longest = _SHARE_OF_DELAY * settings.stop_timeout
        self._delay = min(settings.stop_delay, longest) if isinstance(settings, PublicSettings) else 0.0
        self._watchdog: threading.Timer | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._health is not None:
            self._health.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the ports, after the time in which a load balancer learns from readiness that this process stops."""
        self._runtime.begin_stop(self._delay)
        await self._runtime.stopping.wait()
        health = [] if self._health is None else [self._health.stop()]
        await asyncio.gather(super().shutdown(sockets), *health)

    @property
    def exit_code(self) -> int:
        """The exit code of the process; ``services.runtime.exit_codes`` lists them."""
        if self._runtime.refused is not None:
            return exit_codes.UNSAFE_SETTING
        if self._runtime.failure is not None:
            return exit_codes.STOPPED_ITSELF
        if not self.started and not self.should_exit:
            return exit_codes.CANNOT_START
        return exit_codes.DONE

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._runtime.begin_stop(self._delay)
        if self._watchdog is None:
            self._watchdog = threading.Timer(self._runtime.settings.stop_timeout, self._end_now)
            self._watchdog.daemon = True
            self._watchdog.start()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Call ``handle_exit`` on a stop signal.

        uvicorn's own raises the signals again after the shutdown, so that the process dies by the signal; ours ends
        with its exit code.
        """
        before = {number: signal.signal(number, self.handle_exit) for number in _STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _end_now(self) -> None:
        # A driver's thread in a dead connection cannot be interrupted. Unfinished batches are redelivered.
        logger.warning("runtime.ended_by_deadline", service=self._runtime.name)
        logging.shutdown()
        os._exit(self.exit_code)


class HealthServer(EventServer):
    """Serves health and metrics beside a public port. Exits the process if its port is taken."""

    def __init__(self, runtime: Runtime) -> None:
        config = _config(runtime, Starlette(routes=runtime.health_routes), runtime.settings.health_port)
        super().__init__(config, asyncio.Event())
        self._socket = self.config.bind_socket()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Serve until ``stop``."""
        self._running = asyncio.create_task(self.serve(sockets=[self._socket]))

    async def stop(self) -> None:
        """Finish requests in progress and close the port."""
        self._stopping.set()
        if self._running is not None:
            await self._running

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the server of the public port."""
        yield


def serve(runtime: Runtime, application: ASGIApp | None = None) -> None:
    """Serve until SIGTERM, then exit the process with a code of ``services.runtime.exit_codes``.

    ``application`` gets the public port of ``PublicSettings``, with a lifespan that starts and stops ``runtime``.
    Health and metrics have the health port; without an application it is the only one.
    """
    runtime_logging.log_uncaught()
    # uvicorn raises SystemExit itself when a port is taken or the lifespan's start fails.
    code = exit_codes.CANNOT_START
    with contextlib.suppress(SystemExit):
        server = _server(runtime, application)
        try:
            server.run()
        finally:
            code = server.exit_code
    sys.exit(code)


def _server(runtime: Runtime, application: ASGIApp | None) -> Server:
    settings = runtime.settings
    if application is None:
        return Server(_config(runtime, health_application(runtime), settings.health_port), runtime)
    if not isinstance(settings, PublicSettings):
        raise TypeError(f"{runtime.name} has an application and no public port: give it PublicSettings")
    limits = ConnectionLimits(
        most=raise_open_files(settings.connections_most),
        per_address=settings.connections_per_address,
        headers_timeout=settings.headers_timeout,
        send_timeout=settings.send_timeout,
        proxies=Proxies(settings.trusted_proxies),
    )
    if runtime.tracing is not None:
        application = runtime.tracing.application(application)
    return Server(_config(runtime, application, settings.port, limits), runtime, HealthServer(runtime))


def _config(
    runtime: Runtime, application: ASGIApp, port: int, limits: ConnectionLimits = _HEALTH_LIMITS
) -> uvicorn.Config:
    settings = runtime.settings
    return uvicorn.Config(
        application,
        host=settings.host,
        port=port,
        loop="uvloop",
        http=Connections(limits).protocol(),
        ws="none",
        h11_max_incomplete_event_size=_HEADER_BYTES,
        proxy_headers=bool(limits.proxies.addresses),
        forwarded_allow_ips=limits.proxies.addresses,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, int(_SHARE_OF_REQUESTS * settings.stop_timeout)),
    )


def health_application(runtime: Runtime) -> Starlette:
    """Health and metrics as the application of a process that has no other."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await runtime.start()
        try:
            yield
        finally:
            await runtime.stop()

    return Starlette(routes=runtime.health_routes, lifespan=lifespan)


def run(
    *,
    service: str,
    settings: RuntimeSettings,
    process: str | None = None,
    processors: Sequence[Processor[Any] | Projection[Any]] = (),
    background_tasks: Sequence[BackgroundTask] = (),
    start_checks: Sequence[StartCheck] = (),
    card_counter: CardCounter | None = None,
) -> None:
    """Run a process without a public port, until SIGTERM."""
    runtime = Runtime(
        service=service,
        settings=settings,
        process=process,
        processors=processors,
        background_tasks=background_tasks,
        start_checks=start_checks,
        card_counter=card_counter,
    )
    runtime_logging.configure(settings, runtime.name)
    serve(runtime)
