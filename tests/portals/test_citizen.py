"""The citizen's pages, without a browser: what each says of what the API answers, and what it asks for."""

from __future__ import annotations

import html
import io
import re
from datetime import date, timedelta
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.http.balances import BalanceResource
from frikort_contracts.http.common import Days
from frikort_contracts.http.mandates import Mandates
from frikort_contracts.http.reports import CardReportResource
from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import MandateScope
from frikort_contracts.reporting import DisputeReason
from frikort_contracts.values import CitizenSide
from pydantic_core import to_jsonable_python
from pypdf import PdfReader

from tests.portals import citizens as c
from tests.portals.site import TOKEN, Refusal, Site

OWN: Final = "/borger"
HELD: Final = f"/borger/paa-vegne-af/{c.MANDATE}"
REPORT: Final = f"/borger/loen/{c.REPORT}"
KEY: Final = "11111111-1111-4111-8111-111111111111"


def said(response: httpx2.Response) -> str:
    """The main part of a page as it is read: without tags, with single spaces."""
    assert response.headers["content-type"].startswith("text/html"), response.text
    _, _, rest = response.text.partition('id="main-content">')
    text = re.sub(r"<[^>]+>", " ", rest.partition("</main>")[0] or response.text)
    return " ".join(html.unescape(text).split())


async def get(site: Site, path: str, **headers: str) -> httpx2.Response:
    async with site.client(**headers) as client:
        return await client.get(path)


async def post(site: Site, path: str, **typed: str) -> httpx2.Response:
    async with site.client() as client:
        return await client.post(path, data={"form_token": TOKEN, "key": KEY, **typed})


def sent(site: Site) -> list[tuple[str, Any, str | None]]:
    """The commands that the pages gave: path, body, key."""
    return [(asked.path, asked.body or None, asked.key) for asked in site.asked if asked.method == "POST"]


# ---- the card at a glance ----


@pytest.mark.parametrize(
    ("balance", "sentence"),
    [
        (c.balance(0), "Der er ikke indberettet løn på frikortet i 2025 endnu. Der kan tjenes 42.766,00 kr."),
        (c.balance(1_200_050), "Der er tjent 12.000,50 kr. på frikortet i 2025. Der kan tjenes 30.765,50 kr. mere"),
        (c.balance(c.ALLOWANCE), "Det er hele årets beløb, og det hele er skattefrit."),
        (c.balance(c.ALLOWANCE + 100_000), "Heraf er 42.766,00 kr. skattefri. De sidste 1.000,00 kr. ligger over"),
    ],
)
async def test_the_balance_is_said_in_a_sentence_first(site: Site, balance: BalanceResource, sentence: str) -> None:
    c.has_card(site, balances=[balance])

    page = said(await get(site, OWN))

    assert sentence in page
    assert page.index(sentence) < page.index("Frikortet i 2025"), "the bar comes after"


async def test_the_bar_is_the_balance_and_says_it(site: Site) -> None:
    c.has_card(site, balances=[c.balance(1_200_050)])

    page = await get(site, OWN)

    assert re.search(r'<progress id="balance" max="4276600" value="1200050"', page.text)
    assert "Tjent 12.000,50 kr. af årets beløb på 42.766,00 kr. Tilbage er der 30.765,50 kr." in said(page)


async def test_the_number_and_whether_it_is_active(site: Site) -> None:
    c.has_card(site)

    page = said(await get(site, OWN))

    assert "Frikortnummer 48213 Aktivt" in page
    assert "Ansvarlig kommune: København" in page


async def test_a_deactivated_card_says_until_when_it_was_active_and_what_that_means(site: Site) -> None:
    days = [Days(first=date(2025, 1, 6), last=date(2025, 4, 30))]
    c.has_card(site, card=c.card(status="deactivated", active_periods=days), balances=[c.balance(100)])

    page = said(await get(site, OWN))

    assert "Ikke aktivt" in page
    assert "aktivt til og med 30. april 2025" in page
    assert "Frikortet er ikke aktivt. Løn for arbejde, der er gjort nu, kan ikke komme på frikortet." in page


