"""The audit log: every access to a citizen's data, as the citizen reads it."""

from __future__ import annotations

from typing import Any

from tests.integration.scene import ELSEWHERE, Card, Job, World, accepted, refused


def accesses_of(card: Card, **query: str | int) -> list[dict[str, Any]]:
    """The accesses by others, in order."""
    page = accepted(card.owner.get("/v1/me/accesses", own="false", limit=500, **query), 200)
    return list(page["accesses"])[::-1]


def test_a_citizen_reads_who_did_what_in_which_role_and_why(world: World, job: Job) -> None:
    card = job.card
    job.report()
    accepted(card.caseworker.post("/v1/cards/search", {"cpr": card.citizen.cpr}), 200)
    refused(world.caseworker(ELSEWHERE).get(card.path), 404, "card-unknown")
    accepted(card.caseworker.get(f"{card.path}/reports"), 200)
    accepted(job.employer.get(job.path), 200)

    lines = [
        line for line in accesses_of(card) if line["kind"] != "extract"
    ]  # other tests request extracts of the same year

    employer = f"The company CVR {job.employer.cvr}"
    assert [(line["by"], line["action"], line["refused"]) for line in lines] == [
        ("Københavns Kommune, caseworker", "issue-card", False),
        (employer, "register-employment", False),
        (employer, "report-earnings", False),
        ("Københavns Kommune, caseworker", "search", False),
        ("Aarhus Kommune, caseworker", "read-card", True),
        ("Københavns Kommune, caseworker", "read-reports", False),
        (employer, "read-employments", False),
    ]
    assert {
        line["reason"] for line in lines if line["kind"] in {"read", "search"} and line["role"] == "caseworker"
    } == {"sag 2025-0042"}
    assert all(line["at"].startswith("2025-") for line in lines)
    assert all(job.card.citizen.cpr not in str(line) for line in lines)


def test_the_municipality_reads_the_log_for_a_citizen_who_cannot_log_in(world: World) -> None:
    card = world.card()
    accepted(card.owner.get("/v1/me/card"), 200)
    seen = accepted(card.caseworker.get(f"{card.path}/accesses"), 200)["accesses"]
    assert [(line["action"], line["own"]) for line in seen] == [("read-card", True), ("issue-card", False)]
    refused(world.caseworker(ELSEWHERE).get(f"{card.path}/accesses"), 404, "card-unknown")


def test_a_caseworker_without_a_reason_sees_nothing(world: World) -> None:
    card = world.card()
    del card.caseworker._http.headers["Access-Reason"]
    refused(card.caseworker.get(card.path), 422, "access-reason-missing")
    refused(card.caseworker.post("/v1/cards/search", {"cpr": card.citizen.cpr}), 422, "access-reason-missing")
    with_cpr = card.caseworker.raw("GET", card.path, headers={"Access-Reason": f"om {card.citizen.cpr}"})
    refused(with_cpr, 422, "access-reason-invalid")
    danish = card.caseworker.raw("GET", card.path, headers={"Access-Reason": "Opfølgning på ansøgning"})
    accepted(danish, 200)
    assert [line["reason"] for line in accesses_of(card)][1:] == ["Opfølgning på ansøgning"]


def test_an_extract_is_shown_to_the_citizens_in_it(world: World, job: Job) -> None:
    star = world.authority("star")
    accepted(star.post("/v1/extracts", {"year": 2025, "municipality": "101"}), 201)
    job.report()
    accepted(star.post("/v1/extracts", {"year": 2025, "municipality": "101"}), 201)
    accepted(star.post("/v1/extracts", {"year": 2025, "municipality": ELSEWHERE}), 201)
    # Other tests download extracts of the year.
    lines = [line for line in accesses_of(job.card) if line["action"] == "draw-extract"]
    assert [(line["by"], line["description"]) for line in lines] == [
        (
            "The Danish Agency for Labour Market and Recruitment",
            "drew an extract that your card is part of, of 2025",
        )
    ]


def test_the_extract_of_a_period_is_shown_to_the_citizens_who_were_paid_in_it(world: World, job: Job) -> None:
    star = world.authority("star")
    job.report()  # paid in March
    for first, last in (("2025-01", "2025-02"), ("2025-02", "2025-04"), ("2025-04", "2025-05")):
        accepted(star.post("/v1/extracts", {"from": first, "to": last, "municipality": "101"}), 201)

    # Other tests download extracts of the year.
    lines = [line for line in accesses_of(job.card) if line["action"] == "draw-extract"]

    assert [line["description"] for line in lines] == [
        "drew an extract that your card is part of, of March 2025",
    ]


def test_a_person_without_a_card_reads_who_searched_for_them(world: World) -> None:
    citizen = world.citizen()
    refused(world.caseworker().post("/v1/cards/search", {"cpr": citizen.cpr}), 404, "card-unknown")
    own = world.client("citizen", cpr=citizen.cpr)
    (line,) = accepted(own.get("/v1/me/accesses", own="false"), 200)["accesses"]
    assert (line["action"], line["refused"]) == ("search", True)
