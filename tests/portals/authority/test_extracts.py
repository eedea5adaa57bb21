"""The pages of an authority: orders, progress and files of extracts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.http.extracts import ExtractFileResource, ExtractResource, Extracts, ManifestResource
from frikort_contracts.http.roles import Role

from tests.portals.reading import page_text
from tests.portals.resources import NOON
from tests.portals.site import FORM, KEY, Refusal, Site, answer_to_form

EXTRACT: Final = "8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b11"
PAGE: Final = f"/myndighed/udtraek/{EXTRACT}"
API: Final = f"/v1/extracts/{EXTRACT}"
MANIFEST: Final = ManifestResource(
    completed_at=NOON,
    provisional=False,
    count=2200,
    reported_ore=3_410_000_000,
    exempt_ore=3_400_000_000,
    excess_ore=10_000_000,
    files=[ExtractFileResource(format="csv", size=123456, sha256="ab" * 32, href=f"{API}/files/csv")],
)


def extract(**changes: Any) -> ExtractResource:
    given: dict[str, Any] = {
        "extract_id": EXTRACT,
        "year": 2025,
        "municipality": None,
        "requested_at": NOON,
        "status": "requested",
        "statements": None,
        "statements_written": 0,
        "kind": "tax-year",
        "manifest": None,
    }
    return ExtractResource(**given | changes)


DONE: Final = extract(status="done", statements=2200, statements_written=2200, manifest=MANIFEST)


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client of a signed-in analyst."""
    site.sign_in(Role.AUTHORITY)
    async with site.client() as browser:
        yield browser


async def order_extract(client: httpx2.AsyncClient, **typed: str) -> httpx2.Response:
    return await answer_to_form(client, await client.post("/myndighed/nyt-udtraek", data=FORM | typed))


async def test_extracts_are_listed_with_their_status(site: Site, client: httpx2.AsyncClient) -> None:
    running = extract(municipality="849", status="running")
    site.answer("GET", "/v1/extracts", Extracts(extracts=[running, DONE]))
    page = await client.get("/myndighed")

    assert "1. juni 2025 kl. 12.00 2025 Jammerbugt Bliver lavet" in page_text(page)
    assert "1. juni 2025 kl. 12.00 2025 Hele landet Færdigt 2200" in page_text(page)
    assert f'href="{PAGE}"' in page.text


