"""A citizen whose data pass through the whole system, so that a search can look for them everywhere."""

from __future__ import annotations

from typing import Final

from tests.integration.scene import Citizen, World, accepted, employment_body
from tests.personal_data import Search, secrets_of
from tests.waiting import eventually

PLANTED: Final = Citizen("8802311117", "Zebedæus Ørnebjergkvist")
"""A citizen whose name, number and birth date (28 February 1931) occur nowhere else."""
MESSAGE: Final = "Jeg har aldrig arbejdet på den blå papegøje"
REASON: Final = "Hendes nabo ved kakaduerne har ringet"
"""Why a caseworker looked the citizen up."""
CONTACT: Final = {
    "name": "Quintilianus Bogholdersen",
    "email": "quintilianus@papegoeje.dk",
    "phone": "+45 87 65 43 21",
}
SEARCH: Final = Search(
    secrets_of("the citizen", cpr=PLANTED.cpr, name=PLANTED.name, message=MESSAGE)
    | {"the reason of a look-up": REASON}
    | {f"the {what} of the contact person": text for what, text in CONTACT.items()}
)


def plant(world: World) -> None:
    """Let the planted citizen pass through card, employment, report, dispute, mandates and search."""
    card = world.card(PLANTED)
    employer = world.employer()
    employment = accepted(employer.post("/v1/employments", employment_body(card, contact=CONTACT)), 201)
    report = {
        "employment_id": employment["employment_id"],
        "reference": "planted",
        "work": {"first": "2025-03-01", "last": "2025-03-31"},
        "payment_date": "2025-03-31",
        "components": {"wage_ore": 123_400},
    }
    reported = accepted(employer.post("/v1/reports", report), 201)
    body = {"reason": "wrong-amount", "message": MESSAGE}
    accepted(card.owner.post(f"/v1/me/reports/{reported['report_id']}/dispute", body), 200)
    card.mandate(world.citizen())
    world.job().card.mandate(PLANTED)
    accepted(card.caseworker.post("/v1/cards/search", {"cpr": PLANTED.cpr}), 200)
    accepted(card.caseworker.raw("GET", card.path, headers={"Access-Reason": REASON}), 200)


async def extract_with_the_planted_citizen(world: World) -> bytes:
    """The file of an extract, in which the CPR number is encrypted for the authority."""
    authority = world.authority("skat")
    path = f"/v1/extracts/{accepted(authority.post('/v1/extracts', {'year': 2025}), 201)['extract_id']}"

    async def file() -> bytes | None:
        answer = authority.get(path)
        return authority.get(f"{path}/files/csv").content if answer["status"] == "done" else None

    return await eventually(file, within=60, what="the extract")
