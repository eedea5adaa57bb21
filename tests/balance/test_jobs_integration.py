"""A year is settled again over the real broker and database, started by a ledger with older amounts (E2)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.reporting import EarningsReported
from frikort_contracts.topics import BALANCES
from frikort_contracts.values import Components, WorkPeriod

from tests.exports.test_extract_integration import Topics, topics

__all__ = ["topics"]  # fixtures
MAY = date(2023, 5, 31)


def accepted_in_may_2023(card_id: str, total: int) -> Envelope[Any]:
    """A report of 2023 with the amounts that were in force until 1 July of that year."""
    return Envelope(
        id=uuid4(),
        time=datetime(2023, 5, 31, 12, tzinfo=UTC),
        source="/frikort/reporting",
        correlation_id=uuid4(),
        data=EarningsReported(
            card_id=card_id,
            employment_id="employment",
            report_id=f"report of {card_id}",
            revision=1,
            cvr="10000009",
            year=2023,
            reference="may",
            work=WorkPeriod(first=MAY, last=MAY),
            payment_date=MAY,
            components=Components(wage=total),
            total=total,
            allowance=2_000_000,
            provisional=False,
            allowance_version="2023/2023-01-01/1-final/000",
        ),
    )


async def test_a_year_is_settled_again_by_the_amounts_in_force_and_every_changed_split_is_published(
    topics: Topics,
) -> None:
    above, below = str(uuid4()), str(uuid4())
    await topics.publish([accepted_in_may_2023(above, 2_500_000), accepted_in_may_2023(below, 100_000)])

    events = await topics.until(
        BALANCES,
        lambda event: event.card_id in {above, below},
        lambda found: len([message for message in found if isinstance(message.data, BalanceChanged)]) == 4,
    )

    splits = [message.data for message in events if isinstance(message.data, ReportSettled)]
    assert [(split.exempt, split.excess, split.caused_by) for split in splits if split.card_id == above] == [
        (2_000_000, 500_000, f"report of {above}"),
        (2_500_000, 0, None),
    ]
    assert [(split.exempt, split.excess) for split in splits if split.card_id == below] == [(100_000, 0)]
    allowances = [m.data.allowance for m in events if isinstance(m.data, BalanceChanged) and m.data.card_id == below]
    assert allowances == [2_000_000, 4_000_000]
