"""The authorities' pages without a browser: what they ask of the API, and how an extract is followed and fetched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.http.extracts import ExtractFileResource, ExtractResource, Extracts, ManifestResource
from frikort_contracts.http.roles import Role

from tests.portals.citizens import NOON
from tests.portals.site import TOKEN, Refusal, Site, said

EXTRACT: Final = "8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b11"
PAGE: Final = f"/myndighed/udtraek/{EXTRACT}"
API: Final = f"/v1/extracts/{EXTRACT}"
KEY: Final = "11111111-1111-4111-8111-111111111111"
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
        "parts_written": 0,
        "manifest": None,
    }
    return ExtractResource(**given | changes)


DONE: Final = extract(status="done", statements=2200, statements_written=2200, parts_written=4, manifest=MANIFEST)


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    """An analyst's browser."""
    site.sign_in(Role.AUTHORITY)
    async with site.client() as browser:
        yield browser


async def post(client: httpx2.AsyncClient, **typed: str) -> httpx2.Response:
    return await client.post("/myndighed/nyt-udtraek", data={"form_token": TOKEN, "key": KEY, **typed})


async def test_extracts_newest_first_with_how_far_they_have_come(site: Site, client: httpx2.AsyncClient) -> None:
    running = extract(municipality="849", status="running")
    site.answer("GET", "/v1/extracts", Extracts(extracts=[running, DONE]))
    page = await client.get("/myndighed")

    assert "1. juni 2025 kl. 12.00 2025 Jammerbugt Bliver lavet" in said(page)
    assert "1. juni 2025 kl. 12.00 2025 Hele landet Færdigt 2200" in said(page)
    assert f'href="{PAGE}"' in page.text


async def test_no_extracts_yet_is_said(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", "/v1/extracts", Extracts(extracts=[]))
    assert "I har ikke bestilt noget udtræk endnu" in said(await client.get("/myndighed"))


@pytest.mark.parametrize(
    ("municipality", "body"), [("", {"year": 2025}), ("849", {"year": 2025, "municipality": "849"})]
)
async def test_an_extract_is_ordered_of_a_year_and_one_municipality_or_all(
    site: Site, client: httpx2.AsyncClient, municipality: str, body: dict[str, Any]
) -> None:
    site.answer("POST", "/v1/extracts", extract(), 201)
    ordered = await post(client, year="2025", municipality=municipality)

    assert ordered.headers["location"] == PAGE
    assert [(asked.body, asked.key) for asked in site.asked] == [(body, KEY)]


async def test_a_year_with_a_provisional_allowance_says_so_before_it_is_ordered(client: httpx2.AsyncClient) -> None:
    assert "2026 (foreløbig beløbsgrænse)" in said(await client.get("/myndighed/nyt-udtraek"))


@pytest.mark.parametrize("year", ["", "to"])
async def test_a_year_must_be_chosen(client: httpx2.AsyncClient, year: str) -> None:
    page = await post(client, year=year)
    assert page.status_code == 422
    assert 'id="year-error"' in page.text


async def test_a_refused_extract_shows_the_error_at_its_field(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("POST", "/v1/extracts", Refusal("invalid-request", errors=(("/year", "greater_than_equal", ""),)))
    page = await post(client, year="1999")
    assert page.status_code == 422
    assert 'id="year-error"' in page.text


@pytest.mark.parametrize(
    ("found", "progress", "text"),
    [
        (extract(), "<progress aria-labelledby", "Udtrækket venter på at blive lavet"),
        (
            extract(status="running", statements=2200, statements_written=550, parts_written=2),
            'max="2200" value="550"></progress>',
            "550 af 2200 opgørelser er skrevet.",
        ),
    ],
)
async def test_an_extract_that_is_made_shows_how_far_and_asks_again_by_itself(
    site: Site, client: httpx2.AsyncClient, found: ExtractResource, progress: str, text: str
) -> None:
    site.answer("GET", API, found)
    page = await client.get(PAGE)

    assert text in said(page)
    assert progress in page.text
    assert f'hx-get="{PAGE}" data-hx-trigger="every 1s"' in page.text
    assert f'href="{PAGE}"' in page.text  # and without JavaScript


async def test_polling_does_not_prolong_the_session(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", API, extract())
    await client.get(PAGE, headers={"hx-request": "true"})
    assert site.seen_active == [False]


async def test_a_completed_extract_shows_its_manifest_and_its_files_and_asks_no_more(
    site: Site, client: httpx2.AsyncClient
) -> None:
    site.answer("GET", API, DONE)
    page = await client.get(PAGE)

    text = said(page)
    for shown in ("Hele landet", "2200", "34.100.000,00 kr.", "34.000.000,00 kr.", "100.000,00 kr.", "ab" * 32):
        assert shown in text
    assert f'href="{PAGE}/fil/csv"' in page.text
    assert "hx-trigger" not in page.text


async def test_a_provisional_extract_says_so(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", API, DONE.model_copy(update={"manifest": MANIFEST.model_copy(update={"provisional": True})}))
    assert "Foreløbig beløbsgrænse" in said(await client.get(PAGE))


async def test_a_file_is_handed_on_as_it_is(site: Site, client: httpx2.AsyncClient) -> None:
    site.file(f"{API}/files/csv", b"\xef\xbb\xbfKort-id;\xc3\x85r\r\n", "text/csv; charset=utf-8; header=present")
    answer = await client.get(f"{PAGE}/fil/csv")
    assert answer.content == b"\xef\xbb\xbfKort-id;\xc3\x85r\r\n"
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"


async def test_a_file_that_is_not_ready_says_so(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", f"{API}/files/csv", Refusal("extract-not-ready"))
    page = await client.get(f"{PAGE}/fil/csv")
    assert page.status_code == 409
    assert "Udtrækket er ikke færdigt" in said(page)


async def test_another_authoritys_extract_does_not_exist(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", API, Refusal("extract-unknown"))
    page = await client.get(PAGE)
    assert page.status_code == 404
    assert "Udtrækket findes ikke" in said(page)
