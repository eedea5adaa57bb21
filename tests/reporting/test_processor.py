"""Accepted commands and the events that they lead to."""

from __future__ import annotations

from datetime import date

import pytest
from frikort_contracts.messages import Message
from frikort_contracts.references import report_id_of
from frikort_contracts.reporting import (
    EarningsCorrected,
    EarningsReported,
    EarningsWithdrawn,
    EmploymentChanged,
    EmploymentRegistered,
    NoWorkDeclared,
)
from frikort_contracts.values import Components, Period, WorkPeriod

from services.reporting.processor import address, decider
from tests.reporting.build import (
    CARD,
    EMPLOYMENT,
    RULES,
    B,
    CardHistory,
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
        pytest.param([], register("01-02", cvr=B), id="a second employer at the same time"),
        pytest.param(
            [change("01-02", "03-31")],
            register("04-01"),
            id="the same employer again, after the first employment ended",
        ),
        pytest.param([], register("2024-06-01", cvr=B), id="an employment that began before the card was issued"),
        pytest.param(
            [deactivated(2, day("06-01"))], register("06-01", cvr=B), id="an employment from the card's last active day"
        ),
        pytest.param(
            [renumbered(2, "54321")],
            register("03-01", cvr=B, number="54321"),
            id="an employment under the replaced number's successor",
        ),
        pytest.param([], change("01-02", "12-31"), id="an employment gets a last day"),
        pytest.param([report(), withdraw()], change("01-02", "04-30"), id="an employment ends before withdrawn work"),
        pytest.param([report()], change("05-01", "05-31"), id="an employment is narrowed to the reported work"),
        pytest.param([], report(wage=100_000_000, allow_large_amount=True), id="a report of exactly 1,000,000 kr."),
        pytest.param([], report(wage=0, components=Components(wage=0, pension=1)), id="a report of one øre of pension"),
        pytest.param([], report(paid="06-02"), id="a payment today"),
        pytest.param([], report(paid="05-01"), id="a payment on the first day of work"),
        pytest.param(
            [], report(first="01-02", last="01-02", paid="01-02"), id="work on the first day of card and employment"
        ),
        pytest.param([deactivated(2, day("05-31"))], report(), id="work before a deactivation, reported after it"),
        pytest.param(
            [deactivated(2, day("05-10")), reactivated(3, day("05-11"))],
            report(),
            id="work over a reactivation on the next day",
        ),
        pytest.param(
            [deactivated(2, day("05-10")), reactivated(3, day("05-10"))],
            report(),
            id="work over a reactivation on the same day",
        ),
        pytest.param([report()], report("may 2", allow_duplicate=True), id="a duplicate that the employer allows"),
        pytest.param([report()], report("may 2", wage=1), id="another amount under another reference"),
        pytest.param([report()], report("may 2", paid="05-26"), id="a payment four days apart"),
        pytest.param([report()], report("april", first="04-01", last="04-30"), id="other days of work"),
        pytest.param(
            [report(), withdraw()], report("may 2"), id="the same content after the first report was withdrawn"
        ),
        pytest.param(
            [report()], correct(paid="01-02", first="01-02", last="01-02"), id="a correction within the payment year"
        ),
    ],
)
def test_the_command_is_accepted(before: list[Message], command: Message) -> None:
    assert not accepted(employed(*before).apply(command)).already_reported


def test_a_reported_event_carries_the_sum_of_its_components_and_the_allowance_of_its_year() -> None:
    history = employed()
    components = Components(wage=500_000, holiday_pay=62_500, atp=9_900, pension=7)
    event, outcome = history.apply(report(components=components))
    assert isinstance(event, EarningsReported)
    assert (event.report_id, event.revision, event.reference) == (MAY, 1, "may")
    assert (event.total, event.year, event.allowance, event.provisional) == (572_407, 2025, 4_276_600, False)
    assert accepted((outcome,)).report_id == MAY


def test_the_year_of_a_report_is_the_year_of_its_payment() -> None:
    december = report("dec", "2025-12-01", "2025-12-31", "2026-01-02")
    event, _ = employed().apply(december, on=date(2026, 1, 2))
    assert isinstance(event, EarningsReported)
    assert (event.year, event.provisional) == (2026, True)


def test_a_correction_keeps_reference_and_year_and_raises_the_revision() -> None:
    event, outcome = employed(report()).apply(correct(wage=1))
    assert isinstance(event, EarningsCorrected)
    assert (event.report_id, event.reference, event.revision, event.total) == (MAY, "may", 2, 1)
    assert accepted((outcome,)).revision == 2


def test_a_withdrawal_is_published_with_the_next_revision() -> None:
    event, outcome = employed(report(), correct()).apply(withdraw())
    assert isinstance(event, EarningsWithdrawn)
    assert (event.report_id, event.revision, event.year) == (MAY, 3, 2025)
    assert accepted((outcome,)).revision == 3


def test_e8_an_earlier_content_is_known_and_said_to_be_corrected_since() -> None:
    history = employed(report())
    assert not accepted(history.apply(report())).corrected_since
    again = accepted(history.apply(correct(), report()))
    assert (again.already_reported, again.corrected_since) == (True, True)
    assert not accepted(history.apply(report(wage=400_000))).corrected_since


