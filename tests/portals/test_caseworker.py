"""The caseworkers' pages without a browser: what they ask of the API and why, what they show, where errors stand."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.http.balances import Balances
from frikort_contracts.http.cards import (
    CardHistory,
    CardResource,
    ControlDueResource,
    ControlResource,
    ControlsDue,
    HandedOverResource,
)
from frikort_contracts.http.common import Days, Municipality
from frikort_contracts.http.employments import CardEmployments, ContactResource
from frikort_contracts.http.mandates import Mandates
from frikort_contracts.http.reports import CardReports
from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import MandateScope
from frikort_contracts.values import CitizenSide
from pypdf import PdfReader

from services.portals.caseworker.card_context import COOKIE
from services.portals.texts import LANGUAGE_COOKIE
from tests.portals import citizens as c
from tests.portals.site import TOKEN, Refusal, Site, said

CARD: Final = "8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b11"
OTHER: Final = "0e5d8f8e-1a51-4c0f-8c7e-3b6c0f6a2d22"
HOME: Final = f"/kommune/frikort/{CARD}"
API: Final = f"/v1/cards/{CARD}"
REPORT: Final = f"{HOME}/indberetninger/{c.REPORT}"
KEY: Final = "11111111-1111-4111-8111-111111111111"
CPR: Final = "6507901234"
WHY: Final = "Borgeren har henvendt sig"
PERSON: Final = {"cpr": "650790-1234", "name": "Karla Eksempel", "case_reference": "S-1"}
HOLDER: Final = {
    "cpr": "730185-4321",
    "name": "Mikkel Eksempel",
    "scope": "view",
    "until-day": "31",
    "until-month": "12",
    "until-year": "2026",
}


def card(**changes: Any) -> CardResource:
    given: dict[str, Any] = {
        "card_id": CARD,
        "number": "48213",
        "cpr": CPR,
        "name": "Karla Eksempel",
        "municipality": Municipality(code="101", name="København"),
        "status": "active",
        "active_periods": [Days(first=date(2025, 1, 6))],
        "control_due": 2027,
        "last_control": None,
        "revision": 1,
        "history": [
            CardHistory(
                revision=1,
                event="issued",
                at=c.NOON,
                municipality=Municipality(code="101", name="København"),
                by="someone",
                case_reference="S-1",
            )
        ],
    }
    return CardResource(**given | changes)


DEACTIVATED: Final = card(status="deactivated", active_periods=[Days(first=date(2025, 1, 6), last=date(2026, 11, 22))])


@pytest.fixture
def site(site: Site) -> Site:
    """A caseworker is signed in, and the API has one card."""
    site.sign_in(Role.CASEWORKER)
    site.answer("GET", API, card())
    site.answer("GET", f"{API}/balances", Balances(balances=[c.balance(1_200_050)]))
    site.answer("GET", f"{API}/employments", CardEmployments(employments=[]))
    site.answer("GET", f"{API}/reports", CardReports(reports=[c.report()]))
    site.answer("GET", f"{API}/mandates", Mandates(mandates=[c.mandate()]))
    site.answer("GET", f"{API}/accesses", c.accesses(c.access()))
    return site


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    """The caseworker's browser."""
    async with site.client() as browser:
        yield browser