@pytest.mark.parametrize(
    ("thresholds", "heading"),
    [
        (["near"], "Årets beløb er snart brugt"),
        (["near", "reached"], "Årets beløb er brugt"),
        (["reached", "exceeded", "near"], "Der er tjent mere end årets beløb"),
    ],
)
async def test_the_severest_warning_stands_out(site: Site, thresholds: list[str], heading: str) -> None:
    c.has_card(site, balances=[c.balance(4_000_000, warnings=[c.warning(one) for one in thresholds])])

    page = await get(site, OWN)

    assert re.findall(r'class="alert-heading">([^<]+)<', page.text) == [heading]


async def test_what_is_left_is_what_the_next_wage_may_be(site: Site) -> None:
    c.has_card(site, balances=[c.balance(4_000_000, warnings=[c.warning("near")])])

    assert "Er den næste løn højst 2.766,00 kr., er den helt skattefri." in said(await get(site, OWN))


async def test_with_nothing_left_the_next_wage_is_ordinary_and_a_new_year_comes(site: Site) -> None:
    c.has_card(site, balances=[c.balance(5_000_000, warnings=[c.warning("exceeded")])])

    page = said(await get(site, OWN))

    assert "Resten af lønnen i 2025 er almindelig løn." in page
    assert "1. januar 2026 begynder et nyt beløb." in page


async def test_a_warning_that_is_not_true_any_more_is_only_remembered(site: Site) -> None:
    c.has_card(site, balances=[c.balance(100, warnings=[c.warning("near", withdrawn=True)])])

    page = await get(site, OWN)

    assert "alert-heading" not in page.text
    assert "Det gælder ikke længere fra 1. juni 2025" in said(page)


async def test_a_provisional_allowance_is_said(site: Site) -> None:
    c.has_card(site, balances=[c.balance(0, provisional=True)])

    assert "Årets beløb er foreløbigt" in said(await get(site, OWN))


async def test_a_year_without_an_allowance_is_said(site: Site) -> None:
    c.has_card(site, balances=[])

    assert "Årets beløb er ikke fastsat endnu." in said(await get(site, OWN))
    assert "Årets beløb er ikke fastsat endnu." in said(await get(site, f"{OWN}/loen"))


async def test_the_latest_wage_is_on_the_page(site: Site) -> None:
    reports = [c.report(report_id=f"r{month}", payment_date=date(2025, month, 28)) for month in range(1, 6)]
    c.has_card(site, reports=reports)

    page = await get(site, OWN)

    assert re.findall(r'href="/borger/loen/(\w+)"', page.text) == ["r5", "r4", "r3"]


# ---- it changes while one looks ----


def mark(page: str) -> str:
    """What the page sends along, to say what it shows already."""
    [found] = re.findall(r'<input type="hidden" id="glance-mark" name="vist" value="(\w+)">', page)
    return str(found)


async def test_the_page_is_told_of_changes_and_asks_for_the_part_again(site: Site) -> None:
    c.has_card(site)

    page = (await get(site, OWN)).text

    assert 'data-sse-connect="/borger/aendringer"' in page
    assert 'data-hx-get="/borger/overblik" data-hx-include="#glance-mark" data-hx-trigger="sse:changed"' in page
    assert (await get(site, f"{OWN}/overblik?vist={mark(page)}")).status_code == 204, "it stands there already"


async def test_a_report_that_has_landed_comes_alone_and_is_announced(site: Site) -> None:
    c.has_card(site)
    before = mark((await get(site, OWN)).text)
    c.has_card(site, balances=[c.balance(750_000)], reports=[c.report()])

    part = await get(site, f"{OWN}/overblik?vist={before}")

    assert part.status_code == 200
    assert "<html" not in part.text
    assert "Der er tjent 7.500,00 kr. på frikortet" in said(part)
    assert '<p id="glance-said" data-hx-swap-oob="innerHTML">Siden er opdateret.' in part.text
    assert mark(part.text) != before


async def test_the_mark_in_the_address_tells_nobody_what_is_on_the_page(site: Site) -> None:
    marks = set()
    for token in ("one-sessions-token", "another-sessions-token"):
        c.has_card(site)
        assert site.session is not None
        site.session = type(site.session)(**vars(site.session) | {"form_token": token})
        marks.add(mark((await get(site, OWN)).text))

    assert len(marks) == 2, "the same card has another mark in another session"


