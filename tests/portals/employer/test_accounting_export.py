"""The files for the employer's accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.http.reports import (
    ReportPage,
)
from frikort_contracts.http.roles import Role
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.employer.payment_instructions import payment_instructions
from services.gateway.formats import Language as ApiLanguage
from services.portals.formats import Language, kroner
from tests.portals.employer.resources import (
    REPORT,
    employment,
    has_employments,
    has_reports,
    history_line,
    list_item,
    report,
    split,
)
from tests.portals.reading import csv_rows, page_text, pdf_text
from tests.portals.site import Site

WITHDRAWN: Final[dict[str, Any]] = {"status": "withdrawn", "withdrawn_at": datetime(2026, 12, 3, 9, 12, tzinfo=UTC)}
CORRECTED: Final = datetime(2026, 11, 20, 8, tzinfo=UTC)


class TestReceipts:
    """D5: a receipt that can be filed, the same on the page and as PDF."""

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, {"Status": "Modtaget", "Modtaget": "1. november 2026 kl. 12.00"}),
            (
                {"revision": 2, "history": [history_line("reported"), history_line("corrected", 2, at=CORRECTED)]},
                {"Rettet": "20. november 2026 kl. 09.00", "Kvitteringens nummer": f"{REPORT}/2"},
            ),
            (
                WITHDRAWN,
                {
                    "Status": "Trukket tilbage",
                    "Trukket tilbage": "3. december 2026 kl. 10.12",
                    "Skattefri frikortløn": "0,00 kr.",
                },
            ),
        ],
        ids=["accepted", "corrected", "withdrawn"],
    )
    async def test_page_and_pdf_have_the_same_facts(
        self, site: Site, client: httpx2.AsyncClient, changes: dict[str, Any], expected: dict[str, str]
    ) -> None:
        has_reports(site, report(**changes))
        facts = {
            "Virksomhed": "Testbageriet ApS",
            "CVR-nummer": "99000007",
            "Frikortnummer": "48213",
            "Reference": "2026-10/4711",
            "Betalt": "31. oktober 2026",
            "I alt": "2.500,00 kr.",
            **expected,
        }

        page = page_text(await client.get(f"/virksomhed/indberetninger/{REPORT}/kvittering"))
        text = pdf_text((await client.get(f"/virksomhed/indberetninger/{REPORT}/kvittering.pdf")).content)

        for name, value in facts.items():
            assert f"{name} {value}" in page.replace("\N{NO-BREAK SPACE}", " ")
            assert f"{name}: {value}" in text

    @pytest.mark.parametrize("path", ["kvittering", "kvittering.pdf", "kvittering.csv"])
    async def test_a_receipt_says_that_the_allowance_is_provisional(
        self, site: Site, client: httpx2.AsyncClient, path: str
    ) -> None:
        """E6."""
        advice = payment_instructions(exempt=1, excess=0, year=2026, provisional=True, language=ApiLanguage.DANISH)
        has_reports(site, report(provisional=True, advice=advice))

        answer = await client.get(f"/virksomhed/indberetninger/{REPORT}/{path}")

        if path.endswith(".csv"):
            headings, values = csv_rows(answer.content)
            assert values[headings.index("Foreløbig beløbsgrænse")] == "Ja"
        else:
            text = pdf_text(answer.content) if path.endswith(".pdf") else page_text(answer)
            assert "foreløbig" in text


class TestAccountingFiles:
    @given(st.lists(st.tuples(st.integers(0, 9**9), st.integers(0, 9**9), st.booleans(), st.booleans()), max_size=12))
    @settings(max_examples=40, deadline=None)
    async def test_csv_and_pdf_of_a_year_add_up_to_the_same_sums(
        self, drawn: list[tuple[int, int, bool, bool]]
    ) -> None:
        """D7: each report is (exempt, excess, withdrawn, settled)."""
        site = Site()
        site.sign_in(Role.EMPLOYER)
        has_employments(site, employment())
        items = [
            list_item(
                report(
                    **(WITHDRAWN if withdrawn else {}),
                    total_ore=exempt + excess,
                    split=split(exempt, excess) if settled else None,
                )
            )
            for exempt, excess, withdrawn, settled in drawn
        ]
        site.answer("GET", "/v1/reports", ReportPage(reports=items, next=None), year="2026")
        async with site.client() as client:
            headings, *rows = csv_rows((await client.get("/virksomhed/indberetninger/aar/2026.csv")).content)
            text = pdf_text((await client.get("/virksomhed/indberetninger/aar/2026.pdf")).content)

        counts = [one for one in drawn if not one[2]]
        expected = {
            "I alt": sum(exempt + excess for exempt, excess, _, _ in counts),
            "Skattefri frikortløn": sum(exempt for exempt, _, _, settled in counts if settled),
            "Almindelig løn med skat": sum(excess for _, excess, _, settled in counts if settled),
        }
        for name, ore in expected.items():
            column = [row[headings.index(name)] for row in rows]
            assert sum(int(amount.replace(",", "")) for amount in column if amount) == ore
            assert f"{name}: {kroner(ore, Language.DANISH)}" in text
        assert len(rows) == len(drawn)

    async def test_a_withdrawn_report_is_listed_with_its_time_and_amount(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        """D7."""
        page = ReportPage(reports=[list_item(report(**WITHDRAWN))], next=None)
        site.answer("GET", "/v1/reports", page, year="2026")

        text = pdf_text((await client.get("/virksomhed/indberetninger/aar/2026.pdf")).content)

        assert "3. december 2026 kl. 10.12 2.500,00 kr." in text
        assert "I alt: 0,00 kr." in text

    async def test_a_year_says_that_its_allowance_is_provisional(self, site: Site, client: httpx2.AsyncClient) -> None:
        """E6."""
        page = ReportPage(reports=[list_item(report(provisional=True))], next=None)
        site.answer("GET", "/v1/reports", page, year="2026")

        headings, values = csv_rows((await client.get("/virksomhed/indberetninger/aar/2026.csv")).content)
        assert values[headings.index("Foreløbig beløbsgrænse")] == "Ja"
        text = pdf_text((await client.get("/virksomhed/indberetninger/aar/2026.pdf")).content)
        assert "Beløbsgrænsen for 2026 er foreløbig og kan blive ændret." in text

    async def test_a_receipt_has_what_bookkeeping_needs(self, client: httpx2.AsyncClient) -> None:
        text = pdf_text((await client.get(f"/virksomhed/indberetninger/{REPORT}/kvittering.pdf")).content)
        for needed in (
            "99000007",
            "48213",
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
            "Virksomhed": "Testbageriet ApS",
            "CVR-nummer": "99000007",
            "Betalt": "2026-10-31",
            "Ansættelse": "Løn 4711",
            "Frikortnummer": "48213",
            "Reference": "2026-10/4711",
            "Status": "Modtaget",
            "Modtaget": "2026-11-01 12:00",
            "Trukket tilbage": "",
            "Arbejde fra": "2026-10-01",
            "Arbejde til": "2026-10-31",
            "Løn": "2500,00",
            "Feriepenge": "0,00",
            "ATP": "0,00",
            "Pension": "0,00",
            "I alt": "2500,00",
            "Skattefri frikortløn": "2000,00",
            "Almindelig løn med skat": "500,00",
            "Foreløbig beløbsgrænse": "Nej",
            "Kvitteringens nummer": f"{REPORT}/1",
        }

    async def test_a_yearly_file_lists_all_reports_and_leaves_withdrawn_ones_out_of_its_totals(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        first = ReportPage(reports=[list_item(report())], next="Zm9v")
        rest = [list_item(report(**WITHDRAWN, reference="tilbage")), list_item(report(reference="sidst"))]
        site.answer("GET", "/v1/reports", first, year="2026")
        site.answer("GET", "/v1/reports", ReportPage(reports=rest, next=None), year="2026", cursor="Zm9v")

        table = csv_rows((await client.get("/virksomhed/indberetninger/aar/2026.csv")).content)
        assert [line[5] for line in table] == ["Reference", "2026-10/4711", "tilbage", "sidst"]
        text = pdf_text((await client.get("/virksomhed/indberetninger/aar/2026.pdf")).content)
        assert "5.000,00 kr." in text
        assert "4.000,00 kr." in text

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1"])
    async def test_text_is_never_written_as_a_formula(self, site: Site, client: httpx2.AsyncClient, text: str) -> None:
        has_reports(site, report(reference=text))
        _, values = csv_rows((await client.get(f"/virksomhed/indberetninger/{REPORT}/kvittering.csv")).content)
        assert values[5] == f"'{text}"

    async def test_the_file_of_an_english_page_has_english_amounts(self, client: httpx2.AsyncClient) -> None:
        client.cookies.set("sprog", "en")
        _, values = csv_rows((await client.get(f"/virksomhed/indberetninger/{REPORT}/kvittering.csv")).content, ",")
        assert values[11] == "2500.00"
