"""How earnings events change a ledger. The allowance is 1,000 øre unless a case says otherwise."""

from __future__ import annotations

import pytest
from frikort_contracts.balance import BalanceChanged, CapWarningRaised, CapWarningWithdrawn, ReportSettled, SettleYear
from frikort_contracts.reporting import EmploymentRegistered, ReportEvent
from frikort_contracts.values import Period

from services.balance.processor import LEDGERS, address, decide
from tests.balance.build import (
    CARD,
    DAY,
    A,
    B,
    LedgerHistory,
    balance,
    corrected,
    reported,
    settle,
    splits,
    warnings,
    withdrawn,
)
from tests.contracts.examples import envelope

FIRST, JULY = "2025/2025-01-01", "2025/2025-07-01"


@pytest.mark.parametrize(
    ("events", "settled", "totals"),
    [
        pytest.param(
            [reported("r1", 300)],
            [("r1", 300, 0)],
            (300, 300, 0, 700),
            id="a first report below the allowance is exempt",
        ),
        pytest.param(
            [reported("r1", 1000)],
            [("r1", 1000, 0)],
            (1000, 1000, 0, 0),
            id="a report of exactly the allowance is exempt",
        ),
        pytest.param(
            [reported("r1", 1001)], [("r1", 1000, 1)], (1001, 1000, 1, 0), id="one øre above the allowance is excess"
        ),
        pytest.param(
            [reported("r1", 900), reported("r2", 250)],
            [("r2", 100, 150)],
            (1150, 1000, 150, 0),
            id="the report that crosses the allowance is split",
        ),
        pytest.param(
            [reported("r1", 1000), reported("r2", 5)],
            [("r2", 0, 5)],
            (1005, 1000, 5, 0),
            id="a report after the allowance is used is all excess",
        ),
        pytest.param(
            [reported("r1", 600), reported("r2", 600), corrected("r1", 500)],
            [("r1", 500, 0), ("r2", 500, 100)],
            (1100, 1000, 100, 0),
            id="a correction downwards frees allowance for later reports",
        ),
        pytest.param(
            [reported("r1", 600), reported("r2", 300), corrected("r1", 800)],
            [("r1", 800, 0), ("r2", 200, 100)],
            (1100, 1000, 100, 0),
            id="a corrected report keeps its place: an increase takes allowance from later reports",
        ),
        pytest.param(
            [reported("r1", 600), reported("r2", 300), corrected("r2", 700)],
            [("r2", 400, 300)],
            (1300, 1000, 300, 0),
            id="a correction leaves earlier reports unchanged",
        ),
        pytest.param(
            [reported("r1", 600), corrected("r1", 600)],
            [("r1", 600, 0)],
            (600, 600, 0, 400),
            id="a correction without a change of amount still settles the report",
        ),
        pytest.param(
            [reported("r1", 600), reported("r2", 600), reported("r3", 50), withdrawn("r1")],
            [("r1", 0, 0), ("r2", 600, 0), ("r3", 50, 0)],
            (650, 650, 0, 350),
            id="a withdrawal settles at zero and frees allowance",
        ),
        pytest.param(
            [reported("r1", 600), withdrawn("r1"), reported("r2", 900)],
            [("r2", 900, 0)],
            (900, 900, 0, 100),
            id="a withdrawn report no longer counts",
        ),
        pytest.param(
            [reported("r1", 900), reported("r2", 300, allowance=1100, version=JULY)],
            [("r2", 100, 200)],
            (1200, 1000, 200, 0),
            id="a later report does not bring its allowance with it",
        ),
        pytest.param(
            [reported("r1", 900), reported("r2", 300), settle(1500, JULY)],
            [("r2", 300, 0)],
            (1200, 1200, 0, 300),
            id="a higher allowance changes the splits above the earlier one",
        ),
        pytest.param(
            [reported("r1", 600), reported("r2", 400), reported("r3", 10), settle(500, JULY)],
            [("r1", 500, 100), ("r2", 0, 400)],
            (1010, 500, 510, 0),
            id="a lower allowance takes from all reports above it",
        ),
        pytest.param(
            [reported("r1", 2_500_000, allowance=2_000_000), settle(4_000_000, JULY)],
            [("r1", 2_500_000, 0)],
            (2_500_000, 2_500_000, 0, 1_500_000),
            id="E2: 25,000 kr. of May 2023 are exempt from 1 July on",
        ),
        pytest.param(
            [reported("r1", 900), settle(950, JULY), reported("r2", 100)],
            [("r2", 50, 50)],
            (1000, 950, 50, 0),
            id="a report after the change is split by the new allowance",
        ),
        pytest.param(
            [reported("r1", 900), settle(950, JULY), corrected("r1", 1000)],
            [("r1", 950, 50)],
            (1000, 950, 50, 0),
            id="a correction with the earlier allowance is split by the new one",
        ),
    ],
)
def test_reports_use_the_allowance_in_the_order_of_acceptance(
    events: list[ReportEvent | SettleYear], settled: list[tuple[str, int, int]], totals: tuple[int, int, int, int]
) -> None:
    emitted = LedgerHistory().apply(*events)
    assert splits(emitted) == settled
    year = balance(emitted)
    assert (year.reported, year.exempt, year.excess, year.remaining) == totals


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([reported("r1", 799)], [], id="one øre below 80 % raises nothing"),
        pytest.param([reported("r1", 800)], ["+near"], id="80 % raises near"),
        pytest.param([reported("r1", 999)], ["+near"], id="one øre below the allowance raises near"),
        pytest.param([reported("r1", 1000)], ["+near", "+reached"], id="100 % raises reached"),
        pytest.param(
            [reported("r1", 1001)], ["+near", "+reached", "+exceeded"], id="the first øre above raises exceeded"
        ),
        pytest.param([reported("r1", 800), reported("r2", 100)], [], id="a warning is raised once"),
        pytest.param(
            [reported("r1", 800), reported("r2", 200)],
            ["+reached"],
            id="the next threshold raises the next warning only",
        ),
        pytest.param(
            [reported("r1", 1000), reported("r2", 1)],
            ["+exceeded"],
            id="the last threshold raises the last warning only",
        ),
        pytest.param(
            [reported("r1", 900), corrected("r1", 799)],
            ["-near"],
            id="a correction below the threshold withdraws the warning",
        ),
        pytest.param(
            [reported("r1", 1001), withdrawn("r1")],
            ["-near", "-reached", "-exceeded"],
            id="a withdrawn report withdraws all warnings",
        ),
        pytest.param(
            [reported("r1", 1001), corrected("r1", 1000)],
            ["-exceeded"],
            id="only warnings that became untrue are withdrawn",
        ),
        pytest.param(
            [reported("r1", 900), corrected("r1", 700), corrected("r1", 800, revision=3)],
            ["+near"],
            id="a withdrawn warning can be raised again",
        ),
        pytest.param(
            [reported("r1", 800), settle(1100, JULY)],
            ["-near"],
            id="a higher allowance withdraws the warning",
        ),
        pytest.param(
            [reported("r1", 700), settle(700, JULY)],
            ["+near", "+reached"],
            id="a lower allowance raises warnings",
        ),
        pytest.param([reported("r1", 7, allowance=9)], [], id="7 of 9 øre is below 80 %"),
        pytest.param([reported("r1", 8, allowance=9)], ["+near"], id="8 of 9 øre is above 80 %"),
    ],
)
def test_warnings_follow_the_thresholds(events: list[ReportEvent | SettleYear], expected: list[str]) -> None:
    assert warnings(LedgerHistory().apply(*events)) == expected


