"""Requests of a good form that break a rule: each is refused with its problem, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.scene import STARTED, TODAY, Job, World, accepted, employment_body, issue_body, refused


@pytest.fixture(scope="module")
def still(world: World) -> Iterator[Job]:
    """An employment with one report, on which nothing that is refused leaves a trace, not even late."""
    job = world.job()
    job.report(123_400, reference="marts")
    yield job
    world.on(TODAY)
    job.report(1)
    assert [report["total_ore"] for report in job.card.reports()] == [123_400, 1]


@pytest.fixture(scope="module")
def seen(still: Job) -> dict[str, Any]:
    """What anyone sees before any of these tests."""
    return still.all_views()


@pytest.fixture
def unchanged(world: World, still: Job, seen: dict[str, Any]) -> Iterator[None]:
    """What anyone sees is the same afterwards."""
    yield
    world.on(TODAY)
    assert still.all_views() == seen


REFUSED: dict[str, tuple[int, dict[str, Any], str, dict[str, Any] | None]] = {
    "zero": (0, {}, "amount-zero", None),
    "zero in every component": (0, {"components": {"wage_ore": 0, "pension_ore": 0}}, "amount-zero", None),
    "an øre above a million kroner": (
        100_000_001,
        {},
        "amount-too-large",
        {"total": 100_000_001, "largest": 100_000_000},
    ),
    "a million kroner in parts": (
        0,
        {"components": {"wage_ore": 60_000_000, "pension_ore": 40_000_001}},
        "amount-too-large",
        {"total": 100_000_001, "largest": 100_000_000},
    ),
    "paid tomorrow": (1, {"payment_date": "2025-10-01"}, "payment-in-future", {"payment_date": "2025-10-01"}),
    "paid before the work": (1, {"payment_date": "2025-02-28"}, "payment-before-work", {"work_first": "2025-03-01"}),
    "work before the employment": (
        1,
        {"work": {"first": "2025-01-09", "last": "2025-01-31"}},
        "work-outside-employment",
        {"employment_first": STARTED},
    ),
    "a year without an allowance": (
        1,
        {"work": {"first": "2025-03-01", "last": "2025-03-01"}, "payment_date": "2027-01-04"},
        "year-without-allowance",
        {"year": 2027},
    ),
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("amount", "changes", "code", "facts"), REFUSED.values(), ids=REFUSED.keys())
def test_a_report_that_breaks_a_rule_is_refused(
    world: World, still: Job, amount: int, changes: dict[str, Any], code: str, facts: dict[str, Any] | None
) -> None:
    if code == "year-without-allowance":
        world.on(date(2027, 1, 5))
    problem = refused(still.employer.post("/v1/reports", still.body(amount, **changes)), 422, code)
    assert problem.body.get("facts") == facts


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("amount", "changes", "code", "facts"), REFUSED.values(), ids=REFUSED.keys())
def test_a_correction_that_breaks_a_rule_is_refused(
    world: World, still: Job, amount: int, changes: dict[str, Any], code: str, facts: dict[str, Any] | None
) -> None:
    if code == "year-without-allowance":
        world.on(date(2027, 1, 5))
        code, facts = "payment-year-changed", {"year": 2025}
    report_id = still.card.reports()[0]["report_id"]
    answer = still.employer.post(f"/v1/reports/{report_id}/correction", still.correction(amount) | changes)
    assert refused(answer, 422, code).body.get("facts") == facts


@pytest.mark.usefixtures("unchanged")
def test_a_refusal_is_explained_in_danish_by_default_with_kroner_and_days(world: World, still: Job) -> None:
    danish = world.client("employer", cvr=still.employer.cvr).without_language()
    answer = danish.post("/v1/reports", still.body(payment_date="2025-10-01"))
    assert refused(answer, 422, "payment-in-future").headers["content-language"] == "da"
    assert answer["detail"] == "Betalingsdagen er 1. oktober 2025. Indberet, når lønnen er betalt."


@pytest.mark.usefixtures("unchanged")
def test_a_refusal_is_explained_in_english_on_request(still: Job) -> None:
    answer = still.employer.post("/v1/reports", still.body(payment_date="2025-10-01"))
    assert refused(answer, 422, "payment-in-future").headers["content-language"] == "en"
    assert answer["detail"] == "The payment date is 1 October 2025. Report when the wage has been paid."


@pytest.mark.usefixtures("unchanged")
def test_a_report_for_an_unknown_employment_is_refused(still: Job) -> None:
    unknown = still.body(employment_id=str(uuid4()))
    refused(still.employer.post("/v1/reports", unknown), 404, "employment-unknown")


@pytest.mark.usefixtures("unchanged")
def test_the_employment_of_another_employer_does_not_exist(world: World, still: Job) -> None:
    other = world.employer()
    unknown = other.get(f"/v1/employments/{uuid4()}")
    theirs = refused(other.get(still.path), 404, "employment-unknown")
    assert theirs.body | {"instance": ""} == unknown.body | {"instance": ""}
    refused(other.post("/v1/reports", still.body()), 404, "employment-unknown")
    refused(other.post("/v1/reports/dry-run", still.body()), 404, "employment-unknown")
    refused(other.send("PUT", still.path, {"period": {"first": STARTED}}), 404, "employment-unknown")
    refused(other.post(f"{still.path}/end", {"last": "2025-12-31"}), 404, "employment-unknown")
    refused(other.get(f"{still.path}/allowance"), 404, "employment-unknown")


def test_the_report_of_another_caller_does_not_exist(world: World, job: Job) -> None:
    other, path = world.job(job.card), f"/v1/reports/{job.report()['report_id']}"
    seen = job.all_views()
    unknown = other.employer.get(f"/v1/reports/{uuid4()}")
    theirs = refused(other.employer.get(path), 404, "report-unknown")
    assert theirs.body | {"instance": ""} == unknown.body | {"instance": ""}
    refused(other.employer.post(f"{path}/correction", other.correction(1)), 404, "report-unknown")
    refused(other.employer.post(f"{path}/withdrawal", {"reason": "other"}), 404, "report-unknown")
    assert job.all_views() == seen


def test_a_withdrawn_report_cannot_be_corrected_or_withdrawn_again(job: Job) -> None:
    path = f"/v1/reports/{job.report()['report_id']}"
    accepted(job.employer.post(f"{path}/withdrawal", {"reason": "not-paid"}), 200)
    seen = job.all_views()
    refused(job.employer.post(f"{path}/correction", job.correction(1)), 409, "report-withdrawn")
    refused(job.employer.post(f"{path}/withdrawal", {"reason": "not-paid"}), 409, "report-withdrawn")
    assert job.all_views() == seen


def test_the_reference_of_a_withdrawn_report_stays_used(job: Job) -> None:
    body = job.body()
    report = accepted(job.employer.post("/v1/reports", body), 201)
    accepted(job.employer.post(f"/v1/reports/{report['report_id']}/withdrawal", {"reason": "not-paid"}), 200)
    seen = job.all_views()
    refused(job.employer.post("/v1/reports", body), 409, "report-withdrawn")
    assert job.all_views() == seen


@pytest.mark.usefixtures("unchanged")
def test_a_correction_with_an_unknown_reason_is_refused(still: Job) -> None:
    report_id = still.card.reports()[0]["report_id"]
    correction = still.correction(1) | {"reason": "because she said so"}
    refused(still.employer.post(f"/v1/reports/{report_id}/correction", correction), 422, "invalid-request")


@pytest.mark.usefixtures("unchanged")
def test_a_reference_that_another_report_has_is_refused_with_that_report(still: Job) -> None:
    other = still.body(99, reference="marts")
    problem = refused(still.employer.post("/v1/reports", other), 409, "reference-reused")
    assert problem["facts"]["reference"] == "marts"
    assert problem["earlier"]["total_ore"] == 123_400
    assert problem["earlier"]["report_id"] == problem["facts"]["report_id"]


@pytest.mark.usefixtures("unchanged")
def test_a_possible_duplicate_is_refused_with_the_earlier_report(still: Job) -> None:
    problem = refused(still.employer.post("/v1/reports", still.body(123_400)), 409, "possible-duplicate")
    assert problem["earlier"]["reference"] == problem["facts"]["reference"] == "marts"
    assert problem["earlier"]["report_id"] == still.card.reports()[0]["report_id"]


@pytest.mark.usefixtures("unchanged")
def test_a_dry_run_refuses_a_possible_duplicate_too(still: Job) -> None:
    answer = still.employer.post("/v1/reports/dry-run", still.body(123_400))
    refused(answer, 409, "possible-duplicate")


@pytest.mark.usefixtures("unchanged")
def test_the_same_report_a_month_later_is_already_reported(world: World, still: Job) -> None:
    world.on(date(2025, 10, 30))
    again = accepted(still.employer.post("/v1/reports", still.body(123_400, reference="marts")), 200)
    assert again["already_reported"] is True
    assert again["report_id"] == still.card.reports()[0]["report_id"]


def test_a_duplicate_that_is_allowed_is_booked(job: Job) -> None:
    job.report(100_000)
    second = job.report(100_000, allow_duplicate=True)
    assert second["already_reported"] is False
    assert job.card.balance()["reported_ore"] == 200_000


def test_a_report_like_a_withdrawn_one_is_booked(job: Job) -> None:
    report = job.report(100_000)
    accepted(job.employer.post(f"/v1/reports/{report['report_id']}/withdrawal", {"reason": "not-paid"}), 200)
    job.report(100_000)
    assert job.card.balance()["reported_ore"] == 100_000


def test_the_same_payment_at_another_employer_is_not_a_possible_duplicate(world: World, job: Job) -> None:
    job.report(100_000)
    world.job(job.card).report(100_000)
    assert job.card.balance()["reported_ore"] == 200_000


@pytest.fixture
def deactivated(world: World) -> Job:
    """An employment at a card that was active from 6 January to 15 March."""
    job = world.job()
    world.on(date(2025, 3, 15))
    accepted(job.card.caseworker.post(f"{job.card.path}/deactivation", {"case_reference": "x"}), 200)
    world.on(TODAY)
    return job


def test_work_on_a_day_when_the_card_was_not_active_is_refused(deactivated: Job) -> None:
    seen = deactivated.all_views()
    problem = refused(deactivated.employer.post("/v1/reports", deactivated.body()), 422, "card-not-active")
    assert problem["facts"] == {"first_day_not_active": "2025-03-16"}
    assert deactivated.all_views() == seen


def test_work_before_the_deactivation_is_still_accepted(deactivated: Job) -> None:
    deactivated.report(work={"first": "2025-03-01", "last": "2025-03-15"})


def test_a_correction_into_days_when_the_card_was_not_active_is_refused(deactivated: Job) -> None:
    report = deactivated.report(work={"first": "2025-03-01", "last": "2025-03-15"})
    seen = deactivated.all_views()
    correction = deactivated.correction(100_000)
    answer = deactivated.employer.post(f"/v1/reports/{report['report_id']}/correction", correction)
    refused(answer, 422, "card-not-active")
    assert deactivated.all_views() == seen


def test_work_in_a_gap_between_active_days_is_refused(world: World, deactivated: Job) -> None:
    card = deactivated.card
    world.on(date(2025, 3, 20))
    accepted(card.caseworker.post(f"{card.path}/reactivation", {"case_reference": "x"}), 200)
    world.on(TODAY)
    problem = refused(deactivated.employer.post("/v1/reports", deactivated.body()), 422, "card-not-active")
    assert problem["facts"] == {"first_day_not_active": "2025-03-16"}
    deactivated.report(work={"first": "2025-03-20", "last": "2025-03-31"})


def test_work_before_the_card_was_issued_is_refused(world: World) -> None:
    card, employer = world.card(), world.employer()
    body = employment_body(card, period={"first": "2025-01-01", "last": None})
    job = Job(accepted(employer.post("/v1/employments", body), 201)["employment_id"], employer, card)
    early = job.body(work={"first": "2025-01-05", "last": "2025-01-31"})
    problem = refused(employer.post("/v1/reports", early), 422, "card-not-active")
    assert problem["facts"] == {"first_day_not_active": "2025-01-05"}
    assert card.reports() == []


def test_an_employment_in_the_citizens_own_business_is_refused(world: World) -> None:
    card = world.card()
    own = world.employer(owners=[world.citizen(), card.citizen])
    problem = refused(own.post("/v1/employments", employment_body(card)), 422, "own-business")
    assert card.citizen.cpr not in problem.content.decode()
    assert card.citizen.name not in problem.content.decode()
    assert accepted(own.get("/v1/employments"), 200)["employments"] == []
    assert accepted(card.owner.get("/v1/me/employments"), 200)["employments"] == []


def test_a_sole_trader_may_employ_someone_else(world: World) -> None:
    world.job(employer=world.employer(owners=[world.citizen()])).report()


def test_a_refused_second_card_changes_nothing(world: World, job: Job) -> None:
    job.report()
    seen = job.all_views()
    refused(job.card.caseworker.post("/v1/cards", issue_body(job.card.citizen)), 409, "card-exists")
    refused(world.caseworker("751").post("/v1/cards", issue_body(job.card.citizen)), 409, "card-exists")
    assert job.all_views() == seen


def test_a_change_that_overlaps_another_employment_of_the_employer_is_refused(world: World) -> None:
    job = world.job(last="2025-03-31")
    body = employment_body(job.card, period={"first": "2025-04-01", "last": None})
    later = accepted(job.employer.post("/v1/employments", body), 201)
    seen = job.all_views()
    answer = job.employer.send("PUT", job.path, {"period": {"first": STARTED, "last": "2025-04-01"}})
    assert refused(answer, 409, "employment-exists")["facts"] == {"employment_id": later["employment_id"]}
    assert job.all_views() == seen


@pytest.mark.usefixtures("unchanged")
def test_an_employment_cannot_begin_after_the_first_day_that_was_reported(still: Job) -> None:
    change = {"period": {"first": "2025-03-02"}}
    problem = refused(still.employer.send("PUT", still.path, change), 409, "employment-has-reports-outside")
    march = {"reference": "marts", "work_first": "2025-03-01", "work_last": "2025-03-31"}
    assert problem["facts"] == {**march, "report_id": problem["facts"]["report_id"]}
