"""The citizen of the card and a caseworker of its municipality, as programs and on the pages."""

from __future__ import annotations

from typing import Any

import httpx2
from frikort_contracts.http.roles import Role

from services.gateway.auth import Caller
from tests.doors.world import CARD, World


async def as_citizen(world: World, path: str, name: str) -> dict[str, Any]:
    """The only item of a list of the card's citizen."""
    answer = await world.api.get(path, headers=citizen(world))
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()[name]
    return dict(found)


async def dispute(world: World, report_id: str) -> dict[str, Any]:
    """Dispute a report as the card's citizen."""
    body = {"reason": "wrong-amount"}
    answer = await world.api.post(f"/v1/me/reports/{report_id}/dispute", json=body, headers=citizen(world))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def decide(world: World, report_id: str, decision: str, **seen: int) -> httpx2.Response:
    """Decide the dispute of a report for the card's municipality."""
    path = f"/v1/cards/{CARD}/reports/{report_id}/dispute/decision"
    return await world.api.post(path, json={"decision": decision, **seen}, headers=caseworker(world))


def citizen(world: World) -> dict[str, str]:
    """The headers of a request of the card's citizen."""
    card = world.gateway.models.memory["cards"].states[CARD]
    world.gateway.callers["citizen"] = Caller("issuer", "portal", "citizen-1", Role.CITIZEN, card.person.cpr_hash)
    return {**world.headers, "authorization": "Bearer citizen"}


def caseworker(world: World) -> dict[str, str]:
    """The headers of a request of the card's municipality."""
    token = f"token of {Role.CASEWORKER}"
    world.gateway.callers[token] = Caller("issuer", "portal", "worker-1", Role.CASEWORKER, "101")
    return {**world.headers, "authorization": f"Bearer {token}", "access-reason": "sag 2026-0042"}
