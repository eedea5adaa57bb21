"""The application without Kafka, MongoDB and OpenID provider: the responses that need none of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from frikort_contracts.http.roles import Role
from openapi_spec_validator import validate
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from services.gateway.api.dependencies import wait_seconds
from services.gateway.api.errors import problem_response
from services.gateway.api.paging import after, page
from services.gateway.app import application_factory
from services.gateway.auth import Caller
from services.gateway.container import Container
from services.gateway.problems import ProblemError
from services.runtime.service import Runtime
from services.runtime.web.requests import RequestLimits, RequestMiddleware, correlation_of
from tests.gateway.build import settings
from tests.gateway.memory import memory_gateway
from tests.waiting import eventually


async def application(**changes: Any) -> FastAPI:
    chosen = settings(**changes)
    return application_factory(chosen, Runtime(service="gateway", settings=chosen))


@pytest.fixture
async def app() -> FastAPI:
    return await application()


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://gateway") as client:
        yield client


def code_of(response: httpx2.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["instance"] == f"urn:uuid:{response.headers['correlation-id']}"
    return str(body["type"]).removeprefix("/problems/")


@pytest.fixture
async def caseworker() -> AsyncIterator[httpx2.AsyncClient]:
    """A client with a valid token."""
    gateway = await memory_gateway()
    gateway.callers["caseworker"] = Caller("i", "c", "s", Role.CASEWORKER, "101")
    headers = {"authorization": "Bearer caseworker", "idempotency-key": "key", **JSON}
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=gateway.app), base_url="http://gateway", headers=headers
    ) as client:
        yield client


JSON = {"content-type": "application/json"}
MANY_MEMBERS = json.dumps({f"field-{number}": 1 for number in range(51)}).encode()
OPEN = ("/v1/allowances", "/v1/problems", "/v1/statistics", "/v1/evidence/keys")


async def test_the_openapi_document_is_valid(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/v1/openapi.json")).json()

    validate(document)
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            described = f"{method} {path}"
            is_protected = path.startswith("/v1/") and not path.startswith(OPEN)
            assert operation["security"] == ([{"oauth2": []}] if is_protected else []), described
            assert operation["description"], described
            if is_protected:
                problems = operation["responses"]["401"]["content"]
                assert list(problems) == ["application/problem+json"], described
    assert "/local/clock" not in document["paths"]


async def test_commands_document_their_idempotency_key(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/v1/openapi.json")).json()
    reads = {"search_card", "search_audit_log", "export_audit_log"}
    idempotent = {"book_batch", "cancel_batch"}  # repeating them changes nothing
    for methods in document["paths"].values():
        for method, operation in methods.items():
            required = {p["name"] for p in operation.get("parameters", ()) if p.get("required") and p["in"] == "header"}
            is_command = method in {"post", "put"} and operation["operationId"] not in reads | idempotent
            assert (required == {"Idempotency-Key"}) == is_command, operation["operationId"]


@pytest.mark.parametrize(
    ("method", "path", "content", "headers", "status", "code"),
    [
        ("GET", "/v2", b"", {}, 404, "not-found"),
        ("DELETE", "/v1/problems", b"", {}, 405, "method-not-allowed"),
        ("GET", "/v1/allowances", b"", {"authorization": "Bearer x"}, 503, "temporarily-unavailable"),
        ("GET", "/problems/no-such", b"", {}, 404, "not-found"),
        ("PUT", "/local/clock", b'{"time": "2025-01-01"}', JSON, 422, "invalid-request"),
        ("PUT", "/local/clock", b"time", {"content-type": "text/plain"}, 415, "media-type-unsupported"),
    ],
)
async def test_a_malformed_request_gets_a_problem(
    client: httpx2.AsyncClient,
    method: str,
    path: str,
    content: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    response = await client.request(method, path, content=content, headers=headers)

    assert (response.status_code, code_of(response)) == (status, code)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/reports", "GET, HEAD, POST"),
        ("TRACE", "/v1/reports", "GET, HEAD, POST"),
        ("GET", "/v1/cards/search", "POST"),
        ("HEAD", "/v1/cards/search", "POST"),
        ("POST", "/v1/cards/some", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_answered_with_all_methods_of_the_path(
    caseworker: httpx2.AsyncClient, method: str, path: str, allowed: str
) -> None:
    response = await caseworker.request(method, path)

    assert response.status_code == 405
    assert response.headers["allow"] == allowed


async def test_head_is_answered_as_get_without_the_body(client: httpx2.AsyncClient) -> None:
    got, head = await client.get("/v1/problems"), await client.head("/v1/problems")

    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "cache-control"):
        assert head.headers[name] == got.headers[name]


async def test_every_operation_refuses_unknown_query_parameters(app: FastAPI, caseworker: httpx2.AsyncClient) -> None:
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            response = await caseworker.request(method, path, params={"lmit": "10"})
            assert (response.status_code, code_of(response)) == (422, "invalid-request"), f"{method} {path}"
            (error,) = response.json()["errors"]
            assert (error["pointer"], error["code"]) == ("query:/lmit", "unknown-field")


async def test_a_query_parameter_that_is_there_twice_is_refused(caseworker: httpx2.AsyncClient) -> None:
    response = await caseworker.get("/v1/reports", params={"limit": ["10", "20"]})

    assert (response.status_code, code_of(response)) == (422, "invalid-request")
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [("query:/limit", "repeated")]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "malformed-json"),
        (b"\xff\xfe", 400, "malformed-json"),
        ('{"name": "Bo"}'.encode("utf-16"), 400, "malformed-json"),
        (b"\xef\xbb\xbf{}", 400, "malformed-json"),
        (b"[" * 60_000, 400, "malformed-json"),
        (b"9" * 5_000, 400, "malformed-json"),
        (MANY_MEMBERS, 413, "body-too-large"),
        (b" " * 65_537, 413, "body-too-large"),
    ],
)
async def test_a_malformed_body_gets_a_problem(
    caseworker: httpx2.AsyncClient, content: bytes, status: int, code: str
) -> None:
    response = await caseworker.post("/v1/cards", content=content)

    assert (response.status_code, code_of(response)) == (status, code)


async def test_at_most_twenty_errors_are_listed(caseworker: httpx2.AsyncClient) -> None:
    """S5."""
    response = await caseworker.post("/v1/cards", json={f"field-{number}": 1 for number in range(50)})

    assert (response.status_code, code_of(response)) == (422, "invalid-request")
    assert len(response.json()["errors"]) == 20


async def test_one_caller_has_a_limit_of_requests_at_once_and_others_are_served() -> None:
    gateway = await memory_gateway(requests_per_client=1)
    gateway.callers["caseworker"] = Caller("i", "c", "s", Role.CASEWORKER, "101")
    gateway.callers["other"] = Caller("i", "c", "other", Role.CASEWORKER, "101")
    transport = httpx2.ASGITransport(app=gateway.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:

        async def status(name: str) -> int:
            headers = {"authorization": f"Bearer {name}"}
            return (await client.get("/v1/outcomes/unknown", headers=headers)).status_code

        body = {"cpr": "6101800101", "name": "Karla", "case_reference": "S-1"}
        headers = {"authorization": "Bearer caseworker", "idempotency-key": "key", "prefer": "wait=30"}
        waiting = asyncio.create_task(client.post("/v1/cards", json=body, headers=headers))

        async def is_refused() -> bool:
            return await status("caseworker") == 429

        await eventually(is_refused)
        assert await status("other") == 404
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await status("caseworker") == 404


async def test_a_body_is_not_read_without_a_valid_token(app: FastAPI) -> None:
    read = False

    async def receive() -> Message:
        nonlocal read
        read = True
        return {"type": "http.request", "body": b"{}", "more_body": False}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/cards",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")],
        "client": ("192.0.2.1", 1),
        "state": {},
    }
    await app(scope, receive, send)

    assert sent[0]["status"] == 401
    assert not read


async def test_a_body_without_a_content_length_is_limited(caseworker: httpx2.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 10_000

    response = await caseworker.post("/v1/cards", content=endless())

    assert (response.status_code, code_of(response)) == (413, "body-too-large")


async def test_an_unexpected_error_reveals_no_detail(app: FastAPI, client: httpx2.AsyncClient) -> None:
    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("Karla Eksempel has number 12345")

    response = await client.get("/broken")

    assert (response.status_code, code_of(response)) == (500, "internal-error")
    assert "Karla" not in response.text


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_no_other_site_may_read_the_api_in_a_browser(client: httpx2.AsyncClient, method: str) -> None:
    headers = {"origin": "https://evil.test", "access-control-request-method": "GET"}
    response = await client.request(method, "/v1/problems", headers=headers)
    assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/metrics", "/health", "/health/live", "/health/ready"])
async def test_health_and_metrics_are_not_on_the_public_port(client: httpx2.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert (response.status_code, code_of(response)) == (404, "not-found")


async def test_the_clock_can_be_set_only_locally() -> None:
    production = await application(environment="production")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=production), base_url="http://gateway") as client:
        response = await client.put("/local/clock", json={"time": "2025-01-01T00:00:00Z"})

    assert (response.status_code, code_of(response)) == (404, "not-found")
    gateway: Container = production.state.gateway
    assert not gateway.clock.settable


async def test_problems_are_in_the_language_of_the_caller(client: httpx2.AsyncClient) -> None:
    danish = await client.get("/nowhere")
    english = await client.get("/nowhere", headers={"accept-language": "en"})

    assert (danish.headers["content-language"], danish.json()["title"]) == ("da", "Siden findes ikke")
    assert (english.headers["content-language"], english.json()["title"]) == ("en", "Nothing is here")


async def test_the_correlation_id_is_the_callers_trace(client: httpx2.AsyncClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    response = await client.get("/nowhere", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})

    assert response.headers["correlation-id"].replace("-", "") == trace


@pytest.mark.parametrize("traceparent", [None, "", "x", "00-zz-00-01", "00-" + "0" * 31 + "-" + "0" * 16 + "-01"])
def test_a_request_without_a_valid_trace_gets_a_new_correlation_id(traceparent: str | None) -> None:
    assert correlation_of(traceparent) != correlation_of(traceparent)


@pytest.mark.parametrize(
    ("prefer", "seconds", "applied"),
    [
        ("", 10, None),
        ("wait=5", 5, "wait=5"),
        ("wait=0", 0, "wait=0"),
        ("wait=600", 30, "wait=30"),
        ("respond-async, wait=7", 7, "wait=7"),
        ("Wait = 7; foo", 7, "wait=7"),
        ("wait=-1", 10, None),
        ("wait=1.5", 10, None),
        ("await=3", 10, None),
        ("wait=99999999999999999999", 10, None),
    ],
)
async def test_a_caller_chooses_how_long_to_wait_within_limits(
    app: FastAPI, prefer: str, seconds: float, applied: str | None
) -> None:
    assert wait_seconds(prefer, app.state.gateway.wait_limits) == (seconds, applied)


class Entry:
    def __init__(self, order: str) -> None:
        self.order = order


def test_all_pages_together_are_the_whole_list() -> None:
    entries = [Entry(f"{n:02d}") for n in range(5)]

    first, following = page(entries[:3], 2)
    assert [e.order for e in first] == ["00", "01"]
    assert following is not None
    assert after(following) == {"order": {"$gt": "01"}}
    assert after(following, newest=True) == {"order": {"$lt": "01"}}
    assert after("", newest=True) == after("") == {"order": {"$gt": ""}}  # entries without an order are in no list
    last, nothing = page(entries[4:], 2)
    assert ([e.order for e in last], nothing) == (["04"], None)


@pytest.mark.parametrize("cursor", ["a", "_____", "\u00e6"])
def test_an_invalid_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ProblemError, match="invalid-request"):
        after(cursor)


async def test_requests_above_the_limit_are_refused() -> None:
    started, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        started.release()
        await go_on.wait()
        await PlainTextResponse("done")(scope, receive, send)

    limits = RequestLimits.from_settings(settings(requests_most=2), body_most=10, files_most={})
    busy = RequestMiddleware(slow, service="gateway", limits=limits, error_response=problem_response)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=busy), base_url="http://gateway") as client:
        carried = [asyncio.create_task(client.get("/")) for _ in range(2)]
        for _ in carried:
            await started.acquire()
        refused = await client.get("/")
        go_on.set()
        assert [answer.status_code for answer in await asyncio.gather(*carried)] == [200, 200]
        assert (refused.status_code, code_of(refused)) == (503, "too-busy")
        assert refused.headers["retry-after"]
        assert (await client.get("/")).status_code == 200, "a finished request makes room"
