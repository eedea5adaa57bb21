"""Texts that sort by time: the ``order`` of stored entries, and the bounds of ranges of them. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from frikort_contracts.values import danish_midnight

LAST: Final = "9999"
"""Sorts after every ``stamp``."""


def stamp(moment: datetime) -> str:
    """``moment`` in UTC as text that sorts by time."""
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat(timespec="microseconds")


def stored_from(day: date) -> str:
    """The text from which stored moments of a Danish day and later ones begin, in the form of the read models."""
    return danish_midnight(day).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")  # a fraction and "Z" follow


def order_of(moment: datetime, unique_id: str) -> str:
    """A unique text that sorts by ``moment``."""
    return f"{stamp(moment)}|{unique_id}"


def moment_of(order: str) -> datetime:
    """The moment of an order, UTC."""
    return datetime.fromisoformat(order.partition("|")[0])
