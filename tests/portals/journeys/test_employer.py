"""An employer reports: with the mouse, and with the keyboard alone without JavaScript."""

from __future__ import annotations

import re
from datetime import date

import pytest
from playwright.async_api import Page, expect

from deploy.local.system import LocalSystem
from tests.integration.scene import ALLOWANCE, World, accepted
from tests.portals.browser import WIDTHS
from tests.portals.conftest import OpenTab
from tests.portals.journeys.steps import download, expect_heading, fill_day, log_in, type_day
from tests.waiting import eventually

FIRST_DAY = date(2025, 9, 1)


@pytest.mark.parametrize("width", [max(WIDTHS), pytest.param(320, marks=pytest.mark.verify)])
async def test_a_new_employer_reports_corrects_a_disputed_report_and_withdraws_it(
    system: LocalSystem, world: World, open_tab: OpenTab, width: int
) -> None:
    card = world.card()
    tab = await open_tab(width=width)
    page = tab.page
    await log_in(tab, system, "/virksomhed", "Testkasserer Et")
    await expect_heading(page, "Kom i gang")
    pages_before = tab.pages
    await tab.check()

    if width < max(WIDTHS):
        await page.get_by_role("button", name="Menu", exact=True).click()
    await page.get_by_role("link", name="Indberet løn", exact=True).click()
    await expect_heading(page, "Registrér en ansættelse")
    await page.get_by_label("Frikortnummer").fill(card.number)
    await fill_day(page, "Medarbejderens fødselsdato", date.fromisoformat(card.citizen.birth_date))
    await fill_day(page, "Første arbejdsdag", FIRST_DAY)
    await page.get_by_label("E-mail").fill("kasserer@example.dk")
    await page.get_by_label("Telefonnummer").fill("12 34 56 78")
    await page.get_by_role("button", name="Registrér").click()

    await expect_heading(page, "Hvad har du betalt?")
    await page.get_by_label("Løn i kroner").fill("43.000,00")
    await tab.check()
    await tab.screenshot("virksomhed-indberet")
    await page.get_by_role("button", name="Se, hvad det betyder").click()

    await expect_heading(page, "Er det rigtigt?")
    await expect(page.get_by_text("Mindst 42.000,00 kr.", exact=True)).to_be_visible()
    await expect(page.get_by_text("Højst 1.000,00 kr.", exact=True)).to_be_visible()
    assert card.balance()["reported_ore"] == 0
    await tab.check()
    await tab.screenshot("virksomhed-opsummering")
    await page.get_by_role("button", name="Indberet", exact=True).click()

    await expect_heading(page, "Lønnen er indberettet")
    assert tab.pages == pages_before + 4, "five pages from the first to the receipt"
    assert card.balance()["exempt_ore"] == ALLOWANCE
    await tab.check()
    await tab.screenshot("virksomhed-kvittering")
    assert (await download(page, "Hent som PDF")).startswith(b"%PDF")
    assert "43000,00;42766,00;234,00" in (await download(page, "Hent som CSV")).decode()

    (report,) = card.reports()
    wrong = {"reason": "wrong-amount", "message": "Jeg fik 40.000 kr."}
    accepted(card.owner.post(f"/v1/me/reports/{report['report_id']}/dispute", wrong), 200)
    await page.get_by_role("link", name="Gå til overblikket").click()
    await page.get_by_role("link", name="Se, hvad der er galt").click()
    await expect(page.get_by_text("Jeg fik 40.000 kr.").first).to_be_visible()
    await tab.check()
    await page.get_by_role("link", name="Ret indberetningen").click()
    await page.get_by_label("Løn i kroner").fill("40.000")
    await page.get_by_label("Hvorfor retter du?").select_option("Beløbet var forkert")
    await page.get_by_role("button", name="Fortsæt").click()
    await tab.check()
    await page.get_by_role("button", name="Send rettelsen").click()

    await expect_heading(page, "Indberetningen er rettet")
    assert (card.balance()["reported_ore"], card.reports()[0]["dispute"]) == (4_000_000, None)
    await page.get_by_role("link", name="Se indberetningen").click()
    await expect(page.get_by_text("Indsigelsen er slut")).to_be_visible()
    await page.get_by_role("link", name="Træk indberetningen tilbage").click()
    await page.get_by_label("Hvorfor trækker du indberetningen tilbage?").select_option("Lønnen blev ikke betalt")
    await page.get_by_role("button", name="Træk indberetningen tilbage").click()

    await expect_heading(page, "Indberetningen er trukket tilbage")
    assert card.balance()["reported_ore"] == 0


async def test_a_bookkeeper_sends_a_payroll_file_with_the_keyboard_on_a_phone_without_javascript(
    system: LocalSystem, world: World, open_tab: OpenTab
) -> None:
    card = world.card()
    tab = await open_tab(width=390, javascript=False)
    page, keys = tab.page, tab.keys
    await log_in(tab, system, "/virksomhed/ansaettelser/ny", "Testbogholder Et")
    await keys.tab_to(page.get_by_label("Frikortnummer"))
    await keys.type(card.number)
    await type_day(page, keys, "Medarbejderens fødselsdato", date.fromisoformat(card.citizen.birth_date))
    await type_day(page, keys, "Første arbejdsdag", FIRST_DAY)
    for label, value in (("E-mail", "bogholder@example.dk"), ("Telefonnummer", "12 34 56 78")):
        await keys.tab_to(page.get_by_label(label))
        await page.keyboard.press("Control+A")
        await keys.type(value)
    await keys.press("Enter")
    await expect(page.get_by_text("Ansættelsen er registreret")).to_be_visible()

    await tab.open(f"{system.portals_url}/virksomhed/filer/ny")
    rows = [
        "Frikortnummer;Reference;Arbejde fra;Arbejde til;Betalingsdag;Løn (kr.)",
        f"{card.number};sept;01-09-2025;30-09-2025;30-09-2025;5.000,00",
        f"{card.number};fejl;01-09-2025;30-09-2025;30-09-2025;fem tusind",
    ]
    file = {"name": "løn.csv", "mimeType": "text/csv", "buffer": "\r\n".join(rows).encode()}
    await page.get_by_label("Lønfil").set_input_files(file)  # type: ignore[arg-type]
    await keys.tab_to(page.get_by_role("button", name="Læs filen igennem"))
    await keys.press("Enter")

    await expect(page.get_by_role("heading", level=1)).to_have_text(
        re.compile("Filen bliver læst igennem|Det fandt vi i")
    )
    await eventually(lambda: heading_after_reload(page, "Det fandt vi i filen"))
    await expect(page.get_by_text("Skal være et beløb i kroner")).to_be_visible()
    assert card.balance()["reported_ore"] == 0
    await tab.screenshot("virksomhed-loenfil")
    await keys.tab_to(page.get_by_role("button", name="Indberet 1 linje"))
    await keys.press("Enter")

    await expect(page.get_by_role("heading", name=re.compile("Filen (bliver|er) indberettet"), level=1)).to_be_visible()
    await eventually(lambda: heading_after_reload(page, "Filen er indberettet"))
    assert card.balance()["reported_ore"] == 500_000
    await keys.tab_to(page.get_by_role("link", name="sept"))
    await keys.press("Enter")
    await expect_heading(page, "Indberetning")
    await expect(page.get_by_text("5.000,00 kr. er skattefri frikortløn.")).to_be_visible()


async def heading_after_reload(page: Page, heading: str) -> bool:
    """Whether the page has this heading after a reload."""
    await page.reload()
    return await page.get_by_role("heading", name=heading, level=1).count() == 1
