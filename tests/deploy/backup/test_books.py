"""The totals that follow from the topics, and how a difference is shown."""

from __future__ import annotations

from typing import Any

from frikort_contracts.balance import BalanceChanged
from frikort_contracts.reporting import EarningsCorrected, EarningsReported, EarningsWithdrawn

from deploy.backup.books import balance_totals, differences, reported_totals
from tests.contracts.examples import EXAMPLES

Event = type[EarningsReported | EarningsCorrected | EarningsWithdrawn | BalanceChanged]


def event(kind: Event, revision: int, **changes: object) -> Any:
    """An event about the card c in 2025."""
    example = next(message for message in EXAMPLES if isinstance(message, kind))
    return example.model_copy(update={"card_id": "c", "year": 2025, "revision": revision, **changes})


def test_the_newest_revision_of_each_report_counts_and_a_withdrawn_one_counts_zero() -> None:
    events = [
        event(EarningsReported, 1, report_id="a", total=100),
        event(EarningsReported, 1, report_id="b", total=1_000),
        event(EarningsCorrected, 2, report_id="a", total=70),
        event(EarningsReported, 1, report_id="w", total=5),
        event(EarningsWithdrawn, 2, report_id="w"),
        event(EarningsReported, 1, report_id="d", card_id="d", total=9),
    ]
    assert reported_totals(events) == (4, {("c", 2025): 1_070, ("d", 2025): 9})
    assert reported_totals([*events, *events]) == reported_totals(events), "repeated records count once"


def test_the_newest_totals_of_a_card_and_year_count() -> None:
    newest, older = event(BalanceChanged, 7, reported=900), event(BalanceChanged, 6, reported=800)
    other = event(BalanceChanged, 1, reported=5, year=2024)
    assert balance_totals([newest, older, other]) == {("c", 2025): 900, ("c", 2024): 5}


def test_each_card_and_year_on_which_two_differ_has_a_line() -> None:
    ours, theirs = {("a", 2025): 1, ("b", 2025): 2, ("c", 2025): 3}, {("a", 2025): 1, ("b", 2025): 1, ("d", 2025): 0}
    assert list(differences(ours, theirs, "x")) == [
        "card b, 2025: 2 øre by the reports, 1 øre by x",
        "card c, 2025: 3 øre by the reports, None øre by x",
        "card d, 2025: None øre by the reports, 0 øre by x",
    ]