async def test_the_stream_is_the_apis_and_ends_with_the_session(site: Site) -> None:
    c.has_card(site)
    site.sign_in(Role.CITIZEN, minutes=2)
    site.file("/v1/me/changes", b"event: changed\ndata: {}\n\n", "text/event-stream")

    answer = await get(site, f"{OWN}/aendringer", accept="text/event-stream")

    assert answer.headers["content-type"].startswith("text/event-stream")
    [asked] = [asked for asked in site.asked if asked.path == "/v1/me/changes"]
    assert 100 <= int(asked.query["seconds"]) <= 120


# ---- the wage ----


async def test_a_year_month_by_month_and_step_by_step_with_the_same_figures_in_tables(site: Site) -> None:
    march = c.report(report_id="a", exempt=4_000_000)
    may = c.report(report_id="b", exempt=276_600, excess=23_400, payment_date=date(2025, 5, 30))
    c.has_card(site, balances=[c.balance(4_300_000)], reports=[may, march])

    page = await get(site, f"{OWN}/loen")

    assert re.findall(r'<rect[^>]+data-ore="(\d+)"', page.text) == ["4000000", "276600", "23400"]
    assert re.findall(r'<circle[^>]+data-ore="(\d+)"', page.text) == ["4000000", "300000"]
    words = said(page)
    assert "maj 2.766,00 kr. 234,00 kr. 3.000,00 kr." in words
    assert "30. maj 2025 3.000,00 kr. 43.000,00 kr. 0,00 kr." in words
    assert "234,00 kr. ligger over årets beløb og er almindelig løn med skat." in words


async def test_what_is_withdrawn_or_of_another_year_is_in_no_picture(site: Site) -> None:
    reports = [c.report(status="withdrawn"), c.report(report_id="old", year=2024, payment_date=date(2024, 3, 31))]
    c.has_card(site, reports=reports)

    page = await get(site, f"{OWN}/loen")

    assert 'data-ore="750000"' not in page.text
    assert "Trukket tilbage" in said(page), "but what is withdrawn stays in the list"
    assert "/borger/loen/old" not in page.text


async def test_former_years_can_be_chosen_and_others_do_not_exist(site: Site) -> None:
    old = c.report(report_id="old", year=2024, payment_date=date(2024, 3, 31))
    c.has_card(site, balances=[c.balance(), c.balance(750_000, year=2024)], reports=[old])

    assert "/borger/loen/old" in (await get(site, f"{OWN}/loen?aar=2024")).text
    assert (await get(site, f"{OWN}/loen?aar=2023")).status_code == 404
    years = said(await get(site, f"{OWN}/aar"))
    assert "2024 42.766,00 kr. 7.500,00 kr. 7.500,00 kr. 0,00 kr. 35.266,00 kr." in years


async def test_employments_with_their_days(site: Site) -> None:
    ended = c.employment(cvr="25063864", period=Days(first=date(2024, 2, 1), last=date(2024, 6, 30)))
    c.has_card(site, employments=[ended, c.employment()])

    page = said(await get(site, f"{OWN}/arbejde"))

    assert page.index("CVR-nummer 99000007 10. januar 2025 Ikke aftalt") < page.index(
        "CVR-nummer 25063864 1. februar 2024 30. juni 2024"
    )


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        (c.report(750_000), "Det hele, 7.500,00 kr., er skattefri frikortløn."),
        (c.report(0, 750_000), "Det hele, 7.500,00 kr., ligger over årets beløb for 2025."),
        (c.report(700_000, 50_000), "7.000,00 kr. er skattefri frikortløn. 500,00 kr. ligger over årets beløb"),
        (c.report(split=None), "Vi er ved at regne ud, hvor meget der er skattefrit."),
        (c.report(status="withdrawn"), "Arbejdsgiveren har trukket den tilbage. Den tæller ikke med"),
    ],
)
async def test_what_a_report_means_in_words(site: Site, report: CardReportResource, sentence: str) -> None:
    c.has_card(site, reports=[report])

    page = said(await get(site, REPORT))

    assert sentence in page
    assert "CVR-nummer 99000007 har indberettet 7.500,00 kr. for arbejde fra 1. marts 2025 til 31. marts 2025" in page