async def test_an_empty_list_of_extracts_says_that_it_is_empty(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", "/v1/extracts", Extracts(extracts=[]))
    assert "I har ikke bestilt noget udtræk endnu" in page_text(await client.get("/myndighed"))


@pytest.mark.parametrize(
    ("municipality", "body"), [("", {"year": 2025}), ("849", {"year": 2025, "municipality": "849"})]
)
async def test_an_extract_is_ordered_for_a_year_and_one_municipality_or_all(
    site: Site, client: httpx2.AsyncClient, municipality: str, body: dict[str, Any]
) -> None:
    site.answer("POST", "/v1/extracts", extract(), 201)
    ordered = await order_extract(client, year="2025", municipality=municipality)

    assert ordered.headers["location"] == PAGE
    assert [(request.body, request.key) for request in site.requests] == [(body, KEY)]


async def test_a_year_with_a_provisional_allowance_is_marked_in_the_form(client: httpx2.AsyncClient) -> None:
    assert "2026 (foreløbig beløbsgrænse)" in page_text(await client.get("/myndighed/nyt-udtraek"))


async def test_an_extract_is_ordered_for_the_months_of_a_period(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("POST", "/v1/extracts", extract(), 201)
    await order_extract(client, **{"from": "2025-11", "to": "2026-02"})

    assert [request.body for request in site.requests] == [{"from": "2025-11", "to": "2026-02"}]


@pytest.mark.parametrize(
    ("typed", "field", "text"),
    [
        ({}, "year", "Vælg enten et år, eller skriv den første og den sidste måned."),
        ({"year": "2025", "to": "2025-11"}, "year", "Vælg enten et år, eller skriv den første og den sidste måned."),
        ({"from": "2025-11"}, "to", "Skriv både den første og den sidste måned."),
        ({"to": "2025-11"}, "from", "Skriv både den første og den sidste måned."),
        ({"from": "2025-12", "to": "2025-11"}, "to", "Den sidste måned ligger før den første."),
        ({"from": "2024-01", "to": "2026-01"}, "to", "En periode er højst 24 måneder."),
        ({"from": "nov", "to": "2026-01"}, "from", "Skriv en måned fra 2019 og frem"),
    ],
)
async def test_a_wrong_period_is_explained_at_its_field(
    site: Site, client: httpx2.AsyncClient, typed: dict[str, str], field: str, text: str
) -> None:
    page = await order_extract(client, **typed)

    assert page.status_code == 422
    assert f'id="{field}-error"' in page.text
    assert text in page_text(page)
    assert [request for request in site.requests if request.method == "POST"] == []


async def test_the_months_of_an_extract_are_shown(site: Site, client: httpx2.AsyncClient) -> None:
    winter = extract(first="2025-11", last="2026-02")
    site.answer("GET", "/v1/extracts", Extracts(extracts=[winter]))
    site.answer("GET", API, winter)

    assert "1. juni 2025 kl. 12.00 2025-11 til 2026-02 Hele landet" in page_text(await client.get("/myndighed"))
    assert "Udtræk for 2025-11 til 2026-02" in page_text(await client.get(PAGE))


@pytest.mark.parametrize("year", ["", "to"])
async def test_a_year_is_required(client: httpx2.AsyncClient, year: str) -> None:
    page = await order_extract(client, year=year)
    assert page.status_code == 422
    assert 'id="year-error"' in page.text


async def test_a_refused_extract_shows_the_error_at_its_field(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("POST", "/v1/extracts", Refusal("invalid-request", errors=(("/year", "greater_than_equal", ""),)))
    page = await order_extract(client, year="1999")
    assert page.status_code == 422
    assert 'id="year-error"' in page.text


@pytest.mark.parametrize(
    ("found", "progress", "text"),
    [
        (extract(), "<progress aria-labelledby", "Udtrækket venter på at blive lavet"),
        (
            extract(status="running", statements=2200, statements_written=550),
            'max="2200" value="550"></progress>',
            "550 af 2200 opgørelser er skrevet.",
        ),
    ],
)
async def test_an_unfinished_extract_shows_its_progress_and_is_polled(
    site: Site, client: httpx2.AsyncClient, found: ExtractResource, progress: str, text: str
) -> None:
    site.answer("GET", API, found)
    page = await client.get(PAGE)

    assert text in page_text(page)
    assert progress in page.text
    assert f'hx-get="{PAGE}" data-hx-trigger="every 1s"' in page.text
    assert f'href="{PAGE}"' in page.text  # works without JavaScript


async def test_polling_does_not_extend_the_session(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", API, extract())
    await client.get(PAGE, headers={"hx-request": "true"})
    assert site.active_lookups == [False]


async def test_a_completed_extract_shows_its_manifest_and_files_and_is_not_polled(
    site: Site, client: httpx2.AsyncClient
) -> None:
    site.answer("GET", API, DONE)
    page = await client.get(PAGE)

    text = page_text(page)
    for expected in ("Hele landet", "2200", "34.100.000,00 kr.", "34.000.000,00 kr.", "100.000,00 kr.", "ab" * 32):
        assert expected in text
    assert f'href="{PAGE}/fil/csv"' in page.text
    assert "hx-trigger" not in page.text


async def test_a_provisional_extract_is_marked(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", API, DONE.model_copy(update={"manifest": MANIFEST.model_copy(update={"provisional": True})}))
    assert "Foreløbig beløbsgrænse" in page_text(await client.get(PAGE))


async def test_a_file_is_forwarded_unchanged(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer_file(
        f"{API}/files/csv", b"\xef\xbb\xbfKort-id;\xc3\x85r\r\n", "text/csv; charset=utf-8; header=present"
    )
    answer = await client.get(f"{PAGE}/fil/csv")
    assert answer.content == b"\xef\xbb\xbfKort-id;\xc3\x85r\r\n"
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"


async def test_a_file_that_is_not_ready_is_refused_with_an_explanation(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", f"{API}/files/csv", Refusal("extract-not-ready"))
    page = await client.get(f"{PAGE}/fil/csv")
    assert page.status_code == 409
    assert "Udtrækket er ikke færdigt" in page_text(page)


async def test_an_extract_of_another_authority_is_not_found(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", API, Refusal("extract-unknown"))
    page = await client.get(PAGE)
    assert page.status_code == 404
    assert "Udtrækket findes ikke" in page_text(page)
