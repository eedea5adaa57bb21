"""The read models: pure projections of the events, one file each. They can be dropped and built anew from the log.

Topics are consumed apart, so what a model knows from one topic may run ahead of another: each copes with either order.
"""

from __future__ import annotations

from typing import Any, Final

from services.gateway.projections import cards, employments, extracts, ledgers, outcomes, reports
from services.runtime.processing.decision import Processor

PROCESSORS: Final[tuple[Processor[Any], ...]] = (
    cards.PROCESSOR,
    employments.PROCESSOR,
    reports.PROCESSOR,
    ledgers.PROCESSOR,
    outcomes.PROCESSOR,
    extracts.PROCESSOR,
    extracts.PARTS_PROCESSOR,
)
