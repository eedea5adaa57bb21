"""Whom a command is about: the person whose key encrypts its response."""

from __future__ import annotations

from typing import Final

from frikort_contracts.issuance import IssueCard
from frikort_contracts.messages import Command

from services.gateway.read_models import ReadModels

_MOST: Final = 20_000


class Subjects:
    """The people of commands. A card has one person for its whole life, so they are remembered."""

    def __init__(self, read_models: ReadModels) -> None:
        self._read_models = read_models
        self._persons: dict[str, str] = {}

    async def person_of(self, command: Command) -> str | None:
        """The CPR hash of the person; None if the command is about no card."""
        if isinstance(command, IssueCard):
            return command.person.cpr_hash
        card_id = getattr(command, "card_id", None)
        if card_id is None:
            return None
        person = self._persons.get(card_id)
        if person is None:
            card = await self._read_models.cards.get(card_id)
            if card is None:
                return None
            if len(self._persons) >= _MOST:
                self._persons.clear()
            person = self._persons[card_id] = card.person.cpr_hash
        return person
