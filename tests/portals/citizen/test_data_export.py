"""The citizen's data as JSON, CSV and PDF files, and the overview in English."""

from __future__ import annotations

from typing import Any, Final

from frikort_contracts.http.mandates import Mandates
from frikort_contracts.values import CitizenSide
from pydantic_core import to_jsonable_python

from tests.portals import resources
from tests.portals.citizen.client import OWN, get
from tests.portals.reading import page_text, pdf_text
from tests.portals.site import Site


async def test_the_overview_is_available_in_english(site: Site) -> None:
    resources.has_card(site, balances=[resources.balance(1_200_050)], reports=[resources.report()])

    page = page_text(await get(site, OWN, cookie="sprog=en"))

    assert "You have earned 12,000.50 kr. on the card in 2025." in page


HISTORY: Final = [
    resources.history("reported", total_ore=750_000),
    resources.history(
        "disputed", reason="not-paid", message='=HYPERLINK("http://evil.example")', by=CitizenSide.CITIZEN
    ),
    resources.history("dispute-answered", reason="wage-paid"),
]
ALL: Final[dict[str, Any]] = {
    "card": resources.card(),
    "balances": [resources.balance(750_000, warnings=[resources.warning("near")]), resources.balance(year=2024)],
    "employments": [resources.employment()],
    "reports": [resources.report(history=HISTORY, dispute=resources.dispute())],
    "mandates": [resources.mandate()],
    "accesses": [resources.access()],
}


def site_with_data(site: Site) -> Site:
    """A signed-in citizen with data of every kind."""
    resources.has_card(site, balances=ALL["balances"], reports=ALL["reports"], employments=ALL["employments"])
    site.answer("GET", "/v1/me/mandates", Mandates(mandates=ALL["mandates"]))
    site.answer("GET", "/v1/me/accesses", resources.accesses(*ALL["accesses"]))
    return site


async def test_the_json_file_has_all_data_of_the_api(site: Site) -> None:
    answer = await get(site_with_data(site), f"{OWN}/mine-data/mit-frikort.json")

    assert answer.headers["content-disposition"] == 'attachment; filename="mit-frikort.json"'
    assert answer.json() == to_jsonable_python(ALL)


async def test_the_csv_file_opens_in_danish_excel(site: Site) -> None:
    answer = await get(site_with_data(site), f"{OWN}/mine-data/mit-frikort.csv")

    assert answer.content.startswith(b"\xef\xbb\xbf")
    text = answer.content.decode("utf-8-sig")
    assert "Karla Eksempel;48213;København;Aktivt\r\n" in text
    assert "2025;42766,00;7500,00;7500,00;0,00;35266,00;25;Nej\r\n" in text
    assert (
        "31-03-2025;99000007;01-03-2025;31-03-2025;7500,00;0,00;0,00;0,00;7500,00;7500,00;0,00;Nej;Indsigelse" in text
    )
    assert "01-06-2025 12:00;Københavns Kommune, sagsbehandler;har set dit frikort;Opfølgning på samtale\r\n" in text
    assert ";\"'=HYPERLINK" in text, "a formula is written as text"


async def test_the_pdf_file_shows_all_data_in_words(site: Site) -> None:
    answer = await get(site_with_data(site), f"{OWN}/mine-data/mit-frikort.pdf")

    assert answer.headers["content-type"] == "application/pdf"
    text = pdf_text(answer.content)
    for part in ("Karla Eksempel", "48213", "42.766,00 kr.", "99000007", "Mikkel Eksempel",
                  "80 procent af beløbsgrænsen var brugt", "HYPERLINK"):  # fmt: skip
        assert part in text


async def test_the_audit_log_has_a_pdf_file_of_its_own(site: Site) -> None:
    everything = pdf_text((await get(site_with_data(site), f"{OWN}/mine-data/mit-frikort.pdf")).content)
    log = await get(site, f"{OWN}/mine-data/hvem-har-set.pdf")

    assert "Opfølgning på samtale" not in everything
    assert log.headers["content-disposition"] == 'attachment; filename="hvem-har-set.pdf"'
    assert "Opfølgning på samtale" in pdf_text(log.content)


async def test_the_data_of_a_citizen_without_a_card_is_the_audit_log(site: Site) -> None:
    resources.has_no_card(site)
    site.answer("GET", "/v1/me/accesses", resources.accesses(resources.access(description="har søgt efter dig")))

    found = (await get(site, f"{OWN}/mine-data/mit-frikort.json")).json()
    text = (await get(site, f"{OWN}/mine-data/mit-frikort.csv")).content.decode("utf-8-sig")

    assert (found["card"], found["reports"], len(found["accesses"])) == (None, [], 1)
    assert "har søgt efter dig" in text
    assert pdf_text((await get(site, f"{OWN}/mine-data/mit-frikort.pdf")).content)
