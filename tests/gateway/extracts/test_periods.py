"""Extracts of a period: what each requester may request, and what it then sees."""

from __future__ import annotations

import json
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.cloudevents import decode
from frikort_contracts.http.extracts import ExtractFileResource
from frikort_contracts.months import Months
from frikort_contracts.topics import EXTRACT_REQUESTS

from services.gateway.extracts.service import file_headers
from tests.gateway.extracts.test_scopes import CALLERS, PATHS, client_of, gateway
from tests.gateway.memory import MemoryGateway

__all__ = ["gateway"]

REQUESTERS: Final = [(callers[0], path) for path, callers in PATHS.items()]
WINTER: Final = {"from": "2025-11", "to": "2026-02"}


async def request(gateway: MemoryGateway, caller: str, path: str, **body: Any) -> httpx2.Response:
    async with client_of(gateway, caller) as client:
        return await client.post(path, json=body, headers={"idempotency-key": "one", "accept-language": "da"})


@pytest.mark.parametrize(("caller", "path"), REQUESTERS)
async def test_every_requester_can_request_a_period(gateway: MemoryGateway, caller: str, path: str) -> None:
    answer = await request(gateway, caller, path, **WINTER)

    assert answer.status_code == 202, answer.text
    (record,) = gateway.producer.records
    command = decode(EXTRACT_REQUESTS, record.value, record.headers).data
    assert (command.year, command.period) == (None, Months(first="2025-11", last="2026-02"))
    async with client_of(gateway, caller) as client:
        listed = {each["extract_id"]: each for each in (await client.get(path)).json()["extracts"]}
    shown = listed[command.extract_id]
    assert (shown["from"], shown["to"], shown["year"]) == ("2025-11", "2026-02", 2025)


@pytest.mark.parametrize(("caller", "path"), REQUESTERS)
@pytest.mark.parametrize(
    ("body", "pointer", "code", "text"),
    [
        ({}, "", "year-or-period", "Angiv enten year, eller from og to."),
        ({"year": 2025} | WINTER, "", "year-or-period", "Angiv enten year, eller from og to."),
        ({"from": "2025-11"}, "", "year-or-period", "Angiv enten year, eller from og to."),
        (
            {"from": "2026-02", "to": "2025-11"},
            "",
            "last-month-before-first",
            "Den sidste måned ligger før den første.",
        ),
        ({"from": "2024-01", "to": "2026-01"}, "", "too-many-months", "En periode er højst 24 måneder."),
        ({"from": "2025-13", "to": "2026-01"}, "/from", "not-a-month", "Skal være en måned"),
        ({"from": "2025-11", "to": "november"}, "/to", "not-a-month", "Skal være en måned"),
        ({"first": "2025-11", "last": "2026-02"}, "/first", "unknown-field", "Feltet findes ikke."),
    ],
)
async def test_a_wrong_period_is_refused_with_what_is_wrong(
    gateway: MemoryGateway, caller: str, path: str, body: dict[str, Any], pointer: str, code: str, text: str
) -> None:
    answer = await request(gateway, caller, path, **body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    found = {error["pointer"]: error for error in answer.json()["errors"]}
    assert found[pointer]["code"] == code
    assert found[pointer]["detail"].startswith(text)
    assert gateway.producer.records == []


async def test_two_years_of_months_can_be_requested(gateway: MemoryGateway) -> None:
    answer = await request(gateway, "849", "/v1/municipality/extracts", **{"from": "2024-01", "to": "2025-12"})
    assert answer.status_code == 202, answer.text


async def test_the_request_of_a_year_has_the_form_that_the_release_before_reads(gateway: MemoryGateway) -> None:
    await request(gateway, "849", "/v1/municipality/extracts", year=2025)

    (record,) = gateway.producer.records
    written = json.loads(record.value)
    assert written["year"] == 2025
    assert "period" not in written


async def test_everyone_in_a_month_of_the_period_can_find_the_request_in_the_access_log(
    gateway: MemoryGateway,
) -> None:
    months = ("2025-11", "2025-12", "2026-01", "2026-02")
    scopes = {"skat": "", "849": ":849", "employer": f":{CALLERS['employer'].organisation}"}
    for (caller, scope), path in zip(
        scopes.items(), ("/v1/extracts", "/v1/municipality/extracts", "/v1/employer/extracts"), strict=True
    ):
        await request(gateway, caller, path, **WINTER)
        entries = gateway.accesses.take()
        assert [entry.subject for entry in entries] == [f"month:{month}{scope}" for month in months]
        assert {entry.action for entry in entries} == {"draw-extract"}
        assert len({entry.order for entry in entries}) == len(months)


async def test_the_name_of_a_file_has_the_months(gateway: MemoryGateway) -> None:
    await request(gateway, "849", "/v1/municipality/extracts", **WINTER)
    stored = list(gateway.extract_requests.requests.values())[-1]
    file = ExtractFileResource(format="csv", size=1, sha256="ab" * 32, href="/")

    name = file_headers(stored, file)["Content-Disposition"]

    assert f"frikort-municipality-2025-11--2026-02-{stored.extract_id}.csv" in name