def test_every_changed_split_names_the_report_that_caused_it() -> None:
    emitted = LedgerHistory().apply(reported("r1", 600), reported("r2", 600, cvr=B), corrected("r1", 400))
    settled = [event for event in emitted if isinstance(event, ReportSettled)]
    assert [(event.report_id, event.cvr, event.caused_by) for event in settled] == [("r1", A, "r1"), ("r2", B, "r1")]
    assert [(event.report_revision, event.total) for event in settled] == [(2, 400), (1, 600)]


def test_splits_are_emitted_before_totals_and_warnings_with_one_ledger_revision() -> None:
    emitted = LedgerHistory().apply(reported("r1", 1200), corrected("r1", 900))
    assert [type(event) for event in emitted] == [
        ReportSettled,
        BalanceChanged,
        CapWarningWithdrawn,
        CapWarningWithdrawn,
    ]
    assert {
        event.revision for event in emitted if isinstance(event, ReportSettled | BalanceChanged | CapWarningWithdrawn)
    } == {2}


def test_a_warning_carries_card_year_allowance_and_sum() -> None:
    emitted = LedgerHistory().apply(reported("r1", 850))
    (warning,) = [event for event in emitted if isinstance(event, CapWarningRaised)]
    assert (warning.card_id, warning.year, warning.allowance, warning.reported) == (CARD, 2025, 1000, 850)


