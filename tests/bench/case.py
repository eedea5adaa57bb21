"""Cases give figures once a round. A ratio compares two figures of the same round."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.bench.bench import Bench

Figures = Mapping[str, float]
"""What one run of a case measured, by name with its unit, such as ``{"events/s": 9000.0, "MB": 85.0}``."""


@dataclass(frozen=True)
class Case:
    """Something that runs once a round in its own processes. ``row`` is its row of the table."""

    name: str
    row: str
    run: Callable[[Bench], Awaitable[Figures]]


@dataclass(frozen=True)
class Ratio:
    """A line of the table: ``of`` divided by ``to``, both ``(case, figure)``, or ``of`` alone if ``to`` is None.

    It is computed in each round; the table shows the median. ``least`` and ``most`` are the target. If that of a
    promise is missed, the benchmark ends with 1.
    """

    row: str
    what: str
    of: tuple[str, str]
    to: tuple[str, str] | None
    least: float | None = None
    most: float | None = None
    is_promise: bool = False

    def met(self, median: float) -> bool:
        """Whether the target is reached."""
        return (self.least is None or median >= self.least) and (self.most is None or median <= self.most)