@pytest.fixture
async def visiting(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """The caseworker has said why."""
    assert (await post(client, f"{HOME}/begrundelse", why="contact")).status_code == 303
    return client


async def post(client: httpx2.AsyncClient, path: str, **typed: str) -> httpx2.Response:
    return await client.post(path, data={"form_token": TOKEN, "key": KEY, **typed})


async def summary(client: httpx2.AsyncClient, site: Site, path: str, **typed: str) -> str:
    """The summary step, after which nothing is done yet."""
    page = await post(client, path, **typed)
    assert page.status_code == 200
    assert commands(site) == []
    return said(page)


async def send(client: httpx2.AsyncClient, path: str, **typed: str) -> httpx2.Response:
    return await post(client, path, **typed, step="send")


def commands(site: Site) -> list[tuple[str, Any, str | None]]:
    return [(asked.path, asked.body or None, asked.key) for asked in site.asked if asked.method == "POST"]


def error_at(page: httpx2.Response, field: str) -> bool:
    """The field is marked, and the summary of errors leads to it."""
    return f'id="{field}-error"' in page.text and f'href="#{field}' in page.text


# ---- find a citizen, and say why ----


@pytest.mark.parametrize(
    ("typed", "body"),
    [
        ("6507901234", {"cpr": CPR}),
        ("650790-1234", {"cpr": CPR}),
        (" 650790 1234 ", {"cpr": CPR}),
        ("48213", {"number": "48213"}),
    ],
)
async def test_a_citizen_is_found_by_cpr_or_card_number_for_a_stated_reason(
    site: Site, client: httpx2.AsyncClient, typed: str, body: Mapping[str, str]
) -> None:
    site.answer("POST", "/v1/cards/search", card())
    found = await post(client, "/kommune", person=typed, why="contact", why_text="sag S-1")
    page = await client.get(found.headers["location"])

    assert found.headers["location"] == HOME
    assert (site.asked[0].path, site.asked[0].body) == ("/v1/cards/search", body)
    assert {asked.reason for asked in site.asked} == {f"{WHY}: sag S-1"}
    assert "Karla Eksempel" in said(page)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"person": "48213"}, "why"),
        ({"person": "", "why": "contact"}, "person"),
        ({"person": "4821", "why": "contact"}, "person"),
        ({"person": "3113901234", "why": "contact"}, "person"),
        ({"person": "48213", "why": "other"}, "why_text"),
        ({"person": "48213", "why": "other", "why_text": "angår 650790-1234"}, "why_text"),
        ({"person": "48213", "why": "other", "why_text": "x" * 300}, "why_text"),
    ],
)
async def test_what_is_wrong_with_a_search_stands_at_its_field_and_nobody_is_looked_up(
    site: Site, client: httpx2.AsyncClient, typed: dict[str, str], field: str
) -> None:
    page = await post(client, "/kommune", **typed)
    assert page.status_code == 422
    assert error_at(page, field)
    assert site.asked == []


