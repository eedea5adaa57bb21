"""An auditor searches the log of the running system, and nothing else."""

from __future__ import annotations

import csv
import io

from tests.integration.scene import Job, World, accepted, refused


def test_an_auditor_finds_who_looked_at_a_citizen_and_the_citizen_sees_the_auditor(world: World, job: Job) -> None:
    card = job.card
    job.report()
    accepted(card.caseworker.get(f"{card.path}/reports"), 200)
    auditor = world.client("auditor", auditor="dpo")
    search = {"cpr": card.citizen.cpr, "role": "caseworker"}

    found = accepted(auditor.post("/v1/audit/search", search), 200)["entries"]
    assert [(entry["action"], entry["organisation"], entry["card_id"]) for entry in found] == [
        ("read-reports", "101", card.id),
        ("issue-card", "101", None),
    ]
    of_one = {"actor": found[0]["actor"], "reason": found[0]["reason"]}
    assert accepted(auditor.post("/v1/audit/search", of_one), 200)["entries"][0]["action"] == "read-reports"

    exported = accepted(auditor.post("/v1/audit/export", search), 200).content.decode("utf-8-sig")
    assert [row["Action"] for row in csv.DictReader(io.StringIO(exported))] == ["read-reports", "issue-card"]
    assert card.citizen.cpr not in exported

    seen = accepted(card.owner.get("/v1/me/accesses", own="false"), 200)["accesses"]
    assert [(line["by"], line["action"]) for line in seen[:3]] == [
        ("The audit (dpo)", "export-log"),
        ("The audit (dpo)", "search-log"),
        ("The audit (dpo)", "search-log"),
    ]
    refused(auditor.get(card.path), 403, "role-not-allowed")