def test_final_amounts_end_a_provisional_year_even_if_no_split_changes() -> None:
    """E1."""
    history = LedgerHistory()
    assert balance(history.apply(reported("r1", 1, provisional=True, version="2025/2025-01-01/0"))).provisional
    assert balance(history.apply(reported("r2", 1))).provisional
    final = history.apply(settle(1000, "2025/2025-01-01/1"))
    assert splits(final) == []
    assert not balance(final).provisional


def test_a_split_that_an_allowance_changed_names_no_report() -> None:
    emitted = LedgerHistory().apply(reported("r1", 1200), settle(1100, JULY))
    assert [event.caused_by for event in emitted if isinstance(event, ReportSettled)] == [None]


@pytest.mark.parametrize("version", [FIRST, JULY])
def test_amounts_that_were_overtaken_or_are_in_force_already_change_nothing(version: str) -> None:
    history = LedgerHistory()
    history.apply(reported("r1", 1200), settle(1100, JULY))
    before = history.ledger
    assert history.apply(settle(500, version)) == ()
    assert history.ledger is before


def test_a_year_without_a_report_is_not_settled() -> None:
    history = LedgerHistory()
    assert history.apply(settle(500, JULY)) == ()
    assert history.ledger is None
    history.apply(withdrawn("r1", revision=2))  # its report is a dead letter
    assert history.apply(settle(500, JULY)) == ()
    assert splits(history.apply(reported("r2", 1200, allowance=900, version=FIRST))) == [("r2", 900, 300)]


def test_a_correction_in_october_frees_allowance_for_november() -> None:
    """B lowers a summer report by 1,000 kr., and that allowance goes to A's November report."""
    kr = 100
    history = LedgerHistory()
    allowance = 42_766 * kr
    for month in range(1, 11):
        emitted = history.apply(reported(f"A{month}", 2_500 * kr, allowance=allowance))
    for month in range(5, 10):
        emitted = history.apply(reported(f"B{month}", 3_000 * kr, allowance=allowance, cvr=B))
    assert balance(emitted).reported == 40_000 * kr
    november = history.apply(reported("A11", 4_000 * kr, allowance=allowance))
    assert splits(november) == [("A11", 2_766 * kr, 1_234 * kr)]
    assert balance(november).exempt == 4_276_600
    assert warnings(november) == ["+reached", "+exceeded"]

    correction = history.apply(corrected("B6", 2_000 * kr, allowance=allowance, cvr=B))
    assert splits(correction) == [("B6", 2_000 * kr, 0), ("A11", 3_766 * kr, 234 * kr)]
    assert balance(correction).exempt == 4_276_600
    assert warnings(correction) == []


def test_each_year_of_a_card_has_its_own_ledger() -> None:
    next_year = reported("r1", 5, year=2026)
    addresses = [
        address(envelope(event))
        for event in (reported("r1", 5), corrected("r1", 5), withdrawn("r1"), settle(9, JULY), next_year)
    ]
    assert [where.id for where in addresses if where] == [f"{CARD}:2025"] * 4 + [f"{CARD}:2026"]


def test_employment_events_are_skipped() -> None:
    event = EmploymentRegistered(
        card_id=CARD, employment_id="e", revision=1, cvr=A, period=Period(first=DAY), contact="k.c"
    )
    assert address(envelope(event)) is None


def test_a_redelivered_message_leads_to_the_same_decision() -> None:
    message = envelope(reported("r1", 1200))
    assert decide(None, message) == decide(None, message)
    assert LEDGERS.name == "ledgers"


@pytest.mark.parametrize(
    "replayed",
    [
        pytest.param(reported("r1", 600), id="the report itself"),
        pytest.param(corrected("r1", 500), id="an older correction"),
    ],
)
def test_a_late_replay_of_a_dead_letter_changes_nothing(replayed: ReportEvent) -> None:
    history = LedgerHistory()
    history.apply(withdrawn("r1", revision=3))
    before = history.ledger
    assert history.apply(replayed) == ()
    assert history.ledger == before


def test_a_withdrawal_of_an_unknown_report_raises_no_warning() -> None:
    emitted = LedgerHistory().apply(withdrawn("r1"))
    assert splits(emitted) == [("r1", 0, 0)]
    assert warnings(emitted) == []
