"""D8: employments are found, sorted and shown page by page, however many there are."""

from __future__ import annotations

import re
from datetime import date
from typing import Final
from uuid import UUID

import httpx2
import pytest
from frikort_contracts.http.common import Days
from frikort_contracts.http.employments import EmploymentResource

from services.portals.employer.employment_list import in_order
from services.portals.employer.helpers import matching
from tests.portals.employer.resources import employment, has_employments, has_reports, report
from tests.portals.reading import error_at, page_text
from tests.portals.site import Site, send_form

PATH: Final = "/virksomhed/ansaettelser"
REPORTS: Final = "/virksomhed/indberetninger"
MANY: Final = [
    employment(
        employment_id=str(UUID(int=number)),
        card_number=f"{10_000 + number}",
        label=f"Løn {number}",
        period=Days(first=date(2026, 1, 1 + number % 28), last=date(2026, 6, 30) if number % 2 else None),
    )
    for number in range(1, 131)
]


@pytest.fixture
def site(site: Site) -> Site:
    has_employments(site, *MANY)
    has_reports(site, *(report(report_id=one.employment_id, employment_id=one.employment_id) for one in MANY[:2]))
    return site


def listed(page: httpx2.Response) -> list[str]:
    """The ids in the links of the table."""
    return re.findall(rf'href="{PATH}/([0-9a-f-]{{36}})"', page.text)


@pytest.mark.parametrize(
    ("term", "ids"),
    [("10051", [MANY[50]]), ("100 51", [MANY[50]]), ("løn 51", [MANY[50]]), ("LØN 130", [MANY[129]]), ("nobody", [])],
)
async def test_any_employment_is_found_by_number_or_name(
    client: httpx2.AsyncClient, term: str, ids: list[EmploymentResource]
) -> None:
    page = await send_form(client, PATH, term=term)
    assert listed(page) == [one.employment_id for one in ids]
    count = "1 ansættelse passer." if ids else "0 ansættelser passer."
    assert count in page_text(page)


async def test_a_search_is_not_part_of_an_address(client: httpx2.AsyncClient) -> None:
    page = await send_form(client, PATH, term="10051")
    assert "10051" not in str(page.url)


async def test_a_search_has_pages(client: httpx2.AsyncClient) -> None:
    pages = [await send_form(client, PATH, order="number", side=str(number)) for number in (1, 2, 3)]
    assert [len(listed(page)) for page in pages] == [50, 50, 30]
    assert [one for page in pages for one in listed(page)] == [one.employment_id for one in MANY]
    assert "Side 2 af 3." in page_text(pages[1])
    assert [page.text.count('name="side"') for page in pages] == [1, 2, 1]


async def test_a_page_that_does_not_exist_is_the_last_one(client: httpx2.AsyncClient) -> None:
    assert "Side 3 af 3." in page_text(await send_form(client, PATH, side="99"))


@pytest.mark.parametrize(
    ("order", "numbers"),
    [
        ("registered", ["3", "1", "2"]),
        ("number", ["1", "2", "3"]),
        ("label", ["2", "3", "1"]),
        ("first", ["1", "3", "2"]),
        ("last", ["3", "2", "1"]),
    ],
)
def test_the_orders_of_the_list(order: str, numbers: list[str]) -> None:
    jobs = [
        employment(card_number="3", label="b", period=Days(first=date(2026, 3, 1))),
        employment(card_number="1", label=None, period=Days(first=date(2026, 5, 1), last=date(2026, 5, 2))),
        employment(card_number="2", label="A", period=Days(first=date(2026, 1, 1), last=date(2026, 6, 1))),
    ]
    assert [one.card_number for one in in_order(jobs, order)] == numbers


def test_an_empty_term_matches_all_and_an_employment_without_a_number_has_its_name() -> None:
    jobs = [employment(), employment(card_number=None, label="Kontor")]
    assert matching(jobs, "") == jobs
    assert matching(jobs, "kont") == jobs[1:]


async def test_the_reports_of_any_employment_are_found(client: httpx2.AsyncClient) -> None:
    found = await send_form(client, f"{REPORTS}?aar=2026", term="10051")
    assert found.headers["location"] == f"{REPORTS}?ansaettelse={MANY[50].employment_id}&aar=2026"
    assert "Kun for ansættelsen: Frikort 10051 (Løn 51)" in page_text(await client.get(found.headers["location"]))


async def test_several_matches_are_a_list_to_choose_from(client: httpx2.AsyncClient) -> None:
    page = await send_form(client, REPORTS, term="Løn 12")
    links = re.findall(r"ansaettelse=([0-9a-f-]{36})", page.text)
    assert links == [one.employment_id for one in MANY if "Løn 12" in (one.label or "")]


@pytest.mark.parametrize("term", ["", "99999"])
async def test_no_match_is_an_error_at_the_field(client: httpx2.AsyncClient, term: str) -> None:
    assert error_at(await send_form(client, REPORTS, term=term), "term")
