"""S1: A payroll file with many card numbers finds no card."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.client import Answer
from tests.integration.scene import Client, Job, World, accepted, after_pause

PATH = "/v1/report-batches"
LINES = 2_000
CHECKED = 5  # half of what a company may try in an hour

CSV_HEADER = "card_number,reference,work_first,work_last,payment_date,wage_ore"


def upload(employer: Client, content: str, media_type: str, *, hold: bool) -> Answer:
    path = f"{PATH}?hold=true" if hold else PATH
    return employer.raw("POST", path, content, {"Idempotency-Key": str(uuid4()), "Content-Type": media_type})


def lines_of(employer: Client, batch: Answer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = accepted(employer.get(f"{PATH}/{batch['batch_id']}/lines", limit=500, cursor=cursor), 200)
        found += page["lines"]
        cursor = page["next"]
    return found


def as_json(job: Job, number: str) -> str:
    body = job.body(1_000, card_number=number)
    del body["employment_id"]
    return json.dumps(body)


def as_csv(number: str) -> str:
    return f"{number},{uuid4()},2025-03-01,2025-03-31,2025-03-31,1000"


def wrong_attempts(world: World) -> float:
    counted = re.search(r"^frikort_gateway_wrong_attempts_total (\S+)$", world.metrics(), re.MULTILINE)
    assert counted is not None
    return float(counted[1])


@pytest.fixture
def replaced(world: World) -> tuple[Job, str]:
    """An employment whose card has a new number, and that number. The employer does not know it."""
    job = world.job()
    card = job.card
    new = accepted(card.caseworker.post(f"{card.path}/number", {"reason": "abused"}), 200)["number"]
    return job, new


@pytest.mark.parametrize("media_type", ["application/jsonl", "text/csv"])
def test_a_file_of_numbers_does_not_show_the_new_number_of_a_card(
    world: World, replaced: tuple[Job, str], media_type: str
) -> None:
    job, new = replaced
    first = max(1, int(new) - LINES // 2)
    numbers = [f"{number:05d}" for number in range(first, first + LINES) if f"{number:05d}" != job.card.number]
    assert new in numbers
    before = wrong_attempts(world)
    content = (
        "\n".join(as_json(job, number) for number in numbers)
        if media_type == "application/jsonl"
        else "\n".join([CSV_HEADER, *map(as_csv, numbers)])
    )
    held = accepted(upload(job.employer, content, media_type, hold=True), 201)

    assert (held["counts"]["lines"], held["counts"]["errors"]) == (len(numbers), len(numbers))
    codes = [line["errors"][0]["code"] for line in lines_of(job.employer, held)]
    assert codes == ["card-number-unknown"] * CHECKED + ["too-many-unknown-numbers"] * (len(numbers) - CHECKED)
    assert wrong_attempts(world) == before + CHECKED


def test_each_number_that_is_checked_is_in_the_audit_log_of_its_citizen(world: World) -> None:
    job, victim = world.job(), world.card()
    held = accepted(upload(job.employer, as_json(job, victim.number), "application/jsonl", hold=True), 201)
    log = accepted(victim.owner.get("/v1/me/accesses", own="false"), 200)["accesses"]
    tried = [entry for entry in log if entry["action"] == "try-number"]
    assert [(entry["by"], entry["refused"]) for entry in tried] == [(f"The company CVR {job.employer.cvr}", True)]
    assert [entry["correlation_id"] for entry in tried] == [held["batch_id"]]


def test_further_files_check_no_further_numbers(world: World) -> None:
    job, before = world.job(), wrong_attempts(world)
    for hold in (True, False, True):
        numbers = [world.card().number for _ in range(CHECKED)]
        content = "\n".join(as_json(job, number) for number in numbers)
        assert upload(job.employer, content, "application/jsonl", hold=hold).status in {201, 202}
    assert wrong_attempts(world) == before + CHECKED


def test_lines_of_own_employments_are_booked_beside_too_many_unknown_numbers(world: World) -> None:
    job = world.job()
    unknown = [world.card().number for _ in range(CHECKED + 1)]
    content = "\n".join(as_json(job, number) for number in [*unknown, job.card.number])
    sent = accepted(upload(job.employer, content, "application/jsonl", hold=False), 202)
    job.employer.wait_for(sent.headers["location"], "status", "done", within=120)
    assert [line["result"] for line in lines_of(job.employer, sent)] == ["error"] * len(unknown) + ["accepted"]


def test_after_too_many_unknown_numbers_in_a_file_an_employment_can_still_be_registered(world: World) -> None:
    job, card = world.job(), world.card()
    content = "\n".join(as_json(job, world.card().number) for _ in range(CHECKED + 1))
    accepted(upload(job.employer, content, "application/jsonl", hold=True), 201)
    accepted(after_pause(job.employer, card), 201)
