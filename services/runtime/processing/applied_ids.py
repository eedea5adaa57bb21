"""The ids of the messages that a document has applied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_SEPARATOR: Final = "\n"


class AppliedIds:
    """Message ids in the order in which they were added, as they are stored: one id a line.

    Ids are the texts of UUIDs (36 characters), so no other part of ``text`` reads as an id.
    """

    __slots__ = ("text",)

    def __init__(self, text: str = "") -> None:
        self.text = text

    def __contains__(self, message_id: str) -> bool:
        return message_id in self.text

    def __iter__(self) -> Iterator[str]:
        return iter(self.text.split())

    def __len__(self) -> int:
        return len(self.text.split())

    def add(self, message_id: str) -> None:
        """Add an id that is not contained yet."""
        self.text = f"{self.text}{_SEPARATOR}{message_id}" if self.text else message_id
