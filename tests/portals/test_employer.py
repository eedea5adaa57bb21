"""The employer's pages without a browser: what they ask of the API, what they show, and where errors stand."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import httpx2
import pytest
from frikort_contracts.http.balances import AllowanceLeft
from frikort_contracts.http.common import Days
from frikort_contracts.http.employments import (
    ContactResource,
    EmploymentPage,
    EmploymentResource,
    ReminderResource,
    Reminders,
)
from frikort_contracts.http.payroll import (
    BatchCounts,
    BatchLinePage,
    BatchLineResource,
    BatchPage,
    BatchResource,
    LineSplitResource,
)
from frikort_contracts.http.problems import FieldErrorResource, ProblemResource
from frikort_contracts.http.reports import (
    ComponentsResource,
    DisputeResource,
    DryRunResource,
    ReportDetail,
    ReportHistory,
    ReportPage,
    ReportResource,
    SplitResource,
)
from frikort_contracts.http.roles import Role
from frikort_contracts.reporting import CorrectionReason, DisputeReason
from frikort_contracts.values import CitizenSide
from playwright.async_api import expect
from pypdf import PdfReader

from services.gateway.employer.payment_instructions import payment_instructions
from services.gateway.formats import Language as ApiLanguage
from services.gateway.payroll.parser import DANISH, Csv
from services.gateway.problems import document
from services.portals.employer.files import media_type_of
from services.portals.employer.reporting import likely_work
from services.portals.employer.reports import DISPUTED, ENDS, REASONS, moved
from tests.portals.conftest import OpenTab
from tests.portals.site import TODAY, TOKEN, Refusal, Site

JOB, REPORT = "0e5d8f8e-1a51-4c0f-8c7e-3b6c0f6a2d22", "c4b0f5b2-3f3a-4d1e-9a57-6a0e5d7f3c33"
SCRIPT = "<script>alert(1)</script>"
NOON = datetime(2026, 11, 1, 11, tzinfo=UTC)
OCTOBER = Days(first=date(2026, 10, 1), last=date(2026, 10, 31))


def employment(**changes: Any) -> EmploymentResource:
    given: dict[str, Any] = {
        "employment_id": JOB,
        "period": Days(first=date(2026, 1, 5)),
        "contact": ContactResource(name="Bo Kontakt", email="bo@example.dk", phone="12 34 56 78"),
        "card_number": "48213",
        "label": "Løn 4711",
        "no_work": [],
        "registered_at": NOON,
        "revision": 1,
    }
    return EmploymentResource(**given | changes)


def split(exempt: int, excess: int = 0, *, by: str | None = REPORT) -> SplitResource:
    return SplitResource(exempt_ore=exempt, excess_ore=excess, at=NOON, caused_by=by)


def report(**changes: Any) -> ReportDetail:
    given: dict[str, Any] = {
        "report_id": REPORT,
        "employment_id": JOB,
        "reference": "2026-10/4711",
        "status": "accepted",
        "year": 2026,
        "work": OCTOBER,
        "payment_date": date(2026, 10, 31),
        "components": ComponentsResource(wage_ore=250_000, holiday_pay_ore=0, atp_ore=0, pension_ore=0),
        "total_ore": 250_000,
        "split": split(200_000, 50_000),
        "allowance_ore": 4_276_600,
        "provisional": False,
        "remaining_ore": 0,
        "advice": payment_instructions(
            exempt=200_000, excess=50_000, year=2026, provisional=False, language=ApiLanguage.DANISH
        ),
        "dispute": None,
        "revision": 1,
        "history": [said("reported")],
        "splits": [split(200_000, 50_000)],
    }
    return ReportDetail(**given | changes)


def said(event: str, revision: int = 1, **changes: Any) -> ReportHistory:
    given: dict[str, Any] = {
        "revision": revision,
        "event": event,
        "at": NOON,
        "work": OCTOBER,
        "payment_date": date(2026, 10, 31),
        "components": ComponentsResource(wage_ore=250_000, holiday_pay_ore=0, atp_ore=0, pension_ore=0),
        "total_ore": 250_000,
        "reason": None,
        "message": None,
        "by": None,
    }
    return ReportHistory(**given | changes)


def line(detail: ReportDetail) -> ReportResource:
    return ReportResource(**detail.model_dump(exclude={"history", "splits"}))


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


def employed(site: Site, *jobs: EmploymentResource) -> None:
    """These are the employer's employments, the latest registered first."""
    site.answer("GET", "/v1/employments", EmploymentPage(employments=list(jobs), next=None))
    for job in jobs:
        site.answer("GET", f"/v1/employments/{job.employment_id}", job)


