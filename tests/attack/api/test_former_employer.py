"""S8: A former employer learns nothing about what others pay."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.integration.scene import Job, World, accepted, refused

ENDED = "2025-08-31"


@pytest.fixture
def ended(world: World) -> Job:
    """An employment that ended a month ago, with one report."""
    job = world.job()
    job.report(100_000)
    accepted(job.employer.post(f"{job.path}/end", {"last": ENDED}), 200)
    return job


def visible(job: Job) -> dict[str, Any]:
    """All that the employer can read without reporting."""
    employer = job.employer
    reports = accepted(employer.get("/v1/reports"), 200)["reports"]
    return {
        "left": accepted(employer.get(f"{job.path}/allowance"), 200).body,
        "reports": reports,
        "report": accepted(employer.get(f"/v1/reports/{reports[0]['report_id']}"), 200).body,
        "reminders": accepted(employer.get("/v1/reminders"), 200).body,
    }


def test_what_a_former_employer_reads_is_the_same_before_and_after_the_report_of_another(
    world: World, ended: Job
) -> None:
    before = visible(ended)
    world.job(ended.card).report(1_234_567)
    assert visible(ended) == before
    assert before["left"]["remaining_ore"] is None
    assert {report["remaining_ore"] for report in before["reports"]} == {None}


def test_a_present_employer_sees_what_is_left(world: World) -> None:
    job = world.job()
    job.report(100_000)
    assert visible(job)["left"]["remaining_ore"] > 0


def test_a_dry_run_of_a_former_employer_shows_the_split_alone(ended: Job) -> None:
    tried = accepted(ended.employer.post("/v1/reports/dry-run", ended.body(5_000)), 200)
    assert (tried["remaining_before_ore"], tried["remaining_after_ore"]) == (None, None)
    assert (tried["exempt_at_least_ore"], tried["excess_at_most_ore"]) == (5_000, 0)


def test_a_dry_run_is_refused_when_the_employment_has_been_over_for_long(world: World, ended: Job) -> None:
    world.on(date(2025, 10, 30))
    accepted(ended.employer.post("/v1/reports/dry-run", ended.body(5_000)), 200)
    world.on(date(2025, 10, 31))
    late = refused(ended.employer.post("/v1/reports/dry-run", ended.body(6_000)), 409, "dry-run-too-late")
    assert late["facts"] == {"days": 60}
    late_report = ended.report(6_000)
    assert (late_report["split"]["exempt_ore"], late_report["remaining_ore"]) == (6_000, None)


def test_a_refused_duplicate_does_not_show_what_is_left(world: World) -> None:
    job = world.job()
    job.report(100_000)
    alike = refused(job.employer.post("/v1/reports", job.body(100_000)), 409, "possible-duplicate")
    assert alike["earlier"]["remaining_ore"] is None
