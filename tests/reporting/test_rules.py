"""Refused commands: each case breaks one rule, and a refusal changes nothing."""

from __future__ import annotations

from datetime import date

import pytest
from frikort_contracts.messages import Message
from frikort_contracts.outcomes import Problem
from frikort_contracts.references import report_id_of
from frikort_contracts.reporting import DisputeDecision, EarningsReported
from frikort_contracts.rules.allowances import AllowanceTable
from frikort_contracts.values import Components

from services.reporting.rules import Rules
from tests.reporting.build import (
    EMPLOYMENT,
    PERSON,
    RULES,
    A,
    B,
    CardHistory,
    answer,
    change,
    correct,
    day,
    deactivated,
    decide,
    dispute,
    employed,
    no_work,
    reactivated,
    refused,
    register,
    renumbered,
    report,
    withdraw,
    withdraw_dispute,
)

MAY = report_id_of(EMPLOYMENT, "may")
IN_JUNE = deactivated(2, day("06-01"))

CASES = [
    # Registering
    pytest.param(
        [], register("03-01", cvr=B, number="54321"), "number-or-birth-date-wrong", {}, id="a wrong card number"
    ),
    pytest.param(
        [],
        register("03-01", cvr=B, birth_check="x" * 22),
        "number-or-birth-date-wrong",
        {},
        id="a wrong birth date gets the same answer",
    ),
    pytest.param(
        [renumbered(2, "54321")],
        register("03-01", cvr=B),
        "number-or-birth-date-wrong",
        {},
        id="a replaced card number",
    ),
    pytest.param(
        [],
        register("03-01", cvr=B, owners=("o" * 22, PERSON.cpr_hash)),
        "own-business",
        {},
        id="the citizen's own business",
    ),
    pytest.param(
        [IN_JUNE],
        register("06-02", cvr=B),
        "card-not-active",
        {"first_day_not_active": "2025-06-02"},
        id="an employment that begins after the card was deactivated",
    ),
    pytest.param(
        [],
        register("2024-01-01", "2024-12-31", cvr=B),
        "card-not-active",
        {"first_day_not_active": "2024-01-01"},
        id="an employment that ended before the card was issued",
    ),
    pytest.param(
        [],
        register("05-01"),
        "employment-exists",
        {"employment_id": EMPLOYMENT},
        id="a second employment of the same employer",
    ),
    # Changing
    pytest.param(
        [], change("01-02", employment_id="x"), "employment-unknown", {}, id="a change of an unknown employment"
    ),
    pytest.param([], change("01-02", cvr=B), "employment-unknown", {}, id="a change of another employer's employment"),
    pytest.param(
        [report()],
        change("01-02", "05-30"),
        "employment-has-reports-outside",
        {"report_id": MAY, "work_first": "2025-05-01", "work_last": "2025-05-31"},
        id="an employment that would end before reported work",
    ),
    # Reporting
    pytest.param([], report(employment_id="x"), "employment-unknown", {}, id="a report for an unknown employment"),
    pytest.param([], report(cvr=B), "employment-unknown", {}, id="a report for another employer's employment"),
    pytest.param([], report(wage=0), "amount-zero", {}, id="a report of nothing"),
    pytest.param(
        [],
        report(wage=100_000_001),
        "amount-too-large",
        {"total": 100_000_001, "largest": 100_000_000},
        id="one øre above 1,000,000 kr.",
    ),
    pytest.param(
        [],
        report(components=Components(wage=99_999_999, atp=2)),
        "amount-too-large",
        {"total": 100_000_001, "largest": 100_000_000},
        id="components that add up to more than 1,000,000 kr.",
    ),
    pytest.param(
        [],
        report(wage=10_000_001),
        "amount-unusual",
        {"total": 10_000_001, "usual_most": 10_000_000},
        id="T5: one øre above 100,000 kr., without a confirmation",
    ),
    pytest.param(
        [report()],
        correct(wage=10_000_001),
        "amount-unusual",
        {"total": 10_000_001, "usual_most": 10_000_000},
        id="T5: a correction to more than 100,000 kr., without a confirmation",
    ),
    pytest.param([], report(owners=(PERSON.cpr_hash,)), "own-business", {}, id="E9: a report by their business"),
    pytest.param(
        [report()], report(owners=(PERSON.cpr_hash,)), "own-business", {}, id="E9: a report that was accepted before"
    ),
    pytest.param(
        [report()], correct(owners=(PERSON.cpr_hash,)), "own-business", {}, id="E9: a correction by their business"
    ),
    pytest.param(
        [], report(paid="06-03"), "payment-in-future", {"payment_date": "2025-06-03"}, id="a payment tomorrow"
    ),
    pytest.param(
        [],
        report(paid="04-30"),
        "payment-before-work",
        {"work_first": "2025-05-01"},
        id="a payment before the work began",
    ),
    pytest.param(
        [],
        report(first="01-01", last="01-31", paid="01-31"),
        "work-outside-employment",
        {"employment_first": "2025-01-02"},
        id="work the day before the employment",
    ),
    pytest.param(
        [change("01-02", "05-30")],
        report(),
        "work-outside-employment",
        {"employment_first": "2025-01-02", "employment_last": "2025-05-30"},
        id="work the day after the employment",
    ),
    pytest.param(
        [deactivated(2, day("05-30"))],
        report(),
        "card-not-active",
        {"first_day_not_active": "2025-05-31"},
        id="work the day after the deactivation",
    ),
    pytest.param(
        [deactivated(2, day("05-10")), reactivated(3, day("05-12"))],
        report(),
        "card-not-active",
        {"first_day_not_active": "2025-05-11"},
        id="work on a day between deactivation and reactivation",
    ),
    pytest.param(
        [report()],
        report(wage=1),
        "reference-reused",
        {"report_id": MAY},
        id="other content under a used reference",
    ),
    pytest.param(
        [report()],
        report("may again"),
        "possible-duplicate",
        {"report_id": MAY},
        id="the same content under another reference",
    ),
    pytest.param(
        [report()],
        report("may again", dry_run=True),
        "possible-duplicate",
        {"report_id": MAY},
        id="a dry run of a possible duplicate",
    ),
    pytest.param(
        [report(), withdraw()],
        report(),
        "report-withdrawn",
        {"report_id": MAY},
        id="the reference of a withdrawn report",
    ),
    # Correcting and withdrawing
    pytest.param([], correct(), "report-unknown", {}, id="a correction of an unknown report"),
    pytest.param([report()], correct(cvr=B), "employment-unknown", {}, id="a correction of another employer's report"),
    pytest.param(
        [report(), withdraw()],
        correct(),
        "report-withdrawn",
        {"report_id": MAY},
        id="a correction of a withdrawn report",
    ),
    pytest.param([report()], correct(wage=0), "amount-zero", {}, id="a correction to nothing"),
    pytest.param(
        [report(), correct(report_revision=1)],
        correct(wage=300_000, report_revision=1),
        "report-changed",
        {"report_id": MAY, "revision": 2, "total": 400_000, "payment_date": "2025-05-30"},
        id="E7: the second correction of one revision",
    ),
    pytest.param(
        [report(), correct()],
        withdraw().model_copy(update={"report_revision": 1}),
        "report-changed",
        {"report_id": MAY, "revision": 2, "total": 400_000, "payment_date": "2025-05-30"},
        id="E7: a withdrawal of an earlier revision",
    ),
    pytest.param(
        [report()],
        correct(first="2024-12-01", last="2024-12-31", paid="2024-12-31"),
        "payment-year-changed",
        {"year": 2025},
        id="a correction into another payment year",
    ),
    pytest.param([], withdraw(), "report-unknown", {}, id="a withdrawal of an unknown report"),
    pytest.param([report()], withdraw(cvr=B), "employment-unknown", {}, id="a withdrawal of another employer's report"),
    pytest.param(
        [report(), withdraw()],
        withdraw(),
        "report-withdrawn",
        {"report_id": MAY},
        id="a second withdrawal",
    ),
    pytest.param(
        [],
        no_work("2024-12-31", "01-05"),
        "no-work-outside-employment",
        {"employment_first": "2025-01-02"},
        id="days without work before the employment",
    ),
    pytest.param(
        [change("01-02", "03-31")],
        no_work("03-31", "04-01"),
        "no-work-outside-employment",
        {"employment_first": "2025-01-02", "employment_last": "2025-03-31"},
        id="days without work after the employment",
    ),
    pytest.param(
        [], no_work("06-01", "06-03"), "no-work-in-future", {"today": "2025-06-02"}, id="days without work tomorrow"
    ),
    pytest.param(
        [],
        no_work("05-01", "05-31", cvr=B),
        "employment-unknown",
        {},
        id="days without work in another employer's employment",
    ),
    pytest.param([], dispute(), "report-unknown", {}, id="a dispute of an unknown report"),
    pytest.param(
        [report()], dispute(employment_id="another"), "report-unknown", {}, id="a dispute in an unknown employment"
    ),
    pytest.param(
        [report(), withdraw()],
        dispute(),
        "report-withdrawn",
        {},
        id="a dispute of a withdrawn report",
    ),
    pytest.param(
        [report(), dispute()], dispute(side="mandate-holder"), "report-already-disputed", {}, id="a second dispute"
    ),
    pytest.param(
        [report()], withdraw_dispute(), "report-not-disputed", {}, id="withdrawing a dispute that was never opened"
    ),
    pytest.param(
        [report(), dispute(), withdraw_dispute()],
        withdraw_dispute(),
        "report-not-disputed",
        {},
        id="withdrawing a dispute twice",
    ),
    pytest.param(
        [report(), dispute(), withdraw()],
        withdraw_dispute(),
        "report-not-disputed",
        {},
        id="withdrawing a dispute that the employer ended",
    ),
    pytest.param([], withdraw_dispute(), "report-unknown", {}, id="withdrawing a dispute of an unknown report"),
    pytest.param([report()], answer(), "report-not-disputed", {}, id="answering a dispute that was never opened"),
    pytest.param(
        [report(), dispute(), withdraw_dispute()],
        answer(),
        "report-not-disputed",
        {},
        id="answering a dispute that was withdrawn",
    ),
    pytest.param(
        [report(), dispute(), withdraw()], answer(), "report-not-disputed", {}, id="answering for a withdrawn report"
    ),
    pytest.param(
        [report(), dispute()], answer(cvr=B), "employment-unknown", {}, id="answering for another employer's report"
    ),
    pytest.param([], answer(), "report-unknown", {}, id="answering a dispute of an unknown report"),
    pytest.param(
        [report(), dispute(), decide(DisputeDecision.EMPLOYER_MUST_CORRECT)],
        answer(),
        "dispute-decided",
        {},
        id="answering a dispute that the municipality decided",
    ),
    pytest.param(
        [report(), dispute(), decide(DisputeDecision.REPORT_STANDS)],
        dispute(),
        "dispute-decided",
        {},
        id="disputing a report that stands",
    ),
    pytest.param(
        [report()],
        decide(DisputeDecision.REPORT_STANDS),
        "report-not-disputed",
        {},
        id="deciding a dispute that was never opened",
    ),
    pytest.param(
        [report(), dispute(), answer()],
        decide(DisputeDecision.EMPLOYER_MUST_CORRECT, dispute_revision=1),
        "dispute-changed",
        {"revision": 2},
        id="deciding a dispute that the employer has answered since",
    ),
    pytest.param(
        [report(), dispute(), withdraw_dispute(), dispute()],
        decide(DisputeDecision.REPORT_STANDS, dispute_revision=1),
        "dispute-changed",
        {"revision": 3},
        id="deciding another dispute than the one that was seen",
    ),
]


