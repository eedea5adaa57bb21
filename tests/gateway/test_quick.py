"""The short way for reports answers what FastAPI's way answers, whatever comes in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import httpx2
import pytest
from fastapi.routing import APIRoute
from frikort_contracts.values import Period

from services.gateway.api import reports
from services.gateway.api.quick import QuickRoute
from services.gateway.auth import Caller, Role
from services.gateway.projections.employments import EmploymentView
from tests.gateway.build import CARD, CVR, EMPLOYMENT, NOON
from tests.gateway.memory import memory_gateway

BODY: Final = {
    "employment_id": EMPLOYMENT,
    "reference": "2025-03/4711",
    "work": {"first": "2025-03-01", "last": "2025-03-31"},
    "payment_date": "2025-03-31",
    "components": {"wage_ore": 750_000, "atp_ore": 9_900},
}
HEADERS: Final = {
    "authorization": "Bearer employer",
    "content-type": "application/json",
    "idempotency-key": "k",
    "prefer": "wait=0",
    "accept-language": "en",
    "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
}


def body(**changes: Any) -> bytes:
    return json.dumps({**BODY, **changes}).encode()


REQUESTS: Final[list[tuple[str, bytes, Mapping[str, str | None]]]] = [
    ("in order", body(), {}),
    ("with a charset", body(), {"content-type": "application/json; charset=UTF-8"}),
    ("of another JSON type", body(), {"content-type": "application/vnd.x+json"}),
    ("no JSON type", body(), {"content-type": "text/plain"}),
    ("no type", body(), {"content-type": None}),
    ("UTF-16", json.dumps(BODY).encode("utf-16"), {}),
    ("no key", body(), {"idempotency-key": None}),
    ("a key that is none", body(), {"idempotency-key": "two words"}),
    ("no token", body(), {"authorization": None}),
    ("no token and no JSON", b"{", {"authorization": None}),
    ("another role", body(), {"authorization": "Bearer citizen"}),
    ("no JSON", b"{", {}),
    ("nothing", b"", {}),
    ("a list", b"[]", {}),
    ("half a character", body().replace(b"4711", b"\\ud800"), {}),
    ("an unknown field", body(more=1), {}),
    ("a number of kroner", body(components={"wage_ore": 1.5}), {}),
    ("an amount as text", body(components={"wage_ore": "1"}), {}),
    ("a whole number as float", body().replace(b"750000", b"750000.0"), {}),
    ("a time for a day", body(payment_date="2025-03-31T00:00:00"), {}),
    ("seconds for a day", body(payment_date=1_700_000_000), {}),
    ("work that ends before it begins", body(work={"first": "2025-03-31", "last": "2025-03-01"}), {}),
    ("a CPR number", body(reference="0101701234"), {}),
    ("true as a number", body(allow_duplicate=1), {}),
    ("an employment of nobody", body(employment_id="x"), {}),
    ("a field twice", body().replace(b'"reference"', b'"reference": "x", "reference"'), {}),
]


async def answer(content: bytes, changes: Mapping[str, str | None], path: str) -> tuple[int, bytes, dict[str, str]]:
    gateway = await memory_gateway()
    employment = EmploymentView(
        employment_id=EMPLOYMENT,
        card_id=CARD,
        revision=1,
        cvr=CVR,
        period=Period(first=date(2025, 1, 1)),
        contact="k.sealed",
        registered_at=NOON,
        order="1",
    )
    gateway.models.put("employments", EMPLOYMENT, employment)
    gateway.callers["employer"] = Caller("issuer", "c", "s", Role.EMPLOYER, CVR)
    gateway.callers["citizen"] = Caller("issuer", "c", "s", Role.CITIZEN, "h" * 22)
    headers = {name: value for name, value in {**HEADERS, **changes}.items() if value is not None}
    transport = httpx2.ASGITransport(gateway.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.post(path, content=content, headers=headers)
    return response.status_code, response.content, dict(response.headers)


@pytest.mark.parametrize("path", ["/v1/reports", "/v1/reports/dry-run"])
@pytest.mark.parametrize(("content", "changes"), [pytest.param(c, h, id=what) for what, c, h in REQUESTS])
async def test_both_ways_answer_the_same(
    monkeypatch: pytest.MonkeyPatch, content: bytes, changes: Mapping[str, str | None], path: str
) -> None:
    assert all(isinstance(route, QuickRoute) for route in reports.quick.routes)
    quick = await answer(content, changes, path)
    with monkeypatch.context() as patch:
        patch.setattr(QuickRoute, "get_route_handler", APIRoute.get_route_handler)
        careful = await answer(content, changes, path)

    assert quick == careful
