"""An employer registers, changes and ends employments."""

from __future__ import annotations

import httpx2
import pytest

from tests.portals.employer.helpers import (
    JOB,
    KEYS,
    REGISTRATION,
    days,
    employed,
    employment,
    error_at,
    send,
    shown,
)
from tests.portals.site import TODAY, Refusal, Site


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
