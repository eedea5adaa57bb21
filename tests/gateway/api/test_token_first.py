"""S5: Without a valid token a request is answered 401, whatever else is wrong with it; public paths need none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2
import pytest
from fastapi import FastAPI

from services.gateway.api.authentication import PUBLIC_PATHS, is_public
from services.gateway.app import application_factory
from services.runtime.service import Runtime
from tests.gateway.build import settings

JSON: Final = {"content-type": "application/json"}
LARGE: Final = 1_000_000
WRONG: Final[dict[str, dict[str, Any]]] = {
    "nothing": {},
    "an unknown query parameter": {"params": {"lmit": "10"}},
    "a repeated query parameter": {"params": {"limit": ["10", "20"]}},
    "a query parameter of another form": {"params": {"limit": "many", "year": "x"}},
    "headers of another form": {"headers": {"idempotency-key": "\t", "access-reason": "x", "prefer": "wait=-1"}},
    "another authentication scheme": {"headers": {"authorization": "Basic eDp4"}},
    "a body that is not JSON": {"content": b"{", "headers": JSON},
    "a body of another type": {"content": b"x", "headers": {"content-type": "text/plain"}},
    "a body that is too large": {"content": b" " * LARGE, "headers": JSON},
    "a body with unknown fields": {"json": {f"field-{number}": 1 for number in range(100)}},
}


@pytest.fixture
async def app() -> FastAPI:
    chosen = settings()
    return application_factory(chosen, Runtime(service="gateway", settings=chosen))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://gateway") as client:
        yield client


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_request_without_a_token_is_answered_401_whatever_is_wrong_with_it(
    app: FastAPI, client: httpx2.AsyncClient, wrong: str
) -> None:
    protected = [path for path in app.openapi()["paths"] if path.startswith("/v1/") and not is_public(path)]
    for path in protected:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            response = await client.request(method, path, **WRONG[wrong])
            assert response.status_code == 401, f"{method} {path}"
            assert response.headers["www-authenticate"] == "Bearer", f"{method} {path}"


@pytest.mark.parametrize("path", ["/v1/cards/", "/v1/nothing", "/v1/", "/v1/allowances/"])
async def test_without_a_token_nothing_shows_which_paths_there_are(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 401


async def test_the_public_paths_are_those_that_the_document_says(app: FastAPI) -> None:
    documented = {
        path
        for path, operations in app.openapi()["paths"].items()
        if any(not operation["security"] for operation in operations.values())
    }
    assert {path for path in documented if not is_public(path)} == {"/problems/{code}"}
    assert {path for path in app.openapi()["paths"] if is_public(path)} <= documented


@pytest.mark.parametrize("path", sorted(PUBLIC_PATHS - {"/v1/allowances", "/v1/statistics"}))  # they read the database
async def test_a_public_path_needs_no_token(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200
    assert (await client.get(path, params={"lmit": "10"})).status_code in {200, 422}
