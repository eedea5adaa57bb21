"""S3: Who may no longer see a card gets no old answer about it: not by a replay, as an outcome or in a stream."""

from __future__ import annotations

from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.scene import (
    ELSEWHERE,
    Client,
    Job,
    World,
    accepted,
    concurrently,
    issue_body,
    mandate_body,
    refused,
)


def outcome_of(world: World, who: Client, path: str, body: dict[str, Any], key: str) -> str:
    """The address of the outcome of a command that was sent under ``key``; the caller does not wait for it."""
    return str(accepted(who.post(path, body, key=key, wait=0), 202).headers["location"])


def test_after_a_hand_over_the_old_municipality_gets_no_name_from_its_old_commands(world: World) -> None:
    citizen, friend, caseworker = world.citizen(), world.citizen(), world.caseworker()
    card_id = accepted(caseworker.post("/v1/cards", issue_body(citizen), key="issue"), 201)["card_id"]
    path = f"/v1/cards/{card_id}"
    later: list[tuple[str, dict[str, Any], str, int]] = [
        (f"{path}/number", {"reason": "lost"}, "number", 200),
        (f"{path}/mandates", mandate_body(friend), "mandate", 201),
    ]
    for where, body, key, status in later:
        accepted(caseworker.post(where, body, key=key), status)
    commands = [("/v1/cards", issue_body(citizen), "issue", 201), *later]
    for where, body, key, status in commands:
        replayed = accepted(caseworker.post(where, body, key=key), status)
        assert replayed.headers["idempotency-replayed"] == "true"

    accepted(caseworker.post(f"{path}/hand-over", {"to_municipality": ELSEWHERE}), 200)

    for where, body, key, _ in commands:
        answer = refused(caseworker.post(where, body, key=key), 404, "card-unknown")
        for secret in (citizen.cpr, citizen.name, friend.name):
            assert secret.encode() not in answer.content


def test_an_outcome_is_not_shown_after_a_hand_over(world: World) -> None:
    card, key = world.card(), str(uuid4())
    where = outcome_of(world, card.caseworker, f"{card.path}/number", {"reason": "lost"}, key)
    assert card.caseworker.wait_for(where, "status", "done")["result"]["cpr"]
    accepted(card.caseworker.post(f"{card.path}/hand-over", {"to_municipality": ELSEWHERE}), 200)
    answer = refused(card.caseworker.get(where), 404, "card-unknown")
    assert card.citizen.name.encode() not in answer.content


def test_the_answer_to_the_hand_over_itself_can_be_repeated(world: World) -> None:
    card, key = world.card(), str(uuid4())
    first = accepted(card.caseworker.post(f"{card.path}/hand-over", {"to_municipality": ELSEWHERE}, key=key), 200)
    again = accepted(card.caseworker.post(f"{card.path}/hand-over", {"to_municipality": ELSEWHERE}, key=key), 200)
    assert again.body == first.body
    assert set(first.body) == {"card_id", "handed_over_to"}


@pytest.mark.parametrize("repeat", ["replay", "outcome"])
def test_after_a_mandate_is_withdrawn_its_holder_gets_no_old_answer(world: World, repeat: str) -> None:
    job, friend, key = world.job(), world.citizen(), str(uuid4())
    report_id = job.report()["report_id"]
    mandate_id = job.card.mandate(friend, "represent")["mandate_id"]
    holder = world.client("citizen", cpr=friend.cpr)
    path, body = f"/v1/represented/{mandate_id}/reports/{report_id}/dispute", {"reason": "other"}
    where = outcome_of(world, holder, path, body, key)
    holder.wait_for(where, "status", "done")
    accepted(job.card.owner.post(f"/v1/me/mandates/{mandate_id}/withdrawal", {}), 200)

    answer = holder.post(path, body, key=key) if repeat == "replay" else holder.get(where)
    refused(answer, 404, "mandate-unknown")


def test_an_open_stream_ends_when_the_mandate_does(world: World) -> None:
    card, friend = world.card(), world.citizen()
    mandate_id = card.mandate(friend)["mandate_id"]
    holder = world.client("citizen", cpr=friend.cpr)
    began = monotonic()
    stream, _ = concurrently(
        [
            lambda: holder.get(f"/v1/represented/{mandate_id}/changes", seconds=30),
            lambda: accepted(card.owner.post(f"/v1/me/mandates/{mandate_id}/withdrawal", {}), 200),
        ]
    )
    assert monotonic() - began < 25
    if stream.status == 200:  # it was open before the withdrawal
        assert set(stream.content.split(b"\n")) == {b"event: changed", b"data: {}", b""}
    refused(holder.get(f"/v1/represented/{mandate_id}/changes", seconds=1), 404, "mandate-unknown")


def test_a_stored_answer_shows_a_former_employer_nothing_of_the_allowance(world: World) -> None:
    job: Job = world.job()
    key, body = str(uuid4()), job.body()
    assert accepted(job.employer.post("/v1/reports", body, key=key), 201)["remaining_ore"] is not None
    accepted(job.employer.post(f"{job.path}/end", {"last": "2025-09-29"}), 200)
    again = accepted(job.employer.post("/v1/reports", body, key=key), 201)
    assert again["remaining_ore"] is None
    assert again["split"]["exempt_ore"] == 100_000