def reported(site: Site, *details: ReportDetail) -> None:
    """These are the employer's reports, the newest first."""
    site.answer("GET", "/v1/reports", ReportPage(reports=[line(one) for one in details], next=None))
    site.answer("GET", "/v1/reports", ReportPage(reports=[], next=None), disputed="True")
    site.answer("GET", "/v1/reports", ReportPage(reports=[], next=None), moved_since="2026-09-22")
    for one in details:
        site.answer("GET", f"/v1/reports/{one.report_id}", one)


@pytest.fixture
async def site(site: Site) -> Site:
    """A café with one employment, one report, and nothing to be reminded of."""
    site.sign_in(Role.EMPLOYER, "Bo Ejer")
    employed(site, employment())
    reported(site, report())
    site.answer("GET", "/v1/reminders", Reminders(reminders=[], next=None))
    site.answer("GET", "/v1/report-batches", BatchPage(batches=[], next=None))
    left = AllowanceLeft(
        employment_id=JOB, year=2026, allowance_ore=4_276_600, provisional=True, remaining_ore=1_234_500
    )
    site.answer("GET", f"/v1/employments/{JOB}/allowance", left)
    return site


@pytest.fixture
async def visitor(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    async with site.client() as client:
        yield client


def shown(answer: httpx2.Response) -> str:
    """What can be read on a page, without its markup."""
    main = answer.text.split("<main", 1)[1].split("</main>", 1)[0]
    text = re.sub(r"<[^>]+>", " ", main).replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r"\s+", " ", text)


def error_at(answer: httpx2.Response, input_id: str) -> str:
    """What is said to be wrong at an input, which the error summary links to."""
    found = re.search(rf'id="{input_id}-error">(.*?)</span>\s*\n', answer.text, re.DOTALL)
    assert found, f"nothing is said at {input_id}"
    assert re.search(rf'<a class="function-link" href="#{input_id}(-day)?">', answer.text)
    return re.sub(r"<[^>]+>", "", found[1]).removeprefix("Fejl: ")


def days(name: str, one: date) -> dict[str, str]:
    return {f"{name}-day": str(one.day), f"{name}-month": str(one.month), f"{name}-year": str(one.year)}


KEYS = {"form_token": TOKEN, "key": "5f0c2a3e-0000-4000-8000-000000000001"}
PAID = {
    **KEYS,
    **days("payment_date", date(2026, 10, 31)),
    **days("work.first", date(2026, 10, 1)),
    **days("work.last", date(2026, 10, 31)),
    "components.wage_ore": "2.500,00",
}
REGISTRATION = {
    **KEYS,
    "card_number": "482 13",
    **days("birth_date", date(1985, 1, 13)),
    **days("period.first", date(2026, 11, 1)),
    "contact.name": "Bo Kontakt",
    "contact.email": "bo@example.dk",
    "contact.phone": "12 34 56 78",
}

PAGES = (
    "/virksomhed",
    "/virksomhed/indberet",
    f"/virksomhed/indberet/{JOB}",
    "/virksomhed/indberetninger",
    f"/virksomhed/indberetninger?ansaettelse={JOB}&aar=2026",
    f"/virksomhed/indberetninger/{REPORT}",
    f"/virksomhed/indberetninger/{REPORT}/kvittering",
    f"/virksomhed/indberetninger/{REPORT}/ret",
    f"/virksomhed/indberetninger/{REPORT}/tilbagekald",
    "/virksomhed/ansaettelser",
    "/virksomhed/ansaettelser/ny",
    f"/virksomhed/ansaettelser/{JOB}",
    f"/virksomhed/ansaettelser/{JOB}/ret",
    f"/virksomhed/ansaettelser/{JOB}/afslut",
    f"/virksomhed/ansaettelser/{JOB}/intet-arbejde",
    "/virksomhed/loensystem",
)
PICTURES = {"/virksomhed": "virksomhed", f"/virksomhed/indberetninger/{REPORT}": "virksomhed-indberetning"}


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_shown(visitor: httpx2.AsyncClient, path: str) -> None:
    answer = await visitor.get(path, follow_redirects=True)
    assert answer.status_code == 200, shown(answer)


