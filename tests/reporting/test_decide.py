"""What is accepted, and what it leaves behind."""

from __future__ import annotations

from datetime import date

import pytest
from frikort_contracts.messages import Message
from frikort_contracts.reporting import (
    EarningsCorrected,
    EarningsReported,
    EarningsWithdrawn,
    EmploymentChanged,
    EmploymentRegistered,
    NoWorkDeclared,
)
from frikort_contracts.values import Components, Period, WorkPeriod

from services.reporting.book import report_id_of
from services.reporting.decide import address, decider
from tests.reporting.build import (
    CARD,
    EMPLOYMENT,
    RULES,
    B,
    Books,
    accepted,
    change,
    correct,
    day,
    deactivated,
    dispute,
    employed,
    issued,
    no_work,
    reactivated,
    register,
    renumbered,
    report,
    sent,
    withdraw,
)

MAY = report_id_of(EMPLOYMENT, "may")


@pytest.mark.parametrize(
    ("before", "command"),
    [
        pytest.param([], register("01-02", cvr=B), id="another employer at the same time"),
        pytest.param([change("01-02", "03-31")], register("04-01"), id="the same employer after the first employment"),
        pytest.param([], register("2024-06-01", cvr=B), id="employed since before the card was issued"),
        pytest.param([deactivated(2, day("06-01"))], register("06-01", cvr=B), id="for the card's last active day"),
        pytest.param([renumbered(2, "54321")], register("03-01", cvr=B, number="54321"), id="by the new number"),
        pytest.param([], change("01-02", "12-31"), id="end an employment"),
        pytest.param([report(), withdraw()], change("01-02", "04-30"), id="end before what was withdrawn"),
        pytest.param([report()], change("05-01", "05-31"), id="exactly around what was reported"),
        pytest.param([], report(wage=100_000_000), id="a million kroner"),
        pytest.param([], report(wage=0, components=Components(wage=0, pension=1)), id="an øre of pension"),
        pytest.param([], report(paid="06-02"), id="paid today"),
        pytest.param([], report(paid="05-01"), id="paid on the first day of work"),
        pytest.param([], report(first="01-02", last="01-02", paid="01-02"), id="the first day of card and employment"),
        pytest.param([deactivated(2, day("05-31"))], report(), id="work before the deactivation, reported after it"),
        pytest.param(
            [deactivated(2, day("05-10")), reactivated(3, day("05-11"))], report(), id="no day lies between"
        ),
        pytest.param(
            [deactivated(2, day("05-10")), reactivated(3, day("05-10"))], report(), id="off and on in one day"
        ),
        pytest.param([report()], report("may 2", allow_duplicate=True), id="an allowed duplicate"),
        pytest.param([report()], report("may 2", wage=1), id="another amount under another reference"),
        pytest.param([report()], report("june", paid="05-29"), id="another payment date"),
        pytest.param([report(), withdraw()], report("may 2"), id="again, after the first was withdrawn"),
        pytest.param([report()], correct(paid="01-02", first="01-02", last="01-02"), id="corrected within the year"),
    ],
)  # fmt: skip
def test_accepted(before: list[Message], command: Message) -> None:
    assert not accepted(employed(*before).tell(command)).already_reported


def test_a_report_brings_the_sum_of_its_components_and_the_allowance_of_its_year() -> None:
    books = employed()
    components = Components(wage=500_000, holiday_pay=62_500, atp=9_900, pension=7)
    event, outcome = books.tell(report(components=components))
    assert isinstance(event, EarningsReported)
    assert (event.report_id, event.revision, event.reference) == (MAY, 1, "may")
    assert (event.total, event.year, event.allowance, event.provisional) == (572_407, 2025, 4_276_600, False)
    assert accepted((outcome,)).report_id == MAY


def test_the_year_is_that_of_the_payment_not_of_the_work() -> None:
    december = report("dec", "2025-12-01", "2025-12-31", "2026-01-02")
    event, _ = employed().tell(december, on=date(2026, 1, 2))
    assert isinstance(event, EarningsReported)
    assert (event.year, event.provisional) == (2026, True)


def test_a_correction_keeps_reference_and_year_and_counts_up() -> None:
    event, outcome = employed(report()).tell(correct(wage=1))
    assert isinstance(event, EarningsCorrected)
    assert (event.report_id, event.reference, event.revision, event.total) == (MAY, "may", 2, 1)
    assert accepted((outcome,)).revision == 2


def test_a_withdrawal_tells_that_the_report_no_longer_counts() -> None:
    event, outcome = employed(report(), correct()).tell(withdraw())
    assert isinstance(event, EarningsWithdrawn)
    assert (event.report_id, event.revision, event.year) == (MAY, 3, 2025)
    assert accepted((outcome,)).revision == 3


