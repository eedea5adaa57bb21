"""A caseworker transfers a card to another municipality."""

from __future__ import annotations

import httpx2
import pytest
from frikort_contracts.http.cards import (
    HandedOverResource,
)
from frikort_contracts.http.common import Municipality

from tests.portals.caseworker.helpers import (
    API,
    CARD,
    HOME,
    KEY,
    commands,
    error_at,
    send,
    summary,
)
from tests.portals.site import Refusal, Site, said


async def test_a_card_is_handed_over_to_a_municipality_chosen_by_name(site: Site, visiting: httpx2.AsyncClient) -> None:
    path = f"{HOME}/overdragelse"
    jammerbugt = Municipality(code="849", name="Jammerbugt")
    site.answer("POST", f"{API}/hand-over", HandedOverResource(card_id=CARD, handed_over_to=jammerbugt))
    assert "Fra København Til Jammerbugt" in await summary(visiting, site, path, to_municipality="849")

    done = await send(visiting, path, to_municipality="849")
    site.answer("GET", API, Refusal("card-unknown"))  # it cannot be seen here any more
    receipt = await visiting.get(done.headers["location"])

    assert commands(site) == [(f"{API}/hand-over", {"to_municipality": "849"}, KEY)]
    assert receipt.status_code == 200
    assert "Jammerbugt er nu ansvarlig for frikortet" in said(receipt)


@pytest.mark.parametrize(("typed", "refusal"), [("101", Refusal("same-municipality")), ("999", None), ("", None)])
async def test_a_wrong_municipality_stands_at_the_choice(
    site: Site, visiting: httpx2.AsyncClient, typed: str, refusal: Refusal | None
) -> None:
    if refusal is not None:
        site.answer("POST", f"{API}/hand-over", refusal)
    assert error_at(await send(visiting, f"{HOME}/overdragelse", to_municipality=typed), "to_municipality")


async def test_municipalities_are_in_danish_order(visiting: httpx2.AsyncClient) -> None:
    options = (await visiting.get(f"{HOME}/overdragelse")).text.partition("<select")[2]
    places = [options.index(f">{name}<") for name in ("Albertslund", "Vordingborg", "Ærø", "Aabenraa")]
    assert places == sorted(places)