def test_e13_holiday_pay_alone_is_accepted_in_the_year_after_the_employment() -> None:
    history = employed(last="12-31")
    pay = report(first="12-01", last="12-31", paid="2026-02-10", components=Components(wage=0, holiday_pay=93_750))
    assert accepted(history.apply(pay, on=date(2026, 2, 10))).year == 2026


def test_a_dry_run_answers_and_changes_nothing() -> None:
    history = employed()
    before = history.state
    outcome = accepted(history.apply(report(dry_run=True)))
    assert (outcome.dry_run, outcome.year, outcome.report_id) == (True, 2025, MAY)
    assert history.state == before
    assert not accepted(history.apply(report())).already_reported


def test_an_employment_is_registered_and_changed() -> None:
    history = CardHistory()
    history.apply(issued())
    registered, outcome = history.apply(register(cvr=B))
    assert isinstance(registered, EmploymentRegistered)
    assert (registered.revision, registered.cvr, registered.period) == (1, B, Period(first=day("01-02")))
    changed, again = history.apply(change("01-02", "12-31", cvr=B, employment_id=registered.employment_id))
    assert isinstance(changed, EmploymentChanged)
    assert (changed.revision, changed.contact) == (2, registered.contact)
    assert [accepted((o,)).revision for o in (outcome, again)] == [1, 2]


def test_a_new_contact_replaces_the_earlier_one() -> None:
    event, _ = employed().apply(change("01-02", contact="k.bmV3"))
    assert isinstance(event, EmploymentChanged)
    assert event.contact == "k.bmV3"


def test_an_employment_keeps_the_card_number_that_its_employer_registered() -> None:
    history = employed(renumbered(2, "54321"))
    changed, _ = history.apply(change("01-02", "12-31"))
    assert isinstance(changed, EmploymentChanged)
    assert changed.card_number == "12345"


def test_a_label_stays_until_it_is_replaced() -> None:
    history = employed(change("01-02", label="k.bGFiZWw"))
    kept, _ = history.apply(change("01-02", "12-31"))
    replaced, _ = history.apply(change("01-02", "12-31", label="k.bmV3"))
    assert isinstance(kept, EmploymentChanged)
    assert isinstance(replaced, EmploymentChanged)
    assert (kept.label, replaced.label) == ("k.bGFiZWw", "k.bmV3")


class TestDaysWithoutWork:
    def test_the_event_carries_the_whole_employment(self) -> None:
        event, outcome = employed().apply(no_work("05-01", "05-31"))
        assert isinstance(event, NoWorkDeclared)
        may = WorkPeriod(first=day("05-01"), last=day("05-31"))
        assert (event.days, event.no_work, event.revision, event.card_number) == (may, (may,), 2, "12345")
        assert accepted((outcome,)).revision == 2

    @pytest.mark.parametrize(
        ("declared", "published"),
        [
            ([("03-01", "03-10"), ("05-01", "05-31")], [("03-01", "03-10"), ("05-01", "05-31")]),
            ([("05-01", "05-31"), ("03-01", "03-10")], [("03-01", "03-10"), ("05-01", "05-31")]),
            ([("05-01", "05-31"), ("05-10", "05-12")], [("05-01", "05-31")]),
            ([("04-01", "04-30"), ("05-01", "05-31")], [("04-01", "05-31")]),
            ([("04-01", "04-29"), ("05-01", "05-31")], [("04-01", "04-29"), ("05-01", "05-31")]),
            ([("03-01", "03-31"), ("05-01", "05-31"), ("03-31", "05-01")], [("03-01", "05-31")]),
        ],
    )
    def test_overlapping_days_are_merged(
        self, declared: list[tuple[str, str]], published: list[tuple[str, str]]
    ) -> None:
        history = employed()
        for first, last in declared:
            event, _ = history.apply(no_work(first, last))
        assert isinstance(event, NoWorkDeclared)
        assert event.no_work == tuple(WorkPeriod(first=day(first), last=day(last)) for first, last in published)

    def test_a_later_report_of_the_same_days_is_accepted(self) -> None:
        assert not accepted(employed(no_work("05-01", "05-31")).apply(report())).already_reported


def test_a_deactivation_before_the_first_active_day_ends_on_that_day() -> None:
    """Gateway clocks differ by seconds, so around midnight a card can be deactivated "the day before" its issue."""
    history = employed(deactivated(2, day("01-01")))
    assert history.state is not None
    assert history.state.card.revision == 2
    assert history.state.card.active == (Period(first=day("01-02"), last=day("01-02")),)


def test_all_messages_of_a_card_go_to_one_document() -> None:
    assert {address(sent(message)).id for message in (issued(), register(), report(), withdraw())} == {CARD}


@pytest.mark.parametrize(
    "command",
    [
        report(), register(cvr=B), withdraw(), correct(), change("01-02"), no_work("01-02", "01-03"), dispute(),
    ],
)  # fmt: skip
def test_a_redelivered_message_leads_to_the_same_decision(command: Message) -> None:
    state = employed(report()).state
    decide = decider(RULES)
    assert decide(state, sent(command)) == decide(state, sent(command))
