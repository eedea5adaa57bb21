"""An employer uploads a payroll file, decides about it and reads its result."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from frikort_contracts.http.payroll import (
    BatchPage,
)
from playwright.async_api import expect

from services.gateway.payroll.parser import DANISH, Csv
from services.portals.employer.files import media_type_of
from tests.portals.conftest import OpenTab
from tests.portals.employer.helpers import (
    BATCH,
    FILE,
    GOOD_LINE,
    KEYS,
    REFUSED_LINE,
    REPORT,
    WRONG_LINE,
    batch,
    error_at,
    lines,
    send,
    sent_file,
    shown,
)
from tests.portals.site import Refusal, Site

ROWS = "Frikortnummer;Reference;Arbejde fra;Arbejde til;Betalingsdag;Løn (kr.)\r\n48213;a;1-10-2026;...\r\n".encode()


class TestFiles:
    async def test_a_file_is_checked_before_anything_is_reported(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        site.answer("POST", "/v1/report-batches", batch("held", pending=1), 201, hold="true")

        done = await visitor.post("/virksomhed/filer/ny", data=KEYS, files={"file": ("løn.CSV", ROWS)})

        assert (done.status_code, done.headers["location"]) == (303, FILE)
        assert (site.asked[-1].body, site.asked[-1].key) == (ROWS, KEYS["key"])

    @pytest.mark.parametrize(
        ("name", "media_type"),
        [("a.csv", "text/csv"), ("A.TXT", "text/csv"), ("a.b.jsonl", "application/jsonl"),
         ("a.json", "application/jsonl"),
         ("a.ndjson", "application/jsonl"), ("a.xlsx", None), ("csv", None), ("", None)],
    )  # fmt: skip
    def test_what_kind_of_file_it_is_follows_from_its_name(self, name: str, media_type: str | None) -> None:
        assert media_type_of(name) == media_type

    async def test_a_file_of_another_kind_is_not_sent_on(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        answer = await visitor.post("/virksomhed/filer/ny", data=KEYS, files={"file": ("løn.xlsx", b"PK")})
        assert "CSV UTF-8" in error_at(answer, "file")
        assert site.asked == []

    @pytest.mark.parametrize("files", [{}, {"file": ("løn.csv", b"")}, {"file": ("", b"")}])
    async def test_a_missing_file_shows_the_error_at_the_field(self, visitor: httpx2.AsyncClient, files: Any) -> None:
        answer = await visitor.post("/virksomhed/filer/ny", data=KEYS, files=files)
        assert error_at(answer, "file") == "Vælg en fil. Den må ikke være tom."

    @pytest.mark.parametrize(
        "code", ["batch-not-utf8", "batch-columns-wrong", "batch-empty", "batch-in-progress", "body-too-large"]
    )
    async def test_an_unreadable_file_shows_the_error_at_the_field(
        self, site: Site, visitor: httpx2.AsyncClient, code: str
    ) -> None:
        site.answer("POST", "/v1/report-batches", Refusal(code))
        assert error_at(await visitor.post("/virksomhed/filer/ny", data=KEYS, files={"file": ("l.csv", ROWS)}), "file")

    async def test_the_template_is_a_file_as_the_page_describes_it(self, visitor: httpx2.AsyncClient) -> None:
        (columns,) = lines(await visitor.get("/virksomhed/filer/skabelon.csv"))
        described = (await visitor.get("/virksomhed/filer/ny")).text
        assert re.findall(r'<th scope=row data-title="Kolonne">(.*?)</th>', described) == columns
        assert Csv().read(1, DANISH.delimiter.join(columns)) is None, "its only line is the names of the columns"

    async def test_what_was_found_is_shown_with_what_is_wrong(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        sent_file(site, batch("held", pending=3, errors=1), WRONG_LINE)
        page = await visitor.get(FILE)
        text = shown(page)
        assert "7.500,00 kr." in text
        assert "Løn (kr.): Skal være et beløb i kroner." in text
        assert "Indberet 3 linjer" in text
        assert next(one.query for one in site.asked if one.path.endswith("/lines"))["result"] == "error"
        assert f'href="{FILE}?cursor=Zm9v"' in page.text

    async def test_a_file_with_nothing_but_errors_can_only_be_cancelled(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        sent_file(site, batch("held", errors=1), WRONG_LINE)
        page = (await visitor.get(FILE)).text
        assert f'action="{FILE}/indberet"' not in page
        assert f'action="{FILE}/annuller"' in page

    @pytest.mark.parametrize(
        ("decision", "path", "after"), [("indberet", "booking", "booking"), ("annuller", "cancellation", "cancelled")]
    )
    async def test_a_file_is_reported_or_cancelled(
        self, site: Site, visitor: httpx2.AsyncClient, decision: str, path: str, after: str
    ) -> None:
        site.answer("POST", f"{BATCH}/{path}", batch(after, pending=1), 202)
        done = await send(visitor, f"{FILE}/{decision}", KEYS)
        assert (done.status_code, done.headers["location"]) == (303, FILE)

    @pytest.mark.parametrize(
        ("decision", "path", "code"),
        [("indberet", "booking", "batch-cancelled"), ("annuller", "cancellation", "batch-booked")],
    )
    async def test_a_decision_that_comes_too_late_shows_the_state_of_the_file(
        self, site: Site, visitor: httpx2.AsyncClient, decision: str, path: str, code: str
    ) -> None:
        site.answer("POST", f"{BATCH}/{path}", Refusal(code))
        sent_file(site, batch("done" if decision == "annuller" else "cancelled", accepted=1), GOOD_LINE)
        late = await send(visitor, f"{FILE}/{decision}", KEYS)
        assert late.status_code == 409
        assert "Der er noget, du skal rette" in shown(late)

    async def test_the_progress_is_shown_in_words_and_polled(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        sent_file(site, batch("booking", accepted=2, pending=2, errors=1))
        page = (await visitor.get(FILE)).text
        assert '<progress id="progress" max="4" value="2"' in page
        assert "2 af 4 linjer er færdige" in page
        assert f'data-hx-get="{FILE}"' in page
        assert f'<a href="{FILE}">' in page

    async def test_the_result_is_shown_line_by_line(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        sent_file(
            site,
            batch("done", accepted=1, already_reported=1, refused=1, errors=1),
            GOOD_LINE,
            REFUSED_LINE,
            WRONG_LINE,
        )
        page = await visitor.get(f"{FILE}?resultat=refused")
        text = shown(page)
        assert "1 af 4 linjer er modtaget." in text
        assert "1 linje var indberettet i forvejen" in text
        assert "2 linjer er ikke indberettet" in text
        assert "Frikortet var ikke aktivt. Ret dagene." in text
        assert "må ikke indberettes til eIndkomst" in text
        assert f'href="/virksomhed/indberetninger/{REPORT}"' in page.text
        assert next(one.query for one in site.asked if one.path.endswith("/lines"))["result"] == "refused"

    async def test_the_result_can_be_kept_as_a_file(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        site.file(f"{BATCH}/result.csv", b"Linje;Reference\r\n", "text/csv")
        assert (await visitor.get(f"{FILE}/resultat.csv")).content == b"Linje;Reference\r\n"

    async def test_earlier_files_are_found_again(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        files = [batch(status, accepted=1) for status in ("held", "booking", "done", "cancelled")]
        site.answer("GET", "/v1/report-batches", BatchPage(batches=files, next=None))
        page = await visitor.get("/virksomhed/filer")
        for words in ("Venter på dig", "Bliver indberettet", "Færdig", "Annulleret"):
            assert words in shown(page)
        assert page.text.count(f'href="{FILE}"') == 4


async def test_the_progress_of_a_file_moves_by_itself_and_ends_at_the_result(
    open_tab: OpenTab, site: Site, address: str
) -> None:
    sent_file(site, batch("booking", accepted=1, pending=3))
    tab = await open_tab()
    await tab.open(address + FILE)
    bar = tab.page.get_by_role("progressbar")
    await expect(bar).to_have_attribute("value", "1")
    await tab.check()

    sent_file(site, batch("booking", accepted=3, pending=1))
    await expect(bar).to_have_attribute("value", "3")
    sent_file(site, batch("done", accepted=3, refused=1), GOOD_LINE, REFUSED_LINE)

    await expect(tab.page.get_by_role("heading", name="Filen er indberettet")).to_be_visible()
    await tab.check()
