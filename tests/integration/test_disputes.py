"""Disputes: who may say that a report is not right, who sees it, and that no amount changes."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from frikort_contracts.extracts import FollowUpStatementUpdated, TaxStatementUpdated
from frikort_contracts.messages import Message

from tests.integration.scene import ELSEWHERE, HOME, SECRET, Job, World, accepted, refused
from tests.integration.topics import records_about
from tests.waiting import eventually

WRONG = {"reason": "wrong-amount", "message": f"Jeg fik kun det halve, siger {SECRET}."}


@pytest.fixture
def report_id(job: Job) -> str:
    """A report of the job."""
    return str(job.report(120_000)["report_id"])


def test_a_dispute_is_seen_by_citizen_municipality_and_employer(job: Job, report_id: str) -> None:
    done = accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute", WRONG), 200)
    dispute = done["dispute"]
    assert {name: dispute[name] for name in ("reason", "message", "raised_by")} == {**WRONG, "raised_by": "citizen"}
    assert dispute["raised_at"].startswith("2025-09-30T12:")
    assert job.card.report() == done.body
    assert accepted(job.card.caseworker.get(f"{job.card.path}/reports"), 200)["reports"] == [done.body]
    assert accepted(job.employer.get(f"/v1/reports/{report_id}"), 200)["dispute"] == dispute
    assert accepted(job.employer.get("/v1/reports"), 200)["reports"][0]["dispute"] == dispute


def test_an_employer_can_ask_for_the_disputed_reports_only(job: Job, report_id: str) -> None:
    job.report(1)
    accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute", WRONG), 200)
    listed = accepted(job.employer.get("/v1/reports", disputed="true"), 200)["reports"]
    assert [line["report_id"] for line in listed] == [report_id]
    assert len(accepted(job.employer.get("/v1/reports"), 200)["reports"]) == 2


def test_the_municipality_has_the_open_disputes_of_its_citizens_on_one_list(
    world: World, job: Job, report_id: str
) -> None:
    """D2."""

    def listed(municipality: str) -> list[str]:
        pages = accepted(world.caseworker(municipality).get("/v1/disputes", limit=500), 200)
        return [line["card_number"] for line in pages["disputes"] if line["report_id"] == report_id]

    assert listed(HOME) == []
    accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute", WRONG), 200)
    assert listed(HOME) == [job.card.number]
    assert listed(ELSEWHERE) == []

    accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute/withdrawal", {}), 200)
    assert listed(HOME) == []


def test_a_dispute_changes_no_amount(job: Job, report_id: str) -> None:
    before = job.card.balance(), job.card.report()["split"]
    accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute", WRONG), 200)
    assert (job.card.balance(), job.card.report()["split"]) == before


def test_each_side_can_raise_and_withdraw_a_dispute_and_the_history_shows_it(
    world: World, job: Job, report_id: str
) -> None:
    card = job.card
    friend = world.citizen()
    mandate = card.mandate(friend, "represent")
    holder = world.client("citizen", cpr=friend.cpr)
    sides = {
        "citizen": (card.owner, "/v1/me"),
        "municipality": (card.caseworker, card.path),
        "mandate-holder": (holder, f"/v1/represented/{mandate['mandate_id']}"),
    }
    for side, (client, path) in sides.items():
        raised = accepted(client.post(f"{path}/reports/{report_id}/dispute", {"reason": "not-my-work"}), 200)
        assert (raised["dispute"]["raised_by"], raised["dispute"]["message"]) == (side, None)
        ended = accepted(client.post(f"{path}/reports/{report_id}/dispute/withdrawal", {}), 200)
        assert ended["dispute"] is None
    history = accepted(job.employer.get(f"/v1/reports/{report_id}"), 200)["history"]
    assert [(line["event"], line["by"], line["reason"]) for line in history[1:]] == [
        line
        for side in sides
        for line in (("disputed", side, "not-my-work"), ("dispute-ended", side, "dispute-withdrawn"))
    ]


def test_the_employer_answers_and_everyone_concerned_sees_the_latest_answer(job: Job, report_id: str) -> None:
    path = f"/v1/reports/{report_id}/dispute/answer"
    accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute", WRONG), 200)
    before = job.card.balance(), job.card.report()["split"]
    accepted(job.employer.post(path, {"reason": "other"}), 200)
    answered = accepted(job.employer.post(path, {"reason": "matches-payslip"}), 200)
    dispute = answered["dispute"]
    assert (dispute["reason"], dispute["answer"]["reason"]) == ("wrong-amount", "matches-payslip")
    assert dispute["answer"]["answered_at"].startswith("2025-09-30T12:")
    seen = job.card.report()
    assert seen["dispute"] == dispute
    assert accepted(job.card.caseworker.get(f"{job.card.path}/reports"), 200)["reports"] == [seen]
    assert [(line["event"], line["reason"]) for line in seen["history"][2:]] == [
        ("dispute-answered", "other"),
        ("dispute-answered", "matches-payslip"),
    ]
    assert (job.card.balance(), seen["split"]) == before


def test_an_answered_dispute_can_still_be_withdrawn(job: Job, report_id: str) -> None:
    accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute", WRONG), 200)
    accepted(job.employer.post(f"/v1/reports/{report_id}/dispute/answer", {"reason": "wage-paid"}), 200)
    ended = accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute/withdrawal", {}), 200)
    assert ended["dispute"] is None


def test_only_the_employer_of_a_disputed_report_can_answer(world: World, job: Job, report_id: str) -> None:
    path, body = f"/v1/reports/{report_id}/dispute/answer", {"reason": "matches-payslip"}
    refused(job.employer.post(path, body), 409, "report-not-disputed")
    accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute", WRONG), 200)
    refused(world.job().employer.post(path, body), 404, "report-unknown")
    refused(job.card.owner.post(path, body), 403, "role-not-allowed")
    refused(job.employer.post(path, {"reason": "because"}), 422, "invalid-request")
    assert job.card.report()["dispute"]["answer"] is None


@pytest.mark.parametrize(("answer", "cause"), [("correction", "corrected"), ("withdrawal", "withdrawn")])
def test_a_correction_or_withdrawal_of_the_report_ends_its_dispute(
    job: Job, report_id: str, answer: str, cause: str
) -> None:
    accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute", WRONG), 200)
    body: dict[str, Any] = job.correction(60_000) if answer == "correction" else {"reason": "not-paid"}
    done = accepted(job.employer.post(f"/v1/reports/{report_id}/{answer}", body), 200)
    assert done["dispute"] is None
    assert [(line["event"], line["reason"], line["message"]) for line in done["history"][1:]] == [
        ("disputed", "wrong-amount", WRONG["message"]),
        (cause, body["reason"], None),
        ("dispute-ended", f"report-{cause}", None),
    ]


def test_a_correction_with_the_same_content_does_not_end_the_dispute(job: Job, report_id: str) -> None:
    accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute", WRONG), 200)
    same = accepted(job.employer.post(f"/v1/reports/{report_id}/correction", job.correction(120_000)), 200)
    assert same["dispute"]["reason"] == "wrong-amount"


def test_an_impossible_dispute_or_withdrawal_is_refused(job: Job, report_id: str) -> None:
    owner, path = job.card.owner, f"/v1/me/reports/{report_id}/dispute"
    refused(owner.post(f"{path}/withdrawal", {}), 409, "report-not-disputed")
    accepted(owner.post(path, WRONG), 200)
    refused(
        job.card.caseworker.post(f"{job.card.path}/reports/{report_id}/dispute", WRONG), 409, "report-already-disputed"
    )
    accepted(job.employer.post(f"/v1/reports/{report_id}/withdrawal", {"reason": "not-paid"}), 200)
    refused(owner.post(path, WRONG), 409, "report-withdrawn")
    refused(owner.post(f"/v1/me/reports/{uuid4()}/dispute", WRONG), 404, "report-unknown")


def test_the_report_of_another_caller_does_not_exist(world: World, job: Job, report_id: str) -> None:
    seen = job.all_views()
    other = world.job().card
    for client, path, code in (
        (other.owner, "/v1/me", "report-unknown"),
        (other.caseworker, other.path, "report-unknown"),
        (world.caseworker(ELSEWHERE), job.card.path, "card-unknown"),
        (world.client("citizen", cpr=world.citizen().cpr), "/v1/me", "card-unknown"),
        (other.owner, f"/v1/represented/{uuid4()}", "mandate-unknown"),
    ):
        refused(client.post(f"{path}/reports/{report_id}/dispute", WRONG), 404, code)
        refused(client.post(f"{path}/reports/{report_id}/dispute/withdrawal", {}), 404, code)
    assert job.all_views() == seen


@pytest.mark.parametrize("kind", [TaxStatementUpdated, FollowUpStatementUpdated])
async def test_every_feed_shows_a_dispute_until_it_ends(
    world: World, job: Job, report_id: str, kind: type[Message]
) -> None:
    async def flags() -> list[bool]:
        published = await records_about(world.system.access, kind, lambda statement: statement.card_id == job.card.id)
        by_id = {
            dict(record.headers)["ce_id"]: json.loads(record.value) for record in published
        }  # a record may be repeated
        return [statement["disputed"] for statement in by_id.values()]

    async def are(expected: list[bool]) -> bool:
        return await flags() == expected

    await eventually(lambda: are([False]))
    accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute", WRONG), 200)
    await eventually(lambda: are([False, True]))
    accepted(job.employer.post(f"/v1/reports/{report_id}/dispute/answer", {"reason": "wage-paid"}), 200)
    accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute/withdrawal", {}), 200)
    await eventually(lambda: are([False, True, False]))


def test_the_municipality_decides_and_everyone_sees_it(world: World, job: Job, report_id: str) -> None:
    path = f"{job.card.path}/reports/{report_id}/dispute/decision"
    refused(job.card.caseworker.post(path, {"decision": "report-stands"}), 409, "report-not-disputed")
    accepted(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute", WRONG), 200)
    refused(world.caseworker(ELSEWHERE).post(path, {"decision": "report-stands"}), 404, "card-unknown")

    accepted(job.card.caseworker.post(path, {"decision": "employer-must-correct"}), 200)
    disputes = job.card.report()["dispute"], accepted(job.employer.get(f"/v1/reports/{report_id}"), 200)["dispute"]
    assert [dispute["decision"]["decision"] for dispute in disputes] == 2 * ["employer-must-correct"]
    answer = f"/v1/reports/{report_id}/dispute/answer"
    refused(job.employer.post(answer, {"reason": "wage-paid"}), 409, "dispute-decided")

    ended = accepted(job.card.caseworker.post(path, {"decision": "report-stands"}), 200)
    assert (ended["dispute"], ended["stands_since"][:10]) == (None, "2025-09-30")
    assert [entry["event"] for entry in ended["history"]][-2:] == ["dispute-decided", "dispute-ended"]
    refused(job.card.owner.post(f"/v1/me/reports/{report_id}/dispute", WRONG), 409, "dispute-decided")
    entries = accepted(job.card.owner.get("/v1/me/accesses", limit=500), 200)["accesses"]
    decided = [entry for entry in entries if entry["action"] == "decide-dispute" and not entry["refused"]]
    assert len(decided) == 2
