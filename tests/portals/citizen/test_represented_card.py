"""A mandate holder reads the card of another citizen, and disputes a report."""

from __future__ import annotations

import re
from typing import Final

import httpx2
import pytest
from frikort_contracts.issuance import MandateScope

from tests.portals import resources
from tests.portals.citizen.client import HELD, OWN, get, post
from tests.portals.reading import page_text
from tests.portals.site import KEY, Site

PAGES: Final = ("", "/overblik", "/loen", f"/loen/{resources.REPORT}", "/arbejde", "/aar")


@pytest.mark.parametrize("path", PAGES)
async def test_a_mandate_holder_sees_the_card_and_the_name_of_its_citizen(site: Site, path: str) -> None:
    resources.has_no_card(site)
    resources.has_card(site, source=resources.HELD, reports=[resources.report()], employments=[resources.employment()])
    resources.has_mandates(site, resources.represented())

    page = await get(site, HELD + path)

    assert page.status_code == 200
    if path != "/overblik":
        assert "Du ser siden på vegne af Karla Eksempel . Fuldmagten gælder til og med 31. december 2026." in page_text(
            page
        )
    assert not re.findall(
        r'(?:href|data-hx-get|data-sse-connect)="/borger/(?:loen|overblik|aendringer|aar)\b', _main(page)
    )


def _main(page: httpx2.Response) -> str:
    return page.text.partition('id="main-content">')[2] or page.text


@pytest.mark.parametrize("path", PAGES)
async def test_without_a_mandate_the_card_of_another_citizen_is_not_found(site: Site, path: str) -> None:
    resources.has_card(site)
    resources.has_card(site, source=resources.HELD, reports=[resources.report()])

    page = await get(site, HELD + path)

    assert page.status_code == 404
    assert "48213" not in page.text


async def test_a_mandate_to_view_does_not_allow_a_dispute(site: Site) -> None:
    resources.has_no_card(site)
    resources.has_card(site, source=resources.HELD, reports=[resources.report()])
    resources.has_mandates(site, resources.represented(MandateScope.VIEW))

    assert "indsigelse" not in (await get(site, f"{HELD}/loen/{resources.REPORT}")).text
    assert (await get(site, f"{HELD}/loen/{resources.REPORT}/indsigelse")).status_code == 404
    assert (
        await post(site, f"{HELD}/loen/{resources.REPORT}/indsigelse", reason="other", step="send")
    ).status_code == 404
    assert (await post(site, f"{HELD}/loen/{resources.REPORT}/indsigelse/traek-tilbage")).status_code == 404
    assert site.commands() == []


async def test_a_mandate_to_represent_allows_a_dispute(site: Site) -> None:
    resources.has_no_card(site)
    resources.has_card(site, source=resources.HELD, reports=[resources.report()])
    resources.has_mandates(site, resources.represented(MandateScope.REPRESENT))
    path = f"{resources.HELD}/reports/{resources.REPORT}/dispute"
    site.answer("POST", path, resources.report(dispute=resources.dispute()))

    answer = await post(site, f"{HELD}/loen/{resources.REPORT}/indsigelse", reason="other", step="send")

    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"{HELD}/loen/{resources.REPORT}/indsigelse/kvittering",
    )
    assert site.commands() == [(path, {"reason": "other"}, KEY)]


async def test_the_overview_links_to_represented_cards(site: Site) -> None:
    resources.has_card(site)
    resources.has_mandates(site, resources.represented(MandateScope.REPRESENT))

    for path in (OWN, f"{OWN}/paa-vegne-af"):
        page = await get(site, path)
        assert f'href="{HELD}"' in page.text
        assert "du må se frikortet og tale med arbejdsgivere om det til og med 31. december 2026." in page_text(page)
