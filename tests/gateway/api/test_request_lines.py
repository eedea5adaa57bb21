"""The log line of a refused request has the code of its problem, and for tokens the reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx2
import pytest
from frikort_contracts.http.roles import Role
from structlog.testing import capture_logs

from services.gateway.auth import Caller
from services.gateway.problems import ProblemError
from tests.gateway.memory import memory_gateway


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an API for which the token `old` has expired."""
    gateway = await memory_gateway()
    gateway.callers["citizen"] = Caller("i", "c", "s", Role.CITIZEN, "hash")
    authenticator = gateway.app.state.gateway.authenticator
    caller = authenticator.caller

    async def caller_of(authorization: str | None) -> Caller:
        if authorization == "Bearer old":
            raise ProblemError("token-invalid", log_reason="exp")
        found: Caller = await caller(authorization)
        return found

    monkeypatch.setattr(authenticator, "caller", caller_of)
    transport = httpx2.ASGITransport(app=gateway.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "headers", "line"),
    [
        ("GET", "/v1/me/balances", {"authorization": "Bearer old"}, {"problem": "token-invalid", "reason": "exp"}),
        ("GET", "/v1/allowances", {"authorization": "Bearer old"}, {"problem": "token-invalid", "reason": "exp"}),
        ("GET", "/v1/me/balances", {}, {"problem": "token-missing"}),
        ("GET", "/v1/cards/1", {"authorization": "Bearer citizen"}, {"problem": "role-not-allowed"}),
        ("DELETE", "/v1/allowances", {}, {"problem": "method-not-allowed"}),
        ("GET", "/v1/allowances", {}, {}),
    ],
)
async def test_a_refused_request_is_logged_with_its_problem(
    client: httpx2.AsyncClient, method: str, path: str, headers: Mapping[str, str], line: Mapping[str, Any]
) -> None:
    with capture_logs() as logs:
        response = await client.request(method, path, headers=headers)
    (logged,) = [entry for entry in logs if entry["event"] == "gateway.request"]
    assert {name: logged[name] for name in ("problem", "reason") if name in logged} == line
    assert (response.status_code >= 400) is bool(line)
    assert "exp" not in response.text.split('"')
