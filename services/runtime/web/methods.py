"""The methods of each path, for 405 and its header ``Allow`` (RFC 9110, 15.5.6).

A framework that finds a route by path and method knows the methods of one route, while a path may have several.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.routing import BaseRoute, Route, compile_path


class PathMethods:
    """The methods of the paths of ``routes``. A path without parameters comes before a template that matches it."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._exact: dict[str, set[str]] = {}
        templates: dict[str, set[str]] = {}
        for route in routes:
            if isinstance(route, Route):
                table = templates if "{" in route.path else self._exact
                table.setdefault(route.path, set()).update(route.methods or ())
        self._templates: list[tuple[re.Pattern[str], set[str]]] = [
            (compile_path(path)[0], methods) for path, methods in templates.items()
        ]

    def refuses(self, method: str, path: str) -> bool:
        """Whether a path without parameters has no such method, whatever templates match it."""
        return path in self._exact and method not in self._exact[path]

    def allow(self, path: str) -> str:
        """The header ``Allow`` of a path; empty if there is no such path."""
        methods = self._exact.get(path)
        if methods is None:
            methods = set[str]().union(*(found for pattern, found in self._templates if pattern.match(path)))
        return ", ".join(sorted(methods))
