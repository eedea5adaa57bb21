"""A caseworker's work with cards: with the mouse, and with the keyboard alone without JavaScript."""

from __future__ import annotations

import io
from datetime import date

from playwright.async_api import expect
from pypdf import PdfReader

from deploy.local.system import LocalSystem
from tests.integration.scene import SECRET, STARTED, TODAY, World, accepted, employment_body
from tests.portals.conftest import OpenTab
from tests.portals.journeys.steps import download, expect_heading, fill_day, log_in


async def test_a_caseworker_issues_a_card_acts_for_its_citizen_and_deactivates_it(
    system: LocalSystem, world: World, open_tab: OpenTab
) -> None:
    citizen, helper = world.citizen(), world.citizen()
    tab = await open_tab()
    page = tab.page
    await log_in(tab, system, "/kommune", "Testsagsbehandler Et")
    await expect_heading(page, "Find borger")

    await page.get_by_label("CPR-nummer eller frikortnummer").fill(citizen.cpr)
    await page.get_by_label("Ny bevilling").check()
    await page.get_by_role("button", name="Find borger").click()
    await expect(page.get_by_text("har borgeren ikke et frikort endnu")).to_be_visible()
    await tab.check()
    await tab.screenshot("kommune")

    await page.get_by_role("button", name="Udsted et frikort").click()
    await expect(page.get_by_label("Borgerens CPR-nummer")).to_have_value(citizen.cpr)
    await page.get_by_label("Borgerens navn").fill(citizen.name)
    await page.get_by_role("button", name="Fortsæt").click()
    await expect(page.get_by_role("link", name="Skriv sagens nummer.")).to_be_visible()
    await page.get_by_label("Sagens nummer").fill("2025-0042")
    await page.get_by_role("button", name="Fortsæt").click()
    await tab.check()
    await page.get_by_role("button", name="Udsted frikortet").click()
    await expect_heading(page, "Frikortet er udstedt")
    number = await page.locator(".big-number strong").inner_text()
    await tab.screenshot("kommune-udstedt")

    await page.get_by_role("link", name="Lav et fysisk kort").click()
    await tab.check()
    printed = PdfReader(io.BytesIO(await download(page, "Hent kortet (PDF)"))).pages[0].extract_text()
    assert number in printed
    assert citizen.name in printed
    assert citizen.cpr not in printed

    caseworker, owner = world.caseworker(), world.client("citizen", cpr=citizen.cpr)
    card = accepted(caseworker.post("/v1/cards/search", {"cpr": citizen.cpr}), 200)
    employer = world.employer()
    body = {
        "card_number": number,
        "birth_date": citizen.birth_date,
        "period": {"first": str(TODAY), "last": None},
        "contact": {"name": f"Kontakt {SECRET}", "email": "bo@example.dk", "phone": "12 34 56 78"},
    }
    job = accepted(employer.post("/v1/employments", body), 201)["employment_id"]
    wage = {
        "employment_id": job,
        "reference": "september",
        "work": {"first": str(TODAY), "last": str(TODAY)},
        "payment_date": str(TODAY),
        "components": {"wage_ore": 4_300_000},
    }
    report = accepted(employer.post("/v1/reports", wage), 201)["report_id"]

    await page.get_by_role("link", name="Overblik").click()
    await expect(page.locator("#present-text")).to_contain_text("42.766,00 kr. af 42.766,00 kr. er brugt.")
    await expect(page.locator("#present")).to_be_visible()
    await expect(page.get_by_role("heading", name="Beløbsgrænsen er overskredet")).to_be_visible()
    await tab.screenshot("kommune-frikort")
    await page.get_by_role("link", name="Ansættelser").click()
    await expect(page.get_by_text("bo@example.dk")).to_be_visible()
    await tab.check()

    await page.get_by_role("link", name="Indberetninger").click()
    await page.get_by_role("link", name="30. september 2025").click()
    await page.get_by_role("link", name="Rejs en indsigelse for borgeren").click()
    await page.get_by_label("Beløbet er forkert").check()
    await page.get_by_label("Uddyb").fill("Kun 4.000 kr. <script>alert(1)</script>")
    await tab.check()
    await page.get_by_role("button", name="Fortsæt").click()
    await page.get_by_role("button", name="Rejs indsigelsen").click()
    await expect(page.get_by_role("heading", name="Der er rejst en indsigelse")).to_be_visible()
    (disputed,) = accepted(owner.get("/v1/me/reports"), 200)["reports"]
    assert (disputed["report_id"], disputed["dispute"]["raised_by"]) == (report, "municipality")
    await page.get_by_role("button", name="Træk indsigelsen tilbage").click()
    await expect(page.get_by_role("heading", name="Er indberetningen ikke rigtig?")).to_be_visible()

    await page.get_by_role("link", name="Fuldmagter").click()
    await page.get_by_role("link", name="Giv en fuldmagt for borgeren").click()
    await page.get_by_label("Navn på den, der får fuldmagt").fill(helper.name)
    await page.get_by_label("CPR-nummer på den, der får fuldmagt").fill(citizen.cpr)
    await page.get_by_label("Se frikortet", exact=True).check()
    await fill_day(page, "Fuldmagtens sidste dag", date(2025, 12, 31))
    await tab.check()
    await page.get_by_role("button", name="Fortsæt").click()
    await page.get_by_role("button", name="Giv fuldmagten").click()
    await expect(page.get_by_role("link", name="Fuldmagten er til borgeren selv")).to_be_visible()
    await page.get_by_label("CPR-nummer på den, der får fuldmagt").fill(helper.cpr)
    await page.get_by_role("button", name="Fortsæt").click()
    await page.get_by_role("button", name="Giv fuldmagten").click()
    await expect(page.get_by_role("cell", name="Gælder")).to_be_visible()
    await page.get_by_role("button", name="Træk fuldmagten tilbage").click()
    await expect(page.get_by_role("cell", name="Trukket tilbage")).to_be_visible()
    await page.get_by_role("link", name="Fuldmagter").first.click()
    await tab.check()

    await page.get_by_role("link", name="Hvem har slået op").click()
    await expect(page.get_by_role("cell", name="Ny bevilling").first).to_be_visible()
    await tab.screenshot("kommune-opslag")
    await page.get_by_role("link", name="Overblik").click()
    await page.get_by_role("link", name="Deaktivér frikortet").click()
    await page.get_by_label("Sagens nummer").fill("2025-0043")
    await tab.check()
    await page.get_by_role("button", name="Fortsæt").click()
    await page.get_by_role("button", name="Deaktivér frikortet").click()
    await expect_heading(page, "Frikortet er deaktiveret")
    await expect(page.get_by_text("Frikortets sidste dag er 30. september 2025.")).to_be_visible()
    assert accepted(caseworker.get(f"/v1/cards/{card['card_id']}"), 200)["status"] == "deactivated"
    accesses = accepted(owner.get("/v1/me/accesses"), 200)["accesses"]
    assert {"Ny bevilling", "2025-0042", "2025-0043"} <= {access["reason"] for access in accesses}


