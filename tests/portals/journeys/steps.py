"""Steps of a journey: logging in, filling in dates, downloading files."""

from __future__ import annotations

import asyncio
from datetime import date

from playwright.async_api import Page, expect

from deploy.local.system import LocalSystem
from tests.portals.browser import Keys, Tab


async def log_in(tab: Tab, system: LocalSystem, path: str, person: str) -> None:
    """Open a page, log in at the provider, and return to the page."""
    await tab.open(system.portals_url + path)
    await tab.keys.tab_to(tab.page.get_by_role("button", name=f"Log på som {person}"))
    await tab.keys.press("Enter")
    await tab.page.wait_for_url(system.portals_url + path)


async def expect_heading(page: Page, heading: str) -> None:
    """Wait for the page with this heading."""
    await expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()


async def fill_day(page: Page, legend: str, day: date) -> None:
    """Fill in the three fields of a date."""
    group = page.get_by_role("group", name=legend)
    for label, value in (("Dag", day.day), ("Måned", day.month), ("År", day.year)):
        await group.get_by_label(label).fill(str(value))


async def type_day(page: Page, keys: Keys, legend: str, day: date) -> None:
    """Fill in the three fields of a date with the keyboard."""
    group = page.get_by_role("group", name=legend)
    for label, value in (("Dag", day.day), ("Måned", day.month), ("År", day.year)):
        await keys.tab_to(group.get_by_label(label))
        await keys.type(str(value))


async def download(page: Page, link: str) -> bytes:
    """The content of the file that a link downloads."""
    async with page.expect_download() as waiting:
        await page.get_by_role("link", name=link).click()
    path = await (await waiting.value).path()
    return await asyncio.to_thread(path.read_bytes)
