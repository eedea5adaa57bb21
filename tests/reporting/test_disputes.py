"""Disputes: raised by the citizen's side, ended by it or by the employer's answer, and no øre moved by any of it."""

from __future__ import annotations

import pytest
from frikort_contracts.messages import Event, Message
from frikort_contracts.reporting import (
    DisputeEnd,
    DisputeEnded,
    DisputeReason,
    EarningsCorrected,
    EarningsWithdrawn,
    ReportDisputed,
)
from frikort_contracts.values import CitizenSide

from services.balance.processor import address as balance_address
from services.reporting.book import report_id_of
from tests.reporting.build import (
    CARD,
    EMPLOYMENT,
    A,
    accepted,
    correct,
    dispute,
    employed,
    report,
    sent,
    take_back,
    withdraw,
)

MAY = report_id_of(EMPLOYMENT, "may")


def ends(events: tuple[Event, ...]) -> list[DisputeEnded]:
    return [event for event in events if isinstance(event, DisputeEnded)]


def test_a_dispute_is_told_with_who_says_so_and_why() -> None:
    event, outcome = employed(report(), correct()).tell(dispute())
    assert event == ReportDisputed(
        card_id=CARD,
        employment_id=EMPLOYMENT,
        report_id=MAY,
        revision=1,
        report_revision=2,
        cvr=A,
        year=2025,
        actor="c",
        reason=DisputeReason.WRONG_AMOUNT,
        message="k.bWVzc2FnZQ",
        side=CitizenSide.CITIZEN,
    )
    told = accepted((outcome,))
    assert (told.report_id, told.revision, told.dispute_revision, told.year) == (MAY, 2, 1, 2025)


@pytest.mark.parametrize("raised", list(CitizenSide))
@pytest.mark.parametrize("taken_back", list(CitizenSide))
def test_whoever_of_the_citizens_side_may_take_it_back(raised: CitizenSide, taken_back: CitizenSide) -> None:
    event, outcome = employed(report(), dispute(side=raised)).tell(take_back(side=taken_back))
    assert isinstance(event, DisputeEnded)
    assert (event.cause, event.side, event.revision) == (DisputeEnd.DISPUTE_WITHDRAWN, taken_back, 2)
    assert accepted((outcome,)).dispute_revision == 2


@pytest.mark.parametrize(
    ("answer", "first", "cause"),
    [
        (correct(wage=1), EarningsCorrected, DisputeEnd.REPORT_CORRECTED),
        (correct(wage=500_000, paid="05-29"), EarningsCorrected, DisputeEnd.REPORT_CORRECTED),
        (withdraw(), EarningsWithdrawn, DisputeEnd.REPORT_WITHDRAWN),
    ],
    ids=["another amount", "another day", "withdrawn"],
)
def test_the_employers_answer_ends_it_after_the_answer_is_told(
    answer: Message, first: type[Event], cause: DisputeEnd
) -> None:
    events = employed(report(), dispute()).tell(answer)
    assert isinstance(events[0], first)
    assert isinstance(events[1], DisputeEnded)
    assert (events[1].cause, events[1].side, events[1].revision, events[1].report_revision) == (cause, None, 2, 2)
    assert accepted(events).dispute_revision == 2


def test_a_correction_that_says_the_same_again_is_no_answer() -> None:
    books = employed(report(), dispute())
    assert ends(books.tell(correct(wage=500_000))) == []
    assert len(ends(books.tell(correct(wage=1)))) == 1


def test_what_was_ended_can_be_disputed_again() -> None:
    books = employed(report(), dispute(), correct(wage=1))
    event, _ = books.tell(dispute())
    assert isinstance(event, ReportDisputed)
    assert (event.revision, event.report_revision) == (3, 2)


def test_a_report_that_is_not_disputed_ends_no_dispute() -> None:
    for before in ([], [dispute(), take_back()]):
        assert ends(employed(report(), *before).tell(withdraw())) == []


def test_two_reports_are_disputed_apart() -> None:
    books = employed(report(), report("june", paid="05-29"), dispute(), dispute("june"))
    assert len(ends(books.tell(withdraw()))) == 1
    event, _ = books.tell(take_back("june"))
    assert isinstance(event, DisputeEnded)
    assert event.report_id == report_id_of(EMPLOYMENT, "june")


def test_balance_hears_of_a_dispute_and_moves_no_money() -> None:
    for command in (dispute(), take_back()):
        books = employed(report(), *([] if command == dispute() else [dispute()]))
        assert [balance_address(sent(event)) for event in books.tell(command)[:-1]] == [None]
