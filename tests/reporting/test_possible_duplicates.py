"""Which reports may be of a payment that is reported already (case E4), and which never are."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from typing import Any

import pytest
from frikort_contracts.outcomes import Problem
from frikort_contracts.references import report_id_of
from frikort_contracts.reporting import ReportEarnings
from frikort_contracts.values import Components
from hypothesis import given
from hypothesis import strategies as st

from services.reporting.look_alikes import MOST_LISTED
from services.runtime.processing.entries import EntryMap
from tests.reporting.build import EMPLOYMENT, CardHistory, accepted, correct, employed, refused, report, withdraw

MAY = {"report_id": report_id_of(EMPLOYMENT, "may")}
NEW_YEAR = date(2025, 1, 2)
NEW_YEAR_2026 = date(2026, 1, 1)


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(report("again"), id="the same content"),
        pytest.param(report("again", paid="05-31"), id="paid one day later"),
        pytest.param(report("again", paid="05-27"), id="paid three days earlier"),
        pytest.param(
            report("again", components=Components(wage=400_000, holiday_pay=100_000)),
            id="the same total split into wage and holiday pay",
        ),
        pytest.param(report("again", first="05-15", last="06-01", paid="06-01"), id="work that overlaps"),
        pytest.param(report("again", paid="05-31", dry_run=True), id="a dry run"),
    ],
)
def test_e4_a_report_that_may_be_the_same_payment_is_refused_with_the_earlier_report(again: ReportEarnings) -> None:
    assert refused(employed(report()).apply(again)) == (Problem.POSSIBLE_DUPLICATE, MAY)


def test_e4_a_report_that_may_be_the_same_payment_is_accepted_when_the_employer_says_that_it_is_another() -> None:
    assert not accepted(employed(report()).apply(report("again", paid="05-31", allow_duplicate=True))).already_reported


@st.composite
def payrolls(draw: st.DrawFn) -> list[tuple[date, date, date]]:
    """A year of one employment: the first and last day of work, and the payment date, of each payment.

    Every period is paid once, for the days from the last payment's on: by the day, the week, the fortnight or the
    month, some days after its end. Several periods may be paid on one day, as after a holiday.
    """
    length = draw(st.sampled_from([1, 7, 14, 30]))
    payments, first = [], NEW_YEAR
    while (last := first + timedelta(days=length - 1)) < date(2025, 12, 1):
        payments.append((first, last, last + timedelta(days=draw(st.integers(0, 20)))))
        first = last + timedelta(days=draw(st.integers(1, 5)))
    return payments


@given(payroll=payrolls(), wage=st.integers(1, 10_000))
def test_e4_a_year_of_payments_of_the_same_amount_raises_no_false_alarm(
    payroll: list[tuple[date, date, date]], wage: int
) -> None:
    history = employed()
    for number, (first, last, paid) in enumerate(payroll):
        message = report(str(number), first=str(first), last=str(last), paid=str(paid), wage=wage)
        assert not accepted(history.apply(message, on=NEW_YEAR_2026)).already_reported


@pytest.mark.parametrize("days_between", [7, 14, 31])
def test_e4_equal_payments_for_the_same_stated_work_are_no_alarm_at_the_rhythm_of_wages(days_between: int) -> None:
    history = employed(report(first="01-02", last="05-31", paid="03-01"))
    again = report("again", first="01-02", last="05-31", paid=str(date(2025, 3, 1) + timedelta(days=days_between)))
    assert not accepted(history.apply(again)).already_reported


UNLISTED = 3
LAST = MOST_LISTED + UNLISTED - 1


def of_day(number: int, **changes: Any) -> ReportEarnings:
    """A day's wage, paid on 30 May with those of all other days."""
    day = str(NEW_YEAR + timedelta(days=number))
    return report(f"day {number}", first=day, last=day, wage=1_000, **changes)


@pytest.fixture(scope="module")
def crowded_card() -> CardHistory:
    """A card with more equal payments of a week than are listed."""
    return employed(*(of_day(number, allow_duplicate=number >= MOST_LISTED) for number in range(LAST + 1)))


@pytest.fixture
def crowded(crowded_card: CardHistory) -> CardHistory:
    return deepcopy(crowded_card)


def test_each_of_the_listed_payments_is_recognised_and_no_other() -> None:
    history = employed(*(of_day(number) for number in range(MOST_LISTED)))
    again = of_day(7).model_copy(update={"reference": "again"})
    first = {"report_id": report_id_of(EMPLOYMENT, "day 7")}
    assert refused(history.apply(again)) == (Problem.POSSIBLE_DUPLICATE, first)
    assert not accepted(history.apply(of_day(LAST))).already_reported


def test_beyond_the_listed_payments_any_of_the_same_week_may_be_a_repeat(crowded: CardHistory) -> None:
    first = {"report_id": report_id_of(EMPLOYMENT, "day 0")}
    assert refused(crowded.apply(of_day(LAST + 1))) == (Problem.POSSIBLE_DUPLICATE, first)
    assert not accepted(crowded.apply(of_day(LAST + 1, allow_duplicate=True))).already_reported


@pytest.mark.parametrize("end", ["withdrawn", "corrected"])
def test_when_the_payments_that_are_not_listed_are_gone_others_are_no_repeat(crowded: CardHistory, end: str) -> None:
    for number in range(MOST_LISTED, LAST + 1):
        assert refused(crowded.apply(of_day(LAST + 1)))[0] == Problem.POSSIBLE_DUPLICATE
        reference = f"day {number}"
        accepted(crowded.apply(withdraw(reference) if end == "withdrawn" else correct(reference, wage=999)))
    assert not accepted(crowded.apply(of_day(LAST + 1))).already_reported


def test_a_payment_takes_the_place_of_a_withdrawn_one_in_the_list(crowded: CardHistory) -> None:
    accepted(crowded.apply(withdraw("day 0")))
    accepted(crowded.apply(of_day(LAST + 1, allow_duplicate=True)))
    again = of_day(LAST + 1).model_copy(update={"reference": "again"})
    found = {"report_id": report_id_of(EMPLOYMENT, f"day {LAST + 1}")}
    assert refused(crowded.apply(again)) == (Problem.POSSIBLE_DUPLICATE, found)


def test_a_write_is_as_large_with_many_equal_payments_as_with_those_that_are_listed(crowded: CardHistory) -> None:
    assert crowded.state is not None
    lengths = [len(stored) for _, stored in crowded.state.look_alikes.items() if not isinstance(stored, int)]
    assert max(lengths) == MOST_LISTED


def test_more_than_the_listed_payments_of_a_release_before_are_all_compared() -> None:
    history = employed(*(of_day(number) for number in range(MOST_LISTED)))
    assert history.state is not None
    ((key, stored),) = [entry for entry in history.state.look_alikes.items() if entry[1]]
    place, _, reference, paid, *_ = stored[-1]
    others = [[place + 1, "another", reference, paid, "2025-05-30", "2025-05-30"]]
    history.state = history.state._replace(look_alikes=EntryMap("look_alikes", {key: [*stored, *others]}))
    again = report("again", first="05-30", last="05-30", wage=1_000)
    assert refused(history.apply(again))[1] == {"report_id": "another"}
