"""What requests and batches leave in the metrics, with every set of labels from the start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from frikort_contracts.cloudevents import time_text
from prometheus_client import REGISTRY
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from services.runtime import metrics
from services.runtime.web.connections import Proxies
from services.runtime.web.methods import PathMethods
from services.runtime.web.requests import RequestLimits, RequestMiddleware
from tests.runtime.memory import Faults, Instance, MemoryDatabase, MemoryKafka
from tests.runtime.tally import COMMANDS, TALLIES, command

LIMITS = RequestLimits(
    body_most=1000,
    files_most={},
    requests_most=10,
    per_client=10,
    body_timeout=10,
    body_rate=1000,
    proxies=Proxies(""),
)


def answer(request: Request, code: str, *, headers: Mapping[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{request.method} {code}", 500, headers)


def served(service: str) -> RequestMiddleware:
    """An application with a template below a prefix, whose requests succeed, are refused or fail."""
    router = APIRouter(prefix="/v1/cards")

    @router.get("/{card_id}")
    def card(card_id: str) -> str:
        if card_id == "missing":
            raise HTTPException(404)
        if card_id == "broken":
            raise LookupError
        return card_id

    app = FastAPI()
    app.include_router(router)
    methods = PathMethods(router.routes)
    return RequestMiddleware(app, service=service, limits=LIMITS, error_response=answer, routes=methods.routes())


def requests(service: str, method: str, route: str, outcome: str) -> float | None:
    labels = {"service": service, "method": method, "route": route, "outcome": outcome}
    return REGISTRY.get_sample_value("frikort_http_request_seconds_count", labels)


async def call(app: RequestMiddleware, method: str, path: str) -> None:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.request(method, path)


@pytest.mark.parametrize("outcome", ["success", "refused", "failed"])
def test_every_route_and_outcome_is_there_before_the_first_request(outcome: str) -> None:
    served("from-the-start")
    assert requests("from-the-start", "GET", "/v1/cards/{card_id}", outcome) == 0
    assert requests("from-the-start", "other", "other", outcome) == 0


@pytest.mark.parametrize(
    ("path", "outcome"), [("/v1/cards/17", "success"), ("/v1/cards/missing", "refused"), ("/v1/cards/broken", "failed")]
)
async def test_a_request_counts_for_its_template_and_its_outcome(path: str, outcome: str) -> None:
    service = f"counts-{outcome}"
    await call(served(service), "GET", path)
    found = {o: requests(service, "GET", "/v1/cards/{card_id}", o) for o in ("success", "refused", "failed")}
    assert found == {"success": 0, "refused": 0, "failed": 0} | {outcome: 1}


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/010190-1234"), ("MINE", "/v1/cards/17")])
async def test_a_path_or_method_that_the_client_invents_is_no_label(method: str, path: str) -> None:
    service = f"invented-{method.lower()}"
    await call(served(service), method, path)
    assert requests(service, "other", "other", "refused") == 1
    assert requests(service, method, path, "refused") is None


async def test_the_age_of_the_oldest_record_of_a_batch_is_measured_by_processor_and_type() -> None:
    kafka, database, faults = MemoryKafka(), MemoryDatabase(TALLIES), Faults()
    instance = Instance(kafka, database, faults, service="aged")
    labels = {"processor": "aged.tallies", "type": dict(command("a", 1).headers)["ce_type"].decode()}
    assert REGISTRY.get_sample_value("frikort_record_age_seconds_count", labels) == 0
    now = datetime.now(UTC)
    for number, age in enumerate((100, 900, 200)):
        record = command("a", number)
        time = time_text(now - timedelta(seconds=age)).encode()
        kafka.append(record._replace(headers=tuple({**dict(record.headers), "ce_time": time}.items())), partition=0)
    await instance.drain([COMMANDS])
    assert REGISTRY.get_sample_value("frikort_record_age_seconds_count", labels) == 1
    seconds = REGISTRY.get_sample_value("frikort_record_age_seconds_sum", labels) or 0
    assert 900 <= seconds < 900 + (datetime.now(UTC) - now).total_seconds() + 1


def test_the_metrics_of_a_processor_are_there_before_its_first_batch() -> None:
    metrics.prepare(["early.processor"])
    for name in (
        "messages_applied_total",
        "dead_letters_total",
        "batch_retries_total",
        "batch_seconds_count",
        "stalled",
    ):
        assert REGISTRY.get_sample_value(f"frikort_{name}", {"processor": "early.processor"}) == 0
