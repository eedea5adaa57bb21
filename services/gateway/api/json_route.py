"""The route class of the API: JSON bodies are parsed within limits, and query parameters are strict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from email.message import Message
from functools import lru_cache
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bounded_json
from services.gateway.bounded_json import RepeatedMember, TooManyMembers
from services.gateway.problems import pointer_of


class RepeatedMemberError(HTTPException):
    """The body has a member twice. ``pointer`` is its JSON pointer."""

    def __init__(self, pointer: str) -> None:
        super().__init__(422)
        self.pointer = pointer


class JsonRequest(Request):
    """A request whose JSON body is UTF-8, has small objects, and no member twice."""

    async def json(self) -> Any:
        """The body. Raises ``HTTPException``, ``ValueError`` and ``RecursionError``."""
        if not is_utf8_json(self.headers.get("content-type", "")):
            raise HTTPException(415)
        try:
            return bounded_json.parse(await self.body())
        except TooManyMembers:
            raise HTTPException(413) from None
        except RepeatedMember as repeated:
            raise RepeatedMemberError(pointer_of(("body", *repeated.path))) from None


@lru_cache(maxsize=64)
def is_utf8_json(content_type: str) -> bool:
    """Whether a media type is ``application/json``, in UTF-8 as RFC 8259 requires."""
    parsed = Message()
    parsed["Content-Type"] = content_type
    return parsed.get_content_type() == "application/json" and parsed.get_content_charset("utf-8") == "utf-8"


class JsonRoute(APIRoute):
    """A route that gets ``JsonRequest`` (FastAPI: "Custom Request and APIRoute class").

    FastAPI ignores query parameters that a route does not have, and takes the last of one that is there twice. Here
    both are errors, as unknown fields of a body are. No parameter is a list.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()
        known = {parameter.alias for parameter in self.dependant.query_params}

        async def handle(request: Request) -> Response:
            given = Counter(name for name, _ in request.query_params.multi_items())
            errors = [
                {"loc": ("query", name), "type": "repeated" if name in known else "extra_forbidden", "msg": ""}
                for name, times in given.items()
                if times > 1 or name not in known
            ]
            if errors:
                raise RequestValidationError(errors)
            return await handler(JsonRequest(request.scope, request.receive))

        return handle
