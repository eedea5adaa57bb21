"""Every page of every part in a real browser, with long and nasty texts in it, and as its form leaves it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from frikort_contracts.http.roles import Role
from playwright.async_api import Error

from tests.portals.browser import WIDTHS, Tab
from tests.portals.conftest import OpenTab
from tests.portals.everything import EMPTY, PortalRoute, own_forms
from tests.portals.test_every_page import READS, signed_in

# A stream and a part of a page are for the page's script.
PAGES: Final = [route for route in READS if not route.path.endswith(("/aendringer", "/overblik"))]
# On a desktop a page is full; on a phone one is without all that may be left out, the next has empty lists, and the
# forms are sent.
_STATES: Final = {WIDTHS[0]: (0,), WIDTHS[1]: (1, EMPTY)}


@pytest.fixture(scope="module")
def everywhere() -> Iterator[str]:
    """Where a browser finds the pages that know everything."""
    with signed_in(None).served() as address:
        yield address


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: str(role or "public"))
async def test_every_page_is_accessible_valid_silent_and_fits(
    open_tab: OpenTab, everywhere: str, width: int, role: Role | None
) -> None:
    tab = await open_tab(width=width)
    wrong: list[str] = []
    for number, route in enumerate(route for route in PAGES if route.role is role):
        variants = _STATES[width]
        signed_in(role, variants[number % len(variants)])
        if await opened(tab, everywhere, route):
            wrong += await broken(tab)
            if width == min(WIDTHS) and own_forms(await tab.page.content()) and await sent(tab):
                wrong += await broken(tab)
    assert not wrong, "\n".join(wrong)


async def opened(tab: Tab, address: str, route: PortalRoute) -> bool:
    """Whether there is a page to look at, not a file to keep."""
    try:
        await tab.open(f"{address}{route.path}")
    except Error as error:
        if "Download is starting" in str(error) or "ERR_ABORTED" in str(error):
            return False
        raise
    return True


async def sent(tab: Tab) -> bool:
    """Send the page's first form as it stands, if it has a button for that."""
    button = tab.page.locator("main form button[type=submit]").first
    if await button.count() == 0 or not await button.is_visible():
        return False
    async with tab.page.expect_navigation():
        await button.click()
    return True


async def broken(tab: Tab) -> list[str]:
    """What does not hold for the page as it stands."""
    try:
        await tab.check()
    except AssertionError as error:
        return [str(error)]
    return []