async def test_a_card_that_is_not_ours_is_explained_and_what_to_do_next(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("POST", "/v1/cards/search", Refusal("card-unknown"))
    page = await post(client, "/kommune", person=CPR, why="contact")

    assert page.status_code == 404
    assert error_at(page, "person")
    assert "en anden kommune ansvarlig" in said(page)
    assert 'href="/kommune/nyt-frikort"' in page.text


async def test_who_comes_to_a_card_by_another_way_says_why_first(site: Site, client: httpx2.AsyncClient) -> None:
    asked = await client.get(HOME)
    assert asked.headers["location"] == f"{HOME}/begrundelse"
    assert site.asked == []

    stated = await post(client, f"{HOME}/begrundelse", why="other", why_text="Tilsyn")
    assert (await client.get(stated.headers["location"])).status_code == 200
    assert {one.reason for one in site.asked} == {"Andet: Tilsyn"}


@pytest.mark.parametrize("typed", [{}, {"why": "other"}])
async def test_a_reason_must_be_said(client: httpx2.AsyncClient, typed: dict[str, str]) -> None:
    page = await post(client, f"{HOME}/begrundelse", **typed)
    assert page.status_code == 422
    assert (await client.get(HOME)).status_code == 303


async def test_a_reason_is_for_one_card(visiting: httpx2.AsyncClient) -> None:
    reason = visiting.cookies[COOKIE]
    visiting.cookies.set(COOKIE, reason, path=f"/kommune/frikort/{OTHER}")
    assert (await visiting.get(HOME)).status_code == 200
    assert (await visiting.get(f"/kommune/frikort/{OTHER}")).status_code == 303


async def test_a_reason_ends_with_the_session_and_is_no_one_elses(site: Site, visiting: httpx2.AsyncClient) -> None:
    assert site.session is not None
    site.session = replace(site.session, name="En anden", form_token="another-sessions-token")
    assert (await visiting.get(HOME)).status_code == 303


async def test_a_reason_can_be_read_in_no_cookie_and_no_address(visiting: httpx2.AsyncClient) -> None:
    answer = await post(visiting, f"{HOME}/begrundelse", why="other", why_text="Tilsyn")
    cookie = answer.headers["set-cookie"]

    assert "Tilsyn" not in cookie
    assert "Tilsyn" not in answer.headers["location"]
    assert {"HttpOnly", "SameSite=strict", f"Path={HOME}"} <= set(cookie.split("; "))


async def test_a_form_without_a_reason_does_nothing(site: Site, client: httpx2.AsyncClient) -> None:
    answer = await send(client, f"{HOME}/beslutning/deaktivering", case_reference="S-2")
    assert answer.headers["location"] == f"{HOME}/begrundelse"
    assert site.asked == []


# ---- issue ----


async def test_a_card_is_issued_after_a_summary_and_the_receipt_says_what_happens_next(
    site: Site, client: httpx2.AsyncClient
) -> None:
    site.answer("POST", "/v1/cards", card(), 201)
    checked = await summary(client, site, "/kommune/nyt-frikort", **PERSON)
    assert "650790-1234" in checked
    assert "Karla Eksempel" in checked

    issued = await send(client, "/kommune/nyt-frikort", **PERSON)
    receipt = said(await client.get(issued.headers["location"]))

    assert commands(site) == [("/v1/cards", {"cpr": CPR, "name": "Karla Eksempel", "case_reference": "S-1"}, KEY)]
    assert issued.headers["location"] == f"{HOME}/udstedt"
    assert "Karla Eksempel har fået et frikort. Frikortnummer 48213" in receipt
    assert "42.766,00 kr. i 2025 skattefrit" in receipt
    assert "kontrol med frikortet senest i 2027" in receipt


async def test_one_can_go_back_from_the_summary_with_what_was_typed(site: Site, client: httpx2.AsyncClient) -> None:
    page = await post(client, "/kommune/nyt-frikort", **PERSON, step="edit")
    assert 'value="Karla Eksempel"' in page.text
    assert "Fortsæt" in said(page)
    assert commands(site) == []


@pytest.mark.parametrize(("field", "typed"), [("cpr", "12"), ("cpr", ""), ("name", ""), ("case_reference", "")])
async def test_what_is_missing_for_a_card_stands_at_its_field(
    client: httpx2.AsyncClient, field: str, typed: str
) -> None:
    page = await post(client, "/kommune/nyt-frikort", **PERSON | {field: typed})
    assert page.status_code == 422
    assert error_at(page, field)


@pytest.mark.parametrize(
    ("refusal", "field"),
    [
        (Refusal("card-exists", {"municipality": "849"}), "cpr"),
        (Refusal("invalid-request", errors=(("/case_reference", "value_error", ""),)), "case_reference"),
        (Refusal("invalid-request", errors=(("/name", "string_too_long", ""),)), "name"),
    ],
)
async def test_a_refused_card_is_told_of_at_its_field(
    site: Site, client: httpx2.AsyncClient, refusal: Refusal, field: str
) -> None:
    site.answer("POST", "/v1/cards", refusal)
    page = await send(client, "/kommune/nyt-frikort", **PERSON)
    assert page.status_code in (409, 422)
    assert error_at(page, field)


async def test_a_citizen_of_another_municipality_says_which(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("POST", "/v1/cards", Refusal("card-exists", {"municipality": "849"}))
    page = await send(client, "/kommune/nyt-frikort", **PERSON)
    assert "Jammerbugt" in said(page)
    assert "Åbn borgerens frikort" not in said(page)


async def test_a_citizen_who_has_our_card_already_leads_to_it(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("POST", "/v1/cards", Refusal("card-exists", {"municipality": "101", "card_id": CARD}))
    page = await send(client, "/kommune/nyt-frikort", **PERSON)
    assert f'href="{HOME}"' in page.text


# ---- the card's pages ----


async def test_the_card_at_a_glance(visiting: httpx2.AsyncClient) -> None:
    page = await visiting.get(HOME)
    text = said(page)
    for shown in ("Karla Eksempel", CPR, "48213", "København", "12.000,50 kr. af 42.766,00 kr. er brugt", "Aktivt"):
        assert shown in text
    assert f'href="{HOME}/beslutning/deaktivering"' in page.text
    assert CPR not in page.text.partition("</title>")[0]


async def test_a_deactivated_card_offers_to_be_activated_again(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("GET", API, DEACTIVATED)
    page = await visiting.get(HOME)
    assert "Deaktiveret" in said(page)
    assert f'href="{HOME}/beslutning/genaktivering"' in page.text
    assert f'href="{HOME}/beslutning/deaktivering"' not in page.text


async def test_a_warning_in_force_stands_out_and_one_taken_back_does_not(
    site: Site, visiting: httpx2.AsyncClient
) -> None:
    warnings = [c.warning("near", withdrawn=True), c.warning("reached")]
    site.answer("GET", f"{API}/balances", Balances(balances=[c.balance(c.ALLOWANCE, warnings=warnings)]))
    text = said(await visiting.get(HOME))
    assert "Beløbsgrænsen er nået" in text
    assert "80 procent" not in text


async def test_employments_with_their_contact_persons(site: Site, visiting: httpx2.AsyncClient) -> None:
    contact = ContactResource(name="Bo Kontakt", email="bo@example.dk", phone="12 34 56 78")
    site.answer("GET", f"{API}/employments", CardEmployments(employments=[c.employment(contact=contact)]))
    text = said(await visiting.get(f"{HOME}/ansaettelser"))
    for shown in ("99000007", "fra 10. januar 2025", "Bo Kontakt", "bo@example.dk", "12 34 56 78"):
        assert shown in text


@pytest.mark.parametrize(
    ("path", "answer", "text"),
    [
        ("ansaettelser", ("employments", CardEmployments(employments=[])), "ikke registreret nogen ansættelser"),
        ("indberetninger", ("reports", CardReports(reports=[])), "ikke indberettet noget"),
        ("fuldmagter", ("mandates", Mandates(mandates=[])), "ikke givet nogen fuldmagt"),
        ("opslag", ("accesses", c.accesses()), "ingen opslag"),
    ],
)
async def test_where_there_is_nothing_it_is_said(
    site: Site, visiting: httpx2.AsyncClient, path: str, answer: tuple[str, Any], text: str
) -> None:
    site.answer("GET", f"{API}/{answer[0]}", answer[1])
    assert text in said(await visiting.get(f"{HOME}/{path}"))


async def test_the_history_of_a_card_in_words(visiting: httpx2.AsyncClient) -> None:
    text = said(await visiting.get(f"{HOME}/historik"))
    assert "1. juni 2025 kl. 12.00 Frikortet er udstedt København S-1" in text


async def test_who_has_looked_and_why_page_by_page(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("GET", f"{API}/accesses", c.accesses(c.access(), following="abc="))
    page = await visiting.get(f"{HOME}/opslag")
    assert "Københavns Kommune, sagsbehandler har set dit frikort Opfølgning på samtale" in said(page)
    assert f'href="{HOME}/opslag?cursor=abc%3D"' in page.text

    await visiting.get(f"{HOME}/opslag?cursor=abc%3D")
    assert [asked.query for asked in site.asked if asked.path.endswith("accesses")] == [{}, {"cursor": "abc="}]


async def test_a_card_that_cannot_be_seen_says_so(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("GET", API, Refusal("card-unknown"))
    page = await visiting.get(f"{HOME}/historik")
    assert page.status_code == 404
    assert "en anden kommune er ansvarlig for" in said(page)


# ---- decisions ----

DECISIONS: Final = [
    ("deaktivering", "deactivation", {"case_reference": "S-2"}, "virker ikke tilbage i tiden"),
    ("genaktivering", "reactivation", {"case_reference": "S-2"}, "ikke tilbage i tiden"),
    ("nyt-nummer", "number", {"reason": "lost"}, "Det gamle nummer kan ikke bruges mere"),
    ("kontrol", "controls", {"result": "not-upheld"}, "Registreringen lukker ikke frikortet"),
]


@pytest.mark.parametrize(("kind", "command", "typed", "means"), DECISIONS)
async def test_a_decision_says_what_it_means_before_it_is_made(
    site: Site, visiting: httpx2.AsyncClient, kind: str, command: str, typed: dict[str, str], means: str
) -> None:
    path = f"{HOME}/beslutning/{kind}"
    site.answer("POST", f"{API}/{command}", card())
    assert means in await summary(visiting, site, path, **typed)

    done = await send(visiting, path, **typed)
    assert done.headers["location"] == f"{path}/kvittering"
    assert commands(site) == [(f"{API}/{command}", typed, KEY)]
    assert "Det sker der nu" in said(await visiting.get(f"{path}/kvittering"))


@pytest.mark.parametrize(("kind", "command", "typed", "means"), DECISIONS)
async def test_a_decision_without_its_answer_is_told_of_at_the_field(
    site: Site, visiting: httpx2.AsyncClient, kind: str, command: str, typed: dict[str, str], means: str
) -> None:
    page = await post(visiting, f"{HOME}/beslutning/{kind}")
    assert page.status_code == 422
    assert error_at(page, next(iter(typed)))
    assert commands(site) == []


@pytest.mark.parametrize(
    ("kind", "command", "typed", "refusal", "text"),
    [
        (*DECISIONS[0][:3], Refusal("card-already-deactivated"), "Frikortet er allerede deaktiveret"),
        (*DECISIONS[1][:3], Refusal("card-already-active"), "Frikortet er allerede aktivt"),
        (*DECISIONS[2][:3], Refusal("card-numbers-exhausted"), "Vi kunne ikke finde et ledigt frikortnummer"),
        (*DECISIONS[3][:3], Refusal("control-not-due", {"due": 2028}), "senest i 2028"),
        (
            *DECISIONS[0][:3],
            Refusal("invalid-request", errors=(("/case_reference", "value_error", ""),)),
            "intet CPR-nummer",
        ),
    ],
)
async def test_a_refused_decision_is_told_of_with_what_was_typed(
    site: Site,
    visiting: httpx2.AsyncClient,
    kind: str,
    command: str,
    typed: dict[str, str],
    refusal: Refusal,
    text: str,
) -> None:
    site.answer("POST", f"{API}/{command}", refusal)
    page = await send(visiting, f"{HOME}/beslutning/{kind}", **typed)
    assert page.status_code >= 400
    assert text in said(page)
    assert f'value="{next(iter(typed.values()))}"' in page.text


async def test_a_control_that_is_not_due_stands_at_the_result(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("POST", f"{API}/controls", Refusal("control-not-due", {"due": 2028}))
    assert error_at(await send(visiting, f"{HOME}/beslutning/kontrol", result="upheld"), "result")


async def test_the_receipt_of_a_deactivation_names_the_last_day(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("GET", API, DEACTIVATED)
    assert "Frikortets sidste dag er 22. november 2026" in said(
        await visiting.get(f"{HOME}/beslutning/deaktivering/kvittering")
    )


async def test_a_control_that_was_not_upheld_leads_to_the_deactivation(
    site: Site, visiting: httpx2.AsyncClient
) -> None:
    site.answer("GET", API, card(last_control=ControlResource(year=2026, result="not-upheld", at=c.NOON)))
    page = await visiting.get(f"{HOME}/beslutning/kontrol/kvittering")
    assert f'href="{HOME}/beslutning/deaktivering"' in page.text


# ---- hand over ----


async def test_a_card_is_handed_over_to_a_municipality_chosen_by_name(site: Site, visiting: httpx2.AsyncClient) -> None:
    path = f"{HOME}/overdragelse"
    jammerbugt = Municipality(code="849", name="Jammerbugt")
    site.answer("POST", f"{API}/hand-over", HandedOverResource(card_id=CARD, handed_over_to=jammerbugt))
    assert "Fra København Til Jammerbugt" in await summary(visiting, site, path, to_municipality="849")

    done = await send(visiting, path, to_municipality="849")
    site.answer("GET", API, Refusal("card-unknown"))  # it cannot be seen here any more
    receipt = await visiting.get(done.headers["location"])

    assert commands(site) == [(f"{API}/hand-over", {"to_municipality": "849"}, KEY)]
    assert receipt.status_code == 200
    assert "Jammerbugt er nu ansvarlig for frikortet" in said(receipt)


@pytest.mark.parametrize(("typed", "refusal"), [("101", Refusal("same-municipality")), ("999", None), ("", None)])
async def test_a_wrong_municipality_stands_at_the_choice(
    site: Site, visiting: httpx2.AsyncClient, typed: str, refusal: Refusal | None
) -> None:
    if refusal is not None:
        site.answer("POST", f"{API}/hand-over", refusal)
    assert error_at(await send(visiting, f"{HOME}/overdragelse", to_municipality=typed), "to_municipality")


async def test_municipalities_are_in_danish_order(visiting: httpx2.AsyncClient) -> None:
    options = (await visiting.get(f"{HOME}/overdragelse")).text.partition("<select")[2]
    places = [options.index(f">{name}<") for name in ("Albertslund", "Vordingborg", "Ærø", "Aabenraa")]
    assert places == sorted(places)


# ---- mandates ----


async def test_a_mandate_is_given_for_the_citizen_after_a_summary(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("POST", f"{API}/mandates", c.mandate(granted_by=CitizenSide.MUNICIPALITY), 201)
    path = f"{HOME}/fuldmagter/ny"
    checked = await summary(visiting, site, path, **HOLDER)
    assert "Mikkel Eksempel" in checked
    assert "31. december 2026" in checked

    done = await send(visiting, path, **HOLDER)
    body = {"cpr": "7301854321", "name": "Mikkel Eksempel", "scope": "view", "until": "2026-12-31"}
    assert commands(site) == [(f"{API}/mandates", body, KEY)]
    assert "Mikkel Eksempel Må Se frikortet" in said(await visiting.get(done.headers["location"]))


@pytest.mark.parametrize(
    ("refusal", "field"),
    [
        (Refusal("mandate-to-self"), "cpr"),
        (Refusal("mandate-date-out-of-range", {"first_day": "2026-11-22", "last_day": "2031-11-22"}), "until"),
        (Refusal("invalid-request", errors=(("/name", "string_too_long", ""),)), "name"),
    ],
)
async def test_a_refused_mandate_is_told_of_at_its_field(
    site: Site, visiting: httpx2.AsyncClient, refusal: Refusal, field: str
) -> None:
    site.answer("POST", f"{API}/mandates", refusal)
    assert error_at(await send(visiting, f"{HOME}/fuldmagter/ny", **HOLDER), field)


@pytest.mark.parametrize("field", ["cpr", "name", "scope", "until-day"])
async def test_what_is_missing_for_a_mandate_stands_at_its_field(visiting: httpx2.AsyncClient, field: str) -> None:
    page = await post(visiting, f"{HOME}/fuldmagter/ny", **HOLDER | {field: ""})
    assert page.status_code == 422
    assert error_at(page, field.removesuffix("-day"))


async def test_a_mandate_is_withdrawn(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("POST", f"{API}/mandates/{c.MANDATE}/withdrawal", c.mandate(status="withdrawn"))
    path = f"{HOME}/fuldmagter/{c.MANDATE}"
    assert "Træk fuldmagten tilbage" in said(await visiting.get(path))

    done = await post(visiting, path)
    site.answer("GET", f"{API}/mandates", Mandates(mandates=[c.mandate(status="withdrawn", withdrawn_at=c.NOON)]))
    assert commands(site) == [(f"{API}/mandates/{c.MANDATE}/withdrawal", None, KEY)]
    assert "Fuldmagten blev trukket tilbage 1. juni 2025" in said(await visiting.get(done.headers["location"]))


async def test_a_mandate_that_is_over_already_says_so(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("POST", f"{API}/mandates/{c.MANDATE}/withdrawal", Refusal("mandate-ended"))
    assert "Fuldmagten gælder ikke længere" in said(await post(visiting, f"{HOME}/fuldmagter/{c.MANDATE}"))


async def test_mandates_with_what_they_allow_and_whether_they_are_in_force(
    site: Site, visiting: httpx2.AsyncClient
) -> None:
    over = c.mandate(scope=MandateScope.REPRESENT, status="expired")
    site.answer("GET", f"{API}/mandates", Mandates(mandates=[c.mandate(), over]))
    text = said(await visiting.get(f"{HOME}/fuldmagter"))
    assert "Se frikortet 31. december 2026 Gælder" in text
    assert "tale med arbejdsgivere om det 31. december 2026 Udløbet" in text


# ---- reports and disputes ----


async def test_reports_year_by_year_with_their_splits(site: Site, visiting: httpx2.AsyncClient) -> None:
    last_year = c.report(200_000, 55_000, year=2024, payment_date=date(2024, 12, 31), status="withdrawn")
    site.answer("GET", f"{API}/reports", CardReports(reports=[last_year, c.report(dispute=c.dispute())]))
    text = said(await visiting.get(f"{HOME}/indberetninger"))
    assert text.index("Løn udbetalt i 2025") < text.index("Løn udbetalt i 2024")
    assert "7.500,00 kr. 7.500,00 kr. 0,00 kr. Indsigelse" in text
    assert "2.550,00 kr. 2.000,00 kr. 550,00 kr. Tilbagekaldt" in text


async def test_a_dispute_is_raised_for_the_citizen_after_a_summary(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("POST", f"{API}/reports/{c.REPORT}/dispute", c.report(dispute=c.dispute()))
    typed = {"reason": "wrong-amount", "message": "Kun 5.000 kr. i marts."}
    checked = await summary(visiting, site, f"{REPORT}/indsigelse", **typed)
    assert "Beløbet er forkert" in checked
    assert "Ingen beløb bliver ændret" in checked

    done = await send(visiting, f"{REPORT}/indsigelse", **typed)
    assert commands(site) == [(f"{API}/reports/{c.REPORT}/dispute", typed, KEY)]
    assert done.headers["location"] == REPORT


@pytest.mark.parametrize(
    ("refusal", "text"),
    [
        (Refusal("report-already-disputed"), "allerede gjort opmærksom på"),
        (Refusal("report-withdrawn"), "Indberetningen er tilbagekaldt"),
        (Refusal("invalid-request", errors=(("/message", "value_error", ""),)), "højst 500 tegn og intet CPR-nummer"),
    ],
)
async def test_a_refused_dispute_says_why(
    site: Site, visiting: httpx2.AsyncClient, refusal: Refusal, text: str
) -> None:
    site.answer("POST", f"{API}/reports/{c.REPORT}/dispute", refusal)
    assert text in said(await send(visiting, f"{REPORT}/indsigelse", reason="other", message="Ikke rigtigt"))


async def test_a_dispute_needs_a_reason(visiting: httpx2.AsyncClient) -> None:
    assert error_at(await post(visiting, f"{REPORT}/indsigelse"), "reason")


async def test_a_dispute_is_taken_back(site: Site, visiting: httpx2.AsyncClient) -> None:
    site.answer("GET", f"{API}/reports", CardReports(reports=[c.report(dispute=c.dispute())]))
    site.answer("POST", f"{API}/reports/{c.REPORT}/dispute/withdrawal", c.report())
    text = said(await visiting.get(REPORT))
    assert "Jeg fik kun 5.000 kr." in text
    assert "Rejst af Borgeren" in text

    done = await post(visiting, REPORT)
    assert commands(site) == [(f"{API}/reports/{c.REPORT}/dispute/withdrawal", None, KEY)]
    assert done.headers["location"] == REPORT


async def test_a_dispute_that_the_employer_has_answered_cannot_be_taken_back(
    site: Site, visiting: httpx2.AsyncClient
) -> None:
    site.answer("POST", f"{API}/reports/{c.REPORT}/dispute/withdrawal", Refusal("report-not-disputed"))
    assert "Der er ikke noget at trække tilbage" in said(await post(visiting, REPORT))


async def test_the_history_of_a_report_in_words(site: Site, visiting: httpx2.AsyncClient) -> None:
    history = [
        c.history("reported", total_ore=800_000),
        c.history("disputed", reason="wrong-amount", message="For meget", by=CitizenSide.CITIZEN),
        c.history("corrected", reason="wrong-amount", total_ore=750_000),
        c.history("dispute-ended", reason="report-corrected"),
    ]
    site.answer("GET", f"{API}/reports", CardReports(reports=[c.report(history=history)]))
    text = said(await visiting.get(REPORT))
    assert re.search(r"Indsigelse rejst . Beløbet er forkert For meget", text)
    assert "Rettet af arbejdsgiveren 7.500,00 kr. Beløbet er forkert" in text
    assert re.search(r"Indsigelsen er slut . Arbejdsgiveren rettede indberetningen", text)


@pytest.mark.parametrize(
    "path", [f"indberetninger/{OTHER}", f"indberetninger/{OTHER}/indsigelse", f"fuldmagter/{OTHER}"]
)
async def test_what_is_not_of_this_card_does_not_exist(visiting: httpx2.AsyncClient, path: str) -> None:
    assert (await visiting.get(f"{HOME}/{path}")).status_code == 404


# ---- controls ----


async def test_cards_due_for_control_are_looked_at_for_that_reason_and_opened_with_it(
    site: Site, client: httpx2.AsyncClient
) -> None:
    due = ControlDueResource(card_id=CARD, number="48213", name="Karla Eksempel", control_due=2026, last_control=None)
    site.answer("GET", "/v1/controls-due", ControlsDue(year=2026, cards=[due]))
    page = await client.get("/kommune/kontrol?aar=2026")

    assert "Karla Eksempel 48213 2026 Ingen endnu" in said(page)
    assert (site.asked[0].query, site.asked[0].reason) == ({"year": "2026"}, "Kontrol")
    assert f'action="{HOME}/begrundelse"' in page.text
    opened = await post(client, f"{HOME}/begrundelse", why="control")
    await client.get(opened.headers["location"])
    assert {asked.reason for asked in site.asked} == {"Kontrol"}


async def test_nothing_due_is_said(site: Site, client: httpx2.AsyncClient) -> None:
    site.answer("GET", "/v1/controls-due", ControlsDue(year=2026, cards=[]))
    assert "Der er ingen frikort på listen" in said(await client.get("/kommune/kontrol"))


# ---- the physical card ----


def text_of(pdf: bytes) -> str:
    return " ".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


async def test_the_physical_card_has_number_and_name_and_where_to_report_but_never_the_cpr(
    site: Site, visiting: httpx2.AsyncClient
) -> None:
    answer = await visiting.get(f"{HOME}/fysisk-kort/pdf")
    text = text_of(answer.content)

    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'attachment; filename="frikort.pdf"'
    for shown in ("48213", "Karla Eksempel", "København"):
        assert shown in text
    assert "frikort.test/virksomhed/indberet" in text.replace(" ", "")
    assert CPR not in text
    assert {asked.reason for asked in site.asked} == {WHY}


async def test_the_physical_card_speaks_the_language_of_the_page(visiting: httpx2.AsyncClient) -> None:
    visiting.cookies.set(LANGUAGE_COOKIE, "en")
    assert "How to use the card" in text_of((await visiting.get(f"{HOME}/fysisk-kort/pdf")).content)


async def test_a_deactivated_card_is_not_printed_but_leads_to_the_reactivation(
    site: Site, visiting: httpx2.AsyncClient
) -> None:
    assert f'href="{HOME}/fysisk-kort/pdf"' in (await visiting.get(f"{HOME}/fysisk-kort")).text
    site.answer("GET", API, DEACTIVATED)
    page = await visiting.get(f"{HOME}/fysisk-kort")
    assert "fysisk-kort/pdf" not in page.text
    assert f'href="{HOME}/beslutning/genaktivering"' in page.text


async def test_a_reason_is_kept_in_danish_for_the_citizen_whatever_the_page_speaks(
    site: Site, client: httpx2.AsyncClient
) -> None:
    client.cookies.set(LANGUAGE_COOKIE, "en")
    stated = await post(client, f"{HOME}/begrundelse", why="grant")
    await client.get(stated.headers["location"])
    assert {asked.reason for asked in site.asked} == {"Ny bevilling"}