@pytest.mark.parametrize(("before", "command", "problem", "detail"), CASES)
def test_the_command_is_refused_and_changes_nothing(
    before: list[Message], command: Message, problem: str, detail: dict[str, str | int]
) -> None:
    history = employed(*before)
    before_command = history.state
    assert refused(history.apply(command)) == (problem, detail)
    assert history.state == before_command


def test_a_report_in_a_year_without_an_allowance_is_refused() -> None:
    history = employed(rules=Rules(AllowanceTable(years={}), provisional_accepted=True))
    assert refused(history.apply(report())) == ("year-without-allowance", {"year": 2025})


@pytest.mark.parametrize(("on", "allowance"), [("06-30", 4_276_600), ("07-01", 5_000_000), ("2026-01-02", 5_000_000)])
def test_a_report_carries_the_amounts_in_force_on_its_day_of_acceptance(on: str, allowance: int) -> None:
    """E2."""
    accepted, _ = employed().apply(report(), on=day(on))
    assert isinstance(accepted, EarningsReported)
    assert accepted.allowance == allowance
    assert accepted.allowance_version > "2025/2025-01-01"


@pytest.mark.parametrize(
    "command",
    [report("june", wage=200_000), correct(wage=50_000), withdraw(), *map(decide, DisputeDecision)],
    ids=["a report", "a correction", "a withdrawal", *(f"the decision {one}" for one in DisputeDecision)],
)
def test_a_closed_year_takes_no_change_of_its_reports_and_no_decision_of_a_dispute(command: Message) -> None:
    closed = AllowanceTable(years=RULES.allowances.years, closed=frozenset({2025}))
    history = CardHistory(Rules(closed, provisional_accepted=True))
    history.state = employed(report(), dispute()).state
    assert refused(history.apply(command)) == ("year-closed", {"year": 2025})


