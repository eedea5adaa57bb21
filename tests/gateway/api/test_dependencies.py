"""The request headers that routes need: which problem each missing or invalid one gives, and in which order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import httpx2
import pytest
from frikort_contracts.http.roles import Role

from services.gateway.auth import Caller
from tests.gateway.build import CARD, CVR
from tests.gateway.memory import memory_gateway

EMPLOYER: Final = {"authorization": "Bearer employer"}
CASEWORKER: Final = {"authorization": "Bearer caseworker"}
KEY: Final = {"idempotency-key": "k"}


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    gateway = await memory_gateway()
    gateway.callers["employer"] = Caller("i", "c", "s", Role.EMPLOYER, CVR)
    gateway.callers["caseworker"] = Caller("i", "c", "s", Role.CASEWORKER, "101")
    transport = httpx2.ASGITransport(app=gateway.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "token-missing"),
        (KEY, "token-missing"),
        (CASEWORKER, "role-not-allowed"),
        (CASEWORKER | KEY, "role-not-allowed"),
        (EMPLOYER, "idempotency-key-missing"),
        (EMPLOYER | {"idempotency-key": ""}, "idempotency-key-invalid"),
        (EMPLOYER | {"idempotency-key": "two words"}, "idempotency-key-invalid"),
        (EMPLOYER | {"idempotency-key": "k" * 256}, "idempotency-key-invalid"),
        (EMPLOYER | {"idempotency-key": "k" * 255}, "invalid-request"),
        (EMPLOYER | KEY, "invalid-request"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/reports", "/v1/reports/dry-run", "/v1/employments"])
async def test_a_command_is_checked_for_its_token_then_its_key_then_its_body(
    client: httpx2.AsyncClient, path: str, headers: dict[str, str], code: str
) -> None:
    response = await client.post(path, json={"unknown": 1}, headers=headers)

    assert response.json()["code"] == code


async def test_the_key_of_a_payroll_file_is_checked_too(client: httpx2.AsyncClient) -> None:
    missing = await client.post("/v1/report-batches", headers=EMPLOYER)
    invalid = await client.post("/v1/report-batches", headers=EMPLOYER | {"idempotency-key": "two words"})

    assert missing.json()["code"] == "idempotency-key-missing"
    assert invalid.json()["code"] == "idempotency-key-invalid"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"access-reason": "Opfølgning"}, "token-missing"),
        (EMPLOYER, "role-not-allowed"),
        (CASEWORKER, "access-reason-missing"),
        (CASEWORKER | {"access-reason": "ab"}, "access-reason-invalid"),
        (CASEWORKER | {"access-reason": "sag 610180-0101"}, "access-reason-invalid"),
        (CASEWORKER | {"access-reason": "sag 42"}, "card-unknown"),
    ],
)
async def test_a_caseworker_states_a_reason_before_reading(
    client: httpx2.AsyncClient, headers: dict[str, str], code: str
) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]

    response = await client.get(f"/v1/cards/{CARD}", headers=encoded)

    assert response.json()["code"] == code