async def test_a_reports_history_in_words(site: Site) -> None:
    lines = [
        c.history("reported", total_ore=900_000),
        c.history("disputed", reason="not-paid", message="Intet er kommet", by=CitizenSide.CITIZEN),
        c.history("dispute-ended", reason="dispute-withdrawn", by=CitizenSide.MANDATE_HOLDER),
        c.history("disputed", reason="wrong-amount", by=CitizenSide.MUNICIPALITY),
        c.history("corrected", total_ore=750_000, reason="wrong-amount"),
        c.history("dispute-ended", reason="report-corrected"),
        c.history("withdrawn", reason="reported-twice"),
    ]
    c.has_card(site, reports=[c.report(history=lines)])

    page = said(await get(site, REPORT))

    for sentence in (
        "Arbejdsgiveren indberettede 9.000,00 kr. i løn.",
        "Du sagde, at det ikke er rigtigt. Grund: Pengene er ikke udbetalt. Intet er kommet",
        "En, der har fuldmagt, trak det tilbage, der var sagt.",
        "Kommunen sagde, at det ikke er rigtigt. Grund: Beløbet er forkert.",
        "Arbejdsgiveren rettede lønnen til 7.500,00 kr. i alt. Grund: beløbet var forkert.",
        "Det, der var sagt, faldt bort, fordi arbejdsgiveren svarede.",
        "Arbejdsgiveren trak indberetningen tilbage. Grund: lønnen var indberettet to gange.",
    ):
        assert sentence in page


@pytest.mark.parametrize(
    "path", ["/loen/00000000-0000-4000-8000-000000000000", "/loen/00000000-0000-4000-8000-000000000000/indsigelse"]
)
async def test_a_report_of_nobody_or_of_somebody_else_does_not_exist(site: Site, path: str) -> None:
    c.has_card(site)

    page = await get(site, OWN + path)

    assert page.status_code == 404
    assert "Vi kan ikke finde siden" in said(page)


# ---- "this is not right" ----


async def test_a_dispute_is_checked_before_it_is_sent(site: Site) -> None:
    c.has_card(site, reports=[c.report()])

    check = await post(site, f"{REPORT}/indsigelse", reason="wrong-amount", message="Kun <b>5.000</b> kr.")

    assert "Se efter, før du sender" in said(check)
    assert "Beløbet er forkert" in said(check)
    assert "Kun &lt;b&gt;5.000&lt;/b&gt; kr." in check.text
    assert sent(site) == []


async def test_a_dispute_is_sent_under_the_forms_key_and_has_a_receipt(site: Site) -> None:
    c.has_card(site, reports=[c.report()])
    path = f"/v1/me/reports/{c.REPORT}/dispute"
    site.answer("POST", path, c.report(dispute=c.dispute()))

    answer = await post(site, f"{REPORT}/indsigelse", reason="wrong-amount", message="Kun 5.000", step="send")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{REPORT}/indsigelse/kvittering")
    assert sent(site) == [(path, {"reason": "wrong-amount", "message": "Kun 5.000"}, KEY)]


async def test_one_can_go_back_from_the_check_with_what_was_written(site: Site) -> None:
    c.has_card(site, reports=[c.report()])

    form = await post(site, f"{REPORT}/indsigelse", reason="not-paid", message="Intet", step="edit")

    assert re.search(r'value="not-paid" checked', form.text)
    assert ">\nIntet</textarea>" in form.text
    assert sent(site) == []


async def test_a_dispute_without_a_reason_says_what_is_missing(site: Site) -> None:
    c.has_card(site, reports=[c.report()])

    form = await post(site, f"{REPORT}/indsigelse", message="Intet")

    assert form.status_code == 422
    assert "Vælg, hvad der ikke er rigtigt." in said(form)


async def test_what_the_api_says_of_a_message_stands_at_the_message(site: Site) -> None:
    c.has_card(site, reports=[c.report()])
    refusal = Refusal("invalid-request", errors=(("/message", "string_too_long", "too long"),))
    site.answer("POST", f"/v1/me/reports/{c.REPORT}/dispute", refusal)

    form = await post(site, f"{REPORT}/indsigelse", reason="other", message="x" * 501, step="send")

    assert form.status_code == 422
    assert '<a class="function-link" href="#message">Skriv højst 500 tegn, og skriv ikke et CPR-nummer.' in form.text


