"""What every journey through the whole system begins with, and what people do on the way."""

from __future__ import annotations

import asyncio
from datetime import date

from playwright.async_api import Page, expect

from deploy.local.system import LocalSystem
from tests.portals.browser import Keys, Tab


async def log_on(tab: Tab, system: LocalSystem, path: str, person: str) -> None:
    """Ask for a page, and be led to the provider and back to it."""
    await tab.open(system.portals_url + path)
    await tab.keys.to(tab.page.get_by_role("button", name=f"Log på som {person}"))
    await tab.keys.press("Enter")
    await tab.page.wait_for_url(system.portals_url + path)


async def at(page: Page, heading: str) -> None:
    """The page with this heading is there."""
    await expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()


async def fill_day(page: Page, legend: str, day: date) -> None:
    """A day in its three fields."""
    group = page.get_by_role("group", name=legend)
    for label, value in (("Dag", day.day), ("Måned", day.month), ("År", day.year)):
        await group.get_by_label(label).fill(str(value))


async def type_day(page: Page, keys: Keys, legend: str, day: date) -> None:
    """A day in its three fields, by keyboard."""
    group = page.get_by_role("group", name=legend)
    for label, value in (("Dag", day.day), ("Måned", day.month), ("År", day.year)):
        await keys.to(group.get_by_label(label))
        await keys.type(str(value))


async def kept(page: Page, link: str) -> bytes:
    """The file behind a link."""
    async with page.expect_download() as download:
        await page.get_by_role("link", name=link).click()
    path = await (await download.value).path()
    return await asyncio.to_thread(path.read_bytes)
