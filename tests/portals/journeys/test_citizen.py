"""A citizen and a mandate holder use a card: with the mouse, and with the keyboard alone without JavaScript."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import date

import pytest
from playwright.async_api import expect

from deploy.local.system import LocalSystem
from tests.integration.scene import TODAY, Citizen, Job, World, accepted
from tests.portals.conftest import OpenTab
from tests.portals.journeys.steps import download, expect_heading, fill_day, log_in

CITIZEN = Citizen("8902044103", "Testborger Tre")
HELPER = Citizen("7010680106", "Testfuldmægtig Et")


@pytest.fixture(scope="module")
def job(system: LocalSystem) -> Iterator[Job]:
    """An employment of the citizen with a new employer. The date is the last day of September."""
    world = World(system)
    yield world.job(world.card(CITIZEN))
    world.reset_clock()


@pytest.fixture(autouse=True)
def _today(job: Job, system: LocalSystem) -> None:
    World(system).on(TODAY)


async def test_a_citizen_sees_reports_arrive_disputes_one_and_gives_a_mandate(
    system: LocalSystem, job: Job, open_tab: OpenTab
) -> None:
    tab = await open_tab()
    page = tab.page
    await log_in(tab, system, "/borger", CITIZEN.name)
    await expect_heading(page, "Mit frikort")
    await expect(page.get_by_text("Der er ikke indberettet løn på frikortet i 2025 endnu.")).to_be_visible()
    await expect(page.get_by_text(job.card.number)).to_be_visible()

    seconds: list[float] = []
    for amount, sentence in ((750_000, "7.500,00"), (250_000, "10.000,00"), (3_300_000, "43.000,00")):
        await asyncio.to_thread(job.report, amount)
        accepted_at = time.perf_counter()
        await expect(page.get_by_text(f"Du har tjent {sentence} kr. på frikortet i 2025.")).to_be_visible()
        seconds.append(time.perf_counter() - accepted_at)
    assert min(seconds) < 1, f"the page showed a report only after {seconds} seconds"
    await expect(page.get_by_role("status")).to_have_text("Siden er opdateret. Der er kommet noget nyt.")
    await expect(page.get_by_text("Du har tjent mere end beløbsgrænsen")).to_be_visible()
    await tab.check()
    await tab.screenshot("borger")

    await page.get_by_role("link", name="Se al løn, måned for måned").click()
    await expect_heading(page, "Løn i 2025")
    await expect(page.get_by_role("img", name="Løn måned for måned")).to_be_visible()
    await tab.check()
    await tab.screenshot("borger-loen")

    await page.get_by_role("region", name="Løn i 2025").get_by_role("link", name="31. marts 2025").last.click()
    await tab.check()
    await page.get_by_role("link", name="Det her er ikke rigtigt").click()
    await page.get_by_label("Pengene er ikke udbetalt").check()
    await page.get_by_label("Skriv mere, hvis du vil").fill("Jeg har ikke fået noget <b>endnu</b>.")
    await page.get_by_role("button", name="Næste").click()
    await expect_heading(page, "Se efter, før du sender")
    await tab.check()
    await page.get_by_role("button", name="Send").click()
    await expect_heading(page, "Din indsigelse er sendt")
    await tab.check()
    disputes = [report["dispute"] for report in job.card.reports() if report["dispute"]]
    assert [dispute["message"] for dispute in disputes] == ["Jeg har ikke fået noget <b>endnu</b>."]

    await page.get_by_role("navigation", name="Hovedmenu").get_by_role("link", name="Fuldmagter").click()
    await page.get_by_role("link", name="Giv en fuldmagt").click()
    await page.get_by_label("Navn").fill(HELPER.name)
    await page.get_by_label("CPR-nummer").fill(HELPER.cpr)
    await page.get_by_label("Se frikortet og tale med arbejdsgivere").check()
    await fill_day(page, "Sidste dag", date(2025, 12, 31))
    await tab.check()
    await page.get_by_role("button", name="Næste").click()
    await page.get_by_role("button", name="Giv fuldmagten").click()
    await expect_heading(page, "Fuldmagten er givet")
    await tab.check()

    await page.get_by_role("link", name="Hvem har set?").click()
    await expect(page.get_by_text(f"Virksomheden CVR {job.employer.cvr}").first).to_be_visible()
    await expect(page.get_by_role("cell", name="Du selv", exact=True)).to_have_count(0)
    await tab.check()
    await tab.screenshot("borger-hvem-har-set")
    await page.get_by_role("link", name="Hent mine data").click()
    await tab.check()
    assert (await download(page, "Hent som PDF")).startswith(b"%PDF")
    assert f"{CITIZEN.name};{job.card.number};" in (await download(page, "Hent som regneark (CSV)")).decode("utf-8-sig")
    assert job.id.encode() in await download(page, "Hent som JSON")


async def test_a_mandate_holder_uses_the_card_with_the_keyboard_until_the_mandate_is_withdrawn(
    system: LocalSystem, job: Job, open_tab: OpenTab
) -> None:
    body = {"cpr": HELPER.cpr, "name": HELPER.name, "scope": "represent", "until": "2025-12-31"}
    mandate = accepted(job.card.owner.post("/v1/me/mandates", body), 201)["mandate_id"]
    report = job.report(100_000)["report_id"]
    held = f"/borger/paa-vegne-af/{mandate}"
    tab = await open_tab(width=390, javascript=False)
    page, keys = tab.page, tab.keys
    await log_in(tab, system, "/borger", HELPER.name)
    await expect_heading(page, "Frikort, som du ser for andre")
    await tab.check()

    await keys.tab_to(page.locator(f'a[href="{held}"]'))
    await keys.press("Enter")
    await expect_heading(page, f"Frikort for {CITIZEN.name}")
    await expect(page.get_by_text(f"Du ser siden på vegne af {CITIZEN.name}.")).to_be_visible()
    await expect(page.get_by_text(job.card.number)).to_be_visible()
    await tab.check()
    await tab.screenshot("borger-paa-vegne-af")
    job.report(200_000)
    earned = job.card.owner.get("/v1/me/balances")["balances"][0]["reported_ore"]
    await page.reload()
    kroner = f"{earned // 100:,}".replace(",", ".")
    await expect(page.get_by_text(f"Der er tjent {kroner},00 kr. på frikortet i 2025.")).to_be_visible()

    await tab.open(f"{system.portals_url}{held}/loen/{report}")
    await keys.tab_to(page.get_by_role("link", name="Det her er ikke rigtigt"))
    await keys.press("Enter")
    await keys.choose(page.get_by_label("Beløbet er forkert"))
    await keys.tab_to(page.get_by_role("button", name="Næste"))
    await keys.press("Enter")
    await keys.tab_to(page.get_by_role("button", name="Send"))
    await keys.press("Enter")
    await expect_heading(page, "Din indsigelse er sendt")
    dispute = next(one["dispute"] for one in job.card.reports() if one["report_id"] == report)
    assert (dispute["reason"], dispute["raised_by"]) == ("wrong-amount", "mandate-holder")
    await keys.tab_to(page.get_by_role("link", name="Tilbage til indberetningen"))
    await keys.press("Enter")
    await keys.tab_to(
        page.get_by_role("link", name="Træk indsigelsen tilbage, hvis indberetningen alligevel er rigtig")
    )
    await keys.press("Enter")
    await keys.tab_to(page.get_by_role("button", name="Træk indsigelsen tilbage"))
    await keys.press("Enter")
    await expect_heading(page, "Indsigelsen er trukket tilbage")
    await tab.check()

    accepted(job.card.owner.post(f"/v1/me/mandates/{mandate}/withdrawal", {}), 200)
    await page.reload()
    await expect_heading(page, "Vi kan ikke finde siden")
    await tab.check()
    accesses = job.card.owner.get("/v1/me/accesses", own=False)["accesses"]
    assert any((access["role"], access["own"]) == ("citizen", False) for access in accesses)
