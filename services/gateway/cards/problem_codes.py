"""The problem codes of operations on a card, which several slices offer."""

from __future__ import annotations

from typing import Final

CARD: Final = ("card-unknown",)
DISPUTE: Final = ("card-unknown", "report-unknown", "report-withdrawn", "report-already-disputed", "dispute-decided")
DISPUTE_WITHDRAWAL: Final = ("card-unknown", "report-unknown", "report-withdrawn", "report-not-disputed")
DISPUTE_DECISION: Final = ("card-unknown", "report-unknown", "report-not-disputed", "dispute-changed", "year-closed")
GRANT: Final = ("card-unknown", "mandate-to-self", "mandate-date-out-of-range", "too-many-mandates")
MANDATE_WITHDRAWAL: Final = ("card-unknown", "mandate-unknown", "mandate-ended")
