"""The processors of exports, in the order that gives its consumer group its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.exports.card_feeds.state import CardFeeds
from services.exports.extracts.requests import EXTRACT_FILES, PERIOD_EXTRACTS, REQUESTS
from services.exports.reconciliation import RECONCILIATIONS
from services.exports.statements import CardStatements
from services.exports.statistics.card_history import CARD_HISTORIES
from services.runtime.processing.decision import Processor
from services.runtime.processing.projection import Projection


def processors(
    statements: Processor[CardStatements], feeds: Processor[CardFeeds]
) -> Sequence[Processor[Any] | Projection[Any]]:
    """All processors, given the two that need keys."""
    return [statements, REQUESTS, EXTRACT_FILES, PERIOD_EXTRACTS, RECONCILIATIONS, CARD_HISTORIES, feeds]