def test_a_dry_run_says_what_would_be_and_books_nothing() -> None:
    books = employed()
    before = books.book
    outcome = accepted(books.tell(report(dry_run=True)))
    assert (outcome.dry_run, outcome.year, outcome.report_id) == (True, 2025, MAY)
    assert books.book == before
    assert not accepted(books.tell(report())).already_reported


def test_an_employment_is_registered_and_changed() -> None:
    books = Books()
    books.tell(issued())
    registered, outcome = books.tell(register(cvr=B))
    assert isinstance(registered, EmploymentRegistered)
    assert (registered.revision, registered.cvr, registered.period) == (1, B, Period(first=day("01-02")))
    changed, again = books.tell(change("01-02", "12-31", cvr=B, employment_id=registered.employment_id))
    assert isinstance(changed, EmploymentChanged)
    assert (changed.revision, changed.contact) == (2, registered.contact)
    assert [accepted((o,)).revision for o in (outcome, again)] == [1, 2]


def test_a_new_contact_replaces_the_old() -> None:
    event, _ = employed().tell(change("01-02", contact="k.bmV3"))
    assert isinstance(event, EmploymentChanged)
    assert event.contact == "k.bmV3"


def test_an_employment_keeps_the_card_number_that_its_employer_typed() -> None:
    books = employed(renumbered(2, "54321"))
    changed, _ = books.tell(change("01-02", "12-31"))
    assert isinstance(changed, EmploymentChanged)
    assert changed.card_number == "12345"


def test_a_label_stays_until_another_is_given() -> None:
    books = employed(change("01-02", label="k.bGFiZWw"))
    kept, _ = books.tell(change("01-02", "12-31"))
    replaced, _ = books.tell(change("01-02", "12-31", label="k.bmV3"))
    assert isinstance(kept, EmploymentChanged)
    assert isinstance(replaced, EmploymentChanged)
    assert (kept.label, replaced.label) == ("k.bGFiZWw", "k.bmV3")


class TestDaysWithoutWork:
    def test_they_are_told_with_the_whole_employment(self) -> None:
        event, outcome = employed().tell(no_work("05-01", "05-31"))
        assert isinstance(event, NoWorkDeclared)
        may = WorkPeriod(first=day("05-01"), last=day("05-31"))
        assert (event.days, event.no_work, event.revision, event.card_number) == (may, (may,), 2, "12345")
        assert accepted((outcome,)).revision == 2

    @pytest.mark.parametrize(
        ("declared", "told"),
        [
            ([("03-01", "03-10"), ("05-01", "05-31")], [("03-01", "03-10"), ("05-01", "05-31")]),
            ([("05-01", "05-31"), ("03-01", "03-10")], [("03-01", "03-10"), ("05-01", "05-31")]),
            ([("05-01", "05-31"), ("05-10", "05-12")], [("05-01", "05-31")]),
            ([("04-01", "04-30"), ("05-01", "05-31")], [("04-01", "05-31")]),
            ([("04-01", "04-29"), ("05-01", "05-31")], [("04-01", "04-29"), ("05-01", "05-31")]),
            ([("03-01", "03-31"), ("05-01", "05-31"), ("03-31", "05-01")], [("03-01", "05-31")]),
        ],
    )
    def test_no_day_is_told_twice(self, declared: list[tuple[str, str]], told: list[tuple[str, str]]) -> None:
        books = employed()
        for first, last in declared:
            event, _ = books.tell(no_work(first, last))
        assert isinstance(event, NoWorkDeclared)
        assert event.no_work == tuple(WorkPeriod(first=day(first), last=day(last)) for first, last in told)

    def test_a_later_report_of_the_same_days_is_welcome(self) -> None:
        assert not accepted(employed(no_work("05-01", "05-31")).tell(report())).already_reported


def test_a_clock_that_was_set_back_does_not_lose_a_deactivation() -> None:
    """Gateways differ by seconds, so around midnight a card is deactivated "the day before" it was issued."""
    books = employed(deactivated(2, day("01-01")))
    assert books.book is not None
    assert (books.book.card_revision, books.book.active) == (2, (Period(first=day("01-02"), last=day("01-02")),))


def test_everything_about_a_card_is_one_document() -> None:
    assert {address(sent(message)).id for message in (issued(), register(), report(), withdraw())} == {CARD}


@pytest.mark.parametrize(
    "command",
    [
        report(), register(cvr=B), withdraw(), correct(), change("01-02"), no_work("01-02", "01-03"), dispute(),
    ],
)  # fmt: skip
def test_the_same_message_decides_the_same(command: Message) -> None:
    book = employed(report()).book
    decide = decider(RULES)
    assert decide(book, sent(command)) == decide(book, sent(command))
