"""Many at once: the cap is crossed once, and what was acknowledged is always there to be read."""

from __future__ import annotations

from collections import Counter

from frikort_contracts.balance import CapWarningRaised

from tests.integration.scene import ALLOWANCE, Job, World, accepted, concurrently, employment_body, refused
from tests.integration.topics import records_about

REPORTS = 60


async def test_sixty_concurrent_reports_across_the_cap_exempt_exactly_the_allowance(world: World, job: Job) -> None:
    second = world.job(job.card)
    amounts = [100_000 + number for number in range(REPORTS)]
    jobs = [(job, second)[number % 2] for number in range(REPORTS)]
    answers = concurrently(
        [lambda j=j, amount=amount: j.report(amount) for j, amount in zip(jobs, amounts, strict=True)]  # type: ignore[misc]
    )
    balance = job.card.balance()
    assert balance["reported_ore"] == sum(amounts)
    assert balance["exempt_ore"] == ALLOWANCE
    assert balance["excess_ore"] == sum(amounts) - ALLOWANCE
    reports = {report["report_id"]: report for report in job.card.reports()}
    assert len(reports) == REPORTS
    splits = [report["split"] for report in reports.values()]
    assert sum(split["exempt_ore"] for split in splits) == ALLOWANCE
    assert all(r["split"]["exempt_ore"] + r["split"]["excess_ore"] == r["total_ore"] for r in reports.values())
    assert sum(1 for split in splits if split["exempt_ore"] and split["excess_ore"]) <= 1, "one report is split"
    for answer in answers:
        assert answer["split"]["exempt_ore"] == reports[answer["report_id"]]["split"]["exempt_ore"]
    assert Counter(job.card.warnings()) == {"near": 1, "reached": 1, "exceeded": 1}
    raised = await records_about(world.system.access, CapWarningRaised, lambda event: event.card_id == job.card.id)
    assert len({dict(record.headers)["ce_id"] for record in raised}) == 3


def test_concurrent_reports_corrections_and_withdrawals_leave_a_ledger_that_adds_up(world: World, job: Job) -> None:
    second = world.job(job.card)
    reports = [(j, j.report(300_000 + number)) for number in range(8) for j in (job, second)]

    def changed(index: int, j: Job, report_id: str) -> None:
        path = f"/v1/reports/{report_id}"
        match index % 3:
            case 0:
                accepted(j.employer.post(f"{path}/correction", j.correction(200_000 + index)), 200)
            case 1:
                accepted(j.employer.post(f"{path}/withdrawal", {"reason": "other"}), 200)
            case 2:
                j.report(150_000 + index)

    concurrently([lambda i=i, j=j, r=r: changed(i, j, r["report_id"]) for i, (j, r) in enumerate(reports)])  # type: ignore[misc]
    balance, seen = job.card.balance(), job.card.reports()
    total = sum(report["total_ore"] for report in seen if report["status"] == "accepted")
    assert balance["reported_ore"] == total
    assert balance["exempt_ore"] == min(total, ALLOWANCE) == sum(report["split"]["exempt_ore"] for report in seen)
    assert balance["remaining_ore"] == ALLOWANCE - balance["exempt_ore"]


def test_a_balance_read_after_an_acknowledged_report_is_never_stale(job: Job) -> None:
    for number in range(1, 31):
        report = job.report(1_000 + number)
        expected = sum(1_000 + n for n in range(1, number + 1))
        assert job.card.balance()["reported_ore"] == expected
        assert job.card.balance()["remaining_ore"] == ALLOWANCE - expected
        assert report["remaining_ore"] == accepted(job.employer.get(f"{job.path}/allowance"), 200)["remaining_ore"]
        assert len(job.card.reports()) == number


def test_a_report_right_after_a_card_event_takes_it_into_account(world: World, job: Job) -> None:
    """A command that overtakes the card event which its sender had seen waits for it."""
    for _ in range(5):
        card = job.card
        accepted(card.caseworker.post(f"{card.path}/deactivation", {"case_reference": "x"}), 200)
        body = job.body(5, work={"first": "2025-09-30", "last": "2025-10-01"}, payment_date="2025-09-30")
        refused(job.employer.post("/v1/reports", body), 422, "card-not-active")
        accepted(card.caseworker.post(f"{card.path}/reactivation", {"case_reference": "x"}), 200)
        accepted(job.employer.post("/v1/reports/dry-run", body), 200)


def test_an_employment_can_be_registered_right_after_the_number_is_replaced(world: World) -> None:
    card = world.card()
    for _ in range(5):
        number = accepted(card.caseworker.post(f"{card.path}/number", {"reason": "lost"}), 200)["number"]
        accepted(world.employer().post("/v1/employments", employment_body(card, card_number=number)), 201)
