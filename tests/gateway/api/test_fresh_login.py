"""A sensitive operation needs a person who logged in a moment ago."""

from __future__ import annotations

import time

import httpx2
import pytest
from frikort_contracts.http.roles import Role

from services.gateway.api.dependencies import require_fresh_login
from services.gateway.auth import Caller
from services.gateway.operation_problems import FRESH_LOGIN_OPERATIONS, codes_of
from services.gateway.problems import ProblemError
from tests.gateway.build import CARD
from tests.gateway.memory import memory_gateway

NOW = 1_000_000.0


def caller(logged_in_at: float | None) -> Caller:
    return Caller("i", "c", "s", Role.CASEWORKER, "101", logged_in_at=logged_in_at)


@pytest.mark.parametrize("age", [0, 299, 300, -30])
def test_a_login_of_the_last_five_minutes_is_fresh(age: float) -> None:
    require_fresh_login(caller(NOW - age), 300, NOW)


@pytest.mark.parametrize("logged_in_at", [None, NOW - 301, NOW + 31])
def test_an_old_login_and_a_program_get_the_challenge_of_rfc_9470(logged_in_at: float | None) -> None:
    with pytest.raises(ProblemError) as refused:
        require_fresh_login(caller(logged_in_at), 300, NOW)

    assert refused.value.code == "fresh-login-required"
    challenge = refused.value.headers["WWW-Authenticate"]
    assert challenge == 'Bearer error="insufficient_user_authentication", max_age="300"'


@pytest.mark.parametrize(
    ("path", "role"),
    [
        (f"/v1/cards/{CARD}/hand-over", Role.CASEWORKER),
        (f"/v1/cards/{CARD}/mandates", Role.CASEWORKER),
        ("/v1/me/mandates", Role.CITIZEN),
    ],
)
async def test_a_sensitive_operation_is_refused_before_its_key_and_body_unless_the_login_is_fresh(
    path: str, role: Role
) -> None:
    gateway = await memory_gateway()
    gateway.callers["old"] = Caller("i", "c", "s", role, "101", logged_in_at=time.time() - 3600)
    gateway.callers["fresh"] = Caller("i", "c", "s", role, "101", logged_in_at=time.time())
    transport = httpx2.ASGITransport(app=gateway.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        old = await client.post(path, json={}, headers={"authorization": "Bearer old", "accept-language": "da"})
        fresh = await client.post(path, json={}, headers={"authorization": "Bearer fresh"})

    assert (old.status_code, old.json()["code"]) == (401, "fresh-login-required")
    assert "Log på igen" in old.json()["detail"]
    assert 'max_age="300"' in old.headers["www-authenticate"]
    assert fresh.json()["code"] == "idempotency-key-missing"


async def test_every_sensitive_operation_exists_and_documents_the_problem() -> None:
    document = (await memory_gateway()).app.openapi()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    documented = {
        operation["operationId"]
        for operation in operations
        if "fresh-login-required" in operation["responses"].get("401", {}).get("description", "")
    }

    assert documented == FRESH_LOGIN_OPERATIONS
    assert "fresh-login-required" not in codes_of({"operationId": "own_card", "security": [{}]})
