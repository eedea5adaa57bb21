"""Every page of every part in a browser, with long and hostile texts, before and after its form is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from frikort_contracts.http.roles import Role
from playwright.async_api import Error

from tests.portals.browser import WIDTHS, Tab
from tests.portals.conftest import OpenTab
from tests.portals.generated_site import EMPTY, PortalRoute, own_forms
from tests.portals.test_every_page import READS, site_as

# Streams and parts of a page are loaded by scripts. JSON files are passed on with the headers of the API, which make
# them downloads; the generated API has none.
_NO_PAGES: Final = ("/aendringer", "/overblik", "/kvittering.json", "/oversigt", "/json")
PAGES: Final = [route for route in READS if not route.path.endswith(_NO_PAGES)]
# On a desktop all optional values are present. On a phone pages alternate between missing values and empty lists, and
# their forms are sent.
_STATES: Final = {WIDTHS[0]: (0,), WIDTHS[1]: (1, EMPTY)}
_SCREENS: Final = [pytest.param(width, marks=pytest.mark.verify if width == max(WIDTHS) else ()) for width in WIDTHS]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of the generated site."""
    with site_as(None).served() as address:
        yield address


@pytest.mark.parametrize("width", _SCREENS, ids=[f"{width}px" for width in WIDTHS])
@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: str(role or "public"))
async def test_every_page_is_accessible_valid_and_fits_the_screen(
    open_tab: OpenTab, address: str, width: int, role: Role | None
) -> None:
    tab = await open_tab(width=width)
    failures: list[str] = []
    for number, route in enumerate(route for route in PAGES if route.role is role):
        variants = _STATES[width]
        site_as(role, variants[number % len(variants)])
        if await open_route(tab, address, route):
            failures += await failed_checks(tab)
            if width == min(WIDTHS) and own_forms(await tab.page.content()) and await send_first_form(tab):
                failures += await failed_checks(tab)
    assert not failures, "\n".join(failures)


async def open_route(tab: Tab, address: str, route: PortalRoute) -> bool:
    """Whether the route is a page and not a download. Opens it."""
    try:
        await tab.open(f"{address}{route.path}")
    except Error as error:
        if "Download is starting" in str(error) or "ERR_ABORTED" in str(error):
            return False
        raise
    return True


async def send_first_form(tab: Tab) -> bool:
    """Send the first form of the page without changes. False if it has no button."""
    button = tab.page.locator("main form[method=post] button").first
    if await button.count() == 0 or not await button.is_visible():
        return False
    async with tab.page.expect_navigation():
        await button.click()
    return True


async def failed_checks(tab: Tab) -> list[str]:
    """The failed checks of the open page."""
    try:
        await tab.check()
    except AssertionError as error:
        return [str(error)]
    return []
