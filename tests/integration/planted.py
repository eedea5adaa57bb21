"""A citizen whose data pass through the whole system, so that a search can look for them everywhere."""

from __future__ import annotations

import json
from typing import Final
from uuid import uuid4

from tests.integration.scene import Citizen, World, accepted, employment_body, refused
from tests.personal_data import Search, secrets_of
from tests.waiting import eventually

PLANTED: Final = Citizen("8802311117", "Zebedæus Ørnebjergkvist")
"""A citizen whose name, number and birth date (28 February 1931) occur nowhere else."""
MESSAGE: Final = "Jeg har aldrig arbejdet på den blå papegøje"
REASON: Final = "Hendes nabo ved kakaduerne har ringet"
"""Why a caseworker looked the citizen up."""
REFERENCE: Final = "Løn til hende med marabustorken"
"""The employer's own reference of the report."""
LINE_REFERENCE: Final = "Lønlinje om hornraben"
"""The reference of a report in a payroll file."""
CASE: Final = "Sagen om den hvide pelikan"
"""The reference of the case in which the card was issued."""
DECISION: Final = "Afgørelsen om kasuaren"
"""The reference of a later decision."""
AUDIT_REASON: Final = "Borgeren med tukanen har klaget"
"""Why an auditor searched the audit log."""
REASONS: Final = (REASON, AUDIT_REASON)
REFERENCES: Final = (REFERENCE, LINE_REFERENCE, CASE, DECISION)
CONTACT: Final = {
    "name": "Quintilianus Bogholdersen",
    "email": "quintilianus@papegoeje.dk",
    "phone": "+45 87 65 43 21",
}
SEARCH: Final = Search(
    secrets_of("the citizen", cpr=PLANTED.cpr, name=PLANTED.name, message=MESSAGE)
    | {"the reason of a look-up": REASON, "the reason of an auditor": AUDIT_REASON}
    | {"the reference of a report": REFERENCE, "the reference of a line": LINE_REFERENCE}
    | {"the reference of a case": CASE, "the reference of a decision": DECISION}
    | {f"the {what} of the contact person": text for what, text in CONTACT.items()}
)


def plant(world: World) -> None:
    """Let the planted citizen pass through card, employment, report, dispute, mandates and search."""
    card = world.card(PLANTED, case=CASE)
    employer = world.employer()
    employment = accepted(employer.post("/v1/employments", employment_body(card, contact=CONTACT)), 201)
    report = {
        "employment_id": employment["employment_id"],
        "reference": REFERENCE,
        "work": {"first": "2025-03-01", "last": "2025-03-31"},
        "payment_date": "2025-03-31",
        "components": {"wage_ore": 123_400},
    }
    reported = accepted(employer.post("/v1/reports", report), 201)
    refused(employer.post("/v1/reports", report | {"components": {"wage_ore": 1}}), 409, "reference-reused")
    accepted(employer.post("/v1/reports/dry-run", report), 200)
    correction = {name: report[name] for name in ("work", "payment_date", "components")} | {"reason": "other"}
    accepted(employer.post(f"/v1/reports/{reported['report_id']}/correction", correction), 200)
    line = report | {"reference": LINE_REFERENCE}
    lines = "\n".join(map(json.dumps, (report, line, line | {"allow_duplicate": True, "components": {"wage_ore": -1}})))
    for query in ("", "?hold=true"):
        headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/jsonl"}
        file = employer.raw("POST", f"/v1/report-batches{query}", lines, headers)
        employer.wait_for(file.headers["location"], "status", "held" if query else "done", within=120)
    body = {"reason": "wrong-amount", "message": MESSAGE}
    accepted(card.owner.post(f"/v1/me/reports/{reported['report_id']}/dispute", body), 200)
    card.mandate(world.citizen())
    world.job().card.mandate(PLANTED)
    accepted(card.caseworker.post("/v1/cards/search", {"cpr": PLANTED.cpr}), 200)
    accepted(card.caseworker.raw("GET", card.path, headers={"Access-Reason": REASON}), 200)
    for decision in ("deactivation", "reactivation"):
        accepted(card.caseworker.post(f"{card.path}/{decision}", {"case_reference": DECISION}), 200)
    auditor, stated = world.client("auditor", auditor="dpo"), {"Access-Reason": AUDIT_REASON}
    asked = {"Content-Type": "application/json", **stated}
    for search in ({"cpr": PLANTED.cpr}, {"reason": REASON}):
        accepted(auditor.raw("POST", "/v1/audit/search", json.dumps(search), asked), 200)


async def extract_with_the_planted_citizen(world: World) -> bytes:
    """The file of an extract, in which the CPR number is encrypted for the authority."""
    authority = world.authority("skat")
    path = f"/v1/extracts/{accepted(authority.post('/v1/extracts', {'year': 2025}), 201)['extract_id']}"

    async def file() -> bytes | None:
        answer = authority.get(path)
        return authority.get(f"{path}/files/csv").content if answer["status"] == "done" else None

    return await eventually(file, within=60, what="the extract")
