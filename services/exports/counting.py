"""Counts the splits and statements of cards for a reconciliation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.exports.figures import figures_of
from services.exports.statements import CardStatements
from services.runtime.reconciliation import CountCards, Held, StatesById


def count_with(states: StatesById[CardStatements]) -> CountCards:
    """Counts what ``states`` has."""

    async def count(cards: Sequence[str], with_reports: bool) -> list[Held]:
        found = await asyncio.gather(*map(states.get, cards))
        return [
            Held(card.card_id, year, figures)
            for card in found
            if card is not None
            for year, figures in figures_of(card, with_reports=with_reports)
        ]

    return count
