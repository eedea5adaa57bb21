"""The physical card as a PDF file."""

from __future__ import annotations

import httpx2

from services.portals.texts import LANGUAGE_COOKIE
from tests.portals.caseworker.resources import API, CPR, DEACTIVATED, HOME, WHY
from tests.portals.reading import pdf_text
from tests.portals.site import Site


async def test_the_physical_card_has_number_name_and_address_for_reports_but_no_cpr_number(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    answer = await client_with_reason.get(f"{HOME}/fysisk-kort/pdf")
    text = pdf_text(answer.content)

    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="frikort.pdf"'
    for expected in ("48213", "Karla Eksempel", "København"):
        assert expected in text
    assert "frikort.test/virksomhed/indberet" in text.replace(" ", "")
    assert CPR not in text
    assert {request.reason for request in site.requests} == {WHY}


async def test_the_physical_card_is_written_in_the_language_of_the_page(client_with_reason: httpx2.AsyncClient) -> None:
    client_with_reason.cookies.set(LANGUAGE_COOKIE, "en")
    assert "How to use the card" in pdf_text((await client_with_reason.get(f"{HOME}/fysisk-kort/pdf")).content)


async def test_a_deactivated_card_cannot_be_printed_and_links_to_its_reactivation(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    assert f'href="{HOME}/fysisk-kort/pdf"' in (await client_with_reason.get(f"{HOME}/fysisk-kort")).text
    site.answer("GET", API, DEACTIVATED)
    page = await client_with_reason.get(f"{HOME}/fysisk-kort")
    assert "fysisk-kort/pdf" not in page.text
    assert f'href="{HOME}/beslutning/genaktivering"' in page.text
