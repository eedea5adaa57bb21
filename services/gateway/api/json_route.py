"""The route class of the API: JSON bodies are parsed within limits."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bounded_json
from services.gateway.bounded_json import TooManyMembers


class JsonRequest(Request):
    """A request whose JSON body is UTF-8 and has small objects."""

    async def json(self) -> Any:
        """The body. Raises ``HTTPException``, ``ValueError`` and ``RecursionError``."""
        try:
            return bounded_json.parse(await self.body())
        except TooManyMembers:
            raise HTTPException(413) from None


class JsonRoute(APIRoute):
    """A route that gets ``JsonRequest`` (FastAPI: "Custom Request and APIRoute class")."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(JsonRequest(request.scope, request.receive))

        return handle
