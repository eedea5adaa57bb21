"""HEAD for every path with GET (RFC 9110, 9.3.2); the methods of each path, for 405 and ``Allow`` (15.5.6).

A framework that finds a route by path and method knows the methods of one route, while a path may have several.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadMiddleware:
    """Answers HEAD as GET, without the body. The application sees GET."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        is_complete = False

        async def send_without_body(message: Message) -> None:
            nonlocal is_complete
            if message["type"] == "http.response.start":
                await send(message)
            elif not is_complete:
                # The first part of a stream ends the response, and the end stops the stream.
                is_complete = True
                await send({"type": "http.response.body"})

        await self._app({**scope, "method": "GET"}, receive, send_without_body)


class PathMethods:
    """The methods of the paths of ``routes``. A path without parameters comes before a template that matches it."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._exact: dict[str, set[str]] = {}
        self._by_template: dict[str, set[str]] = {}
        for route in iter_route_contexts(routes):
            if route.path is not None and route.methods:
                table = self._by_template if "{" in route.path else self._exact
                table.setdefault(route.path, set()).update(route.methods, ["HEAD"] if "GET" in route.methods else [])
        self._templates: list[tuple[re.Pattern[str], set[str]]] = [
            (compile_path(path)[0], methods) for path, methods in self._by_template.items()
        ]

    def routes(self) -> Iterator[tuple[str, str]]:
        """Every method with the path or the template that has it. HEAD is answered as GET."""
        for path, methods in (*self._exact.items(), *self._by_template.items()):
            yield from ((method, path) for method in methods if method != "HEAD")

    def refuses(self, method: str, path: str) -> bool:
        """Whether a path without parameters has no such method, whatever templates match it."""
        return path in self._exact and method not in self._exact[path]

    def has(self, method: str, path: str) -> bool:
        """Whether a path has a method."""
        return method in self._of(path)

    def allow(self, path: str) -> str:
        """The header ``Allow`` of a path; empty if there is no such path."""
        return ", ".join(sorted(self._of(path)))

    def _of(self, path: str) -> set[str]:
        if (methods := self._exact.get(path)) is not None:
            return methods
        return set[str]().union(*(found for pattern, found in self._templates if pattern.match(path)))
