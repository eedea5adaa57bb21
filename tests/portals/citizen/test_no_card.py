"""The pages of a citizen without a card."""

from __future__ import annotations

import pytest

from tests.portals import resources
from tests.portals.citizen.client import HELD, OWN, get
from tests.portals.reading import page_text
from tests.portals.site import Site


@pytest.mark.parametrize(
    "path", ["", "/loen", "/arbejde", "/aar", "/fuldmagter", "/fuldmagter/ny", f"/loen/{resources.REPORT}"]
)
async def test_every_page_explains_how_to_get_a_card(site: Site, path: str) -> None:
    resources.has_no_card(site)

    page = page_text(await get(site, OWN + path))

    assert page.startswith("Du har ikke et frikort")
    assert "Det er din kommune, der beslutter, om du kan få et socialt frikort." in page


async def test_a_mandate_holder_without_a_card_sees_the_cards_of_others(site: Site) -> None:
    resources.has_no_card(site)
    resources.has_mandates(site, resources.represented())

    page = await get(site, OWN)

    assert page_text(page).startswith("Frikort, som du ser for andre")
    assert f'href="{HELD}"' in page.text
