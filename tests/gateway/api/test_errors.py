"""What the API answers when Kafka or MongoDB fails: a client tries again only if that can help."""

from __future__ import annotations

import httpx2
import pytest
from fastapi import FastAPI
from pymongo.errors import AutoReconnect, DocumentTooLarge, OperationFailure
from structlog.testing import capture_logs

from services.gateway.api.errors import add_handlers, problem_response
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.web.connections import Proxies
from services.runtime.web.methods import PathMethods
from services.runtime.web.requests import RequestLimits, RequestMiddleware

LIMITS = RequestLimits(
    body_most=1000,
    files_most={},
    requests_most=10,
    per_client=10,
    body_timeout=10,
    body_rate=1000,
    proxies=Proxies(""),
)


async def answer_to(error: Exception) -> tuple[int, str, str | None]:
    """The status, problem and Retry-After of a request that fails with this error."""
    app = FastAPI()

    @app.get("/fails")
    async def fails() -> None:
        raise error

    methods = PathMethods(app.routes)
    add_handlers(app, methods)
    app.add_middleware(
        RequestMiddleware, service="test", limits=LIMITS, error_response=problem_response, routes=methods.routes()
    )
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.get("/fails")
    return response.status_code, response.json()["type"], response.headers.get("retry-after")


@pytest.mark.parametrize("error", [AutoReconnect("closed"), KafkaUnavailable("none"), OperationFailure("no", 13)])
async def test_an_error_that_may_pass_is_answered_with_the_time_to_try_again(error: Exception) -> None:
    assert await answer_to(error) == (503, "/problems/temporarily-unavailable", "5")


@pytest.mark.parametrize("error", [DocumentTooLarge("16 MB of wages"), OperationFailure("a person's data", 121)])
async def test_what_can_never_be_written_is_not_to_be_sent_again(error: Exception) -> None:
    with capture_logs() as logs:
        assert await answer_to(error) == (500, "/problems/internal-error", None)
    (failure,) = [line for line in logs if line["log_level"] == "error"]
    assert (failure["event"], failure["error"]) == ("test.request_failed", type(error).__name__)
