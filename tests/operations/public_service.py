"""A process with a public port that answers every request, under the name in ``TEST_SERVICE``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.runtime import logging
from services.runtime.service import Runtime
from services.runtime.settings import PublicSettings
from services.runtime.web.server import serve


def main() -> None:
    """Serve until SIGTERM."""
    settings = PublicSettings()
    logging.configure(settings, os.environ["TEST_SERVICE"])
    runtime = Runtime(service=os.environ["TEST_SERVICE"], settings=settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await runtime.start()
        yield
        await runtime.stop()

    async def answer(_: Request) -> Response:
        return PlainTextResponse("served")

    serve(runtime, Starlette(routes=[Route("/", answer)], lifespan=lifespan))


if __name__ == "__main__":
    main()
