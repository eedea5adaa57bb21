"""The page with the results of the reconciliations."""

from __future__ import annotations

from typing import Any

import pytest
from frikort_contracts.http.reconciliations import ReconciliationResource, Reconciliations
from frikort_contracts.http.roles import Role

from tests.portals.reading import page_text
from tests.portals.resources import NOON
from tests.portals.site import Site


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
    given = {"run_id": "run-1", "started_at": NOON, "cards": 300, "years": 420, "differences": 0, "undecided": 0}
    site.answer(
        "GET", "/v1/reconciliations", Reconciliations(reconciliations=[ReconciliationResource(**given | changes)])
    )
    site.sign_in(Role.AUTHORITY)
    async with site.client() as browser:
        page = await browser.get("/myndighed/afstemning")
    assert row in page_text(page)
