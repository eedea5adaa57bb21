"""The page with the results of the reconciliations."""

from __future__ import annotations

from typing import Any, Final

import pytest
from frikort_contracts.http.reconciliations import (
    DifferenceResource,
    MessageResource,
    ReconciliationResource,
    Reconciliations,
)
from frikort_contracts.http.roles import Role

from tests.portals.reading import page_text
from tests.portals.resources import NOON
from tests.portals.site import Site

RUN: Final[dict[str, Any]] = {
    "run_id": "run-1", "started_at": NOON, "cards": 300, "years": 420, "differences": 0, "undecided": 0, "differing": []
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({}, "1. juni 2025 kl. 12.00 Stemmer 300 420 0 0"),
        ({"differences": 2}, "1. juni 2025 kl. 12.00 Afvigelser 300 420 2 0"),
        ({"undecided": 1}, "1. juni 2025 kl. 12.00 Ikke afgjort 300 420 0 1"),
    ],
    ids=["agrees", "differs", "undecided"],
)
async def test_a_reconciliation_is_listed_with_its_result(site: Site, changes: dict[str, Any], row: str) -> None:
    given = RUN | changes
    site.answer("GET", "/v1/reconciliations", Reconciliations(reconciliations=[ReconciliationResource(**given)]))
    site.sign_in(Role.AUTHORITY)
    async with site.client() as browser:
        page = await browser.get("/myndighed/afstemning")
    assert row in page_text(page)


async def test_the_messages_that_made_a_difference_are_listed_with_their_places(site: Site) -> None:
    place = MessageResource(
        message_id="6d0c6f0c-1c58-5c8f-9a0b-0c9a4d1e2f3a",
        type="dk.frikort.earnings.reported.v1",
        topic="frikort.earnings.v1",
        partition=3,
        offset=120,
    )
    unreadable = place.model_copy(update={"message_id": None, "type": None, "offset": 121})
    difference = DifferenceResource(year=2025, messages=[place, unreadable])
    run = ReconciliationResource(**RUN | {"differences": 1, "differing": [difference]})
    site.answer("GET", "/v1/reconciliations", Reconciliations(reconciliations=[run]))
    site.sign_in(Role.AUTHORITY)
    async with site.client() as browser:
        text = page_text(await browser.get("/myndighed/afstemning"))
    assert "Afvigelse 1, året 2025" in text
    assert "6d0c6f0c-1c58-5c8f-9a0b-0c9a4d1e2f3a dk.frikort.earnings.reported.v1 frikort.earnings.v1/3/120" in text
    assert "frikort.earnings.v1/3/121" in text
