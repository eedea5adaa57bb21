"""A document or event that can never be written, however often it is tried."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from frikort_contracts.cloudevents import Record

MOST_EVENT_BYTES: Final = 2 * 1024 * 1024 - 64 * 1024
"""The largest key and value of an event. Topics take 2 MiB with headers."""


class Problem(StrEnum):
    """Why something can never be written. The reason of a dead letter has this code, and no text of a driver."""

    DOCUMENT_TOO_LARGE = "document-too-large"
    VALUE_REFUSED = "value-refused"
    MESSAGE_TOO_LARGE = "message-too-large"


class CannotBeWritten(RuntimeError):
    """The store or the broker refuses what is written, every time. Nothing says which record of a batch led to it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"cannot be written: {problem}")
        self.problem = problem


def check_sizes(records: Iterable[Record]) -> None:
    """Raise ``CannotBeWritten`` for an event that no topic takes. It must be known before its document is written."""
    if any(len(record.value) + len(record.key) > MOST_EVENT_BYTES for record in records):
        raise CannotBeWritten(Problem.MESSAGE_TOO_LARGE)


def bytes_of(records: Iterable[Record]) -> int:
    """The length of the events' JSON, in bytes."""
    return sum([len(record.value) for record in records])
