"""The files for the employer's accounts."""

from __future__ import annotations

import httpx2
import pytest
from frikort_contracts.http.reports import (
    ReportPage,
)

from tests.portals.employer.resources import REPORT, has_reports, list_item, report
from tests.portals.reading import csv_rows, pdf_text
from tests.portals.site import Site


class TestAccountingFiles:
    async def test_a_receipt_has_what_bookkeeping_needs(self, client: httpx2.AsyncClient) -> None:
        text = pdf_text((await client.get(f"/virksomhed/indberetninger/{REPORT}/kvittering.pdf")).content)
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

    async def test_a_receipt_is_available_as_csv(self, client: httpx2.AsyncClient) -> None:
        answer = await client.get(f"/virksomhed/indberetninger/{REPORT}/kvittering.csv")
        headings, values = csv_rows(answer.content)
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

    async def test_a_yearly_file_lists_all_reports_and_leaves_withdrawn_ones_out_of_its_totals(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        first = ReportPage(reports=[list_item(report())], next="Zm9v")
        rest = [list_item(report(status="withdrawn", reference="tilbage")), list_item(report(reference="sidst"))]
        site.answer("GET", "/v1/reports", first, year="2026")
        site.answer("GET", "/v1/reports", ReportPage(reports=rest, next=None), year="2026", cursor="Zm9v")

        table = csv_rows((await client.get("/virksomhed/indberetninger/aar/2026.csv")).content)
        assert [line[3] for line in table] == ["Reference", "2026-10/4711", "tilbage", "sidst"]
        text = pdf_text((await client.get("/virksomhed/indberetninger/aar/2026.pdf")).content)
        assert "5.000,00 kr." in text
        assert "4.000,00 kr." in text

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1"])
    async def test_text_is_never_written_as_a_formula(self, site: Site, client: httpx2.AsyncClient, text: str) -> None:
        has_reports(site, report(reference=text))
        _, values = csv_rows((await client.get(f"/virksomhed/indberetninger/{REPORT}/kvittering.csv")).content)
        assert values[3] == f"'{text}"

    async def test_the_file_of_an_english_page_has_english_amounts(self, client: httpx2.AsyncClient) -> None:
        client.cookies.set("sprog", "en")
        _, values = csv_rows((await client.get(f"/virksomhed/indberetninger/{REPORT}/kvittering.csv")).content, ",")
        assert values[7] == "2500.00"