@pytest.mark.parametrize("accepts", [True, False])
def test_a_report_in_a_provisional_year_is_accepted_only_if_the_setting_allows_it(accepts: bool) -> None:
    history = employed(rules=Rules(RULES.allowances, provisional_accepted=accepts))
    january = report("jan", "2026-01-01", "2026-01-31", "2026-01-30")
    events = history.apply(january, on=date(2026, 2, 1))
    if accepts:
        assert getattr(events[0], "provisional", None) is True
    else:
        assert refused(events) == ("year-provisional", {"year": 2026})


def test_every_problem_of_reporting_has_a_case() -> None:
    of_issuance = {
        Problem.CARD_EXISTS, Problem.CARD_UNKNOWN, Problem.CARD_ALREADY_ACTIVE, Problem.CARD_ALREADY_DEACTIVATED,
        Problem.CARD_NUMBERS_EXHAUSTED, Problem.SAME_MUNICIPALITY, Problem.CONTROL_NOT_DUE, Problem.MANDATE_UNKNOWN,
        Problem.MANDATE_ENDED, Problem.MANDATE_TO_SELF, Problem.MANDATE_DATE_OUT_OF_RANGE, Problem.TOO_MANY_MANDATES,
    }  # fmt: skip
    of_years = {"year-without-allowance", "year-provisional", "year-closed"}
    here = {str(case.values[2]) for case in CASES} | of_years | {"too-many-reports"}
    assert here == {problem.value for problem in set(Problem) - of_issuance}


def test_a_refusal_names_the_first_broken_rule() -> None:
    assert refused(employed().apply(report(wage=0, paid="06-03")))[0] == "amount-zero"


def test_an_unknown_card_has_no_employments() -> None:
    assert refused(CardHistory().apply(withdraw()))[0] == "employment-unknown"
    assert refused(CardHistory().apply(change("01-02", cvr=A)))[0] == "employment-unknown"
