"""The physical card as a PDF file."""

from __future__ import annotations

import io

import httpx2
from pypdf import PdfReader

from services.portals.texts import LANGUAGE_COOKIE
from tests.portals.caseworker.helpers import (
    API,
    CPR,
    DEACTIVATED,
    HOME,
    WHY,
)
from tests.portals.site import Site


def text_of(pdf: bytes) -> str:
    return " ".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


async def test_the_physical_card_has_number_and_name_and_where_to_report_but_never_the_cpr(
    site: Site, visiting: httpx2.AsyncClient
) -> None:
    answer = await visiting.get(f"{HOME}/fysisk-kort/pdf")
    text = text_of(answer.content)

    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="frikort.pdf"'
    for shown in ("48213", "Karla Eksempel", "København"):
        assert shown in text
    assert "frikort.test/virksomhed/indberet" in text.replace(" ", "")
    assert CPR not in text
    assert {asked.reason for asked in site.asked} == {WHY}


async def test_the_physical_card_speaks_the_language_of_the_page(visiting: httpx2.AsyncClient) -> None:
    visiting.cookies.set(LANGUAGE_COOKIE, "en")
    assert "How to use the card" in text_of((await visiting.get(f"{HOME}/fysisk-kort/pdf")).content)


async def test_a_deactivated_card_is_not_printed_but_leads_to_the_reactivation(
    site: Site, visiting: httpx2.AsyncClient
) -> None:
    assert f'href="{HOME}/fysisk-kort/pdf"' in (await visiting.get(f"{HOME}/fysisk-kort")).text
    site.answer("GET", API, DEACTIVATED)
    page = await visiting.get(f"{HOME}/fysisk-kort")
    assert "fysisk-kort/pdf" not in page.text
    assert f'href="{HOME}/beslutning/genaktivering"' in page.text
