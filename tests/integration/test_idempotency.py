"""A repeated request counts once: by its idempotency key, and by the employer's own reference."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from frikort_contracts.reporting import EarningsReported

from tests.integration.scene import Job, World, accepted, concurrently, employment_body, issue_body, refused
from tests.integration.topics import records_about


async def bookings(world: World, job: Job) -> set[str]:
    """The ids of the events that booked a report of this employment."""
    records = await records_about(world.system.access, EarningsReported, lambda event: event.employment_id == job.id)
    return {dict(record.headers)["ce_id"].decode() for record in records}


async def test_the_same_key_and_body_get_the_stored_answer_and_are_booked_once(world: World, job: Job) -> None:
    key, body = str(uuid4()), job.body()
    first = accepted(job.employer.post("/v1/reports", body, key=key), 201)
    again = accepted(job.employer.post("/v1/reports", body, key=key), 201)
    assert again.body == first.body
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await bookings(world, job)) == 1
    assert job.card.balance()["reported_ore"] == 100_000


def test_a_stored_answer_is_not_affected_by_later_changes(job: Job) -> None:
    key, body = str(uuid4()), job.body()
    first = accepted(job.employer.post("/v1/reports", body, key=key), 201)
    path = f"/v1/reports/{first['report_id']}/correction"
    accepted(job.employer.post(path, job.correction(1)), 200)
    assert accepted(job.employer.post("/v1/reports", body, key=key), 201).body == first.body


def test_the_same_body_in_another_format_is_the_same_request(job: Job) -> None:
    key, body = str(uuid4()), job.body()
    first = accepted(job.employer.post("/v1/reports", body, key=key), 201)
    shuffled = json.dumps(dict(reversed(body.items())), indent=4)
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    assert accepted(job.employer.raw("POST", "/v1/reports", shuffled, headers), 201).body == first.body


def test_a_key_used_again_with_another_body_is_refused(job: Job) -> None:
    key = str(uuid4())
    accepted(job.employer.post("/v1/reports", job.body(), key=key), 201)
    before = job.all_views()
    refused(job.employer.post("/v1/reports", job.body(7), key=key), 422, "idempotency-key-reused")
    assert job.all_views() == before


def test_a_key_used_again_for_another_address_is_refused(job: Job) -> None:
    key, body = str(uuid4()), job.body()
    accepted(job.employer.post("/v1/reports/dry-run", body, key=key), 200)
    before = job.all_views()
    refused(job.employer.post("/v1/reports", body, key=key), 422, "idempotency-key-reused")
    assert job.all_views() == before


def test_a_key_belongs_to_its_client(world: World, job: Job) -> None:
    other = world.job(job.card)
    accepted(job.employer.post("/v1/reports", job.body(), key="2025-03"), 201)
    accepted(other.employer.post("/v1/reports", other.body(), key="2025-03"), 201)
    assert job.card.balance()["reported_ore"] == 200_000


def test_a_refusal_is_replayed_too(job: Job) -> None:
    key, body = str(uuid4()), job.body(0)
    first = refused(job.employer.post("/v1/reports", body, key=key), 422, "amount-zero")
    again = refused(job.employer.post("/v1/reports", body, key=key), 422, "amount-zero")
    assert again.body == first.body
    assert again.headers["idempotency-replayed"] == "true"


def test_an_invalid_request_leaves_its_key_free(job: Job) -> None:
    key = str(uuid4())
    refused(job.employer.post("/v1/reports", job.body(-1), key=key), 422, "invalid-request")
    accepted(job.employer.post("/v1/reports", job.body(), key=key), 201)


async def test_fifty_concurrent_identical_requests_are_booked_once_with_one_answer(world: World, job: Job) -> None:
    key, body = str(uuid4()), job.body()
    answers = concurrently([lambda: job.employer.post("/v1/reports", body, key=key)] * 50)
    assert {answer.status for answer in answers} == {201}
    assert all(answer.body == answers[0].body for answer in answers)
    first = [answer for answer in answers if "idempotency-replayed" not in answer.headers]
    assert len(first) <= 1
    assert len(await bookings(world, job)) == 1
    assert job.card.balance()["reported_ore"] == 100_000


async def test_a_report_sent_concurrently_under_many_keys_is_booked_once(world: World, job: Job) -> None:
    body = job.body()
    answers = concurrently([lambda: job.employer.post("/v1/reports", body)] * 20)
    assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
    assert {answer["report_id"] for answer in answers} == {answers[0]["report_id"]}
    assert [answer["already_reported"] for answer in answers].count(False) == 1
    assert len(await bookings(world, job)) == 1


def test_one_of_several_concurrent_possible_duplicates_is_booked(job: Job) -> None:
    bodies = [job.body() for _ in range(10)]
    answers = concurrently([lambda body=body: job.employer.post("/v1/reports", body) for body in bodies])  # type: ignore[misc]
    assert sorted(answer.status for answer in answers) == [201] + [409] * 9
    assert job.card.balance()["reported_ore"] == 100_000


def test_concurrent_issues_for_one_person_create_one_card(world: World) -> None:
    citizen = world.citizen()
    caseworkers = [world.caseworker(code) for code in ("101", "147", "151", "153", "155")]
    answers = concurrently([lambda c=c: c.post("/v1/cards", issue_body(citizen)) for c in caseworkers])  # type: ignore[misc]
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409, 409]


def test_an_employment_sent_twice_is_registered_once(world: World) -> None:
    card, employer = world.card(), world.employer()
    sent: list[dict[str, Any]] = []
    for _ in range(2):
        answer = accepted(employer.post("/v1/employments", employment_body(card), key="one"), 201)
        sent.append(answer.body)
    assert sent[0] == sent[1]
    assert len(accepted(employer.get("/v1/employments"), 200)["employments"]) == 1


def test_a_withdrawal_sent_twice_counts_once(job: Job) -> None:
    path = f"/v1/reports/{job.report()['report_id']}/withdrawal"
    first = accepted(job.employer.post(path, {"reason": "not-paid"}, key="one"), 200)
    again = accepted(job.employer.post(path, {"reason": "not-paid"}, key="one"), 200)
    assert again.body == first.body
    assert again["revision"] == 2
