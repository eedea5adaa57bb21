"""What everyone with a token may ask, what the catalogue says, and the document of the API itself."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx2
import pytest
from openapi_spec_validator import validate

from services.gateway.formats import Language, kroner
from tests.integration.scene import ALLOWANCE, TODAY, Client, Job, World, accepted, refused
from tests.waiting import eventually


@pytest.fixture(params=["caseworker", "employer", "citizen", "authority"])
def anyone(request: pytest.FixtureRequest, world: World) -> Client:
    claims: dict[str, dict[str, Any]] = {
        "caseworker": {"municipality": "101"},
        "employer": {"cvr": world.employer().cvr},
        "citizen": {"cpr": world.citizen().cpr},
        "authority": {"authority": "star"},
    }
    return world.client(request.param, **claims[request.param])


def test_everyone_sees_the_allowance_table(anyone: Client) -> None:
    table = {row["year"]: row for row in accepted(anyone.get("/v1/allowances"), 200)["allowances"]}
    assert table[2025] == {
        "year": 2025,
        "allowance_ore": ALLOWANCE,
        "income_limit_ore": 1_069_200,
        "hourly_rate_ore": 29_554,
        "provisional": False,
        "effective_from": "2025-01-01",
        "closed": False,
    }
    assert table[2026]["provisional"]
    assert table[2019]["hourly_rate_ore"] == 24_173
    assert 2027 not in table


def test_the_allowance_table_needs_no_token_and_the_front_page_shows_it(world: World) -> None:
    system = world.system
    assert httpx2.get(f"{system.gateway_url}/v1/allowances").json()["current_year"] == TODAY.year

    front = httpx2.get(system.portals_url, headers={"Accept": "text/html"})

    assert front.status_code == 200
    assert kroner(ALLOWANCE, Language.DANISH).replace(" ", "\N{NO-BREAK SPACE}") in front.text


def test_the_outcome_of_another_caller_does_not_exist(anyone: Client, job: Job) -> None:
    pending = job.employer.post("/v1/reports", job.body(), wait=0)
    refused(anyone.get(pending.headers["location"]), 404, "outcome-unknown")


def test_the_outcome_of_an_unknown_command_does_not_exist(anyone: Client) -> None:
    refused(anyone.get(f"/v1/outcomes/{uuid4()}"), 404, "outcome-unknown")


async def test_a_caller_who_does_not_wait_finds_the_outcome_at_the_location(job: Job) -> None:
    key, body = str(uuid4()), job.body()
    pending = accepted(job.employer.post("/v1/reports", body, key=key, wait=0), 202)
    assert pending.headers["preference-applied"] == "wait=0"
    assert pending["status"] == "pending"
    assert pending["outcome"] == pending.headers["location"] == f"/v1/outcomes/{pending['command_id']}"

    async def done() -> Any:
        found = accepted(job.employer.get(pending.headers["location"]), 200)
        return found if found["status"] != "pending" else None

    outcome = await eventually(done)
    assert (outcome["status"], outcome["answer_status"], outcome["problem"]) == ("done", 201, None)
    assert outcome["result"]["total_ore"] == 100_000
    replay = accepted(job.employer.post("/v1/reports", body, key=key), 201)
    assert replay.body == outcome["result"]
    assert replay.headers["location"] == outcome["location"]
    assert replay.headers["idempotency-replayed"] == "true"


async def test_the_outcome_of_a_refused_command_is_its_problem(job: Job) -> None:
    key, body = str(uuid4()), job.body(0)
    pending = accepted(job.employer.post("/v1/reports", body, key=key, wait=0), 202)

    async def refused_outcome() -> Any:
        found = accepted(job.employer.get(pending.headers["location"]), 200)
        return found if found["status"] != "pending" else None

    outcome = await eventually(refused_outcome)
    assert (outcome["status"], outcome["answer_status"], outcome["result"]) == ("refused", 422, None)
    assert outcome["problem"] == refused(job.employer.post("/v1/reports", body, key=key), 422, "amount-zero").body


def test_a_caller_can_wait_longer_up_to_a_limit(job: Job) -> None:
    answer = job.employer.post("/v1/reports", job.body(), wait=3600)
    assert accepted(answer, 201).headers["preference-applied"] == "wait=30"


def test_the_openapi_document_is_valid(world: World) -> None:
    validate(world.documentation.document)
    assert world.documentation.document["openapi"].startswith("3.1")
    assert len(world.documentation.operations) > 30


def test_no_address_can_contain_personal_data(world: World) -> None:
    for path, item in world.documentation.document["paths"].items():
        names = {p["name"] for operation in item.values() for p in operation.get("parameters", ())}
        assert not names & {"cpr", "name", "birth_date", "card_number", "number"}, path


def test_every_error_is_documented_as_a_problem_document(world: World) -> None:
    for path, item in world.documentation.document["paths"].items():
        for method, operation in item.items():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert set(response["content"]) == {"application/problem+json"}, f"{method} {path} {status}"


def test_the_type_of_a_problem_is_an_address_that_explains_it(job: Job) -> None:
    problem = refused(job.employer.post("/v1/reports", job.body(0)), 422, "amount-zero")
    entry = accepted(job.employer.get(problem["type"]), 200)
    assert (entry["type"], entry["status"]) == (problem["type"], problem["status"])
    assert entry["en"]["title"] == problem["title"]
    assert entry["en"]["remedy"] in problem["detail"]
    assert entry["da"]["title"] != entry["en"]["title"]


def test_the_catalogue_lists_every_problem_with_its_own_page(job: Job) -> None:
    catalogue = accepted(job.employer.get("/v1/problems"), 200)["problems"]
    codes = [entry["code"] for entry in catalogue]
    assert codes == sorted(set(codes))
    entry = accepted(job.employer.get("/problems/amount-zero"), 200)
    assert catalogue[codes.index("amount-zero")] == entry.body


def test_an_unknown_problem_is_not_found(job: Job) -> None:
    refused(job.employer.get("/problems/no-such-problem"), 404, "not-found")


def test_an_unknown_address_is_not_found(job: Job) -> None:
    refused(job.employer.get("/v1/nothing"), 404, "not-found")


def test_a_wrong_method_is_refused_with_the_allowed_methods(job: Job) -> None:
    answer = refused(job.employer.send("PUT", "/v1/reports", job.body()), 405, "method-not-allowed")
    assert "POST" in answer.headers["allow"]


def test_every_answer_has_a_correlation_id_and_must_not_be_cached(job: Job) -> None:
    answer = accepted(job.card.owner.get("/v1/me/card"), 200)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["correlation-id"]