async def test_a_dispute_that_stands_already_is_said(site: Site) -> None:
    c.has_card(site, reports=[c.report()])
    site.answer("POST", f"/v1/me/reports/{c.REPORT}/dispute", Refusal("report-already-disputed"))

    form = await post(site, f"{REPORT}/indsigelse", reason="other", step="send")

    assert form.status_code == 409
    assert "Der er allerede gjort opmærksom på, at indberetningen ikke er rigtig" in said(form)


async def test_a_disputed_report_shows_it_and_offers_to_take_it_back(site: Site) -> None:
    c.has_card(site, reports=[c.report(dispute=c.dispute(reason=DisputeReason.NOT_PAID))])

    page = await get(site, REPORT)

    assert "Du har sagt det 1. juni 2025. Pengene er ikke udbetalt. Jeg fik kun 5.000 kr." in said(page)
    assert f'href="{REPORT}/indsigelse/traek-tilbage"' in page.text
    assert f'href="{REPORT}/indsigelse"' not in page.text


async def test_a_dispute_is_taken_back(site: Site) -> None:
    c.has_card(site, reports=[c.report(dispute=c.dispute())])
    path = f"/v1/me/reports/{c.REPORT}/dispute/withdrawal"
    site.answer("POST", path, c.report())

    answer = await post(site, f"{REPORT}/indsigelse/traek-tilbage")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{REPORT}/indsigelse/kvittering")
    assert sent(site) == [(path, None, KEY)]


@pytest.mark.parametrize(
    ("report", "heading"), [(c.report(dispute=c.dispute()), "Det er sendt"), (c.report(), "Det er trukket tilbage")]
)
async def test_the_receipt_says_how_it_stands(site: Site, report: CardReportResource, heading: str) -> None:
    c.has_card(site, reports=[report])

    assert said(await get(site, f"{REPORT}/indsigelse/kvittering")).startswith(heading)


async def test_what_is_withdrawn_cannot_be_disputed(site: Site) -> None:
    c.has_card(site, reports=[c.report(status="withdrawn")])

    assert "indsigelse" not in (await get(site, REPORT)).text


# ---- mandates ----

MANDATE: Final = {
    "name": "Mikkel Eksempel",
    "cpr": "730185-4321",
    "scope": "represent",
    "until-day": "31",
    "until-month": "12",
    "until-year": "2026",
}


async def test_mandates_in_force_can_be_withdrawn_and_those_that_are_over_are_remembered(site: Site) -> None:
    c.has_card(site)
    over = c.mandate(mandate_id="over", name="Nina Før", status="expired", until=date(2025, 1, 31))
    gone = c.mandate(mandate_id="gone", name="Ole Væk", status="withdrawn", withdrawn_at=c.NOON)
    municipal = c.mandate(granted_by=CitizenSide.MUNICIPALITY, scope=MandateScope.REPRESENT)
    site.answer("GET", "/v1/me/mandates", Mandates(mandates=[over, gone, municipal]))

    page = await get(site, f"{OWN}/fuldmagter")

    words = said(page)
    assert "Mikkel Eksempel Se frikortet og tale med arbejdsgivere 31. december 2026 1. juni 2025 af kommunen" in words
    assert "Ole Væk Se frikortet 1. juni 2025 Trukket tilbage 1. juni 2025" in words
    assert "Nina Før Se frikortet 1. juni 2025 Udløb 31. januar 2025" in words
    assert re.findall(r"/fuldmagter/([\w-]+)/traek-tilbage", page.text) == [c.MANDATE]


async def test_a_mandate_is_checked_before_it_is_given(site: Site) -> None:
    c.has_card(site)

    check = said(await post(site, f"{OWN}/fuldmagter/ny", **MANDATE))

    assert "Mikkel Eksempel" in check
    assert "730185-4321" in check, "so that a slip is seen"
    assert "31. december 2026" in check
    assert sent(site) == []


