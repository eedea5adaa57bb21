"""Disputes: opened by the citizen's side, ended by it, the employer or the municipality, without effect on money."""

from __future__ import annotations

from typing import Any, Final

import pytest
from frikort_contracts.messages import Event, Message
from frikort_contracts.outcomes import CommandRefused
from frikort_contracts.references import report_id_of
from frikort_contracts.reporting import (
    AnswerReason,
    DisputeAnswered,
    DisputeDecided,
    DisputeDecision,
    DisputeEnd,
    DisputeEnded,
    DisputeReason,
    EarningsCorrected,
    EarningsWithdrawn,
    ReportDisputed,
)
from frikort_contracts.values import CitizenSide

from services.balance.processor import address as balance_address
from tests.reporting.build import (
    CARD,
    EMPLOYMENT,
    A,
    accepted,
    answer,
    correct,
    decide,
    dispute,
    employed,
    report,
    sent,
    withdraw,
    withdraw_dispute,
)

MAY = report_id_of(EMPLOYMENT, "may")
STANDS: Final = DisputeDecision.REPORT_STANDS
MUST_CORRECT: Final = DisputeDecision.EMPLOYER_MUST_CORRECT


def ends(events: tuple[Event, ...]) -> list[DisputeEnded]:
    return [event for event in events if isinstance(event, DisputeEnded)]


def test_a_dispute_carries_its_author_and_reason() -> None:
    event, outcome = employed(report(), correct()).apply(dispute())
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
    answer = accepted((outcome,))
    assert (answer.report_id, answer.revision, answer.dispute_revision, answer.year) == (MAY, 2, 1, 2025)


@pytest.mark.parametrize("opened_by", list(CitizenSide))
@pytest.mark.parametrize("withdrawn_by", list(CitizenSide))
def test_anyone_on_the_citizens_side_can_withdraw_a_dispute(opened_by: CitizenSide, withdrawn_by: CitizenSide) -> None:
    event, outcome = employed(report(), dispute(side=opened_by)).apply(withdraw_dispute(side=withdrawn_by))
    assert isinstance(event, DisputeEnded)
    assert (event.cause, event.side, event.revision) == (DisputeEnd.DISPUTE_WITHDRAWN, withdrawn_by, 2)
    assert accepted((outcome,)).dispute_revision == 2


@pytest.mark.parametrize(
    ("action", "first", "cause"),
    [
        (correct(wage=1), EarningsCorrected, DisputeEnd.REPORT_CORRECTED),
        (correct(wage=500_000, paid="05-29"), EarningsCorrected, DisputeEnd.REPORT_CORRECTED),
        (withdraw(), EarningsWithdrawn, DisputeEnd.REPORT_WITHDRAWN),
    ],
    ids=["corrected amount", "corrected date", "withdrawn report"],
)
def test_a_correction_or_withdrawal_by_the_employer_ends_the_dispute(
    action: Message, first: type[Event], cause: DisputeEnd
) -> None:
    events = employed(report(), dispute()).apply(action)
    assert isinstance(events[0], first)
    assert isinstance(events[1], DisputeEnded)
    assert (events[1].cause, events[1].side, events[1].revision, events[1].report_revision) == (cause, None, 2, 2)
    assert accepted(events).dispute_revision == 2


def test_a_correction_without_a_change_leaves_the_dispute_open() -> None:
    history = employed(report(), dispute())
    assert ends(history.apply(correct(wage=500_000))) == []
    assert len(ends(history.apply(correct(wage=1)))) == 1


def test_the_employer_answers_that_a_disputed_report_is_right() -> None:
    event, outcome = employed(report(), correct(), dispute()).apply(answer())
    assert event == DisputeAnswered(
        card_id=CARD,
        employment_id=EMPLOYMENT,
        report_id=MAY,
        revision=2,
        report_revision=2,
        cvr=A,
        year=2025,
        actor="p",
        reason=AnswerReason.MATCHES_PAYSLIP,
    )
    done = accepted((outcome,))
    assert (done.report_id, done.revision, done.dispute_revision, done.year) == (MAY, 2, 2, 2025)


def test_an_answered_dispute_stays_open_until_it_is_withdrawn_or_the_report_changes() -> None:
    history = employed(report(), dispute(), answer())
    (refusal,) = history.apply(dispute())
    assert isinstance(refusal, CommandRefused)
    assert refusal.problem == "report-already-disputed"
    for end in (withdraw_dispute(), correct(wage=1), withdraw()):
        (ended,) = ends(employed(report(), dispute(), answer()).apply(end))
        assert ended.revision == 3


