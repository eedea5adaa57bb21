"""A dispute is decided as the municipality has seen it: by the API and on the page."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from frikort_contracts.http.roles import Role

from tests.doors.doors import Entry, json_body
from tests.doors.people import caseworker, decide, dispute
from tests.doors.world import CARD, World
from tests.portals.reading import page_text
from tests.portals.site import FORM

HOME = f"/kommune/frikort/{CARD}"


async def answer_dispute(world: World, report_id: str) -> None:
    """Answer as the employer that the report is right."""
    body = {"reason": "matches-payslip"}
    answered = await world.api.post(f"/v1/reports/{report_id}/dispute/answer", json=body, headers=world.headers)
    assert answered.status_code == 200, answered.text


async def send(world: World, path: str, **fields: str) -> httpx2.Response:
    """Send a form of the portals."""
    return await world.pages.post(path, data={**FORM, "key": str(uuid4()), **fields})


@pytest.fixture
async def report_id(world: World) -> str:
    """A report that the citizen disputes."""
    body = json_body(Entry(), employment_id=world.employ(date(2025, 1, 1)))
    booked = await world.api.post("/v1/reports", json=body, headers=world.headers)
    await dispute(world, booked.json()["report_id"])
    return str(booked.json()["report_id"])


async def shown_dispute(world: World) -> dict[str, Any]:
    """The dispute as the municipality reads it."""
    found = await world.api.get(f"/v1/cards/{CARD}/reports", headers=caseworker(world))
    (report,) = found.json()["reports"]
    return dict(report["dispute"])


async def test_a_program_does_not_decide_a_dispute_that_changed_since_it_was_read(world: World, report_id: str) -> None:
    seen = (await shown_dispute(world))["revision"]
    await answer_dispute(world, report_id)

    refused = await decide(world, report_id, "employer-must-correct", dispute_revision=seen)
    now = await shown_dispute(world)
    decided = await decide(world, report_id, "report-stands", dispute_revision=now["revision"])

    assert (refused.status_code, refused.json()["code"]) == (409, "dispute-changed")
    assert refused.json()["facts"] == {"revision": now["revision"]}
    assert (now["answer"]["reason"], now["decision"]) == ("matches-payslip", None)
    assert decided.status_code == 200, decided.text


async def test_a_page_shows_a_dispute_that_changed_since_it_was_opened_and_keeps_the_choice(
    world: World, report_id: str
) -> None:
    caseworker(world)
    world.site.sign_in(Role.CASEWORKER, "Sanne Sagsbehandler")
    await send(world, f"{HOME}/begrundelse", why="contact")
    page = f"{HOME}/indberetninger/{report_id}/afgoerelse"
    opened = await world.pages.get(page)
    (seen,) = re.findall(r'name="dispute_revision" value="(\d+)"', opened.text)
    await answer_dispute(world, report_id)

    refused = await send(world, page, decision="employer-must-correct", dispute_revision=seen)
    (now,) = re.findall(r'name="dispute_revision" value="(\d+)"', refused.text)
    still_open = await shown_dispute(world)
    decided = await send(world, page, decision="employer-must-correct", dispute_revision=now)

    assert "Intet svar endnu" in page_text(opened)
    assert refused.status_code == 409
    assert "Indsigelsen er ændret imens" in page_text(refused)
    assert "Intet svar endnu" not in page_text(refused)
    assert re.search(r'value="employer-must-correct"[^>]* checked', refused.text)
    assert (still_open["decision"], int(now)) == (None, int(seen) + 1)
    assert "at arbejdsgiveren skal rette indberetningen" in page_text(decided)