async def test_a_mandate_is_given_under_the_forms_key_and_has_a_receipt(site: Site) -> None:
    c.has_card(site)
    site.answer("POST", "/v1/me/mandates", c.mandate(), status=201)

    answer = await post(site, f"{OWN}/fuldmagter/ny", **MANDATE, step="send")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{OWN}/fuldmagter/{c.MANDATE}/kvittering")
    body = {"name": "Mikkel Eksempel", "cpr": "730185-4321", "scope": "represent", "until": "2026-12-31"}
    assert sent(site) == [("/v1/me/mandates", body, KEY)]


@pytest.mark.parametrize(
    ("code", "facts", "target", "words"),
    [
        ("mandate-to-self", {}, "cpr", "Fuldmagten er til borgeren selv"),
        (
            "mandate-date-out-of-range",
            {"first_day": "2025-06-01", "last_day": "2030-06-01"},
            "until-day",
            "Fuldmagten kan ikke slutte den dag",
        ),
    ],
)
async def test_a_refused_mandate_is_told_of_at_its_field(
    site: Site, code: str, facts: dict[str, str], target: str, words: str
) -> None:
    c.has_card(site)
    site.answer("POST", "/v1/me/mandates", Refusal(code, facts=facts))

    form = await post(site, f"{OWN}/fuldmagter/ny", **MANDATE, step="send")

    assert re.search(rf'href="#{target}">{words}', form.text)


async def test_a_mandate_is_withdrawn(site: Site) -> None:
    c.has_card(site)
    site.answer("GET", "/v1/me/mandates", Mandates(mandates=[c.mandate()]))
    site.answer("POST", f"/v1/me/mandates/{c.MANDATE}/withdrawal", c.mandate(status="withdrawn"))
    path = f"{OWN}/fuldmagter/{c.MANDATE}"

    assert "Mikkel Eksempel har fuldmagt til dit frikort" in said(await get(site, f"{path}/traek-tilbage"))
    answer = await post(site, f"{path}/traek-tilbage")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}/kvittering")
    assert sent(site) == [(f"/v1/me/mandates/{c.MANDATE}/withdrawal", None, KEY)]


@pytest.mark.parametrize("what", ["traek-tilbage", "kvittering"])
async def test_somebody_elses_mandate_does_not_exist(site: Site, what: str) -> None:
    c.has_card(site)

    assert (await get(site, f"{OWN}/fuldmagter/{c.MANDATE}/{what}")).status_code == 404


# ---- for somebody else ----

PAGES: Final = ("", "/overblik", "/loen", f"/loen/{c.REPORT}", "/arbejde", "/aar")


@pytest.mark.parametrize("path", PAGES)
async def test_a_mandate_holder_sees_the_card_and_whose_it_is(site: Site, path: str) -> None:
    c.has_no_card(site)
    c.has_card(site, source=c.HELD, reports=[c.report()], employments=[c.employment()])
    c.holds(site, c.represented())

    page = await get(site, HELD + path)

    assert page.status_code == 200
    if path != "/overblik":
        assert "Du ser siden på vegne af Karla Eksempel . Fuldmagten gælder til og med 31. december 2026." in said(page)
    assert not re.findall(
        r'(?:href|data-hx-get|data-sse-connect)="/borger/(?:loen|overblik|aendringer|aar)\b', _main(page)
    )


def _main(page: httpx2.Response) -> str:
    return page.text.partition('id="main-content">')[2] or page.text


@pytest.mark.parametrize("path", PAGES)
async def test_a_card_without_a_mandate_does_not_exist(site: Site, path: str) -> None:
    c.has_card(site)
    c.has_card(site, source=c.HELD, reports=[c.report()])

    page = await get(site, HELD + path)

    assert page.status_code == 404
    assert "48213" not in page.text
    assert f"{c.HELD}/card" not in [asked.path for asked in site.asked]


async def test_who_may_only_see_cannot_say_that_a_report_is_not_right(site: Site) -> None:
    c.has_no_card(site)
    c.has_card(site, source=c.HELD, reports=[c.report()])
    c.holds(site, c.represented(MandateScope.VIEW))

    assert "indsigelse" not in (await get(site, f"{HELD}/loen/{c.REPORT}")).text
    assert (await get(site, f"{HELD}/loen/{c.REPORT}/indsigelse")).status_code == 404
    assert (await post(site, f"{HELD}/loen/{c.REPORT}/indsigelse", reason="other", step="send")).status_code == 404
    assert (await post(site, f"{HELD}/loen/{c.REPORT}/indsigelse/traek-tilbage")).status_code == 404
    assert sent(site) == []


