"""The citizen's data as JSON, spreadsheet and PDF, and the pages in English."""

from __future__ import annotations

import io
from typing import Any, Final

from frikort_contracts.http.mandates import Mandates
from frikort_contracts.values import CitizenSide
from pydantic_core import to_jsonable_python
from pypdf import PdfReader

from tests.portals import citizens as c
from tests.portals.citizen.helpers import (
    OWN,
    get,
    said,
)
from tests.portals.site import Site


async def test_english_pages_are_english(site: Site) -> None:
    c.has_card(site, balances=[c.balance(1_200_050)], reports=[c.report()])

    page = said(await get(site, OWN, cookie="sprog=en"))

    assert "12,000.50 kr. has been earned on the card in 2025." in page


HISTORY: Final = [
    c.history("reported", total_ore=750_000),
    c.history("disputed", reason="not-paid", message='=HYPERLINK("http://evil.example")', by=CitizenSide.CITIZEN),
]
ALL: Final[dict[str, Any]] = {
    "card": c.card(),
    "balances": [c.balance(750_000, warnings=[c.warning("near")]), c.balance(year=2024)],
    "employments": [c.employment()],
    "reports": [c.report(history=HISTORY, dispute=c.dispute())],
    "mandates": [c.mandate()],
    "accesses": [c.access()],
}


def rich(site: Site) -> Site:
    """A citizen with some of everything."""
    c.has_card(site, balances=ALL["balances"], reports=ALL["reports"], employments=ALL["employments"])
    site.answer("GET", "/v1/me/mandates", Mandates(mandates=ALL["mandates"]))
    site.answer("GET", "/v1/me/accesses", c.accesses(*ALL["accesses"]))
    return site


async def test_the_json_file_has_all_that_the_api_shows(site: Site) -> None:
    answer = await get(rich(site), f"{OWN}/mine-data/mit-frikort.json")

    assert answer.headers["content-disposition"] == 'attachment; filename="mit-frikort.json"'
    assert answer.json() == to_jsonable_python(ALL)


async def test_the_spreadsheet_is_one_that_danish_excel_opens(site: Site) -> None:
    answer = await get(rich(site), f"{OWN}/mine-data/mit-frikort.csv")

    assert answer.content.startswith(b"\xef\xbb\xbf")
    text = answer.content.decode("utf-8-sig")
    assert "Karla Eksempel;48213;København;Aktivt\r\n" in text
    assert "2025;42766,00;7500,00;7500,00;0,00;35266,00;Nej\r\n" in text
    assert "31-03-2025;99000007;01-03-2025;31-03-2025;7500,00;0,00;0,00;0,00;7500,00;7500,00;0,00;Ikke rigtigt" in text
    assert "01-06-2025 12:00;Københavns Kommune, sagsbehandler;har set dit frikort;Opfølgning på samtale\r\n" in text
    assert ";\"'=HYPERLINK" in text, "what would be a formula is text"


async def test_the_pdf_has_it_all_for_people(site: Site) -> None:
    answer = await get(rich(site), f"{OWN}/mine-data/mit-frikort.pdf")

    assert answer.headers["content-type"] == "application/pdf"
    text = pdf_text(answer.content)
    for words in ("Karla Eksempel", "48213", "42.766,00 kr.", "99000007", "Mikkel Eksempel", "Opfølgning på samtale",
                  "80 procent af årets beløb var brugt", "HYPERLINK"):  # fmt: skip
        assert words in text


async def test_without_a_card_ones_data_are_who_has_looked(site: Site) -> None:
    c.has_no_card(site)
    site.answer("GET", "/v1/me/accesses", c.accesses(c.access(description="har søgt efter dig")))

    found = (await get(site, f"{OWN}/mine-data/mit-frikort.json")).json()
    text = (await get(site, f"{OWN}/mine-data/mit-frikort.csv")).content.decode("utf-8-sig")

    assert (found["card"], found["reports"], len(found["accesses"])) == (None, [], 1)
    assert "har søgt efter dig" in text
    assert pdf_text((await get(site, f"{OWN}/mine-data/mit-frikort.pdf")).content)


def pdf_text(content: bytes) -> str:
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return " ".join(text.split())
