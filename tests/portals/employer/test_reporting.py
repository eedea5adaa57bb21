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

from services.gateway.employer.payment_instructions import payment_instructions
from services.gateway.formats import Language as ApiLanguage
from services.gateway.problems import document
from services.portals.employer.reporting import likely_work
from tests.portals.employer.helpers import (
    JOB,
    KEYS,
    OCTOBER,
    PAID,
    REGISTRATION,
    REPORT,
    days,
    employed,
    employment,
    error_at,
    line,
    report,
    send,
    shown,
)
from tests.portals.site import TODAY, Refusal, Site


def tried(**changes: Any) -> DryRunResource:
    given: dict[str, Any] = {
        "employment_id": JOB,
        "reference": "x",
        "year": 2026,
        "total_ore": 250_000,
        "exempt_ore": 200_000,
        "excess_ore": 50_000,
        "allowance_ore": 4_276_600,
        "provisional": False,
        "remaining_before_ore": 200_000,
        "remaining_after_ore": 0,
        "already_reported": False,
        "advice": payment_instructions(
            exempt=200_000, excess=50_000, year=2026, provisional=False, language=ApiLanguage.DANISH
        ),
    }
    return DryRunResource(**given | changes)


class TestReporting:
    async def test_who_has_one_employment_goes_straight_to_the_amount(self, visitor: httpx2.AsyncClient) -> None:
        answer = await visitor.get("/virksomhed/indberet")
        assert answer.headers["location"] == f"/virksomhed/indberet/{JOB}"

    async def test_who_has_none_registers_first_and_comes_back_to_report(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        employed(site)
        site.answer("POST", "/v1/employments", employment(), 201)

        register = (await visitor.get("/virksomhed/indberet")).headers["location"]
        done = await send(visitor, register, REGISTRATION)

        assert done.headers["location"] == f"/virksomhed/indberet/{JOB}?sket=registreret"

    async def test_the_card_number_finds_the_employment_that_is_not_over(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        over = employment(employment_id="old", period=Days(first=date(2025, 1, 1), last=date(2025, 12, 31)))
        employed(site, over, employment(), employment(employment_id="other", card_number="11111"))

        found = await send(visitor, "/virksomhed/indberet", {**KEYS, "card_number": "48213"})
        assert found.headers["location"] == f"/virksomhed/indberet/{JOB}"
        unknown = await send(visitor, "/virksomhed/indberet", {**KEYS, "card_number": "99999"})
        assert "ingen ansættelse med det frikortnummer" in error_at(unknown, "card_number")
        nothing = await send(visitor, "/virksomhed/indberet", KEYS)
        assert "Skriv frikortnummeret" in error_at(nothing, "card_number")

    async def test_the_form_has_the_likely_days_written_in_it(self, visitor: httpx2.AsyncClient) -> None:
        page = (await visitor.get(f"/virksomhed/indberet/{JOB}")).text
        written = dict(re.findall(r'name="([a-z_.]+-(?:day|month|year))" value="(\d+)"', page))
        assert written == days("payment_date", TODAY) | days("work.first", date(2026, 11, 1)) | days("work.last", TODAY)

    async def test_first_a_summary_that_books_nothing_then_the_report_then_the_receipt(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        site.answer("POST", "/v1/reports/dry-run", tried())
        site.answer("POST", "/v1/reports", report(), 201)

        summary = await send(visitor, f"/virksomhed/indberet/{JOB}", PAID)

        assert [one.path for one in site.asked if one.method == "POST"] == ["/v1/reports/dry-run"]
        said = shown(summary)
        assert "Udbetal 2.000,00 kr. uden skat" in said
        assert "må ikke indberettes til eIndkomst" in said
        assert "500,00 kr. er almindelig løn" in said
        assert "0,00 kr. tilbage af 42.766,00 kr." in said
        carried = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', summary.text.split("<main")[1]))
        done = await send(visitor, f"/virksomhed/indberet/{JOB}", carried | {"step": "send"})

        booked = site.asked[-1]
        assert booked.path == "/v1/reports"
        assert booked.body == {
            "employment_id": JOB,
            "reference": "2026-10-31/5f0c2a3e",
            "payment_date": "2026-10-31",
            "work": {"first": "2026-10-01", "last": "2026-10-31"},
            "components": {"wage_ore": 250_000},
        }
        assert booked.key == KEYS["key"]
        assert (done.status_code, done.headers["location"]) == (303, f"/virksomhed/indberetninger/{REPORT}/kvittering")

    async def test_from_the_summary_one_can_go_back_with_all_that_was_typed(self, visitor: httpx2.AsyncClient) -> None:
        own = {"reference": "Lønseddel 7", "components.holiday_pay_ore": "312,50"}
        page = (await send(visitor, f"/virksomhed/indberet/{JOB}", PAID | own | {"step": "edit"})).text
        assert 'value="2.500,00"' in page
        assert 'value="Lønseddel 7"' in page
        assert page.count('<details class="details" open>') == 2

    async def test_what_looks_like_an_earlier_payment_is_asked_about(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        body = document("possible-duplicate", ApiLanguage.DANISH, instance="x")
        alike = ProblemResource.model_validate(body | {"earlier": line(report(report_id="earlier"))})
        site.answer("POST", "/v1/reports/dry-run", alike, 409)

        asked = await send(visitor, f"/virksomhed/indberet/{JOB}", PAID)

        assert asked.status_code == 409
        assert "Er det den samme betaling?" in shown(asked)
        assert 'href="/virksomhed/indberetninger/earlier"' in asked.text
        site.answer("POST", "/v1/reports/dry-run", tried())
        carried = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', asked.text.split("<main")[1]))
        summary = await send(visitor, f"/virksomhed/indberet/{JOB}", carried | {"allow_duplicate": "true"})
        assert site.asked[-1].body["allow_duplicate"] is True
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
    async def test_a_refusal_stands_at_the_field_that_it_concerns(
        self, site: Site, visitor: httpx2.AsyncClient, code: str, input_id: str
    ) -> None:
        site.answer("POST", "/v1/reports/dry-run", Refusal(code))

        answer = await send(visitor, f"/virksomhed/indberet/{JOB}", PAID)

        assert answer.status_code >= 400
        assert error_at(answer, input_id)
        assert 'value="2.500,00"' in answer.text

    @pytest.mark.parametrize(
        ("field", "typed", "input_id"),
        [
            ("payment_date-day", "31x", "payment_date"),
            ("work.last-year", "", "work-last"),
            ("components.wage_ore", "", "components-wage_ore"),
            ("components.wage_ore", "2,500.00", "components-wage_ore"),
            ("components.atp_ore", "-1", "components-atp_ore"),
        ],
    )
    async def test_what_cannot_be_read_is_said_at_its_field_before_anything_is_asked(
        self, site: Site, visitor: httpx2.AsyncClient, field: str, typed: str, input_id: str
    ) -> None:
        answer = await send(visitor, f"/virksomhed/indberet/{JOB}", PAID | {field: typed})
        assert error_at(answer, input_id)
        assert not [one for one in site.asked if one.method == "POST"]

    async def test_a_wrong_field_of_the_api_stands_at_its_field(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        wrong = ("/reference", "value_error", "Value error, must not contain a CPR number")
        site.answer("POST", "/v1/reports/dry-run", Refusal("invalid-request", errors=(wrong,)))
        answer = await send(visitor, f"/virksomhed/indberet/{JOB}", PAID | {"reference": "010180-0101"})
        assert error_at(answer, "reference") == "Må ikke indeholde et CPR-nummer."


@pytest.mark.parametrize(
    ("changes", "reported_through", "likely"),
    [
        ({}, None, (date(2026, 11, 1), TODAY)),
        ({}, date(2026, 10, 15), (date(2026, 10, 16), TODAY)),
        ({"no_work": [OCTOBER]}, date(2026, 9, 30), (date(2026, 11, 1), TODAY)),
        ({"period": Days(first=date(2026, 11, 9))}, None, (date(2026, 11, 9), TODAY)),
        ({"period": Days(first=date(2026, 1, 5), last=date(2026, 10, 20))}, None,
         (date(2026, 10, 1), date(2026, 10, 20))),
        ({}, TODAY, (None, None)),
        ({"period": Days(first=date(2026, 12, 1))}, None, (None, None)),
    ],
)  # fmt: skip
def test_the_likely_days_are_those_after_the_last_reported_day(
    changes: Mapping[str, Any], reported_through: date | None, likely: tuple[date | None, date | None]
) -> None:
    reported_days = [] if reported_through is None else [Days(first=date(2026, 9, 1), last=reported_through)]
    assert likely_work(employment(**changes), reported_days, TODAY) == likely