async def test_who_may_represent_says_so_for_the_citizen(site: Site) -> None:
    c.has_no_card(site)
    c.has_card(site, source=c.HELD, reports=[c.report()])
    c.holds(site, c.represented(MandateScope.REPRESENT))
    path = f"{c.HELD}/reports/{c.REPORT}/dispute"
    site.answer("POST", path, c.report(dispute=c.dispute()))

    answer = await post(site, f"{HELD}/loen/{c.REPORT}/indsigelse", reason="other", step="send")

    assert (answer.status_code, answer.headers["location"]) == (303, f"{HELD}/loen/{c.REPORT}/indsigelse/kvittering")
    assert sent(site) == [(path, {"reason": "other"}, KEY)]


async def test_the_cards_of_others_are_offered(site: Site) -> None:
    c.has_card(site)
    c.holds(site, c.represented(MandateScope.REPRESENT))

    for path in (OWN, f"{OWN}/paa-vegne-af"):
        page = await get(site, path)
        assert f'href="{HELD}"' in page.text
        assert "du må se frikortet og tale med arbejdsgivere om det til og med 31. december 2026." in said(page)


# ---- without a card ----


@pytest.mark.parametrize(
    "path", ["", "/loen", "/arbejde", "/aar", "/fuldmagter", "/fuldmagter/ny", f"/loen/{c.REPORT}"]
)
async def test_without_a_card_every_page_says_what_to_do(site: Site, path: str) -> None:
    c.has_no_card(site)

    page = said(await get(site, OWN + path))

    assert page.startswith("Du har ikke et frikort")
    assert "Det er din kommune, der beslutter, om du kan få et socialt frikort." in page


async def test_without_a_card_of_their_own_a_mandate_holder_has_a_useful_page(site: Site) -> None:
    c.has_no_card(site)
    c.holds(site, c.represented())

    page = await get(site, OWN)

    assert said(page).startswith("Frikort, som du ser for andre")
    assert f'href="{HELD}"' in page.text


# ---- who has looked, and all of it ----


