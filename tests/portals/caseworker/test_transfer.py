"""A caseworker transfers a card to another municipality."""

from __future__ import annotations

import httpx2
import pytest
from frikort_contracts.http.cards import (
    HandedOverResource,
)
from frikort_contracts.http.common import Municipality

from tests.portals.caseworker.resources import API, CARD, HOME, confirm_form, open_summary
from tests.portals.reading import error_at, login_link, page_text
from tests.portals.site import KEY, Refusal, Site


async def test_a_card_is_handed_over_to_a_municipality_chosen_by_name(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    path = f"{HOME}/overdragelse"
    jammerbugt = Municipality(code="849", name="Jammerbugt")
    site.answer("POST", f"{API}/hand-over", HandedOverResource(card_id=CARD, handed_over_to=jammerbugt))
    assert "Fra København Til Jammerbugt" in await open_summary(client_with_reason, site, path, to_municipality="849")

    done = await confirm_form(client_with_reason, path, to_municipality="849")
    site.answer("GET", API, Refusal("card-unknown"))  # the former municipality no longer has access
    receipt = await client_with_reason.get(done.headers["location"])

    assert site.commands() == [(f"{API}/hand-over", {"to_municipality": "849"}, KEY)]
    assert receipt.status_code == 200
    assert "Jammerbugt er nu ansvarlig for frikortet" in page_text(receipt)


async def test_an_old_login_shows_a_page_that_keeps_the_form_through_a_new_one(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    path = f"{HOME}/overdragelse"
    site.answer("POST", f"{API}/hand-over", Refusal("fresh-login-required"))

    shown = await confirm_form(client_with_reason, path, to_municipality="849")

    assert shown.status_code == 401
    assert "Der er ikke sket noget endnu" in page_text(shown)
    link = login_link(shown)
    assert link["igen"] == ["ja"]
    assert link["next"][0].startswith(f"{path}?genoptag=")

    again = await client_with_reason.get(link["next"][0])

    assert "Det er ikke sendt endnu" in page_text(again)
    assert 'value="849" selected' in again.text
    assert f'name="key" value="{KEY}"' in again.text


@pytest.mark.parametrize(("typed", "refusal"), [("101", Refusal("same-municipality")), ("999", None), ("", None)])
async def test_a_wrong_municipality_shows_the_error_at_the_field(
    site: Site, client_with_reason: httpx2.AsyncClient, typed: str, refusal: Refusal | None
) -> None:
    if refusal is not None:
        site.answer("POST", f"{API}/hand-over", refusal)
    assert error_at(
        await confirm_form(client_with_reason, f"{HOME}/overdragelse", to_municipality=typed), "to_municipality"
    )


async def test_municipalities_are_listed_in_danish_alphabetical_order(client_with_reason: httpx2.AsyncClient) -> None:
    options = (await client_with_reason.get(f"{HOME}/overdragelse")).text.partition("<select")[2]
    places = [options.index(f">{name}<") for name in ("Albertslund", "Vordingborg", "Ærø", "Aabenraa")]
    assert places == sorted(places)
