"""The latency of HTTP requests, by route and outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from starlette.types import Scope

from services.runtime.metrics import REQUEST_SECONDS

_OTHER: Final = ("other", "other")
_OUTCOMES: Final = ("success", "refused", "failed")


class RequestMetrics:
    """Observes the requests of one service. ``routes`` are its methods and the templates of their paths.

    A request outside them counts as `other`: the client chose its method and its path.
    """

    def __init__(self, service: str, routes: Iterable[tuple[str, str]]) -> None:
        self._of_route: dict[tuple[str, str], Mapping[str, Any]] = {
            (method, template): {
                outcome: REQUEST_SECONDS.labels(service, method, template, outcome) for outcome in _OUTCOMES
            }
            for method, template in sorted({*routes, _OTHER})
        }

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request that was answered with ``status`` after ``seconds``."""
        by_outcome = self._of_route.get((scope["method"], getattr(scope.get("route"), "path", "")))
        (by_outcome or self._of_route[_OTHER])[outcome_of(status)].observe(seconds)


def outcome_of(status: int) -> str:
    """The outcome of a request by the status of its response."""
    return "success" if status < 400 else "refused" if status < 500 else "failed"
