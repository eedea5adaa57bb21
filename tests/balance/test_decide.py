"""What an earnings event does to a card's year. The allowance here is 1000 øre unless a case says otherwise."""

from __future__ import annotations

import pytest
from frikort_contracts.balance import BalanceChanged, CapWarningRaised, CapWarningWithdrawn, ReportSettled
from frikort_contracts.reporting import EmploymentRegistered, ReportEvent
from frikort_contracts.values import Period

from services.balance.decide import LEDGERS, address, decide
from tests.balance.build import CARD, DAY, A, B, Books, balance, corrected, reported, splits, warnings, withdrawn
from tests.contracts.examples import envelope


@pytest.mark.parametrize(
    ("events", "told", "stands_at"),
    [
        pytest.param([reported("r1", 300)], [("r1", 300, 0)], (300, 300, 0, 700), id="a first report is exempt"),
        pytest.param([reported("r1", 1000)], [("r1", 1000, 0)], (1000, 1000, 0, 0), id="exactly the allowance"),
        pytest.param([reported("r1", 1001)], [("r1", 1000, 1)], (1001, 1000, 1, 0), id="an øre above"),
        pytest.param(
            [reported("r1", 900), reported("r2", 250)], [("r2", 100, 150)], (1150, 1000, 150, 0),
            id="the report that crosses is split exactly at the allowance",
        ),
        pytest.param(
            [reported("r1", 1000), reported("r2", 5)], [("r2", 0, 5)], (1005, 1000, 5, 0),
            id="a report after that is all excess",
        ),
        pytest.param(
            [reported("r1", 600), reported("r2", 600), corrected("r1", 500)],
            [("r1", 500, 0), ("r2", 500, 100)], (1100, 1000, 100, 0),
            id="a correction downwards frees allowance for later reports",
        ),
        pytest.param(
            [reported("r1", 600), reported("r2", 300), corrected("r1", 800)],
            [("r1", 800, 0), ("r2", 200, 100)], (1100, 1000, 100, 0),
            id="a correction upwards takes allowance from later reports: it keeps its place",
        ),
        pytest.param(
            [reported("r1", 600), reported("r2", 300), corrected("r2", 700)],
            [("r2", 400, 300)], (1300, 1000, 300, 0),
            id="a correction changes nothing of earlier reports",
        ),
        pytest.param(
            [reported("r1", 600), corrected("r1", 600)], [("r1", 600, 0)], (600, 600, 0, 400),
            id="a correction that changes no amount is still told",
        ),
        pytest.param(
            [reported("r1", 600), reported("r2", 600), reported("r3", 50), withdrawn("r1")],
            [("r1", 0, 0), ("r2", 600, 0), ("r3", 50, 0)], (650, 650, 0, 350),
            id="a withdrawal settles at zero and frees allowance",
        ),
        pytest.param(
            [reported("r1", 600), withdrawn("r1"), reported("r2", 900)], [("r2", 900, 0)], (900, 900, 0, 100),
            id="what was withdrawn no longer counts",
        ),
        pytest.param(
            [reported("r1", 900, provisional=True), reported("r2", 300, allowance=1100)],
            [("r2", 200, 100)], (1200, 1100, 100, 0),
            id="a newer report brings a newer allowance",
        ),
        pytest.param(
            [reported("r1", 1200), reported("r2", 10, allowance=1500)],
            [("r2", 10, 0), ("r1", 1200, 0)], (1210, 1210, 0, 290),
            id="a higher allowance also changes earlier splits",
        ),
        pytest.param(
            [reported("r1", 1000), reported("r2", 10, allowance=800)],
            [("r2", 0, 10), ("r1", 800, 200)], (1010, 800, 210, 0),
            id="and so does a lower one",
        ),
    ],
)  # fmt: skip
def test_split(
    events: list[ReportEvent], told: list[tuple[str, int, int]], stands_at: tuple[int, int, int, int]
) -> None:
    said = Books().tell(*events)
    assert splits(said) == told
    year = balance(said)
    assert (year.reported, year.exempt, year.excess, year.remaining) == stands_at


@pytest.mark.parametrize(
    ("events", "told"),
    [
        pytest.param([reported("r1", 799)], [], id="an øre below 80 %"),
        pytest.param([reported("r1", 800)], ["+near"], id="80 %"),
        pytest.param([reported("r1", 999)], ["+near"], id="an øre below the allowance"),
        pytest.param([reported("r1", 1000)], ["+near", "+reached"], id="100 %"),
        pytest.param([reported("r1", 1001)], ["+near", "+reached", "+exceeded"], id="the first øre above"),
        pytest.param([reported("r1", 800), reported("r2", 100)], [], id="raised once"),
        pytest.param([reported("r1", 800), reported("r2", 200)], ["+reached"], id="then only the next"),
        pytest.param([reported("r1", 1000), reported("r2", 1)], ["+exceeded"], id="and the last"),
        pytest.param([reported("r1", 900), corrected("r1", 799)], ["-near"], id="withdrawn by a correction"),
        pytest.param(
            [reported("r1", 1001), withdrawn("r1")], ["-near", "-reached", "-exceeded"], id="all, by a withdrawal"
        ),
        pytest.param([reported("r1", 1001), corrected("r1", 1000)], ["-exceeded"], id="only what became untrue"),
        pytest.param(
            [reported("r1", 900), corrected("r1", 700), corrected("r1", 800, revision=3)], ["+near"], id="raised again"
        ),
        pytest.param([reported("r1", 800), reported("r2", 1, allowance=1100)], ["-near"], id="by a higher allowance"),
        pytest.param([reported("r1", 7, allowance=9)], [], id="80 % of 9 øre is not 7"),
        pytest.param([reported("r1", 8, allowance=9)], ["+near"], id="but 8"),
    ],
)
def test_warnings(events: list[ReportEvent], told: list[str]) -> None:
    assert warnings(Books().tell(*events)) == told


