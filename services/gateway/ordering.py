"""Texts that sort by time: the ``order`` of stored entries, and the bounds of ranges of them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

LAST: Final = "9999"
"""Sorts after every ``stamp``."""


def stamp(moment: datetime) -> str:
    """``moment`` in UTC as text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def order_of(moment: datetime, unique_id: str) -> str:
    """A unique text that sorts by ``moment``."""
    return f"{stamp(moment)}|{unique_id}"


def moment_of(order: str) -> datetime:
    """The moment of an order, UTC."""
    return datetime.fromisoformat(order.partition("|")[0])