def test_a_later_answer_replaces_an_earlier_one() -> None:
    event, outcome = employed(report(), dispute(), answer()).apply(answer(reason=AnswerReason.WAGE_PAID))
    assert isinstance(event, DisputeAnswered)
    assert (event.reason, event.revision) == (AnswerReason.WAGE_PAID, 3)
    assert accepted((outcome,)).dispute_revision == 3


def test_a_report_can_be_disputed_again_after_a_dispute_ended() -> None:
    history = employed(report(), dispute(), correct(wage=1))
    event, _ = history.apply(dispute())
    assert isinstance(event, ReportDisputed)
    assert (event.revision, event.report_revision) == (3, 2)


def test_withdrawing_an_undisputed_report_ends_no_dispute() -> None:
    for before in ([], [dispute(), withdraw_dispute()]):
        assert ends(employed(report(), *before).apply(withdraw())) == []


def test_disputes_of_two_reports_are_independent() -> None:
    history = employed(report(), report("june", wage=1), dispute(), dispute("june"))
    assert len(ends(history.apply(withdraw()))) == 1
    event, _ = history.apply(withdraw_dispute("june"))
    assert isinstance(event, DisputeEnded)
    assert event.report_id == report_id_of(EMPLOYMENT, "june")


def test_balance_skips_dispute_events() -> None:
    for command in (dispute(), answer(), withdraw_dispute()):
        history = employed(report(), *([] if command == dispute() else [dispute()]))
        assert [balance_address(sent(event)) for event in history.apply(command)[:-1]] == [None]


def test_the_municipality_decides_that_a_report_stands_and_the_dispute_ends() -> None:
    decided, ended, outcome = employed(report(), dispute()).apply(decide(STANDS))
    assert isinstance(decided, DisputeDecided)
    assert isinstance(ended, DisputeEnded)
    assert (decided.decision, decided.actor, decided.revision) == (STANDS, "m", 2)
    assert (ended.cause, ended.side, ended.revision) == (DisputeEnd.REPORT_STANDS, None, 3)
    assert accepted((outcome,)).dispute_revision == 3


def test_a_report_that_must_be_corrected_stays_in_dispute_until_its_employer_does_so() -> None:
    event, _ = employed(report(), dispute()).apply(decide(MUST_CORRECT))
    assert isinstance(event, DisputeDecided)
    assert event.is_open
    assert ends(employed(report(), dispute(), decide(MUST_CORRECT)).apply(correct(wage=500_000))) == []
    for end in (withdraw_dispute(), correct(wage=1), withdraw()):
        (ended,) = ends(employed(report(), dispute(), decide(MUST_CORRECT)).apply(end))
        assert ended.revision == 3


@pytest.mark.parametrize(
    ("before", "command"),
    [
        ([dispute(), decide(MUST_CORRECT)], answer()),
        ([dispute(), decide(STANDS)], dispute()),
        ([dispute(), decide(STANDS)], dispute(side=CitizenSide.MANDATE_HOLDER)),
    ],
    ids=["an answer to a decision", "the same dispute again", "the same dispute by a mandate holder"],
)
def test_what_the_municipality_decided_is_not_argued_again(before: list[Any], command: Any) -> None:
    (refusal,) = employed(report(), *before).apply(command)
    assert isinstance(refusal, CommandRefused)
    assert refusal.problem == "dispute-decided"


def test_a_report_that_stands_is_disputed_again_by_the_municipality_or_after_a_correction() -> None:
    decided = [report(), dispute(), decide(STANDS)]
    for after, command in (([], dispute(side=CitizenSide.MUNICIPALITY)), ([correct(wage=1)], dispute())):
        event, _ = employed(*decided, *after).apply(command)
        assert isinstance(event, ReportDisputed)


def test_a_correction_without_a_change_leaves_the_decision_that_a_report_stands() -> None:
    decided = [report(wage=500_000), dispute(), decide(STANDS), correct(wage=500_000)]
    (refusal,) = employed(*decided).apply(dispute())
    assert isinstance(refusal, CommandRefused)
    assert refusal.problem == "dispute-decided"
    event, _ = employed(*decided, correct(wage=1)).apply(dispute())
    assert isinstance(event, ReportDisputed)


def test_a_dispute_is_decided_by_the_revision_that_the_municipality_has_seen() -> None:
    for before in ([dispute()], [dispute(), answer()], [dispute(), withdraw_dispute(), dispute()]):
        history = employed(report(), *before)
        event, _ = history.apply(decide(MUST_CORRECT, dispute_revision=len(before)))
        assert isinstance(event, DisputeDecided)


def test_only_an_open_dispute_is_decided() -> None:
    for before in ([], [dispute(), withdraw_dispute()], [dispute(), decide(STANDS)]):
        (refusal,) = employed(report(), *before).apply(decide(STANDS))
        assert isinstance(refusal, CommandRefused)
        assert refusal.problem == "report-not-disputed"
