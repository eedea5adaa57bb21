"""The public statistics: anyone can read them, as JSON, as CSV, and described for data portals."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.statistics import StatisticsPublished

from services.gateway.projections import statistics
from tests.gateway.build import envelope
from tests.gateway.memory import memory_gateway
from tests.gateway.public.build import published

ONCE: Final = (
    *("dct:publisher", "dct:modified", "dct:accrualPeriodicity", "dct:accessRights"),
    *("dct:license", "dct:format", "dcat:mediaType"),
)
"""Properties that the SHACL shapes of DCAT-AP-DK 2.0.2 allow once (github.com/digst/DCAT-AP-DK)."""
AT: Final = datetime(2025, 11, 11, tzinfo=UTC)


def message(event: StatisticsPublished) -> Envelope[Any]:
    return envelope(event)._replace(time=AT)


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a token, of a gateway with three months."""
    gateway = await memory_gateway()
    for month in ("2024-12", "2025-02", "2025-01"):
        gateway.models.memory["statistics"].states[month] = statistics.project(None, message(published(month)))
    transport = httpx2.ASGITransport(app=gateway.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


async def test_anyone_reads_the_years_and_the_months_of_a_year(client: httpx2.AsyncClient) -> None:
    years = await client.get("/v1/statistics")
    year = (await client.get("/v1/statistics/2025")).json()

    assert years.json() == {"years": [2024, 2025]}
    assert years.headers["cache-control"] == "public, max-age=3600"
    assert [month["month"] for month in year["months"]] == ["2025-01-01", "2025-02-01"]
    copenhagen = year["months"][0]["municipalities"][0]
    assert copenhagen == {
        "municipality": "101",
        "issued": 10,
        "active": 5,
        "used": 5,
        "employers": 5,
        "exempt_ore": 120_000_00,
        "excess_ore": None,
    }
    assert year["months"][0]["other_exempt_ore"] == 35_000_00


async def test_a_year_without_statistics_is_not_found(client: httpx2.AsyncClient) -> None:
    for path in ("/v1/statistics/2023", "/v1/statistics/2023/csv"):
        assert (await client.get(path)).status_code == 404


async def test_the_csv_has_a_row_for_each_municipality_and_month(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/statistics/2025/csv")

    rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert answer.headers["content-disposition"] == 'attachment; filename="frikort-statistik-2025.csv"'
    assert len(rows) == 2 * (98 + 1)
    assert rows[0]["Kommune"] == "København"
    assert rows[0]["Skattefrit i måneden (kr.)"] == "120000,00"
    assert rows[1]["Skattefrit i måneden (kr.)"] == ""
    assert rows[98]["Kommune"] == "Øvrige kommuner"


async def test_the_catalogue_names_a_json_and_a_csv_file_for_each_year(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/statistics/catalog")

    catalog = answer.json()
    (dataset,) = catalog["dcat:dataset"]
    addresses = [each["dcat:downloadURL"]["@id"] for each in dataset["dcat:distribution"]]
    assert answer.headers["content-type"] == "application/ld+json"
    assert catalog["@type"] == "dcat:Catalog"
    assert len(addresses) == 4
    for address in addresses:
        assert (await client.get(httpx2.URL(address).raw_path.decode())).status_code == 200
    # What DCAT-AP 3 recommends of a dataset.
    assert {"dct:publisher", "dcat:contactPoint", "dcat:keyword", "dcat:theme"} <= dataset.keys()
    assert {"dct:accessRights", "dct:spatial", "dct:temporal"} <= dataset.keys()


async def test_the_catalogue_has_what_dcat_ap_dk_requires_and_nothing_too_often(client: httpx2.AsyncClient) -> None:
    catalog = (await client.get("/v1/statistics/catalog")).json()
    (dataset,) = catalog["dcat:dataset"]

    assert {"dct:title", "dct:description", "dcat:dataset", "dct:publisher"} <= catalog.keys()
    assert {"dct:title", "dct:description"} <= dataset.keys()
    assert "foaf:name" in catalog["dct:publisher"]
    for each in (catalog, dataset, *dataset["dcat:distribution"]):
        assert not any(isinstance(each.get(name), list) for name in ONCE)
    for distribution in dataset["dcat:distribution"]:
        assert distribution["dcat:accessURL"]["@id"].startswith("http")


def test_a_month_stays_as_it_was_published_first() -> None:
    first = statistics.project(None, message(published("2025-01")))

    assert statistics.project(first, message(published("2025-01", issued=20))) is first