async def send(visitor: httpx2.AsyncClient, path: str, form: Mapping[str, str]) -> httpx2.Response:
    return await visitor.post(path, data=dict(form))


class TestFrontPage:
    async def test_who_has_no_employment_is_shown_how_to_begin(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        employed(site)
        assert "Registrér ansættelsen" in shown(await visitor.get("/virksomhed"))

    async def test_a_reminder_is_a_question_with_two_answers(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        question = ReminderResource(
            kind="no-recent-report",
            employment_id=JOB,
            card_number="48213",
            label=None,
            text="Har der været arbejde fra den 1. oktober til den 20. november?",
            days=Days(first=date(2026, 10, 1), last=date(2026, 11, 20)),
        )
        site.answer("GET", "/v1/reminders", Reminders(reminders=[question], next=None))
        site.answer("POST", f"/v1/employments/{JOB}/no-work", employment())

        page = await visitor.get("/virksomhed")
        assert question.text in shown(page)
        assert f'href="/virksomhed/indberet/{JOB}"' in page.text
        form = page.text.split(f'action="/virksomhed/ansaettelser/{JOB}/intet-arbejde"', 1)[1].split("</form>", 1)[0]
        sent = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))
        thanks = await send(visitor, f"/virksomhed/ansaettelser/{JOB}/intet-arbejde", sent)

        assert thanks.headers["location"] == f"/virksomhed/ansaettelser/{JOB}?sket=intet-arbejde"
        assert site.asked[-1].body == {"first": "2026-10-01", "last": "2026-11-20"}
        assert site.asked[-1].key == sent["key"]

    async def test_a_card_near_its_allowance_is_told_of(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        notice = ReminderResource(
            kind="allowance-low",
            employment_id=JOB,
            card_number="48213",
            label=None,
            text="Der er 500,00 kr. tilbage af årets beløbsgrænse.",
            expected_payment_date=date(2026, 11, 30),
            remaining_ore=50_000,
            usual_pay_ore=250_000,
        )
        site.answer("GET", "/v1/reminders", Reminders(reminders=[notice], next=None))
        assert notice.text in shown(await visitor.get("/virksomhed"))

    async def test_a_dispute_and_a_moved_split_lead_to_their_reports(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        disputed = line(report(report_id="d", dispute=dispute()))
        changed = line(report(report_id="m", split=split(0, 250_000, by=None)))
        site.answer("GET", "/v1/reports", ReportPage(reports=[disputed], next=None), disputed="True")
        site.answer("GET", "/v1/reports", ReportPage(reports=[changed], next=None), moved_since="2026-09-22")

        page = await visitor.get("/virksomhed")

        assert "Borgeren siger, at noget er galt" in shown(page)
        assert "En anden indberetning på kortet er ændret" in shown(page)
        for one in (disputed, changed):
            assert f'href="/virksomhed/indberetninger/{one.report_id}"' in page.text

    async def test_a_file_that_waits_is_told_of(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        files = [batch("held", pending=1), batch("booking", pending=1), batch("done", accepted=1)]
        site.answer("GET", "/v1/report-batches", BatchPage(batches=files, next=None))
        page = await visitor.get("/virksomhed")
        assert page.text.count(f'href="{FILE}"') == 2
        assert "Den bliver ikke indberettet, før du siger til." in shown(page)


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
    ("changes", "told_through", "likely"),
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
def test_the_likely_days_are_those_since_the_last_that_were_told_of(
    changes: Mapping[str, Any], told_through: date | None, likely: tuple[date | None, date | None]
) -> None:
    told = [] if told_through is None else [Days(first=date(2026, 9, 1), last=told_through)]
    assert likely_work(employment(**changes), told, TODAY) == likely


class TestEmployments:
    async def test_registering_leads_to_the_employment(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        site.answer("POST", "/v1/employments", employment(), 201)

        done = await send(visitor, "/virksomhed/ansaettelser/ny", REGISTRATION | {"label": "Løn 4711"})

        assert done.headers["location"] == f"/virksomhed/ansaettelser/{JOB}?sket=registreret"
        assert site.asked[-1].body == {
            "card_number": "48213",
            "birth_date": "1985-01-13",
            "period": {"first": "2026-11-01"},
            "contact": {"name": "Bo Kontakt", "email": "bo@example.dk", "phone": "12 34 56 78"},
            "label": "Løn 4711",
        }
        assert "Ansættelsen er registreret" in shown(await visitor.get(done.headers["location"]))

    async def test_the_contact_person_is_written_already(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        assert 'value="Bo Kontakt"' in (await visitor.get("/virksomhed/ansaettelser/ny")).text
        employed(site)
        assert 'value="Bo Ejer"' in (await visitor.get("/virksomhed/ansaettelser/ny")).text

    @pytest.mark.parametrize(
        ("code", "input_id"),
        [
            ("number-or-birth-date-wrong", "card_number"),
            ("own-business", "card_number"),
            ("too-many-attempts", "card_number"),
            ("card-not-active", "period-first"),
            ("employment-exists", "period-first"),
        ],
    )
    async def test_a_refused_registration_stands_at_the_field_that_it_concerns(
        self, site: Site, visitor: httpx2.AsyncClient, code: str, input_id: str
    ) -> None:
        site.answer("POST", "/v1/employments", Refusal(code))
        answer = await send(visitor, "/virksomhed/ansaettelser/ny", REGISTRATION)
        assert error_at(answer, input_id)

    async def test_changing_can_take_the_label_and_the_last_day_away(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        site.answer("PUT", f"/v1/employments/{JOB}", employment())
        form = {name: value for name, value in REGISTRATION.items() if not name.startswith(("card", "birth"))}

        done = await send(visitor, f"/virksomhed/ansaettelser/{JOB}/ret", form | {"label": ""})

        assert done.headers["location"] == f"/virksomhed/ansaettelser/{JOB}?sket=aendret"
        assert (site.asked[-1].body["label"], site.asked[-1].body["period"]) == ("", {"first": "2026-11-01"})

    @pytest.mark.parametrize(
        ("page", "path", "form", "code", "input_id"),
        [
            ("afslut", "end", days("last", TODAY), "employment-has-reports-outside", "last"),
            ("afslut", "end", days("last", TODAY), "employment-exists", "last"),
            ("intet-arbejde", "no-work", days("first", TODAY) | days("last", TODAY), "no-work-in-future", "last"),
            ("intet-arbejde", "no-work", days("first", TODAY) | days("last", TODAY), "no-work-outside-employment",
             "first"),
        ],
    )  # fmt: skip
    async def test_a_refused_day_stands_at_its_field(
        self, site: Site, visitor: httpx2.AsyncClient, page: str, path: str, form: dict[str, str], code: str,
        input_id: str,
    ) -> None:  # fmt: skip
        site.answer("POST", f"/v1/employments/{JOB}/{path}", Refusal(code))
        assert error_at(await send(visitor, f"/virksomhed/ansaettelser/{JOB}/{page}", KEYS | form), input_id)

    async def test_reports_outside_a_new_period_stand_at_its_last_day(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        site.answer("PUT", f"/v1/employments/{JOB}", Refusal("employment-has-reports-outside"))
        assert error_at(await send(visitor, f"/virksomhed/ansaettelser/{JOB}/ret", REGISTRATION), "period-last")

    async def test_ending_sends_the_last_day(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        site.answer("POST", f"/v1/employments/{JOB}/end", employment())
        done = await send(visitor, f"/virksomhed/ansaettelser/{JOB}/afslut", KEYS | days("last", TODAY))
        assert done.headers["location"] == f"/virksomhed/ansaettelser/{JOB}?sket=afsluttet"
        assert site.asked[-1].body == {"last": "2026-11-21"}

    async def test_an_employment_shows_what_is_left(self, visitor: httpx2.AsyncClient) -> None:
        page = await visitor.get(f"/virksomhed/ansaettelser/{JOB}")
        assert "12.345,00 kr. tilbage af 42.766,00 kr." in shown(page)
        assert "foreløbig" in shown(page)

    @pytest.mark.parametrize("code", ["employment-unknown", "year-without-allowance"])
    async def test_an_employment_long_over_shows_nothing_left(
        self, site: Site, visitor: httpx2.AsyncClient, code: str
    ) -> None:
        site.answer("GET", f"/v1/employments/{JOB}/allowance", Refusal(code))
        page = await visitor.get(f"/virksomhed/ansaettelser/{JOB}")
        assert page.status_code == 200
        assert "tilbage af" not in shown(page)


def dispute(**changes: Any) -> DisputeResource:
    given: dict[str, Any] = {
        "reason": DisputeReason.WRONG_AMOUNT,
        "message": "Jeg fik 2.000 kr.",
        "raised_at": NOON,
        "raised_by": CitizenSide.MANDATE_HOLDER,
    }
    return DisputeResource(**given | changes)


class TestReports:
    async def test_the_list_asks_for_what_was_chosen(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        found = ReportPage(reports=[line(report())], next="Zm9v")
        site.answer("GET", "/v1/reports", found)
        page = await visitor.get(f"/virksomhed/indberetninger?ansaettelse={JOB}&aar=2026")
        asked = next(one.query for one in site.asked if one.path == "/v1/reports")
        assert asked == {"employment_id": JOB, "year": "2026", "newest": "True", "limit": "25", "cursor": ""}
        assert f"?ansaettelse={JOB}&amp;aar=2026&amp;cursor=Zm9v" in page.text

    async def test_a_dispute_is_told_in_plain_words_with_what_to_do(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        reported(site, report(dispute=dispute()))
        said = shown(await visitor.get(f"/virksomhed/indberetninger/{REPORT}"))
        assert "En, som borgeren har givet fuldmagt, 1. november 2026: Beløbet er forkert." in said
        assert "Jeg fik 2.000 kr." in said
        assert "ret indberetningen, eller tilbagekald den" in said

    @pytest.mark.parametrize(
        ("now", "words"),
        [
            (50_000, "1.500,00 kr., som var uden skat, er nu almindelig løn"),
            (250_000, "500,00 kr., som var almindelig løn, er nu uden skat"),
        ],
    )
    async def test_a_split_that_another_report_moved_says_what_to_do(
        self, site: Site, visitor: httpx2.AsyncClient, now: int, words: str
    ) -> None:
        changed = split(now, 250_000 - now, by=None)
        reported(site, report(split=changed, splits=[split(200_000, 50_000), changed]))
        assert words in shown(await visitor.get(f"/virksomhed/indberetninger/{REPORT}"))

    def test_a_split_is_not_moved_by_ones_own_correction(self) -> None:
        assert moved(report()) is None
        assert moved(report(splits=[split(1), split(2)])) is None
        assert moved(report(splits=[split(1), split(5, by=None), split(4, by=None)])) == 3
        assert moved(report(splits=[split(1), split(5, by=None)], status="withdrawn")) is None

    async def test_a_history_shows_every_event(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        history = [
            said("reported"),
            said("disputed", reason="not-paid", message="Ingen penge", work=None, total_ore=None),
            said("dispute-ended", reason="report-corrected", work=None, total_ore=None),
            said("corrected", 2, reason="wrong-amount"),
            said("withdrawn", 3, reason="reported-twice", work=None, total_ore=None),
        ]
        reported(site, report(status="withdrawn", history=history))
        text = shown(await visitor.get(f"/virksomhed/indberetninger/{REPORT}"))
        for words in (
            "Lønnen er ikke betalt",
            "Ingen penge",
            "Du rettede indberetningen",
            "Den var indberettet to gange",
        ):
            assert words in text

    def test_every_reason_of_the_contracts_has_words(self) -> None:
        assert set(REASONS) == set(CorrectionReason)
        assert set(DISPUTED) == set(DisputeReason)
        assert len(ENDS) == 3

    async def test_a_correction_is_shown_before_and_after_and_then_sent(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        site.answer("POST", f"/v1/reports/{REPORT}/correction", report(revision=2))
        form = PAID | {"components.wage_ore": "2.000,00", "reason": "wrong-amount"}

        summary = await send(visitor, f"/virksomhed/indberetninger/{REPORT}/ret", form)

        assert not [one for one in site.asked if one.method == "POST"]
        assert "2.500,00 kr. 2.000,00 kr." in shown(summary)
        done = await send(visitor, f"/virksomhed/indberetninger/{REPORT}/ret", form | {"step": "send"})
        assert done.headers["location"] == f"/virksomhed/indberetninger/{REPORT}/kvittering"
        assert site.asked[-1].body == {
            "payment_date": "2026-10-31",
            "work": {"first": "2026-10-01", "last": "2026-10-31"},
            "components": {"wage_ore": 200_000},
            "reason": "wrong-amount",
        }

    async def test_a_refused_correction_stands_at_its_field(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        site.answer("POST", f"/v1/reports/{REPORT}/correction", Refusal("payment-year-changed", {"year": 2026}))
        form = PAID | {"reason": "wrong-amount", "step": "send"}
        answer = await send(visitor, f"/virksomhed/indberetninger/{REPORT}/ret", form)
        assert "Betalingsåret er 2026" in error_at(answer, "payment_date")

    async def test_a_withdrawal_needs_a_reason_and_says_what_it_means(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        path = f"/virksomhed/indberetninger/{REPORT}/tilbagekald"
        assert "Vælg, hvorfor" in error_at(await send(visitor, path, KEYS), "reason")
        site.answer("POST", f"/v1/reports/{REPORT}/withdrawal", report(status="withdrawn", revision=2))
        done = await send(visitor, path, KEYS | {"reason": "not-paid"})
        reported(site, report(status="withdrawn", revision=2))
        assert "tæller ikke længere med" in shown(await visitor.get(done.headers["location"]))

    async def test_a_second_withdrawal_is_told_as_such(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        site.answer("POST", f"/v1/reports/{REPORT}/withdrawal", Refusal("report-withdrawn"))
        answer = await send(visitor, f"/virksomhed/indberetninger/{REPORT}/tilbagekald", KEYS | {"reason": "other"})
        assert (answer.status_code, "Indberetningen er tilbagekaldt" in shown(answer)) == (409, True)

    async def test_a_report_of_somebody_else_does_not_exist(self, site: Site, visitor: httpx2.AsyncClient) -> None:
        site.answer("GET", f"/v1/reports/{JOB}", Refusal("report-unknown"))
        for page in ("", "/kvittering", "/kvittering.pdf", "/kvittering.csv", "/ret", "/tilbagekald"):
            assert (await visitor.get(f"/virksomhed/indberetninger/{JOB}{page}")).status_code == 404


def lines(answer: httpx2.Response, delimiter: str = ";") -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=delimiter))


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


FILE = "/virksomhed/filer/5f0c2a3e-1111-4000-8000-000000000001"
BATCH = "/v1/report-batches/5f0c2a3e-1111-4000-8000-000000000001"
ROWS = "Frikortnummer;Reference;Arbejde fra;Arbejde til;Betalingsdag;Løn (kr.)\r\n48213;a;1-10-2026;...\r\n".encode()


def batch(status: str, **counts: int) -> BatchResource:
    none = {"errors": 0, "accepted": 0, "already_reported": 0, "refused": 0, "pending": 0}
    return BatchResource(
        batch_id=BATCH.rsplit("/", 1)[1],
        status=status,
        created_at=NOON,
        expires_at=NOON if status == "held" else None,
        finished_at=NOON if status == "done" else None,
        counts=BatchCounts(lines=sum(counts.values()), **none | counts),
        total_ore=750_000,
        exempt_ore=500_000 if status == "done" else 0,
        excess_ore=100_000 if status == "done" else 0,
    )


def file_line(number: int, result: str, **changes: Any) -> BatchLineResource:
    given: dict[str, Any] = {
        "number": number,
        "reference": f"ref-{number}",
        "result": result,
        "employment_id": JOB,
        "total_ore": 250_000,
        "report_id": None,
        "split": None,
        "problem": None,
        "errors": [],
    }
    return BatchLineResource(**given | changes)


WRONG_LINE = file_line(
    3,
    "error",
    total_ore=None,
    errors=[
        FieldErrorResource(
            code="not-an-amount",
            pointer="/components/wage_ore",
            column="Løn (kr.)",
            detail="Skal være et beløb i kroner.",
        )
    ],
)
REFUSED_LINE = file_line(
    4,
    "refused",
    problem=ProblemResource(
        code="card-not-active",
        type="/problems/card-not-active",
        title="Frikortet var ikke aktivt",
        status=422,
        detail="Ret dagene.",
        instance="urn:uuid:1",
    ),
)
GOOD_LINE = file_line(2, "accepted", report_id=REPORT, split=LineSplitResource(exempt_ore=200_000, excess_ore=50_000))


def sent_file(site: Site, file: BatchResource, *lines: BatchLineResource) -> None:
    """The employer has sent this file."""
    site.answer("GET", BATCH, file)
    site.answer("GET", f"{BATCH}/lines", BatchLinePage(lines=list(lines), next="Zm9v"))


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
    async def test_no_file_is_told_of_at_the_field(self, visitor: httpx2.AsyncClient, files: Any) -> None:
        answer = await visitor.post("/virksomhed/filer/ny", data=KEYS, files=files)
        assert error_at(answer, "file") == "Vælg en fil. Den må ikke være tom."

    @pytest.mark.parametrize(
        "code", ["batch-not-utf8", "batch-columns-wrong", "batch-empty", "batch-in-progress", "body-too-large"]
    )
    async def test_a_file_that_cannot_be_read_is_told_of_at_the_field(
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
    async def test_a_decision_that_comes_too_late_is_told_with_what_became_of_the_file(
        self, site: Site, visitor: httpx2.AsyncClient, decision: str, path: str, code: str
    ) -> None:
        site.answer("POST", f"{BATCH}/{path}", Refusal(code))
        sent_file(site, batch("done" if decision == "annuller" else "cancelled", accepted=1), GOOD_LINE)
        late = await send(visitor, f"{FILE}/{decision}", KEYS)
        assert late.status_code == 409
        assert "Der er noget, du skal rette" in shown(late)

    async def test_the_progress_is_told_in_words_and_asked_for_again(
        self, site: Site, visitor: httpx2.AsyncClient
    ) -> None:
        sent_file(site, batch("booking", accepted=2, pending=2, errors=1))
        page = (await visitor.get(FILE)).text
        assert '<progress id="progress" max="4" value="2"' in page
        assert "2 af 4 linjer er færdige" in page
        assert f'data-hx-get="{FILE}"' in page
        assert f'<a href="{FILE}">' in page

    async def test_the_result_is_told_line_by_line(self, site: Site, visitor: httpx2.AsyncClient) -> None:
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


async def test_a_payroll_vendor_is_told_where_to_get_a_token_and_what_it_must_say(visitor: httpx2.AsyncClient) -> None:
    text = shown(await visitor.get("/virksomhed/loensystem"))
    for needed in ("https://issuer.test/.well-known/openid-configuration", "99000007", "/v1/report-batches"):
        assert needed in text


@pytest.mark.parametrize("path", PAGES)
async def test_a_script_in_any_text_is_only_text(site: Site, visitor: httpx2.AsyncClient, path: str) -> None:
    contact = ContactResource(name=SCRIPT, email=SCRIPT, phone=SCRIPT)
    employed(site, employment(label=SCRIPT, card_number=SCRIPT, contact=contact))
    history = [said("reported"), said("disputed", reason="other", message=SCRIPT)]
    bad = report(reference=SCRIPT, advice=[SCRIPT], history=history, dispute=dispute(message=SCRIPT))
    reported(site, bad)
    site.answer("GET", "/v1/reports", ReportPage(reports=[line(bad)], next=None), disputed="True")

    page = (await visitor.get(path, follow_redirects=True)).text

    assert "<script>alert" not in page
    for form in (PAID, REGISTRATION, KEYS):
        typed = {name: value if name in KEYS else SCRIPT for name, value in form.items()}
        assert "<script>alert" not in (await send(visitor, path, typed)).text


async def test_no_page_of_another_role_is_shown(site: Site, visitor: httpx2.AsyncClient) -> None:
    site.sign_in(Role.CITIZEN)
    for path in PAGES:
        assert (await visitor.get(path)).status_code == 403
    site.sign_out()
    for path in PAGES:
        assert (await visitor.get(path)).headers["location"].startswith("/login?")


async def test_what_an_employer_looks_at_most_is_accessible_valid_and_silent(
    open_tab: OpenTab, site: Site, address: str, width: int
) -> None:
    eventful(site)
    tab = await open_tab(width=width)
    for path, picture in PICTURES.items():
        await tab.open(address + path)
        await tab.check()
        await tab.picture(picture)
    for file in (batch("held", pending=3, errors=1), batch("done", accepted=2, refused=1), batch("cancelled")):
        sent_file(site, file, GOOD_LINE, REFUSED_LINE, WRONG_LINE)
        await tab.open(address + FILE)
        await tab.check()


def eventful(site: Site) -> None:
    """Something of everything that the pages can show."""
    moved_split = split(150_000, 100_000, by=None)
    changed = report(
        report_id="moved", split=moved_split, splits=[split(200_000, 50_000), moved_split], reference="2026-09/4711"
    )
    history = [
        said("reported"),
        said("disputed", reason="wrong-amount", message="Jeg fik 2.000 kr.", work=None, total_ore=None),
    ]
    disputed = report(dispute=dispute(), history=history, split=moved_split, splits=changed.splits)
    withdrawn = report(report_id="withdrawn", status="withdrawn")
    employed(site, employment(no_work=[OCTOBER]), employment(employment_id="other", card_number="10007", label=None))
    reported(site, disputed, changed, withdrawn, report(report_id="plain", split=split(250_000)))
    site.answer("GET", "/v1/reports", ReportPage(reports=[line(disputed)], next=None), disputed="True")
    site.answer("GET", "/v1/reports", ReportPage(reports=[line(changed)], next=None), moved_since="2026-09-22")
    question = ReminderResource(
        kind="no-recent-report",
        employment_id="other",
        card_number="10007",
        label=None,
        text="Har der været arbejde fra den 1. oktober 2026 til den 20. november 2026?",
        days=Days(first=date(2026, 10, 1), last=date(2026, 11, 20)),
    )
    notice = ReminderResource(
        kind="allowance-low",
        employment_id=JOB,
        card_number="48213",
        label="Løn 4711",
        text="Der er 500,00 kr. tilbage af årets beløbsgrænse, og I plejer at betale 2.500,00 kr.",
        expected_payment_date=date(2026, 11, 30),
        remaining_ore=50_000,
        usual_pay_ore=250_000,
    )
    site.answer("GET", "/v1/reminders", Reminders(reminders=[question, notice], next=None))
    waiting = batch("held", pending=3, errors=1)
    site.answer("GET", "/v1/report-batches", BatchPage(batches=[waiting, batch("done", accepted=1)], next=None))


@pytest.mark.parametrize("bad", ["x%3Flimit=1", "%2e%2e", "a%23b", "x" * 65])
async def test_no_address_of_a_page_becomes_another_address_of_the_api(
    site: Site, visitor: httpx2.AsyncClient, bad: str
) -> None:
    for path in ("ansaettelser/{}", "indberetninger/{}", "indberetninger/{}/kvittering.pdf", "indberet/{}"):
        assert (await visitor.get(f"/virksomhed/{path.format(bad)}")).status_code in {404, 422}
    assert site.asked == []


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
