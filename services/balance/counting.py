"""Counts the ledgers of cards for a reconciliation."""

from __future__ import annotations

from collections.abc import Sequence

from services.balance.figures import figures_of
from services.balance.ledger import Ledger
from services.runtime.reconciliation import CountCards, Held, StatesById


def count_with(states: StatesById[Ledger]) -> CountCards:
    """Counts what ``states`` has."""

    async def count(cards: Sequence[str], with_reports: bool) -> list[Held]:
        found = await states.starting_with([f"{card_id}:" for card_id in cards])
        return [Held(one.card_id, one.year, figures_of(one, with_reports=with_reports)) for one in found]

    return count
