"""The ledger of a card at its limit of reports stays far below what MongoDB stores."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import bson
import pytest
from frikort_contracts.balance import SettleYear
from frikort_contracts.reporting import EarningsWithdrawn

from services.balance.ledger import MORE, MOST_INSIDE, Ledger, LedgerEntry, allocate, read_entries
from services.balance.processor import LEDGERS, decide
from services.runtime.mongo.document_store import document_of
from services.runtime.processing.apply import Document
from services.runtime.processing.entries import EntryMap
from services.runtime.processing.outbox import emit
from tests.balance.build import A, settle, withdrawn
from tests.contracts.examples import envelope

REPORTS: Final = 10_000
MONGODB_STORES: Final = 16 * 1024 * 1024  # bytes in a document


def name_of(number: int) -> str:
    return str(UUID(int=number))


def ledger_at_the_limit() -> Ledger:
    """The first report uses the whole allowance, and all others would fit into it together."""
    entries = [LedgerEntry(name_of(n), name_of(0), A, 1, REPORTS if n == 0 else 1) for n in range(REPORTS)]
    allocated = allocate(entries, REPORTS)
    lines = [
        f'["{e.report_id}","{e.employment_id}","{A}",1,{e.total},{e.exempt},{e.excess}]'
        for e in allocated[:MOST_INSIDE]
    ]
    later = {e.report_id: [place, *e] for place, e in enumerate(allocated[MOST_INSIDE:], MOST_INSIDE)}
    return Ledger(
        name_of(1),
        2025,
        revision=REPORTS,
        allowance=REPORTS,
        allowance_version="2025/2025-01-01",
        exempt=REPORTS,
        excess=REPORTS - 1,
        entries="".join(f"\n{line}" for line in lines),
        more=EntryMap(MORE).with_entries(later, most_inside=0),
    )


@pytest.mark.parametrize(
    "change",
    [withdrawn(name_of(0)), settle(2 * REPORTS, "2025/2025-07-01")],
    ids=["a withdrawal of the first report", "another allowance"],
)
def test_a_message_that_changes_every_split_can_be_stored(change: EarningsWithdrawn | SettleYear) -> None:
    message = envelope(change)
    decision = decide(ledger_at_the_limit(), message)
    assert decision.state is not None
    assert len(decision.events) >= REPORTS
    assert len(read_entries(decision.state)) == REPORTS

    without = len(bson.encode(document_of(Document("ledger", 1, decision.state), LEDGERS)))
    outbox = emit(message, str(message.id), "balance/ledgers", decision.events)

    assert without < 2_000_000
    assert without + outbox.size * 1.3 < MONGODB_STORES / 2