async def test_a_card_is_controlled_handed_over_and_renumbered_with_the_keyboard_without_javascript(
    system: LocalSystem, world: World, open_tab: OpenTab
) -> None:
    card = world.card(on=date(2023, 1, 10))
    job = accepted(world.employer().post("/v1/employments", employment_body(card)), 201)
    tab = await open_tab(width=390, javascript=False)
    page, keys = tab.page, tab.keys
    await log_in(tab, system, "/kommune/kontrol", "Testsagsbehandler Et")
    await expect_heading(page, "Frikort, der skal kontrolleres")
    await tab.check()
    await tab.screenshot("kommune-kontrol")
    await keys.tab_to(page.get_by_role("button", name=f"Åbn frikortet {card.citizen.name}"))
    await keys.press("Enter")
    await expect_heading(page, "Borgerens frikort")

    await keys.tab_to(page.get_by_role("link", name="Registrér resultatet af en kontrol"))
    await keys.press("Enter")
    await keys.choose(page.get_by_label("Borgeren opfylder stadig betingelserne"))
    await tab.check()
    await keys.press("Enter")
    await keys.tab_to(page.get_by_role("button", name="Registrér kontrollen"))
    await keys.press("Enter")
    await expect_heading(page, "Kontrollen er registreret")
    await expect(page.get_by_text("Den næste kontrol er senest i 2027.")).to_be_visible()
    await tab.check()

    await tab.open(f"{system.portals_url}/kommune/frikort/{card.id}/overdragelse")
    await keys.tab_to(page.get_by_label("Hvor er borgeren flyttet hen?"))
    await keys.type("Jammerbugt")
    await keys.tab_to(page.get_by_role("button", name="Fortsæt"))
    await keys.press("Enter")
    await keys.tab_to(page.get_by_role("button", name="Overdrag frikortet"))
    await tab.check()
    await keys.press("Enter")
    await expect_heading(page, "Frikortet er overdraget")
    await tab.check()
    await tab.open(f"{system.portals_url}/kommune/frikort/{card.id}")
    await expect_heading(page, "Frikortet findes ikke")
    await tab.check()

    other_tab = await open_tab(width=390, javascript=False)
    page, keys = other_tab.page, other_tab.keys
    await log_in(other_tab, system, "/kommune", "Testsagsbehandler Tre")
    await keys.tab_to(page.get_by_label("CPR-nummer eller frikortnummer"))
    await keys.type(card.number)
    await keys.choose(page.get_by_label("Borgeren har henvendt sig"))
    await keys.tab_to(page.get_by_label("Uddyb"))
    await keys.type("Flyttet hertil")
    await keys.press("Enter")
    await expect(page.get_by_text(card.citizen.name).first).to_be_visible()
    await other_tab.check()
    await keys.tab_to(page.get_by_role("link", name="Giv frikortet et nyt nummer"))
    await keys.press("Enter")
    await keys.choose(page.get_by_label("Andre har brugt nummeret"))
    await keys.press("Enter")
    await keys.tab_to(page.get_by_role("button", name="Skift nummeret"))
    await other_tab.check()
    await keys.press("Enter")
    await expect_heading(page, "Frikortet har fået et nyt nummer")
    await other_tab.check()
    assert await page.locator(".big-number strong").inner_text() != card.number
    await keys.tab_to(page.get_by_role("link", name="Historik"))
    await keys.press("Enter")
    await expect(page.get_by_text("Frikortet er overdraget til en anden kommune")).to_be_visible()
    await other_tab.check()
    assert job["card_number"] == card.number
    assert STARTED in str(job)


def test_no_log_contains_personal_data(system: LocalSystem, world: World) -> None:
    logs = {name: system.config.log(name).read_text(encoding="utf-8") for name in ("portals", "gateway")}
    assert "/kommune/frikort/{card_id}" in logs["portals"]
    assert "/v1/cards/{card_id}" in logs["gateway"]
    assert SECRET not in "".join(logs.values())
