"""A real web server in the test's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from deploy.local.ports import free_port
from services.runtime.web.connections import Connections
from tests.waiting import eventually


@asynccontextmanager
async def served(app: Any, connections: Connections, **options: Any) -> AsyncIterator[int]:
    """The port of a server of ``app`` with these connections; ``options`` are uvicorn's. It ends without waiting."""
    port = free_port()
    # A forced exit leaves the task of a lifespan pending.
    config = uvicorn.Config(app, port=port, http=connections.protocol(), lifespan="off", log_config=None, **options)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started, what="the server listens")
    try:
        yield port
    finally:
        server.should_exit = server.force_exit = True
        await serving