def test_everyone_whose_split_changed_is_told_by_whom() -> None:
    said = Books().tell(reported("r1", 600), reported("r2", 600, cvr=B), corrected("r1", 400))
    settled = [event for event in said if isinstance(event, ReportSettled)]
    assert [(event.report_id, event.cvr, event.caused_by) for event in settled] == [("r1", A, "r1"), ("r2", B, "r1")]
    assert [(event.report_revision, event.total) for event in settled] == [(2, 400), (1, 600)]


def test_the_reports_come_first_then_the_balance_then_the_warnings_all_of_one_revision() -> None:
    said = Books().tell(reported("r1", 1200), corrected("r1", 900))
    assert [type(event) for event in said] == [ReportSettled, BalanceChanged, CapWarningWithdrawn, CapWarningWithdrawn]
    assert {
        event.revision for event in said if isinstance(event, ReportSettled | BalanceChanged | CapWarningWithdrawn)
    } == {2}


def test_a_warning_says_what_it_is_about() -> None:
    said = Books().tell(reported("r1", 850))
    (warning,) = [event for event in said if isinstance(event, CapWarningRaised)]
    assert (warning.card_id, warning.year, warning.allowance, warning.reported) == (CARD, 2025, 1000, 850)


def test_a_year_is_provisional_while_its_newest_report_is() -> None:
    books = Books()
    assert balance(books.tell(reported("r1", 1, provisional=True))).provisional
    assert not balance(books.tell(reported("r2", 1))).provisional
    assert not balance(books.tell(withdrawn("r1"))).provisional


def test_october_and_november_of_the_demo_year() -> None:
    """B's correction of a summer report frees 1,000 kr. for A's November report, which had crossed the allowance."""
    kr = 100
    books = Books()
    allowance = 42_766 * kr
    for month in range(1, 11):
        said = books.tell(reported(f"A{month}", 2_500 * kr, allowance=allowance))
    for month in range(5, 10):
        said = books.tell(reported(f"B{month}", 3_000 * kr, allowance=allowance, cvr=B))
    assert balance(said).reported == 40_000 * kr
    november = books.tell(reported("A11", 4_000 * kr, allowance=allowance))
    assert splits(november) == [("A11", 2_766 * kr, 1_234 * kr)]
    assert balance(november).exempt == 4_276_600
    assert warnings(november) == ["+reached", "+exceeded"]

    correction = books.tell(corrected("B6", 2_000 * kr, allowance=allowance, cvr=B))
    assert splits(correction) == [("B6", 2_000 * kr, 0), ("A11", 3_766 * kr, 234 * kr)]
    assert balance(correction).exempt == 4_276_600
    assert warnings(correction) == []


def test_each_year_of_a_card_is_a_ledger_of_its_own() -> None:
    next_year = reported("r1", 5).model_copy(update={"year": 2026})
    addresses = [
        address(envelope(event)) for event in (reported("r1", 5), corrected("r1", 5), withdrawn("r1"), next_year)
    ]
    assert [where.id for where in addresses if where] == [f"{CARD}:2025"] * 3 + [f"{CARD}:2026"]


def test_employments_do_not_concern_balance() -> None:
    event = EmploymentRegistered(
        card_id=CARD, employment_id="e", revision=1, cvr=A, period=Period(first=DAY), contact="k.c"
    )
    assert address(envelope(event)) is None


def test_the_same_message_decides_the_same() -> None:
    message = envelope(reported("r1", 1200))
    assert decide(None, message) == decide(None, message)
    assert LEDGERS.name == "ledgers"


@pytest.mark.parametrize(
    "replayed",
    [
        pytest.param(reported("r1", 600), id="the report itself"),
        pytest.param(corrected("r1", 500), id="a correction before the last"),
    ],
)
def test_a_dead_letter_that_is_replayed_late_does_not_undo_what_came_after_it(replayed: ReportEvent) -> None:
    books = Books()
    books.tell(withdrawn("r1", revision=3))
    before = books.ledger
    assert books.tell(replayed) == ()
    assert books.ledger == before


def test_a_withdrawal_of_a_report_that_never_came_raises_no_warning() -> None:
    said = Books().tell(withdrawn("r1"))
    assert splits(said) == [("r1", 0, 0)]
    assert warnings(said) == []
