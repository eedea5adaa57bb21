"""Fixtures: a browser and checkers for the whole session, and the portals with a fake API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import httpx2
import pytest
from playwright.async_api import Browser, async_playwright

from deploy.local.system import LocalSystem
from tests.integration.scene import TODAY, World
from tests.portals.browser import WIDTHS, Checks, Tab, checkers, chromium, tab, wait_for_server
from tests.portals.site import Site

OpenTab = Callable[..., Awaitable[Tab]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright, chromium(playwright) as running:
        yield running


@pytest.fixture(scope="session")
async def checks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Checks]:
    with checkers(tmp_path_factory.mktemp("nu") / "nu.log") as (modules, nu):
        await wait_for_server(nu)
        async with httpx2.AsyncClient(base_url=nu, timeout=30) as client:
            yield Checks(modules, client)


@pytest.fixture(params=WIDTHS, ids=[f"{width}px" for width in WIDTHS])
def width(request: pytest.FixtureRequest) -> int:
    """The width of the screen in pixels. A test that uses it runs for a desktop and for a phone."""
    return int(request.param)


@pytest.fixture
async def open_tab(browser: Browser, checks: Checks) -> AsyncIterator[OpenTab]:
    """Opens tabs, and closes them after the test: ``await open_tab(width=390, javascript=False)``."""
    async with AsyncExitStack() as stack:

        async def open_one(*, width: int = WIDTHS[0], javascript: bool = True) -> Tab:
            return await stack.enter_async_context(tab(browser, checks, width=width, javascript=javascript))

        yield open_one


@pytest.fixture
def world(system: LocalSystem) -> Iterator[World]:
    """Builders of citizens and cards in the running system. The date is the last day of September."""
    world = World(system)
    world.on(TODAY)
    yield world
    world.reset_clock()


@pytest.fixture
def site() -> Site:
    """The portals with a fake API."""
    return Site()


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    """The address at which ``site`` is served."""
    with site.served() as found:
        yield found
