"""The browser and the checkers, started once a session, and the pages without engines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, async_playwright

from deploy.local.system import LocalSystem
from tests.integration.scene import TODAY, World
from tests.portals.browser import WIDTHS, Checks, Tab, checker, chromium, ready, tab
from tests.portals.site import Site

OpenTab = Callable[..., Awaitable[Tab]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright, chromium(playwright) as running:
        yield running


@pytest.fixture(scope="session")
async def checks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Checks]:
    with checker(tmp_path_factory.mktemp("nu") / "nu.log") as (modules, nu):
        await ready(nu)
        yield Checks(modules, nu)


@pytest.fixture(params=WIDTHS, ids=[f"{width}px" for width in WIDTHS])
def width(request: pytest.FixtureRequest) -> int:
    """Each test that asks for it is played on a desktop and on a phone."""
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
    """Makers of citizens and their cards; it is the last day of September."""
    world = World(system)
    world.on(TODAY)
    yield world
    world.reset_clock()


@pytest.fixture
def site() -> Site:
    """The pages, with an API that answers what the test says."""
    return Site()


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    """Where a browser finds ``site``."""
    with site.served() as found:
        yield found
