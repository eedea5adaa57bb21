"""An employer reports a payment, or a period without work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import httpx2
import pytest
from frikort_contracts.http.common import Days
from frikort_contracts.http.problems import ProblemResource
from frikort_contracts.http.reports import (
    DryRunResource,
)

from services.gateway.employer.payment_instructions import expected_instructions
from services.gateway.formats import Language as ApiLanguage
from services.gateway.problems import document
from services.portals.employer.reporting import likely_work
from tests.portals.employer.resources import (
    EMPLOYMENT,
    OCTOBER,
    PAYMENT,
    REGISTRATION,
    REPORT,
    date_fields,
    employment,
    has_employments,
    list_item,
    report,
)
from tests.portals.reading import error_at, page_text
from tests.portals.site import FORM, KEY, TODAY, Refusal, Site, send_form


def dry_run(**changes: Any) -> DryRunResource:
    given: dict[str, Any] = {
        "employment_id": EMPLOYMENT,
        "reference": "x",
        "year": 2026,
        "total_ore": 250_000,
        "exempt_at_least_ore": 200_000,
        "excess_at_most_ore": 50_000,
        "allowance_ore": 4_276_600,
        "provisional": False,
        "remaining_before_ore": 200_000,
        "remaining_after_ore": 0,
        "already_reported": False,
        "advice": expected_instructions(
            exempt=200_000, excess=50_000, year=2026, provisional=False, language=ApiLanguage.DANISH
        ),
    }
    return DryRunResource(**given | changes)


class TestReporting:
    async def test_an_employer_with_one_employment_is_redirected_to_the_amount(
        self, client: httpx2.AsyncClient
    ) -> None:
        answer = await client.get("/virksomhed/indberet")
        assert answer.headers["location"] == f"/virksomhed/indberet/{EMPLOYMENT}"

    async def test_an_employer_without_employments_registers_one_and_then_reports(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        has_employments(site)
        site.answer("POST", "/v1/employments", employment(), 201)

        register = (await client.get("/virksomhed/indberet")).headers["location"]
        done = await send_form(client, register, REGISTRATION)

        assert done.headers["location"] == f"/virksomhed/indberet/{EMPLOYMENT}?sket=registreret"

    async def test_the_card_number_finds_the_current_employment(self, site: Site, client: httpx2.AsyncClient) -> None:
        over = employment(employment_id="old", period=Days(first=date(2025, 1, 1), last=date(2025, 12, 31)))
        has_employments(site, over, employment(), employment(employment_id="other", card_number="11111"))

        found = await send_form(client, "/virksomhed/indberet", {**FORM, "card_number": "48213"})
        assert found.headers["location"] == f"/virksomhed/indberet/{EMPLOYMENT}"
        unknown = await send_form(client, "/virksomhed/indberet", {**FORM, "card_number": "99999"})
        assert "ingen ansættelse med det frikortnummer" in error_at(unknown, "card_number")
        nothing = await send_form(client, "/virksomhed/indberet", FORM)
        assert "Skriv frikortnummeret" in error_at(nothing, "card_number")

    async def test_the_form_is_prefilled_with_the_likely_dates(self, client: httpx2.AsyncClient) -> None:
        page = (await client.get(f"/virksomhed/indberet/{EMPLOYMENT}")).text
        written = dict(re.findall(r'name="([a-z_.]+-(?:day|month|year))" value="(\d+)"', page))
        assert written == date_fields("payment_date", TODAY) | date_fields(
            "work.first", date(2026, 11, 1)
        ) | date_fields("work.last", TODAY)

    async def test_a_report_is_sent_after_a_summary_and_has_a_receipt(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        site.answer("POST", "/v1/reports/dry-run", dry_run())
        site.answer("POST", "/v1/reports", report(), 201)

        summary = await send_form(client, f"/virksomhed/indberet/{EMPLOYMENT}", PAYMENT)

        assert [request.path for request in site.requests if request.method == "POST"] == ["/v1/reports/dry-run"]
        text = page_text(summary)
        assert "Mindst 2.000,00 kr. er skattefri frikortløn." in text
        assert "Op til 500,00 kr. er almindelig løn" in text
        assert "Når lønnen er indberettet, står det præcise beløb på kvitteringen." in text
        assert "Skattefri frikortløn Mindst 2.000,00 kr. Almindelig løn med skat Højst 500,00 kr." in text
        assert "Under 1.000 kr. tilbage af 42.766,00 kr." in text
        carried = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', summary.text.split("<main")[1]))
        done = await send_form(client, f"/virksomhed/indberet/{EMPLOYMENT}", carried | {"step": "send"})

        booked = site.requests[-1]
        assert booked.path == "/v1/reports"
        assert booked.body == {
            "employment_id": EMPLOYMENT,
            "reference": "2026-10-31/11111111",
            "payment_date": "2026-10-31",
            "work": {"first": "2026-10-01", "last": "2026-10-31"},
            "components": {"wage_ore": 250_000},
        }
        assert booked.key == KEY
        assert (done.status_code, done.headers["location"]) == (303, f"/virksomhed/indberetninger/{REPORT}/kvittering")

    async def test_going_back_from_the_summary_keeps_the_input(self, client: httpx2.AsyncClient) -> None:
        own = {"reference": "Lønseddel 7", "components.holiday_pay_ore": "312,50"}
        page = (await send_form(client, f"/virksomhed/indberet/{EMPLOYMENT}", PAYMENT | own | {"step": "edit"})).text
        assert 'value="2.500,00"' in page
        assert 'value="Lønseddel 7"' in page
        assert page.count('<details class="details" open>') == 2

    async def test_a_possible_duplicate_needs_a_confirmation(self, site: Site, client: httpx2.AsyncClient) -> None:
        body = document("possible-duplicate", ApiLanguage.DANISH, instance="x")
        alike = ProblemResource.model_validate(body | {"earlier": list_item(report(report_id="earlier"))})
        site.answer("POST", "/v1/reports/dry-run", alike, 409)

        question = await send_form(client, f"/virksomhed/indberet/{EMPLOYMENT}", PAYMENT)

        assert question.status_code == 409
        assert "Er det den samme betaling?" in page_text(question)
        assert 'href="/virksomhed/indberetninger/earlier"' in question.text
        assert "I alt 2.500,00 kr. 2.500,00 kr." in page_text(question)
        for choice in ("Det er den samme: Indberet ikke igen", "Det er en betaling til: Indberet den også"):
            assert choice in page_text(question)
        site.answer("POST", "/v1/reports/dry-run", dry_run())
        carried = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', question.text.split("<main")[1]))
        summary = await send_form(client, f"/virksomhed/indberet/{EMPLOYMENT}", carried | {"allow_duplicate": "true"})
        assert site.requests[-1].body["allow_duplicate"] is True
        assert 'name="allow_duplicate" value="true"' in summary.text

    @pytest.mark.parametrize(
        ("code", "input_id"),
        [
            ("payment-in-future", "payment_date"),
            ("payment-before-work", "payment_date"),
            ("year-without-allowance", "payment_date"),
            ("year-provisional", "payment_date"),
            ("work-outside-employment", "work-first"),
            ("card-not-active", "work-first"),
            ("amount-zero", "components-wage_ore"),
            ("amount-too-large", "components-wage_ore"),
            ("reference-reused", "reference"),
            ("report-withdrawn", "reference"),
        ],
    )
    async def test_a_refused_report_shows_the_error_at_its_field(
        self, site: Site, client: httpx2.AsyncClient, code: str, input_id: str
    ) -> None:
        site.answer("POST", "/v1/reports/dry-run", Refusal(code))

        answer = await send_form(client, f"/virksomhed/indberet/{EMPLOYMENT}", PAYMENT)

        assert answer.status_code >= 400
        assert error_at(answer, input_id)
        assert 'value="2.500,00"' in answer.text

    @pytest.mark.parametrize(
        ("field", "typed", "input_id"),
        [
            ("payment_date-day", "31x", "payment_date"),
            ("work.last-year", "", "work-last"),
            ("components.wage_ore", "", "components-wage_ore"),
            ("components.wage_ore", "2,500", "components-wage_ore"),
            ("components.atp_ore", "-1", "components-atp_ore"),
        ],
    )
    async def test_unreadable_input_shows_the_error_at_its_field_without_a_command(
        self, site: Site, client: httpx2.AsyncClient, field: str, typed: str, input_id: str
    ) -> None:
        answer = await send_form(client, f"/virksomhed/indberet/{EMPLOYMENT}", PAYMENT | {field: typed})
        assert error_at(answer, input_id)
        assert site.commands() == []

    async def test_an_error_of_the_api_is_shown_at_its_field(self, site: Site, client: httpx2.AsyncClient) -> None:
        wrong = ("/reference", "value_error", "Value error, must not contain a CPR number")
        site.answer("POST", "/v1/reports/dry-run", Refusal("invalid-request", errors=(wrong,)))
        answer = await send_form(client, f"/virksomhed/indberet/{EMPLOYMENT}", PAYMENT | {"reference": "4711"})
        assert error_at(answer, "reference") == "Må ikke indeholde et CPR-nummer."


@pytest.mark.parametrize(
    ("changes", "reported_through", "likely"),
    [
        ({}, None, (date(2026, 11, 1), TODAY)),
        ({}, date(2026, 10, 15), (date(2026, 10, 16), TODAY)),
        ({"no_work": [OCTOBER]}, date(2026, 9, 30), (date(2026, 11, 1), TODAY)),
        ({"period": Days(first=date(2026, 11, 9))}, None, (date(2026, 11, 9), TODAY)),
        ({"active_days": [Days(first=date(2026, 11, 12))]}, None, (date(2026, 11, 12), TODAY)),
        ({"period": Days(first=date(2026, 1, 5), last=date(2026, 10, 20))}, None,
         (date(2026, 10, 1), date(2026, 10, 20))),
        ({}, TODAY, (None, None)),
        ({"period": Days(first=date(2026, 12, 1))}, None, (None, None)),
    ],
)  # fmt: skip
def test_the_likely_dates_follow_the_last_reported_day(
    changes: Mapping[str, Any], reported_through: date | None, likely: tuple[date | None, date | None]
) -> None:
    reported_days = [] if reported_through is None else [Days(first=date(2026, 9, 1), last=reported_through)]
    assert likely_work(employment(**changes), reported_days, TODAY) == likely
