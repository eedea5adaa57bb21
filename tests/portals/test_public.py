"""The public pages."""

from __future__ import annotations

import pytest

from tests.portals.conftest import OpenTab

PAGES = (
    "/",
    "/vejledning/borger",
    "/vejledning/virksomhed",
    "/vejledning/kommune",
    "/vejledning/myndighed",
    "/tilgaengelighed",
    "/privatliv",
    "/logget-af",
    "/findes-ikke",
)


@pytest.mark.parametrize("path", PAGES)
async def test_a_public_page_is_accessible_valid_and_silent(
    open_tab: OpenTab, address: str, path: str, width: int
) -> None:
    tab = await open_tab(width=width)
    await tab.open(address + path)
    tab.expect_console("404")
    await tab.check()
