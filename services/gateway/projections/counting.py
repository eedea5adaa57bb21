"""Counts the reports and totals that the gateway shows for a reconciliation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.gateway.projections.figures import figures_of_reports, figures_of_totals
from services.gateway.projections.ledgers import LedgerView
from services.gateway.projections.reports import ReportView
from services.runtime.reconciliation import CountCards, Held, StatesById


def count_with(reports: StatesById[ReportView], ledgers: StatesById[LedgerView]) -> CountCards:
    """Counts what the read models have."""

    async def count(cards: Sequence[str], with_reports: bool) -> list[Held]:
        shown = await asyncio.gather(*(reports.find({"card_id": card_id}) for card_id in cards))
        # After the reports: a change in between makes the totals newer than the reports, which is seen by their
        # revision.
        totals = await ledgers.starting_with([f"{card_id}:" for card_id in cards])
        return [
            *(
                Held(card_id, year, figures)
                for card_id, of_card in zip(cards, shown, strict=True)
                for year, figures in figures_of_reports(of_card, with_reports=with_reports)
            ),
            *(Held(ledger.card_id, ledger.year, figures_of_totals(ledger)) for ledger in totals),
        ]

    return count
