"""The pages of a citizen without a card."""

from __future__ import annotations

import pytest

from tests.portals import citizens as c
from tests.portals.citizen.helpers import (
    HELD,
    OWN,
    get,
    said,
)
from tests.portals.site import Site


@pytest.mark.parametrize(
    "path", ["", "/loen", "/arbejde", "/aar", "/fuldmagter", "/fuldmagter/ny", f"/loen/{c.REPORT}"]
)
async def test_without_a_card_every_page_says_what_to_do(site: Site, path: str) -> None:
    c.has_no_card(site)

    page = said(await get(site, OWN + path))

    assert page.startswith("Du har ikke et frikort")
    assert "Det er din kommune, der beslutter, om du kan få et socialt frikort." in page


async def test_without_a_card_of_their_own_a_mandate_holder_has_a_useful_page(site: Site) -> None:
    c.has_no_card(site)
    c.holds(site, c.represented())

    page = await get(site, OWN)

    assert said(page).startswith("Frikort, som du ser for andre")
    assert f'href="{HELD}"' in page.text
