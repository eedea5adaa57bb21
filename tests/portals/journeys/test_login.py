"""Login and logout in a browser, with and without JavaScript."""

from __future__ import annotations

import pytest

from deploy.local.system import LocalSystem
from tests.portals.browser import WIDTHS
from tests.portals.conftest import OpenTab


async def test_the_login_page_of_the_local_provider_is_accessible_and_valid(
    system: LocalSystem, open_tab: OpenTab, width: int
) -> None:
    tab = await open_tab(width=width)
    await tab.open(f"{system.portals_url}/login?dør=borger")

    assert tab.page.url.startswith(system.provider_url)
    await tab.check()
    await tab.screenshot("login")


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
async def test_a_person_logs_in_and_out(system: LocalSystem, open_tab: OpenTab, javascript: bool) -> None:
    tab = await open_tab(width=WIDTHS[0], javascript=javascript)
    await tab.open(f"{system.portals_url}/login?dør=borger&next=/privatliv")
    await tab.page.get_by_role("button", name="Log på som Testborger Et").click()
    await tab.page.wait_for_url(f"{system.portals_url}/privatliv")
    [cookie] = [cookie for cookie in await tab.page.context.cookies() if cookie.get("name") == "__Host-frikort"]
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    await tab.page.get_by_text("Testborger Et").first.wait_for()

    await tab.page.get_by_role("button", name="Log af").first.click()

    await tab.page.wait_for_url(f"{system.portals_url}/")
    assert await tab.page.get_by_text("Testborger Et").count() == 0
    await tab.open(f"{system.portals_url}/login?dør=borger")
    assert tab.page.url.startswith(f"{system.provider_url}/people/")


async def test_a_person_without_the_role_reads_why_and_can_log_in_as_another(
    system: LocalSystem, open_tab: OpenTab
) -> None:
    tab = await open_tab(width=WIDTHS[1])
    await tab.open(f"{system.portals_url}/login?dør=kommune&next=/privatliv")
    await tab.page.get_by_role("button", name="Log på som Testborger Et").click()
    await tab.page.get_by_role("heading", name="Dit login giver ikke adgang her").wait_for()
    await tab.check()

    await tab.open(f"{system.portals_url}/login?dør=kommune&next=/privatliv")
    await tab.keys.tab_to(tab.page.get_by_role("button", name="Log på som Testsagsbehandler Tre"))
    await tab.keys.press("Enter")

    await tab.page.wait_for_url(f"{system.portals_url}/privatliv")
    assert "Testsagsbehandler Tre" in await tab.page.content()
