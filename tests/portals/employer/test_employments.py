"""An employer registers, changes and ends employments."""

from __future__ import annotations

from datetime import date

import httpx2
import pytest
from frikort_contracts.http.common import Days

from tests.portals.employer.resources import EMPLOYMENT, REGISTRATION, date_fields, employment, has_employments
from tests.portals.reading import error_at, page_text
from tests.portals.site import FORM, TODAY, Refusal, Site, send_form

ONE_DAY = date_fields("first", TODAY) | date_fields("last", TODAY)


class TestEmployments:
    async def test_registration_redirects_to_the_employment(self, site: Site, client: httpx2.AsyncClient) -> None:
        site.answer("POST", "/v1/employments", employment(), 201)

        done = await send_form(client, "/virksomhed/ansaettelser/ny", REGISTRATION | {"label": "Løn 4711"})

        assert done.headers["location"] == f"/virksomhed/ansaettelser/{EMPLOYMENT}?sket=registreret"
        assert site.requests[-1].body == {
            "card_number": "48213",
            "birth_date": "1985-01-13",
            "period": {"first": "2026-11-01"},
            "contact": {"name": "Bo Kontakt", "email": "bo@example.dk", "phone": "12 34 56 78"},
            "label": "Løn 4711",
        }
        assert "Ansættelsen er registreret" in page_text(await client.get(done.headers["location"]))

    @pytest.mark.parametrize("page", [f"ansaettelser/{EMPLOYMENT}", f"indberet/{EMPLOYMENT}"])
    @pytest.mark.parametrize(
        ("active", "sentence"),
        [
            ([Days(first=date(2026, 11, 28))], "Frikortet er aktivt fra 28. november 2026."),
            (
                [Days(first=date(2026, 11, 2), last=date(2026, 11, 9)), Days(first=date(2026, 12, 1))],
                "Frikortet er aktivt fra 2. november 2026 til 9. november 2026, fra 1. december 2026.",
            ),
            ([], "Frikortet er ikke aktivt i ansættelsens dage."),
        ],
    )
    async def test_from_when_the_card_is_active_is_said_at_registration(
        self, site: Site, client: httpx2.AsyncClient, active: list[Days], sentence: str, page: str
    ) -> None:
        """D3."""
        has_employments(site, employment(period=Days(first=date(2026, 11, 2)), active_days=active))
        assert sentence in page_text(await client.get(f"/virksomhed/{page}?sket=registreret"))

    async def test_a_card_that_is_active_all_the_time_needs_no_remark(self, client: httpx2.AsyncClient) -> None:
        page = await client.get(f"/virksomhed/ansaettelser/{EMPLOYMENT}")
        assert "Frikortet er aktivt" not in page_text(page)

    async def test_the_contact_person_is_filled_in(self, site: Site, client: httpx2.AsyncClient) -> None:
        assert 'value="Bo Kontakt"' in (await client.get("/virksomhed/ansaettelser/ny")).text
        has_employments(site)
        assert 'value="Bo Ejer"' in (await client.get("/virksomhed/ansaettelser/ny")).text

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
    async def test_a_refused_registration_shows_the_error_at_its_field(
        self, site: Site, client: httpx2.AsyncClient, code: str, input_id: str
    ) -> None:
        site.answer("POST", "/v1/employments", Refusal(code))
        answer = await send_form(client, "/virksomhed/ansaettelser/ny", REGISTRATION)
        assert error_at(answer, input_id)

    async def test_a_change_can_remove_the_label_and_the_last_day(self, site: Site, client: httpx2.AsyncClient) -> None:
        site.answer("PUT", f"/v1/employments/{EMPLOYMENT}", employment())
        form = {name: value for name, value in REGISTRATION.items() if not name.startswith(("card", "birth"))}

        done = await send_form(client, f"/virksomhed/ansaettelser/{EMPLOYMENT}/ret", form | {"label": ""})

        assert done.headers["location"] == f"/virksomhed/ansaettelser/{EMPLOYMENT}?sket=aendret"
        assert (site.requests[-1].body["label"], site.requests[-1].body["period"]) == ("", {"first": "2026-11-01"})

    @pytest.mark.parametrize(
        ("page", "path", "form", "code", "input_id"),
        [
            ("afslut", "end", date_fields("last", TODAY), "employment-has-reports-outside", "last"),
            ("afslut", "end", date_fields("last", TODAY), "employment-exists", "last"),
            ("intet-arbejde", "no-work", ONE_DAY, "no-work-in-future", "last"),
            ("intet-arbejde", "no-work", ONE_DAY, "no-work-outside-employment", "first"),
        ],
    )  # fmt: skip
    async def test_a_refused_date_shows_the_error_at_its_field(
        self, site: Site, client: httpx2.AsyncClient, page: str, path: str, form: dict[str, str], code: str,
        input_id: str,
    ) -> None:  # fmt: skip
        site.answer("POST", f"/v1/employments/{EMPLOYMENT}/{path}", Refusal(code))
        assert error_at(await send_form(client, f"/virksomhed/ansaettelser/{EMPLOYMENT}/{page}", FORM | form), input_id)

    async def test_reports_outside_a_changed_period_show_the_error_at_its_last_day(
        self, site: Site, client: httpx2.AsyncClient
    ) -> None:
        site.answer("PUT", f"/v1/employments/{EMPLOYMENT}", Refusal("employment-has-reports-outside"))
        assert error_at(
            await send_form(client, f"/virksomhed/ansaettelser/{EMPLOYMENT}/ret", REGISTRATION), "period-last"
        )

    async def test_ending_an_employment_sends_the_last_day(self, site: Site, client: httpx2.AsyncClient) -> None:
        site.answer("POST", f"/v1/employments/{EMPLOYMENT}/end", employment())
        done = await send_form(
            client, f"/virksomhed/ansaettelser/{EMPLOYMENT}/afslut", FORM | date_fields("last", TODAY)
        )
        assert done.headers["location"] == f"/virksomhed/ansaettelser/{EMPLOYMENT}?sket=afsluttet"
        assert site.requests[-1].body == {"last": "2026-11-21"}

    async def test_an_employment_shows_the_remaining_allowance(self, client: httpx2.AsyncClient) -> None:
        page = await client.get(f"/virksomhed/ansaettelser/{EMPLOYMENT}")
        assert "Mindst 12.000,00 kr. tilbage af 42.766,00 kr." in page_text(page)
        assert "foreløbig" in page_text(page)

    @pytest.mark.parametrize("code", ["employment-unknown", "year-without-allowance"])
    async def test_an_employment_without_a_current_allowance_shows_no_remaining_amount(
        self, site: Site, client: httpx2.AsyncClient, code: str
    ) -> None:
        site.answer("GET", f"/v1/employments/{EMPLOYMENT}/allowance", Refusal(code))
        page = await client.get(f"/virksomhed/ansaettelser/{EMPLOYMENT}")
        assert page.status_code == 200
        assert "tilbage af" not in page_text(page)
