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
from tests.portals.employer.resources import (
    BATCH,
    CHECKED_LINE,
    FILE,
    GOOD_LINE,
    REFUSED_CHECK,
    REFUSED_LINE,
    REPORT,
    WRONG_LINE,
    batch,
    check,
    file_line,
    has_file,
)
from tests.portals.reading import csv_rows, error_at, page_text
from tests.portals.site import FORM, KEY, Refusal, Site, answer_to_form, send_form

ROWS = "Frikortnummer;Reference;Arbejde fra;Arbejde til;Betalingsdag;Løn (kr.)\r\n48213;a;1-10-2026;...\r\n".encode()


class TestFiles:
    async def test_a_file_is_checked_before_anything_is_reported(self, site: Site, client: httpx2.AsyncClient) -> None:
        site.answer("POST", "/v1/report-batches", batch("checking", pending=1), 201, hold="true")

        done = await client.post("/virksomhed/filer/ny", data=FORM, files={"file": ("løn.CSV", ROWS)})

        assert (done.status_code, done.headers["location"]) == (303, FILE)
        assert (site.requests[-1].body, site.requests[-1].key) == (ROWS, KEY)

    @pytest.mark.parametrize(
        ("name", "media_type"),
        [("a.csv", "text/csv"), ("A.TXT", "text/csv"), ("a.b.jsonl", "application/jsonl"),
         ("a.json", "application/jsonl"),
         ("a.ndjson", "application/jsonl"), ("a.xlsx", None), ("csv", None), ("", None)],
    )  # fmt: skip
    def test_the_media_type_follows_from_the_file_name(self, name: str, media_type: str | None) -> None:
        assert media_type_of(name) == media_type

    async def test_a_file_of_another_type_is_refused_without_a_call_to_the_api(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        sent = await client.post("/virksomhed/filer/ny", data=FORM, files={"file": ("løn.xlsx", b"PK")})
        answer = await answer_to_form(client, sent)
        assert "CSV UTF-8" in error_at(answer, "file")
        assert site.requests == []

    @pytest.mark.parametrize("files", [{}, {"file": ("løn.csv", b"")}, {"file": ("", b"")}])
    async def test_a_missing_file_shows_the_error_at_the_field(self, client: httpx2.AsyncClient, files: Any) -> None:
        answer = await answer_to_form(client, await client.post("/virksomhed/filer/ny", data=FORM, files=files))
        assert error_at(answer, "file") == "Vælg en fil. Den må ikke være tom."

    @pytest.mark.parametrize(
        "code", ["batch-not-utf8", "batch-columns-wrong", "batch-empty", "batch-in-progress", "body-too-large"]
    )
    async def test_an_unreadable_file_shows_the_error_at_the_field(
        self, site: Site, client: httpx2.AsyncClient, code: str
    ) -> None:
        site.answer("POST", "/v1/report-batches", Refusal(code))
        sent = await client.post("/virksomhed/filer/ny", data=FORM, files={"file": ("l.csv", ROWS)})
        assert error_at(await answer_to_form(client, sent), "file")

    async def test_the_template_has_the_columns_that_the_page_describes(self, client: httpx2.AsyncClient) -> None:
        (columns,) = csv_rows((await client.get("/virksomhed/filer/skabelon.csv")).content)
        described = (await client.get("/virksomhed/filer/ny")).text
        assert re.findall(r'<th scope=row data-title="Kolonne">(.*?)</th>', described) == columns
        assert Csv().read(1, DANISH.delimiter.join(columns)) is None, "its only line has the names of the columns"

    async def test_d6_a_checked_file_shows_its_split_and_the_lines_that_will_not_be_accepted(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        file = batch("held", check(accepted=3, refused=1), pending=4, errors=1)
        has_file(site, file, CHECKED_LINE, WRONG_LINE, REFUSED_CHECK)
        text = page_text(page := await client.get(FILE))
        for words in ("Skattefri frikortløn Mindst 5.000,00 kr.", "Almindelig løn med skat Højst 2.500,00 kr.",
                      "Linjer over beløbsgrænsen 1", "Løn (kr.): Skal være et beløb i kroner.",
                      "Frikortet var ikke aktivt. Ret dagene.", "2 linjer bliver ikke indberettet.",
                      "2.500,00 kr. Mindst 2.000,00 kr. Højst 500,00 kr.", "Indberet 3 linjer"):  # fmt: skip
            assert words in text
        assert f'href="{FILE}?resultat=refused"' in page.text
        assert "cursor=Zm9v" in page.text

    @pytest.mark.parametrize(("kind", "query"), [("refused", "check"), ("error", "result")])
    async def test_d6_the_lines_of_a_checked_file_are_listed_by_what_they_would_give(
        self, site: Site, client: httpx2.AsyncClient, kind: str, query: str
    ) -> None:
        has_file(site, batch("held", check(refused=1), pending=1, errors=1), REFUSED_CHECK)
        await client.get(f"{FILE}?resultat={kind}")
        assert next(request.query for request in site.requests if request.path.endswith("/lines"))[query] == kind

    async def test_d6_a_file_that_is_being_checked_shows_how_many_lines_were_tried(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        has_file(site, batch("checking", check(accepted=2, at=None), pending=4, errors=1))
        assert "2 af 4 linjer er prøvet" in page_text(await client.get(FILE))

    async def test_a_file_whose_check_could_not_be_made_says_so_and_can_be_reported_or_cancelled(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        has_file(site, batch("held", check(at=None, failed=True), pending=4, errors=1), file_line(1, "pending"))
        text = page_text(page := await client.get(FILE))
        assert "Linjerne er ikke prøvet" in text
        assert "Det er en fejl hos os og ikke i din fil." in text
        assert "Ikke prøvet" in text
        for words in ("Skattefri frikortløn", "Kan indberettes", "højst de første 2.000", "Linjerne er prøvet"):
            assert words not in text
        assert "Indberet 4 linjer" in text
        assert f'action="{FILE}/annuller"' in page.text

    async def test_a_file_with_nothing_but_errors_can_only_be_cancelled(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        has_file(site, batch("held", errors=1), WRONG_LINE)
        page = (await client.get(FILE)).text
        assert f'action="{FILE}/indberet"' not in page
        assert f'action="{FILE}/annuller"' in page

    @pytest.mark.parametrize(
        ("decision", "path", "after"), [("indberet", "booking", "booking"), ("annuller", "cancellation", "cancelled")]
    )
    async def test_a_file_is_reported_or_cancelled(
        self, site: Site, client: httpx2.AsyncClient, decision: str, path: str, after: str
    ) -> None:
        site.answer("POST", f"{BATCH}/{path}", batch(after, pending=1), 202)
        done = await send_form(client, f"{FILE}/{decision}", FORM)
        assert (done.status_code, done.headers["location"]) == (303, FILE)

    @pytest.mark.parametrize(
        ("decision", "path", "code"),
        [("indberet", "booking", "batch-cancelled"), ("annuller", "cancellation", "batch-booked")],
    )
    async def test_a_decision_that_comes_too_late_shows_the_state_of_the_file(
        self, site: Site, client: httpx2.AsyncClient, decision: str, path: str, code: str
    ) -> None:
        site.answer("POST", f"{BATCH}/{path}", Refusal(code))
        has_file(site, batch("done" if decision == "annuller" else "cancelled", accepted=1), GOOD_LINE)
        late = await send_form(client, f"{FILE}/{decision}", FORM)
        assert late.status_code == 409
        assert "Der er noget, du skal rette" in page_text(late)

    async def test_the_progress_is_shown_in_words_and_polled(self, site: Site, client: httpx2.AsyncClient) -> None:
        has_file(site, batch("booking", accepted=2, pending=2, errors=1))
        page = (await client.get(FILE)).text
        assert '<progress id="progress" max="4" value="2"' in page
        assert "2 af 4 linjer er færdige" in page
        assert f'data-hx-get="{FILE}"' in page
        assert f'<a href="{FILE}">' in page

    async def test_the_result_is_shown_line_by_line(self, site: Site, client: httpx2.AsyncClient) -> None:
        has_file(
            site,
            batch("done", accepted=1, already_reported=1, refused=1, errors=1),
            GOOD_LINE,
            REFUSED_LINE,
            WRONG_LINE,
        )
        page = await client.get(f"{FILE}?resultat=refused")
        text = page_text(page)
        assert "1 af 4 linjer er modtaget." in text
        assert "1 linje var indberettet i forvejen" in text
        assert "2 linjer er ikke indberettet" in text
        assert "Frikortet var ikke aktivt. Ret dagene." in text
        assert "må ikke indberettes til eIndkomst" in text
        assert f'href="/virksomhed/indberetninger/{REPORT}"' in page.text
        assert (
            next(request.query for request in site.requests if request.path.endswith("/lines"))["result"] == "refused"
        )

    async def test_the_result_can_be_downloaded(self, site: Site, client: httpx2.AsyncClient) -> None:
        site.answer_file(f"{BATCH}/result.csv", b"Linje;Reference\r\n", "text/csv")
        assert (await client.get(f"{FILE}/resultat.csv")).content == b"Linje;Reference\r\n"

    async def test_earlier_files_are_listed_with_their_status(self, site: Site, client: httpx2.AsyncClient) -> None:
        files = [batch(status, accepted=1) for status in ("held", "booking", "done", "cancelled")]
        site.answer("GET", "/v1/report-batches", BatchPage(batches=files, next=None))
        page = await client.get("/virksomhed/filer")
        for words in ("Venter på dig", "Bliver indberettet", "Færdig", "Annulleret"):
            assert words in page_text(page)
        assert page.text.count(f'href="{FILE}"') == 4


async def test_the_progress_of_a_file_updates_without_a_reload_and_ends_with_the_result(
    open_tab: OpenTab, site: Site, address: str
) -> None:
    has_file(site, batch("booking", accepted=1, pending=3))
    tab = await open_tab()
    await tab.open(address + FILE)
    bar = tab.page.get_by_role("progressbar")
    await expect(bar).to_have_attribute("value", "1")
    await tab.check()

    has_file(site, batch("booking", accepted=3, pending=1))
    await expect(bar).to_have_attribute("value", "3")
    has_file(site, batch("done", accepted=3, refused=1), GOOD_LINE, REFUSED_LINE)

    await expect(tab.page.get_by_role("heading", name="Filen er indberettet")).to_be_visible()
    await tab.check()
