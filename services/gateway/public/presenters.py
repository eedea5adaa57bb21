"""The public statistics as resources, as CSV, and their description for data portals. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final

from frikort_contracts.http.statistics import MonthStatistics, MunicipalityFigures, YearStatistics
from frikort_contracts.municipalities import MUNICIPALITIES

from services.gateway.projections.statistics import StatisticsView
from services.runtime import csv_writer
from services.runtime.csv_writer import Ore

_HEADER: Final = (
    "Måned",
    "Kommunekode",
    "Kommune",
    "Frikort",
    "Aktive frikort",
    "Brugte frikort i året",
    "Arbejdsgivere i året",
    "Skattefrit i måneden (kr.)",
    "Over beløbsgrænsen i måneden (kr.)",
)
_OTHERS: Final = "Øvrige kommuner"
_EU: Final = "http://publications.europa.eu/resource/authority"
_CONTEXT: Final = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def year(number: int, months: Iterable[StatisticsView]) -> YearStatistics:
    """The statistics of a year."""
    return YearStatistics(year=number, months=[_month(view) for view in months])


def _month(view: StatisticsView) -> MonthStatistics:
    return MonthStatistics(
        month=date.fromisoformat(f"{view.month}-01"),
        published_at=view.published_at,
        employers=view.employers,
        municipalities=[
            MunicipalityFigures(
                municipality=row.municipality,
                issued=row.issued,
                active=row.active,
                used=row.used,
                employers=row.employers,
                exempt_ore=row.exempt,
                excess_ore=row.excess,
            )
            for row in view.municipalities
        ],
        other_exempt_ore=view.other_exempt,
        other_excess_ore=view.other_excess,
    )


def csv_file(months: Iterable[StatisticsView]) -> Iterator[str]:
    """The rows of a CSV file: one for each municipality and month, and one for the municipalities without an amount."""
    yield csv_writer.BOM + csv_writer.row(_HEADER)
    for view in months:
        for row in view.municipalities:
            name = MUNICIPALITIES[row.municipality]
            counts = (row.issued, row.active, row.used, row.employers)
            yield csv_writer.row((view.month, row.municipality, name, *counts, _ore(row.exempt), _ore(row.excess)))
        others = (_ore(view.other_exempt), _ore(view.other_excess))
        yield csv_writer.row((view.month, None, _OTHERS, None, None, None, None, *others))


def _ore(amount: int | None) -> Ore | None:
    return None if amount is None else Ore(amount)


def catalog(api_url: str, years: Sequence[int], latest: datetime | None) -> dict[str, Any]:
    """A catalogue with the one dataset, as JSON-LD after DCAT-AP 3 and DCAT-AP-DK."""
    publisher = {
        "@id": f"{api_url}/v1/statistics/catalog#publisher",
        "@type": "foaf:Agent",
        "foaf:name": _text("Socialt frikort", "da"),
    }
    dataset = {
        "@id": f"{api_url}/v1/statistics/catalog#dataset",
        "@type": "dcat:Dataset",
        "dct:title": [_text("Socialt frikort i tal", "da"), _text("Socialt frikort in figures", "en")],
        "dct:description": [
            _text(
                "Frikort, aktive og brugte frikort, arbejdsgivere og beløb for hver kommune og måned. "
                "Antal er rundet ned til et multiplum af 5, så tallene ikke afslører enkelte personer.",
                "da",
            ),
            _text(
                "Cards, active and used cards, employers and amounts for each municipality and month. "
                "Counts are rounded down to a multiple of 5, so that the figures reveal no single people.",
                "en",
            ),
        ],
        "dct:identifier": f"{api_url}/v1/statistics",
        "dct:publisher": {"@id": publisher["@id"]},
        "dcat:contactPoint": {
            "@type": "vcard:Organization",
            "vcard:fn": "Socialt frikort",
            "vcard:hasURL": _id(api_url),
        },
        "dcat:keyword": [_text("socialt frikort", "da"), _text("kommuner", "da"), _text("beskæftigelse", "da")],
        "dcat:theme": [_id(f"{_EU}/data-theme/SOCI"), _id(f"{_EU}/data-theme/GOVE")],
        "dct:accessRights": _id(f"{_EU}/access-right/PUBLIC"),
        "dct:accrualPeriodicity": _id(f"{_EU}/frequency/MONTHLY"),
        "dct:spatial": _id(f"{_EU}/country/DNK"),
        "dct:language": [_id(f"{_EU}/language/DAN")],
        "dcat:temporalResolution": {"@type": "xsd:duration", "@value": "P1M"},
        "dcat:distribution": [distribution for number in years for distribution in _distributions(api_url, number)],
    }
    if years:
        dataset["dct:temporal"] = {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": {"@type": "xsd:gYear", "@value": str(years[0])},
            "dcat:endDate": {"@type": "xsd:gYear", "@value": str(years[-1])},
        }
    if latest is not None:
        dataset["dct:modified"] = {"@type": "xsd:dateTime", "@value": latest.isoformat()}
    return {
        "@context": _CONTEXT,
        "@id": f"{api_url}/v1/statistics/catalog",
        "@type": "dcat:Catalog",
        "dct:title": [_text("Åbne data om socialt frikort", "da"), _text("Open data about socialt frikort", "en")],
        "dct:description": [
            _text("Datasæt, som alle må bruge.", "da"),
            _text("Datasets that everybody may use.", "en"),
        ],
        "dct:publisher": publisher,
        "dcat:dataset": [dataset],
    }


def _distributions(api_url: str, number: int) -> Iterator[dict[str, Any]]:
    address = f"{api_url}/v1/statistics/{number}"
    for name, url, media_type, file_type in (
        ("JSON", address, "application/json", "JSON"),
        ("CSV", f"{address}/csv", "text/csv", "CSV"),
    ):
        yield {
            "@id": f"{url}#distribution",
            "@type": "dcat:Distribution",
            "dct:title": _text(f"{number}, {name}", "da"),
            "dcat:accessURL": _id(url),
            "dcat:downloadURL": _id(url),
            "dcat:mediaType": _id(f"https://www.iana.org/assignments/media-types/{media_type}"),
            "dct:format": _id(f"{_EU}/file-type/{file_type}"),
            "dct:license": _id(f"{_EU}/licence/CC0"),
        }


def _id(address: str) -> dict[str, str]:
    return {"@id": address}


def _text(text: str, language: str) -> dict[str, str]:
    return {"@value": text, "@language": language}