async def test_who_has_looked_and_why_without_ones_own_looks(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer("GET", "/v1/me/accesses", c.accesses(c.access(), c.access(by="Skattestyrelsen", reason=None)))

    page = said(await get(site, f"{OWN}/hvem-har-set"))

    assert "1. juni 2025 kl. 12.00 Københavns Kommune, sagsbehandler har set dit frikort Opfølgning på samtale" in page
    assert "Skattestyrelsen har set dit frikort Ikke oplyst" in page
    assert site.asked[-1].query["own"] == "False"


async def test_ones_own_looks_are_shown_on_request_and_pages_go_on(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer("GET", "/v1/me/accesses", c.accesses(c.access(by="Du selv", own=True), following="bmV4dA"))

    page = await get(site, f"{OWN}/hvem-har-set?mine=true&cursor=Zmly")

    assert dict(site.asked[-1].query) == {"own": "True", "cursor": "Zmly", "limit": "50"}
    assert 'href="/borger/hvem-har-set?mine=true&amp;cursor=bmV4dA"' in page.text
    assert 'href="/borger/hvem-har-set?mine=true"' in page.text


async def test_what_somebody_did_in_one_minute_is_one_line(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    whats = ("har set dit frikort", "har set dine advarsler", "har set dit frikort")
    lines = [c.access(description=what, at=c.NOON + timedelta(seconds=seconds)) for seconds, what in enumerate(whats)]
    later = c.access(description="har deaktiveret dit frikort", at=c.NOON + timedelta(minutes=5))
    site.answer("GET", "/v1/me/accesses", c.accesses(later, *lines))

    page = await get(site, f"{OWN}/hvem-har-set")

    assert page.text.count("<tr>") == 1 + 2
    assert "har set dit frikort har set dine advarsler Opfølgning på samtale" in said(page)


async def test_nobody_has_looked(site: Site) -> None:
    site.sign_in(Role.CITIZEN)
    site.answer("GET", "/v1/me/accesses", c.accesses())

    assert "Ingen andre har set på dine oplysninger." in said(await get(site, f"{OWN}/hvem-har-set"))


async def test_english_pages_are_english(site: Site) -> None:
    c.has_card(site, balances=[c.balance(1_200_050)], reports=[c.report()])

    page = said(await get(site, OWN, cookie="sprog=en"))

    assert "12,000.50 kr. has been earned on the card in 2025." in page


HISTORY: Final = [
    c.history("reported", total_ore=750_000),
    c.history("disputed", reason="not-paid", message='=HYPERLINK("http://evil.example")', by=CitizenSide.CITIZEN),
]
ALL: Final[dict[str, Any]] = {
    "card": c.card(),
    "balances": [c.balance(750_000, warnings=[c.warning("near")]), c.balance(year=2024)],
    "employments": [c.employment()],
    "reports": [c.report(history=HISTORY, dispute=c.dispute())],
    "mandates": [c.mandate()],
    "accesses": [c.access()],
}


def rich(site: Site) -> Site:
    """A citizen with some of everything."""
    c.has_card(site, balances=ALL["balances"], reports=ALL["reports"], employments=ALL["employments"])
    site.answer("GET", "/v1/me/mandates", Mandates(mandates=ALL["mandates"]))
    site.answer("GET", "/v1/me/accesses", c.accesses(*ALL["accesses"]))
    return site


async def test_the_json_file_has_all_that_the_api_shows(site: Site) -> None:
    answer = await get(rich(site), f"{OWN}/mine-data/mit-frikort.json")

    assert answer.headers["content-disposition"] == 'attachment; filename="mit-frikort.json"'
    assert answer.json() == to_jsonable_python(ALL)


async def test_the_spreadsheet_is_one_that_danish_excel_opens(site: Site) -> None:
    answer = await get(rich(site), f"{OWN}/mine-data/mit-frikort.csv")

    assert answer.content.startswith(b"\xef\xbb\xbf")
    text = answer.content.decode("utf-8-sig")
    assert "Karla Eksempel;48213;København;Aktivt\r\n" in text
    assert "2025;42766,00;7500,00;7500,00;0,00;35266,00;Nej\r\n" in text
    assert "31-03-2025;99000007;01-03-2025;31-03-2025;7500,00;0,00;0,00;0,00;7500,00;7500,00;0,00;Ikke rigtigt" in text
    assert "01-06-2025 12:00;Københavns Kommune, sagsbehandler;har set dit frikort;Opfølgning på samtale\r\n" in text
    assert ";\"'=HYPERLINK" in text, "what would be a formula is text"


async def test_the_pdf_has_it_all_for_people(site: Site) -> None:
    answer = await get(rich(site), f"{OWN}/mine-data/mit-frikort.pdf")

    assert answer.headers["content-type"] == "application/pdf"
    text = pdf_text(answer.content)
    for words in ("Karla Eksempel", "48213", "42.766,00 kr.", "99000007", "Mikkel Eksempel", "Opfølgning på samtale",
                  "80 procent af årets beløb var brugt", "HYPERLINK"):  # fmt: skip
        assert words in text


async def test_without_a_card_ones_data_are_who_has_looked(site: Site) -> None:
    c.has_no_card(site)
    site.answer("GET", "/v1/me/accesses", c.accesses(c.access(description="har søgt efter dig")))

    found = (await get(site, f"{OWN}/mine-data/mit-frikort.json")).json()
    text = (await get(site, f"{OWN}/mine-data/mit-frikort.csv")).content.decode("utf-8-sig")

    assert (found["card"], found["reports"], len(found["accesses"])) == (None, [], 1)
    assert "har søgt efter dig" in text
    assert pdf_text((await get(site, f"{OWN}/mine-data/mit-frikort.pdf")).content)


def pdf_text(content: bytes) -> str:
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return " ".join(text.split())


async def test_a_session_that_ends_soon_still_gets_a_stream(site: Site) -> None:
    c.has_card(site)
    session = site.sign_in(Role.CITIZEN)
    site.session = type(session)(**vars(session) | {"ends_at": session.ends_at - timedelta(hours=2)})
    site.file("/v1/me/changes", b"", "text/event-stream")

    await get(site, f"{OWN}/aendringer", accept="text/event-stream")

    assert [asked.query["seconds"] for asked in site.asked if asked.path == "/v1/me/changes"] == ["1"]
