"""The files for the employer's accounts."""

from __future__ import annotations

import io
import re

import httpx2
import pytest
from frikort_contracts.http.reports import (
    ReportPage,
)
from pypdf import PdfReader

from tests.portals.employer.helpers import (
    REPORT,
    line,
    lines,
    report,
    reported,
)
from tests.portals.site import Site


def on_paper(answer: httpx2.Response) -> str:
    assert answer.headers["content-type"] == "application/pdf"
    pages = PdfReader(io.BytesIO(answer.content)).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


class TestBooks:
    async def test_the_receipt_holds_what_the_books_need(self, visitor: httpx2.AsyncClient) -> None:
        text = on_paper(await visitor.get(f"/virksomhed/indberetninger/{REPORT}/kvittering.pdf"))
        for needed in (
            "99000007",
            "Frikort 48213",
            "2026-10/4711",
            "2.500,00 kr.",
            "2.000,00 kr.",
            "eIndkomst",
            REPORT,
        ):
            assert needed in text

    async def test_a_receipt_is_also_a_line_for_a_spreadsheet(self, visitor: httpx2.AsyncClient) -> None:
        answer = await visitor.get(f"/virksomhed/indberetninger/{REPORT}/kvittering.csv")
        headings, values = lines(answer)
        assert dict(zip(headings, values, strict=True)) == {
            "Betalt": "2026-10-31",
            "Ansættelse": "Løn 4711",
            "Frikortnummer": "48213",
            "Reference": "2026-10/4711",
            "Status": "Modtaget",
            "Arbejde fra": "2026-10-01",
            "Arbejde til": "2026-10-31",
            "Løn": "2500,00",
            "Feriepenge": "0,00",
            "ATP": "0,00",
            "Pension": "0,00",
            "I alt": "2500,00",
            "Skattefri frikortløn": "2000,00",
            "Almindelig løn med skat": "500,00",
        }

    async def test_a_year_holds_every_report_and_its_sums_those_that_count(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        first = ReportPage(reports=[line(report())], next="Zm9v")
        rest = [line(report(status="withdrawn", reference="tilbage")), line(report(reference="sidst"))]
        site.answer("GET", "/v1/reports", first, year="2026")
        site.answer("GET", "/v1/reports", ReportPage(reports=rest, next=None), year="2026", cursor="Zm9v")

        table = lines(await visitor.get("/virksomhed/indberetninger/aar/2026.csv"))
        assert [line[3] for line in table] == ["Reference", "2026-10/4711", "tilbage", "sidst"]
        text = on_paper(await visitor.get("/virksomhed/indberetninger/aar/2026.pdf"))
        assert "5.000,00 kr." in text
        assert "4.000,00 kr." in text

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1"])
    async def test_no_text_becomes_a_formula(self, site: Site, visitor: httpx2.AsyncClient, text: str) -> None:
        reported(site, report(reference=text))
        _, values = lines(await visitor.get(f"/virksomhed/indberetninger/{REPORT}/kvittering.csv"))
        assert values[3] == f"'{text}"

    async def test_an_english_page_gives_an_english_file(self, visitor: httpx2.AsyncClient) -> None:
        visitor.cookies.set("sprog", "en")
        _, values = lines(await visitor.get(f"/virksomhed/indberetninger/{REPORT}/kvittering.csv"), ",")
        assert values[7] == "2500.00"
