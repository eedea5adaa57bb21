"""Reminders: a question with two answers, a notice before pay day, and nothing once it is answered."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.integration.scene import STARTED, Client, Job, World, accepted, refused


def reminders(employer: Client) -> list[dict[str, Any]]:
    return list(accepted(employer.get("/v1/reminders"), 200)["reminders"])


def test_a_question_is_answered_by_days_without_work(world: World) -> None:
    job = world.job()
    (asked,) = reminders(job.employer)
    assert (asked["kind"], asked["employment_id"], asked["card_number"]) == (
        "no-recent-report",
        job.id,
        job.card.number,
    )
    assert asked["days"] == {"first": STARTED, "last": "2025-09-29"}
    assert asked["text"] == "Was there work from 10 January 2025 to 29 September 2025?"
    assert [answer["answer"] for answer in asked["answers"]] == ["report", "no-work"]

    answered = accepted(job.employer.post(f"{job.path}/no-work", asked["days"]), 200)
    assert answered["no_work"] == [asked["days"]]
    assert reminders(job.employer) == []
    world.on(date(2025, 11, 30))
    assert [again["days"]["first"] for again in reminders(job.employer)] == ["2025-09-30"]


def test_a_question_is_answered_by_a_report(job: Job) -> None:
    assert reminders(job.employer)
    job.report(work={"first": "2025-09-01", "last": "2025-09-30"}, payment_date="2025-09-30")
    assert reminders(job.employer) == []


def test_nothing_is_asked_of_an_ended_employment(job: Job) -> None:
    accepted(job.employer.post(f"{job.path}/end", {"last": "2025-09-29"}), 200)
    assert reminders(job.employer) == []


def test_a_notice_warns_that_the_usual_wage_may_exceed_the_allowance(world: World, job: Job) -> None:
    for month, last in (("07", "31"), ("08", "31"), ("09", "30")):
        work = {"first": f"2025-{month}-01", "last": f"2025-{month}-{last}"}
        job.report(1_200_000, work=work, payment_date=work["last"])
    assert [
        (r["kind"], r["expected_payment_date"], r["remaining_ore"], r["usual_pay_ore"]) for r in reminders(job.employer)
    ] == [("allowance-low", "2025-10-31", 600_000, 1_200_000)]
    danish = world.client("employer", cvr=job.employer.cvr).without_language()
    (notice,) = reminders(danish)
    assert notice["text"].startswith("Der er mindst 6.000,00 kr. tilbage af årets beløbsgrænse")


def test_a_page_has_the_reminders_of_its_employments(world: World) -> None:
    employer = world.employer()
    jobs = [world.job(employer=employer) for _ in range(2)]
    first = accepted(employer.get("/v1/reminders", limit=1), 200)
    second = accepted(employer.get("/v1/reminders", limit=1, cursor=first["next"]), 200)
    assert [page["reminders"][0]["employment_id"] for page in (first, second)] == [job.id for job in jobs]
    assert second["next"] is None


def test_days_without_work_must_lie_in_the_employment_and_not_in_the_future(world: World, job: Job) -> None:
    path = f"{job.path}/no-work"
    outside = {"first": "2025-01-09", "last": "2025-01-31"}
    problem = refused(job.employer.post(path, outside), 422, "no-work-outside-employment")
    assert problem["facts"] == {"employment_first": STARTED}
    refused(job.employer.post(path, {"first": "2025-09-30", "last": "2025-10-01"}), 422, "no-work-in-future")
    refused(world.employer().post(path, {"first": "2025-09-01", "last": "2025-09-02"}), 404, "employment-unknown")
    assert accepted(job.employer.get(job.path), 200)["no_work"] == []
