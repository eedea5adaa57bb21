"""S8: A present employer does not learn the exact amounts that another employer of the citizen reports."""

from __future__ import annotations

from typing import Any

from tests.integration.scene import Job, World, accepted

NAMES_OF_ONE_TRY = {"reference"}


def visible(job: Job) -> dict[str, Any]:
    """All that the employer can learn without a new report."""
    employer = job.employer
    reports = accepted(employer.get("/v1/reports"), 200)["reports"]
    tries = [
        accepted(employer.post("/v1/reports/dry-run", job.body(amount, allow_duplicate=True)), 200).body
        for amount in (1, 50_000, 299_999, 300_000, 300_001, 350_000, 399_999, 400_000, 5_000_000)
    ]
    return {
        "employment": accepted(employer.get(job.path), 200).body,
        "left": accepted(employer.get(f"{job.path}/allowance"), 200).body,
        "next year": accepted(employer.get(f"{job.path}/allowance", year=2026), 200).body,
        "reports": reports,
        "report": accepted(employer.get(f"/v1/reports/{reports[0]['report_id']}"), 200).body,
        "reminders": accepted(employer.get("/v1/reminders"), 200)["reminders"],
        "files": accepted(employer.get("/v1/report-batches"), 200).body,
        "tries": [{name: value for name, value in one.items() if name not in NAMES_OF_ONE_TRY} for one in tries],
    }


def test_two_reports_of_another_employer_that_differ_by_less_than_the_step_look_the_same(world: World) -> None:
    job = world.job()
    job.report(700_000, payment_date="2025-09-30", work={"first": "2025-09-01", "last": "2025-09-30"})
    other = world.job(job.card)
    # 3,000 to 4,000 kr. are left: less than this employer usually pays.
    made = other.report(4_276_600 - 700_000 - 399_999)
    before = visible(job)
    for amount in (4_276_600 - 700_000 - 350_000, 4_276_600 - 700_000 - 300_000):
        path = f"/v1/reports/{made['report_id']}/correction"
        accepted(other.employer.post(path, other.correction(amount)), 200)
        assert visible(job) == before

    assert before["left"]["remaining_ore"] == 300_000
    assert [reminder["kind"] for reminder in before["reminders"]] == ["allowance-low"]
    assert max(one["exempt_at_least_ore"] for one in before["tries"]) == 300_000


def test_the_own_report_is_split_exactly(world: World) -> None:
    job = world.job()
    world.job(job.card).report(4_276_600 - 345_678)
    tried = accepted(job.employer.post("/v1/reports/dry-run", job.body(400_000)), 200)
    assert (tried["exempt_at_least_ore"], tried["excess_at_most_ore"]) == (300_000, 100_000)
    report = job.report(400_000)
    assert (report["split"]["exempt_ore"], report["split"]["excess_ore"]) == (345_678, 54_322)
    assert report["remaining_ore"] == 0
