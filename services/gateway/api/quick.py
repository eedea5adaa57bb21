"""The short way for an employer's command that is in order; any other goes FastAPI's way, which says what is wrong.

FastAPI resolves the same few dependencies anew for each request, which takes longer than all that the gateway does with
a report. What a route of this class takes is so little that it reads it by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any, Final, get_type_hints

from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api.calling import KEY, CommandContext, calling
from services.gateway.auth import Role

_JSON: Final = frozenset({"application/json", "application/json; charset=utf-8"})
_KEY: Final = re.compile(KEY)
_EMPLOYER: Final = calling(Role.EMPLOYER)


class QuickRoute(APIRoute):
    """For endpoints ``(body, ask: EmployerCommand)`` that answer with a response, and have no other parameters."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        careful = super().get_route_handler()
        model: type[BaseModel] = get_type_hints(self.endpoint)["body"]

        async def handler(request: Request) -> Response:
            headers = request.headers
            key = headers.get("idempotency-key", "")
            if not _KEY.fullmatch(key) or headers.get("content-type", "").lower() not in _JSON:
                return await careful(request)
            try:
                body = model.model_validate_json(await request.body())
            except ValidationError:
                return await careful(request)
            ask = CommandContext.of(await _EMPLOYER(request), key, headers.get("prefer", ""))
            response: Response = await self.endpoint(body=body, ask=ask)
            return response

        return handler
