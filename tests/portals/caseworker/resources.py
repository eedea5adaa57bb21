"""A card as the API returns it to a caseworker, and the steps of a form: its summary and its confirmation."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import httpx2
from frikort_contracts.http.cards import (
    CardHistory,
    CardResource,
)
from frikort_contracts.http.common import Days, Municipality

from tests.portals import resources
from tests.portals.reading import page_text
from tests.portals.site import Site, send_form

CARD: Final = "8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b11"
OTHER: Final = "0e5d8f8e-1a51-4c0f-8c7e-3b6c0f6a2d22"
HOME: Final = f"/kommune/frikort/{CARD}"
API: Final = f"/v1/cards/{CARD}"
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
                at=resources.NOON,
                municipality=Municipality(code="101", name="København"),
                by="someone",
                case_reference="S-1",
            )
        ],
    }
    return CardResource(**given | changes)


DEACTIVATED: Final = card(status="deactivated", active_periods=[Days(first=date(2025, 1, 6), last=date(2026, 11, 22))])


async def open_summary(client: httpx2.AsyncClient, site: Site, path: str, **fields: str) -> str:
    """The text of the summary that follows a form. No command is sent yet."""
    page = await send_form(client, path, **fields)
    assert page.status_code == 200
    assert site.commands() == []
    return page_text(page)


async def confirm_form(client: httpx2.AsyncClient, path: str, **fields: str) -> httpx2.Response:
    """The response to a form that is confirmed in its summary."""
    return await send_form(client, path, **fields, step="send")
