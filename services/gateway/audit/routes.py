"""The audit declaration of each route: which action it records, or that it reads no person's data.

``check_routes`` runs when the application is built, so a route without a declaration stops the start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute
from starlette.types import Scope

from services.gateway.audit.actions import Action

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_DECLARED: Final[dict[Callable[..., Any], Action | None]] = {}


class UndeclaredRoute(RuntimeError):
    """A route of the API declares neither an action nor that it reads no person's data."""


def audited(action: Action) -> Callable[[Endpoint], Endpoint]:
    """Declare the action that the audit log records for an endpoint."""

    def declare(endpoint: Endpoint) -> Endpoint:
        _DECLARED[endpoint] = action
        return endpoint

    return declare


def not_audited(endpoint: Endpoint) -> Endpoint:
    """Declare that an endpoint reads no person's data. If it reads some anyway, it answers 500."""
    _DECLARED[endpoint] = None
    return endpoint


def check_routes(routes: Sequence[BaseRoute]) -> None:
    """Check that every documented route has a declaration. Raises ``UndeclaredRoute``."""
    for context in iter_route_contexts(routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema and route.endpoint not in _DECLARED:
            raise UndeclaredRoute(f"{route.name} needs @audited(...) or @not_audited below its path")


def action_in(scope: Scope) -> Action | None:
    """The declared action of the route that handles a request."""
    route = scope.get("route")
    return _DECLARED.get(route.endpoint) if isinstance(route, APIRoute) else None
