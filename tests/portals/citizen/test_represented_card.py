"""A mandate holder reads and uses another citizen's card."""

from __future__ import annotations

import re
from typing import Final

import httpx2
import pytest
from frikort_contracts.issuance import MandateScope

from tests.portals import citizens as c
from tests.portals.citizen.helpers import (
    HELD,
    KEY,
    OWN,
    get,
    post,
    said,
    sent,
)
from tests.portals.site import Site

PAGES: Final = ("", "/overblik", "/loen", f"/loen/{c.REPORT}", "/arbejde", "/aar")


@pytest.mark.parametrize("path", PAGES)
async def test_a_mandate_holder_sees_the_card_and_whose_it_is(site: Site, path: str) -> None:
    c.has_no_card(site)
    c.has_card(site, source=c.HELD, reports=[c.report()], employments=[c.employment()])
    c.holds(site, c.represented())

    page = await get(site, HELD + path)

    assert page.status_code == 200
    if path != "/overblik":
        assert "Du ser siden på vegne af Karla Eksempel . Fuldmagten gælder til og med 31. december 2026." in said(page)
    assert not re.findall(
        r'(?:href|data-hx-get|data-sse-connect)="/borger/(?:loen|overblik|aendringer|aar)\b', _main(page)
    )


def _main(page: httpx2.Response) -> str:
    return page.text.partition('id="main-content">')[2] or page.text


@pytest.mark.parametrize("path", PAGES)
async def test_a_card_without_a_mandate_does_not_exist(site: Site, path: str) -> None:
    c.has_card(site)
    c.has_card(site, source=c.HELD, reports=[c.report()])

    page = await get(site, HELD + path)

    assert page.status_code == 404
    assert "48213" not in page.text


async def test_who_may_only_see_cannot_say_that_a_report_is_not_right(site: Site) -> None:
    c.has_no_card(site)
    c.has_card(site, source=c.HELD, reports=[c.report()])
    c.holds(site, c.represented(MandateScope.VIEW))

    assert "indsigelse" not in (await get(site, f"{HELD}/loen/{c.REPORT}")).text
    assert (await get(site, f"{HELD}/loen/{c.REPORT}/indsigelse")).status_code == 404
    assert (await post(site, f"{HELD}/loen/{c.REPORT}/indsigelse", reason="other", step="send")).status_code == 404
    assert (await post(site, f"{HELD}/loen/{c.REPORT}/indsigelse/traek-tilbage")).status_code == 404
    assert sent(site) == []


async def test_who_may_represent_says_so_for_the_citizen(site: Site) -> None:
    c.has_no_card(site)
    c.has_card(site, source=c.HELD, reports=[c.report()])
    c.holds(site, c.represented(MandateScope.REPRESENT))
    path = f"{c.HELD}/reports/{c.REPORT}/dispute"
    site.answer("POST", path, c.report(dispute=c.dispute()))

    answer = await post(site, f"{HELD}/loen/{c.REPORT}/indsigelse", reason="other", step="send")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{HELD}/loen/{c.REPORT}/indsigelse/kvittering")
    assert sent(site) == [(path, {"reason": "other"}, KEY)]


async def test_the_cards_of_others_are_offered(site: Site) -> None:
    c.has_card(site)
    c.holds(site, c.represented(MandateScope.REPRESENT))

    for path in (OWN, f"{OWN}/paa-vegne-af"):
        page = await get(site, path)
        assert f'href="{HELD}"' in page.text
        assert "du må se frikortet og tale med arbejdsgivere om det til og med 31. december 2026." in said(page)
