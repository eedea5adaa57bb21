"""A card as the API answers it, and how a test sends a form and reads the commands."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import httpx2
from frikort_contracts.http.cards import (
    CardHistory,
    CardResource,
)
from frikort_contracts.http.common import Days, Municipality

from tests.portals import citizens as c
from tests.portals.site import TOKEN, Site, said

CARD: Final = "8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b11"
OTHER: Final = "0e5d8f8e-1a51-4c0f-8c7e-3b6c0f6a2d22"
HOME: Final = f"/kommune/frikort/{CARD}"
API: Final = f"/v1/cards/{CARD}"
KEY: Final = "11111111-1111-4111-8111-111111111111"
CPR: Final = "6507901234"
WHY: Final = "Borgeren har henvendt sig"


def card(**changes: Any) -> CardResource:
    given: dict[str, Any] = {
        "card_id": CARD,
        "number": "48213",
        "cpr": CPR,
        "name": "Karla Eksempel",
        "municipality": Municipality(code="101", name="København"),
        "status": "active",
        "active_periods": [Days(first=date(2025, 1, 6))],
        "control_due": 2027,
        "last_control": None,
        "revision": 1,
        "history": [
            CardHistory(
                revision=1,
                event="issued",
                at=c.NOON,
                municipality=Municipality(code="101", name="København"),
                by="someone",
                case_reference="S-1",
            )
        ],
    }
    return CardResource(**given | changes)


DEACTIVATED: Final = card(status="deactivated", active_periods=[Days(first=date(2025, 1, 6), last=date(2026, 11, 22))])


async def post(client: httpx2.AsyncClient, path: str, **typed: str) -> httpx2.Response:
    return await client.post(path, data={"form_token": TOKEN, "key": KEY, **typed})


async def summary(client: httpx2.AsyncClient, site: Site, path: str, **typed: str) -> str:
    """The summary step, after which nothing is done yet."""
    page = await post(client, path, **typed)
    assert page.status_code == 200
    assert commands(site) == []
    return said(page)


async def send(client: httpx2.AsyncClient, path: str, **typed: str) -> httpx2.Response:
    return await post(client, path, **typed, step="send")


def commands(site: Site) -> list[tuple[str, Any, str | None]]:
    return [(asked.path, asked.body or None, asked.key) for asked in site.asked if asked.method == "POST"]


def error_at(page: httpx2.Response, field: str) -> bool:
    """The field is marked, and the summary of errors leads to it."""
    return f'id="{field}-error"' in page.text and f'href="#{field}' in page.text
