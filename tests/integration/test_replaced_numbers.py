"""S2: A card number names the employments that were registered with it, wherever it is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from uuid import uuid4

import pytest
from frikort_contracts.http.employments import EmploymentPage

from services.portals.employer.reporting import with_number
from tests.integration.scene import ELSEWHERE, TODAY, Job, World, accepted, employment_body, refused

Door = Callable[[Job, str, date], bool]

BATCHES = "/v1/report-batches"


def in_json_lines(job: Job, number: str, day: date) -> bool:
    body = job.body(1_000, card_number=number, work={"first": f"{day}", "last": f"{day}"}, payment_date=f"{TODAY}")
    del body["employment_id"]
    return _is_found(job, json.dumps(body), "application/jsonl")


def in_english_csv(job: Job, number: str, day: date) -> bool:
    header = "card_number,reference,work_first,work_last,payment_date,wage_ore"
    return _is_found(job, f"{header}\n{number},{uuid4()},{day},{day},{TODAY},1000", "text/csv")


def in_danish_csv(job: Job, number: str, day: date) -> bool:
    header = "Frikortnummer;Reference;Arbejde fra;Arbejde til;Betalingsdag;Løn (kr.)"
    days = f"{day:%d-%m-%Y};{day:%d-%m-%Y};{TODAY:%d-%m-%Y}"
    return _is_found(job, f"{header}\n{number};{uuid4()};{days};10,00", "text/csv")


def on_the_page(job: Job, number: str, day: date) -> bool:
    """As the report page finds it: among the employments that the API lists."""
    listed = accepted(job.employer.get("/v1/employments", newest="true"), 200).body
    return with_number(EmploymentPage.model_validate(listed).employments, number, day) is not None


DOORS = [in_json_lines, in_english_csv, in_danish_csv, on_the_page]


def _is_found(job: Job, content: str, media_type: str) -> bool:
    headers = {"Idempotency-Key": str(uuid4()), "Content-Type": media_type}
    held = accepted(job.employer.raw("POST", f"{BATCHES}?hold=true", content, headers), 201)
    return bool(held["counts"]["errors"] == 0)


def replace_number(job: Job) -> str:
    path = f"{job.card.path}/number"
    return str(accepted(job.card.caseworker.post(path, {"reason": "lost"}), 200)["number"])


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_the_number_given_at_registration_stays_and_the_new_one_is_unknown(world: World, door: Door) -> None:
    job, day = world.job(), date(2025, 3, 3)
    assert door(job, job.card.number, day)
    new = replace_number(job)
    assert door(job, job.card.number, day)
    assert not door(job, new, day)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_each_number_names_the_employment_that_was_registered_with_it(world: World, door: Door) -> None:
    job = world.job(last="2025-03-31")
    new = replace_number(job)
    body = employment_body(job.card, card_number=new, period={"first": "2025-06-01", "last": None})
    accepted(job.employer.post("/v1/employments", body), 201)
    assert door(job, job.card.number, date(2025, 3, 3))
    assert door(job, new, date(2025, 6, 3))


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_number_of_the_employment_of_another_employer_is_unknown(world: World, door: Door) -> None:
    assert not door(world.job(), world.job().card.number, date(2025, 3, 3))


def test_the_old_number_registers_no_further_employment(world: World) -> None:
    job = world.job(last="2025-03-31")
    replace_number(job)
    again = job.employer.post(
        "/v1/employments", employment_body(job.card, period={"first": "2025-06-01", "last": None})
    )
    refused(again, 404, "number-or-birth-date-wrong")


def test_a_caseworker_finds_a_card_by_a_number_that_was_replaced(world: World) -> None:
    job = world.job()
    old, new = job.card.number, replace_number(job)
    found = accepted(job.card.caseworker.post("/v1/cards/search", {"number": old}), 200)
    assert (found["number"], [one["number"] for one in found["previous_numbers"]]) == (new, [old])
    refused(world.caseworker(ELSEWHERE).post("/v1/cards/search", {"number": old}), 404, "card-unknown")
