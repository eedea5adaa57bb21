"""The web server around a process: signals, the deadline of a stop, and the exit code."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
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
from services.runtime.processing.decision import Processor
from services.runtime.processing.projection import Projection
from services.runtime.service import BackgroundTask, Runtime, StartCheck
from services.runtime.settings import RuntimeSettings

logger = structlog.get_logger(__name__)

# The share of the stop timeout in which requests in progress may finish; the rest is for batches and connections.
_SHARE_OF_REQUESTS = 0.4
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Server(uvicorn.Server):
    """A web server whose process ends within the stop timeout, with one of our exit codes."""

    def __init__(self, config: uvicorn.Config, runtime: Runtime) -> None:
        super().__init__(config)
        self._runtime = runtime
        self._watchdog: threading.Timer | None = None

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
        self._runtime.begin_stop()
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


def serve(runtime: Runtime, application: ASGIApp) -> None:
    """Serve ``application`` until SIGTERM, then exit the process with a code of ``services.runtime.exit_codes``."""
    settings = runtime.settings
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=max(1, int(_SHARE_OF_REQUESTS * settings.stop_timeout)),
    )
    server = Server(config, runtime)
    # uvicorn raises SystemExit itself when the lifespan's start fails.
    with contextlib.suppress(SystemExit):
        server.run()
    sys.exit(server.exit_code)


def health_application(runtime: Runtime) -> Starlette:
    """The web side of a process that has no other: health and metrics."""

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
) -> None:
    """Run a process that serves nothing but its health, until SIGTERM."""
    runtime = Runtime(
        service=service,
        settings=settings,
        process=process,
        processors=processors,
        background_tasks=background_tasks,
        start_checks=start_checks,
    )
    runtime_logging.configure(settings, runtime.name)
    serve(runtime, health_application(runtime))
