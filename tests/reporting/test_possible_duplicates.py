"""Which reports may be of a payment that is reported already (case E4), and which never are."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from frikort_contracts.outcomes import Problem
from frikort_contracts.references import report_id_of
from frikort_contracts.reporting import ReportEarnings
from frikort_contracts.values import Components
from hypothesis import given
from hypothesis import strategies as st

from tests.reporting.build import EMPLOYMENT, accepted, employed, refused, report

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
