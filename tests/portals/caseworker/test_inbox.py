"""D2: the municipality has a list of its citizens' open disputes."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from frikort_contracts.http.reports import (
    DisputeAnswerResource,
    DisputeDecisionResource,
    DisputedReportResource,
    DisputedReports,
)
from frikort_contracts.reporting import AnswerReason, DisputeDecision

from tests.portals import resources
from tests.portals.caseworker.resources import CARD, HOME
from tests.portals.reading import page_text
from tests.portals.site import Site, send_form

ANSWER = DisputeAnswerResource(reason=AnswerReason.WAGE_PAID, answered_at=resources.NOON)
DECISION = DisputeDecisionResource(decision=DisputeDecision.EMPLOYER_MUST_CORRECT, decided_at=resources.NOON)


def disputed(**changes: Any) -> DisputedReportResource:
    return DisputedReportResource(
        card_id=CARD,
        card_number="48213",
        name="Karla Eksempel",
        report_id=resources.REPORT,
        cvr="99000007",
        payment_date=date(2025, 3, 31),
        total_ore=750_000,
        dispute=resources.dispute(**changes),
    )


@pytest.mark.parametrize(
    ("replies", "status"),
    [
        ({}, "Venter på arbejdsgiveren"),
        ({"answer": ANSWER}, "Arbejdsgiveren siger, at den er rigtig"),
        ({"answer": ANSWER, "decision": DECISION}, "Afgjort: Arbejdsgiveren skal rette"),
    ],
)
async def test_the_list_shows_what_waits_and_for_whom(
    site: Site, client: httpx2.AsyncClient, replies: dict[str, Any], status: str
) -> None:
    site.answer("GET", "/v1/disputes", DisputedReports(disputes=[disputed(**replies)], next="Zm9v"))

    page = await client.get("/kommune/indsigelser")

    line = "Karla Eksempel 48213 99000007 7.500,00 kr. 31. marts 2025 Beløbet er forkert 1. juni 2025"
    assert f"{line} {status}" in page_text(page)
    assert 'href="/kommune/indsigelser?cursor=Zm9v"' in page.text
    assert site.requests[0].reason == "Indsigelse"


async def test_a_dispute_opens_at_its_report_for_the_reason_of_the_dispute(
    site: Site, client: httpx2.AsyncClient
) -> None:
    site.answer("GET", "/v1/disputes", DisputedReports(disputes=[disputed()], next=None))
    page = await client.get("/kommune/indsigelser")
    report = f"{HOME}/indberetninger/{resources.REPORT}"
    action = f"{HOME}/begrundelse?{urlencode({'videre': report})}"
    assert f'action="{action}"' in page.text

    opened = await send_form(client, action, why="dispute")

    assert opened.headers["location"] == report
    assert (await client.get(opened.headers["location"])).status_code == 200
    assert {request.reason for request in site.requests} == {"Indsigelse"}


async def test_an_empty_list_says_that_it_is_empty(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", "/v1/disputes", DisputedReports(disputes=[], next=None))
    assert "Der er ingen åbne indsigelser." in page_text(await client.get("/kommune/indsigelser"))
