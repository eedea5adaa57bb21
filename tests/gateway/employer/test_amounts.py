"""Which amounts of a year an answer shows: those of the ledger, or those in force where there is no ledger (E1, E2)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, cast
from uuid import uuid4

import pytest
from frikort_contracts.balance import BalanceChanged
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.reporting import ReportEarnings
from frikort_contracts.rules.allowances import Allowance, AllowanceTable
from frikort_contracts.values import Components, WorkPeriod

from services.gateway import presenters as shared
from services.gateway.cards import presenters as card_presenters
from services.gateway.employer import presenters
from services.gateway.employer.responses import EmployerResponses
from services.gateway.formats import Language
from services.gateway.projections import ledgers, reports
from services.gateway.projections.ledgers import LedgerView
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.read_models import ReadModels
from tests.gateway.build import CARD, CVR, EMPLOYMENT, NOON, after, balance, persons, reported, settled

DAY = date(2025, 5, 31)
FIRST = Allowance(year=2025, allowance=2_000_000, income_limit=1, provisional=True, effective_from=date(2025, 1, 1))
JULY = Allowance(year=2025, allowance=4_000_000, income_limit=1, effective_from=date(2025, 7, 1))
TABLE = AllowanceTable(years={2025: (FIRST, JULY)})
COMMAND = ReportEarnings(
    card_id=CARD,
    card_revision=1,
    employment_id=EMPLOYMENT,
    cvr=CVR,
    actor="payroll",
    reference="may",
    work=WorkPeriod(first=DAY, last=DAY),
    payment_date=DAY,
    components=Components(wage=2_500_000),
    dry_run=True,
)


class OneLedger:
    """Read models with one ledger, or none."""

    def __init__(self, ledger: LedgerView | None) -> None:
        self._ledger = ledger

    async def ledger(self, _card_id: str, _year: int) -> LedgerView | None:
        return self._ledger


async def dry_run(ledger: LedgerView | None, at: datetime) -> dict[str, Any]:
    """The answer to a dry run at a time."""
    responses = EmployerResponses(cast("ReadModels", OneLedger(ledger)), persons(), TABLE)
    message = Envelope(id=uuid4(), time=at, source="/frikort/gateway", data=COMMAND, correlation_id=uuid4())
    outcome = OutcomeView(command_id=str(message.id), at=at, dry_run=True)
    return (await responses.responders[ReportEarnings](message, outcome, Language.ENGLISH)).body


@pytest.mark.parametrize(
    ("at", "split"),
    [
        pytest.param(datetime(2025, 6, 30, 21, 59, tzinfo=UTC), (2_000_000, 500_000, 2_000_000, True), id="30 June"),
        pytest.param(datetime(2025, 6, 30, 22, 0, tzinfo=UTC), (2_500_000, 0, 4_000_000, False), id="Danish midnight"),
    ],
)
async def test_a_dry_run_of_a_first_report_uses_the_amounts_in_force(at: datetime, split: tuple[Any, ...]) -> None:
    answer = await dry_run(None, at)
    assert (
        answer["exempt_at_least_ore"],
        answer["excess_at_most_ore"],
        answer["allowance_ore"],
        answer["provisional"],
    ) == split


async def test_a_dry_run_uses_the_amounts_of_the_ledger_until_its_year_is_settled_again() -> None:
    """As a report does: the two agree at every moment."""
    july = datetime(2025, 7, 1, 12, tzinfo=UTC)
    before = after(ledgers.PROJECTION, [_provisional(balance(1, 1_900_000, allowance=2_000_000))])
    answer = await dry_run(before, july)
    assert (answer["exempt_at_least_ore"], answer["remaining_before_ore"], answer["allowance_ore"]) == (
        100_000,
        100_000,
        2_000_000,
    )
    assert answer["provisional"] is True

    settled_again = ledgers.project(before, _message(balance(2, 1_900_000, allowance=4_000_000)))
    answer = await dry_run(settled_again, july)
    assert (answer["exempt_at_least_ore"], answer["excess_at_most_ore"], answer["allowance_ore"]) == (
        2_100_000,
        400_000,
        4_000_000,
    )
    assert answer["provisional"] is False


def test_an_earlier_report_shows_the_final_amounts_of_its_ledger() -> None:
    view = after(reports.PROJECTION, [reported(allowance=2_000_000, provisional=True), settled(1, 1, 100_000)])
    ledger = after(ledgers.PROJECTION, [balance(2, 100_000, allowance=4_000_000)])

    employer = presenters.report(view, ledger, Language.ENGLISH, persons())
    citizen = card_presenters.card_report(view, ledger, lambda *_: None)

    assert (employer.allowance_ore, employer.provisional, citizen.provisional) == (4_000_000, False, False)
    assert not [line for line in employer.advice if "provisional" in line]


def test_a_split_says_whether_a_report_or_the_allowance_changed_it() -> None:
    moved = [reported(), settled(1, 1, 60_000, 40_000), settled(2, 1, 100_000, caused_by=None)]
    view = after(reports.PROJECTION, moved)
    shown = [shared.split(settlement, only_by=view.report_id) for settlement in view.settlements]
    assert [(split.by_allowance, split.caused_by) for split in shown] == [(False, view.report_id), (True, None)]
    assert view.moved_at is not None


@pytest.mark.parametrize(
    ("today", "in_force", "announced"),
    [
        pytest.param(date(2025, 6, 30), 2_000_000, [4_000_000], id="before the day"),
        pytest.param(date(2025, 7, 1), 4_000_000, [], id="on the day"),
    ],
)
def test_the_published_table_has_the_amounts_in_force_and_the_announced_ones(
    today: date, in_force: int, announced: list[int]
) -> None:
    table = shared.allowances(TABLE, today)
    assert [row.allowance_ore for row in table.allowances] == [in_force]
    assert [row.allowance_ore for row in table.announced] == announced
    (present,) = card_presenters.balances([], today, TABLE).balances
    assert present.allowance_ore == present.remaining_ore == in_force


def _provisional(event: BalanceChanged) -> BalanceChanged:
    return event.model_copy(update={"provisional": True})


def _message(event: BalanceChanged) -> Envelope[Any]:
    return Envelope(id=uuid4(), time=NOON, source="/frikort/balance", data=event, correlation_id=uuid4())
